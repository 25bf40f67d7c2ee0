/* The transforms around the products of Winograd's convolution (ir/winograd.h), with few sums: what the points +p and
 * -p share is worked out once. Lanes run along the channels. */
#include "ir/winograd.h"

#include "ir/shape.h"
#include "passes/lower_kir.h"
#include "passes/sched.h"

/* One transform: a column or a row of a square in, of another one out. */
typedef struct {
    const kir_expr *in[WINOGRAD_MOST], *out[WINOGRAD_MOST];
} line_of;

/* x + y * factor, in one rounding where the device can. */
static const kir_expr *plus(lw *l, const kir_expr *x, const kir_expr *y, double factor)
{
    const struct sched_target *target = l->plan->plan->target;
    if (factor == 1) return lw_bin(l, ADD, x, y);
    if (factor == -1) return lw_bin(l, SUB, x, y);
    if (target && sched_has_fma(target, y->type)) return kir_fma(&l->b, y, lw_number(l, y->type, factor), x);
    const kir_expr *product = lw_bin(l, MUL, y, lw_number(l, y->type, factor < 0 ? -factor : factor));
    return factor < 0 ? lw_bin(l, SUB, x, product) : lw_bin(l, ADD, x, product);
}

/* Says in the kernel which of the algorithm's forms it is of. */
static void note_form(lw *l, const winograd *w) { kir_note(&l->b, arena_printf(l->m->arena, "Winograd's F(%d x %d, 3 x 3)%s", w->tile, w->tile, w->stride > 1 ? " of stride 2" : "")); }

/* ---- the input ----------------------------------------------------------------------------- */

/* Of every stride-th element, row 0 and the last row are the product of all x^2 - p^2, times x in the last; those of +p and -p leave a factor out:
 * x (x +- p) times the other pair. The elements between stay as they are. */
static void evaluate(lw *l, const winograd *w, line_of *line)
{
    const kir_expr *d[WINOGRAD_MOST];
    int last = w->rows - 1;
    for (int k = 0; k < w->rows; k++) d[k] = line->in[k * w->stride];
    for (int k = 0; k < w->size - w->rows; k++) line->out[w->rows + k] = line->in[2 * k + 1];
    for (int end = 0; end < 2; end++) {
        line->out[end * last] = d[end + last - 1]; /* the highest power has the factor 1 */
        for (int k = last - 3; k >= 0; k -= 2) line->out[end * last] = plus(l, line->out[end * last], d[end + k], w->input[end * last][(end + k) * w->stride]);
    }
    for (int i = 0; i < w->pairs; i++) {
        double other = w->pairs > 1 ? w->point[1 - i] * w->point[1 - i] : 0;
        const kir_expr *even = d[last - 1], *odd = d[last - 2];
        if (w->pairs > 1) {
            even = lw_named(l, "even", plus(l, even, d[last - 3], -other));
            odd = lw_named(l, "odd", plus(l, odd, d[last - 4], -other));
        }
        line->out[1 + 2 * i] = plus(l, even, odd, w->point[i]);
        line->out[2 + 2 * i] = plus(l, even, odd, -w->point[i]);
    }
}

/* The square that is being read. */
typedef struct {
    const ir_inst *inst;
    const winograd *w;
    const ir_sx *at[4];      /* n, c, the coordinates of its first element */
    const ir_sx *tile[2];    /* which it is */
    kir_buffer *padded;      /* it with zeros around; NULL: it lies inside of x */
} square;

static const ir_sx *place(lw *l, const winograd *w, const ir_sx *row, const ir_sx *column) { return sx_add(l->sx, sx_mul(l->sx, row, sx_int(l->sx, w->size)), column); }

/* Its element in row i and column j. */
static const kir_expr *element(lw *l, const square *s, const ir_sx *i, const ir_sx *j)
{
    if (s->padded) return kir_load(&l->b, s->padded, place(l, s->w, i, j));
    const ir_sx *from[4] = {s->at[0], s->at[1], sx_add(l->sx, s->at[2], i), sx_add(l->sx, s->at[3], j)};
    return lw_load(l, s->inst->in[0], from);
}

