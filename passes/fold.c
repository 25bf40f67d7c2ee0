/* Constant folding, with the simulator as the calculator. */
#include <string.h>
#include "ir/sim.h"
#include "passes/pass.h"

/* What is worth keeping as a constant: small, or no larger than what it was made from. */
enum { SMALL_BYTES = 64 << 10 };
/* An evaluator is naive; beyond this much work the emitted code is the better place. */
enum { MOST_WORK = 1 << 24 };

static sim_tensor *constant_operand(const ir_value *v, sim_tensor *cell)
{
    const void *data = ir_const_bytes(v);
    if (!data) return NULL;
    *cell = (sim_tensor){.dtype = v->type->dtype, .rank = v->type->rank, .n = 1, .refs = 1, .borrowed = true};
    for (int i = 0; i < v->type->rank; i++) {
        cell->dim[i] = sx_value(v->type->dim[i]);
        cell->n *= cell->dim[i];
    }
    cell->data = (void *)(uintptr_t)data;
    return cell;
}

/* Packed numbers of which there is one for many weights: their zero points. Where blocks step over them, the kernel that
 * takes them out of their bytes would do so for each weight. */
static bool are_zero_points(const ir_value *v)
{
    for (const ir_use *u = v->uses; u; u = u->next) {
        const ir_inst *by = u->inst;
        bool renamed = by->op == IR_slice || by->op == IR_reshape || by->op == IR_transpose, zero = by->op == IR_dequantize_linear && by->in[0] != v;
        if (!zero && !(renamed && are_zero_points(by->out[0]))) return false;
    }
    return v->uses != NULL;
}

/* Does it only rename the elements of a constant that stands in the program for others as well? Folded it would stand there twice. */
static bool renames_what_stays(const ir_inst *inst)
{
    if (op_get(inst->op)->family != FAM_VIEW || inst->op == IR_concat || inst->op == IR_update) return false;
    for (const ir_use *u = inst->in[0]->uses; u; u = u->next)
        if (op_get(u->inst->op)->family != FAM_VIEW) return true;
    return false;
}

static bool worth_it(const ir_inst *inst)
{
    int64_t in = 0, out = 0, work = 1;
    for (int i = 0; i < inst->nin; i++) {
        bool again = false; /* an operand that stands there twice was made once */
        for (int k = 0; k < i; k++) again |= inst->in[k] == inst->in[i];
        if (!inst->in[i]) continue;
        if (!again) in += ir_max_bytes(inst->in[i]->type);
        work *= ir_max_elements(inst->in[i]->type) + 1;
        if (work > MOST_WORK) work = (int64_t)MOST_WORK * 4;
    }
    for (int i = 0; i < inst->nout; i++) {
        out += ir_max_bytes(inst->out[i]->type);
        if (ir_max_elements(inst->out[i]->type) == 0) return false; /* an empty constant has no use */
    }
    if (inst->op == IR_unpack_bits && are_zero_points(inst->out[0])) return true;
    if (out > SMALL_BYTES && renames_what_stays(inst)) return false;
    bool contraction = op_get(inst->op)->flags & OPF_HEAVY;
    return (out <= SMALL_BYTES || out <= in) && (!contraction || work <= MOST_WORK);
}

static bool fold_inst(pass_ctx *ctx, ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    if (info->family == FAM_CORE || !ir_is_pure(inst) || inst->nout > 8 || inst->nin > 8) return false;
    if (inst->nin == 0 && ir_max_elements(inst->out[0]->type) > 256) return false; /* made better in place */
    sim_tensor cell[8], *in[8], *out[8];
    for (int i = 0; i < inst->nin; i++) {
        in[i] = inst->in[i] ? constant_operand(inst->in[i], &cell[i]) : NULL;
        if (inst->in[i] && !in[i]) return false;
    }
    for (int i = 0; i < inst->nout; i++)
        if (!ir_is_static(inst->out[i]->type)) return false;
    if (!worth_it(inst) || !sim_fold(ctx->m, inst, in, out)) return false;
    for (int i = 0; i < inst->nout; i++) {
        size_t bytes = (size_t)ir_max_bytes(inst->out[i]->type);
        void *data = arena_alloc(ctx->m->arena, bytes);
        memcpy(data, out[i]->data, bytes);
        ir_inst *c = ir_constant(ctx->m, inst->at, inst->out[i]->type, data);
        c->scope = inst->scope;
        c->out[0]->name = inst->out[i]->name;
        ir_add_origin(ctx->m, c, inst);
        ir_insert_before(inst, c);
        ir_replace_uses(inst->out[i], c->out[0]);
        sim_tensor_drop(out[i]);
    }
    ir_erase(inst);
    return true;
}

/* An index read from a constant is a constant. */
static bool fold_index(pass_ctx *ctx, ir_inst *inst)
{
    const void *data = inst->op == IR_index_read ? ir_const_bytes(inst->in[0]) : NULL;
    if (!data) return false;
    ir_sym *sym = inst->out[0]->sym;
    int64_t x = dtype_get_int(inst->in[0]->type->dtype, data, 0);
    if (x < sym->lo || x > sym->hi) return false; /* the run says so */
    sym->is = sx_int(&ctx->m->sx, x);
    ir_erase(inst);
    return true;
}

/* What is required to be one number is that number from there on. */
static bool fold_required_number(pass_ctx *ctx, ir_sym *sym)
{
    if (sym->lo != sym->hi || sym->is) return false;
    sym->is = sx_int(&ctx->m->sx, sym->lo);
    return true;
}

/* What is certain need not be required. Its parts stay small, so that expressions over them do. */
static bool fold_require(pass_ctx *ctx, ir_inst *inst)
{
    const int64_t far = INT64_C(1) << 40;
    const ir_sx *x = inst->op == IR_require ? inst->index[0] : NULL;
    if (!x) return false;
    bool is_certain = sx_fits(x) && sx_min(x) >= ir_int(inst, ATTR_AT(require, min)) && sx_max(x) <= ir_int(inst, ATTR_AT(require, max));
    if (!is_certain) return fold_required_number(ctx, inst->out[0]->sym);
    if (!sx_is_const(x) && (sx_min(x) < -far || sx_max(x) > far)) return false;
    inst->out[0]->sym->is = x;
    ir_erase(inst);
    return true;
}

typedef struct {
    pass_ctx *ctx;
    bool changed, symbols;
} folder;

static void visit(void *env, ir_inst *inst)
{
    folder *f = env;
    if (fold_index(f->ctx, inst) || fold_require(f->ctx, inst)) f->changed = f->symbols = true;
    else f->changed |= fold_inst(f->ctx, inst);
}

bool pass_fold(pass_ctx *ctx)
{
    folder f = {.ctx = ctx};
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, visit, &f);
    if (f.symbols) ir_resolve_symbols(ctx->m);
    return f.changed;
}
