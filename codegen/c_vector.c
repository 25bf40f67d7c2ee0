/* The C dialect's vectors: values of a vector loop that differ from lane to lane, as the vector types of GCC and
 * Clang (`vector_size`), whose operators work on all lanes and take a scalar for all lanes of one operand.
 *
 * A bool is a mask: a vector of signed integers, 0 or -1, as wide as what it was compared of; where
 * it meets values of another width it is converted. What C has no operator for is a helper, named as
 * the scalar one and "x16" (c_lanes.c). */
#include <string.h>
#include "codegen/c_vector.h"

enum { MASK_BITS = 32 }; /* where nothing says how wide */

static const char *value(cg_module *c, const kir_expr *e);

static bool is_float(kir_type t) { return t < DT_COUNT && dtype_is_float((nfc_dtype)t); }

/* The type of a lane: of narrow types what they are stored as. */
static nfc_dtype lane_type(cg_module *c, kir_type t)
{
    if (t == KIR_INDEX_TYPE) return c->wide ? DT_i64 : DT_i32;
    if (kir_computes(t) && t != DT_bool) return (nfc_dtype)t;
    if (dtype_bytes((nfc_dtype)t) == 2) return dtype_is_signed((nfc_dtype)t) && !is_float(t) ? DT_i16 : DT_u16;
    return dtype_is_signed((nfc_dtype)t) && !is_float(t) ? DT_i8 : DT_u8;
}

static int bits_of(cg_module *c, kir_type t) { return 8 * (int)dtype_bytes(lane_type(c, t)); }

static nfc_dtype signed_of(int bits) { return bits == 64 ? DT_i64 : bits == 32 ? DT_i32 : bits == 16 ? DT_i16 : DT_i8; }
static nfc_dtype unsigned_of(int bits) { return bits == 64 ? DT_u64 : bits == 32 ? DT_u32 : bits == 16 ? DT_u16 : DT_u8; }

static const char *vector(cg_module *c, nfc_dtype lane) { return cg_vector_type(c, lane, c->lanes->width); }

