/* n = require(x, min=a, max=b): an integer of the run that lies between two numbers from there on. */
#include <string.h>
#include "frontend/lower.h"

/* Reads an argument that is known at compile time; false after a report. */
static bool read_bound(lower *l, const ast_stmt *st, const char *name, int64_t *bound)
{
    const ast_expr *given = NULL;
    for (const ast_arg *a = st->arg; a; a = a->next) {
        if (strcmp(a->name.text, name) != 0) continue;
        if (given) return lower_error(l, E_DUPLICATE, a->name.at, "'%s' is given twice", name), false;
        given = a->value;
    }
    if (!given) return diag_help(lower_error(l, E_ARGUMENT, st->at, "'%s' is missing", name), "write n = require(x, min=..., max=...)"), false;
    const ir_sx *x = lower_sx(l, given, SX_STATIC);
    if (x) *bound = sx_value(x);
    return x;
}

static bool known_arguments(lower *l, const ast_stmt *st)
{
    static const char *const names[] = {"min", "max", NULL};
    for (const ast_arg *a = st->arg; a; a = a->next)
        if (strcmp(a->name.text, "min") != 0 && strcmp(a->name.text, "max") != 0) {
            diag_choices(lower_error(l, E_ARGUMENT, a->name.at, "require has no argument '%s'", a->name.text), a->name.text, names, "it has");
            return false;
        }
    return true;
}

/* A name of the code around the block would be carried or hidden, which an index cannot be. */
static bool hides_outer(lower *l, ast_name name)
{
    const binding *b = lower_find(l, name.text);
    if (!b || b->kind != BIND_VALUE || map_get(&l->env->names, name.text) || l->block == l->g->body->first) return false;
    nfc_diag *d = lower_error(l, E_SHADOW, name.at, "'%s' is an index here, but has another value outside of the block", name.text);
    diag_note(d, b->at, "the other one");
    diag_help(d, "choose another name");
    return true;
}

/* What is known of x narrows the bounds; false after a report. */
static bool read_require(lower *l, const ast_stmt *st, const ir_sx **x, int64_t *min, int64_t *max)
{
    *x = lower_sx(l, st->value, SX_DIMS | SX_SCALARS | SX_UNBOUNDED);
    if (!known_arguments(l, st) || !read_bound(l, st, "min", min) || !read_bound(l, st, "max", max) || !*x) return false;
    if (*min > *max) return lower_error(l, E_SIZE, st->at, "min is %lld, over max, which is %lld", (long long)*min, (long long)*max), false;
    int64_t lo, hi;
    sx_range(*x, &lo, &hi);
    if (hi < *min || lo > *max) return lower_error(l, E_SIZE, st->value->at, "%s is never from %lld to %lld", sx_text(l->s->arena, *x), (long long)*min, (long long)*max), false;
    if (lo > *min) *min = lo;
    if (hi < *max) *max = hi;
    return true;
}

void lower_require(lower *l, const ast_stmt *st)
{
    const ir_sx *x;
    int64_t min = 0, max = 0;
    if (st->nresult != 1) lower_error(l, E_RESULTS, span_join(st->result[0].at, st->result[st->nresult - 1].at), "a requirement has one result");
    if (!read_require(l, st, &x, &min, &max) || st->nresult != 1 || hides_outer(l, st->result[0])) {
        for (int i = 0; i < st->nresult; i++) lower_forget(l, st->result[i]);
        return;
    }
    ir_inst *inst = ir_new(l->m, IR_require, st->at, 0, NULL);
    inst->index[0] = x;
    inst->attr[ATTR_AT(require, min)] = (ir_attr){.kind = IR_ATTR_INT, .at = st->at, .i = min};
    inst->attr[ATTR_AT(require, max)] = (ir_attr){.kind = IR_ATTR_INT, .at = st->at, .i = max};
    ir_value *v = ir_add_result(l->m, inst, ir_index_type(l->m), st->result[0].text, st->result[0].at);
    ir_index_sym(l->m, v, min, max);
    lower_emit(l, inst);
    lower_bind(l, st->result[0], v);
}
