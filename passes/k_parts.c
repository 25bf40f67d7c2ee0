/* A kernel of which a range of the iterations is done. */
#include "passes/k_parts.h"

#include "ir/names.h"

/* ---- units ---------------------------------------------------------------------------------- */

/* Loops inside one another can count as one where each has the same number of iterations in all of those
 * around it, and that is a number known now: it is divided by. */
static bool can_join(const k_unit *u, const kir_stmt *inner)
{
    if (inner->kind != KIR_FOR || inner->loop != KIR_PARALLEL || u->nloop == K_MAX_OUTER) return false;
    for (int i = 0; i < u->nloop; i++)
        if (sx_mentions(inner->begin, u->loop[i]->var->sym) || sx_mentions(inner->end, u->loop[i]->var->sym)) return false;
    return sx_is_const(inner->begin) && sx_is_const(inner->end) && sx_value(inner->end) > sx_value(inner->begin);
}

static k_unit unit_of_loop(const kir_stmt *s, int at)
{
    k_unit u = {.first = at, .count = 1, .loop = {s}, .nloop = 1, .depth = 1};
    while (s->body.n == 1 && can_join(&u, s->body.at[0])) u.loop[u.nloop++] = s = s->body.at[0];
    return u;
}

/* Does it read what the kernel writes, which another part may have done already? */
static bool reads_results(const kir_expr *e)
{
    if (!e) return false;
    return (e->kind == KIR_LOAD && e->buffer->written) || reads_results(e->a) || reads_results(e->b) || reads_results(e->c);
}

/* What each part works out for itself. */
static bool is_preparation(const kir_stmt *s)
{
    return s->kind == KIR_NOTE || s->kind == KIR_ALLOC || (s->kind == KIR_LET && !reads_results(s->value));
}

/* What is done inside of loops can be shared out where that is a number of iterations which is the same in each. */
static bool can_share(ir_module *m, const k_units *inner)
{
    bool can = inner->n > 0;
    for (int i = 0; i < inner->n; i++) {
        const ir_sx *n = inner->unit[i].nloop ? k_unit_trips(m, &inner->unit[i]) : sx_int(&m->sx, 1);
        can &= sx_is_const(n) && sx_value(n) > 0;
        for (int k = 0; k < inner->unit[i].nloop; k++) can &= sx_is_const(inner->unit[i].loop[k]->begin) && sx_is_const(inner->unit[i].loop[k]->end);
    }
    return can;
}

/* Iterations of the loop itself are independent, with all that they do: units inside of two of them do not meet. */
static void look_inside(ir_module *m, const kir_func *f, k_unit *u)
{
    if (!u->nloop) return;
    kir_func inside = k_unit_inside(f, u);
    k_units inner = k_units_of(m, &inside);
    if (!can_share(m, &inner)) return;
    u->inner = ARENA_NEW(m->arena, k_units);
    *u->inner = inner;
}

k_units k_units_of(ir_module *m, const kir_func *f)
{
    k_units list = {.n = 0}, none = {.n = 0};
    bool grows = false, names_result = false; /* may the statement join the unit before it? */
    for (int i = 0; i < f->body->body.n; i++) {
        const kir_stmt *s = f->body->body.at[i];
        bool loop = s->kind == KIR_FOR && s->loop == KIR_PARALLEL;
        if (is_preparation(s)) continue;
        names_result |= s->kind == KIR_LET;
        if (!loop && grows) {
            k_unit *u = &list.unit[list.n - 1];
            u->count = i + 1 - u->first;
            continue;
        }
        if (list.n == K_MAX_UNITS) return none;
        list.unit[list.n++] = loop ? unit_of_loop(s, i) : (k_unit){.first = i, .count = 1};
        grows = !loop;
    }
    if (names_result && list.n > 1) return none; /* the name would be another's too */
    for (int i = 0; i < list.n; i++)
        for (int k = 0; k < i; k++)
            if (k_may_meet(m, f, &list.unit[i], &list.unit[k])) return none;
    for (int i = 0; i < list.n; i++) look_inside(m, f, &list.unit[i]);
    return list;
}

static const ir_sx *extent(ir_module *m, const kir_stmt *loop) { return sx_sub(&m->sx, loop->end, loop->begin); }

