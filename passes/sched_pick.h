/* What a schedule is picked by: see sched_pick.c, and sched_tile.c for the tile. */
#ifndef NFC_SCHED_PICK_H
#define NFC_SCHED_PICK_H

#include "ir/kir_lanes.h"
#include "passes/sched.h"

/* An access of the core to memory. */
typedef struct {
    const kir_buffer *buffer;
    const ir_sx *index;
    bool store, weight, inside; /* inside: of a loop of the core */
    bool constant;              /* a weight, or what is to be packed as weights are */
    int64_t times;
    int64_t along, across; /* its steps over the axis with the lanes and the one with the rows */
} pick_access;

typedef struct {
    const sched_target *t;
    k_nest *nest;
    const plan_call *call;
    VEC(pick_access) access;
    int64_t times;   /* trips of the loops around the statement at hand */
    int depth;
    int64_t widest;  /* bytes of the widest element that is computed with */
    bool sums;       /* does a loop of the core accumulate? */
    bool apart;      /* rows share nothing: they are there so that no sum waits */
    bool uses_index; /* an axis is mentioned by a value, a guard or a named index */
} picker;

/* Loads near each other take as many vectors as they are apart; else every lane takes one. */
static inline bool pick_is_near(const pick_access *a, int64_t step) { return !a->store && kir_is_near(step); }

/* Loads that take as long as widening what an access loads: of narrow floats, a vector as one more, a single number as two. */
static inline int64_t pick_widening(const pick_access *a, int64_t step)
{
    const nfc_dtype t = a->buffer->dtype;
    return !dtype_is_float(t) || kir_computes((kir_type)t) ? 0 : step ? 1 : 2;
}

/* ---- sched_tile.c ------------------------------------------------------------------------------ */

/* How far the accesses step along the axis with the lanes and the one with the rows. */
void pick_steps(picker *p, const sched *s);
/* The axis whose rows share what differs from lane to lane; notes the steps. */
void pick_rows(picker *p, sched *s);
/* Where none does, and the lanes' axis has not enough vectors to add to in turn: any axis, so that no long sum waits. */
void pick_rows_apart(picker *p, sched *s);
/* Rows and vectors of the tile, of which the estimate says that it is fastest. */
void pick_tile(picker *p, sched *s);
/* Cycles of all that the nest's loops do, by a schedule whose steps are noted. */
double pick_cycles(picker *p, const sched *s);
/* Bytes of a buffer that an access comes to; the terms of the longest sum. */
int64_t pick_touched(picker *p, const pick_access *a);
int64_t pick_terms(const picker *p);
/* Which loop stands outside: what the inner one reads again and again should stay in the cache. */
bool pick_lanes_outside(picker *p, const sched *s);

/* ---- sched_pack.c ------------------------------------------------------------------------------ */

/* From here on what sums load counts as packed, or does not. False: there is nothing of that. */
bool pick_as_packed(picker *p, bool packed);
/* Would the kernel pack what the lanes of that schedule read? Then `cycles` is what that takes, and the sums after it. */
bool pick_packs(picker *p, const sched *s, double *cycles);
/* Is it so much less than without, by schedule s or, where that is NULL, by lanes along the sums, that it is worth the room? */
bool pick_is_worth(picker *p, const sched *s, double cycles);

#endif
