#include "ir/names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Keywords and other words that the languages, the headers that we include, or our own prologues have
 * taken. */
static const char *const reserved[] = { /* sorted */
    "NULL", "PTRDIFF_MAX", "PTRDIFF_MIN", "SIG_ATOMIC_MAX", "SIG_ATOMIC_MIN", "SIZE_MAX", "WCHAR_MAX",
    "WCHAR_MIN", "WINT_MAX", "WINT_MIN", "alignas", "alignof", "and", "and_eq", "arena", "asm",
    "attribute", "auto", "bitand", "bitor", "bool", "break", "buffer", "case", "catch", "char",
    "char16_t", "char32_t", "class", "coherent", "compl", "concept", "const", "const_cast", "constexpr",
    "continue", "ctx", "decltype", "default", "delete", "discard", "do", "double", "dynamic_cast",
    "else", "enum", "errno", "explicit", "export", "extern", "false", "flat", "float", "for", "friend",
    "goto", "half", "highp", "i386", "if", "image", "in", "inline", "inout", "input", "int", "int16_t",
    "int32_t", "int64_t", "int8_t", "intptr_t", "invariant", "layout", "linux", "long", "lowp", "main",
    "mat2", "mat3", "mat4", "max_align_t", "mediump", "memcpy", "mips", "mutable", "namespace", "new",
    "noexcept", "noperspective", "not", "not_eq", "nullptr", "offsetof", "operator", "or", "or_eq",
    "out", "output", "overflow", "packed", "partition", "patch", "precise", "precision", "private", "protected",
    "ptrdiff_t", "public", "readonly", "register", "reinterpret_cast", "resource", "restrict", "return",
    "sample", "sampler", "shared", "short", "signed", "size_t", "sizeof", "smooth", "sparc", "static",
    "static_assert", "static_cast", "status", "struct", "subroutine", "superp", "switch", "template",
    "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "uint", "uint16_t",
    "uint32_t", "uint64_t", "uint8_t", "uintptr_t", "uniform", "union", "unix", "unsigned", "using",
    "varying", "vec2", "vec3", "vec4", "virtual", "void", "volatile", "wchar_t", "weights", "while",
    "writeonly", "xor", "xor_eq"};

/* What only shaders have taken: such names may stand in the API of a program, not in a kernel. */
static const char *const shader_words[] = { /* sorted */
    "active", "atomic_uint", "cast", "centroid", "common", "devicecoherent", "external", "filter",
    "fixed", "float16_t", "float32_t", "float64_t", "interface", "noinline", "nonprivate",
    "pervertexEXT", "pervertexNV", "queuefamilycoherent", "shadercallcoherent", "subgroupcoherent",
    "workgroupcoherent"};

static int by_name(const void *name, const void *row) { return strcmp(name, *(const char *const *)row); }

#define IS_IN(name, list) (bsearch(name, list, sizeof list / sizeof *list, sizeof *list, by_name) != NULL)

static bool begins(const char **name, const char *with)
{
    size_t n = strlen(with);
    if (strncmp(*name, with, n) != 0) return false;
    *name += n;
    return true;
}

/* GLSL's names of vectors and matrices (i64vec2, dmat4x3) and of what textures are (usampler2DArray). */
static bool is_shader_type(const char *name)
{
    static const char *const objects[] = {"sampler", "texture", "image", "subpassInput"}, *const kinds[] = {"1D", "2D", "3D", "Cube", "Buffer", "Shadow", "MS"};
    const char *rest = name + (*name && strchr("iu", *name) && strncmp(name, "image", 5) != 0);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        if (!begins(&rest, objects[i])) continue;
        bool known = !*rest && i == 3;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) known |= strncmp(rest, kinds[k], strlen(kinds[k])) == 0;
        return known;
    }
    rest = name + (*name && strchr("iubdhf", *name));
    if (!begins(&rest, "8") && !begins(&rest, "16") && !begins(&rest, "32")) begins(&rest, "64");
    bool matrix = begins(&rest, "mat");
    if ((!matrix && !begins(&rest, "vec")) || !*rest || !strchr("234", *rest)) return false;
    return !rest[1] || (matrix && rest[1] == 'x' && rest[2] && strchr("234", rest[2]) && !rest[3]);
}

const char *name_identifier(nfc_arena *a, const char *name)
{
    enum { LONGEST = 48 };
    char *out = arena_alloc(a, LONGEST + 3), *p = out;
    for (; *name && p - out < LONGEST; name++) {
        char c = isalnum((unsigned char)*name) && (unsigned char)*name < 0x80 ? *name : '_';
        if (c == '_' && (p == out || p[-1] == '_')) continue; /* no leading or double underscores */
        if (p == out && isdigit((unsigned char)c)) *p++ = 'v';
        *p++ = c;
    }
    while (p > out && p[-1] == '_') p--;
    *p = 0;
    if (p == out) strcpy(out, "v");
    bool prefixed = strncmp(out, "gl_", 3) == 0 || strncmp(out, "nf_", 3) == 0 || strncmp(out, "NF_", 3) == 0;
    bool limit = strncmp(out, "INT", 3) == 0 || strncmp(out, "UINT", 4) == 0; /* INT32_MAX, UINT64_C */
    if (prefixed || limit || IS_IN(out, reserved)) {
        if (p > out + LONGEST - 2) p = out + LONGEST - 2;
        strcpy(p[-1] == '_' ? p - 1 : p, "_v");
    }
    return out;
}

const char *name_in_kernel(nfc_arena *a, const char *name)
{
    const char *out = name_identifier(a, name);
    bool taken = IS_IN(out, shader_words) || strncmp(out, "spirv_", 6) == 0 || is_shader_type(out);
    return taken ? arena_printf(a, "%s_v", out) : out;
}

const char *name_upper(nfc_arena *a, const char *name)
{
    char *out = arena_strdup(a, name_identifier(a, name));
    for (char *p = out; *p; p++) *p = (char)toupper((unsigned char)*p);
    return out;
}

const char *name_unique(nfc_arena *a, nfc_map *taken, const char *name)
{
    const char *base = name_identifier(a, name), *unique = base;
    if (map_get(taken, base)) { /* the numbers before the one that was given last are taken too */
        const char *counter = arena_printf(a, "%s #", base);
        intptr_t n = (intptr_t)map_get(taken, counter);
        for (n = n ? n + 1 : 2; map_get(taken, unique); n++) unique = arena_printf(a, "%s_%d", base, (int)n);
        map_set(taken, counter, (void *)(n - 1));
    }
    map_set(taken, unique, (void *)(uintptr_t)unique);
    return unique;
}
