/* What the parts of the shader test share. */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include "frontend/cli.h"
#include "passes/plan.h"
#include "tests/vk/vk.h"

typedef struct checker {
    cli c;
    const char *path;  /* of the graph's file */
    ir_module *m;
    plan *plan;        /* NULL: the kernels were made by hand */
    VEC(const kir_func *) kernel; /* that are tested */
    const char *dir;   /* holds the shaders, by the hash of their source */
    vk_host *host;
    uint64_t random;   /* the generator's state */
    const kir_func *loaded; /* the host's shader */
    bool loaded_adds;       /* does it add floats? */
    bool loaded_zeroes;     /* does it multiply floats by a constant zero? */
    struct check_shared *shared; /* with the processes beside this one */
    int claimed;            /* the last one of the things to do that this process does */
    int seen;               /* things to do so far, whoever does them */
    int checks, failed;
} checker;

/* Is it this process that does the next thing? All come past the same things in the same order. */
bool check_claim(checker *k);

/* What elements may be: small; or also large and tiny ones; or also infinities and NaNs. */
typedef enum { CHECK_SMALL, CHECK_FINITE, CHECK_WILD } check_range;

/* Adds the kernels of made.c. */
void check_make(checker *k);
void check_failed(checker *k, const char *where, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* An integer of a kernel that is called with these scalars. */
int64_t check_value(const kir_func *f, const int64_t *scalar, const ir_sx *x);

/* "DIR/HASH": where a kernel's shader is, without the ending. */
const char *shader_path(checker *k, const char *source);

/* The next random number. */
uint64_t check_random(checker *k);
void check_fill(checker *k, nfc_dtype t, void *data, int64_t n, check_range range);
/* The first element that differs, or -1. All NaNs are equal; so are both zeros where that is asked for. */
int64_t check_compare(nfc_dtype t, const void *a, const void *b, int64_t n, bool zeros_equal);
/* The text of an element. */
const char *check_element(checker *k, nfc_dtype t, const void *data, int64_t i);

/* Runs a kernel on the device; reports and returns false when that cannot be done. */
bool check_dispatch(checker *k, const kir_func *f, const vk_buffer *param, const int64_t *scalar, int *status);
/* Every kernel on random data, against kir_run(). */
void check_kernels(checker *k);
/* Every graph from inputs to outputs, against the simulator. */
void check_graphs(checker *k);

#endif
