#include "frontend/outdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct outdir {
    nfc_session *s;
    const char *path;  /* as the user wrote it */
    const char *place; /* the same without links and slashes at the end */
    const char *aside; /* what is written; NULL when that is over */
    nfc_map files;     /* the names given to outdir_path() */
    outdir_ours *ours;
    void *env;
};

static bool fail(nfc_session *s, const char *path, const char *what)
{
    if (errno == ENOMEM) arena_oom(s->arena); /* of a stream, say */
    diag_error_in(&s->diags, E_IO_WRITE, path, "%s: %s", what, strerror(errno));
    return false;
}

/* ---- folders ------------------------------------------------------------------------------- */

/* Calls visit for each name in a folder but . and .., with a descriptor of the folder; false when
 * it returns that, or the folder cannot be read. Allocates nothing in the arena: it runs on its
 * end. */
static bool each_entry(const char *folder, bool (*visit)(void *env, int dir, const char *name),
                       void *env)
{
    DIR *d = opendir(folder);
    if (!d) return false;
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            ok = visit(env, dirfd(d), e->d_name);
    closedir(d);
    return ok;
}

static bool is_ours(const outdir *o, const char *name)
{
    return map_get(&o->files, name) || (o->ours && o->ours(o->env, name));
}

static bool remove_entry(void *only, int dir, const char *name)
{
    if (!only || is_ours(only, name)) unlinkat(dir, name, 0); /* rmdir tells what stayed */
    return true;
}

/* A folder of plain files, and the files; with `only`, those that are its own. */
static bool remove_folder(const char *folder, outdir *only)
{
    each_entry(folder, remove_entry, only);
    return rmdir(folder) == 0;
}

/* ---- what killed processes left ------------------------------------------------------------ */

/* The process in a name "BASE<kind>PID", or 0. */
static pid_t owner_of(const char *name, const char *base, const char *kind)
{
    size_t n = strlen(base), m = strlen(kind);
    if (strncmp(name, base, n) != 0 || strncmp(name + n, kind, m) != 0) return 0;
    const char *digits = name + n + m;
    size_t len = strlen(digits);
    if (len == 0 || len > 9 || strspn(digits, "0123456789") != len) return 0;
    return (pid_t)strtol(digits, NULL, 10);
}

/* Our own number means a process before us, too: containers give out the same few again. */
static bool is_dead(pid_t pid)
{
    return pid > 0 && (pid == getpid() || (kill(pid, 0) != 0 && errno == ESRCH));
}

typedef struct {
    const char *parent, *base;
    bool file;
} leftover;

/* A process that was killed between its two renames left the old folder under another name. */
static bool tidy_entry(void *env, int dir, const char *name)
{
    leftover *l = env;
    char path[PATH_MAX], place[PATH_MAX];
    bool tmp = is_dead(owner_of(name, l->base, ".tmp.")), old = !l->file && is_dead(owner_of(name, l->base, ".old."));
    if (tmp && l->file) unlinkat(dir, name, 0);
    if ((!tmp || l->file) && !old) return true;
    if (snprintf(path, sizeof path, "%s/%s", l->parent, name) >= PATH_MAX) return true;
    if (snprintf(place, sizeof place, "%s/%s", l->parent, l->base) >= PATH_MAX) return true;
    if (tmp || access(place, F_OK) == 0 || rename(path, place) != 0) remove_folder(path, NULL);
    return true;
}

static void tidy(nfc_session *s, const char *place, bool file)
{
    const char *slash = strrchr(place, '/');
    const char *parent = ".";
    if (slash) parent = session_printf(s, "%.*s", slash == place ? 1 : (int)(slash - place), place);
    leftover l = {parent, slash ? slash + 1 : place, file};
    each_entry(parent, tidy_entry, &l);
}

/* The path that can be renamed to: without links, without slashes at the end. */
static const char *real_place(nfc_session *s, const char *path)
{
    char real[PATH_MAX];
    if (realpath(path, real)) return arena_strdup(s->arena, real);
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    return arena_strndup(s->arena, path, n);
}

/* ---- one folder ---------------------------------------------------------------------------- */

static void undo_folder(void *o) { outdir_abandon(o); }

/* The working folder, or one around it, cannot be exchanged without pulling it from under the
 * user's feet. */
static bool is_around_us(const char *place)
{
    char here[PATH_MAX];
    size_t n = strlen(place);
    if (!getcwd(here, sizeof here)) return false;
    return strcmp(place, "/") == 0 ||
           (strncmp(here, place, n) == 0 && (here[n] == 0 || here[n] == '/'));
}

/* The folders around a new one, where they are missing. */
static bool make_parents(nfc_session *s, const char *path)
{
    char *part = arena_strdup(s->arena, path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return false;
        *p = '/';
    }
    return true;
}

