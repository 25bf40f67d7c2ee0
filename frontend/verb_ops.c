/* nfc ops: the op table, as text, as the README's table, as JSON. Nothing here knows an op. */
#include <string.h>
#include "codegen/dialect.h"
#include "frontend/cli.h"
#include "frontend/onnx/import.h"
#include "frontend/json.h"
#include "ir/ops_sets.h"
#include "ir/sim.h"
#include "passes/expand.h"
#include "passes/lower_kir.h"

/* ---- what supports an op --------------------------------------------------------------------- */

static bool has_evaluator(ir_op op) { return sim_evaluator_of(op) != NULL; }

/* The planner makes views itself; everything else needs a lowering, or other ops that it becomes. */
static bool has_kernel(ir_op op)
{
    return op_get(op)->family == FAM_VIEW || expand_rule_of(op) || lower_element_of(op) || lower_nest_of(op);
}

typedef struct {
    const char *key, *title;
    bool (*has)(ir_op op);
    const dialect *language; /* that kernels are printed in; NULL: none is */
} target;

static const target targets[] = {
    {"simulator", "simulator", has_evaluator, NULL},
    {"c", "C", has_kernel, &dialect_c},
    {"vulkan", "Vulkan kernels", has_kernel, &dialect_glsl},
};

enum { NTARGET = sizeof targets / sizeof *targets };

/* Those of an op's types that a target has it for. */
static uint32_t types_on(const target *t, ir_op op)
{
    uint32_t types = t->has(op) ? op_get(op)->types[0] : 0;
    for (int i = 0; i < DT_COUNT; i++)
        if (t->language && !t->language->storage_type((nfc_dtype)i)) types &= ~(1u << i);
    return types;
}

static bool supports(const target *t, ir_op op) { return t->has(op) && types_on(t, op) == op_get(op)->types[0]; }

/* ---- words ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint32_t types;
} type_sets[] = {
    {"numbers", SET_NUM},   {"floats", SET_FLOATS},   {"integers", SET_INTS},
    {"signed", SET_SINTS},  {"unsigned", SET_UINTS},  {"quantised", SET_QUANTISED},
    {"stored", SET_STORED},
};

enum { NSET = sizeof type_sets / sizeof *type_sets };

/* "floats, signed, bool": the largest sets that make up this one, and what remains by name. */
static const char *sets_text(nfc_arena *a, uint32_t types)
{
    const char *words = "";
    for (int i = 0; i < NSET; i++) {
        if ((types & type_sets[i].types) != type_sets[i].types) continue;
        words = arena_printf(a, "%s%s%s", words, *words ? ", " : "", type_sets[i].name);
        types &= ~type_sets[i].types;
    }
    return types ? arena_printf(a, "%s%s%s", words, *words ? ", " : "", op_types_text(a, types)) : words;
}

static const char *kind_text(op_attr_kind kind)
{
    static const char *const names[] = {
        [ATTR_INT] = "integer",  [ATTR_BOOL] = "0 or 1",          [ATTR_FLOAT] = "number",
        [ATTR_ENUM] = "string",  [ATTR_STR] = "string",           [ATTR_DTYPE] = "type",
        [ATTR_INTS] = "integers", [ATTR_SXS] = "extents",         [ATTR_FLOATS] = "numbers",
    };
    return names[kind];
}

static const char *family_text(op_family family)
{
    static const char *const names[] = {
        [FAM_CORE] = "core", [FAM_EW] = "elementwise", [FAM_MAP] = "mapped",
        [FAM_VIEW] = "view", [FAM_NEST] = "nest",      [FAM_EXPAND] = "expanded"};
    return names[family];
}

/* Where the function is defined, or its f32 error is promised. */
static const char *domain_text(op_domain domain)
{
    static const char *const names[] = {
        [DOM_ALL] = "all",        [DOM_POSITIVE] = "above 0", [DOM_NONZERO] = "not 0", [DOM_UNIT] = "-1 to 1",
        [DOM_GE1] = "from 1 on",  [DOM_SMALL] = "small",      [DOM_SHIFT] = "0 to the width",
    };
    return names[domain];
}

