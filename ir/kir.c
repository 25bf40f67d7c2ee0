/* Building kernels: hash-consed expressions with the little algebra that keeps them short, and the
 * statements around them. */
#include "ir/kir.h"

#include <math.h>
#include <string.h>

const kir_op_info kir_un_table[KU_COUNT] = {
#define STMT(...)
#define EXPR(...)
#define UNOP(id, text, flags, doc) {#id, text, flags},
#define BINOP(...)
#define TILEOP(...)
#define DOTOP(...)
#include "ir/kir.def"
#undef UNOP
#undef BINOP
};

const kir_op_info kir_bin_table[KB_COUNT] = {
#define UNOP(...)
#define BINOP(id, text, flags, doc) {#id, text, flags},
#include "ir/kir.def"
#undef BINOP
#undef TILEOP
};

const char *const kir_tile_text[KT_COUNT] = {
#define BINOP(...)
#define TILEOP(id, text, doc) text,
#include "ir/kir.def"
#undef TILEOP
#undef DOTOP
};

const kir_dot_info kir_dot_table[KD_COUNT] = {
#define TILEOP(...)
#define DOTOP(id, text, a, b, sum, doc) {#id, text, DT_##a, DT_##b, DT_##sum},
#include "ir/kir.def"
#undef STMT
#undef EXPR
#undef UNOP
#undef BINOP
#undef TILEOP
#undef DOTOP
};

bool kir_computes(kir_type t)
{
    return t == KIR_INDEX_TYPE || (t < DT_COUNT && dtype_table[t].compute == (nfc_dtype)t && t != DT_string);
}

const char *kir_op_word(const kir_expr *e)
{
    static const char *const words[KB_COUNT] = {[KB_ADD] = "add", [KB_SUB] = "sub", [KB_MUL] = "mul", [KB_DIV] = "div"};
    if (e->kind == KIR_UN) return kir_un_table[e->op].text;
    return words[e->op] ? words[e->op] : kir_bin_table[e->op].text;
}

/* ---- kernels ------------------------------------------------------------------------------- */

static kir_stmt *stmt_new(kir_builder *b, kir_stmt_kind kind)
{
    kir_stmt *s = ARENA_NEW(b->arena, kir_stmt);
    s->kind = kind;
    return s;
}

void kir_begin(kir_builder *b, ir_module *m, const char *name)
{
    *b = (kir_builder){.m = m, .arena = m->arena, .sx = &m->sx};
    b->func = ARENA_NEW(b->arena, kir_func);
    b->func->name = name;
    map_init(&b->exprs, b->arena);
    b->func->body = stmt_new(b, KIR_SEQ);
    vec_push(b->arena, &b->open, b->func->body);
}

kir_buffer *kir_param(kir_builder *b, const char *name, nfc_dtype dtype, const ir_sx *size)
{
    kir_buffer *p = ARENA_NEW(b->arena, kir_buffer);
    *p = (kir_buffer){.name = name, .dtype = dtype, .space = KIR_GLOBAL, .size = size, .id = b->func->param.n};
    vec_push(b->arena, &b->func->param, p);
    return p;
}

static void add(kir_builder *b, kir_stmt *s)
{
    kir_stmt *into = vec_last(&b->open);
    vec_push(b->arena, &into->body, s);
}

kir_buffer *kir_alloc(kir_builder *b, const char *name, nfc_dtype dtype, int64_t size)
{
    kir_buffer *p = ARENA_NEW(b->arena, kir_buffer);
    *p = (kir_buffer){.name = name, .dtype = dtype, .space = KIR_LOCAL, .size = sx_int(b->sx, size), .id = b->func->local.n};
    vec_push(b->arena, &b->func->local, p);
    kir_stmt *s = stmt_new(b, KIR_ALLOC);
    s->buffer = p;
    add(b, s);
    return p;
}

/* ---- expressions --------------------------------------------------------------------------- */

