/* Tensors of packages: one, or a table of them by a pattern. */
#include <string.h>
#include "frontend/lower.h"

/* The place of n bytes from byte `at` of a string; the whole string when it has escapes. */
static nfc_span inside_text(const ast_expr *e, size_t at, size_t n)
{
    nfc_span span = e->text_at;
    if (span.len != strlen(e->text) + 2) return span;
    span.col += 1 + (uint32_t)at;
    span.len = (uint32_t)n;
    return span;
}

/* One {name} of a pattern: a constant, or the variable of a loop around. */
typedef struct {
    const ir_sx *sx;
    const ir_sym *sym;
    int64_t lo, n; /* the values it takes */
} placeholder;

enum { MAX_TABLE = 65536 };

static bool is_name(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    return n > 0 && !text[n] && !(text[0] >= '0' && text[0] <= '9');
}

static bool read_placeholder(lower *l, const char *name, nfc_span at, placeholder *p)
{
    if (!is_name(name)) {
        lower_error(l, E_FMT, at, "between { and } stands the name of a constant or a loop variable%s%s", *name ? ", not " : "", name);
        return false;
    }
    ast_expr ref = {.kind = AST_NAME, .at = at, .name = {name, at}};
    p->sx = lower_sx(l, &ref, SX_SCALARS);
    if (!p->sx) return false;
    if (sx_is_const(p->sx)) {
        p->lo = sx_value(p->sx);
        p->n = 1;
        return true;
    }
    p->sym = sx_only_sym(p->sx);
    for (lower_loop *loop = l->loop; loop && p->sym; loop = loop->parent)
        if (loop->index == p->sym) {
            p->lo = p->sym->lo;
            p->n = p->sym->hi - p->sym->lo + 1;
            if (p->n < 1) p->n = 1; /* no trip: the type still comes from the first name */
            if (p->n <= MAX_TABLE) return true;
            lower_error(l, E_FMT, at, "{%s} takes %lld values; a table has at most %d", name, (long long)p->n, MAX_TABLE);
            return false;
        }
    lower_error(l, E_FMT, at, "{%s} is neither a constant nor the variable of a loop around", name);
    return false;
}

enum { MAX_PLACEHOLDERS = 4 };

static int read_pattern(lower *l, const ast_expr *e, placeholder *p)
{
    int n = 0;
    for (const char *c = strchr(e->text, '{'); c; c = strchr(c + 1, '{')) {
        const char *close = strchr(c, '}');
        size_t from = (size_t)(c - e->text), len = close ? (size_t)(close - c) + 1 : 1;
        nfc_span at = inside_text(e, from, len);
        if (!close || n == MAX_PLACEHOLDERS) {
            lower_error(l, E_FMT, at, close ? "more than %d placeholders" : "'{' without '}' in the pattern", MAX_PLACEHOLDERS);
            return -1;
        }
        if (!read_placeholder(l, intern_n(&l->s->names, c + 1, len - 2), at, &p[n++])) return -1;
    }
    return n;
}

static const char *filled_pattern(lower *l, const char *text, const int64_t *value)
{
    const char *out = "";
    for (int k = 0; *text; k++) {
        const char *open = strchr(text, '{');
        if (!open) return session_printf(l->s, "%s%s", out, text);
        out = session_printf(l->s, "%s%.*s%lld", out, (int)(open - text), text, (long long)value[k]);
        text = strchr(open, '}') + 1;
    }
    return out;
}

/* Lists the names that the pattern stands for, the last placeholder running fastest. */
static void expand_pattern(lower *l, const ast_expr *e, const placeholder *p, int n, ir_const *c, const ir_sx **index)
{
    int64_t total = 1, value[MAX_PLACEHOLDERS];
    *index = sx_int(&l->m->sx, 0);
    for (int k = 0; k < n; k++) {
        total *= p[k].n;
        const ir_sx *step = p[k].sym ? sx_sub(&l->m->sx, p[k].sx, sx_int(&l->m->sx, p[k].lo)) : sx_int(&l->m->sx, 0);
        *index = sx_add(&l->m->sx, sx_mul(&l->m->sx, *index, sx_int(&l->m->sx, p[k].n)), step);
    }
    c->ntensor = (int)total;
    c->tensor = ARENA_ARRAY(l->m->arena, const char *, total);
    for (int64_t i = 0; i < total; i++) {
        int64_t rest = i;
        for (int k = n - 1; k >= 0; k--) {
            value[k] = p[k].lo + rest % p[k].n;
            rest /= p[k].n;
        }
        c->tensor[i] = intern(&l->s->names, filled_pattern(l, e->text, value));
    }
}

