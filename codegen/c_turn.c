/* Moves that turn a tile: what lies side by side in memory along one axis is stored so along another.
 *
 *     for v in 0..64 vector                          for v in 0, 16, 32, 48
 *       for i in 0..16 unroll                          nf_turn_u8x16(y + v, 784, x + 256 v, 256)
 *         y[v + 784 i] = x[256 v + i]
 *
 * A vector of each row is loaded, and rows become columns by steps that put together what two vectors begin, and end,
 * with. So many vectors of 16 bytes as one has elements make a square. Where a row has no more for a whole one, the last square
 * begins early enough to be; where it has less than one and at least half, its vector has two halves that both begin early
 * enough. What is moved twice is the same. */
#include <string.h>
#include "codegen/c_vector.h"

enum { SQUARE_BYTES = 16 };

typedef struct {
    const kir_stmt *store;
    nfc_dtype lane;                /* as an element is kept */
    int64_t side;                  /* elements of a square's row */
    int64_t rows;                  /* of all squares, along the loop inside */
    int64_t store_step, load_step; /* from row to row of what is stored, and of what is loaded */
} turned;

/* The type of numbers that elements are kept as; DT_COUNT: one that is moved otherwise. */
static nfc_dtype kept_as(nfc_dtype t)
{
    static const nfc_dtype lanes[] = {DT_u8, DT_i8, DT_u16, DT_i16, DT_u32, DT_i32, DT_f32};
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes && t != DT_bool; i++)
        if (strcmp(dtype_table[lanes[i]].c_type, dtype_table[t].c_type) == 0) return lanes[i];
    return DT_COUNT;
}

static bool lies_side_by_side(cg_module *c, const ir_sx *index, const ir_sym *near, const ir_sym *far, int64_t *step)
{
    int64_t one;
    return sx_step(&c->m->sx, index, near, &one) && one == 1 && sx_step(&c->m->sx, index, far, step) && *step != 0 && *step != 1;
}

/* Are the lanes of a loop, and the rows inside of it, whole squares that are moved as they are? */
static bool find(cg_module *c, const kir_stmt *lanes, turned *t)
{
    const kir_stmt *rows = lanes->body.n == 1 ? lanes->body.at[0] : NULL;
    if (!rows || rows->kind != KIR_FOR || rows->loop != KIR_UNROLL || rows->body.n != 1 || !sx_is(rows->begin, 0)) return false;
    const kir_stmt *s = rows->body.at[0];
    if (s->kind != KIR_STORE || s->value->kind != KIR_LOAD || s->value->integer) return false;
    const kir_buffer *to = s->buffer, *from = s->value->buffer;
    const bool global = to->space == KIR_GLOBAL && from->space == KIR_GLOBAL && !from->written, local = to->space == KIR_LOCAL && from->space == KIR_LOCAL && to != from;
    if (!(global || local) || to->dtype != from->dtype || kept_as(to->dtype) == DT_COUNT) return false;
    *t = (turned){.store = s, .lane = kept_as(to->dtype), .side = SQUARE_BYTES / (int64_t)dtype_bytes(to->dtype)};
    if (!sx_is_const(lanes->end) || sx_value(lanes->end) % t->side || !sx_is_const(rows->end) || sx_value(rows->end) < t->side / 2) return false;
    t->rows = sx_value(rows->end);
    return lies_side_by_side(c, s->index, lanes->var->sym, rows->var->sym, &t->store_step) && lies_side_by_side(c, s->value->index, rows->var->sym, lanes->var->sym, &t->load_step);
}

/* "0, 16, 1, 17, ...": what two vectors have from `first` on, in turn. */
static void put_numbers(text *t, int64_t first, int64_t side)
{
    for (int64_t i = 0; i < side; i++) put(t, ", %lld", (long long)(first + i / 2 + (i % 2 ? side : 0)));
}

/* b = a with what vector i and the one half of all behind it have, in turn; and so on until rows are columns. Returns whether b
 * has them. */
static bool put_steps(cg_module *c, text *own, const turned *t)
{
    static const nfc_dtype sign[] = {[1] = DT_i8, [2] = DT_i16, [4] = DT_i32};
    const char *lanes = cg_vector_type(c, sign[dtype_bytes(t->lane)], t->side);
    const long long half = t->side / 2;
    bool in_b = false;
    for (int64_t n = 1; n < t->side; n *= 2, in_b = !in_b) {
        const char *from = in_b ? "b" : "a", *to = in_b ? "a" : "b";
        put(own, "    NF_UNROLL(%lld)\n    for (int i = 0; i < %lld; i++) {\n", half, half);
        for (int odd = 0; odd < 2; odd++) {
            put(own, "        %s[2 * i%s] = NF_PICK(%s, %s[i], %s[i + %lld]", to, odd ? " + 1" : "", lanes, from, from, half);
            put_numbers(own, odd * half, t->side);
            put(own, ");\n");
        }
        put(own, "    }\n");
    }
    return in_b;
}

