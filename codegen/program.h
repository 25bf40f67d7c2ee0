/* The emitted program under construction: what the files of codegen/ share. */
#ifndef NFC_PROGRAM_H
#define NFC_PROGRAM_H

#include "codegen/dialect.h"
#include "devices/device.h"
#include "passes/k_parts.h"
#include "passes/plan.h"

/* A tensor that the program keeps. */
typedef struct cg_tensor {
    const char *name;      /* identifier */
    const char *what;      /* the author's name, for comments */
    nfc_dtype dtype;
    int rank;
    int64_t dim[IR_MAX_RANK], n, bytes;
    const void *data;
    int64_t offset;        /* in the blob */
    nfc_span at;           /* where the graph first speaks of it */
} cg_tensor;

/* A weight of the plan: one tensor, or a table of them. */
typedef struct cg_weight {
    const ir_inst *inst;
    int *tensor, ntensor;  /* indices into cg_program.tensor */
    const char *table;     /* identifier of the table, when ntensor > 1 */
} cg_weight;

typedef struct cg_file {
    const char *name;
    const char *text;      /* or */
    const void *data;
    size_t n;
} cg_file;

/* Iterations one after the other that take the same time each. */
typedef struct cg_piece {
    double us;
    int64_t trips;
    double whole_us; /* that fetching takes what every part reads, whatever its range */
    int unit;        /* of the kernel's */
} cg_piece;

/* A kernel as it stands in the source: calls whose kernels are alike share one. */
typedef struct cg_kernel {
    const kir_func *func;
    const char *name;
    const plan_call *call; /* the first */
    VEC(const plan_call *) all;
    int parts;             /* that run at once; 1: it is done by one thread */
    k_units units;         /* whose iterations the parts share out */
    const int64_t *cut;    /* the first iteration of each part, and behind the last, one unit after the other where each has its own range; NULL: equal parts of all */
    const kir_func *ranged; /* the kernel over a range of the iterations, where it is printed so */
    const char *parallel;  /* the function that does all parts */
    bool apart;            /* some call of it stands alone, not in a fork */
    VEC(const struct cg_fork *) fork; /* that its other calls are in, as they are printed: each once */
    double us;             /* that one thread takes at least */
    double twice_us;       /* that each of several parts takes beside its share */
    double fetch_us;       /* that a part waits for what other threads wrote */
    const cg_piece *piece; /* its iterations with what they take; NULL: they cannot be shared out, or only the run knows how many there are */
    int npiece;
    const int64_t *even;   /* where ranges begin that take the same time, as in `cut`, for as many parts as there are threads */
} cg_kernel;

/* A call in a fork: of each range of its kernel's iterations, and of the kernel as a whole, which part does what. */
typedef struct cg_step {
    const plan_call *call;
    const cg_kernel *kernel;
    int part;              /* that does all of it; -1: each does its ranges */
    const int64_t *cut;    /* as a kernel's, for as many parts as the fork has */
    const int *slot;       /* of the fork: what the call is given as each parameter */
    const int *number;     /* of the fork: its own scalars */
} cg_step;

/* What a fork is given: a place in memory, for one call or several. */
typedef struct cg_slot {
    const plan_view *view;
    const kir_buffer *param; /* of the first of them */
    bool written;
} cg_slot;

/* Calls one after the other that threads are called together for once: no part needs what another one does. */
typedef struct cg_fork {
    const char *name;
    int parts;
    VEC(cg_step) step;
    VEC(cg_slot) slot;
    VEC(const ir_sym *) number; /* what the host gives */
    const struct cg_fork *same; /* that is printed for both; NULL: this is */
} cg_fork;

typedef struct cg_program {
    nfc_session *s;
    nfc_arena *arena;
    ir_module *m;
    const plan *plan;
    const device *device;
    const struct nfc_backend *backend; /* that the device names */
    const char *name, *upper;     /* prefix of every symbol */
    const char *stem, *weights_stem; /* of the files and names of its own, and of its weights: "NAME", "NAME_x86_avx2" */
    const char *isa;              /* of a version for one of several kinds of processors: "x86_avx2" */
    VEC(struct cg_program *) version; /* the best first, the last runs everywhere; empty: there is one, this */
    bool has_weights;             /* its weights are its own */
    int64_t arena_bytes;
    const char *source;           /* base name of the graph's file */
    bool with_main;
    device_weights weights_mode;
    VEC(cg_tensor) tensor;
    VEC(cg_weight) weight;
    nfc_map weight_of;            /* instruction -> cg_weight index + 1 */
    VEC(cg_kernel *) kernel;
    nfc_map first_call;           /* plan_graph -> calls of the graphs before it */
    nfc_map kernel_of;            /* plan_call -> cg_kernel */
    VEC(cg_fork *) fork;
    nfc_map fork_of;              /* plan_call -> cg_fork that it is in */
    const char **state_member;    /* members of the context */
    nfc_map port_member[2];       /* graph -> members of its in and out structs */
    nfc_map taken;                /* identifiers of the file's level */
    uint64_t blob_hash;           /* of the blob behind its header */
    int64_t blob_bytes, weight_bytes, state_bytes, stack_bytes;
    VEC(cg_file) file;
} cg_program;

