/* Learned tables: trees, categories, pairs of classes. */
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

static const ir_sx *num(lw *l, int64_t v) { return sx_int(l->sx, v); }
static const kir_expr *i64(lw *l, int64_t v) { return kir_int(&l->b, DT_i64, v); }
static void assign(lw *l, kir_buffer *into, const kir_expr *value) { kir_store(&l->b, into, num(l, 0), value); }
static const kir_expr *load_at(lw *l, const ir_value *v, const ir_sx *i) { return lw_load(l, v, &i); }

/* ---- categories ---------------------------------------------------------------------------- */

static const kir_expr *equal(lw *l, const kir_expr *x, const kir_expr *y)
{
    const kir_expr *same = lw_bin(l, EQ, x, y);
    if (!dtype_is_float((nfc_dtype)x->type)) return same;
    return lw_bin(l, OR, same, lw_bin(l, AND, lw_bin(l, NE, x, x), lw_bin(l, NE, y, y)));
}

/* Over all keys from the last to the first: a choice, no jump, and the first one stays. */
static void find_number(lw *l, const ir_inst *inst, const ir_sx *const *index, kir_buffer *found)
{
    const ir_sx *n = inst->in[1]->type->dim[0];
    const kir_expr *x = lw_named(l, "x", lw_load(l, inst->in[0], index));
    const ir_sx *back = sx_sub(l->sx, sx_sub(l->sx, n, num(l, 1)), lw_for(l, "k", n));
    const kir_expr *here = kir_cast(&l->b, DT_i64, kir_index(&l->b, back));
    assign(l, found, lw_sel(l, equal(l, x, load_at(l, inst->in[1], back)), here, lw_read(l, found)));
    lw_close(l, 1);
}

/* One letter more of a word that agrees so far; NULL is the end of the shorter word. */
static void compare_letters(lw *l, kir_buffer *same, const ir_value *a, const ir_sx **at_a, const ir_value *b, const ir_sx **at_b)
{
    const kir_expr *x = lw_load(l, a, at_a), *y = b ? lw_load(l, b, at_b) : lw_number(l, x->type, 0);
    assign(l, same, lw_bin(l, AND, lw_read(l, same), equal(l, x, y)));
}

static void find_word(lw *l, const ir_inst *inst, const ir_sx **index, kir_buffer *found)
{
    const ir_value *x = inst->in[0], *keys = inst->in[1];
    int last = x->type->rank - 1;
    int64_t own = sx_value(x->type->dim[last]), length = sx_value(keys->type->dim[1]);
    int64_t both = own < length ? own : length, rest = (own > length ? own : length) - both;
    const ir_sx *key[2] = {lw_for(l, "k", keys->type->dim[0])};
    const kir_expr *open = lw_bin(l, LT, lw_read(l, found), i64(l, 0));
    if (both > 0) { /* most words differ in their first letter */
        index[last] = key[1] = num(l, 0);
        open = lw_bin(l, AND, open, equal(l, lw_load(l, x, index), lw_load(l, keys, key)));
    }
    lw_if(l, open);
    kir_buffer *same = lw_accumulator(l, "same", DT_bool, kir_int(&l->b, DT_bool, 1));
    if (both > 1) {
        map_init(&l->memo, l->m->arena);
        index[last] = key[1] = kir_for(&l->b, KIR_SERIAL, "c", num(l, 1), num(l, both));
        compare_letters(l, same, x, index, keys, key);
        lw_close(l, 1);
    }
    if (rest > 0) {
        index[last] = key[1] = sx_add(l->sx, num(l, both), lw_for(l, "c", num(l, rest)));
        if (own > length) compare_letters(l, same, x, index, NULL, NULL);
        else compare_letters(l, same, keys, key, NULL, NULL);
        lw_close(l, 1);
    }
    lw_if(l, lw_read(l, same));
    assign(l, found, kir_cast(&l->b, DT_i64, kir_index(&l->b, key[0])));
    lw_close(l, 3);
}

bool lo_find(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->out[0]->type;
    const ir_sx *index[IR_MAX_RANK];
    int loops = lw_for_shape(l, t->rank, t->dim, lw_axis_names(t->rank), index);
    kir_buffer *found = lw_accumulator(l, "found", DT_i64, i64(l, -1));
    if (inst->in[1]->type->rank == 2) find_word(l, inst, index, found);
    else find_number(l, inst, index, found);
    lw_store(l, 0, index, lw_read(l, found));
    lw_close(l, loops);
    return true;
}

