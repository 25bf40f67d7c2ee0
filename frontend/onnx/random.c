/* Random operators, as arithmetic on the words of random_bits.
 *
 * Every node has a sequence of its own: its `seed`, or a hash of its name where it has none. Which part of
 * the sequence a run takes is counted by the state `random_runs` of the graph, 0 at first and after a reset,
 * and in loops by their trips: so successive runs and trips draw different numbers, and a program that is
 * reset draws them again. Words, uniform numbers and what is compared with them are the same bits in the
 * simulator and on every target; normal numbers are as equal as logarithm and cosine are. */
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- runs and trips ---------------------------------------------------------------------------- */

/* How many runs there were: u64, known from the graph's beginning on. */
static ir_value *runs(importer *o)
{
    static const char name[] = "random runs";
    bool first = !map_get(&o->kept, name);
    ir_value *run = im_state(o, name, ir_scalar(o->m, DT_u64));
    if (!first) return run;
    mk k = o->k;
    k.block = o->entry;
    k.before = run->def->next;
    k.scope = NULL;
    im_state_set(o, name, mk_op2(&k, IR_add, run, mk_integer(&k, DT_u64, 1)));
    return run;
}

/* A number for this time that the node runs: the run's, with the trips of the loops around mixed in, the
 * outermost first, by a step of D. Knuth's 64-bit congruential generator (MMIX) each. */
static ir_value *this_time(importer *o)
{
    enum { DEEPEST = 64 };
    const ir_value *trip[DEEPEST];
    int n = 0;
    ir_value *time = runs(o);
    for (const ir_region *r = o->k.block->region; r->owner && n < DEEPEST; r = r->owner->block->region)
        if (r->owner->op == IR_loop) trip[n++] = r->first->arg.at[0];
    while (n--) {
        ir_value *index = mk_cast(&o->k, mk_index_tensor(&o->k, sx_sym(&o->m->sx, trip[n]->sym), DT_i64), DT_u64);
        time = mk_op2(&o->k, IR_mul, time, mk_integer(&o->k, DT_u64, 6364136223846793005));
        time = mk_op2(&o->k, IR_add, mk_op2(&o->k, IR_add, time, mk_integer(&o->k, DT_u64, 1442695040888963407)), index);
    }
    return time;
}

/* ---- seeds ------------------------------------------------------------------------------------- */

/* FNV-1a of 64 bits (G. Fowler, L. Noll, K. Vo). */
static uint64_t hash(uint64_t h, const char *text)
{
    for (; *text; text++) h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (h ^ 0xff) * UINT64_C(0x100000001b3); /* an end, so that "ab" "c" is not "a" "bc" */
}

/* The node's seed: of the same node in two calls of a function there are two. */
static int64_t seed_of(const im_node *n)
{
    const onnx_attribute *a = im_attr(n, "seed");
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    if (a) {
        float given = (float)im_float(n, "seed", 0);
        uint32_t bits;
        memcpy(&bits, &given, sizeof bits);
        return bits;
    }
    for (const im_scope *s = n->o->scope; s; s = s->caller)
        if (s->call) h = hash(hash(h, s->call->proto->name), s->call->nout ? s->call->proto->output[0] : "");
    h = hash(h, n->proto->name);
    for (size_t i = 0; i < n->proto->n_output; i++) h = hash(h, n->proto->output[i]);
    return (int64_t)h;
}

/* ---- numbers ----------------------------------------------------------------------------------- */

static ir_value *by(mk *k, ir_op op, ir_value *x, double number) { return mk_op2(k, op, x, mk_number(k, x->type->dtype, number)); }

/* Enough words for `count` elements of which one row has `each`: u32 [rows, 4]. */
static ir_value *words(im_node *n, const ir_sx *count, int64_t each)
{
    sx_table *t = &n->o->m->sx;
    const ir_sx *rows = sx_div(t, sx_add(t, count, sx_int(t, each - 1)), each);
    ir_value *time = this_time(n->o);
    ir_inst *inst = mk_begin(n->k, IR_random_bits, 1, &time);
    mk_sxs(n->k, inst, "blocks", 1, &rows);
    mk_int(inst, "seed", seed_of(n));
    return mk_end(n->k, inst, 1);
}

static ir_value *columns(mk *k, ir_value *x, int from, int to) { return mk_slice(k, x, 1, mk_sx(k, from), mk_sx(k, to)); }

/* The upper `bits` bits of each word as a whole number of the type. */
static ir_value *upper(mk *k, ir_value *x, int bits, nfc_dtype t)
{
    ir_inst *shift = mk_begin(k, IR_bit_shift, 2, (ir_value *[]){x, mk_integer(k, DT_u32, 32 - bits)});
    mk_text(k, shift, "direction", "RIGHT");
    return mk_cast(k, mk_end(k, shift, 1), t);
}

