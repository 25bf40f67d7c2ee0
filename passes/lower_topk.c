/* The k best along an axis. They are kept in the results, as a heap whose root is the first to go: an element that comes
 * before it takes its place and sinks to where it belongs. In the end the heap is sorted, from its last place to its first.
 * That takes no memory of its own, and n log k steps at most. */
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

typedef struct {
    const ir_inst *inst;
    bool largest, keys; /* keys: an entry is one number */
    int axis;
    const ir_sx *n, *k;
    const ir_sx *row[IR_MAX_RANK]; /* the one at hand */
} heap;

/* An element and its number on the axis, or where i is NULL both as one number, its key. */
typedef struct {
    const kir_expr *x, *i;
} entry;

static const ir_sx *num(lw *l, int64_t v) { return sx_int(l->sx, v); }
static const kir_expr *as_number(lw *l, const ir_sx *x) { return kir_cast(&l->b, DT_i64, kir_index(&l->b, x)); }
static void assign(lw *l, kir_buffer *into, const kir_expr *value) { kir_store(&l->b, into, num(l, 0), value); }

/* A number that is a place of the heap by what the kernel does, as an index. */
static const ir_sx *place(lw *l, const heap *h, const char *name, const kir_expr *number)
{
    kir_builder *b = &l->b;
    const ir_sx *last = sx_sub(l->sx, h->k, num(l, 1));
    if (sx_is(last, 0)) return last;
    const kir_expr *x = kir_binary(b, KB_MAX, kir_cast(b, KIR_INDEX_TYPE, number), kir_int(b, KIR_INDEX_TYPE, 0));
    return kir_let_index(b, name, kir_binary(b, KB_MIN, x, kir_index(b, last)), 0, sx_max(last));
}

static const ir_sx *const *at(const heap *h, const ir_sx *place_, const ir_sx **index)
{
    memcpy(index, h->row, sizeof h->row);
    index[h->axis] = place_;
    return index;
}

static const kir_expr *element(lw *l, const heap *h, const ir_sx *i)
{
    const ir_sx *index[IR_MAX_RANK];
    map_init(&l->memo, l->m->arena); /* at this place */
    return lw_load(l, h->inst->in[0], at(h, i, index));
}

static const kir_expr *name_part(lw *l, const char *part, const char *of, const kir_expr *value)
{
    return lw_named(l, *of ? arena_printf(l->m->arena, "%s_%s", part, of) : part, value);
}

/* of: what the names of its parts end in, or "". */
static entry load(lw *l, const heap *h, const char *of, const ir_sx *from)
{
    const ir_sx *index[IR_MAX_RANK];
    at(h, from, index);
    if (h->keys) return (entry){name_part(l, "key", of, lw_stored(l, 1, index)), NULL};
    const kir_expr *x = name_part(l, "x", of, lw_stored(l, 0, index));
    return (entry){x, name_part(l, "i", of, lw_stored(l, 1, index))};
}

static void store(lw *l, const heap *h, const ir_sx *to, entry e)
{
    const ir_sx *index[IR_MAX_RANK];
    at(h, to, index);
    if (e.i) lw_store(l, 0, index, e.x);
    lw_store(l, 1, index, e.i ? e.i : e.x);
}

/* ---- entries in one number ---------------------------------------------------------------------- */

/* Elements of 32 bits at most, and their numbers, as one integer each, which the result of numbers holds for the while: the one that
 * comes first is the largest. Its high half goes up with the element, -0 being 0 and all NaN the largest, or down where the smallest
 * are asked for; its low half goes down with the number. */
static const int64_t high_one = INT64_C(1) << 32;

static bool fits_one_number(const heap *h)
{
    const nfc_dtype t = (nfc_dtype)kir_compute(h->inst->in[0]->type->dtype);
    return (t == DT_f32 || t == DT_i32 || t == DT_u32) && sx_max(h->n) < high_one / 2;
}

static const kir_expr *whole(lw *l, int64_t n) { return kir_int(&l->b, DT_i64, n); }

static const kir_expr *ordered(lw *l, const kir_expr *x)
{
    kir_builder *b = &l->b;
    if (x->type == DT_u32) return lw_bin(l, SUB, kir_cast(b, DT_i64, x), whole(l, high_one / 2));
    if (x->type == DT_i32) return kir_cast(b, DT_i64, x);
    const kir_expr *zero = lw_number(l, DT_f32, 0), *largest = kir_int(b, DT_i32, INT32_MAX);
    const kir_expr *bits = lw_named(l, "bits", kir_bits(b, DT_i32, lw_sel(l, lw_bin(l, EQ, x, zero), zero, x)));
    const kir_expr *up = lw_sel(l, lw_bin(l, LT, bits, kir_int(b, DT_i32, 0)), lw_bin(l, BXOR, bits, largest), bits);
    return kir_cast(b, DT_i64, lw_sel(l, lw_bin(l, EQ, x, x), up, largest));
}

