/* Casts between numbers and strings, byte by byte in tensors.
 *
 * A number becomes the shortest text that reads back as it, in Python's form: 0.1, 1e-05, 12.0, nan. Text is
 * read to 18 digits and rounded in f64; as a bool it is a number that is not 0, or true or false in any case. */
#include <math.h>
#include <string.h>
#include "frontend/onnx/ml.h"
#include "frontend/onnx/text_digits.h"

#define INT(x) mk_integer(k, DT_i64, x)
#define OP1(op, a) mk_op1(k, IR_##op, a)
#define OP2(op, a, b) mk_op2(k, IR_##op, a, b)
#define WHERE(c, a, b) mk_op3(k, IR_where, c, a, b)
#define BOTH(op, a, b) mk_end(k, mk_begin(k, IR_##op, 2, (ir_value *[]){a, b}), 1)
#define NOT(a) OP1(not, a)

enum { MOST_POWER = 340 };

static ir_value *real(mk *k, double x) { return mk_number(k, DT_f64, x); }

/* x * 10^e, in two steps that neither overflow nor underflow before the result does. */
static ir_value *scaled(mk *k, ir_value *x, ir_value *e)
{
    double *table = ARENA_ARRAY(k->m->arena, double, 2 * MOST_POWER + 1);
    const ir_sx *n = mk_sx(k, 2 * MOST_POWER + 1);
    for (int i = -MOST_POWER; i <= MOST_POWER; i++) table[i + MOST_POWER] = pow(10, i);
    ir_value *power = mk_const(k, ir_tensor(k->m, DT_f64, 1, &n), table), *most = INT(290), *all = BOTH(max, BOTH(min, e, INT(600)), INT(-600));
    ir_value *first = BOTH(max, BOTH(min, all, most), INT(-290)), *rest = OP2(sub, all, first), *shift = INT(MOST_POWER);
    ir_value *small = OP2(less, first, INT(0)), *up = mk_gather(k, power, OP2(add, OP1(abs, first), shift), 0);
    x = WHERE(small, OP2(div, x, up), OP2(mul, x, up)); /* a division by an exact power rounds once */
    return OP2(mul, x, mk_gather(k, power, OP2(add, rest, shift), 0));
}

/* ---- to text -------------------------------------------------------------------------------- */

typedef struct decimal { /* of every element: digits d0 d1 ... of an integer, d0.d1... * 10^exponent */
    ir_value *digits;     /* u64 */
    ir_value *count;      /* i64: how many */
    ir_value *exponent;   /* i64; NULL: an integer */
} decimal;

static ir_value *powers(mk *k)
{
    uint64_t *table = ARENA_ARRAY(k->m->arena, uint64_t, 20);
    const ir_sx *n = mk_sx(k, 20);
    table[0] = 1;
    for (int i = 1; i < 20; i++) table[i] = table[i - 1] * 10;
    return mk_const(k, ir_tensor(k->m, DT_u64, 1, &n), table);
}

/* Digit t from the left; what lies outside is '0'. All are [..., L] or broadcast to it. */
static ir_value *digit(mk *k, const decimal *d, ir_value *t)
{
    ir_value *right = OP2(sub, OP2(sub, d->count, INT(1)), t), *ten = mk_integer(k, DT_u64, 10);
    ir_value *inside = OP2(and, OP2(greater_or_equal, right, INT(0)), OP2(less, right, d->count));
    ir_value *place = BOTH(max, BOTH(min, right, INT(19)), INT(0));
    ir_value *value = OP2(mod, OP2(div, d->digits, mk_gather(k, powers(k), place, 0)), ten);
    return WHERE(inside, OP2(add, mk_cast(k, value, DT_i64), INT('0')), INT('0'));
}

/* How many digits an integer has. */
static ir_value *how_many(mk *k, ir_value *x)
{
    ir_value *count = INT(1);
    for (int i = 1; i < 20; i++) {
        ir_value *reaches = OP2(greater_or_equal, x, mk_pick(k, powers(k), 0, mk_sx(k, i)));
        count = OP2(add, count, mk_cast(k, reaches, DT_i64));
    }
    return count;
}

