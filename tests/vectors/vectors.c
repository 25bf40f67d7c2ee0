/* vectors DEVICE LANES SAMPLE OUT GRAPH...: kernels of graphs, their loops made vectors, as C.
 *
 * OUT.c has the kernels and a table of them; OUT.data has, for each run of one, its scalars, what its buffers hold
 * before and what they must hold after it, as the interpreter of the kernel IR has it: of the kernel as it was too.
 * driver.c runs them. LANES: how many at most. SAMPLE: 1 for all kernels, 10 for the first three of a file and every
 * tenth. Every second one rounds products and sums once. GRAPH is a file, or
 * "made" for those of made.c. Prints how many kernels and vector loops there are. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "codegen/dialect.h"
#include "passes/pass.h"
#include "tests/vectors/vectors.h"

const cli_verb cli_verbs[] = {{NULL, NULL, NULL, NULL}}; /* cli.c lists them for help */

typedef struct {
    checker k;
    const device *device;
    cg_module out;
    text *calls, *table;
    FILE *data;
    nfc_session *s; /* of the device, and of what is written */
    int64_t most;
    int sample, kernels, vectors, refused;
    int wild; /* runs of a kernel with numbers of all kinds, after one with small ones */
} work;

/* ---- data ---------------------------------------------------------------------------------- */

static void put_word(work *w, int64_t v)
{
    if (fwrite(&v, sizeof v, 1, w->data) != 1) exit(4);
}

static void put_bytes(work *w, const void *at, size_t n)
{
    if (n && fwrite(at, n, 1, w->data) != 1) exit(4);
}

/* Which bits are NaN: those where bits & mask is above, or is, a number. mask 0: none. */
static void put_nan(work *w, nfc_dtype t)
{
    static const struct {
        nfc_dtype type;
        uint64_t mask, above;
    } rows[] = {
        {DT_f64, INT64_MAX, UINT64_C(0x7ff0000000000000)}, {DT_f32, INT32_MAX, 0x7f800000},
#define FORMAT(name, exponent, mantissa, bias, top, over, nan) {DT_##name, over == nan ? (nan == 0x80 ? 0xff : 0x7f) : 0x7fff >> (exponent + mantissa > 8 ? 0 : 8), over == nan ? nan - 1 : over},
#include "ir/dtypes.def"
    };
    bool none = t == DT_f6e2m3 || t == DT_f6e3m2 || t == DT_f4e2m1;
    for (size_t i = 0; !none && i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].type != t) continue;
        put_word(w, (int64_t)rows[i].mask);
        put_word(w, (int64_t)rows[i].above);
        return;
    }
    put_word(w, 0);
    put_word(w, 0);
}

static void random_scalars(work *w, const kir_func *f, int64_t *scalar)
{
    for (int i = 0; i < f->scalar.n; i++) {
        const ir_sym *s = f->scalar.at[i];
        int64_t lo = s->lo < -4 ? -4 : s->lo, hi = s->hi > lo + 12 ? lo + 12 : s->hi;
        scalar[i] = lo + (int64_t)(check_random(&w->k) % (uint64_t)(hi - lo + 1));
    }
}

/* One run. The kernel with vectors must mean what the old one does, unless it rounds less often. */
static void put_run(work *w, const kir_func *f, const kir_func *vectors, bool fuses, bool wild)
{
    nfc_arena *a = arena_child(w->k.m->arena);
    int64_t *scalar = ARENA_ARRAY(a, int64_t, f->scalar.n + 1);
    void **before = ARENA_ARRAY(a, void *, f->param.n + 1), **after = ARENA_ARRAY(a, void *, f->param.n + 1), **again = ARENA_ARRAY(a, void *, f->param.n + 1);
    size_t *bytes = ARENA_ARRAY(a, size_t, f->param.n + 1);
    random_scalars(w, f, scalar);
    for (int i = 0; i < f->param.n; i++) {
        const kir_buffer *p = f->param.at[i];
        int64_t n = check_value(f, scalar, p->size);
        bytes[i] = n > 0 ? (size_t)n * dtype_bytes(p->dtype) : 0;
        before[i] = arena_alloc(a, bytes[i]);
        check_fill(&w->k, p->dtype, before[i], n, wild);
        after[i] = memcpy(arena_alloc(a, bytes[i]), before[i], bytes[i]);
        again[i] = memcpy(arena_alloc(a, bytes[i]), before[i], bytes[i]);
    }
    int status = kir_run(a, w->k.m, vectors, after, scalar);
    if (kir_run(a, w->k.m, f, again, scalar) != status && !fuses) check_failed(&w->k, f->name, "interpreted, its vectors give another status");
    put_word(w, status);
    for (int i = 0; i < f->scalar.n; i++) put_word(w, scalar[i]);
    for (int i = 0; i < f->param.n; i++) {
        if (!fuses && memcmp(after[i], again[i], bytes[i]) != 0) check_failed(&w->k, f->name, "interpreted, its vectors give something else in %s", f->param.at[i]->name);
        put_word(w, (int64_t)bytes[i]);
        put_bytes(w, before[i], bytes[i]);
        put_bytes(w, after[i], bytes[i]);
    }
    arena_free(a);
}

/* What the driver must know of a kernel, and its runs. */
static void put_data(work *w, const kir_func *f, const kir_func *vectors, bool fuses)
{
    put_word(w, f->param.n);
    put_word(w, f->scalar.n);
    put_word(w, 1 + w->wild);
    for (int i = 0; i < f->param.n; i++) {
        put_word(w, (int64_t)dtype_bytes(f->param.at[i]->dtype));
        put_nan(w, f->param.at[i]->dtype);
    }
    for (int run = 0; run <= w->wild; run++) put_run(w, f, vectors, fuses, run > 0);
}

