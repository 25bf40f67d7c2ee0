/* SPDX-License-Identifier: 0BSD */
#include "nf_npy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "nf_file.h"

/* No header of an array of numbers comes near this. */
enum { LONGEST_HEADER = 1 << 16 };

static int bad(nf_npy *n, const char *what)
{
    nf_npy_close(n);
    return nf_error(NF_EXIT_BAD, n->path, "not a .npy file that can be used: %s", what);
}

static int unreadable(nf_npy *n)
{
    int status = nf_error(NF_EXIT_IO, n->path, "cannot be read: %s", strerror(errno));
    nf_npy_close(n);
    return status;
}

void nf_npy_close(nf_npy *n)
{
    if (n->from) fclose(n->from);
    n->from = NULL;
}

/* ---- the header: a dictionary as Python writes it ------------------------------------------- */

static const char *skip(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n') p++;
    return p;
}

/* Moves behind the sign and the blanks after it; false when something else stands there. */
static int accept_sign(const char **p, char sign)
{
    *p = skip(*p);
    if (**p != sign) return 0;
    *p = skip(*p + 1);
    return 1;
}

/* The text between quotes, at most `room` - 1 characters of it. */
static int read_text(const char **p, char *text, size_t room)
{
    char quote = **p;
    const char *end;
    size_t n;
    if (quote != '\'' && quote != '"') return 0;
    end = strchr(*p + 1, quote);
    n = end ? (size_t)(end - *p) - 1 : room;
    if (n >= room) return 0;
    memcpy(text, *p + 1, n);
    text[n] = 0;
    *p = end + 1;
    return 1;
}

static int read_extent(const char **p, int64_t *extent)
{
    int64_t v = 0;
    if (**p < '0' || **p > '9') return 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        int digit = **p - '0';
        if (v > (INT64_MAX - digit) / 10) return 0;
        v = v * 10 + digit;
    }
    if (**p == 'L') (*p)++; /* Python 2 */
    *extent = v;
    return 1;
}

static int read_shape(nf_npy *n, const char **p)
{
    if (!accept_sign(p, '(')) return 0;
    n->rank = 0;
    while (!accept_sign(p, ')')) {
        if (n->rank == NF_NPY_RANK || !read_extent(p, &n->dim[n->rank])) return 0;
        n->rank++;
        if (!accept_sign(p, ',') && **p != ')') return 0;
    }
    return 1;
}

/* What is wrong with "<f4", or NULL. */
static const char *read_type(nf_npy *n, const char *text)
{
    static const char known[][3] = {"b1", "i1", "i2", "i4", "i8", "u1",
                                    "u2", "u4", "u8", "f2", "f4", "f8"};
    if (*text == '>') return "it is big-endian; numpy: x.astype(x.dtype.newbyteorder('<'))";
    if (*text != '<' && *text != '|' && *text != '=') return "its element type is unknown";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(text + 1, known[i]) != 0) continue;
        memcpy(n->type, known[i], sizeof n->type);
        n->bytes = known[i][1] - '0';
        return NULL;
    }
    return "its element type is unknown";
}

/* What is wrong with the header, or NULL. Each of its three keys stands there once. */
static const char *read_header(nf_npy *n, const char *p)
{
    static const char damaged[] = "its header is damaged";
    enum { DESCR = 1, ORDER = 2, SHAPE = 4, ALL = 7 };
    int have = 0;
    if (!accept_sign(&p, '{')) return damaged;
    while (!accept_sign(&p, '}')) {
        char key[16], type[8];
        const char *wrong = NULL;
        int which = 0;
        if (!read_text(&p, key, sizeof key) || !accept_sign(&p, ':')) return damaged;
        if (strcmp(key, "descr") == 0) {
            which = DESCR;
            wrong = read_text(&p, type, sizeof type) ? read_type(n, type)
                                                     : "its element type is unknown";
        } else if (strcmp(key, "fortran_order") == 0) {
            which = ORDER;
            if (strncmp(p, "False", 5) == 0)
                p += 5;
            else
                wrong = strncmp(p, "True", 4) == 0
                            ? "it is in Fortran order; numpy: numpy.ascontiguousarray(x)"
                            : damaged;
        } else if (strcmp(key, "shape") == 0) {
            which = SHAPE;
            if (!read_shape(n, &p)) wrong = "its shape is damaged";
        }
        if (wrong || which == 0 || (have & which)) return wrong ? wrong : damaged;
        have |= which;
        if (!accept_sign(&p, ',') && *p != '}') return damaged;
    }
    return have == ALL && *p == 0 ? NULL : damaged;
}

/* Reads the header's text, `bytes` long; a NUL inside of it ends it early and so is found. */
static int load_header(nf_npy *n, size_t bytes)
{
    char *text = (char *)malloc(bytes + 1);
    const char *wrong;
    size_t got;
    if (!text) {
        nf_npy_close(n);
        return nf_no_memory(bytes + 1);
    }
    got = fread(text, 1, bytes, n->from);
    text[got] = 0;
    wrong = got < bytes            ? "its header is cut off"
            : strlen(text) < bytes ? "its header is damaged"
                                   : read_header(n, text);
    free(text);
    if (ferror(n->from)) return unreadable(n);
    return wrong ? bad(n, wrong) : NF_EXIT_OK;
}