/* How many there are in an iteration of the outermost loop. */
static const ir_sx *inner_trips(ir_module *m, const k_unit *u)
{
    const ir_sx *trips = sx_int(&m->sx, 0);
    for (int i = 0; i < u->inner->n; i++) trips = sx_add(&m->sx, trips, k_unit_trips(m, &u->inner->unit[i]));
    return trips;
}

const ir_sx *k_unit_trips(ir_module *m, const k_unit *u)
{
    const ir_sx *trips = u->within ? inner_trips(m, u) : sx_int(&m->sx, 1);
    if (u->within) return u->across ? sx_mul(&m->sx, trips, extent(m, u->loop[0])) : trips;
    for (int i = 0; i < u->depth; i++) trips = sx_mul(&m->sx, trips, extent(m, u->loop[i]));
    return trips;
}

const ir_sx *k_unit_outer_trips(ir_module *m, const k_unit *u)
{
    return extent(m, u->loop[0]);
}

static kir_stmt *empty_body(ir_module *m)
{
    kir_stmt *body = ARENA_NEW(m->arena, kir_stmt);
    *body = (kir_stmt){.kind = KIR_SEQ};
    return body;
}

kir_func k_unit_alone(ir_module *m, const kir_func *f, const k_unit *u)
{
    kir_func alone = *f;
    alone.body = empty_body(m);
    for (int i = 0; i < u->count; i++) vec_push(m->arena, &alone.body->body, f->body->body.at[u->first + i]);
    return alone;
}

kir_func k_unit_inside(const kir_func *f, const k_unit *u)
{
    kir_func inside = *f;
    inside.body = (kir_stmt *)u->loop[0];
    return inside;
}

/* ---- names ---------------------------------------------------------------------------------- */

static void take_names(nfc_map *taken, const kir_stmt *s)
{
    if (s->var) map_set(taken, s->var->name, taken);
    if (s->kind == KIR_ALLOC) map_set(taken, s->buffer->name, taken);
    for (int i = 0; i < s->body.n; i++) take_names(taken, s->body.at[i]);
}

static nfc_map names_of(nfc_arena *a, const kir_func *f)
{
    nfc_map taken;
    map_init(&taken, a);
    for (int i = 0; i < f->param.n; i++) map_set(&taken, f->param.at[i]->name, f->param.at[i]);
    for (int i = 0; i < f->scalar.n; i++) map_set(&taken, name_identifier(a, f->scalar.at[i]->name), f->body);
    take_names(&taken, f->body);
    return taken;
}

/* ---- the kernel of a range ------------------------------------------------------------------ */

typedef struct {
    ir_module *m;
    nfc_arena *a;
    sx_table *sx;
    kir_func *f;
    kir_stmt *body;
    nfc_map taken;
    const ir_sx *begin, *end; /* the scalars */
} builder;

static ir_sym *symbol(builder *b, const char *name, int64_t most)
{
    return sx_new_sym(b->sx, name_unique(b->a, &b->taken, name), 0, most, NO_SPAN);
}

static const ir_sx *scalar(builder *b, const char *name, int64_t most)
{
    const ir_sym *sym = symbol(b, name, most);
    vec_push(b->a, &b->f->scalar, sym);
    return sx_sym(b->sx, sym);
}

static kir_var *variable(builder *b, const char *name, int64_t most)
{
    kir_var *var = ARENA_NEW(b->a, kir_var);
    ir_sym *sym = symbol(b, name, most);
    *var = (kir_var){.name = sym->name, .type = KIR_INDEX_TYPE, .sym = sym, .id = b->f->nvar++};
    return var;
}

static const kir_expr *node(builder *b, kir_expr e)
{
    kir_expr *copy = ARENA_NEW(b->a, kir_expr);
    e.id = b->f->nexpr++;
    *copy = e;
    return copy;
}

static const kir_expr *index_node(builder *b, const ir_sx *x) { return node(b, (kir_expr){.kind = KIR_INDEX, .type = KIR_INDEX_TYPE, .index = x}); }

static kir_stmt *stmt(builder *b, kir_stmt s)
{
    kir_stmt *copy = ARENA_NEW(b->a, kir_stmt);
    *copy = s;
    return copy;
}

static const ir_sx *named(builder *b, const char *name, const kir_expr *value, int64_t most)
{
    kir_var *var = variable(b, name, most);
    vec_push(b->a, &b->body->body, stmt(b, (kir_stmt){.kind = KIR_LET, .var = var, .value = value}));
    return sx_sym(b->sx, var->sym);
}

