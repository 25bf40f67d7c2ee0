/* Inputs and outputs of a run: what they say of the dims of the module, and whether they agree. */
#include "ir/sim_machine.h"

bool sim_bind_dims(sim *s, sim_tensor *const *in)
{
    nfc_diags *d = &s->m->session->diags;
    for (int i = 0; i < s->m->dim.n; i++) s->sym_known[s->m->dim.at[i].sym->id] = false;
    for (int i = 0; i < s->graph->input.n; i++) {
        const ir_port *p = &s->graph->input.at[i];
        if (in[i]->dtype != p->type->dtype || in[i]->rank != p->type->rank) {
            diag_error(d, E_RUN_INPUT, p->at, "input '%s' is %s, but what it is given has rank %d of %s", p->name, ir_type_text(s->m->arena, p->type), in[i]->rank, dtype_name(in[i]->dtype));
            return false;
        }
        for (int k = 0; k < p->type->rank; k++) {
            const ir_sym *sym = sx_only_sym(p->type->dim[k]);
            if (!sym || s->sym_known[sym->id]) continue;
            s->sym[sym->id] = in[i]->dim[k];
            s->sym_known[sym->id] = true;
            if (in[i]->dim[k] < sym->lo || in[i]->dim[k] > sym->hi) {
                diag_error(d, E_RUN_INPUT, p->at, "input '%s' gives dim '%s' the value %lld, which is not from %lld to %lld", p->name, sym->name, (long long)in[i]->dim[k], (long long)sym->lo, (long long)sym->hi);
                return false;
            }
        }
    }
    for (int i = 0; i < s->m->dim.n; i++) { /* a dim that no input has takes its bound */
        const ir_sym *sym = s->m->dim.at[i].sym;
        if (sym->is_result) continue; /* the return says it */
        if (!s->sym_known[sym->id]) s->sym[sym->id] = sym->hi;
        s->sym_known[sym->id] = true;
    }
    return true;
}

bool sim_check_input(sim *s, const ir_port *p, const sim_tensor *t)
{
    nfc_diags *d = &s->m->session->diags;
    for (int k = 0; k < t->rank; k++)
        if (t->dim[k] != sim_sx_value(s, p->type->dim[k])) {
            diag_error(d, E_RUN_INPUT, p->at, "input '%s' has extent %lld on axis %d, where %s is %lld", p->name, (long long)t->dim[k], k, sx_text(s->m->arena, p->type->dim[k]), (long long)sim_sx_value(s, p->type->dim[k]));
            return false;
        }
    if (!p->bound.has_min && !p->bound.has_max) return true;
    for (int64_t i = 0; i < t->n; i++) {
        double v = sim_get(t, i);
        bool under = p->bound.has_min && !(v >= p->bound.min), over = p->bound.has_max && !(v <= p->bound.max);
        if (!under && !over) continue; /* NaN is both */
        diag_error(d, E_RUN_INPUT, p->bound.at, "input '%s' has the element %.10g, but its %s is %.10g", p->name, v, over ? "max" : "min", over ? p->bound.max : p->bound.min);
        return false;
    }
    return true;
}

static bool bad_output(sim *s, const ir_inst *leave, const ir_port *p, int axis, int64_t x, const char *want)
{
    return sim_fail_at(s, leave->at, E_RUN_SIZE, arena_printf(s->m->arena, "output '%s' has extent %lld on axis %d, which is not %s", p->name, (long long)x, axis, want));
}

/* An axis that is a result dim alone says what the dim is. */
static bool take_results(sim *s, const ir_inst *leave, const ir_port *p, const sim_tensor *t)
{
    for (int k = 0; k < t->rank; k++) {
        const ir_sym *sym = sx_only_sym(p->type->dim[k]);
        if (!sym || !sym->is_result || s->sym_known[sym->id]) continue;
        if (t->dim[k] < sym->lo || t->dim[k] > sym->hi) return bad_output(s, leave, p, k, t->dim[k], arena_printf(s->m->arena, "from %lld to %lld", (long long)sym->lo, (long long)sym->hi));
        s->sym[sym->id] = t->dim[k];
        s->sym_known[sym->id] = true;
    }
    return true;
}

bool sim_check_outputs(sim *s, const ir_inst *leave)
{
    for (int i = 0; i < s->graph->output.n; i++)
        if (!take_results(s, leave, &s->graph->output.at[i], s->value[leave->in[i]->id])) return false;
    for (int i = 0; i < s->graph->output.n; i++) {
        const ir_port *p = &s->graph->output.at[i];
        const sim_tensor *t = s->value[leave->in[i]->id];
        for (int k = 0; k < t->rank; k++) {
            int64_t want = sim_sx_value(s, p->type->dim[k]);
            if (t->dim[k] != want) return bad_output(s, leave, p, k, t->dim[k], arena_printf(s->m->arena, "%lld, as it is declared", (long long)want));
        }
    }
    return true;
}
