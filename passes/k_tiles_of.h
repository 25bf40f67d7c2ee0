/* The parts of k_tiles.c: k_tiles_find.c says which sums, in which shape, and packs the constant. */
#ifndef NFC_K_TILES_OF_H
#define NFC_K_TILES_OF_H

#include "passes/k_replay.h"
#include "passes/k_tile.h"
#include "passes/k_tiles.h"

/* A loop that moves the constant's index. */
typedef struct {
    const ir_sym *sym;
    int64_t extent, step;
} tiles_loop;

/* Elements of a tile's row are those of x that are multiplied at once: `depth`. Its `terms` make a word. */
typedef struct {
    k_replay r;
    const sched_target *target;
    ir_module *m;
    plan_call *call;
    k_nest *nest;
    const device_tiles *tiles;
    const kir_stmt *loops, *along, *sum; /* all loops over the sum, the innermost, and what it does */
    VEC(const kir_stmt *) joined;        /* those that are one with the innermost */
    VEC(const kir_stmt *) chain;         /* those around the innermost, outermost first */
    const kir_expr *x, *w;               /* the loads; w: of the constant */
    const k_axis *rows, *columns, *over; /* over: where one tile has all rows, each of the next ones is for another step of this axis; NULL: none */
    int64_t nrows, ncolumns, nover;
    int64_t row_step, over_step;         /* of x, elements */
    int64_t trips, depth, terms;         /* of the innermost loops; elements of a chunk, and of a word */
    int64_t first, w_columns;            /* of the constant's index: at 0, and along the columns */
    VEC(tiles_loop) along_w;             /* the loops over what lies side by side in x, innermost first */
    VEC(tiles_loop) outer, inner;        /* the others that move the constant: axes, and loops around these */
    int64_t high;                        /* rows of a tile of x */
    int tall, wide;                      /* tiles of x and of w that are worked on at once */
    int64_t vectors, steps, panel;       /* tiles of w along the columns, and along the sum; elements of one */
    int64_t together, lanes;             /* column tiles that are done for a row tile before the next one; of what follows */
    const kir_stmt *result;              /* the only store, of a sum as it is, which tiles can do; NULL: there is more to do */
    int64_t result_step, result_over;    /* of its index, from row to row, and along the axis over them */
    bool may_store, direct;              /* may blocks be stored so? were there some? */
    kir_buffer *packed;
    kir_buffer *sums;                    /* of the block at hand */
    const ir_sx *at;                     /* the element of them that the core is done for */
} tiler;

enum { K_MOST_TILES = KIR_MAX_TILES };

/* A block of sums: rows lo to hi - 1 of those from `first` on, for `over` steps of the axis over them. */
typedef struct {
    int tiles, vectors;
    int64_t columns, lo, hi, over;
    int64_t row[K_MOST_TILES], shift[K_MOST_TILES]; /* of each tile of x: its first row among the sums; elements of x before it */
    const ir_sx *first, *step, *column, *w;         /* step: the first one of the axis over */
    kir_buffer *sum[K_MOST_TILES][K_MOST_TILES], *x[K_MOST_TILES], *of_w[K_MOST_TILES];
} leaf;

/* Finds the sum of products; false: there is none that tiles can do. */
bool k_tiles_find(tiler *k);
/* Chooses shapes; false: they would not be filled. */
bool k_tiles_shape(tiler *k);
/* Gives the kernel the constant as tiles. */
void k_tiles_pack(tiler *k);

#endif
