/* Products and convolutions of bytes as the device's dot products take them: weights of a type that it multiplies with
 * that of the activations, and neither with a zero point.
 *
 *     sum (x - zx) (w - zw) = sum x w - zx (sum w) - zw (sum x - K zx)
 *
 * in i32, which wraps. w is known, so that w - zw is, where that fits in a byte, and sum w. A byte that has a sign becomes
 * one without, or the other way round, as x + 128, whose zero point is zx + 128. Where tiles of the device will multiply
 * them, a convolution's input has its padding around it in memory.
 *
 * A convolution of what the caller gave, channel by channel, goes by a copy, whose channels can lie side by side. One of
 * which each place has one product, which nothing multiplies at once, is written so for that. */
#include "ir/make.h"
#include "ir/sat.h"
#include "ir/shape.h"
#include "passes/k_dots.h"
#include "passes/k_tiles.h"
#include "passes/pass.h"

typedef struct {
    pass_ctx *ctx;
    const device *device;
    bool changed;
} rewriter;

/* A product: its operands, and the weights as a matrix for each `batch`, elements (b, k, n) of which stand where at() says. */
typedef struct {
    ir_inst *inst;
    ir_value *x, *w, *zero_x; /* zero_x: NULL: 0 */
    const void *weights, *zeros; /* zeros: of w; NULL: 0 */
    nfc_dtype type_x, type_w;
    bool convolution, zero_each; /* zero_each: one a column */
    int64_t batch, k, n;
    int64_t move; /* what is added to all weights */
    int64_t known_zero; /* of the new x, where it is known; else 1 */
    bool tiled;   /* the device's tiles are filled by it */
    bool apart;   /* each place has one product: depthwise */
    bool copied;  /* x gets a place of its own, where its channels can lie side by side */
    bool inside;  /* zw is taken off the weights; else the move is added to it */
} product;

/* ---- which ----------------------------------------------------------------------------------- */

static bool is_static(const ir_value *v) { return ir_is_static(v->type) && ir_max_elements(v->type) > 0; }

static bool read_weights(product *p)
{
    const ir_type *t = p->w->type;
    const ir_value *zero = ir_operand(p->inst, 3);
    p->weights = is_static(p->w) ? ir_const_bytes(p->w) : NULL;
    if (!p->weights || t->rank < 2 || p->x->type->rank < 2 || ir_const_bytes(p->x)) return false;
    p->apart = p->convolution && sx_is(t->dim[1], 1);
    p->n = sx_value(t->dim[p->convolution ? 0 : t->rank - 1]);
    p->k = p->convolution ? ir_max_elements(t) / p->n : sx_value(t->dim[t->rank - 2]);
    p->batch = ir_max_elements(t) / (p->n * p->k);
    if (!zero) return true;
    p->zeros = is_static(zero) && zero->type->rank <= 1 ? ir_const_bytes(zero) : NULL;
    p->zero_each = p->zeros && ir_max_elements(zero->type) > 1;
    return p->zeros != NULL;
}

/* An element of the weights in their order, as a number, and the zero point of its column. */
static int64_t weight(const product *p, int64_t i) { return dtype_get_int(p->w->type->dtype, p->weights, (size_t)i); }
static int64_t column(const product *p, int64_t i) { return p->convolution ? i / p->k : i % p->n; }
static int64_t zero_of(const product *p, int64_t n) { return p->zeros ? dtype_get_int(p->w->type->dtype, p->zeros, p->zero_each ? (size_t)n : 0) : 0; }

/* Do all of w - zw fit in a type? */
static bool fits(const product *p, nfc_dtype t)
{
    for (int64_t i = 0; i < p->batch * p->k * p->n; i++) {
        int64_t v = weight(p, i) - zero_of(p, column(p, i));
        if (v < dtype_min(t) || v > (int64_t)dtype_max(t)) return false;
    }
    return true;
}

static bool is_byte(nfc_dtype t) { return t == DT_u8 || t == DT_i8; }

/* What it costs to have operands of these types: 0 nothing in the run, 1 each element of x, 2 sums of them, too; -1: it
 * cannot be. */
static int cost_of(const product *p, nfc_dtype x, nfc_dtype w)
{
    int cost = x != p->x->type->dtype;
    if (fits(p, w)) return cost;
    return p->convolution ? -1 : cost + 2;
}

/* Rows of x that the same weights multiply, beside one another. */
static int64_t rows_of(const product *p)
{
    const ir_type *t = p->convolution ? p->inst->out[0]->type : p->x->type;
    if (!is_static(p->inst->out[0])) return 0;
    return sx_value(t->dim[p->convolution ? t->rank - 1 : t->rank - 2]);
}

