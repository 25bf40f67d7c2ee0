/* PNG: chunks, inflate and filters. One loop makes steps; each takes at least one bit and at most 48, and what it gives
 * goes to the rows, which are also what it copies from. */
#include "passes/lower_decode.h"

#define I(v) dc_int(d, v)
#define NOT(x) kir_unary(&d->l->b, KU_NOT, x)

enum { HEAD, BLOCK, STORED, FIRST_LENGTHS, LENGTHS, SYMBOL, DONE }; /* what the next step does */
enum { LITERALS = 288, DISTANCES = 32, WORDS = 19, LONGEST = 15, LONGEST_COPY = 258, ENOUGH = 48 };

/* A prefix code: how many words have each length, and their symbols in order. */
typedef struct {
    kir_buffer *count, *symbol;
    int room;
} code;

typedef struct {
    decoder *d;
    kir_buffer *hold, *bits;        /* bits at hand, the next one lowest; how many */
    kir_buffer *from, *left, *ended; /* the next byte of the data; how many the chunk has yet; are there none? */
    kir_buffer *state, *last, *remaining, *literals, *distances, *words, *filled, *made, *length;
    code first, literal, far;
    png_layout layout;
    dc_value room; /* bytes of all rows */
} png;

/* ---- bits ---------------------------------------------------------------------------------- */

static void drop(png *p, dc_value count)
{
    decoder *d = p->d;
    dc_set(d, p->hold, dc_shr(d, dc_get(d, p->hold), count));
    dc_set(d, p->bits, dc_sub(d, dc_get(d, p->bits), count));
}

static dc_value take(png *p, const char *name, dc_value count)
{
    decoder *d = p->d;
    count = dc_named(d, "taken", count);
    dc_value v = dc_named(d, name, dc_and(d, dc_get(d, p->hold), dc_sub(d, dc_shl(d, I(1), count), I(1))));
    drop(p, count);
    return v;
}

/* Fills up what is at hand to 48 bits or more, from chunk to chunk. */
static void refill(png *p)
{
    decoder *d = p->d;
    dc_for(d, "k", 8);
    dc_if(d, dc_both(d, dc_le(d, dc_get(d, p->bits), I(ENOUGH)), dc_eq(d, dc_get(d, p->ended), I(0))));
    dc_if(d, dc_eq(d, dc_get(d, p->left), I(0))); /* behind a chunk: its checksum, then the next one's head */
    dc_value head = dc_named(d, "head", dc_add(d, dc_get(d, p->from), I(4))), size = dc_number(d, head, 4, false);
    dc_value is_data = dc_eq(d, dc_number(d, dc_add(d, head, I(4)), 4, false), I(0x49444154));
    dc_value goes_on = dc_named(d, "goes_on", dc_both(d, is_data, dc_le(d, dc_add(d, head, I(8)), dc_bytes(d))));
    dc_set(d, p->left, dc_sel(d, goes_on, size, I(0)));
    dc_set(d, p->ended, dc_sel(d, goes_on, I(0), I(1)));
    dc_set(d, p->from, dc_add(d, head, I(8)));
    dc_end(d, 1);
    dc_if(d, dc_lt(d, I(0), dc_get(d, p->left)));
    dc_if(d, dc_lt(d, dc_get(d, p->from), dc_bytes(d)));
    dc_set(d, p->hold, dc_or(d, dc_get(d, p->hold), dc_shl(d, dc_byte(d, dc_get(d, p->from)), dc_get(d, p->bits))));
    dc_inc(d, p->bits, I(8));
    dc_inc(d, p->from, I(1));
    dc_set(d, p->left, dc_sub(d, dc_get(d, p->left), I(1)));
    dc_end(d, 1);
    dc_set(d, p->ended, dc_sel(d, dc_both(d, dc_le(d, dc_bytes(d), dc_get(d, p->from)), dc_lt(d, I(0), dc_get(d, p->left))), I(1), dc_get(d, p->ended)));
    dc_end(d, 3);
}

/* ---- prefix codes --------------------------------------------------------------------------- */

static code code_new(png *p, const char *count, const char *symbol, int room)
{
    kir_builder *b = &p->d->l->b;
    return (code){kir_alloc(b, count, DT_i32, LONGEST + 1), kir_alloc(b, symbol, DT_i32, room), room};
}

