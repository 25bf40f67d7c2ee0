/* Symbolic integers as text. */
#include <string.h>
#include "ir/sx.h"

typedef struct {
    nfc_arena *arena;
    sx_namer *name;
    void *env;
} writer;

static const char *text_of(const writer *w, const ir_sx *a);

/* Texts in an order that does not depend on how the expression came about. */
static void sort_texts(const char **text, int n)
{
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && strcmp(text[k - 1], text[k]) > 0; k--) {
            const char *t = text[k];
            text[k] = text[k - 1];
            text[k - 1] = t;
        }
}

/* |n|, of the smallest integer too. */
static unsigned long long magnitude(int64_t n) { return n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n; }

static const char *product_text(const writer *w, const sx_term *m)
{
    const char **factor = ARENA_ARRAY(w->arena, const char *, m->n);
    for (int k = 0; k < m->n; k++) {
        bool brackets = m->factor[k]->kind != SX_SYM;
        factor[k] = arena_printf(w->arena, brackets ? "(%s)" : "%s", text_of(w, m->factor[k]));
    }
    sort_texts(factor, m->n);
    const char *text = factor[0];
    for (int k = 1; k < m->n; k++) text = arena_printf(w->arena, "%s*%s", text, factor[k]);
    return text;
}

static const char *text_of(const writer *w, const ir_sx *a)
{
    switch (a->kind) {
    case SX_SYM: return a->sym->is ? text_of(w, a->sym->is) : w->name(w->env, a->sym);
    case SX_DIV:
    case SX_MOD: {
        bool simple = a->a->kind == SX_SYM;
        return arena_printf(w->arena, "%s%s%s %c %lld", simple ? "" : "(", text_of(w, a->a), simple ? "" : ")", a->kind == SX_DIV ? '/' : '%', (long long)a->constant);
    }
    case SX_SUM: break;
    }
    if (a->nterm == 0) return arena_printf(w->arena, "%lld", (long long)a->constant);
    const char **product = ARENA_ARRAY(w->arena, const char *, a->nterm);
    int64_t *coef = ARENA_ARRAY(w->arena, int64_t, a->nterm);
    for (int i = 0; i < a->nterm; i++) { /* inserted in order; what stands first is positive if any is */
        const char *p = product_text(w, &a->term[i]);
        int64_t c = a->term[i].coef;
        int k = i;
        for (; k > 0 && ((c > 0 && coef[k - 1] < 0) || ((c > 0) == (coef[k - 1] > 0) && strcmp(product[k - 1], p) > 0)); k--) {
            product[k] = product[k - 1];
            coef[k] = coef[k - 1];
        }
        product[k] = p;
        coef[k] = c;
    }
    const char *text = "";
    for (int i = 0; i < a->nterm; i++) {
        const char *join = i == 0 ? (coef[i] < 0 ? "-" : "") : coef[i] < 0 ? " - " : " + ";
        if (magnitude(coef[i]) == 1) text = arena_printf(w->arena, "%s%s%s", text, join, product[i]);
        else text = arena_printf(w->arena, "%s%s%llu*%s", text, join, magnitude(coef[i]), product[i]);
    }
    if (a->constant) text = arena_printf(w->arena, "%s %c %llu", text, a->constant < 0 ? '-' : '+', magnitude(a->constant));
    return text;
}

const char *sx_text_named(nfc_arena *arena, const ir_sx *a, sx_namer *name, void *env)
{
    writer w = {arena, name, env};
    return text_of(&w, a);
}

static const char *own_name(void *env, const ir_sym *sym)
{
    (void)env;
    return sym->name;
}

const char *sx_text(nfc_arena *arena, const ir_sx *a) { return sx_text_named(arena, a, own_name, NULL); }