static const kir_expr *key_of(lw *l, const heap *h, const kir_expr *x, const ir_sx *i)
{
    const kir_expr *high = ordered(l, x);
    if (!h->largest) high = lw_bin(l, SUB, whole(l, -1), high);
    return lw_named(l, "key", lw_bin(l, SUB, lw_bin(l, ADD, lw_bin(l, MUL, high, whole(l, high_one)), whole(l, high_one - 1)), as_number(l, i)));
}

/* The number of the element that a key is of. */
static const ir_sx *number_in(lw *l, const heap *h, const kir_expr *key)
{
    const ir_sx *last = sx_sub(l->sx, h->n, num(l, 1));
    const kir_expr *i = kir_cast(&l->b, KIR_INDEX_TYPE, lw_bin(l, SUB, whole(l, high_one - 1), lw_bin(l, BAND, key, whole(l, high_one - 1))));
    if (sx_is(last, 0)) return last;
    return kir_let_index(&l->b, "number", kir_binary(&l->b, KB_MIN, kir_binary(&l->b, KB_MAX, i, kir_index(&l->b, num(l, 0))), kir_index(&l->b, last)), 0, sx_max(last));
}

/* ---- the heap ---------------------------------------------------------------------------------- */

/* The entry of an element of the row. */
static entry entry_of(lw *l, const heap *h, const kir_expr *x, const ir_sx *i)
{
    return h->keys ? (entry){key_of(l, h, x, i), NULL} : (entry){x, as_number(l, i)};
}

/* Does a come before b in the order of the results? NaN counts as the largest. */
static const kir_expr *comes_before(lw *l, const heap *h, entry a, entry b)
{
    if (h->keys) return lw_bin(l, LT, b.x, a.x);
    const kir_expr *before = h->largest ? lw_bin(l, LT, b.x, a.x) : lw_bin(l, LT, a.x, b.x), *equal = lw_bin(l, EQ, a.x, b.x);
    if (dtype_is_float((nfc_dtype)a.x->type)) {
        const kir_expr *nan_a = lw_bin(l, NE, a.x, a.x), *nan_b = lw_bin(l, NE, b.x, b.x);
        const kir_expr *only = h->largest ? lw_bin(l, AND, nan_a, lw_un(l, NOT, nan_b)) : lw_bin(l, AND, lw_un(l, NOT, nan_a), nan_b);
        before = lw_bin(l, OR, before, only);
        equal = lw_bin(l, OR, equal, lw_bin(l, AND, nan_a, nan_b));
    }
    return lw_bin(l, OR, before, lw_bin(l, AND, equal, lw_bin(l, LT, a.i, b.i)));
}

/* An element may come before another only if this holds; it does where one of them is NaN. */
static const kir_expr *may_come_before(lw *l, const heap *h, const kir_expr *x, const kir_expr *other)
{
    return lw_un(l, NOT, h->largest ? lw_bin(l, LE, x, other) : lw_bin(l, LE, other, x));
}

/* Where the first of the two below a place is. */
static const kir_expr *below_of(lw *l, const ir_sx *at_) { return as_number(l, sx_add(l->sx, sx_mul(l->sx, at_, num(l, 2)), num(l, 1))); }

/* Puts an entry where it belongs from a place on, of the first `size`: below come only those that come before it. */
static void sink(lw *l, const heap *h, entry e, const ir_sx *from, const ir_sx *size)
{
    kir_builder *b = &l->b;
    const ir_sx *one = num(l, 1);
    int64_t levels = 0;
    while (sx_max(h->k) >> (levels + 1)) levels++;
    kir_buffer *hole = lw_accumulator(l, "hole", DT_i64, as_number(l, from)), *below = lw_accumulator(l, "below", DT_i64, below_of(l, from));
    lw_for(l, "level", num(l, levels));
    lw_if(l, lw_bin(l, LT, lw_read(l, below), as_number(l, size))); /* there is a place, and the entry may go there */
    const ir_sx *left = place(l, h, "left", lw_read(l, below));
    const ir_sx *right = kir_let_index(b, "right", kir_binary(b, KB_MIN, kir_index(b, sx_add(l->sx, left, one)), kir_index(b, sx_sub(l->sx, size, one))), 0, sx_max(h->k) - 1);
    entry x = load(l, h, "left", left), y = load(l, h, "right", right);
    const kir_expr *turn = lw_named(l, "turn", comes_before(l, h, x, y));
    entry last = {name_part(l, h->keys ? "key" : "x", "last", lw_sel(l, turn, y.x, x.x)), NULL};
    if (!h->keys) last.i = lw_named(l, "i_last", lw_sel(l, turn, y.i, x.i));
    const kir_expr *sinks = lw_named(l, "sinks", comes_before(l, h, e, last));
    assign(l, below, lw_sel(l, sinks, lw_sel(l, turn, below_of(l, right), below_of(l, left)), as_number(l, size)));
    lw_if(l, sinks);
    store(l, h, place(l, h, "to", lw_read(l, hole)), last);
    assign(l, hole, lw_sel(l, turn, as_number(l, right), as_number(l, left)));
    lw_close(l, 3);
    store(l, h, place(l, h, "to", lw_read(l, hole)), e);
}

