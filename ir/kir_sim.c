/* Runs kernels: the interpreter that needs no compiler and no hardware. */
#include <float.h>
#include <math.h>
#include <string.h>
#include "ir/kir.h"

typedef union {
    double f;
    int64_t i;
} cell;

typedef struct {
    nfc_arena *a;
    ir_module *m;
    const kir_func *f;
    void *const *param;
    void **local;          /* by id */
    cell *var;             /* by id */
    int64_t *sym;          /* by ir_sym.id */
    int64_t trips;         /* that loops may still make */
    int status;
} machine;

static int64_t symbol(void *env, const ir_sym *s) { return ((machine *)env)->sym[s->id]; }
static int64_t index_of(machine *k, const ir_sx *x) { return sx_eval(x, symbol, k); }
static void *data(machine *k, const kir_buffer *b) { return b->space == KIR_GLOBAL ? k->param[b->id] : k->local[b->id]; }
static bool is_float(kir_type t) { return t < DT_COUNT && dtype_is_float((nfc_dtype)t); }

/* Brings a result to the width of its type: f32 rounds, integers wrap. */
static cell fit(kir_type t, cell v)
{
    if (t == DT_f32) v.f = (double)(float)v.f;
    else if (t < DT_COUNT && !is_float(t)) {
        uint64_t wide = 0;
        dtype_set_int((nfc_dtype)t, &wide, 0, v.i);
        v.i = dtype_get_int((nfc_dtype)t, &wide, 0);
    }
    return v;
}

static cell eval(machine *k, const kir_expr *e);

static cell call(machine *k, const kir_func *fn, cell x, cell y)
{
    if (!fn) return (cell){.f = NAN};
    machine inner = {.a = k->a, .m = k->m, .f = fn, .sym = k->sym};
    cell room[256];
    inner.var = fn->nvar <= 256 ? room : ARENA_ARRAY(k->a, cell, fn->nvar);
    if (fn->arg[0]) inner.var[fn->arg[0]->id] = x;
    if (fn->arg[1]) inner.var[fn->arg[1]->id] = y;
    for (int i = 0; i < fn->body->body.n; i++) {
        const kir_stmt *s = fn->body->body.at[i];
        if (s->kind == KIR_LET) inner.var[s->var->id] = eval(&inner, s->value);
    }
    return eval(&inner, fn->result);
}

static cell bits_of(kir_type to, kir_type from, cell v)
{
    uint64_t raw = 0;
    if (is_float(from)) dtype_set((nfc_dtype)from, &raw, 0, v.f);
    else dtype_set_int((nfc_dtype)from, &raw, 0, v.i);
    if (is_float(to)) return (cell){.f = dtype_get((nfc_dtype)to, &raw, 0)};
    return (cell){.i = dtype_get_int((nfc_dtype)to, &raw, 0)};
}

static cell unary(machine *k, const kir_expr *e)
{
    cell x = eval(k, e->a), r = x;
    if (e->op == KU_BITS) return bits_of(e->type, e->a->type, x);
    if (kir_un_table[e->op].flags & KIRF_MATH) return call(k, kmath_unary(k->m, (kir_un)e->op, e->type), x, x);
    if (!is_float(e->type)) {
        if (e->op == KU_NEG) r.i = (int64_t)(0 - (uint64_t)x.i);
        if (e->op == KU_ABS && x.i < 0 && e->type != DT_u64) r.i = (int64_t)(0 - (uint64_t)x.i);
        if (e->op == KU_NOT) r.i = !x.i;
        if (e->op == KU_BNOT) r.i = ~x.i;
        return fit(e->type, r);
    }
    switch (e->op) {
    case KU_NEG: r.f = -x.f; break;
    case KU_ABS: r.f = fabs(x.f); break;
    case KU_SQRT: r.f = sqrt(x.f); break;
    case KU_FLOOR: r.f = floor(x.f); break;
    case KU_CEIL: r.f = ceil(x.f); break;
    case KU_RINT: r.f = nearbyint(x.f); break;
    case KU_TRUNC: r.f = trunc(x.f); break;
    case KU_SIXTEENTH: r.f = (float)KIR_SIXTEENTH_UNIT * exp2((double)(bits_of(DT_u32, DT_f32, x).i & 15) / 16); break;
    default: break;
    }
    return fit(e->type, r);
}

