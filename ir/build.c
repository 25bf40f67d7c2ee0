/* Making and changing IR: instructions, operands and their uses, blocks, types. */
#include <stdlib.h>
#include <string.h>
#include "ir/ir.h"

/* ---- types ------------------------------------------------------------------------------- */

const ir_type *ir_tensor(ir_module *m, nfc_dtype dtype, int rank, const ir_sx *const *dim)
{
    ir_type *t = ARENA_NEW(m->arena, ir_type);
    t->kind = IR_TENSOR;
    t->dtype = dtype;
    t->rank = rank;
    for (int i = 0; i < rank; i++) t->dim[i] = dim[i];
    return t;
}

const ir_type *ir_scalar(ir_module *m, nfc_dtype dtype) { return ir_tensor(m, dtype, 0, NULL); }

const ir_type *ir_index_type(ir_module *m)
{
    static const ir_type index = {.kind = IR_INDEX, .dtype = DT_i64};
    (void)m;
    return &index;
}

const ir_type *ir_poison(ir_module *m)
{
    static const ir_type poison = {.kind = IR_POISON, .dtype = DT_f32};
    (void)m;
    return &poison;
}

const ir_type *ir_token_type(ir_module *m, ir_state *state)
{
    ir_type *t = ARENA_NEW(m->arena, ir_type);
    t->kind = IR_TOKEN;
    t->state = state;
    return t;
}

/* ---- modules, graphs, blocks --------------------------------------------------------------- */

ir_module *ir_module_new(nfc_session *s, const char *name)
{
    ir_module *m = ARENA_NEW(s->arena, ir_module);
    m->session = s;
    m->arena = s->arena;
    m->name = intern(&s->names, name);
    sx_init(&m->sx, s->arena);
    map_init(&m->math, s->arena);
    map_init(&m->graph_named, s->arena);
    return m;
}

ir_graph *ir_graph_new(ir_module *m, const char *name, nfc_span at)
{
    ir_graph *g = ARENA_NEW(m->arena, ir_graph);
    g->module = m;
    g->name = intern(&m->session->names, name);
    g->at = at;
    g->body = ir_region_new(g, NULL);
    vec_push(m->arena, &m->graph, g);
    if (!map_get(&m->graph_named, g->name)) map_set(&m->graph_named, g->name, g);
    return g;
}

ir_state *ir_state_new(ir_module *m, ir_graph *owner, const char *name, const ir_type *type, nfc_span at)
{
    ir_state *s = ARENA_NEW(m->arena, ir_state);
    *s = (ir_state){.name = intern(&m->session->names, name), .type = type, .graph = owner, .at = at, .id = m->next_state++};
    vec_push(m->arena, &m->state, s);
    return s;
}

ir_region *ir_region_new(ir_graph *g, ir_inst *owner)
{
    ir_region *r = ARENA_NEW(g->module->arena, ir_region);
    r->graph = g;
    r->owner = owner;
    return r;
}

ir_block *ir_block_new(ir_region *region, const char *name, nfc_span at)
{
    ir_block *b = ARENA_NEW(region->graph->module->arena, ir_block);
    b->name = name;
    b->at = at;
    b->region = region;
    if (region->last) region->last->next = b;
    else region->first = b;
    region->last = b;
    return b;
}

static ir_value *value_new(ir_module *m, const ir_type *type, const char *name, nfc_span at)
{
    ir_value *v = ARENA_NEW(m->arena, ir_value);
    *v = (ir_value){.type = type, .name = name, .at = at, .id = m->next_value++};
    return v;
}

ir_value *ir_block_arg(ir_block *block, const ir_type *type, const char *name, nfc_span at)
{
    ir_module *m = block->region->graph->module;
    ir_value *v = value_new(m, type, name, at);
    v->block = block;
    v->slot = block->arg.n;
    vec_push(m->arena, &block->arg, v);
    return v;
}

void ir_drop_arg(ir_block *block, int i)
{
    for (; i + 1 < block->arg.n; i++) {
        block->arg.at[i] = block->arg.at[i + 1];
        block->arg.at[i]->slot = i;
    }
    block->arg.n--;
}

