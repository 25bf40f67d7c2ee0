/* What is known of values at compile time: constants that follow from constants, and elements of small
 * integer tensors as symbolic integers (shapes, axes, sizes on their way from Shape to Reshape). */
#include <math.h>
#include <string.h>
#include "frontend/onnx/import.h"
#include "ir/sim.h"
#include "ir/sx_ew.h"

/* Tensors of sizes are small; constants are folded here only where the result may be one of sizes. */
enum { MOST_KNOWN = 4096, MOST_FOLDED = 1 << 16 };

static im_fact *fact_new(importer *o, const ir_value *v)
{
    im_fact *f = ARENA_NEW(o->s->arena, im_fact);
    f->n = ir_is_static(v->type) ? ir_max_elements(v->type) : -1;
    map_setp(&o->facts, v, f);
    return f;
}

const im_fact *im_fact_of(importer *o, const ir_value *v) { return map_getp(&o->facts, v); }

const void *im_const_data(importer *o, const ir_value *v)
{
    const im_fact *f = im_fact_of(o, v);
    return f ? f->data : NULL;
}

/* Sizes go through floats at times: those that are whole count as integers. */
static bool constant_element(nfc_dtype t, const void *data, int64_t i, int64_t *out)
{
    if (!dtype_is_float(t)) {
        *out = dtype_get_int(t, data, (size_t)i);
        return true;
    }
    double x = dtype_get(t, data, (size_t)i);
    *out = fabs(x) < 1e15 ? (int64_t)x : 0;
    return (double)*out == x;
}

const ir_sx *const *im_known(importer *o, const ir_value *v)
{
    im_fact *f = map_getp(&o->facts, v);
    if (!f) return NULL;
    if (f->elem || !f->data || f->n > MOST_KNOWN) return f->elem;
    f->elem = ARENA_ARRAY(o->s->arena, const ir_sx *, f->n ? f->n : 1);
    for (int64_t i = 0, x; i < f->n; i++) f->elem[i] = constant_element(v->type->dtype, f->data, i, &x) ? sx_int(&o->m->sx, x) : NULL;
    return f->elem;
}

static void set_known(importer *o, const ir_value *v, const ir_sx **elem)
{
    if (!map_getp(&o->facts, v)) fact_new(o, v)->elem = elem;
}

/* ---- constants from constants --------------------------------------------------------------- */

/* A tensor of the simulator over elements at hand. */
static sim_tensor *borrow(importer *o, const ir_value *v, const void *data)
{
    sim_tensor *t = ARENA_NEW(o->s->arena, sim_tensor);
    *t = (sim_tensor){.dtype = v->type->dtype, .rank = v->type->rank, .n = ir_max_elements(v->type), .data = (void *)(uintptr_t)data, .refs = 1, .borrowed = true};
    for (int i = 0; i < t->rank; i++) t->dim[i] = sx_value(v->type->dim[i]);
    return t;
}

static const void *keep(importer *o, const sim_tensor *t)
{
    size_t size = (size_t)t->n * dtype_bytes(t->dtype);
    void *copy = arena_alloc(o->s->arena, size ? size : 1);
    if (size) memcpy(copy, t->data, size);
    return copy;
}

static bool run(importer *o, const ir_inst *inst, const void *const *data, const void **out)
{
    sim_tensor **in = ARENA_ARRAY(o->s->arena, sim_tensor *, inst->nin), **made = ARENA_ARRAY(o->s->arena, sim_tensor *, inst->nout);
    for (int i = 0; i < inst->nin; i++) in[i] = inst->in[i] ? borrow(o, inst->in[i], data[i]) : NULL;
    if (!sim_fold(o->m, inst, in, made)) return false;
    for (int i = 0; i < inst->nout; i++) {
        out[i] = keep(o, made[i]);
        sim_tensor_drop(made[i]);
    }
    return true;
}

static bool is_small(const ir_inst *inst)
{
    int64_t n = 0;
    for (int i = 0; i < inst->nout; i++) {
        if (!ir_is_tensor(inst->out[i]) || !ir_is_static(inst->out[i]->type)) return false;
        n += ir_max_elements(inst->out[i]->type);
    }
    for (int i = 0; i < inst->nin; i++) {
        if (!inst->in[i]) continue;
        if (!ir_is_tensor(inst->in[i]) || !ir_is_static(inst->in[i]->type)) return false;
        n += ir_max_elements(inst->in[i]->type);
    }
    return n <= MOST_FOLDED;
}

