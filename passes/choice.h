/* Choices between two labels, 0 and 1, where each costs something alone and beside others: labels whose
 * sum of costs is small. Which is smallest is hard to say in general; what is found is a sum that no
 * change of one choice, or of a connected set of equal ones, makes smaller. */
#ifndef NFC_CHOICE_H
#define NFC_CHOICE_H

#include <stdbool.h>
#include <stdint.h>
#include "ir/arena.h"
#include "ir/vec.h"

typedef struct choice {
    int64_t cost[2];
    int same_as;     /* another that it must equal; -1: none */
    int label;
    VEC(int) beside; /* pairs that it is in */
} choice;

typedef struct choice_pair {
    int a, b;
    int64_t cost[2][2]; /* by a's label and b's */
} choice_pair;

typedef struct choices {
    nfc_arena *a;
    VEC(choice) one;
    VEC(choice_pair) pair;
} choices;

int choice_new(choices *c);
/* The choice that stands for all that must equal this one. */
int choice_of(const choices *c, int i);
void choice_unite(choices *c, int a, int b);
/* Costs are from 0 and add up. */
void choice_cost(choices *c, int i, int64_t if_0, int64_t if_1);
void choice_beside(choices *c, int a, int b, int64_t cost[2][2]);
/* Sets the label of every choice that stands for others or itself. Of equal sums the one with more 0 is
 * preferred. */
void choices_make(choices *c);

#endif
