/* Instructions and blocks from a tree. */
#include <stdlib.h>
#include <string.h>
#include "frontend/safetensors.h"
#include "frontend/statefile.h"
#include "ir/tree_reader.h"

/* ---- attributes ---------------------------------------------------------------------------- */

static bool read_integer(const json_node *n, bool truth, ir_attr *a)
{
    a->kind = IR_ATTR_INT;
    a->i = n->integer;
    return n->kind == JSON_INT && !n->above_i64 && (!truth || (a->i | 1) == 1);
}

/* What is no finite number is a string. */
static bool read_float(const json_node *n, ir_attr *a)
{
    a->kind = IR_ATTR_FLOAT;
    a->f = n->kind == JSON_STRING ? strtod(n->text, NULL) : n->number;
    if (n->kind != JSON_STRING) return n->kind == JSON_INT || n->kind == JSON_FLOAT;
    return strcmp(n->text, "nan") == 0 || strcmp(n->text, "inf") == 0 || strcmp(n->text, "-inf") == 0;
}

/* Is the text one of "this|that"? */
static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (const char *p = choices; len && p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strncmp(p, text, len) == 0 && (p[len] == '|' || !p[len])) return true;
    return false;
}

/* choices: NULL, or what it may be. */
static bool read_string(tree_reader *r, const json_node *n, const char *choices, ir_attr *a)
{
    bool ok = n->kind == JSON_STRING && (!choices || is_choice(choices, n->text));
    a->kind = IR_ATTR_STR;
    a->s = ok ? intern(&r->s->names, n->text) : "";
    return ok;
}

static bool read_dtype(const json_node *n, ir_attr *a)
{
    a->kind = IR_ATTR_DTYPE;
    a->t = n->kind == JSON_STRING ? dtype_lookup(n->text) : DT_COUNT;
    return a->t != DT_COUNT;
}

static bool read_expressions(tree_reader *r, const json_node *n, bool known, ir_attr *a)
{
    bool ok = n->kind == JSON_ARRAY;
    a->kind = IR_ATTR_SXS;
    a->sx = ARENA_ARRAY(r->s->arena, const ir_sx *, n->count);
    for (const json_node *k = n->child; ok && k; k = k->next) {
        a->sx[a->n] = tree_expression(r, k);
        ok = !r->failed && (!known || sx_is_const(a->sx[a->n]));
        a->n++;
    }
    return ok;
}

static bool read_numbers(tree_reader *r, const json_node *n, ir_attr *a)
{
    double *fs = ARENA_ARRAY(r->s->arena, double, n->count + 1);
    bool ok = n->kind == JSON_ARRAY;
    a->kind = IR_ATTR_FLOATS;
    for (const json_node *k = n->child; ok && k; k = k->next) {
        ok = k->kind == JSON_INT || k->kind == JSON_FLOAT;
        fs[a->n++] = k->number;
    }
    a->fs = fs;
    return ok;
}

static bool read_value(tree_reader *r, const json_node *n, const op_attr *row, ir_attr *a)
{
    switch (row->kind) {
    case ATTR_INT:
    case ATTR_BOOL: return read_integer(n, row->kind == ATTR_BOOL, a);
    case ATTR_FLOAT: return read_float(n, a);
    case ATTR_ENUM: return read_string(r, n, row->fallback, a);
    case ATTR_STR: return read_string(r, n, NULL, a);
    case ATTR_DTYPE: return read_dtype(n, a);
    case ATTR_INTS:
    case ATTR_SXS: return read_expressions(r, n, row->kind == ATTR_INTS, a);
    case ATTR_FLOATS: return read_numbers(r, n, a);
    }
    return false;
}

static bool read_attr(tree_reader *r, const json_node *n, const op_attr *row, ir_attr *a)
{
    static const char *const want[] = {
        [ATTR_INT] = "an integer", [ATTR_BOOL] = "0 or 1", [ATTR_FLOAT] = "a number", [ATTR_ENUM] = "one of ", [ATTR_STR] = "a string", [ATTR_DTYPE] = "an element type", [ATTR_INTS] = "a list of integers", [ATTR_SXS] = "a list of integers and expressions", [ATTR_FLOATS] = "a list of numbers"};
    *a = (ir_attr){.at = NO_SPAN};
    return read_value(r, n, row, a) || tree_bad(r, n, "the attribute is %s%s", want[row->kind], row->kind == ATTR_ENUM ? row->fallback : "");
}

