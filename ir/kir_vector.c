/* The lanes of vector loops: what differs from lane to lane, and which loops have a form as vectors. */
#include "ir/kir_lanes.h"

/* ---- indices ------------------------------------------------------------------------------- */

static const ir_sx *at_lane(const kir_lanes *l, const ir_sx *x, int64_t lane)
{
    return l->lane ? sx_put(&l->m->sx, x, l->lane, sx_int(&l->m->sx, lane)) : x;
}

const ir_sx *kir_lane_first(const kir_lanes *l, const ir_sx *x) { return at_lane(l, x, 0); }

const ir_sx *kir_lane_step(const kir_lanes *l, const ir_sx *x)
{
    sx_table *t = &l->m->sx;
    if (!l->lane) return sx_int(t, 0);
    const ir_sx *first = at_lane(l, x, 0), *step = sx_sub(t, at_lane(l, x, 1), first);
    if (sx_add(t, first, sx_mul(t, step, sx_sym(t, l->lane))) == x) return step;
    for (int64_t i = 1; i < l->trips; i++) /* 8*i + v/8 is one number where v is less than 8 */
        if (sx_sub(t, at_lane(l, x, i), first) != sx_mul(t, step, sx_int(t, i))) return NULL;
    return step;
}

int64_t kir_lanes_read(const kir_lanes *l, const kir_buffer *b, const ir_sx *index)
{
    const ir_sx *step = kir_lane_step(l, index);
    const bool changes = b->space == KIR_GLOBAL && b->written;
    if (!step || !sx_is_const(step)) return 0;
    if (kir_is_near(sx_value(step))) return changes ? 0 : (l->width - 1) * sx_value(step) + 1;
    if (!sx_is(step, 1) || l->trips == l->width) return sx_is(step, 1) ? l->width : 0;
    const bool inside = sx_is_const(b->size) && sx_max(kir_lane_first(l, index)) + l->width <= sx_value(b->size);
    return inside && !changes ? l->width : 0;
}

/* Does the lane's number stand in it? */
static bool has_lane(kir_lanes *l, const ir_sx *x)
{
    if (!x || !l->lane || !sx_mentions(x, l->lane)) return false;
    const ir_sx *step = kir_lane_step(l, x);
    return !step || !sx_is(step, 0);
}

/* ---- values -------------------------------------------------------------------------------- */

bool kir_varies(kir_lanes *l, const kir_expr *e)
{
    if (!e) return false;
    switch (e->kind) {
    case KIR_CONST: return false;
    case KIR_VAR: return map_getp(&l->varying, e->var) != NULL;
    case KIR_INDEX: return has_lane(l, e->index);
    case KIR_LOAD: return map_getp(&l->varying, e->buffer) || has_lane(l, e->index);
    default: return kir_varies(l, e->a) || kir_varies(l, e->b) || kir_varies(l, e->c);
    }
}

bool kir_is_private(const kir_lanes *l, const kir_buffer *b) { return map_getp(&l->private, b) != NULL; }
bool kir_is_vector(const kir_lanes *l, const void *var_or_buffer) { return map_getp(&l->varying, var_or_buffer) != NULL; }

/* Marks what takes a value that differs; true when there was something new. */
static bool mark(kir_lanes *l, const kir_stmt *s)
{
    const void *takes = NULL;
    bool more = false;
    if (s->kind == KIR_ALLOC) map_setp(&l->private, s->buffer, l);
    if (s->kind == KIR_LET) takes = s->var;
    if ((s->kind == KIR_STORE || s->kind == KIR_ACCUM) && kir_is_private(l, s->buffer)) takes = s->buffer;
    if (takes && !kir_is_vector(l, takes) && kir_varies(l, s->value)) {
        map_setp(&l->varying, takes, l);
        more = true;
    }
    for (int i = 0; i < s->body.n; i++) more |= mark(l, s->body.at[i]);
    return more;
}

void kir_lanes_of_loop(kir_lanes *l, ir_module *m, nfc_arena *a, const kir_stmt *loop)
{
    *l = (kir_lanes){.m = m, .lane = loop->var->sym, .width = kir_lanes_width(sx_value(loop->end)), .trips = sx_value(loop->end)};
    map_init(&l->varying, a);
    map_init(&l->private, a);
    while (mark(l, loop)) {} /* what is stored late can be read early, in the next round of a loop inside */
}

