#include "frontend/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "frontend/build.h"
#include "frontend/safetensors.h"
#include "frontend/sha256.h"
#include "frontend/version.h"

/* ---- the key ---------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* One line of what the key is made from. */
static const char *add_content(cli *c, const char *list, const char *name, const void *data, size_t n)
{
    return session_printf(c->s, "%s%s %s\n", list, sha256_hex(c->s->arena, data, n), base_name(name));
}

/* Another build of the compiler may make another program. */
static const char *add_compiler(cli *c, const char *list)
{
    enum { MOST = 1 << 30 };
    char *text;
    size_t size;
    list = session_printf(c->s, "%snfc %s\n", list, NFC_VERSION);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return list;
    close(fd);
    if (read_file(c->s->arena, "/proc/self/exe", MOST, &text, &size) != READ_OK) return list;
    return add_content(c, list, "nfc", text, size);
}

static const char *add_source(cli *c, const char *list, uint32_t file)
{
    const nfc_source *s = source_get(&c->s->sources, file);
    return s && s->text ? add_content(c, list, s->path, s->text, s->size) : list;
}

static const char *add_options(cli *c, const char *list)
{
    static const char *const environment[] = {"CPPFLAGS", "LDFLAGS"}; /* which the Makefile heeds */
    for (int i = 0; i < c->lower.dim.n; i++) {
        const lower_binding *b = &c->lower.dim.at[i];
        list = session_printf(c->s, "%s-D %s%s%lld\n", list, b->name, b->bounded ? "<=" : "=", (long long)b->value);
    }
    for (int i = 0; i < c->lower.keep.n; i++) list = session_printf(c->s, "%s--keep %s\n", list, c->lower.keep.at[i]);
    list = session_printf(c->s, "%s--text %lld\n", list, (long long)c->lower.text_length);
    for (int i = 0; i < 2; i++)
        if (getenv(environment[i])) list = session_printf(c->s, "%s%s=%s\n", list, environment[i], getenv(environment[i]));
    if (c->layout) list = session_printf(c->s, "%s--layout %s\n", list, c->layout);
    if (c->winograd) list = session_printf(c->s, "%s--winograd %s\n", list, c->winograd);
    if (c->chains) list = session_printf(c->s, "%s--chains %s\n", list, c->chains);
    if (c->precision) list = session_printf(c->s, "%s--precision %s\n", list, c->precision);
    if (c->threads >= 0) list = session_printf(c->s, "%s%lld threads ", list, (long long)c->threads);
    return session_printf(c->s, "%s%s%s%lld\n", list, c->fast_math ? "fast-math " : "", c->strict ? "strict " : "", (long long)c->stop_at);
}

static const char *key_of(cli *c, const ir_module *m, const device *d)
{
    const char *list = add_options(c, add_compiler(c, ""));
    list = add_source(c, list, m->read_from);
    for (int i = 0; i < d->files.n; i++) list = add_source(c, list, d->files.at[i]);
    for (int i = 0; i < m->read.n; i++) list = add_content(c, list, m->read.at[i].path, m->read.at[i].data, m->read.at[i].size);
    for (int i = 0; i < m->package.n; i++) list = add_content(c, list, m->package.at[i]->path, m->package.at[i]->map, m->package.at[i]->size);
    return sha256_hex(c->s->arena, list, strlen(list));
}

/* ---- the folder ------------------------------------------------------------------------------- */

static bool fail(cli *c, const char *path, const char *what)
{
    diag_error_in(&c->s->diags, E_IO_WRITE, path, "%s: %s", what, strerror(errno));
    return false;
}

/* Every folder of a path, as mkdir -p makes them. */
static bool make_folders(cli *c, char *path)
{
    for (char *p = path + 1;; p++) {
        if (*p && *p != '/') continue;
        char end = *p;
        *p = 0;
        bool ok = mkdir(path, 0777) == 0 || errno == EEXIST || errno == EISDIR;
        if (!ok) return fail(c, path, "the folder of the cache cannot be made");
        *p = end;
        if (!end) return true;
    }
}

