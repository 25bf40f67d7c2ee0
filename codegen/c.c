/* The C dialect: C99 that is C++ too, freestanding where the device says so. */
#include <math.h>
#include <string.h>
#include "codegen/c_tiles.h"
#include "codegen/c_vector.h"
#include "frontend/json.h"

static bool is_float(kir_type t) { return t < DT_COUNT && dtype_is_float((nfc_dtype)t); }
static bool is_unsigned(kir_type t) { return t < DT_COUNT && dtype_table[t].kind == DTC_UNSIGNED; }

static const char *c_compute(kir_type t, bool wide)
{
    if (t == KIR_INDEX_TYPE) return wide ? "int64_t" : "int32_t";
    if (t == DT_bool) return "uint8_t";
    return dtype_table[t].c_type;
}

static const char *c_storage(nfc_dtype t) { return dtype_table[t].c_type; }

/* "helper(a)" for a helper of the prologue, which is put there on first use. */
static const char *helped(cg_module *c, const char *helper, const char *a, const char *b)
{
    return cg_call_helper(c, &c_helpers, helper, a, b);
}

static const char *typed(cg_module *c, const char *base, kir_type t)
{
    return arena_printf(c->arena, "nf_%s_%s", base, t == KIR_INDEX_TYPE ? (c->wide ? "i64" : "i32") : dtype_name((nfc_dtype)t));
}

/* An operator as the device's instruction for it, else as a helper. */
static const char *operated(cg_module *c, const char *op, kir_type t, const char *a, const char *b)
{
    nfc_dtype scalar = t == KIR_INDEX_TYPE ? (c->wide ? DT_i64 : DT_i32) : (nfc_dtype)t;
    const char *name = cg_lanes_helper(c, typed(c, op, t), scalar, scalar, b ? 2 : 1, 1);
    return b ? arena_printf(c->arena, "%s(%s, %s)", name, a, b) : arena_printf(c->arena, "%s(%s)", name, a);
}

/* f16 is kept as its bits: by way of f32. */
static const char *half_un(cg_module *c, const kir_expr *e, const char *a)
{
    if (e->op == KU_NEG) return arena_printf(c->arena, "(uint16_t)(%s ^ 0x8000)", a);
    if (e->op == KU_ABS) return arena_printf(c->arena, "(uint16_t)(%s & 0x7fff)", a);
    return helped(c, "nf_f32_to_f16", operated(c, cg_square_root(c, DT_f32, 1), DT_f32, helped(c, "nf_f16_to_f32", a, NULL), NULL), NULL);
}

static const char *half_bin(cg_module *c, const kir_expr *e, const char *a, const char *b)
{
    const char *x = helped(c, "nf_f16_to_f32", a, NULL), *y = helped(c, "nf_f16_to_f32", b, NULL), *op = kir_bin_table[e->op].text;
    const bool extreme = e->op == KB_MIN || e->op == KB_MAX;
    return helped(c, "nf_f32_to_f16", extreme ? operated(c, op, DT_f32, x, y) : arena_printf(c->arena, "%s %s %s", x, op, y), NULL);
}

static const char *unsigned_of(kir_type t) { return t == DT_i64 ? "uint64_t" : "uint32_t"; }

static const char *c_un(cg_module *c, const kir_expr *e, const char *a)
{
    kir_type t = e->type;
    if (t == DT_f16 && e->op != KU_BITS) return half_un(c, e, a);
    switch (e->op) {
    case KU_NOT: /* gcc takes a comparison of floats that is turned around for any int, and warns where it is stored */
        return e->a->kind == KIR_BIN && is_float(e->a->a->type) ? arena_printf(c->arena, "(%s)!%s", c_compute(t, false), a) : arena_printf(c->arena, "!%s", a);
    case KU_NEG:
        if (is_float(t) || t == KIR_INDEX_TYPE) return arena_printf(c->arena, "(-%s)", a);
        if (is_unsigned(t)) return arena_printf(c->arena, "(0u - %s)", a);
        return arena_printf(c->arena, "(%s)(0u - (%s)%s)", c_compute(t, false), unsigned_of(t), a);
    case KU_BNOT: return arena_printf(c->arena, "(%s)~%s", c_compute(t, false), a);
    case KU_BITS:
        if (!is_float(t) && !is_float(e->a->type)) return arena_printf(c->arena, "(%s)%s", c_storage((nfc_dtype)t), a);
        if (dtype_bytes((nfc_dtype)t) <= 2) return a; /* narrow floats are stored as their bits */
        return helped(c, arena_printf(c->arena, "nf_bits_%s_%s", dtype_name((nfc_dtype)e->a->type), dtype_name((nfc_dtype)t)), a, NULL);
    case KU_ABS:
        if (t == KIR_INDEX_TYPE) return arena_printf(c->arena, "(%s < 0 ? -%s : %s)", a, a, a);
        break;
    case KU_SQRT: return operated(c, cg_square_root(c, (nfc_dtype)t, 1), t, a, NULL);
    default: break;
    }
    return operated(c, kir_un_table[e->op].text, t, a, NULL);
}