outdir *outdir_begin(nfc_session *s, const char *path)
{
    outdir *o = ARENA_NEW(s->arena, outdir);
    *o = (outdir){.s = s, .path = path, .place = real_place(s, path)};
    map_init(&o->files, s->arena);
    struct stat st;
    bool exists = stat(o->place, &st) == 0;
    if (!*path || (exists && !S_ISDIR(st.st_mode))) {
        diag_error_in(&s->diags, E_IO_WRITE, path, "it is not a folder");
        return NULL;
    }
    if (exists && is_around_us(o->place)) {
        diag_help(diag_error_in(&s->diags, E_IO_WRITE, path,
                                "the folder that the command runs in cannot be replaced"),
                  "name another, such as out");
        return NULL;
    }
    tidy(s, o->place, false);
    const char *aside = session_printf(s, "%s.tmp.%ld", o->place, (long)getpid());
    if (!make_parents(s, aside) || mkdir(aside, 0777) != 0) {
        fail(s, path, "the folder cannot be made");
        return NULL;
    }
    o->aside = aside;
    arena_defer(s->arena, undo_folder, o);
    return o;
}

const char *outdir_path(outdir *o, const char *file)
{
    map_set(&o->files, file, o);
    return session_printf(o->s, "%s/%s", o->aside, file);
}

typedef struct {
    outdir *o;
    char foreign[NAME_MAX + 1]; /* a file that is not ours; "" while there is none */
} inspection;

static bool inspect_entry(void *env, int dir, const char *name)
{
    inspection *i = env;
    struct stat st;
    if (is_ours(i->o, name) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode))
        return true;
    snprintf(i->foreign, sizeof i->foreign, "%s", name);
    return false;
}

bool outdir_may_replace(outdir *o, outdir_ours *ours, void *env)
{
    o->ours = ours;
    o->env = env;
    inspection i = {o, ""};
    errno = 0;
    if (each_entry(o->place, inspect_entry, &i) || (!*i.foreign && errno == ENOENT)) return true;
    if (!*i.foreign) return fail(o->s, o->path, "the folder cannot be read");
    nfc_diag *d = diag_error_in(&o->s->diags, E_IO_WRITE, o->path,
                                "the folder holds '%s', which is not output of this command, so it "
                                "is not replaced",
                                i.foreign);
    diag_help(d, "name another folder, or move that file away");
    return false;
}

/* Exchanges the two at once where the system can; then what was old stands aside. */
static bool swap(const char *aside, const char *place)
{
#ifdef RENAME_EXCHANGE
    return renameat2(AT_FDCWD, aside, AT_FDCWD, place, RENAME_EXCHANGE) == 0;
#else
    (void)aside, (void)place;
    errno = ENOSYS;
    return false;
#endif
}

/* By two renames; between them there is no folder at the place, but tidy() knows to mend that. */
static bool replace(outdir *o)
{
    const char *old = session_printf(o->s, "%s.old.%ld", o->place, (long)getpid());
    if (rename(o->place, old) != 0) return false;
    if (rename(o->aside, o->place) != 0) {
        int why = errno;
        rename(old, o->place);
        errno = why;
        return false;
    }
    o->aside = old;
    return true;
}

bool outdir_commit(outdir *o)
{
    if (!outdir_may_replace(o, o->ours, o->env)) return false;
    struct stat st;
    if (stat(o->place, &st) != 0) { /* there was none */
        if (rename(o->aside, o->place) != 0) return fail(o->s, o->path, "cannot be written");
        o->aside = NULL;
        return true;
    }
    if (!swap(o->aside, o->place) && !replace(o)) return fail(o->s, o->path, "cannot be replaced");
    const char *old = o->aside;
    o->aside = NULL;
    if (remove_folder(old, o)) return true;
    const char *kept = session_printf(o->s, "%s.old", o->place); /* where no run tidies */
    fail(o->s, o->path, "it is written, but the old folder cannot be removed");
    rename(old, kept);
    return false;
}

void outdir_abandon(outdir *o)
{
    if (o->aside) remove_folder(o->aside, NULL);
    o->aside = NULL;
}

/* ---- one file ------------------------------------------------------------------------------ */

struct outfile {
    nfc_session *s;
    const char *path, *place, *aside; /* aside: NULL when the file is written directly */
    FILE *stream;
};

static void undo_file(void *o) { outfile_abandon(o); }

outfile *outfile_begin(nfc_session *s, const char *path)
{
    outfile *o = ARENA_NEW(s->arena, outfile);
    *o = (outfile){.s = s, .path = path, .place = real_place(s, path)};
    struct stat st;
    bool exists = stat(o->place, &st) == 0, direct = exists && !S_ISREG(st.st_mode);
    if (!direct) tidy(s, o->place, true);
    if (!direct) o->aside = session_printf(s, "%s.tmp.%ld", o->place, (long)getpid());
    arena_defer(s->arena, undo_file, o);
    o->stream = fopen(direct ? o->place : o->aside, "we");
    if (o->stream && exists && !direct && fchmod(fileno(o->stream), st.st_mode & 07777) != 0) {
        fail(s, path, "its permissions cannot be kept");
        return NULL;
    }
    if (!o->stream) fail(s, path, "cannot be written");
    return o->stream ? o : NULL;
}

FILE *outfile_stream(outfile *o) { return o->stream; }

bool outfile_commit(outfile *o)
{
    bool ok = !ferror(o->stream);
    ok = fclose(o->stream) == 0 && ok;
    o->stream = NULL;
    ok = ok && (!o->aside || rename(o->aside, o->place) == 0);
    if (!ok) fail(o->s, o->path, "cannot be written");
    if (ok) o->aside = NULL;
    return ok;
}

void outfile_abandon(outfile *o)
{
    if (o->stream) fclose(o->stream);
    o->stream = NULL;
    if (o->aside) unlink(o->aside);
    o->aside = NULL;
}
