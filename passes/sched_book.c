#include "passes/sched_book.h"

#include <string.h>

/* ---- fields -------------------------------------------------------------------------------- */

const sched_field sched_fields[SCHED_FIELDS] = {
#define FIELD(member, word, type, least, most, needed) {word, least, most, needed},
#include "passes/sched.def"
#undef FIELD
};

int64_t sched_get(const sched *s, int field)
{
    switch (field) {
#define FIELD(member, word, type, least, most, needed) \
    case SCHED_##member: return (int64_t)s->member;
#include "passes/sched.def"
#undef FIELD
    }
    return 0;
}

void sched_set(sched *s, int field, int64_t value)
{
    switch (field) {
#define FIELD(member, word, type, least, most, needed) \
    case SCHED_##member: s->member = (type)value; break;
#include "passes/sched.def"
#undef FIELD
    }
}

bool sched_alike(const sched *a, const sched *b)
{
    for (int i = 0; i < SCHED_FIELDS; i++)
        if (sched_get(a, i) != sched_get(b, i)) return false;
    return true;
}

const char *sched_words(nfc_arena *a, const sched *s)
{
    const char *words = "";
    for (int i = 0; i < SCHED_FIELDS; i++) words = arena_printf(a, "%s%s%s %lld", words, i ? " " : "", sched_fields[i].word, (long long)sched_get(s, i));
    return words;
}

/* ---- the key of a kernel --------------------------------------------------------------------- */

/* What is named by a pointer counts by when it was met first. */
typedef struct {
    uint64_t hash;
    nfc_map number;
    intptr_t met;
    const plan_call *call;
} digest;

/* FNV-1a, by Fowler, Noll and Vo. */
static void mix(digest *d, uint64_t value)
{
    for (int i = 0; i < 8; i++) d->hash = (d->hash ^ (value >> (8 * i) & 0xff)) * UINT64_C(0x100000001b3);
}

static void mix_text(digest *d, const char *text)
{
    for (; *text; text++) mix(d, (unsigned char)*text);
}

/* True where it was met before. */
static bool mix_pointer(digest *d, const void *p)
{
    intptr_t number = p ? (intptr_t)map_getp(&d->number, p) : -1;
    if (!number) map_setp(&d->number, p, (void *)++d->met);
    mix(d, (uint64_t)number);
    return number != 0;
}

static void mix_index(digest *d, const ir_sx *x)
{
    if (!x || x->kind == SX_SYM) {
        if (!mix_pointer(d, x ? x->sym : NULL)) {
            mix(d, (uint64_t)x->sym->lo);
            mix(d, (uint64_t)x->sym->hi);
        }
        return;
    }
    mix(d, (uint64_t)x->kind);
    mix(d, (uint64_t)x->constant);
    if (x->a) mix_index(d, x->a);
    for (int i = 0; i < x->nterm; i++) {
        mix(d, (uint64_t)x->term[i].coef);
        for (int k = 0; k < x->term[i].n; k++) mix_index(d, x->term[i].factor[k]);
    }
}

static void mix_buffer(digest *d, const kir_buffer *b)
{
    if (mix_pointer(d, b)) return;
    mix(d, b->dtype);
    mix(d, b->space);
    mix_index(d, b->size);
    if (b->space == KIR_GLOBAL) mix(d, d->call->arg.at[b->id]->buffer->place == PLAN_WEIGHT);
}

static void mix_expr(digest *d, const kir_expr *e)
{
    if (mix_pointer(d, e)) return;
    uint64_t bits;
    memcpy(&bits, &e->number, sizeof bits);
    mix(d, (uint64_t)e->kind << 16 | (uint64_t)e->type << 8 | e->op);
    mix(d, (uint64_t)e->integer);
    mix(d, bits);
    if (e->var) mix_pointer(d, e->var);
    if (e->buffer) mix_buffer(d, e->buffer);
    if (e->index) mix_index(d, e->index);
    if (e->a) mix_expr(d, e->a);
    if (e->b) mix_expr(d, e->b);
    if (e->c) mix_expr(d, e->c);
}

