#include "passes/k_halves.h"

#include "devices/device.h"
#include "ir/dtype.h"

typedef struct {
    k_replay r;
    const sched_target *target;
    bool found, sums;
} halver;

/* Has the device an instruction for it, on as many f16 as a register holds? */
static bool has(const halver *k, const char *op) { return device_instruction(k->target->device, op, DT_f16, k->target->vector_bytes / 2) != NULL; }

/* Those that round to the nearest number of their type, and those that need no rounding. */
static bool rounds(const kir_expr *e)
{
    if (e->kind == KIR_UN) return e->op == KU_SQRT;
    return e->kind == KIR_BIN && (e->op == KB_ADD || e->op == KB_SUB || e->op == KB_MUL || e->op == KB_DIV);
}

static bool is_exact(const kir_expr *e)
{
    if (e->kind == KIR_UN) return e->op == KU_NEG || e->op == KU_ABS;
    return e->kind == KIR_SELECT || (e->kind == KIR_BIN && (e->op == KB_MIN || e->op == KB_MAX));
}

static const kir_expr *half(halver *k, const kir_expr *e);

/* The same operator on f16; NULL: an operand is more than one, or there is no instruction. */
static const kir_expr *on_halves(halver *k, const kir_expr *e)
{
    kir_builder *b = k->r.b;
    const bool choice = e->kind == KIR_SELECT, spelled = choice || (e->kind == KIR_UN && e->op != KU_SQRT);
    if (e->type != DT_f32 || !(spelled || has(k, kir_op_word(e)))) return NULL;
    const kir_expr *x = half(k, choice ? e->b : e->a), *y = choice ? half(k, e->c) : e->kind == KIR_BIN ? half(k, e->b) : NULL;
    if (!x || (e->kind != KIR_UN && !y)) return NULL;
    if (choice) return kir_select(b, e->a, x, y);
    return e->kind == KIR_UN ? kir_unary(b, (kir_un)e->op, x) : kir_binary(b, (kir_bin)e->op, x, y);
}

/* An f32 that is an f16 for certain, as such; NULL: it need not be one. */
static const kir_expr *half(halver *k, const kir_expr *e)
{
    uint16_t cell = 0;
    if (e->kind == KIR_CAST && e->type == DT_f32 && e->a->type == DT_f16) return e->a;
    if (e->kind != KIR_CONST) return is_exact(e) ? on_halves(k, e) : NULL;
    dtype_set(DT_f16, &cell, 0, e->number);
    return dtype_get(DT_f16, &cell, 0) == e->number ? kir_float(k->r.b, DT_f16, e->number) : NULL;
}

/* What is rounded to f16 is worked out in it. */
static const kir_expr *on_expr(void *env, const kir_expr *e)
{
    halver *k = env;
    if (e->kind != KIR_CAST || e->type != DT_f16 || e->a->type != DT_f32 || !(rounds(e->a) || is_exact(e->a))) return e;
    const kir_expr *made = on_halves(k, e->a);
    k->found |= made != NULL;
    return made ? made : e;
}

static void find_sums(halver *k, const kir_stmt *s)
{
    k->sums |= s->kind == KIR_ACCUM;
    for (int i = 0; i < s->body.n; i++) find_sums(k, s->body.at[i]);
}

bool k_halves(const sched_target *t, kir_builder *b)
{
    halver *k = ARENA_NEW(b->scratch, halver);
    *k = (halver){.target = t};
    bool any = false;
    for (int i = 0; i < b->func->param.n; i++) any |= b->func->param.at[i]->dtype == DT_f16;
    find_sums(k, b->func->body);
    if (!any || k->sums || !has(k, "add")) return false;
    const kir_stmt *old = k_rebuild(&k->r, b);
    k->r.on_expr = on_expr;
    k->r.env = k;
    k->r.narrow_lets = true;
    k_body(&k->r, old);
    return k->found;
}
