/* THE kernel IR: what every target's source is printed from.
 *
 * A kernel is a tree of statements over hash-consed expressions. Arithmetic is done in the computing
 * types (f64 f32 i64 i32 u64 u32 bool); narrower types are stored and loaded only, with a CAST at
 * each end. Indices, extents and loop bounds are symbolic integers (ir/sx.h) over loop variables,
 * named indices, dims and host indices: their normal form makes index arithmetic short, and their
 * bounds let the verifier prove that every access stays inside of its buffer.
 *
 * No expression can trap: loads are in range whatever a condition says, divisors are never 0. */
#ifndef NFC_KIR_H
#define NFC_KIR_H

#include "ir/ir.h"

/* Of what an f32 holds near 2^(k / 16), k < 16, the rounding error is at most 0.4 ULP; times this number at most 0.13. */
#define KIR_SIXTEENTH_UNIT 1.81309485

/* An element type, or an index. */
typedef uint8_t kir_type;
enum { KIR_INDEX_TYPE = DT_COUNT };

enum { KIRF_MATH = 1, KIRF_COMMUTES = 2, KIRF_BOOL = 4 };

typedef enum {
#define STMT(id, doc) KIR_##id,
#define EXPR(...)
#define UNOP(...)
#define BINOP(...)
#define TILEOP(...)
#define DOTOP(...)
#include "ir/kir.def"
} kir_stmt_kind;
#undef STMT
#undef EXPR

typedef enum {
#define STMT(...)
#define EXPR(id, doc) KIR_##id,
#include "ir/kir.def"
} kir_expr_kind;
#undef EXPR
#undef UNOP

typedef enum {
#define EXPR(...)
#define UNOP(id, ...) KU_##id,
#include "ir/kir.def"
    KU_COUNT
} kir_un;
#undef UNOP
#undef BINOP

typedef enum {
#define UNOP(...)
#define BINOP(id, ...) KB_##id,
#include "ir/kir.def"
    KB_COUNT
} kir_bin;
#undef BINOP
#undef TILEOP

typedef enum {
#define BINOP(...)
#define TILEOP(id, ...) KT_##id,
#include "ir/kir.def"
    KT_COUNT
} kir_tile_op;
#undef TILEOP
#undef DOTOP

typedef enum {
#define TILEOP(...)
#define DOTOP(id, ...) KD_##id,
#include "ir/kir.def"
    KD_COUNT
} kir_dot;
#undef STMT
#undef EXPR
#undef UNOP
#undef BINOP
#undef TILEOP
#undef DOTOP

typedef struct kir_op_info {
    const char *name, *text;
    unsigned flags;
} kir_op_info;
extern const kir_op_info kir_un_table[KU_COUNT], kir_bin_table[KB_COUNT];
struct kir_expr;
/* What the operator of a UN or BIN is called where signs are no names, as in device descriptions: add, min, sqrt. */
const char *kir_op_word(const struct kir_expr *e);

typedef struct kir_dot_info {
    const char *name, *text;
    nfc_dtype a, b, sum; /* element types of the words, and the type that is computed in */
} kir_dot_info;
extern const kir_dot_info kir_dot_table[KD_COUNT];
extern const char *const kir_tile_text[KT_COUNT];
/* How many elements of a type a word holds. */
static inline int kir_word_elements(nfc_dtype t) { return 4 / (int)dtype_bytes(t); }

/* KIR_TILE_SPACE: a register of the processor that holds rows of elements. */
typedef enum { KIR_GLOBAL, KIR_LOCAL, KIR_TILE_SPACE } kir_space;
enum { KIR_MAX_TILES = 16 };

typedef struct kir_buffer {
    const char *name;
    nfc_dtype dtype;
    kir_space space;
    const ir_sx *size;   /* elements; of a parameter: what the kernel may touch */
    bool read, written;
    const ir_value *value; /* a parameter: whose elements they are */
    int id;              /* parameters: position; locals: behind them */
    int64_t rows;        /* of a tile; each has the same part of its elements */
    int tile;            /* which register a tile is, 0 to KIR_MAX_TILES - 1 */
} kir_buffer;

