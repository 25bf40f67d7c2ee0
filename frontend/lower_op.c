/* Operations: operands, indices and attributes by name. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/lower.h"

/* The operands of a call while it is read: the value, or the literal that still lacks a type. */
typedef struct {
    ir_value *value;
    const ast_expr *literal;
    nfc_span at;
} operand;

typedef struct {
    lower *l;
    const ast_stmt *st;
    const op_info *info;
    ir_op op;
    VEC(operand) in; /* by the op's rows; the variadic ones behind */
    nfc_dtype t[3];
} call;

/* ---- attributes ---------------------------------------------------------------------------- */

static bool attr_error(call *c, const ast_expr *e, const op_attr *row, const char *want)
{
    lower_error(c->l, E_ATTR_VALUE, e->at, "attribute '%s' of %s is %s", row->name, c->st->callee.text, want);
    return false;
}

static bool attr_float(const ast_expr *e, double *out)
{
    bool minus = e->kind == AST_NEG;
    if (minus) e = e->a;
    if (e->kind == AST_FLOAT) *out = e->number;
    else if (e->kind == AST_INT) *out = e->number;
    else return false;
    if (minus) *out = -*out;
    return true;
}

static bool attr_enum(call *c, const ast_expr *e, const op_attr *row, ir_attr *a)
{
    enum { MAX_CHOICES = 8 };
    if (e->kind != AST_STRING) return attr_error(c, e, row, session_printf(c->l->s, "a string, one of %s", row->fallback));
    const char *choice[MAX_CHOICES + 1] = {NULL};
    int n = 0;
    for (const char *p = row->fallback; *p && n < MAX_CHOICES;) {
        size_t len = strcspn(p, "|");
        choice[n++] = intern_n(&c->l->s->names, p, len);
        p += len + (p[len] == '|');
    }
    for (int i = 0; i < n; i++)
        if (strcmp(choice[i], e->text) == 0) {
            a->kind = IR_ATTR_STR;
            a->s = choice[i];
            return true;
        }
    nfc_diag *d = lower_error(c->l, E_ATTR_VALUE, e->at, "attribute '%s' of %s cannot be \"%s\"", row->name, c->st->callee.text, e->text);
    diag_choices(d, e->text, choice, "it is one of");
    return false;
}

static bool attr_list(call *c, const ast_expr *e, const op_attr *row, ir_attr *a)
{
    bool is_list = e->kind == AST_LIST;
    int allowed = row->kind == ATTR_SXS ? SX_DIMS | SX_SCALARS : SX_STATIC;
    for (const ast_expr *i = is_list ? e->item : e; i; i = is_list ? i->next : NULL) a->n++;
    a->sx = ARENA_ARRAY(c->l->m->arena, const ir_sx *, a->n);
    int n = 0;
    for (const ast_expr *i = is_list ? e->item : e; i; i = is_list ? i->next : NULL) {
        if (i->kind == AST_RANGE || i->kind == AST_ALL) return attr_error(c, i, row, "a list of integers");
        a->sx[n] = lower_sx(c->l, i, allowed);
        if (!a->sx[n++]) return false;
    }
    a->kind = IR_ATTR_SXS;
    return true;
}

static bool attr_int(call *c, const ast_expr *e, const op_attr *row, ir_attr *a)
{
    const char *want = row->kind == ATTR_BOOL ? "0 or 1" : "an integer";
    if (e->kind == AST_STRING || e->kind == AST_LIST || e->kind == AST_FLOAT) return attr_error(c, e, row, want);
    const ir_sx *sx = lower_sx(c->l, e, SX_STATIC);
    if (!sx) return false;
    a->kind = IR_ATTR_INT;
    a->i = sx_value(sx);
    return row->kind == ATTR_INT || a->i == 0 || a->i == 1 || attr_error(c, e, row, want);
}

