/* The pass manager: order, what each pass needs, verification, times, dumps, bisection. */
#ifndef NFC_PASS_H
#define NFC_PASS_H

#include <stdio.h>
#include "ir/ir.h"
#include "passes/plan.h"
#include "passes/winograd.h"

/* Which chains of instructions keep a few rows of what lies between them (passes/chain.h): none, those that make the
 * arena smaller and cost no time, those that make it smaller, or all that there are. */
typedef enum { CHAINS_OFF, CHAINS_AUTO, CHAINS_ON, CHAINS_ALL } pass_chains_mode;

typedef struct pass_chains {
    pass_chains_mode mode;
    plan_layout layout; /* as the planner will have it */
    int64_t cache;      /* bytes that one core keeps near; 0: unknown */
    int64_t rows;       /* in a block; 0: as is best */
} pass_chains;

typedef struct pass_options {
    const char *dump;    /* a pass: print the IR after it; "all": after each that changed it */
    FILE *dump_to;
    int64_t stop_at;     /* run only so many passes; < 0: all */
    bool verify, time;
    bool fast_math;      /* allow rewrites that change roundings */
    int64_t vector_bytes; /* for which loops may be scheduled, sums in another order; 0: none */
    pass_chains chains;
    nfc_dtype precision; /* of the weights of f32 contractions; f32 leaves them */
    winograd_choice winograd;
    const struct device *device; /* whose numbers choices go by; NULL: none */
} pass_options;

/* What a pass is given. `scratch` is emptied after it. */
typedef struct pass_ctx {
    ir_module *m;
    nfc_arena *scratch;
    const pass_options *options;
} pass_ctx;

/* Each returns whether it changed anything. */
#define PASS(name, needs, breaks, doc) bool pass_##name(pass_ctx *ctx);
#include "passes/passes.def"
#undef PASS

/* Runs the passes over a module. Returns false when one of them reports that something cannot be
 * done, or after the report of a breach of the verifier, with the pass. */
bool passes_run(ir_module *m, const pass_options *options);
/* All names, NULL-terminated, for suggestions. */
const char *const *pass_names(void);

#endif
