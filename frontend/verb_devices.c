/* nfc devices: the devices that can be compiled for, one of them, this machine's, or the keys. */
#include <string.h>
#include "devices/device.h"
#include "frontend/cli.h"

static const char *join(nfc_session *s, const device_words *words)
{
    const char *all = "";
    for (int i = 0; i < words->n; i++)
        all = session_printf(s, "%s%s%s", all, i ? " " : "", words->at[i]);
    return all;
}

/* 64 KiB, or 1000 B: exact in either case. */
static const char *bytes_text(nfc_session *s, int64_t n)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int i = 0;
    for (; i < 4 && n >= 1024 && n % 1024 == 0; i++) n /= 1024;
    return session_printf(s, "%lld %s", (long long)n, unit[i]);
}

static const char *limit_text(nfc_session *s, int64_t n)
{
    return n ? bytes_text(s, n) : "unlimited";
}

/* ---- all ----------------------------------------------------------------------------------- */

static const char *units_text(nfc_session *s, const device *d)
{
    const char *all = "";
    for (int i = 0; i < d->unit.n; i++) {
        const device_unit *u = &d->unit.at[i];
        all = session_printf(s, "%s%s%lld x %s", all, i ? " + " : "", (long long)u->cores, u->name);
    }
    return all;
}

static void list(cli *c)
{
    enum { NAME, BACKEND, UNITS, WIDTHS };
    const char *const *names = device_names(c->s);
    VEC(const char *) cell = {0}; /* four in a row */
    const char *const head[] = {"name", "backend", "units", "description"};
    for (int i = 0; i < 4; i++) vec_push(c->s->arena, &cell, head[i]);
    for (; *names; names++) {
        const device *d = device_load(c->s, *names);
        if (!d) continue;
        const char *const row[] = {*names, d->backend, units_text(c->s, d), d->description};
        for (int i = 0; i < 4; i++) vec_push(c->s->arena, &cell, row[i]);
    }
    int width[WIDTHS] = {0};
    for (int i = 0; i < cell.n; i++)
        if (i % 4 < WIDTHS && width[i % 4] < (int)strlen(cell.at[i]))
            width[i % 4] = (int)strlen(cell.at[i]);
    for (int i = 0; i < cell.n; i += 4) {
        for (int k = 0; k < WIDTHS; k++) printf("%-*s  ", width[k], cell.at[i + k]);
        printf("%s\n", cell.at[i + 3]);
    }
}

/* ---- one ----------------------------------------------------------------------------------- */

static void show_field(const char *name, const char *text)
{
    if (*text) printf("  %-14s%s\n", name, text);
}

static void show_level(nfc_session *s, const device_level *l)
{
    printf("    %-12s", l->name);
    if (l->bytes) printf("%s, ", bytes_text(s, l->bytes));
    if (l->cores == 1)
        fputs("of one core", stdout);
    else
        printf("shared by %lld cores", (long long)l->cores);
    if (l->gb_per_s > 0) printf(", %g GB/s to a core", l->gb_per_s);
    putchar('\n');
}

static void show_unit(nfc_session *s, const device *d, const device_unit *u)
{
    double core = u->clock_mhz * u->flops_per_cycle / 1000;
    printf("  %-14s%s, %lld core%s of %g MHz%s\n", "unit", u->name, (long long)u->cores,
           u->cores == 1 ? "" : "s", u->clock_mhz, u == d->chosen ? "; runs the program" : "");
    printf("    %-12s%s\n", "kind", u->kind);
    printf("    %-12s%g f32 operations a cycle: %g GFLOP/s a core, %g together\n", "peak",
           u->flops_per_cycle, core, core * (double)u->cores);
    if (u->vector_bits)
        printf("    %-12s%lld registers of %lld bits\n", "vectors", (long long)u->vector_registers,
               (long long)u->vector_bits);
    for (int i = 0; i < u->level.n; i++) show_level(s, &u->level.at[i]);
    if (*u->source) printf("    %-12s%s\n", "source", u->source);
    if (u->flags.n) printf("    %-12s%s\n", "flags", join(s, &u->flags));
}

static void show_target(nfc_session *s, const device *d)
{
    const char *types = "";
    for (int t = 0; t < DT_COUNT; t++)
        if (d->types >> t & 1)
            types = session_printf(s, "%s%s%s", types, *types ? " " : "", dtype_name((nfc_dtype)t));
    show_field("target",
               session_printf(s, "%d-bit pointers, %s-endian, arena aligned to %s", d->pointer_bits,
                              d->big_endian ? "big" : "little", bytes_text(s, d->alignment)));
    show_field("library", d->libc ? "C library: programs, libraries, sources"
                                  : "none: libraries and sources only");
    show_field("square root", d->libm ? "the machine's" : "in software");
    show_field("types", types);
}

static void show(nfc_session *s, const device *d)
{
    printf("%s: %s\n", d->name, d->description);
    show_field("base", d->base ? d->base : "");
    show_field("backend", d->backend);
    show_field("compiler", session_printf(s, "%s -std=%s %s", d->compiler.command,
                                          d->compiler.standard, join(s, &d->compiler.flags)));
    show_field("archiver", d->compiler.archiver);
    show_field("linked with", join(s, &d->compiler.link));
    show_field("run by", join(s, &d->compiler.run));
    show_target(s, d);
    for (int i = 0; i < d->unit.n; i++) show_unit(s, d, &d->unit.at[i]);
    show_field("limits",
               session_printf(s, "arena %s, weights %s, stack %s", limit_text(s, d->arena_limit),
                              limit_text(s, d->weights_limit), limit_text(s, d->stack_limit)));
    const char *kept = device_weights_name(s, d->weights);
    if (d->weights == WEIGHTS_AUTO)
        kept = session_printf(s, "auto, arrays up to %s", bytes_text(s, d->array_limit));
    show_field("weights", session_printf(s, "%s, f32 ones of contractions in %s", kept,
                                         dtype_name(d->precision)));
    if (d->threads > 1)
        show_field("threads", session_printf(s, "%lld, which take %g us to begin and end together",
                                             (long long)d->threads, d->chosen->fork_us));
    show_field("roundings", d->fast_math ? "may change (fast_math)" : "exact");
}

int verb_devices(cli *c)
{
    if (c->operand.n + c->probe + c->schema > 1) {
        diag_error_in(&c->s->diags, E_USAGE, "devices",
                      "one device, --probe or --schema: not more than one of them");
    } else if (c->json && !c->operand.n) {
        diag_error_in(&c->s->diags, E_USAGE, "--json", "a device stands with it");
    } else if (c->json) {
        device_print(c->s, c->operand.at[0], stdout);
    } else if (c->probe) {
        device_probe(c->s, stdout);
    } else if (c->schema) {
        device_print_schema(c->s, stdout);
    } else if (c->operand.n) {
        const device *d = device_load(c->s, c->operand.at[0]);
        if (d) show(c->s, d);
    } else {
        list(c);
    }
    return cli_finish(c);
}
