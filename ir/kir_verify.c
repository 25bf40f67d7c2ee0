/* What every kernel must keep: types, definition before use, accesses inside of their buffers, no
 * race between the iterations of a parallel loop. */
#include <string.h>
#include "ir/kir_check.h"

bool kv_breach(kv_checker *c, const char *format, ...)
{
    if (c->broken) return false;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(c->m->arena, format, args);
    va_end(args);
    c->broken = arena_printf(c->m->arena, "kernel %s: %s", c->f->name, text);
    return false;
}

/* ---- indices ------------------------------------------------------------------------------- */

static void find_symbol(void *env, const ir_sym *sym)
{
    kv_checker *c = env;
    for (int i = 0; i < c->f->scalar.n; i++)
        if (c->f->scalar.at[i] == sym) return;
    for (int i = 0; i < c->sym.n; i++)
        if (c->sym.at[i].sym == sym) return;
    kv_breach(c, "the index '%s' is used outside of its loop", sym->name);
}

static void find_variable(void *env, const ir_sym *sym)
{
    kv_checker *c = env;
    for (int i = 0; i < c->sym.n; i++) c->varies |= c->sym.at[i].sym == sym;
}

/* Is it the same in every iteration, an integer of the host? */
static bool is_uniform(kv_checker *c, const ir_sx *x)
{
    c->varies = false;
    sx_visit(x, find_variable, c);
    return !c->varies;
}

/* Symbolic integers divide downwards. Printers see to it where a dividend can be negative; what is
 * divided in every iteration must not be, for that would cost. */
static bool check_division(kv_checker *c, const ir_sx *x)
{
    if (x->kind == SX_DIV || x->kind == SX_MOD) {
        NEED(kv_never_negative(c, x->a) || is_uniform(c, x->a), "the dividend %s can be negative", sx_text(c->m->arena, x->a));
        return check_division(c, x->a);
    }
    for (int i = 0; i < x->nterm; i++)
        for (int k = 0; k < x->term[i].n; k++)
            if (!check_division(c, x->term[i].factor[k])) return false;
    return true;
}

static bool check_symbols(kv_checker *c, const ir_sx *x)
{
    sx_visit(x, find_symbol, c);
    return !c->broken && check_division(c, x);
}

/* What is accessed at once: so many rows of `count` elements, a number of elements apart. */
typedef struct {
    int64_t rows, apart;
    const ir_sx *count;
} kv_block;

/* The elements of a block count as loops more. */
static void run_over(kv_checker *c, kv_access *x, const ir_sx *count, int64_t apart)
{
    sx_table *t = &c->m->sx;
    if (sx_is(count, 1)) return;
    ir_sym *k = sx_new_sym(t, "block", 0, sx_max(count) - 1, NO_SPAN);
    x->index = sx_add(t, x->index, sx_mul(t, sx_sym(t, k), sx_int(t, apart)));
    vec_push(c->a, &x->inner, ((kv_scoped){k, sx_int(t, 0), sx_sub(t, count, sx_int(t, 1)), NULL}));
}

/* Notes an access for each open parallel loop that shares the buffer among its iterations. */
static void note_access(kv_checker *c, const kir_buffer *b, const ir_sx *index, const kv_block *block, bool writes)
{
    for (int i = 0; b->written && i < c->parallel.n; i++) {
        bool inner_local = false; /* made inside of the loop: each iteration has its own */
        for (int k = c->parallel_locals.at[i]; k < c->local.n; k++) inner_local |= c->local.at[k] == b;
        if (inner_local) continue;
        kv_access x = {.loop = c->parallel.at[i], .buffer = b, .index = index, .writes = writes};
        for (int k = c->sym.n - 1; c->sym.at[k].sym != x.loop->var->sym; k--) vec_push(c->a, &x.inner, c->sym.at[k]);
        run_over(c, &x, sx_int(&c->m->sx, block->rows), block->apart);
        run_over(c, &x, block->count, 1);
        vec_push(c->a, &c->access, x);
    }
}

