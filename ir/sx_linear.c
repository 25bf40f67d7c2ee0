/* Symbolic integers as functions of one symbol. */
#include "ir/sx.h"

typedef struct {
    const ir_sym *sym;
    bool found;
} search;

static void find(void *env, const ir_sym *sym)
{
    search *s = env;
    s->found |= s->sym == sym;
}

bool sx_mentions(const ir_sx *x, const ir_sym *sym)
{
    search s = {sym, false};
    if (x) sx_visit(x, find, &s);
    return s.found;
}

typedef struct {
    const ir_sym *sym;
    const ir_sx *by;
} put;

static const ir_sx *put_in(void *env, const ir_sym *sym)
{
    const put *p = env;
    return sym == p->sym ? p->by : NULL;
}

const ir_sx *sx_put(sx_table *t, const ir_sx *x, const ir_sym *sym, const ir_sx *by) { return sx_replace(t, x, put_in, &(put){sym, by}); }

bool sx_step(sx_table *t, const ir_sx *x, const ir_sym *sym, int64_t *step)
{
    *step = 0;
    if (!sx_mentions(x, sym)) return true;
    const ir_sx *at0 = sx_put(t, x, sym, sx_int(t, 0)), *by = sx_sub(t, sx_put(t, x, sym, sx_int(t, 1)), at0);
    if (!sx_is_const(by) || sx_add(t, at0, sx_mul(t, by, sx_sym(t, sym))) != x) return false;
    *step = sx_value(by);
    return true;
}