static const struct {
    unsigned flag;
    const char *name, *meaning;
} flag_names[] = {
    {OPF_COMMUTES, "commutes", "the operands may be swapped"},
    {OPF_IDEMPOTENT, "idempotent", "twice is as good as once"},
    {OPF_CAN_FAIL, "can fail", "can stop with a run error"},
    {OPF_INPLACE, "in place", "may write its result over its first operand"},
};

enum { NFLAG = sizeof flag_names / sizeof *flag_names };

/* The default of an attribute as the language writes it; NULL: none. */
static const char *default_text(nfc_arena *a, const op_attr *at)
{
    if (at->required || !*at->fallback) return NULL;
    if (at->kind != ATTR_ENUM) return at->fallback;
    return arena_printf(a, "\"%.*s\"", (int)strcspn(at->fallback, "|"), at->fallback);
}

static const char *comma(nfc_arena *a, const char *words, const char *item)
{
    return arena_printf(a, "%s%s%s", words, *words ? ", " : "", item);
}

/* "clip(input, [min], [max])", "cast(input, to=)": what may be left out stands in brackets. */
static const char *signature(nfc_arena *a, const op_info *op)
{
    const char *words = "";
    for (int i = 0; i < op->nin; i++) {
        const op_operand *in = &op->in[i];
        const char *name = in->name;
        if (in->presence == OPER_OPTIONAL) name = arena_printf(a, "[%s]", name);
        if (in->presence == OPER_VARIADIC) name = arena_printf(a, "%s...", name);
        words = comma(a, words, name);
    }
    for (int i = 0; i < op->nindex; i++) words = comma(a, words, op->index[i].required ? op->index[i].name : arena_printf(a, "[%s]", op->index[i].name));
    for (int i = 0; i < op->nattr; i++)
        if (op->attr[i].required) words = comma(a, words, arena_printf(a, "%s=", op->attr[i].name));
    return arena_printf(a, "%s(%s)", op->name, words);
}

static const char *aliases(nfc_arena *a, const op_info *op)
{
    const char *words = "";
    for (const char *const *name = op_names(); *name; name++)
        if (op_get(op_lookup(*name)) == op && strcmp(*name, op->name) != 0) words = comma(a, words, *name);
    return words;
}

