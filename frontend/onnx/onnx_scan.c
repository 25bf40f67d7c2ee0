#include "frontend/onnx/onnx_scan.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include "onnx.pb-c.h"

enum {
    OURS = 1000,     /* fields of our own schema have higher numbers: no file can give them */
    MAX_FIELDS = 32, /* of a message of the schema */
    PAD = 4,         /* bytes of the length of a message of the skeleton, which is known only at its end */
    MAX_LENGTH = INT32_MAX
};

/* A message that is open. */
typedef struct frame {
    const ProtobufCMessageDescriptor *message;
    const ProtobufCFieldDescriptor *field; /* the one that is being read; NULL: it is not in the schema */
    size_t end;
    size_t length_at;           /* of its length in the skeleton */
    uint32_t count[MAX_FIELDS]; /* how often each field was there */
    bool mapped;                /* data of a tensor were left in the file */
} frame;

typedef struct scan {
    nfc_arena *arena;
    const uint8_t *data;
    size_t at;
    uint8_t *out; /* NULL in the first of two passes, which only measures */
    size_t n, room;
    frame stack[ONNX_MAX_DEPTH];
    int depth;
    bool known; /* a field of the outermost message was as it should be */
    onnx_skeleton *result;
} scan;

/* A field's value as it stands in the file. */
typedef struct extent {
    ProtobufCWireType wire;
    uint64_t number; /* of a varint */
    size_t begin, length;
} extent;

static frame *top(scan *k) { return &k->stack[k->depth - 1]; }

/* "graph.node[3].attribute[0]": the fields that are open. */
static const char *path_text(scan *k)
{
    const char *text = "";
    for (int i = 0; i < k->depth && k->stack[i].field; i++) {
        const frame *f = &k->stack[i];
        uint32_t count = f->count[f->field - f->message->fields];
        text = arena_printf(k->arena, "%s%s%s", text, i ? "." : "", f->field->name);
        if (f->field->label == PROTOBUF_C_LABEL_REPEATED) text = arena_printf(k->arena, "%s[%u]", text, count ? count - 1 : 0);
    }
    return text;
}

static bool fault(scan *k, size_t at, diag_code code, const char *format, ...) __attribute__((format(printf, 4, 5)));
static bool fault(scan *k, size_t at, diag_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(k->arena, format, args), *path = path_text(k);
    va_end(args);
    k->result->code = code == E_ONNX_WIRE && k->depth == 1 && !k->known ? E_ONNX_FILE : code;
    k->result->at = at;
    k->result->fault = *path ? arena_printf(k->arena, "%s: %s", path, text) : text;
    return false;
}

/* ---- the skeleton ---------------------------------------------------------------------------- */

static bool put(scan *k, const void *bytes, size_t n)
{
    if (k->out && n > k->room - k->n) return fault(k, k->at, E_ONNX_WIRE, "the file changed while it was read");
    if (k->out && n) memcpy(k->out + k->n, bytes, n);
    k->n += n;
    if (k->n <= ONNX_MAX_SKELETON) return true;
    return fault(k, k->at, E_ONNX_SIZE, "there are more than %d MiB beside the tensors' data", ONNX_MAX_SKELETON >> 20);
}

static bool put_varint(scan *k, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;
    for (; v > 127; v >>= 7) bytes[n++] = (uint8_t)(v | 128);
    bytes[n++] = (uint8_t)v;
    return put(k, bytes, n);
}

static bool put_tag(scan *k, uint32_t id, ProtobufCWireType wire) { return put_varint(k, (uint64_t)id << 3 | wire); }

/* A length of four bytes, whatever it is, to be filled in when it is known. */
static bool open_length(scan *k, size_t *at)
{
    *at = k->n;
    return put(k, (uint8_t[PAD]){0}, PAD);
}

static void close_length(scan *k, size_t at)
{
    size_t n = k->n - at - PAD;
    for (size_t i = 0; k->out && i < PAD; i++) k->out[at + i] = (uint8_t)((n >> (7 * i) & 127) | (i + 1 < PAD ? 128 : 0));
}

/* ---- the wire -------------------------------------------------------------------------------- */

const char *onnx_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < 10; i++) {
        if (*at == end) return "the number is cut off";
        uint8_t byte = *(*at)++;
        if (i == 9 && byte > 1) break;
        *value |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) return NULL;
    }
    return "the number has more than 64 bits";
}

static bool read_varint(scan *k, uint64_t *value)
{
    const uint8_t *p = k->data + k->at;
    const char *wrong = onnx_varint(&p, k->data + top(k)->end, value);
    if (wrong) return fault(k, k->at, E_ONNX_WIRE, "%s", wrong);
    k->at = (size_t)(p - k->data);
    return true;
}

