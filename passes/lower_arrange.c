/* Ops that turn, crop and count: eye_like, reverse_sequence, center_crop_pad, tfidf_vectorizer. */
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }
static const kir_expr *at_index(lw *l, const ir_sx *x) { return kir_index(&l->b, x); }

const kir_expr *lx_eye_like(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    kir_type t = kir_compute(inst->out[0]->type->dtype);
    const ir_sx *diagonal = sx_add(l->sx, index[0], sx_int(l->sx, ir_int(inst, ATTR_AT(eye_like, k))));
    const kir_expr *here = lw_bin(l, EQ, at_index(l, diagonal), at_index(l, index[1]));
    if (t == DT_bool) return here;
    return lw_sel(l, here, lw_number(l, t, 1), lw_number(l, t, 0));
}

const kir_expr *lx_reverse_sequence(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    kir_builder *b = &l->b;
    int batch = (int)ir_int(inst, ATTR_AT(reverse_sequence, batch_axis)), time = 1 - batch;
    const ir_sx *extent = inst->in[0]->type->dim[time], *last = sx_sub(l->sx, extent, sx_int(l->sx, 1)), *from[IR_MAX_RANK];
    const kir_expr *none = at_index(l, zero(l)), *given = kir_cast(b, KIR_INDEX_TYPE, lw_load(l, inst->in[1], &index[batch]));
    const ir_sx *raw = kir_let_index(b, "length", given, INT64_MIN, INT64_MAX);
    kir_if(b, lw_bin(l, OR, lw_bin(l, LT, at_index(l, raw), none), lw_bin(l, LT, at_index(l, extent), at_index(l, raw))));
    kir_fail(b, KIR_FAIL_INDEX);
    kir_close(b);
    const kir_expr *turned = at_index(l, sx_sub(l->sx, sx_sub(l->sx, raw, sx_int(l->sx, 1)), index[time]));
    const kir_expr *at = lw_sel(l, lw_bin(l, LT, at_index(l, index[time]), at_index(l, raw)), turned, at_index(l, index[time]));
    memcpy(from, index, sizeof from[0] * (size_t)inst->in[0]->type->rank);
    from[time] = kir_let_index(b, "at", lw_bin(l, MIN, lw_bin(l, MAX, at, none), at_index(l, last)), 0, sx_max(last));
    return lw_load(l, inst->in[0], from);
}

/* How far elements of the result lie before those of the operand that they come from. */
static const ir_sx *centre_offset(lw *l, const ir_sx *from, const ir_sx *to)
{
    const ir_sx *less = sx_sub(l->sx, from, to), *more = sx_sub(l->sx, to, from);
    const ir_sx *cut = sx_div(l->sx, less, 2), *added = sx_sub(l->sx, zero(l), sx_div(l->sx, more, 2));
    if (sx_min(less) >= 0) return cut;
    if (sx_max(less) <= 0) return added;
    /* Both are worked out whatever the sign: a negative dividend is brought up by an even number first. */
    int64_t even = 2 * (sx_max(from) > sx_max(to) ? sx_max(from) : sx_max(to)), half = even / 2;
    cut = sx_sub(l->sx, sx_div(l->sx, sx_add(l->sx, less, sx_int(l->sx, even)), 2), sx_int(l->sx, half));
    added = sx_sub(l->sx, sx_int(l->sx, half), sx_div(l->sx, sx_add(l->sx, more, sx_int(l->sx, even)), 2));
    const kir_expr *offset = lw_sel(l, lw_bin(l, LE, at_index(l, to), at_index(l, from)), at_index(l, cut), at_index(l, added));
    return kir_let_index(&l->b, "offset", offset, -half - 1, half + 1);
}

/* An axis that may have no element is loaded only where it has one. */
const kir_expr *lx_center_crop_pad(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    const kir_expr *none = lw_number(l, kir_compute(x->dtype), 0);
    const ir_sx *from[IR_MAX_RANK];
    int guards = 0;
    if (ir_max_elements(x) == 0) return none;
    bool padded = false;
    for (int i = 0; i < x->rank; i++) padded |= x->dim[i] != y->dim[i] && sx_min(sx_sub(l->sx, x->dim[i], y->dim[i])) < 0;
    kir_buffer *element = padded ? lw_accumulator(l, "element", none->type, none) : NULL;
    for (int i = 0; i < x->rank; i++) {
        from[i] = index[i];
        if (x->dim[i] == y->dim[i]) continue;
        from[i] = sx_add(l->sx, index[i], centre_offset(l, x->dim[i], y->dim[i]));
        if (sx_min(sx_sub(l->sx, x->dim[i], y->dim[i])) >= 0) continue; /* cropped: always inside */
        lw_if(l, lw_inside(l, from[i], x->dim[i]));
        from[i] = kir_let_index(&l->b, "at", at_index(l, from[i]), 0, sx_max(x->dim[i]) - 1);
        guards++;
    }
    const kir_expr *value = lw_load(l, inst->in[0], from);
    if (!padded) return value;
    kir_store(&l->b, element, zero(l), value);
    lw_close(l, guards);
    return lw_read(l, element);
}