/* Where the range has come to among the n iterations from `base` on: 0 to n. */
static const ir_sx *clamped(builder *b, const char *name, const ir_sx *at, const ir_sx *base, const ir_sx *n)
{
    const ir_sx *from_base = sx_sub(b->sx, at, base);
    const kir_expr *x = index_node(b, from_base);
    if (sx_min(from_base) < 0) x = node(b, (kir_expr){.kind = KIR_BIN, .type = KIR_INDEX_TYPE, .op = KB_MAX, .a = x, .b = index_node(b, sx_int(b->sx, 0))});
    if (sx_min(sx_sub(b->sx, n, from_base)) < 0) x = node(b, (kir_expr){.kind = KIR_BIN, .type = KIR_INDEX_TYPE, .op = KB_MIN, .a = x, .b = index_node(b, n)});
    return x->kind == KIR_INDEX ? from_base : named(b, name, x, sx_max(n));
}

/* What the unit's loops do in the iteration that has the number `rest` among all of them. */
static void add_iteration(builder *b, const k_unit *u, const ir_sx *rest, kir_stmt *to)
{
    const ir_sx *value[K_MAX_OUTER];
    for (int i = u->depth - 1; i >= 0; i--) {
        int64_t n = i ? sx_value(extent(b->m, u->loop[i])) : 0;
        value[i] = sx_add(b->sx, u->loop[i]->begin, i ? sx_mod(b->sx, rest, n) : rest);
        if (i) rest = sx_div(b->sx, rest, n);
    }
    for (int i = 0; i < u->depth; i++) vec_push(b->a, &to->body, stmt(b, (kir_stmt){.kind = KIR_LET, .var = u->loop[i]->var, .value = index_node(b, value[i])}));
    const kir_stmt *inner = u->loop[u->depth - 1];
    for (int i = 0; i < inner->body.n; i++) vec_push(b->a, &to->body, inner->body.at[i]);
}

static kir_stmt *loop_over(builder *b, const ir_sx *begin, const ir_sx *end, const ir_sx *turn)
{
    kir_var *var = variable(b, "at", sx_max(end) > 0 ? sx_max(end) - 1 : 0);
    return stmt(b, (kir_stmt){.kind = KIR_FOR, .loop = KIR_SERIAL, .var = var, .begin = begin, .end = end, .turn = turn});
}

/* One loop over the range in the place of several: for at = begin .. end, i = at / 6, j = at % 6. */
static kir_stmt *joined(builder *b, const k_unit *u, const ir_sx *begin, const ir_sx *end)
{
    kir_stmt *loop = loop_over(b, begin, end, u->loop[0]->turn);
    add_iteration(b, u, sx_sym(b->sx, loop->var->sym), loop);
    return loop;
}

static kir_stmt *ranged(builder *b, const k_unit *u, const ir_sx *begin, const ir_sx *end)
{
    if (u->depth > 1) return joined(b, u, begin, end);
    kir_stmt *loop = stmt(b, *u->loop[0]);
    loop->end = sx_add(b->sx, loop->begin, end);
    loop->begin = sx_add(b->sx, loop->begin, begin);
    return loop;
}

/* What is done as one is done by the part that has its number: begin <= base < end. */
static kir_stmt *guarded(builder *b, const ir_sx *base)
{
    const kir_expr *below = node(b, (kir_expr){.kind = KIR_BIN, .type = DT_bool, .op = KB_LE, .a = index_node(b, b->begin), .b = index_node(b, base)});
    const kir_expr *above = node(b, (kir_expr){.kind = KIR_BIN, .type = DT_bool, .op = KB_LT, .a = index_node(b, base), .b = index_node(b, b->end)});
    return stmt(b, (kir_stmt){.kind = KIR_IF, .value = node(b, (kir_expr){.kind = KIR_BIN, .type = DT_bool, .op = KB_AND, .a = below, .b = above})});
}