/* ---- source -------------------------------------------------------------------------------- */

/* A function that takes any kernel's arguments from arrays. */
static void put_call(work *w, const kir_func *f, const char *name)
{
    text *t = w->calls;
    line(t, "static void call_%s(void *const *p, const int64_t *s, int *status)\n{\n    (void)p, (void)s, (void)status;", name);
    put(t, "    %s(", name);
    for (int i = 0; i < f->param.n; i++) put(t, "%s(%s%s *)p[%d]", i ? ", " : "", f->param.at[i]->written ? "" : "const ", dtype_table[f->param.at[i]->dtype].c_type, i);
    for (int i = 0; i < f->scalar.n; i++) put(t, "%s(%s)s[%d]", i || f->param.n ? ", " : "", cg_needs_wide_index(f) ? "int64_t" : "int32_t", i);
    line(t, "%s);\n}\n", f->can_fail ? f->param.n + f->scalar.n ? ", status" : "status" : "");
    line(w->table, "    {\"%s: %s\", call_%s},", w->k.path, f->name, name);
}

/* A kernel with vectors, and the one that it was made of. */
static void take_vectors(work *w, const kir_func *own, const kir_func *old, bool fuses)
{
    const char *broken = kir_verify(w->k.m, own);
    if (broken) {
        check_failed(&w->k, own->name, "%s", broken);
        return;
    }
    const char *name = arena_printf(w->s->arena, "k%d", w->kernels++);
    w->out.m = w->k.m;
    cg_print_kernel(&w->out, own, name);
    end_line(w->out.kernels);
    put_call(w, own, name);
    put_data(w, old, own, fuses);
}

static void take(work *w, const kir_func *f)
{
    int vectors = 0, refused = 0;
    bool fuses = w->kernels % 2 == 1;
    const kir_func *own = strip_mine(w->k.m, f, w->most, fuses, &vectors, &refused);
    w->refused += refused;
    w->vectors += vectors;
    if (vectors) take_vectors(w, own, f, fuses);
}

static void take_made(void *env, const kir_func *f)
{
    work *w = env;
    w->vectors++;
    take_vectors(w, f, f, false);
}

static void write_source(work *w, const char *path)
{
    FILE *to = fopen(path, "w");
    if (!to) exit(4);
    fprintf(to, "#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n#include \"tests/vectors/driver.h\"\n\n#define NF_RESTRICT __restrict\n\n");
    fprintf(to, "%s%s%sconst test_kernel test_kernels[] = {\n%s    {NULL, NULL},\n};\n", w->out.helpers->at, w->out.kernels->at, w->calls->at, w->table->at);
    if (fclose(to) != 0) exit(4);
}

/* ---- graphs -------------------------------------------------------------------------------- */

static bool load_graph(checker *k)
{
    static const pass_options passes = {.stop_at = -1, .verify = true, .precision = DT_f32};
    static const plan_options planning = {.alignment = 64};
    vec_push(k->c.s->arena, &k->c.operand, k->path);
    k->m = cli_load(&k->c);
    k->plan = k->m && passes_run(k->m, &passes) ? plan_module(k->m, &planning) : NULL;
    if (k->plan) return true;
    diag_flush(&k->c.s->diags, stderr);
    check_failed(k, "graph", "it cannot be planned");
    return false;
}

static void take_graph(work *w, const char *path)
{
    enum { FIRST = 3, FEW = 2, MANY = 60 };
    checker *k = &w->k;
    k->c = (cli){.s = session_new(), .verb = "build"};
    if (!k->c.s) exit(4);
    k->path = path;
    k->random = map_hash(path, strlen(path), 0);
    int n = 0;
    bool by_hand = strcmp(path, "made") == 0;
    w->wild = by_hand ? MANY : FEW;
    if (by_hand) {
        k->m = ir_module_new(k->c.s, path);
        make_kernels(k->m, w->most, take_made, w);
    } else if (load_graph(k))
        for (int g = 0; g < k->plan->graph.n; g++)
            for (int i = 0; i < k->plan->graph.at[g]->call.n; i++, n++)
                if (n < FIRST || n % w->sample == 0) take(w, k->plan->graph.at[g]->call.at[i]->kernel);
    session_free(k->c.s);
}

int main(int argc, char **argv)
{
    if (argc < 6) return 2;
    work w = {.most = atoi(argv[2]), .sample = atoi(argv[3]), .s = session_new()};
    if (w.most < 2 || w.sample < 1 || !w.s) return 2;
    ops_init();
    nfc_arena *a = w.s->arena;
    w.device = device_load(w.s, argv[1]);
    if (!w.device) {
        diag_flush(&w.s->diags, stderr);
        return 2;
    }
    w.out = (cg_module){.arena = a, .device = w.device, .dialect = &dialect_c, .strict = true, .helpers = text_new(a), .kernels = text_new(a)};
    map_init(&w.out.have, a);
    w.calls = text_new(a);
    w.table = text_new(a);
    w.data = fopen(arena_printf(a, "%s.data", argv[4]), "wb");
    if (!w.data) return 4;
    for (int i = 5; i < argc; i++) take_graph(&w, argv[i]);
    if (fclose(w.data) != 0) return 4;
    if (w.kernels) write_source(&w, arena_printf(a, "%s.c", argv[4]));
    printf("kernels %d vectors %d refused %d failed %d\n", w.kernels, w.vectors, w.refused, w.k.failed);
    return w.k.failed > 0;
}
