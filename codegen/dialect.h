/* A language of the C family, as the kernel printer sees it. */
#ifndef NFC_DIALECT_H
#define NFC_DIALECT_H

#include "codegen/text.h"
#include "devices/device.h"
#include "ir/kir_lanes.h"

struct cg_module;

/* How a language has vectors: what in a vector loop differs from lane to lane (cg_module.lanes). */
typedef struct cg_vectors {
    const char *(*type)(struct cg_module *m, kir_type type);
    /* A value that differs; any value as a local array keeps it. */
    const char *(*value)(struct cg_module *m, const kir_expr *e);
    const char *(*kept)(struct cg_module *m, const kir_expr *e);
    /* A LET of a value that differs, and a STORE to what the lanes share. */
    void (*let)(struct cg_module *m, text *t, const kir_stmt *s);
    void (*store)(struct cg_module *m, const kir_buffer *b, const ir_sx *index, const kir_expr *value);
    /* Prints the body of a loop that has a shorter form as a whole; false: it has none. */
    bool (*whole)(struct cg_module *m, const kir_stmt *loop);
} cg_vectors;

typedef struct dialect {
    const char *name;
    /* The type of a value while it is computed with (f32: float), and of an element in memory. */
    const char *(*compute_type)(kir_type type, bool wide_index);
    const char *(*storage_type)(nfc_dtype type);
    /* How an operator or conversion reads; NULL from un/bin: as the C operator of its name. The texts
     * that they return call helper functions, which helper() then provides. */
    const char *(*un)(struct cg_module *m, const kir_expr *e, const char *a);
    const char *(*bin)(struct cg_module *m, const kir_expr *e, const char *a, const char *b);
    const char *(*cast)(struct cg_module *m, kir_type to, kir_type from, const char *a);
    const char *(*constant)(struct cg_module *m, const kir_expr *e);
    /* How a variable is qualified so that the sums and products of floats in its value are rounded each; the
     * compute_type() of floats and bools has it. Such a guard gets a name, to be qualified. NULL: they are. */
    const char *rounded;
    /* Does the compiler work constant floats out in more digits than their type has? Then they are printed as results. */
    bool folds_wide;
    const char *(*fma)(struct cg_module *m, const kir_expr *e, const char *a, const char *b, const char *c);
    /* Elements of a buffer as a word, the first of which is `element`, and a sum of products of what words hold; NULL: no
     * device of the language has an instruction for it, so that none are made. */
    const char *(*word)(struct cg_module *m, const kir_expr *e, const char *element);
    const char *(*dot)(struct cg_module *m, const kir_expr *e, const char *a, const char *b, const char *c);
    /* What follows an integer of more than 32 bits in an index. */
    const char *wide_suffix;
    /* "static void f(...) {": the head of a kernel, and of a scalar function. */
    void (*begin_kernel)(struct cg_module *m, text *t, const kir_func *f, bool wide_index);
    void (*end_kernel)(struct cg_module *m, text *t, const kir_func *f);
    void (*begin_scalar)(struct cg_module *m, text *t, const kir_func *f, const char *name);
    /* An element of a buffer, as something that can be read and assigned. */
    const char *(*element)(struct cg_module *m, const kir_buffer *b, const char *index);
    /* An element as it is computed with, and a value as it is assigned to one; NULL: as they stand. */
    const char *(*loaded)(struct cg_module *m, const kir_buffer *b, const char *element);
    const char *(*stored)(struct cg_module *m, const kir_buffer *b, const char *value);
    /* "memcpy(to + i, from + j, n * sizeof *to);", or a loop. */
    void (*copy)(struct cg_module *m, text *t, const kir_stmt *s, const char *to, const char *from, const char *count, bool wide_index);
    /* Asks for an element's memory; NULL: the language has no way to. */
    void (*prefetch)(struct cg_module *m, text *t, const kir_buffer *b, const char *index);
    /* A TILE statement; NULL: no device of the language has tiles, so that none are made. */
    void (*tile)(struct cg_module *m, text *t, const kir_stmt *s);
    void (*fail)(struct cg_module *m, text *t, int code);
    /* Gives the variables of the n loops of kir_grid() their values, one iteration of all of them a
     * thread; without loops, one thread does everything. NULL: as loops. */
    void (*grid)(struct cg_module *m, text *t, const kir_stmt *const *loop, int n, bool wide_index);
    /* What stands before a loop that is to be unrolled; NULL: nothing. */
    void (*unroll)(struct cg_module *m, text *t, int64_t trips);
    const cg_vectors *vectors; /* NULL: the lanes of a vector loop are the trips of a loop */
} dialect;

/* The kernels of one source file under construction. */
typedef struct cg_module {
    ir_module *m;
    nfc_arena *arena;
    const device *device;
    const dialect *dialect;
    text *helpers, *kernels;
    nfc_map have;      /* helpers that stand in the text already */
    bool strict;       /* functions have the same bits on every device */
    bool wide;         /* does the kernel at hand index with 64 bits? */
    int rounded;       /* values that were named in it, to be qualified */
    kir_lanes *lanes;  /* of the vector loop, or of the function on vectors, that is being printed */
    nfc_map masks;     /* bool variables of it -> bits of a lane */
} cg_module;

extern const dialect dialect_c, dialect_glsl;
extern const cg_vectors c_vectors;

/* cfamily.c: prints a kernel under a name, with the scalar functions that it needs before it. */
void cg_print_kernel(cg_module *c, const kir_func *f, const char *name);
/* The name of the function behind an operator (KIRF_MATH), which is printed on first use: "nf_exp_f32"; of `lanes` more than 1 on
 * vectors: "nf_exp_f32x16". */
const char *cg_scalar_function(cg_module *c, bool is_binary, int op, kir_type type, int64_t lanes);
/* A symbolic integer as an expression of the language; precedence 0: as a factor. */
const char *cg_index(cg_module *c, const ir_sx *x, bool as_factor);
const char *cg_expr(cg_module *c, const kir_expr *e);
/* Without a pair of brackets around the whole: arguments and initialisers need none. */
const char *cg_bare(cg_module *c, const char *e);
/* Do all indices of a kernel fit in 32 bits? */
bool cg_needs_wide_index(const kir_func *f);

#endif