/* The extent of the value at k->at, which moves behind it. */
static bool read_extent(scan *k, unsigned wire, extent *e)
{
    size_t start = k->at;
    *e = (extent){.wire = (ProtobufCWireType)wire, .begin = k->at};
    uint64_t length = wire == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : wire == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 0;
    if (wire == PROTOBUF_C_WIRE_TYPE_VARINT) {
        if (!read_varint(k, &e->number)) return false;
        e->length = k->at - e->begin;
        return true;
    }
    if (wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
        if (!read_varint(k, &length)) return false;
        e->begin = k->at;
        if (length > MAX_LENGTH) return fault(k, start, E_ONNX_WIRE, "its length is %" PRIu64 " bytes; the most is 2 GiB", length);
    } else if (length == 0) {
        return fault(k, start, E_ONNX_WIRE, "a field of wire type %u, which the format does not have", wire);
    }
    size_t left = top(k)->end - k->at;
    if (length > left) return fault(k, start, E_ONNX_WIRE, "it takes %" PRIu64 " bytes where only %zu are left", length, left);
    e->length = (size_t)length;
    k->at += e->length;
    return true;
}

static ProtobufCWireType wire_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT: return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_DOUBLE: return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    default: return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
}

/* ---- fields ---------------------------------------------------------------------------------- */

static bool check_text(scan *k, const extent *e)
{
    const char *p = (const char *)k->data + e->begin, *end = p + e->length;
    for (int n; p < end; p += n) {
        n = utf8_length(p, end);
        size_t at = (size_t)((const uint8_t *)p - k->data);
        if (n == 0) return fault(k, at, E_ONNX_TEXT, "the text is not UTF-8");
        if (!*p) return fault(k, at, E_ONNX_TEXT, "the text has a NUL inside");
    }
    return true;
}

/* protobuf-c would take the low 32 bits of these. */
static bool check_number(scan *k, size_t at, uint64_t v)
{
    ProtobufCType type = top(k)->field->type;
    if (type != PROTOBUF_C_TYPE_INT32 && type != PROTOBUF_C_TYPE_ENUM) return true;
    if ((int64_t)v >= INT32_MIN && (int64_t)v <= INT32_MAX) return true;
    return fault(k, at, E_ONNX_WIRE, "%" PRId64 " does not fit in 32 bits", (int64_t)v);
}

/* The numbers of a packed field, all of which must be whole. */
static bool check_packed(scan *k, const extent *e)
{
    ProtobufCWireType wire = wire_of(top(k)->field);
    size_t size = wire == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8;
    if (wire != PROTOBUF_C_WIRE_TYPE_VARINT)
        return e->length % size == 0 || fault(k, e->begin, E_ONNX_WIRE, "%zu bytes are no whole number of elements of %zu", e->length, size);
    const uint8_t *p = k->data + e->begin, *end = p + e->length;
    while (p < end) {
        size_t at = (size_t)(p - k->data);
        uint64_t v;
        const char *wrong = onnx_varint(&p, end, &v);
        if (wrong) return fault(k, at, E_ONNX_WIRE, "%s", wrong);
        if (!check_number(k, at, v)) return false;
    }
    return true;
}

static bool put_value(scan *k, const extent *e)
{
    if (e->wire != PROTOBUF_C_WIRE_TYPE_VARINT) return put(k, k->data + e->begin, e->length);
    return check_number(k, e->begin, e->number) && put_varint(k, e->number);
}

/* A repeated number that is not packed, with those that follow it: they are packed in the skeleton, which
 * protobuf-c takes 32 bytes less an element to read. */
static bool put_run(scan *k, uint64_t tag, extent e)
{
    frame *f = top(k);
    size_t length_at;
    if (!put_tag(k, f->field->id, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) || !open_length(k, &length_at)) return false;
    for (;;) {
        if (!put_value(k, &e)) return false;
        size_t next = k->at;
        uint64_t other;
        if (next == f->end) break;
        if (!read_varint(k, &other)) return false;
        if (other != tag) {
            k->at = next;
            break;
        }
        if (!read_extent(k, e.wire, &e)) return false;
        f->count[f->field - f->message->fields]++;
    }
    close_length(k, length_at);
    return true;
}

/* Elements of a tensor: they stay in the file. */
static bool put_mapped(scan *k, const extent *e)
{
    frame *f = top(k);
    if (f->mapped) return fault(k, e->begin, E_ONNX_TWICE, "the tensor has its data in several pieces");
    f->mapped = true;
    const struct {
        const char *name;
        uint64_t value;
    } row[] = {{"mapped_field", f->field->id}, {"mapped_offset", e->begin}, {"mapped_length", e->length}};
    for (int i = 0; i < 3; i++) {
        const ProtobufCFieldDescriptor *ours = protobuf_c_message_descriptor_get_field_by_name(f->message, row[i].name);
        if (!put_tag(k, ours->id, PROTOBUF_C_WIRE_TYPE_VARINT) || !put_varint(k, row[i].value)) return false;
    }
    return true;
}