static const kir_expr *cons(kir_builder *b, kir_expr e)
{
    uint64_t key[9] = {(uint64_t)e.kind | (uint64_t)e.type << 8 | (uint64_t)e.op << 16};
    key[1] = e.a ? (uint64_t)e.a->id + 1 : 0;
    key[2] = e.b ? (uint64_t)e.b->id + 1 : 0;
    key[3] = e.c ? (uint64_t)e.c->id + 1 : 0;
    key[4] = (uint64_t)e.integer;
    memcpy(&key[5], &e.number, 8);
    key[6] = e.var ? (uint64_t)e.var->id + 1 : 0;
    key[7] = e.buffer ? (uint64_t)(uintptr_t)e.buffer : 0;
    key[8] = e.index ? (uint64_t)e.index->id + 1 : 0;
    kir_expr *have = map_getn(&b->exprs, (const char *)key, sizeof key);
    if (have) return have;
    kir_expr *own = ARENA_NEW(b->arena, kir_expr);
    *own = e;
    own->id = b->func->nexpr++;
    map_setn(&b->exprs, (const char *)key, sizeof key, own);
    return own;
}

const kir_expr *kir_float(kir_builder *b, kir_type type, double value)
{
    if (type == DT_f32) value = (double)(float)value;
    return cons(b, (kir_expr){.kind = KIR_CONST, .type = type, .number = value});
}

/* The value that the type's width leaves of an integer. */
static int64_t wrapped(kir_type type, int64_t v)
{
    uint64_t cell = 0;
    if (type >= DT_COUNT) return v;
    dtype_set_int((nfc_dtype)type, &cell, 0, v);
    return dtype_get_int((nfc_dtype)type, &cell, 0);
}

const kir_expr *kir_int(kir_builder *b, kir_type type, int64_t value)
{
    if (type == KIR_INDEX_TYPE) return kir_index(b, sx_int(b->sx, value));
    return cons(b, (kir_expr){.kind = KIR_CONST, .type = type, .integer = wrapped(type, value)});
}

const kir_expr *kir_number(kir_builder *b, kir_type type, double value)
{
    if (type < DT_COUNT && dtype_is_float((nfc_dtype)type)) return kir_float(b, type, value);
    return kir_int(b, type, (int64_t)value);
}

const kir_expr *kir_index(kir_builder *b, const ir_sx *value)
{
    return cons(b, (kir_expr){.kind = KIR_INDEX, .type = KIR_INDEX_TYPE, .index = value});
}

const kir_expr *kir_load(kir_builder *b, kir_buffer *buffer, const ir_sx *index)
{
    return cons(b, (kir_expr){.kind = KIR_LOAD, .type = (kir_type)buffer->dtype, .buffer = buffer, .index = index});
}

const kir_expr *kir_word(kir_builder *b, kir_buffer *buffer, const ir_sx *index, int64_t elements)
{
    return cons(b, (kir_expr){.kind = KIR_LOAD, .type = DT_i32, .buffer = buffer, .index = index, .integer = elements});
}

const kir_expr *kir_dot_of(kir_builder *b, kir_dot op, const kir_expr *x, const kir_expr *y, const kir_expr *z)
{
    return cons(b, (kir_expr){.kind = KIR_DOT, .type = (kir_type)kir_dot_table[op].sum, .op = (uint8_t)op, .a = x, .b = y, .c = z});
}

const kir_expr *kir_var_ref(kir_builder *b, kir_var *var)
{
    if (var->sym) return kir_index(b, sx_sym(b->sx, var->sym));
    return cons(b, (kir_expr){.kind = KIR_VAR, .type = var->type, .var = var});
}

static bool is_bool_const(const kir_expr *x, bool value)
{
    return x->kind == KIR_CONST && x->type == DT_bool && (x->integer != 0) == value;
}

const kir_expr *kir_unary(kir_builder *b, kir_un op, const kir_expr *x)
{
    if (op == KU_NOT && x->kind == KIR_CONST) return kir_int(b, DT_bool, !x->integer);
    if (op == KU_NOT && x->kind == KIR_UN && x->op == KU_NOT) return x->a;
    if (op == KU_NEG && x->kind == KIR_CONST && dtype_is_float((nfc_dtype)x->type)) return kir_float(b, x->type, -x->number);
    if (op == KU_NEG && x->kind == KIR_INDEX) return kir_index(b, sx_sub(b->sx, sx_int(b->sx, 0), x->index));
    return cons(b, (kir_expr){.kind = KIR_UN, .type = x->type, .op = (uint8_t)op, .a = x});
}

