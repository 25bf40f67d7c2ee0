/* ir/names.h */
#include <ctype.h>
#include <string.h>
#include "ir/names.h"
#include "tests/unit/unit.h"

Test(names, author_names_become_identifiers)
{
    nfc_arena *a = arena_new();
    static const char *const rows[][2] = {
        {"x", "x"}, {"layer_1", "layer_1"}, {"layers.0.wq", "layers_0_wq"}, {"a__b", "a_b"}, {"_x", "x"}, {"x_", "x"}, {"__", "v"}, {"", "v"}, {"1x", "v1x"},
        {"3", "v3"}, {"_1", "v1"}, {".0.w", "v0_w"}, {"\xc3\xa9t\xc3\xa9", "t"}, {"a b\n*/c", "a_b_c"}, {"int", "int_v"}, {"class", "class_v"}, {"vec4", "vec4_v"},
        {"gl_x", "gl_x_v"}, {"nf_x", "nf_x_v"}, {"INT32_MAX", "INT32_MAX_v"}, {"vec5", "vec5"}, {"integer", "integer"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_assert_str_eq(name_identifier(a, rows[i][0]), rows[i][1]);
    cr_assert_str_eq(name_upper(a, "layers.0"), "LAYERS_0");
}

Test(names, kernels_have_the_words_of_shaders_too)
{
    nfc_arena *a = arena_new();
    static const char *const rows[][2] = {{"x", "x"}, {"int", "int_v"}, {"vec4", "vec4_v"}, {"dmat4x3", "dmat4x3_v"}, {"vec5", "vec5"}, {"usampler2DArray", "usampler2DArray_v"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_assert_str_eq(name_in_kernel(a, rows[i][0]), rows[i][1]);
}

static bool is_identifier(const char *s)
{
    if (!isalpha((unsigned char)*s) || strstr(s, "__") || strlen(s) > 48) return false;
    for (const char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_') return false;
    return s[strlen(s) - 1] != '_';
}

Test(names, any_bytes_become_an_identifier)
{
    nfc_arena *a = arena_new();
    uint64_t r = 9;
    static const char *const begins[] = {"", "gl_", "nf_", "INT", "int", "spirv_", "_", "9", "sampler2D", "UINT"};
    for (int i = 0; i < 20000; i++) {
        char name[128];
        size_t n = unit_below(&r, 100), at = strlen(strcpy(name, begins[unit_below(&r, 10)]));
        for (size_t k = 0; k < n; k++) name[at++] = (char)(i % 2 ? "abz019_."[unit_below(&r, 8)] : 1 + (int)unit_below(&r, 255));
        name[at] = 0;
        const char *id = name_identifier(a, name);
        cr_assert(is_identifier(id), "%s gives %s", name, id);
        if (i % 1000 == 999) {
            arena_free(a);
            a = arena_new();
        }
    }
}

Test(names, unique_names_are)
{
    nfc_arena *a = arena_new();
    nfc_map taken, seen;
    map_init(&taken, a);
    map_init(&seen, a);
    cr_assert_str_eq(name_unique(a, &taken, "x"), "x");
    cr_assert_str_eq(name_unique(a, &taken, "x_3"), "x_3");
    cr_assert_str_eq(name_unique(a, &taken, "x"), "x_2");
    cr_assert_str_eq(name_unique(a, &taken, "x"), "x_4");
    cr_assert_str_eq(name_unique(a, &taken, "x.2"), "x_2_2");
    cr_assert_str_eq(name_unique(a, &taken, "y"), "y");
    uint64_t r = 2;
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "%c%s%d", "ab"[unit_below(&r, 2)], unit_below(&r, 2) ? "_" : "", (int)unit_below(&r, 40));
        if (unit_below(&r, 3) == 0) name[1] = 0;
        const char *id = name_unique(a, &taken, name);
        cr_assert_null(map_set(&seen, id, a), "%s twice", id);
    }
}
