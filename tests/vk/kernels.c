/* Single kernels on the device, against the interpreter of the kernel IR. */
#include <spirv-tools/libspirv.h>
#include <string.h>
#include "codegen/glsl.h"
#include "frontend/source.h"
#include "tests/vk/check.h"

/* ---- shaders ------------------------------------------------------------------------------- */

enum { OP_CONSTANT = 43, OP_DECORATE = 71, OP_FADD = 129, OP_FSUB = 131, OP_FMUL = 133, NO_CONTRACTION = 42, HEADER = 5 };

static bool is_zero(const uint32_t *constant)
{
    for (uint32_t i = 3; i < constant[0] >> 16; i++)
        if (constant[i]) return false;
    return true;
}

/* The dialect promises that every product and every sum is rounded: all carry NoContraction. The code is valid. */
static bool is_precise(checker *k, const uint32_t *code, size_t words)
{
    bool *kept = ARENA_ARRAY(k->m->arena, bool, code[3]), *zero = ARENA_ARRAY(k->m->arena, bool, code[3]), precise = true;
    k->loaded_adds = k->loaded_zeroes = false;
    for (size_t at = HEADER; at < words; at += code[at] >> 16) {
        const uint32_t *x = code + at, op = *x & 0xffff;
        bool sums = op == OP_FADD || op == OP_FSUB;
        if (op == OP_DECORATE && x[2] == NO_CONTRACTION) kept[x[1]] = true;
        if (op == OP_CONSTANT) zero[x[2]] = is_zero(x);
        if ((sums || op == OP_FMUL) && !kept[x[2]]) precise = false;
        k->loaded_adds |= sums;
        k->loaded_zeroes |= op == OP_FMUL && (zero[x[3]] || zero[x[4]]);
    }
    return precise;
}

/* What spirv-val says. */
static bool is_valid(checker *k, const kir_func *f, const char *path, const uint32_t *code, size_t words)
{
    spv_context context = spvContextCreate(SPV_ENV_VULKAN_1_2);
    spv_diagnostic said = NULL;
    bool valid = spvValidateBinary(context, code, words, &said) == SPV_SUCCESS;
    if (!valid) check_failed(k, f->name, "%s is not valid: %s", path, said ? said->error : "");
    spvDiagnosticDestroy(said);
    spvContextDestroy(context);
    return valid;
}

static bool load_shader(checker *k, const kir_func *f)
{
    if (k->loaded == f) return true;
    k->loaded = NULL;
    const char *path = arena_printf(k->m->arena, "%s.comp.spv", shader_path(k, glsl_shader(k->m, k->m->arena, f)));
    char *bytes;
    size_t size;
    if (read_file(k->m->arena, path, 1 << 26, &bytes, &size) != READ_OK) {
        check_failed(k, f->name, "there is no %s", path);
        return false;
    }
    const uint32_t *code = (const uint32_t *)(void *)bytes;
    if (!is_valid(k, f, path, code, size / 4)) return false;
    if (!is_precise(k, code, size / 4)) check_failed(k, f->name, "%s may contract products with sums", path);
    if (!vk_load(k->host, code, size, f->param.n + f->can_fail)) {
        check_failed(k, f->name, "the device does not take %s", path);
        return false;
    }
    k->loaded = f;
    return true;
}

/* ---- running ------------------------------------------------------------------------------- */

