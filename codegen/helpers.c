#include "codegen/helpers.h"

#include <string.h>

static const cg_helper *find(const cg_helpers *table, const char *name)
{
    for (size_t i = 0; i < table->n; i++)
        if (strcmp(table->at[i].name, name) == 0) return &table->at[i];
    return NULL;
}

void cg_use_helper(cg_module *c, const cg_helpers *table, const char *name)
{
    if (map_get(&c->have, name)) return;
    map_set(&c->have, name, c);
    const cg_helper *h = find(table, name);
    if (!h) { /* the emitted file must not compile */
        put(c->helpers, "#error no helper %s\n", name);
        return;
    }
    for (const char *p = h->needs; *p;) {
        size_t n = strcspn(p, " ");
        cg_use_helper(c, table, arena_strndup(c->arena, p, n));
        p += n + (p[n] == ' ');
    }
    if (table->put) table->put(c, h->text);
    else put(c->helpers, "%s\n", h->text);
}

const char *cg_call_helper(cg_module *c, const cg_helpers *table, const char *name, const char *a, const char *b)
{
    cg_use_helper(c, table, name);
    return b ? arena_printf(c->arena, "%s(%s, %s)", name, a, b) : arena_printf(c->arena, "%s(%s)", name, a);
}
