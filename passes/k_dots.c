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

/* A loop over k that is to be one over words, and its only statement. */
typedef struct {
    const kir_stmt *loop, *sum;
    kir_dot op;
    const kir_expr *x, *w; /* the loads; w: of the constant */
    bool swapped;          /* the constant is the first operand of the operator */
    int64_t trips, terms;  /* of the loop; elements of a word */
    int64_t first, step;   /* of the constant's index: at 0, along k */
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
    widen(reach, d->trips, d->step);
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
    if (!sx_step(t, d->w->index, d->loop->var->sym, &d->step) || d->step == 0) return false;
    rest = sx_put(t, rest, d->loop->var->sym, sx_int(t, 0));
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

static dot *dot_at(dotter *k, const kir_stmt *s)
{
    const kir_stmt *sum = s->body.n == 1 ? s->body.at[0] : NULL;
    int64_t step;
    if (s->kind != KIR_FOR || s->loop != KIR_SERIAL || !sx_is(s->begin, 0) || !sx_is_const(s->end) || sx_value(s->end) < 2) return NULL;
    if (!sum || sum->kind != KIR_ACCUM || sum->op != KB_ADD || sum->buffer->space != KIR_LOCAL || sx_mentions(sum->index, s->var->sym)) return NULL;
    dot *d = ARENA_NEW(k->r.b->scratch, dot);
    *d = (dot){.loop = s, .sum = sum, .trips = sx_value(s->end)};
    if (!find_factors(k, d) || !sx_step(&k->m->sx, d->x->index, s->var->sym, &step) || step != 1) return NULL;
    return find_steps(k, d) ? d : NULL;
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

/* The elements of one word, the first one lowest; 0 behind the last trip. place: of k = 0. */
static int32_t word_at(const dot *d, const char *from, int64_t place, int64_t number)
{
    const nfc_dtype t = dtype_bytes(d->w->buffer->dtype) == 1 ? DT_u8 : DT_u16; /* the bits */
    uint32_t word = 0;
    for (int64_t i = 0, at = number * d->terms; i < d->terms && at < d->trips; i++, at++) {
        word |= (uint32_t)dtype_get_int(t, from, (size_t)(place + at * d->step)) << (i * dtype_table[t].bits);
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

/* acc += dot(x, w), with `number` for the word along k, `elements` of which are there; begin: the first in the buffer. */
static void add_dot(dotter *k, const dot *d, kir_buffer *from, const ir_sx *number, int64_t begin, int64_t elements)
{
    kir_builder *b = k->r.b;
    sx_table *t = b->sx;
    const ir_sx *at = sx_mul(t, sx_sub(t, number, sx_int(t, begin)), sx_int(t, vec_last(&d->around).extent));
    for (int i = 0; i < d->around.n; i++) at = sx_add(t, at, sx_mul(t, sx_int(t, d->around.at[i].word_step), sx_sym(t, d->around.at[i].sym)));
    const ir_sx *first = sx_put(t, d->x->index, d->loop->var->sym, sx_mul(t, number, sx_int(t, d->terms)));
    const kir_expr *x = kir_word(b, d->x->buffer, first, elements), *w = kir_load(b, from, at);
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
        add_dot(k, d, from, number, 0, d->terms);
        kir_close(b);
    }
    if (rest) add_dot(k, d, words(k, d, arena_printf(b->arena, "%s_rest", name), whole, 1), sx_int(t, whole), whole, rest);
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
