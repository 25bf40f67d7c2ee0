/* THE kernel printer: C, GLSL, CUDA and HIP are dialects of it. */
#include <string.h>
#include "codegen/helpers.h"
#include "ir/names.h"

/* ---- indices ------------------------------------------------------------------------------- */

/* The largest magnitude that any part of an expression can reach, saturating. */
static int64_t magnitude(const ir_sx *x)
{
    int64_t sum = x->kind == SX_SUM ? (x->constant < 0 ? -(x->constant + 1) : x->constant) : 0, lo, hi;
    sx_range(x, &lo, &hi);
    if (lo == INT64_MIN) return INT64_MAX;
    if (x->a && magnitude(x->a) > sum) sum = magnitude(x->a);
    for (int i = 0; i < x->nterm; i++) {
        int64_t product = x->term[i].coef < 0 ? -x->term[i].coef : x->term[i].coef;
        for (int k = 0; k < x->term[i].n; k++)
            if (__builtin_mul_overflow(product, magnitude(x->term[i].factor[k]), &product)) return INT64_MAX;
        if (__builtin_add_overflow(sum, product, &sum)) return INT64_MAX;
    }
    int64_t reach = hi > -lo ? hi : -lo;
    if (x->a && sx_min(x->a) < 0) { /* it is moved up before it is divided */
        int64_t room;
        if (__builtin_sub_overflow(sx_max(x->a), sx_min(x->a), &room) || __builtin_add_overflow(room, x->constant, &room)) return INT64_MAX;
        if (room > reach) reach = room;
    }
    return reach > sum ? reach : sum;
}

static bool fits_32(const ir_sx *x) { return !x || magnitude(x) < INT32_MAX; }

static bool expr_fits_32(const kir_expr *e)
{
    if (!e) return true;
    if (e->kind == KIR_CAST && e->type == KIR_INDEX_TYPE && dtype_bytes((nfc_dtype)e->a->type) > 4) return false;
    if (e->kind == KIR_CAST && e->type == KIR_INDEX_TYPE && e->a->type == DT_u32) return false;
    return fits_32(e->index) && expr_fits_32(e->a) && expr_fits_32(e->b) && expr_fits_32(e->c);
}

static bool stmt_fits_32(const kir_stmt *s)
{
    bool ok = fits_32(s->begin) && fits_32(s->end) && fits_32(s->index) && fits_32(s->from_index) && fits_32(s->count) && expr_fits_32(s->value);
    if (s->var && s->var->sym && (s->var->sym->hi > INT32_MAX || s->var->sym->lo < INT32_MIN)) ok = false;
    for (int i = 0; ok && i < s->body.n; i++) ok = stmt_fits_32(s->body.at[i]);
    return ok;
}

bool cg_needs_wide_index(const kir_func *f)
{
    for (int i = 0; i < f->scalar.n; i++)
        if (f->scalar.at[i]->hi > INT32_MAX || f->scalar.at[i]->lo < INT32_MIN) return true;
    for (int i = 0; i < f->param.n; i++)
        if (!fits_32(f->param.at[i]->size)) return true;
    return !stmt_fits_32(f->body);
}

static const char *factor_text(cg_module *c, const ir_sx *f);

static const char *integer(cg_module *c, int64_t v)
{
    return arena_printf(c->arena, "%lld%s", (long long)v, v > INT32_MAX || v < INT32_MIN ? c->dialect->wide_suffix : "");
}

static const char *term_text(cg_module *c, const sx_term *m)
{
    int64_t coef = m->coef < 0 ? -m->coef : m->coef;
    const char *sum = "";
    for (int k = 0; k < m->n; k++) sum = arena_printf(c->arena, "%s%s%s", sum, k ? " * " : "", factor_text(c, m->factor[k]));
    return coef == 1 ? sum : arena_printf(c->arena, "%s * %s", sum, integer(c, coef));
}

static const char *factor_text(cg_module *c, const ir_sx *f) { return cg_index(c, f, true); }

/* Rounded down; C rounds toward zero, so what may be negative is moved up by a multiple of the divisor. */
static const char *quotient_text(cg_module *c, const ir_sx *x, bool as_factor)
{
    int64_t least = sx_min(x->a), by = x->constant, times = least < 0 ? -(least / by) + (least % by != 0) : 0;
    const char *divided = factor_text(c, x->a), *by_text = integer(c, by);
    if (times) divided = arena_printf(c->arena, "(%s + %s)", divided, integer(c, times * by));
    if (x->kind == SX_MOD || !times) return arena_printf(c->arena, as_factor ? "(%s %c %s)" : "%s %c %s", divided, x->kind == SX_DIV ? '/' : '%', by_text);
    return arena_printf(c->arena, as_factor ? "(%s / %s - %s)" : "%s / %s - %s", divided, by_text, integer(c, times));
}

