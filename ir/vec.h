/* Growable arrays in an arena: VEC(int) v = {0}; vec_push(arena, &v, 3); v.at[0]. */
#ifndef NFC_VEC_H
#define NFC_VEC_H

#include "ir/arena.h"

#define VEC(T)                                                                                     \
    struct {                                                                                       \
        T *at;                                                                                     \
        int n, cap;                                                                                \
    }

#define vec_push(arena, v, item)                                                                   \
    do {                                                                                           \
        if ((v)->n == (v)->cap) {                                                                  \
            size_t vec_old_ = (size_t)(v)->cap * sizeof *(v)->at;                                  \
            (v)->cap = (v)->cap ? 2 * (v)->cap : 8;                                                \
            (v)->at = arena_grow((arena), (v)->at, vec_old_, (size_t)(v)->cap * sizeof *(v)->at);  \
        }                                                                                          \
        (v)->at[(v)->n++] = (item);                                                                \
    } while (0)

#define vec_last(v) ((v)->at[(v)->n - 1])

#endif