static bool check_block(kv_checker *c, const kir_buffer *b, const ir_sx *index, const kv_block *block, bool writes)
{
    sx_table *t = &c->m->sx;
    if (!check_symbols(c, index)) return false;
    NEED(b->space != KIR_TILE_SPACE, "an element of the tile '%s' is accessed", b->name);
    bool known = b->space == KIR_GLOBAL;
    for (int i = 0; i < c->local.n; i++) known |= c->local.at[i] == b;
    NEED(known, "the local '%s' is used outside of its place", b->name);
    const ir_sx *end = sx_add(t, sx_add(t, index, sx_int(t, (block->rows - 1) * block->apart)), block->count), *room = sx_sub(t, b->size, end);
    NEED(kv_never_negative_here(c, index), "the index %s of '%s' can be negative", sx_text(c->m->arena, index), b->name);
    NEED(kv_never_negative_here(c, room), "the index %s of '%s' can reach its size %s", sx_text(c->m->arena, index), b->name, sx_text(c->m->arena, b->size));
    note_access(c, b, index, block, writes);
    return true;
}

static bool check_access(kv_checker *c, const kir_buffer *b, const ir_sx *index, const ir_sx *count, bool writes) { return check_block(c, b, index, &(kv_block){1, 0, count}, writes); }

/* ---- expressions --------------------------------------------------------------------------- */

static bool is_float(kir_type t) { return t < DT_COUNT && dtype_is_float((nfc_dtype)t); }

static bool check_un(kv_checker *c, const kir_expr *e)
{
    kir_type t = e->a->type;
    if (e->op == KU_BITS) {
        NEED(t < DT_COUNT && e->type < DT_COUNT && dtype_bytes((nfc_dtype)t) == dtype_bytes((nfc_dtype)e->type), "bits between types of different width");
        return true;
    }
    NEED(e->type == t, "%s changes its type", kir_un_table[e->op].text);
    if (e->op == KU_NOT) NEED(t == DT_bool, "not of a %d", t);
    else if (e->op == KU_BNOT) NEED(t < DT_COUNT && dtype_is_int((nfc_dtype)t), "bnot of a %d", t);
    else if (e->op == KU_SIXTEENTH) NEED(t == DT_f32, "sixteenth of a %d", t);
    else if (e->op != KU_NEG && e->op != KU_ABS) NEED(is_float(t), "%s of an integer", kir_un_table[e->op].text);
    return true;
}

static bool check_bin(kv_checker *c, const kir_expr *e)
{
    const char *name = kir_bin_table[e->op].text;
    NEED(e->a->type == e->b->type, "%s of two types, %d and %d", name, e->a->type, e->b->type);
    kir_type t = e->a->type;
    bool boolean = e->op == KB_AND || e->op == KB_OR;
    bool bits = e->op == KB_BAND || e->op == KB_BOR || e->op == KB_BXOR || e->op == KB_SHL || e->op == KB_SHR;
    NEED(!boolean || t == DT_bool, "%s of what is not bool", name);
    NEED(!bits || !is_float(t), "%s of floats", name);
    NEED(e->op != KB_REM || !is_float(t), "%s of floats", name);
    NEED((e->op != KB_FMOD && e->op != KB_POW && e->op != KB_SCALE) || is_float(t), "%s of integers", name);
    bool divides = t == KIR_INDEX_TYPE && (e->op == KB_DIV || e->op == KB_REM);
    NEED(!divides || (e->b->kind == KIR_INDEX && kv_is_positive(c, e->b->index)), "an index is divided by what can be 0");
    return true;
}

/* Is a load one of elements that a word holds? */
static bool is_word(const kir_expr *e)
{
    const size_t bytes = dtype_bytes(e->buffer->dtype);
    return e->type == DT_i32 && bytes < 4 && dtype_table[e->buffer->dtype].bits >= 8 && e->integer > 0 && e->integer <= kir_word_elements(e->buffer->dtype);
}