/* Multiples of 2^-24 in [0, 1), or of 2^-53 made of two words. */
static ir_value *unit(mk *k, ir_value *high, ir_value *low, nfc_dtype t)
{
    if (t != DT_f64) return by(k, IR_mul, upper(k, high, 24, t), 0x1p-24);
    ir_value *whole = mk_op2(k, IR_add, by(k, IR_mul, upper(k, high, 27, t), 0x1p26), upper(k, low, 26, t));
    return by(k, IR_mul, whole, 0x1p-53);
}

/* [rows, each] as the first elements of a shape. */
static ir_value *shaped(im_node *n, ir_value *x, const ir_sx *count, const ir_type *shape)
{
    if (ir_is_poison(x)) return x;
    const ir_sx *all = ir_elements(n->o->m, x->type);
    ir_value *flat = mk_slice(n->k, mk_reshape(n->k, x, 1, &all), 0, mk_sx(n->k, 0), count);
    return mk_reshape(n->k, flat, shape->rank, shape->dim);
}

/* t: f32 or f64 */
static ir_value *uniform(im_node *n, const ir_type *shape, nfc_dtype t)
{
    const ir_sx *count = ir_elements(n->o->m, shape);
    bool wide = t == DT_f64;
    ir_value *w = words(n, count, wide ? 2 : 4);
    return shaped(n, wide ? unit(n->k, columns(n->k, w, 0, 2), columns(n->k, w, 2, 4), t) : unit(n->k, w, NULL, t), count, shape);
}

/* Two normal numbers of two uniform ones (G. Box, M. Muller, "A note on the generation of random normal
 * deviates", 1958). The first is in (0, 1], so that its logarithm is finite. */
static ir_value *normal(im_node *n, const ir_type *shape, nfc_dtype t)
{
    mk *k = n->k;
    const ir_sx *count = ir_elements(n->o->m, shape);
    bool wide = t == DT_f64;
    ir_value *w = words(n, count, wide ? 2 : 4);
    ir_value *first = wide ? unit(k, columns(k, w, 0, 1), columns(k, w, 1, 2), t) : by(k, IR_mul, mk_cast(k, columns(k, w, 0, 2), t), 0x1p-32);
    ir_value *second = wide ? unit(k, columns(k, w, 2, 3), columns(k, w, 3, 4), t) : unit(k, columns(k, w, 2, 4), NULL, t);
    ir_value *size = mk_op1(k, IR_sqrt, by(k, IR_mul, mk_op1(k, IR_log, by(k, IR_add, first, wide ? 0x1p-53 : 0x1p-32)), -2));
    ir_value *angle = by(k, IR_mul, second, 6.28318530717958647692);
    ir_value *both[2] = {mk_op2(k, IR_mul, size, mk_op1(k, IR_cos, angle)), mk_op2(k, IR_mul, size, mk_op1(k, IR_sin, angle))};
    return shaped(n, mk_concat(k, 2, both, 1), count, shape);
}

/* ---- operators ------------------------------------------------------------------------------- */

/* The element type that an attribute gives, or `otherwise`; DT_COUNT after a report. */
static nfc_dtype dtype_of(im_node *n, nfc_dtype otherwise)
{
    const onnx_attribute *a = im_attr(n, "dtype");
    return a ? im_dtype(n, a->i) : otherwise;
}

static nfc_dtype working(nfc_dtype t) { return t == DT_f64 ? DT_f64 : DT_f32; }

/* base + scale * x in the result's type. */
static bool out_scaled(im_node *n, ir_value *x, double scale, double base, nfc_dtype t)
{
    ir_value *y = by(n->k, IR_add, by(n->k, IR_mul, x, scale), base);
    return im_out(n, 0, mk_cast(n->k, y, t));
}

static bool draw(im_node *n, const ir_type *shape, nfc_dtype t)
{
    if (t == DT_COUNT) return false;
    if (!dtype_is_float(t)) return im_fail(n, E_DTYPE, -1, "its results are floats, not %s", dtype_name(t));
    if (strncmp(n->op, "RandomUniform", 13) == 0) {
        double low = im_float(n, "low", 0), high = im_float(n, "high", 1);
        return out_scaled(n, uniform(n, shape, working(t)), high - low, low, t);
    }
    return out_scaled(n, normal(n, shape, working(t)), im_float(n, "scale", 1), im_float(n, "mean", 0), t);
}

/* RandomUniform, RandomNormal */
bool im_random(im_node *n)
{
    const int64_t *shape;
    const ir_sx *dim[IR_MAX_RANK];
    int rank = im_ints(n, "shape", &shape);
    if (rank < 0 || rank > IR_MAX_RANK) return im_fail(n, E_RANK, -1, rank < 0 ? "attribute 'shape' is missing" : "the result would have %d axes; there are at most %d", rank, IR_MAX_RANK);
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0 || shape[i] > IR_MAX_BOUND) return im_fail(n, E_SIZE, -1, "axis %d would have extent %lld", i, (long long)shape[i]);
        dim[i] = mk_sx(n->k, shape[i]);
    }
    return draw(n, ir_tensor(n->o->m, DT_f32, rank, dim), dtype_of(n, DT_f32));
}