static ir_value *of_integers(mk *k, ir_value *x, ir_value *place)
{
    bool is_signed = dtype_is_signed(x->type->dtype);
    ir_value *negative = is_signed ? OP2(less, x, mk_integer(k, x->type->dtype, 0)) : NULL;
    ir_value *wide = mk_cast(k, mk_cast(k, x, is_signed ? DT_i64 : DT_u64), DT_u64), *zero = mk_integer(k, DT_u64, 0);
    decimal d = {.digits = negative ? WHERE(negative, OP2(sub, zero, wide), wide) : wide};
    d.count = how_many(k, d.digits);
    ir_value *sign = negative ? mk_cast(k, negative, DT_i64) : INT(0), *t = OP2(sub, place, sign);
    ir_value *byte = WHERE(OP2(less, t, INT(0)), INT('-'), digit(k, &d, t));
    return WHERE(OP2(less, t, d.count), byte, INT(0));
}

/* The fewest digits that read back as x (a: its magnitude in f64). Of a float of up to 32 bits what is worked out in
 * f64 has digits to spare. */
static decimal shortest(mk *k, ir_value *x, ir_value *a)
{
    enum { most = 9 };
    if (x->type->dtype == DT_f64) {
        decimal d;
        im_shortest_f64(k, a, &d.digits, &d.exponent);
        d.count = how_many(k, d.digits);
        d.exponent = OP2(add, d.exponent, OP2(sub, d.count, INT(1)));
        return d;
    }
    ir_value *one = INT(1), *zero = INT(0), *unit = real(k, 1);
    ir_value *e = mk_cast(k, OP1(floor, OP2(mul, OP1(log, a), real(k, 0.43429448190325182))), DT_i64);
    e = WHERE(OP2(greater_or_equal, a, scaled(k, unit, OP2(add, e, one))), OP2(add, e, one), e);
    e = WHERE(OP2(less, a, scaled(k, unit, e)), OP2(sub, e, one), e);
    decimal d = {.count = OP2(mul, e, zero)};
    ir_value *digits = OP2(mul, a, real(k, 0)), *magnitude = OP1(abs, x);
    for (int p = 1; p <= most; p++) {
        ir_value *scale = OP2(sub, INT(p - 1), e), *m = OP1(round, scaled(k, a, scale));
        ir_value *back = mk_cast(k, scaled(k, m, OP1(neg, scale)), x->type->dtype);
        ir_value *good = OP2(and, OP2(equal, d.count, zero), p == most ? OP2(equal, zero, zero) : OP2(equal, back, magnitude));
        digits = WHERE(good, m, digits);
        d.count = WHERE(good, INT(p), d.count);
    }
    d.digits = mk_cast(k, digits, DT_u64);
    ir_value *carries = OP2(greater_or_equal, d.digits, mk_gather(k, powers(k), d.count, 0)); /* 9.99 became 10.0 */
    d.digits = WHERE(carries, OP2(div, d.digits, mk_integer(k, DT_u64, 10)), d.digits);
    d.exponent = WHERE(carries, OP2(add, e, one), e);
    return d;
}

/* 12.5, 0.001: behind the sign, byte t. */
static ir_value *plain_form(mk *k, const decimal *d, ir_value *t)
{
    ir_value *zero = INT(0), *one = INT(1), *low = BOTH(min, d->exponent, zero), *point = OP2(add, BOTH(max, d->exponent, zero), one);
    ir_value *behind = mk_cast(k, OP2(greater, t, point), DT_i64), *at = OP2(add, OP2(sub, t, behind), low);
    ir_value *fraction = BOTH(max, OP2(sub, OP2(sub, d->count, one), d->exponent), one), *length = OP2(add, OP2(add, point, one), fraction);
    return WHERE(OP2(less, t, length), WHERE(OP2(equal, t, point), INT('.'), digit(k, d, at)), zero);
}