void kir_lanes_of_function(kir_lanes *l, ir_module *m, nfc_arena *a, const kir_func *f, int64_t width)
{
    *l = (kir_lanes){.m = m, .width = width, .trips = width};
    map_init(&l->varying, a);
    map_init(&l->private, a);
    for (int i = 0; i < 2; i++)
        if (f->arg[i]) map_setp(&l->varying, f->arg[i], l);
    while (mark(l, f->body)) {}
}

/* ---- which loops can be vectors -------------------------------------------------------------- */

static const char *refuse_access(kir_lanes *l, const kir_buffer *b, const ir_sx *index)
{
    if (!kir_lane_step(l, index)) return arena_printf(l->m->arena, "the index %s of '%s' is not linear in the lane", sx_text(l->m->arena, index), b->name);
    if (l->trips < l->width && has_lane(l, index) && !sx_is(kir_lane_step(l, index), 1)) return arena_printf(l->m->arena, "'%s' is accessed with a step in a part of a vector", b->name);
    if (kir_is_private(l, b) && has_lane(l, index)) return arena_printf(l->m->arena, "the local '%s' is indexed by the lane", b->name);
    return NULL;
}

static const char *refuse_expr(kir_lanes *l, const kir_expr *e)
{
    if (!e) return NULL;
    const char *why = NULL;
    if (e->kind == KIR_LOAD) why = refuse_access(l, e->buffer, e->index);
    if (e->kind == KIR_LOAD && e->integer && kir_varies(l, e)) why = arena_printf(l->m->arena, "words of '%s' differ from lane to lane", e->buffer->name);
    bool divides = e->kind == KIR_BIN && (e->op == KB_DIV || e->op == KB_REM) && !(e->type < DT_COUNT && dtype_is_float((nfc_dtype)e->type));
    if (divides && l->trips < l->width && kir_varies(l, e)) why = "integers are divided in a part of a vector";
    if (e->kind == KIR_INDEX && !kir_lane_step(l, e->index)) why = arena_printf(l->m->arena, "the index %s is not linear in the lane", sx_text(l->m->arena, e->index));
    if (!why) why = refuse_expr(l, e->a);
    if (!why) why = refuse_expr(l, e->b);
    return why ? why : refuse_expr(l, e->c);
}

static const char *refuse_write(kir_lanes *l, const kir_stmt *s)
{
    const char *why = refuse_access(l, s->buffer, s->index);
    if (!why && !kir_is_private(l, s->buffer) && !has_lane(l, s->index)) why = arena_printf(l->m->arena, "all lanes write the same element of '%s'", s->buffer->name);
    return why;
}

static const char *refuse_stmt(kir_lanes *l, const kir_stmt *s)
{
    const char *why = refuse_expr(l, s->value);
    if (why) return why;
    switch (s->kind) {
    case KIR_FOR:
        if (s->loop == KIR_VECTOR) return "there is another vector loop inside";
        if (has_lane(l, s->begin) || has_lane(l, s->end)) return arena_printf(l->m->arena, "the bounds of the loop '%s' differ from lane to lane", s->var->name);
        break;
    case KIR_IF:
        if (kir_varies(l, s->value)) return "a guard differs from lane to lane";
        break;
    case KIR_LET:
        if (s->var->sym && kir_varies(l, s->value)) return arena_printf(l->m->arena, "the index '%s' differs from lane to lane", s->var->name);
        break;
    case KIR_STORE:
    case KIR_ACCUM:
        why = refuse_write(l, s);
        break;
    case KIR_PREFETCH:
        if (has_lane(l, s->index)) return arena_printf(l->m->arena, "'%s' is asked for lane by lane", s->buffer->name);
        break;
    case KIR_COPY: return "a block is copied";
    case KIR_TILE: return "a tile is worked on";
    default: break;
    }
    for (int i = 0; !why && i < s->body.n; i++) why = refuse_stmt(l, s->body.at[i]);
    return why;
}

const char *kir_cannot_vector(ir_module *m, const kir_func *f, const kir_stmt *loop)
{
    (void)f;
    int64_t n = sx_is(loop->begin, 0) && sx_is_const(loop->end) ? sx_value(loop->end) : 0;
    if (n < 2) return "its trips are not 0 to a known number";
    nfc_arena *scratch = arena_child(m->arena);
    kir_lanes l;
    kir_lanes_of_loop(&l, m, scratch, loop);
    const char *why = NULL;
    for (int i = 0; !why && i < loop->body.n; i++) why = refuse_stmt(&l, loop->body.at[i]);
    arena_free(scratch);
    return why;
}
