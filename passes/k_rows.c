/* The rows of a tile: what differs among them, the loops over them, and the statements that wait for these. */
#include "passes/k_rows.h"

/* ---- what differs from row to row ---------------------------------------------------------- */

typedef struct {
    k_tile *t;
    bool found;
} difference;

static void sym_differs(void *env, const ir_sym *sym)
{
    difference *d = env;
    d->found |= map_getp(&d->t->differs, sym) != NULL;
}

static void expr_differs(void *env, const kir_expr *e)
{
    difference *d = env;
    if (e->index) sx_visit(e->index, sym_differs, d);
    if (e->var) d->found |= map_getp(&d->t->differs, e->var) != NULL;
    if (e->buffer) d->found |= map_getp(&d->t->differs, e->buffer) != NULL;
}

bool k_index_differs(k_tile *t, const ir_sx *x)
{
    difference d = {t, false};
    if (x) sx_visit(x, sym_differs, &d);
    return d.found;
}

bool k_value_differs(k_tile *t, const kir_expr *e)
{
    difference d = {t, false};
    kir_stmt only = {.kind = KIR_NOTE, .value = e};
    k_visit_exprs(t->r.b->scratch, &only, expr_differs, &d);
    return d.found;
}

/* ---- the loops over a tile's rows ---------------------------------------------------------- */

/* The axis reads as an element of the tile. */
void k_map_axis(k_tile *t, int axis, const ir_sx *row)
{
    k_tile_axis *x = &t->at[axis];
    sx_table *s = t->r.b->sx;
    x->row = row;
    const ir_sx *at = sx_add(s, x->base, sx_mul(s, row, sx_int(s, x->segment->lanes)));
    if (x->segment->lanes > 1) at = sx_add(s, at, t->lane);
    k_map(&t->r, t->nest->axis[axis].loop->var->sym, at);
}

/* The axes with rows: the one with the lanes comes last, so that a row's vectors lie side by side. */
static int axes_with_rows(const k_tile *t, int axis[K_MAX_AXES])
{
    int n = 0;
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < t->nest->n; i++)
            if (k_has_rows(t, i) && (t->at[i].segment->lanes > 1) == last) axis[n++] = i;
    return n;
}

static const ir_sx *row_copy(k_tile *t)
{
    int axis[K_MAX_AXES], n = axes_with_rows(t, axis);
    sx_table *s = t->r.b->sx;
    const ir_sx *flat = sx_int(s, 0);
    for (int i = 0; i < n; i++) flat = sx_add(s, sx_mul(s, flat, sx_int(s, t->at[axis[i]].segment->rows)), t->at[axis[i]].row);
    return flat;
}

static int open_rows(k_tile *t)
{
    static const char *const names[] = {"i", "j", "k", "l"};
    int open = 0, axis[K_MAX_AXES], n = axes_with_rows(t, axis);
    for (int i = 0; i < n; i++) {
        const k_tile_axis *x = &t->at[axis[i]];
        const ir_sx *lo = sx_int(t->r.b->sx, x->lo), *hi = sx_int(t->r.b->sx, x->hi);
        bool once = x->hi - x->lo == 1;
        k_map_axis(t, axis[i], once ? lo : kir_for(t->r.b, KIR_UNROLL, names[i < 3 ? i : 3], lo, hi));
        open += !once;
    }
    t->r.copy = row_copy(t);
    return open;
}

/* Any of the rows at hand, for what is decided about all of them. */
void k_map_any_row(k_tile *t, int axis)
{
    k_tile_axis *x = &t->at[axis];
    bool once = x->hi - x->lo == 1;
    k_map_axis(t, axis, once ? sx_int(t->r.b->sx, x->lo) : sx_sym(t->r.b->sx, sx_new_sym(t->r.b->sx, "row", x->lo, x->hi - 1, NO_SPAN)));
}

void k_map_any_rows(k_tile *t)
{
    for (int i = 0; i < t->nest->n; i++)
        if (k_has_rows(t, i)) k_map_any_row(t, i);
}

/* ---- statements that wait for the loops over the rows -------------------------------------- */

typedef struct {
    k_tile *t;
    nfc_map *given; /* what has been named in this group */
} needs;

static void give(needs *n, const void *key);

static void need_sym(void *env, const ir_sym *sym) { give(env, sym); }

static void need_expr(void *env, const kir_expr *e)
{
    if (e->index) sx_visit(e->index, need_sym, env);
    if (e->var) give(env, e->var);
}

static void find_change(void *env, const kir_expr *e)
{
    if (e->kind == KIR_LOAD && (e->buffer->space == KIR_LOCAL || e->buffer->written)) *(bool *)env = true;
}

/* May a value be another one later? */
bool k_may_change(k_tile *t, const kir_stmt *let)
{
    bool found = false;
    k_visit_exprs(t->r.b->scratch, let, find_change, &found);
    return found;
}

/* A named value, and what it is made of, for the group at hand. */
static void give(needs *n, const void *key)
{
    const kir_stmt *let = map_getp(&n->t->differs, key);
    if (!let || let->kind != KIR_LET || map_setp(n->given, key, n)) return;
    if (k_may_change(n->t, let)) n->t->broken = "a value named outside of a loop may have changed";
    k_visit_exprs(n->t->r.b->scratch, let, need_expr, n);
    k_stmt(&n->t->r, let);
}

static void need_stmt(needs *n, const kir_stmt *s)
{
    const ir_sx *index[] = {s->begin, s->end, s->index, s->from_index, s->count};
    for (int i = 0; i < 5; i++)
        if (index[i]) sx_visit(index[i], need_sym, n);
    kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
    k_visit_exprs(n->t->r.b->scratch, &own, need_expr, n);
    if (s->kind == KIR_LET) map_setp(n->given, s->var->sym ? (const void *)s->var->sym : s->var, n);
    for (int i = 0; i < s->body.n; i++) need_stmt(n, s->body.at[i]);
}

/* A name stands for one row's value, within the loops that it was given in. */
static void forget_names(k_tile *t, const nfc_map *given)
{
    for (int i = 0; i < given->n; i++) {
        map_setp(&t->r.sym, given->entry[i].key, NULL);
        map_setp(&t->r.var, given->entry[i].key, NULL);
    }
    map_init(&t->r.memo, t->r.b->scratch);
}

void k_flush(k_tile *t)
{
    if (!t->pending.n) return;
    nfc_map given;
    map_init(&given, t->r.b->scratch);
    int open = open_rows(t);
    for (int i = 0; i < t->pending.n; i++) {
        need_stmt(&(needs){t, &given}, t->pending.at[i]);
        k_stmt(&t->r, t->pending.at[i]);
    }
    while (open--) kir_close(t->r.b);
    t->pending.n = 0;
    forget_names(t, &given);
    k_map_any_rows(t);
}

void k_wait(k_tile *t, const kir_stmt *s) { vec_push(t->r.b->scratch, &t->pending, s); }