const char *cg_index(cg_module *c, const ir_sx *x, bool as_factor)
{
    switch (x->kind) {
    case SX_SYM: return x->sym->is ? cg_index(c, x->sym->is, as_factor) : name_identifier(c->arena, x->sym->name);
    case SX_DIV:
    case SX_MOD: return quotient_text(c, x, as_factor);
    case SX_SUM: break;
    }
    if (x->nterm == 0) return arena_printf(c->arena, as_factor && x->constant < 0 ? "(%s)" : "%s", integer(c, x->constant));
    const char *sum = "";
    bool lead = x->term[0].coef < 0 && x->constant > 0; /* "3 - i" rather than "-i + 3" */
    if (lead) sum = integer(c, x->constant);
    for (int i = 0; i < x->nterm; i++) {
        bool minus = x->term[i].coef < 0, first = i == 0 && !lead;
        sum = arena_printf(c->arena, "%s%s%s", sum, first ? (minus ? "-" : "") : minus ? " - " : " + ", term_text(c, &x->term[i]));
    }
    if (x->constant && !lead) sum = arena_printf(c->arena, "%s %c %s", sum, x->constant < 0 ? '-' : '+', integer(c, x->constant < 0 ? -x->constant : x->constant));
    return as_factor ? arena_printf(c->arena, "(%s)", sum) : sum;
}

/* ---- expressions --------------------------------------------------------------------------- */

const char *cg_bare(cg_module *c, const char *e)
{
    size_t n = strlen(e);
    if (n < 2 || e[0] != '(' || e[n - 1] != ')') return e;
    int depth = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        depth += (e[i] == '(') - (e[i] == ')');
        if (depth == 0) return e;
    }
    return arena_strndup(c->arena, e + 1, n - 2);
}

static bool is_float(kir_type t) { return t < DT_COUNT && dtype_is_float((nfc_dtype)t); }
static bool is_always_qualified(kir_type t) { return is_float(t) || t == DT_bool; }
static bool is_qualified(const kir_buffer *b) { return b->space == KIR_GLOBAL || is_always_qualified((kir_type)b->dtype); }

/* Are there sums or products of floats in a value? */
static bool computes_floats(const kir_expr *e)
{
    if (!e) return false;
    if (e->kind == KIR_BIN && is_float(e->type)) return true;
    return computes_floats(e->a) || computes_floats(e->b) || computes_floats(e->c);
}

/* How a value is declared, "const float". */
static const char *let_type(cg_module *c, kir_type t, const kir_expr *value)
{
    const dialect *d = c->dialect;
    bool qualified = !d->rounded || is_always_qualified(t) || !computes_floats(value);
    bool constant = !d->folds_wide || !is_float(t) || !kir_is_constant(value); /* else the compiler would go on with it */
    return arena_printf(c->arena, "%s%s%s", constant ? "const " : "", qualified ? "" : arena_printf(c->arena, "%s ", d->rounded), d->compute_type(t, c->wide));
}

static void print_let(cg_module *c, text *t, const kir_stmt *s)
{
    if (c->lanes && kir_is_vector(c->lanes, s->var)) c->dialect->vectors->let(c, t, s);
    else line(t, "%s %s = %s;", let_type(c, s->var->type, s->value), s->var->name, cg_bare(c, cg_expr(c, s->value)));
}

static void print_scalar_function(cg_module *c, text *t, const kir_func *f, const char *name)
{
    c->dialect->begin_scalar(c, t, f, name);
    for (int i = 0; i < f->body->body.n; i++) print_let(c, t, f->body->body.at[i]);
    line(t, "return %s;", cg_bare(c, c->lanes ? c->dialect->vectors->kept(c, f->result) : cg_expr(c, f->result)));
    close_brace(t);
}