/* Those that a window's places along a row have beside one another, where channels lie last. */
static int64_t bytes_of_window(const rewriter *r, const product *p)
{
    const int64_t channels = sx_value(p->w->type->dim[1]);
    window win;
    window_of(r->ctx->m, p->inst, &win);
    const bool apart = win.dilation[win.n - 1] != 1 || ir_int(p->inst, ATTR_AT(conv_integer, group)) != 1;
    return apart ? channels : channels * win.kernel[win.n - 1];
}

static bool fills_tiles(const rewriter *r, const product *p)
{
    const device_tiles *t = &r->device->chosen->tiles;
    const int64_t bytes = p->convolution ? bytes_of_window(r, p) : p->k, groups = p->convolution ? ir_int(p->inst, ATTR_AT(conv_integer, group)) : 1;
    const double fill = k_tiles_fill(t, rows_of(p), bytes, p->n / groups);
    return fill > 0 && fill >= t->least_fill;
}

static bool can_multiply(const rewriter *r, const product *p, nfc_dtype x, nfc_dtype w, kir_dot op) { return k_has_dot(r->device, op) || (p->tiled && k_has_tile_dot(r->device, x, w)); }

/* Where each place has one product nothing is multiplied at once: the types stay, if the zero point can be taken off. */
static bool keep_types(product *p)
{
    p->type_x = p->x->type->dtype;
    p->type_w = p->w->type->dtype;
    p->inside = fits(p, p->type_w);
    return p->inside;
}

/* The types of the least cost; false: the device multiplies none. */
static bool choose_types(const rewriter *r, product *p)
{
    if (p->apart) return keep_types(p);
    int best = -1;
    for (int i = 0; i < 2 * KD_COUNT; i++) {
        const kir_dot_info *info = &kir_dot_table[i / 2];
        nfc_dtype x = i % 2 ? info->b : info->a, w = i % 2 ? info->a : info->b;
        if (!is_byte(x) || !is_byte(w) || !can_multiply(r, p, x, w, (kir_dot)(i / 2))) continue;
        int cost = cost_of(p, x, w);
        if (cost < 0 || (best >= 0 && cost >= best)) continue;
        best = cost;
        p->type_x = x;
        p->type_w = w;
    }
    if (best < 0) return false;
    p->inside = fits(p, p->type_w);
    p->move = p->inside || p->type_w == p->w->type->dtype ? 0 : p->type_w == DT_u8 ? 128 : -128;
    return true;
}

/* ---- the weights ----------------------------------------------------------------------------- */

static ir_value *new_weights(mk *k, const product *p)
{
    const bool as_they_are = p->type_w == p->w->type->dtype && (!p->inside || !p->zeros);
    const int64_t size = p->batch * p->k * p->n;
    if (as_they_are) return p->w;
    uint8_t *to = ARENA_ARRAY(k->m->arena, uint8_t, size);
    for (int64_t i = 0; i < size; i++) dtype_set_int(p->type_w, to, (size_t)i, weight(p, i) + p->move - (p->inside ? zero_of(p, column(p, i)) : 0));
    ir_value *v = mk_const(k, ir_tensor(k->m, p->type_w, p->w->type->rank, p->w->type->dim), to);
    v->name = p->w->name;
    return v;
}

/* A constant [batch ..., 1, N] for a matrix, [M, 1 ...] for a convolution: `of` one column. */
static ir_value *by_column(mk *k, const product *p, int64_t (*of)(const product *p, int64_t batch, int64_t n))
{
    const ir_type *t = p->w->type;
    const ir_sx *dim[IR_MAX_RANK], *one = mk_sx(k, 1);
    int32_t *to = ARENA_ARRAY(k->m->arena, int32_t, p->batch * p->n);
    int rank = p->convolution ? t->rank - 1 : t->rank;
    for (int i = 0; i < rank; i++) dim[i] = p->convolution ? (i == 0 ? t->dim[0] : one) : i == t->rank - 2 ? one : t->dim[i];
    for (int64_t b = 0; b < p->batch; b++)
        for (int64_t n = 0; n < p->n; n++) to[b * p->n + n] = (int32_t)(uint32_t)of(p, b, n);
    return mk_const(k, ir_tensor(k->m, DT_i32, rank, dim), to);
}

/* Of the new weights. */
static int64_t sum_of_column(const product *p, int64_t batch, int64_t n)
{
    int64_t sum = p->k * (p->move - (p->inside ? zero_of(p, n) : 0));
    for (int64_t i = 0; i < p->k; i++) sum += weight(p, p->convolution ? n * p->k + i : (batch * p->k + i) * p->n + n);
    return sum;
}

static int64_t taken_off(const product *p, int64_t batch, int64_t n) { return p->known_zero * sum_of_column(p, batch, n); }

static int64_t zero_of_column(const product *p, int64_t batch, int64_t n)
{
    (void)batch;
    return zero_of(p, n) + p->move;
}

