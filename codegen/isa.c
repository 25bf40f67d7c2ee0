#include "codegen/isa.h"
#include "codegen/c_tiles.h"

#include <string.h>
#include "ir/names.h"

typedef struct {
    const char *name;
    bool arm;
    unsigned leaf, part;
    int word, bit;
    unsigned saved;
} feature;

static const feature features[] = {
#define X86(name, leaf, part, word, bit, saved) {#name, false, leaf, part, word, bit, saved},
#define ARM(name, word, bit) {#name, true, 0, 0, word, bit, 0},
#include "codegen/isa.def"
#undef X86
#undef ARM
};

static const feature *feature_named(const char *name)
{
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        if (strcmp(features[i].name, name) == 0) return &features[i];
    return NULL;
}

/* ---- what goes together -------------------------------------------------------------------- */

static nfc_diag *refuse(nfc_session *s, const char *format, const device *d)
{
    return diag_error_in(&s->diags, E_USAGE, "--isa", format, d->name);
}

static bool can_be_asked(nfc_session *s, const device *d)
{
    const device_words *needs = &d->chosen->needs;
    if (!needs->n) {
        diag_help(refuse(s, "device '%s' does not say what it needs of a processor", d), "/units/*/needs of its description would");
        return false;
    }
    for (int i = 0; i < needs->n; i++)
        if (!feature_named(needs->at[i])) {
            diag_error_in(&s->diags, E_USAGE, "--isa", "device '%s' needs '%s', which a program cannot ask for", d->name, needs->at[i]);
            return false;
        }
    return true;
}

static bool has_word(const device_words *words, const char *word)
{
    for (int i = 0; i < words->n; i++)
        if (strcmp(words->at[i], word) == 0) return true;
    return false;
}

/* Does every processor that has all of `more` have all of `less`? */
static bool needs_all(const device *more, const device *less)
{
    for (int i = 0; i < less->chosen->needs.n; i++)
        if (!has_word(&more->chosen->needs, less->chosen->needs.at[i])) return false;
    return true;
}

static bool is_alike(const device *a, const device *b)
{
    bool same = a->big_endian == b->big_endian && a->pointer_bits == b->pointer_bits && a->libc == b->libc && a->libm == b->libm;
    same = same && a->alignment == b->alignment && a->types == b->types && a->precision == b->precision && a->weights == b->weights && a->array_limit == b->array_limit;
    return same && strcmp(a->backend, b->backend) == 0 && strcmp(a->compiler.command, b->compiler.command) == 0;
}

static bool go_together(nfc_session *s, const device *a, const device *b)
{
    if (strcmp(a->name, b->name) == 0) {
        refuse(s, "device '%s' is named twice", a);
        return false;
    }
    if (is_alike(a, b)) return true;
    nfc_diag *d = diag_error_in(&s->diags, E_USAGE, "--isa", "devices '%s' and '%s' do not go into one program", a->name, b->name);
    diag_help(d, "backend, compiler, byte order, pointers, libraries, alignment, types and the precision and kind of weights must be the same");
    return false;
}

bool cg_order_isas(nfc_session *s, const device **d, int n)
{
    for (int i = 0; i < n; i++)
        if (!can_be_asked(s, d[i])) return false;
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && d[k]->chosen->needs.n > d[k - 1]->chosen->needs.n; k--) {
            const device *moved = d[k];
            d[k] = d[k - 1];
            d[k - 1] = moved;
        }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            if (!go_together(s, d[k], d[i])) return false;
    for (int i = 0; i + 1 < n; i++)
        if (!needs_all(d[i], d[n - 1])) {
            nfc_diag *diag = diag_error_in(&s->diags, E_USAGE, "--isa", "no device runs wherever the others do: '%s' needs what '%s' does not", d[n - 1]->name, d[i]->name);
            diag_help(diag, "one of them must be enough for every processor that the program meets, such as x86-sse2 or aarch64-neon");
            return false;
        }
    if (d[0]->libc || !feature_named(d[0]->chosen->needs.at[0])->arm) return true;
    refuse(s, "device '%s' has no C library to ask for the processor's features", d[0]);
    return false;
}

/* ---- one program of several ---------------------------------------------------------------- */

static bool same_tensor(const cg_tensor *a, const cg_tensor *b)
{
    return a->dtype == b->dtype && a->n == b->n && a->bytes == b->bytes && a->offset == b->offset && memcmp(a->data, b->data, (size_t)a->bytes) == 0;
}

/* Weights that an earlier version has, too, are kept once. */
static void share_weights(cg_program *v, const cg_program *before)
{
    bool same = v->tensor.n == before->tensor.n && v->weights_mode == before->weights_mode;
    for (int i = 0; same && i < v->tensor.n; i++) same = same_tensor(&v->tensor.at[i], &before->tensor.at[i]);
    if (!same) return;
    v->weights_stem = before->weights_stem;
    v->has_weights = false;
    for (int i = 0; i < v->tensor.n; i++) v->tensor.at[i].name = before->tensor.at[i].name;
}