/* The body of the function: of the flavour that the device has instructions for. */
static const kir_func *body_of(cg_module *c, bool is_binary, int op, kir_type type, int64_t lanes)
{
    const char *const needs[] = {"fma", "scale", "lookup"};
    kmath_means means = KMATH_PLAIN;
    while (means < KMATH_LOOKS_UP && !c->strict && device_instruction(c->device, needs[means], (nfc_dtype)type, lanes)) means++;
    if (means == KMATH_LOOKS_UP && lanes > 1 && lanes != SIXTEENTHS) means = KMATH_SCALES;
    if (means != KMATH_PLAIN) return kmath_fused(c->m, is_binary, op, type, means);
    return is_binary ? kmath_binary(c->m, (kir_bin)op, type) : kmath_unary(c->m, (kir_un)op, type);
}

const char *cg_scalar_function(cg_module *c, bool is_binary, int op, kir_type type, int64_t lanes)
{
    const kir_func *f = body_of(c, is_binary, op, type, lanes);
    const char *name = arena_printf(c->arena, "nf_%s_%s", is_binary ? kir_bin_table[op].text : kir_un_table[op].text, dtype_name((nfc_dtype)type));
    if (lanes > 1) name = arena_printf(c->arena, "%sx%lld", name, (long long)lanes);
    if (map_get(&c->have, name)) return name;
    map_set(&c->have, name, c);
    text *own = text_new(c->arena); /* what it calls must stand before it */
    bool wide = c->wide;
    kir_lanes *outside = c->lanes, inside;
    nfc_map masks = c->masks;
    c->wide = false;
    c->lanes = lanes > 1 ? &inside : NULL;
    if (lanes > 1) {
        kir_lanes_of_function(&inside, c->m, c->arena, f, lanes);
        map_init(&c->masks, c->arena);
    }
    print_scalar_function(c, own, f, name);
    put(c->helpers, "%s\n", own->at);
    c->wide = wide;
    c->lanes = outside;
    c->masks = masks;
    return name;
}

static const char *call(cg_module *c, const char *function, const char *a, const char *b)
{
    return b ? arena_printf(c->arena, "%s(%s, %s)", function, a, b) : arena_printf(c->arena, "%s(%s)", function, a);
}

static const char *unary(cg_module *c, const kir_expr *e)
{
    const char *a = cg_expr(c, e->a);
    const kir_op_info *op = &kir_un_table[e->op];
    if (op->flags & KIRF_MATH) return call(c, cg_scalar_function(c, false, e->op, e->type, 1), cg_bare(c, a), NULL);
    return c->dialect->un(c, e, a);
}

static const char *binary(cg_module *c, const kir_expr *e)
{
    const char *a = cg_expr(c, e->a), *b = cg_expr(c, e->b);
    const kir_op_info *op = &kir_bin_table[e->op];
    if (op->flags & KIRF_MATH) return call(c, cg_scalar_function(c, true, e->op, e->type, 1), cg_bare(c, a), cg_bare(c, b));
    const char *special = c->dialect->bin(c, e, a, b);
    return special ? special : arena_printf(c->arena, "(%s %s %s)", a, op->text, b);
}

static const char *load(cg_module *c, const kir_expr *e)
{
    const char *element = c->dialect->element(c, e->buffer, cg_index(c, e->index, false));
    if (e->integer) return c->dialect->word(c, e, element);
    return c->dialect->loaded ? c->dialect->loaded(c, e->buffer, element) : element;
}

const char *cg_expr(cg_module *c, const kir_expr *e)
{
    if (c->lanes && kir_varies(c->lanes, e)) return c->dialect->vectors->value(c, e);
    if (c->dialect->folds_wide && e->kind != KIR_CONST && (e->type == DT_f32 || e->type == DT_f64) && kir_is_constant(e)) {
        kir_expr result = {.kind = KIR_CONST, .type = e->type, .number = kir_constant(c->m, e)};
        return c->dialect->constant(c, &result);
    }
    switch (e->kind) {
    case KIR_CONST: return c->dialect->constant(c, e);
    case KIR_VAR: return e->var->name;
    case KIR_INDEX: return cg_index(c, e->index, true);
    case KIR_LOAD: return load(c, e);
    case KIR_UN: return unary(c, e);
    case KIR_BIN: return binary(c, e);
    case KIR_FMA: return c->dialect->fma(c, e, cg_bare(c, cg_expr(c, e->a)), cg_bare(c, cg_expr(c, e->b)), cg_bare(c, cg_expr(c, e->c)));
    case KIR_DOT: return c->dialect->dot(c, e, cg_bare(c, cg_expr(c, e->a)), cg_bare(c, cg_expr(c, e->b)), e->c ? cg_bare(c, cg_expr(c, e->c)) : is_float(e->type) ? "0.0f" : "0");
    case KIR_SELECT: return arena_printf(c->arena, "(%s ? %s : %s)", cg_expr(c, e->a), cg_expr(c, e->b), cg_expr(c, e->c));
    case KIR_CAST: return c->dialect->cast(c, e->type, e->a->type, cg_expr(c, e->a));
    }
    return "";
}