static void read_attrs(tree_reader *r, const json_node *n, ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    const json_node *attrs = json_get(n, "attrs");
    if (attrs && attrs->kind != JSON_OBJECT) tree_bad(r, attrs, "an object is needed, not %s", json_kind_name(attrs->kind));
    for (const json_node *k = attrs ? attrs->child : NULL; k && !r->failed; k = k->next) {
        int i = k->key ? op_attr_find(info, k->key) : -1;
        if (i < 0) tree_bad(r, k, "%s has no such attribute", info->name);
        else read_attr(r, k, &info->attr[i], &inst->attr[i]);
    }
}

/* ---- instructions -------------------------------------------------------------------------- */

static ir_scope *scopes(tree_reader *r, const json_node *list, nfc_span at)
{
    ir_scope *scope = NULL;
    if (list && list->kind != JSON_ARRAY) tree_bad(r, list, "an array is needed, not %s", json_kind_name(list->kind));
    for (const json_node *k = list ? list->child : NULL; k && !r->failed; k = k->next) {
        if (k->kind != JSON_STRING) {
            tree_bad(r, k, "a scope is a string");
            break;
        }
        const char *key = session_printf(r->s, "scope %p %s", (void *)scope, k->text);
        ir_scope *known = map_get(&r->scopes, key);
        if (!known) {
            known = ARENA_NEW(r->s->arena, ir_scope);
            *known = (ir_scope){intern(&r->s->names, k->text), scope, at};
            map_set(&r->scopes, key, known);
        }
        scope = known;
    }
    return scope;
}

static bool flag(tree_reader *r, const json_node *n, const char *key)
{
    const json_node *k = tree_member(r, n, key, JSON_BOOL);
    return k && k->truth;
}

static const ir_hints *read_hints(tree_reader *r, const json_node *n)
{
    if (!n || !tree_members(r, n, "fuse group no_reorder placement")) return NULL;
    ir_hints *h = ARENA_NEW(r->s->arena, ir_hints);
    if (json_get(n, "fuse")) h->fuse = flag(r, n, "fuse") ? 1 : -1;
    if (json_get(n, "no_reorder")) h->no_reorder = flag(r, n, "no_reorder");
    if (json_get(n, "group")) h->group = tree_text(r, n, "group");
    if (json_get(n, "placement")) h->placement = tree_text(r, n, "placement");
    return h;
}

static bool read_bytes(tree_reader *r, const json_node *n, const ir_type *t, const void **out)
{
    const json_node *hex = tree_member(r, n, "data", JSON_STRING);
    if (!hex) return false;
    size_t want = (size_t)ir_max_bytes(t), have = strlen(hex->text);
    if (!ir_is_static(t) || have != 2 * want) return tree_bad(r, hex, "%zu hexadecimal digits are needed, there are %zu", 2 * want, have);
    unsigned char *p = arena_alloc(r->s->arena, want + 1);
    for (size_t i = 0; i < have; i++) {
        char c = hex->text[i];
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0) return tree_bad(r, hex, "'%c' is no hexadecimal digit", c);
        p[i / 2] = (unsigned char)(p[i / 2] << 4 | d);
    }
    *out = p;
    int64_t bad = statefile_bad_element(t->dtype, p, ir_max_elements(t));
    return bad < 0 || tree_bad(r, hex, "element %lld is no %s", (long long)bad, dtype_name(t->dtype));
}