/* An operator that may be on f16. */
static bool is_of_halves(const kir_expr *e)
{
    if (e->kind == KIR_UN) return e->op == KU_NEG || e->op == KU_ABS || e->op == KU_SQRT;
    return e->kind == KIR_BIN && (e->op == KB_ADD || e->op == KB_SUB || e->op == KB_MUL || e->op == KB_DIV || e->op == KB_MIN || e->op == KB_MAX);
}

static bool check_expr(kv_checker *c, const kir_expr *e)
{
    if (!e) return true;
    if (!check_expr(c, e->a) || !check_expr(c, e->b) || !check_expr(c, e->c)) return false;
    bool operands = true, halves = true; /* arithmetic is on computing types only, some on f16, too */
    for (const kir_expr *const *k = (const kir_expr *const[]){e->a, e->b, e->c, NULL}; *k; k++) operands &= kir_computes((*k)->type), halves &= kir_computes_halves((*k)->type);
    halves &= is_of_halves(e);
    switch (e->kind) {
    case KIR_CONST: NEED(kir_computes_halves(e->type) && e->type != KIR_INDEX_TYPE, "a constant of a storage type"); return true;
    case KIR_VAR: {
        bool known = false;
        for (int i = 0; i < c->var.n; i++) known |= c->var.at[i] == e->var;
        NEED(known, "the value '%s' is used outside of its place", e->var->name);
        return true;
    }
    case KIR_INDEX: return check_symbols(c, e->index);
    case KIR_LOAD: NEED(!e->integer || is_word(e), "a word of '%s' that is none", e->buffer->name); return check_access(c, e->buffer, e->index, sx_int(&c->m->sx, e->integer ? e->integer : 1), false);
    case KIR_UN: NEED(operands || halves || e->op == KU_BITS, "%s of a storage type", kir_un_table[e->op].text); return check_un(c, e);
    case KIR_BIN: NEED(operands || halves, "%s of a storage type", kir_bin_table[e->op].text); return check_bin(c, e);
    case KIR_FMA: NEED(operands && is_float(e->type) && e->a->type == e->type && e->b->type == e->type && e->c->type == e->type, "fma of other types"); return true;
    case KIR_DOT: NEED(e->a->type == DT_i32 && e->b->type == DT_i32 && e->type == (kir_type)kir_dot_table[e->op].sum && (!e->c || e->c->type == e->type), "a dot product of other types"); return true;
    case KIR_SELECT: NEED(e->a->type == DT_bool && e->b->type == e->type && e->c->type == e->type, "select of other types"); return true;
    case KIR_CAST: NEED(kir_computes(e->type) || kir_computes(e->a->type), "a cast between storage types"); return true;
    }
    return false;
}

/* ---- guards -------------------------------------------------------------------------------- */

/* What the open guards say of an index: x <= y and x < y with x or y the index itself. */
static void guard_bounds(kv_checker *c, const kir_expr *g, const ir_sx *x, const ir_sx **lo, const ir_sx **hi)
{
    if (g->kind == KIR_BIN && g->op == KB_AND) {
        guard_bounds(c, g->a, x, lo, hi);
        guard_bounds(c, g->b, x, lo, hi);
        return;
    }
    if (g->kind != KIR_BIN || (g->op != KB_LT && g->op != KB_LE) || g->a->kind != KIR_INDEX || g->b->kind != KIR_INDEX) return;
    const ir_sx *strict = sx_int(&c->m->sx, g->op == KB_LT);
    if (g->a->index == x) *hi = sx_sub(&c->m->sx, g->b->index, strict);
    if (g->b->index == x) *lo = sx_add(&c->m->sx, g->a->index, strict);
}

