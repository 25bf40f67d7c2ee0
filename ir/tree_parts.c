/* The parts of a tree: members, numbers, places, expressions, types. Nothing is believed. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ir/tree_reader.h"

bool tree_bad(tree_reader *r, const json_node *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(r->s->arena, format, args);
    va_end(args);
    if (!r->failed) diag_error(&r->s->diags, E_IR_FILE, n->at, "%s: %s", *json_pointer(r->s, n) ? json_pointer(r->s, n) : "/", text);
    r->failed = true;
    return false;
}

/* ---- parts --------------------------------------------------------------------------------- */

const json_node *tree_member(tree_reader *r, const json_node *n, const char *key, json_kind kind)
{
    const json_node *k = n->kind == JSON_OBJECT ? json_get(n, key) : NULL;
    if (!k || k->kind != kind) {
        if (k) tree_bad(r, k, "%s is needed, not %s", json_kind_name(kind), json_kind_name(k->kind));
        else tree_bad(r, n, "the member '%s', %s, is missing", key, json_kind_name(kind));
        return NULL;
    }
    return k;
}

bool tree_members(tree_reader *r, const json_node *n, const char *known)
{
    if (n->kind != JSON_OBJECT) return tree_bad(r, n, "an object is needed, not %s", json_kind_name(n->kind));
    for (const json_node *k = n->child; k; k = k->next) {
        size_t len = strlen(k->key);
        const char *at = len ? strstr(known, k->key) : NULL;
        while (at && ((at > known && at[-1] != ' ') || (at[len] && at[len] != ' '))) at = strstr(at + 1, k->key);
        if (!at) return tree_bad(r, k, "there is no such member; it has %s", known);
    }
    return !r->failed;
}

const char *tree_text(tree_reader *r, const json_node *n, const char *key)
{
    const json_node *k = tree_member(r, n, key, JSON_STRING);
    return k ? intern(&r->s->names, k->text) : "";
}

const char *tree_name(tree_reader *r, const json_node *n, const char *key)
{
    enum { MAX_NAME = 255 };
    const char *name = tree_text(r, n, key);
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    bool ok = len > 0 && len <= MAX_NAME && !name[len] && !isdigit((unsigned char)name[0]);
    if (!ok && !r->failed) tree_bad(r, json_get(n, key), "'%s' is no name: letters, digits and '_', at most %d", name, MAX_NAME);
    return name;
}

int64_t tree_number(tree_reader *r, const json_node *n, const char *key, int64_t lo, int64_t hi)
{
    const json_node *k = tree_member(r, n, key, JSON_INT);
    if (k && (k->above_i64 || k->integer < lo || k->integer > hi)) tree_bad(r, k, "%lld is not from %lld to %lld", (long long)k->integer, (long long)lo, (long long)hi);
    return k && !r->failed ? k->integer : lo;
}

nfc_span tree_place(tree_reader *r, const json_node *n)
{
    const json_node *at = tree_member(r, n, "at", JSON_ARRAY);
    int64_t v[4] = {0};
    int i = 0;
    for (const json_node *k = at ? at->child : NULL; k; k = k->next) {
        if (k->kind != JSON_INT || i == 4 || k->integer < (i == 3 ? -1 : 0) || k->integer > UINT32_MAX) return tree_bad(r, k, "a place is [file, line, column, length]"), NO_SPAN;
        v[i++] = k->integer;
    }
    if (i != 4 || v[0] < 1 || v[0] > r->m->file.n) return tree_bad(r, n, "a place is [file, line, column, length]"), NO_SPAN;
    return (nfc_span){r->m->file.at[v[0] - 1], (uint32_t)v[1], (uint32_t)v[2], v[3] < 0 ? UINT32_MAX : (uint32_t)v[3]};
}

ir_value *tree_value(tree_reader *r, const json_node *n, int64_t id)
{
    ir_value *v = id >= 0 && id < r->value.n ? r->value.at[id] : NULL;
    if (!v) tree_bad(r, n, "the value %%%lld is used before it is made", (long long)id);
    return v;
}

/* ---- expressions --------------------------------------------------------------------------- */

typedef struct {
    tree_reader *r;
    const json_node *n;
    const char *p;
    int depth;
} cursor;

static const ir_sx *sum(cursor *c);

static void skip(cursor *c)
{
    while (*c->p == ' ') c->p++;
}

static const ir_sx *fail_sx(cursor *c, const char *what)
{
    tree_bad(c->r, c->n, "'%s' is no expression: %s", c->n->text, what);
    return sx_int(&c->r->m->sx, 0);
}

static int64_t digits(cursor *c)
{
    char *end;
    errno = 0;
    long long v = strtoll(c->p, &end, 10);
    if (errno || end == c->p) fail_sx(c, "a number is expected");
    c->p = end;
    return v;
}

static const ir_sx *atom(cursor *c)
{
    sx_table *t = &c->r->m->sx;
    skip(c);
    if (c->depth > 60) return fail_sx(c, "it is nested too deeply");
    if (*c->p == '(') {
        c->p++;
        c->depth++;
        const ir_sx *x = sum(c);
        c->depth--;
        skip(c);
        if (*c->p != ')') return fail_sx(c, "')' is missing");
        c->p++;
        return x;
    }
    if (isdigit((unsigned char)*c->p)) return sx_int(t, digits(c));
    if (*c->p == '%') {
        c->p++;
        if (!isdigit((unsigned char)*c->p)) return fail_sx(c, "a value's number is expected behind %");
        ir_value *v = tree_value(c->r, c->n, digits(c));
        if (!v || !v->sym) return fail_sx(c, "the value is no index");
        return sx_sym(t, v->sym);
    }
    size_t n = 0;
    while (isalnum((unsigned char)c->p[n]) || c->p[n] == '_') n++;
    if (n == 0) return fail_sx(c, "an operand is expected");
    ir_sym *sym = map_getn(&c->r->dims, c->p, n);
    if (!sym) return fail_sx(c, "an unknown dim");
    c->p += n;
    return sx_sym(t, sym);
}

