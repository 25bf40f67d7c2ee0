#include "passes/k_dots.h"

#include <string.h>
#include "ir/sat.h"
#include "passes/k_pack.h"

/* A loop that moves the index of the constant. */
typedef struct {
    const ir_sym *sym;
    int64_t extent, step; /* step: in the old order */
    int64_t word_step;    /* in the order of the words */
} dot_loop;

/* Loops over k that are to be one over words, and their only statement. Several are one where x goes on in the next trip of an
 * outer one where the inner one ends: the places of a window along a row, with their channels. */
typedef struct {
    const kir_stmt *loop, *sum; /* loop: the innermost */
    VEC(dot_loop) along;        /* them all, innermost first; step: of the constant */
    kir_dot op;
    const kir_expr *x, *w; /* the loads; w: of the constant */
    bool swapped;          /* the constant is the first operand of the operator */
    int64_t trips, terms;  /* of the loop; elements of a word */
    int64_t first;         /* of the constant's index: at 0 */
    VEC(dot_loop) around;  /* the other loops that move it, outermost first, but for the one with lanes at the end */
    int64_t words;         /* the product of their extents */
} dot;

typedef struct {
    k_replay r;
    const sched_target *target;
    ir_module *m;
    plan_call *call;
    VEC(const kir_stmt *) around; /* the loops around the statement at hand */
    nfc_map stored;               /* buffers that the kernel stores to */
    nfc_map of;                   /* loop -> dot */
    nfc_map taken;                /* constants that are words by now */
} dotter;

/* ---- which loops ------------------------------------------------------------------------------- */

bool k_has_dot(const device *d, kir_dot op)
{
    const kir_dot_info *info = &kir_dot_table[op];
    const device_unit *u = d->chosen;
    for (int i = 0; i < u->instruction.n; i++)
        if (strcmp(u->instruction.at[i].op, info->text) == 0 && u->instruction.at[i].type == info->sum) return true;
    return false;
}

bool k_has_float_dots(const device *d, nfc_dtype type)
{
    for (int i = 0; d && d->chosen && i < KD_COUNT; i++)
        if (kir_dot_table[i].a == type && kir_dot_table[i].b == type && kir_dot_table[i].sum == DT_f32 && k_has_dot(d, (kir_dot)i)) return true;
    return false;
}

static bool is_constant(const dotter *k, const kir_buffer *b)
{
    if (b->space != KIR_GLOBAL) return false;
    const plan_view *v = k->call->arg.at[b->id];
    return v->buffer->place == PLAN_WEIGHT && v->buffer->weight && sx_is_const(v->offset);
}

/* The load under the widening of a factor, which may go by way of its computing type; NULL: it is none. */
static const kir_expr *widened_load(const kir_expr *e)
{
    for (bool outer = true; e->kind == KIR_CAST && (outer || e->type == kir_compute((nfc_dtype)e->type)); outer = false) e = e->a;
    return e->kind == KIR_LOAD && !e->integer && e->buffer->space == KIR_GLOBAL ? e : NULL;
}

/* The operator for two loads, and which of them is its first operand. Sums of floats in another order are not the same. */
static bool find_operator(const dotter *k, dot *d, kir_type sum)
{
    nfc_dtype x = d->x->buffer->dtype, w = d->w->buffer->dtype;
    for (int i = 0; i < KD_COUNT; i++) {
        const kir_dot_info *info = &kir_dot_table[i];
        bool plain = info->a == x && info->b == w, swapped = info->a == w && info->b == x;
        if (sum != (kir_type)info->sum || (!plain && !swapped) || (k->target->strict && dtype_is_float(info->sum)) || !k_has_dot(k->target->device, (kir_dot)i)) continue;
        d->op = (kir_dot)i;
        d->swapped = !plain;
        d->terms = kir_word_elements(x);
        return true;
    }
    return false;
}

static bool find_factors(const dotter *k, dot *d)
{
    const kir_expr *product = d->sum->value;
    if (product->kind != KIR_BIN || product->op != KB_MUL) return false;
    const kir_expr *a = widened_load(product->a), *b = widened_load(product->b);
    if (!a || !b || is_constant(k, a->buffer) == is_constant(k, b->buffer)) return false;
    d->w = is_constant(k, a->buffer) ? a : b;
    d->x = d->w == a ? b : a;
    return !map_getp(&k->stored, d->x->buffer) && !map_getp(&k->taken, d->w->buffer) && find_operator(k, d, product->type);
}

