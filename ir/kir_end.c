/* The end of a kernel: shared subexpressions get names, and the signature is found out. */
#include <stdlib.h>
#include <string.h>
#include "ir/kir.h"
#include "ir/names.h"

/* ---- naming what is shared ----------------------------------------------------------------- */

typedef struct {
    const kir_expr *expr, *now; /* before and after the renaming */
    int uses;
} shared_node;

typedef struct {
    kir_builder *b;
    VEC(shared_node) node;
    nfc_map index;              /* expr -> position in node + 1 */
    kir_stmt *into;             /* takes the LETs */
} sharing;

/* Reached children first, without recursion into what was seen. */
static void reach(sharing *s, const kir_expr *e)
{
    intptr_t at = (intptr_t)map_getp(&s->index, e);
    if (at) {
        s->node.at[at - 1].uses++;
        return;
    }
    if (e->a) reach(s, e->a);
    if (e->b) reach(s, e->b);
    if (e->c) reach(s, e->c);
    vec_push(s->b->arena, &s->node, ((shared_node){e, e, 1}));
    map_setp(&s->index, e, (void *)(intptr_t)s->node.n);
}

static const kir_expr *renamed(sharing *s, const kir_expr *e)
{
    return e ? s->node.at[(intptr_t)map_getp(&s->index, e) - 1].now : NULL;
}

static const kir_expr *rebuilt(sharing *s, const kir_expr *e)
{
    const kir_expr *a = renamed(s, e->a), *b = renamed(s, e->b), *c = renamed(s, e->c);
    if (a == e->a && b == e->b && c == e->c) return e;
    kir_expr *copy = ARENA_NEW(s->b->arena, kir_expr);
    *copy = *e;
    copy->a = a;
    copy->b = b;
    copy->c = c;
    copy->id = s->b->func->nexpr++;
    return copy;
}

static const char *name_for(sharing *s, const kir_expr *e, int number)
{
    const char *base = "t";
    if (e->kind == KIR_LOAD) base = e->buffer->name;
    if (e->kind == KIR_CAST && e->a->kind == KIR_LOAD) base = e->a->buffer->name;
    if (e->kind == KIR_UN) base = kir_un_table[e->op].text;
    return arena_printf(s->b->arena, "%s_%d", base, number);
}

static const kir_expr *share(kir_builder *b, kir_stmt *into, const kir_expr *root)
{
    sharing s = {.b = b, .into = into};
    map_init(&s.index, b->arena);
    reach(&s, root);
    for (int i = 0; i < s.node.n; i++) {
        shared_node *n = &s.node.at[i];
        n->now = rebuilt(&s, n->expr);
        bool leaf = n->expr->kind == KIR_CONST || n->expr->kind == KIR_VAR || n->expr->kind == KIR_INDEX;
        bool widened = n->expr->kind == KIR_LOAD && n->uses == 1;
        if (n->uses < 2 || leaf || widened) continue;
        kir_var *v = ARENA_NEW(b->arena, kir_var);
        *v = (kir_var){.type = n->expr->type, .id = b->func->nvar++};
        v->name = name_for(&s, n->expr, v->id);
        kir_stmt *let = ARENA_NEW(b->arena, kir_stmt);
        *let = (kir_stmt){.kind = KIR_LET, .var = v, .value = n->now};
        vec_push(b->arena, &into->body, let);
        n->now = kir_var_ref(b, v);
    }
    return renamed(&s, root);
}

static void share_in(kir_builder *b, kir_stmt *s)
{
    kir_stmt fresh = {.kind = s->kind};
    for (int i = 0; i < s->body.n; i++) {
        kir_stmt *k = s->body.at[i];
        if (k->value) k->value = share(b, &fresh, k->value);
        if (k->body.n) share_in(b, k);
        vec_push(b->arena, &fresh.body, k);
    }
    s->body.at = fresh.body.at;
    s->body.n = fresh.body.n;
    s->body.cap = fresh.body.cap;
}

/* ---- what a kernel takes ------------------------------------------------------------------- */

typedef struct {
    kir_builder *b;
    nfc_map bound; /* symbols that a loop or a LET of the kernel makes */
} signature;

static void use_symbol(void *env, const ir_sym *sym)
{
    signature *g = env;
    if (map_getp(&g->bound, sym)) return;
    map_setp(&g->bound, sym, g);
    vec_push(g->b->arena, &g->b->func->scalar, sym);
}

