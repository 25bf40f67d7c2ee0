/* Building a module from its tree. Nothing is believed: every reference, number and type is checked,
 * and the whole is verified before anybody uses it. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/lower.h"
#include "frontend/safetensors.h"
#include "ir/tree.h"

typedef struct {
    nfc_session *s;
    ir_module *m;
    const char *path;
    const lower_options *options;
    nfc_map dims;    /* name -> ir_sym */
    VEC(ir_value *) value; /* by id of the file */
    VEC(ir_block *) block;
    ir_graph *g;
    bool failed;
} reader;

static bool bad(reader *r, const json_node *n, const char *format, ...)
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

static const json_node *member(reader *r, const json_node *n, const char *key, json_kind kind)
{
    const json_node *k = n->kind == JSON_OBJECT ? json_get(n, key) : NULL;
    if (!k || k->kind != kind) {
        bad(r, k ? k : n, "%s '%s' is needed", json_kind_name(kind), key);
        return NULL;
    }
    return k;
}

static const char *text(reader *r, const json_node *n, const char *key)
{
    const json_node *k = member(r, n, key, JSON_STRING);
    return k ? intern(&r->s->names, k->text) : "";
}

static int64_t number(reader *r, const json_node *n, const char *key, int64_t lo, int64_t hi)
{
    const json_node *k = member(r, n, key, JSON_INT);
    if (k && (k->above_i64 || k->integer < lo || k->integer > hi)) bad(r, k, "%lld is not from %lld to %lld", (long long)k->integer, (long long)lo, (long long)hi);
    return k && !r->failed ? k->integer : lo;
}

static nfc_span place(reader *r, const json_node *n)
{
    const json_node *at = member(r, n, "at", JSON_ARRAY);
    int64_t v[4] = {0};
    int i = 0;
    for (const json_node *k = at ? at->child : NULL; k; k = k->next) {
        if (k->kind != JSON_INT || i == 4 || k->integer < -1 || k->integer > UINT32_MAX) return bad(r, k, "a place is [file, line, column, length]"), NO_SPAN;
        v[i++] = k->integer;
    }
    if (i != 4 || v[0] < 1 || v[0] > r->m->file.n) return bad(r, n, "a place is [file, line, column, length]"), NO_SPAN;
    return (nfc_span){r->m->file.at[v[0] - 1], (uint32_t)v[1], (uint32_t)v[2], v[3] < 0 ? UINT32_MAX : (uint32_t)v[3]};
}

static ir_value *value_of(reader *r, const json_node *n, int64_t id)
{
    ir_value *v = id >= 0 && id < r->value.n ? r->value.at[id] : NULL;
    if (!v) bad(r, n, "the value %%%lld is used before it is made", (long long)id);
    return v;
}

/* ---- expressions --------------------------------------------------------------------------- */