/* Signed arithmetic wraps, which C leaves undefined: it is done unsigned. */
static const char *wrapping(cg_module *c, const kir_expr *e, const char *a, const char *b)
{
    kir_type t = e->a->type;
    const char *u = unsigned_of(t), *op = kir_bin_table[e->op].text;
    return arena_printf(c->arena, "(%s)((%s)%s %s (%s)%s)", c_compute(t, false), u, a, op, u, b);
}

static const char *c_bin(cg_module *c, const kir_expr *e, const char *a, const char *b)
{
    kir_type t = e->a->type;
    bool wraps = (t == DT_i32 || t == DT_i64);
    if (t == DT_f16) return half_bin(c, e, a, b);
    switch (e->op) {
    case KB_ADD:
    case KB_SUB:
    case KB_MUL: return wraps ? wrapping(c, e, a, b) : NULL;
    case KB_DIV:
    case KB_REM: return wraps ? helped(c, typed(c, e->op == KB_DIV ? "div" : "rem", t), a, b) : NULL;
    case KB_MIN:
    case KB_MAX:
    case KB_SCALE: return operated(c, kir_bin_table[e->op].text, t, a, b);
    case KB_BAND:
    case KB_BOR:
        return NULL;
    case KB_BXOR: return t == DT_bool ? arena_printf(c->arena, "(%s != %s)", a, b) : NULL;
    case KB_SHL:
    case KB_SHR: {
        if (is_unsigned(t)) return NULL;
        const char *u = t == DT_i64 || t == DT_u64 ? "uint64_t" : "uint32_t";
        return arena_printf(c->arena, "(%s)((%s)%s %s %s)", c_compute(t, false), u, a, kir_bin_table[e->op].text, b);
    }
    default: return NULL;
    }
}

/* Between a computing type and a narrow float. */
static const char *cast_narrow_float(cg_module *c, kir_type to, kir_type from, const char *a)
{
    const char *f = dtype_name((nfc_dtype)from), *t = dtype_name((nfc_dtype)to);
    if (is_float(from) && !kir_computes(from)) { /* widening is exact: by way of f32 */
        const char *wide = helped(c, arena_printf(c->arena, "nf_%s_to_f32", f), a, NULL);
        return to == DT_f32 ? wide : dialect_c.cast(c, to, DT_f32, wide);
    }
    if (from == DT_f32) return helped(c, arena_printf(c->arena, "nf_f32_to_%s", t), a, NULL);
    /* To the narrow type by way of an f32 that was rounded to odd, which keeps what the second
     * rounding must know (Boldo and Melquiond, "When double rounding is odd"). */
    if (!is_float(from)) {
        bool wide = from == DT_i64 || from == DT_u64;
        a = wide ? helped(c, arena_printf(c->arena, "nf_%s_to_f64_odd", f), a, NULL) : arena_printf(c->arena, "(double)%s", a);
    }
    a = helped(c, "nf_f64_to_f32_odd", a, NULL);
    return helped(c, arena_printf(c->arena, "nf_f32_to_%s", t), a, NULL);
}

static const char *cast_to_int(cg_module *c, kir_type to, kir_type from, const char *a)
{
    if (is_float(from)) return helped(c, arena_printf(c->arena, "nf_%s_to_%s", dtype_name((nfc_dtype)from), dtype_name((nfc_dtype)to)), a, NULL);
    int bits = dtype_table[to].bits;
    if (bits < 8 && is_unsigned(to)) return arena_printf(c->arena, "(uint8_t)(%s & %d)", a, (1 << bits) - 1);
    if (bits < 8) return helped(c, typed(c, "wrap", to), arena_printf(c->arena, "(uint32_t)%s", a), NULL);
    return arena_printf(c->arena, "(%s)%s", c_storage((nfc_dtype)to), a);
}