static void mix_stmt(digest *d, const kir_stmt *s)
{
    mix(d, (uint64_t)s->kind << 24 | (uint64_t)s->loop << 16 | s->op);
    mix(d, (uint64_t)s->fail);
    if (s->var) mix_pointer(d, s->var->sym ? (const void *)s->var->sym : s->var);
    if (s->buffer) mix_buffer(d, s->buffer);
    if (s->from) mix_buffer(d, s->from);
    const ir_sx *const index[] = {s->begin, s->end, s->index, s->from_index, s->count};
    for (size_t i = 0; i < sizeof index / sizeof *index; i++)
        if (index[i]) mix_index(d, index[i]);
    if (s->value) mix_expr(d, s->value);
    mix(d, (uint64_t)s->body.n);
    for (int i = 0; i < s->body.n; i++) mix_stmt(d, s->body.at[i]);
}

uint64_t sched_key(const sched_target *t, const kir_builder *b, const plan_call *call)
{
    digest d = {.hash = UINT64_C(0xcbf29ce484222325), .call = call};
    map_init(&d.number, b->scratch);
    mix_text(&d, t->device->name);
    mix(&d, (uint64_t)t->vector_bytes);
    mix_stmt(&d, b->func->body);
    return d.hash;
}

/* ---- what the book says ---------------------------------------------------------------------- */

/* The core's loops, those outside first. */
static int loops_of(const kir_stmt *s, const kir_stmt **loop, int n)
{
    for (int i = 0; i < s->body.n && n < SCHED_MAX_LOOPS; i++) {
        if (s->body.at[i]->kind == KIR_FOR) loop[n++] = s->body.at[i];
        n = n < SCHED_MAX_LOOPS ? loops_of(s->body.at[i], loop, n) : n;
    }
    return n;
}

/* Can the nest have it? Whether it comes out right, the verifier says. */
static bool fits(const sched_seen *k, const sched *s)
{
    enum { MOST_TRIPS = 16 }; /* of a loop that is written out */
    if (s->lanes_axis >= k->naxes || s->rows_axis >= k->naxes || s->lanes_axis == s->rows_axis) return false;
    if (s->lanes > k->lanes || s->lanes > k->extent[s->lanes_axis] || (s->lanes & (s->lanes - 1)) != 0) return false;
    if (s->vectors > 1 && (s->vectors - 1) * s->lanes >= k->extent[s->lanes_axis]) return false;
    if (s->unroll > k->nloops || (s->unroll && (k->trips[s->unroll - 1] < 1 || k->trips[s->unroll - 1] > MOST_TRIPS))) return false;
    if (!s->depth && (s->row_block || s->lane_block)) return false;
    if (s->depth && (s->depth >= k->deep || s->rows_axis < 0 || !s->lanes_outside || s->unroll)) return false;
    if (s->rows_axis < 0) return s->rows == 1 && !s->lanes_outside;
    return s->rows <= k->extent[s->rows_axis];
}

static sched_seen seen_of(const sched_target *t, k_nest *nest, uint64_t key, const sched *s, const kir_stmt **loop)
{
    sched_seen k = {.key = key, .s = *s, .naxes = nest->n, .lanes = t->vector_bytes / sched_widest(nest), .nloops = loops_of(nest->core, loop, 0)};
    for (int i = 0; i < nest->n; i++) k.extent[i] = sx_max(nest->axis[i].extent);
    k_blockable p;
    if (!t->strict && k_find_blockable(nest, &p)) k.deep = p.trips;
    for (int i = 0; i < k.nloops; i++) {
        const ir_sx *trips = sx_sub(nest->b->sx, loop[i]->end, loop[i]->begin);
        k.trips[i] = sx_is_const(trips) ? sx_value(trips) : 0;
        if (loop[i] == s->unrolled) k.s.unroll = i + 1;
    }
    return k;
}

static void note(sched_book *book, const sched_seen *k)
{
    for (int i = 0; i < book->seen.n; i++)
        if (book->seen.at[i].key == k->key) return;
    vec_push(book->arena, &book->seen, *k);
}

void sched_from_book(const sched_target *t, k_nest *nest, uint64_t key, sched *s)
{
    const kir_stmt *loop[SCHED_MAX_LOOPS] = {NULL};
    sched_seen k = seen_of(t, nest, key, s, loop);
    for (int i = 0; i < t->book->entry.n; i++) {
        sched_entry *e = &t->book->entry.at[i];
        if (e->key != key) continue;
        e->met = true;
        if (!fits(&k, &e->s)) e->unfit = true;
        if (e->unfit) continue;
        *s = k.s = e->s;
        s->unrolled = s->unroll ? loop[s->unroll - 1] : NULL;
    }
    note(t->book, &k);
}

bool sched_strike(sched_book *book, uint64_t key)
{
    bool any = false;
    for (int i = 0; i < book->entry.n; i++) {
        sched_entry *e = &book->entry.at[i];
        if (e->key != key || !e->met || e->unfit) continue;
        any = e->unfit = true;
    }
    return any;
}

