/* The elements of tensors, wherever and however the file has them. */
#include <string.h>
#include "frontend/onnx/onnx_external.h"
#include "frontend/onnx/onnx_file.h"
#include "frontend/onnx/onnx_scan.h"

static const bool host_is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

/* Rows of the schema's fields that hold elements, by what a type's row names. */
static const struct {
    int32_t number;
    const char *name, *nfc, *list;
} types[] = {
#define ONNX_TYPE(name, nfc, list) {NFC_ONNX__TENSOR_PROTO__DATA_TYPE__##name, #name, #nfc, #list},
#include "frontend/onnx/onnx_types.def"
#undef ONNX_TYPE
};

static int type_row(int32_t data_type)
{
    for (int i = 0; i < (int)(sizeof types / sizeof *types); i++)
        if (types[i].number == data_type) return i;
    return -1;
}

nfc_dtype onnx_dtype(int32_t data_type)
{
    int row = type_row(data_type);
    return row < 0 ? DT_COUNT : dtype_lookup(types[row].nfc);
}

const char *onnx_type_name(int32_t data_type)
{
    int row = type_row(data_type);
    return row < 0 ? "UNDEFINED" : types[row].name;
}

static bool bad(onnx_file *f, const onnx_tensor *t, diag_code code, const char *format, ...) __attribute__((format(printf, 4, 5)));
static bool bad(onnx_file *f, const onnx_tensor *t, diag_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(f->s->arena, format, args);
    va_end(args);
    diag_error_in(&f->s->diags, code, onnx_place(f, "tensor", t->name), "%s", text);
    return false;
}

/* ---- type and dims --------------------------------------------------------------------------- */

bool onnx_tensor_type(onnx_file *f, const onnx_tensor *t, onnx_array *out)
{
    *out = (onnx_array){.dtype = onnx_dtype(t->data_type), .elements = 1};
    if (t->data_type == 0) return bad(f, t, E_ONNX_ELEMENT, "it has no element type");
    if (type_row(t->data_type) < 0) return bad(f, t, E_ONNX_ELEMENT, "its element type has the number %d, which the standard does not have", (int)t->data_type);
    if (out->dtype == DT_COUNT) return bad(f, t, E_ONNX_ELEMENT, "its element type %s has no counterpart", onnx_type_name(t->data_type));
    if (t->n_dims > ONNX_MAX_RANK) return bad(f, t, E_ONNX_DIMS, "it has rank %zu; the highest is %d", t->n_dims, ONNX_MAX_RANK);
    const int64_t most = (int64_t)1 << 40;
    int64_t product = 1; /* of the dims that are not 0, so that strides fit as well */
    for (size_t i = 0; i < t->n_dims; i++) {
        int64_t n = t->dims[i];
        if (n < 0) return bad(f, t, E_ONNX_DIMS, "its dim %zu is %lld", i, (long long)n);
        if (__builtin_mul_overflow(product, n ? n : 1, &product) || product > most)
            return bad(f, t, E_ONNX_DIMS, "its dims are too large: a tensor has at most 2^40 elements");
        out->dim[out->rank++] = n;
        if (n == 0) out->elements = 0;
    }
    if (out->elements) out->elements = product;
    out->bytes = (size_t)out->elements * dtype_bytes(out->dtype);
    return true;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The numbers of int32_data, int64_data or uint64_data: varints in the file, or unpacked by protobuf-c. */
typedef struct {
    const uint8_t *at, *end;
    const void *list;
    size_t bytes, next, n; /* of one number of the list; the next one; all */
} numbers;

/* False at the end, and at a damaged varint: *wrong says which. */
static bool next_number(numbers *in, uint64_t *v, const char **wrong)
{
    *wrong = NULL;
    if (!in->list) {
        if (in->at == in->end) return false;
        *wrong = onnx_varint(&in->at, in->end, v);
        return !*wrong;
    }
    if (in->next == in->n) return false;
    size_t i = in->next++;
    *v = in->bytes == 4 ? (uint64_t)(int64_t)((const int32_t *)in->list)[i] : ((const uint64_t *)in->list)[i];
    return true;
}

/* May a number of a list stand for an element? Floats stand there by their bits, several sub-byte elements by a byte. */
static bool fits(nfc_dtype dtype, uint64_t v)
{
    const dtype_info *type = &dtype_table[dtype];
    if (dtype == DT_bool) return v < 2;
    if (8 % type->bits == 0 && type->bits < 8) return (int64_t)v >= -128 && (int64_t)v < 256; /* some write the byte as if it had a sign */
    if (type->kind == DTC_FLOAT) return v >> type->bits == 0;
    if (type->kind == DTC_UNSIGNED) return v <= dtype_max(dtype);
    return (int64_t)v >= dtype_min(dtype) && (int64_t)v <= (int64_t)dtype_max(dtype);
}

static void store(void *data, size_t bytes, size_t i, uint64_t v)
{
    switch (bytes) {
    case 1: ((uint8_t *)data)[i] = (uint8_t)v; break;
    case 2: ((uint16_t *)data)[i] = (uint16_t)v; break;
    case 4: ((uint32_t *)data)[i] = (uint32_t)v; break;
    default: ((uint64_t *)data)[i] = v;
    }
}

static size_t count_numbers(const numbers *in)
{
    size_t n = in->n;
    for (const uint8_t *p = in->at; !in->list && p < in->end; p++) n += *p < 128;
    return n;
}

/* Memory for data that are not used as they are. Tensors may share external data, so that what a file can ask
 * for has a limit of its own: no type takes more than 8 times the bytes of its list, or of its packed form. */
static void *converted(onnx_file *f, const onnx_tensor *t, size_t bytes)
{
    const size_t most = ((size_t)64 << 20) + 8 * f->mapped;
    if (bytes <= most && f->converted <= most - bytes) {
        f->converted += bytes;
        return arena_alloc(f->s->arena, bytes);
    }
    bad(f, t, E_ONNX_SIZE, "the tensors' data would take more than 8 times the file's memory");
    return NULL;
}

/* The numbers, n of them, into n cells of some bytes. */
static bool read_numbers(onnx_file *f, const onnx_tensor *t, nfc_dtype dtype, const char *list, numbers *in, void *data, size_t bytes, size_t n)
{
    uint64_t v;
    const char *wrong;
    for (size_t i = 0; next_number(in, &v, &wrong) && i < n; i++) {
        if (!fits(dtype, v)) return bad(f, t, E_ONNX_DATA, "number %zu of its %s is %lld, which is no %s", i, list, (long long)v, onnx_type_name(t->data_type));
        store(data, bytes, i, v);
    }
    return !wrong || bad(f, t, E_ONNX_WIRE, "byte %zu, in its %s: %s", (size_t)(in->at - f->map), list, wrong);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Elements of less than a byte follow each other without gaps, from the lowest bit up. */
static void unpack_bits(const uint8_t *from, nfc_dtype dtype, size_t n, uint8_t *to)
{
    const unsigned bits = (unsigned)dtype_table[dtype].bits, mask = (1u << bits) - 1, sign = 1u << (bits - 1);
    for (size_t i = 0; i < n; i++) {
        size_t at = i * bits, shift = at % 8;
        unsigned v = from[at / 8];
        if (shift + bits > 8) v |= (unsigned)from[at / 8 + 1] << 8;
        v = v >> shift & mask;
        to[i] = (uint8_t)(dtype_is_signed(dtype) ? (v ^ sign) - sign : v);
    }
}

static void swap_bytes(const uint8_t *from, size_t bytes, size_t n, uint8_t *to)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < bytes; k++) to[i * bytes + k] = from[i * bytes + bytes - 1 - k];
}

