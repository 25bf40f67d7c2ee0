#include "frontend/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/mapfile.h"

static bool map_file(nfc_session *s, package *p)
{
    mapped_file file;
    int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        nfc_diag *d = diag_error(&s->diags, E_IO_OPEN, p->at, "the package '%s' cannot be opened: %s", p->path, strerror(errno));
        diag_help(d, "--model %s=FILE takes another file", p->name);
        return false;
    }
    map_status status = map_regular(s->arena, fd, SIZE_MAX, &file);
    if (status == MAPPED_FAILED) {
        diag_error(&s->diags, E_IO_READ, p->at, "'%s' cannot be mapped: %s", p->path, strerror(errno));
        return false;
    }
    if (status != MAPPED_OK || file.size < 8) {
        diag_error(&s->diags, E_PACKAGE, p->at, "'%s' is not a safetensors file: %s", p->path, status == MAPPED_OK ? "it has less than 8 bytes" : "not a regular file");
        return false;
    }
    p->size = file.size;
    p->map = file.at;
    return true;
}

static bool bad(nfc_session *s, const json_node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(s->arena, format, args);
    va_end(args);
    diag_error(&s->diags, E_PACKAGE, node->key ? node->key_at : node->at, "%s", text);
    return false;
}

static bool read_extent(nfc_session *s, const json_node *n, const char *what, int64_t *value)
{
    if (n->kind != JSON_INT || n->above_i64 || n->integer < 0)
        return bad(s, n, "%s must be an integer from 0", what);
    *value = n->integer;
    return true;
}

static bool read_tensor(nfc_session *s, package *p, const json_node *entry)
{
    package_tensor t = {.name = entry->key, .at = entry->key_at};
    if (entry->kind != JSON_OBJECT) return bad(s, entry, "tensor '%s' must be an object", entry->key);
    if (!*entry->key) return bad(s, entry, "a tensor without a name");
    const json_node *dtype = json_get(entry, "dtype"), *shape = json_get(entry, "shape");
    const json_node *offsets = json_get(entry, "data_offsets");
    for (const json_node *k = entry->child; k; k = k->next)
        if (k != dtype && k != shape && k != offsets) return bad(s, k, "unknown key \"%s\" in tensor '%s'", k->key, t.name);
    if (!dtype || !shape || !offsets) return bad(s, entry, "tensor '%s' has no %s", t.name, !dtype ? "dtype" : !shape ? "shape" : "data_offsets");
    if (dtype->kind != JSON_STRING) return bad(s, dtype, "the dtype of tensor '%s' must be a string", t.name);
    if (shape->kind != JSON_ARRAY) return bad(s, shape, "the shape of tensor '%s' must be an array", t.name);
    if (offsets->kind != JSON_ARRAY || offsets->count != 2) return bad(s, offsets, "the data_offsets of tensor '%s' must be two integers", t.name);
    t.dtype = dtype_of_safetensors(dtype->text);
    if (t.dtype == DT_COUNT) return bad(s, dtype, "tensor '%s' has the unknown dtype \"%s\"", t.name, dtype->text);
    if (shape->count > PACKAGE_MAX_RANK) return bad(s, shape, "tensor '%s' has rank %d; the highest is %d", t.name, shape->count, PACKAGE_MAX_RANK);
    int64_t bytes = (int64_t)dtype_bytes(t.dtype);
    for (const json_node *d = shape->child; d; d = d->next) {
        if (!read_extent(s, d, "an extent", &t.dim[t.rank])) return false;
        if (__builtin_mul_overflow(bytes, t.dim[t.rank], &bytes)) return bad(s, shape, "the size of tensor '%s' overflows", t.name);
        t.rank++;
    }
    int64_t begin = 0, end = 0;
    if (!read_extent(s, offsets->child, "an offset", &begin) || !read_extent(s, offsets->child->next, "an offset", &end)) return false;
    if (end < begin || end - begin != bytes)
        return bad(s, offsets, "tensor '%s' takes %lld bytes by its shape and dtype, but %lld by its offsets", t.name, (long long)bytes, (long long)(end - begin));
    if ((uint64_t)end > p->data_size)
        return bad(s, offsets, "tensor '%s' ends at byte %lld, but the data has only %zu", t.name, (long long)end, p->data_size);
    t.begin = (uint64_t)begin;
    t.end = (uint64_t)end;
    vec_push(s->arena, &p->tensor, t);
    return true;
}

