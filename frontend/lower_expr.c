/* Expressions: integers known at compile time or on the host, types, hints, operands. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/lower.h"

ir_value *poison_value(lower *l, nfc_span at)
{
    ir_inst *inst = ir_new(l->m, IR_const, at, 0, NULL);
    return ir_add_result(l->m, inst, ir_poison(l->m), NULL, at);
}

/* ---- integers ------------------------------------------------------------------------------ */

void lower_unknown_package(lower *l, const ast_expr *e, const char *name)
{
    if (l->ast->lost) return;
    const char **names = ARENA_ARRAY(l->s->arena, const char *, l->packages.n + 1);
    for (int i = 0; i < l->packages.n; i++) names[i] = l->packages.entry[i].key;
    nfc_diag *d = lower_error(l, E_PACKAGE_NAME, e->at, "the file declares no package '%s'", name);
    if (!diag_suggest(d, name, names)) diag_help(d, "write model %s\"FILE.safetensors\"; at the top", e->name.text ? session_printf(l->s, "%s ", name) : "");
}

static const ir_sx *meta_value(lower *l, const ast_expr *e)
{
    const char *name = e->name.text ? e->name.text : "model";
    package *p = map_get(&l->packages, name);
    if (!p) {
        lower_unknown_package(l, e, name);
        return NULL;
    }
    p->used = true;
    if (!p->map) return NULL; /* it did not open: reported already */
    nfc_span at;
    const char *text = package_meta(p, e->text, &at);
    if (!text) {
        nfc_diag *d = lower_error(l, E_META, e->at, "the package has no metadata \"%s\"", e->text);
        int n = p->metadata ? p->metadata->count : 0;
        const char **keys = ARENA_ARRAY(l->s->arena, const char *, n + 1);
        int i = 0;
        for (const json_node *k = p->metadata ? p->metadata->child : NULL; k; k = k->next) keys[i++] = k->key;
        if (n) diag_choices(d, e->text, keys, "it has");
        else diag_help(d, "it has no metadata at all");
        return NULL;
    }
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end) {
        diag_note(lower_error(l, E_META, e->at, "the metadata \"%s\" is \"%s\", not an integer", e->text, text), at, "it stands here");
        return NULL;
    }
    return sx_int(&l->m->sx, v);
}

const ir_sx *lower_constant_value(lower *l, lower_constant *c, nfc_span at)
{
    if (c->state == 2) return c->value;
    if (c->state == 1) {
        lower_error(l, E_CONST_CYCLE, at, "constant '%s' is defined by itself", c->ast->name.text);
        return NULL;
    }
    c->state = 1;
    c->value = lower_sx(l, c->ast->value, SX_STATIC);
    c->state = 2;
    return c->value;
}

/* The symbol of an integer scalar: read on the host right after it is made, once. */
static const ir_sx *scalar_sx(lower *l, ir_value *v, ast_name name)
{
    if (v->type->kind == IR_POISON) return NULL;
    bool one_value = v->sym && v->def && v->sym->lo == v->sym->hi; /* required to be that */
    if (v->type->kind == IR_INDEX) return one_value ? sx_int(&l->m->sx, v->sym->lo) : sx_sym(&l->m->sx, v->sym);
    if (v->type->kind != IR_TENSOR || v->type->rank != 0 || !dtype_is_int(v->type->dtype)) {
        diag_note(lower_error(l, E_NOT_SCALAR, name.at, "'%s' is %s; an integer scalar is needed here", name.text, ir_type_text(l->s->arena, v->type)), v->at, "made here");
        return NULL;
    }
    ir_sym *sym = map_getp(&l->syms, v);
    if (sym) return sx_sym(&l->m->sx, sym);
    ir_inst *read = ir_new(l->m, IR_index_read, name.at, 1, &v);
    ir_value *index = ir_add_result(l->m, read, ir_index_type(l->m), name.text, name.at);
    /* No buffer has an index beyond this, and arithmetic with it stays inside of 64 bits. */
    const int64_t far = INT64_C(1) << 40;
    int64_t lo = dtype_min(v->type->dtype) < -far ? -far : dtype_min(v->type->dtype);
    int64_t hi = dtype_max(v->type->dtype) > (uint64_t)far ? far : (int64_t)dtype_max(v->type->dtype);
    if (v->block && !v->block->region->owner && v->block == l->g->body->first && v->slot < l->g->input.n) {
        const ir_bound *b = &l->g->input.at[v->slot].bound;
        if (b->has_min && b->min > (double)lo) lo = (int64_t)b->min;
        if (b->has_max && b->max < (double)hi) hi = (int64_t)b->max;
    }
    if (v->def && v->def->next) ir_insert_before(v->def->next, read);
    else if (v->def) ir_append(v->def->block, read);
    else if (v->block->first) ir_insert_before(v->block->first, read);
    else ir_append(v->block, read);
    sym = ir_index_sym(l->m, index, lo, hi);
    map_setp(&l->syms, v, sym);
    return sx_sym(&l->m->sx, sym);
}