static bool attr_number(call *c, const ast_expr *e, const op_attr *row, ir_attr *a)
{
    a->kind = IR_ATTR_FLOAT;
    if (attr_float(e, &a->f)) return true;
    if (e->kind == AST_STRING || e->kind == AST_LIST || e->kind == AST_BOOL) return attr_error(c, e, row, "a number");
    const ir_sx *sx = lower_sx(c->l, e, SX_STATIC);
    if (sx) a->f = (double)sx_value(sx);
    return sx != NULL;
}

static bool attr_string(call *c, const ast_expr *e, const op_attr *row, ir_attr *a)
{
    if (e->kind != AST_STRING) return attr_error(c, e, row, "a string");
    a->kind = IR_ATTR_STR;
    a->s = e->text;
    return true;
}

static bool attr_dtype(call *c, const ast_expr *e, const op_attr *row, ir_attr *a)
{
    if (e->kind != AST_NAME) {
        nfc_diag *d = lower_error(c->l, E_ATTR_VALUE, e->at, "attribute '%s' of %s is an element type such as f32", row->name, c->st->callee.text);
        if (e->kind == AST_STRING && dtype_lookup(e->text) != DT_COUNT) diag_help(d, "write %s=%s, without quotes", row->name, e->text);
        return false;
    }
    a->kind = IR_ATTR_DTYPE;
    a->t = lower_dtype(c->l, e->name);
    return a->t != DT_COUNT;
}

static bool attr_numbers(call *c, const ast_expr *e, const op_attr *row, ir_attr *a)
{
    enum { MOST = 64 };
    if (e->kind != AST_LIST) return attr_error(c, e, row, "a list of numbers");
    double *fs = ARENA_ARRAY(c->l->m->arena, double, MOST);
    for (const ast_expr *i = e->item; i; i = i->next)
        if (a->n == MOST || !attr_float(i, &fs[a->n++])) return attr_error(c, i, row, "a list of at most 64 numbers");
    a->kind = IR_ATTR_FLOATS;
    a->fs = fs;
    return true;
}

static bool read_attr(call *c, const ast_expr *e, const op_attr *row, ir_attr *a)
{
    *a = (ir_attr){.at = e->at};
    if (e->kind == AST_ERROR) return false;
    switch (row->kind) {
    case ATTR_INT:
    case ATTR_BOOL: return attr_int(c, e, row, a);
    case ATTR_FLOAT: return attr_number(c, e, row, a);
    case ATTR_ENUM: return attr_enum(c, e, row, a);
    case ATTR_STR: return attr_string(c, e, row, a);
    case ATTR_DTYPE: return attr_dtype(c, e, row, a);
    case ATTR_INTS:
    case ATTR_SXS: return attr_list(c, e, row, a);
    case ATTR_FLOATS: return attr_numbers(c, e, row, a);
    }
    return false;
}

/* ---- operands ------------------------------------------------------------------------------ */

static nfc_dtype *type_variable(call *c, int row)
{
    static nfc_dtype none;
    int var = c->info->in[row].type_var;
    none = DT_COUNT;
    return var < 0 ? &none : &c->t[var];
}

static void add_operand(call *c, int row, const ast_expr *e)
{
    operand o = {.at = e->at};
    bool literal = false;
    o.value = lower_value(c->l, e, DT_COUNT, &literal);
    if (literal) o.literal = e;
    nfc_dtype *t = type_variable(c, row);
    if (o.value && o.value->type->kind == IR_TENSOR && *t == DT_COUNT) *t = o.value->type->dtype;
    if (c->info->in[row].presence == OPER_VARIADIC) vec_push(c->l->s->arena, &c->in, o);
    else c->in.at[row] = o;
}

static void read_operand(call *c, const ast_arg *arg, int row)
{
    bool variadic = c->info->in[row].presence == OPER_VARIADIC;
    if (!variadic || arg->value->kind != AST_LIST) {
        add_operand(c, row, arg->value);
        return;
    }
    for (const ast_expr *e = arg->value->item; e; e = e->next) add_operand(c, row, e);
}

