/* Schedules that were found by measuring: which kernel they are for, and what there is beside them. */
#ifndef NFC_SCHED_BOOK_H
#define NFC_SCHED_BOOK_H

#include "passes/sched.h"

/* Loops of a kernel's core that count. */
enum { SCHED_MAX_LOOPS = 8 };

enum {
#define FIELD(member, word, type, least, most, needed) SCHED_##member,
#include "passes/sched.def"
#undef FIELD
    SCHED_FIELDS
};

typedef struct sched_field {
    const char *word;
    int64_t least, most;
    bool needed; /* in a file; else it is 0 where it is not given */
} sched_field;

extern const sched_field sched_fields[SCHED_FIELDS];
int64_t sched_get(const sched *s, int field);
void sched_set(sched *s, int field, int64_t value);
bool sched_alike(const sched *a, const sched *b);
/* "lanes 16 along 2 vectors 2 ..." */
const char *sched_words(nfc_arena *a, const sched *s);

/* What a file says of a kernel. */
typedef struct sched_entry {
    uint64_t key;
    sched s;
    nfc_span at;
    bool met;   /* by a kernel of the graph */
    bool unfit; /* that kernel cannot have it */
} sched_entry;

/* A kernel that was scheduled. */
typedef struct sched_seen {
    uint64_t key;
    sched s;                    /* as it was picked, or as the book has it */
    int naxes;
    int64_t extent[K_MAX_AXES]; /* at most */
    int64_t lanes;              /* of a vector at most */
    int64_t deep;               /* trips of the reduction that can run in blocks; 0: none */
    int nloops;
    int64_t trips[SCHED_MAX_LOOPS]; /* of the core's loops; 0: only the run knows them */
} sched_seen;

typedef struct sched_book {
    nfc_arena *arena;
    VEC(sched_entry) entry;
    VEC(sched_seen) seen; /* each kernel once, in order of the first */
} sched_book;

/* A digest of a kernel whose loops are as they were lowered, and of the device's name: the same wherever the same
 * loops are lowered, whatever the author calls them. */
uint64_t sched_key(const sched_target *t, const kir_builder *b, const plan_call *call);
/* Puts the book's schedule in the place of the picked one, if it has one that the nest can have; notes the kernel. */
void sched_from_book(const sched_target *t, k_nest *nest, uint64_t key, sched *s);
/* A schedule that was put there did not come out right: from now on the picked one stands. False: there was none. */
bool sched_strike(sched_book *book, uint64_t key);
/* Schedules one step away from s, which the kernel may be able to have. Returns how many. */
int sched_near(nfc_arena *a, const sched_seen *k, const sched *s, const sched_target *t, const sched **near);

#endif