/* Its columns, then its rows. */
static void transform_square(lw *l, const square *s)
{
    int size = s->w->size;
    const ir_sx *zero = sx_int(l->sx, 0), *end = sx_int(l->sx, size);
    nfc_dtype t = (nfc_dtype)kir_compute(s->inst->out[0]->type->dtype);
    kir_buffer *columns = kir_alloc(&l->b, "columns", t, size * size);
    line_of line;
    const ir_sx *j = kir_for(&l->b, KIR_UNROLL, "j", zero, end);
    for (int i = 0; i < size; i++) line.in[i] = lw_named(l, "d", element(l, s, sx_int(l->sx, i), j));
    evaluate(l, s->w, &line);
    for (int i = 0; i < size; i++) kir_store(&l->b, columns, place(l, s->w, sx_int(l->sx, i), j), line.out[i]);
    lw_close(l, 1);
    const ir_sx *i = kir_for(&l->b, KIR_UNROLL, "i", zero, end);
    for (int k = 0; k < size; k++) line.in[k] = lw_named(l, "e", kir_load(&l->b, columns, place(l, s->w, i, sx_int(l->sx, k))));
    kir_buffer *row = kir_alloc(&l->b, "row", t, size);
    evaluate(l, s->w, &line);
    for (int k = 0; k < size; k++) kir_store(&l->b, row, sx_int(l->sx, k), line.out[k]);
    const ir_sx *k = kir_for(&l->b, KIR_UNROLL, "k", zero, end);
    lw_store(l, 0, (const ir_sx *const[]){i, k, s->at[0], s->tile[0], s->tile[1], s->at[1]}, kir_load(&l->b, row, k));
    lw_close(l, 2);
}

/* The elements of x, and zeros around it. */
static void fill_padded(lw *l, square *s, const ir_sx *const *top_left, const ir_type *x)
{
    static const char *const names[2][2] = {{"i", "ih"}, {"j", "iw"}};
    const ir_sx *step[2], *from[4] = {s->at[0], s->at[1]}, *size = sx_int(l->sx, s->w->size);
    kir_type t = kir_compute(x->dtype);
    for (int k = 0; k < 2; k++) step[k] = kir_for(&l->b, KIR_UNROLL, names[k][0], sx_int(l->sx, 0), size);
    kir_store(&l->b, s->padded, place(l, s->w, step[0], step[1]), lw_number(l, t, 0));
    for (int k = 0; k < 2; k++) {
        const ir_sx *in = sx_add(l->sx, top_left[k], step[k]);
        lw_if(l, lw_inside(l, in, x->dim[2 + k]));
        from[2 + k] = kir_let_index(&l->b, names[k][1], kir_index(&l->b, in), 0, sx_max(x->dim[2 + k]) - 1);
    }
    kir_store(&l->b, s->padded, place(l, s->w, step[0], step[1]), lw_load(l, s->inst->in[0], from));
    lw_close(l, 4);
}

/* A square that lies inside of x, or else one with zeros around. */
static void read_square(lw *l, square *s, const ir_sx *const *top_left)
{
    static const char *const names[2] = {"ih", "iw"};
    const ir_type *x = s->inst->in[0]->type;
    const kir_expr *inside = NULL;
    bool fits = true;
    for (int k = 0; k < 2; k++) {
        int64_t room = sx_value(x->dim[2 + k]) - s->w->size;
        fits &= room >= 0;
        const kir_expr *here = lw_inside(l, top_left[k], sx_int(l->sx, room + 1));
        inside = inside ? lw_bin(l, AND, inside, here) : here;
    }
    bool always = inside->kind == KIR_CONST && inside->integer;
    if (fits) {
        if (!always) lw_if(l, inside);
        for (int k = 0; k < 2; k++) s->at[2 + k] = always ? top_left[k] : kir_let_index(&l->b, names[k], kir_index(&l->b, top_left[k]), 0, sx_value(x->dim[2 + k]) - s->w->size);
        transform_square(l, s);
        lw_close(l, !always);
        if (always) return;
        lw_if(l, kir_unary(&l->b, KU_NOT, inside));
    }
    s->padded = kir_alloc(&l->b, "padded", (nfc_dtype)kir_compute(x->dtype), s->w->size * s->w->size);
    fill_padded(l, s, top_left, x);
    transform_square(l, s);
    lw_close(l, fits);
}

bool lo_winograd_input(lw *l, const ir_inst *inst)
{
    const ir_type *y = inst->out[0]->type;
    winograd_area a;
    winograd w;
    winograd_input_of(inst, &a);
    winograd_of(ir_int(inst, ATTR_AT(winograd_input, tile)), &w);
    const ir_sx *n = lw_for_parallel(l, "n", y->dim[2]), *th = lw_for_parallel(l, "th", y->dim[3]), *tw = lw_for_parallel(l, "tw", y->dim[4]), *ci = lw_for_parallel(l, "ci", y->dim[5]);
    note_form(l, &w);
    const ir_sx *tile = sx_int(l->sx, w.tile), *top_left[2] = {sx_add(l->sx, inst->index[0], sx_mul(l->sx, th, tile)), sx_mul(l->sx, tw, tile)};
    for (int k = 0; k < 2; k++) top_left[k] = sx_sub(l->sx, sx_mul(l->sx, top_left[k], sx_int(l->sx, w.stride)), sx_int(l->sx, a.before[k]));
    square s = {.inst = inst, .w = &w, .at = {n, ci}, .tile = {th, tw}};
    read_square(l, &s, top_left);
    lw_close(l, 4);
    return true;
}