static cell float_binary(machine *k, const kir_expr *e, double x, double y)
{
    cell r = {0};
    switch (e->op) {
    case KB_ADD: r.f = x + y; break;
    case KB_SUB: r.f = x - y; break;
    case KB_MUL: r.f = x * y; break;
    case KB_DIV: r.f = x / y; break;
    case KB_MIN: r.f = isnan(x) || isnan(y) ? NAN : x < y ? x : y; break;
    case KB_MAX: r.f = isnan(x) || isnan(y) ? NAN : x > y ? x : y; break;
    case KB_SCALE: r.f = isnan(y) ? y : ldexp(x, y > 4096 ? 4096 : y < -4096 ? -4096 : (int)floor(y)); break;
    case KB_FMOD:
    case KB_POW: return call(k, kmath_binary(k->m, (kir_bin)e->op, e->type), (cell){.f = x}, (cell){.f = y});
    case KB_EQ: r.i = x == y; return r;
    case KB_NE: r.i = x != y; return r;
    case KB_LT: r.i = x < y; return r;
    case KB_LE: r.i = x <= y; return r;
    default: break;
    }
    return fit(e->type, r);
}

static cell int_binary(const kir_expr *e, int64_t x, int64_t y)
{
    kir_type t = e->a->type;
    bool is_unsigned = t < DT_COUNT && dtype_table[t].kind == DTC_UNSIGNED;
    uint64_t ux = (uint64_t)x, uy = (uint64_t)y;
    bool less = is_unsigned ? ux < uy : x < y;
    cell r = {0};
    switch (e->op) {
    case KB_ADD: r.i = (int64_t)(ux + uy); break;
    case KB_SUB: r.i = (int64_t)(ux - uy); break;
    case KB_MUL: r.i = (int64_t)(ux * uy); break;
    case KB_DIV: r.i = is_unsigned ? (int64_t)(ux / uy) : y == -1 ? (int64_t)(0 - ux) : x / y; break;
    case KB_REM: r.i = is_unsigned ? (int64_t)(ux % uy) : y == -1 ? 0 : x % y; break;
    case KB_MIN: r.i = less ? x : y; break;
    case KB_MAX: r.i = less ? y : x; break;
    case KB_EQ: r.i = x == y; break;
    case KB_NE: r.i = x != y; break;
    case KB_LT: r.i = less; break;
    case KB_LE: r.i = less || x == y; break;
    case KB_AND: r.i = x && y; break;
    case KB_OR: r.i = x || y; break;
    case KB_BAND: r.i = x & y; break;
    case KB_BOR: r.i = x | y; break;
    case KB_BXOR: r.i = x ^ y; break;
    case KB_SHL: r.i = (int64_t)(ux << (uy & 63)); break;
    case KB_SHR: r.i = (int64_t)((t == DT_i32 ? (uint64_t)(uint32_t)x : ux) >> (uy & 63)); break;
    default: break;
    }
    return fit(e->type, r);
}

static cell cast(kir_type to, kir_type from, cell v)
{
    uint64_t raw = 0;
    if (to == from) return v;
    if (to == KIR_INDEX_TYPE && from == DT_u64 && v.i < 0) return (cell){.i = INT64_MAX}; /* above every index */
    if (to == KIR_INDEX_TYPE && !is_float(from)) return v;
    if (to == KIR_INDEX_TYPE) to = DT_i64; /* saturates */
    if (is_float(from)) dtype_set((nfc_dtype)to, &raw, 0, v.f);
    else if (is_float(to)) dtype_set((nfc_dtype)to, &raw, 0, dtype_from_int((nfc_dtype)to, v.i, from == DT_u64));
    else dtype_set_int((nfc_dtype)to, &raw, 0, v.i);
    if (is_float(to)) return (cell){.f = dtype_get((nfc_dtype)to, &raw, 0)};
    return (cell){.i = dtype_get_int((nfc_dtype)to, &raw, 0)};
}