/* Words from column `indent` on, broken before column `WIDTH`; the cursor stands at the indent. */
static void print_wrapped(const char *words, int indent)
{
    enum { WIDTH = 110 };
    int at = indent;
    while (*words) {
        int n = (int)strcspn(words, " ");
        if (at > indent && at + 1 + n > WIDTH) {
            printf("\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            putchar(' ');
            at++;
        }
        printf("%.*s", n, words);
        at += n;
        words += n + (words[n] == ' ');
    }
    putchar('\n');
}

/* ---- all, as text ---------------------------------------------------------------------------- */

static void print_list(nfc_arena *a)
{
    enum { TYPES_AT = 34, DOC_AT = 56 };
    for (int i = 0; i < IR_OP_COUNT; i++) {
        const op_info *op = op_get((ir_op)i);
        if (op->family == FAM_CORE) continue;
        const char *head = signature(a, op);
        if (strlen(head) >= TYPES_AT) printf("%s\n%*s", head, TYPES_AT, "");
        else printf("%-*s", TYPES_AT, head);
        const char *types = sets_text(a, op->types[0]);
        if (strlen(types) >= DOC_AT - TYPES_AT) printf("%s\n%*s", types, DOC_AT, "");
        else printf("%-*s", DOC_AT - TYPES_AT, types);
        print_wrapped(op->doc, DOC_AT);
    }
    putchar('\n');
    for (int i = 0; i < NSET; i++) {
        printf("%-10s", type_sets[i].name);
        print_wrapped(op_types_text(a, type_sets[i].types), 10);
    }
    puts("\n'nfc ops NAME' tells all of one: operands, attributes, shape of the result.");
}

/* ---- one, as text ---------------------------------------------------------------------------- */

static const char *variable_text(nfc_arena *a, int var, uint32_t types)
{
    return var >= 0 ? arena_printf(a, "%c", "TUV"[var]) : op_types_text(a, types);
}

static void print_operands(nfc_arena *a, const op_info *op)
{
    static const char *const presence[] = {"required", "optional", "one or more"};
    puts(op->nin ? "\noperands" : "\ntypes");
    for (int i = 0; i < op->nin; i++)
        printf("  %-14s %-12s %s\n", op->in[i].name, presence[op->in[i].presence], variable_text(a, op->in[i].type_var, op->in[i].types));
    for (int i = 0; i < op->nindex; i++)
        printf("  %-14s %-12s an integer expression%s\n", op->index[i].name, op->index[i].required ? "required" : "optional",
               op->index[i].required || op->index[i].fallback < 0 ? "" : arena_printf(a, "; %lld by default", (long long)op->index[i].fallback));
    for (int v = 0; v < 3; v++)
        if (op->types[v]) printf("  %-14c %-12s %s\n", "TUV"[v], "is one of", op_types_text(a, op->types[v]));
}

static void print_attributes(nfc_arena *a, const op_info *op)
{
    enum { DOC_AT = 47 };
    if (op->nattr) puts("\nattributes");
    for (int i = 0; i < op->nattr; i++) {
        const op_attr *at = &op->attr[i];
        const char *value = default_text(a, at);
        printf("  %-20s %-9s %-13s ", at->name, kind_text(at->kind), at->required ? "required" : value ? arena_printf(a, "= %s", value) : "optional");
        print_wrapped(at->kind == ATTR_ENUM ? arena_printf(a, "%s; one of %s", at->doc, at->fallback) : at->doc, DOC_AT);
    }
}

static const char *result_type(nfc_arena *a, const op_result *r)
{
    if (r->type_var >= 0) return variable_text(a, r->type_var, 0);
    return r->dtype == DT_COUNT ? "as the attributes say" : dtype_name(r->dtype);
}

/* "C", or "C for floats" where it has not all; "" where it has none. */
static const char *support_text(nfc_arena *a, const target *t, ir_op op)
{
    if (supports(t, op)) return t->title;
    return types_on(t, op) ? arena_printf(a, "%s for %s", t->title, sets_text(a, types_on(t, op))) : "";
}

static void print_one(nfc_arena *a, ir_op id)
{
    const op_info *op = op_get(id);
    const char *others = aliases(a, op);
    printf("%s\n  ", signature(a, op));
    print_wrapped(op->doc, 2);
    if (*others) printf("  also called %s\n", others);
    printf("  %s", *op->onnx ? arena_printf(a, "ONNX's %s", op->onnx) : "not an op of ONNX");
    for (int i = 0; i < NFLAG; i++)
        if (op->flags & flag_names[i].flag) printf("; %s", flag_names[i].meaning);
    putchar('\n');
    print_operands(a, op);
    print_attributes(a, op);
    puts("\nresults");
    for (int i = 0; i < op->nout; i++)
        printf("  %-14s %-12s %s\n", op->out[i].name, op->out[i].optional ? "optional" : "", op->flags & OPF_BOOL ? "bool" : result_type(a, &op->out[i]));
    fputs("  shape          ", stdout);
    print_wrapped(op->rule->shape_text, 17);
    if (op->family == FAM_EW) printf("\nworked out as    %s\n", op->expression);
    if (op->family == FAM_EXPAND) puts("\nworked out by    other ops: nfc build --dump=expand shows them");
    if (op->family == FAM_EW && op->ulp) printf("f32 error        at most %d ulp\n", op->ulp);
    fputs("\nsupported by     ", stdout);
    for (int i = 0, n = 0; i < NTARGET; i++)
        if (*support_text(a, &targets[i], id)) printf("%s%s", n++ ? ", " : "", support_text(a, &targets[i], id));
    putchar('\n');
}

/* ---- Markdown -------------------------------------------------------------------------------- */

static void print_markdown(nfc_arena *a)
{
    fputs("| op | ONNX | types |", stdout);
    for (int i = 0; i < NTARGET; i++) printf(" %s |", targets[i].title);
    fputs("\n|---|---|---|", stdout);
    for (int i = 0; i < NTARGET; i++) fputs(":-:|", stdout);
    putchar('\n');
    for (int i = 0; i < IR_OP_COUNT; i++) {
        const op_info *op = op_get((ir_op)i);
        if (op->family == FAM_CORE) continue;
        printf("| `%s` | %s | %s |", op->name, op->onnx, sets_text(a, op->types[0]));
        for (int t = 0; t < NTARGET; t++) printf(" %s |", supports(&targets[t], (ir_op)i) ? "yes" : types_on(&targets[t], (ir_op)i) ? sets_text(a, types_on(&targets[t], (ir_op)i)) : "no");
        putchar('\n');
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_node *types_json(nfc_arena *a, uint32_t types)
{
    json_node *list = json_array(a);
    for (int t = 0; t < DT_COUNT; t++)
        if (types >> t & 1) json_push(list, json_string(a, dtype_name((nfc_dtype)t)));
    return list;
}

static void set_type(nfc_arena *a, json_node *to, int var, uint32_t types)
{
    if (var >= 0) json_set(to, "type", json_string(a, variable_text(a, var, 0)));
    else json_set(to, "types", types_json(a, types));
}

static json_node *operands_json(nfc_arena *a, const op_info *op)
{
    static const char *const presence[] = {"required", "optional", "variadic"};
    json_node *list = json_array(a);
    for (int i = 0; i < op->nin; i++) {
        json_node *in = json_object(a);
        json_set(in, "name", json_string(a, op->in[i].name));
        json_set(in, "presence", json_string(a, presence[op->in[i].presence]));
        set_type(a, in, op->in[i].type_var, op->in[i].types);
        json_push(list, in);
    }
    return list;
}

static json_node *indices_json(nfc_arena *a, const op_info *op)
{
    json_node *list = json_array(a);
    for (int i = 0; i < op->nindex; i++) {
        json_node *x = json_object(a);
        json_set(x, "name", json_string(a, op->index[i].name));
        json_set(x, "required", json_bool(a, op->index[i].required));
        if (!op->index[i].required && op->index[i].fallback >= 0) json_set(x, "default", json_int(a, op->index[i].fallback));
        json_push(list, x);
    }
    return list;
}

static json_node *choices_json(nfc_arena *a, const char *words)
{
    json_node *list = json_array(a);
    for (size_t n; *words; words += n + (words[n] == '|')) {
        n = strcspn(words, "|");
        json_push(list, json_string(a, arena_strndup(a, words, n)));
    }
    return list;
}

static json_node *attributes_json(nfc_arena *a, const op_info *op)
{
    json_node *list = json_array(a);
    for (int i = 0; i < op->nattr; i++) {
        const op_attr *row = &op->attr[i];
        json_node *at = json_object(a);
        const char *value = default_text(a, row);
        json_set(at, "name", json_string(a, row->name));
        json_set(at, "kind", json_string(a, kind_text(row->kind)));
        json_set(at, "required", json_bool(a, row->required));
        json_set(at, "doc", json_string(a, row->doc));
        if (value) json_set(at, "default", json_string(a, value));
        if (row->kind == ATTR_ENUM) json_set(at, "choices", choices_json(a, row->fallback));
        json_push(list, at);
    }
    return list;
}

static json_node *results_json(nfc_arena *a, const op_info *op)
{
    json_node *list = json_array(a);
    for (int i = 0; i < op->nout; i++) {
        const op_result *row = &op->out[i];
        json_node *out = json_object(a);
        json_set(out, "name", json_string(a, row->name));
        json_set(out, "optional", json_bool(a, row->optional));
        if (op->flags & OPF_BOOL) json_set(out, "types", types_json(a, SET_BOOLS));
        else if (row->type_var >= 0 || row->dtype != DT_COUNT) set_type(a, out, row->type_var, row->type_var < 0 ? 1u << row->dtype : 0);
        json_push(list, out);
    }
    return list;
}

static json_node *op_json(nfc_arena *a, ir_op id)
{
    const op_info *op = op_get(id);
    json_node *o = json_object(a), *flags = json_array(a), *by = json_object(a), *types = json_object(a), *others = json_array(a);
    for (int i = 0; i < NFLAG; i++)
        if (op->flags & flag_names[i].flag) json_push(flags, json_string(a, flag_names[i].name));
    for (int i = 0; i < NTARGET; i++) json_set(by, targets[i].key, json_bool(a, supports(&targets[i], id)));
    for (int v = 0; v < 3; v++)
        if (op->types[v]) json_set(types, variable_text(a, v, 0), types_json(a, op->types[v]));
    for (const char *const *name = op_names(); *name; name++)
        if (op_lookup(*name) == id && strcmp(*name, op->name) != 0) json_push(others, json_string(a, *name));
    json_set(o, "aliases", others);
    json_set(o, "attributes", attributes_json(a, op));
    json_set(o, "doc", json_string(a, op->doc));
    json_set(o, "family", json_string(a, family_text(op->family)));
    json_set(o, "flags", flags);
    json_set(o, "indices", indices_json(a, op));
    json_set(o, "onnx", json_string(a, op->onnx));
    json_set(o, "operands", operands_json(a, op));
    json_set(o, "result_shape", json_string(a, op->rule->shape_text));
    json_set(o, "rule", json_string(a, op->rule->name));
    json_set(o, "results", results_json(a, op));
    json_set(o, "supported", by);
    json_set(o, "types", types);
    if (op->family != FAM_EW) return o;
    json_set(o, "domain", json_string(a, domain_text(op->domain)));
    json_set(o, "expression", json_string(a, op->expression));
    json_set(o, "ulp", json_int(a, op->ulp));
    return o;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static ir_op find(cli *c, const char *name)
{
    ir_op op = op_lookup(name);
    if (op != IR_OP_COUNT && op_get(op)->family != FAM_CORE) return op;
    nfc_diag *d = diag_error_in(&c->s->diags, E_USAGE, "nfc ops", "there is no op '%s'", name);
    if (!diag_suggest(d, name, op_names())) diag_help(d, "'nfc ops' lists them");
    return IR_OP_COUNT;
}

static void print_json(cli *c, const ir_op *chosen)
{
    nfc_arena *a = c->s->arena;
    json_node *all = json_object(a);
    for (int i = 0; i < c->operand.n; i++) json_set(all, op_get(chosen[i])->name, op_json(a, chosen[i]));
    for (int i = 0; i < IR_OP_COUNT && !c->operand.n; i++)
        if (op_get((ir_op)i)->family != FAM_CORE) json_set(all, op_get((ir_op)i)->name, op_json(a, (ir_op)i));
    json_write(stdout, all, 0);
    putchar('\n');
}

int verb_ops(cli *c)
{
    nfc_arena *a = c->s->arena;
    ir_op *chosen = ARENA_ARRAY(a, ir_op, c->operand.n + 1);
    for (int i = 0; i < c->operand.n; i++) chosen[i] = find(c, c->operand.at[i]);
    if (c->json && c->markdown) diag_error_in(&c->s->diags, E_USAGE, "--markdown", "--json is given, too");
    if (c->markdown && c->operand.n) diag_error_in(&c->s->diags, E_USAGE, "--markdown", "the table has all ops; name none");
    if (c->onnx && (c->operand.n || c->markdown)) diag_error_in(&c->s->diags, E_USAGE, "--onnx", "it lists the operators of models; name none, and --json is its only form");
    if (c->s->diags.errors) return cli_finish(c);
    if (c->onnx) {
        im_print_ops(a, c->json);
    } else if (c->json) {
        print_json(c, chosen);
    } else if (c->markdown) {
        print_markdown(a);
    } else if (c->operand.n) {
        for (int i = 0; i < c->operand.n; i++) {
            if (i) putchar('\n');
            print_one(a, chosen[i]);
        }
    } else {
        print_list(a);
    }
    return cli_finish(c);
}