/* ---- tfidf_vectorizer ---------------------------------------------------------------------- */

typedef struct {
    const ir_inst *inst;
    const ir_sx *batch, *items; /* batch: NULL: one sequence */
    int longest;                /* n-gram */
    int64_t rows;               /* n-grams that count */
    kir_buffer *length, *first, *column, *weight; /* tables of them; weight: NULL: 1 */
    kir_buffer *found, *count;
} counting;

static void make_tables(lw *l, counting *t)
{
    const ir_inst *inst = t->inst;
    const ir_attr *column = &inst->attr[ATTR_AT(tfidf_vectorizer, ngram_indexes)];
    int64_t least = ir_int(inst, ATTR_AT(tfidf_vectorizer, min_gram_length)), most = ir_int(inst, ATTR_AT(tfidf_vectorizer, max_gram_length));
    int *length = ARENA_ARRAY(l->m->arena, int, column->n), n = 0;
    int64_t *first = ARENA_ARRAY(l->m->arena, int64_t, column->n);
    const ir_attr *weights = &inst->attr[ATTR_AT(tfidf_vectorizer, weights)];
    float *weight = ARENA_ARRAY(l->m->arena, float, column->n);
    int32_t *table[3];
    for (int i = 0; i < 3; i++) table[i] = ARENA_ARRAY(l->m->arena, int32_t, column->n);
    ngrams_of(inst, sx_value(inst->in[1]->type->dim[0]), length, first);
    for (int g = 0; g < column->n; g++) {
        if (length[g] < least || length[g] > most) continue;
        if (length[g] > t->longest) t->longest = length[g];
        weight[n] = weights->n ? (float)weights->fs[g] : 1;
        table[0][n] = length[g];
        table[1][n] = (int32_t)first[g];
        table[2][n++] = (int32_t)sx_value(column->sx[g]);
    }
    t->rows = n;
    if (n == 0) return;
    t->length = lw_table(l, "ngram_length", DT_i32, n, table[0]);
    t->first = lw_table(l, "ngram_first", DT_i32, n, table[1]);
    t->column = lw_table(l, "ngram_column", DT_i32, n, table[2]);
    bool weighs = weights->n && strcmp(inst->attr[ATTR_AT(tfidf_vectorizer, mode)].s, "TF") != 0;
    if (weighs) t->weight = lw_table(l, "ngram_weight", DT_f32, n, weight);
}

/* A number that a table has, as an index. */
static const ir_sx *looked_up(lw *l, const char *name, kir_buffer *table, const ir_sx *row, int64_t lo, int64_t hi)
{
    kir_builder *b = &l->b;
    const kir_expr *x = kir_cast(b, KIR_INDEX_TYPE, kir_load(b, table, row));
    return kir_let_index(b, name, lw_bin(l, MIN, lw_bin(l, MAX, x, kir_int(b, KIR_INDEX_TYPE, lo)), kir_int(b, KIR_INDEX_TYPE, hi)), lo, hi);
}

/* Character `j` of a string, or 0 behind its room. */
static const kir_expr *character(lw *l, const ir_value *v, const ir_sx **at, const ir_sx *j, const ir_sx *most)
{
    int last = v->type->rank - 1;
    const ir_sx *room = v->type->dim[last];
    at[last] = j;
    if (sx_max(most) <= sx_min(room)) return lw_load(l, v, at);
    kir_buffer *c = lw_accumulator(l, "c", DT_u32, kir_int(&l->b, DT_u32, 0));
    lw_if(l, lw_inside(l, j, room));
    at[last] = kir_let_index(&l->b, "j", at_index(l, j), 0, sx_max(room) - 1);
    kir_store(&l->b, c, zero(l), lw_load(l, v, at));
    lw_close(l, 1);
    return lw_read(l, c);
}

/* Clears t->found where an item of x is not that of the pool. */
static void compare_items(lw *l, const counting *t, const ir_sx *item, const ir_sx *of_pool)
{
    const ir_value *x = t->inst->in[0], *pool = t->inst->in[1];
    bool words = x->type->dtype == DT_u8;
    const ir_sx *at[3], *from[2] = {of_pool};
    int rank = 0, loops = 0;
    if (t->batch) at[rank++] = t->batch;
    at[rank++] = item;
    const kir_expr *a, *b;
    if (words) {
        const ir_sx *n = x->type->dim[rank], *m = pool->type->dim[1], *most = sx_max(n) > sx_max(m) ? n : m;
        const ir_sx *j = lw_for(l, "j", most);
        loops = 1;
        a = character(l, x, at, j, most);
        b = character(l, pool, from, j, most);
    } else {
        a = lw_load(l, x, at);
        b = lw_load(l, pool, from);
    }
    kir_store(&l->b, t->found, zero(l), lw_bin(l, AND, lw_read(l, t->found), lw_bin(l, EQ, a, b)));
    lw_close(l, loops);
}

