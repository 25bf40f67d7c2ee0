/* SPDX-License-Identifier: 0BSD */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* mkdir */
#endif
#include "nf_ports.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "nf_file.h"
#include "nf_npy.h"

/* ---- texts --------------------------------------------------------------------------------- */

enum { TEXT = 24 * NF_NPY_RANK };

static const char *shape_text(char *text, int rank, const int64_t *dim)
{
    int n = snprintf(text, TEXT, "[");
    for (int i = 0; i < rank; i++)
        n += snprintf(text + n, TEXT - (size_t)n, "%s%lld", i ? ", " : "", (long long)dim[i]);
    snprintf(text + n, TEXT - (size_t)n, "]");
    return text;
}

/* What NumPy calls the elements, and what they are where it has no such type. */
static const char *wanted(char *text, const nf_type *t)
{
    char name[NF_NPY_NAME];
    int odd_float = t->kind == NF_FLOAT && *t->npy != 'f';
    int odd_integer = t->kind == NF_INTEGER && t->max < 127 && *t->npy != 'b';
    nf_npy_type_name(t->npy, name);
    snprintf(text, TEXT, "%s%s%s", name,
             odd_float     ? ", the bits of "
             : odd_integer ? ", the values of "
                           : "",
             odd_float || odd_integer ? t->name : "");
    return text;
}

/* ---- elements ------------------------------------------------------------------------------ */

/* The bytes of an element as a number. */
static uint64_t bits_of(const nf_type *t, const void *data, int64_t i)
{
    const unsigned char *at = (const unsigned char *)data + i * t->bytes;
    uint64_t v64;
    uint32_t v32;
    uint16_t v16;
    switch (t->bytes) {
    case 1: return *at;
    case 2: memcpy(&v16, at, 2); return v16;
    case 4: memcpy(&v32, at, 4); return v32;
    default: memcpy(&v64, at, 8); return v64;
    }
}

static int64_t integer_of(const nf_type *t, const void *data, int64_t i)
{
    uint64_t v = bits_of(t, data, i), sign = UINT64_C(1) << (8 * t->bytes - 1);
    if (t->min == 0) return (int64_t)v;
    return v & sign ? -(int64_t)(sign - (v & (sign - 1)) - 1) - 1 : (int64_t)v;
}

static double times_power_of_two(double v, int power)
{
    for (; power > 0; power--) v *= 2;
    for (; power < 0; power++) v /= 2;
    return v;
}

/* A float of at most 16 bits. One without a fraction has neither a sign nor a zero. */
static double small_float(const nf_type *t, uint32_t bits)
{
    uint32_t minus = (uint32_t)1 << (t->exponent + t->fraction), magnitude = bits & (minus - 1);
    uint32_t one = (uint32_t)1 << t->fraction, fraction = bits & (one - 1);
    int exponent = (int)(magnitude >> t->fraction);
    double sign = bits & minus ? -1 : 1;
    if (t->nan_for_minus_zero && bits == minus) return (double)NAN;
    if (magnitude > t->top) return t->has_infinity && magnitude == t->top + 1 ? sign * HUGE_VAL : (double)NAN;
    if (exponent == 0 && t->fraction > 0) return sign * times_power_of_two(fraction, 1 - t->bias - t->fraction);
    return sign * times_power_of_two(fraction + one, exponent - t->bias - t->fraction);
}

static double float_of(const nf_type *t, const void *data, int64_t i)
{
    float f32;
    double f64;
    if (t->bytes == 8) {
        memcpy(&f64, (const char *)data + 8 * i, 8);
        return f64;
    }
    if (t->bytes == 4) {
        memcpy(&f32, (const char *)data + 4 * i, 4);
        return (double)f32;
    }
    return small_float(t, (uint32_t)bits_of(t, data, i));
}

static void print_element(const nf_tensor *x, int64_t i)
{
    const nf_type *t = x->port->type;
    if (t->kind == NF_FLOAT)
        printf("%.*g", t->bytes > 4 ? 17 : t->bytes > 2 ? 9 : 5, float_of(t, x->data, i));
    else if (t->min == 0)
        printf("%llu", (unsigned long long)bits_of(t, x->data, i));
    else
        printf("%lld", (long long)integer_of(t, x->data, i));
}

