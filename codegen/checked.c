/* Integers of the host that may leave 64 bits on the way: what require() is asked about. */
#include "codegen/helpers.h"
#include "ir/names.h"

static const char *number(cg_module *c, int64_t v)
{
    if (v == INT64_MIN) return "INT64_MIN";
    return arena_printf(c->arena, v > INT32_MAX || v < INT32_MIN ? "INT64_C(%lld)" : "%lld", (long long)v);
}

static const char *call(cg_module *c, const char *helper, const char *a, const char *b, const char *overflow)
{
    cg_use_helper(c, &c_helpers, helper);
    return arena_printf(c->arena, "%s(%s, %s, &%s)", helper, a, b, overflow);
}

/* In the order in which sx_eval_checked() does it, so that both see the same overflows. */
const char *cg_checked_index(cg_module *c, const ir_sx *x, const char *overflow)
{
    if (x->kind == SX_SYM) return x->sym->is ? cg_checked_index(c, x->sym->is, overflow) : name_identifier(c->arena, x->sym->name);
    if (x->a) return cg_call_helper(c, &c_helpers, x->kind == SX_DIV ? "nf_floor_div" : "nf_floor_mod", cg_checked_index(c, x->a, overflow), number(c, x->constant));
    const char *sum = x->constant || !x->nterm ? number(c, x->constant) : NULL;
    for (int i = 0; i < x->nterm; i++) {
        const sx_term *m = &x->term[i];
        const char *product = m->coef == 1 ? NULL : number(c, m->coef);
        for (int k = 0; k < m->n; k++) {
            const char *factor = cg_checked_index(c, m->factor[k], overflow);
            product = product ? call(c, "nf_mul_checked", product, factor, overflow) : factor;
        }
        sum = sum ? call(c, "nf_add_checked", sum, product, overflow) : product;
    }
    return sum;
}
