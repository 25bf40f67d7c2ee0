#include "frontend/simio.h"

#include <string.h>
#include "frontend/npy.h"
#include "frontend/simshow.h"
#include "frontend/statefile.h"

/* ---- inputs -------------------------------------------------------------------------------- */

/* NumPy's name of an element type: "f4" is float32. */
static const char *numpy_name(nfc_session *s, const char *descr)
{
    static const char *const kind[] = {['f'] = "float", ['i'] = "int", ['u'] = "uint"};
    if (descr[0] == 'b') return "bool";
    return session_printf(s, "%s%d", kind[(int)descr[0]], 8 * (descr[1] - '0'));
}

static const char *shape_text(nfc_session *s, int rank, const int64_t *dim)
{
    const char *text = "[";
    for (int i = 0; i < rank; i++)
        text = session_printf(s, "%s%s%lld", text, i ? ", " : "", (long long)dim[i]);
    return session_printf(s, "%s]", text);
}

/* "int8, the values of i4" where the file's type is not the type itself. */
static const char *wanted(nfc_session *s, nfc_dtype t)
{
    const char *name = numpy_name(s, dtype_table[t].npy);
    const dtype_info *d = &dtype_table[t];
    if (d->kind == DTC_FLOAT && d->npy[0] != 'f') return session_printf(s, "%s, the bits of %s", name, dtype_name(t));
    if (dtype_is_int(t) && d->bits < 8) return session_printf(s, "%s, the values of %s", name, dtype_name(t));
    return name;
}

static nfc_diag *refuse(nfc_session *s, const ir_port *p, const char *path, const char *text)
{
    nfc_diag *d = diag_error_in(&s->diags, E_RUN_INPUT, path, "%s", text);
    diag_note(d, p->at, "input '%s' is declared here", p->name);
    return d;
}

static bool check_shape(nfc_session *s, const ir_port *p, const char *path, const npy_array *a)
{
    const ir_type *t = p->type;
    bool fits = a->rank == t->rank;
    for (int i = 0; fits && i < t->rank; i++)
        fits = !sx_is_const(t->dim[i]) || sx_value(t->dim[i]) == a->dim[i];
    if (fits) return true;
    refuse(s, p, path,
           session_printf(s, "the shape is %s, but input '%s' is %s",
                          shape_text(s, a->rank, a->dim), p->name, ir_type_text(s->arena, t)));
    return false;
}

static bool check_file(nfc_session *s, const ir_port *p, const char *path, const npy_array *a)
{
    nfc_dtype t = p->type->dtype;
    if (strcmp(a->descr, dtype_table[t].npy) != 0) {
        const char *want = wanted(s, t);
        nfc_diag *d =
            refuse(s, p, path,
                   session_printf(s, "the elements are %s, but input '%s' is %s, which wants %s",
                                  numpy_name(s, a->descr), p->name, dtype_name(t), want));
        if (!strchr(want, ',')) diag_help(d, "numpy: x.astype('%s')", want);
        return false;
    }
    if (!check_shape(s, p, path, a)) return false;
    int64_t n = (int64_t)(a->bytes / dtype_bytes(t));
    int64_t bad = statefile_bad_element(t, a->data, n);
    if (bad < 0) return true;
    nfc_dtype raw = dtype_is_float(t) ? DT_u8 : t; /* a narrow float counts by its bits */
    refuse(s, p, path,
           session_printf(s, "element %lld is %lld, but input '%s' is %s: %lld to %llu",
                          (long long)bad, (long long)dtype_get_int(raw, a->data, (size_t)bad),
                          p->name, dtype_name(t), (long long)dtype_min(t),
                          (unsigned long long)dtype_max(t)));
    return false;
}

static sim_tensor *read_input(sim *s, const ir_port *p, const char *path)
{
    nfc_session *session = sim_module(s)->session;
    npy_array a;
    if (!npy_read(session, path, &a) || !check_file(session, p, path, &a)) return NULL;
    sim_tensor *t = sim_tensor_new(s, p->type->dtype, a.rank, a.dim);
    memcpy(t->data, a.data, a.bytes);
    return t;
}

static int find_input(const ir_graph *g, const char *name)
{
    for (int i = 0; i < g->input.n; i++)
        if (strcmp(g->input.at[i].name, name) == 0) return i;
    return -1;
}