static bool read_constant(tree_reader *r, const json_node *n, ir_inst *inst, const ir_type *t)
{
    ir_const *c = ARENA_NEW(r->s->arena, ir_const);
    inst->constant = c;
    if (t->kind != IR_TENSOR) return tree_bad(r, n, "a constant is a tensor");
    if (!tree_members(r, n, inst->op == IR_const ? "data" : "package pattern tensors")) return false;
    if (inst->op == IR_const) return read_bytes(r, n, t, &c->data);
    const char *name = tree_text(r, n, "package");
    const json_node *tensors = tree_member(r, n, "tensors", JSON_ARRAY);
    for (int i = 0; i < r->m->package.n; i++)
        if (strcmp(r->m->package.at[i]->name, name) == 0) c->package = r->m->package.at[i];
    if (!tensors) return false;
    if (!c->package) return tree_bad(r, json_get(n, "package"), "there is no package '%s'", name);
    if (!tensors->count) return tree_bad(r, tensors, "a weight has a tensor, or a table of them");
    if (json_get(n, "pattern")) c->pattern = tree_text(r, n, "pattern");
    c->tensor = ARENA_ARRAY(r->s->arena, const char *, tensors->count);
    for (const json_node *k = tensors->child; k; k = k->next) {
        const package_tensor *p = k->kind == JSON_STRING ? package_find(c->package, k->text) : NULL;
        bool same = p && p->dtype == t->dtype && p->rank == t->rank;
        for (int i = 0; same && i < p->rank; i++) same = sx_is(t->dim[i], p->dim[i]);
        if (!same) return tree_bad(r, k, p ? "the tensor has another type in the package" : "the package has no such tensor");
        c->tensor[c->ntensor++] = intern(&r->s->names, k->text);
    }
    int64_t lo = 0, hi = 0;
    if (inst->nindex) sx_range(inst->index[0], &lo, &hi);
    if ((c->ntensor > 1) != (inst->nindex == 1) || lo < 0 || hi >= c->ntensor) return tree_bad(r, n, "the index does not fit the table of tensors");
    return true;
}

static bool read_selectors(tree_reader *r, const json_node *n, ir_inst *inst)
{
    const json_node *list = tree_member(r, n, "sel", JSON_ARRAY);
    inst->state = tree_state(r, n, tree_number(r, n, "state", 0, INT32_MAX));
    if (!list || !inst->state) return false;
    if (list->count != inst->state->type->rank) return tree_bad(r, list, "the state has rank %d", inst->state->type->rank);
    inst->sel = ARENA_ARRAY(r->s->arena, ir_sel, list->count);
    for (const json_node *k = list->child; k && !r->failed; k = k->next) {
        ir_sel *sel = &inst->sel[inst->nsel];
        if (!tree_members(r, k, "at extent start")) return false;
        const json_node *start = json_get(k, "start"), *extent = json_get(k, "extent");
        if (!start) return tree_bad(r, k, "a selector has a start");
        sel->at = tree_place(r, k);
        sel->start = tree_expression(r, start);
        sel->one = !extent;
        if (extent) sel->extent = tree_expression(r, extent);
        const ir_sx *left = extent ? sx_sub(&r->m->sx, inst->state->type->dim[inst->nsel], sel->extent) : NULL;
        if (!r->failed && extent && (sx_min(sel->extent) < 0 || sx_min(left) < 0)) return tree_bad(r, extent, "the extent does not fit the state");
        inst->nsel++;
    }
    return !r->failed;
}

static bool read_edges(tree_reader *r, const json_node *n, ir_inst *inst)
{
    const json_node *edges = tree_member(r, n, "edges", JSON_ARRAY);
    int want = inst->op == IR_br ? 1 : 2;
    if (!edges || edges->count != want) return tree_bad(r, n, "%d jump targets are needed", want);
    for (const json_node *e = edges->child; e && tree_members(r, e, "first n to"); e = e->next) {
        int64_t to = tree_number(r, e, "to", 0, INT32_MAX), first = tree_number(r, e, "first", 0, inst->nin), count = tree_number(r, e, "n", 0, inst->nin);
        ir_block *b = to < r->block.n ? r->block.at[to] : NULL;
        if (r->failed || !b || first + count > inst->nin) return tree_bad(r, e, "a jump to nowhere");
        inst->edge[inst->nedge++] = (ir_edge){b, (int)first, (int)count};
    }
    return !r->failed;
}

/* The op's own shape rule must give the types that the file declares. */
static bool check_types(tree_reader *r, const json_node *n, ir_inst *inst, const json_node *out)
{
    int errors = r->s->diags.errors;
    if (!ir_infer(r->m, inst, out ? out->count : 0, NULL)) {
        r->failed = true;
        return r->s->diags.errors > errors || tree_bad(r, n, "the operands do not fit");
    }
    int i = 0;
    for (const json_node *k = out ? out->child : NULL; k && !r->failed; k = k->next, i++) {
        const json_node *t = tree_member(r, k, "type", JSON_OBJECT);
        if (i >= inst->nout || !t || !ir_same_type(tree_type(r, t), inst->out[i]->type)) return tree_bad(r, k, "the op makes a result of another type");
    }
    return i == inst->nout || tree_bad(r, n, "the op makes %d results", inst->nout);
}

