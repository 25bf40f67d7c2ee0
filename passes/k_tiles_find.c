/* Which sums of products are done in tiles, the tiles' shapes, and the constant as tiles. */
#include <string.h>
#include "ir/sat.h"
#include "passes/k_pack.h"
#include "passes/k_tiles_of.h"

/* ---- the sum ---------------------------------------------------------------------------------- */

static const plan_view *constant_of(const tiler *k, const kir_buffer *b)
{
    const plan_view *v = b->space == KIR_GLOBAL ? k->call->arg.at[b->id] : NULL;
    return v && v->buffer->place == PLAN_WEIGHT && v->buffer->weight && sx_is_const(v->offset) ? v : NULL;
}

/* The load under the widening of a factor, which may go by way of its computing type; NULL: it is none. */
static const kir_expr *widened_load(const kir_expr *e)
{
    for (bool outer = true; e->kind == KIR_CAST && (outer || e->type == kir_compute((nfc_dtype)e->type)); outer = false) e = e->a;
    return e->kind == KIR_LOAD && !e->integer && e->buffer->space == KIR_GLOBAL ? e : NULL;
}

static bool find_factors(tiler *k)
{
    const kir_expr *product = k->sum->value;
    if (product->kind != KIR_BIN || product->op != KB_MUL) return false;
    const kir_expr *a = widened_load(product->a), *b = widened_load(product->b);
    if (!a || !b || !constant_of(k, a->buffer) == !constant_of(k, b->buffer)) return false;
    k->w = constant_of(k, a->buffer) ? a : b;
    k->x = k->w == a ? b : a;
    const nfc_dtype x = k->x->buffer->dtype, w = k->w->buffer->dtype;
    if (k->x->buffer->written || dtype_bytes(x) != dtype_bytes(w) || dtype_bytes(x) > 2 || !k_has_tile_dot(k->target->device, x, w)) return false;
    if (kir_tile_dot_of(x, w, k->sum->buffer->dtype) == KD_COUNT || (dtype_is_float(x) && k->target->strict)) return false;
    k->terms = kir_word_elements(x);
    return true;
}

/* A nest of loops of known trips, each the only statement of the one outside, that adds products up. */
static bool find_loops(tiler *k, const kir_stmt *s)
{
    k->loops = s;
    k->chain.n = 0;
    for (; s->kind == KIR_FOR; s = s->body.at[0]) {
        bool known = s->loop == KIR_SERIAL && sx_is(s->begin, 0) && sx_is_const(s->end) && sx_value(s->end) > 0;
        if (!known || s->body.n != 1 || s->in_parts) return false;
        vec_push(k->r.b->scratch, &k->chain, s);
    }
    if (!k->chain.n || s->kind != KIR_ACCUM || s->op != KB_ADD || s->buffer->space != KIR_LOCAL) return false;
    for (int i = 0; i < k->chain.n; i++)
        if (sx_mentions(s->index, k->chain.at[i]->var->sym)) return false;
    k->along = vec_last(&k->chain);
    k->chain.n--;
    k->sum = s;
    return find_factors(k);
}

static int count_loops(const kir_stmt *s)
{
    int n = s->kind == KIR_FOR;
    for (int i = 0; i < s->body.n; i++) n += count_loops(s->body.at[i]);
    return n;
}

/* ---- its axes --------------------------------------------------------------------------------- */

/* How far a loop moves an index that is a sum of steps. */
static bool step_of(const tiler *k, const ir_sx *index, const ir_sym *sym, int64_t *step) { return sx_step(&k->m->sx, k_plain_index(k->nest, index), sym, step); }

/* Where a tile can have all rows: the longest of the other axes that the constant does not move along. */
static void find_over(tiler *k)
{
    if (k->nrows > k->tiles->rows) return;
    for (int i = 0; i < k->nest->n; i++) {
        const k_axis *x = &k->nest->axis[i];
        int64_t of_x, of_w;
        if (x == k->rows || x == k->columns || !sx_is_const(x->extent) || sx_value(x->extent) < 2 || sx_value(x->extent) <= k->nover) continue;
        if (!step_of(k, k->x->index, x->loop->var->sym, &of_x) || of_x < 1 || !step_of(k, k->w->index, x->loop->var->sym, &of_w) || of_w != 0) continue;
        k->over = x;
        k->nover = sx_value(x->extent);
        k->over_step = of_x;
    }
}