/* ---- tensors ------------------------------------------------------------------------------- */

static int allocate(nf_tensor *x)
{
    int64_t room = x->count > x->port->room ? x->count : x->port->room;
    uint64_t bytes = (uint64_t)room * (uint64_t)x->port->type->bytes;
    if (bytes > SIZE_MAX - 1) return nf_no_memory(SIZE_MAX);
    x->data = calloc(1, bytes ? (size_t)bytes : 1);
    return x->data ? NF_EXIT_OK : nf_no_memory((size_t)bytes);
}

void nf_free_tensors(nf_tensor *t, int n)
{
    for (int i = 0; t && i < n; i++) free(t[i].data);
}

/* The extents of a port for these dims; false when one would be negative. */
static int extents(const nf_port *p, const int64_t *dim, int64_t *extent)
{
    for (int i = 0; i < p->rank; i++) {
        const nf_axis *a = &p->axis[i];
        extent[i] = a->of ? a->of(dim) : a->dim >= 0 ? dim[a->dim] : a->fixed;
        if (extent[i] < 0) return 0;
    }
    return 1;
}

static int64_t count_of(int rank, const int64_t *dim)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++) n *= dim[i];
    return n;
}

/* ---- inputs -------------------------------------------------------------------------------- */

static int check_type(const nf_npy *file, const nf_port *p)
{
    char text[TEXT], name[NF_NPY_NAME], want[NF_NPY_NAME];
    const nf_type *t = p->type;
    if (strcmp(file->type, t->npy) == 0) return NF_EXIT_OK;
    nf_npy_type_name(file->type, name);
    nf_npy_type_name(t->npy, want);
    nf_error(NF_EXIT_BAD, file->path, "the elements are %s, but input '%s' is %s, which wants %s",
             name, p->name, t->name, wanted(text, t));
    if (!strchr(text, ',')) fprintf(stderr, "  numpy: x.astype('%s')\n", want);
    return NF_EXIT_BAD;
}

static int wrong_shape(const nf_npy *file, const nf_port *p)
{
    char text[TEXT];
    return nf_error(NF_EXIT_BAD, file->path, "the shape is %s, but input '%s' is %s %s",
                    shape_text(text, file->rank, file->dim), p->name, p->type->name, p->shape);
}

/* Takes the values of free dims from the extents of one input. from: which input told a dim. */
static int take_dims(const nf_graph *g, const nf_npy *file, const nf_port *p, int64_t *dim,
                     const char **from)
{
    for (int i = 0; i < p->rank; i++) {
        int k = p->axis[i].dim;
        if (k < 0) continue;
        if (dim[k] >= 0 && dim[k] != file->dim[i])
            return nf_error(NF_EXIT_BAD, file->path,
                            "input '%s' is %s, here with %s = %lld, but %s%s%s has %s = %lld",
                            p->name, p->shape, g->dim[k].name, (long long)file->dim[i],
                            from[k] ? "input '" : "", from[k] ? from[k] : "--dim",
                            from[k] ? "'" : "", g->dim[k].name, (long long)dim[k]);
        if (file->dim[i] < g->dim[k].min || file->dim[i] > g->dim[k].max)
            return nf_error(NF_EXIT_BAD, file->path,
                            "input '%s' is %s, here with %s = %lld, which is not from %lld to %lld",
                            p->name, p->shape, g->dim[k].name, (long long)file->dim[i],
                            (long long)g->dim[k].min, (long long)g->dim[k].max);
        dim[k] = file->dim[i];
        if (!from[k]) from[k] = p->name;
    }
    return NF_EXIT_OK;
}

/* Opens a file and checks what does not depend on the dims. */
static int open_input(const nf_port *p, const char *path, nf_npy *file)
{
    int status = nf_npy_open(file, path);
    if (status) return status;
    status = check_type(file, p);
    if (!status && file->rank != p->rank) status = wrong_shape(file, p);
    for (int i = 0; !status && i < p->rank; i++)
        if (p->axis[i].fixed >= 0 && p->axis[i].fixed != file->dim[i])
            status = wrong_shape(file, p);
    if (status) nf_npy_close(file);
    return status;
}