typedef struct kir_var {
    const char *name;
    kir_type type;
    ir_sym *sym;   /* an index: the symbol that stands for it */
    int id;
} kir_var;

typedef struct kir_expr {
    kir_expr_kind kind;
    kir_type type;
    uint8_t op;                       /* kir_un, kir_bin or kir_dot */
    const struct kir_expr *a, *b, *c;
    int64_t integer;                  /* CONST; LOAD: elements of a word, 0: it is no word */
    double number;
    kir_var *var;
    kir_buffer *buffer;               /* LOAD */
    const ir_sx *index;               /* LOAD, INDEX */
    int id;
} kir_expr;

/* What runs the iterations of a loop. Their meaning is that of SERIAL ones: kir_run() runs them so.
 * An UNROLL loop has a constant number of trips, each of which is written out, so that local arrays that
 * it indexes become registers. The trips of a VECTOR loop, 0 to a known number, are the lanes of vectors, the first ones
 * where the number is no power of two: they are independent, guards and bounds inside are the same for all, and what is made inside is a vector
 * where it differs from lane to lane. */
typedef enum {
    KIR_SERIAL,
    KIR_PARALLEL, /* independent: in any order, by any number of threads */
    KIR_GRID,     /* independent: a thread of a GPU each */
    KIR_UNROLL,
    KIR_VECTOR,
} kir_for_kind;

typedef struct kir_stmt {
    kir_stmt_kind kind;
    VEC(struct kir_stmt *) body;      /* SEQ, FOR, IF */
    kir_for_kind loop;                /* FOR */
    bool in_parts;                    /* FOR: what it sums up is to be summed in parts, with --strict: passes/k_sums.h */
    kir_var *var;                     /* FOR, LET */
    const ir_sx *begin, *end;         /* FOR */
    const ir_sx *turn;                /* FOR of independent iterations: they begin with the last where this is odd; NULL: never */
    kir_buffer *buffer, *from;        /* ALLOC, STORE, ACCUM, COPY, PREFETCH, TILE; from: COPY, TILE */
    const kir_buffer *with;           /* TILE: what a dot multiplies `from` with */
    const ir_sx *index, *from_index, *count; /* STORE, ACCUM, COPY, PREFETCH, TILE; its count: elements from row to row in memory */
    uint8_t op;                       /* ACCUM: a kir_bin; TILE: a kir_tile_op */
    const kir_expr *value;            /* STORE, ACCUM, LET; IF: the condition */
    int fail;                         /* FAIL: one of kir_fail_code */
    const char *text;                 /* NOTE */
} kir_stmt;

/* What a kernel can report; the emitted error enum has the same numbers. */
enum kir_fail_code { KIR_OK = 0, KIR_FAIL_INDEX = 1, KIR_FAIL_DIVISION = 2 };

typedef struct kir_func {
    const char *name;
    VEC(kir_buffer *) param;
    VEC(const ir_sym *) scalar;       /* dims and host indices that it takes, in order of use */
    VEC(kir_buffer *) local;
    kir_stmt *body;
    bool can_fail;                    /* takes a status word */
    bool verified;                    /* kir_verify() has passed it as it is */
    const ir_inst *inst;              /* what it computes */
    const char *schedule;             /* said in its header comment */
    uint64_t key;                     /* of the loops without a schedule, in files of schedules; 0: there is no file */
    kir_var *arg[2];                  /* of a scalar function: its arguments, and what it gives */
    const kir_expr *result;
    int nvar, nexpr;
} kir_func;

/* ---- building ------------------------------------------------------------------------------ */

typedef struct kir_builder {
    ir_module *m;
    nfc_arena *arena;
    nfc_arena *scratch;                /* of what a schedule needs for a while; NULL: none is at work */
    sx_table *sx;
    kir_func *func;
    nfc_map exprs;                     /* hash-consing */
    VEC(kir_stmt *) open;              /* the innermost statement takes what is added */
} kir_builder;

void kir_begin(kir_builder *b, ir_module *m, const char *name);
kir_buffer *kir_param(kir_builder *b, const char *name, nfc_dtype dtype, const ir_sx *size);
/* A local array, allocated at the current place. */
kir_buffer *kir_alloc(kir_builder *b, const char *name, nfc_dtype dtype, int64_t size);