static const ir_sx *product(cursor *c)
{
    sx_table *t = &c->r->m->sx;
    const ir_sx *x = atom(c);
    for (;;) {
        skip(c);
        char op = *c->p;
        if (c->r->failed || (op != '*' && op != '/' && op != '%')) return x;
        c->p++;
        const ir_sx *y = atom(c);
        if (op == '*') {
            x = sx_mul(t, x, y);
        } else {
            if (!sx_is_const(y) || sx_value(y) < 1) return fail_sx(c, "a divisor is a positive number");
            x = op == '/' ? sx_div(t, x, sx_value(y)) : sx_mod(t, x, sx_value(y));
        }
    }
}

static const ir_sx *sum(cursor *c)
{
    sx_table *t = &c->r->m->sx;
    skip(c);
    bool minus = *c->p == '-';
    if (minus) c->p++;
    const ir_sx *x = product(c);
    if (minus) x = sx_sub(t, sx_int(t, 0), x);
    for (;;) {
        skip(c);
        char op = *c->p;
        if (c->r->failed || (op != '+' && op != '-')) return x;
        c->p++;
        const ir_sx *y = product(c);
        x = op == '+' ? sx_add(t, x, y) : sx_sub(t, x, y);
    }
}

const ir_sx *tree_expression(tree_reader *r, const json_node *n)
{
    if (n->kind == JSON_INT && !n->above_i64) return sx_int(&r->m->sx, n->integer);
    if (n->kind != JSON_STRING) {
        tree_bad(r, n, "an integer or an expression is needed");
        return sx_int(&r->m->sx, 0);
    }
    cursor c = {r, n, n->text, 0};
    r->m->sx.overflow = false;
    const ir_sx *x = sum(&c);
    if (!r->failed && *c.p) fail_sx(&c, "it goes on");
    if (!r->failed && r->m->sx.overflow) fail_sx(&c, "it overflows");
    return x;
}

/* ---- types and values ---------------------------------------------------------------------- */

ir_state *tree_state(tree_reader *r, const json_node *n, int64_t id)
{
    for (int i = 0; i < r->m->state.n; i++)
        if (r->m->state.at[i]->id == id) return r->m->state.at[i];
    tree_bad(r, n, "there is no state %lld", (long long)id);
    return NULL;
}

const ir_type *tree_type(tree_reader *r, const json_node *n)
{
    const json_node *kind = n->kind == JSON_OBJECT ? json_get(n, "kind") : NULL;
    const char *word = kind && kind->kind == JSON_STRING ? kind->text : "";
    if (!tree_members(r, n, kind ? "kind state" : "dtype shape")) return ir_poison(r->m);
    if (strcmp(word, "index") == 0) return ir_index_type(r->m);
    if (kind && strcmp(word, "token") != 0) tree_bad(r, kind, "the kinds are index and token");
    if (kind) {
        ir_state *st = tree_state(r, n, tree_number(r, n, "state", 0, INT32_MAX));
        return st ? ir_token_type(r->m, st) : ir_poison(r->m);
    }
    nfc_dtype dtype = dtype_lookup(tree_text(r, n, "dtype"));
    const json_node *shape = tree_member(r, n, "shape", JSON_ARRAY);
    if (dtype == DT_COUNT || dtype == DT_string) tree_bad(r, n, "an unknown element type");
    if (shape && shape->count > IR_MAX_RANK) tree_bad(r, shape, "the rank is over %d", IR_MAX_RANK);
    const ir_sx *dim[IR_MAX_RANK];
    int rank = 0;
    for (const json_node *k = shape ? shape->child : NULL; k && !r->failed; k = k->next) {
        dim[rank] = tree_expression(r, k);
        if (sx_min(dim[rank]) < 0 || sx_max(dim[rank]) > (int64_t)1 << 40) tree_bad(r, k, "an extent out of bounds");
        rank++;
    }
    if (r->failed) return ir_poison(r->m);
    const ir_type *t = ir_tensor(r->m, dtype, rank, dim);
    if (ir_max_elements(t) > (int64_t)1 << 40) tree_bad(r, n, "a tensor of more than 2^40 elements");
    return t;
}

bool tree_register(tree_reader *r, const json_node *n, ir_value *v)
{
    enum { MOST = 1 << 26 };
    tree_members(r, n, "at id max min name type");
    int64_t id = tree_number(r, n, "id", 0, MOST);
    if (r->failed) return false;
    if (id > 4 * (int64_t)r->value.n + 1024) return tree_bad(r, n, "the id %lld leaves too many out", (long long)id);
    while (r->value.n <= id) vec_push(r->s->arena, &r->value, NULL);
    if (r->value.at[id]) return tree_bad(r, n, "two values have the id %lld", (long long)id);
    r->value.at[id] = v;
    v->at = tree_place(r, n);
    if (json_get(n, "name")) v->name = tree_text(r, n, "name");
    if (v->type->kind == IR_INDEX && !v->sym) {
        int64_t lo = tree_number(r, n, "min", INT64_MIN, INT64_MAX), hi = tree_number(r, n, "max", INT64_MIN, INT64_MAX);
        if (lo > hi) return tree_bad(r, n, "an index with min over max");
        ir_index_sym(r->m, v, lo, hi);
    }
    return !r->failed;
}