static bool fold(importer *o, const ir_inst *inst)
{
    if (!ir_is_pure(inst) || op_get(inst->op)->family == FAM_CORE) return false;
    const void **data = ARENA_ARRAY(o->s->arena, const void *, inst->nin), **out = ARENA_ARRAY(o->s->arena, const void *, inst->nout);
    for (int i = 0; i < inst->nin; i++)
        if (inst->in[i] && !(data[i] = im_const_data(o, inst->in[i]))) return false;
    for (int i = 0; i < inst->nindex; i++)
        if (!sx_is_const(inst->index[i])) return false;
    if (!run(o, inst, data, out)) return false;
    for (int i = 0; i < inst->nout; i++) fact_new(o, inst->out[i])->data = out[i];
    return true;
}

/* ---- moves ---------------------------------------------------------------------------------- */

/* The largest number that an element of the type holds, as far as tensors are looked at. */
static int64_t largest_number(nfc_dtype t)
{
    int bits = dtype_table[t].bits;
    if (t == DT_bool) return 1;
    if (t == DT_f32 || t == DT_f64) return MOST_KNOWN;
    if (!dtype_is_int(t)) return 0;
    return bits > 12 ? MOST_KNOWN : (INT64_C(1) << (bits - dtype_is_signed(t))) - 1;
}

/* An op that only moves elements of its data operands is run on their numbers, so that what it does to
 * known elements needs no second definition. Operands of another type (indices) must be constants. */
static bool is_data(const op_info *info, int i) { return info->in[i < info->nin ? i : info->nin - 1].type_var == 0; }

static void move(importer *o, const ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    const void **data = ARENA_ARRAY(o->s->arena, const void *, inst->nin), **out = ARENA_ARRAY(o->s->arena, const void *, inst->nout);
    VEC(const ir_sx *) number = {0};
    vec_push(o->s->arena, &number, sx_int(&o->m->sx, 0)); /* number 0: what a pad adds by itself */
    for (int i = 0; i < inst->nin; i++) {
        const ir_value *v = inst->in[i];
        if (!v) continue;
        if (!is_data(info, i)) {
            if (!(data[i] = im_const_data(o, v))) return;
            continue;
        }
        const ir_sx *const *known = im_known(o, v);
        nfc_dtype t = v->type->dtype;
        int64_t n = ir_max_elements(v->type);
        if (number.n - 1 + n > largest_number(t)) return;
        void *ids = arena_alloc(o->s->arena, (size_t)(n ? n : 1) * 8);
        for (int64_t k = 0; k < n; k++) {
            dtype_set_int(t, ids, (size_t)k, number.n);
            vec_push(o->s->arena, &number, known ? known[k] : NULL);
        }
        data[i] = ids;
    }
    if (!run(o, inst, data, out)) return;
    for (int i = 0; i < inst->nout; i++) {
        const ir_value *v = inst->out[i];
        int64_t n = ir_max_elements(v->type), id;
        const ir_sx **elem = ARENA_ARRAY(o->s->arena, const ir_sx *, n ? n : 1);
        for (int64_t k = 0; k < n; k++) elem[k] = constant_element(v->type->dtype, out[i], k, &id) ? number.at[id] : NULL;
        set_known(o, v, elem);
    }
}

/* ---- arithmetic ----------------------------------------------------------------------------- */

static bool fits(nfc_dtype t, const ir_sx *x)
{
    int bits = dtype_table[t].bits;
    if (t == DT_bool) return sx_min(x) >= 0 && sx_max(x) <= 1;
    if (t == DT_f32 || t == DT_f64) return sx_min(x) >= -(1 << 24) && sx_max(x) <= 1 << 24;
    if (dtype_is_float(t) || bits >= 64) return !dtype_is_float(t);
    int64_t most = (INT64_C(1) << (bits - dtype_is_signed(t))) - 1;
    return sx_max(x) <= most && sx_min(x) >= (dtype_is_signed(t) ? -most - 1 : 0);
}