/* ---- trees --------------------------------------------------------------------------------- */

typedef struct {
    const ir_value *x, *features, *thresholds, *modes, *true_to, *false_to, *roots, *targets, *weights, *first;
    int64_t nodes, leaves, votes;
    bool known;          /* the tables are constants, which shape inference has checked */
    kir_type next_type;  /* of what leads from node to node */
    const char *how;
    kir_buffer *score, *voted; /* voted: of MIN and MAX */
} forest;

static int64_t extent(const ir_value *v) { return sx_value(v->type->dim[0]); }

static forest forest_of(lw *l, const ir_inst *inst)
{
    ir_value *const *in = inst->in;
    forest f = {.x = in[0], .features = in[1], .thresholds = in[2], .modes = in[3], .true_to = in[4], .false_to = in[5], .roots = in[6], .targets = in[7], .weights = in[8], .first = ir_operand(inst, 9)};
    f.nodes = extent(f.features);
    f.votes = extent(f.targets);
    f.leaves = f.first ? extent(f.first) - 1 : f.votes;
    tree_fault(l->m, inst, &f.known);
    bool narrow = f.true_to->type->dtype == DT_i32 && f.false_to->type->dtype == DT_i32 && f.roots->type->dtype == DT_i32;
    f.next_type = narrow ? DT_i32 : DT_i64;
    f.how = inst->attr[ATTR_AT(tree_ensemble, aggregate)].s;
    return f;
}

static void fail_if(lw *l, const kir_expr *cond)
{
    kir_if(&l->b, cond);
    kir_fail(&l->b, KIR_FAIL_INDEX);
    kir_close(&l->b);
}

/* An element of a table as a place in another one; checked, unless it is known to be one. */
static const ir_sx *place(lw *l, const forest *f, const char *name, const kir_expr *value, const ir_sx *n)
{
    if (f->known && sx_is(n, 1)) return num(l, 0);
    const kir_expr *x = kir_cast(&l->b, KIR_INDEX_TYPE, value), *zero = kir_int(&l->b, KIR_INDEX_TYPE, 0);
    const ir_sx *last = sx_sub(l->sx, n, num(l, 1));
    if (!f->known) {
        int64_t lo, hi;
        kir_index_range(value, &lo, &hi);
        const ir_sx *raw = kir_let_index(&l->b, name, x, lo, hi);
        fail_if(l, lw_un(l, NOT, lw_inside(l, raw, n)));
        if (sx_is(n, 1)) return num(l, 0);
        x = kir_index(&l->b, raw);
        name = arena_printf(l->m->arena, "%s_at", name);
    }
    x = kir_binary(&l->b, KB_MIN, kir_binary(&l->b, KB_MAX, x, zero), kir_index(&l->b, last));
    return kir_let_index(&l->b, name, x, 0, sx_max(last));
}

/* Which comparisons the tables have: bit m is mode m. */
static unsigned modes_of(const forest *f)
{
    const uint8_t *data = ir_const_bytes(f->modes);
    unsigned modes = 0;
    for (int64_t i = 0; data && i < f->nodes; i++) modes |= 1u << (data[i] & 15);
    return data ? modes : 0x3f3f;
}

static const kir_expr *comparison(lw *l, int mode, const kir_expr *x, const kir_expr *threshold)
{
    switch (mode) {
    case 0: return lw_bin(l, LE, x, threshold);
    case 1: return lw_bin(l, LT, x, threshold);
    case 2: return lw_bin(l, LE, threshold, x);
    case 3: return lw_bin(l, LT, threshold, x);
    case 4: return lw_bin(l, EQ, x, threshold);
    default: return lw_bin(l, NE, x, threshold);
    }
}

