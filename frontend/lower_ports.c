/* Inputs and outputs: types, and the bounds that are checked on every run. */
#include <math.h>
#include <string.h>
#include "frontend/lower.h"

static bool bound_value(lower *l, const ast_expr *e, const ir_port *p, double *value)
{
    nfc_dtype t = p->type->dtype;
    if (e->kind == AST_FLOAT) {
        *value = e->number;
    } else if (e->kind == AST_STRING || e->kind == AST_BOOL || e->kind == AST_WEIGHT) {
        return lower_error(l, E_HINT, e->at, "a bound is a number"), false;
    } else {
        const ir_sx *x = lower_sx(l, e, SX_STATIC);
        if (!x) return false;
        *value = (double)sx_value(x);
    }
    if (p->type->kind != IR_TENSOR) return false;
    bool fits = !isnan(*value);
    if (!dtype_is_float(t)) fits = fits && *value == floor(*value) && *value >= (double)dtype_min(t) && *value <= (double)dtype_max(t);
    if (!fits) lower_error(l, E_HINT, e->at, "the bound is no value of %s", dtype_name(t));
    return fits;
}

static void read_bounds(lower *l, const ast_arg *with, ir_port *p)
{
    static const char *const keys[] = {"min", "max", NULL};
    ir_bound *bound = &p->bound;
    for (const ast_arg *w = with; w; w = w->next) {
        bool is_min = strcmp(w->name.text, "min") == 0, is_max = strcmp(w->name.text, "max") == 0;
        double v;
        for (const ast_arg *o = with; o != w; o = o->next)
            if (o->name.text == w->name.text) diag_note(lower_error(l, E_DUPLICATE, w->name.at, "'%s' is given twice", w->name.text), o->name.at, "first here");
        if (!is_min && !is_max) {
            diag_choices(lower_error(l, E_HINT, w->name.at, "an input has no '%s'", w->name.text), w->name.text, keys, "it has");
            continue;
        }
        if (!bound_value(l, w->value, p, &v)) continue;
        bound->at = w->name.at;
        if (is_min) bound->has_min = true, bound->min = v;
        if (is_max) bound->has_max = true, bound->max = v;
    }
    if (bound->has_min && bound->has_max && bound->min > bound->max) lower_error(l, E_HINT, bound->at, "min is larger than max");
}

void lower_ports(lower *l)
{
    nfc_map seen;
    map_init(&seen, l->s->arena);
    for (int out = 0; out < 2; out++) {
        for (const ast_decl *a = out ? l->ag->output : l->ag->input; a; a = a->next) {
            ir_port p = {.name = a->name.text, .at = a->name.at};
            lower_type(l, &a->type, &p.type);
            ast_decl *other = map_set(&seen, session_printf(l->s, "%d%s", out, p.name), (void *)(uintptr_t)a);
            if (other) diag_note(lower_error(l, E_DUPLICATE, p.at, "%s '%s' is declared twice", out ? "output" : "input", p.name), other->name.at, "first here");
            if (out && a->with) diag_help(lower_error(l, E_HINT, a->with->name.at, "an output has no '%s'", a->with->name.text), "inputs have min and max, which are checked on every run");
            else if (a->with) read_bounds(l, a->with, &p);
            if (out) vec_push(l->m->arena, &l->g->output, p);
            else vec_push(l->m->arena, &l->g->input, p);
        }
    }
}