/* The type that a literal takes: its variable's; for an operand of its own set, the natural one. */
static nfc_dtype literal_type(call *c, int row)
{
    const op_operand *r = &c->info->in[row];
    if (r->type_var >= 0) return c->t[r->type_var];
    if (r->types == 1u << DT_bool) return DT_bool;
    return r->types >> DT_i64 & 1 ? DT_i64 : DT_COUNT;
}

static bool fix_literals(call *c)
{
    int rows = c->info->nin;
    for (int i = 0; i < c->in.n; i++) {
        operand *o = &c->in.at[i];
        if (!o->literal) continue;
        nfc_dtype t = literal_type(c, i < rows ? i : rows - 1);
        if (t == DT_COUNT) {
            diag_help(lower_error(c->l, E_LITERAL, o->at, "nothing here says which type this literal should have"), "another operand gives it one, or op constant_of_shape(shape=[], value=..., dtype=...)");
            return false;
        }
        o->value = lower_value(c->l, o->literal, t, NULL);
    }
    return true;
}

/* ---- calls --------------------------------------------------------------------------------- */

/* "the operands are x, w and b (optional); the attributes are group and pads" */
static const char *signature(lower *l, const op_info *info)
{
    const char *operands = "", *attributes = "";
    for (int i = 0; i < info->nin; i++)
        operands = session_printf(l->s, "%s%s%s%s", operands, i ? ", " : "", info->in[i].name, info->in[i].presence == OPER_OPTIONAL ? " (optional)" : info->in[i].presence == OPER_VARIADIC ? " (a list)" : "");
    for (int i = 0; i < info->nindex; i++) operands = session_printf(l->s, "%s%s%s", operands, *operands ? ", " : "", info->index[i].name);
    for (int i = 0; i < info->nattr; i++) attributes = session_printf(l->s, "%s%s%s", attributes, i ? ", " : "", info->attr[i].name);
    return session_printf(l->s, "%s%s%s%s%s", *operands ? "operands: " : "", operands, *operands && *attributes ? "; " : "", *attributes ? "attributes: " : "", attributes);
}

static void unknown_argument(call *c, const ast_arg *arg)
{
    const char *names[64];
    int n = 0;
    for (int i = 0; i < c->info->nin; i++) names[n++] = c->info->in[i].name;
    for (int i = 0; i < c->info->nindex; i++) names[n++] = c->info->index[i].name;
    for (int i = 0; i < c->info->nattr; i++) names[n++] = c->info->attr[i].name;
    names[n] = NULL;
    nfc_diag *d = lower_error(c->l, E_ARGUMENT, arg->name.at, "%s has no operand or attribute '%s'", c->st->callee.text, arg->name.text);
    if (!diag_suggest(d, arg->name.text, names)) diag_help(d, "%s", signature(c->l, c->info));
}

static bool read_arguments(call *c, ir_attr *attrs, const ir_sx **index, bool *given)
{
    bool ok = true;
    for (const ast_arg *a = c->st->arg; a; a = a->next) {
        bool twice = false;
        for (const ast_arg *b = c->st->arg; b != a; b = b->next)
            if (b->name.text == a->name.text) {
                diag_note(lower_error(c->l, E_DUPLICATE, a->name.at, "'%s' is given twice", a->name.text), b->name.at, "first here");
                twice = true;
            }
        if (twice) {
            ok = false;
            continue;
        }
        int i = op_operand_find(c->info, a->name.text), k = op_attr_find(c->info, a->name.text);
        int x = op_index_find(c->info, a->name.text);
        if (i >= 0) {
            read_operand(c, a, i);
        } else if (k >= 0) {
            given[k] = true;
            ok &= read_attr(c, a->value, &c->info->attr[k], &attrs[k]);
        } else if (x >= 0) {
            index[x] = lower_sx(c->l, a->value, SX_DIMS | SX_SCALARS);
            ok &= index[x] != NULL;
        } else {
            unknown_argument(c, a);
            ok = false;
        }
    }
    return ok;
}

static bool named_twice(lower *l, const ast_stmt *st, int i)
{
    for (int k = 0; k < i; k++) {
        if (st->result[k].text != st->result[i].text) continue;
        diag_note(lower_error(l, E_DUPLICATE, st->result[i].at, "two results have the name '%s'", st->result[i].text), st->result[k].at, "first here");
        return true;
    }
    return false;
}