ir_sym *ir_index_sym(ir_module *m, ir_value *value, int64_t lo, int64_t hi)
{
    const char *name = value->name ? value->name : arena_printf(m->arena, "i%d", value->id);
    value->sym = sx_new_sym(&m->sx, name, lo, hi, value->at);
    value->sym->value = value;
    return value->sym;
}

/* ---- uses ---------------------------------------------------------------------------------- */

static void link_use(ir_inst *inst, int i, ir_value *value)
{
    ir_use *u = &inst->use[i];
    *u = (ir_use){.inst = inst, .value = value};
    inst->in[i] = value;
    if (!value) return;
    u->next = value->uses;
    u->link = &value->uses;
    if (u->next) u->next->link = &u->next;
    value->uses = u;
}

static void unlink_use(ir_use *u)
{
    if (!u->value) return;
    *u->link = u->next;
    if (u->next) u->next->link = u->link;
    u->value = NULL;
}

/* Use records live in an array, so moving them means linking them afresh. */
static void relink_use(ir_use *from, ir_use *to)
{
    *to = *from;
    if (!to->value) return;
    *to->link = to;
    if (to->next) to->next->link = &to->next;
}

void ir_set_operand(ir_inst *inst, int i, ir_value *value)
{
    unlink_use(&inst->use[i]);
    link_use(inst, i, value);
}

void ir_push_operand(ir_module *m, ir_inst *inst, ir_value *value)
{
    int n = inst->nin;
    if (n == inst->room) {
        inst->room = n < 4 ? 4 : 2 * n;
        ir_value **in = ARENA_ARRAY(m->arena, ir_value *, inst->room);
        ir_use *use = ARENA_ARRAY(m->arena, ir_use, inst->room);
        for (int i = 0; i < n; i++) {
            in[i] = inst->in[i];
            relink_use(&inst->use[i], &use[i]);
        }
        inst->in = in;
        inst->use = use;
    }
    inst->nin = n + 1;
    link_use(inst, n, value);
}

void ir_drop_operand(ir_inst *inst, int i)
{
    unlink_use(&inst->use[i]);
    for (; i + 1 < inst->nin; i++) {
        inst->in[i] = inst->in[i + 1];
        relink_use(&inst->use[i + 1], &inst->use[i]);
    }
    inst->nin--;
}

void ir_replace_uses(ir_value *old, ir_value *by)
{
    while (old->uses) {
        ir_use *u = old->uses;
        ir_set_operand(u->inst, (int)(u - u->inst->use), by);
    }
}

/* ---- instructions -------------------------------------------------------------------------- */

static void set_default(ir_module *m, const op_attr *row, ir_attr *attr)
{
    if (!*row->fallback) return;
    switch (row->kind) {
    case ATTR_INT:
    case ATTR_BOOL:
        attr->kind = IR_ATTR_INT;
        attr->i = strtoll(row->fallback, NULL, 10);
        break;
    case ATTR_FLOAT:
        attr->kind = IR_ATTR_FLOAT;
        attr->f = strtod(row->fallback, NULL);
        break;
    case ATTR_ENUM: /* the first of the list */
        if (row->required) break;
        attr->kind = IR_ATTR_STR;
        attr->s = intern_n(&m->session->names, row->fallback, strcspn(row->fallback, "|"));
        break;
    case ATTR_DTYPE:
        attr->kind = IR_ATTR_DTYPE;
        attr->t = dtype_lookup(row->fallback);
        break;
    default: break;
    }
}

ir_inst *ir_new(ir_module *m, ir_op op, nfc_span at, int nin, ir_value *const *in)
{
    const op_info *info = op_get(op);
    ir_inst *inst = ARENA_NEW(m->arena, ir_inst);
    inst->op = op;
    inst->at = at;
    inst->nin = inst->room = nin;
    inst->in = ARENA_ARRAY(m->arena, ir_value *, nin);
    inst->use = ARENA_ARRAY(m->arena, ir_use, nin);
    for (int i = 0; i < nin; i++) link_use(inst, i, in[i]);
    inst->attr = ARENA_ARRAY(m->arena, ir_attr, info->nattr);
    for (int i = 0; i < info->nattr; i++) set_default(m, &info->attr[i], &inst->attr[i]);
    inst->nindex = info->nindex;
    inst->index = ARENA_ARRAY(m->arena, const ir_sx *, info->nindex);
    return inst;
}