/* RandomUniformLike, RandomNormalLike */
bool im_random_like(im_node *n)
{
    const ir_value *x = im_need(n, 0);
    return !ir_is_poison(x) && draw(n, x->type, dtype_of(n, x->type->dtype));
}

/* 1 with the probability that the operand's element is. */
bool im_bernoulli(im_node *n)
{
    ir_value *p = im_need(n, 0);
    if (ir_is_poison(p)) return false;
    nfc_dtype to = dtype_of(n, p->type->dtype), t = working(p->type->dtype);
    if (to == DT_COUNT) return false;
    return im_out(n, 0, mk_cast(n->k, mk_op2(n->k, IR_less, uniform(n, p->type, t), mk_cast(n->k, p, t)), to));
}

/* sample_size classes for each row of logarithms of weights, by the sums of probabilities up to each class: a
 * class is drawn where as many sums are not above the number. What the sums lack of 1, or have too much, the
 * number is scaled by: so what has no probability is never drawn. */
bool im_multinomial(im_node *n)
{
    mk *k = n->k;
    ir_value *x = im_need(n, 0);
    int64_t size = im_int(n, "sample_size", 1);
    nfc_dtype to = dtype_of(n, DT_i32);
    if (ir_is_poison(x) || to == DT_COUNT) return false;
    if (x->type->rank != 2 || sx_min(x->type->dim[1]) < 1) return im_fail(n, E_RANK, 0, "the operand must be [N, C] with at least one class");
    if (size < 0 || size > IR_MAX_BOUND) return im_fail(n, E_ATTR_VALUE, -1, "sample_size is %lld", (long long)size);
    nfc_dtype t = working(x->type->dtype);
    x = mk_cast(k, x, t);
    ir_inst *softmax = mk_begin(k, IR_softmax, 1, &x);
    mk_int(softmax, "axis", 1);
    x = mk_end(k, softmax, 1);
    ir_inst *sums = mk_begin(k, IR_cum_sum, 1, &x);
    mk_int(sums, "axis", 1);
    ir_value *sum = mk_end(k, sums, 1);
    if (ir_is_poison(sum)) return false;
    const ir_sx *dim[2] = {mk_extent(sum, 0), mk_sx(k, size)}, *classes = mk_extent(sum, 1);
    ir_value *number = uniform(n, ir_tensor(n->o->m, t, 2, dim), t);
    number = mk_op2(k, IR_mul, number, mk_slice(k, sum, 1, sx_sub(&n->o->m->sx, classes, mk_sx(k, 1)), classes));
    ir_value *below = mk_op2(k, IR_less_or_equal, mk_unsqueeze(k, sum, 1), mk_unsqueeze(k, number, 2));
    return im_out(n, 0, mk_cast(k, mk_reduce(k, IR_reduce_sum, mk_cast(k, below, DT_i32), 4, false), to));
}

/* A scalar operand, or a number where it is absent. */
static ir_value *scalar_or(im_node *n, int i, nfc_dtype t, double otherwise)
{
    ir_value *x = im_has(n, i) ? im_in(n, i) : NULL;
    return x && !ir_is_poison(x) ? mk_reshape(n->k, mk_cast(n->k, x, t), 0, NULL) : mk_number(n->k, t, otherwise);
}

/* Where training_mode is true each element is dropped with the probability `ratio`, and the others grow by
 * 1 / (1 - ratio). */
bool im_dropout_training(im_node *n)
{
    mk *k = n->k;
    ir_value *x = im_need(n, 0), *mode = im_need(n, 2);
    if (ir_is_poison(x) || ir_is_poison(mode)) return false;
    if (ir_max_elements(mode->type) != 1 || (im_has(n, 1) && ir_max_elements(im_in(n, 1)->type) != 1)) return im_fail(n, E_SHAPE, 1, "ratio and training_mode must be scalars");
    nfc_dtype t = working(x->type->dtype);
    ir_value *wide = mk_cast(k, x, t), *ratio = scalar_or(n, 1, t, 0.5);
    ir_value *off = mk_op1(k, IR_not, mk_reshape(k, mk_cast(k, mode, DT_bool), 0, NULL));
    ir_value *kept = mk_op2(k, IR_less_or_equal, ratio, uniform(n, x->type, t));
    ir_value *grown = mk_op2(k, IR_div, wide, mk_op2(k, IR_sub, mk_number(k, t, 1), ratio));
    ir_value *dropped = mk_op3(k, IR_where, kept, grown, mk_number(k, t, 0));
    im_out(n, 0, mk_cast(k, mk_op3(k, IR_where, off, wide, dropped), x->type->dtype));
    return im_out(n, 1, mk_op2(k, IR_or, kept, off));
}