/* What is left of an index without the loops over the axes and the sum. */
static bool rest_of(tiler *k, const ir_sx *index, int64_t *rest)
{
    const ir_sx *x = k_plain_index(k->nest, index);
    for (int i = 0; i < k->nest->n; i++) x = sx_put(&k->m->sx, x, k->nest->axis[i].loop->var->sym, sx_int(&k->m->sx, 0));
    for (int i = 0; i < k->chain.n; i++) x = sx_put(&k->m->sx, x, k->chain.at[i]->var->sym, sx_int(&k->m->sx, 0));
    for (int i = 0; i < k->along_w.n; i++) x = sx_put(&k->m->sx, x, k->along_w.at[i].sym, sx_int(&k->m->sx, 0));
    if (sx_is_const(x)) *rest = sx_value(x);
    return sx_is_const(x);
}

/* The loops that move the constant, beside the columns and the innermost. */
static bool find_moving(tiler *k)
{
    nfc_arena *a = k->r.b->scratch;
    for (int i = 0; i < k->nest->n; i++) {
        const k_axis *x = &k->nest->axis[i];
        int64_t step;
        if (!step_of(k, k->w->index, x->loop->var->sym, &step)) return false;
        if (step == 0 || x == k->columns) continue;
        if (x == k->rows || !sx_is_const(x->extent)) return false;
        vec_push(a, &k->outer, ((tiles_loop){x->loop->var->sym, sx_value(x->extent), step}));
    }
    for (int i = 0; i < k->chain.n; i++) {
        int64_t step;
        if (!step_of(k, k->w->index, k->chain.at[i]->var->sym, &step)) return false;
        vec_push(a, &k->inner, ((tiles_loop){k->chain.at[i]->var->sym, sx_value(k->chain.at[i]->end), step}));
    }
    return true;
}

static void widen(int64_t reach[2], int64_t extent, int64_t step) { reach[step > 0] = sat_add(reach[step > 0], sat_mul(extent - 1, step)); }

/* Does every place lie in the constant? */
static bool lies_in(const tiler *k)
{
    const plan_view *v = constant_of(k, k->w->buffer);
    int64_t reach[2] = {sat_add(sx_value(v->offset), k->first), 0};
    reach[1] = reach[0];
    widen(reach, k->ncolumns, k->w_columns);
    for (int i = 0; i < k->along_w.n; i++) widen(reach, k->along_w.at[i].extent, k->along_w.at[i].step);
    for (int i = 0; i < k->outer.n; i++) widen(reach, k->outer.at[i].extent, k->outer.at[i].step);
    for (int i = 0; i < k->inner.n; i++) widen(reach, k->inner.at[i].extent, k->inner.at[i].step);
    return reach[0] >= 0 && reach[1] < ir_max_elements(v->buffer->weight->out[0]->type);
}

/* The innermost loop, and those around it that go on in x where it ends: the places of a window that lie side by side. */
static bool find_along(tiler *k)
{
    nfc_arena *a = k->r.b->scratch;
    const kir_stmt *s = k->along;
    k->trips = 1;
    for (;; s = k->chain.at[--k->chain.n]) {
        int64_t of_x, of_w;
        if (!step_of(k, k->x->index, s->var->sym, &of_x) || !step_of(k, k->w->index, s->var->sym, &of_w) || of_x != k->trips) return false;
        vec_push(a, &k->along_w, ((tiles_loop){s->var->sym, sx_value(s->end), of_w}));
        if (s != k->along) vec_push(a, &k->joined, s);
        k->trips *= sx_value(s->end);
        const kir_stmt *around = k->chain.n ? vec_last(&k->chain) : NULL;
        if (!around || !step_of(k, k->x->index, around->var->sym, &of_x) || of_x != k->trips) return true;
    }
}

/* Is the sum all that is stored, so that a tile's rows lie somewhere in memory as they are? */
static void find_result(tiler *k)
{
    const kir_stmt *core = k->nest->core, *first = core->body.n == 4 ? core->body.at[1] : NULL, *last = first ? core->body.at[3] : NULL;
    int64_t step;
    k->result = NULL;
    if (!first || core->body.at[0]->kind != KIR_ALLOC || core->body.at[0]->buffer != k->sum->buffer || core->body.at[2] != k->loops) return;
    if (first->kind != KIR_STORE || first->buffer != k->sum->buffer || first->value->kind != KIR_CONST || first->value->integer != 0 || first->value->number != 0) return;
    if (last->kind != KIR_STORE || last->buffer->dtype != k->sum->buffer->dtype || last->value->kind != KIR_LOAD || last->value->buffer != k->sum->buffer) return;
    if (!step_of(k, last->index, k->columns->loop->var->sym, &step) || step != 1) return;
    if (!step_of(k, last->index, k->rows->loop->var->sym, &k->result_step) || k->result_step < k->tiles->bytes / 4) return;
    if (k->over && !step_of(k, last->index, k->over->loop->var->sym, &k->result_over)) return;
    k->result = last;
}

