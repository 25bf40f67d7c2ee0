/* Result dims: free dims that stand in outputs and nowhere else. What they are, the run's values say. */
#include "frontend/lower.h"

static bool in_expr(const ast_expr *e, const char *name)
{
    for (; e; e = e->next) {
        bool here = e->kind == AST_NAME && e->name.text == name;
        if (here || in_expr(e->a, name) || in_expr(e->b, name) || in_expr(e->item, name)) return true;
    }
    return false;
}

static bool in_decls(const ast_decl *d, const char *name)
{
    for (; d; d = d->next)
        if (in_expr(d->type.dim, name)) return true;
    return false;
}

static bool in_args(const ast_arg *a, const char *name)
{
    for (; a; a = a->next)
        if (in_expr(a->value, name)) return true;
    return false;
}

static bool in_blocks(const ast_block *b, const char *name);

static bool in_stmts(const ast_stmt *st, const char *name)
{
    for (; st; st = st->next) {
        if (in_args(st->arg, name) || in_expr(st->value, name) || in_expr(st->lower, name) || in_expr(st->upper, name)) return true;
        for (int k = 0; k < st->ntarget; k++)
            if (in_expr(st->target[k].arg, name)) return true;
        if (in_stmts(st->body, name) || in_blocks(st->block, name)) return true;
    }
    return false;
}

static bool in_blocks(const ast_block *b, const char *name)
{
    for (; b; b = b->next)
        if (in_decls(b->param, name) || in_stmts(b->stmt, name)) return true;
    return false;
}

static bool is_result(const lower *l, const char *name)
{
    bool returned = false;
    if (in_decls(l->ast->state, name)) return false;
    for (const ast_graph *g = l->ast->graph; g; g = g->next) {
        if (in_decls(g->input, name) || in_decls(g->state, name) || in_blocks(g->block, name)) return false;
        returned |= in_decls(g->output, name);
    }
    return returned;
}

void lower_result_dims(lower *l)
{
    for (int i = 0; i < l->m->dim.n; i++) {
        ir_sym *sym = l->m->dim.at[i].sym;
        if (sym->is || !is_result(l, sym->name)) continue;
        sym->is_result = true;
        sym->lo = 0;
    }
}

typedef struct {
    lower *l;
    const ir_port *port;
} place;

static void check_dim(void *env, const ir_sym *sym)
{
    place *p = env;
    if (!sym->is_result || ir_has_result(p->l->g, sym)) return;
    nfc_diag *d = diag_error(&p->l->s->diags, E_DIM, p->port->at, "nothing says what '%s' is: no output has an extent that is just '%s'", sym->name, sym->name);
    diag_note(d, sym->at, "declared here");
    p->l->blamed = true;
}

void lower_result_check(lower *l)
{
    l->blamed = false;
    for (int o = 0; o < l->g->output.n && !l->blamed; o++) {
        place p = {l, &l->g->output.at[o]};
        for (int k = 0; k < p.port->type->rank && !l->blamed; k++) sx_visit(p.port->type->dim[k], check_dim, &p);
    }
}

static bool fits(lower *l, const ir_inst *leave, int o)
{
    const ir_type *t = leave->in[o]->type, *declared = l->g->output.at[o].type;
    if (t->dtype != declared->dtype || t->rank != declared->rank) return false;
    for (int k = 0; k < t->rank; k++) {
        ir_output_axis a;
        if (ir_output_fits(l->m, leave, o, k, &a) == IR_NEVER_FITS) return false;
    }
    return true;
}

void lower_outputs_check(lower *l, const ir_inst *leave, const nfc_span *at)
{
    for (int o = 0; o < l->g->output.n; o++)
        if (!ir_is_tensor(leave->in[o]) || l->g->output.at[o].type->kind != IR_TENSOR) return; /* reported; others may depend on it */
    for (int o = 0; o < l->g->output.n && !l->blamed; o++) {
        const ir_port *port = &l->g->output.at[o];
        const ir_value *v = leave->in[o];
        if (fits(l, leave, o)) continue;
        nfc_diag *d = lower_error(l, E_OUTPUT, at[o], "output '%s' is declared as %s, but this is %s", port->name, ir_type_text(l->s->arena, port->type), ir_type_text(l->s->arena, v->type));
        diag_note(d, port->at, "declared here");
        if (v->at.line != at[o].line) diag_note(d, v->at, "the value is made here");
    }
}
