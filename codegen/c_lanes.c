/* Helpers on all lanes of a vector: types, loads and stores, and what c_helpers.def does on one number. */
#include <string.h>
#include "codegen/c_vector.h"

typedef struct {
    const char *name, *needs, *text; /* name: of the scalar helper; needs: other rows, of as many lanes */
} row;

static const row rows[] = {
#define VECTOR(name, needs, text) {#name, needs, text},
#include "codegen/c_vector.def"
#undef VECTOR
};

/* Vectors wider than a register are passed in memory, and compilers warn that others do it otherwise: what takes
 * them is inlined, always. */
bool cg_is_wide_vector(cg_module *c, nfc_dtype lane, int64_t width)
{
    int64_t bits = 8 * (int64_t)dtype_bytes(lane) * width;
    if (c->device->chosen && bits <= c->device->chosen->vector_bits) return false;
    cg_use_helper(c, &c_helpers, "NF_INLINE");
    return true;
}

const char *cg_vector_type(cg_module *c, nfc_dtype lane, int64_t width)
{
    const char *name = arena_printf(c->arena, "nf_%sx%lld", dtype_name(lane), (long long)width), *scalar = dtype_table[lane].c_type;
    if (map_get(&c->have, name)) return name;
    map_set(&c->have, name, c);
    put(c->helpers, "typedef %s %s __attribute__((vector_size(%lld * sizeof(%s))));\n\n", scalar, name, (long long)width, scalar);
    return name;
}

/* ---- templates ----------------------------------------------------------------------------- */

/* The element type whose name stands at `at`, the longest one. */
static nfc_dtype type_at(const char *at, size_t *n)
{
    nfc_dtype found = DT_COUNT;
    *n = 0;
    for (int t = 0; t < DT_COUNT; t++) {
        size_t length = strlen(dtype_table[t].name);
        if (length <= *n || strncmp(at, dtype_table[t].name, length) != 0) continue;
        found = (nfc_dtype)t;
        *n = length;
    }
    return found;
}

/* "@{x[#]}" for each lane, with its number for the #. */
static const char *for_lanes(cg_module *c, text *t, const char *at, int64_t width)
{
    const char *end = strchr(at, '}');
    for (int64_t i = 0; i < width; i++) {
        put_raw(t, i ? ", " : "");
        for (const char *k = at; k < end; k++) {
            if (*k == '#') put_raw(t, arena_printf(c->arena, "%lld", (long long)i));
            else put_raw(t, arena_strndup(c->arena, k, 1));
        }
    }
    return end + 1;
}

/* A row's text for so many lanes: @f32 is the vector type, @x "x16", @n 16. True when a vector of it is wide. */
static bool expand(cg_module *c, text *t, const char *at, int64_t width)
{
    bool wide = false;
    while (*at) {
        size_t plain = strcspn(at, "@");
        put_raw(t, arena_strndup(c->arena, at, plain));
        at += plain;
        if (!*at) break;
        size_t n;
        nfc_dtype type = type_at(++at, &n);
        if (*at == '{') {
            at = for_lanes(c, t, at + 1, width);
        } else if (type != DT_COUNT) {
            put_raw(t, cg_vector_type(c, type, width));
            wide |= cg_is_wide_vector(c, type, width);
            at += n;
        } else {
            put_raw(t, arena_printf(c->arena, *at == 'x' ? "x%lld" : "%lld", (long long)width));
            at++;
        }
    }
    return wide;
}

/* A function's text, inlined always where it takes wide vectors. */
static void put_function(cg_module *c, const char *function, bool wide)
{
    static const char plain[] = "static inline ";
    const char *at = wide ? strstr(function, plain) : NULL;
    if (at) put(c->helpers, "%.*sNF_INLINE %s\n", (int)(at - function), function, at + strlen(plain));
    else put(c->helpers, "%s\n", function);
}

/* ---- helpers ------------------------------------------------------------------------------- */

/* What a helper is called with and gives. */
typedef struct {
    const char *scalar, *name; /* nf_max_f32, nf_max_f32x16 */
    nfc_dtype result, argument;
    int arguments;
    int64_t width;
} wanted;

static void put_all(cg_module *c, const char *scalar, int64_t width);

static const row *find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

static void put_needs(cg_module *c, const row *r, int64_t width)
{
    for (const char *p = r->needs; *p;) {
        size_t n = strcspn(p, " ");
        put_all(c, arena_strndup(c->arena, p, n), width);
        p += n + (p[n] == ' ');
    }
}

/* A row, and before it what it calls. */
static void put_row(cg_module *c, const row *r, int64_t width)
{
    text *own = text_new(c->arena); /* the types that it names must stand before it */
    put_needs(c, r, width);
    bool wide = expand(c, own, r->text, width);
    put_function(c, own->at, wide);
}