static cell load(machine *k, const kir_buffer *b, int64_t i)
{
    if (dtype_is_float(b->dtype)) return (cell){.f = dtype_get(b->dtype, data(k, b), (size_t)i)};
    return (cell){.i = dtype_get_int(b->dtype, data(k, b), (size_t)i)};
}

static cell load_word(machine *k, const kir_expr *e)
{
    const int64_t first = index_of(k, e->index), bits = dtype_table[e->buffer->dtype].bits;
    uint32_t word = 0;
    for (int64_t i = 0; i < e->integer; i++) {
        uint64_t raw = 0;
        memcpy(&raw, (const char *)data(k, e->buffer) + (size_t)(first + i) * dtype_bytes(e->buffer->dtype), dtype_bytes(e->buffer->dtype));
        word |= (uint32_t)dtype_get_int(bits == 8 ? DT_u8 : DT_u16, &raw, 0) << (i * bits);
    }
    return (cell){.i = (int32_t)word};
}

/* Element i of a word, as its bits. */
static uint64_t bits_of_word(nfc_dtype t, int64_t word, int i)
{
    uint64_t raw = 0;
    dtype_set_int(dtype_bytes(t) == 1 ? DT_u8 : DT_u16, &raw, 0, (int64_t)((uint32_t)word >> (i * dtype_table[t].bits)));
    return raw;
}

static int64_t of_word(nfc_dtype t, int64_t word, int i)
{
    const uint64_t raw = bits_of_word(t, word, i);
    return dtype_get_int(t, &raw, 0);
}

static double float_of_word(nfc_dtype t, int64_t word, int i)
{
    const uint64_t raw = bits_of_word(t, word, i);
    return dtype_get(t, &raw, 0);
}

static float no_subnormal(double x) { return fabs(x) < FLT_MIN ? copysignf(0, (float)x) : (float)x; }

/* As VDPBF16PS: Intel SDM, vol. 2. */
static cell float_dot(const kir_dot_info *d, int64_t x, int64_t y, double sum)
{
    float r = no_subnormal(sum);
    for (int i = kir_word_elements(d->a) - 1; i >= 0; i--) r = no_subnormal(fmaf(no_subnormal(float_of_word(d->a, x, i)), no_subnormal(float_of_word(d->b, y, i)), r));
    return (cell){.f = (double)r};
}

static cell dot(machine *k, const kir_expr *e)
{
    const kir_dot_info *d = &kir_dot_table[e->op];
    cell x = eval(k, e->a), y = eval(k, e->b), sum = e->c ? eval(k, e->c) : fit(e->type, (cell){0});
    if (is_float(e->type)) return float_dot(d, x.i, y.i, sum.f);
    for (int i = 0; i < kir_word_elements(d->a); i++) sum.i += of_word(d->a, x.i, i) * of_word(d->b, y.i, i);
    return fit(e->type, sum);
}

static void store(machine *k, const kir_buffer *b, int64_t i, cell v)
{
    if (dtype_is_float(b->dtype)) dtype_set(b->dtype, data(k, b), (size_t)i, v.f);
    else dtype_set_int(b->dtype, data(k, b), (size_t)i, v.i);
}

