/* The listing: a text of the model with a line for every node, input and output. It is what places in a
 * model are places of: messages show a node's line with a caret under the operand, and the line's label
 * (node "/conv/Conv") goes into reports and emitted comments. */
#include <stdlib.h>
#include <string.h>
#include "frontend/memfile.h"
#include "frontend/onnx/import.h"

enum { MOST_NAME = 120 };

typedef struct lister {
    importer *o;
    FILE *to;
    size_t at;             /* bytes written */
    VEC(const char *) label;
    uint32_t file;
    int number;            /* of nodes so far */
} lister;

/* A name in one piece of one line. */
static const char *shown(lister *l, const char *name)
{
    char *copy = session_printf(l->o->s, "%.*s", MOST_NAME, name);
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127) *p = '?';
    size_t n = strlen(copy); /* not in the middle of a character */
    while (strlen(name) > n && n && ((unsigned char)name[n] & 0xc0) == 0x80) copy[--n] = 0;
    return copy;
}

static void put(lister *l, const char *text)
{
    fputs(text, l->to);
    l->at += strlen(text);
}

static nfc_span here(const lister *l, size_t line_start, const char *text)
{
    return (nfc_span){l->file, (uint32_t)l->label.n + 1, (uint32_t)(l->at - line_start) + 1, (uint32_t)strlen(text)};
}

static void end_line(lister *l, const void *of, im_line *line, const char *label)
{
    put(l, "\n");
    vec_push(l->o->s->arena, &l->label, label);
    map_setp(&l->o->lines, of, line);
}

static void list_names(lister *l, size_t start, size_t n, char **name, im_line *line, bool in)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = *name[i] ? shown(l, name[i]) : "_";
        if (i) put(l, ", ");
        nfc_span at = here(l, start, text);
        if (in) vec_push(l->o->s->arena, &line->in, at);
        else vec_push(l->o->s->arena, &line->out, at);
        put(l, text);
    }
}

static void list_graph(lister *l, const onnx_graph *g, int depth);

static void list_node(lister *l, const onnx_node *node, int depth)
{
    im_line *line = ARENA_NEW(l->o->s->arena, im_line);
    size_t start = l->at;
    for (int i = 0; i < depth; i++) put(l, "    ");
    list_names(l, start, node->n_output, node->output, line, false);
    if (node->n_output) put(l, " = ");
    const char *op = session_printf(l->o->s, "%s%s%s", node->domain, *node->domain ? "." : "", node->op_type);
    op = shown(l, op);
    line->at = here(l, start, op);
    put(l, op);
    put(l, "(");
    list_names(l, start, node->n_input, node->input, line, true);
    put(l, ")");
    int number = l->number++;
    end_line(l, node, line, *node->name ? session_printf(l->o->s, "node \"%s\"", shown(l, node->name)) : session_printf(l->o->s, "node %d (%s)", number, op));
    for (size_t i = 0; i < node->n_attribute; i++) {
        const onnx_attribute *a = node->attribute[i];
        if (a->g) list_graph(l, a->g, depth + 1);
        for (size_t k = 0; k < a->n_graphs; k++) list_graph(l, a->graphs[k], depth + 1);
    }
}

static void list_port(lister *l, const onnx_value_info *v, const char *what, int depth)
{
    im_line *line = ARENA_NEW(l->o->s->arena, im_line);
    size_t start = l->at;
    for (int i = 0; i < depth; i++) put(l, "    ");
    put(l, what);
    put(l, " ");
    const char *name = shown(l, v->name);
    line->at = here(l, start, name);
    put(l, name);
    end_line(l, v, line, session_printf(l->o->s, "%s \"%s\"", what, name));
}

static void list_graph(lister *l, const onnx_graph *g, int depth)
{
    for (size_t i = 0; i < g->n_input; i++) list_port(l, g->input[i], "input", depth);
    for (size_t i = 0; i < g->n_node; i++) list_node(l, g->node[i], depth);
    for (size_t i = 0; i < g->n_output; i++) list_port(l, g->output[i], "output", depth);
}

static void list_function(lister *l, const onnx_function *f)
{
    im_line *line = ARENA_NEW(l->o->s->arena, im_line);
    size_t start = l->at;
    put(l, "function ");
    const char *name = shown(l, f->name);
    line->at = here(l, start, name);
    put(l, name);
    end_line(l, f, line, session_printf(l->o->s, "function \"%s\"", name));
    for (size_t i = 0; i < f->n_node; i++) list_node(l, f->node[i], 1);
}

void im_write_listing(importer *o, const char *path)
{
    lister l = {.o = o, .file = (uint32_t)o->s->sources.file.n + 1};
    memfile *text = memfile_new(o->s->arena);
    l.to = memfile_start(text);
    list_graph(&l, o->model->graph, 0);
    for (size_t i = 0; i < o->model->n_functions; i++) list_function(&l, o->model->functions[i]);
    const char *all = memfile_end(text, NULL);
    o->listed = l.number;
    o->listing = source_add(&o->s->sources, path, all, l.at);
    source_label(&o->s->sources, o->listing, l.label.n, l.label.at);
}

const im_line *im_line_of(const importer *o, const void *of) { return map_getp(&o->lines, of); }

nfc_span im_span(const importer *o, const void *of)
{
    const im_line *line = im_line_of(o, of);
    return line ? line->at : (nfc_span){o->listing, 1, 1, 0};
}