ir_value *ir_add_result(ir_module *m, ir_inst *inst, const ir_type *type, const char *name, nfc_span at)
{
    ir_value **out = ARENA_ARRAY(m->arena, ir_value *, inst->nout + 1);
    for (int i = 0; i < inst->nout; i++) out[i] = inst->out[i];
    ir_value *v = value_new(m, type, name, at);
    v->def = inst;
    v->slot = inst->nout;
    out[inst->nout++] = v;
    inst->out = out;
    return v;
}

void ir_append(ir_block *block, ir_inst *inst)
{
    inst->block = block;
    inst->prev = block->last;
    inst->next = NULL;
    if (block->last) block->last->next = inst;
    else block->first = inst;
    block->last = inst;
}

void ir_insert_before(ir_inst *where, ir_inst *inst)
{
    inst->block = where->block;
    inst->prev = where->prev;
    inst->next = where;
    if (where->prev) where->prev->next = inst;
    else where->block->first = inst;
    where->prev = inst;
}

void ir_unlink(ir_inst *inst)
{
    if (!inst->block) return;
    if (inst->prev) inst->prev->next = inst->next;
    else inst->block->first = inst->next;
    if (inst->next) inst->next->prev = inst->prev;
    else inst->block->last = inst->prev;
    inst->block = NULL;
    inst->prev = inst->next = NULL;
}

void ir_erase(ir_inst *inst)
{
    for (int k = 0; k < inst->nregion; k++)
        for (ir_block *b = inst->region[k]->first; b; b = b->next)
            while (b->last) ir_erase(b->last);
    for (int i = 0; i < inst->nin; i++) unlink_use(&inst->use[i]);
    ir_unlink(inst);
}

void ir_set_edge(ir_module *m, ir_inst *inst, int k, ir_block *to, int n, ir_value *const *args)
{
    inst->edge[k] = (ir_edge){to, inst->nin, n};
    if (inst->nedge <= k) inst->nedge = k + 1;
    for (int i = 0; i < n; i++) ir_push_operand(m, inst, args[i]);
}

ir_inst *ir_clone(ir_module *m, const ir_inst *inst, ir_value *const *in)
{
    ir_inst *c = ir_new(m, inst->op, inst->at, inst->nin, in);
    c->scope = inst->scope;
    c->hints = inst->hints;
    memcpy(c->attr, inst->attr, (size_t)op_get(inst->op)->nattr * sizeof *c->attr);
    c->nindex = inst->nindex;
    c->index = inst->index;
    c->nsel = inst->nsel;
    c->sel = inst->sel;
    c->state = inst->state;
    c->constant = inst->constant;
    c->from = inst->from;
    c->label = inst->label;
    for (int i = 0; i < inst->nout; i++)
        ir_add_result(m, c, inst->out[i]->type, inst->out[i]->name, inst->out[i]->at);
    return c;
}

void ir_add_origin(ir_module *m, ir_inst *inst, const ir_inst *source)
{
    ir_origin **end = &inst->from;
    while (*end) end = &(*end)->next;
    ir_origin *o = ARENA_NEW(m->arena, ir_origin);
    *o = (ir_origin){.at = source->at, .op = source->op, .scope = source->scope};
    if (source->nout) o->name = source->out[0]->name;
    *end = o;
}

ir_inst *ir_constant(ir_module *m, nfc_span at, const ir_type *type, const void *data)
{
    ir_inst *inst = ir_new(m, IR_const, at, 0, NULL);
    inst->constant = ARENA_NEW(m->arena, ir_const);
    inst->constant->data = data;
    ir_add_result(m, inst, type, NULL, at);
    return inst;
}

ir_inst *ir_constant_scalar(ir_module *m, nfc_span at, nfc_dtype dtype, double value, int64_t exact)
{
    void *cell = arena_alloc(m->arena, 8);
    if (dtype_is_float(dtype)) dtype_set(dtype, cell, 0, value);
    else dtype_set_int(dtype, cell, 0, exact);
    return ir_constant(m, at, ir_scalar(m, dtype), cell);
}