static const char *c_cast(cg_module *c, kir_type to, kir_type from, const char *a)
{
    bool index_to = to == KIR_INDEX_TYPE, index_from = from == KIR_INDEX_TYPE;
    if (index_from && is_float(to) && !kir_computes(to)) return cast_narrow_float(c, to, c->wide ? DT_i64 : DT_i32, a);
    if (index_to) {
        if (from == DT_u64) return helped(c, "nf_u64_to_index", a, NULL);
        return arena_printf(c->arena, "(%s)%s", c_compute(to, c->wide), a);
    }
    if (to == DT_bool) return from == DT_bool ? a : arena_printf(c->arena, "(%s != 0)", a);
    if (from == DT_bool && !is_float(to)) return arena_printf(c->arena, "(%s)%s", c_storage((nfc_dtype)to), a);
    if (from == DT_bool) return kir_computes(to) ? arena_printf(c->arena, "(%s)%s", c_compute(to, false), a) : cast_narrow_float(c, to, DT_i32, a);
    if ((is_float(to) && !kir_computes(to)) || (!index_from && is_float(from) && !kir_computes(from))) return cast_narrow_float(c, to, from, a);
    if (is_float(to)) return arena_printf(c->arena, "(%s)%s", c_compute(to, false), a);
    return cast_to_int(c, to, index_from ? (c->wide ? DT_i64 : DT_i32) : from, a);
}

static const char *c_constant(cg_module *c, const kir_expr *e)
{
    uint16_t half = 0;
    dtype_set(DT_f16, &half, 0, e->number);
    if (e->type == DT_f16) return arena_printf(c->arena, "0x%04x", half);
    if (!is_float(e->type)) {
        int64_t v = e->integer;
        switch (e->type) {
        case DT_i64: return v == INT64_MIN ? "INT64_MIN" : arena_printf(c->arena, v < 0 ? "(-INT64_C(%llu))" : "INT64_C(%llu)", v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v);
        case DT_u64: return arena_printf(c->arena, "UINT64_C(%llu)", (unsigned long long)v);
        case DT_u32: return arena_printf(c->arena, "%lluu", (unsigned long long)v);
        case DT_i32: return v == INT32_MIN ? "INT32_MIN" : arena_printf(c->arena, v < 0 ? "(%lld)" : "%lld", (long long)v);
        default: return arena_printf(c->arena, v < 0 ? "(%lld)" : "%lld", (long long)v);
        }
    }
    double v = e->number;
    const char *t = dtype_name((nfc_dtype)e->type);
    if (isnan(v)) return helped(c, arena_printf(c->arena, "nf_nan_%s", t), "", NULL);
    if (isinf(v)) return arena_printf(c->arena, v < 0 ? "(-%s)" : "%s", helped(c, arena_printf(c->arena, "nf_inf_%s", t), "", NULL));
    const char *digits = e->type == DT_f32 ? arena_printf(c->arena, "%sf", shortest_float(c->arena, (float)v)) : shortest_double(c->arena, v);
    return signbit(v) ? arena_printf(c->arena, "(%s)", digits) : digits;
}

static const char *c_fma(cg_module *c, const kir_expr *e, const char *x, const char *y, const char *z)
{
    const char *name = cg_lanes_helper(c, typed(c, "fma", e->type), (nfc_dtype)e->type, (nfc_dtype)e->type, 3, 1);
    return arena_printf(c->arena, "%s(%s, %s, %s)", name, x, y, z);
}

static const char *c_word(cg_module *c, const kir_expr *e, const char *element)
{
    cg_use_helper(c, &c_helpers, "nf_word");
    return arena_printf(c->arena, "nf_word(&%s, %lld)", element, (long long)(e->integer * (int64_t)dtype_bytes(e->buffer->dtype)));
}

