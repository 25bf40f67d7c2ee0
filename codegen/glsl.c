/* The GLSL dialect: compute shaders for Vulkan.
 *
 * Memory may hold narrow types, which no device must compute with: they become int or uint as they
 * are loaded, float16, bfloat16 and float8 as their bits in a uint. Every float and bool is `precise`,
 * so that no product is contracted with a sum. */
#include "codegen/glsl.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "codegen/helpers.h"
#include "frontend/json.h"

static const cg_helper rows[] = {
#define HELPER(name, needs, text) {#name, needs, text},
#include "codegen/glsl_helpers.def"
#undef HELPER
};
const cg_helpers glsl_helpers = {rows, sizeof rows / sizeof *rows, NULL};

/* ---- types --------------------------------------------------------------------------------- */

static bool is_float(kir_type t) { return t < DT_COUNT && dtype_is_float((nfc_dtype)t); }
static bool is_narrow(kir_type t) { return t < DT_COUNT && !kir_computes(t); }
static bool is_narrow_float(kir_type t) { return is_narrow(t) && is_float(t); }

/* What a value of the type is held in. */
static kir_type held_in(kir_type t)
{
    if (!is_narrow(t)) return t;
    return dtype_is_signed((nfc_dtype)t) ? DT_i32 : DT_u32;
}

static const char *type_name(kir_type t, bool wide)
{
    if (t == KIR_INDEX_TYPE) return wide ? "int64_t" : "int";
    switch (held_in(t)) {
    case DT_f64: return "double";
    case DT_f32: return "float";
    case DT_i64: return "int64_t";
    case DT_u64: return "uint64_t";
    case DT_u32: return "uint";
    case DT_bool: return "bool";
    default: return "int";
    }
}

static const char *glsl_compute(kir_type t, bool wide)
{
    switch (t) {
    case DT_f64: return "precise double";
    case DT_f32: return "precise float";
    case DT_bool: return "precise bool";
    default: return type_name(t, wide);
    }
}

static const char *glsl_storage(nfc_dtype t)
{
    return dtype_bytes(t) < 4 ? dtype_table[t].c_type : type_name((kir_type)t, false);
}

/* ---- operators ----------------------------------------------------------------------------- */

static const char *helped(cg_module *c, const char *helper, const char *a, const char *b)
{
    return cg_call_helper(c, &glsl_helpers, helper, a, b);
}

static kir_type index_as(const cg_module *c, kir_type t) { return t != KIR_INDEX_TYPE ? t : c->wide ? DT_i64 : DT_i32; }

static const char *typed(cg_module *c, const char *base, kir_type t)
{
    return arena_printf(c->arena, "nf_%s_%s", base, dtype_name((nfc_dtype)index_as(c, t)));
}

/* "int64_t(a)" */
static const char *made(cg_module *c, kir_type t, const char *a)
{
    return arena_printf(c->arena, "%s(%s)", type_name(t, c->wide), a);
}

static const char *bits(cg_module *c, kir_type to, kir_type from, const char *a)
{
    kir_type t = held_in(to), f = held_in(from);
    if (is_narrow(to) && t == DT_i32 && f == DT_u32) return helped(c, typed(c, "wrap", to), made(c, t, a), NULL);
    if (is_narrow(from) && f == DT_i32 && t == DT_u32) return arena_printf(c->arena, "(uint(%s) & 0x%xu)", a, (1u << dtype_table[from].bits) - 1);
    if (t == f) return a;
    if (!is_float(t) && !is_float(f)) return made(c, t, a);
    return helped(c, arena_printf(c->arena, "nf_bits_%s_%s", dtype_name((nfc_dtype)f), dtype_name((nfc_dtype)t)), a, NULL);
}

static const char *glsl_un(cg_module *c, const kir_expr *e, const char *a)
{
    switch (e->op) {
    case KU_NOT: return arena_printf(c->arena, "!%s", a);
    case KU_NEG: return arena_printf(c->arena, "(-%s)", a);
    case KU_BNOT: return arena_printf(c->arena, "(~%s)", a);
    case KU_BITS: return bits(c, e->type, e->a->type, a);
    default: return helped(c, typed(c, kir_un_table[e->op].text, e->type), a, NULL);
    }
}

static const char *on_bools(cg_module *c, const kir_expr *e, const char *a, const char *b)
{
    const char *form = NULL;
    switch (e->op) {
    case KB_BAND: form = "(%s && %s)"; break;
    case KB_BOR: form = "(%s || %s)"; break;
    case KB_BXOR: form = "(%s != %s)"; break;
    case KB_LT: form = "(!%s && %s)"; break;
    case KB_LE: form = "(!%s || %s)"; break;
    default: return NULL;
    }
    return arena_printf(c->arena, form, a, b);
}