static const ir_sx *name_value(lower *l, const ast_expr *e, int allowed)
{
    binding *b = l->env ? lower_find(l, e->name.text) : NULL;
    if (b && (b->kind == BIND_HIDDEN || b->kind == BIND_UNKNOWN)) {
        lower_unknown_name(l, e->name);
        return NULL;
    }
    if (b && b->kind == BIND_LITERAL && b->sx) return b->sx;
    if (b && b->kind == BIND_LITERAL) {
        diag_note(lower_error(l, E_NOT_SCALAR, e->at, "'%s' is not an integer", e->name.text), b->at, "it is named here");
        return NULL;
    }
    if (b) {
        if (allowed & SX_SCALARS) return scalar_sx(l, b->value, e->name);
        if (!ir_is_poison(b->value)) diag_note(lower_error(l, E_NOT_STATIC, e->at, "'%s' is known at run time only; this must be known at compile time", e->name.text), b->at, "made here");
        return NULL;
    }
    lower_constant *c = map_get(&l->constants, e->name.text);
    ir_dim *d = map_get(&l->dims, e->name.text);
    map_setp(&l->used, e->name.text, l);
    if (c) return lower_constant_value(l, c, e->at);
    if (!d) {
        lower_unknown_name(l, e->name);
        return NULL;
    }
    if (!d->sym) return NULL;
    if (d->sym->is || (allowed & SX_DIMS)) return sx_sym(&l->m->sx, d->sym);
    diag_help(lower_error(l, E_NOT_STATIC, e->at, "dim '%s' stays free up to %lld; this must be known at compile time", e->name.text, (long long)d->sym->hi), "bind it with -D %s=...", e->name.text);
    return NULL;
}

static const ir_sx *divided(lower *l, const ast_expr *e, const ir_sx *a, const ir_sx *b)
{
    if (!sx_is_const(b) || sx_value(b) == 0) {
        if (e->kind == AST_DIV && !sx_is(b, 0)) {
            const ir_sx *q = sx_exact_div(&l->m->sx, a, b);
            if (q) return q;
        }
        lower_error(l, E_DIVISION, e->b->at, sx_is(b, 0) ? "division by zero" : "the divisor must be known at compile time");
        return NULL;
    }
    int64_t by = sx_value(b);
    if (by == INT64_MIN) {
        l->m->sx.overflow = true;
        return NULL;
    }
    if (by < 0) { /* floor(a / -n) = floor(-a / n); a mod -n = -((-a) mod n) */
        a = sx_sub(&l->m->sx, sx_int(&l->m->sx, 0), a);
        if (e->kind == AST_DIV) return sx_div(&l->m->sx, a, -by);
        return sx_sub(&l->m->sx, sx_int(&l->m->sx, 0), sx_mod(&l->m->sx, a, -by));
    }
    return e->kind == AST_DIV ? sx_div(&l->m->sx, a, by) : sx_mod(&l->m->sx, a, by);
}

static const ir_sx *integer(lower *l, const ast_expr *e, bool minus)
{
    if (e->integer > (uint64_t)INT64_MAX + minus) {
        lower_error(l, E_NUMBER, e->at, "the integer does not fit in 64 bits");
        return NULL;
    }
    return sx_int(&l->m->sx, minus ? (int64_t)(0 - e->integer) : (int64_t)e->integer);
}

static bool is_tensor(lower *l, const ast_expr *e)
{
    const binding *b = l->env && e->kind == AST_NAME ? lower_find(l, e->name.text) : NULL;
    if (!b || b->kind != BIND_VALUE || !ir_is_tensor(b->value)) return false;
    return b->value->type->rank > 0 || !dtype_is_int(b->value->type->dtype);
}

