/* Effects: reading and writing parts of a state. */
#include <string.h>
#include "frontend/lower.h"

/* What read and write have in common: the selectors, one per axis of the state. */
typedef struct {
    lower *l;
    const ast_stmt *st;
    ir_state *state;
    ir_sel sel[IR_MAX_RANK];
    const ast_expr *value;
} effect;

static const ir_sx *bounded_length(effect *f, const ast_expr *e, int axis)
{
    lower *l = f->l;
    const ir_sx *n = lower_sx(l, e, SX_DIMS | SX_SCALARS);
    if (!n) return NULL;
    const ir_sx *extent = f->state->type->dim[axis];
    if (sx_is_const(n) && sx_is_const(extent) && (sx_value(n) < 0 || sx_value(n) > sx_value(extent))) {
        lower_error(l, E_EFFECT_INDEX, e->at, "the length is not from 0 to %lld, the extent of axis %d", (long long)sx_value(extent), axis);
        return NULL;
    }
    if (sx_min(n) < 0 || sx_min(sx_sub(&l->m->sx, extent, n)) < 0) {
        nfc_diag *d = lower_error(l, E_EFFECT_INDEX, e->at, "%s cannot be shown to lie between 0 and %s, the extent of axis %d", sx_text(l->s->arena, n), sx_text(l->s->arena, extent), axis);
        diag_help(d, "give the input that it comes from bounds: with { min = 0, max = ... }");
        return NULL;
    }
    return n;
}

static bool select_item(effect *f, const ast_expr *e, int axis)
{
    lower *l = f->l;
    const ir_sx *extent = f->state->type->dim[axis];
    ir_sel *sel = &f->sel[axis];
    sel->at = e->at;
    if (e->kind == AST_ALL) return true;
    if (e->kind == AST_RANGE) {
        const ir_sx *a = lower_sx(l, e->a, SX_DIMS | SX_SCALARS), *b = lower_sx(l, e->b, SX_DIMS | SX_SCALARS);
        if (!a || !b) return false;
        sel->start = a;
        sel->extent = sx_sub(&l->m->sx, b, a);
        int64_t lo, hi;
        sx_range(sel->extent, &lo, &hi);
        if (lo < 0 || sx_min(sx_sub(&l->m->sx, extent, sel->extent)) < 0) {
            if (sx_is_const(sel->extent) && lo < 0) lower_error(l, E_EFFECT_INDEX, e->at, "the range ends before it begins");
            else lower_error(l, E_EFFECT_INDEX, e->at, "the length %s of the range cannot be shown to lie between 0 and %s", sx_text(l->s->arena, sel->extent), sx_text(l->s->arena, extent));
            return false;
        }
    } else {
        sel->one = true;
        sel->extent = NULL;
        sel->start = lower_sx(l, e, SX_DIMS | SX_SCALARS);
        if (!sel->start) return false;
    }
    const ir_sx *last = sx_add(&l->m->sx, sel->start, sel->one ? sx_int(&l->m->sx, 1) : sel->extent);
    if (sx_max(sel->start) < 0 || sx_max(sx_sub(&l->m->sx, extent, last)) < 0) {
        nfc_diag *d = lower_error(l, E_EFFECT_INDEX, e->at, "the index is never inside of axis %d, whose extent is %s", axis, sx_text(l->s->arena, extent));
        diag_note(d, f->state->at, "the state is declared here");
        if (sx_max(sel->start) < 0) diag_help(d, "indices of states count from 0, not from the end");
        return false;
    }
    return true;
}

static bool too_many(effect *f, nfc_span at)
{
    diag_note(lower_error(f->l, E_EFFECT_INDEX, at, "the state '%s' has only rank %d", f->state->name, f->state->type->rank), f->state->at, "declared here");
    return false;
}

/* The first axis behind those that the index selects one element or a range of. */
static bool read_index(effect *f, const ast_expr *index, int axis, int *behind)
{
    if (index->kind != AST_LIST) {
        if (axis >= f->state->type->rank) return too_many(f, index->at);
        *behind = axis + 1;
        return select_item(f, index, axis);
    }
    for (const ast_expr *e = index->item; e; e = e->next, axis++) {
        if (axis >= f->state->type->rank) return too_many(f, e->at);
        if (!select_item(f, e, axis)) return false;
    }
    *behind = axis;
    return true;
}