/* The code of `n` lengths from length[first] on: shorter words first, then by symbol. */
static void build(png *p, const code *c, dc_value first, dc_value n)
{
    decoder *d = p->d;
    kir_buffer *offset = kir_alloc(&d->l->b, "offset", DT_i32, LONGEST + 2);
    first = dc_named(d, "first", first);
    n = dc_named(d, "n", n);
    dc_value i = dc_for(d, "i", LONGEST + 1);
    dc_write(d, c->count, i, I(0));
    dc_end(d, 1);
    i = dc_for(d, "i", c->room);
    dc_if(d, dc_lt(d, i, n));
    dc_value size = dc_named(d, "size", dc_read(d, p->length, dc_add(d, first, i)));
    dc_write(d, c->count, size, dc_add(d, dc_read(d, c->count, size), I(1)));
    dc_end(d, 2);
    dc_write(d, offset, I(1), I(0));
    i = dc_for(d, "i", LONGEST);
    i = dc_add(d, i, I(1));
    dc_write(d, offset, dc_add(d, i, I(1)), dc_add(d, dc_read(d, offset, i), dc_read(d, c->count, i)));
    dc_end(d, 1);
    i = dc_for(d, "i", c->room);
    dc_if(d, dc_lt(d, i, n));
    size = dc_named(d, "size", dc_read(d, p->length, dc_add(d, first, i)));
    dc_if(d, dc_ne(d, size, I(0)));
    dc_value at = dc_named(d, "to", dc_read(d, offset, size));
    dc_write(d, c->symbol, at, i);
    dc_write(d, offset, size, dc_add(d, at, I(1)));
    dc_end(d, 3);
}

/* The next word's symbol. */
static dc_value decoded(png *p, const code *c)
{
    decoder *d = p->d;
    kir_buffer *symbol = dc_var(d, "symbol", -1), *word = dc_var(d, "word", 0), *first = dc_var(d, "first", 0), *index = dc_var(d, "index", 0);
    dc_value size = dc_for(d, "size", LONGEST);
    dc_if(d, dc_lt(d, dc_get(d, symbol), I(0)));
    dc_set(d, word, dc_or(d, dc_get(d, word), take(p, "bit", I(1))));
    dc_value count = dc_named(d, "count", dc_read(d, c->count, dc_add(d, size, I(1)))), way = dc_named(d, "way", dc_sub(d, dc_get(d, word), dc_get(d, first)));
    dc_if(d, dc_lt(d, way, count));
    dc_set(d, symbol, dc_read(d, c->symbol, dc_add(d, dc_get(d, index), way)));
    dc_end(d, 1);
    dc_inc(d, index, count);
    dc_set(d, first, dc_shl(d, dc_add(d, dc_get(d, first), count), I(1)));
    dc_set(d, word, dc_shl(d, dc_get(d, word), I(1)));
    dc_end(d, 2);
    dc_break_if(d, dc_lt(d, dc_get(d, symbol), I(0)));
    return dc_named(d, "symbol", kir_binary(&d->l->b, KB_MAX, dc_get(d, symbol), I(0)));
}

/* ---- steps of inflate ------------------------------------------------------------------------ */

static void go_to(png *p, dc_value state) { dc_set(p->d, p->state, state); }

static int64_t most_bytes(const decoder *d) { return png_room(d->most_height, d->most_width); }

/* A byte of the rows, as it was stored; a new value of it. */
static dc_value row_byte(decoder *d, const char *name, dc_value at)
{
    const ir_sx *index = dc_index(d, at, most_bytes(d));
    return dc_named(d, name, kir_cast(&d->l->b, DT_i64, lw_stored(d->l, 0, &index)));
}

static void set_row_byte(decoder *d, dc_value at, dc_value x)
{
    const ir_sx *index = dc_index(d, at, most_bytes(d));
    lw_store(d->l, 0, &index, kir_cast(&d->l->b, DT_u32, x));
}

/* The next byte of the rows; one too many is damage. */
static void give(png *p, dc_value byte)
{
    decoder *d = p->d;
    dc_break_if(d, dc_le(d, p->room, dc_get(d, p->made)));
    set_row_byte(d, dc_get(d, p->made), byte);
    dc_inc(d, p->made, I(1));
}

