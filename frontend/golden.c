#include "frontend/golden.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- folders ---------------------------------------------------------------------------------- */

typedef VEC(const char *) name_list;

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_npy(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".npy") == 0;
}

/* Names in a folder, sorted, without hidden ones. Reports and returns false. */
static bool list_folder(nfc_session *s, const char *folder, name_list *out)
{
    DIR *d = opendir(folder);
    if (!d) {
        diag_error_in(&s->diags, E_IO_OPEN, folder, "the folder cannot be read: %s", strerror(errno));
        return false;
    }
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') vec_push(s->arena, out, arena_strdup(s->arena, e->d_name));
    closedir(d);
    if (out->n) qsort(out->at, (size_t)out->n, sizeof *out->at, by_name);
    return true;
}

/* ---- a case ----------------------------------------------------------------------------------- */

typedef struct {
    nfc_session *s;
    const ir_graph *g;
    const char *folder;
    bool bless;
} finder;

enum { INPUTS = 1, OUTPUTS = 2 };

static const char *path_of(const finder *f, const char *folder, const char *name) { return session_printf(f->s, "%s/%s.npy", folder, name); }

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static bool is_port(const ir_port *port, int n, const char *name, size_t len)
{
    for (int i = 0; i < n; i++)
        if (strlen(port[i].name) == len && strncmp(port[i].name, name, len) == 0) return true;
    return false;
}

static void suggest_port(const finder *f, nfc_diag *d, const char *name, int which)
{
    const char **names = ARENA_ARRAY(f->s->arena, const char *, f->g->input.n + f->g->output.n + 1);
    int n = 0;
    for (int i = 0; which & INPUTS && i < f->g->input.n; i++) names[n++] = f->g->input.at[i].name;
    for (int i = 0; which & OUTPUTS && i < f->g->output.n; i++) names[n++] = f->g->output.at[i].name;
    diag_suggest(d, name, names);
}

static void refuse_file(const finder *f, const char *path, const char *name, int which)
{
    static const char *const what[] = {"", "input", "output", "input or output"};
    if (which) suggest_port(f, diag_error_in(&f->s->diags, E_GOLDEN, path, "graph '%s' has no %s '%s'", f->g->name, what[which], name), name, which);
    else diag_error_in(&f->s->diags, E_GOLDEN, path, "it stands beside the folders in/ and out/, so it is neither an input nor an output");
}

/* Every .npy file must be a port's. */
static bool check_names(const finder *f, const char *folder, int which)
{
    name_list names = {0};
    if (!list_folder(f->s, folder, &names)) return false;
    bool ok = true;
    for (int i = 0; i < names.n; i++) {
        size_t len = strlen(names.at[i]) - 4;
        if (!is_npy(names.at[i])) continue;
        if (which & INPUTS && is_port(f->g->input.at, f->g->input.n, names.at[i], len)) continue;
        if (which & OUTPUTS && is_port(f->g->output.at, f->g->output.n, names.at[i], len)) continue;
        refuse_file(f, session_printf(f->s, "%s/%s", folder, names.at[i]), session_printf(f->s, "%.*s", (int)len, names.at[i]), which);
        ok = false;
    }
    return ok;
}

static bool need(const finder *f, const ir_port *p, const char *path, const char *what, const char *help)
{
    if (exists(path)) return true;
    nfc_diag *d = diag_error_in(&f->s->diags, E_GOLDEN, path, "the file of %s '%s', %s, is missing", what, p->name, ir_type_text(f->s->arena, p->type));
    if (help) diag_help(d, "%s", help);
    return false;
}

/* An input and an output of one name would be one file. */
static bool has_clash(const finder *f, const char *folder)
{
    for (int i = 0; i < f->g->input.n; i++) {
        const char *name = f->g->input.at[i].name;
        if (!is_port(f->g->output.at, f->g->output.n, name, strlen(name))) continue;
        nfc_diag *d = diag_error_in(&f->s->diags, E_GOLDEN, folder, "'%s' is an input and an output, so %s.npy could be either", name, name);
        diag_help(d, "put the files of inputs into %s/in and those of outputs into %s/out", folder, folder);
        return true;
    }
    return false;
}

static bool find_case(const finder *f, const char *folder, golden_cases *out)
{
    const char *in = session_printf(f->s, "%s/in", folder), *under = session_printf(f->s, "%s/out", folder);
    bool split = is_folder(in) || is_folder(under);
    if (!split && has_clash(f, folder)) return false;
    const char *slash = strrchr(folder, '/');
    golden_case c = {.name = slash && slash[1] ? slash + 1 : folder, .out_dir = split ? under : folder};
    const char *in_dir = split ? in : folder;
    bool ok = true;
    if (!split) ok = check_names(f, folder, INPUTS | OUTPUTS);
    else if (is_folder(in)) ok = check_names(f, in, INPUTS);
    if (split && is_folder(under)) ok = check_names(f, under, OUTPUTS) && ok;
    if (split) ok = check_names(f, folder, 0) && ok;
    c.input = ARENA_ARRAY(f->s->arena, const char *, f->g->input.n + 1);
    c.output = ARENA_ARRAY(f->s->arena, const char *, f->g->output.n + 1);
    for (int i = 0; i < f->g->input.n; i++) {
        c.input[i] = path_of(f, in_dir, f->g->input.at[i].name);
        ok = need(f, &f->g->input.at[i], c.input[i], "input", NULL) && ok;
    }
    for (int i = 0; i < f->g->output.n; i++) {
        c.output[i] = path_of(f, c.out_dir, f->g->output.at[i].name);
        if (!f->bless) ok = need(f, &f->g->output.at[i], c.output[i], "output", "'nfc test --bless' writes it from the simulator's run") && ok;
    }
    if (ok) vec_push(f->s->arena, out, c);
    return ok;
}

/* ---- all of them ------------------------------------------------------------------------------ */

static bool is_case(const finder *f, const name_list *names)
{
    bool has_folders = false;
    for (int i = 0; i < names->n; i++) {
        const char *path = session_printf(f->s, "%s/%s", f->folder, names->at[i]);
        if (is_npy(names->at[i]) || ((strcmp(names->at[i], "in") == 0 || strcmp(names->at[i], "out") == 0) && is_folder(path))) return true;
        has_folders |= is_folder(path);
    }
    return !has_folders && f->g->input.n == 0; /* with --bless a graph without inputs needs no file */
}

bool golden_find(nfc_session *s, const ir_graph *g, const char *folder, bool bless, golden_cases *out)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    finder f = {s, g, session_printf(s, "%.*s", (int)n, folder), bless};
    name_list names = {0};
    if (!list_folder(s, f.folder, &names)) return false;
    if (is_case(&f, &names)) return find_case(&f, f.folder, out);
    bool ok = true, any = false;
    for (int i = 0; i < names.n; i++) {
        const char *path = session_printf(s, "%s/%s", f.folder, names.at[i]);
        if (!is_folder(path)) continue;
        any = true;
        ok = find_case(&f, path, out) && ok;
    }
    if (any) return ok;
    nfc_diag *d = diag_error_in(&s->diags, E_GOLDEN, folder, "there are no cases in it: neither .npy files nor folders of them");
    for (int i = 0; i < g->input.n; i++) diag_help(d, "an input is %s.npy: %s", g->input.at[i].name, ir_type_text(s->arena, g->input.at[i].type));
    return false;
}
