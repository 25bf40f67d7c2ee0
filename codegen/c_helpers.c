#include "codegen/c_helpers.h"

#include <string.h>

static const struct {
    const char *name, *needs, *text;
} helpers[] = {
#define HELPER(name, needs, text) {#name, needs, text},
#include "codegen/c_helpers.def"
#undef HELPER
};

/* Without a library, memcpy is our own. */
static void put_text(cg_module *c, const char *body)
{
    const char *call = c->device->libc ? NULL : strstr(body, " memcpy(");
    if (call) {
        c_use_helper(c, "nf_memcpy");
        put(c->helpers, "%.*s nf_%s\n", (int)(call - body), body, call + 1);
    } else {
        put(c->helpers, "%s\n", body);
    }
}

void c_use_helper(cg_module *c, const char *name)
{
    if (map_get(&c->have, name)) return;
    map_set(&c->have, name, c);
    for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++) {
        if (strcmp(helpers[i].name, name) != 0) continue;
        for (const char *p = helpers[i].needs; *p;) {
            size_t n = strcspn(p, " ");
            c_use_helper(c, arena_strndup(c->arena, p, n));
            p += n + (p[n] == ' ');
        }
        put_text(c, helpers[i].text);
        return;
    }
    put(c->helpers, "#error \"no helper %s\"\n", name);
}