const kir_expr *kir_float(kir_builder *b, kir_type type, double value);
const kir_expr *kir_int(kir_builder *b, kir_type type, int64_t value);
/* A constant of any computing type. */
const kir_expr *kir_number(kir_builder *b, kir_type type, double value);
const kir_expr *kir_index(kir_builder *b, const ir_sx *value);
const kir_expr *kir_load(kir_builder *b, kir_buffer *buffer, const ir_sx *index);
/* So many elements from index on, as many as 32 bits hold at most, as an i32. */
const kir_expr *kir_word(kir_builder *b, kir_buffer *buffer, const ir_sx *index, int64_t elements);
/* z: what the products are added to; NULL: 0. */
const kir_expr *kir_dot_of(kir_builder *b, kir_dot op, const kir_expr *x, const kir_expr *y, const kir_expr *z);
const kir_expr *kir_unary(kir_builder *b, kir_un op, const kir_expr *x);
const kir_expr *kir_binary(kir_builder *b, kir_bin op, const kir_expr *x, const kir_expr *y);
const kir_expr *kir_select(kir_builder *b, const kir_expr *cond, const kir_expr *x, const kir_expr *y);
const kir_expr *kir_cast(kir_builder *b, kir_type type, const kir_expr *x);
const kir_expr *kir_bits(kir_builder *b, kir_type type, const kir_expr *x);
const kir_expr *kir_fma(kir_builder *b, const kir_expr *x, const kir_expr *y, const kir_expr *z);
const kir_expr *kir_var_ref(kir_builder *b, kir_var *var);

/* Are the iterations of such a loop independent? */
static inline bool kir_is_independent(kir_for_kind k) { return k == KIR_PARALLEL || k == KIR_GRID || k == KIR_VECTOR; }

/* Opens a loop whose statements follow until kir_close(); returns its variable as an index. */
const ir_sx *kir_for(kir_builder *b, kir_for_kind kind, const char *name, const ir_sx *begin, const ir_sx *end);
void kir_if(kir_builder *b, const kir_expr *cond);
void kir_close(kir_builder *b);
void kir_store(kir_builder *b, kir_buffer *buffer, const ir_sx *index, const kir_expr *value);
void kir_accum(kir_builder *b, kir_bin op, kir_buffer *buffer, const ir_sx *index, const kir_expr *value);
void kir_copy(kir_builder *b, kir_buffer *to, const ir_sx *to_index, kir_buffer *from, const ir_sx *from_index, const ir_sx *count);
/* Asks for the line of memory that has this element, or would have it. */
void kir_prefetch(kir_builder *b, kir_buffer *buffer, const ir_sx *index);
/* A tile, in the register of that number: `rows` of so many elements. */
kir_buffer *kir_tile(kir_builder *b, const char *name, nfc_dtype dtype, int64_t rows, int64_t elements, int number);
void kir_tile_zero(kir_builder *b, kir_buffer *tile);
/* step: elements from row to row in memory; a constant. */
void kir_tile_load(kir_builder *b, kir_buffer *tile, kir_buffer *from, const ir_sx *index, const ir_sx *step);
void kir_tile_store(kir_builder *b, kir_buffer *to, const ir_sx *index, const ir_sx *step, kir_buffer *tile);
/* sums[m, n] += the products of what row m of x and, in the rows of w, word n hold; the types are a row's of kir_dot_table, in
 * either order. */
void kir_tile_dot(kir_builder *b, kir_buffer *sums, kir_buffer *x, const kir_buffer *w);
/* Elements of a row of a tile. */
static inline int64_t kir_row_elements(const kir_buffer *tile) { return sx_value(tile->size) / tile->rows; }
/* The row of the table for a product of tiles, or KD_COUNT. */
kir_dot kir_tile_dot_of(nfc_dtype x, nfc_dtype w, nfc_dtype sum);
void kir_fail(kir_builder *b, int code);
void kir_note(kir_builder *b, const char *text);
/* Names a value, so that it is worked out once. */
const kir_expr *kir_let(kir_builder *b, const char *name, const kir_expr *value);
/* Names an index that lies from lo to hi; the verifier proves it from the value and the guards. */
const ir_sx *kir_let_index(kir_builder *b, const char *name, const kir_expr *value, int64_t lo, int64_t hi);
/* The GRID loops of a kernel, outermost first; returns how many. They are one nest around everything
 * that it does, each the only statement of the one outside, so that iterations of all of them can
 * run at once: kir_verify() sees to it. */