/* Is the field one of those that hold a tensor's elements, but for its strings? */
static bool holds_elements(const frame *f)
{
    if (f->message != &nfc_onnx__tensor_proto__descriptor) return false;
    return f->field->flags & PROTOBUF_C_FIELD_FLAG_PACKED || strcmp(f->field->name, "raw_data") == 0;
}

static bool open_message(scan *k, const ProtobufCMessageDescriptor *message, size_t begin, size_t end)
{
    if (k->depth == ONNX_MAX_DEPTH) return fault(k, begin, E_ONNX_DEPTH, "messages are nested more than %d deep", ONNX_MAX_DEPTH);
    assert(message->n_fields <= MAX_FIELDS);
    size_t length_at = 0;
    if (k->depth > 0 && (!put_tag(k, top(k)->field->id, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) || !open_length(k, &length_at))) return false;
    k->stack[k->depth++] = (frame){.message = message, .end = end, .length_at = length_at};
    k->at = begin;
    return true;
}

/* The field's own number may be followed by one number, or by a packed list of them. */
static bool put_number(scan *k, uint64_t tag, const extent *e)
{
    const ProtobufCFieldDescriptor *field = top(k)->field;
    if (e->wire != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
        if (field->label == PROTOBUF_C_LABEL_REPEATED) return put_run(k, tag, *e);
        return put_tag(k, field->id, e->wire) && put_value(k, e);
    }
    if (holds_elements(top(k))) return put_mapped(k, e);
    return check_packed(k, e) && put_tag(k, field->id, e->wire) && put_varint(k, e->length) && put(k, k->data + e->begin, e->length);
}

static bool scan_known(scan *k, uint64_t tag, const extent *e, size_t start)
{
    frame *f = top(k);
    const ProtobufCFieldDescriptor *field = f->field;
    ProtobufCWireType wire = wire_of(field);
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED, packed = repeated && e->wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    if (e->wire != wire && !packed) return fault(k, start, E_ONNX_WIRE, "the field has wire type %d, where the format has %d", (int)e->wire, (int)wire);
    if (f->count[field - f->message->fields]++ && !repeated) return fault(k, start, E_ONNX_TWICE, "the field is given twice");
    if (k->depth == 1) k->known = true;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE: return open_message(k, field->descriptor, e->begin, e->begin + e->length);
    case PROTOBUF_C_TYPE_STRING:
        if (!check_text(k, e)) return false;
        break;
    case PROTOBUF_C_TYPE_BYTES:
        if (holds_elements(f)) return put_mapped(k, e);
        break;
    default: return put_number(k, tag, e);
    }
    return put_tag(k, field->id, e->wire) && put_varint(k, e->length) && put(k, k->data + e->begin, e->length);
}

static bool scan_field(scan *k)
{
    frame *f = top(k);
    size_t start = k->at;
    uint64_t tag;
    extent e;
    f->field = NULL;
    if (!read_varint(k, &tag)) return false;
    if (tag < 8 || tag > UINT32_MAX) return fault(k, start, E_ONNX_WIRE, "there is no field of this number");
    if (tag >> 3 <= OURS) f->field = protobuf_c_message_descriptor_get_field(f->message, (unsigned)(tag >> 3));
    if (!read_extent(k, (unsigned)tag & 7, &e)) return false;
    return !f->field || scan_known(k, tag, &e, start);
}

static bool scan_all(scan *k, const ProtobufCMessageDescriptor *root, size_t size)
{
    k->at = k->n = 0;
    k->depth = 0;
    if (!open_message(k, root, 0, size)) return false;
    for (;;) {
        while (k->at < top(k)->end)
            if (!scan_field(k)) return false;
        if (k->depth == 1) return true;
        close_length(k, top(k)->length_at);
        k->depth--;
    }
}

bool onnx_scan(nfc_arena *arena, const ProtobufCMessageDescriptor *root, const uint8_t *data, size_t size, onnx_skeleton *out)
{
    scan *k = ARENA_NEW(arena, scan);
    *out = (onnx_skeleton){0};
    *k = (scan){.arena = arena, .data = data, .result = out};
    if (!scan_all(k, root, size)) return false;
    k->room = k->n;
    k->out = out->bytes = arena_alloc(arena, k->room + 1);
    if (!scan_all(k, root, size)) return false;
    out->size = k->n;
    return out->size == k->room || fault(k, size, E_ONNX_WIRE, "the file changed while it was read");
}