/* What is returned must be able to be what the outputs declare. */
static bool check_return(tree_reader *r, const json_node *n, const ir_inst *leave)
{
    for (int o = 0; o < r->g->output.n && o < leave->nin; o++) {
        const ir_type *t = leave->in[o] ? leave->in[o]->type : ir_poison(r->m), *declared = r->g->output.at[o].type;
        bool fits = t->kind == IR_TENSOR && t->dtype == declared->dtype && t->rank == declared->rank;
        ir_output_axis a;
        for (int k = 0; fits && k < t->rank; k++) fits = ir_output_fits(r->m, leave, o, k, &a) != IR_NEVER_FITS;
        if (!fits) return tree_bad(r, n, "output %s has another type", r->g->output.at[o].name);
    }
    return leave->nin >= r->g->output.n || tree_bad(r, n, "%d values for %d outputs", leave->nin, r->g->output.n);
}

static bool read_core(tree_reader *r, const json_node *n, ir_inst *inst, const json_node *out)
{
    const json_node *first = out ? out->child : NULL, *t = first ? json_get(first, "type") : NULL;
    switch (inst->op) {
    case IR_const:
    case IR_weight: {
        const json_node *c = tree_member(r, n, "constant", JSON_OBJECT);
        if (!c || !t || out->count != 1 || !read_constant(r, c, inst, tree_type(r, t))) return false;
        break;
    }
    case IR_read:
    case IR_write:
        if (!read_selectors(r, n, inst)) return false;
        break;
    case IR_return:
        if (!check_return(r, n, inst)) return false;
        break;
    case IR_require:
        if (inst->nindex != 1 || !ir_given(inst, ATTR_AT(require, min)) || !ir_given(inst, ATTR_AT(require, max))) return tree_bad(r, n, "a requirement has an index, and bounds");
        break;
    case IR_token: inst->state = tree_state(r, n, tree_number(r, n, "state", 0, INT32_MAX)); break;
    case IR_br:
    case IR_cond_br:
        if (!read_edges(r, n, inst)) return false;
        break;
    case IR_loop:
    case IR_fused: {
        const json_node *b = tree_member(r, n, "blocks", JSON_ARRAY);
        if (!b) return false;
        if (inst->op == IR_loop && inst->nindex != 2) return tree_bad(r, n, "a loop has two indices, its bounds");
        inst->nregion = 1;
        inst->region[0] = ir_region_new(r->g, inst);
        if (json_get(n, "label")) inst->label = tree_text(r, n, "label");
        if (!tree_blocks(r, b, inst->region[0])) return false;
        break;
    }
    default: break;
    }
    for (const json_node *k = first; k && !r->failed; k = k->next) {
        const json_node *kt = tree_member(r, k, "type", JSON_OBJECT);
        if (kt) ir_add_result(r->m, inst, tree_type(r, kt), NULL, inst->at);
    }
    return !r->failed;
}

static void read_origins(tree_reader *r, const json_node *list, ir_inst *inst)
{
    ir_origin **end = &inst->from;
    for (const json_node *k = list ? list->child : NULL; k && !r->failed; k = k->next) {
        ir_origin *o = ARENA_NEW(r->s->arena, ir_origin);
        tree_members(r, k, "at name op scope");
        o->at = tree_place(r, k);
        o->op = op_lookup(tree_text(r, k, "op"));
        if (o->op == IR_OP_COUNT) tree_bad(r, k, "an unknown op");
        if (json_get(k, "name")) o->name = tree_text(r, k, "name");
        o->scope = scopes(r, json_get(k, "scope"), o->at);
        *end = o;
        end = &o->next;
    }
}

static void unknown_op(tree_reader *r, const json_node *n)
{
    const char *near = nearest_word(n->text, op_names());
    if (near) tree_bad(r, n, "there is no op '%s'; did you mean '%s'?", n->text, near);
    else tree_bad(r, n, "there is no op '%s'", n->text);
}

/* A list of the instruction, when it has it; NULL after a report too. */
static const json_node *list_of(tree_reader *r, const json_node *n, const char *key)
{
    return json_get(n, key) ? tree_member(r, n, key, JSON_ARRAY) : NULL;
}

typedef VEC(ir_value *) values;