static const char *cache_folder(cli *c)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (xdg && *xdg == '/') path = session_printf(c->s, "%s/nfc", xdg);
    else if (home && *home == '/') path = session_printf(c->s, "%s/.cache/nfc", home);
    if (path) return make_folders(c, path) ? path : NULL;
    nfc_diag *d = diag_error_in(&c->s->diags, E_IO_OPEN, "XDG_CACHE_HOME", "there is no folder for built programs: neither this nor HOME is an absolute path");
    diag_help(d, "'nfc build' takes the folder by -o");
    return NULL;
}

/* ---- one program ------------------------------------------------------------------------------ */

/* The file beside the folder is the lock that is held while the program is built; once it is, the
 * file holds the program's name. The lock goes with the descriptor, whatever ends the process. */
static int lock(cli *c, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0 && flock(fd, LOCK_EX) == 0) return fd;
    fail(c, path, "cannot be locked");
    if (fd >= 0) close(fd);
    return -1;
}

static bool find(cli *c, int fd, const char *dir, cached_program *out)
{
    char name[256];
    ssize_t n = pread(fd, name, sizeof name - 1, 0);
    if (n <= 1 || name[n - 1] != '\n') return false;
    name[n - 1] = 0;
    out->program = session_printf(c->s, "%s/%s", dir, name);
    return access(out->program, X_OK) == 0;
}

static bool build(cli *c, int fd, const char *path, const char *dir, cached_program *out)
{
    build_result r;
    if (ftruncate(fd, 0) != 0) return fail(c, path, "cannot be written");
    if (!build_program(c, dir, BUILD_EXE, &r)) return false;
    out->program = r.program;
    out->fresh = true;
    const char *line = session_printf(c->s, "%s\n", base_name(r.program));
    size_t n = strlen(line);
    return pwrite(fd, line, n, 0) == (ssize_t)n || fail(c, path, "cannot be written");
}

bool cache_program(cli *c, cached_program *out)
{
    const device *d = cli_device(c);
    const ir_module *m = d ? cli_load(c) : NULL;
    const char *folder = m ? cache_folder(c) : NULL;
    if (!folder) return false;
    const char *key = key_of(c, m, d), *dir = session_printf(c->s, "%s/%s", folder, key);
    const char *path = session_printf(c->s, "%s.built", dir);
    *out = (cached_program){.device = d};
    int fd = lock(c, path);
    if (fd < 0) return false;
    bool wants_output = c->dump != NULL; /* of the passes: they must run */
    bool ok = (!wants_output && find(c, fd, dir, out)) || build(c, fd, path, dir, out);
    close(fd);
    if (ok && c->verbose) fprintf(stderr, "nfc: %s %s\n", out->fresh ? "built" : "found", out->program);
    return ok;
}

const char **cache_command(cli *c, const cached_program *p, const char *const *words, int n)
{
    const device_words *run = &p->device->compiler.run;
    const char **command = ARENA_ARRAY(c->s->arena, const char *, run->n + n + 2);
    int at = 0;
    const char *folder = session_printf(c->s, "%.*s", (int)(strrchr(p->program, '/') + 1 - p->program), p->program);
    for (int i = 0; i < run->n; i++) command[at++] = device_run_file(c->s, run->at[i]) ? session_printf(c->s, "%s%s", folder, run->at[i]) : run->at[i];
    command[at++] = p->program;
    for (int i = 0; i < n; i++) command[at++] = words[i];
    return command;
}

/* execvp() would give what the machine cannot execute to the shell. */
void cache_exec(const char *const *command)
{
    char *const *words = (char *const *)(uintptr_t)command;
    if (strchr(command[0], '/')) execv(command[0], words);
    else execvp(command[0], words);
}