/* Where a number is one of 0 to n - 1. */
static kir_stmt *guarded_within(builder *b, const ir_sx *number, const ir_sx *n)
{
    const kir_expr *above = node(b, (kir_expr){.kind = KIR_BIN, .type = DT_bool, .op = KB_LE, .a = index_node(b, sx_int(b->sx, 0)), .b = index_node(b, number)});
    const kir_expr *below = node(b, (kir_expr){.kind = KIR_BIN, .type = DT_bool, .op = KB_LT, .a = index_node(b, number), .b = index_node(b, n)});
    const kir_expr *both = node(b, (kir_expr){.kind = KIR_BIN, .type = DT_bool, .op = KB_AND, .a = above, .b = below});
    bool is_above = sx_min(number) >= 0, is_below = sx_max(sx_sub(b->sx, number, n)) < 0;
    return stmt(b, (kir_stmt){.kind = KIR_IF, .value = is_above ? below : is_below ? above : both});
}

/* Does an expression, or a statement, use what `made` names or allocates? */
static bool value_uses(const kir_expr *e, const kir_stmt *made)
{
    if (!e) return false;
    bool own = (made->var && e->var == made->var) || (made->buffer && e->buffer == made->buffer);
    bool index = made->var && made->var->sym && e->index && sx_mentions(e->index, made->var->sym);
    return own || index || value_uses(e->a, made) || value_uses(e->b, made) || value_uses(e->c, made);
}

static bool uses(const kir_stmt *s, const kir_stmt *made)
{
    const ir_sx *index[] = {s->begin, s->end, s->turn, s->index, s->from_index, s->count};
    for (int i = 0; made->var && made->var->sym && i < 6; i++)
        if (index[i] && sx_mentions(index[i], made->var->sym)) return true;
    if (made->buffer && (s->buffer == made->buffer || s->from == made->buffer)) return true;
    if (value_uses(s->value, made)) return true;
    for (int i = 0; i < s->body.n; i++)
        if (uses(s->body.at[i], made)) return true;
    return false;
}

static bool used_from(const kir_func *f, int first, const kir_stmt *made)
{
    for (int i = first; i < f->body->body.n; i++)
        if (uses(f->body->body.at[i], made)) return true;
    return false;
}

static void add_body(builder *b, const kir_func *f, const k_units *units, const ir_sx *base, bool alone);

/* The unit's outermost loop as it is, and in it the range of what it does. */
static void add_within(builder *b, const kir_func *f, const k_unit *u, const ir_sx *base, bool alone)
{
    kir_stmt *around = b->body;
    kir_func inside = k_unit_inside(f, u);
    kir_stmt *loop = stmt(b, *u->loop[0]);
    loop->body.at = NULL;
    loop->body.n = loop->body.cap = 0;
    vec_push(b->a, &b->body->body, loop);
    b->body = loop;
    add_body(b, &inside, u->inner, base, alone);
    b->body = around;
}

/* What only the statements of a unit use is made in its guard, where it stood: blocks before it may use its name. */
static void add_statements(builder *b, const kir_func *f, const k_unit *u, kir_stmt *guard)
{
    for (int i = 0; i < u->count; i++) {
        kir_stmt *s = f->body->body.at[u->first + i];
        bool shared = is_preparation(s) && used_from(f, u->first + u->count, s);
        vec_push(b->a, shared ? &b->body->body : &guard->body, s);
    }
    vec_push(b->a, &b->body->body, guard);
}

/* The units within in one iteration of the loop around them: of all that they do that which has this number. */
static void add_one_of(builder *b, const kir_func *f, const k_units *units, const ir_sx *number)
{
    for (int i = 0, n = 0; i < f->body->body.n; i++) {
        if (n == units->n || i < units->unit[n].first) {
            vec_push(b->a, &b->body->body, f->body->body.at[i]);
            continue;
        }
        const k_unit *u = &units->unit[n++];
        const ir_sx *trips = k_unit_trips(b->m, u);
        kir_stmt *guard = guarded_within(b, number, trips);
        if (u->nloop) {
            kir_stmt *around = b->body;
            vec_push(b->a, &around->body, guard);
            b->body = guard;
            add_iteration(b, u, named(b, "own", index_node(b, number), sx_value(trips) - 1), guard);
            b->body = around;
        } else {
            add_statements(b, f, u, guard);
        }
        number = sx_sub(b->sx, number, trips);
        i += u->count - 1;
    }
}

/* A range of what the unit's outermost loop does in all of its iterations: for at = begin .. end, i = at / 4, and what has the
 * number at % 4 there. */
