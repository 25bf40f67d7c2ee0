/* frontend/npy.h and frontend/safetensors.h */
#include <string.h>
#include "frontend/npy.h"
#include "frontend/safetensors.h"
#include "tests/unit/unit.h"

/* ---- npy ----------------------------------------------------------------------------------- */

Test(npy, what_is_written_reads_back_the_same)
{
    static const int64_t shapes[][8] = {{0}, {5}, {2, 3}, {0, 7}, {1, 1, 4}, {2, 1, 2, 1}, {1, 2, 1, 2, 1}, {1, 1, 2, 1, 2, 1}, {1, 2, 1, 1, 2, 1, 1}, {1, 1, 1, 3, 1, 1, 1, 2}};
    static const int ranks[] = {0, 1, 2, 2, 3, 4, 5, 6, 7, 8};
    uint64_t r = 1;
    for (int t = 0; t < DT_string; t++)
        for (size_t k = 0; k < sizeof ranks / sizeof *ranks; k++) {
            nfc_session *s = unit_session();
            unsigned char data[400];
            size_t bytes = dtype_bytes((nfc_dtype)t);
            for (int i = 0; i < ranks[k]; i++) bytes *= (size_t)shapes[k][i];
            for (size_t i = 0; i < bytes; i++) data[i] = (unsigned char)unit_below(&r, 256);
            npy_array a;
            const char *path = unit_path(s);
            cr_assert(npy_write(s, path, (nfc_dtype)t, ranks[k], shapes[k], data), "%s", unit_error(s));
            cr_assert(npy_read(s, path, &a), "%s", unit_error(s));
            cr_assert(strcmp(a.descr, dtype_table[t].npy) == 0 && a.rank == ranks[k] && a.bytes == bytes);
            for (int i = 0; i < a.rank; i++) cr_assert(a.dim[i] == shapes[k][i]);
            cr_assert(memcmp(a.data, data, bytes) == 0 && ((uintptr_t)a.data & 15) == 0);
            session_free(s);
        }
}

Test(npy, the_data_begin_at_a_multiple_of_64)
{
    nfc_session *s = unit_session();
    char *text;
    size_t size;
    for (int rank = 0; rank <= 8; rank++) {
        const int64_t dim[8] = {1, 1, 1, 1, 1, 1, 1, 1};
        const char *path = unit_path(s);
        cr_assert(npy_write(s, path, DT_f64, rank, dim, &(double){1}));
        cr_assert(read_file(s->arena, path, 10000, &text, &size) == READ_OK);
        cr_assert((size - 8) % 64 == 0 && text[size - 9] == '\n' && size - 8 == 10 + (size_t)(unsigned char)text[8] + 256 * (size_t)(unsigned char)text[9]);
    }
}

/* A file with this header, of a version, and n bytes of data. */
static const char *npy_file(nfc_session *s, int version, const char *header, size_t n)
{
    unsigned char bytes[512] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0};
    size_t length = strlen(header), at = version == 1 ? 10 : 12;
    bytes[8] = (unsigned char)length;
    memcpy(bytes + at, header, length);
    return unit_file(s, bytes, at + length + n);
}

