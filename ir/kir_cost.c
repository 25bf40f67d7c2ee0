/* Operations and bytes of a kernel: its statements, times the trips of the loops around them. */
#include "ir/kir_lanes.h"
#include "ir/sat.h"

typedef struct {
    ir_module *m;
    nfc_arena *a;
    int64_t flops, operations, loaded, sums;
    int64_t *loads, *stores; /* by buffer id */
    nfc_map seen;            /* what this statement works out already */
    const kir_stmt *vector;  /* the vector loop around the statement; NULL: none */
    int64_t issued;          /* how often the statement's instructions are, where `times` is how often its elements are */
} counter;

static void count_body(counter *c, const kir_func *f, int64_t times);
static void count_stmt(counter *c, const kir_stmt *s, int64_t times);

static bool is_arithmetic(const kir_expr *e)
{
    if (e->kind == KIR_FMA || e->kind == KIR_DOT) return true;
    if (e->kind != KIR_UN && e->kind != KIR_BIN) return false;
    if (e->kind == KIR_UN && e->op == KU_BITS) return false;
    return e->a->type != DT_bool && e->a->type != KIR_INDEX_TYPE;
}

static int64_t flops_of(const kir_expr *e)
{
    if (e->kind == KIR_DOT) return 2 * kir_word_elements(kir_dot_table[e->op].a) - (e->c ? 0 : 1);
    return e->kind == KIR_FMA ? 2 : 1;
}

/* The function that works out an operator which no target has; NULL: it is one operation. */
static const kir_func *function_of(counter *c, const kir_expr *e)
{
    if (e->kind == KIR_UN && kir_un_table[e->op].flags & KIRF_MATH) return kmath_unary(c->m, (kir_un)e->op, e->type);
    if (e->kind == KIR_BIN && kir_bin_table[e->op].flags & KIRF_MATH) return kmath_binary(c->m, (kir_bin)e->op, e->type);
    return NULL;
}

static int64_t trips(counter *c, const kir_stmt *loop)
{
    int64_t n = sx_max(sx_sub(&c->m->sx, loop->end, loop->begin));
    return n > 0 ? n : 0;
}

/* Lanes that do not lie side by side or near each other, and are not the same element, are loaded one by one. */
static int64_t loads_of(counter *c, const kir_expr *load)
{
    int64_t step = 0;
    bool steps = c->vector && sx_step(&c->m->sx, load->index, c->vector->var->sym, &step);
    if (!c->vector || (steps && (step == 0 || step == 1))) return c->issued;
    return sat_mul(c->issued, steps && kir_is_near(step) && step < trips(c, c->vector) ? step : trips(c, c->vector));
}

static void count_expr(counter *c, const kir_expr *e, int64_t times)
{
    if (!e || map_setp(&c->seen, e, c)) return;
    count_expr(c, e->a, times);
    count_expr(c, e->b, times);
    count_expr(c, e->c, times);
    if (e->kind == KIR_LOAD && e->buffer->space == KIR_GLOBAL) {
        c->loads[e->buffer->id] = sat_add(c->loads[e->buffer->id], sat_mul(times, e->integer ? e->integer : 1));
        c->loaded = sat_add(c->loaded, loads_of(c, e));
    }
    if (!is_arithmetic(e)) return;
    const kir_func *f = function_of(c, e);
    if (f) {
        count_body(c, f, times);
        return;
    }
    c->flops = sat_add(c->flops, sat_mul(times, flops_of(e)));
    c->operations = sat_add(c->operations, c->issued);
}

static bool reads(const kir_expr *e, const kir_buffer *b)
{
    return e && ((e->kind == KIR_LOAD && e->buffer == b) || reads(e->a, b) || reads(e->b, b) || reads(e->c, b));
}

/* Does a loop itself add up, not one inside of it? */
static bool adds_up(const kir_stmt *s)
{
    if (s->kind == KIR_ACCUM || (s->kind == KIR_STORE && s->buffer->space == KIR_LOCAL && reads(s->value, s->buffer))) return true;
    for (int i = 0; i < s->body.n; i++) {
        const kir_stmt *inner = s->body.at[i];
        bool goes_by_itself = inner->kind == KIR_FOR && inner->loop != KIR_UNROLL && inner->loop != KIR_VECTOR;
        if (!goes_by_itself && adds_up(inner)) return true;
    }
    return false;
}