/* Extents that are worked out from the dims can be checked only when all dims are known. */
static int check_extents(const nf_npy *file, const nf_port *p, const int64_t *dim)
{
    char have[TEXT], want[TEXT];
    int64_t extent[NF_RANK] = {0};
    int possible = extents(p, dim, extent);
    if (possible && memcmp(extent, file->dim, (size_t)p->rank * sizeof *extent) == 0)
        return NF_EXIT_OK;
    return nf_error(NF_EXIT_BAD, file->path,
                    "the shape is %s, but input '%s' is %s %s, which is %s here",
                    shape_text(have, file->rank, file->dim), p->name, p->type->name, p->shape,
                    possible ? shape_text(want, p->rank, extent) : "impossible");
}

/* A file can hold bytes that are no value of the type: a bool of 2, an i4 of 9. */
static int check_values(const nf_tensor *x, const char *path)
{
    const nf_type *t = x->port->type;
    int is_narrow = t->bytes == 1 && (t->max < 127 || *t->npy == 'b');
    for (int64_t i = 0; is_narrow && i < x->count; i++) {
        int64_t v = integer_of(t, x->data, i);
        if (v < t->min || v > (int64_t)t->max)
            return nf_error(NF_EXIT_BAD, path,
                            "element %lld is %lld, but input '%s' is %s: %lld to %llu",
                            (long long)i, (long long)v, x->port->name, t->name, (long long)t->min,
                            (unsigned long long)t->max);
    }
    return NF_EXIT_OK;
}

static int read_input(const nf_port *p, nf_npy *file, const int64_t *dim, nf_tensor *x)
{
    const char *path = file->path;
    int status = check_extents(file, p, dim);
    x->port = p;
    memcpy(x->dim, file->dim, (size_t)p->rank * sizeof *x->dim);
    x->count = count_of(p->rank, x->dim);
    if (!status) status = allocate(x);
    if (!status) status = nf_npy_read(file, x->data);
    if (!status) status = check_values(x, path);
    return status;
}

/* Everything that is wrong with the files is said, not only the first. */
static int read_files(const nf_graph *g, const char *const *path, int64_t *dim, nf_tensor *in,
                      nf_npy *file, const char **from)
{
    int status = NF_EXIT_OK;
    for (int i = 0; i < g->ninput; i++) {
        int one = open_input(&g->input[i], path[i], &file[i]);
        if (!one) one = take_dims(g, &file[i], &g->input[i], dim, from);
        if (!status) status = one;
    }
    for (int i = 0; i < g->ndim + g->nresult; i++)
        if (dim[i] < 0) dim[i] = g->dim[i].max;
    if (status) return status;
    for (int i = 0; i < g->ninput; i++) {
        int one = read_input(&g->input[i], &file[i], dim, &in[i]);
        if (!status) status = one;
    }
    return status;
}

int nf_read_inputs(const nf_graph *g, const char *const *path, int64_t *dim, nf_tensor *in)
{
    nf_npy *file = (nf_npy *)calloc((size_t)g->ninput + 1, sizeof *file);
    const char **from = (const char **)calloc((size_t)g->ndim + 1, sizeof *from);
    int status = file && from ? NF_EXIT_OK : nf_no_memory((size_t)g->ninput * sizeof *file);
    if (!status) status = read_files(g, path, dim, in, file, from);
    for (int i = 0; file && i < g->ninput; i++) nf_npy_close(&file[i]);
    free(file);
    free((void *)from);
    return status;
}

/* ---- outputs ------------------------------------------------------------------------------- */

int nf_size_outputs(const nf_graph *g, const int64_t *dim, nf_tensor *out)
{
    for (int i = 0; i < g->noutput; i++) {
        const nf_port *p = &g->output[i];
        out[i].port = p;
        if (!extents(p, dim, out[i].dim))
            return nf_error(NF_EXIT_BAD, p->name, "the output %s would have a negative extent",
                            p->shape);
        out[i].count = count_of(p->rank, out[i].dim);
    }
    return NF_EXIT_OK;
}