/* Does the walk go the true way at a node? Only comparisons that some node has are in the code. */
static const kir_expr *decision(lw *l, const forest *f, const ir_sx *row, const ir_sx *node)
{
    unsigned modes = modes_of(f), kinds = (modes | modes >> 8) & 63;
    const ir_sx *which[2] = {row, place(l, f, "feature", load_at(l, f->features, node), f->x->type->dim[1])};
    const kir_expr *x = lw_named(l, "x", lw_load(l, f->x, which));
    const kir_expr *threshold = lw_named(l, "threshold", load_at(l, f->thresholds, node)), *mode = NULL, *yes = NULL;
    if (kinds & (kinds - 1) || (modes & 63 && modes >> 8)) mode = lw_named(l, "mode", load_at(l, f->modes, node));
    if (!f->known) {
        const kir_expr *kind = lw_bin(l, BAND, mode, kir_int(&l->b, DT_u32, 7));
        fail_if(l, lw_bin(l, OR, lw_bin(l, LT, kir_int(&l->b, DT_u32, 5), kind), lw_bin(l, LT, kir_int(&l->b, DT_u32, 13), mode)));
    }
    for (int m = 0; m < 6; m++) {
        if (!(kinds >> m & 1)) continue;
        const kir_expr *c = comparison(l, m, x, threshold);
        yes = yes ? lw_sel(l, lw_bin(l, EQ, lw_bin(l, BAND, mode, kir_int(&l->b, DT_u32, 7)), kir_int(&l->b, DT_u32, m)), c, yes) : c;
    }
    if (!(modes >> 8)) return yes;
    const kir_expr *missing = lw_bin(l, NE, x, x);
    if (modes & 63) missing = lw_bin(l, AND, missing, lw_bin(l, LT, kir_int(&l->b, DT_u32, 7), mode));
    return lw_bin(l, OR, yes, missing);
}

/* From the root that `at` holds to a leaf: as many steps as the deepest tree needs, of which those
 * behind the leaf do nothing. */
static void walk(lw *l, const forest *f, const ir_sx *row, int64_t depth, kir_buffer *at)
{
    if (f->nodes == 0) return;
    lw_for(l, "step", num(l, depth));
    lw_if(l, lw_bin(l, LE, kir_int(&l->b, f->next_type, 0), lw_read(l, at)));
    const ir_sx *node = place(l, f, "node", lw_read(l, at), num(l, f->nodes));
    const kir_expr *yes = kir_cast(&l->b, f->next_type, load_at(l, f->true_to, node));
    const kir_expr *no = kir_cast(&l->b, f->next_type, load_at(l, f->false_to, node));
    assign(l, at, yes == no ? yes : lw_sel(l, decision(l, f, row, node), yes, no)); /* one leaf is a tree too */
    lw_close(l, 2);
}

static void add_vote(lw *l, const forest *f, const ir_sx *vote, const ir_sx *n_targets)
{
    const ir_sx *target = place(l, f, "target", load_at(l, f->targets, vote), n_targets);
    kir_bin op = strcmp(f->how, "MIN") == 0 ? KB_MIN : strcmp(f->how, "MAX") == 0 ? KB_MAX : KB_ADD;
    kir_accum(&l->b, op, f->score, target, load_at(l, f->weights, vote));
    if (f->voted) kir_store(&l->b, f->voted, target, kir_int(&l->b, DT_bool, 1));
}

/* The place behind `vote` votes: up to all of them. */
static const ir_sx *vote_end(lw *l, const forest *f, const char *name, const ir_sx *leaf)
{
    return place(l, f, name, load_at(l, f->first, leaf), num(l, f->votes + 1));
}

static void add_votes(lw *l, const forest *f, kir_buffer *at, const ir_sx *n_targets)
{
    const kir_expr *reached = lw_read(l, at);
    if (!f->known) fail_if(l, lw_bin(l, LE, kir_int(&l->b, f->next_type, 0), reached));
    if (f->leaves == 0) return;
    const ir_sx *leaf = place(l, f, "leaf", lw_bin(l, SUB, kir_int(&l->b, f->next_type, -1), reached), num(l, f->leaves));
    if (!f->first) {
        add_vote(l, f, leaf, n_targets);
        return;
    }
    const ir_sx *begin = vote_end(l, f, "begin", leaf), *end = vote_end(l, f, "end", sx_add(l->sx, leaf, num(l, 1)));
    if (f->votes == 0) return;
    map_init(&l->memo, l->m->arena);
    add_vote(l, f, kir_for(&l->b, KIR_SERIAL, "vote", begin, end), n_targets);
    lw_close(l, 1);
}