static bool check_let(kv_checker *c, const kir_stmt *s)
{
    if (!check_expr(c, s->value)) return false;
    if (!s->var->sym) {
        vec_push(c->a, &c->var, s->var);
        return true;
    }
    const ir_sx *lo = sx_int(&c->m->sx, s->var->sym->lo), *hi = sx_int(&c->m->sx, s->var->sym->hi);
    int64_t vlo, vhi;
    kir_index_range(s->value, &vlo, &vhi);
    if (s->value->kind == KIR_INDEX) {
        const ir_sx *glo = NULL, *ghi = NULL;
        for (int i = 0; i < c->guard.n; i++) guard_bounds(c, c->guard.at[i], s->value->index, &glo, &ghi);
        if (glo && sx_min(glo) > vlo) vlo = sx_min(glo);
        if (ghi && sx_max(ghi) < vhi) vhi = sx_max(ghi);
        if (vhi > s->var->sym->hi && kv_never_negative(c, sx_sub(&c->m->sx, hi, s->value->index))) vhi = s->var->sym->hi; /* by the loops' ends */
        if (glo) lo = glo;
        if (ghi) hi = ghi;
    } else if (s->value->kind == KIR_BIN && s->value->op == KB_MIN && s->value->b->kind == KIR_INDEX) {
        hi = s->value->b->index; /* clamped to a bound that may be symbolic */
        if (vlo < 0 && (kv_is_positive(c, sx_add(&c->m->sx, hi, sx_int(&c->m->sx, 1))) || kv_never_negative(c, hi))) { /* which is not negative here */
            kir_index_range(s->value->a, &vlo, &(int64_t){0});
            if (vlo > 0) vlo = 0;
        }
    } else if (s->value->kind == KIR_BIN && s->value->op == KB_REM && s->value->b->kind == KIR_INDEX && vlo >= 0) {
        hi = sx_sub(&c->m->sx, s->value->b->index, sx_int(&c->m->sx, 1));
    }
    NEED(vlo >= s->var->sym->lo && vhi <= s->var->sym->hi, "'%s' can leave its bounds", s->var->name);
    vec_push(c->a, &c->sym, ((kv_scoped){s->var->sym, lo, hi, s->value->kind == KIR_INDEX ? s->value->index : NULL}));
    return true;
}

/* ---- tiles --------------------------------------------------------------------------------- */

/* A register holds the tile that was made last in it, and all that it holds in a kernel have one shape. */
static bool check_register(kv_checker *c, const kir_buffer *tile)
{
    NEED(tile->tile >= 0 && tile->tile < KIR_MAX_TILES && tile->rows > 0 && sx_value(tile->size) % tile->rows == 0, "the tile '%s' has no shape", tile->name);
    const kir_buffer **first = &c->tile[tile->tile];
    if (!*first) *first = tile;
    bool alike = (*first)->rows == tile->rows && sx_value((*first)->size) * (int64_t)dtype_bytes((*first)->dtype) == sx_value(tile->size) * (int64_t)dtype_bytes(tile->dtype);
    NEED(alike, "the tiles '%s' and '%s' are of two shapes in one register", (*first)->name, tile->name);
    c->in_register[tile->tile] = tile;
    return true;
}

static bool check_is_tile(kv_checker *c, const kir_buffer *b)
{
    bool known = false;
    for (int i = 0; i < c->local.n; i++) known |= c->local.at[i] == b;
    NEED(b->space == KIR_TILE_SPACE && known && c->in_register[b->tile] == b, "'%s' is no tile here", b->name);
    vec_push(c->a, &c->tile_use, b);
    return true;
}

/* At the end of a loop's body: what it needs of the tiles outside it has not taken the registers of. */
static bool check_tiles_stay(kv_checker *c, const kir_buffer *const *before, int first_use)
{
    for (int i = first_use; i < c->tile_use.n; i++) {
        const kir_buffer *tile = c->tile_use.at[i], *now = c->in_register[tile->tile];
        NEED(before[tile->tile] != tile || now == tile, "the tile '%s' takes the register of '%s', which is used in the next iteration", now->name, tile->name);
    }
    return true;
}

static bool check_tile_move(kv_checker *c, const kir_stmt *s, const kir_buffer *tile, const kir_buffer *memory, const ir_sx *index)
{
    NEED(tile->dtype == memory->dtype && memory->space != KIR_TILE_SPACE, "the tile '%s' holds another type", tile->name);
    NEED(sx_is_const(s->count) && sx_value(s->count) >= (s->op == KT_STORE ? kir_row_elements(tile) : 0), "the rows of the tile '%s' meet in memory", tile->name);
    return check_block(c, memory, index, &(kv_block){tile->rows, sx_value(s->count), sx_int(&c->m->sx, kir_row_elements(tile))}, s->op == KT_STORE);
}