static void head_step(png *p)
{
    decoder *d = p->d;
    dc_value method = take(p, "method", I(8)), flags = take(p, "flags", I(8));
    dc_value check = kir_binary(&d->l->b, KB_REM, dc_add(d, dc_mul(d, method, I(256)), flags), I(31));
    dc_break_if(d, dc_either(d, dc_ne(d, dc_and(d, method, I(15)), I(8)), dc_ne(d, dc_and(d, flags, I(32)), I(0))));
    dc_break_if(d, dc_ne(d, check, I(0)));
    go_to(p, I(BLOCK));
}

/* The lengths of the fixed code, and the code. */
static void fixed_code(png *p)
{
    decoder *d = p->d;
    dc_value i = dc_for(d, "i", LITERALS + 30);
    dc_value size = dc_sel(d, dc_lt(d, i, I(144)), I(8), dc_sel(d, dc_lt(d, i, I(256)), I(9), dc_sel(d, dc_lt(d, i, I(280)), I(7), dc_sel(d, dc_lt(d, i, I(LITERALS)), I(8), I(5)))));
    dc_write(d, p->length, i, size);
    dc_end(d, 1);
    build(p, &p->literal, I(0), I(LITERALS));
    build(p, &p->far, I(LITERALS), I(30));
}

static void block_step(png *p)
{
    decoder *d = p->d;
    dc_set(d, p->last, take(p, "last", I(1)));
    dc_value kind = take(p, "kind", I(2));
    dc_break_if(d, dc_eq(d, kind, I(3)));
    dc_if(d, dc_eq(d, kind, I(0)));
    drop(p, dc_named(d, "rest", dc_and(d, dc_get(d, p->bits), I(7))));
    dc_value size = take(p, "size", I(16)), turned = take(p, "turned", I(16));
    dc_break_if(d, dc_ne(d, kir_binary(&d->l->b, KB_BXOR, size, turned), I(0xffff)));
    dc_set(d, p->remaining, size);
    go_to(p, dc_sel(d, dc_lt(d, I(0), size), I(STORED), dc_sel(d, dc_ne(d, dc_get(d, p->last), I(0)), I(DONE), I(BLOCK))));
    dc_end(d, 1);
    dc_if(d, dc_eq(d, kind, I(1)));
    fixed_code(p);
    go_to(p, I(SYMBOL));
    dc_end(d, 1);
    dc_if(d, dc_eq(d, kind, I(2)));
    dc_set(d, p->literals, dc_add(d, take(p, "n", I(5)), I(257)));
    dc_set(d, p->distances, dc_add(d, take(p, "n", I(5)), I(1)));
    dc_set(d, p->words, dc_add(d, take(p, "n", I(4)), I(4)));
    dc_set(d, p->filled, I(0));
    dc_value i = dc_for(d, "i", WORDS);
    dc_write(d, p->length, i, I(0));
    dc_end(d, 1);
    go_to(p, I(FIRST_LENGTHS));
    dc_end(d, 1);
}

/* A length of the code that the lengths are written in. */
static void first_length_step(png *p, kir_buffer *order)
{
    decoder *d = p->d;
    dc_write(d, p->length, dc_read(d, order, dc_get(d, p->filled)), take(p, "size", I(3)));
    dc_inc(d, p->filled, I(1));
    dc_if(d, dc_le(d, dc_get(d, p->words), dc_get(d, p->filled)));
    build(p, &p->first, I(0), I(WORDS));
    dc_set(d, p->filled, I(0));
    go_to(p, I(LENGTHS));
    dc_end(d, 1);
}