static int by_offset(const void *a, const void *b)
{
    const package_tensor *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool check_bools(nfc_session *s, const package *p, const package_tensor *t)
{
    for (uint64_t i = t->begin; i < t->end; i++) {
        if (p->data[i] < 2) continue;
        diag_error(&s->diags, E_PACKAGE, t->at, "tensor '%s' has a bool that is %d", t->name, p->data[i]);
        return false;
    }
    return true;
}

/* The format demands that the tensors cover the data exactly: no holes, no overlaps. */
static bool check_cover(nfc_session *s, package *p)
{
    if (p->tensor.n) qsort(p->tensor.at, (size_t)p->tensor.n, sizeof *p->tensor.at, by_offset);
    uint64_t at = 0;
    for (int i = 0; i < p->tensor.n; i++) {
        const package_tensor *t = &p->tensor.at[i];
        if (t->begin != at) {
            diag_error(&s->diags, E_PACKAGE, t->at, "tensor '%s' begins at byte %llu, but the data before it ends at byte %llu: %s", t->name, (unsigned long long)t->begin,
                       (unsigned long long)at, t->begin < at ? "an overlap" : "a hole");
            return false;
        }
        at = t->end;
        if (t->dtype == DT_bool && !check_bools(s, p, t)) return false;
    }
    if (at == p->data_size) return true;
    diag_error(&s->diags, E_PACKAGE, p->at, "'%s' has %zu bytes of data, of which its tensors cover %llu", p->path, p->data_size, (unsigned long long)at);
    return false;
}

static bool read_metadata(nfc_session *s, package *p, json_node *node)
{
    if (node->kind != JSON_OBJECT) return bad(s, node, "__metadata__ must be an object");
    for (const json_node *k = node->child; k; k = k->next)
        if (k->kind != JSON_STRING) return bad(s, k, "the metadata \"%s\" must be a string", k->key);
    p->metadata = node;
    return true;
}

static bool read_header(nfc_session *s, package *p)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--) n = n << 8 | p->map[i];
    if (n <= p->size - 8 && n > PACKAGE_MAX_HEADER) {
        diag_error(&s->diags, E_PACKAGE, p->at, "'%s' has a header of %llu bytes; the most is %d", p->path, (unsigned long long)n, PACKAGE_MAX_HEADER);
        return false;
    }
    if (n > p->size - 8) {
        diag_error(&s->diags, E_PACKAGE, p->at, "'%s' is not a safetensors file: a header of %llu bytes in a file of %zu", p->path, (unsigned long long)n, p->size);
        return false;
    }
    p->data = p->map + 8 + n;
    p->data_size = p->size - 8 - (size_t)n;
    char *text = arena_strndup(s->arena, (const char *)p->map + 8, (size_t)n);
    uint32_t file = source_add(&s->sources, p->path, text, (size_t)n);
    if (n == 0 || text[0] != '{') {
        diag_error(&s->diags, E_PACKAGE, p->at, "'%s' is not a safetensors file: its header does not start with '{'", p->path);
        return false;
    }
    json_node *header = json_parse(s, file, text, (size_t)n);
    if (!header) return false;
    bool ok = true;
    for (json_node *k = header->child; k; k = k->next)
        ok &= strcmp(k->key, "__metadata__") == 0 ? read_metadata(s, p, k) : read_tensor(s, p, k);
    return ok && check_cover(s, p);
}

package *package_open(nfc_session *s, const char *name, const char *path, nfc_span at)
{
    package *p = ARENA_NEW(s->arena, package);
    p->name = name;
    p->path = arena_strdup(s->arena, path);
    p->at = at;
    map_init(&p->index, s->arena);
    if (!map_file(s, p) || !read_header(s, p)) return NULL;
    p->names = ARENA_ARRAY(s->arena, const char *, p->tensor.n + 1);
    for (int i = 0; i < p->tensor.n; i++) {
        map_set(&p->index, p->tensor.at[i].name, &p->tensor.at[i]);
        p->names[i] = p->tensor.at[i].name;
    }
    return p;
}

const package_tensor *package_find(const package *p, const char *tensor)
{
    return map_get(&p->index, tensor);
}

const void *package_data(const package *p, const package_tensor *t) { return p->data + t->begin; }

const char *package_meta(const package *p, const char *key, nfc_span *at)
{
    const json_node *n = json_get(p->metadata, key);
    if (!n) return NULL;
    *at = n->key_at;
    return n->text;
}
