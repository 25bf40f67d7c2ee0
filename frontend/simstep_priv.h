/* Shared by the two files of the debugger: simstep.c stops, simstep_cmd.c obeys. */
#ifndef NFC_SIMSTEP_PRIV_H
#define NFC_SIMSTEP_PRIV_H

#include "frontend/simstep.h"

typedef struct breakpoint {
    int number;
    enum { AT_LINE, AT_SCOPE, AT_BLOCK } kind;
    uint32_t line;
    const char *name; /* SCOPE, BLOCK */
} breakpoint;

typedef struct step_command step_command;

struct simstep {
    sim_observer observer;
    sim *s;
    ir_module *m;
    ir_graph *g;
    FILE *in, *out;
    char *line; /* getline's */
    size_t capacity;

    enum { STEPPING, TO_NEXT_BLOCK, RUNNING } mode;
    int64_t left;     /* STEPPING: statements until the stop */
    int depth;        /* TO_NEXT_BLOCK: of the block that is left */
    bool block_began; /* one at that depth or further out, since the command */
    VEC(breakpoint) breaks;
    int next_number;

    const ir_inst *at;       /* the statement of the stop */
    const ir_inst *previous; /* the statement before the one that comes */
    const ir_block *entered; /* since the statement before; NULL: none */
    const char *context;     /* as it was shown last */
    int64_t run, runs;
    const step_command *again; /* what an empty line repeats; NULL: nothing */
    bool has_quit, over;       /* over: the run failed; only looking is left */
};

struct step_command {
    const char *name;
    char letter;  /* short for it, where the first letter is not unique; else 0 */
    bool repeats; /* on an empty line */
    bool (*run)(simstep *t, char *args); /* true: no more commands for now */
    const char *args, *doc;
};

extern const step_command step_commands[]; /* the last has no name */

/* How many regions of loops are around a statement. */
int simstep_depth(const ir_inst *inst);
/* A line of the source, with a mark of two columns before it; nothing when there is no such line.
 */
void simstep_source_line(const simstep *t, nfc_span at, uint32_t line, const char *mark);

#endif