static void clear_scores(lw *l, forest *f, nfc_dtype dtype, const ir_sx *n_targets)
{
    bool least = strcmp(f->how, "MIN") == 0, most = strcmp(f->how, "MAX") == 0;
    kir_type t = kir_compute(dtype);
    f->score = kir_alloc(&l->b, "score", (nfc_dtype)t, sx_value(n_targets));
    f->voted = least || most ? kir_alloc(&l->b, "voted", DT_bool, sx_value(n_targets)) : NULL;
    const ir_sx *e = lw_for(l, "e", n_targets);
    kir_store(&l->b, f->score, e, least ? lw_highest(l, dtype) : most ? lw_lowest(l, dtype) : lw_number(l, t, 0));
    if (f->voted) kir_store(&l->b, f->voted, e, kir_int(&l->b, DT_bool, 0));
    lw_close(l, 1);
}

bool lo_tree_ensemble(lw *l, const ir_inst *inst)
{
    forest f = forest_of(l, inst);
    const ir_type *y = inst->out[0]->type;
    kir_type t = kir_compute(y->dtype);
    const ir_sx *index[2] = {lw_for_parallel(l, "n", y->dim[0])};
    clear_scores(l, &f, y->dtype, y->dim[1]);
    const ir_sx *tree = lw_for(l, "tree", f.roots->type->dim[0]);
    kir_buffer *at = lw_accumulator(l, "at", f.next_type, kir_cast(&l->b, f.next_type, load_at(l, f.roots, tree)));
    walk(l, &f, index[0], ir_int(inst, ATTR_AT(tree_ensemble, depth)), at);
    add_votes(l, &f, at, y->dim[1]);
    lw_close(l, 1);
    index[1] = lw_for(l, "e", y->dim[1]);
    const kir_expr *score = kir_load(&l->b, f.score, index[1]);
    if (f.voted) score = lw_sel(l, kir_load(&l->b, f.voted, index[1]), score, lw_number(l, t, 0));
    if (strcmp(f.how, "AVERAGE") == 0 && extent(f.roots) > 1) score = lw_bin(l, DIV, score, lw_number(l, t, (double)extent(f.roots)));
    lw_store(l, 0, index, score);
    lw_close(l, 2);
    return true;
}

/* ---- pairs of classes ------------------------------------------------------------------------ */

typedef struct {
    const ir_value *r;
    const ir_sx *row, *n;
    kir_buffer *p, *q, *form, *done; /* q = Q p and form = p Q p, where Q is made of r as wanted */
} coupling;

static const kir_expr *f64(lw *l, double v) { return lw_number(l, DT_f64, v); }
static const kir_expr *whole(lw *l, const ir_sx *i) { return kir_index(&l->b, i); }
static void add_to(lw *l, kir_buffer *into, const kir_expr *value) { kir_accum(&l->b, KB_ADD, into, num(l, 0), value); }

static const kir_expr *pair(lw *l, const coupling *c, const ir_sx *i, const ir_sx *j)
{
    const ir_sx *index[3] = {c->row, i, j};
    return kir_cast(&l->b, DT_f64, lw_load(l, c->r, index));
}

/* Q[t][t]: the squares of what the others have against t. */
static const kir_expr *diagonal(lw *l, const coupling *c, const ir_sx *t)
{
    kir_buffer *sum = lw_accumulator(l, "own", DT_f64, f64(l, 0));
    const ir_sx *j = lw_for(l, "j", c->n);
    const kir_expr *against = lw_named(l, "against", lw_sel(l, lw_bin(l, EQ, whole(l, j), whole(l, t)), f64(l, 0), pair(l, c, j, t)));
    add_to(l, sum, lw_bin(l, MUL, against, against));
    lw_close(l, 1);
    return lw_named(l, "square", lw_read(l, sum));
}

/* Q[t][k] */
static const kir_expr *pair_term(lw *l, const coupling *c, const ir_sx *t, const ir_sx *k, const kir_expr *own)
{
    const kir_expr *mixed = lw_bin(l, MUL, lw_un(l, NEG, pair(l, c, k, t)), pair(l, c, t, k));
    return lw_named(l, "term", lw_sel(l, lw_bin(l, EQ, whole(l, k), whole(l, t)), own, mixed));
}

