/* Checks of the host: of indices and sizes that only the run knows. */
#include "ir/shape.h"
#include "passes/plan.h"

typedef struct {
    ir_module *m;
    const ir_inst *inst;
    plan_checks *out;
} checker;

static void add(checker *c, plan_check check)
{
    if (!check.at.file) check.at = c->inst->at;
    vec_push(c->m->arena, c->out, check);
}

/* 0 <= x <= limit must hold before the instruction runs; what the bounds show needs no check. */
static void check_index(checker *c, const ir_sx *x, const ir_sx *limit, nfc_span at)
{
    if (sx_min(x) >= 0 && sx_min(sx_sub(&c->m->sx, limit, x)) >= 0) return;
    add(c, (plan_check){.x = x, .limit = limit, .at = at});
}

static void check_equal(checker *c, const ir_sx *x, const ir_sx *y)
{
    if (x != y) add(c, (plan_check){.equal = true, .size = true, .x = x, .limit = y});
}

/* The extents of what is returned against what the outputs declare. */
static void check_return(checker *c)
{
    const ir_graph *g = ir_graph_of(c->inst);
    for (int o = 0; o < g->output.n; o++)
        for (int k = 0; k < g->output.at[o].type->rank; k++) {
            ir_output_axis a;
            if (ir_output_fits(c->m, c->inst, o, k, &a) == IR_FITS) continue;
            if (!a.sets) check_equal(c, a.x, a.least);
            else add(c, (plan_check){.size = true, .x = sx_sub(&c->m->sx, a.x, a.least), .limit = sx_sub(&c->m->sx, a.most, a.least)});
        }
}

/* There must be something to choose from, where anything is chosen. */
static void check_chosen(checker *c)
{
    const ir_sx *extent = chosen_may_be_empty(c->inst), *n = ir_elements(c->m, c->inst->out[0]->type);
    if (!extent || sx_is(n, 0)) return;
    const ir_sx *last = sx_sub(&c->m->sx, extent, sx_int(&c->m->sx, 1));
    add(c, (plan_check){.x = last, .limit = last, .when = sx_min(n) > 0 ? NULL : n});
}

static void check_effect(checker *c)
{
    for (int i = 0; i < c->inst->nsel; i++) {
        const ir_sel *s = &c->inst->sel[i];
        const ir_sx *room = sx_int(&c->m->sx, sx_max(c->inst->state->type->dim[i])), *extent = s->one ? sx_int(&c->m->sx, 1) : s->extent;
        check_index(c, s->start, sx_sub(&c->m->sx, room, extent), s->at);
        if (!s->one) check_index(c, s->extent, room, s->at);
    }
}

static void check_slice(checker *c)
{
    sx_table *t = &c->m->sx;
    slice_axis axis[IR_MAX_RANK];
    slice_axes(c->m, c->inst, axis);
    for (int i = 0; i < c->inst->in[0]->type->rank; i++) {
        const ir_sx *last = sx_sub(t, axis[i].extent, sx_int(t, 1)), *span = sx_mul(t, last, sx_int(t, axis[i].step));
        if (sx_is_const(axis[i].start) && sx_is_const(axis[i].extent) && !ir_int(c->inst, ATTR_AT(slice, exact))) continue; /* worked out when it was typed */
        const ir_sx *behind = axis[i].step > 0 ? sx_add(t, span, sx_int(t, 1)) : sx_int(t, 1);
        check_index(c, axis[i].start, sx_sub(t, c->inst->in[0]->type->dim[i], behind), c->inst->at);
    }
}

static void check_squeeze(checker *c)
{
    const ir_attr *axes = &c->inst->attr[ATTR_AT(squeeze, axes)];
    const ir_type *x = c->inst->in[0]->type;
    for (int i = 0; i < axes->n; i++) {
        int64_t axis = sx_value(axes->sx[i]);
        check_equal(c, x->dim[axis < 0 ? axis + x->rank : axis], sx_int(&c->m->sx, 1));
    }
}

static void check_expand(checker *c)
{
    const ir_type *x = c->inst->in[0]->type, *y = c->inst->out[0]->type;
    for (int i = 0; i < x->rank; i++)
        if (!sx_is(x->dim[i], 1)) check_equal(c, x->dim[i], y->dim[i + y->rank - x->rank]);
}

static void check_update(checker *c)
{
    const ir_attr *starts = &c->inst->attr[ATTR_AT(update, starts)];
    for (int i = 0; i < starts->n; i++)
        check_index(c, starts->sx[i], sx_sub(&c->m->sx, c->inst->in[0]->type->dim[i], c->inst->in[1]->type->dim[i]), c->inst->at);
}

void plan_checks_of(ir_module *m, const ir_inst *inst, plan_checks *checks)
{
    checker c = {m, inst, checks};
    switch (inst->op) {
    case IR_read:
    case IR_write: check_effect(&c); break;
    case IR_gather:
    case IR_gather_elements: check_chosen(&c); break;
    case IR_return: check_return(&c); break;
    case IR_slice: check_slice(&c); break;
    case IR_update: check_update(&c); break;
    case IR_reshape: check_equal(&c, ir_elements(m, inst->in[0]->type), ir_elements(m, inst->out[0]->type)); break;
    case IR_squeeze: check_squeeze(&c); break;
    case IR_expand: check_expand(&c); break;
    case IR_sdpa: check_index(&c, inst->index[0], inst->in[1]->type->dim[inst->in[1]->type->rank - 2], inst->at); break;
    default: break;
    }
}

/* An integer that is read, whose type holds more than its index may be. */
static bool read_may_fail(const ir_inst *inst)
{
    const ir_sym *sym = inst->out[0]->sym;
    nfc_dtype t = inst->in[0]->type->dtype;
    return sym->lo > dtype_min(t) || sym->hi < 0 || (uint64_t)sym->hi < dtype_max(t);
}

bool plan_may_refuse(ir_module *m, const ir_inst *inst)
{
    plan_checks checks = {0};
    if (inst->op == IR_require || (inst->op == IR_index_read && read_may_fail(inst))) return true;
    plan_checks_of(m, inst, &checks);
    return checks.n > 0;
}