/* Index arithmetic is the symbolic integers' affair; NULL where it stays an operator. */
static const kir_expr *index_binary(kir_builder *b, kir_bin op, const ir_sx *x, const ir_sx *y)
{
    switch (op) {
    case KB_ADD: return kir_index(b, sx_add(b->sx, x, y));
    case KB_SUB: return kir_index(b, sx_sub(b->sx, x, y));
    case KB_MUL: return kir_index(b, sx_mul(b->sx, x, y));
    case KB_DIV: return sx_is_const(y) && sx_value(y) > 0 && sx_min(x) >= 0 ? kir_index(b, sx_div(b->sx, x, sx_value(y))) : NULL;
    case KB_REM: return sx_is_const(y) && sx_value(y) > 0 && sx_min(x) >= 0 ? kir_index(b, sx_mod(b->sx, x, sx_value(y))) : NULL;
    case KB_MIN:
        if (sx_min(sx_sub(b->sx, y, x)) >= 0) return kir_index(b, x);
        return sx_min(sx_sub(b->sx, x, y)) >= 0 ? kir_index(b, y) : NULL;
    case KB_MAX:
        if (sx_min(sx_sub(b->sx, y, x)) >= 0) return kir_index(b, y);
        return sx_min(sx_sub(b->sx, x, y)) >= 0 ? kir_index(b, x) : NULL;
    default: break;
    }
    int64_t lo, hi; /* comparisons that the bounds decide */
    sx_range(sx_sub(b->sx, x, y), &lo, &hi);
    if (op == KB_LT && (hi < 0 || lo >= 0)) return kir_int(b, DT_bool, hi < 0);
    if (op == KB_LE && (hi <= 0 || lo > 0)) return kir_int(b, DT_bool, hi <= 0);
    if (op == KB_EQ && (lo > 0 || hi < 0 || (lo == 0 && hi == 0))) return kir_int(b, DT_bool, lo == 0 && hi == 0);
    if (op == KB_NE && (lo > 0 || hi < 0 || (lo == 0 && hi == 0))) return kir_int(b, DT_bool, !(lo == 0 && hi == 0));
    return NULL;
}

static bool is_zero(const kir_expr *x) { return x->kind == KIR_CONST && x->integer == 0; }

/* A float other than 0 and NaN: of what equals it there is no other. */
static bool is_unlike_others(const kir_expr *x)
{
    return x->kind == KIR_CONST && x->type < DT_COUNT && dtype_is_float((nfc_dtype)x->type) && x->number == x->number && x->number != 0;
}

const kir_expr *kir_binary(kir_builder *b, kir_bin op, const kir_expr *x, const kir_expr *y)
{
    const kir_expr *short_form = NULL;
    if (x->kind == KIR_INDEX && y->kind == KIR_INDEX) short_form = index_binary(b, op, x->index, y->index);
    if (op == KB_AND && is_bool_const(x, true)) short_form = y;
    if (op == KB_AND && (is_bool_const(y, true) || is_bool_const(x, false))) short_form = x;
    if (op == KB_AND && is_bool_const(y, false)) short_form = y;
    if (op == KB_OR && is_bool_const(x, false)) short_form = y;
    if (op == KB_OR && (is_bool_const(y, false) || is_bool_const(x, true))) short_form = x;
    if (op == KB_OR && is_bool_const(y, true)) short_form = y;
    bool is_unsigned = x->type < DT_COUNT && dtype_table[x->type].kind == DTC_UNSIGNED;
    if (is_unsigned && op == KB_LT && is_zero(y)) short_form = kir_int(b, DT_bool, 0);
    if (is_unsigned && op == KB_LE && is_zero(x)) short_form = kir_int(b, DT_bool, 1);
    bool is_order = op == KB_EQ || op == KB_NE || op == KB_LT || op == KB_LE;
    if (x == y && is_order && (x->type >= DT_COUNT || !dtype_is_float((nfc_dtype)x->type))) short_form = kir_int(b, DT_bool, op == KB_EQ || op == KB_LE);
    if (x == y && op == KB_BXOR) short_form = kir_int(b, x->type, 0);
    if (short_form) return short_form;
    bool is_bound = op == KB_MIN || op == KB_MAX;
    if (is_bound && is_unlike_others(y) && x->kind != KIR_CONST) return kir_binary(b, op, y, x); /* c > x ? c : x is one instruction, NaN or not */
    kir_type type = kir_bin_table[op].flags & KIRF_BOOL ? DT_bool : x->type;
    return cons(b, (kir_expr){.kind = KIR_BIN, .type = type, .op = (uint8_t)op, .a = x, .b = y});
}