static bool check_tile(kv_checker *c, const kir_stmt *s)
{
    const kir_buffer *to = s->buffer, *x = s->from, *w = s->with;
    if (s->op == KT_STORE) return check_is_tile(c, x) && check_tile_move(c, s, x, to, s->index);
    if (!check_is_tile(c, to)) return false;
    if (s->op == KT_ZERO) return true;
    if (s->op == KT_LOAD) return check_tile_move(c, s, to, x, s->from_index);
    if (!check_is_tile(c, x) || !check_is_tile(c, w)) return false;
    NEED(kir_tile_dot_of(x->dtype, w->dtype, to->dtype) != KD_COUNT, "the tiles '%s' and '%s' are multiplied in other types", x->name, w->name);
    const int64_t terms = kir_word_elements(x->dtype), depth = kir_row_elements(x);
    bool fit = to->rows == x->rows && w->rows * terms == depth && kir_row_elements(w) == kir_row_elements(to) * terms && to != x && to != w;
    NEED(fit, "the tiles '%s' and '%s' are of shapes that do not go together", x->name, w->name);
    return true;
}

/* ---- statements ---------------------------------------------------------------------------- */

static bool check_stmt(kv_checker *c, const kir_stmt *s);

static bool check_body(kv_checker *c, const kir_stmt *s);

static bool check_for(kv_checker *c, const kir_stmt *s)
{
    const char *why = s->loop == KIR_VECTOR ? kir_cannot_vector(c->m, c->f, s) : NULL;
    NEED(!why, "the loop '%s' cannot be vectors: %s", s->var->name, why);
    kv_raised list = {0};
    kv_raise_extent(c, &list, sx_sub(&c->m->sx, s->end, s->begin));
    bool ok = check_body(c, s);
    kv_lower_again(&list);
    return ok;
}

/* Inside of a guard what it says of one integer of the host is known of it. */
static void raise_guarded(kv_checker *c, kv_raised *list, const kir_expr *g)
{
    if (g->kind != KIR_BIN) return;
    if (g->op == KB_AND) {
        raise_guarded(c, list, g->a);
        raise_guarded(c, list, g->b);
    }
    if (g->op == KB_LT && g->a->kind == KIR_INDEX && sx_is(g->a->index, 0) && g->b->kind == KIR_INDEX) kv_raise_extent(c, list, g->b->index);
}

static bool check_if(kv_checker *c, const kir_stmt *s)
{
    kv_raised list = {0};
    raise_guarded(c, &list, s->value);
    bool ok = check_body(c, s);
    kv_lower_again(&list);
    return ok;
}

static bool check_body(kv_checker *c, const kir_stmt *s)
{
    int nsym = c->sym.n, nvar = c->var.n, nlocal = c->local.n, nguard = c->guard.n, nparallel = c->parallel.n, nuse = c->tile_use.n;
    const kir_buffer *in_register[KIR_MAX_TILES];
    memcpy(in_register, c->in_register, sizeof in_register);
    if (s->kind == KIR_FOR) {
        if (!check_symbols(c, s->begin) || !check_symbols(c, s->end) || (s->turn && !check_symbols(c, s->turn))) return false;
        vec_push(c->a, &c->sym, ((kv_scoped){s->var->sym, s->begin, sx_sub(&c->m->sx, s->end, sx_int(&c->m->sx, 1)), NULL}));
        if (s->loop == KIR_UNROLL || s->loop == KIR_VECTOR) NEED(sx_is_const(sx_sub(&c->m->sx, s->end, s->begin)), "the loop '%s' has no constant number of trips", s->var->name);
        if (kir_is_independent(s->loop)) {
            vec_push(c->a, &c->parallel, s);
            vec_push(c->a, &c->parallel_locals, c->local.n);
        }
    }
    if (s->kind == KIR_IF) {
        if (!check_expr(c, s->value)) return false;
        NEED(s->value->type == DT_bool, "a guard that is no bool");
        vec_push(c->a, &c->guard, s->value);
    }
    for (int i = 0; i < s->body.n; i++)
        if (!check_stmt(c, s->body.at[i])) return false;
    if (s->kind == KIR_FOR) {
        if (!check_tiles_stay(c, in_register, nuse)) return false;
        c->sym.n = nsym + 1;
        if (kir_is_independent(s->loop) && !kv_check_races(c, s)) return false;
    }
    c->sym.n = nsym;
    c->var.n = nvar;
    c->local.n = nlocal;
    c->guard.n = nguard;
    c->parallel.n = c->parallel_locals.n = nparallel;
    return true;
}

