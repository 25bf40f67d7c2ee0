#include "frontend/cli.h"

int verb_check(cli *c)
{
    ir_module *m = cli_load(c);
    if (m) {
        const char *broken = ir_verify(m);
        if (broken) diag_error_in(&c->s->diags, E_INTERNAL, c->operand.at[0], "%s", broken);
    }
    return cli_finish(c);
}