static const char *glsl_bin(cg_module *c, const kir_expr *e, const char *a, const char *b)
{
    kir_type t = e->a->type;
    if (t == DT_bool) return on_bools(c, e, a, b);
    switch (e->op) {
    case KB_DIV:
    case KB_REM: return t == DT_i32 || t == DT_i64 ? helped(c, typed(c, e->op == KB_DIV ? "div" : "rem", t), a, b) : NULL;
    case KB_MIN:
    case KB_MAX: return helped(c, typed(c, kir_bin_table[e->op].text, t), a, b);
    case KB_SHR: /* of a signed one, the sign would come in */
        if (t != DT_i32 && t != DT_i64) return NULL;
        return made(c, t, arena_printf(c->arena, "%s >> %s", made(c, t == DT_i64 ? DT_u64 : DT_u32, a), b));
    default: return NULL;
    }
}

static const char *glsl_fma(cg_module *c, const kir_expr *e, const char *x, const char *y, const char *z)
{
    return helped(c, typed(c, "fma", e->type), arena_printf(c->arena, "%s, %s", x, y), z);
}

/* ---- conversions --------------------------------------------------------------------------- */

static const char *glsl_cast(cg_module *c, kir_type to, kir_type from, const char *a);

static const char *cast_narrow_float(cg_module *c, kir_type to, kir_type from, const char *a)
{
    const char *f = dtype_name((nfc_dtype)from), *t = dtype_name((nfc_dtype)to);
    if (is_narrow_float(from)) { /* widening is exact: by way of f32 */
        const char *wide = helped(c, arena_printf(c->arena, "nf_%s_to_f32", f), a, NULL);
        return glsl_cast(c, to, DT_f32, wide);
    }
    if (from == DT_f32) return helped(c, arena_printf(c->arena, "nf_f32_to_%s", t), a, NULL);
    /* By way of an f32 that was rounded to odd: codegen/c.c says why. */
    if (from == DT_i64 || from == DT_u64) a = helped(c, arena_printf(c->arena, "nf_%s_to_f64_odd", f), a, NULL);
    else if (from != DT_f64) a = made(c, DT_f64, a);
    return cast_narrow_float(c, to, DT_f32, helped(c, "nf_f64_to_f32_odd", a, NULL));
}

static const char *cast_to_narrow_int(cg_module *c, kir_type to, kir_type from, const char *a)
{
    kir_type held = held_in(to);
    if (held_in(from) != held) a = made(c, held, a);
    if (held == DT_i32) return helped(c, typed(c, "wrap", to), a, NULL);
    return arena_printf(c->arena, "(%s & %uu)", a, (1u << dtype_table[to].bits) - 1);
}

static const char *glsl_cast(cg_module *c, kir_type to, kir_type from, const char *a)
{
    if (to == KIR_INDEX_TYPE && from == DT_u64) return helped(c, "nf_u64_to_index", a, NULL);
    to = index_as(c, to);
    from = index_as(c, from);
    if (to == from) return a;
    if (from == DT_bool && is_narrow_float(to)) return cast_narrow_float(c, to, DT_i32, made(c, DT_i32, a));
    if (is_narrow_float(to) || is_narrow_float(from)) return cast_narrow_float(c, to, from, a);
    if (to == DT_bool) return arena_printf(c->arena, "(%s != 0)", a);
    if (is_float(from) && !is_float(to)) return helped(c, arena_printf(c->arena, "nf_%s_to_%s", dtype_name((nfc_dtype)from), dtype_name((nfc_dtype)to)), a, NULL);
    if (is_narrow(to)) return cast_to_narrow_int(c, to, from, a);
    if (held_in(from) == DT_i32 && to == DT_i64) return helped(c, "nf_i32_to_i64", a, NULL);
    return held_in(from) == to ? a : made(c, to, a);
}

/* ---- constants and memory ------------------------------------------------------------------- */

static const char *int_constant(cg_module *c, kir_type t, int64_t v)
{
    switch (t) {
    case DT_bool: return v ? "true" : "false";
    case DT_u64: return arena_printf(c->arena, "%lluul", (unsigned long long)v);
    case DT_u32: return arena_printf(c->arena, "%lluu", (unsigned long long)v);
    case DT_i64:
        if (v == INT64_MIN) return "(-9223372036854775807l - 1l)";
        return arena_printf(c->arena, v < 0 ? "(%lldl)" : "%lldl", (long long)v);
    default:
        if (v == INT32_MIN) return "(-2147483647 - 1)";
        return arena_printf(c->arena, v < 0 ? "(%lld)" : "%lld", (long long)v);
    }
}