/* The element of operand i that meets element k of the result; NULL for an operand that is left out, as clip's. */
static const ir_sx *operand_element(importer *o, const ir_inst *inst, int i, int64_t k)
{
    if (!inst->in[i]) return NULL;
    const ir_type *t = inst->in[i]->type, *result = inst->out[0]->type;
    const ir_sx *const *known = im_known(o, inst->in[i]);
    if (!known) return NULL;
    int64_t flat = 0, step = 1;
    for (int axis = 1; axis <= result->rank; axis++) {
        int64_t extent = sx_value(result->dim[result->rank - axis]), at = k % extent;
        k /= extent;
        if (axis > t->rank) continue;
        int64_t own = sx_value(t->dim[t->rank - axis]);
        if (own != 1) flat += at * step;
        step *= own;
    }
    return known[flat];
}

/* A cast leaves the numbers that it has room for as they are. */
static const ir_sx *element(importer *o, const ir_inst *inst, const ir_sx **in, int64_t k)
{
    sx_table *t = &o->m->sx;
    for (int i = 0; i < inst->nin; i++) in[i] = operand_element(o, inst, i, k);
    const ir_sx *x = inst->op != IR_cast ? sx_elementwise(t, inst, in) : in[0] && fits(inst->out[0]->type->dtype, in[0]) ? in[0] : NULL;
    bool overflow = t->overflow;
    t->overflow = false;
    return overflow ? NULL : x;
}

static void elementwise(importer *o, const ir_inst *inst)
{
    int64_t n = ir_max_elements(inst->out[0]->type);
    const ir_sx **elem = ARENA_ARRAY(o->s->arena, const ir_sx *, n ? n : 1), **in = ARENA_ARRAY(o->s->arena, const ir_sx *, inst->nin);
    bool any = false;
    for (int64_t k = 0; k < n; k++) {
        elem[k] = element(o, inst, in, k);
        any |= elem[k] != NULL;
    }
    if (any) set_known(o, inst->out[0], elem);
}

/* Products and sums over all elements: Size, the number of elements behind a flatten. */
static void reduce(importer *o, const ir_inst *inst)
{
    const ir_sx *const *known = im_known(o, inst->in[0]);
    int64_t n = ir_max_elements(inst->in[0]->type);
    if (!known || ir_max_elements(inst->out[0]->type) != 1 || (inst->op != IR_reduce_prod && inst->op != IR_reduce_sum)) return;
    const ir_sx *sum = sx_int(&o->m->sx, inst->op == IR_reduce_prod);
    for (int64_t i = 0; i < n; i++) {
        if (!known[i]) return;
        sum = inst->op == IR_reduce_prod ? sx_mul(&o->m->sx, sum, known[i]) : sx_add(&o->m->sx, sum, known[i]);
    }
    bool overflow = o->m->sx.overflow;
    o->m->sx.overflow = false;
    const ir_sx **elem = ARENA_ARRAY(o->s->arena, const ir_sx *, 1);
    elem[0] = sum;
    if (!overflow) set_known(o, inst->out[0], elem);
}

static bool holds_sizes(nfc_dtype t) { return dtype_is_int(t) || t == DT_bool || t == DT_f32 || t == DT_f64; }

/* Called for each instruction that the importer makes. */
void im_made(void *env, ir_inst *inst)
{
    importer *o = env;
    if (inst->nout == 0 || ir_is_poison(inst->out[0])) return;
    if (inst->op == IR_const) {
        if (!ir_is_static(inst->out[0]->type)) return;
        fact_new(o, inst->out[0])->data = ir_const_bytes(inst->out[0]);
        return;
    }
    if (inst->op == IR_index_tensor) {
        const ir_sx **elem = ARENA_ARRAY(o->s->arena, const ir_sx *, 1);
        elem[0] = inst->index[0];
        set_known(o, inst->out[0], elem);
        return;
    }
    if (op_get(inst->op)->family == FAM_CORE || !is_small(inst) || fold(o, inst)) return;
    if (ir_max_elements(inst->out[0]->type) > MOST_KNOWN || !holds_sizes(inst->out[0]->type->dtype)) return;
    bool any = false;
    for (int i = 0; i < inst->nin; i++) any |= inst->in[i] && im_known(o, inst->in[i]);
    if (!any) return;
    const op_info *info = op_get(inst->op);
    if (info->family == FAM_VIEW || info->flags & OPF_MOVES) move(o, inst);
    else if (info->family == FAM_EW || inst->op == IR_cast) elementwise(o, inst);
    else if (inst->nin == 1) reduce(o, inst);
}
