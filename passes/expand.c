/* Expansion: composite ops become the ops that they are made of. */
#include "passes/expand.h"

#include <stdio.h>
#include <stdlib.h>
#include "passes/pass.h"

static expand_rule *const rules[IR_OP_COUNT] = {
#undef EXPAND_FAM_EXPAND
#undef EXPAND_FAM_CORE
#undef EXPAND_FAM_MAP
#undef EXPAND_FAM_VIEW
#undef EXPAND_FAM_NEST
#define OP(id, family, rule, ...) RULE_##family(id, rule)
#define RULE_FAM_EXPAND(id, rule) [IR_##id] = ex_##rule,
#define RULE_FAM_CORE(id, rule)
#define RULE_FAM_MAP(id, rule)
#define RULE_FAM_VIEW(id, rule)
#define RULE_FAM_NEST(id, rule)
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

expand_rule *expand_rule_of(ir_op op) { return rules[op]; }

/* ---- words of expansions ------------------------------------------------------------------ */

nfc_dtype ex_working(nfc_dtype t) { return dtype_is_float(t) && t != DT_f64 ? DT_f32 : t; }

ir_value *ex_operand(mk *k, const ir_inst *inst, int i)
{
    ir_value *v = ir_operand(inst, i);
    return v ? mk_cast(k, v, ex_working(v->type->dtype)) : NULL;
}

ir_value *ex_result(mk *k, const ir_inst *inst, int i, ir_value *v) { return mk_cast(k, v, inst->out[i]->type->dtype); }

ir_value *ex_by(mk *k, ir_op op, ir_value *x, double number)
{
    if (ir_is_poison(x)) return x;
    return mk_op2(k, op, x, mk_number(k, x->type->dtype, number));
}

ir_value *ex_put(mk *k, ir_value *data, ir_value *value, const ir_sx *at)
{
    if (ir_is_poison(data) || ir_is_poison(value)) return data;
    const ir_sx *starts[IR_MAX_RANK];
    for (int i = 0; i < data->type->rank; i++) starts[i] = i ? mk_sx(k, 0) : at;
    return mk_update(k, data, value, starts);
}

ir_value *ex_named(ir_value *v, const char *name)
{
    if (v->def && !v->name && !v->def->constant) v->name = name;
    return v;
}

/* ---- the pass ----------------------------------------------------------------------------- */

/* The author's op is the origin, also of what is made from what was made. */
static void inherit_origins(ir_module *m, ir_inst *made, const ir_inst *source)
{
    if (!source->from) ir_add_origin(m, made, source);
    ir_origin **end = &made->from;
    for (const ir_origin *o = source->from; o; o = o->next, end = &(*end)->next) {
        *end = ARENA_NEW(m->arena, ir_origin);
        **end = *o;
    }
}

/* What was written for an op is the op's still: for names, reports and comments. Its main result's name
 * serves where a part has none of its own. */
static void adopt(ir_module *m, const ir_inst *source, ir_inst *made)
{
    for (; made != source; made = made->next) {
        inherit_origins(m, made, source);
        for (int i = 0; i < made->nout; i++)
            if (!made->constant && !made->out[i]->name) made->out[i]->name = source->out[0]->name;
        for (int i = 0; i < made->nregion; i++) adopt(m, source, made->region[i]->first->first);
        if (!made->next) return; /* the end of a region */
    }
}

static void wrong_result(const ir_module *m, const ir_inst *inst, int i, const ir_value *got)
{
    fprintf(stderr, "nfc: pass expand: result %d of %s is %s, not %s\n", i, op_get(inst->op)->name, ir_type_text(m->arena, got->type), ir_type_text(m->arena, inst->out[i]->type));
    abort();
}

/* Puts the values in the place of the results; a value that is made here takes the result's name. */
static void replace_results(const ir_module *m, ir_inst *inst, ir_value *const *out)
{
    for (int i = 0; i < inst->nout; i++) {
        if (!ir_same_type(out[i]->type, inst->out[i]->type)) wrong_result(m, inst, i, out[i]);
        if (out[i]->def && !out[i]->def->constant && !out[i]->name) {
            out[i]->name = inst->out[i]->name;
            out[i]->at = inst->out[i]->at;
        }
        ir_replace_uses(inst->out[i], out[i]);
    }
}

/* Returns the first instruction that now stands where inst stood. */
static ir_inst *expand(ir_module *m, ir_inst *inst)
{
    ir_value *out[64];
    ir_inst *before = inst->prev;
    mk k = {.m = m, .block = inst->block, .before = inst, .at = inst->at, .scope = inst->scope, .hints = inst->hints};
    expand_rule_of(inst->op)(&k, inst, out);
    if (k.failed) return inst; /* what was reported ends the compilation */
    ir_inst *first = before ? before->next : inst->block->first;
    replace_results(m, inst, out);
    adopt(m, inst, first);
    ir_inst *behind = inst->next;
    ir_erase(inst);
    return first == inst ? behind : first;
}

static bool expand_region(ir_module *m, ir_region *r)
{
    bool changed = false;
    for (ir_block *b = r->first; b; b = b->next)
        for (ir_inst *i = b->first; i;) {
            if (expand_rule_of(i->op)) {
                changed = true;
                ir_inst *next = expand(m, i);
                if (next == i) return true;
                i = next;
                continue;
            }
            for (int k = 0; k < i->nregion; k++) changed |= expand_region(m, i->region[k]);
            i = i->next;
        }
    return changed;
}

bool pass_expand(pass_ctx *ctx)
{
    bool changed = false;
    for (int g = 0; g < ctx->m->graph.n; g++) changed |= expand_region(ctx->m, ctx->m->graph.at[g]->body);
    return changed;
}