bool k_tiles_find(tiler *k)
{
    const kir_stmt *core = k->nest->core, *found = NULL;
    sched s;
    int64_t step;
    for (int i = 0; i < core->body.n; i++)
        if (core->body.at[i]->kind == KIR_FOR && !found) found = core->body.at[i];
    if (!found || count_loops(core) - (core->kind == KIR_FOR) != count_loops(found) || !find_loops(k, found)) return false;
    if (!sched_pick(k->target, k->nest, k->call, false, &s) || s.lanes_axis < 0 || s.rows_axis < 0) return false;
    k->rows = &k->nest->axis[s.rows_axis];
    k->columns = &k->nest->axis[s.lanes_axis];
    if (!sx_is_const(k->rows->extent) || !sx_is_const(k->columns->extent)) return false;
    k->nrows = sx_value(k->rows->extent);
    k->ncolumns = sx_value(k->columns->extent);
    k->lanes = k->target->vector_bytes / sched_widest(k->nest);
    const ir_sym *rows = k->rows->loop->var->sym, *columns = k->columns->loop->var->sym;
    if (!find_along(k) || !step_of(k, k->x->index, columns, &step) || step != 0) return false;
    if (!step_of(k, k->x->index, rows, &k->row_step) || k->row_step < 1) return false;
    find_over(k);
    find_result(k);
    return step_of(k, k->w->index, columns, &k->w_columns) && k->w_columns != 0 && find_moving(k) && rest_of(k, k->w->index, &k->first) && lies_in(k);
}

/* ---- shapes ----------------------------------------------------------------------------------- */

static int64_t ceiling(int64_t a, int64_t by) { return (a + by - 1) / by; }

/* Elements of a chunk: as few chunks as there can be, as even as words allow. Floats are not multiplied with zeros, which
 * make NaNs of infinities: their chunks must come out even. */
static bool choose_depth(tiler *k)
{
    const int64_t most = k->tiles->bytes / (int64_t)dtype_bytes(k->x->buffer->dtype), whole = k->trips / k->terms * k->terms, room = most < whole ? most : whole;
    if (room < k->terms) return false;
    const int64_t least = ceiling(k->trips, room);
    for (int64_t chunks = least; chunks <= 2 * least; chunks++) {
        k->depth = ceiling(ceiling(k->trips, chunks), k->terms) * k->terms;
        bool even = k->trips % k->depth == 0;
        if (k->depth <= room && (even || !dtype_is_float(k->x->buffer->dtype))) return true;
    }
    return false;
}

/* Rows of a tile: as few tiles as there can be, as even as they come. */
static void choose_rows(tiler *k) { k->high = ceiling(k->nrows, ceiling(k->nrows, k->tiles->rows)); }

/* Tiles at once: those for which least is loaded, of equal ones the most. */
static void choose_tiles(tiler *k)
{
    const int64_t rows = k->over ? k->nover : ceiling(k->nrows, k->high), columns = ceiling(k->ncolumns, k->tiles->bytes / 4);
    double best = 0;
    for (int tall = 1; tall <= rows && tall < k->tiles->registers; tall++)
        for (int wide = 1; wide <= columns && tall * wide + tall + wide <= k->tiles->registers; wide++) {
            const double loads = (double)(ceiling(rows, tall) * columns + ceiling(columns, wide) * rows);
            if (best > 0 && (loads > best || (loads == best && tall * wide < k->tall * k->wide))) continue;
            best = loads;
            k->tall = tall;
            k->wide = wide;
        }
}

/* Column tiles that are done for one row tile before the next one is: as many as half of the cache holds, and as divide
 * all. */
static void choose_group(tiler *k)
{
    const int64_t whole = k->ncolumns / (k->wide * k->tiles->bytes / 4), bytes = sat_mul(sat_mul(k->wide * k->panel, k->steps), (int64_t)dtype_bytes(k->w->buffer->dtype));
    k->together = 1;
    for (int64_t n = 2; n <= whole; n++)
        if (whole % n == 0 && sat_mul(n, bytes) <= k->target->cache / 2) k->together = n;
}

static double filled(int64_t n, int64_t most) { return (double)n / (double)(ceiling(n, most) * most); }

double k_tiles_fill(const device_tiles *t, int64_t rows, int64_t bytes, int64_t columns)
{
    if (!t->registers || rows < 1 || bytes < 1 || columns < 1) return 0;
    return filled(rows, t->rows) * filled(bytes, t->bytes) * filled(columns, t->bytes / 4);
}

