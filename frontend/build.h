/* From a command line to a planned module, and to a program on the disk. */
#ifndef NFC_BUILD_H
#define NFC_BUILD_H

#include "devices/device.h"
#include "frontend/cli.h"
#include "passes/plan.h"

/* The device that --device names; the host without. NULL after a report. */
const device *cli_device(cli *c);
/* Loads the graph and takes it through passes and planner as the options say. NULL after reports. */
plan *cli_plan(cli *c, const device *d);

typedef enum { BUILD_SOURCES, BUILD_LIB, BUILD_EXE } build_kind;

typedef struct build_result {
    const char *name;     /* of the program: its files and symbols begin with it */
    const char *program;  /* DIR/NAME, when it was built; else NULL */
    const device *device;
    const plan *plan;
    int kernels;
    int64_t arena_bytes, weight_bytes, stack_bytes;
} build_result;

/* Writes the program's files to the folder and, except for sources, has the device's compiler build
 * them with make. Reports and returns false on any failure; then the folder is what it was, or holds
 * the sources that the compiler refused. */
bool build_program(cli *c, const char *dir, build_kind kind, build_result *out);

#endif