/* The first k elements, then in the order of a heap. */
static void fill(lw *l, const heap *h)
{
    const ir_sx *i = lw_for(l, "i", h->k);
    store(l, h, i, entry_of(l, h, element(l, h, i), i));
    lw_close(l, 1);
    if (sx_max(h->k) < 2) return;
    const ir_sx *half = sx_is_const(h->k) ? sx_div(l->sx, h->k, 2) : h->k; /* the others have none below them; of a k that the run knows the verifier does not see that half of it is less */
    const ir_sx *turned = lw_for(l, "p", half), *p = sx_sub(l->sx, sx_sub(l->sx, half, num(l, 1)), turned);
    sink(l, h, load(l, h, "", p), p, h->k);
    lw_close(l, 1);
}

/* The others, each of which may take the place of the root. */
static void pass_by(lw *l, const heap *h)
{
    const ir_sx *i = kir_for(&l->b, KIR_SERIAL, "i", h->k, h->n);
    entry e = {lw_named(l, "x", element(l, h, i)), as_number(l, i)};
    entry root = load(l, h, "root", num(l, 0));
    lw_if(l, may_come_before(l, h, e.x, root.x));
    lw_if(l, comes_before(l, h, e, root));
    sink(l, h, e, num(l, 0), h->k);
    lw_close(l, 3);
}

/* From the last place on each takes the root, which sinks no more. */
static void sort(lw *l, const heap *h)
{
    if (sx_max(h->k) < 2) return;
    const ir_sx *turned = lw_for(l, "p", sx_sub(l->sx, h->k, num(l, 1))), *p = sx_sub(l->sx, sx_sub(l->sx, h->k, num(l, 1)), turned);
    entry e = load(l, h, "", p);
    store(l, h, p, load(l, h, "root", num(l, 0)));
    sink(l, h, e, num(l, 0), p);
    lw_close(l, 1);
}

/* As pass_by(), of keys. bar: the element at the root. */
static void pass_keys_by(lw *l, const heap *h)
{
    const ir_sx *root = number_in(l, h, load(l, h, "root", num(l, 0)).x);
    const kir_expr *first = element(l, h, root);
    kir_buffer *bar = lw_accumulator(l, "bar", first->type, first);
    const ir_sx *i = kir_for(&l->b, KIR_SERIAL, "i", h->k, h->n);
    const kir_expr *x = lw_named(l, "x", element(l, h, i));
    lw_if(l, may_come_before(l, h, x, lw_read(l, bar)));
    entry e = entry_of(l, h, x, i);
    lw_if(l, comes_before(l, h, e, load(l, h, "root", num(l, 0))));
    sink(l, h, e, num(l, 0), h->k);
    assign(l, bar, element(l, h, number_in(l, h, load(l, h, "root", num(l, 0)).x)));
    lw_close(l, 3);
}

/* In place of each key what it is of. */
static void unpack(lw *l, const heap *h)
{
    const ir_sx *p = lw_for(l, "p", h->k), *i = number_in(l, h, load(l, h, "", p).x);
    store(l, h, p, (entry){element(l, h, i), as_number(l, i)});
    lw_close(l, 1);
}

bool lo_topk(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->in[0]->type;
    heap h = {.inst = inst, .largest = ir_int(inst, ATTR_AT(topk, largest)), .axis = (int)ir_int(inst, ATTR_AT(topk, axis))};
    if (h.axis < 0) h.axis += t->rank;
    h.n = t->dim[h.axis];
    h.k = inst->out[0]->type->dim[h.axis];
    if (ir_max_elements(inst->out[0]->type) == 0) return true;
    int loops = lw_for_axes(l, t, ((1u << t->rank) - 1) & ~(1u << h.axis), true, h.row);
    const bool perhaps = sx_min(h.k) < 1; /* elements at all */
    if (perhaps) lw_if(l, lw_bin(l, LT, kir_index(&l->b, num(l, 0)), kir_index(&l->b, h.k)));
    h.keys = fits_one_number(&h);
    fill(l, &h);
    if (h.keys) pass_keys_by(l, &h);
    else pass_by(l, &h);
    sort(l, &h);
    if (h.keys) unpack(l, &h);
    lw_close(l, loops + perhaps);
    return true;
}
