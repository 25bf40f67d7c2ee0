/* Building: the program's sources in a folder, and what the device's compiler makes of them. */
#include <string.h>
#include "frontend/build.h"

static bool read_kind(cli *c, build_kind *kind)
{
    static const char *const names[] = {"sources", "lib", "exe", NULL};
    *kind = BUILD_EXE;
    if (!c->emit) return true;
    for (int i = 0; names[i]; i++)
        if (strcmp(c->emit, names[i]) == 0) {
            *kind = (build_kind)i;
            return true;
        }
    nfc_diag *d = diag_error_in(&c->s->diags, E_USAGE, "--emit", "sources, lib or exe, not '%s'", c->emit);
    diag_suggest(d, c->emit, names);
    return false;
}

static void print_summary(const build_result *r, const char *dir, build_kind kind)
{
    if (kind == BUILD_EXE) printf("%s\n", r->program);
    else if (kind == BUILD_LIB) printf("%s/lib%s.a\n", dir, r->name);
    else printf("%s/%s.c\n", dir, r->name);
    printf("  arena %lld bytes, weights %lld, state %lld, stack %lld; %d kernel%s\n", (long long)r->arena_bytes, (long long)r->weight_bytes, (long long)r->plan->state_bytes, (long long)r->stack_bytes, r->kernels, r->kernels == 1 ? "" : "s");
}

int verb_build(cli *c)
{
    build_kind kind;
    build_result r;
    const char *dir = c->out_dir ? c->out_dir : "out";
    if (read_kind(c, &kind) && build_program(c, dir, kind, &r)) print_summary(&r, dir, kind);
    return cli_finish(c);
}