/* One length of the block's two codes, or a run of them. */
static void length_step(png *p)
{
    decoder *d = p->d;
    dc_value v = decoded(p, &p->first), filled = dc_named(d, "filled", dc_get(d, p->filled)), run = dc_named(d, "run", dc_le(d, I(16), v));
    dc_value before = dc_named(d, "before", dc_read(d, p->length, dc_sub(d, filled, I(1)))), again = dc_named(d, "again", dc_eq(d, v, I(16)));
    dc_value width = dc_sel(d, run, dc_sel(d, again, I(2), dc_sel(d, dc_eq(d, v, I(17)), I(3), I(7))), I(0)), more = take(p, "more", width);
    dc_value times = dc_sel(d, run, dc_add(d, more, dc_sel(d, dc_eq(d, v, I(18)), I(11), I(3))), I(1));
    dc_value what = dc_named(d, "what", dc_sel(d, run, dc_sel(d, again, before, I(0)), v));
    dc_break_if(d, dc_both(d, again, dc_eq(d, filled, I(0))));
    dc_value i = dc_for_up_to(d, "i", times, 138);
    dc_write(d, p->length, dc_add(d, filled, i), what);
    dc_inc(d, p->filled, I(1));
    dc_end(d, 1);
    dc_value all = dc_named(d, "all", dc_add(d, dc_get(d, p->literals), dc_get(d, p->distances)));
    dc_break_if(d, dc_lt(d, all, dc_get(d, p->filled)));
    dc_if(d, dc_both(d, dc_sound(d), dc_le(d, all, dc_get(d, p->filled))));
    dc_break_if(d, dc_either(d, dc_lt(d, I(286), dc_get(d, p->literals)), dc_lt(d, I(30), dc_get(d, p->distances))));
    build(p, &p->literal, I(0), dc_get(d, p->literals));
    build(p, &p->far, dc_get(d, p->literals), dc_get(d, p->distances));
    go_to(p, I(SYMBOL));
    dc_end(d, 1);
}

/* A byte, the block's end, or how much is copied from where. */
static void symbol_step(png *p)
{
    decoder *d = p->d;
    dc_value v = decoded(p, &p->literal);
    dc_if(d, dc_both(d, dc_lt(d, v, I(256)), dc_sound(d)));
    give(p, v);
    dc_end(d, 1);
    dc_if(d, dc_eq(d, v, I(256)));
    go_to(p, dc_sel(d, dc_ne(d, dc_get(d, p->last), I(0)), I(DONE), I(BLOCK)));
    dc_end(d, 1);
    dc_if(d, dc_both(d, dc_lt(d, I(256), v), dc_sound(d)));
    dc_value k = dc_named(d, "k", dc_sub(d, v, I(257))), longest = dc_named(d, "longest", dc_eq(d, k, I(28))), short_one = dc_named(d, "short", dc_lt(d, k, I(8)));
    dc_value more = dc_named(d, "more", dc_sel(d, dc_either(d, longest, short_one), I(0), dc_sub(d, dc_shr(d, k, I(2)), I(1))));
    dc_value base = dc_add(d, dc_shl(d, dc_add(d, dc_and(d, k, I(3)), I(4)), more), I(3));
    base = dc_named(d, "base", dc_sel(d, longest, I(258), dc_sel(d, short_one, dc_add(d, k, I(3)), base)));
    dc_value size = dc_named(d, "size", dc_add(d, base, take(p, "extra", more)));
    dc_value w = decoded(p, &p->far), wide = dc_named(d, "wide", dc_sel(d, dc_lt(d, w, I(4)), I(0), dc_sub(d, dc_shr(d, w, I(1)), I(1))));
    dc_value start = dc_add(d, dc_shl(d, dc_add(d, dc_and(d, w, I(1)), I(2)), wide), I(1));
    start = dc_named(d, "start", dc_sel(d, dc_lt(d, w, I(4)), dc_add(d, w, I(1)), start));
    dc_break_if(d, dc_either(d, dc_lt(d, I(28), k), dc_lt(d, I(29), w)));
    dc_value distance = dc_named(d, "distance", dc_add(d, start, take(p, "extra", wide)));
    dc_break_if(d, dc_lt(d, dc_get(d, p->made), distance));
    dc_for_up_to(d, "i", dc_sel(d, dc_sound(d), size, I(0)), LONGEST_COPY);
    give(p, row_byte(d, "copied", dc_sub(d, dc_get(d, p->made), distance)));
    dc_end(d, 2);
}