bool check_dispatch(checker *k, const kir_func *f, const vk_buffer *param, const int64_t *scalar, int *status)
{
    if (!load_shader(k, f)) return false;
    bool wide = glsl_is_wide(f);
    int n = f->param.n;
    int32_t word = 0, *narrow = ARENA_ARRAY(k->m->arena, int32_t, f->scalar.n + 1);
    for (int i = 0; i < f->scalar.n; i++) narrow[i] = (int32_t)scalar[i];
    vk_buffer *buffer = ARENA_ARRAY(k->m->arena, vk_buffer, n + 1);
    for (int i = 0; i < n; i++) buffer[i] = param[i];
    buffer[n] = (vk_buffer){&word, sizeof word};
    vk_job job = {buffer, wide ? (const void *)scalar : narrow, (size_t)f->scalar.n * (wide ? 8 : 4), 1};
    const kir_stmt *loop[KIR_MAX_GRID];
    int loops = kir_grid(f, loop);
    for (int i = 0; i < loops; i++) {
        int64_t extent = check_value(f, scalar, loop[i]->end);
        job.threads *= extent > 0 ? (uint64_t)extent : 0;
    }
    if (!vk_run(k->host, &job)) {
        check_failed(k, f->name, "the device did not run it");
        return false;
    }
    *status = word;
    return true;
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void random_scalars(checker *k, const kir_func *f, int64_t *scalar)
{
    for (int i = 0; i < f->scalar.n; i++) {
        const ir_sym *s = f->scalar.at[i];
        int64_t lo = s->lo < -4 ? -4 : s->lo, hi = s->hi > lo + 12 ? lo + 12 : s->hi;
        scalar[i] = lo + (int64_t)(check_random(k) % (uint64_t)(hi - lo + 1));
    }
}

/* On a GPU any of several errors may be the one that is kept. */
static bool same_status(int got, int expected) { return (got == 0) == (expected == 0) && got >= 0 && got <= KIR_FAIL_DIVISION; }

/* llvmpipe takes 0 + x for x, though it be -0, and 0 * x for 0: there zeros count without a sign. */
static void compare(checker *k, const kir_func *f, const vk_buffer *got, void *const *expected)
{
    for (int i = 0; i < f->param.n; i++) {
        const kir_buffer *p = f->param.at[i];
        int64_t at = check_compare(p->dtype, got[i].data, expected[i], (int64_t)(got[i].bytes / dtype_bytes(p->dtype)), k->loaded_adds || k->loaded_zeroes);
        if (at < 0) continue;
        check_failed(k, f->name, "%s[%lld] is %s, not %s (%s.comp)", p->name, (long long)at, check_element(k, p->dtype, got[i].data, at),
                     check_element(k, p->dtype, expected[i], at), shader_path(k, glsl_shader(k->m, k->m->arena, f)));
        return;
    }
}

/* Makes elements of the parameters, twice, on which the kernel ends before long; gives its status on them. */
static bool make_data(checker *k, const kir_func *f, check_range range, const int64_t *scalar, vk_buffer *got, void **expected, int *status)
{
    enum { TRIES = 32, TRIPS = 1 << 20 }; /* the trips may depend on the data: regions of images say how many points to take */
    for (int try = 0; try < TRIES; try++) {
        for (int i = 0; i < f->param.n; i++) {
            const kir_buffer *p = f->param.at[i];
            check_fill(k, p->dtype, got[i].data, (int64_t)(got[i].bytes / dtype_bytes(p->dtype)), range);
            memcpy(expected[i], got[i].data, got[i].bytes);
        }
        *status = kir_run_within(k->m->arena, k->m, f, expected, scalar, TRIPS);
        if (*status != KIR_RAN_LONG) return true;
    }
    check_failed(k, f->name, "it makes more than %d trips on each of %d inputs", TRIPS, TRIES);
    return false;
}

static void check_kernel(checker *k, const kir_func *f, check_range range)
{
    nfc_arena *a = k->m->arena;
    int64_t *scalar = ARENA_ARRAY(a, int64_t, f->scalar.n + 1);
    vk_buffer *got = ARENA_ARRAY(a, vk_buffer, f->param.n + 1);
    void **expected = ARENA_ARRAY(a, void *, f->param.n + 1);
    int status, want;
    random_scalars(k, f, scalar);
    for (int i = 0; i < f->param.n; i++) {
        int64_t n = check_value(f, scalar, f->param.at[i]->size);
        got[i].bytes = n > 0 ? (size_t)n * dtype_bytes(f->param.at[i]->dtype) : 0;
        got[i].data = arena_alloc(a, got[i].bytes);
        expected[i] = arena_alloc(a, got[i].bytes);
    }
    k->checks++;
    /* llvmpipe takes 0 * x for 0, though x be infinite or no number. */
    if (!load_shader(k, f) || !make_data(k, f, range == CHECK_WILD && k->loaded_zeroes ? CHECK_FINITE : range, scalar, got, expected, &want)) return;
    if (!check_dispatch(k, f, got, scalar, &status)) return;
    if (!same_status(status, want)) check_failed(k, f->name, "its status is %d, not %d", status, want);
    else compare(k, f, got, expected);
}

void check_kernels(checker *k)
{
    enum { WILD = 3 };
    for (int i = 0; i < k->kernel.n; i++) {
        if (!check_claim(k)) continue;
        k->random = map_hash(k->path, strlen(k->path), (uint64_t)i);
        for (int run = 0; run <= WILD; run++) check_kernel(k, k->kernel.at[i], run > 0 ? CHECK_WILD : CHECK_SMALL);
    }
}
