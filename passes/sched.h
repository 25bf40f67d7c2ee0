/* Schedules: how a kernel's loops are tiled, unrolled and made vectors of, from the numbers of a device.
 *
 * A schedule is data: the axis with the lanes, the axis with the rows, how many of each, and the order of the loops. It
 * is picked by an estimate of the cycles that an inner loop takes (sched_pick.c), applied by the transforms of
 * k_tile.c and k_pack.c, and said in the head of the emitted kernel. */
#ifndef NFC_SCHED_H
#define NFC_SCHED_H

#include "devices/device.h"
#include "passes/k_block.h"
#include "passes/plan.h"

/* What a schedule may count on. */
typedef struct sched_target {
    const device *device;
    int64_t vector_bytes, registers; /* of one core */
    int64_t pipes;                   /* vectors of multiply-adds in a cycle */
    int64_t latency;                 /* cycles that one takes */
    bool strict;                     /* nothing may change a rounding, or the order in which a result is summed up */
    double loads;                    /* of one core in a cycle */
    int64_t line, ahead;             /* bytes: of a line of the caches, 0: unknown; how far ahead streams are asked for */
    struct sched_book *book;         /* schedules that were found before; NULL: they are all picked */
    int64_t ways, way;               /* of the nearest cache: how many, 0: unknown; bytes of one */
    int64_t cache;                   /* bytes that one core may fill and keep: its share of the last private one */
} sched_target;

/* False where the device has no vectors: then loops stay as they are. */
bool sched_target_of(const device *d, sched_target *to);

/* Vectors that a core adds to in turn so that none waits for an addition to end. */
static inline int64_t sched_in_flight(const sched_target *t) { return t->latency * t->pipes; }

/* Has the device fused multiply-adds, for single elements at least, and may they be made? */
bool sched_has_fma(const sched_target *t, kir_type type);

typedef struct sched {
    int lanes_axis, rows_axis; /* of the nest; -1: none */
    int64_t lanes;             /* elements of a vector */
    int64_t vectors, rows;     /* of a tile: vectors along lanes_axis, rows along rows_axis */
    bool lanes_outside;        /* the tiles' loop over lanes_axis stands around the one over rows_axis */
    bool parts;                /* what is left of lanes_axis is a part of a vector, not several narrower ones */
    bool overlaps;             /* it is a whole vector, which does some elements again */
    bool repeats;              /* so does a last vector behind tiles, between guarded ends */
    bool packs;                /* operands that differ from lane to lane are packed in the run, where they are no constants */
    int64_t depth;             /* trips of the reduction that all tiles make before any makes more; 0: all of them */
    int64_t row_block, lane_block; /* tiles along the two axes that do so together; 0: all */
    const kir_stmt *unrolled;  /* a loop of the core that is written out; NULL: none */
    int unroll;                /* in files: the number of that loop, from 1; 0: none */
} sched;

/* Rows of a tile whose sums hardly wait for each other: what the run leaves over of larger tiles. */
enum { SCHED_FEW_ROWS = 4 };
/* How often the core will be written: for each combination of what the axes are cut into. */
int64_t sched_pieces(k_nest *nest, const sched *s);
/* The schedule for a nest; false: none is better than the loops as they are. packs: it may have operands packed in the run. */
bool sched_pick(const sched_target *t, k_nest *nest, const plan_call *call, bool packs, sched *s);
/* Bytes of the widest element that the nest loads or computes with, in the functions that it calls, too. */
int64_t sched_widest(k_nest *nest);
/* What a kernel that is built again goes without: set where only that may do. */
typedef struct sched_less {
    bool single;  /* tiles of more than one vector */
    bool no_dots; /* passes/k_dots.h */
    bool whole;   /* blocks of a reduction */
    bool unpacked, packs; /* packing in the run; whether there was any */
    bool no_tiles, by_sums; /* passes/k_tiles.h: tiles; that these store results themselves */
    bool tiled, direct;     /* say whether there were any, and whether they did */
} sched_less;

/* Schedules the kernel that is being built. Returns what its head says; NULL: there is no schedule, and the kernel is to
 * be built again. */
const char *sched_apply(const sched_target *t, ir_module *m, kir_builder *b, plan_call *call, sched_less *less);
/* Without a schedule: what --strict says of sums is done all the same. */
void sched_fix_sums(kir_builder *b);

#endif