/* Of the weights file: its first tensor stands at this multiple of its alignment. Of a saved state. */
enum { CG_BLOB_HEADER = 4096, CG_WEIGHT_ALIGN = 64, CG_STATE_HEADER = 24 };

/* A target language. */
typedef struct nfc_backend {
    const char *name;                               /* "backend" of the device description */
    bool (*check)(cg_program *p);                   /* can the device do this? reports what it cannot */
    const dialect *dialect;
    void (*emit)(cg_program *p);                    /* adds the files */
} nfc_backend;

extern const nfc_backend backend_c;
const nfc_backend *backend_named(const char *name);

/* A program without its files: its names, weights, kernels and sizes. Reports and returns NULL when
 * the device names no backend. */
cg_program *program_new(nfc_session *s, const plan *planned, const device *d, bool with_main);
/* One of several versions of a program: isa.h. */
cg_program *program_new_version(nfc_session *s, const plan *planned, const device *d, const char *isa);
/* Can the device have it? Reports everything that speaks against it. */
bool program_fits(cg_program *p);
/* Makes the files of a program; with_main: also those of an executable. Reports and returns NULL when
 * the device cannot have it. */
cg_program *program_emit(nfc_session *s, const plan *planned, const device *d, bool with_main);

/* ---- shared by the files of codegen/ --------------------------------------------------------- */

void cg_add_file(cg_program *p, const char *name, const char *content);
void cg_add_data(cg_program *p, const char *name, const void *data, size_t n);
/* "NAME_run", or "NAME_GRAPH_run" when the module has several graphs. */
const char *cg_graph_symbol(const cg_program *p, const ir_graph *g, const char *suffix);
/* "device 'host'", or the devices of all versions; for comments. */
const char *cg_devices_text(const cg_program *p);
/* Its run function; of a version, the version's. */
const char *cg_run_symbol(const cg_program *p, const ir_graph *g);
/* The member of the graph's in or out struct that a port is; of the context that a state is. */
const char *cg_port_member(const cg_program *p, const ir_graph *g, bool output, int port);
const char *cg_state_member(const cg_program *p, int state);
/* "mlp.nfg:10:5" */
const char *cg_place(const cg_program *p, nfc_span at);
/* Lists the tensors and decides how they are kept. */
void cg_collect_weights(cg_program *p);
/* The text of NAME_weights.h, and the files behind it. */
void cg_emit_weights(cg_program *p);
/* The C expression of the pointer to a weight. */
const char *cg_weight_pointer(const cg_program *p, cg_module *c, const ir_inst *inst);
/* Decides which calls share a kernel, and what the kernels are called. */
void cg_collect_kernels(cg_program *p);
/* c_parts.c: decides which kernels are done in parts, as many as there are threads or fewer. */
void cg_choose_parts(cg_program *p);
bool cg_has_parts(const cg_program *p);
/* The kernel as it is printed: over a range, where it is done in parts. */
static inline const kir_func *cg_printed(const cg_kernel *k) { return k->ranged ? k->ranged : k->func; }
/* Ranges of iterations that a part is given. */
static inline int cg_ranges(const cg_kernel *k) { return k->units.each ? k->units.n : 1; }
/* The kernel's own scalars as it is printed: they come first. */
static inline int cg_own_scalars(const cg_kernel *k) { return cg_printed(k)->scalar.n - (k->ranged ? 2 * cg_ranges(k) : 0); }
/* c_forks.c: decides which calls are done together. */
void cg_choose_forks(cg_program *p);
/* c_forks_given.c: what they are given, and their names; and tells kernels of them. */
void cg_give_forks(cg_program *p);
/* c_forks_print.c: prints a fork; what its caller takes of the stack beside kernels. */
void cg_print_fork(cg_program *p, cg_module *c, const cg_fork *f);
int64_t cg_fork_frame(const cg_fork *f);
/* What the parts of a fork do of a call: "3 parts along n", "all by part 1". */
const char *cg_step_text(const cg_program *p, const cg_fork *f, const cg_step *s);
/* The fork that a call is in; NULL: it stands alone. */
static inline const cg_fork *cg_fork_of(const cg_program *p, const plan_call *call) { return map_getp(&p->fork_of, call); }
/* c_parts.c: how many iterations there are in a range, and microseconds that those from one up to another take; of a kernel
 * with pieces. */
