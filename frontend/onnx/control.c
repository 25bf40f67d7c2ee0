/* If, Loop and Scan: jumps and loops of the IR, whatever their bodies are. */
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- bodies --------------------------------------------------------------------------------- */

static const onnx_graph *body_of(im_node *n, const char *name)
{
    const onnx_attribute *a = im_attr(n, name);
    if (!a || !a->g) im_fail(n, E_ATTR_MISSING, -1, "the graph '%s' is missing", name);
    return a ? a->g : NULL;
}

/* The results of a subgraph that was imported; NULL after a report. */
static im_value **results_of(importer *o, const onnx_graph *g)
{
    im_value **v = ARENA_ARRAY(o->s->arena, im_value *, g->n_output + 1);
    for (size_t i = 0; i < g->n_output; i++) {
        v[i] = im_lookup(o, g->output[i]->name);
        if (v[i]) continue;
        diag_error(&o->s->diags, E_ONNX_NAME, im_span(o, g->output[i]), "nothing makes the output '%s'", g->output[i]->name);
        return NULL;
    }
    return v;
}

static ir_value *condition(im_node *n, int i)
{
    ir_value *c = im_in(n, i);
    if (ir_is_poison(c)) return c;
    if (c->type->dtype != DT_bool || ir_max_elements(c->type) != 1) {
        im_fail(n, E_CONDITION, i, "'%s' is %s; one bool is wanted", n->in[i]->name, ir_type_text(n->o->s->arena, c->type));
        return im_poison(n->o);
    }
    return mk_reshape(n->k, c, 0, NULL);
}

static const ir_sx *known_scalar(importer *o, const ir_value *v)
{
    const ir_sx *const *known = im_known(o, v);
    return known && known[0] && sx_is_const(known[0]) ? known[0] : NULL;
}

/* ---- If ------------------------------------------------------------------------------------- */

typedef struct branch {
    const onnx_graph *g;
    ir_block *end;       /* where its last instruction stands */
    im_value **value;
} branch;

static bool import_branch(im_node *n, branch *b)
{
    importer *o = n->o;
    if (im_too_deep(o, n->at)) return false;
    if ((int)b->g->n_output != n->nout) return im_fail(n, E_RESULTS, -1, "the branch has %zu results, the node %d", b->g->n_output, n->nout);
    im_scope_push(o, true);
    im_graph_body(o, b->g);
    b->value = results_of(o, b->g);
    im_scope_pop(o);
    o->k.at = n->at;
    b->end = o->k.block;
    return b->value != NULL;
}

static bool inline_branch(im_node *n, branch *b)
{
    if (!import_branch(n, b)) return false;
    for (int i = 0; i < n->nout; i++) {
        im_value *copy = ARENA_NEW(n->o->s->arena, im_value);
        *copy = *b->value[i];
        im_out_value(n, i, copy);
    }
    return true;
}

static bool same_kind(im_node *n, int i, const ir_value *a, const ir_value *b)
{
    if (a->type->dtype == b->type->dtype && a->type->rank == b->type->rank) return true;
    return im_fail(n, E_SHAPE, -1, "'%s' is %s on one branch and %s on the other", n->proto->output[i], ir_type_text(n->o->s->arena, a->type), ir_type_text(n->o->s->arena, b->type));
}

/* Results of both branches as arguments of the block behind them. */
static bool join(im_node *n, branch *b, ir_block *after, int before)
{
    importer *o = n->o;
    VEC(ir_value *) args[2] = {{0}, {0}};
    VEC(im_box) box = {0};
    for (int i = 0; i < n->nout; i++) {
        im_parts part_of[2];
        if (!im_same_parts(n, &b[0].value[i], &b[1].value[i], b[0].end, b[1].end, before, &part_of[0], &part_of[1])) return false;
        for (int p = 0; p < part_of[0].n; p++) {
            ir_value *x = part_of[0].at[p], *y = part_of[1].at[p], *part[2][IR_MAX_RANK + 1];
            if (ir_is_poison(x) || ir_is_poison(y) || !same_kind(n, i, x, y)) return false;
            im_box bx = im_box_of(x->type, before);
            if (!im_box_fits(&bx, y->type)) im_box_widen(&bx, y->type);
            vec_push(o->s->arena, &box, bx);
            for (int k = 0; k < 2; k++) {
                mk_stand(&o->k, b[k].end);
                int m = im_box_put(o, &bx, k ? y : x, part[k]);
                for (int j = 0; j < m; j++) vec_push(o->s->arena, &args[k], part[k][j]);
            }
        }
    }
    for (int k = 0; k < 2; k++) {
        mk_stand(&o->k, b[k].end);
        mk_branch(&o->k, after, args[k].n, args[k].at);
    }
    for (int i = 0; i < args[0].n; i++) ir_block_arg(after, args[0].at[i]->type, NULL, n->at);
    mk_stand(&o->k, after);
    int at = 0, which = 0;
    for (int i = 0; i < n->nout; i++) {
        im_parts got = {0};
        for (int p = 0; p < im_part_count(b[0].value[i]); p++, which++) {
            vec_push(o->s->arena, &got, im_box_get(o, &box.at[which], after->arg.at + at));
            at += im_box_parts(&box.at[which]);
        }
        im_out_value(n, i, im_rebuild(o, b[0].value[i], got.at));
    }
    return true;
}

bool im_if(im_node *n)
{
    importer *o = n->o;
    branch b[2] = {{.g = body_of(n, "then_branch")}, {.g = body_of(n, "else_branch")}};
    ir_value *cond = im_has(n, 0) ? condition(n, 0) : NULL;
    if (!b[0].g || !b[1].g || !cond || ir_is_poison(cond)) return cond ? false : im_fail(n, E_OPERAND_MISSING, -1, "the condition is missing");
    const ir_sx *known = known_scalar(o, cond);
    if (known) return inline_branch(n, &b[sx_is(known, 0)]);
    mk *k = &o->k;
    ir_block *fore = k->block;
    int before = o->m->sx.nsym;
    ir_block *way[2];
    for (int i = 0; i < 2; i++) {
        way[i] = mk_block(k, i ? "else_branch" : "then_branch", 0, NULL);
        mk_stand(k, way[i]);
        bool imported = import_branch(n, &b[i]);
        mk_stand(k, fore);
        if (!imported) return false;
    }
    mk_cond_branch(k, cond, way[0], 0, NULL, way[1], 0, NULL);
    return join(n, b, mk_block(k, "after_if", 0, NULL), before);
}
