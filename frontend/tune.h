/* Measuring the kernels of a program that was built: what `nfc tune` is made of. */
#ifndef NFC_TUNE_H
#define NFC_TUNE_H

#include "frontend/build.h"
#include "frontend/schedules.h"

/* The least time of a kernel in a run, over all runs, by its key. */
typedef struct tune_time {
    uint64_t key;
    const char *name; /* of the kernel in the source */
    double us;
} tune_time;

typedef VEC(tune_time) tune_times;

/* The folder where everything is built, and what a run of a program takes beside its name. */
typedef struct tune_place {
    cli *c;
    const device *device;
    const char *folder;
    device_words inputs; /* --input x=FILE.npy ... */
} tune_place;

/* A new folder with an input for every port of the graph. Reports and returns false. */
bool tune_begin(cli *c, const device *d, const ir_graph *g, tune_place *to);
void tune_end(tune_place *t);
/* Builds the graph with a file of schedules into the folder NAME of the place, in a process of its own. */
bool tune_build(tune_place *t, const char *schedules, const char *name);
/* Runs such a program on one core, and adds what its kernels take to `times`. */
bool tune_measure(tune_place *t, const char *name, int64_t runs, tune_times *times);

#endif