/* ---- the results --------------------------------------------------------------------------- */

/* Result k is the sum over the pairs of p^k (+p's product and (-1)^k -p's), with that of 0 in the first and
 * that of infinity in the last; of stride 2, its own product with the middle of the window is added. */
static void interpolate(lw *l, const winograd *w, line_of *line)
{
    const kir_expr *const *m = line->in;
    for (int k = 0; k < w->tile; k++) line->out[k] = k == 0 ? m[0] : k == w->tile - 1 ? m[w->rows - 1] : NULL;
    for (int i = 0; i < w->pairs; i++) {
        const kir_expr *both[2] = {lw_named(l, "sum", lw_bin(l, ADD, m[1 + 2 * i], m[2 + 2 * i])), lw_named(l, "difference", lw_bin(l, SUB, m[1 + 2 * i], m[2 + 2 * i]))};
        for (int k = 0; k < w->tile; k++) {
            double factor = w->output[k][1 + 2 * i];
            if (line->out[k]) line->out[k] = plus(l, line->out[k], both[k % 2], factor);
            else line->out[k] = factor == 1 ? both[k % 2] : lw_bin(l, MUL, both[k % 2], lw_number(l, both[0]->type, factor));
        }
    }
    for (int k = 0; k < w->size - w->rows; k++) line->out[k] = lw_bin(l, ADD, line->out[k], m[w->rows + k]);
}

/* Is the tile's result at `at` one of the results? Opens a guard where that is not certain. */
static const ir_sx *result_at(lw *l, const char *name, const ir_sx *at, const ir_sx *extent, int *opened)
{
    const kir_expr *inside = lw_inside(l, at, extent);
    if (inside->kind == KIR_CONST && inside->integer) return at;
    lw_if(l, inside);
    ++*opened;
    return kir_let_index(&l->b, name, kir_index(&l->b, at), 0, sx_max(extent) - 1);
}

bool lo_winograd_output(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    const ir_value *bias = ir_operand(inst, 1);
    nfc_dtype t = (nfc_dtype)kir_compute(y->dtype);
    winograd w;
    line_of line;
    winograd_of(winograd_tile_of(sx_value(x->dim[0])), &w);
    const ir_sx *zero = sx_int(l->sx, 0), *size = sx_int(l->sx, w.size), *tile = sx_int(l->sx, w.tile);
    const ir_sx *n = lw_for_parallel(l, "n", x->dim[2]), *th = lw_for_parallel(l, "th", x->dim[3]), *tw = lw_for_parallel(l, "tw", x->dim[4]), *co = lw_for_parallel(l, "co", x->dim[5]);
    note_form(l, &w);
    kir_buffer *columns = kir_alloc(&l->b, "columns", t, w.tile * w.size);
    const ir_sx *j = kir_for(&l->b, KIR_UNROLL, "j", zero, size);
    for (int i = 0; i < w.size; i++) line.in[i] = lw_named(l, "m", lw_load(l, inst->in[0], (const ir_sx *const[]){sx_int(l->sx, i), j, n, th, tw, co}));
    interpolate(l, &w, &line);
    for (int k = 0; k < w.tile; k++) kir_store(&l->b, columns, place(l, &w, sx_int(l->sx, k), j), line.out[k]);
    lw_close(l, 1);
    int rows = 1, one = 1;
    const ir_sx *i = kir_for(&l->b, KIR_UNROLL, "i", zero, tile);
    const ir_sx *oh = result_at(l, "oh", sx_add(l->sx, sx_mul(l->sx, th, tile), i), y->dim[2], &rows);
    kir_buffer *row = kir_alloc(&l->b, "row", t, w.tile);
    for (int k = 0; k < w.size; k++) line.in[k] = lw_named(l, "e", kir_load(&l->b, columns, place(l, &w, i, sx_int(l->sx, k))));
    interpolate(l, &w, &line);
    for (int k = 0; k < w.tile; k++) kir_store(&l->b, row, sx_int(l->sx, k), line.out[k]);
    const ir_sx *k = kir_for(&l->b, KIR_UNROLL, "k", zero, tile);
    const ir_sx *ow = result_at(l, "ow", sx_add(l->sx, sx_mul(l->sx, tw, tile), k), y->dim[3], &one);
    const kir_expr *value = kir_load(&l->b, row, k);
    lw_store(l, 0, (const ir_sx *const[]){n, co, oh, ow}, bias ? lw_bin(l, ADD, value, lw_load(l, bias, &co)) : value);
    lw_close(l, one + rows + 4);
    return true;
}
