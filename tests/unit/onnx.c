/* frontend/onnx/onnx_scan.h and onnx_file.h; tests/onnx_file has the files that are wrong. */
#include <string.h>
#include "frontend/onnx/onnx_file.h"
#include "frontend/onnx/onnx_scan.h"
#include "tests/unit/unit.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* ---- varints ------------------------------------------------------------------------------- */

static const char *varint(const uint8_t *bytes, size_t n, uint64_t *value, size_t *taken)
{
    const uint8_t *at = bytes;
    const char *wrong = onnx_varint(&at, bytes + n, value);
    *taken = (size_t)(at - bytes);
    return wrong;
}

Test(onnx_scan, varints_of_any_length_up_to_64_bits)
{
    uint64_t v;
    size_t n;
    cr_assert(!varint(BYTES(0), &v, &n) && v == 0 && n == 1);
    cr_assert(!varint(BYTES(0x7f, 0xff), &v, &n) && v == 127 && n == 1);
    cr_assert(!varint(BYTES(0xac, 0x02), &v, &n) && v == 300 && n == 2);
    cr_assert(!varint(BYTES(0x81, 0x80, 0x00), &v, &n) && v == 1 && n == 3);
    cr_assert(!varint(BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), &v, &n) && v == UINT64_MAX && n == 10);
    cr_assert(unit_has(varint(BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02), &v, &n), "64 bits"));
    cr_assert(unit_has(varint(BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0x00), &v, &n), "64 bits"));
    cr_assert(unit_has(varint(BYTES(0x80, 0x80), &v, &n), "cut off"));
    cr_assert(unit_has(varint(BYTES(0), &v, &n) ? "" : varint((const uint8_t *)"", 0, &v, &n), "cut off"));
}

/* ---- the skeleton -------------------------------------------------------------------------- */

static bool scan_tensor(nfc_session *s, const uint8_t *bytes, size_t n, onnx_skeleton *k)
{
    return onnx_scan(s->arena, &nfc_onnx__tensor_proto__descriptor, bytes, n, k);
}

Test(onnx_scan, data_of_tensors_are_named_by_their_place)
{
    nfc_session *s = unit_session();
    onnx_skeleton k;
    /* dims 2, data_type 1, an unknown field, raw_data of 8 bytes */
    cr_assert(scan_tensor(s, BYTES(0x08, 0x02, 0x10, 0x01, 0xf8, 0x06, 0x05, 0x4a, 0x08, 1, 2, 3, 4, 5, 6, 7, 8), &k), "%s", k.fault);
    onnx_tensor *t = nfc_onnx__tensor_proto__unpack(NULL, k.size, k.bytes);
    cr_assert(t && t->n_dims == 1 && t->dims[0] == 2 && t->data_type == 1 && !t->has_raw_data && t->base.n_unknown_fields == 0);
    cr_assert(t->mapped_field == 9 && t->mapped_offset == 9 && t->mapped_length == 8);
    nfc_onnx__tensor_proto__free_unpacked(t, NULL);
}

Test(onnx_scan, numbers_one_by_one_become_a_packed_list)
{
    nfc_session *s = unit_session();
    onnx_skeleton k;
    uint8_t bytes[3000];
    for (int i = 0; i < 1000; i++) memcpy(bytes + 3 * i, (const uint8_t[]){0x08, 0x83, 0x00}, 3); /* dims: 3, in two bytes */
    cr_assert(scan_tensor(s, bytes, sizeof bytes, &k), "%s", k.fault);
    cr_assert(k.size == 1 + 4 + 1000, "%zu bytes", k.size);
    onnx_tensor *t = nfc_onnx__tensor_proto__unpack(NULL, k.size, k.bytes);
    cr_assert(t && t->n_dims == 1000);
    for (int i = 0; i < 1000; i++) cr_assert(t->dims[i] == 3);
    nfc_onnx__tensor_proto__free_unpacked(t, NULL);
}

/* n sequences inside of each other, of which the innermost is empty. */
static size_t nest(uint8_t *bytes, int n)
{
    size_t length = 0;
    for (int i = 0; i < n; i++) {
        memmove(bytes + 2, bytes, length);
        bytes[0] = 0x2a;
        bytes[1] = (uint8_t)length;
        length += 2;
    }
    return length;
}

Test(onnx_scan, messages_nest_just_64_deep)
{
    nfc_session *s = unit_session();
    onnx_skeleton k;
    uint8_t bytes[200];
    cr_assert(onnx_scan(s->arena, &nfc_onnx__sequence_proto__descriptor, bytes, nest(bytes, ONNX_MAX_DEPTH - 2), &k), "%s", k.fault);
    cr_assert(nest(bytes, ONNX_MAX_DEPTH - 1) < 128);
    cr_assert(onnx_scan(s->arena, &nfc_onnx__sequence_proto__descriptor, bytes, nest(bytes, ONNX_MAX_DEPTH - 1), &k), "%s", k.fault);
    nest(bytes, ONNX_MAX_DEPTH - 1);
    uint8_t more[200] = {0x2a, 2 * (ONNX_MAX_DEPTH - 1)};
    memcpy(more + 2, bytes, 2 * (ONNX_MAX_DEPTH - 1));
    cr_assert_not(onnx_scan(s->arena, &nfc_onnx__sequence_proto__descriptor, more, 2 * ONNX_MAX_DEPTH, &k));
    cr_assert(k.code == E_ONNX_DEPTH, "%s", k.fault);
}

