/* Tiling a nest of independent loops.
 *
 * Each axis is cut into segments, each segment into tiles of rows x lanes elements. The loops over the
 * tiles stand outside; those over a tile's elements go inwards, through the reduction loops, to the statements: local
 * accumulators become one for each element of the tile. Rows are UNROLL loops, lanes one VECTOR loop around the
 * whole tile.
 *
 *     for co                            for co_t  for ow_t
 *       for ow                            for v in 0..16 vector
 *         acc = 0                           acc[28] = 0
 *         for ci                            for ci
 *           acc += x[ow, ci] w[ci, co]        for i in 0..14 unroll  for j in 0..2 unroll
 *         y[ow, co] = f(acc)                    acc[i, j] += x[14 ow_t + i, ci] w[ci, 32 co_t + 16 j + v]
 *                                           for i, for j  y[.., ..] = f(acc[i, j]) */
#ifndef NFC_K_TILE_H
#define NFC_K_TILE_H

#include "passes/k_replay.h"

enum { K_MAX_AXES = 12 };

/* Elements begin + (o * rows + j) * lanes + v of an axis, for o < count, j < rows, v < lanes. */
typedef struct k_segment {
    const ir_sx *begin, *count;
    int64_t rows, lanes;
    int64_t latest; /* where the last tile begins, which does elements of the one before it again; 0: none does */
} k_segment;

/* Where a tile of a segment of known place begins. */
int64_t k_tile_begin(const k_segment *g, int64_t tile);

typedef struct k_axis {
    const kir_stmt *loop;   /* begins at 0 */
    const ir_sx *extent;
    VEC(k_segment) segment; /* in order; together the whole axis */
    int64_t block;          /* tiles of the first segment that are done together; 0: all */
} k_axis;

/* A reduction in blocks: passes/k_block.h. */
typedef struct k_blocks {
    const kir_stmt *loop;         /* of the core; NULL: it runs whole */
    int64_t depth, count, trips;  /* trips of a block; blocks; trips in all */
    int outside;                  /* so many axes stand around the loop over the blocks */
    const ir_sym *number, *step;  /* the block at hand; the trip in it */
} k_blocks;

/* What a kernel is before it is tiled: loops around one another, and what the innermost holds. */
struct k_tile;

typedef struct k_nest {
    kir_builder *b;
    k_axis axis[K_MAX_AXES]; /* outermost first, in the order that the tiles' loops shall have */
    int n;
    const kir_stmt *core;    /* the innermost loop */
    k_blocks blocks;
    const kir_stmt *unrolled; /* a loop of the core that becomes an UNROLL loop; NULL: none */
    nfc_map is;              /* ir_sym -> ir_sx: named indices, and 0 for loops that were joined with the one inside */
    VEC(const ir_sym *) dropped; /* the latter */
    /* A load of what a schedule packed; NULL: at the old index. */
    const kir_expr *(*load)(void *env, kir_buffer *buffer, const ir_sx *index, const struct k_tile *at);
    /* Puts what it wants at the beginning of each trip of a loop of the core, under `at`; NULL: nothing. */
    void (*in_loop)(void *env, const kir_stmt *loop, const struct k_tile *at);
    void *load_env; /* of both */
    bool (*has_fma)(const void *env, kir_type type, int64_t lanes);
    const void *fma_env;
} k_nest;

/* The segments first .. last - 1 of an axis, of segment 0 only `count` tiles from `begin` on. */
typedef struct k_group {
    int first, last;
    const ir_sx *begin, *count;
    int64_t most; /* where the last block has fewer tiles: how many all blocks have; else 0 */
} k_group;

/* Where a leaf of the tiled nest is: the tile at hand of every axis. */
typedef struct k_tile_axis {
    const k_segment *segment;
    int number;            /* of the segment */
    const ir_sx *tile;     /* o */
    const ir_sx *base;     /* begin + o * rows * lanes */
    int64_t lo, hi;        /* the rows at hand */
    const ir_sx *row;      /* the open UNROLL loop's variable, or what stands for it */
} k_tile_axis;

typedef struct k_tile {
    k_replay r;
    const k_nest *nest;
    k_tile_axis at[K_MAX_AXES];
    k_group group[K_MAX_AXES]; /* what of each axis the block at hand has */
    const ir_sx *trips;    /* of the loop in blocks, in the one at hand */
    const ir_sx *lane;     /* 0 without lanes */
    int64_t lanes;
    nfc_map differs;       /* kir_var, ir_sym, kir_buffer -> what gives it, where it is not the same for all rows */
    VEC(const kir_stmt *) pending;
    const char *broken;
} k_tile;

/* Finds the nest: the chain of independent loops from the outermost statement. False where there is none, or
 * a loop does not begin at 0. */
bool k_find_nest(kir_builder *b, k_nest *nest);
/* Replaces the kernel's body by the tiled one. NULL, or why it cannot be; then the kernel is lost. */
const char *k_apply_tiles(k_nest *nest);
/* An index by the variables of loops alone. */
const ir_sx *k_plain_index(const k_nest *nest, const ir_sx *x);
/* The variable of a loop is 0 from now on: the loop inside runs over both. */
void k_drop_loop(k_nest *nest, const ir_sym *sym);
/* Is every guard that depends on the axis decided for all elements from begin to end? */
bool k_is_unguarded(k_nest *nest, int axis, int64_t begin, int64_t end);
/* The elements of an axis of known extent for which it is so: all but some at the ends. False: there are none. */
bool k_guarded_edges(k_nest *nest, int axis, int64_t *first, int64_t *end);

#endif