static values read_operands(tree_reader *r, const json_node *in)
{
    values operands = {0};
    for (const json_node *k = in ? in->child : NULL; k && !r->failed; k = k->next) {
        bool absent = k->kind == JSON_BOOL && !k->truth;
        if (!absent && k->kind != JSON_INT) tree_bad(r, k, "a value's number is needed");
        vec_push(r->s->arena, &operands, absent || r->failed ? NULL : tree_value(r, k, k->integer));
    }
    return operands;
}

/* index: NULL, or the list of them. */
static bool read_indices(tree_reader *r, const json_node *n, const json_node *index, ir_inst *inst)
{
    if (!index) return !inst->nindex || tree_bad(r, n, "its indices are missing");
    if (op_get(inst->op)->family != FAM_CORE && index->count != inst->nindex) return tree_bad(r, index, "%d indices are needed", inst->nindex);
    inst->nindex = index->count;
    inst->index = ARENA_ARRAY(r->s->arena, const ir_sx *, index->count);
    int i = 0;
    for (const json_node *k = index->child; k; k = k->next) inst->index[i++] = tree_expression(r, k);
    return true;
}

static ir_inst *read_inst(tree_reader *r, const json_node *n, ir_block *b)
{
    ir_op op = op_lookup(tree_text(r, n, "op"));
    if (!r->failed && op == IR_OP_COUNT) unknown_op(r, json_get(n, "op"));
    if (r->failed || !tree_members(r, n, "at attrs blocks constant edges from hints in index label op out scope sel state")) return NULL;
    const json_node *in = list_of(r, n, "in"), *index = list_of(r, n, "index"), *out = list_of(r, n, "out");
    values operands = read_operands(r, in);
    nfc_span at = tree_place(r, n);
    const op_info *info = op_get(op);
    bool variadic = info->nin && info->in[info->nin - 1].presence == OPER_VARIADIC;
    if (!r->failed && info->family != FAM_CORE && operands.n > info->nin && !variadic) tree_bad(r, in, "%s has only %d operands", info->name, info->nin);
    if (r->failed) return NULL;
    ir_inst *inst = ir_new(r->m, op, at, operands.n, operands.at);
    ir_append(b, inst);
    if (!read_indices(r, n, index, inst)) return NULL;
    read_attrs(r, n, inst);
    inst->scope = scopes(r, json_get(n, "scope"), at);
    inst->hints = read_hints(r, json_get(n, "hints"));
    read_origins(r, json_get(n, "from"), inst);
    if (r->failed) return NULL;
    bool ok = info->family == FAM_CORE ? read_core(r, n, inst, out) : check_types(r, n, inst, out);
    int i = 0;
    for (const json_node *k = ok && out ? out->child : NULL; k && ok; k = k->next) ok = tree_register(r, k, inst->out[i++]);
    return ok ? inst : NULL;
}

/* ---- blocks -------------------------------------------------------------------------------- */

bool tree_blocks(tree_reader *r, const json_node *list, ir_region *region)
{
    enum { MOST = 1 << 24 };
    for (const json_node *k = list->child; k && tree_members(r, k, "args at id insts name"); k = k->next) {
        ir_block *b = ir_block_new(region, tree_text(r, k, "name"), tree_place(r, k));
        int64_t id = tree_number(r, k, "id", 0, MOST);
        if (r->failed || id > 4 * (int64_t)r->block.n + 1024) return tree_bad(r, k, "a malformed block");
        while (r->block.n <= id) vec_push(r->s->arena, &r->block, NULL);
        if (r->block.at[id]) return tree_bad(r, k, "two blocks have the id %lld", (long long)id);
        r->block.at[id] = b;
    }
    ir_block *b = region->first;
    for (const json_node *k = list->child; k && !r->failed; k = k->next, b = b->next) {
        const json_node *args = tree_member(r, k, "args", JSON_ARRAY);
        for (const json_node *a = args ? args->child : NULL; a && !r->failed; a = a->next) {
            const json_node *t = tree_member(r, a, "type", JSON_OBJECT);
            if (t) tree_register(r, a, ir_block_arg(b, tree_type(r, t), NULL, NO_SPAN));
        }
        const json_node *insts = tree_member(r, k, "insts", JSON_ARRAY);
        for (const json_node *i = insts ? insts->child : NULL; i && !r->failed; i = i->next)
            if (!read_inst(r, i, b)) return tree_bad(r, i, "a malformed instruction");
    }
    return !r->failed && (region->first || tree_bad(r, list, "a region needs a block"));
}