static void stored_step(png *p)
{
    decoder *d = p->d;
    give(p, take(p, "stored", I(8)));
    dc_set(d, p->remaining, dc_sub(d, dc_get(d, p->remaining), I(1)));
    dc_if(d, dc_le(d, dc_get(d, p->remaining), I(0)));
    go_to(p, dc_sel(d, dc_ne(d, dc_get(d, p->last), I(0)), I(DONE), I(BLOCK)));
    dc_end(d, 1);
}

/* One step, by what is to be done. */
static void step(png *p, kir_buffer *order)
{
    decoder *d = p->d;
    refill(p);
    dc_if(d, dc_either(d, dc_lt(d, I(ENOUGH), dc_get(d, p->bits)), dc_ne(d, dc_get(d, p->ended), I(0))));
    dc_value state = dc_named(d, "doing", dc_get(d, p->state));
    for (int k = HEAD; k < DONE; k++) {
        dc_if(d, dc_eq(d, state, I(k)));
        switch (k) {
        case HEAD: head_step(p); break;
        case BLOCK: block_step(p); break;
        case STORED: stored_step(p); break;
        case FIRST_LENGTHS: first_length_step(p, order); break;
        case LENGTHS: length_step(p); break;
        default: symbol_step(p); break;
        }
        dc_end(d, 1);
    }
    dc_break_if(d, dc_lt(d, dc_get(d, p->bits), I(0)));
    dc_end(d, 1);
}

/* ---- filters ------------------------------------------------------------------------------- */

static dc_value magnitude(decoder *d, dc_value x) { return dc_named(d, "distance", dc_sel(d, dc_lt(d, x, I(0)), dc_sub(d, I(0), x), x)); }

static dc_value predicted(decoder *d, dc_value filter, dc_value left, dc_value up, dc_value corner)
{
    dc_value guess = dc_named(d, "guess", dc_sub(d, dc_add(d, left, up), corner));
    dc_value dl = magnitude(d, dc_sub(d, guess, left)), du = magnitude(d, dc_sub(d, guess, up)), dc = magnitude(d, dc_sub(d, guess, corner));
    dc_value paeth = dc_sel(d, dc_both(d, dc_le(d, dl, du), dc_le(d, dl, dc)), left, dc_sel(d, dc_le(d, du, dc), up, corner));
    dc_value mean = dc_shr(d, dc_add(d, left, up), I(1));
    dc_value v = dc_sel(d, dc_eq(d, filter, I(3)), mean, dc_sel(d, dc_eq(d, filter, I(4)), paeth, I(0)));
    return dc_sel(d, dc_eq(d, filter, I(1)), left, dc_sel(d, dc_eq(d, filter, I(2)), up, v));
}

/* The row from `start` on, of `stride` bytes behind its filter. below: is there one before it in its pass? */
static void undo_filter(png *p, dc_value start, dc_value stride, dc_value below, dc_value back)
{
    decoder *d = p->d;
    dc_value filter = row_byte(d, "filter", start);
    dc_break_if(d, dc_lt(d, I(4), filter));
    set_row_byte(d, start, I(0));
    dc_value i = dc_for_up_to(d, "i", stride, 8 * d->most_width), inside = dc_named(d, "inside", dc_le(d, back, i));
    dc_value at = dc_named(d, "byte_at", dc_add(d, dc_add(d, start, I(1)), i)), above = dc_named(d, "above", dc_sub(d, at, dc_add(d, stride, I(1))));
    dc_value left = dc_named(d, "left", dc_sel(d, inside, row_byte(d, "before", dc_sub(d, at, back)), I(0)));
    dc_value up = dc_named(d, "up", dc_sel(d, below, row_byte(d, "before", above), I(0)));
    dc_value corner = dc_named(d, "corner", dc_sel(d, dc_both(d, inside, below), row_byte(d, "before", dc_sub(d, above, back)), I(0)));
    set_row_byte(d, at, dc_and(d, dc_add(d, row_byte(d, "given", at), predicted(d, filter, left, up, corner)), I(255)));
    dc_end(d, 1);
}