/* Compilers read the digits as a double, and round that. */
static const char *f32_digits(cg_module *c, float v)
{
    const char *digits = shortest_float(c->arena, v);
    return (float)strtod(digits, NULL) == v ? digits : shortest_double(c->arena, (double)v);
}

static const char *glsl_constant(cg_module *c, const kir_expr *e)
{
    if (!is_float(e->type)) return int_constant(c, e->type, e->integer);
    double v = e->number;
    const char *t = dtype_name((nfc_dtype)e->type);
    if (isnan(v)) return helped(c, arena_printf(c->arena, "nf_nan_%s", t), "", NULL);
    if (isinf(v)) return arena_printf(c->arena, v < 0 ? "(-%s)" : "%s", helped(c, arena_printf(c->arena, "nf_inf_%s", t), "", NULL));
    const char *digits = e->type == DT_f32 ? f32_digits(c, (float)v) : arena_printf(c->arena, "%slf", shortest_double(c->arena, v));
    return signbit(v) ? arena_printf(c->arena, "(%s)", digits) : digits;
}

static const char *glsl_element(cg_module *c, const kir_buffer *b, const char *index)
{
    if (b->space == KIR_LOCAL && sx_is(b->size, 1)) return b->name;
    return arena_printf(c->arena, c->wide ? "%s[uint(%s)]" : "%s[%s]", b->name, index);
}

static const char *glsl_loaded(cg_module *c, const kir_buffer *b, const char *element)
{
    if (b->space == KIR_LOCAL) return element;
    if (b->dtype == DT_bool) return arena_printf(c->arena, "(uint(%s) != 0u)", element);
    return is_narrow((kir_type)b->dtype) ? made(c, (kir_type)b->dtype, element) : element;
}

static const char *glsl_stored(cg_module *c, const kir_buffer *b, const char *value)
{
    if (b->space == KIR_LOCAL || dtype_bytes(b->dtype) >= 4) return value;
    if (b->dtype == DT_bool) value = arena_printf(c->arena, "uint(%s)", value);
    return arena_printf(c->arena, "%s(%s)", glsl_storage(b->dtype), value);
}

/* ---- kernels ------------------------------------------------------------------------------- */

static void glsl_begin_kernel(cg_module *c, text *t, const kir_func *f, bool wide)
{
    line(t, "layout(local_size_x_id = 0) in;");
    for (int i = 0; i < f->param.n; i++) {
        const kir_buffer *p = f->param.at[i];
        const char *access = !p->written ? "readonly " : p->read ? "" : "writeonly ";
        line(t, "layout(std430, binding = %d) restrict %sbuffer nf_param_%d { precise %s %s[]; };", i, access, i, glsl_storage(p->dtype), p->name);
    }
    if (f->can_fail) line(t, "layout(std430, binding = %d) restrict buffer nf_status_word { int nf_status; };", f->param.n);
    if (f->scalar.n) {
        open_brace(t, "layout(push_constant) uniform nf_scalars");
        for (int i = 0; i < f->scalar.n; i++) line(t, "%s %s;", type_name(KIR_INDEX_TYPE, wide), cg_index(c, sx_sym(&c->m->sx, f->scalar.at[i]), false));
        t->indent--;
        line(t, "};");
    }
    put(t, "\nvoid main()\n{\n");
    t->indent++;
}

static void glsl_end_kernel(cg_module *c, text *t, const kir_func *f)
{
    (void)c, (void)f;
    close_brace(t);
}

/* An extent, in the type that threads are counted in. */
static const char *count_text(cg_module *c, const char *type, const ir_sx *x)
{
    if (!sx_is_const(x)) return arena_printf(c->arena, "%s(%s)", type, cg_index(c, x, false));
    return arena_printf(c->arena, "%lld%s", (long long)sx_value(x), strcmp(type, "uint") == 0 ? "u" : "ul");
}

/* The number of the thread is the flat position in the box of all iterations. */
static void glsl_grid(cg_module *c, text *t, const kir_stmt *const *loop, int n, bool wide)
{
    sx_table *s = &c->m->sx;
    const ir_sx *all = sx_int(s, 1);
    for (int i = 0; i < n; i++) all = sx_mul(s, all, loop[i]->end);
    const char *u = wide || sx_max(all) > INT32_MAX ? "uint64_t" : "uint";
    line(t, "const %s nf_at = %s(gl_WorkGroupID.y) * (gl_NumWorkGroups.x * gl_WorkGroupSize.x) + gl_GlobalInvocationID.x;", u, u);
    line(t, "if (nf_at >= %s) return;", count_text(c, u, all));
    for (int i = 0; i < n; i++) {
        const ir_sx *stride = sx_int(s, 1);
        for (int k = i + 1; k < n; k++) stride = sx_mul(s, stride, loop[k]->end);
        const char *v = "nf_at";
        if (!sx_is(stride, 1)) v = arena_printf(c->arena, "%s / %s", v, count_text(c, u, stride));
        if (i > 0) v = arena_printf(c->arena, "%s %% %s", v, count_text(c, u, loop[i]->end));
        line(t, "const %s %s = %s(%s);", type_name(KIR_INDEX_TYPE, wide), loop[i]->var->name, type_name(KIR_INDEX_TYPE, wide), v);
    }
}