const kir_expr *kir_fma(kir_builder *b, const kir_expr *x, const kir_expr *y, const kir_expr *z)
{
    return cons(b, (kir_expr){.kind = KIR_FMA, .type = x->type, .a = x, .b = y, .c = z});
}

const kir_expr *kir_select(kir_builder *b, const kir_expr *cond, const kir_expr *x, const kir_expr *y)
{
    if (is_bool_const(cond, true) || x == y) return x;
    if (is_bool_const(cond, false)) return y;
    return cons(b, (kir_expr){.kind = KIR_SELECT, .type = x->type, .a = cond, .b = x, .c = y});
}

static const kir_expr *cast_const(kir_builder *b, kir_type type, const kir_expr *x)
{
    bool from_float = dtype_is_float((nfc_dtype)x->type);
    uint64_t cell = 0;
    if (from_float) dtype_set((nfc_dtype)type, &cell, 0, x->number);
    else if (dtype_is_float((nfc_dtype)type)) dtype_set((nfc_dtype)type, &cell, 0, dtype_from_int((nfc_dtype)type, x->integer, x->type == DT_u64));
    else dtype_set_int((nfc_dtype)type, &cell, 0, x->integer);
    if (dtype_is_float((nfc_dtype)type)) return kir_float(b, type, dtype_get((nfc_dtype)type, &cell, 0));
    return kir_int(b, type, dtype_get_int((nfc_dtype)type, &cell, 0));
}

static bool is_whole(kir_type t) { return t < DT_COUNT && dtype_is_int((nfc_dtype)t); }

/* Is an integer that is cast to a narrower type the same there? */
static bool narrows_nothing(const kir_expr *x)
{
    int64_t lo, hi;
    if (!is_whole(x->type) || !is_whole(x->a->type) || dtype_table[x->type].bits >= dtype_table[x->a->type].bits) return false;
    kir_index_range(x->a, &lo, &hi);
    return lo >= dtype_min((nfc_dtype)x->type) && hi >= 0 && (uint64_t)hi <= (uint64_t)dtype_max((nfc_dtype)x->type);
}

const kir_expr *kir_cast(kir_builder *b, kir_type type, const kir_expr *x)
{
    if (x->type == type) return x;
    if (x->kind == KIR_CAST && x->a->type == type && !kir_computes(type)) return x->a; /* widened and back */
    if (x->kind == KIR_CAST && narrows_nothing(x)) return kir_cast(b, type, x->a);
    bool known = x->kind == KIR_INDEX && sx_is_const(x->index);
    if (known && (type == KIR_INDEX_TYPE || !dtype_is_float((nfc_dtype)type))) return kir_int(b, type, sx_value(x->index));
    if (known) return kir_number(b, type, dtype_from_int((nfc_dtype)type, sx_value(x->index), false));
    if (x->kind == KIR_CONST && kir_computes(type) && type != KIR_INDEX_TYPE) return cast_const(b, type, x);
    return cons(b, (kir_expr){.kind = KIR_CAST, .type = type, .a = x});
}

const kir_expr *kir_bits(kir_builder *b, kir_type type, const kir_expr *x)
{
    return cons(b, (kir_expr){.kind = KIR_UN, .type = type, .op = KU_BITS, .a = x});
}

/* What a value of the type can be, as far as 64 bits with a sign go. */
static void type_range(kir_type t, int64_t *lo, int64_t *hi)
{
    bool whole = t < DT_COUNT && !dtype_is_float((nfc_dtype)t);
    *lo = whole ? dtype_min((nfc_dtype)t) : INT64_MIN;
    *hi = whole && dtype_max((nfc_dtype)t) <= INT64_MAX ? (int64_t)dtype_max((nfc_dtype)t) : INT64_MAX;
}

/* An integer that its new type does not hold wraps; an index takes the largest for what is above it. */
static void cast_range(const kir_expr *x, int64_t *lo, int64_t *hi)
{
    int64_t tlo, thi;
    kir_index_range(x->a, lo, hi);
    type_range(x->type, &tlo, &thi);
    bool above = x->a->type == DT_u64 && *hi == INT64_MAX && x->type != KIR_INDEX_TYPE;
    if (*lo >= tlo && *hi <= thi && !above) return;
    *lo = tlo;
    *hi = thi;
}

