/* Measures the functions against the references, and compares the bits of their forms. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/math/check.h"

enum { SAMPLES_32 = 200000, SAMPLES_64 = 100000, INTERPRETED = 1500 };

typedef struct {
    ir_module *m;
    math_table table[8];
    int ntable, passed, failed;
} checker;

static void verdict(checker *c, bool ok, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void verdict(checker *c, bool ok, const char *format, ...)
{
    ok ? c->passed++ : c->failed++;
    va_list args;
    va_start(args, format);
    if (!ok) fputs("FAILED ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

static double call(const math_function *f, bool is_wide, double x, double y)
{
    return is_wide ? f->f64(x, y) : (double)f->f32((float)x, (float)y);
}

/* NaNs are alike whatever their bits. */
static bool same(double a, double b) { return (isnan(a) && isnan(b)) || (a == b && !signbit(a) == !signbit(b)); }

static void measure(checker *c, const math_function *f, bool is_wide, const samples *s)
{
    const reference *r = reference_named(f->name);
    if (!r) {
        verdict(c, false, "%s has no reference", f->name);
        return;
    }
    double worst = 0, at_x = 0, at_y = 0, bound = is_wide ? r->bound64 : r->bound32;
    for (int i = 0; i < s->n; i++) {
        double got = call(f, is_wide, s->x[i], s->y[i]);
        wide want = is_wide ? r->wide((wide)s->x[i], (wide)s->y[i]) : (wide)r->narrow(s->x[i], s->y[i]);
        double error = ulps(got, want, is_wide);
        if (!(error <= worst)) worst = error, at_x = s->x[i], at_y = s->y[i];
    }
    char at[100] = "";
    if (worst > 0) snprintf(at, sizeof at, f->arguments > 1 ? " at (%a, %a)" : " at %a", at_x, at_y);
    verdict(c, worst <= bound, "%-9s f%d  %6.3f ULP of %g%s", f->name, is_wide ? 64 : 32, worst, bound, at);
}

static void compare_compilers(checker *c, int index, bool is_wide, const samples *s)
{
    const math_function *f = &c->table[0].function[index];
    for (int k = 1; k < c->ntable; k++) {
        const math_function *other = &c->table[k].function[index];
        for (int i = 0; i < s->n; i++) {
            double a = call(f, is_wide, s->x[i], s->y[i]), b = call(other, is_wide, s->x[i], s->y[i]);
            if (same(a, b)) continue;
            verdict(c, false, "%s f%d(%a, %a): compiler %d makes %a of it, compiler 1 %a", f->name, is_wide ? 64 : 32, s->x[i], s->y[i], k + 1, b, a);
            return;
        }
    }
    c->passed++;
}

static const kir_func *kernel(ir_module *m, const math_function *f, kir_type t)
{
    kir_builder b;
    kir_begin(&b, m, f->name);
    const ir_sx *one = sx_int(&m->sx, 1), *zero = sx_int(&m->sx, 0);
    kir_buffer *x = kir_param(&b, "x", (nfc_dtype)t, one), *y = kir_param(&b, "y", (nfc_dtype)t, one), *z = kir_param(&b, "z", (nfc_dtype)t, one);
    const kir_expr *value = NULL;
    for (int op = 0; op < KU_COUNT; op++)
        if (f->arguments == 1 && strcmp(kir_un_table[op].text, f->name) == 0) value = kir_unary(&b, (kir_un)op, kir_load(&b, x, zero));
    for (int op = 0; op < KB_COUNT; op++)
        if (f->arguments == 2 && strcmp(kir_bin_table[op].text, f->name) == 0) value = kir_binary(&b, (kir_bin)op, kir_load(&b, x, zero), kir_load(&b, y, zero));
    kir_store(&b, z, zero, value);
    return kir_end(&b);
}

static void compare_interpreter(checker *c, const math_function *f, bool is_wide, const samples *s)
{
    nfc_dtype t = is_wide ? DT_f64 : DT_f32;
    const kir_func *k = kernel(c->m, f, (kir_type)t);
    for (int n = 0; n < INTERPRETED; n++) {
        int i = (int)((int64_t)n * s->n / INTERPRETED);
        double x[1], y[1], z[1], got = call(f, is_wide, s->x[i], s->y[i]);
        dtype_set(t, x, 0, s->x[i]);
        dtype_set(t, y, 0, s->y[i]);
        kir_run(c->m->arena, c->m, k, (void *const[]){x, y, z}, NULL);
        if (same(got, dtype_get(t, z, 0))) continue;
        verdict(c, false, "%s f%d(%a, %a): the interpreter makes %a of it, C %a", f->name, is_wide ? 64 : 32, s->x[i], s->y[i], dtype_get(t, z, 0), got);
        return;
    }
    c->passed++;
}

static bool load(checker *c, const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    const math_table *table = library ? dlsym(library, "table") : NULL;
    if (!table) return fprintf(stderr, "%s\n", dlerror()), false;
    c->table[c->ntable++] = *table;
    return true;
}

int check_all(ir_module *m, int n, char **libraries)
{
    checker c = {.m = m};
    for (int i = 0; i < n && i < 8; i++)
        if (!load(&c, libraries[i])) return 2;
    for (int i = 0; i < c.table[0].n; i++) {
        for (int is_wide = 0; is_wide < 2; is_wide++) {
            const math_function *f = &c.table[0].function[i];
            samples s = samples_of(f->name, is_wide, is_wide ? SAMPLES_64 : SAMPLES_32);
            measure(&c, f, is_wide, &s);
            compare_compilers(&c, i, is_wide, &s);
            if (m) compare_interpreter(&c, f, is_wide, &s);
            free(s.x);
            free(s.y);
        }
    }
    printf("tests/math: %d passed, %d failed\n", c.passed, c.failed);
    return c.failed > 0;
}