static void widen(int64_t reach[2], int64_t extent, int64_t step) { reach[step > 0] = sat_add(reach[step > 0], sat_mul(extent - 1, step)); }

/* Does every place lie in the constant? A guard may keep the kernel from those that do not. */
static bool lies_in(const dotter *k, const dot *d)
{
    const plan_view *v = k->call->arg.at[d->w->buffer->id];
    const int64_t first = sat_add(sx_value(v->offset), d->first);
    int64_t reach[2] = {first, first};
    for (int i = 0; i < d->along.n; i++) widen(reach, d->along.at[i].extent, d->along.at[i].step);
    for (int i = 0; i < d->around.n; i++) widen(reach, d->around.at[i].extent, d->around.at[i].step);
    return reach[0] >= 0 && reach[1] < ir_max_elements(v->buffer->weight->out[0]->type);
}

/* The constant's index as a sum of steps over loops of known extents; the loop whose lanes can share the words of x comes
 * last. False where it is none, or where there is no such loop. */
static bool find_steps(const dotter *k, dot *d)
{
    sx_table *t = &k->m->sx;
    const ir_sx *rest = d->w->index;
    int64_t along_x;
    int lanes = -1;
    for (int i = 0; i < d->along.n; i++) rest = sx_put(t, rest, d->along.at[i].sym, sx_int(t, 0));
    for (int i = 0; i < k->around.n; i++) {
        const kir_stmt *s = k->around.at[i];
        dot_loop l = {.sym = s->var->sym, .extent = sx_is(s->begin, 0) && sx_is_const(s->end) ? sx_value(s->end) : 0};
        if (!sx_step(t, d->w->index, l.sym, &l.step)) return false;
        if (l.step == 0) continue;
        if (l.extent < 1) return false;
        if (s->loop == KIR_PARALLEL && sx_step(t, d->x->index, l.sym, &along_x) && along_x == 0) lanes = d->around.n;
        rest = sx_put(t, rest, l.sym, sx_int(t, 0));
        vec_push(k->r.b->scratch, &d->around, l);
    }
    if (lanes < 0 || !sx_is_const(rest)) return false;
    const dot_loop last = d->around.at[lanes];
    for (int i = lanes; i + 1 < d->around.n; i++) d->around.at[i] = d->around.at[i + 1];
    d->around.at[d->around.n - 1] = last;
    d->first = sx_value(rest);
    d->words = 1;
    for (int i = 0; i < d->around.n; i++) d->words = sat_mul(d->words, d->around.at[i].extent);
    return sat_mul(d->words, d->trips) < INT32_MAX && lies_in(k, d);
}

/* The loops from s on that are over k, and what they do. */
static bool find_loops(dotter *k, dot *d, const kir_stmt *s)
{
    for (; s->kind == KIR_FOR && s->body.n == 1; s = s->body.at[0]) {
        if (s->loop != KIR_SERIAL || !sx_is(s->begin, 0) || !sx_is_const(s->end) || sx_value(s->end) < 2) return false;
        d->loop = s;
        vec_push(k->r.b->scratch, &d->along, ((dot_loop){.sym = s->var->sym, .extent = sx_value(s->end)}));
    }
    d->sum = s;
    for (int i = 0, j = d->along.n - 1; i < j; i++, j--) {
        const dot_loop outer = d->along.at[i];
        d->along.at[i] = d->along.at[j];
        d->along.at[j] = outer;
    }
    return d->loop && s->kind == KIR_ACCUM && s->op == KB_ADD && s->buffer->space == KIR_LOCAL;
}

/* Does x go on by one element from each trip to the next, and does each have another element of the constant? */
static bool goes_on(dotter *k, dot *d)
{
    sx_table *t = &k->m->sx;
    int64_t step;
    d->trips = 1;
    for (int i = 0; i < d->along.n; i++) {
        dot_loop *l = &d->along.at[i];
        if (sx_mentions(d->sum->index, l->sym) || !sx_step(t, d->x->index, l->sym, &step) || step != d->trips) return false;
        if (!sx_step(t, d->w->index, l->sym, &l->step) || l->step == 0) return false;
        d->trips = sat_mul(d->trips, l->extent);
    }
    return true;
}