/* 1.5e-07 */
static ir_value *power_form(mk *k, const decimal *d, ir_value *t)
{
    ir_value *zero = INT(0), *one = INT(1), *ten = INT(10), *many = OP2(greater, d->count, one);
    ir_value *mantissa = OP2(add, d->count, mk_cast(k, many, DT_i64)), *u = OP2(sub, t, mantissa), *e = OP1(abs, d->exponent);
    ir_value *wide = mk_cast(k, OP2(greater_or_equal, e, INT(100)), DT_i64), *from = OP2(sub, OP2(sub, u, INT(2)), wide);
    ir_value *head = WHERE(OP2(and, many, OP2(equal, t, one)), INT('.'), digit(k, d, BOTH(max, OP2(sub, t, one), zero)));
    ir_value *tens = OP2(mod, OP2(div, e, ten), ten), *units = OP2(mod, e, ten), *hundreds = OP2(div, e, INT(100));
    ir_value *number = WHERE(OP2(equal, from, INT(-1)), hundreds, WHERE(OP2(equal, from, zero), tens, units));
    ir_value *tail = WHERE(OP2(equal, u, zero), INT('e'), WHERE(OP2(equal, u, one), WHERE(OP2(less, d->exponent, zero), INT('-'), INT('+')), OP2(add, number, INT('0'))));
    return WHERE(OP2(less, u, zero), head, WHERE(OP2(less, from, INT(2)), tail, zero));
}

static ir_value *word(mk *k, const char *text, ir_value *t)
{
    ir_value *byte = INT(0);
    for (int i = (int)strlen(text) - 1; i >= 0; i--) byte = WHERE(OP2(equal, t, INT(i)), INT(text[i]), byte);
    return byte;
}

static ir_value *of_floats(mk *k, ir_value *x, ir_value *place)
{
    ir_value *wide = mk_cast(k, x, DT_f64), *zero = real(k, 0);
    ir_value *minus = OP2(less, OP2(div, real(k, 1), wide), zero); /* of -0 and -inf, too */
    minus = OP2(or, OP2(less, wide, zero), OP2(and, OP2(equal, wide, zero), minus));
    ir_value *finite = OP2(less_or_equal, OP1(abs, wide), real(k, 1.7976931348623157e308)), *none = OP2(equal, wide, zero);
    ir_value *usual = OP2(and, finite, NOT(none)), *safe = WHERE(usual, x, mk_number(k, x->type->dtype, 1));
    decimal d = shortest(k, safe, OP1(abs, mk_cast(k, safe, DT_f64)));
    d.digits = WHERE(none, mk_integer(k, DT_u64, 0), d.digits);
    ir_value *t = OP2(sub, place, mk_cast(k, minus, DT_i64));
    ir_value *short_form = OP2(and, OP2(greater_or_equal, d.exponent, INT(-4)), OP2(less, d.exponent, INT(16)));
    ir_value *byte = WHERE(short_form, plain_form(k, &d, t), power_form(k, &d, t));
    byte = WHERE(finite, byte, WHERE(OP2(equal, wide, wide), word(k, "inf", t), word(k, "nan", t)));
    return WHERE(OP2(less, t, INT(0)), INT('-'), byte);
}

static bool to_text(im_node *n)
{
    mk *k = n->k;
    ir_value *x = im_in(n, 0);
    if (x->type->rank == IR_MAX_RANK) return im_fail(n, E_RANK, 0, "strings have at most %d axes", IR_MAX_RANK - 1);
    ir_value *place = im_count(k, mk_sx(k, n->o->options->text_length), DT_i64), *byte;
    x = mk_unsqueeze(k, x, x->type->rank);
    if (x->type->dtype == DT_bool) byte = WHERE(x, word(k, "True", place), word(k, "False", place));
    else byte = dtype_is_float(x->type->dtype) ? of_floats(k, x, place) : of_integers(k, x, place);
    if (n->o->options->text_length < 24) return im_fail(n, E_ONNX_TEXT, -1, "numbers take up to 24 bytes; --text gives strings %lld", (long long)n->o->options->text_length);
    return im_out_text(n, 0, mk_cast(k, byte, DT_u8));
}

