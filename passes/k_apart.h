/* Equations over integers: can sums of steps, each taken a number of times between two bounds, make a number? Whether two
 * indices, or two places in memory, can be the same is such a question. */
#ifndef NFC_K_APART_H
#define NFC_K_APART_H

#include <stdbool.h>
#include <stdint.h>

enum { K_MOST_STEPS = 24 };

typedef struct k_steps {
    int64_t step, lo, hi; /* step > 0, taken lo to hi times */
} k_steps;

typedef struct k_equation {
    k_steps at[K_MOST_STEPS];
    int n, tries;
    int64_t rest;                                            /* that the steps make, if there is a solution */
    int64_t least[K_MOST_STEPS + 1], most[K_MOST_STEPS + 1]; /* that the steps from here on make together */
} k_equation;

/* False where there are too many, or the numbers are so large that sums could leave 64 bits. */
bool k_add_steps(k_equation *e, int64_t step, int64_t lo, int64_t hi);
/* True as well where the search would take too long. Sorts the steps. */
bool k_has_solution(k_equation *e);

#endif