enum { KIR_MAX_GRID = 16 };
int kir_grid(const kir_func *f, const kir_stmt *loop[KIR_MAX_GRID]);
/* Takes out what nothing comes of: names that nothing uses, loops and guards in which nothing happens. */
void kir_sweep(kir_builder *b);
/* Ends the kernel: names shared subexpressions and finds out what it reads, writes and takes. */
kir_func *kir_end(kir_builder *b);

/* Bounds of an index-typed expression. */
void kir_index_range(const kir_expr *x, int64_t *lo, int64_t *hi);
/* The computing type of an element type, and whether a type is one. */
static inline kir_type kir_compute(nfc_dtype t) { return (kir_type)dtype_table[t].compute; }
bool kir_computes(kir_type t);
/* Sums, differences, products, quotients, roots, extremes and changes of sign may also be of f16: what f32 gives, rounded once. */
static inline bool kir_computes_halves(kir_type t) { return t == DT_f16 || kir_computes(t); }

/* ---- checking, printing, running ------------------------------------------------------------- */

/* NULL, or why there is no vector code for a loop, whose trips would be the lanes of a vector. */
const char *kir_cannot_vector(ir_module *m, const kir_func *f, const kir_stmt *loop);
/* NULL, or what is broken. */
const char *kir_verify(ir_module *m, const kir_func *f);
void kir_print(FILE *to, nfc_arena *a, const kir_func *f);
/* Runs a kernel on memory at hand: one pointer a parameter, one value a scalar. Returns the status; KIR_RAN_LONG
 * where its loops would make more trips than kir_run_within() was given. */
enum { KIR_RAN_LONG = -1 };
int kir_run(nfc_arena *a, ir_module *m, const kir_func *f, void *const *buffer, const int64_t *scalar);
int kir_run_within(nfc_arena *a, ir_module *m, const kir_func *f, void *const *buffer, const int64_t *scalar, int64_t trips);

/* Is a value made of constants alone? kir_constant() works such a float out. */
bool kir_is_constant(const kir_expr *e);
double kir_constant(ir_module *m, const kir_expr *e);

/* What one run of a kernel costs at most, with free dims at their bounds and every guard open. */
typedef struct kir_cost {
    int64_t flops;         /* arithmetic and comparisons of values, as the kernel has them; functions by their bodies */
    int64_t read, written; /* bytes of buffers, each element once */
    /* Of instructions, of which the lanes of a vector loop take one together: */
    int64_t operations;    /* arithmetic; a multiply-add is one */
    int64_t loads;         /* from buffers; lanes that do not lie side by side are loaded one by one */
    int64_t sums;          /* trips of loops that add up one after the other: each waits for the one before */
} kir_cost;
kir_cost kir_cost_of(ir_module *m, const kir_func *f);

/* The functions that no target has as an operator (KIRF_MATH), each a body over one or two arguments
 * in kernel expressions, so that every target computes the same bits (ir/kmath.c). Made once for a
 * module. Types: f32 and f64. */
const kir_func *kmath_unary(ir_module *m, kir_un op, kir_type type);
const kir_func *kmath_binary(ir_module *m, kir_bin op, kir_type type);
/* The same for a target with fused multiply-adds, and perhaps instructions for KB_SCALE, and for KU_SIXTEENTH, too: other
 * bits, within the same bounds. */
typedef enum { KMATH_PLAIN, KMATH_FUSED, KMATH_SCALES, KMATH_LOOKS_UP } kmath_means;
const kir_func *kmath_fused(ir_module *m, bool is_binary, int op, kir_type type, kmath_means means);

#endif
