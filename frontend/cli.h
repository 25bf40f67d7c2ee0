/* The command line: one table of options, one of verbs. */
#ifndef NFC_CLI_H
#define NFC_CLI_H

#include "frontend/lower.h"
#include "frontend/session.h"

typedef struct cli_pair { /* --input x=FILE */
    const char *name, *value;
} cli_pair;

/* What the options of a command line say. */
typedef struct cli {
    nfc_session *s;
    const char *verb;
    VEC(const char *) operand;      /* what is no option */
    lower_options lower;            /* -D, --model */
    VEC(cli_pair) input;
    const char *device, *isa, *out_dir, *emit, *output, *graph, *golden, *tolerance, *junit, *format;
    const char *state, *state_in, *state_out, *trace, *dump, *layout, *winograd, *schedules;
    int64_t runs, stop_at, threads, tries;
    const char *chains, *precision;
    bool json, markdown, onnx, step, verbose, time, bless, fast_math, strict, no_verify, probe, schema, in_place, check, quiet, diag_json;
    struct sched_book *book;        /* notes the kernels that are scheduled; NULL: nobody asks */
    ir_module *loaded;              /* by cli_load() */
} cli;

typedef struct cli_verb {
    const char *name;
    int (*run)(cli *c);
    const char *synopsis, *doc;
} cli_verb;

extern const cli_verb cli_verbs[];

/* Reads the arguments behind the verb; reports and returns false on wrong usage. */
bool cli_parse(cli *c, int argc, char **argv);
void cli_help(FILE *to, const char *verb);
/* Reads a source, NUL behind it; reports and returns false when that cannot be. */
bool cli_read(cli *c, const char *path, char **text, size_t *size);
/* Loads the graph that is named by the first operand: .nfg, JSON or IR text; once, so that after a
 * pass ran it is what the pass made of it. NULL after a report. */
ir_module *cli_load(cli *c);
/* The graph that --graph names, or the only one; NULL after a report. */
ir_graph *cli_graph(cli *c, ir_module *m);
/* Prints what was reported so far; the exit status that follows from it. */
int cli_finish(cli *c);

int verb_build(cli *c);
int verb_tune(cli *c);
int verb_run(cli *c);
int verb_sim(cli *c);
int verb_check(cli *c);
int verb_inspect(cli *c);
int verb_test(cli *c);
int verb_export(cli *c);
int verb_ops(cli *c);
int verb_devices(cli *c);
int verb_fmt(cli *c);
int verb_explain(cli *c);
int verb_help(cli *c);
int verb_version(cli *c);

#endif