static bool read_arguments(effect *f, bool writes)
{
    const char *const names[] = {"index", "axis", "length", writes ? "value" : NULL, NULL};
    const ast_expr *index = NULL, *axis = NULL, *length = NULL;
    lower *l = f->l;
    for (const ast_arg *a = f->st->arg; a; a = a->next) {
        const ast_expr **slot = NULL;
        if (strcmp(a->name.text, "index") == 0) slot = &index;
        if (strcmp(a->name.text, "axis") == 0) slot = &axis;
        if (strcmp(a->name.text, "length") == 0) slot = &length;
        if (strcmp(a->name.text, "value") == 0 && writes) slot = &f->value;
        if (!slot) {
            diag_choices(lower_error(l, E_ARGUMENT, a->name.at, "effect %s has no argument '%s'", writes ? "write" : "read", a->name.text), a->name.text, names, "it has");
            return false;
        }
        for (const ast_arg *b = f->st->arg; *slot && b != a; b = b->next)
            if (b->name.text == a->name.text) return diag_note(lower_error(l, E_DUPLICATE, a->name.at, "'%s' is given twice", a->name.text), b->name.at, "first here"), false;
        *slot = a->value;
    }
    int64_t first = 0;
    if (axis) {
        const ir_sx *x = lower_sx(l, axis, SX_STATIC);
        if (!x) return false;
        first = sx_value(x);
        if (first < 0) first += f->state->type->rank;
        if (first < 0 || first >= f->state->type->rank) return lower_error(l, E_AXIS, axis->at, "axis %lld is outside of rank %d", (long long)sx_value(x), f->state->type->rank), false;
        if (index && index->kind == AST_LIST) return lower_error(l, E_EFFECT_INDEX, axis->at, "a list of indices begins at axis 0; 'axis' goes with a scalar index"), false;
    }
    int behind = (int)first;
    if (axis && !index && !length) return lower_error(l, E_EFFECT_INDEX, axis->at, "an axis without an index or a length on it"), false;
    if (index && !read_index(f, index, (int)first, &behind)) return false;
    if (!length) return true;
    if (behind >= f->state->type->rank) return lower_error(l, E_EFFECT_INDEX, length->at, "there is no axis behind the index for 'length' to limit"), false;
    f->sel[behind].at = length->at;
    f->sel[behind].extent = bounded_length(f, length, behind);
    return f->sel[behind].extent != NULL;
}

static bool begin(effect *f, bool writes)
{
    lower *l = f->l;
    f->state = lower_state(l, f->st->callee);
    if (!f->state || f->state->type->kind != IR_TENSOR) return false;
    const ir_type *t = f->state->type;
    for (int i = 0; i < t->rank; i++) f->sel[i] = (ir_sel){false, sx_int(&l->m->sx, 0), t->dim[i], f->st->at};
    return read_arguments(f, writes);
}

static const ir_type *selected_type(const effect *f)
{
    const ir_sx *dim[IR_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < f->state->type->rank; i++)
        if (!f->sel[i].one) dim[rank++] = f->sel[i].extent;
    return ir_tensor(f->l->m, f->state->type->dtype, rank, dim);
}

static ir_inst *make(effect *f, ir_op op, int nin, ir_value **in)
{
    lower *l = f->l;
    ir_inst *inst = ir_new(l->m, op, f->st->at, nin, in);
    inst->state = f->state;
    inst->nsel = f->state->type->rank;
    inst->sel = ARENA_ARRAY(l->m->arena, ir_sel, inst->nsel);
    for (int i = 0; i < inst->nsel; i++) inst->sel[i] = f->sel[i];
    inst->hints = lower_hints(l, f->st->with, l->hints);
    return inst;
}

static ir_value *token(lower *l, const ir_state *state)
{
    binding *b = lower_find(l, state_key(l, state));
    return b ? b->value : NULL;
}

void lower_read(lower *l, const ast_stmt *st)
{
    effect f = {.l = l, .st = st};
    if (st->nresult != 1) lower_error(l, E_RESULTS, span_join(st->result[0].at, st->result[st->nresult - 1].at), "a read has one result");
    if (!begin(&f, false)) {
        for (int i = 0; i < st->nresult; i++) lower_bind(l, st->result[i], poison_value(l, st->at));
        return;
    }
    ir_value *before = token(l, f.state);
    ir_inst *inst = make(&f, IR_read, 1, &before);
    ir_value *v = ir_add_result(l->m, inst, selected_type(&f), st->result[0].text, st->result[0].at);
    lower_emit(l, inst);
    lower_bind(l, st->result[0], v);
    for (int i = 1; i < st->nresult; i++) lower_bind(l, st->result[i], poison_value(l, st->at));
}

/* Equal but for axes of extent 1. */
static bool same_squeezed(const ir_type *a, const ir_type *b)
{
    int i = 0, k = 0;
    for (;;) {
        while (i < a->rank && sx_is(a->dim[i], 1)) i++;
        while (k < b->rank && sx_is(b->dim[k], 1)) k++;
        if (i == a->rank || k == b->rank) return i == a->rank && k == b->rank;
        if (a->dim[i++] != b->dim[k++]) return false;
    }
}

void lower_write(lower *l, const ast_stmt *st)
{
    effect f = {.l = l, .st = st};
    if (!begin(&f, true)) return;
    if (!f.value) {
        lower_error(l, E_OPERAND_MISSING, st->at, "effect write needs value=...");
        return;
    }
    const ir_type *want = selected_type(&f);
    ir_value *v = lower_value(l, f.value, f.state->type->dtype, NULL);
    if (ir_is_poison(v)) return;
    if (v->type->dtype != want->dtype || !same_squeezed(v->type, want)) {
        nfc_diag *d = lower_error(l, v->type->dtype != want->dtype ? E_DTYPE : E_SHAPE, f.value->at, "the value is %s, the part of '%s' that is written is %s", ir_type_text(l->s->arena, v->type), f.state->name, ir_type_text(l->s->arena, want));
        if (v->at.line != f.value->at.line || v->at.col != f.value->at.col) diag_note(d, v->at, "the value is made here");
        diag_note(d, f.state->at, "the state is declared here");
        if (v->type->dtype != want->dtype) diag_help(d, "op cast(input=..., to=%s) converts", dtype_name(want->dtype));
        return;
    }
    ir_value *in[2] = {token(l, f.state), v};
    ir_inst *inst = make(&f, IR_write, 2, in);
    ir_value *after = ir_add_result(l->m, inst, ir_token_type(l->m, f.state), NULL, st->at);
    lower_emit(l, inst);
    lower_bind(l, (ast_name){state_key(l, f.state), st->at}, after);
}
