#include "frontend/npy.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool bad(nfc_session *s, const char *path, const char *what)
{
    diag_error_in(&s->diags, E_NPY, path, "not a .npy file that can be used: %s", what);
    return false;
}

/* The text behind 'key': in the header's dictionary. */
static const char *find_key(const char *header, const char *key)
{
    const char *p = strstr(header, key);
    if (!p) return NULL;
    p += strlen(key);
    while (*p == ' ') p++;
    if (*p++ != ':') return NULL;
    while (*p == ' ') p++;
    return p;
}

static bool read_shape(const char *p, npy_array *out)
{
    if (*p++ != '(') return false;
    for (;;) {
        while (*p == ' ') p++;
        if (*p == ')') return true;
        if (!isdigit((unsigned char)*p) || out->rank == NPY_MAX_RANK) return false;
        char *end;
        errno = 0;
        out->dim[out->rank++] = strtoll(p, &end, 10);
        if (errno) return false;
        p = end;
        if (*p == 'L') p++;
        while (*p == ' ') p++;
        if (*p == ',') p++;
        else if (*p != ')') return false;
    }
}

static size_t element_bytes(const char *descr)
{
    static const char known[] = " b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 ";
    const char *pattern = (const char[]){' ', descr[0], descr[0] ? descr[1] : 0, ' ', 0};
    return strstr(known, pattern) ? (size_t)(descr[1] - '0') : 0;
}

static bool unknown_type(nfc_session *s, const char *path, const char *descr)
{
    int n = (int)strcspn(descr + 1, "'");
    return bad(s, path, session_printf(s, "there is no element type like its '%.*s'", n > 20 ? 20 : n, descr + 1));
}

static bool read_header(nfc_session *s, const char *path, const char *header, npy_array *out)
{
    const char *descr = find_key(header, "'descr'"), *order = find_key(header, "'fortran_order'");
    const char *shape = find_key(header, "'shape'");
    if (!descr || !order || !shape) return bad(s, path, "its header is damaged");
    if (*descr == '[') return bad(s, path, "its elements are structures");
    if (*descr != '\'') return bad(s, path, "its header is damaged");
    if (strncmp(order, "False", 5) != 0) return bad(s, path, "it is in Fortran order; write it with numpy.ascontiguousarray");
    char byte_order = descr[1];
    if (byte_order == '>') return bad(s, path, "it is big-endian");
    if (!strchr("<|=", byte_order) || !byte_order || descr[2] == 0 || descr[3] == 0 || descr[4] != '\'') return unknown_type(s, path, descr);
    out->descr = arena_strndup(s->arena, descr + 2, 2);
    if (!element_bytes(out->descr)) return unknown_type(s, path, descr);
    if (!read_shape(shape, out)) return bad(s, path, out->rank == NPY_MAX_RANK ? "its rank is too high" : "its shape is damaged");
    return true;
}

bool npy_read(nfc_session *s, const char *path, npy_array *out)
{
    *out = (npy_array){0};
    char *text;
    size_t size;
    switch (read_file(s->arena, path, (size_t)1 << 40, &text, &size)) {
    case READ_OK: break;
    case READ_MISSING: diag_error_in(&s->diags, E_IO_OPEN, path, "there is no such file"); return false;
    default: diag_error_in(&s->diags, E_IO_READ, path, "cannot be read: %s", errno ? strerror(errno) : "not a regular file"); return false;
    }
    const unsigned char *u = (const unsigned char *)text;
    if (size < 10 || memcmp(text, "\x93NUMPY", 6) != 0) return bad(s, path, "it does not begin with \\x93NUMPY");
    size_t start = u[6] == 1 ? 10 : 12;
    if (u[6] < 1 || u[6] > 3 || size < start) return bad(s, path, "its version is unknown");
    size_t n = u[6] == 1 ? (size_t)u[8] | (size_t)u[9] << 8
                         : (size_t)u[8] | (size_t)u[9] << 8 | (size_t)u[10] << 16 | (size_t)u[11] << 24;
    if (n > size - start) return bad(s, path, "its header is cut off");
    if (!read_header(s, path, arena_strndup(s->arena, text + start, n), out)) return false;
    size_t bytes = element_bytes(out->descr);
    for (int i = 0; i < out->rank; i++)
        if (__builtin_mul_overflow(bytes, (size_t)out->dim[i], &bytes)) return bad(s, path, "its size overflows");
    if (bytes != size - start - n)
        return bad(s, path, session_printf(s, "it has %zu bytes of data where its shape asks for %zu", size - start - n, bytes));
    out->bytes = bytes;
    out->data = arena_alloc(s->arena, bytes + 1); /* a copy, so that elements are aligned */
    memcpy(out->data, text + start + n, bytes);
    return true;
}

bool npy_write(nfc_session *s, const char *path, nfc_dtype dtype, int rank, const int64_t *dim, const void *data)
{
    const char *shape = "";
    size_t bytes = dtype_bytes(dtype);
    for (int i = 0; i < rank; i++) {
        shape = session_printf(s, "%s%lld%s", shape, (long long)dim[i], i + 1 < rank ? ", " : rank == 1 ? "," : "");
        bytes *= (size_t)dim[i];
    }
    const char *descr = dtype_table[dtype].npy;
    const char *header = session_printf(s, "{'descr': '%c%s', 'fortran_order': False, 'shape': (%s), }", descr[1] == '1' ? '|' : '<', descr, shape);
    size_t n = strlen(header), padded = (10 + n + 1 + 63) / 64 * 64;
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL;
    if (ok) {
        size_t length = padded - 10;
        unsigned char lead[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(length & 255), (unsigned char)(length >> 8)};
        ok = fwrite(lead, 1, 10, f) == 10 && fwrite(header, 1, n, f) == n;
        for (size_t i = 10 + n; ok && i + 1 < padded; i++) ok = putc(' ', f) != EOF;
        ok = ok && putc('\n', f) != EOF && fwrite(data, 1, bytes, f) == bytes;
        ok = (fclose(f) == 0) && ok;
    }
    if (!ok && errno == ENOMEM) arena_oom(s->arena);
    if (!ok) diag_error_in(&s->diags, E_IO_WRITE, path, "cannot be written: %s", strerror(errno));
    return ok;
}