cg_program *cg_join_isas(nfc_session *s, const plan *const *planned, const device *const *d, int n, bool with_main)
{
    cg_program *p = program_new(s, planned[n - 1], d[n - 1], with_main);
    bool fits = p && program_fits(p);
    if (!fits) return NULL;
    p->weight_bytes = 0;
    for (int i = 0; i < n && fits; i++) {
        cg_program *v = program_new_version(s, planned[i], d[i], name_identifier(s->arena, d[i]->name));
        fits = v && program_fits(v);
        if (fits && v->weights_mode == WEIGHTS_FILE) {
            diag_error_in(&s->diags, E_USAGE, "--isa", "weights in a file are for one device; /preferences/weights of '%s' asks for them", d[i]->name);
            fits = false;
        }
        if (!fits) break;
        for (int k = 0; k < p->version.n && v->has_weights; k++) share_weights(v, p->version.at[k]);
        if (v->has_weights) p->weight_bytes += v->weight_bytes;
        if (v->stack_bytes > p->stack_bytes) p->stack_bytes = v->stack_bytes;
        if (v->arena_bytes > p->arena_bytes) p->arena_bytes = v->arena_bytes;
        vec_push(p->arena, &p->version, v);
    }
    if (!fits) return NULL;
    p->backend->emit(p);
    return p;
}

const cg_program *cg_version_of_file(const cg_program *p, const char *name)
{
    for (int i = 0; i < p->version.n; i++)
        if (strcmp(name, arena_printf(p->arena, "%s.c", p->version.at[i]->stem)) == 0) return p->version.at[i];
    return NULL;
}

/* ---- what is emitted ----------------------------------------------------------------------- */

static void put_prototype(cg_program *p, text *t, const ir_graph *g, const char *name, const char *end)
{
    line(t, "int %s(%s_ctx *ctx, const %s *in, %s *out)%s", name, p->name, cg_graph_symbol(p, g, "in"), cg_graph_symbol(p, g, "out"), end);
}

void cg_emit_isas(cg_program *p)
{
    text *t = text_new(p->arena);
    line(t, "/* SPDX-License-Identifier: 0BSD\n * The versions of %s; private to its sources. */", p->name);
    line(t, "#ifndef %s_ISAS_H\n#define %s_ISAS_H\n\n#include \"%s.h\"\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif", p->upper, p->upper, p->name);
    for (int i = 0; i < p->version.n; i++)
        for (int g = 0; g < p->m->graph.n; g++) {
            const cg_program *v = p->version.at[i];
            put_prototype(p, t, p->m->graph.at[g], cg_run_symbol(v, v->m->graph.at[g]), ";");
        }
    line(t, "#ifdef __cplusplus\n}\n#endif\n\n#endif");
    cg_add_file(p, arena_printf(p->arena, "%s_isas.h", p->name), t->at);
    for (int i = 0; i < p->version.n; i++) {
        cg_program *v = p->version.at[i];
        if (v->has_weights) cg_emit_weights(v);
        cg_emit_version(v);
        for (int k = 0; k < v->file.n; k++) vec_push(p->arena, &p->file, v->file.at[k]);
    }
}

void cg_put_isa_header(cg_program *p, text *t)
{
    if (!p->version.n) return;
    line(t, "/* The versions of this program, one for each kind of processor. Init takes the first that the processor at hand can run. */");
    for (int i = 0; i < p->version.n; i++) line(t, "#define %s_ISA_%s %d", p->upper, name_upper(p->arena, p->version.at[i]->isa), i);
    line(t, "#define %s_ISAS %d", p->upper, p->version.n);
    line(t, "/* Can the processor at hand run this version? */\nint %s_has_isa(int isa);", p->name);
    line(t, "/* Has a context's runs take this version; after init. %s_ERROR_ARGUMENT where the processor cannot run it. */\nint %s_set_isa(%s_ctx *ctx, int isa);", p->upper, p->name, p->name);
    line(t, "/* \"x86-avx2\"; \"\" for what is no version. */\nconst char *%s_isa_name(int isa);", p->name);
}

static bool is_arm(const cg_program *p) { return feature_named(p->device->chosen->needs.at[0])->arm; }

void cg_put_isa_includes(cg_program *p, text *t)
{
    if (is_arm(p)) line(t, "#include <sys/auxv.h>\n#include <sys/prctl.h>");
    else line(t, "#include <cpuid.h>");
}