/* ---- the activations --------------------------------------------------------------------------- */

/* x + 128, in the type with or without a sign. */
static ir_value *turned(mk *k, ir_value *x, nfc_dtype to)
{
    if (x->type->dtype == to) return x;
    if (x->type->dtype == DT_i8) x = mk_cast(k, x, DT_u8);
    return mk_cast(k, mk_op2(k, IR_bitwise_xor, x, mk_integer(k, DT_u8, 128)), to);
}

/* The zero point of the new x in i32, so that it broadcasts with the products; NULL: 0. */
static ir_value *new_zero(mk *k, product *p)
{
    const int64_t moved = p->type_x == p->x->type->dtype ? 0 : p->type_x == DT_u8 ? 128 : -128;
    ir_value *zero = p->zero_x;
    const bool one = !zero || ir_max_elements(zero->type) == 1;
    const void *known = zero && one ? ir_const_bytes(zero) : NULL;
    p->known_zero = 1;
    if (!zero || known) {
        p->known_zero = moved + (known ? dtype_get_int(zero->type->dtype, known, 0) : 0);
        return p->known_zero ? mk_integer(k, DT_i32, p->known_zero) : NULL;
    }
    if (one) zero = mk_reshape(k, zero, 0, NULL);
    else if (zero->type->rank == 1) zero = mk_unsqueeze(k, zero, 1);
    zero = mk_cast(k, zero, DT_i32);
    return moved ? mk_op2(k, IR_add, zero, mk_integer(k, DT_i32, moved)) : zero;
}

/* Can the zero point be added around x, or be one of rows? */
static bool has_plain_zero(const product *p)
{
    const ir_value *zero = p->zero_x;
    if (!zero) return true;
    if (!ir_is_static(zero->type)) return false;
    if (ir_max_elements(zero->type) == 1) return true;
    return !p->convolution && (zero->type->rank == 1 || sx_is(zero->type->dim[zero->type->rank - 1], 1));
}

/* ---- convolutions ------------------------------------------------------------------------------ */

static bool is_padded(const window *w)
{
    for (int i = 0; i < w->n; i++)
        if (!sx_is(w->lead[i], 0) || !sx_is(w->trail[i], 0)) return true;
    return false;
}

/* Is it something of the caller's, which lies in the order of its axes? Dot products want channels side by side, and a
 * copy costs less than that they are not. */
static bool is_to_be_copied(const rewriter *r, const product *p)
{
    const ir_block *b = p->x->block;
    const bool input = b && !b->region->owner && b == b->region->first;
    return p->convolution && input && r->ctx->options->chains.layout != LAYOUT_PLAIN && is_static(p->x) && is_static(p->inst->out[0]);
}

static ir_value *copy_of(mk *k, ir_value *x)
{
    ir_inst *copy = mk_begin(k, IR_concat, 1, &x);
    mk_int(copy, "axis", 1);
    return mk_end(k, copy, 1);
}

/* x as a box of a tensor of zero points, or of zeros where there are none, which count as much as elsewhere. These are there first
 * where they are known, so that what makes x can store it in its place. */
static ir_value *surrounded(mk *k, const product *p, const window *w, ir_value *x, ir_value *zero)
{
    const ir_sx *dim[IR_MAX_RANK], *starts[IR_MAX_RANK];
    for (int i = 0; i < x->type->rank; i++) {
        dim[i] = i < 2 ? x->type->dim[i] : sx_add(&k->m->sx, x->type->dim[i], sx_add(&k->m->sx, w->lead[i - 2], w->trail[i - 2]));
        starts[i] = i < 2 ? mk_sx(k, 0) : w->lead[i - 2];
    }
    const bool known = !zero || (zero->def && zero->def->op == IR_const);
    mk first = *k;
    if (known && x->def && x->def->block == k->block) first.before = x->def;
    ir_value *around = known ? mk_integer(&first, x->type->dtype, zero ? p->known_zero : 0) : mk_cast(k, zero, x->type->dtype);
    around = mk_expand(&first, around, x->type->rank, dim);
    return mk_update(k, first.before == k->before ? around : copy_of(&first, around), x, starts);
}

/* The same where only the run knows how much stands around x. */
static ir_value *padded(mk *k, const window *w, ir_value *x, ir_value *zero)
{
    const int rank = x->type->rank;
    const ir_sx *pads[2 * IR_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        pads[i] = i < 2 ? mk_sx(k, 0) : w->lead[i - 2];
        pads[rank + i] = i < 2 ? mk_sx(k, 0) : w->trail[i - 2];
    }
    ir_value *in[2] = {x, zero ? mk_cast(k, zero, x->type->dtype) : mk_integer(k, x->type->dtype, 0)};
    ir_inst *pad = mk_begin(k, IR_pad, 2, in);
    mk_sxs(k, pad, "pads", 2 * rank, pads);
    return mk_end(k, pad, 1);
}