/* ---- from text ------------------------------------------------------------------------------ */

enum { MINUS, DIGITS, COUNT, EXPONENT, STAGE, POWER, POWER_MINUS, BAD, STATES };

/* One byte further. STAGE: 0 before anything, 1 behind the sign, 2 in digits, 3 behind the point, 4 behind the
 * e, 5 behind its sign, 6 in its digits, 7 behind everything. */
static void read_byte(mk *k, ir_value *c, ir_value *const *s, ir_value **next)
{
    ir_value *zero = INT(0), *one = INT(1), *stage = s[STAGE];
#define AT(a, b) OP2(and, OP2(greater_or_equal, stage, INT(a)), OP2(less_or_equal, stage, INT(b)))
#define IS(x) OP2(equal, c, INT(x))
    ir_value *is_digit = OP2(and, OP2(greater_or_equal, c, INT('0')), OP2(less_or_equal, c, INT('9'))), *value = OP2(sub, c, INT('0'));
    ir_value *blank = OP2(or, OP2(equal, c, zero), OP2(or, IS(' '), OP2(and, OP2(greater_or_equal, c, INT(9)), OP2(less_or_equal, c, INT(13)))));
    ir_value *sign = OP2(or, IS('-'), IS('+')), *mantissa = OP2(and, is_digit, AT(0, 3)), *power = OP2(and, is_digit, AT(4, 6));
    ir_value *first_sign = OP2(and, sign, AT(0, 0)), *second_sign = OP2(and, sign, AT(4, 4));
    ir_value *point = OP2(and, IS('.'), AT(0, 2)), *e = OP2(and, OP2(and, OP2(or, IS('e'), IS('E')), AT(2, 3)), OP2(greater, s[COUNT], zero));
    ir_value *ends = OP2(and, blank, AT(2, 7)), *skips = OP2(and, blank, AT(0, 0)), *room = OP2(less, s[DIGITS], INT(INT64_C(100000000000000000)));
    ir_value *kept = OP2(and, mantissa, room), *lost = OP2(and, mantissa, NOT(room)), *fraction = AT(3, 3);
    next[MINUS] = WHERE(OP2(and, first_sign, IS('-')), one, s[MINUS]);
    next[DIGITS] = WHERE(kept, OP2(add, OP2(mul, s[DIGITS], INT(10)), value), s[DIGITS]);
    next[COUNT] = WHERE(mantissa, OP2(add, s[COUNT], one), s[COUNT]);
    next[EXPONENT] = WHERE(OP2(and, kept, fraction), OP2(sub, s[EXPONENT], one), WHERE(OP2(and, lost, NOT(fraction)), OP2(add, s[EXPONENT], one), s[EXPONENT]));
    next[POWER] = WHERE(power, BOTH(min, OP2(add, OP2(mul, s[POWER], INT(10)), value), INT(100000)), s[POWER]);
    next[POWER_MINUS] = WHERE(OP2(and, second_sign, IS('-')), one, s[POWER_MINUS]);
    ir_value *digits_stage = WHERE(fraction, INT(3), INT(2));
    ir_value *to = WHERE(mantissa, digits_stage, WHERE(first_sign, one, WHERE(point, INT(3), WHERE(e, INT(4), WHERE(second_sign, INT(5), WHERE(power, INT(6), WHERE(ends, INT(7), stage)))))));
    ir_value *known = OP2(or, OP2(or, OP2(or, mantissa, power), OP2(or, first_sign, second_sign)), OP2(or, OP2(or, point, e), OP2(or, ends, skips)));
    next[STAGE] = to;
    next[BAD] = WHERE(known, s[BAD], one);
#undef AT
#undef IS
}