static void use_index(signature *g, const ir_sx *x)
{
    if (x) sx_visit(x, use_symbol, g);
}

static void use_expr(signature *g, const kir_expr *e)
{
    if (!e) return;
    if (e->kind == KIR_LOAD) e->buffer->read = true;
    use_index(g, e->index);
    use_expr(g, e->a);
    use_expr(g, e->b);
    use_expr(g, e->c);
}

static void use_stmt(signature *g, const kir_stmt *s)
{
    use_index(g, s->begin);
    use_index(g, s->end);
    use_index(g, s->turn);
    use_expr(g, s->value);
    use_index(g, s->index);
    use_index(g, s->from_index);
    use_index(g, s->count);
    if (s->var && s->var->sym) map_setp(&g->bound, s->var->sym, g);
    if (s->kind == KIR_STORE || s->kind == KIR_ACCUM || s->kind == KIR_COPY || s->kind == KIR_TILE) s->buffer->written = true;
    if (s->kind == KIR_ACCUM) s->buffer->read = true;
    if (s->from) s->from->read = true;
    for (int i = 0; i < s->body.n; i++) use_stmt(g, s->body.at[i]);
}

/* ---- names --------------------------------------------------------------------------------- */

/* Every name of a kernel becomes an identifier, different from all others that it meets: loops that
 * follow one another may share one. */
typedef struct {
    nfc_arena *a;
    nfc_map taken, counter; /* name -> is it in use? base -> the number that was given last */
    VEC(const char *) open; /* names in use, innermost last */
} naming;

static void take_name(naming *n, const char *name)
{
    map_set(&n->taken, name, n);
    vec_push(n->a, &n->open, name);
}

static const char *fresh_name(naming *n, const char *name)
{
    const char *base = name_in_kernel(n->a, name), *unique = base;
    if (map_get(&n->taken, base)) {
        intptr_t k = 2;
        while (map_get(&n->taken, unique = arena_printf(n->a, "%s_%d", base, (int)k))) k = k < (intptr_t)map_get(&n->counter, base) ? (intptr_t)map_get(&n->counter, base) : k + 1;
        map_set(&n->counter, base, (void *)k);
    }
    take_name(n, unique);
    return unique;
}

static void name_stmt(naming *n, kir_stmt *s)
{
    int outside = n->open.n;
    if (s->kind == KIR_FOR) s->var->sym->name = s->var->name = fresh_name(n, s->var->name);
    for (int i = 0; i < s->body.n; i++) {
        kir_stmt *k = s->body.at[i];
        if (k->kind == KIR_LET) k->var->name = fresh_name(n, k->var->name);
        if (k->kind == KIR_LET && k->var->sym) k->var->sym->name = k->var->name;
        if (k->kind == KIR_ALLOC) k->buffer->name = fresh_name(n, k->buffer->name);
        if (k->body.n || k->kind == KIR_FOR) name_stmt(n, k);
    }
    while (n->open.n > outside) { /* loops that follow may use the names again */
        map_set(&n->taken, vec_last(&n->open), NULL);
        n->open.n--;
    }
    map_init(&n->counter, n->a);
}

static void name_all(kir_builder *b)
{
    naming n = {.a = b->arena};
    map_init(&n.taken, b->arena);
    map_init(&n.counter, b->arena);
    for (int i = 0; i < b->func->scalar.n; i++) { /* shared by all kernels: their names stay */
        take_name(&n, name_identifier(b->arena, b->func->scalar.at[i]->name));
    }
    for (int i = 0; i < b->func->param.n; i++) b->func->param.at[i]->name = fresh_name(&n, b->func->param.at[i]->name);
    for (int i = 0; i < 2; i++)
        if (b->func->arg[i]) b->func->arg[i]->name = fresh_name(&n, b->func->arg[i]->name);
    name_stmt(&n, b->func->body);
}

kir_func *kir_end(kir_builder *b)
{
    share_in(b, b->func->body);
    if (b->func->result) b->func->result = share(b, b->func->body, b->func->result);
    signature g = {.b = b};
    map_init(&g.bound, b->arena);
    use_stmt(&g, b->func->body);
    use_expr(&g, b->func->result);
    name_all(b);
    return b->func;
}