/* q = Q p, and whether p is good enough. */
static void judge(lw *l, const coupling *c, double good)
{
    assign(l, c->form, f64(l, 0));
    const ir_sx *t = lw_for(l, "t", c->n);
    const kir_expr *own = diagonal(l, c, t);
    kir_store(&l->b, c->q, t, f64(l, 0));
    const ir_sx *k = lw_for(l, "k", c->n);
    kir_accum(&l->b, KB_ADD, c->q, t, lw_bin(l, MUL, pair_term(l, c, t, k, own), kir_load(&l->b, c->p, k)));
    lw_close(l, 1);
    add_to(l, c->form, lw_bin(l, MUL, kir_load(&l->b, c->p, t), kir_load(&l->b, c->q, t)));
    lw_close(l, 1);
    kir_buffer *worst = lw_accumulator(l, "worst", DT_f64, f64(l, 0));
    t = lw_for(l, "t", c->n);
    kir_accum(&l->b, KB_MAX, worst, num(l, 0), lw_un(l, ABS, lw_bin(l, SUB, kir_load(&l->b, c->q, t), lw_read(l, c->form))));
    lw_close(l, 1);
    assign(l, c->done, lw_bin(l, LT, lw_read(l, worst), f64(l, good)));
}

/* p moves to the minimum along class t, and is normalised again; q and form follow. */
static void improve(lw *l, const coupling *c, const ir_sx *t)
{
    const kir_expr *own = diagonal(l, c, t), *q = lw_named(l, "q_t", kir_load(&l->b, c->q, t)), *form = lw_named(l, "form_was", lw_read(l, c->form));
    const kir_expr *step = lw_named(l, "move", lw_bin(l, DIV, lw_bin(l, SUB, form, q), own));
    const kir_expr *total = lw_named(l, "total", lw_bin(l, ADD, f64(l, 1), step));
    kir_accum(&l->b, KB_ADD, c->p, t, step);
    const kir_expr *more = lw_bin(l, MUL, step, lw_bin(l, ADD, lw_bin(l, MUL, step, own), lw_bin(l, MUL, f64(l, 2), q)));
    assign(l, c->form, lw_bin(l, DIV, lw_bin(l, DIV, lw_bin(l, ADD, form, more), total), total));
    const ir_sx *k = lw_for(l, "k", c->n);
    const kir_expr *moved = lw_bin(l, ADD, kir_load(&l->b, c->q, k), lw_bin(l, MUL, step, pair_term(l, c, t, k, own)));
    kir_store(&l->b, c->q, k, lw_bin(l, DIV, moved, total));
    kir_store(&l->b, c->p, k, lw_bin(l, DIV, kir_load(&l->b, c->p, k), total));
    lw_close(l, 1);
}

bool lo_pairwise_coupling(lw *l, const ir_inst *inst)
{
    coupling c = {.r = inst->in[0], .n = inst->in[0]->type->dim[1]};
    int64_t n = sx_value(c.n);
    if (n == 0) return true;
    const ir_sx *index[2] = {lw_for_parallel(l, "row", inst->out[0]->type->dim[0])};
    c.row = index[0];
    c.p = kir_alloc(&l->b, "p", DT_f64, n);
    c.q = kir_alloc(&l->b, "q", DT_f64, n);
    c.form = lw_accumulator(l, "form", DT_f64, f64(l, 0));
    c.done = lw_accumulator(l, "done", DT_bool, kir_int(&l->b, DT_bool, 0));
    kir_store(&l->b, c.p, lw_for(l, "k", c.n), f64(l, 1 / (double)n));
    lw_close(l, 1);
    lw_for(l, "round", num(l, n > 100 ? n : 100));
    lw_if(l, lw_un(l, NOT, lw_read(l, c.done)));
    judge(l, &c, 0.005 / (double)n);
    lw_if(l, lw_un(l, NOT, lw_read(l, c.done)));
    improve(l, &c, lw_for(l, "t", c.n));
    lw_close(l, 4);
    index[1] = lw_for(l, "k", c.n);
    lw_store(l, 0, index, kir_cast(&l->b, kir_compute(inst->in[0]->type->dtype), kir_load(&l->b, c.p, index[1])));
    lw_close(l, 2);
    return true;
}