int nf_make_outputs(const nf_graph *g, const int64_t *dim, nf_tensor *out)
{
    int status = nf_size_outputs(g, dim, out);
    for (int i = 0; !status && i < g->noutput; i++) status = allocate(&out[i]);
    return status;
}

/* "FOLDER/NAME.npy", malloc'd. */
static char *file_of(const char *folder, const nf_port *p)
{
    size_t n = strlen(folder) + strlen(p->name) + 8;
    char *path = (char *)malloc(n);
    if (path) snprintf(path, n, "%s/%s.npy", folder, p->name);
    return path;
}

static int write_aside(const char *folder, const nf_tensor *x, nf_file *file)
{
    char *path = file_of(folder, x->port);
    int status = path ? nf_file_begin(file, path) : nf_no_memory(strlen(folder));
    free(path);
    if (status) return status;
    nf_npy_write(file->to, x->port->type->npy, x->port->rank, x->dim, x->data);
    return nf_file_end(file, 0);
}

int nf_write_outputs(const char *folder, const nf_tensor *out, int n)
{
    nf_file *file = (nf_file *)calloc((size_t)n + 1, sizeof *file);
    int status = file ? NF_EXIT_OK : nf_no_memory((size_t)n * sizeof *file);
    int made = !status && mkdir(folder, 0777) == 0;
    if (!status && !made && errno != EEXIST)
        status = nf_error(NF_EXIT_IO, folder, "cannot be made: %s", strerror(errno));
    for (int i = 0; !status && i < n; i++) status = write_aside(folder, &out[i], &file[i]);
    for (int i = 0; !status && i < n; i++) status = nf_file_commit(&file[i]);
    for (int i = 0; file && i < n; i++) nf_file_abandon(&file[i]);
    if (status && made) rmdir(folder);
    free(file);
    return status;
}

void nf_print_outputs(const nf_tensor *out, int n)
{
    enum { FIRST = 8 };
    char text[TEXT];
    for (int i = 0; i < n; i++) {
        const nf_tensor *x = &out[i];
        printf("%s : %s %s%s", x->port->name, x->port->type->name,
               shape_text(text, x->port->rank, x->dim), x->count ? " =" : "");
        for (int64_t k = 0; k < x->count && k < FIRST; k++) {
            fputc(' ', stdout);
            print_element(x, k);
        }
        puts(x->count > FIRST ? " ..." : "");
    }
}

/* ---- comparing ----------------------------------------------------------------------------- */

/* Steps from one float to the next between two of them; both zeros are one. */
static double steps_between(const nf_type *t, uint64_t a, uint64_t b)
{
    uint64_t sign = UINT64_C(1) << (8 * t->bytes - 1), x = a & (sign - 1), y = b & (sign - 1);
    if ((a & sign) != (b & sign)) return (double)x + (double)y;
    return (double)(x > y ? x - y : y - x);
}

/* The largest finite magnitude; 1 where there is none, so that a difference is then absolute. */
static double scale_of(const nf_tensor *x)
{
    double most = 0;
    for (int64_t i = 0; i < x->count; i++) {
        double v = float_of(x->port->type, x->data, i);
        if (v < 0) v = -v;
        if (isfinite(v) && v > most) most = v;
    }
    return most > 0 ? most : 1;
}

/* How far two elements are apart, in units of the tolerance; infinite when they cannot be compared.
 */
static double difference(const nf_tensor *x, const void *golden, int64_t i, int ulp, double scale)
{
    const nf_type *t = x->port->type;
    if (t->kind == NF_INTEGER)
        return bits_of(t, x->data, i) == bits_of(t, golden, i) ? 0 : HUGE_VAL;
    double a = float_of(t, x->data, i), b = float_of(t, golden, i);
    if (a == b || (isnan(a) && isnan(b))) return 0;
    if (!isfinite(a) || !isfinite(b)) return HUGE_VAL;
    if (ulp) return steps_between(t, bits_of(t, x->data, i), bits_of(t, golden, i));
    return (a < b ? b - a : a - b) / scale;
}

