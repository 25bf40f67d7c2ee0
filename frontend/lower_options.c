/* -D and --model: what the command line says about a module. */
#include <string.h>
#include "frontend/lower.h"

/* The file of NAME=FILE, whose name is *n long; a FILE alone is for the package `model`. */
static const char *file_of(const char *text, const char **name, size_t *n)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    bool named = len > 0 && text[len] == '=';
    *name = named ? text : "model";
    *n = named ? len : strlen(*name);
    return named ? text + len + 1 : text;
}

const char *options_model(const lower_options *o, const char *wanted)
{
    const char *path = NULL;
    for (int i = 0; i < o->model.n; i++) {
        const char *name;
        size_t n;
        const char *file = file_of(o->model.at[i], &name, &n);
        if (strlen(wanted) == n && memcmp(wanted, name, n) == 0) path = file;
    }
    return path;
}

lower_binding *options_dim(lower_options *o, const char *dim)
{
    lower_binding *found = NULL;
    for (int i = 0; i < o->dim.n; i++)
        if (strcmp(o->dim.at[i].name, dim) == 0) {
            found = &o->dim.at[i];
            found->used = true;
        }
    return found;
}

static bool given_before(const lower_options *o, int i)
{
    for (int k = 0; k < i; k++)
        if (strcmp(o->dim.at[k].name, o->dim.at[i].name) == 0) return true;
    return false;
}

static void check_dims(nfc_session *s, lower_options *o, const ir_module *m, const nfc_map *constants)
{
    const char **names = ARENA_ARRAY(s->arena, const char *, m->dim.n + 1);
    for (int i = 0; i < m->dim.n; i++) names[i] = m->dim.at[i].sym->name;
    for (int i = 0; i < o->dim.n; i++) {
        const lower_binding *b = &o->dim.at[i];
        const char *where = session_printf(s, "-D %s", b->name);
        if (given_before(o, i)) diag_error_in(&s->diags, E_USAGE_DIM, where, "the dim is given twice");
        else if (!b->used && constants && map_get(constants, b->name)) diag_error_in(&s->diags, E_USAGE_DIM, where, "'%s' is a constant, not a dim", b->name);
        else if (!b->used) diag_choices(diag_error_in(&s->diags, E_USAGE_DIM, where, "the file has no dim '%s'", b->name), b->name, names, "it has");
    }
}

static void check_models(nfc_session *s, const lower_options *o, const ir_module *m)
{
    const char **names = ARENA_ARRAY(s->arena, const char *, m->package.n + 1);
    for (int i = 0; i < m->package.n; i++) names[i] = m->package.at[i]->name;
    for (int i = 0; i < o->model.n; i++) {
        const char *name;
        size_t n;
        bool known = false;
        file_of(o->model.at[i], &name, &n);
        name = intern_n(&s->names, name, n);
        for (int k = 0; names[k]; k++) known |= strcmp(names[k], name) == 0;
        if (!known) diag_choices(diag_error_in(&s->diags, E_USAGE_MODEL, session_printf(s, "--model %s", o->model.at[i]), "the file declares no package '%s'", name), name, names, "it declares");
    }
}

void options_check(nfc_session *s, lower_options *o, const ir_module *m, const nfc_map *constants)
{
    check_dims(s, o, m, constants);
    check_models(s, o, m);
}
