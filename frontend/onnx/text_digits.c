/* The shortest decimal that reads back as an f64, in tensors of u64: exact, for every finite f64 above 0.
 *
 * R. Giulietti, "The Schubfach way to render doubles", 2020. x is c * 2^q, and what lies between the middles to its
 * neighbours reads back as x. With 10^k about as long as that interval, the three are scaled by 10^-k and four, rounded
 * to odd: their comparisons with multiples of 4 and of 40 then are what those of the exact numbers were. Of the
 * multiples inside the one of 40 is shorter; else that of 4 which is nearest to x counts. */
#include <string.h>
#include "frontend/onnx/ml.h"
#include "frontend/onnx/text_digits.h"

#define INT(x) mk_integer(k, DT_i64, x)
#define NUM(x) mk_integer(k, DT_u64, (int64_t)(x))
#define OP2(op, a, b) mk_op2(k, IR_##op, a, b)
#define WHERE(c, a, b) mk_op3(k, IR_where, c, a, b)

/* ---- powers of ten ---------------------------------------------------------------------------- */

enum { LEAST_POWER = -292, MOST_POWER = 324, LIMBS = 36 }; /* of 32 bits, the lowest first */

static void times_ten(uint32_t v[LIMBS])
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)v[i] * 10;
        v[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void by_ten(uint32_t v[LIMBS])
{
    uint64_t rest = 0;
    for (int i = LIMBS - 1; i >= 0; i--) {
        rest = rest << 32 | v[i];
        v[i] = (uint32_t)(rest / 10);
        rest %= 10;
    }
}

static int bit_of(const uint32_t v[LIMBS], int i) { return i >= 0 ? (int)(v[i / 32] >> i % 32 & 1) : 0; }

/* The first 128 bits of 10^power, rounded up: the least number g of 128 bits with 10^power <= g * 2^r for the r with
 * which it has as many. */
static void power_of_ten(int power, uint64_t *high, uint64_t *low)
{
    uint32_t v[LIMBS] = {0};
    bool more = power < 0; /* what is cut off is not 0 */
    int start = power < 0 ? 128 + (int)((int64_t)-power * 1741647 >> 19) : 0; /* 2^start / 10^-power has 128 bits */
    v[start / 32] = UINT32_C(1) << start % 32;
    for (int i = 0; i < power; i++) times_ten(v);
    for (int i = 0; i < -power; i++) by_ten(v);
    int top = 32 * LIMBS - 1;
    while (!bit_of(v, top)) top--;
    *high = *low = 0;
    for (int i = 0; i < 64; i++) {
        *high = *high << 1 | (uint64_t)bit_of(v, top - i);
        *low = *low << 1 | (uint64_t)bit_of(v, top - 64 - i);
    }
    for (int i = 0; i <= top - 128; i++) more |= bit_of(v, i);
    *low += more;
    *high += more && *low == 0;
}

/* Two vectors over the powers. */
static void tables(mk *k, ir_value **high, ir_value **low)
{
    const int count = MOST_POWER - LEAST_POWER + 1;
    uint64_t *h = ARENA_ARRAY(k->m->arena, uint64_t, count), *l = ARENA_ARRAY(k->m->arena, uint64_t, count);
    const ir_sx *n = mk_sx(k, count);
    for (int i = 0; i < count; i++) power_of_ten(LEAST_POWER + i, &h[i], &l[i]);
    *high = mk_const(k, ir_tensor(k->m, DT_u64, 1, &n), h);
    *low = mk_const(k, ir_tensor(k->m, DT_u64, 1, &n), l);
}

/* ---- arithmetic ------------------------------------------------------------------------------- */

static ir_value *shifted(mk *k, ir_value *x, ir_value *by, const char *direction)
{
    ir_inst *inst = mk_begin(k, IR_bit_shift, 2, (ir_value *[]){x, by});
    mk_text(k, inst, "direction", direction);
    return mk_end(k, inst, 1);
}

static ir_value *high_half(mk *k, ir_value *x) { return shifted(k, x, NUM(32), "RIGHT"); }
static ir_value *low_half(mk *k, ir_value *x) { return OP2(bitwise_and, x, NUM(0xffffffff)); }

/* The upper 64 bits of a product of two u64. */
static ir_value *upper_product(mk *k, ir_value *a, ir_value *b)
{
    ir_value *ah = high_half(k, a), *al = low_half(k, a), *bh = high_half(k, b), *bl = low_half(k, b);
    ir_value *first = OP2(mul, ah, bl), *second = OP2(mul, al, bh);
    ir_value *middle = OP2(add, OP2(add, high_half(k, OP2(mul, al, bl)), low_half(k, first)), low_half(k, second));
    return OP2(add, OP2(add, OP2(mul, ah, bh), high_half(k, first)), OP2(add, high_half(k, second), high_half(k, middle)));
}

static ir_value *as_number(mk *k, ir_value *truth) { return mk_cast(k, truth, DT_u64); }

/* (high, low) * x / 2^128, with the last bit set when something is cut off. */
static ir_value *rounded_to_odd(mk *k, ir_value *high, ir_value *low, ir_value *x)
{
    ir_value *carried = upper_product(k, low, x), *part = OP2(mul, high, x), *sum = OP2(add, part, carried);
    ir_value *whole = OP2(add, upper_product(k, high, x), as_number(k, OP2(less, sum, part)));
    return OP2(bitwise_or, whole, as_number(k, OP2(greater, sum, NUM(1))));
}

/* ---- the decimal ------------------------------------------------------------------------------ */

typedef struct binary { /* x = c * 2^q */
    ir_value *c;          /* u64 */
    ir_value *q;          /* i64 */
    ir_value *is_power;   /* bool: x is the least with its exponent, so that the one below is nearer */
    ir_value *is_odd;     /* u64: c is odd */
} binary;

static binary binary_of(mk *k, ir_value *x)
{
    binary b;
    ir_inst *inst = mk_begin(k, IR_bitcast, 1, &x);
    mk_dtype(inst, "to", DT_u64);
    ir_value *bits = mk_end(k, inst, 1), *fraction = OP2(bitwise_and, bits, NUM((UINT64_C(1) << 52) - 1));
    ir_value *exponent = OP2(bitwise_and, shifted(k, bits, NUM(52), "RIGHT"), NUM(2047)), *is_small = OP2(equal, exponent, NUM(0));
    b.c = OP2(add, fraction, WHERE(is_small, NUM(0), NUM(UINT64_C(1) << 52)));
    b.q = OP2(sub, mk_cast(k, WHERE(is_small, NUM(1), exponent), DT_i64), INT(1075));
    b.is_power = OP2(and, OP2(equal, fraction, NUM(0)), OP2(greater, exponent, NUM(1)));
    b.is_odd = OP2(bitwise_and, b.c, NUM(1));
    return b;
}

/* floor(x / 2^bits) */
static ir_value *floored(mk *k, ir_value *x, int bits) { return shifted(k, x, INT(bits), "RIGHT"); }

/* Multiples of `step`, of which least is the one at or below x: which of it and the next lie from low to high? In *up
 * the next alone does, in *one just one of them. */
static void inside(mk *k, ir_value *least, int64_t step, ir_value *low, ir_value *high, ir_value **up, ir_value **one)
{
    ir_value *here = OP2(less_or_equal, low, least);
    *up = OP2(less_or_equal, OP2(add, least, NUM(step)), high);
    *one = mk_op1(k, IR_not, OP2(equal, here, *up));
}

void im_shortest_f64(mk *k, ir_value *x, ir_value **digits, ir_value **exponent)
{
    binary b = binary_of(k, x);
    ir_value *high, *low, *four = OP2(mul, b.c, NUM(4));
    tables(k, &high, &low);
    /* floor(log10(2^q)), or of 3/4 of that where the interval is shorter; then floor(log2(10^-power)) */
    ir_value *log = OP2(sub, OP2(mul, b.q, INT(1262611)), WHERE(b.is_power, INT(524031), INT(0)));
    ir_value *power = floored(k, log, 22), *minus = mk_op1(k, IR_neg, power), *at = OP2(sub, minus, INT(LEAST_POWER));
    ir_value *shift = mk_cast(k, OP2(add, OP2(add, b.q, floored(k, OP2(mul, minus, INT(1741647)), 19)), INT(1)), DT_u64);
    high = mk_gather(k, high, at, 0);
    low = mk_gather(k, low, at, 0);
#define SCALED(x) rounded_to_odd(k, high, low, shifted(k, x, shift, "LEFT"))
    ir_value *below = OP2(add, SCALED(OP2(sub, four, WHERE(b.is_power, NUM(1), NUM(2)))), b.is_odd);
    ir_value *value = SCALED(four), *above = OP2(sub, SCALED(OP2(add, four, NUM(2))), b.is_odd);
#undef SCALED
    ir_value *whole = shifted(k, value, NUM(2), "RIGHT"), *tenth = OP2(div, whole, NUM(10)), *ten_up, *one_of_ten, *up, *one;
    inside(k, OP2(mul, tenth, NUM(40)), 40, below, above, &ten_up, &one_of_ten);
    inside(k, OP2(mul, whole, NUM(4)), 4, below, above, &up, &one);
    one_of_ten = OP2(and, one_of_ten, OP2(greater_or_equal, whole, NUM(10)));
    ir_value *middle = OP2(add, OP2(mul, whole, NUM(4)), NUM(2)), *is_odd = OP2(equal, OP2(bitwise_and, whole, NUM(1)), NUM(1));
    ir_value *nearest = OP2(or, OP2(greater, value, middle), OP2(and, OP2(equal, value, middle), is_odd));
    ir_value *short_one = OP2(add, tenth, as_number(k, ten_up)), *long_one = OP2(add, whole, as_number(k, WHERE(one, up, nearest)));
    *digits = WHERE(one_of_ten, short_one, long_one);
    *exponent = OP2(add, power, WHERE(one_of_ten, INT(1), INT(0)));
    for (int zeros = 8; zeros; zeros /= 2) /* those at the end go; of the 17 digits at most there are at most 15 */
        for (int again = 0; again < (zeros == 8 ? 2 : 1); again++) {
            uint64_t by = 1;
            for (int i = 0; i < zeros; i++) by *= 10;
            ir_value *ends = OP2(equal, OP2(mod, *digits, NUM(by)), NUM(0));
            *digits = WHERE(ends, OP2(div, *digits, NUM(by)), *digits);
            *exponent = WHERE(ends, OP2(add, *exponent, INT(zeros)), *exponent);
        }
}
