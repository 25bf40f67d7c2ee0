/* Windows over the planes of channels that lie one after the other: pools and depthwise convolutions. */
#ifndef NFC_LOWER_PLANES_H
#define NFC_LOWER_PLANES_H

#include "passes/lower_window.h"

/* The loops of a pool or convolution of two spatial axes and known extents, each of whose results takes one channel's elements,
 * with that channel's plane in a local array, in vectors of the device; false: not for this one. */
bool windows_of_planes(lw *l, const ir_inst *inst, const window *w, const struct sched_target *target);

#endif