typedef struct {
    reader *r;
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
    bad(c->r, c->n, "'%s' is no expression: %s", c->n->text, what);
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
        ir_value *v = value_of(c->r, c->n, digits(c));
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

static const ir_sx *expression(reader *r, const json_node *n)
{
    if (n->kind == JSON_INT && !n->above_i64) return sx_int(&r->m->sx, n->integer);
    if (n->kind != JSON_STRING) {
        bad(r, n, "an integer or an expression is needed");
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

static ir_state *state(reader *r, const json_node *n, int64_t id)
{
    for (int i = 0; i < r->m->state.n; i++)
        if (r->m->state.at[i]->id == id) return r->m->state.at[i];
    bad(r, n, "there is no state %lld", (long long)id);
    return NULL;
}

static const ir_type *type(reader *r, const json_node *n)
{
    const json_node *kind = n->kind == JSON_OBJECT ? json_get(n, "kind") : NULL;
    if (kind && kind->kind == JSON_STRING && strcmp(kind->text, "index") == 0) return ir_index_type(r->m);
    if (kind) {
        ir_state *st = state(r, n, number(r, n, "state", 0, INT32_MAX));
        return st ? ir_token_type(r->m, st) : ir_poison(r->m);
    }
    nfc_dtype dtype = dtype_lookup(text(r, n, "dtype"));
    const json_node *shape = member(r, n, "shape", JSON_ARRAY);
    if (dtype == DT_COUNT || dtype == DT_string) bad(r, n, "an unknown element type");
    if (shape && shape->count > IR_MAX_RANK) bad(r, shape, "the rank is over %d", IR_MAX_RANK);
    const ir_sx *dim[IR_MAX_RANK];
    int rank = 0;
    for (const json_node *k = shape ? shape->child : NULL; k && !r->failed; k = k->next) {
        dim[rank] = expression(r, k);
        if (sx_min(dim[rank]) < 0 || sx_max(dim[rank]) > (int64_t)1 << 40) bad(r, k, "an extent out of bounds");
        rank++;
    }
    if (r->failed) return ir_poison(r->m);
    const ir_type *t = ir_tensor(r->m, dtype, rank, dim);
    if (ir_max_elements(t) > (int64_t)1 << 40) bad(r, n, "a tensor of more than 2^40 elements");
    return t;
}

static bool register_value(reader *r, const json_node *n, ir_value *v)
{
    enum { MOST = 1 << 26 };
    int64_t id = number(r, n, "id", 0, MOST);
    if (r->failed) return false;
    if (id > 4 * (int64_t)r->value.n + 1024) return bad(r, n, "the id %lld leaves too many out", (long long)id);
    while (r->value.n <= id) vec_push(r->s->arena, &r->value, NULL);
    if (r->value.at[id]) return bad(r, n, "two values have the id %lld", (long long)id);
    r->value.at[id] = v;
    v->at = place(r, n);
    if (json_get(n, "name")) v->name = text(r, n, "name");
    if (v->type->kind == IR_INDEX && !v->sym) {
        int64_t lo = number(r, n, "min", INT64_MIN, INT64_MAX), hi = number(r, n, "max", INT64_MIN, INT64_MAX);
        if (lo > hi) return bad(r, n, "an index with min over max");
        ir_index_sym(r->m, v, lo, hi);
    }
    return !r->failed;
}

/* ---- instructions -------------------------------------------------------------------------- */

static bool read_attr(reader *r, const json_node *n, const op_attr *row, ir_attr *a)
{
    *a = (ir_attr){.at = NO_SPAN};
    bool ok = false;
    switch (row->kind) {
    case ATTR_INT:
    case ATTR_BOOL:
        a->kind = IR_ATTR_INT;
        a->i = n->integer;
        ok = n->kind == JSON_INT && !n->above_i64 && (row->kind == ATTR_INT || (a->i | 1) == 1);
        break;
    case ATTR_FLOAT:
        a->kind = IR_ATTR_FLOAT;
        a->f = n->kind == JSON_STRING ? strtod(n->text, NULL) : n->number;
        ok = n->kind == JSON_INT || n->kind == JSON_FLOAT || (n->kind == JSON_STRING && (strcmp(n->text, "nan") == 0 || strcmp(n->text, "inf") == 0 || strcmp(n->text, "-inf") == 0));
        break;
    case ATTR_ENUM: {
        size_t len = n->kind == JSON_STRING ? strlen(n->text) : 0;
        for (const char *p = row->fallback; len && p && *p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
            ok |= strncmp(p, n->text, len) == 0 && (p[len] == '|' || !p[len]);
        a->kind = IR_ATTR_STR;
        a->s = ok ? intern(&r->s->names, n->text) : "";
        break;
    }
    case ATTR_STR:
        a->kind = IR_ATTR_STR;
        ok = n->kind == JSON_STRING;
        a->s = ok ? intern(&r->s->names, n->text) : "";
        break;
    case ATTR_DTYPE:
        a->kind = IR_ATTR_DTYPE;
        a->t = n->kind == JSON_STRING ? dtype_lookup(n->text) : DT_COUNT;
        ok = a->t != DT_COUNT;
        break;
    case ATTR_INTS:
    case ATTR_SXS:
        a->kind = IR_ATTR_SXS;
        ok = n->kind == JSON_ARRAY;
        a->sx = ARENA_ARRAY(r->s->arena, const ir_sx *, n->count);
        for (const json_node *k = n->child; ok && k; k = k->next) {
            a->sx[a->n] = expression(r, k);
            ok = !r->failed && (row->kind == ATTR_SXS || sx_is_const(a->sx[a->n]));
            a->n++;
        }
        break;
    case ATTR_FLOATS: {
        double *fs = ARENA_ARRAY(r->s->arena, double, n->count + 1);
        a->kind = IR_ATTR_FLOATS;
        ok = n->kind == JSON_ARRAY;
        for (const json_node *k = n->child; ok && k; k = k->next) {
            ok = k->kind == JSON_INT || k->kind == JSON_FLOAT;
            fs[a->n++] = k->number;
        }
        a->fs = fs;
        break;
    }
    }
    return ok || bad(r, n, "the attribute '%s' does not fit: %s", row->name, row->doc);
}

static void read_attrs(reader *r, const json_node *n, ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    const json_node *attrs = json_get(n, "attrs");
    for (const json_node *k = attrs ? attrs->child : NULL; k && !r->failed; k = k->next) {
        int i = k->key ? op_attr_find(info, k->key) : -1;
        if (i < 0) bad(r, k, "%s has no such attribute", info->name);
        else read_attr(r, k, &info->attr[i], &inst->attr[i]);
    }
}

static ir_scope *scopes(reader *r, const json_node *list, nfc_span at)
{
    ir_scope *scope = NULL;
    for (const json_node *k = list ? list->child : NULL; k; k = k->next) {
        if (k->kind != JSON_STRING) {
            bad(r, k, "a scope is a string");
            break;
        }
        /* One object a path: scopes are compared by it. */
        const char *key = session_printf(r->s, "scope %p %s", (void *)scope, k->text);
        ir_scope *known = map_get(&r->dims, key);
        if (!known) {
            known = ARENA_NEW(r->s->arena, ir_scope);
            *known = (ir_scope){intern(&r->s->names, k->text), scope, at};
            map_set(&r->dims, key, known);
        }
        scope = known;
    }
    return scope;
}

static const ir_hints *read_hints(reader *r, const json_node *n)
{
    if (!n) return NULL;
    ir_hints *h = ARENA_NEW(r->s->arena, ir_hints);
    const json_node *fuse = json_get(n, "fuse"), *order = json_get(n, "no_reorder");
    if (fuse) h->fuse = fuse->truth ? 1 : -1;
    if (order) h->no_reorder = order->truth;
    if (json_get(n, "group")) h->group = text(r, n, "group");
    if (json_get(n, "placement")) h->placement = text(r, n, "placement");
    return h;
}

static bool read_bytes(reader *r, const json_node *n, const ir_type *t, const void **out)
{
    const json_node *hex = member(r, n, "data", JSON_STRING);
    if (!hex) return false;
    size_t want = (size_t)ir_max_bytes(t), have = strlen(hex->text);
    if (!ir_is_static(t) || have != 2 * want) return bad(r, hex, "%zu hexadecimal digits are needed, there are %zu", 2 * want, have);
    unsigned char *p = arena_alloc(r->s->arena, want + 1);
    for (size_t i = 0; i < have; i++) {
        char c = hex->text[i];
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0) return bad(r, hex, "'%c' is no hexadecimal digit", c);
        p[i / 2] = (unsigned char)(p[i / 2] << 4 | d);
    }
    *out = p;
    return true;
}

static bool read_constant(reader *r, const json_node *n, ir_inst *inst, const ir_type *t)
{
    ir_const *c = ARENA_NEW(r->s->arena, ir_const);
    inst->constant = c;
    if (inst->op == IR_const) return read_bytes(r, n, t, &c->data);
    const char *name = text(r, n, "package");
    const json_node *tensors = member(r, n, "tensors", JSON_ARRAY);
    for (int i = 0; i < r->m->package.n; i++)
        if (strcmp(r->m->package.at[i]->name, name) == 0) c->package = r->m->package.at[i];
    if (!c->package || !tensors || !tensors->count) return bad(r, n, "a weight names a package and its tensors");
    if (json_get(n, "pattern")) c->pattern = text(r, n, "pattern");
    c->tensor = ARENA_ARRAY(r->s->arena, const char *, tensors->count);
    for (const json_node *k = tensors->child; k; k = k->next) {
        const package_tensor *p = k->kind == JSON_STRING ? package_find(c->package, k->text) : NULL;
        bool same = p && p->dtype == t->dtype && p->rank == t->rank;
        for (int i = 0; same && i < p->rank; i++) same = sx_is(t->dim[i], p->dim[i]);
        if (!same) return bad(r, k, p ? "the tensor has another type in the package" : "the package has no such tensor");
        c->tensor[c->ntensor++] = intern(&r->s->names, k->text);
    }
    int64_t lo = 0, hi = 0;
    if (inst->nindex) sx_range(inst->index[0], &lo, &hi);
    if ((c->ntensor > 1) != (inst->nindex == 1) || lo < 0 || hi >= c->ntensor) return bad(r, n, "the index does not fit the table of tensors");
    return true;
}

static bool read_selectors(reader *r, const json_node *n, ir_inst *inst)
{
    const json_node *list = member(r, n, "sel", JSON_ARRAY);
    inst->state = state(r, n, number(r, n, "state", 0, INT32_MAX));
    if (!list || !inst->state) return false;
    if (list->count != inst->state->type->rank) return bad(r, list, "the state has rank %d", inst->state->type->rank);
    inst->sel = ARENA_ARRAY(r->s->arena, ir_sel, list->count);
    for (const json_node *k = list->child; k && !r->failed; k = k->next) {
        ir_sel *sel = &inst->sel[inst->nsel];
        const json_node *start = json_get(k, "start"), *extent = json_get(k, "extent");
        if (!start) return bad(r, k, "a selector has a start");
        sel->at = place(r, k);
        sel->start = expression(r, start);
        sel->one = !extent;
        if (extent) sel->extent = expression(r, extent);
        const ir_sx *left = extent ? sx_sub(&r->m->sx, inst->state->type->dim[inst->nsel], sel->extent) : NULL;
        if (!r->failed && extent && (sx_min(sel->extent) < 0 || sx_min(left) < 0)) return bad(r, extent, "the extent does not fit the state");
        inst->nsel++;
    }
    return !r->failed;
}

static bool read_edges(reader *r, const json_node *n, ir_inst *inst)
{
    const json_node *edges = member(r, n, "edges", JSON_ARRAY);
    int want = inst->op == IR_br ? 1 : 2;
    if (!edges || edges->count != want) return bad(r, n, "%d jump targets are needed", want);
    for (const json_node *e = edges->child; e && !r->failed; e = e->next) {
        int64_t to = number(r, e, "to", 0, INT32_MAX), first = number(r, e, "first", 0, inst->nin), count = number(r, e, "n", 0, inst->nin);
        ir_block *b = to < r->block.n ? r->block.at[to] : NULL;
        if (r->failed || !b || first + count > inst->nin) return bad(r, e, "a jump to nowhere");
        inst->edge[inst->nedge++] = (ir_edge){b, (int)first, (int)count};
    }
    return !r->failed;
}

static bool read_blocks(reader *r, const json_node *list, ir_region *region);

/* The op's own shape rule must give the types that the file declares. */
static bool check_types(reader *r, const json_node *n, ir_inst *inst, const json_node *out)
{
    int errors = r->s->diags.errors;
    if (!ir_infer(r->m, inst, out ? out->count : 0)) {
        r->failed = true;
        return r->s->diags.errors > errors || bad(r, n, "the operands do not fit");
    }
    int i = 0;
    for (const json_node *k = out ? out->child : NULL; k && !r->failed; k = k->next, i++) {
        const json_node *t = member(r, k, "type", JSON_OBJECT);
        if (i >= inst->nout || !t || !ir_same_type(type(r, t), inst->out[i]->type)) return bad(r, k, "the op makes a result of another type");
    }
    return i == inst->nout || bad(r, n, "the op makes %d results", inst->nout);
}

static bool read_core(reader *r, const json_node *n, ir_inst *inst, const json_node *out)
{
    const json_node *first = out ? out->child : NULL, *t = first ? json_get(first, "type") : NULL;
    switch (inst->op) {
    case IR_const:
    case IR_weight: {
        const json_node *c = member(r, n, "constant", JSON_OBJECT);
        if (!c || !t || out->count != 1 || !read_constant(r, c, inst, type(r, t))) return false;
        break;
    }
    case IR_read:
    case IR_write:
        if (!read_selectors(r, n, inst)) return false;
        break;
    case IR_token: inst->state = state(r, n, number(r, n, "state", 0, INT32_MAX)); break;
    case IR_br:
    case IR_cond_br:
        if (!read_edges(r, n, inst)) return false;
        break;
    case IR_loop:
    case IR_fused: {
        const json_node *b = member(r, n, "blocks", JSON_ARRAY);
        if (!b || (inst->op == IR_loop && inst->nindex != 2)) return bad(r, n, "a region is missing");
        inst->nregion = 1;
        inst->region[0] = ir_region_new(r->g, inst);
        if (json_get(n, "label")) inst->label = text(r, n, "label");
        if (!read_blocks(r, b, inst->region[0])) return false;
        break;
    }
    default: break;
    }
    for (const json_node *k = first; k && !r->failed; k = k->next) {
        const json_node *kt = member(r, k, "type", JSON_OBJECT);
        if (kt) ir_add_result(r->m, inst, type(r, kt), NULL, inst->at);
    }
    return !r->failed;
}

static void read_origins(reader *r, const json_node *list, ir_inst *inst)
{
    ir_origin **end = &inst->from;
    for (const json_node *k = list ? list->child : NULL; k && !r->failed; k = k->next) {
        ir_origin *o = ARENA_NEW(r->s->arena, ir_origin);
        o->at = place(r, k);
        o->op = op_lookup(text(r, k, "op"));
        if (o->op == IR_OP_COUNT) bad(r, k, "an unknown op");
        if (json_get(k, "name")) o->name = text(r, k, "name");
        o->scope = scopes(r, json_get(k, "scope"), o->at);
        *end = o;
        end = &o->next;
    }
}

static ir_inst *read_inst(reader *r, const json_node *n, ir_block *b)
{
    ir_op op = op_lookup(text(r, n, "op"));
    if (r->failed || op == IR_OP_COUNT) return bad(r, n, "an unknown op"), NULL;
    const json_node *in = json_get(n, "in"), *index = json_get(n, "index"), *out = json_get(n, "out");
    VEC(ir_value *) operands = {0};
    for (const json_node *k = in ? in->child : NULL; k && !r->failed; k = k->next) {
        bool absent = k->kind == JSON_BOOL && !k->truth;
        if (!absent && k->kind != JSON_INT) bad(r, k, "a value's number is needed");
        vec_push(r->s->arena, &operands, absent || r->failed ? NULL : value_of(r, k, k->integer));
    }
    nfc_span at = place(r, n);
    if (r->failed) return NULL;
    ir_inst *inst = ir_new(r->m, op, at, operands.n, operands.at);
    ir_append(b, inst);
    if (index) {
        if (op_get(op)->family != FAM_CORE && index->count != inst->nindex) return bad(r, index, "%d indices are needed", inst->nindex), NULL;
        inst->nindex = index->count;
        inst->index = ARENA_ARRAY(r->s->arena, const ir_sx *, index->count);
        int i = 0;
        for (const json_node *k = index->child; k; k = k->next) inst->index[i++] = expression(r, k);
    } else if (inst->nindex) {
        return bad(r, n, "its indices are missing"), NULL;
    }
    read_attrs(r, n, inst);
    inst->scope = scopes(r, json_get(n, "scope"), at);
    inst->hints = read_hints(r, json_get(n, "hints"));
    read_origins(r, json_get(n, "from"), inst);
    if (r->failed) return NULL;
    bool ok = op_get(op)->family == FAM_CORE ? read_core(r, n, inst, out) : check_types(r, n, inst, out);
    int i = 0;
    for (const json_node *k = ok && out ? out->child : NULL; k && ok; k = k->next) ok = register_value(r, k, inst->out[i++]);
    return ok ? inst : NULL;
}

/* ---- blocks -------------------------------------------------------------------------------- */

static bool read_blocks(reader *r, const json_node *list, ir_region *region)
{
    enum { MOST = 1 << 24 };
    for (const json_node *k = list->child; k && !r->failed; k = k->next) {
        ir_block *b = ir_block_new(region, text(r, k, "name"), place(r, k));
        int64_t id = number(r, k, "id", 0, MOST);
        if (r->failed || id > 4 * (int64_t)r->block.n + 1024) return bad(r, k, "a malformed block");
        while (r->block.n <= id) vec_push(r->s->arena, &r->block, NULL);
        if (r->block.at[id]) return bad(r, k, "two blocks have the id %lld", (long long)id);
        r->block.at[id] = b;
    }
    ir_block *b = region->first;
    for (const json_node *k = list->child; k && !r->failed; k = k->next, b = b->next) {
        const json_node *args = member(r, k, "args", JSON_ARRAY);
        for (const json_node *a = args ? args->child : NULL; a && !r->failed; a = a->next) {
            const json_node *t = member(r, a, "type", JSON_OBJECT);
            if (t) register_value(r, a, ir_block_arg(b, type(r, t), NULL, NO_SPAN));
        }
        const json_node *insts = member(r, k, "insts", JSON_ARRAY);
        for (const json_node *i = insts ? insts->child : NULL; i && !r->failed; i = i->next)
            if (!read_inst(r, i, b)) return bad(r, i, "a malformed instruction");
    }
    return !r->failed && (region->first || bad(r, list, "a region needs a block"));
}

/* ---- the module ---------------------------------------------------------------------------- */

static void read_sources(reader *r, const json_node *tree)
{
    const json_node *list = member(r, tree, "sources", JSON_ARRAY);
    const char *slash = strrchr(r->path, '/');
    for (const json_node *k = list ? list->child : NULL; k; k = k->next) {
        if (k->kind != JSON_STRING) {
            bad(r, k, "a source is a path");
            return;
        }
        /* The text, for excerpts, if it still stands beside the file. */
        const char *path = slash ? session_printf(r->s, "%.*s/%s", (int)(slash - r->path), r->path, k->text) : k->text;
        char *body = NULL;
        size_t size = 0;
        bool have = !strchr(k->text, '/') && read_file(r->s->arena, path, 64 << 20, &body, &size) == READ_OK;
        vec_push(r->s->arena, &r->m->file, source_add(&r->s->sources, path, have ? body : NULL, size));
    }
}

static void read_dims(reader *r, const json_node *tree)
{
    const json_node *list = member(r, tree, "dims", JSON_ARRAY);
    for (const json_node *k = list ? list->child : NULL; k && !r->failed; k = k->next) {
        const json_node *bounded = member(r, k, "bounded", JSON_BOOL);
        ir_dim d = {.bounded = bounded && bounded->truth, .at = place(r, k)};
        int64_t v = number(r, k, "value", 0, 1 << 30);
        const char *name = text(r, k, "name");
        for (int i = 0; i < r->options->dim.n; i++) {
            lower_binding *b = &r->options->dim.at[i];
            if (strcmp(b->name, name) != 0) continue;
            b->used = true;
            if (!d.bounded || b->value > v) diag_error_in(&r->s->diags, E_USAGE_DIM, "-D", d.bounded ? "%s=%lld is over its bound" : "%s is bound already in the file", name, (long long)b->value);
            v = b->value;
            d.bounded = b->bounded;
        }
        d.sym = sx_new_sym(&r->m->sx, name, d.bounded ? 1 : v, v, d.at);
        d.sym->is_dim = true;
        if (!d.bounded) d.sym->is = sx_int(&r->m->sx, v);
        if (map_set(&r->dims, name, d.sym)) bad(r, k, "two dims have this name");
        vec_push(r->s->arena, &r->m->dim, d);
    }
}

static void read_packages(reader *r, const json_node *tree)
{
    const json_node *list = member(r, tree, "packages", JSON_ARRAY);
    const char *slash = strrchr(r->path, '/');
    for (const json_node *k = list ? list->child : NULL; k && !r->failed; k = k->next) {
        const char *name = text(r, k, "name"), *written = text(r, k, "path"), *path = written;
        if (written[0] != '/' && slash) path = session_printf(r->s, "%.*s/%s", (int)(slash - r->path), r->path, written);
        for (int i = 0; i < r->options->model.n; i++) {
            const char *o = r->options->model.at[i], *eq = strchr(o, '=');
            if (eq && strlen(name) == (size_t)(eq - o) && strncmp(o, name, (size_t)(eq - o)) == 0) path = eq + 1;
            if (!eq && strcmp(name, "model") == 0) path = o;
        }
        nfc_span at = place(r, k);
        package *p = r->failed ? NULL : package_open(r->s, name, path, at);
        if (!p) {
            r->failed = true;
            return;
        }
        p->written = written;
        vec_push(r->s->arena, &r->m->package, p);
    }
}

static void read_states(reader *r, const json_node *tree)
{
    const json_node *list = member(r, tree, "states", JSON_ARRAY);
    for (const json_node *k = list ? list->child : NULL; k && !r->failed; k = k->next) {
        const json_node *t = member(r, k, "type", JSON_OBJECT);
        ir_graph *owner = json_get(k, "graph") ? ir_graph_named(r->m, text(r, k, "graph")) : NULL;
        if (!t || (json_get(k, "graph") && !owner)) bad(r, k, "a state of no graph");
        if (number(r, k, "id", 0, INT32_MAX) != r->m->next_state) bad(r, k, "states are numbered in order");
        const ir_type *st = t ? type(r, t) : NULL;
        if (r->failed || st->kind != IR_TENSOR) bad(r, k, "a state is a tensor");
        else ir_state_new(r->m, owner, text(r, k, "name"), st, place(r, k));
    }
}

static void read_ports(reader *r, const json_node *n, bool out)
{
    const json_node *list = member(r, n, out ? "outputs" : "inputs", JSON_ARRAY);
    for (const json_node *k = list ? list->child : NULL; k && !r->failed; k = k->next) {
        const json_node *t = member(r, k, "type", JSON_OBJECT), *max = json_get(k, "max"), *min = json_get(k, "min");
        ir_port p = {.name = text(r, k, "name"), .at = place(r, k), .type = t ? type(r, t) : NULL};
        if (max) p.bound = (ir_bound){false, true, 0, max->number, p.at};
        if (min) p.bound.has_min = true, p.bound.min = min->number, p.bound.at = p.at;
        if (r->failed || p.type->kind != IR_TENSOR) bad(r, k, "an input or output is a tensor");
        else if (out) vec_push(r->s->arena, &r->g->output, p);
        else vec_push(r->s->arena, &r->g->input, p);
    }
}

static void check_entry(reader *r, const json_node *n)
{
    const ir_block *entry = r->g->body->first;
    bool ok = entry->arg.n == r->g->input.n;
    for (int i = 0; ok && i < entry->arg.n; i++) ok = ir_same_type(entry->arg.at[i]->type, r->g->input.at[i].type);
    if (!ok) bad(r, n, "the entry block's arguments are not the inputs");
}

static void read_graphs(reader *r, const json_node *list)
{
    int g = 0;
    for (const json_node *k = list->child; k && !r->failed; k = k->next, g++) {
        r->g = r->m->graph.at[g];
        for (int i = 0; i < r->m->state.n; i++)
            if (!r->m->state.at[i]->graph || r->m->state.at[i]->graph == r->g) vec_push(r->s->arena, &r->g->state, r->m->state.at[i]);
        read_ports(r, k, false);
        read_ports(r, k, true);
        const json_node *blocks = member(r, k, "blocks", JSON_ARRAY);
        if (blocks && read_blocks(r, blocks, r->g->body)) check_entry(r, k);
    }
}

ir_module *ir_from_tree(nfc_session *s, const json_node *tree, const char *path, const lower_options *options)
{
    reader r = {.s = s, .path = path, .options = options};
    if (tree->kind != JSON_OBJECT || strcmp(text(&r, tree, "schema"), IR_SCHEMA) != 0) {
        bad(&r, tree, "this is not " IR_SCHEMA);
        return NULL;
    }
    r.m = ir_module_new(s, text(&r, tree, "name"));
    map_init(&r.dims, s->arena);
    read_sources(&r, tree);
    read_dims(&r, tree);
    read_packages(&r, tree);
    const json_node *graphs = member(&r, tree, "graphs", JSON_ARRAY);
    for (const json_node *k = graphs ? graphs->child : NULL; k && !r.failed; k = k->next) {
        if (ir_graph_named(r.m, text(&r, k, "name"))) bad(&r, k, "two graphs have this name");
        ir_graph_new(r.m, text(&r, k, "name"), place(&r, k));
    }
    if (!r.failed) read_states(&r, tree);
    if (!r.failed && graphs) read_graphs(&r, graphs);
    if (r.failed || s->diags.errors) return NULL;
    const char *broken = ir_verify(r.m);
    if (broken) bad(&r, tree, "%s", broken);
    return r.failed ? NULL : r.m;
}