/* The device's instruction for "nf_max_f32" on so many lanes, or NULL: its rows call "nf_f16_to_f32" from_f16
 * on f32, and "nf_f32_to_f16" to_f16. */
static const char *instruction_for(cg_module *c, const char *scalar, int64_t width)
{
    const char *op = scalar + strlen("nf_"), *end = strrchr(op, '_'), *to = strstr(op, "_to_");
    size_t n;
    nfc_dtype type = end ? type_at(end + 1, &n) : DT_COUNT, from = to ? type_at(op, &n) : DT_COUNT;
    if (type == DT_COUNT) return NULL;
    if (from == DT_COUNT) return device_instruction(c->device, arena_strndup(c->arena, op, (size_t)(end - op)), type, width);
    if (kir_computes((kir_type)type)) return device_instruction(c->device, arena_printf(c->arena, "from_%s", dtype_name(from)), type, width);
    return device_instruction(c->device, arena_printf(c->arena, "to_%s", dtype_name(type)), from, width);
}

void cg_put_headers(cg_module *c)
{
    const device_words *h = &c->device->chosen->headers;
    for (int i = 0; i < h->n; i++) {
        if (map_get(&c->have, h->at[i])) continue;
        map_set(&c->have, h->at[i], c);
        put(c->helpers, "#include <%s>\n%s", h->at[i], i + 1 < h->n ? "" : "\n");
    }
}

static const char *type_of(cg_module *c, nfc_dtype t, int64_t width) { return width > 1 ? cg_vector_type(c, t, width) : dtype_table[t].c_type; }

/* The parameters of a helper: of a choice the first is a mask, of a sum of products the last one the sum so far. */
static const char *parameters(cg_module *c, const wanted *w)
{
    const nfc_dtype type = w->argument;
    const int64_t width = w->width;
    const char *all = "", *of = type_of(c, type, width);
    for (int i = 0; i < w->arguments; i++) all = arena_printf(c->arena, "%s%s%s %c", all, i ? ", " : "", of, 'a' + i);
    if (strncmp(w->scalar, "nf_dot_", 7) == 0) return arena_printf(c->arena, "%s a, %s b, %s c", of, of, type_of(c, w->result, width));
    if (strncmp(w->scalar, "nf_select_", 10) != 0) return all;
    static const nfc_dtype whole[9] = {[1] = DT_i8, [2] = DT_i16, [4] = DT_i32, [8] = DT_i64};
    return arena_printf(c->arena, "%s a, %s b, %s c", cg_vector_type(c, whole[dtype_bytes(type)], width), of, of);
}

/* "static inline nf_f32x16 nf_fma_f32x16(nf_f32x16 a, nf_f32x16 b, nf_f32x16 c) { return ...; }" */
static void put_instruction(cg_module *c, const wanted *w, const char *spelling)
{
    bool vectors = w->width > 1, wide = vectors && (cg_is_wide_vector(c, w->result, w->width) || cg_is_wide_vector(c, w->argument, w->width));
    const char *of = vectors ? cg_vector_type(c, w->result, w->width) : dtype_table[w->result].c_type;
    text *own = text_new(c->arena);
    put(own, "static inline %s %s(%s) { return ", of, w->name, parameters(c, w));
    if (vectors) put(own, "(%s)", of);
    for (const char *at = spelling; *at; at++) {
        if (*at == '$') put(own, "%c", 'a' + (*++at - '0'));
        else put(own, "%c", *at);
    }
    put(own, "; }\n");
    cg_put_headers(c);
    put_function(c, own->at, wide);
}

/* One lane after the other. */
static void put_lane_by_lane(cg_module *c, const wanted *w)
{
    const char *of = cg_vector_type(c, w->result, w->width), *list = parameters(c, w);
    cg_use_helper(c, &c_helpers, w->scalar);
    text *own = text_new(c->arena);
    put(own, "static inline %s %s(%s)\n{\n    %s y = {0};\n", of, w->name, list, of);
    put(own, "    for (int i = 0; i < %lld; i++) y[i] = %s(", (long long)w->width, w->scalar);
    for (int i = 0; i < w->arguments; i++) put(own, "%s%c[i]", i ? ", " : "", 'a' + i);
    put(own, ");\n    return y;\n}\n");
    bool wide = cg_is_wide_vector(c, w->result, w->width) || cg_is_wide_vector(c, w->argument, w->width);
    put_function(c, own->at, wide);
}

static void put_helper(cg_module *c, const wanted *w)
{
    const char *spelling = instruction_for(c, w->scalar, w->width);
    const row *r = w->width > 1 ? find(w->scalar) : NULL;
    if (map_get(&c->have, w->name)) return;
    map_set(&c->have, w->name, c);
    if (spelling) put_instruction(c, w, spelling);
    else if (r) put_row(c, r, w->width);
    else put_lane_by_lane(c, w);
}

