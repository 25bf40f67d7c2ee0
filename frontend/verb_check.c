#include "frontend/cli.h"
#include "passes/pass.h"
#include "passes/plan.h"

int verb_check(cli *c)
{
    ir_module *m = cli_load(c);
    if (m) {
        pass_options o = {.dump = c->dump, .dump_to = stdout, .stop_at = c->stop_at, .verify = !c->no_verify, .time = c->time, .fast_math = c->fast_math, .precision = DT_f32};
        if (passes_run(m, &o)) {
            plan *p = plan_module(m, &(plan_options){.alignment = 64});
            if (p && c->dump && c->dump[0] == 'p') plan_print(stdout, p);
            if (p && c->dump && c->dump[0] == 'k')
                for (int g = 0; g < p->graph.n; g++)
                    for (int i = 0; i < p->graph.at[g]->call.n; i++) kir_print(stdout, m->arena, p->graph.at[g]->call.at[i]->kernel);
        }
    }
    return cli_finish(c);
}