/* " at [0, 3]"; nothing for a scalar. */
static void print_index(const nf_tensor *x, int64_t i)
{
    int64_t at[NF_RANK];
    for (int k = x->port->rank - 1; k >= 0; k--) {
        at[k] = i % x->dim[k];
        i /= x->dim[k];
    }
    for (int k = 0; k < x->port->rank; k++) printf("%s%lld", k ? ", " : " at [", (long long)at[k]);
    if (x->port->rank) putchar(']');
}

/* Prints "y: worst difference 1.2e-07 at [0, 3]: 0.5, golden 0.50000012". */
static int compare(const nf_tensor *x, const nf_tensor *golden, nf_tolerance tolerance,
                   const char *path)
{
    int is_float = x->port->type->kind == NF_FLOAT;
    double scale = is_float && !tolerance.ulp ? scale_of(golden) : 1, worst = 0;
    int64_t at = 0, over = 0;
    for (int64_t i = 0; i < x->count; i++) {
        double d = difference(x, golden->data, i, tolerance.ulp, scale);
        if (d > tolerance.value) over++;
        if (d <= worst) continue;
        worst = d;
        at = i;
    }
    printf("%s: ", x->port->name);
    if (worst == 0) {
        puts("equal");
        return NF_EXIT_OK;
    }
    if (is_float)
        printf("worst difference %.3g%s", worst, tolerance.ulp ? " ulp" : " of the scale");
    else
        printf("differs");
    print_index(x, at);
    fputs(": ", stdout);
    print_element(x, at);
    fputs(", golden ", stdout);
    print_element(golden, at);
    putchar('\n');
    if (!over) return NF_EXIT_OK;
    if (!is_float)
        return nf_error(NF_EXIT_BAD, path, "%lld of %lld elements of output '%s' differ",
                        (long long)over, (long long)x->count, x->port->name);
    return nf_error(NF_EXIT_BAD, path,
                    "%lld of %lld elements of output '%s' are farther off than %g%s",
                    (long long)over, (long long)x->count, x->port->name, tolerance.value,
                    tolerance.ulp ? " ulp" : "");
}

static int read_golden(const nf_tensor *x, const char *path, nf_tensor *golden)
{
    char have[TEXT], want[TEXT];
    nf_npy file;
    int status = nf_npy_open(&file, path);
    if (status) return status;
    if (strcmp(file.type, x->port->type->npy) != 0) {
        char name[NF_NPY_NAME];
        nf_npy_type_name(file.type, name);
        status = nf_error(NF_EXIT_BAD, path, "the elements are %s, but output '%s' is %s: %s", name,
                          x->port->name, x->port->type->name, wanted(want, x->port->type));
    } else if (file.rank != x->port->rank ||
               memcmp(file.dim, x->dim, (size_t)file.rank * sizeof *x->dim) != 0) {
        status = nf_error(NF_EXIT_BAD, path, "the shape is %s, but output '%s' is %s",
                          shape_text(have, file.rank, file.dim), x->port->name,
                          shape_text(want, x->port->rank, x->dim));
    }
    *golden = *x;
    golden->data = NULL;
    if (!status) status = allocate(golden);
    if (!status) status = nf_npy_read(&file, golden->data);
    nf_npy_close(&file);
    return status;
}

int nf_check_outputs(const char *folder, nf_tolerance tolerance, const nf_tensor *out, int n)
{
    int status = NF_EXIT_OK;
    for (int i = 0; i < n; i++) {
        nf_tensor golden = out[i];
        char *path = file_of(folder, out[i].port);
        golden.data = NULL;
        int one = path ? read_golden(&out[i], path, &golden) : nf_no_memory(strlen(folder));
        if (!one) one = compare(&out[i], &golden, tolerance, path);
        if (!status) status = one;
        free(golden.data);
        free(path);
    }
    return status;
}