static void count_access(int64_t *by_id, const kir_buffer *b, int64_t times)
{
    if (b->space == KIR_GLOBAL) by_id[b->id] = sat_add(by_id[b->id], times);
}

/* A product that is added is one operation with the sum. */
static void count_sum(counter *c, const kir_stmt *s, int64_t times)
{
    count_access(c->loads, s->buffer, times);
    count_access(c->stores, s->buffer, times);
    c->flops = sat_add(c->flops, times);
    bool fused = s->op == KB_ADD && s->value->kind == KIR_BIN && s->value->op == KB_MUL;
    if (!fused) c->operations = sat_add(c->operations, c->issued);
}

static void count_loop(counter *c, const kir_stmt *s, int64_t times)
{
    const kir_stmt *vector = c->vector;
    int64_t issued = c->issued;
    if (s->loop == KIR_VECTOR) c->vector = s;
    else c->issued = sat_mul(issued, trips(c, s));
    if (s->loop == KIR_SERIAL && adds_up(s)) c->sums = sat_add(c->sums, c->issued);
    for (int i = 0; i < s->body.n; i++) count_stmt(c, s->body.at[i], sat_mul(times, trips(c, s)));
    c->vector = vector;
    c->issued = issued;
}

/* Tiles are moved, and their products summed up, row by row. */
static void count_tile(counter *c, const kir_stmt *s, int64_t times)
{
    const kir_buffer *tile = s->op == KT_STORE ? s->from : s->buffer;
    int64_t rows = sat_mul(c->issued, tile->rows), elements = sat_mul(times, sx_value(tile->size));
    if (s->op == KT_LOAD) {
        count_access(c->loads, s->from, elements);
        c->loaded = sat_add(c->loaded, rows);
    } else if (s->op == KT_STORE) {
        count_access(c->stores, s->buffer, elements);
    } else if (s->op == KT_DOT) {
        c->flops = sat_add(c->flops, sat_mul(elements, 2 * kir_row_elements(s->from)));
        c->operations = sat_add(c->operations, rows);
    }
}

static void count_stmt(counter *c, const kir_stmt *s, int64_t times)
{
    map_init(&c->seen, c->a);
    count_expr(c, s->value, times);
    switch (s->kind) {
    case KIR_FOR: count_loop(c, s, times); return;
    case KIR_STORE: count_access(c->stores, s->buffer, times); break;
    case KIR_ACCUM: count_sum(c, s, times); break;
    case KIR_TILE: count_tile(c, s, times); break;
    case KIR_COPY:
        c->loaded = sat_add(c->loaded, sat_mul(c->issued, sx_max(s->count)));
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
    counter inner = {.m = c->m, .a = c->a, .issued = 1};
    if (f->body) count_stmt(&inner, f->body, 1);
    map_init(&inner.seen, c->a);
    count_expr(&inner, f->result, 1);
    c->flops = sat_add(c->flops, sat_mul(times, inner.flops));
    c->operations = sat_add(c->operations, sat_mul(c->issued, inner.operations));
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
    counter c = {.m = m, .a = scratch, .issued = 1, .loads = ARENA_ARRAY(scratch, int64_t, n + 1), .stores = ARENA_ARRAY(scratch, int64_t, n + 1)};
    kir_cost cost = {0};
    count_stmt(&c, f->body, 1);
    for (int i = 0; i < n; i++) {
        const kir_buffer *b = f->param.at[i];
        cost.read = sat_add(cost.read, bytes(b, c.loads[b->id]));
        cost.written = sat_add(cost.written, bytes(b, c.stores[b->id]));
    }
    cost.flops = c.flops;
    cost.operations = c.operations;
    cost.loads = c.loaded;
    cost.sums = c.sums;
    arena_free(scratch);
    return cost;
}