static void glsl_begin_scalar(cg_module *c, text *t, const kir_func *f, const char *name)
{
    (void)c;
    const char *type = type_name(f->result->type, false);
    put(t, "precise %s %s(%s %s", type, name, type, f->arg[0]->name);
    if (f->arg[1]) put(t, ", %s %s", type, f->arg[1]->name);
    line(t, ")");
    line(t, "{");
    t->indent++;
}

static void glsl_copy(cg_module *c, text *t, const kir_stmt *s, const char *to, const char *from, const char *count, bool wide)
{
    open_brace(t, "for (%s nf_i = 0; nf_i < %s; nf_i++)", type_name(KIR_INDEX_TYPE, wide), count);
    line(t, "%s = %s;", glsl_element(c, s->buffer, arena_printf(c->arena, "%s + nf_i", to)), glsl_element(c, s->from, arena_printf(c->arena, "%s + nf_i", from)));
    close_brace(t);
}

static void glsl_fail(cg_module *c, text *t, int code)
{
    (void)c;
    line(t, "atomicMax(nf_status, %d);", code);
}

const dialect dialect_glsl = {
    .name = "glsl", .compute_type = glsl_compute, .storage_type = glsl_storage, .un = glsl_un, .bin = glsl_bin, .cast = glsl_cast,
    .constant = glsl_constant, .rounded = "precise", .folds_wide = true, .fma = glsl_fma, .wide_suffix = "l", .begin_kernel = glsl_begin_kernel, .end_kernel = glsl_end_kernel,
    .begin_scalar = glsl_begin_scalar, .element = glsl_element, .loaded = glsl_loaded, .stored = glsl_stored, .copy = glsl_copy,
    .fail = glsl_fail, .grid = glsl_grid,
};

/* ---- shaders ------------------------------------------------------------------------------- */

/* What a shader must ask for, by the words that are in it. The execution modes are those of
 * SPV_KHR_float_controls: 4466, 4461 keep NaNs, infinities and the sign of zero; 4467, 4462 round
 * conversions to nearest. */
static const struct {
    const char *word, *line;
} needs[] = {
    {"int64_t", "#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require"},
    {"uint64_t", "#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require"},
    {"int16_t", "#extension GL_EXT_shader_16bit_storage : require"},
    {"uint16_t", "#extension GL_EXT_shader_16bit_storage : require"},
    {"int8_t", "#extension GL_EXT_shader_8bit_storage : require"},
    {"uint8_t", "#extension GL_EXT_shader_8bit_storage : require"},
    {"float", "#extension GL_EXT_spirv_intrinsics : require"},
    {"double", "#extension GL_EXT_spirv_intrinsics : require"},
    {"float", "spirv_execution_mode(capabilities = [4466], 4461, 32);"},
    {"float", "spirv_execution_mode(capabilities = [4467], 4462, 32);"},
    {"double", "spirv_execution_mode(capabilities = [4466], 4461, 64);"},
    {"double", "spirv_execution_mode(capabilities = [4467], 4462, 64);"},
};

static bool is_word_char(char c) { return isalnum((unsigned char)c) || c == '_'; }

static bool has_word(const char *source, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = source; (p = strstr(p, word)); p += n)
        if (!is_word_char(p[n]) && (p == source || !is_word_char(p[-1]))) return true;
    return false;
}

const char *glsl_shader(ir_module *m, nfc_arena *arena, const kir_func *f)
{
    cg_module c = {.m = m, .arena = arena, .dialect = &dialect_glsl, .helpers = text_new(arena), .kernels = text_new(arena)};
    map_init(&c.have, arena);
    cg_print_kernel(&c, f, "main");
    const char *body = arena_printf(arena, "%s%s", c.helpers->n ? c.helpers->at : "", c.kernels->at);
    text *whole = text_new(arena);
    /* The lowest version that has everything: glslang takes twice as long for the next. */
    line(whole, "#version %d", has_word(body, "int64_t") || has_word(body, "uint64_t") ? 450 : 430);
    const char *said = "";
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (strcmp(said, needs[i].line) == 0 || !has_word(body, needs[i].word)) continue;
        said = needs[i].line;
        line(whole, "%s", said);
    }
    put(whole, "\n%s", body);
    return whole->at;
}