static const char *c_dot(cg_module *c, const kir_expr *e, const char *x, const char *y, const char *z)
{
    const char *name = cg_lanes_helper(c, typed(c, kir_dot_table[e->op].text, e->type), (nfc_dtype)e->type, DT_i32, 3, 1);
    return arena_printf(c->arena, "%s(%s, %s, %s)", name, x, y, z);
}

static const char *c_element(cg_module *c, const kir_buffer *b, const char *index)
{
    if (b->space == KIR_LOCAL && sx_is(b->size, 1)) return b->name;
    return arena_printf(c->arena, "%s[%s]", b->name, index);
}

static void c_begin_kernel(cg_module *c, text *t, const kir_func *f, bool wide)
{
    put(t, "static void %s(", f->name);
    const char *sep = "";
    for (int i = 0; i < f->param.n; i++, sep = ", ") {
        const kir_buffer *p = f->param.at[i];
        put(t, "%s%s%s *NF_RESTRICT %s", sep, p->written ? "" : "const ", c_storage(p->dtype), p->name);
    }
    for (int i = 0; i < f->scalar.n; i++, sep = ", ") put(t, "%s%s %s", sep, c_compute(KIR_INDEX_TYPE, wide), cg_index(c, sx_sym(&c->m->sx, f->scalar.at[i]), false));
    if (f->can_fail) put(t, "%sint *status", sep);
    line(t, "%s)", *sep || f->can_fail ? "" : "void");
    line(t, "{");
    t->indent++;
    cg_put_tile_configuration(c, t, f);
}

static void c_end_kernel(cg_module *c, text *t, const kir_func *f)
{
    cg_put_tile_release(c, t, f);
    close_brace(t);
}

static void c_begin_scalar(cg_module *c, text *t, const kir_func *f, const char *name)
{
    const char *type = c->lanes ? c_vectors.type(c, f->result->type) : c_compute(f->result->type, false);
    bool wide = c->lanes && cg_is_wide_vector(c, (nfc_dtype)f->result->type, c->lanes->width);
    put(t, "%s %s %s(%s %s", wide ? "NF_INLINE" : "static inline", type, name, type, f->arg[0]->name);
    if (f->arg[1]) put(t, ", %s %s", type, f->arg[1]->name);
    line(t, ")");
    line(t, "{");
    t->indent++;
}

static const char *pointer(cg_module *c, const char *name, const char *index)
{
    return strcmp(index, "0") == 0 ? name : arena_printf(c->arena, "%s + %s", name, index);
}

static void c_copy(cg_module *c, text *t, const kir_stmt *s, const char *to, const char *from, const char *count, bool wide)
{
    const char *x = s->from->name, *y = s->buffer->name;
    if (c->device->libc) {
        line(t, "memcpy(%s, %s, (size_t)%s * sizeof *%s);", pointer(c, y, to), pointer(c, x, from), count, y);
        return;
    }
    open_brace(t, "for (%s nf_i = 0; nf_i < %s; nf_i++)", c_compute(KIR_INDEX_TYPE, wide), count);
    line(t, "(%s)[nf_i] = (%s)[nf_i];", pointer(c, y, to), pointer(c, x, from));
    close_brace(t);
}

static void c_prefetch(cg_module *c, text *t, const kir_buffer *b, const char *index)
{
    cg_use_helper(c, &c_helpers, "NF_PREFETCH");
    line(t, "NF_PREFETCH(%s, %s);", b->name, index);
}

static void c_fail(cg_module *c, text *t, int code)
{
    (void)c;
    line(t, "if (*status == 0) *status = %d;", code);
}

static void c_unroll(cg_module *c, text *t, int64_t trips)
{
    cg_use_helper(c, &c_helpers, "NF_UNROLL");
    line(t, "NF_UNROLL(%lld)", (long long)trips);
}

const dialect dialect_c = {
    .name = "c", .compute_type = c_compute, .storage_type = c_storage, .un = c_un, .bin = c_bin, .cast = c_cast,
    .constant = c_constant, .fma = c_fma, .word = c_word, .dot = c_dot, .wide_suffix = "", .begin_kernel = c_begin_kernel, .end_kernel = c_end_kernel, .begin_scalar = c_begin_scalar,
    .element = c_element, .copy = c_copy, .prefetch = c_prefetch, .tile = cg_put_tile, .fail = c_fail, .unroll = c_unroll, .vectors = &c_vectors,
};
