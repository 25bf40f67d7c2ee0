/* Which calls share a kernel: those whose kernels are alike but for names. */
#include <string.h>
#include "codegen/program.h"
#include "ir/names.h"

/* A kernel as bytes in which names do not count: buffers, variables and symbols by the order in
 * which they are met. */
typedef struct {
    nfc_arena *a;
    VEC(int64_t) out;
    nfc_map number; /* buffer, variable, symbol, expression -> number + 1 */
    int next;
} keying;

static void key_int(keying *k, int64_t v) { vec_push(k->a, &k->out, v); }

static bool key_seen(keying *k, const void *what)
{
    intptr_t known = (intptr_t)map_getp(&k->number, what);
    if (!known) map_setp(&k->number, what, (void *)(intptr_t)(++k->next));
    key_int(k, known ? known : k->next);
    return known != 0;
}

static void key_sx(keying *k, const ir_sx *x)
{
    if (!x) {
        key_int(k, -1);
        return;
    }
    key_int(k, x->kind);
    key_int(k, x->constant);
    if (x->kind == SX_SYM && !key_seen(k, x->sym)) {
        key_int(k, x->sym->lo);
        key_int(k, x->sym->hi);
        if (x->sym->is) key_sx(k, x->sym->is);
    }
    if (x->a) key_sx(k, x->a);
    key_int(k, x->nterm);
    for (int i = 0; i < x->nterm; i++) {
        key_int(k, x->term[i].coef);
        key_int(k, x->term[i].n);
        for (int f = 0; f < x->term[i].n; f++) key_sx(k, x->term[i].factor[f]);
    }
}

static void key_buffer(keying *k, const kir_buffer *b)
{
    if (!b) {
        key_int(k, -1);
        return;
    }
    if (key_seen(k, b)) return;
    key_int(k, b->dtype);
    key_int(k, b->space);
    key_int(k, b->read + 2 * b->written);
    key_int(k, b->rows);
    key_int(k, b->tile);
    key_sx(k, b->size);
}

static void key_expr(keying *k, const kir_expr *e)
{
    if (!e) {
        key_int(k, -1);
        return;
    }
    if (key_seen(k, e)) return;
    int64_t bits = 0;
    if (e->kind == KIR_CONST) memcpy(&bits, &e->number, sizeof bits);
    key_int(k, e->kind);
    key_int(k, e->type);
    key_int(k, e->op);
    key_int(k, e->integer);
    key_int(k, bits);
    if (e->var) key_seen(k, e->var);
    if (e->buffer) key_buffer(k, e->buffer);
    key_sx(k, e->index);
    key_expr(k, e->a);
    key_expr(k, e->b);
    key_expr(k, e->c);
}

static void key_stmt(keying *k, const kir_stmt *s)
{
    key_int(k, s->kind);
    key_int(k, s->loop);
    key_int(k, s->op);
    key_int(k, s->fail);
    if (s->var) {
        key_seen(k, s->var);
        key_int(k, s->var->type);
    }
    key_sx(k, s->begin);
    key_sx(k, s->end);
    key_sx(k, s->turn);
    if (s->var && s->var->sym) key_seen(k, s->var->sym);
    key_buffer(k, s->buffer);
    key_buffer(k, s->from);
    key_buffer(k, s->with);
    key_sx(k, s->index);
    key_sx(k, s->from_index);
    key_sx(k, s->count);
    key_expr(k, s->value);
    key_int(k, s->body.n);
    for (int i = 0; i < s->body.n; i++) key_stmt(k, s->body.at[i]);
}

static cg_kernel *known_kernel(nfc_map *by_key, nfc_arena *scratch, const kir_func *f, cg_kernel *fresh)
{
    keying k = {.a = scratch};
    map_init(&k.number, scratch);
    for (int i = 0; i < f->param.n; i++) key_buffer(&k, f->param.at[i]);
    for (int i = 0; i < f->scalar.n; i++) key_sx(&k, &(ir_sx){.kind = SX_SYM, .sym = f->scalar.at[i]});
    key_stmt(&k, f->body);
    size_t n = (size_t)k.out.n * sizeof *k.out.at;
    cg_kernel *known = map_getn(by_key, (const char *)k.out.at, n);
    if (!known) map_setn(by_key, (const char *)k.out.at, n, fresh);
    return known ? known : fresh;
}

void cg_collect_kernels(cg_program *p)
{
    nfc_map by_key;
    nfc_arena *keys = arena_child(p->arena);
    map_init(&by_key, keys);
    map_init(&p->first_call, p->arena);
    intptr_t first = 0;
    for (int g = 0; g < p->plan->graph.n; g++) {
        map_setp(&p->first_call, p->plan->graph.at[g], (void *)first);
        first += p->plan->graph.at[g]->call.n;
        for (int i = 0; i < p->plan->graph.at[g]->call.n; i++) {
            const plan_call *c = p->plan->graph.at[g]->call.at[i];
            if (cg_is_inline(c)) continue;
            nfc_arena *scratch = arena_child(p->arena);
            cg_kernel *fresh = ARENA_NEW(p->arena, cg_kernel), *k = known_kernel(&by_key, scratch, c->kernel, fresh);
            arena_free(scratch);
            if (k == fresh) {
                *k = (cg_kernel){.func = c->kernel, .call = c, .name = name_unique(p->arena, &p->taken, c->kernel->name)};
                vec_push(p->arena, &p->kernel, k);
            }
            vec_push(p->arena, &k->all, c);
            map_setp(&p->kernel_of, c, k);
        }
    }
    arena_free(keys);
}

int cg_first_call(const cg_program *p, const plan_graph *g) { return (int)(intptr_t)map_getp(&p->first_call, g); }

bool cg_is_inline(const plan_call *c)
{
    const kir_stmt *body = c->kernel->body;
    if (c->inst || body->body.n != 1) return false;
    const kir_stmt *s = body->body.at[0];
    return s->kind == KIR_COPY || (s->kind == KIR_STORE && s->value->kind == KIR_CONST && sx_is_const(s->index));
}