static void put_asking(cg_program *p, text *t, bool arm)
{
    line(t, "/* What the processor and the system have. */");
    if (arm) {
        line(t, "static int nf_cpu_has(unsigned long word, int bit)\n{\n    return (int)(getauxval(word) >> bit & 1u); /* 16: AT_HWCAP, 26: AT_HWCAP2 */\n}\n");
        for (int i = 0; i < p->version.n; i++)
            if (has_word(&p->version.at[i]->device->chosen->needs, "sve256")) {
                line(t, "/* Bits of a vector of SVE. */\nstatic int nf_sve_bits(void)\n{\n    const int bytes = prctl(51); /* PR_SVE_GET_VL */\n    return bytes < 0 ? 0 : 8 * (bytes & 0xffff);\n}\n");
                break;
            }
        return;
    }
    line(t, "static int nf_cpu_has(unsigned leaf, unsigned part, int word, int bit)\n{\n    unsigned r[4] = {0, 0, 0, 0};\n    if (!__get_cpuid_count(leaf, part, &r[0], &r[1], &r[2], &r[3])) return 0;\n    return (int)(r[word] >> bit & 1u);\n}\n");
    line(t, "/* Are these of xcr0's registers saved when threads take turns? */\nstatic int nf_cpu_saves(unsigned mask)\n{\n    unsigned lo = 0, hi = 0;\n    if (!nf_cpu_has(1, 0, 2, 27)) return 0; /* OSXSAVE */\n    __asm__ volatile(\"xgetbv\" : \"=a\"(lo), \"=d\"(hi) : \"c\"(0));\n    return (lo & mask) == mask;\n}\n");
}

/* "nf_cpu_has(1, 3, 26) && ..." */
static void put_condition(text *t, const cg_program *v)
{
    const device_words *needs = &v->device->chosen->needs;
    unsigned saved = 0;
    const char *sep = "";
    for (int i = 0; i < needs->n; i++, sep = i % 4 ? " && " : "\n    && ") {
        const feature *f = feature_named(needs->at[i]);
        saved |= f->saved;
        if (strcmp(f->name, "sve256") == 0) put(t, "%snf_sve_bits() == 256", sep);
        else if (f->arm) put(t, "%snf_cpu_has(%d, %d /* %s */)", sep, f->word, f->bit, f->name);
        else put(t, "%snf_cpu_has(0x%xu, %u, %d, %d /* %s */)", sep, f->leaf, f->part, f->word, f->bit, f->name);
    }
    if (saved) put(t, "%snf_cpu_saves(0x%xu)", sep, saved);
    if (cg_asks_for_tiles(v)) put(t, " && nf_may_use_tiles()");
}

void cg_put_isa_choice(cg_program *p, text *t)
{
    if (!p->version.n) return;
    put_asking(p, t, is_arm(p));
    line(t, "int %s_has_isa(int isa)\n{", p->name);
    t->indent++;
    open_brace(t, "switch (isa)");
    for (int i = 0; i < p->version.n; i++) {
        const cg_program *v = p->version.at[i];
        put(t, "case %s_ISA_%s: return ", p->upper, name_upper(p->arena, v->isa));
        if (i + 1 == p->version.n) put(t, "1 /* what all of them need */");
        else put_condition(t, v);
        line(t, ";");
    }
    line(t, "default: return 0;");
    close_brace(t);
    close_brace(t);
    line(t, "\nint %s_set_isa(%s_ctx *ctx, int isa)\n{\n    if (!ctx || !%s_has_isa(isa)) return %s_ERROR_ARGUMENT;\n    ctx->isa = isa;\n    return %s_OK;\n}\n", p->name, p->name, p->name, p->upper, p->upper);
    line(t, "const char *%s_isa_name(int isa)\n{", p->name);
    put(t, "    static const char *const name[] = {");
    for (int i = 0; i < p->version.n; i++) put(t, "%s\"%s\"", i ? ", " : "", p->version.at[i]->device->name);
    line(t, "};\n    return isa < 0 || isa >= %s_ISAS ? \"\" : name[isa];\n}\n", p->upper);
}

void cg_put_isa_runs(cg_program *p, text *t)
{
    for (int g = 0; g < p->m->graph.n; g++) {
        const ir_graph *graph = p->m->graph.at[g];
        put_prototype(p, t, graph, cg_graph_symbol(p, graph, "run"), "\n{");
        t->indent++;
        line(t, "if (!ctx) return %s_ERROR_ARGUMENT;", p->upper);
        open_brace(t, "switch (ctx->isa)");
        for (int i = 0; i < p->version.n; i++) {
            const cg_program *v = p->version.at[i];
            const char *label = i + 1 < p->version.n ? arena_printf(p->arena, "case %s_ISA_%s", p->upper, name_upper(p->arena, v->isa)) : "default";
            line(t, "%s: return %s(ctx, in, out);", label, cg_run_symbol(v, v->m->graph.at[g]));
        }
        close_brace(t);
        close_brace(t);
        if (g + 1 < p->m->graph.n) end_line(t);
    }
}