bool k_tiles_shape(tiler *k)
{
    if (!choose_depth(k)) return false;
    choose_rows(k);
    choose_tiles(k);
    const int64_t width = k->tiles->bytes / 4, chunks = ceiling(k->trips, k->depth);
    k->vectors = ceiling(k->ncolumns, width);
    k->panel = k->depth * width;
    k->steps = chunks;
    for (int i = 0; i < k->inner.n; i++) k->steps = sat_mul(k->steps, k->inner.at[i].extent);
    int64_t size = sat_mul(sat_mul(k->vectors, k->steps), k->panel);
    for (int i = 0; i < k->outer.n; i++) size = sat_mul(size, k->outer.at[i].extent);
    choose_group(k);
    return size < INT32_MAX && k_tiles_fill(k->tiles, k->nrows, k->trips * (int64_t)dtype_bytes(k->x->buffer->dtype), k->ncolumns) >= k->tiles->least_fill;
}

/* ---- the constant ------------------------------------------------------------------------------- */

typedef struct {
    const tiler *k;
    int64_t offset, size;
} packed_as;

/* Where a step of the loops that stand outside of one another leads. */
static int64_t place_of(const tiles_loop *loop, int n, int64_t number)
{
    int64_t place = 0;
    for (int i = n - 1; i >= 0; i--) {
        place += number % loop[i].extent * loop[i].step;
        number /= loop[i].extent;
    }
    return place;
}

/* The same of the innermost loops, which are kept the other way round. */
static int64_t along(const tiler *k, int64_t number)
{
    int64_t place = 0;
    for (int i = 0; i < k->along_w.n; i++) {
        place += number % k->along_w.at[i].extent * k->along_w.at[i].step;
        number /= k->along_w.at[i].extent;
    }
    return place;
}

/* One tile: a row for each word along the sum, in which the columns' words lie side by side. Elements that were in the
 * chunk before are 0. */
static char *pack_tile(const packed_as *as, const char *from, char *to, int64_t place, int64_t column, int64_t chunk)
{
    const tiler *k = as->k;
    const size_t width = dtype_bytes(k->w->buffer->dtype);
    const int64_t begin = chunk * k->depth, first = begin + k->depth > k->trips ? k->trips - k->depth : begin, columns = k->tiles->bytes / 4;
    for (int64_t word = first; word < first + k->depth; word += k->terms)
        for (int64_t n = column; n < column + columns; n++)
            for (int64_t at = word; at < word + k->terms; at++, to += width) {
                if (at < begin || n >= k->ncolumns) memset(to, 0, width);
                else memcpy(to, from + (size_t)(place + along(k, at) + n * k->w_columns) * width, width);
            }
    return to;
}

/* For each step of the axes outside, and each group of column tiles: for each step of the sum the group's tiles. */
static const void *packed(void *env, ir_module *m, const void *from)
{
    const packed_as *as = env;
    const tiler *k = as->k;
    const int64_t chunks = ceiling(k->trips, k->depth), columns = k->tiles->bytes / 4;
    char *all = arena_alloc(m->arena, (size_t)as->size * dtype_bytes(k->w->buffer->dtype)), *to = all;
    for (int64_t o = 0; o < as->size / (k->vectors * k->steps * k->panel); o++)
        for (int64_t group = 0; group < k->vectors; group += k->wide)
            for (int64_t s = 0; s < k->steps; s++)
                for (int64_t j = group; j < group + k->wide && j < k->vectors; j++) {
                    int64_t place = as->offset + k->first + place_of(k->outer.at, k->outer.n, o) + place_of(k->inner.at, k->inner.n, s / chunks);
                    to = pack_tile(as, from, to, place, j * columns, s % chunks);
                }
    return all;
}

void k_tiles_pack(tiler *k)
{
    const plan_view *old = constant_of(k, k->w->buffer);
    const nfc_dtype dtype = k->w->buffer->dtype;
    kir_buffer *from = k->w->buffer;
    packed_as as = {k, sx_value(old->offset), k->vectors * k->steps * k->panel};
    for (int i = 0; i < k->outer.n; i++) as.size *= k->outer.at[i].extent;
    ir_inst *c = k_constant(k->m, old->buffer->weight, dtype, as.size, packed, &as);
    c->out[0]->name = from->value ? from->value->name : from->name;
    k->packed = kir_param(k->r.b, from->name, dtype, sx_int(&k->m->sx, as.size));
    k->packed->value = c->out[0];
    k_add_constant(k->m, k->call, old, c);
    from->name = "unpacked"; /* nothing loads from it any more: it goes */
}
