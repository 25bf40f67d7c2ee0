/* How forks are printed: one function that each thread is called with a part of, in which kernels stand one after the other. */
#include <string.h>
#include "codegen/program.h"
#include "ir/names.h"

/* A fork under way, with the names that stand for what it is given. */
typedef struct {
    cg_program *p;
    cg_module *c;
    text *t;
    const cg_fork *f;
    const char **slot, **number, *job, *part;
    const char **cut; /* of each step and range, one after the other: the name of its table */
} printing;

int64_t cg_fork_frame(const cg_fork *f)
{
    enum { CALLS = 4 * 128 }; /* the fork, nf_do_parts, what the context was given, part */
    return CALLS + 16 * (int64_t)(f->slot.n + f->number.n + 3);
}

static int places_of(const cg_program *p, const cg_fork *f)
{
    int n = 0;
    for (int i = 0; i < p->fork.n; i++) n += p->fork.at[i] == f || p->fork.at[i]->same == f;
    return n;
}

const char *cg_step_text(const cg_program *p, const cg_fork *f, const cg_step *s)
{
    int n = s->part >= 0, last = s->part;
    for (int t = 0; s->part < 0 && t < f->parts; t++) {
        if (!cg_part_has_work(s->kernel, s->cut, f->parts, t)) continue;
        last = t;
        n++;
    }
    return n == 1 ? arena_printf(p->arena, "all by part %d", last) : cg_parts_text(p, s->kernel, n);
}

static void put_comment(printing *x)
{
    const int places = places_of(x->p, x->f);
    line(x->t, "/* %s: %d kernels that %d threads do together%s\n *   No part touches what another one writes: threads wait for each other at the end only.", x->f->name, x->f->step.n, x->f->parts,
         places > 1 ? arena_printf(x->p->arena, ", called from %d places", places) : "");
    for (int i = 0; i < x->f->step.n; i++) {
        const cg_step *s = &x->f->step.at[i];
        line(x->t, " *   %s: %s, %s", s->kernel->name, cg_step_text(x->p, x->f, s), comment_safe(x->p->arena, cg_places(x->p, s->call)));
    }
    line(x->t, " */");
}

static const char *type_of(printing *x, const cg_slot *s) { return arena_printf(x->p->arena, "%s%s *", s->written ? "" : "const ", x->c->dialect->storage_type(s->param->dtype)); }

static void put_job(printing *x)
{
    open_brace(x->t, "typedef struct %s", x->job);
    for (int i = 0; i < x->f->slot.n; i++) line(x->t, "%s%s;", type_of(x, &x->f->slot.at[i]), x->slot[i]);
    for (int i = 0; i < x->f->number.n; i++) line(x->t, "int64_t %s;", x->number[i]);
    x->t->indent--;
    line(x->t, "} %s;\n", x->job);
}

/* The tables of where ranges begin: one for all that are alike. */
static void put_cuts(printing *x)
{
    const int parts = x->f->parts;
    const int64_t *known[64];
    bool known_wide[64];
    const char *name[64];
    int n = 0, at = 0;
    for (int i = 0; i < x->f->step.n; i++) {
        const cg_step *s = &x->f->step.at[i];
        const bool wide = cg_needs_wide_index(cg_printed(s->kernel));
        for (int r = 0; s->part < 0 && r < cg_ranges(s->kernel); r++, at++) {
            const int64_t *cut = &s->cut[r * (parts + 1)];
            int k = 0;
            while (k < n && (known_wide[k] != wide || memcmp(known[k], cut, sizeof *cut * (size_t)(parts + 1)) != 0)) k++;
            if (k < n) {
                x->cut[at] = name[k];
                continue;
            }
            x->cut[at] = n || x->f->step.n > 1 ? arena_printf(x->p->arena, "first_%d", at + 1) : "first";
            put(x->t, "static const %s %s[] = {", x->c->dialect->compute_type(KIR_INDEX_TYPE, wide), x->cut[at]);
            for (int t = 0; t <= parts; t++) put(x->t, "%s%lld", t ? ", " : "", (long long)cut[t]);
            line(x->t, "};");
            if (n == 64) continue;
            known[n] = cut;
            known_wide[n] = wide;
            name[n++] = x->cut[at];
        }
    }
}