Test(npy, headers_as_others_write_them)
{
    static const struct {
        int version;
        const char *header;
        size_t n;
        int rank;
    } rows[] = {
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n", 24, 2},
        {2, "{'shape': (3,), 'fortran_order': False, 'descr': '|i1'}", 3, 1},
        {3, "{'fortran_order':False,'shape':(  ),'descr':'=f8'}\n", 8, 0},
        {1, "{'descr': '|b1', 'fortran_order': False, 'shape': (2L, 1L), }", 2, 2},
        {1, "{'descr': '<u2', 'fortran_order': False, 'shape': (4, 0), }", 0, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nfc_session *s = unit_session();
        npy_array a;
        cr_assert(npy_read(s, npy_file(s, rows[i].version, rows[i].header, rows[i].n), &a), "%s: %s", rows[i].header, unit_error(s));
        cr_assert(a.rank == rows[i].rank, "%s", rows[i].header);
    }
}

Test(npy, faults_are_named)
{
    static const struct {
        int version;
        const char *header;
        size_t n;
        const char *error;
    } rows[] = {
        {0, "{}", 0, "its version is unknown"},
        {4, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, "its version is unknown"},
        {1, "", 0, "its header is damaged"},
        {1, "{'descr': '<f4', 'shape': (), }", 4, "its header is damaged"},
        {1, "{'descr': <f4, 'fortran_order': False, 'shape': (), }", 4, "its header is damaged"},
        {1, "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (), }", 4, "its elements are structures"},
        {1, "{'descr': '<f4', 'fortran_order': True, 'shape': (), }", 4, "Fortran order"},
        {1, "{'descr': '>f4', 'fortran_order': False, 'shape': (), }", 4, "big-endian"},
        {1, "{'descr': '<c8', 'fortran_order': False, 'shape': (), }", 8, "no element type like its '<c8'"},
        {1, "{'descr': '|O', 'fortran_order': False, 'shape': (), }", 8, "no element type like its '|O'"},
        {1, "{'descr': '<U16', 'fortran_order': False, 'shape': (), }", 64, "no element type like its '<U16'"},
        {1, "{'descr': '<f3', 'fortran_order': False, 'shape': (), }", 3, "no element type like its '<f3'"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': 3, }", 12, "its shape is damaged"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }", 12, "its shape is damaged"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3 4), }", 48, "its shape is damaged"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3", 12, "its shape is damaged"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 0, "its shape is damaged"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0, "its size overflows"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 11, "it has 11 bytes of data where its shape asks for 12"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 13, "it has 13 bytes of data where its shape asks for 12"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1), }", 4, "its rank is too high"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nfc_session *s = unit_session();
        npy_array a;
        cr_assert_not(npy_read(s, npy_file(s, rows[i].version, rows[i].header, rows[i].n), &a), "%s", rows[i].header);
        cr_assert(unit_has(unit_error(s), rows[i].error), "%s: %s", rows[i].header, unit_error(s));
        session_free(s);
    }
}

Test(npy, every_cut_of_a_file_is_a_fault)
{
    nfc_session *s = unit_session();
    char *text;
    size_t size;
    npy_array a;
    const char *path = unit_path(s);
    cr_assert(npy_write(s, path, DT_f32, 2, (const int64_t[]){2, 3}, (const float[6]){1, 2, 3, 4, 5, 6}));
    cr_assert(read_file(s->arena, path, 10000, &text, &size) == READ_OK);
    for (size_t n = 0; n < size; n++) cr_assert_not(npy_read(s, unit_file(s, text, n), &a), "%zu bytes", n);
    cr_assert_not(npy_read(s, "/nonexistent/x.npy", &a));
    cr_assert(unit_has(s->diags.row.at[0]->text, "not a .npy file that can be used"));
    cr_assert_not(npy_read(s, "/", &a));
}

/* ---- safetensors --------------------------------------------------------------------------- */

static const char *package_file(nfc_session *s, const char *header, size_t n)
{
    size_t length = strlen(header);
    unsigned char *bytes = arena_alloc(s->arena, 8 + length + n);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < n; i++) bytes[8 + length + i] = (unsigned char)(i & 1);
    return unit_file(s, bytes, 8 + length + n);
}

Test(safetensors, a_good_package)
{
    nfc_session *s = unit_session();
    const char *header = "{\"b\": {\"dtype\": \"F32\", \"shape\": [2, 1], \"data_offsets\": [4, 12]}, \"__metadata__\": {\"dim\": \"64\"},"
                         " \"empty\": {\"dtype\": \"I64\", \"shape\": [3, 0], \"data_offsets\": [12, 12]}, \"a.0\": {\"dtype\": \"BOOL\", \"shape\": [4], \"data_offsets\": [0, 4]},"
                         " \"s\": {\"dtype\": \"F8_E4M3\", \"shape\": [], \"data_offsets\": [12, 13]}}   ";
    package *p = package_open(s, "model", package_file(s, header, 13), NO_SPAN);
    cr_assert_not_null(p, "%s", unit_error(s));
    cr_assert(p->tensor.n == 4);
    static const char *const order[] = {"a.0", "b", "empty", "s"};
    for (int i = 0; i < 4; i++) cr_assert(strcmp(p->tensor.at[i].name, order[i]) == 0 && strcmp(p->names[i], order[i]) == 0);
    cr_assert_null(p->names[4]);
    const package_tensor *b = package_find(p, "b");
    cr_assert(b && b->dtype == DT_f32 && b->rank == 2 && b->dim[0] == 2 && b->dim[1] == 1);
    cr_assert((const unsigned char *)package_data(p, b) == p->data + 4);
    cr_assert(package_find(p, "s")->rank == 0 && package_find(p, "s")->dtype == DT_f8e4m3);
    cr_assert_null(package_find(p, "a"));
    nfc_span at;
    cr_assert_str_eq(package_meta(p, "dim", &at), "64");
    cr_assert_null(package_meta(p, "rank", &at));
    session_free(s);
}

Test(safetensors, faults_are_named)
{
#define TENSOR(name, type, shape, from, to) "\"" name "\": {\"dtype\": \"" type "\", \"shape\": [" shape "], \"data_offsets\": [" #from ", " #to "]}"
    static const struct {
        const char *header;
        size_t n;
        const char *error;
    } rows[] = {
        {"{" TENSOR("a", "F32", "2", 0, 8) "}", 7, "ends at byte 8, but the data has only 7"},
        {"{" TENSOR("a", "F32", "2", 0, 8) "}", 9, "has 9 bytes of data, of which its tensors cover 8"},
        {"{" TENSOR("a", "F32", "1", 0, 4) ", " TENSOR("b", "F32", "1", 5, 9) "}", 9, "begins at byte 5, but the data before it ends at byte 4: a hole"},
        {"{" TENSOR("a", "F32", "2", 0, 8) ", " TENSOR("b", "F32", "1", 4, 8) "}", 8, "begins at byte 4, but the data before it ends at byte 8: an overlap"},
        {"{" TENSOR("a", "F32", "2", 0, 4) "}", 4, "takes 8 bytes by its shape and dtype, but 4 by its offsets"},
        {"{" TENSOR("a", "F32", "1", 4, 0) "}", 4, "takes 4 bytes by its shape and dtype, but -4 by its offsets"},
        {"{" TENSOR("a", "F32", "1", 0, 4) ", " TENSOR("a", "F32", "1", 0, 4) "}", 4, "the key \"a\" stands here a second time"},
        {"{" TENSOR("a", "F31", "1", 0, 4) "}", 4, "the unknown dtype \"F31\""},
        {"{" TENSOR("a", "F32", "1,1,1,1,1,1,1,1,1", 0, 4) "}", 4, "rank 9; the highest is 8"},
        {"{" TENSOR("a", "F32", "-1", 0, 4) "}", 4, "an extent must be an integer from 0"},
        {"{" TENSOR("a", "F32", "1.0", 0, 4) "}", 4, "an extent must be an integer from 0"},
        {"{" TENSOR("a", "F64", "4294967296, 4294967296", 0, 0) "}", 0, "the size of tensor 'a' overflows"},
        {"{" TENSOR("", "F32", "1", 0, 4) "}", 4, "a tensor without a name"},
        {"{" TENSOR("a", "BOOL", "3", 0, 3) ", " TENSOR("b", "U8", "1", 3, 4) "}", 4, ""},
        {"{\"a\": 3}", 0, "tensor 'a' must be an object"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": []}}", 0, "has no data_offsets"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [], \"data_offsets\": [0, 4], \"x\": 1}}", 4, "unknown key \"x\""},
        {"{\"a\": {\"dtype\": 3, \"shape\": [], \"data_offsets\": [0, 4]}}", 4, "the dtype of tensor 'a' must be a string"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": 3, \"data_offsets\": [0, 4]}}", 4, "the shape of tensor 'a' must be an array"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [], \"data_offsets\": [0]}}", 4, "must be two integers"},
        {"{\"__metadata__\": []}", 0, "__metadata__ must be an object"},
        {"{\"__metadata__\": {\"a\": 1}}", 0, "the metadata \"a\" must be a string"},
        {"[]", 0, "its header does not start with '{'"},
        {"", 0, "its header does not start with '{'"},
        {" {}", 0, "its header does not start with '{'"},
        {"{} x", 0, "the text goes on after the value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nfc_session *s = unit_session();
        package *p = package_open(s, "model", package_file(s, rows[i].header, rows[i].n), NO_SPAN);
        cr_assert((p != NULL) == !*rows[i].error, "%s: %s", rows[i].header, unit_error(s));
        cr_assert(unit_has(unit_error(s), rows[i].error), "%s: %s", rows[i].header, unit_error(s));
        session_free(s);
    }
}

Test(safetensors, a_bool_is_0_or_1)
{
    nfc_session *s = unit_session();
    const char *header = "{" TENSOR("u", "U8", "2", 0, 2) ", " TENSOR("b", "BOOL", "2", 2, 4) "}";
    size_t length = strlen(header);
    unsigned char *bytes = arena_alloc(s->arena, 12 + length);
    bytes[0] = (unsigned char)length;
    memcpy(bytes + 8, header, length);
    bytes[8 + length] = 200;
    cr_assert_not_null(package_open(s, "m", unit_file(s, bytes, 12 + length), NO_SPAN));
    bytes[11 + length] = 2;
    cr_assert_null(package_open(s, "m", unit_file(s, bytes, 12 + length), NO_SPAN));
    cr_assert(unit_has(unit_error(s), "tensor 'b' has a bool that is 2"), "%s", unit_error(s));
}

Test(safetensors, lengths_that_lie)
{
    nfc_session *s = unit_session();
    unsigned char bytes[16] = {0};
    for (size_t n = 0; n < 10; n++) cr_assert_null(package_open(s, "m", unit_file(s, bytes, n), NO_SPAN), "%zu bytes", n);
    memset(bytes, 0xff, 8);
    cr_assert_null(package_open(s, "m", unit_file(s, bytes, 16), NO_SPAN));
    cr_assert(unit_has(unit_error(s), "a header of 18446744073709551615 bytes in a file of 16"), "%s", unit_error(s));
    size_t large = PACKAGE_MAX_HEADER + 1;
    unsigned char *wide = arena_alloc(s->arena, 8 + large);
    memset(wide + 8, ' ', large);
    for (int i = 0; i < 8; i++) wide[i] = (unsigned char)(large >> (8 * i));
    cr_assert_null(package_open(s, "m", unit_file(s, wide, 8 + large), NO_SPAN));
    cr_assert(unit_has(unit_error(s), "the most is 16777216"), "%s", unit_error(s));
    cr_assert_null(package_open(s, "m", "/nonexistent", NO_SPAN));
    cr_assert_null(package_open(s, "m", "/", NO_SPAN));
    cr_assert(unit_has(unit_error(s), "not a regular file"), "%s", unit_error(s));
}