static dot *dot_at(dotter *k, const kir_stmt *s)
{
    dot *d = ARENA_NEW(k->r.b->scratch, dot);
    *d = (dot){0};
    return find_loops(k, d, s) && find_factors(k, d) && goes_on(k, d) && find_steps(k, d) ? d : NULL;
}

static void find_stored(dotter *k, const kir_stmt *s)
{
    if (s->kind == KIR_STORE || s->kind == KIR_ACCUM || s->kind == KIR_COPY) map_setp(&k->stored, s->buffer, k);
    for (int i = 0; i < s->body.n; i++) find_stored(k, s->body.at[i]);
}

static void find_dots(dotter *k, const kir_stmt *s)
{
    dot *d = dot_at(k, s);
    if (d) {
        map_setp(&k->of, s, d);
        map_setp(&k->taken, d->w->buffer, k);
    }
    if (s->kind == KIR_FOR) vec_push(k->r.b->scratch, &k->around, s);
    for (int i = 0; i < s->body.n; i++) find_dots(k, s->body.at[i]);
    if (s->kind == KIR_FOR) k->around.n--;
}

/* ---- the constant as words ----------------------------------------------------------------------- */

/* Words begin .. begin + n - 1 along k for each trip of the other loops. */
typedef struct {
    const dot *d;
    int64_t offset, begin, n, size;
} word_range;

/* How far an element along k lies from the first one. */
static int64_t step_to(const dot *d, int64_t at)
{
    int64_t sum = 0;
    for (int i = 0; i < d->along.n; at /= d->along.at[i++].extent) sum += at % d->along.at[i].extent * d->along.at[i].step;
    return sum;
}

/* Does the last word, which is not whole, begin early enough to be? Its first elements, which the one before it has, are 0 there. Not of
 * floats: 0 makes NaN of an infinity. */
static bool begins_early(const dot *d) { return d->trips > d->terms && d->trips % d->terms && !dtype_is_float(d->w->buffer->dtype); }

/* The elements of one word, the first one lowest; 0 behind the last trip. place: of k = 0. */
static int32_t word_at(const dot *d, const char *from, int64_t place, int64_t number)
{
    const nfc_dtype t = dtype_bytes(d->w->buffer->dtype) == 1 ? DT_u8 : DT_u16; /* the bits */
    const int64_t begin = number * d->terms, first = begins_early(d) && begin + d->terms > d->trips ? d->trips - d->terms : begin;
    uint32_t word = 0;
    for (int64_t at = begin; at < begin + d->terms && at < d->trips; at++) {
        word |= (uint32_t)dtype_get_int(t, from, (size_t)(place + step_to(d, at))) << ((at - first) * dtype_table[t].bits);
    }
    return (int32_t)word;
}

static const void *words_of(void *env, ir_module *m, const void *from)
{
    const word_range *g = env;
    const dot *d = g->d;
    int32_t *to = ARENA_ARRAY(m->arena, int32_t, g->size);
    for (int64_t at = 0; at < d->words; at++) {
        int64_t place = g->offset + d->first, number = 0, left = at;
        for (int i = d->around.n - 1; i >= 0; i--) {
            const dot_loop *l = &d->around.at[i];
            place += left % l->extent * l->step;
            number += left % l->extent * l->word_step;
            left /= l->extent;
        }
        const int64_t lanes = vec_last(&d->around).extent;
        for (int64_t i = 0; i < g->n; i++) to[number + i * lanes] = word_at(d, from, place, g->begin + i);
    }
    return to;
}

/* Lanes lie side by side, then the words along k, then the other loops. Gives the size. */
static int64_t lay_out(dot *d, int64_t along)
{
    dot_loop *lanes = &vec_last(&d->around);
    lanes->word_step = 1;
    int64_t size = lanes->extent * along;
    for (int i = d->around.n - 2; i >= 0; i--) {
        d->around.at[i].word_step = size;
        size *= d->around.at[i].extent;
    }
    return size;
}

/* A parameter with these words. */
static kir_buffer *words(dotter *k, dot *d, const char *name, int64_t begin, int64_t n)
{
    sx_table *t = &k->m->sx;
    const plan_view *old = k->call->arg.at[d->w->buffer->id];
    word_range range = {d, sx_value(old->offset), begin, n, lay_out(d, n)};
    ir_inst *c = k_constant(k->m, old->buffer->weight, DT_i32, range.size, words_of, &range);
    c->out[0]->name = name;
    kir_buffer *to = kir_param(k->r.b, name, DT_i32, sx_int(t, range.size));
    to->value = c->out[0];
    k_add_constant(k->m, k->call, old, c);
    return to;
}

