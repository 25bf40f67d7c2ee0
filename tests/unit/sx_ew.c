/* ir/sx_ew.h: what is known of elementwise ops is what the simulator makes of them. */
#include "ir/make.h"
#include "ir/sim.h"
#include "ir/sx_ew.h"
#include "tests/unit/unit.h"

enum { NSYM = 5, MOST = 3, TRIALS = 400 };

typedef struct {
    mk k;
    uint64_t random;
    const ir_sx *sym[NSYM];
    int64_t value[NSYM]; /* of this trial */
} fixture;

static void begin(fixture *f)
{
    static const int64_t lo[NSYM] = {0, 1, -6, 3, 0}, hi[NSYM] = {9, 4, 6, 3, 1};
    ir_module *m = unit_empty(unit_session());
    ir_graph *g = ir_graph_new(m, "g", unit_place());
    *f = (fixture){.k = {.m = m, .block = ir_block_new(g->body, "entry", unit_place()), .at = unit_place()}, .random = 11};
    for (int i = 0; i < NSYM; i++) f->sym[i] = sx_sym(&m->sx, sx_new_sym(&m->sx, "s", lo[i], hi[i], NO_SPAN));
}

static int64_t value_of(void *env, const ir_sym *s)
{
    fixture *f = env;
    int i = 0;
    while (i < NSYM - 1 && sx_only_sym(f->sym[i]) != s) i++;
    return f->value[i];
}

/* NULL: not known. Truths are 0, 1 or the last symbol. */
static const ir_sx *element(fixture *f, nfc_dtype t)
{
    sx_table *sx = &f->k.m->sx;
    const ir_sx *s = f->sym[t == DT_bool ? NSYM - 1 : (int)unit_below(&f->random, NSYM)];
    switch (unit_below(&f->random, 5)) {
    case 0: return NULL;
    case 1: return t == DT_bool ? sx_int(sx, (int64_t)unit_below(&f->random, 2)) : sx_int(sx, unit_between(&f->random, -4, 4));
    case 2: return t == DT_bool ? s : sx_add(sx, sx_mul(sx, s, sx_int(sx, unit_between(&f->random, -3, 3))), sx_int(sx, unit_between(&f->random, -9, 9)));
    default: return s;
    }
}

static sim_tensor *scalar(fixture *f, nfc_dtype t, int64_t x)
{
    sim_tensor *s = ARENA_NEW(f->k.m->arena, sim_tensor);
    *s = (sim_tensor){.dtype = t, .n = 1, .data = ARENA_NEW(f->k.m->arena, double), .refs = 1, .borrowed = true};
    dtype_set_int(t, s->data, 0, x);
    return s;
}

/* An element that is known is the simulator's, whatever stands for what is not; gives whether it is. */
static bool trial(fixture *f, const ir_inst *inst)
{
    const ir_sx *in[MOST] = {NULL};
    sim_tensor *x[MOST] = {NULL}, *y[1];
    for (int i = 0; i < NSYM; i++) f->value[i] = unit_between(&f->random, sx_min(f->sym[i]), sx_max(f->sym[i]));
    for (int i = 0; i < inst->nin; i++) {
        if (!inst->in[i]) continue;
        nfc_dtype t = inst->in[i]->type->dtype;
        in[i] = element(f, t);
        x[i] = scalar(f, t, in[i] ? sx_eval(in[i], value_of, f) : (int64_t)unit_below(&f->random, t == DT_bool ? 2 : 8));
    }
    const ir_sx *known = sx_elementwise(&f->k.m->sx, inst, in);
    if (!known || !sim_fold(f->k.m, inst, x, y)) return false;
    int64_t is = sx_eval(known, value_of, f), want = dtype_get_int(y[0]->dtype, y[0]->data, 0);
    cr_assert_eq(is, want, "%s in %s: %lld, the simulator says %lld", op_get(inst->op)->name, dtype_table[inst->in[inst->nin - 1]->type->dtype].name, (long long)is, (long long)want);
    sim_tensor_drop(y[0]);
    return true;
}

/* The op with operands of type t, where it takes them; NULL: it does not. */
static ir_inst *instruction(fixture *f, ir_op op, nfc_dtype t)
{
    const op_info *info = op_get(op);
    bool variadic = info->nin == 1 && info->in[0].presence == OPER_VARIADIC;
    ir_value *in[MOST];
    for (int i = 0; i < info->nattr; i++)
        if (info->attr[i].required) return NULL;
    int n = variadic ? MOST : info->nin;
    for (int i = 0; i < n; i++) {
        const op_operand *o = &info->in[variadic ? 0 : i];
        uint32_t types = o->type_var < 0 ? o->types : info->types[o->type_var];
        nfc_dtype own = o->type_var < 0 && !(types & (1u << t)) ? DT_bool : t;
        if (!(types & (1u << own))) return NULL;
        in[i] = mk_integer(&f->k, own, 0);
    }
    ir_inst *inst = mk_begin(&f->k, op, n, in);
    mk_end(&f->k, inst, 1);
    cr_assert(!f->k.failed);
    return inst;
}

static int known_of(fixture *f, ir_op op, nfc_dtype t)
{
    ir_inst *inst = instruction(f, op, t);
    int known = 0;
    for (int i = 0; inst && i < TRIALS; i++) known += trial(f, inst);
    return known;
}

Test(sx_ew, every_op_in_integers)
{
    fixture f;
    begin(&f);
    int ops = 0;
    for (int op = 0; op < IR_OP_COUNT; op++) {
        if (op_get((ir_op)op)->family != FAM_EW) continue;
        ops += known_of(&f, (ir_op)op, DT_i64) > 0;
        ops += known_of(&f, (ir_op)op, DT_bool) > 0;
    }
    cr_assert_geq(ops, 25, "of %d ops something is known", ops);
}

Test(sx_ew, what_sizes_are_worked_out_by)
{
    static const ir_op ops[] = {IR_add, IR_sub, IR_mul, IR_div, IR_mod, IR_min, IR_max, IR_neg, IR_abs, IR_relu, IR_sign, IR_clip, IR_where, IR_equal, IR_less, IR_less_or_equal, IR_greater, IR_greater_or_equal};
    fixture f;
    begin(&f);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) cr_assert_gt(known_of(&f, ops[i], DT_i64), TRIALS / 100, "%s", op_get(ops[i])->name);
}

Test(sx_ew, whole_floats)
{
    static const ir_op ops[] = {IR_add, IR_mul, IR_div, IR_floor, IR_ceil, IR_round, IR_clip};
    fixture f;
    begin(&f);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) cr_assert_gt(known_of(&f, ops[i], DT_f32), TRIALS / 100, "%s", op_get(ops[i])->name);
}