static void copy_attributes(const ir_inst *from, ir_inst *to)
{
    for (int i = 0; i < op_get(to->op)->nattr; i++) to->attr[i] = from->attr[i];
}

/* The product of the new operands; zero: of x, which a convolution has around it. */
static ir_value *multiplied(mk *k, const product *p, ir_value *x, ir_value *w, ir_value *zero)
{
    if (!p->convolution) return mk_op2(k, IR_matmul_integer, x, w);
    window win;
    window_of(k->m, p->inst, &win);
    const bool pads = (zero || p->tiled || p->copied) && is_padded(&win);
    if (pads) x = is_static(x) && is_static(p->inst->out[0]) ? surrounded(k, p, &win, x, zero) : padded(k, &win, x, zero);
    else if (p->copied && x == p->x) x = copy_of(k, x);
    ir_value *in[2] = {x, w};
    ir_inst *conv = mk_begin(k, IR_conv_integer, 2, in);
    copy_attributes(p->inst, conv);
    if (pads) {
        const int64_t none[6] = {0};
        mk_text(k, conv, "auto_pad", "NOTSET");
        mk_ints(k, conv, "pads", 2 * win.n, none);
    }
    return mk_end(k, conv, 1);
}

/* ---- all --------------------------------------------------------------------------------------- */

/* zw (sum x - K zx) where weights keep a zero point; NULL where none does. */
static ir_value *row_part(mk *k, const product *p, ir_value *x, ir_value *zero)
{
    bool any = false;
    for (int64_t n = 0; n < p->n && !p->inside; n++) any |= zero_of_column(p, 0, n) != 0;
    if (!any) return NULL;
    ir_value *rows = mk_reduce(k, IR_reduce_sum, mk_cast(k, x, DT_i32), 1u << (x->type->rank - 1), true);
    if (zero) rows = mk_op2(k, IR_sub, rows, mk_op2(k, IR_mul, zero, mk_integer(k, DT_i32, p->k)));
    return mk_op2(k, IR_mul, rows, by_column(k, p, zero_of_column));
}

static ir_value *written(mk *k, product *p)
{
    const bool turns = p->type_x != p->x->type->dtype;
    ir_value *x = turned(k, turns && p->copied ? copy_of(k, p->x) : p->x, p->type_x), *zero = new_zero(k, p);
    ir_value *y = multiplied(k, p, x, new_weights(k, p), zero), *rows = row_part(k, p, x, zero);
    y->name = p->inst->out[0]->name;
    if (zero && zero->def && zero->def->op == IR_const) y = mk_op2(k, IR_sub, y, by_column(k, p, taken_off));
    else if (zero) y = mk_op2(k, IR_sub, y, mk_op2(k, IR_mul, zero, by_column(k, p, sum_of_column)));
    return rows ? mk_op2(k, IR_sub, y, rows) : y;
}

static bool is_to_be_padded(mk *k, const product *p)
{
    window win;
    if (!p->tiled || !p->convolution) return false;
    window_of(k->m, p->inst, &win);
    return is_padded(&win);
}

/* Is it there already, with nothing to take off? */
static bool is_written(mk *k, const product *p) { return !p->copied && !is_to_be_padded(k, p) && !p->zero_x && !ir_operand(p->inst, 3) && p->type_x == p->x->type->dtype && p->type_w == p->w->type->dtype; }

static void rewrite(void *env, ir_inst *inst)
{
    rewriter *r = env;
    ir_module *m = r->ctx->m;
    if (inst->op != IR_matmul_integer && inst->op != IR_conv_integer) return;
    product p = {.inst = inst, .x = inst->in[0], .w = inst->in[1], .zero_x = ir_operand(inst, 2), .convolution = inst->op == IR_conv_integer};
    mk k = {.m = m, .block = inst->block, .before = inst, .at = inst->at, .scope = inst->scope, .hints = inst->hints};
    if (!read_weights(&p) || !has_plain_zero(&p)) return;
    p.tiled = fills_tiles(r, &p);
    p.copied = is_to_be_copied(r, &p);
    if (p.apart && !p.copied) return;
    if (!choose_types(r, &p) || is_written(&k, &p)) return;
    ir_inst *before = inst->prev;
    ir_value *y = written(&k, &p);
    for (ir_inst *i = before ? before->next : inst->block->first; i != inst; i = i->next) ir_add_origin(m, i, inst);
    ir_replace_uses(inst->out[0], y);
    ir_erase(inst);
    r->changed = true;
}

bool pass_dots(pass_ctx *ctx)
{
    rewriter r = {.ctx = ctx, .device = ctx->options->device};
    if (!r.device || !r.device->chosen || !r.device->chosen->vector_bits) return false;
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, rewrite, &r);
    return r.changed;
}
