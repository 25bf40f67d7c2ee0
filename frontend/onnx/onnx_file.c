#include "frontend/onnx/onnx_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "frontend/mapfile.h"
#include "frontend/onnx/onnx_scan.h"

static const ProtobufCMessageDescriptor *const descriptor_of[] = {
    [ONNX_MODEL] = &nfc_onnx__model_proto__descriptor,
    [ONNX_TENSOR] = &nfc_onnx__tensor_proto__descriptor,
    [ONNX_SEQUENCE] = &nfc_onnx__sequence_proto__descriptor,
    [ONNX_OPTIONAL] = &nfc_onnx__optional_proto__descriptor,
};

const char *onnx_place(const onnx_file *f, const char *kind, const char *name)
{
    if (!name || !*name) return f->path;
    return session_printf(f->s, "%s: %s '%s'", f->path, kind, name);
}

bool onnx_is_text(const onnx_bytes *b)
{
    const char *p = (const char *)b->data, *end = p ? p + b->len : p;
    for (int n; p < end; p += n) {
        n = utf8_length(p, end);
        if (n == 0 || !*p) return false;
    }
    return true;
}

const char *onnx_text(const onnx_file *f, const onnx_bytes *b)
{
    return onnx_is_text(b) ? arena_strndup(f->s->arena, (const char *)b->data, b->len) : NULL;
}

/* ---- the file -------------------------------------------------------------------------------- */

static bool map_file(onnx_file *f)
{
    enum { GIB = 30 };
    mapped_file file;
    nfc_diags *d = &f->s->diags;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        diag_error_in(d, E_IO_OPEN, f->path, "cannot be opened: %s", strerror(errno));
        return false;
    }
    switch (map_regular(f->s->arena, fd, ((size_t)2 << GIB) - 1, &file)) {
    case MAPPED_OK: break;
    case MAPPED_NO_FILE: diag_error_in(d, E_IO_OPEN, f->path, "is no regular file"); return false;
    case MAPPED_FAILED: diag_error_in(d, E_IO_READ, f->path, "cannot be mapped: %s", strerror(errno)); return false;
    case MAPPED_TOO_LARGE:
        diag_help(diag_error_in(d, E_ONNX_SIZE, f->path, "the file has 2 GiB or more, which protobuf does not allow"),
                  "onnx.save(model, path, save_as_external_data=True) keeps the weights in a file beside it");
        return false;
    }
    f->map = file.at;
    f->size = f->mapped = file.size;
    return true;
}

/* What a file that is no ONNX model most likely is. */
static const struct {
    size_t at;
    const char *bytes, *what, *help;
} looks[] = {
    {0, "version https://git-lfs", "it stands for a file that Git LFS has", "'git lfs pull' gets the file itself"},
    {0, "\x1f\x8b", "it is compressed with gzip", "unpack it first: gunzip"},
    {0, "PK\x03\x04", "it is a zip archive, perhaps of PyTorch", "torch.onnx.export(model, inputs, 'model.onnx') writes ONNX"},
    {4, "TFL3", "it is a TensorFlow Lite model", "tf2onnx converts it: python -m tf2onnx.convert --tflite"},
    {4, "ORTM", "it is in ONNX Runtime's own format", "use the .onnx file that it was made of"},
    {8, "{\"", "it is a safetensors file", "that holds weights without a graph; a .nfg graph can name it as its model"},
    {0, "\x89HDF\r\n", "it is an HDF5 file, perhaps of Keras", "tf2onnx converts it"},
    {0, "<!DOCTYPE", "it is a web page", "download the file itself"},
    {0, "<html", "it is a web page", "download the file itself"},
};

/* A model begins with a number below 32, its IR version's. */
static bool looks_like_text(const onnx_file *f)
{
    size_t n = f->size < 256 ? f->size : 256;
    for (size_t i = 0; i < n; i++)
        if (f->map[i] >= 127 || (f->map[i] < ' ' && !memchr("\t\n\r", f->map[i], 3))) return false;
    return n > 0;
}

