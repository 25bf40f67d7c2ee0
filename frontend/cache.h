/* Built programs, kept from one run to the next.
 *
 * The folder is $XDG_CACHE_HOME/nfc, or ~/.cache/nfc; everything in it may be removed at any time. A
 * program stands in a folder named after the content that it was made from: graph, packages, device,
 * options, and the compiler itself. */
#ifndef NFC_CACHE_H
#define NFC_CACHE_H

#include "devices/device.h"
#include "frontend/cli.h"

typedef struct cached_program {
    const char *program; /* its path, absolute */
    const device *device;
    bool fresh;          /* it was built just now */
} cached_program;

/* Finds the executable of the graph that the command line names, or builds it. One process builds,
 * others that want the same wait for it. Reports and returns false on any failure. */
bool cache_program(cli *c, cached_program *out);
/* The words that run a program of the device on this machine, and then the given ones, NULL at the end. */
const char **cache_command(cli *c, const cached_program *p, const char *const *words, int n);
/* Becomes a command. Returns only when it cannot be started, with errno. */
void cache_exec(const char *const *command);

#endif
