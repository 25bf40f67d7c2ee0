/* touch [--tensor|--sequence|--optional] FILE...: opens ONNX files and looks at every element of every tensor.
 *
 * Prints what it found, a line a tensor: the path in the file, type, dims and FNV-1a of the elements; and then the
 * diagnostics on stderr. Exits with the first error's code, as nfc does. */
#include <stdlib.h>
#include <string.h>
#include "frontend/onnx/onnx_file.h"

static uint64_t hash(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static void touch_tensor(onnx_file *f, const onnx_tensor *t, const char *where)
{
    onnx_array a;
    uint64_t h = UINT64_C(14695981039346656037);
    if (!onnx_tensor_data(f, t, &a)) return;
    if (a.dtype != DT_string) h = hash(h, a.data, a.bytes);
    for (int64_t i = 0; a.dtype == DT_string && i < a.elements; i++) {
        const char *text = onnx_text(f, &t->string_data[i]);
        h = hash(h, text, strlen(text) + 1);
    }
    printf("%s '%s' %s [", where, t->name, dtype_name(a.dtype));
    for (int i = 0; i < a.rank; i++) printf("%s%lld", i ? "," : "", (long long)a.dim[i]);
    printf("] %016llx %s\n", (unsigned long long)h, a.mapped ? "mapped" : "copied");
}

static void touch_sparse(onnx_file *f, const onnx_sparse *t)
{
    if (t->values) touch_tensor(f, t->values, "values");
    if (t->indices) touch_tensor(f, t->indices, "indices");
}

static void touch_graph(onnx_file *f, const onnx_graph *g);

static void touch_attributes(onnx_file *f, size_t n, onnx_attribute *const *list)
{
    for (size_t i = 0; i < n; i++) {
        const onnx_attribute *a = list[i];
        if (a->t) touch_tensor(f, a->t, "attribute");
        if (a->sparse_tensor) touch_sparse(f, a->sparse_tensor);
        if (a->g) touch_graph(f, a->g);
        for (size_t k = 0; k < a->n_tensors; k++) touch_tensor(f, a->tensors[k], "attribute");
        for (size_t k = 0; k < a->n_sparse_tensors; k++) touch_sparse(f, a->sparse_tensors[k]);
        for (size_t k = 0; k < a->n_graphs; k++) touch_graph(f, a->graphs[k]);
    }
}

static void touch_nodes(onnx_file *f, size_t n, onnx_node *const *node)
{
    for (size_t i = 0; i < n; i++) touch_attributes(f, node[i]->n_attribute, node[i]->attribute);
}

static void touch_graph(onnx_file *f, const onnx_graph *g)
{
    for (size_t i = 0; i < g->n_initializer; i++) touch_tensor(f, g->initializer[i], "initializer");
    for (size_t i = 0; i < g->n_sparse_initializer; i++) touch_sparse(f, g->sparse_initializer[i]);
    touch_nodes(f, g->n_node, g->node);
}

static void touch_sequence(onnx_file *f, const onnx_sequence *s);

static void touch_optional(onnx_file *f, const onnx_optional *o)
{
    if (o->tensor_value) touch_tensor(f, o->tensor_value, "optional");
    if (o->sparse_tensor_value) touch_sparse(f, o->sparse_tensor_value);
    if (o->sequence_value) touch_sequence(f, o->sequence_value);
    if (o->map_value && o->map_value->values) touch_sequence(f, o->map_value->values);
    if (o->optional_value) touch_optional(f, o->optional_value);
}

static void touch_sequence(onnx_file *f, const onnx_sequence *s)
{
    for (size_t i = 0; i < s->n_tensor_values; i++) touch_tensor(f, s->tensor_values[i], "sequence");
    for (size_t i = 0; i < s->n_sparse_tensor_values; i++) touch_sparse(f, s->sparse_tensor_values[i]);
    for (size_t i = 0; i < s->n_sequence_values; i++) touch_sequence(f, s->sequence_values[i]);
    for (size_t i = 0; i < s->n_map_values; i++)
        if (s->map_values[i]->values) touch_sequence(f, s->map_values[i]->values);
    for (size_t i = 0; i < s->n_optional_values; i++) touch_optional(f, s->optional_values[i]);
}

static void touch_file(nfc_session *s, const char *path, onnx_kind kind)
{
    onnx_file *f = kind == ONNX_MODEL ? onnx_open(s, path) : onnx_value_open(s, path, kind);
    if (!f) return;
    if (f->tensor) touch_tensor(f, f->tensor, "value");
    if (f->sequence) touch_sequence(f, f->sequence);
    if (f->optional) touch_optional(f, f->optional);
    if (!f->model) return;
    printf("%s: IR version %lld, %zu opsets, %zu nodes, %zu functions, %zu metadata\n", path, (long long)f->model->ir_version, f->model->n_opset_import, f->model->graph->n_node,
           f->model->n_functions, f->model->n_metadata_props);
    touch_graph(f, f->model->graph);
    for (size_t i = 0; i < f->model->n_functions; i++) {
        touch_attributes(f, f->model->functions[i]->n_attribute_proto, f->model->functions[i]->attribute_proto);
        touch_nodes(f, f->model->functions[i]->n_node, f->model->functions[i]->node);
    }
}

int main(int argc, char **argv)
{
    static const char *const options[] = {[ONNX_TENSOR] = "--tensor", [ONNX_SEQUENCE] = "--sequence", [ONNX_OPTIONAL] = "--optional"};
    nfc_session *s = session_new();
    jmp_buf oom;
    if (!s || setjmp(oom)) {
        fputs("touch: out of memory\n", stderr);
        return 4;
    }
    arena_on_oom(s->arena, &oom);
    int first = 1;
    onnx_kind kind = ONNX_MODEL;
    for (int k = ONNX_TENSOR; k <= ONNX_OPTIONAL; k++)
        if (argc > 1 && strcmp(argv[1], options[k]) == 0) kind = (onnx_kind)k, first = 2;
    for (int i = first; i < argc; i++) touch_file(s, argv[i], kind);
    int status = diag_flush(&s->diags, stderr) ? s->diags.exit_code : 0;
    session_free(s);
    return status;
}
