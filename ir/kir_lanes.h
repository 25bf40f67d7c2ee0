/* The lanes of a vector loop: which values of its body are vectors. */
#ifndef NFC_KIR_LANES_H
#define NFC_KIR_LANES_H

#include "ir/kir.h"

typedef struct kir_lanes {
    ir_module *m;
    const ir_sym *lane; /* the loop's variable; NULL in a scalar function */
    int64_t width;      /* how many lanes: a power of two */
    int64_t trips;      /* how many of them are of the loop; the others hold anything, and no memory is written from them */
    nfc_map varying;    /* variables and local buffers whose values differ from lane to lane */
    nfc_map private;    /* buffers made inside: each lane has its own */
} kir_lanes;

/* Of the body of a loop, and of a scalar function whose arguments differ. */
void kir_lanes_of_loop(kir_lanes *l, ir_module *m, nfc_arena *a, const kir_stmt *loop);
void kir_lanes_of_function(kir_lanes *l, ir_module *m, nfc_arena *a, const kir_func *f, int64_t width);

/* The lanes that so many trips of a loop take. */
static inline int64_t kir_lanes_width(int64_t trips)
{
    int64_t width = 1;
    while (width < trips) width *= 2;
    return width;
}

/* Elements so few apart are loaded as the vectors that they lie in, of which the others are left out. */
enum { KIR_MOST_STEP = 4 };
static inline bool kir_is_near(int64_t step) { return step > 1 && step <= KIR_MOST_STEP; }

/* Does a value differ from lane to lane? */
bool kir_varies(kir_lanes *l, const kir_expr *e);
/* Is a variable or a private buffer a vector? Is a buffer made inside of the loop? */
bool kir_is_vector(const kir_lanes *l, const void *var_or_buffer);
bool kir_is_private(const kir_lanes *l, const kir_buffer *b);
/* The index of lane 0, and how far each lane's is from the one before; NULL: not equally far. */
const ir_sx *kir_lane_first(const kir_lanes *l, const ir_sx *x);
const ir_sx *kir_lane_step(const kir_lanes *l, const ir_sx *x);

/* How many elements, one beside the other, are read for the lanes of a load from lane 0's on: those between lanes that are
 * near, too, and those of lanes that the loop does not have, where they are elements of the buffer. 0: each lane's own, and
 * nothing else. So it is where the kernel writes the buffer: what lies beside may be what another thread changes. */
int64_t kir_lanes_read(const kir_lanes *l, const kir_buffer *b, const ir_sx *index);

#endif
