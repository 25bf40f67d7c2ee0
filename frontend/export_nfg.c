#include "frontend/export_nfg.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>
#include "frontend/memfile.h"
#include "frontend/outdir.h"
#include "passes/pass.h"

typedef struct exporter {
    nfc_session *s;
    ir_module *m;
    nfc_arena *a;
    FILE *to;
    nfc_map name;     /* value -> its name */
    nfc_map taken;    /* names in use */
    nfc_map block;    /* block -> its name */
    nfc_map tensor;   /* constant -> export_tensor */
    VEC(export_tensor) store;
    nfc_map zero;     /* dtype's name -> the name of a stored 0 */
    int depth;
    bool failed;
} exporter;

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_word(const char *name)
{
    static const char *const words[] = {"barrier", "block", "branch", "break", "carry", "const", "dims", "effect", "false", "fmt", "graph", "in", "inf", "inputs", "loop", "meta", "model", "nan", "op", "outputs", "require", "return", "scope", "state", "true", "with", "yield", NULL};
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], name) == 0) return true;
    return false;
}

/* A name that nothing else has, made of this one. */
static const char *fresh(exporter *e, const char *wish)
{
    char *base = arena_strndup(e->a, wish && *wish ? wish : "t", 200);
    for (char *p = base; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_') *p = '_';
    if (isdigit((unsigned char)*base)) base = arena_printf(e->a, "t%s", base);
    const char *name = base;
    for (int i = 2; map_get(&e->taken, name) || is_word(name); i++) name = arena_printf(e->a, "%s_%d", base, i);
    map_set(&e->taken, name, e);
    return name;
}

static const char *name_of(exporter *e, const ir_value *v)
{
    const char *name = map_getp(&e->name, v);
    if (name) return name;
    name = fresh(e, v->name);
    map_setp(&e->name, v, (void *)(uintptr_t)name);
    return name;
}

static const char *symbol_name(void *env, const ir_sym *sym)
{
    exporter *e = env;
    return sym->is_dim || !sym->value ? sym->name : name_of(e, sym->value);
}

static const char *expression(exporter *e, const ir_sx *x) { return sx_text_named(e->a, x, symbol_name, e); }

static void indent(exporter *e) { fprintf(e->to, "%*s", 4 * e->depth, ""); }

static void put_type(exporter *e, const ir_type *t)
{
    fprintf(e->to, "%s [", dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++) fprintf(e->to, "%s%s", i ? ", " : "", expression(e, t->dim[i]));
    putc(']', e->to);
}

/* ---- constants ------------------------------------------------------------------------------ */

static void put_text(exporter *e, const char *text)
{
    putc('"', e->to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putc('\\', e->to);
        putc(*text, e->to);
    }
    putc('"', e->to);
}

/* The tensor of the package that a constant becomes. */
static const char *store(exporter *e, const ir_value *v)
{
    export_tensor *s = map_getp(&e->tensor, v);
    if (s) return s->name;
    const char *name = v->name ? v->name : "constant", *base = name;
    for (int i = 2; map_get(&e->tensor, name); i++) name = arena_printf(e->a, "%s_%d", base, i);
    s = ARENA_NEW(e->a, export_tensor);
    *s = (export_tensor){name, v};
    map_setp(&e->tensor, v, s);
    map_set(&e->tensor, name, s);
    vec_push(e->a, &e->store, *s);
    return name;
}

static bool is_const(const ir_value *v) { return v->def && v->def->op == IR_const; }

/* Has the package no type for it? Then its bits travel as integers. */
static bool is_odd(const ir_value *v) { return !*dtype_table[v->type->dtype].safetensors; }

/* Does another operand say the type of this one? */
static bool is_typed_by_others(const ir_inst *inst, int i)
{
    const op_info *info = op_get(inst->op);
    if (info->family == FAM_CORE || !info->nin) return false;
    int var = info->in[i < info->nin ? i : info->nin - 1].type_var;
    for (int k = 0; var >= 0 && k < inst->nin; k++) {
        const ir_value *v = inst->in[k];
        if (k != i && v && !(is_const(v) && v->type->rank == 0) && info->in[k < info->nin ? k : info->nin - 1].type_var == var) return true;
    }
    return false;
}

static const char *literal(exporter *e, const ir_value *v)
{
    nfc_dtype t = v->type->dtype;
    const void *data = ir_const_bytes(v);
    if (v->type->rank || !data) return NULL;
    if (t == DT_bool) return dtype_get_int(t, data, 0) ? "true" : "false";
    if (dtype_is_int(t)) {
        int64_t x = dtype_get_int(t, data, 0);
        return t == DT_u64 && x < 0 ? NULL : x == INT64_MIN ? NULL : arena_printf(e->a, "%" PRId64, x);
    }
    double x = dtype_get(t, data, 0);
    if (!isfinite(x) || (t != DT_f32 && t != DT_f64)) return NULL;
    const char *text = arena_printf(e->a, t == DT_f64 ? "%.17g" : "%.9g", x);
    return strpbrk(text, ".e") ? text : arena_printf(e->a, "%s.0", text);
}

static void put_value(exporter *e, const ir_value *v)
{
    if (is_const(v) && !map_getp(&e->name, v)) {
        fputs("model[", e->to);
        put_text(e, store(e, v));
        putc(']', e->to);
    } else fputs(name_of(e, v), e->to);
}

static void put_operand(exporter *e, const ir_inst *inst, int i)
{
    const ir_value *v = inst->in[i];
    const char *text = is_const(v) && !map_getp(&e->name, v) && is_typed_by_others(inst, i) ? literal(e, v) : NULL;
    if (text) fputs(text, e->to);
    else put_value(e, v);
}

/* ---- operations ----------------------------------------------------------------------------- */

static bool is_default(const op_attr *row, const ir_attr *a)
{
    if (a->kind == IR_ATTR_NONE) return true;
    if (!*row->fallback) return false;
    switch (a->kind) {
    case IR_ATTR_INT: return a->i == strtoll(row->fallback, NULL, 10);
    case IR_ATTR_FLOAT: return a->f == strtod(row->fallback, NULL);
    case IR_ATTR_DTYPE: return dtype_lookup(row->fallback) == a->t;
    case IR_ATTR_STR: {
        size_t n = strcspn(row->fallback, "|");
        return !row->required && strlen(a->s) == n && memcmp(a->s, row->fallback, n) == 0;
    }
    default: return false;
    }
}

static void put_float(exporter *e, double x)
{
    if (isnan(x)) fputs("nan", e->to);
    else if (isinf(x)) fputs(x < 0 ? "-inf" : "inf", e->to);
    else {
        const char *text = arena_printf(e->a, "%.17g", x);
        fprintf(e->to, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
    }
}

static void put_attr(exporter *e, const ir_attr *a)
{
    switch (a->kind) {
    case IR_ATTR_INT: fprintf(e->to, "%" PRId64, a->i); return;
    case IR_ATTR_FLOAT: put_float(e, a->f); return;
    case IR_ATTR_STR: put_text(e, a->s); return;
    case IR_ATTR_DTYPE: fputs(dtype_name(a->t), e->to); return;
    case IR_ATTR_SXS:
        putc('[', e->to);
        for (int i = 0; i < a->n; i++) fprintf(e->to, "%s%s", i ? ", " : "", expression(e, a->sx[i]));
        putc(']', e->to);
        return;
    case IR_ATTR_FLOATS:
        putc('[', e->to);
        for (int i = 0; i < a->n; i++) {
            if (i) fputs(", ", e->to);
            put_float(e, a->fs[i]);
        }
        putc(']', e->to);
        return;
    case IR_ATTR_NONE: return;
    }
}

static void put_arguments(exporter *e, const ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    const char *sep = "";
    for (int i = 0; i < info->nin; i++) {
        bool variadic = info->in[i].presence == OPER_VARIADIC;
        if (i >= inst->nin || !inst->in[i]) continue;
        fprintf(e->to, "%s%s=%s", sep, info->in[i].name, variadic ? "[" : "");
        for (int k = i; k < (variadic ? inst->nin : i + 1); k++) {
            if (k > i) fputs(", ", e->to);
            put_operand(e, inst, k);
        }
        if (variadic) putc(']', e->to);
        sep = ", ";
    }
    for (int i = 0; i < info->nindex; i++) {
        if (!info->index[i].required && sx_is(inst->index[i], info->index[i].fallback)) continue;
        fprintf(e->to, "%s%s=%s", sep, info->index[i].name, expression(e, inst->index[i]));
        sep = ", ";
    }
    for (int i = 0; i < info->nattr; i++) {
        if (is_default(&info->attr[i], &inst->attr[i])) continue;
        fprintf(e->to, "%s%s=", sep, info->attr[i].name);
        put_attr(e, &inst->attr[i]);
        sep = ", ";
    }
}

static void put_results(exporter *e, const ir_inst *inst)
{
    for (int i = 0; i < inst->nout; i++) fprintf(e->to, "%s%s", i ? ", " : "", name_of(e, inst->out[i]));
}

static void put_op(exporter *e, const ir_inst *inst)
{
    indent(e);
    put_results(e, inst);
    fprintf(e->to, " = op %s(", op_get(inst->op)->name);
    put_arguments(e, inst);
    fputs(");\n", e->to);
}

/* A constant whose type the package does not have: its numbers as integers, cast; of floats the bits. */
static void put_odd_constant(exporter *e, const ir_value *v)
{
    const char *tensor = store(e, v);
    indent(e);
    fprintf(e->to, "%s = op %s(input=model[", name_of(e, v), dtype_is_float(v->type->dtype) ? "bitcast" : "cast");
    put_text(e, tensor);
    fprintf(e->to, "], to=%s);\n", dtype_name(v->type->dtype));
}

/* A stored 0, which gives an integer expression its type. */
static const char *zero_of(exporter *e, nfc_dtype t)
{
    const char *name = map_get(&e->zero, dtype_name(t));
    if (name) return name;
    ir_value *v = ir_constant_scalar(e->m, e->m->graph.at[0]->at, t, 0, 0)->out[0];
    v->name = arena_printf(e->a, "zero_%s", dtype_name(t));
    name = store(e, v);
    map_set(&e->zero, dtype_name(t), (void *)(uintptr_t)name);
    return name;
}

static void put_index_tensor(exporter *e, const ir_inst *inst)
{
    indent(e);
    fprintf(e->to, "%s = op add(a=%s, b=model[", name_of(e, inst->out[0]), expression(e, inst->index[0]));
    put_text(e, zero_of(e, inst->out[0]->type->dtype));
    fputs("]);\n", e->to);
}

static void put_read(exporter *e, const ir_inst *inst)
{
    const ir_sym *sym = inst->out[0]->sym;
    nfc_dtype t = inst->in[0]->type->dtype;
    bool all = sym->lo <= dtype_min(t) && sym->hi >= 0 && (uint64_t)sym->hi >= dtype_max(t);
    if (all && !is_const(inst->in[0])) { /* the scalar itself stands for what is read of it */
        map_setp(&e->name, inst->out[0], (void *)(uintptr_t)name_of(e, inst->in[0]));
        return;
    }
    indent(e);
    fprintf(e->to, "%s = require(", name_of(e, inst->out[0]));
    put_value(e, inst->in[0]);
    fprintf(e->to, ", min=%" PRId64 ", max=%" PRId64 ");\n", sym->lo, sym->hi);
}

static void put_require(exporter *e, const ir_inst *inst)
{
    indent(e);
    fprintf(e->to, "%s = require(%s, min=%" PRId64 ", max=%" PRId64 ");\n", name_of(e, inst->out[0]), expression(e, inst->index[0]), ir_attr_named(inst, "min")->i, ir_attr_named(inst, "max")->i);
}

/* ---- control flow --------------------------------------------------------------------------- */

static const char *block_name(exporter *e, const ir_block *b)
{
    const char *name = map_getp(&e->block, b);
    if (name) return name;
    name = b->region->first == b && !b->region->owner ? "entry" : fresh(e, b->name);
    map_setp(&e->block, b, (void *)(uintptr_t)name);
    return name;
}

static void put_edge(exporter *e, const ir_inst *inst, int k)
{
    const ir_edge *edge = &inst->edge[k];
    fprintf(e->to, "%s(", block_name(e, edge->to));
    for (int i = 0; i < edge->n; i++) {
        if (i) fputs(", ", e->to);
        put_value(e, inst->in[edge->first + i]);
    }
    putc(')', e->to);
}

static void put_jump(exporter *e, const ir_inst *inst)
{
    indent(e);
    fputs("branch ", e->to);
    if (inst->op == IR_cond_br) {
        fprintf(e->to, "%s ? ", name_of(e, inst->in[0]));
        put_edge(e, inst, 0);
        fputs(" : ", e->to);
        put_edge(e, inst, 1);
    } else put_edge(e, inst, 0);
    fputs(";\n", e->to);
}

static void put_leave(exporter *e, const ir_inst *inst, const char *word, const ir_inst *loop)
{
    const ir_graph *g = ir_graph_of(inst);
    int n = loop ? loop->nout : g->output.n;
    indent(e);
    fputs(word, e->to);
    for (int i = 0; i < n; i++) {
        fprintf(e->to, "%s%s = ", i ? ", " : " ", loop ? name_of(e, loop->out[i]) : g->output.at[i].name);
        put_value(e, inst->in[i]);
    }
    fputs(";\n", e->to);
}

static void put_region(exporter *e, const ir_region *r);

static void put_loop(exporter *e, const ir_inst *inst)
{
    const ir_block *body = inst->region[0]->first;
    for (int i = 0; i < inst->nin; i++) { /* a carried value has one name before, in and behind the loop */
        const char *name = name_of(e, inst->out[i]);
        map_setp(&e->name, body->arg.at[i + 1], (void *)(uintptr_t)name);
        indent(e);
        fprintf(e->to, "%s = ", name);
        put_value(e, inst->in[i]);
        fputs(";\n", e->to);
    }
    indent(e);
    fprintf(e->to, "loop %s (%s in %s..%s) {\n", fresh(e, inst->label ? inst->label : "loop_"), name_of(e, body->arg.at[0]), expression(e, inst->index[0]), expression(e, inst->index[1]));
    e->depth++;
    put_region(e, inst->region[0]);
    e->depth--;
    indent(e);
    fputs("}\n", e->to);
}

static void put_effect(exporter *e, const ir_inst *inst)
{
    for (int i = 0; i < inst->nsel; i++)
        if (inst->sel[i].one || !sx_is(inst->sel[i].start, 0)) {
            diag_error(&e->s->diags, E_USAGE, inst->at, "effects on parts of states are not written as .nfg");
            e->failed = true;
            return;
        }
    indent(e);
    if (inst->op == IR_read) fprintf(e->to, "%s = effect read(%s);\n", name_of(e, inst->out[0]), inst->state->name);
    else {
        fprintf(e->to, "effect write(%s, value=", inst->state->name);
        put_value(e, inst->in[1]);
        fputs(");\n", e->to);
    }
}

static void put_inst(exporter *e, const ir_inst *inst)
{
    switch (inst->op) {
    case IR_const:
        if (is_odd(inst->out[0])) put_odd_constant(e, inst->out[0]);
        return;
    case IR_token: return;
    case IR_barrier: indent(e), fputs("barrier;\n", e->to); return;
    case IR_index_tensor: put_index_tensor(e, inst); return;
    case IR_index_read: put_read(e, inst); return;
    case IR_require: put_require(e, inst); return;
    case IR_read:
    case IR_write: put_effect(e, inst); return;
    case IR_loop: put_loop(e, inst); return;
    case IR_br:
    case IR_cond_br: put_jump(e, inst); return;
    case IR_yield: put_leave(e, inst, "yield", inst->block->region->owner); return;
    case IR_break: put_leave(e, inst, "break", inst->block->region->owner); return;
    case IR_return: put_leave(e, inst, "return", NULL); return;
    default: put_op(e, inst);
    }
}

static void put_block(exporter *e, const ir_block *b)
{
    bool first = b->region->first == b;
    indent(e);
    fprintf(e->to, "block %s", block_name(e, b));
    for (int i = 0; !first && i < b->arg.n; i++) {
        fprintf(e->to, "%s%s : ", i ? ", " : "(", name_of(e, b->arg.at[i]));
        put_type(e, b->arg.at[i]->type);
    }
    fputs(!first && b->arg.n ? ") {\n" : " {\n", e->to);
    e->depth++;
    const ir_scope *scope = NULL;
    for (const ir_inst *i = b->first; i; i = i->next) {
        const char *label = i->scope != scope && i->op != IR_const && !ir_is_terminator(i) ? source_label_at(&e->s->sources, i->at) : NULL;
        scope = i->op == IR_const ? scope : i->scope;
        if (label) {
            indent(e);
            fprintf(e->to, "// %s\n", label);
        }
        put_inst(e, i);
    }
    e->depth--;
    indent(e);
    fputs("}\n", e->to);
}

static void put_region(exporter *e, const ir_region *r)
{
    for (const ir_block *b = r->first; b; b = b->next) put_block(e, b);
}

/* ---- the file ------------------------------------------------------------------------------- */

static void put_ports(exporter *e, const char *word, const ir_port *port, int n)
{
    fprintf(e->to, "%s {\n", word);
    for (int i = 0; i < n; i++) {
        fprintf(e->to, "    %s : ", port[i].name);
        put_type(e, port[i].type);
        fputs(";\n", e->to);
    }
    fputs("}\n", e->to);
}

static void put_head(exporter *e, const char *package)
{
    const ir_graph *g = e->m->graph.at[0];
    fprintf(e->to, "// %s, written by 'nfc export' from a model.\n", e->m->name);
    if (e->store.n) {
        fputs("model ", e->to);
        put_text(e, package);
        fputs(";\n", e->to);
    }
    for (int i = 0; i < e->m->dim.n; i++) {
        const ir_dim *d = &e->m->dim.at[i];
        if (d->bounded) fprintf(e->to, "dims { %s <= %" PRId64 "; }\n", d->sym->name, d->sym->hi > 0 ? d->sym->hi : 1);
    }
    for (int i = 0; i < e->m->state.n; i++) {
        const ir_state *st = e->m->state.at[i];
        fprintf(e->to, "state { %s : buffer(%s, [", st->name, dtype_name(st->type->dtype));
        for (int k = 0; k < st->type->rank; k++) fprintf(e->to, "%s%s", k ? ", " : "", expression(e, st->type->dim[k]));
        fputs("]); }\n", e->to);
    }
    put_ports(e, "inputs", g->input.at, g->input.n);
    put_ports(e, "outputs", g->output.at, g->output.n);
}

/* Names that stand in the declarations. */
static void take_names(exporter *e)
{
    const ir_graph *g = e->m->graph.at[0];
    for (int i = 0; i < e->m->dim.n; i++) map_set(&e->taken, e->m->dim.at[i].sym->name, e);
    for (int i = 0; i < e->m->state.n; i++) map_set(&e->taken, e->m->state.at[i]->name, e);
    for (int i = 0; i < g->input.n; i++) {
        map_set(&e->taken, g->input.at[i].name, e);
        map_setp(&e->name, g->body->first->arg.at[i], (void *)(uintptr_t)g->input.at[i].name);
    }
}

/* ---- the module ----------------------------------------------------------------------------- */

/* What nothing uses and what follows from constants is not worth a line. */
static void tidy(ir_module *m)
{
    static const pass_options options = {.stop_at = -1, .precision = DT_f32};
    bool (*const passes[])(pass_ctx *) = {pass_canon, pass_fold, pass_canon, pass_dce};
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        pass_ctx ctx = {m, arena_child(m->arena), &options};
        ir_number(m);
        passes[i](&ctx);
        arena_free(ctx.scratch);
    }
    ir_number(m);
}

/* The blocks say which constants there are, so they are written before what stands above them. */
static void put_module(exporter *e, FILE *to, const char *package)
{
    memfile *blocks = memfile_new(e->a);
    size_t size;
    e->to = memfile_start(blocks);
    put_region(e, e->m->graph.at[0]->body);
    const char *text = memfile_end(blocks, &size);
    e->to = to;
    put_head(e, package);
    fwrite(text, 1, size, to);
}

bool export_nfg(nfc_session *s, ir_module *m, const char *path)
{
    size_t n = strlen(path);
    exporter e = {.s = s, .m = m, .a = s->arena};
    nfc_map *maps[] = {&e.name, &e.taken, &e.block, &e.tensor, &e.zero};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) map_init(maps[i], s->arena);
    tidy(m);
    if (!export_close_blocks(s, m)) return false;
    outfile *file = outfile_begin(s, path);
    if (!file) return false;
    const char *package = arena_printf(s->arena, "%.*s.safetensors", (int)(n - 4), path), *base = strrchr(package, '/');
    take_names(&e);
    put_module(&e, outfile_stream(file), base ? base + 1 : package);
    if (e.failed || (e.store.n && !export_package(s, package, e.store.n, e.store.at))) {
        outfile_abandon(file);
        return false;
    }
    return outfile_commit(file);
}