/* The author takes + for an operation on tensors. */
static bool tensor_arithmetic(lower *l, const ast_expr *e)
{
    static const char *const op[] = {[AST_NEG] = "neg(x=...)", [AST_ADD] = "add(a=..., b=...)", [AST_SUB] = "sub(a=..., b=...)", [AST_MUL] = "mul(a=..., b=...)", [AST_DIV] = "div(a=..., b=...)", [AST_MOD] = "mod(a=..., b=...)"};
    if (!is_tensor(l, e->a) && !(e->b && is_tensor(l, e->b))) return false;
    diag_help(lower_error(l, E_NOT_SCALAR, e->at, "there are no operators on tensors, only on integers"), "write op %s", op[e->kind]);
    return true;
}

static const ir_sx *unless_overflow(lower *l, const ast_expr *e, const ir_sx *x, int allowed)
{
    if (!l->m->sx.overflow && (!x || allowed & SX_UNBOUNDED || sx_fits(x))) return x;
    nfc_diag *d = lower_error(l, E_OVERFLOW, e->at, l->m->sx.overflow ? "the result does not fit in 64 bits" : "the result may not fit in 64 bits");
    if (!l->m->sx.overflow) diag_help(d, "n = require(..., min=..., max=...) bounds what it is made of");
    return NULL;
}

const ir_sx *lower_sx(lower *l, const ast_expr *e, int allowed)
{
    sx_table *t = &l->m->sx;
    switch (e->kind) {
    case AST_INT: return integer(l, e, false);
    case AST_BOOL: return sx_int(t, e->truth);
    case AST_NAME: return name_value(l, e, allowed);
    case AST_META: return meta_value(l, e);
    case AST_NEG: {
        if (e->a->kind == AST_INT) return integer(l, e->a, true);
        if (tensor_arithmetic(l, e)) return NULL;
        const ir_sx *a = lower_sx(l, e->a, allowed);
        t->overflow = false;
        return a ? unless_overflow(l, e, sx_sub(t, sx_int(t, 0), a), allowed) : NULL;
    }
    case AST_ADD:
    case AST_SUB:
    case AST_MUL:
    case AST_DIV:
    case AST_MOD: {
        if (tensor_arithmetic(l, e)) return NULL;
        const ir_sx *a = lower_sx(l, e->a, allowed), *b = lower_sx(l, e->b, allowed);
        if (!a || !b) return NULL;
        t->overflow = false;
        const ir_sx *r = e->kind == AST_ADD ? sx_add(t, a, b) : e->kind == AST_SUB ? sx_sub(t, a, b) : e->kind == AST_MUL ? sx_mul(t, a, b) : divided(l, e, a, b);
        return unless_overflow(l, e, r, allowed);
    }
    case AST_ERROR: return NULL;
    case AST_WEIGHT: lower_error(l, E_NOT_INTEGER, e->at, "an integer is needed here, not a tensor of a package"); return NULL;
    default: lower_error(l, E_NOT_INTEGER, e->at, "an integer is needed here"); return NULL;
    }
}

/* ---- types and hints ----------------------------------------------------------------------- */

static const char *const *dtype_names(lower *l)
{
    const char **names = ARENA_ARRAY(l->s->arena, const char *, DT_COUNT + 1);
    for (int i = 0; i < DT_COUNT; i++) names[i] = dtype_name((nfc_dtype)i);
    return names;
}

