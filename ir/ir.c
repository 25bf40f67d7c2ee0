/* Asking about IR. */
#include "ir/ir.h"

#include <string.h>
#include "frontend/safetensors.h"

bool ir_same_shape(const ir_type *a, const ir_type *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

bool ir_same_type(const ir_type *a, const ir_type *b)
{
    if (a == b) return true;
    if (a->kind != b->kind) return false;
    if (a->kind == IR_TOKEN) return a->state == b->state;
    return a->kind != IR_TENSOR || (a->dtype == b->dtype && ir_same_shape(a, b));
}

const ir_sx *ir_elements(ir_module *m, const ir_type *type)
{
    const ir_sx *n = sx_int(&m->sx, 1);
    for (int i = 0; i < type->rank; i++) n = sx_mul(&m->sx, n, type->dim[i]);
    return n;
}

int64_t ir_max_elements(const ir_type *type)
{
    int64_t n = 1;
    for (int i = 0; i < type->rank; i++) {
        int64_t extent = sx_max(type->dim[i]);
        if (__builtin_mul_overflow(n, extent, &n)) return INT64_MAX;
    }
    return n;
}

int64_t ir_max_bytes(const ir_type *type)
{
    int64_t bytes;
    if (type->kind != IR_TENSOR) return 0;
    if (__builtin_mul_overflow(ir_max_elements(type), (int64_t)dtype_bytes(type->dtype), &bytes)) return INT64_MAX;
    return bytes;
}

bool ir_is_static(const ir_type *type)
{
    for (int i = 0; i < type->rank; i++)
        if (!sx_is_const(type->dim[i])) return false;
    return true;
}

bool ir_has_uses(const ir_value *v) { return v->uses != NULL; }
bool ir_is_terminator(const ir_inst *inst) { return op_get(inst->op)->flags & OPF_TERMINATOR; }
bool ir_ends_trip(const ir_inst *inst)
{
    const ir_inst *owner = inst->block->region->owner;
    return (inst->op == IR_yield || inst->op == IR_break) && owner && owner->op == IR_loop;
}
bool ir_is_pure(const ir_inst *inst) { return op_get(inst->op)->flags & OPF_PURE; }

static bool has_a_zero(const ir_value *v)
{
    const void *data = ir_const_bytes(v);
    if (!data) return true;
    for (int64_t i = 0, n = ir_max_elements(v->type); i < n; i++)
        if (dtype_get_int(v->type->dtype, data, (size_t)i) == 0) return true;
    return false;
}

bool ir_can_fail(const ir_inst *inst)
{
    if (!(op_get(inst->op)->flags & OPF_CAN_FAIL)) return false;
    if (inst->op != IR_div && inst->op != IR_mod && inst->op != IR_reduce_mean) return true;
    return !dtype_is_float(inst->in[0]->type->dtype) && (inst->nin < 2 || has_a_zero(inst->in[1]));
}

const void *ir_weight_bytes(const ir_const *c, int i)
{
    if (c->converted) return c->converted[i];
    return package_data(c->package, package_find(c->package, c->tensor[i]));
}

const void *ir_const_bytes(const ir_value *v)
{
    if (!v->def || !v->def->constant) return NULL;
    const ir_const *c = v->def->constant;
    if (v->def->op == IR_const) return c->data;
    return c->ntensor == 1 ? ir_weight_bytes(c, 0) : NULL;
}

const ir_attr *ir_attr_named(const ir_inst *inst, const char *name)
{
    int i = op_attr_find(op_get(inst->op), name);
    return i < 0 ? NULL : &inst->attr[i];
}

ir_graph *ir_graph_of(const ir_inst *inst) { return inst->block->region->graph; }

ir_graph *ir_graph_named(const ir_module *m, const char *name) { return map_get(&m->graph_named, name); }

bool ir_region_contains(const ir_region *r, const ir_block *b)
{
    for (; b; b = b->region->owner ? b->region->owner->block : NULL)
        if (b->region == r) return true;
    return false;
}

const char *ir_type_text(nfc_arena *a, const ir_type *type)
{
    switch (type->kind) {
    case IR_INDEX: return "index";
    case IR_TOKEN: return arena_printf(a, "token %s", type->state->name);
    case IR_POISON: return "<error>";
    case IR_TENSOR: break;
    }
    const char *text = arena_printf(a, "%s [", dtype_name(type->dtype));
    for (int i = 0; i < type->rank; i++)
        text = arena_printf(a, "%s%s%s", text, i ? ", " : "", sx_text(a, type->dim[i]));
    return arena_printf(a, "%s]", text);
}

static void number_region(ir_module *m, ir_region *r, int *inst_id, int *block_id)
{
    for (ir_block *b = r->first; b; b = b->next) {
        b->id = (*block_id)++;
        for (int i = 0; i < b->arg.n; i++) b->arg.at[i]->id = m->next_value++;
        for (ir_inst *i = b->first; i; i = i->next) {
            i->id = (*inst_id)++;
            for (int k = 0; k < i->nregion; k++) number_region(m, i->region[k], inst_id, block_id);
            for (int k = 0; k < i->nout; k++) i->out[k]->id = m->next_value++;
        }
    }
}

void ir_number(ir_module *m)
{
    int inst_id = 0, block_id = 0;
    m->next_value = 0;
    for (int i = 0; i < m->graph.n; i++) number_region(m, m->graph.at[i]->body, &inst_id, &block_id);
}

void ir_walk(ir_region *region, void (*visit)(void *env, ir_inst *inst), void *env)
{
    for (ir_block *b = region->first; b; b = b->next)
        for (ir_inst *i = b->first, *next; i; i = next) {
            next = i->next;
            visit(env, i);
            if (i->block == NULL) continue; /* the visitor erased it */
            for (int k = 0; k < i->nregion; k++) ir_walk(i->region[k], visit, env);
            next = i->next; /* the visitor may have put something behind */
        }
}

/* ---- symbols ------------------------------------------------------------------------------- */

static const ir_type *resolved_type(ir_module *m, const ir_type *t)
{
    if (t->kind != IR_TENSOR) return t;
    const ir_sx *dim[IR_MAX_RANK];
    bool changed = false;
    for (int i = 0; i < t->rank; i++) {
        dim[i] = sx_resolve(&m->sx, t->dim[i]);
        changed |= dim[i] != t->dim[i];
    }
    return changed ? ir_tensor(m, t->dtype, t->rank, dim) : t;
}

static void resolve_inst(void *env, ir_inst *inst)
{
    ir_module *m = env;
    for (int i = 0; i < inst->nout; i++) inst->out[i]->type = resolved_type(m, inst->out[i]->type);
    if (inst->nindex) { /* a clone may share the array */
        const ir_sx **index = ARENA_ARRAY(m->arena, const ir_sx *, inst->nindex);
        for (int i = 0; i < inst->nindex; i++) index[i] = sx_resolve(&m->sx, inst->index[i]);
        inst->index = index;
    }
    if (inst->nsel) {
        ir_sel *sel = ARENA_ARRAY(m->arena, ir_sel, inst->nsel);
        for (int i = 0; i < inst->nsel; i++) {
            sel[i] = inst->sel[i];
            sel[i].start = sx_resolve(&m->sx, sel[i].start);
            if (!sel[i].one) sel[i].extent = sx_resolve(&m->sx, sel[i].extent);
        }
        inst->sel = sel;
    }
    for (int a = 0; a < op_get(inst->op)->nattr; a++) {
        ir_attr *attr = &inst->attr[a];
        if (attr->kind != IR_ATTR_SXS) continue;
        const ir_sx **sx = ARENA_ARRAY(m->arena, const ir_sx *, attr->n);
        for (int i = 0; i < attr->n; i++) sx[i] = sx_resolve(&m->sx, attr->sx[i]);
        attr->sx = sx;
    }
    for (int r = 0; r < inst->nregion; r++)
        for (ir_block *b = inst->region[r]->first; b; b = b->next)
            for (int i = 0; i < b->arg.n; i++) b->arg.at[i]->type = resolved_type(m, b->arg.at[i]->type);
}

void ir_resolve_symbols(ir_module *m)
{
    for (int g = 0; g < m->graph.n; g++) {
        for (ir_block *b = m->graph.at[g]->body->first; b; b = b->next)
            for (int i = 0; i < b->arg.n; i++) b->arg.at[i]->type = resolved_type(m, b->arg.at[i]->type);
        ir_walk(m->graph.at[g]->body, resolve_inst, m);
    }
}