static cell eval(machine *k, const kir_expr *e)
{
    switch (e->kind) {
    case KIR_CONST: return is_float(e->type) ? (cell){.f = e->number} : (cell){.i = e->integer};
    case KIR_VAR: return k->var[e->var->id];
    case KIR_INDEX: return (cell){.i = index_of(k, e->index)};
    case KIR_LOAD: return e->integer ? load_word(k, e) : load(k, e->buffer, index_of(k, e->index));
    case KIR_UN: return unary(k, e);
    case KIR_BIN: {
        cell x = eval(k, e->a), y = eval(k, e->b);
        return is_float(e->a->type) ? float_binary(k, e, x.f, y.f) : int_binary(e, x.i, y.i);
    }
    case KIR_FMA: {
        cell x = eval(k, e->a), y = eval(k, e->b), z = eval(k, e->c);
        if (e->type == DT_f32) return (cell){.f = (double)fmaf((float)x.f, (float)y.f, (float)z.f)};
        return (cell){.f = fma(x.f, y.f, z.f)};
    }
    case KIR_DOT: return dot(k, e);
    case KIR_SELECT: return eval(k, eval(k, e->a).i ? e->b : e->c);
    case KIR_CAST: return cast(e->type, e->a->type, eval(k, e->a));
    }
    return (cell){0};
}

static void run(machine *k, const kir_stmt *s);

static void run_body(machine *k, const kir_stmt *s)
{
    for (int i = 0; i < s->body.n; i++) run(k, s->body.at[i]);
}

static void accumulate(machine *k, const kir_stmt *s)
{
    int64_t i = index_of(k, s->index);
    kir_expr e = {.kind = KIR_BIN, .op = s->op, .type = (kir_type)s->buffer->dtype};
    kir_expr operand = {.type = (kir_type)s->buffer->dtype};
    e.a = e.b = &operand;
    cell x = load(k, s->buffer, i), y = eval(k, s->value);
    store(k, s->buffer, i, is_float(e.type) ? float_binary(k, &e, x.f, y.f) : int_binary(&e, x.i, y.i));
}

/* Rows of a tile and of memory, one way or the other. */
static void move_tile(machine *k, const kir_buffer *tile, const kir_buffer *memory, int64_t at, int64_t step, bool load)
{
    const size_t bytes = dtype_bytes(tile->dtype), row = (size_t)kir_row_elements(tile) * bytes;
    for (int64_t i = 0; i < tile->rows; i++) {
        char *in_tile = (char *)data(k, tile) + (size_t)i * row, *in_memory = (char *)data(k, memory) + (size_t)(at + i * step) * bytes;
        if (load) memcpy(in_tile, in_memory, row);
        else memcpy(in_memory, in_tile, row);
    }
}

/* What one element of the sums takes: integers wrap; floats are summed up in f32, those at even places and those at odd ones
 * each by themselves (Intel SDM, TDPBF16PS). */
static cell tile_products(machine *k, const kir_stmt *s, int64_t m, int64_t n)
{
    const int64_t depth = kir_row_elements(s->from), terms = kir_word_elements(s->from->dtype), width = kir_row_elements(s->with);
    int64_t sum = 0;
    float parts[2] = {0, 0};
    for (int64_t i = 0; i < depth; i++) {
        const cell x = load(k, s->from, m * depth + i), w = load(k, s->with, i / terms * width + n * terms + i % terms);
        if (dtype_is_float(s->from->dtype)) parts[i % 2] = fmaf((float)x.f, (float)w.f, parts[i % 2]);
        else sum += x.i * w.i;
    }
    return dtype_is_float(s->from->dtype) ? (cell){.f = (double)(parts[0] + parts[1])} : (cell){.i = sum};
}

static void run_tile(machine *k, const kir_stmt *s)
{
    const kir_buffer *to = s->buffer;
    if (s->op == KT_ZERO) memset(data(k, to), 0, (size_t)sx_value(to->size) * dtype_bytes(to->dtype));
    if (s->op == KT_LOAD) move_tile(k, to, s->from, index_of(k, s->from_index), sx_value(s->count), true);
    if (s->op == KT_STORE) move_tile(k, s->from, to, index_of(k, s->index), sx_value(s->count), false);
    if (s->op != KT_DOT) return;
    const int64_t width = kir_row_elements(to);
    for (int64_t i = 0; i < sx_value(to->size); i++) {
        cell was = load(k, to, i), more = tile_products(k, s, i / width, i % width);
        if (dtype_is_float(to->dtype)) was.f += more.f;
        else was.i += more.i;
        store(k, to, i, fit((kir_type)to->dtype, was));
    }
}

