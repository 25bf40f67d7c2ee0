#include <string.h>
#include <time.h>
#include "ir/text.h"
#include "passes/pass.h"

enum { ORDER = 1, ALWAYS = 2 };

typedef struct {
    const char *name;
    bool (*run)(pass_ctx *);
    unsigned needs, breaks;
} pass_row;

static const pass_row rows[] = {
#define PASS(name, needs, breaks, doc) {#name, pass_##name, needs, breaks},
#include "passes/passes.def"
#undef PASS
};

enum { NPASS = sizeof rows / sizeof *rows };

const char *const *pass_names(void)
{
    static const char *const names[] = {
#define PASS(name, ...) #name,
#include "passes/passes.def"
#undef PASS
        "all", "plan", "kernels", NULL};
    return names;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static bool verified(ir_module *m, const char *after)
{
    const char *broken = ir_verify(m);
    if (!broken) return true;
    nfc_diag *d = diag_error_in(&m->session->diags, E_INTERNAL, m->name, "after %s: %s", after, broken);
    diag_help(d, "--stop-at=N runs only the first N passes, --dump=all shows what each did");
    return false;
}

/* A pass that is asked for by its name is shown even where it changed nothing. */
static bool wants_dump(const pass_options *o, const char *name, bool changed)
{
    return o->dump && (strcmp(o->dump, name) == 0 || (changed && strcmp(o->dump, "all") == 0));
}

bool passes_run(ir_module *m, const pass_options *options)
{
    unsigned stale = ORDER;
    pass_ctx ctx = {.m = m, .options = options};
    if (options->verify && !verified(m, "lowering")) return false;
    for (int i = 0; i < NPASS; i++) {
        const pass_row *p = &rows[i];
        if (options->stop_at >= 0 && i >= options->stop_at && !(p->needs & ALWAYS)) continue;
        if (p->needs & stale & ORDER) ir_number(m);
        stale &= ~p->needs;
        ctx.scratch = arena_child(m->arena);
        double start = now_ms();
        int errors = m->session->diags.errors;
        bool changed = p->run(&ctx);
        double ms = now_ms() - start;
        arena_free(ctx.scratch);
        if (m->session->diags.errors > errors) return false;
        if (changed) stale |= p->breaks;
        if (options->time) fprintf(stderr, "%2d %-10s %9.3f ms%s\n", i + 1, p->name, ms, changed ? "" : "  (no change)");
        if (wants_dump(options, p->name, changed)) {
            fprintf(options->dump_to, "// after pass %d, %s\n", i + 1, p->name);
            ir_print_text(options->dump_to, m);
        }
        if (options->verify && changed && !verified(m, p->name)) return false;
    }
    return true;
}