static void put_step(printing *x, const cg_step *s, int *at)
{
    const cg_kernel *k = s->kernel;
    const bool wide = cg_needs_wide_index(cg_printed(k));
    const char *sep = "";
    if (s->part >= 0) put(x->t, "if (part == %d) ", s->part);
    put(x->t, "%s(", k->name);
    for (int i = 0; i < s->call->arg.n; i++, sep = ", ") put(x->t, "%sjob->%s", sep, x->slot[s->slot[i]]);
    for (int i = 0; i < cg_own_scalars(k); i++, sep = ", ") put(x->t, "%s%sjob->%s", sep, wide ? "" : "(int32_t)", x->number[s->number[i]]);
    for (int r = 0; k->ranged && r < cg_ranges(k); r++, sep = ", ") {
        if (s->part >= 0) put(x->t, "%s0, %lld", sep, (long long)cg_range_trips(k, r));
        else put(x->t, "%s%s[part], %s[part + 1]", sep, x->cut[*at], x->cut[*at]);
        *at += s->part < 0;
    }
    line(x->t, ");");
}

static void put_part(printing *x)
{
    int at = 0;
    line(x->t, "static void %s(void *env, int part)\n{", x->part);
    x->t->indent++;
    put_cuts(x);
    line(x->t, "const %s *const job = (const %s *)env;", x->job, x->job);
    for (int i = 0; i < x->f->step.n; i++) put_step(x, &x->f->step.at[i], &at);
    close_brace(x->t);
    end_line(x->t);
}

static void put_all(printing *x)
{
    const char *sep = "";
    put(x->t, "static void %s(const %s_ctx *ctx", x->f->name, x->p->name);
    for (int i = 0; i < x->f->slot.n; i++) put(x->t, ", %s%s", type_of(x, &x->f->slot.at[i]), x->slot[i]);
    for (int i = 0; i < x->f->number.n; i++) put(x->t, ", int64_t %s", x->number[i]);
    line(x->t, ")\n{");
    x->t->indent++;
    put(x->t, "%s nf_job = {", x->job);
    for (int i = 0; i < x->f->slot.n; i++, sep = ", ") put(x->t, "%s%s", sep, x->slot[i]);
    for (int i = 0; i < x->f->number.n; i++, sep = ", ") put(x->t, "%s%s", sep, x->number[i]);
    line(x->t, "};");
    line(x->t, "nf_do_parts(ctx, %s, &nf_job, %d);", x->part, x->f->parts);
    close_brace(x->t);
    end_line(x->t);
}

void cg_print_fork(cg_program *p, cg_module *c, const cg_fork *f)
{
    printing x = {.p = p, .c = c, .t = c->kernels, .f = f};
    nfc_map taken;
    int ranges = 0;
    map_init(&taken, p->arena);
    map_set(&taken, "ctx", p);
    x.slot = ARENA_ARRAY(p->arena, const char *, f->slot.n + 1);
    x.number = ARENA_ARRAY(p->arena, const char *, f->number.n + 1);
    for (int i = 0; i < f->slot.n; i++) x.slot[i] = name_unique(p->arena, &taken, f->slot.at[i].param->name);
    for (int i = 0; i < f->number.n; i++) x.number[i] = name_unique(p->arena, &taken, name_identifier(p->arena, f->number.at[i]->name));
    for (int i = 0; i < f->step.n; i++) ranges += cg_ranges(f->step.at[i].kernel);
    x.cut = ARENA_ARRAY(p->arena, const char *, ranges + 1);
    x.job = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_job", f->name));
    x.part = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_part", f->name));
    put_comment(&x);
    put_job(&x);
    put_part(&x);
    put_all(&x);
}