static void undo_filters(png *p)
{
    decoder *d = p->d;
    kir_buffer *at = dc_var(d, "row_at", 0);
    dc_value bits = dc_mul(d, p->layout.parts, p->layout.depth), back = dc_named(d, "back", dc_sel(d, dc_lt(d, bits, I(8)), I(1), dc_shr(d, bits, I(3))));
    png_pass pass = png_pass_at(d, &p->layout, dc_for(d, "pass", PNG_PASSES));
    dc_value row = dc_for_up_to(d, "row", dc_sel(d, dc_lt(d, I(0), pass.bytes), pass.rows, I(0)), d->most_height);
    dc_value start = dc_named(d, "start", dc_get(d, at));
    undo_filter(p, start, pass.stride, dc_named(d, "below", dc_lt(d, I(0), row)), back);
    dc_inc(d, at, dc_add(d, pass.stride, I(1)));
    dc_end(d, 2);
}

/* ---- the file ------------------------------------------------------------------------------ */

/* The chunks up to the first one of data, and the colours where elements number them. */
static void find_chunks(png *p)
{
    decoder *d = p->d;
    kir_buffer *palette = dc_var(d, "palette", 0), *colours = dc_var(d, "colours", 0), *began = dc_var(d, "began", 0);
    const ir_sx *most = sx_add(d->l->sx, sx_div(d->l->sx, d->inst->in[0]->type->dim[0], 12), sx_int(d->l->sx, 1));
    dc_set(d, p->from, I(33));
    lw_for(d->l, "chunk", most);
    dc_value at = dc_named(d, "chunk_at", dc_get(d, p->from));
    dc_if(d, dc_both(d, dc_eq(d, dc_get(d, began), I(0)), dc_le(d, dc_add(d, at, I(8)), dc_bytes(d))));
    dc_value size = dc_number(d, at, 4, false), name = dc_number(d, dc_add(d, at, I(4)), 4, false), is_palette = dc_eq(d, name, I(0x504c5445));
    dc_set(d, palette, dc_sel(d, is_palette, dc_add(d, at, I(8)), dc_get(d, palette)));
    dc_set(d, colours, dc_sel(d, is_palette, kir_binary(&d->l->b, KB_DIV, size, I(3)), dc_get(d, colours)));
    dc_value data = dc_named(d, "data", dc_eq(d, name, I(0x49444154)));
    dc_set(d, began, dc_sel(d, data, I(1), I(0)));
    dc_set(d, p->left, dc_sel(d, data, size, I(0)));
    dc_set(d, p->from, dc_add(d, at, dc_sel(d, data, I(8), dc_add(d, size, I(12)))));
    dc_end(d, 2);
    dc_break_if(d, dc_eq(d, dc_get(d, began), I(0)));
    dc_value numbered = dc_named(d, "numbered", dc_eq(d, p->layout.kind, I(3)));
    dc_break_if(d, dc_both(d, numbered, dc_eq(d, dc_get(d, colours), I(0))));
    const ir_sx *to[2] = {lw_for(d->l, "colour", sx_int(d->l->sx, PNG_COLOURS)), lw_for(d->l, "part", sx_int(d->l->sx, 3))};
    dc_value colour = kir_cast(&d->l->b, DT_i64, kir_index(&d->l->b, to[0])), part = kir_cast(&d->l->b, DT_i64, kir_index(&d->l->b, to[1]));
    dc_value known = dc_both(d, numbered, dc_lt(d, colour, dc_get(d, colours)));
    dc_value byte = dc_byte(d, dc_add(d, dc_add(d, dc_get(d, palette), dc_mul(d, colour, I(3))), part));
    lw_store(d->l, 1, to, kir_cast(&d->l->b, DT_u32, dc_sel(d, known, byte, I(0))));
    dc_end(d, 2);
}

static void read_head(png *p)
{
    decoder *d = p->d;
    png_layout *l = &p->layout;
    l->depth = dc_named(d, "depth", dc_byte(d, I(24)));
    l->kind = dc_named(d, "kind", dc_byte(d, I(25)));
    l->interlaced = dc_named(d, "interlaced", dc_eq(d, dc_byte(d, I(28)), I(1)));
    dc_set(d, d->width, dc_number(d, I(16), 4, false));
    dc_set(d, d->height, dc_number(d, I(20), 4, false));
    dc_break_if(d, NOT(dc_begins(d, IMAGE_PNG)));
    dc_break_if(d, dc_ne(d, dc_number(d, I(12), 4, false), I(0x49484452)));
    dc_break_if(d, dc_ne(d, dc_or(d, dc_byte(d, I(26)), dc_byte(d, I(27))), I(0)));
    dc_break_if(d, dc_lt(d, I(1), dc_byte(d, I(28))));
    dc_break_if(d, NOT(png_count_parts(d, l)));
    dc_check_sides(d);
}