Test(onnx_scan, every_message_of_the_schema_fits_the_scanners_frame)
{
    const ProtobufCMessageDescriptor *list[64] = {&nfc_onnx__model_proto__descriptor, &nfc_onnx__sequence_proto__descriptor};
    int n = 2;
    for (int i = 0; i < n; i++) {
        cr_assert(list[i]->n_fields <= 32, "%s has %u fields", list[i]->name, list[i]->n_fields);
        for (unsigned k = 0; k < list[i]->n_fields; k++) {
            int at = 0;
            if (list[i]->fields[k].type != PROTOBUF_C_TYPE_MESSAGE) continue;
            while (at < n && list[at] != list[i]->fields[k].descriptor) at++;
            if (at == n) list[n++] = list[i]->fields[k].descriptor;
            cr_assert(n < 64);
        }
    }
    cr_assert(n > 20, "only %d messages", n);
}

/* ---- files --------------------------------------------------------------------------------- */

/* IR version 8, opset 17, a graph 'g' of a node y = Relu(x) and an initializer w : f32 [2]. */
static const uint8_t small_model[] = {
    0x08, 8, 0x3a, 41,                                                                   /* ir_version, graph */
    0x0a, 12, 0x0a, 1, 'x', 0x12, 1, 'y', 0x22, 4, 'R', 'e', 'l', 'u',                   /* node */
    0x12, 1, 'g',                                                                        /* name */
    0x2a, 17, 0x08, 2, 0x10, 1, 0x42, 1, 'w', 0x4a, 8, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, /* initializer */
    0x5a, 3, 0x0a, 1, 'x',                                                               /* input */
    0x42, 2, 0x10, 17,                                                                   /* opset_import */
};

Test(onnx_file, a_model_is_read)
{
    nfc_session *s = unit_session();
    onnx_file *f = onnx_open(s, unit_file(s, small_model, sizeof small_model));
    cr_assert(f, "%s", unit_error(s));
    const onnx_graph *g = f->model->graph;
    cr_assert(f->model->ir_version == 8 && f->model->n_opset_import == 1 && f->model->opset_import[0]->version == 17);
    cr_assert_str_eq(f->model->opset_import[0]->domain, "");
    cr_assert_str_eq(f->model->producer_name, "");
    cr_assert(g->n_node == 1 && g->n_input == 1 && g->n_output == 0);
    cr_assert_str_eq(g->node[0]->op_type, "Relu");
    cr_assert_str_eq(g->node[0]->name, "");
    onnx_array a;
    cr_assert(onnx_tensor_data(f, g->initializer[0], &a), "%s", unit_error(s));
    cr_assert(a.dtype == DT_f32 && a.rank == 1 && a.dim[0] == 2 && a.elements == 2 && a.bytes == 8 && a.mapped);
    cr_assert(dtype_get(DT_f32, a.data, 0) == 1 && dtype_get(DT_f32, a.data, 1) == 2);
    cr_assert((const uint8_t *)a.data > f->map && (const uint8_t *)a.data < f->map + f->size);
    cr_assert(unit_has(onnx_place(f, "tensor", "w"), ": tensor 'w'"));
    cr_assert_str_eq(onnx_place(f, "tensor", ""), f->path);
    session_free(s);
}

Test(onnx_file, every_cut_of_a_model_is_a_fault)
{
    for (size_t n = 0; n < sizeof small_model; n++) {
        nfc_session *s = unit_session();
        onnx_file *f = onnx_open(s, unit_file(s, small_model, n));
        bool whole = n == sizeof small_model - 4; /* without its opset */
        cr_assert((f != NULL) == whole && (s->diags.errors == 0) == whole, "cut at %zu: %s", n, unit_error(s));
        session_free(s);
    }
}

Test(onnx_file, training_information_is_a_warning)
{
    nfc_session *s = unit_session();
    uint8_t bytes[sizeof small_model + 5];
    memcpy(bytes, small_model, sizeof small_model);
    memcpy(bytes + sizeof small_model, (const uint8_t[]){0xa2, 0x01, 2, 0x0a, 0}, 5);
    cr_assert(onnx_open(s, unit_file(s, bytes, sizeof bytes)), "%s", unit_error(s));
    cr_assert(s->diags.warnings == 1 && s->diags.errors == 0 && s->diags.row.at[0]->code == W_ONNX_UNREAD);
    session_free(s);
}

Test(onnx_file, text_is_utf8_without_nul)
{
    nfc_session *s = unit_session();
    onnx_file f = {.s = s};
    cr_assert_str_eq(onnx_text(&f, &(onnx_bytes){3, (uint8_t *)(char[]){'a', 'b', 'c', 'd'}}), "abc");
    cr_assert_str_eq(onnx_text(&f, &(onnx_bytes){0, NULL}), "");
    cr_assert_null(onnx_text(&f, &(onnx_bytes){3, (uint8_t *)(char[]){'a', 0, 'c'}}));
    cr_assert_null(onnx_text(&f, &(onnx_bytes){1, (uint8_t *)(char[]){(char)0xe4}}));
    session_free(s);
}

Test(onnx_file, every_type_of_the_standard_has_a_name)
{
    const ProtobufCEnumDescriptor *e = &nfc_onnx__tensor_proto__data_type__descriptor;
    for (unsigned i = 0; i < e->n_values; i++) cr_assert_str_eq(onnx_type_name(e->values[i].value), e->values[i].name);
    cr_assert(onnx_dtype(1) == DT_f32 && onnx_dtype(14) == DT_COUNT && onnx_dtype(0) == DT_COUNT && onnx_dtype(-1) == DT_COUNT && onnx_dtype(1000) == DT_COUNT);
}
