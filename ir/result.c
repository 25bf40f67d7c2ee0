/* Result dims: extents of outputs that a run sets. Every return says what they are. */
#include "ir/ir.h"

const ir_sx *ir_result_dim(ir_module *m, const char *name, int64_t most, nfc_span at)
{
    ir_dim dim = {.bounded = true, .at = at};
    dim.sym = sx_new_sym(&m->sx, intern(&m->session->names, name), 0, most, at);
    dim.sym->is_dim = dim.sym->is_result = true;
    vec_push(m->arena, &m->dim, dim);
    return sx_sym(&m->sx, dim.sym);
}

/* The first axis of an output that is the dim itself, and nothing more. */
static bool find_axis(const ir_graph *g, const ir_sym *sym, int *output, int *axis)
{
    for (int o = 0; o < g->output.n; o++)
        for (int k = 0; k < g->output.at[o].type->rank; k++) {
            if (sx_only_sym(g->output.at[o].type->dim[k]) != sym) continue;
            *output = o;
            *axis = k;
            return true;
        }
    return false;
}

bool ir_has_result(const ir_graph *g, const ir_sym *sym)
{
    int output, axis;
    return find_axis(g, sym, &output, &axis);
}

const ir_sx *ir_result_value(const ir_inst *leave, const ir_sym *sym)
{
    int output, axis;
    return find_axis(ir_graph_of(leave), sym, &output, &axis) ? leave->in[output]->type->dim[axis] : NULL;
}

static const ir_sx *by_value(void *leave, const ir_sym *sym) { return sym->is_result ? ir_result_value(leave, sym) : NULL; }

typedef struct {
    bool index, result;
} contents;

static void look(void *env, const ir_sym *sym)
{
    contents *c = env;
    c->index |= !sym->is_dim;
    c->result |= sym->is_result;
}

static ir_fit compared(ir_module *m, const ir_sx *x, const ir_sx *least, const ir_sx *most)
{
    int64_t lo, hi, under, over;
    sx_range(sx_sub(&m->sx, x, least), &under, &hi);
    sx_range(sx_sub(&m->sx, most, x), &over, &lo);
    if (under >= 0 && over >= 0) return IR_FITS;
    return hi < 0 || lo < 0 ? IR_NEVER_FITS : IR_MAY_FIT;
}

ir_fit ir_output_fits(ir_module *m, const ir_inst *leave, int output, int axis, ir_output_axis *a)
{
    const ir_sx *declared = ir_graph_of(leave)->output.at[output].type->dim[axis];
    const ir_sym *sym = sx_only_sym(declared);
    contents c = {false, false};
    *a = (ir_output_axis){.x = leave->in[output]->type->dim[axis]};
    int first, at;
    if (sym && sym->is_result && find_axis(ir_graph_of(leave), sym, &first, &at) && first == output && at == axis) {
        a->sets = sym;
        a->least = sx_int(&m->sx, sym->lo);
        a->most = sx_int(&m->sx, sym->hi);
        return compared(m, a->x, a->least, a->most);
    }
    a->least = a->most = sx_replace(&m->sx, declared, by_value, (void *)(uintptr_t)leave);
    if (a->x == a->least) return IR_FITS;
    sx_visit(declared, look, &c);
    sx_visit(a->x, look, &c);
    /* Extents that the author declares are equal, or an error; what only a run knows, a run compares. */
    return c.index || c.result ? compared(m, a->x, a->least, a->most) : IR_NEVER_FITS;
}