static void run(machine *k, const kir_stmt *s)
{
    switch (s->kind) {
    case KIR_SEQ: run_body(k, s); break;
    case KIR_FOR: {
        int64_t end = index_of(k, s->end);
        for (int64_t i = index_of(k, s->begin); i < end && k->status != KIR_RAN_LONG; i++) {
            if (k->trips-- <= 0) k->status = KIR_RAN_LONG;
            k->sym[s->var->sym->id] = i;
            run_body(k, s);
        }
        break;
    }
    case KIR_IF:
        if (eval(k, s->value).i) run_body(k, s);
        break;
    case KIR_LET:
        if (s->var->sym) k->sym[s->var->sym->id] = eval(k, s->value).i;
        else k->var[s->var->id] = eval(k, s->value);
        break;
    case KIR_ALLOC: memset(k->local[s->buffer->id], 0x7f, (size_t)sx_value(s->buffer->size) * dtype_bytes(s->buffer->dtype)); break;
    case KIR_STORE: store(k, s->buffer, index_of(k, s->index), eval(k, s->value)); break;
    case KIR_ACCUM: accumulate(k, s); break;
    case KIR_COPY: {
        size_t bytes = dtype_bytes(s->buffer->dtype);
        memcpy((char *)data(k, s->buffer) + (size_t)index_of(k, s->index) * bytes, (const char *)data(k, s->from) + (size_t)index_of(k, s->from_index) * bytes, (size_t)index_of(k, s->count) * bytes);
        break;
    }
    case KIR_TILE: run_tile(k, s); break;
    case KIR_FAIL:
        if (!k->status) k->status = s->fail;
        break;
    case KIR_PREFETCH:
    case KIR_NOTE: break;
    }
}

int kir_run_within(nfc_arena *a, ir_module *m, const kir_func *f, void *const *buffer, const int64_t *scalar, int64_t trips)
{
    machine k = {.a = arena_child(a), .m = m, .f = f, .param = buffer, .trips = trips};
    k.local = ARENA_ARRAY(k.a, void *, f->local.n + 1);
    for (int i = 0; i < f->local.n; i++) k.local[i] = arena_alloc(k.a, (size_t)sx_value(f->local.at[i]->size) * dtype_bytes(f->local.at[i]->dtype));
    k.var = ARENA_ARRAY(k.a, cell, f->nvar + 1);
    k.sym = ARENA_ARRAY(k.a, int64_t, m->sx.nsym + 1);
    for (int i = 0; i < f->scalar.n; i++) k.sym[f->scalar.at[i]->id] = scalar[i];
    run(&k, f->body);
    arena_free(k.a);
    return k.status;
}

int kir_run(nfc_arena *a, ir_module *m, const kir_func *f, void *const *buffer, const int64_t *scalar)
{
    return kir_run_within(a, m, f, buffer, scalar, INT64_MAX);
}

bool kir_is_constant(const kir_expr *e)
{
    switch (e->kind) {
    case KIR_CONST: return true;
    case KIR_INDEX: return sx_is_const(e->index);
    case KIR_VAR:
    case KIR_LOAD: return false;
    default: return (!e->a || kir_is_constant(e->a)) && (!e->b || kir_is_constant(e->b)) && (!e->c || kir_is_constant(e->c));
    }
}

double kir_constant(ir_module *m, const kir_expr *e)
{
    machine k = {.a = arena_child(m->arena), .m = m};
    double result = eval(&k, e).f;
    arena_free(k.a);
    return result;
}