static size_t packed_bytes(const onnx_array *a)
{
    unsigned bits = (unsigned)dtype_table[a->dtype].bits;
    return bits < 8 ? ((size_t)a->elements * bits + 7) / 8 : a->bytes;
}

/* Takes little-endian bytes, of the length that the dims ask for, as they are if the host has them so. */
static bool take_bytes(onnx_file *f, const onnx_tensor *t, const uint8_t *from, onnx_array *out)
{
    bool packed = dtype_table[out->dtype].bits < 8;
    out->mapped = !packed && (host_is_little || dtype_bytes(out->dtype) == 1);
    if (out->mapped) {
        out->data = from;
    } else {
        uint8_t *to = converted(f, t, out->bytes);
        if (!to) return false;
        if (packed) unpack_bits(from, out->dtype, (size_t)out->elements, to);
        else swap_bytes(from, dtype_bytes(out->dtype), (size_t)out->elements, to);
        out->data = to;
    }
    for (int64_t i = 0; out->dtype == DT_bool && i < out->elements; i++)
        if (from[i] > 1) return bad(f, t, E_ONNX_DATA, "element %lld of its data is %d, which is no BOOL", (long long)i, from[i]);
    return true;
}

static bool take_numbers(onnx_file *f, const onnx_tensor *t, const char *list, numbers *in, onnx_array *out)
{
    const unsigned bits = (unsigned)dtype_table[out->dtype].bits;
    const bool packed = bits < 8 && 8 % bits == 0; /* 2 or 4 of them in each number */
    const size_t n = packed ? packed_bytes(out) : (size_t)out->elements, given = count_numbers(in);
    if (given != n) return bad(f, t, E_ONNX_DATA, "its %s has %zu numbers where its dims ask for %zu", list, given, n);
    void *data = converted(f, t, packed ? n : out->bytes);
    if (!data || !read_numbers(f, t, out->dtype, list, in, data, packed ? 1 : dtype_bytes(out->dtype), n)) return false;
    out->data = data;
    return !packed || take_bytes(f, t, data, out);
}

static bool take_strings(onnx_file *f, const onnx_tensor *t, const onnx_array *out)
{
    if (t->n_string_data != (size_t)out->elements)
        return bad(f, t, E_ONNX_DATA, "its string_data has %zu strings where its dims ask for %lld", t->n_string_data, (long long)out->elements);
    for (size_t i = 0; i < t->n_string_data; i++)
        if (!onnx_is_text(&t->string_data[i])) return bad(f, t, E_ONNX_TEXT, "string %zu is not UTF-8, or has a NUL inside", i);
    return true;
}