static void bind_results(lower *l, const ast_stmt *st, ir_inst *inst)
{
    for (int i = 0; i < st->nresult; i++) {
        if (named_twice(l, st, i)) continue;
        ir_value *v = inst && i < inst->nout ? inst->out[i] : poison_value(l, st->at);
        if (inst && i < inst->nout) {
            v->name = st->result[i].text;
            v->at = st->result[i].at;
        }
        lower_bind(l, st->result[i], v);
    }
}

static ir_inst *build_call(call *c, const ir_attr *attrs, const bool *given, const ir_sx *const *index)
{
    lower *l = c->l;
    ir_value **in = ARENA_ARRAY(l->s->arena, ir_value *, c->in.n);
    int n = 0;
    for (int i = 0; i < c->in.n; i++) {
        in[i] = c->in.at[i].value;
        if (in[i]) n = i + 1; /* absent optional operands at the end are dropped */
    }
    for (int i = n; i < c->info->nin; i++)
        if (c->info->in[i].presence == OPER_REQUIRED) n = i + 1;
    ir_inst *inst = ir_new(l->m, c->op, c->st->at, n, in);
    for (int k = 0; k < c->info->nattr; k++)
        if (given[k]) inst->attr[k] = attrs[k];
    for (int x = 0; x < c->info->nindex; x++) inst->index[x] = index[x] ? index[x] : sx_int(&l->m->sx, c->info->index[x].fallback);
    return inst;
}

/* An index operand that is required, or sdpa's length, whose default is the number of keys. */
static void default_indices(lower *l, ir_inst *inst)
{
    if (inst->op != IR_sdpa || !sx_is(inst->index[0], -1)) return;
    const ir_type *k = inst->nin > 1 && inst->in[1] ? inst->in[1]->type : NULL;
    if (k && k->kind == IR_TENSOR && k->rank >= 2) inst->index[0] = k->dim[k->rank - 2];
    (void)l;
}

void lower_op(lower *l, const ast_stmt *st)
{
    ir_op op = op_lookup(st->callee.text);
    const ir_hints *hints = lower_hints(l, st->with, l->hints);
    if (op == IR_OP_COUNT || op_get(op)->family == FAM_CORE) {
        nfc_diag *d = lower_error(l, E_OP, st->callee.at, "there is no op '%s'", st->callee.text);
        if (!diag_suggest(d, st->callee.text, op_names())) diag_help(d, "'nfc ops' lists them all");
        bind_results(l, st, NULL);
        return;
    }
    call c = {.l = l, .st = st, .info = op_get(op), .op = op, .t = {DT_COUNT, DT_COUNT, DT_COUNT}};
    for (int i = 0; i < c.info->nin; i++)
        if (c.info->in[i].presence != OPER_VARIADIC) vec_push(l->s->arena, &c.in, ((operand){0}));
    ir_attr *attrs = ARENA_ARRAY(l->s->arena, ir_attr, c.info->nattr);
    const ir_sx **index = ARENA_ARRAY(l->s->arena, const ir_sx *, c.info->nindex);
    bool *given = ARENA_ARRAY(l->s->arena, bool, c.info->nattr);
    if (!read_arguments(&c, attrs, index, given) || !fix_literals(&c)) {
        bind_results(l, st, NULL);
        return;
    }
    ir_inst *inst = build_call(&c, attrs, given, index);
    inst->hints = hints;
    default_indices(l, inst);
    nfc_span *at = ARENA_ARRAY(l->s->arena, nfc_span, c.in.n);
    for (int i = 0; i < c.in.n; i++) at[i] = c.in.at[i].at;
    ir_places written = {st->callee.text, st->callee.at, span_join(st->result[0].at, st->result[st->nresult - 1].at), at, c.in.n};
    ir_infer(l->m, inst, st->nresult, &written);
    lower_emit(l, inst);
    bind_results(l, st, inst);
}