/* How many operands a helper takes that a row calls. */
static int operands_of(const char *scalar)
{
    static const char *const two[] = {"nf_sign_", "nf_lookup_", "nf_atmost_", "nf_atleast_"};
    if (strncmp(scalar, "nf_select_", 10) == 0) return 3;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (strncmp(scalar, two[i], strlen(two[i])) == 0) return 2;
    return 1;
}

/* A row that another one calls: its name says on what type it is, "nf_select_f32", "nf_f16_to_f32". */
static void put_all(cg_module *c, const char *scalar, int64_t width)
{
    const char *to = strstr(scalar, "_to_");
    size_t n;
    nfc_dtype result = type_at(strrchr(scalar, '_') + 1, &n), argument = to ? type_at(scalar + strlen("nf_"), &n) : result;
    if (argument == DT_f16) argument = DT_u16;
    put_helper(c, &(wanted){scalar, arena_printf(c->arena, "%sx%lld", scalar, (long long)width), result, argument, operands_of(scalar), width});
}

bool cg_has_instruction(cg_module *c, const char *scalar, int64_t width) { return instruction_for(c, scalar, width) != NULL; }

const char *cg_lanes_helper(cg_module *c, const char *scalar, nfc_dtype result, nfc_dtype argument, int arguments, int64_t width)
{
    if (width == 1 && !instruction_for(c, scalar, 1)) {
        cg_use_helper(c, &c_helpers, scalar);
        return scalar;
    }
    const char *name = width == 1 ? scalar : arena_printf(c->arena, "%sx%lld", scalar, (long long)width);
    put_helper(c, &(wanted){scalar, name, result, argument, arguments, width});
    return name;
}

/* ---- elements a step apart ------------------------------------------------------------------- */

/* Where vector i of those that hold the lanes begins: side by side, but for the last, which ends with the last lane, so
 * that nothing behind it is read. */
static int64_t begin_of(int64_t i, int64_t step, int64_t width) { return i + 1 < step ? i * width : (step - 1) * (width - 1); }

/* Which of them holds a lane. */
static int64_t holder(int64_t lane, int64_t step, int64_t width)
{
    const int64_t at = lane * step;
    return at >= begin_of(step - 1, step, width) ? step - 1 : at / width;
}

/* "v = NF_PICK(nf_i32x16, v, nf_load_f32x16(x + 15), 0, 2, ...);": lanes that another vector holds keep what v has; first: it is
 * the first vector as it was loaded. */
static void put_pick(cg_module *c, text *own, const char *load, nfc_dtype lane, int64_t i, int64_t step, int64_t width, bool first)
{
    static const nfc_dtype whole[9] = {[1] = DT_i8, [2] = DT_i16, [4] = DT_i32, [8] = DT_i64};
    const int64_t begin = begin_of(i, step, width);
    put(own, "    v = NF_PICK(%s, v, %s(x + %lld)", cg_vector_type(c, whole[dtype_bytes(lane)], width), load, (long long)begin);
    for (int64_t k = 0; k < width; k++) {
        const int64_t at = holder(k, step, width), kept = first ? k * step : k;
        put(own, ", %lld", (long long)(at == i ? width + k * step - begin : at < i ? kept : 0));
    }
    put(own, ");\n");
}

const char *cg_strided_load(cg_module *c, nfc_dtype lane, int64_t step, int64_t width)
{
    const char *name = arena_printf(c->arena, "nf_load_every%lld_%sx%lld", (long long)step, dtype_name(lane), (long long)width);
    if (map_get(&c->have, name)) return name;
    map_set(&c->have, name, c);
    const char *load = cg_lanes_helper(c, arena_printf(c->arena, "nf_load_%s", dtype_name(lane)), lane, lane, 1, width), *of = cg_vector_type(c, lane, width);
    cg_use_helper(c, &c_helpers, "NF_PICK");
    text *own = text_new(c->arena);
    put(own, "/* elements %lld apart */\nstatic inline %s %s(const %s *x)\n{\n    %s v = %s(x);\n", (long long)step, of, name, dtype_table[lane].c_type, of, load);
    for (int64_t k = 1, last = 0; k < width; k++) {
        const int64_t i = holder(k, step, width);
        if (i != last) put_pick(c, own, load, lane, i, step, width, last == 0);
        last = i;
    }
    put(own, "    return v;\n}\n");
    put_function(c, own->at, cg_is_wide_vector(c, lane, width));
    return name;
}

const char *cg_square_root(cg_module *c, nfc_dtype type, int64_t width)
{
    return c->device->libm || device_instruction(c->device, "sqrt", type, width) ? "sqrt" : "soft_sqrt";
}