static ir_value *words_of(im_node *n, const char *const *word, int count)
{
    mk *k = n->k;
    size_t length = (size_t)n->o->options->text_length;
    char *bytes = arena_array(k->m->arena, (size_t)count, length);
    for (int i = 0; i < count; i++) memcpy(bytes + (size_t)i * length, word[i], strnlen(word[i], length));
    return mk_const(k, ir_tensor(k->m, DT_u8, 2, (const ir_sx *[]){mk_sx(k, count), mk_sx(k, (int64_t)length)}), bytes);
}

static bool from_text(im_node *n, nfc_dtype to)
{
    static const char *const truths[] = {"true", "false"}, *const names[] = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "+nan", "-nan"};
    static const double values[] = {NAN, INFINITY, INFINITY, -INFINITY, INFINITY, INFINITY, -INFINITY, NAN, NAN, 0};
    mk *k = n->k;
    ir_value *x = im_in(n, 0), *init[STATES], *next[STATES];
    int rank = x->type->rank - 1;
    for (int i = 0; i < STATES; i++) init[i] = mk_filled(k, ir_tensor(k->m, DT_i64, rank, x->type->dim), 0);
    mk_loop loop;
    mk_loop_begin(k, &loop, "byte", mk_sx(k, 0), mk_extent(x, rank), STATES, init);
    read_byte(k, mk_cast(k, mk_pick(k, x, rank, loop.index), DT_i64), loop.carried, next);
    mk_loop_end(k, &loop, next);
    ir_value **s = loop.carried, *zero = INT(0);
    ir_value *exponent = OP2(add, s[EXPONENT], WHERE(OP2(greater, s[POWER_MINUS], zero), OP1(neg, s[POWER]), s[POWER]));
    ir_value *sign = OP2(greater, s[MINUS], zero), *whole = WHERE(sign, OP1(neg, s[DIGITS]), s[DIGITS]);
    ir_value *number = scaled(k, mk_cast(k, s[DIGITS], DT_f64), exponent);
    number = WHERE(sign, OP1(neg, number), number);
    const bool is_truth = to == DT_bool;
    ir_value *named = OP2(find, im_text_lower(k, x), is_truth ? words_of(n, truths, 2) : words_of(n, names, 9)), *is_name = OP2(greater_or_equal, named, zero);
    const ir_sx *ten = mk_sx(k, 10);
    ir_value *special = mk_gather(k, mk_const(k, ir_tensor(k->m, DT_f64, 1, &ten), values), BOTH(max, named, zero), 0);
    ir_value *bad = OP2(or, OP2(greater, s[BAD], zero), OP2(or, OP2(equal, s[COUNT], zero), OP2(or, OP2(equal, s[STAGE], INT(4)), OP2(equal, s[STAGE], INT(5)))));
    bad = OP2(and, bad, dtype_is_float(to) || is_truth ? NOT(is_name) : OP2(equal, zero, zero));
    const ir_sx *all = ir_elements(k->m, bad->type);
    if (!sx_is(all, 0)) { /* what is no number is an error of the run */
        ir_value *any = mk_reduce(k, IR_reduce_max, mk_reshape(k, mk_cast(k, bad, DT_i64), 1, &all), 1, false);
        im_element(n->o, BOTH(max, any, zero), 0, 0, 0);
    }
    if (is_truth) return im_out(n, 0, WHERE(is_name, OP2(equal, named, zero), OP2(greater, s[DIGITS], zero)));
    if (dtype_is_float(to)) return im_out(n, 0, mk_cast(k, WHERE(is_name, special, number), to));
    return im_out(n, 0, mk_cast(k, WHERE(OP2(equal, exponent, zero), whole, mk_cast(k, number, DT_i64)), to));
}

bool im_cast_text(im_node *n, bool text, nfc_dtype to)
{
    return text ? to_text(n) : from_text(n, to);
}