int nf_npy_open(nf_npy *n, const char *path)
{
    unsigned char lead[12];
    size_t got, bytes;
    n->path = path;
    n->from = fopen(path, "rb");
    if (!n->from) return nf_error(NF_EXIT_IO, path, "cannot be opened: %s", strerror(errno));
    got = fread(lead, 1, 10, n->from);
    if (ferror(n->from)) return unreadable(n);
    if (got < 10 || memcmp(lead, "\x93NUMPY", 6) != 0)
        return bad(n, "it does not begin with \\x93NUMPY");
    if (lead[6] < 1 || lead[6] > 3) return bad(n, "its version is unknown");
    bytes = (size_t)lead[8] | (size_t)lead[9] << 8;
    if (lead[6] > 1) {
        if (fread(lead + 10, 1, 2, n->from) < 2) return bad(n, "its header is cut off");
        bytes |= (size_t)lead[10] << 16 | (size_t)lead[11] << 24;
    }
    if (bytes > LONGEST_HEADER) return bad(n, "its header is longer than 65536 bytes");
    return load_header(n, bytes);
}

/* ---- elements ------------------------------------------------------------------------------ */

int64_t nf_npy_count(const nf_npy *n)
{
    int64_t count = 1;
    for (int i = 0; i < n->rank; i++)
        if (n->dim[i] == 0) return 0;
    for (int i = 0; i < n->rank; i++) {
        if (count > INT64_MAX / n->dim[i]) return -1;
        count *= n->dim[i];
    }
    return count;
}

/* Between little-endian bytes and the host's numbers, in place: what a number's bytes spell is the
 * number, and its bytes in memory are the host's affair. */
static void from_little(unsigned char *at, size_t count, int bytes)
{
    if (bytes == 1) return;
    for (size_t i = 0; i < count; i++, at += bytes) {
        uint64_t v = 0;
        for (int k = 0; k < bytes; k++) v |= (uint64_t)at[k] << 8 * k;
        if (bytes == 2) {
            uint16_t v16 = (uint16_t)v;
            memcpy(at, &v16, 2);
        } else if (bytes == 4) {
            uint32_t v32 = (uint32_t)v;
            memcpy(at, &v32, 4);
        } else {
            memcpy(at, &v, 8);
        }
    }
}

static void to_little(unsigned char *to, const unsigned char *from, int bytes)
{
    uint64_t v = 0;
    if (bytes == 1) {
        v = *from;
    } else if (bytes == 2) {
        uint16_t v16;
        memcpy(&v16, from, 2);
        v = v16;
    } else if (bytes == 4) {
        uint32_t v32;
        memcpy(&v32, from, 4);
        v = v32;
    } else {
        memcpy(&v, from, 8);
    }
    for (int k = 0; k < bytes; k++) to[k] = (unsigned char)(v >> 8 * k);
}

int nf_npy_read(nf_npy *n, void *data)
{
    int64_t count = nf_npy_count(n);
    size_t got;
    if (count < 0 || (uint64_t)count > SIZE_MAX / (size_t)n->bytes)
        return bad(n, "its size overflows");
    got = fread(data, (size_t)n->bytes, (size_t)count, n->from);
    if (ferror(n->from)) return unreadable(n);
    if (got < (size_t)count) return bad(n, "it has fewer elements than its shape asks for");
    if (fgetc(n->from) != EOF) return bad(n, "it has more data than its shape asks for");
    if (ferror(n->from)) return unreadable(n);
    nf_npy_close(n);
    from_little((unsigned char *)data, (size_t)count, n->bytes);
    return NF_EXIT_OK;
}

void nf_npy_type_name(const char *type, char *name)
{
    const char *kind = *type == 'f'   ? "float"
                       : *type == 'i' ? "int"
                       : *type == 'u' ? "uint"
                                      : "bool";
    if (*type == 'b')
        snprintf(name, NF_NPY_NAME, "%s", kind);
    else
        snprintf(name, NF_NPY_NAME, "%s%d", kind, 8 * (type[1] - '0'));
}

void nf_npy_write(FILE *to, const char *type, int rank, const int64_t *dim, const void *data)
{
    enum { BLOCK = 512 };
    unsigned char block[8 * BLOCK];
    char header[128 + 24 * NF_NPY_RANK];
    const unsigned char *at = (const unsigned char *)data;
    int64_t count = 1, done = 0;
    int bytes = type[1] - '0';
    int n = snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                     bytes == 1 ? '|' : '<', type);
    for (int i = 0; i < rank; i++) {
        n += snprintf(header + n, sizeof header - (size_t)n, "%s%lld%s", i ? ", " : "",
                      (long long)dim[i], rank == 1 ? "," : "");
        count *= dim[i];
    }
    n += snprintf(header + n, sizeof header - (size_t)n, "), }");
    while ((10 + n + 1) % 64 != 0) header[n++] = ' ';
    header[n++] = '\n';
    fwrite("\x93NUMPY\x01\x00", 1, 8, to);
    fputc(n & 255, to);
    fputc(n >> 8, to);
    fwrite(header, 1, (size_t)n, to);
    while (done < count) {
        int i;
        for (i = 0; i < BLOCK && done < count; i++, done++, at += bytes)
            to_little(block + i * bytes, at, bytes);
        fwrite(block, (size_t)bytes, (size_t)i, to);
    }
}