static void not_onnx(onnx_file *f, const char *fault)
{
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        size_t n = strlen(looks[i].bytes);
        if (f->size < looks[i].at + n || memcmp(f->map + looks[i].at, looks[i].bytes, n) != 0) continue;
        diag_help(diag_error_in(&f->s->diags, E_ONNX_FILE, f->path, "this is no ONNX file: %s", looks[i].what), "%s", looks[i].help);
        return;
    }
    diag_error_in(&f->s->diags, E_ONNX_FILE, f->path, "this is no ONNX file: %s", looks_like_text(f) ? "it is text" : fault);
}

/* ---- unpacking ------------------------------------------------------------------------------- */

typedef struct {
    nfc_arena *arena;
    size_t left;
} budget;

static void *allocate(void *env, size_t size)
{
    enum { GRAIN = 16 }; /* the arena's */
    budget *b = env;
    if (size > b->left || b->left - size < GRAIN) return NULL;
    b->left -= (size + GRAIN - 1) / GRAIN * GRAIN;
    return arena_alloc(b->arena, size);
}

static void keep(void *env, void *what)
{
    (void)env;
    (void)what;
}

static ProtobufCMessage *unpack(onnx_file *f, const onnx_skeleton *k)
{
    size_t most = 4 * k->size < 64u << 20 ? 64u << 20 : 4 * k->size;
    budget b = {f->s->arena, most < ONNX_MAX_UNPACKED ? most : ONNX_MAX_UNPACKED};
    size_t limit = b.left;
    ProtobufCAllocator allocator = {allocate, keep, &b};
    ProtobufCMessage *m = protobuf_c_message_unpack(descriptor_of[f->kind], &allocator, k->size, k->bytes);
    if (!m) diag_error_in(&f->s->diags, E_ONNX_SIZE, f->path, "what it holds beside the tensors' data would take more than %zu MiB of memory", limit >> 20);
    return m;
}

static ProtobufCMessage *read_message(onnx_file *f)
{
    onnx_skeleton k;
    nfc_arena *scratch = arena_child(f->s->arena);
    ProtobufCMessage *m = NULL;
    if (f->size == 0) not_onnx(f, "it is empty");
    else if (onnx_scan(scratch, descriptor_of[f->kind], f->map, f->size, &k)) m = unpack(f, &k);
    else if (k.code == E_ONNX_FILE || looks_like_text(f)) not_onnx(f, arena_printf(scratch, "byte %zu is no protobuf: %s", k.at, k.fault));
    else diag_error_in(&f->s->diags, k.code, f->path, "byte %zu, %s", k.at, k.fault);
    arena_free(scratch);
    map_forget(f->map, f->size); /* the scan came by most of them, and import needs few */
    return m;
}

static onnx_file *open_kind(nfc_session *s, const char *path, onnx_kind kind, ProtobufCMessage **m)
{
    onnx_file *f = ARENA_NEW(s->arena, onnx_file);
    *f = (onnx_file){.s = s, .path = arena_strdup(s->arena, path), .kind = kind};
    const char *slash = strrchr(f->path, '/');
    f->folder = !slash ? "." : slash == f->path ? "/" : arena_strndup(s->arena, f->path, (size_t)(slash - f->path));
    f->source = source_add(&s->sources, path, NULL, 0);
    map_init(&f->external, s->arena);
    if (!map_file(f)) return NULL;
    *m = read_message(f);
    return *m ? f : NULL;
}

onnx_file *onnx_open(nfc_session *s, const char *path)
{
    ProtobufCMessage *m;
    onnx_file *f = open_kind(s, path, ONNX_MODEL, &m);
    if (!f) return NULL;
    f->model = (const onnx_model *)m;
    if (!f->model->graph) {
        not_onnx(f, "it has no graph");
        return NULL;
    }
    if (f->model->n_training_info)
        diag_warning(&s->diags, W_ONNX_UNREAD, (nfc_span){f->source, 0, 0, 0}, "the training information is not used: the graph is compiled as it stands");
    return f;
}

onnx_file *onnx_value_open(nfc_session *s, const char *path, onnx_kind kind)
{
    ProtobufCMessage *m;
    onnx_file *f = open_kind(s, path, kind, &m);
    if (!f) return NULL;
    f->tensor = kind == ONNX_TENSOR ? (const onnx_tensor *)m : NULL;
    f->sequence = kind == ONNX_SEQUENCE ? (const onnx_sequence *)m : NULL;
    f->optional = kind == ONNX_OPTIONAL ? (const onnx_optional *)m : NULL;
    return f;
}
