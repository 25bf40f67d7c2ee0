/* Checking: everything that building would complain about, without writing a file. */
#include "codegen/program.h"
#include "frontend/build.h"

int verb_check(cli *c)
{
    const device *d = cli_device(c);
    plan *p = d ? cli_plan(c, d) : NULL;
    if (!d && c->operand.n == 1) cli_load(c); /* the graph's mistakes too */
    if (p) program_emit(c->s, p, d, false);
    return cli_finish(c);
}