/* ---- the loops ----------------------------------------------------------------------------------- */

/* The word of x that begins with an element along k. */
static const kir_expr *word_of_x(dotter *k, const dot *d, const ir_sx *element, int64_t elements)
{
    sx_table *t = k->r.b->sx;
    const ir_sx *at = d->x->index;
    for (int i = 0; i < d->along.n; i++) at = sx_put(t, at, d->along.at[i].sym, i ? sx_int(t, 0) : element);
    return kir_word(k->r.b, d->x->buffer, at, elements);
}

/* acc += dot(x, w), for word `number` of the buffer. */
static void add_dot(dotter *k, const dot *d, const kir_expr *x, kir_buffer *from, const ir_sx *number)
{
    kir_builder *b = k->r.b;
    sx_table *t = b->sx;
    const ir_sx *at = sx_mul(t, number, sx_int(t, vec_last(&d->around).extent));
    for (int i = 0; i < d->around.n; i++) at = sx_add(t, at, sx_mul(t, sx_int(t, d->around.at[i].word_step), sx_sym(t, d->around.at[i].sym)));
    const kir_expr *w = kir_load(b, from, at);
    kir_stmt *sum = ARENA_NEW(b->arena, kir_stmt);
    *sum = *d->sum;
    sum->value = d->swapped ? kir_dot_of(b, d->op, w, x, NULL) : kir_dot_of(b, d->op, x, w, NULL);
    k_stmt(&k->r, sum);
}

static bool on_for(void *env, k_replay *r, const kir_stmt *s)
{
    dotter *k = env;
    kir_builder *b = r->b;
    sx_table *t = b->sx;
    dot *d = map_getp(&k->of, s);
    if (!d) return false;
    const int64_t whole = d->trips / d->terms, rest = d->trips % d->terms;
    const char *name = d->w->buffer->name;
    if (whole) {
        kir_buffer *from = words(k, d, name, 0, whole);
        const ir_sx *number = kir_for(b, KIR_SERIAL, arena_printf(b->arena, "%s%lld", s->var->name, (long long)d->terms), sx_int(t, 0), sx_int(t, whole));
        add_dot(k, d, word_of_x(k, d, sx_mul(t, number, sx_int(t, d->terms)), d->terms), from, number);
        kir_close(b);
    }
    if (rest) {
        const int64_t elements = begins_early(d) ? d->terms : rest;
        kir_buffer *from = words(k, d, arena_printf(b->arena, "%s_rest", name), whole, 1);
        add_dot(k, d, word_of_x(k, d, sx_int(t, d->trips - elements), elements), from, sx_int(t, 0));
    }
    d->w->buffer->name = "unpacked"; /* nothing loads from it any more: it goes */
    return true;
}

bool k_dots(const sched_target *target, ir_module *m, plan_call *call, kir_builder *b)
{
    dotter *k = ARENA_NEW(b->scratch, dotter);
    *k = (dotter){.target = target, .m = m, .call = call, .r = {.b = b}};
    for (nfc_map **map = (nfc_map *[]){&k->stored, &k->of, &k->taken, NULL}; *map; map++) map_init(*map, b->scratch);
    find_stored(k, b->func->body);
    find_dots(k, b->func->body);
    if (!k->of.n) return false;
    k_replay_loops(&k->r, b, on_for, k);
    return true;
}

typedef struct {
    const k_nest *nest;
    const ir_sym *lanes;
    bool found;
} word_search;

static void find_varying_word(void *env, const kir_expr *e)
{
    word_search *w = env;
    int64_t step;
    if (e->kind == KIR_LOAD && e->integer && (!sx_step(w->nest->b->sx, k_plain_index(w->nest, e->index), w->lanes, &step) || step != 0)) w->found = true;
}

bool k_dots_fit(const k_nest *nest, int axis)
{
    word_search w = {nest, nest->axis[axis].loop->var->sym, false};
    k_visit_exprs(nest->b->scratch, nest->core, find_varying_word, &w);
    return !w.found;
}
