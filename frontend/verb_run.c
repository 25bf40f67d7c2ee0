/* nfc run: builds a graph into the cache, and becomes the program. */
#include <errno.h>
#include <string.h>
#include "frontend/cache.h"

typedef VEC(const char *) word_list;

static void add_option(cli *c, word_list *words, const char *option, const char *value)
{
    if (!value) return;
    vec_push(c->s->arena, words, option);
    vec_push(c->s->arena, words, value);
}

/* The program takes the options of this verb that concern a run, under the same names. */
static word_list program_options(cli *c)
{
    word_list words = {0};
    for (int i = 0; i < c->input.n; i++) add_option(c, &words, "--input", session_printf(c->s, "%s=%s", c->input.at[i].name, c->input.at[i].value));
    add_option(c, &words, "--output", c->output);
    add_option(c, &words, "--graph", c->graph);
    add_option(c, &words, "--state", c->state);
    add_option(c, &words, "--trace", c->trace);
    if (c->runs != 1) add_option(c, &words, "--runs", session_printf(c->s, "%lld", (long long)c->runs));
    return words;
}

/* Returns only when the program cannot be started. */
static void become(cli *c, const cached_program *p)
{
    word_list words = program_options(c);
    const char **command = cache_command(c, p, words.at, words.n);
    diag_flush(&c->s->diags, stderr);
    fflush(NULL);
    cache_exec(command);
    nfc_diag *d = diag_error_in(&c->s->diags, E_UNSUPPORTED, command[0], "cannot be started on this machine: %s", strerror(errno));
    if (!p->device->compiler.run.n) diag_help(d, "\"run\" in the description of device '%s' can name what runs its programs here, such as qemu-aarch64", p->device->name);
}

int verb_run(cli *c)
{
    cached_program p;
    const ir_module *m = cli_load(c);
    bool ok = m && (!c->graph || cli_graph(c, cli_load(c)));
    if (ok && cache_program(c, &p)) become(c, &p);
    return cli_finish(c);
}