/* ---- what there is beside it ----------------------------------------------------------------- */

typedef struct {
    nfc_arena *a;
    const sched_seen *k;
    int64_t registers;
    VEC(sched) found;
} search;

static void add(search *x, sched s)
{
    if (s.rows < 1 || s.vectors < 1 || s.lanes < 2 || !fits(x->k, &s) || s.rows * s.vectors + s.vectors + 1 > x->registers + s.vectors) return;
    for (int i = 0; i < x->found.n; i++)
        if (sched_alike(&x->found.at[i], &s)) return;
    vec_push(x->a, &x->found, s);
}

/* Tiles that are higher, lower, wider and narrower. */
static void add_tiles(search *x, const sched *s)
{
    static const int steps[] = {1, -1, 2, -2, 4, -4};
    for (int i = 0; s->rows_axis >= 0 && i < 6; i++) {
        sched other = *s;
        other.rows += steps[i];
        add(x, other);
    }
    for (int i = 0; i < 2; i++) {
        sched other = *s;
        other.vectors += steps[i];
        add(x, other);
        if (s->rows_axis < 0) continue;
        other.rows = other.vectors ? s->rows * s->vectors / other.vectors : 1;
        add(x, other);
    }
}

/* Other axes, with tiles of the same shape as far as there is room. */
static void add_axes(search *x, const sched *s)
{
    for (int axis = -1; axis < x->k->naxes; axis++) {
        sched other = *s;
        other.rows_axis = axis;
        other.rows = axis < 0 ? 1 : s->rows > 1 ? s->rows : 4;
        other.depth = other.row_block = other.lane_block = 0;
        if (axis >= 0 && other.rows > x->k->extent[axis]) other.rows = x->k->extent[axis];
        if (axis < 0) other.lanes_outside = false;
        add(x, other);
        if (axis < 0) continue;
        other = *s;
        other.lanes_axis = axis;
        if (other.rows_axis == axis) other.rows_axis = s->lanes_axis;
        if (other.rows_axis >= 0 && other.rows > x->k->extent[other.rows_axis]) other.rows = x->k->extent[other.rows_axis];
        while (other.lanes > x->k->extent[axis]) other.lanes /= 2;
        other.vectors = 1;
        add(x, other);
    }
}

/* Blocks that are longer and shorter, higher, wider, and none. */
static void add_blocks(search *x, const sched *s)
{
    enum { LEAST_DEPTH = 32 }; /* below it, storing the sums and loading them again takes as long as the products */
    sched other = *s;
    other.depth = other.row_block = other.lane_block = 0;
    add(x, other);
    if (s->depth >= 2 * LEAST_DEPTH || (!s->depth && x->k->deep >= 2 * LEAST_DEPTH)) {
        other = *s;
        other.depth = ((s->depth ? s->depth : x->k->deep) + 1) / 2;
        other.lanes_outside = true;
        add(x, other);
    }
    if (!s->depth) return;
    other = *s;
    other.depth *= 2;
    add(x, other);
    int64_t *const block[] = {&other.row_block, &other.lane_block};
    const int64_t tiles[] = {x->k->extent[s->rows_axis] / s->rows, x->k->extent[s->lanes_axis] / (s->vectors * s->lanes)};
    for (int i = 0; i < 2; i++) {
        other = *s;
        const int64_t now = *block[i] ? *block[i] : tiles[i];
        const int64_t next[] = {now / 2, 2 * now, 0};
        for (int k = 0; k < 3; k++) {
            *block[i] = next[k] >= tiles[i] ? 0 : next[k];
            add(x, other);
        }
    }
}

int sched_near(nfc_arena *a, const sched_seen *k, const sched *s, const sched_target *t, const sched **near)
{
    search x = {.a = a, .k = k, .registers = t->registers};
    add(&x, *s); /* so that it is none of the others */
    sched other = *s;
    other.lanes_outside = !s->lanes_outside;
    add(&x, other);
    add_tiles(&x, s);
    other = *s;
    other.lanes /= 2;
    other.vectors *= 2;
    add(&x, other);
    for (int i = 0; i <= k->nloops; i++) {
        other = *s;
        other.unroll = i;
        add(&x, other);
    }
    add_axes(&x, s);
    add_blocks(&x, s);
    *near = x.found.n ? x.found.at + 1 : NULL;
    return x.found.n ? x.found.n - 1 : 0;
}
