#include <string.h>
#include "codegen/helpers.h"

static const cg_helper rows[] = {
#define HELPER(name, needs, text) {#name, needs, text},
#include "codegen/c_helpers.def"
#undef HELPER
};

/* Without a library, memcpy is our own. */
static void put_text(cg_module *c, const char *body)
{
    const char *call = c->device->libc ? NULL : strstr(body, " memcpy(");
    if (call) {
        cg_use_helper(c, &c_helpers, "nf_memcpy");
        put(c->helpers, "%.*s nf_%s\n", (int)(call - body), body, call + 1);
    } else {
        put(c->helpers, "%s\n", body);
    }
}

const cg_helpers c_helpers = {rows, sizeof rows / sizeof *rows, put_text};