/* What NumPy, C and PyTorch call it. */
static const char *foreign_dtype(lower *l, const char *name)
{
    static const char *const other[][2] = {{"float", "f32"}, {"double", "f64"}, {"half", "f16"}, {"bfloat16", "bf16"}, {"int", "i32"}, {"long", "i64"}, {"boolean", "bool"}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (strcmp(name, other[i][0]) == 0) return other[i][1];
    for (int t = 0; t < DT_COUNT; t++) {
        const char *ours = dtype_name((nfc_dtype)t), *word = ours[0] == 'f' ? "float" : ours[0] == 'i' ? "int" : "uint";
        if (strchr("fiu", ours[0]) && strcmp(name, session_printf(l->s, "%s%s", word, ours + 1)) == 0) return ours;
    }
    return NULL;
}

nfc_dtype lower_dtype(lower *l, ast_name name)
{
    nfc_dtype t = name.text ? dtype_lookup(name.text) : DT_COUNT;
    if (t == DT_COUNT && name.text) {
        nfc_diag *d = lower_error(l, E_DTYPE_NAME, name.at, "there is no element type '%s'", name.text);
        const char *foreign = foreign_dtype(l, name.text);
        if (foreign) diag_help(d, "it is called %s here", foreign);
        else if (!diag_suggest(d, name.text, dtype_names(l))) diag_help(d, "the types are f64 f32 f16 bf16 f8e4m3 f8e5m2 f8e4m3fnuz f8e5m2fnuz f8e8m0 f6e2m3 f6e3m2 f4e2m1 i64 i32 i16 i8 i4 i2 u64 u32 u16 u8 u4 u2 bool");
    }
    return t;
}

bool lower_type(lower *l, const ast_type *t, const ir_type **type)
{
    const ir_sx *dim[IR_MAX_RANK];
    int rank = 0;
    nfc_dtype dtype = lower_dtype(l, t->dtype);
    bool ok = dtype != DT_COUNT;
    *type = ir_poison(l->m);
    if (dtype == DT_string) {
        lower_error(l, E_DTYPE, t->dtype.at, "no operation takes tensors of strings yet");
        ok = false;
    }
    for (const ast_expr *e = t->dim; e; e = e->next) {
        if (rank == IR_MAX_RANK) {
            lower_error(l, E_RANK, e->at, "the rank is over the highest, %d", IR_MAX_RANK);
            return false;
        }
        const ir_sx *x = lower_sx(l, e, SX_DIMS);
        if (x && sx_min(x) < 0) {
            nfc_diag *d = lower_error(l, E_SIZE, e->at, sx_is_const(x) ? "the extent is %s; it must not be negative" : "the extent %s can be negative", sx_text(l->s->arena, x));
            if (sx_is_const(x)) diag_help(d, "an extent that the run decides is a dim: dims { N <= 64; }, and [N, 4]");
            x = NULL;
        }
        ok &= x != NULL;
        dim[rank++] = x;
    }
    if (!ok) return false;
    *type = ir_tensor(l->m, dtype, rank, dim);
    if (ir_max_elements(*type) > (int64_t)1 << 40) {
        lower_error(l, E_SIZE, t->at, "%s is larger than 2^40 elements", ir_type_text(l->s->arena, *type));
        *type = ir_poison(l->m);
        return false;
    }
    return true;
}

static bool hint_bool(lower *l, const ast_arg *a, bool *value)
{
    if (a->value->kind == AST_ERROR) return false;
    if (a->value->kind == AST_BOOL) *value = a->value->truth;
    else if (a->value->kind == AST_INT && a->value->integer <= 1) *value = a->value->integer;
    else return lower_error(l, E_HINT, a->value->at, "'%s' is true or false", a->name.text), false;
    return true;
}

static bool hint_text(lower *l, const ast_arg *a, const char **value)
{
    if (a->value->kind == AST_ERROR) return false;
    if (a->value->kind != AST_STRING) return lower_error(l, E_HINT, a->value->at, "'%s' is a string", a->name.text), false;
    *value = a->value->text;
    return true;
}

const ir_hints *lower_hints(lower *l, const ast_arg *with, const ir_hints *outer)
{
    static const char *const keys[] = {"fuse", "placement", "group", "no_reorder", NULL};
    if (!with) return outer;
    ir_hints *h = ARENA_NEW(l->m->arena, ir_hints);
    if (outer) *h = *outer;
    for (const ast_arg *a = with; a; a = a->next) {
        bool flag = false;
        for (const ast_arg *b = with; b != a; b = b->next)
            if (b->name.text == a->name.text) diag_note(lower_error(l, E_DUPLICATE, a->name.at, "'%s' is given twice", a->name.text), b->name.at, "first here");
        if (strcmp(a->name.text, "fuse") == 0) {
            if (hint_bool(l, a, &flag)) h->fuse = flag ? 1 : -1;
        } else if (strcmp(a->name.text, "no_reorder") == 0) {
            if (hint_bool(l, a, &flag)) h->no_reorder = flag;
        } else if (strcmp(a->name.text, "placement") == 0) {
            hint_text(l, a, &h->placement);
        } else if (strcmp(a->name.text, "group") == 0) {
            hint_text(l, a, &h->group);
        } else {
            nfc_diag *d = lower_error(l, E_HINT, a->name.at, "there is no hint '%s'", a->name.text);
            if (!diag_suggest(d, a->name.text, keys)) diag_help(d, "the hints are fuse, placement, group and no_reorder");
        }
    }
    return h;
}

/* ---- literals ------------------------------------------------------------------------------ */

/* A number as it is written, or as an integer expression gives it. */
typedef struct {
    bool is_number, is_integer, is_bool, minus;
    uint64_t whole; /* the integer without its sign */
    double number;
} literal_number;

static literal_number read_literal(const ast_expr *e)
{
    bool minus = e->kind == AST_NEG && e->a->kind == AST_INT;
    const ast_expr *i = minus ? e->a : e;
    if (i->kind == AST_INT) return (literal_number){true, true, false, minus && i->integer, i->integer, minus ? -i->number : i->number};
    if (i->kind == AST_BOOL) return (literal_number){true, true, true, false, i->truth, i->truth};
    return (literal_number){.is_number = i->kind == AST_FLOAT, .number = i->number};
}

static literal_number integer_literal(int64_t v)
{
    return (literal_number){true, true, false, v < 0, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, (double)v};
}

/* Why the number cannot be held, or NULL. */
static const char *literal_misfit(lower *l, const literal_number *n, nfc_dtype dtype)
{
    const char *type = dtype_name(dtype);
    if (n->is_bool && dtype != DT_bool) return session_printf(l->s, "a bool stands where %s is needed", type);
    if (dtype_is_float(dtype)) {
        unsigned char cell[8];
        dtype_set(dtype, cell, 0, n->number);
        bool held = isfinite(n->number) == isfinite(dtype_get(dtype, cell, 0));
        return held ? NULL : session_printf(l->s, "the literal is out of the range of %s", type);
    }
    uint64_t least = 0 - (uint64_t)dtype_min(dtype), most = dtype_max(dtype); /* without their signs */
    bool fits = n->is_integer ? n->whole <= (n->minus ? least : most)
                              : n->number == floor(n->number) && n->number >= -(double)least && n->number <= (double)most && n->number < 0x1p64;
    if (!n->is_integer && !(isfinite(n->number) && n->number == floor(n->number))) return session_printf(l->s, "the literal is not an integer, as %s needs", type);
    if (fits) return NULL;
    const char *what = n->is_integer ? session_printf(l->s, "%s%llu", n->minus ? "-" : "", (unsigned long long)n->whole) : "the literal";
    return session_printf(l->s, "%s does not fit in %s: %lld to %llu", what, type, (long long)dtype_min(dtype), (unsigned long long)most);
}

/* A float type has only so many digits. */
static void warn_inexact(lower *l, const literal_number *n, nfc_span at, nfc_dtype dtype, const void *data)
{
    if (!dtype_is_float(dtype) || !n->is_integer) return;
    double held = dtype_get(dtype, data, 0);
    bool exact = held == n->number && fabs(held) < 0x1p64 && (uint64_t)fabs(held) == n->whole;
    if (!exact) lower_warning(l, W_INEXACT, at, "%s holds %s%llu as %.0f", dtype_name(dtype), n->minus ? "-" : "", (unsigned long long)n->whole, held);
}

/* `at` is where it is used; it is written at `written`, which is elsewhere when it has a name. */
static ir_value *literal_value(lower *l, const literal_number *n, nfc_span at, nfc_span written, nfc_dtype dtype)
{
    const char *misfit = literal_misfit(l, n, dtype);
    if (misfit) {
        nfc_diag *d = lower_error(l, E_LITERAL, at, "%s", misfit);
        if (at.line != written.line || at.col != written.col) diag_note(d, written, "the literal");
        return poison_value(l, at);
    }
    uint64_t whole = n->is_integer ? n->whole : (uint64_t)(fabs(n->number) < 0x1p64 ? fabs(n->number) : 0);
    bool minus = n->is_integer ? n->minus : n->number < 0;
    ir_inst *inst = ir_constant_scalar(l->m, at, dtype, n->number, (int64_t)(minus ? 0 - whole : whole));
    warn_inexact(l, n, at, dtype, inst->constant->data);
    return lower_emit(l, inst)->out[0];
}

static ir_value *index_as_tensor(lower *l, const ir_sx *sx, nfc_dtype dtype, nfc_span at)
{
    if (sx_is_const(sx)) {
        literal_number n = integer_literal(sx_value(sx));
        return literal_value(l, &n, at, at, dtype);
    }
    int64_t lo, hi;
    sx_range(sx, &lo, &hi);
    if (!dtype_is_float(dtype) && (lo < dtype_min(dtype) || (hi > 0 && (uint64_t)hi > dtype_max(dtype)))) {
        lower_error(l, E_LITERAL, at, "the integer can be from %lld to %lld, which %s does not hold", (long long)lo, (long long)hi, dtype_name(dtype));
        return poison_value(l, at);
    }
    ir_inst *inst = ir_new(l->m, IR_index_tensor, at, 0, NULL);
    inst->nindex = 1;
    inst->index = ARENA_NEW(l->m->arena, const ir_sx *);
    inst->index[0] = sx;
    ir_add_result(l->m, inst, ir_scalar(l->m, dtype), NULL, at);
    return lower_emit(l, inst)->out[0];
}

/* ---- values -------------------------------------------------------------------------------- */

/* Is the symbol a scalar tensor, read for the expression? */
static void find_tensor(void *env, const ir_sym *sym)
{
    bool *found = env;
    *found |= sym->value && sym->value->def && sym->value->def->op == IR_index_read;
}

static ir_value *sx_value_of(lower *l, const ast_expr *e, const ir_sx *sx, nfc_dtype dtype, bool *literal)
{
    if (!sx) return poison_value(l, e->at);
    if (dtype == DT_COUNT) {
        if (literal) *literal = true;
        else lower_error(l, E_LITERAL, e->at, "nothing here says which type this integer should have");
        return literal ? NULL : poison_value(l, e->at);
    }
    if (!sx_only_sym(sx)) {
        bool of_tensor = false;
        sx_visit(sx, find_tensor, &of_tensor);
        if (of_tensor) {
            diag_help(lower_error(l, E_NOT_SCALAR, e->at, "there are no operators on tensors, only on integers of indices, bounds and shapes"), "write op add(a=..., b=...), or the like");
            return poison_value(l, e->at);
        }
    }
    return index_as_tensor(l, sx, dtype, e->at);
}

ir_value *lower_value(lower *l, const ast_expr *e, nfc_dtype dtype, bool *literal)
{
    literal_number n = read_literal(e);
    if (e->kind == AST_WEIGHT) return lower_weight(l, e);
    if (e->kind == AST_ERROR) return poison_value(l, e->at);
    if (n.is_number) {
        if (dtype != DT_COUNT) return literal_value(l, &n, e->at, e->at, dtype);
        if (literal) return *literal = true, NULL;
        lower_error(l, E_LITERAL, e->at, "nothing here says which type this literal should have");
        return poison_value(l, e->at);
    }
    if (e->kind == AST_NAME) {
        binding *b = lower_find(l, e->name.text);
        if (b && b->kind == BIND_LITERAL && !b->sx) {
            n = read_literal(b->literal);
            if (dtype != DT_COUNT) return literal_value(l, &n, e->at, b->literal->at, dtype);
            return lower_value(l, b->literal, dtype, literal);
        }
        if (b && b->kind == BIND_VALUE && b->value->type->kind != IR_INDEX) return b->value;
        bool known = b && b->kind != BIND_UNKNOWN;
        if (!known && !map_get(&l->constants, e->name.text) && !map_get(&l->dims, e->name.text)) {
            lower_unknown_name(l, e->name);
            return poison_value(l, e->at);
        }
    }
    if (e->kind == AST_STRING || e->kind == AST_LIST) {
        lower_error(l, E_NOT_TENSOR, e->at, e->kind == AST_LIST ? "a list cannot stand for one tensor" : "a string cannot stand for a tensor");
        return poison_value(l, e->at);
    }
    return sx_value_of(l, e, lower_sx(l, e, SX_DIMS | SX_SCALARS), dtype, literal);
}