static bool same_tensor_type(const package_tensor *a, const package_tensor *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank) return false;
    return memcmp(a->dim, b->dim, sizeof a->dim[0] * (size_t)a->rank) == 0;
}

static const char *tensor_text(lower *l, const package_tensor *t)
{
    const char *text = session_printf(l->s, "%s [", dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++) text = session_printf(l->s, "%s%s%lld", text, i ? ", " : "", (long long)t->dim[i]);
    return session_printf(l->s, "%s]", text);
}

/* Entry i of the pattern's table, or of the one name. */
static void missing_tensor(lower *l, const ast_expr *e, const package *p, const ir_const *c, int i)
{
    const char *name = c->tensor[i];
    nfc_diag *d = lower_error(l, E_TENSOR, e->text_at, "the package '%s' has no tensor '%s'", p->shown, name);
    if (!e->fmt && strchr(e->text, '{')) diag_help(d, "a pattern is written fmt(\"%s\")", e->text);
    else if (i == 0) diag_choices(d, name, p->names, "it has");
    else diag_help(d, "the pattern stands for %d tensors, '%s' to '%s'", c->ntensor, c->tensor[0], c->tensor[c->ntensor - 1]);
    diag_note(d, p->at, "the package is declared here");
}

static const package_tensor *check_tensors(lower *l, const ast_expr *e, const package *p, const ir_const *c)
{
    const package_tensor *first = NULL;
    for (int i = 0; i < c->ntensor; i++) {
        const package_tensor *t = package_find(p, c->tensor[i]);
        if (!t) {
            missing_tensor(l, e, p, c, i);
            return NULL;
        }
        if (first && !same_tensor_type(first, t)) {
            nfc_diag *d = lower_error(l, E_TENSOR, e->text_at, "'%s' is %s, but '%s' is %s; one pattern stands for tensors of one type", t->name, tensor_text(l, t), first->name, tensor_text(l, first));
            diag_note(d, t->at, "'%s' in the package", t->name);
            return NULL;
        }
        if (!first) first = t;
    }
    return first;
}

ir_value *lower_weight(lower *l, const ast_expr *e)
{
    const char *name = e->name.text ? e->name.text : "model";
    package *p = map_get(&l->packages, name);
    if (!p) {
        lower_unknown_package(l, e, name);
        return poison_value(l, e->at);
    }
    p->used = true;
    if (!p->map) return poison_value(l, e->at);
    ir_const *c = ARENA_NEW(l->m->arena, ir_const);
    c->package = p;
    c->tensor = ARENA_NEW(l->m->arena, const char *);
    c->tensor[0] = e->text;
    c->ntensor = 1;
    const ir_sx *index = NULL;
    placeholder holes[MAX_PLACEHOLDERS];
    memset(holes, 0, sizeof holes);
    if (e->fmt) {
        int n = read_pattern(l, e, holes);
        if (n < 0) return poison_value(l, e->at);
        expand_pattern(l, e, holes, n, c, &index);
        c->pattern = e->text;
    }
    const package_tensor *t = check_tensors(l, e, p, c);
    if (!t) return poison_value(l, e->at);
    ir_inst *inst = ir_new(l->m, IR_weight, e->at, 0, NULL);
    inst->constant = c;
    if (index && c->ntensor > 1) {
        inst->nindex = 1;
        inst->index = ARENA_NEW(l->m->arena, const ir_sx *);
        inst->index[0] = index;
    }
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < t->rank; i++) dim[i] = sx_int(&l->m->sx, t->dim[i]);
    ir_add_result(l->m, inst, ir_tensor(l->m, t->dtype, t->rank, dim), c->tensor[0], e->at);
    return lower_emit(l, inst)->out[0];
}