/* ---- where the elements are ------------------------------------------------------------------- */

/* One of the fields that hold elements, as the file has it. */
typedef struct {
    const char *name; /* NULL: none */
    const uint8_t *mapped;
    size_t length;    /* bytes, of what is mapped */
    const void *list; /* of what protobuf-c unpacked: n elements of some bytes */
    size_t bytes, n;
    int given; /* how many fields there are */
} source;

static void add_list(source *s, const char *name, const void *list, size_t bytes, size_t n)
{
    if (n == 0) return;
    s->given++;
    s->name = name;
    s->list = list;
    s->bytes = bytes;
    s->n = n;
}

static source find_source(const onnx_file *f, const onnx_tensor *t)
{
    source s = {0};
    if (t->has_mapped_field && t->mapped_length) {
        s.given = 1;
        s.name = protobuf_c_message_descriptor_get_field(t->base.descriptor, t->mapped_field)->name;
        s.mapped = f->map + t->mapped_offset;
        s.length = (size_t)t->mapped_length;
    }
    add_list(&s, "float_data", t->float_data, sizeof *t->float_data, t->n_float_data);
    add_list(&s, "double_data", t->double_data, sizeof *t->double_data, t->n_double_data);
    add_list(&s, "int32_data", t->int32_data, sizeof *t->int32_data, t->n_int32_data);
    add_list(&s, "int64_data", t->int64_data, sizeof *t->int64_data, t->n_int64_data);
    add_list(&s, "uint64_data", t->uint64_data, sizeof *t->uint64_data, t->n_uint64_data);
    add_list(&s, "string_data", t->string_data, sizeof *t->string_data, t->n_string_data);
    return s;
}

/* float_data and double_data are the elements' own bytes. */
static bool take_floats(onnx_file *f, const onnx_tensor *t, const source *s, onnx_array *out)
{
    size_t size = dtype_bytes(out->dtype), n = s->mapped ? s->length / size : s->n;
    if (n != (size_t)out->elements) return bad(f, t, E_ONNX_DATA, "its %s has %zu numbers where its dims ask for %lld", s->name, n, (long long)out->elements);
    if (s->length % size) return bad(f, t, E_ONNX_DATA, "its %s has %zu bytes, which are no whole number of elements of %zu", s->name, s->length, size);
    if (s->mapped) return take_bytes(f, t, s->mapped, out);
    out->data = s->list;
    return true;
}

static bool take_raw(onnx_file *f, const onnx_tensor *t, const source *s, onnx_array *out)
{
    size_t need = packed_bytes(out);
    if (s->length == need) return take_bytes(f, t, s->mapped, out);
    return bad(f, t, E_ONNX_DATA, "its raw_data has %zu bytes where its type %s and its dims ask for %zu", s->length, onnx_type_name(t->data_type), need);
}

static bool take_external(onnx_file *f, const onnx_tensor *t, const source *s, onnx_array *out)
{
    if (s->name) return bad(f, t, E_ONNX_DATA, "it has external data and %s", s->name);
    if (out->dtype == DT_string) return bad(f, t, E_ONNX_DATA, "strings cannot be external data");
    const uint8_t *from = onnx_external(f, t, packed_bytes(out));
    return from && take_bytes(f, t, from, out);
}

bool onnx_tensor_data(onnx_file *f, const onnx_tensor *t, onnx_array *out)
{
    if (!onnx_tensor_type(f, t, out)) return false;
    out->data = "";
    source s = find_source(f, t);
    const char *list = types[type_row(t->data_type)].list;
    if (t->segment) return bad(f, t, E_ONNX_DATA, "it is a segment of a tensor");
    if (t->data_location == NFC_ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) return take_external(f, t, &s, out);
    if (s.given > 1) return bad(f, t, E_ONNX_TWICE, "it has its data in several fields, or in several pieces of one");
    if (!s.name) return out->elements == 0 || bad(f, t, E_ONNX_DATA, "it has no data, where its dims ask for %lld elements", (long long)out->elements);
    if (strcmp(s.name, "raw_data") == 0 && out->dtype != DT_string) return take_raw(f, t, &s, out);
    if (strcmp(s.name, list) != 0) return bad(f, t, E_ONNX_DATA, "its data are %s, but elements of type %s are %s%s", s.name, onnx_type_name(t->data_type), list, out->dtype == DT_string ? "" : " or raw_data");
    if (out->dtype == DT_string) return take_strings(f, t, out);
    if (strcmp(list, "float_data") == 0 || strcmp(list, "double_data") == 0) return take_floats(f, t, &s, out);
    numbers in = {.at = s.mapped, .end = s.mapped + s.length, .list = s.list, .bytes = s.bytes, .n = s.n};
    return take_numbers(f, t, list, &in, out);
}