/* Counts where the n-gram's items stand at one distance from each other. */
static void count_at(lw *l, const counting *t, const ir_sx *length, const ir_sx *first, const ir_sx *distance)
{
    const ir_sx *one = sx_int(l->sx, 1), *reach = sx_mul(l->sx, sx_sub(l->sx, length, one), distance), *last = sx_sub(l->sx, t->items, one);
    const ir_sx *start = lw_for(l, "start", t->items);
    lw_if(l, lw_bin(l, LT, at_index(l, sx_add(l->sx, start, reach)), at_index(l, t->items)));
    kir_store(&l->b, t->found, zero(l), kir_int(&l->b, DT_bool, 1));
    const ir_sx *i = lw_for(l, "i", length);
    const kir_expr *item = at_index(l, sx_add(l->sx, start, sx_mul(l->sx, i, distance)));
    const ir_sx *at = kir_let_index(&l->b, "item", lw_bin(l, MIN, item, at_index(l, last)), 0, sx_max(last));
    const kir_expr *of_pool = lw_bin(l, MIN, at_index(l, sx_add(l->sx, first, i)), kir_int(&l->b, KIR_INDEX_TYPE, sx_value(t->inst->in[1]->type->dim[0]) - 1));
    compare_items(l, t, at, kir_let_index(&l->b, "of_pool", of_pool, 0, sx_value(t->inst->in[1]->type->dim[0]) - 1));
    lw_close(l, 1);
    kir_accum(&l->b, KB_ADD, t->count, zero(l), lw_sel(l, lw_read(l, t->found), lw_number(l, DT_f32, 1), lw_number(l, DT_f32, 0)));
    lw_close(l, 2);
}

static const ir_sx **place(const counting *t, const ir_sx *column, const ir_sx **at)
{
    at[0] = t->batch;
    at[t->batch ? 1 : 0] = column;
    return at;
}

/* What an n-gram adds to its column. */
static const kir_expr *weighed(lw *l, const counting *t, const ir_sx *g)
{
    const char *mode = t->inst->attr[ATTR_AT(tfidf_vectorizer, mode)].s;
    const kir_expr *one = lw_number(l, DT_f32, 1), *none = lw_number(l, DT_f32, 0), *count = lw_read(l, t->count);
    if (strcmp(mode, "TF") == 0) return count;
    const kir_expr *weight = t->weight ? kir_load(&l->b, t->weight, g) : one;
    return strcmp(mode, "IDF") == 0 ? lw_sel(l, lw_bin(l, LT, none, count), weight, none) : lw_bin(l, MUL, weight, count);
}

bool lo_tfidf(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    const ir_sx *at[2], *size = y->dim[y->rank - 1], *one = sx_int(l->sx, 1);
    int64_t pool = sx_value(inst->in[1]->type->dim[0]), skips = ir_int(inst, ATTR_AT(tfidf_vectorizer, max_skip_count));
    counting t = {.inst = inst, .items = x->dim[y->rank - 1]};
    make_tables(l, &t);
    if (y->rank == 2) t.batch = lw_for_parallel(l, "n", y->dim[0]);
    const ir_sx *column = lw_for(l, "column", size);
    lw_store(l, 0, place(&t, column, at), lw_number(l, DT_f32, 0));
    lw_close(l, 1);
    if (t.rows && ir_max_elements(x) > 0) {
        t.found = lw_accumulator(l, "found", DT_bool, kir_int(&l->b, DT_bool, 0));
        t.count = lw_accumulator(l, "count", DT_f32, lw_number(l, DT_f32, 0));
        const ir_sx *g = lw_for(l, "g", sx_int(l->sx, t.rows));
        const ir_sx *length = looked_up(l, "length", t.length, g, 1, t.longest), *first = looked_up(l, "first", t.first, g, 0, pool - 1);
        kir_store(&l->b, t.count, zero(l), lw_number(l, DT_f32, 0));
        const ir_sx *distance = kir_for(&l->b, KIR_SERIAL, "distance", one, sx_int(l->sx, skips + 2));
        lw_if(l, lw_bin(l, OR, lw_bin(l, EQ, at_index(l, distance), at_index(l, one)), lw_bin(l, LT, at_index(l, one), at_index(l, length))));
        count_at(l, &t, length, first, distance);
        lw_close(l, 2);
        place(&t, looked_up(l, "column", t.column, g, 0, sx_value(size) - 1), at);
        lw_store(l, 0, at, lw_bin(l, ADD, lw_stored(l, 0, at), weighed(l, &t, g)));
        lw_close(l, 1);
    }
    lw_close(l, y->rank == 2);
    return true;
}