static void add_across(builder *b, const kir_func *f, const k_unit *u, const ir_sx *base, bool alone)
{
    int64_t n = sx_value(inner_trips(b->m, u));
    const ir_sx *all = k_unit_trips(b->m, u);
    const ir_sx *from = alone ? b->begin : clamped(b, "from", b->begin, base, all), *to = alone ? b->end : clamped(b, "to", b->end, base, all);
    kir_func inside = k_unit_inside(f, u);
    kir_stmt *around = b->body, *loop = loop_over(b, from, to, u->loop[0]->turn);
    const ir_sx *at = sx_sym(b->sx, loop->var->sym);
    vec_push(b->a, &b->body->body, loop);
    b->body = loop;
    const ir_sx *value = sx_add(b->sx, u->loop[0]->begin, sx_div(b->sx, at, n));
    vec_push(b->a, &loop->body, stmt(b, (kir_stmt){.kind = KIR_LET, .var = u->loop[0]->var, .value = index_node(b, value)}));
    add_one_of(b, &inside, u->inner, named(b, "number", index_node(b, sx_mod(b->sx, at, n)), n - 1));
    b->body = around;
}

static void add_unit(builder *b, const kir_func *f, const k_unit *u, const ir_sx *base, bool alone)
{
    if (u->within) {
        if (u->across) add_across(b, f, u, base, alone);
        else add_within(b, f, u, base, alone && u->inner->n == 1);
        return;
    }
    if (u->nloop) {
        const ir_sx *n = k_unit_trips(b->m, u), *from = b->begin, *to = b->end;
        if (!alone) {
            from = clamped(b, "from", b->begin, base, n);
            to = clamped(b, "to", b->end, base, n);
        }
        vec_push(b->a, &b->body->body, ranged(b, u, from, to));
        return;
    }
    add_statements(b, f, u, guarded(b, base));
}

/* The range is that of two scalars more. */
static void choose_range(builder *b, const ir_sx *trips)
{
    b->begin = scalar(b, "begin", sx_max(trips));
    b->end = scalar(b, "end", sx_max(trips));
}

static void add_body(builder *b, const kir_func *f, const k_units *units, const ir_sx *base, bool alone)
{
    for (int i = 0, u = 0; i < f->body->body.n; i++) {
        if (u == units->n || i < units->unit[u].first) {
            vec_push(b->a, &b->body->body, f->body->body.at[i]);
            continue;
        }
        if (units->each) choose_range(b, k_unit_trips(b->m, &units->unit[u]));
        add_unit(b, f, &units->unit[u], base, alone || units->each);
        if (!units->each) base = sx_add(b->sx, base, k_unit_trips(b->m, &units->unit[u]));
        i += units->unit[u++].count - 1;
    }
}

/* Leaves out the kernel's own scalars of which nothing but how many iterations there are was made. */
static void keep_used_scalars(builder *b, const kir_func *f, const kir_stmt *body)
{
    VEC(const ir_sym *) kept = {0};
    for (int i = 0; i < b->f->scalar.n; i++) {
        const ir_sym *sym = b->f->scalar.at[i];
        kir_var var = {.sym = (ir_sym *)sym};
        if (i >= f->scalar.n || uses(body, &(kir_stmt){.var = &var})) vec_push(b->a, &kept, sym);
    }
    b->f->scalar.at = kept.at;
    b->f->scalar.n = kept.n;
    b->f->scalar.cap = kept.cap;
}

kir_func *k_parts(ir_module *m, const kir_func *f, const k_units *units)
{
    builder b = {.m = m, .a = m->arena, .sx = &m->sx, .f = ARENA_NEW(m->arena, kir_func), .body = empty_body(m), .taken = names_of(m->arena, f)};
    const ir_sx *all = sx_int(b.sx, 0);
    kir_stmt *body = b.body;
    *b.f = *f;
    b.f->scalar.at = NULL;
    b.f->scalar.n = b.f->scalar.cap = 0;
    for (int i = 0; i < f->scalar.n; i++) vec_push(b.a, &b.f->scalar, f->scalar.at[i]);
    for (int i = 0; i < units->n; i++) all = sx_add(b.sx, all, k_unit_trips(m, &units->unit[i]));
    if (!units->each) choose_range(&b, all);
    add_body(&b, f, units, sx_int(b.sx, 0), units->n == 1);
    keep_used_scalars(&b, f, body);
    b.f->body = body;
    return b.f;
}