static void put_whole(cg_module *c, const turned *t, const char *name)
{
    const long long side = (long long)t->side;
    const char *scalar = dtype_table[t->lane].c_type, *of = cg_vector_type(c, t->lane, t->side), *type = dtype_name(t->lane);
    const char *load = cg_lanes_helper(c, arena_printf(c->arena, "nf_load_%s", type), t->lane, t->lane, 1, t->side);
    const char *store = cg_lanes_helper(c, arena_printf(c->arena, "nf_store_%s", type), t->lane, t->lane, 2, t->side);
    text *own = text_new(c->arena);
    put(own, "/* %lld rows of x as columns of y; the steps are from row to row */\n", side);
    put(own, "static inline void %s(%s *y, int64_t y_step, const %s *x, int64_t x_step)\n{\n    %s a[%lld], b[%lld];\n", name, scalar, scalar, of, side, side);
    put(own, "    NF_UNROLL(%lld)\n    for (int i = 0; i < %lld; i++) a[i] = %s(x + i * x_step);\n", side, side, load);
    const char *result = put_steps(c, own, t) ? "b" : "a";
    put(own, "    NF_UNROLL(%lld)\n    for (int i = 0; i < %lld; i++) %s(y + i * y_step, %s[i]);\n}\n\n", side, side, store, result);
    put_raw(c->helpers, own->at);
}

static void put_part(cg_module *c, const turned *t, const char *name)
{
    const long long side = (long long)t->side, half = side / 2;
    const char *scalar = dtype_table[t->lane].c_type, *of = cg_vector_type(c, t->lane, t->side), *pair = cg_vector_type(c, DT_u64, 2);
    const char *store = cg_lanes_helper(c, arena_printf(c->arena, "nf_store_%s", dtype_name(t->lane)), t->lane, t->lane, 2, t->side);
    text *own = text_new(c->arena);
    put(own, "/* the same of rows of n elements, %lld to %lld */\n", half, side - 1);
    put(own, "static inline void %s(%s *y, int64_t y_step, const %s *x, int64_t x_step, int n)\n{\n    %s a[%lld], b[%lld];\n", name, scalar, scalar, of, side, side);
    put(own, "    NF_UNROLL(%lld)\n    for (int i = 0; i < %lld; i++) {\n        uint64_t first, last;\n", side, side);
    put(own, "        memcpy(&first, x + i * x_step, sizeof first);\n        memcpy(&last, x + i * x_step + n - %lld, sizeof last);\n", half);
    put(own, "        const %s halves = {first, last};\n        a[i] = (%s)halves;\n    }\n", pair, of);
    const char *result = put_steps(c, own, t) ? "b" : "a";
    put(own, "    NF_UNROLL(%lld)\n    for (int i = 0; i < %lld; i++) %s(y + (i < %lld ? i : n - %lld + i) * y_step, %s[i]);\n}\n\n", side, side, store, half, side, result);
    put_raw(c->helpers, own->at);
}

static const char *helper(cg_module *c, const turned *t)
{
    const bool part = t->rows < t->side;
    const char *name = arena_printf(c->arena, "nf_turn_%s%sx%lld", part ? "part_" : "", dtype_name(t->lane), (long long)t->side);
    if (map_get(&c->have, name)) return name;
    map_set(&c->have, name, c);
    cg_use_helper(c, &c_helpers, "NF_PICK");
    cg_use_helper(c, &c_helpers, "NF_UNROLL");
    if (part) put_part(c, t, name);
    else put_whole(c, t, name);
    return name;
}

static const char *place(cg_module *c, const kir_buffer *b, const ir_sx *at) { return sx_is(at, 0) ? b->name : arena_printf(c->arena, "%s + %s", b->name, cg_index(c, at, false)); }

/* Squares `first`, `first` + side, ... of an axis, below `end`: opens the loop over them where there are several. */
static bool open_squares(cg_module *c, const kir_var *v, int64_t side, int64_t first, int64_t end, const ir_sx **y, const ir_sx **x)
{
    sx_table *t = &c->m->sx;
    if (end - first > side) {
        line(c->kernels, "for (%s %s = %lld; %s < %lld; %s += %lld) {", c->dialect->compute_type(KIR_INDEX_TYPE, c->wide), v->name, (long long)first, v->name, (long long)end, v->name, (long long)side);
        c->kernels->indent++;
        return true;
    }
    *y = sx_put(t, *y, v->sym, sx_int(t, first));
    *x = sx_put(t, *x, v->sym, sx_int(t, first));
    return false;
}

/* The squares of all lanes with rows `first` to `end` - 1. */
static void put_squares(cg_module *c, const kir_stmt *loop, const turned *t, int64_t first, int64_t end)
{
    const ir_sx *y = t->store->index, *x = t->store->value->index;
    const char *name = helper(c, t), *rows = t->rows < t->side ? arena_printf(c->arena, ", %lld", (long long)t->rows) : "";
    int opened = open_squares(c, loop->var, t->side, 0, sx_value(loop->end), &y, &x);
    opened += open_squares(c, loop->body.at[0]->var, t->side, first, end, &y, &x);
    line(c->kernels, "%s(%s, %lld, %s, %lld%s);", name, place(c, t->store->buffer, y), (long long)t->store_step, place(c, t->store->value->buffer, x), (long long)t->load_step, rows);
    while (opened--) close_brace(c->kernels);
}

bool cg_put_turned(cg_module *c, const kir_stmt *loop)
{
    turned t;
    if (!find(c, loop, &t)) return false;
    const int64_t whole = t.rows / t.side * t.side;
    put_squares(c, loop, &t, 0, whole ? whole : t.side);
    if (whole && whole < t.rows) put_squares(c, loop, &t, t.rows - t.side, t.rows);
    return true;
}