static bool check_stmt(kv_checker *c, const kir_stmt *s)
{
    const ir_sx *one = sx_int(&c->m->sx, 1);
    switch (s->kind) {
    case KIR_FOR: return check_for(c, s);
    case KIR_IF: return check_if(c, s);
    case KIR_SEQ: return check_body(c, s);
    case KIR_LET: return check_let(c, s);
    case KIR_ALLOC:
        NEED(sx_is_const(s->buffer->size), "a local of unknown size");
        if (s->buffer->space == KIR_TILE_SPACE && !check_register(c, s->buffer)) return false;
        vec_push(c->a, &c->local, s->buffer);
        return true;
    case KIR_STORE:
        NEED(s->value->type == (kir_type)s->buffer->dtype, "'%s' is stored another type", s->buffer->name);
        return check_expr(c, s->value) && check_access(c, s->buffer, s->index, one, true);
    case KIR_ACCUM:
        NEED(s->value->type == (kir_type)s->buffer->dtype && kir_computes(s->value->type), "'%s' accumulates another type", s->buffer->name);
        return check_expr(c, s->value) && check_access(c, s->buffer, s->index, one, true);
    case KIR_COPY:
        NEED(s->buffer->dtype == s->from->dtype, "a copy between two types");
        return check_access(c, s->buffer, s->index, s->count, true) && check_access(c, s->from, s->from_index, s->count, false);
    case KIR_TILE: return check_tile(c, s);
    case KIR_PREFETCH: return check_symbols(c, s->index);
    case KIR_FAIL:
    case KIR_NOTE: return true;
    }
    return false;
}

/* Every GRID loop is one of kir_grid()'s, and its bounds do not depend on another's variable. */
static bool check_grid(kv_checker *c, const kir_stmt *s, const kir_stmt *const *grid, int n)
{
    if (s->kind == KIR_FOR && s->loop == KIR_GRID) {
        bool outermost = false;
        for (int i = 0; i < n; i++) outermost |= grid[i] == s;
        NEED(outermost, "the grid loop '%s' is not around all of the kernel", s->var->name);
        for (int i = 0; i < n; i++) {
            const ir_sx *one = sx_int(&c->m->sx, 1), *extent = sx_sub(&c->m->sx, s->end, s->begin);
            NEED(kv_substitute(c, extent, grid[i]->var->sym, one) == extent && sx_is(s->begin, 0), "the grid loop '%s' is no part of a box", s->var->name);
        }
    }
    for (int i = 0; i < s->body.n; i++)
        if (!check_grid(c, s->body.at[i], grid, n)) return false;
    return true;
}

const char *kir_verify(ir_module *m, const kir_func *f)
{
    kv_checker c = {.m = m, .f = f, .a = arena_child(m->arena)};
    for (int i = 0; i < 2; i++)
        if (f->arg[i]) vec_push(c.a, &c.var, f->arg[i]);
    const kir_stmt *grid[KIR_MAX_GRID];
    check_grid(&c, f->body, grid, kir_grid(f, grid));
    check_stmt(&c, f->body);
    if (f->result) {
        for (int i = 0; i < f->body->body.n; i++)
            if (f->body->body.at[i]->kind == KIR_LET) vec_push(c.a, &c.var, f->body->body.at[i]->var);
        check_expr(&c, f->result);
    }
    arena_free(c.a);
    return c.broken;
}