/* ---- statements ---------------------------------------------------------------------------- */

static void print_stmt(cg_module *c, const kir_stmt *s, bool alone);

/* Is a local set right after it is made? Then it is made with its value. */
static bool is_initialised(const kir_stmt *alloc, const kir_stmt *next)
{
    return alloc->kind == KIR_ALLOC && next && next->kind == KIR_STORE && next->buffer == alloc->buffer && sx_is(alloc->buffer->size, 1);
}

/* Is a local array a vector, one element for each lane? */
static bool is_vector(const cg_module *c, const kir_buffer *b) { return c->lanes && kir_is_vector(c->lanes, b); }

static const char *local_type(cg_module *c, const kir_buffer *b)
{
    return is_vector(c, b) ? c->dialect->vectors->type(c, (kir_type)b->dtype) : c->dialect->compute_type((kir_type)b->dtype, c->wide);
}

/* A value on its way into something; where that is not qualified, the value gets a name that is. */
static const char *rounded(cg_module *c, kir_type t, const kir_expr *e, bool qualified)
{
    const char *value = cg_bare(c, cg_expr(c, e));
    if (!c->dialect->rounded || qualified || !computes_floats(e)) return value;
    const char *name = arena_printf(c->arena, "nf_rounded_%d", ++c->rounded);
    line(c->kernels, "%s %s = %s;", let_type(c, t, e), name, value);
    return name;
}

/* A value as a buffer takes it. */
static const char *stored(cg_module *c, const kir_buffer *b, const kir_expr *e)
{
    if (is_vector(c, b)) return cg_bare(c, c->dialect->vectors->kept(c, e));
    return rounded(c, (kir_type)b->dtype, e, is_qualified(b));
}

static void print_body(cg_module *c, const kir_stmt *s)
{
    for (int i = 0; i < s->body.n; i++) {
        const kir_stmt *k = s->body.at[i], *next = i + 1 < s->body.n ? s->body.at[i + 1] : NULL;
        if (!is_initialised(k, next)) {
            print_stmt(c, k, s->body.n == 1);
            continue;
        }
        line(c->kernels, "%s %s = %s;", local_type(c, k->buffer), k->buffer->name, stored(c, k->buffer, next->value));
        i++;
    }
}

/* A vector loop is its body, once; braces keep its names to itself. */
static void print_lanes(cg_module *c, const kir_stmt *s, bool alone)
{
    kir_lanes lanes;
    kir_lanes_of_loop(&lanes, c->m, c->arena, s);
    map_init(&c->masks, c->arena);
    c->lanes = &lanes;
    if (!alone) {
        line(c->kernels, "{");
        c->kernels->indent++;
    }
    line(c->kernels, lanes.trips < lanes.width ? "/* %s: %lld lanes of %lld */" : "/* %s: %lld lanes */", s->var->name, (long long)lanes.trips, (long long)lanes.width);
    if (!c->dialect->vectors->whole(c, s)) print_body(c, s);
    if (!alone) close_brace(c->kernels);
    c->lanes = NULL;
}

static void open_turning(cg_module *c, const kir_stmt *s, const char *type)
{
    const char *v = s->var->name, *begin = cg_index(c, s->begin, false), *end = cg_index(c, s->end, false), *turn = cg_index(c, sx_mod(&c->m->sx, s->turn, 2), false);
    const char *last = cg_index(c, sx_sub(&c->m->sx, s->end, sx_int(&c->m->sx, 1)), false);
    open_brace(c->kernels, "for (%s %s = %s ? %s : %s; %s ? %s >= %s : %s < %s; %s += %s ? -1 : 1)", type, v, turn, last, begin, turn, v, begin, v, end, v, turn);
}

static void print_for(cg_module *c, const kir_stmt *s, bool alone)
{
    text *t = c->kernels;
    const char *type = c->dialect->compute_type(KIR_INDEX_TYPE, c->wide), *v = s->var->name;
    if (s->loop == KIR_VECTOR && c->dialect->vectors) {
        print_lanes(c, s, alone);
        return;
    }
    if (s->loop == KIR_UNROLL && c->dialect->unroll) c->dialect->unroll(c, t, sx_value(sx_sub(&c->m->sx, s->end, s->begin)));
    if (s->turn) open_turning(c, s, type);
    else open_brace(t, "for (%s %s = %s; %s < %s; %s++)", type, v, cg_index(c, s->begin, false), v, cg_index(c, s->end, false), v);
    print_body(c, s);
    close_brace(t);
}