void kir_index_range(const kir_expr *x, int64_t *lo, int64_t *hi)
{
    int64_t alo, ahi, blo, bhi;
    type_range(x->type, lo, hi);
    if (x->kind == KIR_INDEX) {
        sx_range(x->index, lo, hi);
    } else if (x->kind == KIR_CONST && is_whole(x->type) && (x->type != DT_u64 || x->integer >= 0)) {
        *lo = *hi = x->integer;
    } else if (x->kind == KIR_CAST && !(x->a->type < DT_COUNT && dtype_is_float((nfc_dtype)x->a->type))) {
        cast_range(x, lo, hi);
    } else if (x->kind == KIR_SELECT) {
        kir_index_range(x->b, &alo, &ahi);
        kir_index_range(x->c, &blo, &bhi);
        *lo = alo < blo ? alo : blo;
        *hi = ahi > bhi ? ahi : bhi;
    } else if (x->kind == KIR_BIN && (x->op == KB_MIN || x->op == KB_MAX || x->op == KB_REM)) {
        kir_index_range(x->a, &alo, &ahi);
        kir_index_range(x->b, &blo, &bhi);
        bool least = x->op == KB_MIN;
        if (x->op == KB_REM && (alo < 0 || bhi < 1)) return;
        *lo = x->op == KB_REM ? 0 : (alo < blo) == least ? alo : blo;
        *hi = x->op == KB_REM ? bhi - 1 : (ahi < bhi) == least ? ahi : bhi;
    } else if (x->kind == KIR_BIN && x->op == KB_BAND) {
        kir_index_range(x->a, &alo, &ahi);
        kir_index_range(x->b, &blo, &bhi);
        if (alo < 0 && blo < 0) return;
        *lo = 0;
        *hi = alo < 0 || (blo >= 0 && bhi < ahi) ? bhi : ahi;
    }
}

/* ---- statements ---------------------------------------------------------------------------- */

static kir_var *var_new(kir_builder *b, const char *name, kir_type type)
{
    kir_var *v = ARENA_NEW(b->arena, kir_var);
    *v = (kir_var){.name = name, .type = type, .id = b->func->nvar++};
    return v;
}

static kir_var *index_var(kir_builder *b, const char *name, int64_t lo, int64_t hi)
{
    kir_var *v = var_new(b, name, KIR_INDEX_TYPE);
    v->sym = sx_new_sym(b->sx, name, lo, hi, NO_SPAN);
    return v;
}

/* A loop of one iteration, or a guard that always holds, is its body: what follows goes where it stands. */
static void open_again(kir_builder *b)
{
    kir_stmt *here = vec_last(&b->open);
    vec_push(b->arena, &b->open, here);
}

const ir_sx *kir_for(kir_builder *b, kir_for_kind kind, const char *name, const ir_sx *begin, const ir_sx *end)
{
    if (sx_is(begin, 0) && sx_is(end, 1)) {
        open_again(b);
        return begin;
    }
    int64_t lo = sx_min(begin), hi = sx_max(end) - 1;
    kir_stmt *s = stmt_new(b, KIR_FOR);
    s->loop = kind;
    s->begin = begin;
    s->end = end;
    s->var = index_var(b, name, lo, hi < lo ? lo : hi);
    add(b, s);
    vec_push(b->arena, &b->open, s);
    return sx_sym(b->sx, s->var->sym);
}

int kir_grid(const kir_func *f, const kir_stmt *loop[KIR_MAX_GRID])
{
    int n = 0;
    for (const kir_stmt *s = f->body; n < KIR_MAX_GRID && s->body.n == 1; s = s->body.at[0]) {
        if (s->body.at[0]->kind != KIR_FOR || s->body.at[0]->loop != KIR_GRID) break;
        loop[n++] = s->body.at[0];
    }
    return n;
}

void kir_if(kir_builder *b, const kir_expr *cond)
{
    if (is_bool_const(cond, true)) {
        open_again(b);
        return;
    }
    kir_stmt *s = stmt_new(b, KIR_IF);
    s->value = cond;
    add(b, s);
    vec_push(b->arena, &b->open, s);
}

void kir_close(kir_builder *b) { b->open.n--; }

void kir_store(kir_builder *b, kir_buffer *buffer, const ir_sx *index, const kir_expr *value)
{
    kir_stmt *s = stmt_new(b, KIR_STORE);
    s->buffer = buffer;
    s->index = index;
    s->value = kir_cast(b, (kir_type)buffer->dtype, value);
    add(b, s);
}

