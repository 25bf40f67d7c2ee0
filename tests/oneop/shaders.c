/* shaders DIR GRAPH: writes the shader of every kernel of a graph as DIR/KERNEL.comp. */
#include "codegen/glsl.h"
#include "frontend/cli.h"
#include "passes/pass.h"
#include "passes/plan.h"

const cli_verb cli_verbs[] = {{NULL, NULL, NULL, NULL}}; /* cli.c lists them for help */

static bool write_shader(ir_module *m, const kir_func *f, const char *dir)
{
    FILE *to = fopen(arena_printf(m->arena, "%s/%s.comp", dir, f->name), "w");
    return to && fputs(glsl_shader(m, m->arena, f), to) >= 0 && fclose(to) == 0;
}

int main(int argc, char **argv)
{
    static const pass_options passes = {.stop_at = -1, .verify = true, .precision = DT_f32};
    static const plan_options planning = {.alignment = 64, .gpu = true};
    ops_init();
    nfc_session *s = session_new();
    if (argc != 3 || !s) return 2;
    cli c = {.s = s, .verb = "build"};
    vec_push(s->arena, &c.operand, argv[2]);
    ir_module *m = cli_load(&c);
    plan *p = m && passes_run(m, &passes) ? plan_module(m, &planning) : NULL;
    diag_flush(&s->diags, stderr);
    if (!p) return 1;
    for (int g = 0; g < p->graph.n; g++)
        for (int i = 0; i < p->graph.at[g]->call.n; i++)
            if (!write_shader(m, p->graph.at[g]->call.at[i]->kernel, argv[1])) return 5;
    session_free(s);
    return 0;
}