static void print_store(cg_module *c, const kir_buffer *b, const ir_sx *index, const kir_expr *e)
{
    if (c->lanes && !kir_is_private(c->lanes, b)) {
        c->dialect->vectors->store(c, b, index, e);
        return;
    }
    const char *value = stored(c, b, e);
    if (c->dialect->stored) value = c->dialect->stored(c, b, value);
    line(c->kernels, "%s = %s;", c->dialect->element(c, b, cg_index(c, index, false)), value);
}

static void print_accum(cg_module *c, const kir_stmt *s)
{
    kir_expr current = {.kind = KIR_LOAD, .type = (kir_type)s->buffer->dtype, .buffer = s->buffer, .index = s->index};
    kir_expr sum = {.kind = KIR_BIN, .type = (kir_type)s->buffer->dtype, .op = s->op, .a = &current, .b = s->value};
    if (s->op == KB_ADD && s->value->kind == KIR_DOT && !s->value->c) { /* one instruction adds, too */
        sum = *s->value;
        sum.c = &current;
        print_store(c, s->buffer, s->index, &sum);
        return;
    }
    bool is_float = dtype_is_float(s->buffer->dtype), plain = s->op == KB_ADD || s->op == KB_MUL || s->op == KB_SUB;
    bool shared = c->lanes && !kir_is_private(c->lanes, s->buffer);
    if (is_float && plain && !shared) line(c->kernels, "%s %s= %s;", c->dialect->element(c, s->buffer, cg_index(c, s->index, false)), kir_bin_table[s->op].text, cg_bare(c, cg_expr(c, s->value)));
    else print_store(c, s->buffer, s->index, &sum);
}

static void print_alloc(cg_module *c, const kir_stmt *s)
{
    if (s->buffer->space == KIR_TILE_SPACE) return; /* it is a register of its number */
    const char *type = local_type(c, s->buffer);
    if (sx_is(s->buffer->size, 1)) line(c->kernels, "%s %s;", type, s->buffer->name);
    else line(c->kernels, "%s %s[%lld];", type, s->buffer->name, (long long)sx_value(s->buffer->size));
}

static void print_if(cg_module *c, const kir_stmt *s)
{
    open_brace(c->kernels, "if (%s)", rounded(c, DT_bool, s->value, false));
    print_body(c, s);
    close_brace(c->kernels);
}

/* alone: the only one of its body */
static void print_stmt(cg_module *c, const kir_stmt *s, bool alone)
{
    text *t = c->kernels;
    switch (s->kind) {
    case KIR_SEQ: print_body(c, s); break;
    case KIR_FOR: print_for(c, s, alone); break;
    case KIR_IF: print_if(c, s); break;
    case KIR_LET: print_let(c, t, s); break;
    case KIR_ALLOC: print_alloc(c, s); break;
    case KIR_STORE: print_store(c, s->buffer, s->index, s->value); break;
    case KIR_ACCUM: print_accum(c, s); break;
    case KIR_COPY: c->dialect->copy(c, t, s, cg_index(c, s->index, false), cg_index(c, s->from_index, false), cg_index(c, s->count, true), c->wide); break;
    case KIR_PREFETCH:
        if (c->dialect->prefetch) c->dialect->prefetch(c, t, s->buffer, cg_index(c, s->index, false));
        break;
    case KIR_TILE: c->dialect->tile(c, t, s); break;
    case KIR_FAIL: c->dialect->fail(c, t, s->fail); break;
    case KIR_NOTE: line(t, "/* %s */", comment_safe(c->arena, s->text)); break;
    }
}

void cg_print_kernel(cg_module *c, const kir_func *f, const char *name)
{
    kir_func own = *f;
    own.name = name;
    c->wide = cg_needs_wide_index(f);
    c->rounded = 0;
    c->dialect->begin_kernel(c, c->kernels, &own, c->wide);
    const kir_stmt *grid[KIR_MAX_GRID];
    int n = c->dialect->grid ? kir_grid(f, grid) : 0;
    if (c->dialect->grid) c->dialect->grid(c, c->kernels, grid, n, c->wide);
    print_body(c, n ? grid[n - 1] : f->body);
    c->dialect->end_kernel(c, c->kernels, &own);
}
