/* What the two files that give values their storage share: plan_place.c gives each value one and finds
 * out how long it needs it, plan_share.c merges those that can be one. */
#ifndef NFC_PLAN_PLACE_H
#define NFC_PLAN_PLACE_H

#include "passes/plan.h"

/* The time during which one value needs its storage: positions, both ends included. */
typedef struct segment {
    const ir_value *value;
    int first, last;
} segment;

/* A buffer in the making: the values that were merged into it. */
typedef struct storage {
    struct storage *merged; /* into this one; NULL: it stands for itself */
    plan_buffer *buffer;
    VEC(segment) segment;
    VEC(segment) latest;    /* those that end last */
    int last;               /* there */
    int foreign;            /* the first segments: those that were there before the parts of concats */
} storage;

/* A jump backwards: from the position of the jump to the begin of a block of the region. */
typedef struct {
    const ir_region *region;
    int from, to;
} back_edge;

typedef struct {
    plan_graph *p;
    ir_module *m;
    nfc_arena *a;
    nfc_map storage;     /* plan_buffer -> storage */
    nfc_map base;        /* value -> the value whose storage it is a view of */
    nfc_map life;        /* base value -> segment */
    nfc_map copied_read; /* reads that cannot be views of their state */
    nfc_map block_begin; /* block -> position + 1 */
    VEC(ir_inst *) inst; /* all, in order */
    nfc_map traffic;     /* state -> traffic */
    nfc_map jump_at;     /* block -> position + 1 of the first jump to it */
    bool joins_read, joined_read; /* parts of concats that others read too may lie there; one does */
    nfc_map channels_last; /* values that are stored so, where they have storage of their own */
    VEC(back_edge) back;
} placer;

/* The effects on one state, by position. */
typedef struct traffic {
    VEC(const ir_inst *) read, write;
    VEC(int) until; /* the last use of what this read, or one before it, sees of the state in place */
} traffic;

static inline int position(placer *k, const ir_inst *i) { return (int)(intptr_t)map_getp(&k->p->position, i) - 1; }
static inline int loop_end(placer *k, const ir_inst *i) { return (int)(intptr_t)map_getp(&k->p->loop_end, i) - 1; }

static inline storage *find(storage *s)
{
    while (s->merged) s = s->merged;
    return s;
}

static inline storage *storage_of(placer *k, const plan_buffer *b) { return find(map_getp(&k->storage, b)); }
/* Is its result a view of its operand, or a copy of it? */
static inline bool renames(const ir_inst *i) { return op_get(i->op)->family == FAM_VIEW && i->op != IR_concat && i->op != IR_update; }

traffic *place_traffic(placer *k, const ir_state *state);
/* How many of the effects come before a position. */
int place_before(placer *k, const ir_inst *const *list, int n, int at);
/* The buffer that stands for a state. */
plan_buffer *place_state(placer *k, ir_state *st);
/* Enters a segment's end among those of its storage. */
void place_note_end(placer *k, storage *st, const segment *s);
/* plan_view.c: result n of an op that only renames elements, as a view of its operand's view; NULL: it
 * needs a copy. */
plan_view *plan_renamed(plan_graph *p, const ir_inst *inst, int n, const plan_view *x);
/* The other way round: the view of the operand of which the first result's view is `y`; NULL: there is none. */
plan_view *plan_unrenamed(plan_graph *p, const ir_inst *inst, const plan_view *y);
/* plan_layout.c: which values are stored channels last. */
void plan_layouts(placer *k);
/* plan_parts.c: parts of concats, boxes of updates, and what is written into states, in their places. */
void place_parts(placer *k);
void place_boxes(placer *k);
void place_writes(placer *k);
/* plan_share.c: do two lives get into each other's way in one storage? */
bool place_clash(placer *k, const segment *a, const segment *b);
void place_merge(placer *k, storage *into, storage *from);
/* Is it all of its buffer, in every run, in whichever order? */
bool place_is_whole(placer *k, const ir_value *v);
/* Values that can share a storage do. */
void plan_share(placer *k);

#endif
