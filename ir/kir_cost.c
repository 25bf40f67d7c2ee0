/* Operations and bytes of a kernel: its statements, times the trips of the loops around them. */
#include "ir/kir.h"
#include "ir/sat.h"

typedef struct {
    ir_module *m;
    nfc_arena *a;
    int64_t flops;
    int64_t *loads, *stores; /* by buffer id */
    nfc_map seen;            /* what this statement works out already */
} counter;

static void count_body(counter *c, const kir_func *f, int64_t times);

static bool is_arithmetic(const kir_expr *e)
{
    if (e->kind == KIR_FMA) return true;
    if (e->kind != KIR_UN && e->kind != KIR_BIN) return false;
    if (e->kind == KIR_UN && e->op == KU_BITS) return false;
    return e->a->type != DT_bool && e->a->type != KIR_INDEX_TYPE;
}

/* The function that works out an operator which no target has; NULL: it is one operation. */
static const kir_func *function_of(counter *c, const kir_expr *e)
{
    if (e->kind == KIR_UN && kir_un_table[e->op].flags & KIRF_MATH) return kmath_unary(c->m, (kir_un)e->op, e->type);
    if (e->kind == KIR_BIN && kir_bin_table[e->op].flags & KIRF_MATH) return kmath_binary(c->m, (kir_bin)e->op, e->type);
    return NULL;
}

static void count_expr(counter *c, const kir_expr *e, int64_t times)
{
    if (!e || map_setp(&c->seen, e, c)) return;
    count_expr(c, e->a, times);
    count_expr(c, e->b, times);
    count_expr(c, e->c, times);
    if (e->kind == KIR_LOAD && e->buffer->space == KIR_GLOBAL) c->loads[e->buffer->id] = sat_add(c->loads[e->buffer->id], times);
    if (!is_arithmetic(e)) return;
    const kir_func *f = function_of(c, e);
    if (f) count_body(c, f, times);
    else c->flops = sat_add(c->flops, sat_mul(times, e->kind == KIR_FMA ? 2 : 1));
}

static int64_t trips(counter *c, const kir_stmt *loop)
{
    int64_t n = sx_max(sx_sub(&c->m->sx, loop->end, loop->begin));
    return n > 0 ? n : 0;
}

static void count_access(int64_t *by_id, const kir_buffer *b, int64_t times)
{
    if (b->space == KIR_GLOBAL) by_id[b->id] = sat_add(by_id[b->id], times);
}

static void count_stmt(counter *c, const kir_stmt *s, int64_t times)
{
    map_init(&c->seen, c->a);
    count_expr(c, s->value, times);
    switch (s->kind) {
    case KIR_FOR: times = sat_mul(times, trips(c, s)); break;
    case KIR_STORE: count_access(c->stores, s->buffer, times); break;
    case KIR_ACCUM:
        count_access(c->loads, s->buffer, times);
        count_access(c->stores, s->buffer, times);
        c->flops = sat_add(c->flops, times);
        break;
    case KIR_COPY:
        count_access(c->loads, s->from, sat_mul(times, sx_max(s->count)));
        count_access(c->stores, s->buffer, sat_mul(times, sx_max(s->count)));
        break;
    default: break;
    }
    for (int i = 0; i < s->body.n; i++) count_stmt(c, s->body.at[i], times);
}

/* A scalar function: it has no buffers. */
static void count_body(counter *c, const kir_func *f, int64_t times)
{
    counter inner = {.m = c->m, .a = c->a};
    if (f->body) count_stmt(&inner, f->body, 1);
    map_init(&inner.seen, c->a);
    count_expr(&inner, f->result, 1);
    c->flops = sat_add(c->flops, sat_mul(times, inner.flops));
}

static int64_t bytes(const kir_buffer *b, int64_t accesses)
{
    int64_t reach = sx_max(b->size);
    return sat_mul(accesses < reach ? accesses : reach, (int64_t)dtype_bytes(b->dtype));
}

kir_cost kir_cost_of(ir_module *m, const kir_func *f)
{
    nfc_arena *scratch = arena_child(m->arena);
    int n = f->param.n;
    counter c = {.m = m, .a = scratch, .loads = ARENA_ARRAY(scratch, int64_t, n + 1), .stores = ARENA_ARRAY(scratch, int64_t, n + 1)};
    kir_cost cost = {0};
    count_stmt(&c, f->body, 1);
    for (int i = 0; i < n; i++) {
        const kir_buffer *b = f->param.at[i];
        cost.read = sat_add(cost.read, bytes(b, c.loads[b->id]));
        cost.written = sat_add(cost.written, bytes(b, c.stores[b->id]));
    }
    cost.flops = c.flops;
    arena_free(scratch);
    return cost;
}