void kir_accum(kir_builder *b, kir_bin op, kir_buffer *buffer, const ir_sx *index, const kir_expr *value)
{
    kir_stmt *s = stmt_new(b, KIR_ACCUM);
    s->buffer = buffer;
    s->index = index;
    s->op = (uint8_t)op;
    s->value = value;
    add(b, s);
}

void kir_copy(kir_builder *b, kir_buffer *to, const ir_sx *to_index, kir_buffer *from, const ir_sx *from_index, const ir_sx *count)
{
    kir_stmt *s = stmt_new(b, KIR_COPY);
    s->buffer = to;
    s->index = to_index;
    s->from = from;
    s->from_index = from_index;
    s->count = count;
    add(b, s);
}

void kir_prefetch(kir_builder *b, kir_buffer *buffer, const ir_sx *index)
{
    kir_stmt *s = stmt_new(b, KIR_PREFETCH);
    s->buffer = buffer;
    s->index = index;
    add(b, s);
}

/* ---- tiles --------------------------------------------------------------------------------- */

kir_buffer *kir_tile(kir_builder *b, const char *name, nfc_dtype dtype, int64_t rows, int64_t elements, int number)
{
    kir_buffer *t = kir_alloc(b, name, dtype, rows * elements);
    t->space = KIR_TILE_SPACE;
    t->rows = rows;
    t->tile = number;
    return t;
}

static kir_stmt *tile_stmt(kir_builder *b, kir_tile_op op, kir_buffer *buffer, kir_buffer *from)
{
    kir_stmt *s = stmt_new(b, KIR_TILE);
    s->op = (uint8_t)op;
    s->buffer = buffer;
    s->from = from;
    add(b, s);
    return s;
}

void kir_tile_zero(kir_builder *b, kir_buffer *tile) { tile_stmt(b, KT_ZERO, tile, NULL); }

void kir_tile_load(kir_builder *b, kir_buffer *tile, kir_buffer *from, const ir_sx *index, const ir_sx *step)
{
    kir_stmt *s = tile_stmt(b, KT_LOAD, tile, from);
    s->from_index = index;
    s->count = step;
}

void kir_tile_store(kir_builder *b, kir_buffer *to, const ir_sx *index, const ir_sx *step, kir_buffer *tile)
{
    kir_stmt *s = tile_stmt(b, KT_STORE, to, tile);
    s->index = index;
    s->count = step;
}

void kir_tile_dot(kir_builder *b, kir_buffer *sums, kir_buffer *x, const kir_buffer *w) { tile_stmt(b, KT_DOT, sums, x)->with = w; }

kir_dot kir_tile_dot_of(nfc_dtype x, nfc_dtype w, nfc_dtype sum)
{
    for (int i = 0; i < KD_COUNT; i++) {
        const kir_dot_info *d = &kir_dot_table[i];
        if (d->sum == sum && ((d->a == x && d->b == w) || (d->a == w && d->b == x))) return (kir_dot)i;
    }
    return KD_COUNT;
}

void kir_fail(kir_builder *b, int code)
{
    kir_stmt *s = stmt_new(b, KIR_FAIL);
    s->fail = code;
    add(b, s);
    b->func->can_fail = true;
}

void kir_note(kir_builder *b, const char *text)
{
    kir_stmt *s = stmt_new(b, KIR_NOTE);
    s->text = text;
    add(b, s);
}

static kir_stmt *let_stmt(kir_builder *b, kir_var *var, const kir_expr *value)
{
    kir_stmt *s = stmt_new(b, KIR_LET);
    s->var = var;
    s->value = value;
    return s;
}

const kir_expr *kir_let(kir_builder *b, const char *name, const kir_expr *value)
{
    if (value->kind == KIR_CONST || value->kind == KIR_VAR || value->kind == KIR_INDEX) return value;
    kir_var *v = var_new(b, name, value->type);
    add(b, let_stmt(b, v, value));
    return kir_var_ref(b, v);
}

const ir_sx *kir_let_index(kir_builder *b, const char *name, const kir_expr *value, int64_t lo, int64_t hi)
{
    if (value->kind == KIR_INDEX && sx_min(value->index) >= lo && sx_max(value->index) <= hi) return value->index;
    kir_var *v = index_var(b, name, lo, hi);
    add(b, let_stmt(b, v, value));
    return sx_sym(b->sx, v->sym);
}
