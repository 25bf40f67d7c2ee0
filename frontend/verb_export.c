/* Writing a graph: canonical JSON, IR text, a drawing for Graphviz. */
#include <string.h>
#include "frontend/cli.h"
#include "frontend/export_nfg.h"
#include "frontend/outdir.h"
#include "ir/text.h"
#include "ir/tree.h"

static void dot_text(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putc('\\', to);
        putc(*text, to);
    }
}

static const char *colour_of(const ir_inst *i)
{
    if (i->constant) return "#e8e8e8";
    switch (op_get(i->op)->family) {
    case FAM_NEST: return "#cfe2f3";
    case FAM_EW: return "#d9ead3";
    case FAM_MAP: return "#fff2cc";
    case FAM_EXPAND: return "#d9d2e9";
    default: return "#f4cccc";
    }
}

static void dot_region(FILE *to, nfc_arena *a, const ir_region *r, int *cluster);

static void dot_inst(FILE *to, nfc_arena *a, const ir_inst *i, int *cluster)
{
    const char *label = op_get(i->op)->name;
    if (i->op == IR_weight) label = i->constant->pattern ? i->constant->pattern : i->constant->tensor[0];
    fprintf(to, "    i%d [label=\"", i->id);
    dot_text(to, label);
    for (int k = 0; k < i->nout; k++) {
        fputs("\\n", to);
        if (i->out[k]->name && i->op != IR_weight) dot_text(to, arena_printf(a, "%s : ", i->out[k]->name));
        dot_text(to, ir_type_text(a, i->out[k]->type));
    }
    fprintf(to, "\", style=filled, fillcolor=\"%s\"];\n", colour_of(i));
    for (int k = 0; k < i->nin; k++) {
        const ir_value *v = i->in[k];
        if (!v) continue;
        if (v->def) fprintf(to, "    i%d -> i%d%s;\n", v->def->id, i->id, v->type->kind == IR_TOKEN ? " [style=dotted]" : "");
        else fprintf(to, "    a%d -> i%d%s;\n", v->id, i->id, v->type->kind == IR_TOKEN ? " [style=dotted]" : "");
    }
    for (int k = 0; k < i->nedge; k++) fprintf(to, "    i%d -> b%d [style=dashed];\n", i->id, i->edge[k].to->id);
    for (int k = 0; k < i->nregion; k++) dot_region(to, a, i->region[k], cluster);
}

static void dot_region(FILE *to, nfc_arena *a, const ir_region *r, int *cluster)
{
    for (const ir_block *b = r->first; b; b = b->next) {
        fprintf(to, "  subgraph cluster%d {\n    label=\"", (*cluster)++);
        dot_text(to, r->owner && r->owner->label ? arena_printf(a, "%s / %s", r->owner->label, b->name) : b->name);
        fprintf(to, "\";\n    b%d [shape=point];\n", b->id);
        for (int i = 0; i < b->arg.n; i++) {
            fprintf(to, "    a%d [shape=oval, label=\"", b->arg.at[i]->id);
            if (b->arg.at[i]->name) dot_text(to, b->arg.at[i]->name);
            fputs("\\n", to);
            dot_text(to, ir_type_text(a, b->arg.at[i]->type));
            fputs("\"];\n", to);
        }
        for (const ir_inst *i = b->first; i; i = i->next) dot_inst(to, a, i, cluster);
        fputs("  }\n", to);
    }
}

static void write_dot(FILE *to, ir_module *m)
{
    int cluster = 0;
    ir_number(m);
    fputs("digraph {\n  node [shape=box, fontname=\"Helvetica\", fontsize=10];\n", to);
    for (int g = 0; g < m->graph.n; g++) dot_region(to, m->arena, m->graph.at[g]->body, &cluster);
    fputs("}\n", to);
}

static int export_as_nfg(cli *c, ir_module *m)
{
    size_t n = c->out_dir ? strlen(c->out_dir) : 0;
    if (n < 5 || strcmp(c->out_dir + n - 4, ".nfg") != 0) diag_error_in(&c->s->diags, E_USAGE, "--format=nfg", "-o FILE.nfg must say where it goes; the constants go to FILE.safetensors beside it");
    else if (m->package.n || m->graph.n != 1) diag_error_in(&c->s->diags, E_USAGE, "--format=nfg", "it writes imported models; 'nfc fmt' formats .nfg files");
    else export_nfg(c->s, m, c->out_dir);
    return cli_finish(c);
}

int verb_export(cli *c)
{
    static const char *const formats[] = {"json", "dot", "ir", "nfg", NULL};
    const char *format = c->format ? c->format : "json";
    bool known = false;
    for (int i = 0; formats[i]; i++) known |= strcmp(format, formats[i]) == 0;
    if (!known) diag_suggest(diag_error_in(&c->s->diags, E_USAGE, "--format", "json, dot, ir or nfg, not '%s'", format), format, formats);
    ir_module *m = known ? cli_load(c) : NULL;
    if (!m) return cli_finish(c);
    if (format[0] == 'n') return export_as_nfg(c, m);
    outfile *file = c->out_dir ? outfile_begin(c->s, c->out_dir) : NULL;
    if (c->out_dir && !file) return cli_finish(c);
    FILE *to = file ? outfile_stream(file) : stdout;
    if (format[0] == 'j') {
        json_write(to, ir_to_tree(m), 0);
        putc('\n', to);
    } else if (format[0] == 'd') {
        write_dot(to, m);
    } else {
        ir_print_text(to, m);
    }
    if (file) outfile_commit(file);
    return cli_finish(c);
}