/* The same bits as another type; of a value that was made one of another type before, from what it was. */
static const char *as(cg_module *c, nfc_dtype lane, const char *x)
{
    size_t n = 1 + strspn(x + 1, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (strncmp(x, "(nf_", 4) == 0 && x[n] == ')') x += n + 1;
    return arena_printf(c->arena, "(%s)%s", vector(c, lane), x);
}

static const char *helped(cg_module *c, const char *scalar, nfc_dtype result, nfc_dtype argument, const char *x, const char *y);
static const char *integers(cg_module *c, nfc_dtype to, nfc_dtype from, const char *x);

/* The same numbers, or what wrapping leaves of them. */
static const char *converted(cg_module *c, nfc_dtype to, nfc_dtype from, const char *x)
{
    if (to == from) return x;
    if (dtype_is_int(to) && dtype_is_int(from)) return integers(c, to, from, x);
    if (dtype_is_int(from) && dtype_bytes(from) < sizeof(int32_t)) return converted(c, to, DT_i32, integers(c, DT_i32, from, x));
    return arena_printf(c->arena, "__builtin_convertvector(%s, %s)", cg_bare(c, x), vector(c, to));
}

/* A helper for all lanes; `result` is the type of its lanes. */
static const char *helped(cg_module *c, const char *scalar, nfc_dtype result, nfc_dtype argument, const char *x, const char *y)
{
    const char *name = cg_lanes_helper(c, scalar, result, argument, y ? 2 : 1, c->lanes->width);
    return y ? arena_printf(c->arena, "%s(%s, %s)", name, cg_bare(c, x), cg_bare(c, y)) : arena_printf(c->arena, "%s(%s)", name, cg_bare(c, x));
}

static nfc_dtype int_of(size_t bytes, bool is_signed)
{
    static const nfc_dtype of[2][9] = {{[1] = DT_u8, [2] = DT_u16, [4] = DT_u32, [8] = DT_u64}, {[1] = DT_i8, [2] = DT_i16, [4] = DT_i32, [8] = DT_i64}};
    return of[is_signed][bytes];
}

/* Integers as wider or narrower ones: by the device's instruction, which gives and takes signed ones on the wide side. Else
 * the width is doubled or halved as often as it takes, which gcc has vector code for; more at once it does lane by lane. */
static const char *integers(cg_module *c, nfc_dtype to, nfc_dtype from, const char *x)
{
    const size_t bytes = dtype_bytes(to), had = dtype_bytes(from);
    if (bytes == had) return as(c, to, x);
    const bool wider = bytes > had;
    const nfc_dtype result = wider ? int_of(bytes, true) : to, given = wider ? from : int_of(had, true);
    const char *name = arena_printf(c->arena, "nf_%s_to_%s", dtype_name(given), dtype_name(result));
    if (cg_has_instruction(c, name, c->lanes->width)) {
        x = helped(c, name, result, given, given == from ? x : as(c, given, x), NULL);
        return result == to ? x : as(c, to, x);
    }
    const nfc_dtype next = wider ? int_of(2 * had, dtype_is_signed(from)) : int_of(had / 2, dtype_is_signed(to));
    if (dtype_bytes(next) == bytes) return arena_printf(c->arena, "__builtin_convertvector(%s, %s)", cg_bare(c, x), vector(c, to));
    return integers(c, to, next, arena_printf(c->arena, "__builtin_convertvector(%s, %s)", cg_bare(c, x), vector(c, next)));
}

static const char *typed(cg_module *c, const char *base, nfc_dtype lane) { return arena_printf(c->arena, "nf_%s_%s", base, dtype_name(lane)); }

/* ---- masks --------------------------------------------------------------------------------- */

static int mask_bits(cg_module *c, const kir_expr *e)
{
    if (!kir_varies(c->lanes, e)) return 0; /* any */
    int a, b;
    switch (e->kind) {
    case KIR_VAR: return (int)(intptr_t)map_getp(&c->masks, e->var);
    case KIR_LOAD: return kir_is_private(c->lanes, e->buffer) ? MASK_BITS : 8;
    case KIR_CAST: return bits_of(c, e->a->type);
    case KIR_UN: return mask_bits(c, e->a);
    case KIR_SELECT: a = mask_bits(c, e->b), b = mask_bits(c, e->c); break;
    case KIR_BIN:
        if (e->a->type != DT_bool) return bits_of(c, e->a->type);
        a = mask_bits(c, e->a), b = mask_bits(c, e->b);
        break;
    default: return MASK_BITS;
    }
    int wider = a > b ? a : b;
    return wider ? wider : MASK_BITS;
}

/* x != 0. Clang gives a comparison of bytes lanes of type char, which has no sign on Arm and RISC-V. */
static const char *not_zero(cg_module *c, nfc_dtype lane, const char *x)
{
    x = arena_printf(c->arena, "(%s != 0)", x);
    return dtype_bytes(lane) == 1 ? as(c, DT_i8, x) : x;
}

/* A bool as a mask so wide. */
static const char *mask(cg_module *c, const kir_expr *e, int bits)
{
    nfc_dtype lane = signed_of(bits);
    if (!kir_varies(c->lanes, e)) return helped(c, typed(c, "splat", lane), lane, lane, arena_printf(c->arena, "(%s)-%s", dtype_table[lane].c_type, cg_expr(c, e)), NULL);
    return converted(c, lane, signed_of(mask_bits(c, e)), value(c, e));
}

/* ---- operands ------------------------------------------------------------------------------ */

/* For an operator whose other operand is a vector: what is the same in all lanes is left a scalar. */
static const char *operand(cg_module *c, const kir_expr *e) { return kir_varies(c->lanes, e) ? value(c, e) : cg_expr(c, e); }

/* A vector in any case. */
static const char *full(cg_module *c, const kir_expr *e)
{
    if (kir_varies(c->lanes, e)) return value(c, e);
    if (e->type == DT_bool) return mask(c, e, MASK_BITS);
    nfc_dtype lane = lane_type(c, e->type);
    return helped(c, typed(c, "splat", lane), lane, lane, cg_expr(c, e), NULL);
}

/* Signed arithmetic wraps, which C leaves undefined: it is done unsigned. */
static bool wraps(cg_module *c, const kir_expr *e)
{
    if (e->kind != KIR_BIN || e->a->type == KIR_INDEX_TYPE || e->a->type == DT_bool) return false;
    bool shifts = e->op == KB_SHL || e->op == KB_SHR, sums = e->op == KB_ADD || e->op == KB_SUB || e->op == KB_MUL;
    nfc_dtype lane = lane_type(c, e->a->type);
    return dtype_is_int(lane) && dtype_is_signed(lane) && (shifts || sums);
}

static const char *done_unsigned(cg_module *c, const kir_expr *e);

/* The bits of a vector, of any type of their width. */
static const char *bits(cg_module *c, const kir_expr *e)
{
    if (wraps(c, e)) return done_unsigned(c, e);
    return e->kind == KIR_UN && e->op == KU_BITS ? bits(c, e->a) : value(c, e);
}

/* An operand as an unsigned integer. */
static const char *unsigned_operand(cg_module *c, const kir_expr *e)
{
    nfc_dtype lane = unsigned_of(bits_of(c, e->type));
    if (!kir_varies(c->lanes, e)) return arena_printf(c->arena, "(%s)%s", dtype_table[lane].c_type, cg_expr(c, e));
    return wraps(c, e) ? done_unsigned(c, e) : as(c, lane, bits(c, e));
}

/* ---- memory -------------------------------------------------------------------------------- */

static const char *place(cg_module *c, const kir_buffer *b, const ir_sx *index)
{
    const char *at = cg_index(c, kir_lane_first(c->lanes, index), false);
    return strcmp(at, "0") == 0 ? b->name : arena_printf(c->arena, "%s + %s", b->name, at);
}

/* Elements side by side. */
static const char *load_row(cg_module *c, const kir_expr *e, nfc_dtype lane, const char *at)
{
    if (kir_lanes_read(c->lanes, e->buffer, e->index)) return helped(c, typed(c, "load", lane), lane, lane, at, NULL);
    return helped(c, typed(c, "load_part", lane), lane, lane, at, arena_printf(c->arena, "%lld", (long long)c->lanes->trips));
}

static const char *load(cg_module *c, const kir_expr *e)
{
    if (kir_is_private(c->lanes, e->buffer)) return c->dialect->element(c, e->buffer, cg_index(c, e->index, false));
    nfc_dtype lane = lane_type(c, e->type);
    const ir_sx *step = kir_lane_step(c->lanes, e->index);
    const char *at = place(c, e->buffer, e->index);
    const char *x = sx_is(step, 1) ? load_row(c, e, lane, at) : kir_lanes_read(c->lanes, e->buffer, e->index) ? arena_printf(c->arena, "%s(%s)", cg_strided_load(c, lane, sx_value(step), c->lanes->width), at) : helped(c, typed(c, "gather", lane), lane, lane, at, cg_index(c, step, false));
    return e->type == DT_bool ? not_zero(c, lane, x) : x;
}

static void store(cg_module *c, const kir_buffer *b, const ir_sx *index, const kir_expr *e)
{
    nfc_dtype lane = lane_type(c, (kir_type)b->dtype);
    const ir_sx *step = kir_lane_step(c->lanes, index);
    const char *x = b->dtype == DT_bool ? arena_printf(c->arena, "%s & 1", as(c, DT_u8, mask(c, e, 8))) : cg_bare(c, full(c, e));
    const bool part = c->lanes->trips < c->lanes->width;
    const char *by = part ? "store_part" : sx_is(step, 1) ? "store" : "scatter", *name = cg_lanes_helper(c, typed(c, by, lane), lane, lane, 2, c->lanes->width);
    if (part) line(c->kernels, "%s(%s, %lld, %s);", name, place(c, b, index), (long long)c->lanes->trips, x);
    else if (sx_is(step, 1)) line(c->kernels, "%s(%s, %s);", name, place(c, b, index), x);
    else line(c->kernels, "%s(%s, %s, %s);", name, place(c, b, index), cg_index(c, step, false), x);
}

/* ---- operators ----------------------------------------------------------------------------- */

static const char *math(cg_module *c, const kir_expr *e)
{
    const char *name = cg_scalar_function(c, e->kind == KIR_BIN, e->op, e->type, c->lanes->width), *x = cg_bare(c, full(c, e->a));
    return e->b ? arena_printf(c->arena, "%s(%s, %s)", name, x, cg_bare(c, full(c, e->b))) : arena_printf(c->arena, "%s(%s)", name, x);
}

/* Is it a float that is not NaN, the same in all lanes? */
static bool is_number(const kir_expr *e) { return e->kind == KIR_CONST && is_float(e->type) && e->number == e->number; }

/* On f16, which is kept as its bits: an instruction of the device or, where so many lanes have none, by way of f32. */
static const char *on_halves(cg_module *c, const kir_expr *e)
{
    const bool least = e->kind == KIR_BIN && e->op == KB_MIN, most = e->kind == KIR_BIN && e->op == KB_MAX, signs = e->kind == KIR_UN && e->op != KU_SQRT;
    const char *op = kir_op_word(e), *x = full(c, e->a), *y = e->b ? full(c, e->b) : NULL;
    if ((least || most) && is_number(e->a)) op = least ? "atmost" : "atleast";
    if (signs || device_instruction(c->device, op, DT_f16, c->lanes->width)) return helped(c, typed(c, op, DT_f16), DT_u16, DT_u16, x, y);
    x = helped(c, "nf_f16_to_f32", DT_f32, DT_u16, x, NULL);
    if (y) y = helped(c, "nf_f16_to_f32", DT_f32, DT_u16, y, NULL);
    if (least || most) x = helped(c, typed(c, op, DT_f32), DT_f32, DT_f32, x, y);
    else if (y) x = arena_printf(c->arena, "%s %s %s", x, kir_bin_table[e->op].text, y);
    else x = helped(c, typed(c, cg_square_root(c, DT_f32, c->lanes->width), DT_f32), DT_f32, DT_f32, x, NULL);
    return helped(c, "nf_f32_to_f16", DT_u16, DT_f32, x, NULL);
}

static const char *unary(cg_module *c, const kir_expr *e)
{
    const kir_op_info *op = &kir_un_table[e->op];
    if (op->flags & KIRF_MATH) return math(c, e);
    if (e->type == DT_f16 && e->op != KU_BITS) return on_halves(c, e);
    nfc_dtype lane = lane_type(c, e->type);
    const char *x = value(c, e->a);
    switch (e->op) {
    case KU_NOT:
    case KU_BNOT: return arena_printf(c->arena, "~%s", x);
    case KU_NEG:
        if (is_float(e->type) || e->type == KIR_INDEX_TYPE) return arena_printf(c->arena, "(-%s)", x);
        x = arena_printf(c->arena, "(0 - %s)", as(c, unsigned_of(bits_of(c, e->type)), x));
        return dtype_is_signed(lane) ? as(c, lane, x) : x;
    case KU_BITS: return lane == lane_type(c, e->a->type) ? x : as(c, lane, bits(c, e->a));
    case KU_SQRT: return helped(c, typed(c, cg_square_root(c, lane, c->lanes->width), lane), lane, lane, x, NULL);
    default: return helped(c, typed(c, op->text, lane), lane, lane, x, NULL);
    }
}

/* Operators on masks. */
static const char *of_bools(cg_module *c, const kir_expr *e)
{
    static const char *const form[KB_COUNT] = {
        [KB_AND] = "(%s & %s)", [KB_BAND] = "(%s & %s)", [KB_MIN] = "(%s & %s)", [KB_MUL] = "(%s & %s)",
        [KB_OR] = "(%s | %s)", [KB_BOR] = "(%s | %s)", [KB_MAX] = "(%s | %s)",
        [KB_NE] = "(%s ^ %s)", [KB_BXOR] = "(%s ^ %s)", [KB_EQ] = "~(%s ^ %s)", [KB_LT] = "(~%s & %s)", [KB_LE] = "(~%s | %s)",
    };
    int bits = mask_bits(c, e);
    const char *x = mask(c, e->a, bits), *y = mask(c, e->b, bits), *hole = strchr(form[e->op], '%');
    const char *between = hole + 2, *next = strchr(between, '%');
    return arena_printf(c->arena, "%.*s%s%.*s%s%s", (int)(hole - form[e->op]), form[e->op], x, (int)(next - between), between, y, next + 2);
}

/* NaN wins: a > b || a != a ? a : b. Where a is no NaN one comparison does. */
static const char *smaller(cg_module *c, const kir_expr *e, nfc_dtype lane)
{
    const char *x = full(c, e->a), *y = full(c, e->b);
    if (!is_number(e->a)) return helped(c, typed(c, kir_bin_table[e->op].text, lane), lane, lane, x, y);
    return helped(c, typed(c, e->op == KB_MAX ? "atleast" : "atmost", lane), lane, lane, x, y);
}

/* What is shifted is a vector, by what may be a scalar. */
static const char *shift(cg_module *c, const kir_expr *e)
{
    const char *x = kir_varies(c->lanes, e->a) ? unsigned_operand(c, e->a) : as(c, unsigned_of(bits_of(c, e->type)), full(c, e->a));
    return arena_printf(c->arena, "(%s %s %s)", x, kir_bin_table[e->op].text, kir_varies(c->lanes, e->b) ? unsigned_operand(c, e->b) : cg_expr(c, e->b));
}

static const char *done_unsigned(cg_module *c, const kir_expr *e)
{
    if (e->op == KB_SHL || e->op == KB_SHR) return shift(c, e);
    return arena_printf(c->arena, "(%s %s %s)", unsigned_operand(c, e->a), kir_bin_table[e->op].text, unsigned_operand(c, e->b));
}

/* C's division does unless it can trap. */
static bool divides_plainly(const kir_expr *e, nfc_dtype lane)
{
    if (dtype_is_float(lane) || !dtype_is_signed(lane) || e->type == KIR_INDEX_TYPE) return true;
    return e->b->kind == KIR_CONST && e->b->integer > 0;
}

static const char *binary(cg_module *c, const kir_expr *e)
{
    const kir_op_info *op = &kir_bin_table[e->op];
    if (op->flags & KIRF_MATH) return math(c, e);
    if (e->a->type == DT_bool) return of_bools(c, e);
    if (e->a->type == DT_f16) return on_halves(c, e);
    nfc_dtype lane = lane_type(c, e->a->type);
    if (wraps(c, e)) return as(c, lane, done_unsigned(c, e));
    switch (e->op) {
    case KB_DIV:
    case KB_REM:
        if (!divides_plainly(e, lane)) return helped(c, typed(c, e->op == KB_DIV ? "div" : "rem", lane), lane, lane, full(c, e->a), full(c, e->b));
        break;
    case KB_MIN:
    case KB_MAX: return smaller(c, e, lane);
    case KB_SCALE: return helped(c, typed(c, op->text, lane), lane, lane, full(c, e->a), full(c, e->b));
    case KB_SHL:
    case KB_SHR: return shift(c, e);
    default: break;
    }
    return arena_printf(c->arena, "(%s %s %s)", operand(c, e->a), op->text, operand(c, e->b));
}

static const char *select_of(cg_module *c, const kir_expr *e)
{
    bool boolean = e->type == DT_bool, uniform = !kir_varies(c->lanes, e->a);
    int bits = boolean ? mask_bits(c, e) : bits_of(c, e->type);
    nfc_dtype lane = boolean ? signed_of(bits) : lane_type(c, e->type);
    const char *x = boolean ? mask(c, e->b, bits) : full(c, e->b), *y = boolean ? mask(c, e->c, bits) : full(c, e->c);
    if (uniform) return arena_printf(c->arena, "(%s ? %s : %s)", cg_expr(c, e->a), x, y);
    const char *name = cg_lanes_helper(c, typed(c, "select", lane), lane, lane, 3, c->lanes->width);
    return arena_printf(c->arena, "%s(%s, %s, %s)", name, cg_bare(c, mask(c, e->a, bits)), cg_bare(c, x), cg_bare(c, y));
}

static const char *fma_of(cg_module *c, const kir_expr *e)
{
    nfc_dtype lane = lane_type(c, e->type);
    const char *name = cg_lanes_helper(c, typed(c, "fma", lane), lane, lane, 3, c->lanes->width);
    return arena_printf(c->arena, "%s(%s, %s, %s)", name, cg_bare(c, full(c, e->a)), cg_bare(c, full(c, e->b)), cg_bare(c, full(c, e->c)));
}

static const char *dot_of(cg_module *c, const kir_expr *e)
{
    nfc_dtype lane = lane_type(c, e->type);
    const char *name = cg_lanes_helper(c, typed(c, kir_dot_table[e->op].text, lane), lane, DT_i32, 3, c->lanes->width);
    const char *sum = e->c ? full(c, e->c) : helped(c, typed(c, "splat", lane), lane, lane, dtype_is_float(lane) ? "0.0f" : "0", NULL);
    return arena_printf(c->arena, "%s(%s, %s, %s)", name, cg_bare(c, full(c, e->a)), cg_bare(c, full(c, e->b)), cg_bare(c, sum));
}

/* ---- conversions --------------------------------------------------------------------------- */

static const char *cast(cg_module *c, kir_type to, kir_type from, const char *x);

static bool is_narrow_float(kir_type t) { return is_float(t) && !kir_computes(t); }

/* As the scalar cast: widening by way of f32, to a narrow one by way of an f32 that was rounded to odd. */
static const char *cast_narrow_float(cg_module *c, kir_type to, kir_type from, const char *x)
{
    const char *f = dtype_name((nfc_dtype)from), *t = dtype_name((nfc_dtype)to);
    if (is_narrow_float(from)) return cast(c, to, DT_f32, helped(c, arena_printf(c->arena, "nf_%s_to_f32", f), DT_f32, lane_type(c, from), x, NULL));
    if (from != DT_f32) {
        bool whole = !is_float(from), wide = from == DT_i64 || from == DT_u64;
        if (whole) x = wide ? helped(c, arena_printf(c->arena, "nf_%s_to_f64_odd", f), DT_f64, (nfc_dtype)from, x, NULL) : converted(c, DT_f64, (nfc_dtype)from, x);
        x = helped(c, "nf_f64_to_f32_odd", DT_f32, DT_f64, x, NULL);
    }
    return helped(c, arena_printf(c->arena, "nf_f32_to_%s", t), lane_type(c, to), DT_f32, x, NULL);
}

static const char *cast_to_int(cg_module *c, kir_type to, nfc_dtype from, const char *x)
{
    nfc_dtype lane = lane_type(c, to);
    if (from == DT_f32 && to == (kir_type)lane && dtype_bytes(lane) < sizeof(int32_t)) return integers(c, lane, DT_i32, helped(c, arena_printf(c->arena, "nf_f32_into_%s", dtype_name(lane)), DT_i32, from, x, NULL));
    if (dtype_is_float(from)) return helped(c, arena_printf(c->arena, "nf_%s_to_%s", dtype_name(from), dtype_name((nfc_dtype)to)), lane, from, x, NULL);
    if (to == KIR_INDEX_TYPE && from == DT_u64) return helped(c, "nf_u64_to_index", DT_i64, DT_u64, x, NULL);
    int bits = to == KIR_INDEX_TYPE ? 64 : dtype_table[to].bits;
    if (bits >= 8) return converted(c, lane, from, x);
    if (!dtype_is_signed((nfc_dtype)to)) return arena_printf(c->arena, "(%s & %d)", converted(c, lane, from, x), (1 << bits) - 1);
    return helped(c, typed(c, "wrap", (nfc_dtype)to), lane, DT_u32, converted(c, DT_u32, from, x), NULL);
}

/* 64 bits to f32: clang for Arm goes by way of f64 and rounds twice. Rounded to odd there, the second one is right. */
static const char *long_to_f32(cg_module *c, nfc_dtype from, const char *x)
{
    return converted(c, DT_f32, DT_f64, helped(c, arena_printf(c->arena, "nf_%s_to_f64_odd", dtype_name(from)), DT_f64, from, x, NULL));
}

/* From anything but bool. */
static const char *cast(cg_module *c, kir_type to, kir_type from, const char *x)
{
    if (to == from) return x;
    if (to == DT_bool) return not_zero(c, lane_type(c, from), x);
    if (to == DT_f32 && (from == DT_i64 || from == DT_u64)) return long_to_f32(c, (nfc_dtype)from, x); /* an index is exact in f64 */
    if (from == KIR_INDEX_TYPE) from = (kir_type)lane_type(c, from);
    if (is_narrow_float(to) || is_narrow_float(from)) return cast_narrow_float(c, to, from, x);
    if (is_float(to)) return converted(c, (nfc_dtype)to, lane_type(c, from), x);
    return cast_to_int(c, to, is_float(from) ? (nfc_dtype)from : lane_type(c, from), x);
}

static const char *cast_of(cg_module *c, const kir_expr *e)
{
    if (e->a->type != DT_bool) return cast(c, e->type, e->a->type, value(c, e->a));
    if (e->type == DT_bool) return value(c, e->a);
    nfc_dtype whole = signed_of(is_float(e->type) ? MASK_BITS : bits_of(c, e->type)); /* 0 or 1 */
    const char *x = arena_printf(c->arena, "(%s & 1)", mask(c, e->a, 8 * (int)dtype_bytes(whole)));
    return cast(c, e->type, (kir_type)whole, x);
}

/* ---- values and statements ------------------------------------------------------------------- */

static const char *index_value(cg_module *c, const ir_sx *x)
{
    nfc_dtype lane = lane_type(c, KIR_INDEX_TYPE);
    const ir_sx *first = kir_lane_first(c->lanes, x), *step = kir_lane_step(c->lanes, x);
    const char *numbers = arena_printf(c->arena, "%s()", cg_lanes_helper(c, typed(c, "lanes", lane), lane, lane, 0, c->lanes->width));
    if (!sx_is(step, 1)) numbers = arena_printf(c->arena, sx_is(first, 0) ? "(%s * %s)" : "%s * %s", numbers, cg_index(c, step, true));
    return sx_is(first, 0) ? numbers : arena_printf(c->arena, "(%s + %s)", cg_index(c, first, false), numbers);
}

/* A value that differs from lane to lane. */
static const char *value(cg_module *c, const kir_expr *e)
{
    switch (e->kind) {
    case KIR_CONST: break;
    case KIR_VAR: return e->var->name;
    case KIR_INDEX: return index_value(c, e->index);
    case KIR_LOAD: return load(c, e);
    case KIR_UN: return unary(c, e);
    case KIR_BIN: return binary(c, e);
    case KIR_FMA: return fma_of(c, e);
    case KIR_DOT: return dot_of(c, e);
    case KIR_SELECT: return select_of(c, e);
    case KIR_CAST: return cast_of(c, e);
    }
    return "";
}

static const char *type(cg_module *c, kir_type t) { return vector(c, t == DT_bool ? signed_of(MASK_BITS) : lane_type(c, t)); }

/* "const nf_f32x16 name = value;" */
static void let(cg_module *c, text *t, const kir_stmt *s)
{
    kir_type of = s->var->type;
    int bits = of == DT_bool ? mask_bits(c, s->value) : 0;
    if (bits) map_setp(&c->masks, s->var, (void *)(intptr_t)bits);
    line(t, "const %s %s = %s;", vector(c, bits ? signed_of(bits) : lane_type(c, of)), s->var->name, cg_bare(c, value(c, s->value)));
}

/* As it is kept in a variable: masks are of one width there. */
static const char *kept(cg_module *c, const kir_expr *e) { return e->type == DT_bool ? mask(c, e, MASK_BITS) : full(c, e); }

const cg_vectors c_vectors = {.type = type, .value = value, .kept = kept, .let = let, .store = store, .whole = cg_put_turned};