static void unknown_input(const ir_graph *g, const cli_pair *pair)
{
    nfc_session *s = g->module->session;
    const char **names = ARENA_ARRAY(s->arena, const char *, g->input.n + 1);
    for (int i = 0; i < g->input.n; i++) names[i] = g->input.at[i].name;
    nfc_diag *d = diag_error_in(&s->diags, E_USAGE, session_printf(s, "--input %s", pair->name),
                                "the graph '%s' has no such input", g->name);
    if (diag_suggest(d, pair->name, names)) return;
    for (int i = 0; i < g->input.n; i++)
        diag_help(d, "it has %s : %s", names[i], ir_type_text(s->arena, g->input.at[i].type));
    if (g->input.n == 0) diag_help(d, "it has no inputs");
}

/* The pair that gives each input; NULL where something was reported. */
static bool match(const ir_graph *g, const cli_pair *pair, int npair, const cli_pair **given)
{
    nfc_session *s = g->module->session;
    bool ok = true;
    for (int i = 0; i < npair; i++) {
        int k = find_input(g, pair[i].name);
        if (k < 0)
            unknown_input(g, &pair[i]);
        else if (given[k])
            diag_error_in(&s->diags, E_USAGE, session_printf(s, "--input %s", pair[i].name),
                          "given twice: '%s' and '%s'", given[k]->value, pair[i].value);
        ok = ok && k >= 0 && !given[k];
        if (k >= 0 && !given[k]) given[k] = &pair[i];
    }
    for (int i = 0; i < g->input.n; i++) {
        const ir_port *p = &g->input.at[i];
        if (given[i]) continue;
        nfc_diag *d = diag_error(&s->diags, E_USAGE, p->at, "input '%s', %s, is not given", p->name,
                                 ir_type_text(s->arena, p->type));
        diag_help(d, "--input %s=FILE.npy", p->name);
        ok = false;
    }
    return ok;
}

bool simio_read_inputs(sim *s, const ir_graph *g, const cli_pair *pair, int npair, sim_tensor **in)
{
    nfc_arena *arena = g->module->arena;
    const cli_pair **given = ARENA_ARRAY(arena, const cli_pair *, g->input.n);
    bool ok = match(g, pair, npair, given);
    for (int i = 0; i < g->input.n; i++) {
        in[i] = given[i] ? read_input(s, &g->input.at[i], given[i]->value) : NULL;
        ok = ok && in[i];
    }
    if (!ok) simio_drop(in, g->input.n);
    return ok;
}

void simio_drop(sim_tensor **t, int n)
{
    for (int i = 0; i < n; i++) {
        sim_tensor_drop(t[i]);
        t[i] = NULL;
    }
}

/* ---- outputs ------------------------------------------------------------------------------- */

/* NAME.npy of an output of any graph of the module: what an earlier run may have left. */
static bool is_output(void *module, const char *file)
{
    const ir_module *m = module;
    for (int i = 0; i < m->graph.n; i++) {
        const ir_graph *g = m->graph.at[i];
        for (int k = 0; k < g->output.n; k++) {
            size_t n = strlen(g->output.at[k].name);
            if (strncmp(file, g->output.at[k].name, n) == 0 && strcmp(file + n, ".npy") == 0)
                return true;
        }
    }
    return false;
}

outdir *simio_begin_outputs(const ir_graph *g, const char *path)
{
    outdir *o = outdir_begin(g->module->session, path);
    return o && outdir_may_replace(o, is_output, g->module) ? o : NULL;
}

bool simio_write_outputs(outdir *o, const ir_graph *g, sim_tensor *const *out)
{
    nfc_session *s = g->module->session;
    for (int i = 0; i < g->output.n; i++) {
        const sim_tensor *t = out[i];
        const char *file = session_printf(s, "%s.npy", g->output.at[i].name);
        if (!npy_write(s, outdir_path(o, file), t->dtype, t->rank, t->dim, t->data)) return false;
    }
    return true;
}

void simio_print_outputs(FILE *to, const ir_graph *g, sim_tensor *const *out)
{
    for (int i = 0; i < g->output.n; i++) {
        fprintf(to, "%s ", g->output.at[i].name);
        show_type(to, out[i]);
        putc(' ', to);
        if (out[i]->rank > 0) {
            show_summary(to, out[i], false);
            putc(' ', to);
        } else {
            fputs("= ", to);
        }
        show_preview(to, out[i]);
        putc('\n', to);
    }
}