static void make_variables(png *p)
{
    decoder *d = p->d;
    kir_builder *b = &d->l->b;
    kir_buffer **var[] = {&p->hold, &p->bits, &p->from, &p->left, &p->ended, &p->last, &p->remaining, &p->literals, &p->distances, &p->words, &p->filled, &p->made};
    static const char *const name[] = {"hold", "bits", "from", "left", "ended", "last", "remaining", "literals", "distances", "words", "filled", "made"};
    for (size_t i = 0; i < sizeof var / sizeof *var; i++) *var[i] = dc_var(d, name[i], 0);
    p->state = dc_var(d, "state", HEAD);
    p->length = kir_alloc(b, "length", DT_i32, LITERALS + DISTANCES + 138);
    p->first = code_new(p, "first_count", "first_symbol", WORDS);
    p->literal = code_new(p, "literal_count", "literal_symbol", LITERALS);
    p->far = code_new(p, "far_count", "far_symbol", DISTANCES);
}

/* All bytes of all passes. */
static void sum_passes(png *p)
{
    decoder *d = p->d;
    kir_buffer *room = dc_var(d, "room", 0);
    dc_inc(d, room, png_pass_at(d, &p->layout, dc_for(d, "pass", PNG_PASSES)).bytes);
    dc_end(d, 1);
    p->room = dc_named(d, "room", dc_get(d, room));
}

/* Of a picture that fits. */
static void read_rows(png *p)
{
    static const int64_t order[WORDS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    decoder *d = p->d;
    sx_table *t = d->l->sx;
    kir_buffer *places = dc_table(d, "order", WORDS, order);
    p->layout.height = dc_named(d, "high", dc_get(d, d->height));
    p->layout.width = dc_named(d, "wide", dc_get(d, d->width));
    make_variables(p);
    find_chunks(p);
    sum_passes(p);
    /* A step takes a bit or more; or it only went through eight bytes and heads of chunks. */
    lw_for(d->l, "step", sx_mul(t, d->inst->in[0]->type->dim[0], sx_int(t, 9)));
    dc_if(d, dc_both(d, dc_ne(d, dc_get(d, p->state), I(DONE)), dc_sound(d)));
    step(p, places);
    dc_end(d, 2);
    dc_break_if(d, dc_either(d, dc_ne(d, dc_get(d, p->state), I(DONE)), dc_ne(d, dc_get(d, p->made), p->room)));
    dc_if(d, dc_sound(d));
    undo_filters(p);
    dc_end(d, 1);
}

bool lo_png_bytes(lw *l, const ir_inst *inst)
{
    decoder decode, *d = &decode;
    dc_begin(d, l, inst, ir_int(inst, ATTR_AT(png_bytes, height)), ir_int(inst, ATTR_AT(png_bytes, width)));
    png p = {.d = d, .layout = {.passes = png_pass_table(d)}};
    for (int i = 0; i < 2; i++) dc_clear(d, i);
    read_head(&p);
    dc_if(d, dc_both(d, dc_sound(d), dc_fits(d)));
    read_rows(&p);
    dc_end(d, 1);
    dc_if(d, NOT(dc_sound(d)));
    for (int i = 0; i < 2; i++) dc_clear(d, i);
    dc_end(d, 1);
    const dc_value head[PNG_HEAD] = {[PNG_HEIGHT] = dc_get(d, d->height), [PNG_WIDTH] = dc_get(d, d->width), [PNG_KIND] = p.layout.kind, [PNG_DEPTH] = p.layout.depth, [PNG_INTERLACED] = dc_sel(d, p.layout.interlaced, I(1), I(0))};
    for (int i = 0; i < PNG_HEAD; i++) {
        const ir_sx *at = sx_int(l->sx, i);
        lw_store(l, 2, &at, dc_sel(d, dc_sound(d), head[i], I(0)));
    }
    return true;
}