int64_t cg_range_trips(const cg_kernel *k, int range);
double cg_range_us(const cg_kernel *k, int range, int64_t first, int64_t end);
/* Of ranges that are cut for so many parts, has this one any iterations? */
bool cg_part_has_work(const cg_kernel *k, const int64_t *cut, int parts, int part);
/* Has it printed over a range. */
void cg_make_ranged(cg_program *p, cg_kernel *k);
/* "4 parts along n, oh" */
const char *cg_parts_text(const cg_program *p, const cg_kernel *k, int parts);
/* c_threads.c: prints a kernel that is done in parts, and the function that does them all. */
void cg_print_parts(cg_program *p, cg_module *c, const cg_kernel *k);
/* What such a kernel's caller takes of the stack beside the kernel, bytes. */
int64_t cg_parts_frame(const cg_kernel *k);
/* The helpers of such functions, behind the prologue. */
void cg_put_parts_helpers(cg_program *p, text *t);
/* Is the call a plain copy, or the store of a constant, which the run function does itself? */
bool cg_is_inline(const plan_call *c);
/* The most stack that a run takes, in bytes, whatever the compiler's optimisation. */
int64_t cg_stack_bytes(const cg_program *p);
/* The part of it that a kernel itself takes. */
int64_t cg_frame_bytes(ir_module *m, const kir_func *f);
/* NAME.h and NAME.c. */
void cg_emit_header(cg_program *p);
void cg_emit_source(cg_program *p);
/* The kernels and run functions of a version: NAME_ISA.c. */
void cg_emit_version(cg_program *p);
/* The body of a graph's run function. */
void cg_emit_run(cg_program *p, cg_module *c, text *t, const plan_graph *g);
/* Calls of all graphs are numbered in one row, for traces: the number of a graph's first. */
int cg_first_call(const cg_program *p, const plan_graph *g);
/* nf_threads.[ch]: part of the library, for nothing else needs threads. */
void cg_emit_pool(cg_program *p);
bool cg_is_pool_file(const char *name);
/* NAME_main.c and the runtime files. */
void cg_emit_main(cg_program *p);
/* Makefile, CMakeLists.txt, manifest.json, report.json. */
void cg_emit_package(cg_program *p);
void cg_emit_report(cg_program *p);
void cg_emit_manifest(cg_program *p);
/* "f32 [3][4]" for comments; free dims by name. */
const char *cg_shape_text(const cg_program *p, const ir_type *t);
/* The free dims that a graph's inputs and outputs speak of, in order, and the caller chooses. */
typedef VEC(const ir_sym *) cg_dims;
cg_dims cg_graph_dims(const cg_program *p, const ir_graph *g);
/* Those that a run sets. */
cg_dims cg_result_dims(const cg_program *p, const ir_graph *g);
/* Has it an extent that a run sets? */
bool cg_is_sized_by_run(const ir_type *t);
/* Lines "mlp.nfg:10, 12" of what a call computes. */
const char *cg_places(const cg_program *p, const plan_call *call);
/* The chain that runs in a loop; NULL: it is the author's loop. And what it says of itself. */
const ir_chain *cg_chain_of(const cg_program *p, const ir_inst *loop);
const char *cg_chain_text(const cg_program *p, const ir_chain *chain);
/* "matmul, add, relu" */
const char *cg_ops_text(const cg_program *p, const ir_inst *inst);
uint64_t cg_fnv1a(const void *data, size_t n);
/* The same on words of 8 bytes, the lowest first, with the higher half of each step folded into the lower: CG_HASH_LANES
 * of them side by side, which a processor works out as fast as it reads, and then one of their results. n: a multiple of
 * 8 * CG_HASH_LANES. */
enum { CG_HASH_LANES = 8 };
uint64_t cg_blob_hash(const void *data, size_t n);

#endif
