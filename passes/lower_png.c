/* PNG: chunks, inflate, filters, interlacing. One loop makes steps; each takes at most 48 bits and gives at most one
 * byte, which goes through the filter of its row into the picture. */
#include "passes/lower_decode.h"

#define I(v) dc_int(d, v)
#define NOT(x) kir_unary(&d->l->b, KU_NOT, x)

enum { HEAD, BLOCK, STORED, FIRST_LENGTHS, LENGTHS, SYMBOL, COPY, DONE };    /* what the next step does */
enum { LITERALS = 288, DISTANCES = 32, WORDS = 19, LONGEST = 15, WINDOW = 32768, ENOUGH = 48 };

/* A prefix code: how many words have each length, and their symbols in order. */
typedef struct {
    kir_buffer *count, *symbol;
    int room;
} code;

typedef struct {
    decoder *d;
    kir_buffer *hold, *bits;        /* bits at hand, the next one lowest; how many */
    kir_buffer *from, *left, *ended; /* the next byte of the data; how many the chunk has yet; are there none? */
    kir_buffer *state, *last, *remaining, *distance, *literals, *distances, *words, *filled;
    kir_buffer *window, *made, *length;
    code first, literal, far;
    dc_value kind, parts, depth, palette, interlaced, room, back;
    kir_buffer *line, *i, *row, *column, *filter, *odd, *in_pixel; /* of the row that is being made; line: that and the one before */
    kir_buffer *pass, *stale, *rows, *columns, *stride;             /* stale: a pass has ended */
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
static void symbol_step(png *p, kir_buffer *given)
{
    decoder *d = p->d;
    dc_value v = decoded(p, &p->literal);
    dc_if(d, dc_lt(d, v, I(256)));
    dc_set(d, given, dc_sel(d, dc_sound(d), v, I(-1)));
    dc_end(d, 1);
    dc_if(d, dc_eq(d, v, I(256)));
    go_to(p, dc_sel(d, dc_ne(d, dc_get(d, p->last), I(0)), I(DONE), I(BLOCK)));
    dc_end(d, 1);
    dc_if(d, dc_both(d, dc_lt(d, I(256), v), dc_sound(d)));
    dc_value k = dc_named(d, "k", dc_sub(d, v, I(257))), longest = dc_named(d, "longest", dc_eq(d, k, I(28))), short_one = dc_named(d, "short", dc_lt(d, k, I(8)));
    dc_value more = dc_named(d, "more", dc_sel(d, dc_either(d, longest, short_one), I(0), dc_sub(d, dc_shr(d, k, I(2)), I(1))));
    dc_value base = dc_add(d, dc_shl(d, dc_add(d, dc_and(d, k, I(3)), I(4)), more), I(3));
    base = dc_named(d, "base", dc_sel(d, longest, I(258), dc_sel(d, short_one, dc_add(d, k, I(3)), base)));
    dc_set(d, p->remaining, dc_add(d, base, take(p, "extra", more)));
    dc_value w = decoded(p, &p->far), wide = dc_named(d, "wide", dc_sel(d, dc_lt(d, w, I(4)), I(0), dc_sub(d, dc_shr(d, w, I(1)), I(1))));
    dc_value start = dc_add(d, dc_shl(d, dc_add(d, dc_and(d, w, I(1)), I(2)), wide), I(1));
    start = dc_named(d, "start", dc_sel(d, dc_lt(d, w, I(4)), dc_add(d, w, I(1)), start));
    dc_break_if(d, dc_either(d, dc_lt(d, I(28), k), dc_lt(d, I(29), w)));
    dc_set(d, p->distance, dc_add(d, start, take(p, "extra", wide)));
    dc_break_if(d, dc_lt(d, dc_get(d, p->made), dc_get(d, p->distance)));
    go_to(p, I(COPY));
    dc_end(d, 1);
}

/* A byte that is stored, or copied from the window. */
static void byte_step(png *p, kir_buffer *given, bool stored)
{
    decoder *d = p->d;
    dc_value at = dc_and(d, dc_sub(d, dc_get(d, p->made), dc_get(d, p->distance)), I(WINDOW - 1));
    dc_set(d, given, stored ? take(p, "stored", I(8)) : dc_read(d, p->window, at));
    dc_set(d, p->remaining, dc_sub(d, dc_get(d, p->remaining), I(1)));
    dc_if(d, dc_le(d, dc_get(d, p->remaining), I(0)));
    go_to(p, stored ? dc_sel(d, dc_ne(d, dc_get(d, p->last), I(0)), I(DONE), I(BLOCK)) : I(SYMBOL));
    dc_end(d, 1);
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* Where a pass begins, and the logarithm of its steps: y, x. The last one is the whole picture. */
static const int64_t passes[8][4] = {{0, 3, 0, 3}, {0, 3, 4, 3}, {4, 3, 0, 2}, {0, 2, 2, 2}, {2, 2, 0, 1}, {0, 1, 1, 1}, {1, 1, 0, 0}, {0, 0, 0, 0}};

static dc_value of_pass(png *p, kir_buffer *table, dc_value pass, int k)
{
    decoder *d = p->d;
    return dc_named(d, "of_pass", dc_read(d, table, dc_add(d, dc_mul(d, pass, I(4)), I(k))));
}

/* Sets rows, columns and stride of pass `pass`; gives its bytes. */
static dc_value measure(png *p, kir_buffer *table, dc_value pass)
{
    decoder *d = p->d;
    kir_buffer *side[2] = {d->height, d->width}, *to[2] = {p->rows, p->columns};
    for (int i = 0; i < 2; i++) {
        dc_value start = of_pass(p, table, pass, 2 * i), step = of_pass(p, table, pass, 2 * i + 1);
        dc_value n = dc_add(d, dc_sub(d, dc_get(d, side[i]), start), dc_sub(d, dc_shl(d, I(1), step), I(1)));
        dc_set(d, to[i], dc_shr(d, n, step));
    }
    dc_value bits = dc_mul(d, dc_mul(d, dc_get(d, p->columns), p->parts), p->depth);
    dc_set(d, p->stride, dc_shr(d, dc_add(d, bits, I(7)), I(3)));
    dc_value some = dc_both(d, dc_lt(d, I(0), dc_get(d, p->rows)), dc_lt(d, I(0), dc_get(d, p->columns)));
    return dc_named(d, "bytes", dc_sel(d, some, dc_mul(d, dc_get(d, p->rows), dc_add(d, dc_get(d, p->stride), I(1))), I(0)));
}

/* To the next pass; one without elements leaves it stale. */
static void next_pass(png *p, kir_buffer *table)
{
    decoder *d = p->d;
    dc_inc(d, p->pass, I(1));
    dc_value bytes = measure(p, table, dc_get(d, p->pass));
    dc_set(d, p->stale, dc_sel(d, dc_lt(d, I(0), bytes), I(0), I(1)));
    dc_set(d, p->i, I(-1));
    for (int k = 0; k < 4; k++) dc_set(d, (kir_buffer *[]){p->row, p->column, p->odd, p->in_pixel}[k], I(0));
}

/* An element of the picture: the one that `column` stands at. part[]: what the file has of it. */
static void draw(png *p, kir_buffer *table, const dc_value part[3])
{
    decoder *d = p->d;
    dc_value pass = dc_named(d, "pass", dc_get(d, p->pass)), place[2];
    for (int i = 0; i < 2; i++) {
        dc_value k = dc_get(d, i ? p->column : p->row);
        place[i] = dc_named(d, i ? "x" : "y", dc_add(d, of_pass(p, table, pass, 2 * i), dc_shl(d, k, of_pass(p, table, pass, 2 * i + 1))));
    }
    dc_value indexed = dc_eq(d, p->kind, I(3)), entry = dc_named(d, "entry", dc_add(d, p->palette, dc_mul(d, part[0], I(3)))), shown[3];
    for (int i = 0; i < 3; i++) shown[i] = dc_named(d, "shown", dc_sel(d, indexed, dc_byte(d, dc_add(d, entry, I(i))), part[i]));
    dc_put(d, place[0], place[1], shown[0], shown[1], shown[2]);
    dc_inc(d, p->column, I(1));
}

/* Elements of less than a byte, from its upper end on; grey ones are spread over 0 to 255. */
static void draw_narrow(png *p, kir_buffer *table, dc_value byte)
{
    decoder *d = p->d;
    dc_value k = dc_for(d, "k", 8), end = dc_mul(d, dc_add(d, k, I(1)), p->depth);
    dc_if(d, dc_both(d, dc_le(d, end, I(8)), dc_lt(d, dc_get(d, p->column), dc_get(d, p->columns))));
    dc_value v = dc_and(d, dc_shr(d, byte, dc_sub(d, I(8), end)), dc_sub(d, dc_shl(d, I(1), p->depth), I(1)));
    dc_value spread = dc_sel(d, dc_eq(d, p->depth, I(1)), I(255), dc_sel(d, dc_eq(d, p->depth, I(2)), I(85), I(17)));
    v = dc_named(d, "grey", dc_sel(d, dc_eq(d, p->kind, I(0)), dc_mul(d, v, spread), v));
    draw(p, table, (dc_value[]){v, v, v});
    dc_end(d, 2);
}

static dc_value magnitude(decoder *d, dc_value x) { return dc_named(d, "distance", dc_sel(d, dc_lt(d, x, I(0)), dc_sub(d, I(0), x), x)); }

/* What the filter of the row predicts. */
static dc_value predicted(png *p, dc_value left, dc_value up, dc_value corner)
{
    decoder *d = p->d;
    dc_value kind = dc_named(d, "kind", dc_get(d, p->filter)), guess = dc_named(d, "guess", dc_sub(d, dc_add(d, left, up), corner));
    dc_value dl = magnitude(d, dc_sub(d, guess, left)), du = magnitude(d, dc_sub(d, guess, up)), dc = magnitude(d, dc_sub(d, guess, corner));
    dc_value paeth = dc_sel(d, dc_both(d, dc_le(d, dl, du), dc_le(d, dl, dc)), left, dc_sel(d, dc_le(d, du, dc), up, corner));
    dc_value mean = dc_shr(d, dc_add(d, left, up), I(1));
    dc_value v = dc_sel(d, dc_eq(d, kind, I(3)), mean, dc_sel(d, dc_eq(d, kind, I(4)), paeth, I(0)));
    return dc_sel(d, dc_eq(d, kind, I(1)), left, dc_sel(d, dc_eq(d, kind, I(2)), up, v));
}

static int64_t line_room(const decoder *d) { return 8 * d->most_width + 8; }

/* Byte i of the row that is being made, or of the one before. */
static dc_value in_line(png *p, dc_value i, bool before)
{
    decoder *d = p->d;
    dc_value odd = dc_get(d, p->odd), which = before ? dc_sub(d, I(1), odd) : odd;
    return dc_named(d, "of_line", dc_read(d, p->line, dc_add(d, dc_mul(d, which, I(line_room(d))), i)));
}

static void element_byte(png *p, kir_buffer *table, dc_value given)
{
    decoder *d = p->d;
    dc_value i = dc_named(d, "i", dc_get(d, p->i)), inside = dc_named(d, "inside", dc_le(d, p->back, i)), below = dc_named(d, "below", dc_lt(d, I(0), dc_get(d, p->row)));
    dc_value left = dc_named(d, "left", dc_sel(d, inside, in_line(p, dc_sub(d, i, p->back), false), I(0))), up = dc_named(d, "up", dc_sel(d, below, in_line(p, i, true), I(0)));
    dc_value corner = dc_named(d, "corner", dc_sel(d, dc_both(d, inside, below), in_line(p, dc_sub(d, i, p->back), true), I(0)));
    dc_value byte = dc_named(d, "made", dc_and(d, dc_add(d, given, predicted(p, left, up, corner)), I(255)));
    dc_write(d, p->line, dc_add(d, dc_mul(d, dc_get(d, p->odd), I(line_room(d))), i), byte);
    dc_if(d, dc_lt(d, p->depth, I(8)));
    draw_narrow(p, table, byte);
    dc_end(d, 1);
    dc_if(d, dc_le(d, I(8), p->depth));
    dc_inc(d, p->in_pixel, I(1));
    dc_if(d, dc_eq(d, dc_get(d, p->in_pixel), p->back));
    dc_value begin = dc_named(d, "begin", dc_sub(d, dc_add(d, i, I(1)), p->back)), size = dc_shr(d, p->depth, I(3)), part[3];
    dc_value coloured = dc_named(d, "coloured", dc_both(d, dc_ne(d, dc_and(d, p->kind, I(2)), I(0)), dc_ne(d, p->kind, I(3))));
    for (int k = 0; k < 3; k++) part[k] = in_line(p, dc_add(d, begin, dc_sel(d, coloured, dc_mul(d, size, I(k)), I(0))), false);
    draw(p, table, part);
    dc_set(d, p->in_pixel, I(0));
    dc_end(d, 2);
    dc_inc(d, p->i, I(1));
}

/* A byte that inflate gave. */
static void take_byte(png *p, kir_buffer *table, dc_value given)
{
    decoder *d = p->d;
    dc_write(d, p->window, dc_and(d, dc_get(d, p->made), I(WINDOW - 1)), given);
    dc_break_if(d, dc_le(d, p->room, dc_get(d, p->made)));
    dc_inc(d, p->made, I(1));
    dc_value first = dc_named(d, "first", dc_lt(d, dc_get(d, p->i), I(0)));
    dc_if(d, dc_both(d, first, dc_sound(d)));
    dc_set(d, p->filter, given);
    dc_break_if(d, dc_lt(d, I(4), given));
    dc_set(d, p->i, I(0));
    dc_end(d, 1);
    dc_if(d, dc_both(d, NOT(first), dc_sound(d)));
    element_byte(p, table, given);
    dc_if(d, dc_le(d, dc_get(d, p->stride), dc_get(d, p->i)));
    dc_inc(d, p->row, I(1));
    dc_set(d, p->i, I(-1));
    dc_set(d, p->column, I(0));
    dc_set(d, p->in_pixel, I(0));
    dc_set(d, p->odd, dc_sub(d, I(1), dc_get(d, p->odd)));
    dc_set(d, p->stale, dc_sel(d, dc_le(d, dc_get(d, p->rows), dc_get(d, p->row)), I(1), I(0)));
    dc_end(d, 2);
}

/* ---- the file ------------------------------------------------------------------------------ */

/* The chunks up to the first one of data: where the palette is, and how much of it there is. */
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
    dc_break_if(d, dc_both(d, dc_eq(d, p->kind, I(3)), dc_eq(d, dc_get(d, colours), I(0))));
    p->palette = dc_named(d, "palette", dc_get(d, palette));
}

/* Depths that a kind may have, as a sum of them; how many numbers an element is. */
static void check_kind(png *p)
{
    decoder *d = p->d;
    dc_value none = I(0), depths = none, parts = I(1);
    static const int64_t allowed[7] = {31, 0, 24, 15, 24, 0, 24}, count[7] = {1, 0, 3, 1, 2, 0, 4};
    for (int k = 0; k < 7; k++) {
        depths = dc_sel(d, dc_eq(d, p->kind, I(k)), I(allowed[k]), depths);
        parts = dc_sel(d, dc_eq(d, p->kind, I(k)), I(count[k]), parts);
    }
    dc_value one = dc_eq(d, dc_and(d, p->depth, dc_sub(d, p->depth, I(1))), none); /* a power of two */
    p->parts = dc_named(d, "parts", parts);
    dc_break_if(d, dc_either(d, NOT(one), dc_eq(d, dc_and(d, depths, p->depth), none)));
}

static void read_head(png *p)
{
    decoder *d = p->d;
    p->depth = dc_named(d, "depth", dc_byte(d, I(24)));
    p->kind = dc_named(d, "colour", dc_byte(d, I(25)));
    p->interlaced = dc_named(d, "interlaced", dc_eq(d, dc_byte(d, I(28)), I(1)));
    dc_set(d, d->width, dc_number(d, I(16), 4, false));
    dc_set(d, d->height, dc_number(d, I(20), 4, false));
    dc_break_if(d, dc_ne(d, dc_number(d, I(12), 4, false), I(0x49484452)));
    dc_break_if(d, dc_ne(d, dc_or(d, dc_byte(d, I(26)), dc_byte(d, I(27))), I(0)));
    dc_break_if(d, dc_lt(d, I(1), dc_byte(d, I(28))));
    check_kind(p);
    dc_check_sides(d);
    dc_value bits = dc_mul(d, p->parts, p->depth);
    p->back = dc_named(d, "back", dc_sel(d, dc_lt(d, bits, I(8)), I(1), dc_shr(d, bits, I(3))));
}

static void make_variables(png *p)
{
    decoder *d = p->d;
    kir_builder *b = &d->l->b;
    kir_buffer **var[] = {&p->hold, &p->bits, &p->ended, &p->last, &p->remaining, &p->distance, &p->literals, &p->distances, &p->words, &p->filled, &p->made, &p->row, &p->column, &p->filter, &p->odd, &p->in_pixel, &p->rows, &p->columns, &p->stride};
    static const char *const name[] = {"hold", "bits", "ended", "last", "remaining", "distance", "literals", "distances", "words", "filled", "made", "row", "column", "filter", "odd", "in_pixel", "rows", "columns", "stride"};
    for (size_t i = 0; i < sizeof var / sizeof *var; i++) *var[i] = dc_var(d, name[i], 0);
    p->state = dc_var(d, "state", HEAD);
    p->i = dc_var(d, "i", -1);
    p->stale = dc_var(d, "stale", 1);
    p->pass = dc_var(d, "pass", 0);
    p->window = kir_alloc(b, "window", DT_u8, WINDOW);
    p->length = kir_alloc(b, "length", DT_i32, LITERALS + DISTANCES + 138);
    p->line = kir_alloc(b, "line", DT_u8, 2 * line_room(d));
    p->first = code_new(p, "first_count", "first_symbol", WORDS);
    p->literal = code_new(p, "literal_count", "literal_symbol", LITERALS);
    p->far = code_new(p, "far_count", "far_symbol", DISTANCES);
}

/* All bytes of all passes. */
static void sum_passes(png *p, kir_buffer *table)
{
    decoder *d = p->d;
    kir_buffer *room = dc_var(d, "room", 0);
    dc_value k = dc_for(d, "k", 8);
    dc_if(d, dc_either(d, dc_both(d, p->interlaced, dc_lt(d, k, I(7))), dc_both(d, NOT(p->interlaced), dc_eq(d, k, I(7)))));
    dc_inc(d, room, measure(p, table, k));
    dc_end(d, 2);
    p->room = dc_named(d, "room", dc_get(d, room));
    dc_set(d, p->pass, dc_sel(d, p->interlaced, I(-1), I(6)));
}

/* One step, by what is to be done. */
static void step(png *p, kir_buffer *table, kir_buffer *order)
{
    decoder *d = p->d;
    kir_buffer *given = dc_var(d, "given", -1);
    dc_if(d, dc_both(d, dc_ne(d, dc_get(d, p->stale), I(0)), dc_lt(d, dc_get(d, p->pass), I(7))));
    next_pass(p, table);
    dc_end(d, 1);
    refill(p);
    dc_value ready = dc_either(d, dc_lt(d, I(ENOUGH), dc_get(d, p->bits)), dc_ne(d, dc_get(d, p->ended), I(0)));
    dc_value set = dc_either(d, dc_eq(d, dc_get(d, p->stale), I(0)), dc_le(d, I(7), dc_get(d, p->pass)));
    dc_if(d, dc_both(d, ready, set));
    dc_value state = dc_named(d, "doing", dc_get(d, p->state));
    for (int k = HEAD; k < DONE; k++) {
        dc_if(d, dc_eq(d, state, I(k)));
        switch (k) {
        case HEAD: head_step(p); break;
        case BLOCK: block_step(p); break;
        case FIRST_LENGTHS: first_length_step(p, order); break;
        case LENGTHS: length_step(p); break;
        case SYMBOL: symbol_step(p, given); break;
        default: byte_step(p, given, k == STORED); break;
        }
        dc_end(d, 1);
    }
    dc_break_if(d, dc_lt(d, dc_get(d, p->bits), I(0)));
    dc_if(d, dc_both(d, dc_le(d, I(0), dc_get(d, given)), dc_sound(d)));
    take_byte(p, table, dc_named(d, "byte", dc_get(d, given)));
    dc_end(d, 2);
}

void decode_png(decoder *d)
{
    static const int64_t order[WORDS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    png p = {.d = d};
    sx_table *t = d->l->sx;
    kir_buffer *starts = dc_table(d, "passes", 32, &passes[0][0]), *places = dc_table(d, "order", WORDS, order);
    read_head(&p);
    dc_if(d, dc_both(d, dc_sound(d), dc_fits(d)));
    p.from = dc_var(d, "from", 0);
    p.left = dc_var(d, "left", 0);
    make_variables(&p);
    find_chunks(&p);
    sum_passes(&p, starts);
    /* A step takes a bit or more, gives a byte, or goes to the next chunk or pass. */
    int64_t bytes = d->most_height * (8 * d->most_width + 8) + 128;
    lw_for(d->l, "step", sx_add(t, sx_mul(t, d->inst->in[0]->type->dim[0], sx_int(t, 10)), sx_int(t, bytes)));
    dc_if(d, dc_both(d, dc_ne(d, dc_get(d, p.state), I(DONE)), dc_sound(d)));
    step(&p, starts, places);
    dc_end(d, 2);
    dc_break_if(d, dc_ne(d, dc_get(d, p.state), I(DONE)));
    dc_break_if(d, dc_ne(d, dc_get(d, p.made), p.room));
    dc_end(d, 1);
}
