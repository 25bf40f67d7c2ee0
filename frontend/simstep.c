/* The debugger: when to stop, and the loop that reads commands. */
#include "frontend/simstep.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/simshow.h"
#include "frontend/simstep_priv.h"

int simstep_depth(const ir_inst *inst)
{
    int depth = 0;
    while ((inst = inst->block->region->owner)) depth++;
    return depth;
}

/* ---- where to stop ------------------------------------------------------------------------- */

/* A line may hold several statements; it is stopped at once for them. */
static bool begins_line(const ir_inst *inst)
{
    const ir_inst *p = inst->prev;
    while (p && !show_is_statement(p)) p = p->prev;
    return !p || p->at.line != inst->at.line || p->at.file != inst->at.file;
}

static bool is_within(const ir_scope *scope, const ir_scope *outer)
{
    for (; scope; scope = scope->parent)
        if (scope == outer) return true;
    return false;
}

/* Does the statement enter a scope of that name? It does when the one before it, or all that is
 * around its region, is outside; a block that begins inside of a scope was not in it before. */
static bool enters_scope(const simstep *t, const ir_inst *inst, const char *name)
{
    const ir_inst *owner = inst->block->region->owner;
    for (const ir_scope *s = inst->scope; s; s = s->parent) {
        if (strcmp(s->name, name) != 0 || (owner && is_within(owner->scope, s))) continue;
        if (t->entered || !t->previous || !is_within(t->previous->scope, s)) return true;
    }
    return false;
}

static const breakpoint *hit(const simstep *t, const ir_inst *inst)
{
    for (int i = 0; i < t->breaks.n; i++) {
        const breakpoint *b = &t->breaks.at[i];
        if (b->kind == AT_LINE && inst->at.line == b->line && begins_line(inst)) return b;
        if (b->kind == AT_BLOCK && t->entered && strcmp(t->entered->name, b->name) == 0) return b;
        if (b->kind == AT_SCOPE && enters_scope(t, inst, b->name)) return b;
    }
    return NULL;
}

static bool is_due(simstep *t, const ir_inst *inst)
{
    switch (t->mode) {
    case STEPPING: return --t->left <= 0;
    case TO_NEXT_BLOCK: return t->block_began || simstep_depth(inst) < t->depth;
    case RUNNING: break;
    }
    return false;
}

/* ---- what a stop shows --------------------------------------------------------------------- */

/* "run 2 of 3, block body, layers: l = 1, scope attention" */
static const char *context(const simstep *t, const ir_inst *inst)
{
    nfc_arena *a = t->m->arena;
    const char *text = arena_printf(a, "block %s", inst->block->name);
    if (t->runs > 1)
        text = arena_printf(a, "run %lld of %lld, %s", (long long)t->run, (long long)t->runs, text);
    for (const ir_inst *o = inst->block->region->owner; o; o = o->block->region->owner) {
        int64_t index;
        if (o->op == IR_loop && sim_index_value(t->s, o->region[0]->first->arg.at[0], &index))
            text = arena_printf(a, "%s, %s: %s = %lld", text, o->label, show_loop_variable(o),
                                (long long)index);
    }
    const char *sep = ", scope ";
    for (const ir_scope *s = inst->scope; s; s = s->parent, sep = " in ")
        text = arena_printf(a, "%s%s%s", text, sep, s->name);
    return text;
}

void simstep_source_line(const simstep *t, nfc_span at, uint32_t line, const char *mark)
{
    size_t n;
    const char *text = source_line(&t->m->session->sources, at.file, line, &n);
    if (!text) return;
    fprintf(t->out, "%2s %5u | ", mark, line);
    print_safe(t->out, text, n);
    putc('\n', t->out);
}

static void show_stop(simstep *t, const ir_inst *inst, const breakpoint *b)
{
    if (b) fprintf(t->out, "breakpoint %d\n", b->number);
    const char *now = context(t, inst);
    if (!t->context || strcmp(now, t->context) != 0) {
        print_safe(t->out, now, strlen(now));
        putc('\n', t->out);
        t->context = now;
    }
    show_place(t->out, t->m, inst->at);
    fputs(": ", t->out);
    show_what(t->out, inst);
    putc('\n', t->out);
    simstep_source_line(t, inst->at, inst->at.line, "");
}

/* ---- commands ------------------------------------------------------------------------------ */

static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text)) text++;
    size_t n = strlen(text);
    while (n && isspace((unsigned char)text[n - 1])) text[--n] = 0;
    return text;
}

/* The command of this name, letter or unique abbreviation; NULL after saying why not. */
static const step_command *find_command(const simstep *t, const char *word)
{
    const step_command *found = NULL;
    int n = 0;
    for (const step_command *c = step_commands; c->name; c++) {
        if (strcmp(c->name, word) == 0 || (word[1] == 0 && word[0] == c->letter)) return c;
        if (strncmp(c->name, word, strlen(word)) != 0) continue;
        found = c;
        n++;
    }
    if (n == 1) return found;
    fprintf(t->out, n ? "'%s' may be" : "there is no command '%s'; help lists them", word);
    for (const step_command *c = step_commands; n && c->name; c++)
        if (strncmp(c->name, word, strlen(word)) == 0) fprintf(t->out, " %s", c->name);
    putc('\n', t->out);
    return NULL;
}

static bool obey(simstep *t, char *line)
{
    char *word = trimmed(line);
    if (!*word) {
        if (!t->again) return false;
        return t->again->run(t, (char[]){""});
    }
    size_t n = strcspn(word, " \t");
    char *args = word[n] ? trimmed(word + n + 1) : word + n;
    word[n] = 0;
    const step_command *c = find_command(t, word);
    t->again = c && c->repeats ? c : NULL;
    return c && c->run(t, args);
}

static void read_commands(simstep *t)
{
    for (;;) {
        fputs("(sim) ", t->out);
        fflush(t->out);
        if (getline(&t->line, &t->capacity, t->in) < 0) {
            putc('\n', t->out);
            t->has_quit = true;
            return;
        }
        if (obey(t, t->line)) return;
    }
}

/* ---- the observer -------------------------------------------------------------------------- */

static void step_block(void *env, sim *s, const ir_block *b)
{
    simstep *t = env;
    (void)s;
    const ir_inst *owner = b->region->owner;
    if (!owner && b == b->region->first) t->run++;
    if ((owner ? simstep_depth(owner) + 1 : 0) <= t->depth) t->block_began = true;
    t->entered = b;
}

static bool step_before(void *env, sim *s, const ir_inst *inst)
{
    simstep *t = env;
    (void)s;
    if (!show_is_statement(inst)) return true;
    const breakpoint *b = hit(t, inst);
    bool stops = is_due(t, inst) || b;
    t->previous = inst;
    t->entered = NULL;
    if (!stops) return true;
    t->at = inst;
    show_stop(t, inst, b);
    read_commands(t);
    return !t->has_quit;
}

/* After an error of the run its values are still there to be looked at. */
static void step_failed(void *env, sim *s, const ir_inst *inst)
{
    simstep *t = env;
    const nfc_diags *d = &t->m->session->diags;
    (void)s;
    t->at = inst;
    t->over = true;
    if (d->row.n) fprintf(t->out, "the run failed: %s\n", vec_last(&d->row)->text);
    show_stop(t, inst, NULL);
    read_commands(t);
}

static void free_line(void *env) { free(((simstep *)env)->line); }

simstep *simstep_attach(sim *s, ir_graph *g, int64_t runs, FILE *in, FILE *out)
{
    simstep *t = ARENA_NEW(g->module->arena, simstep);
    *t = (simstep){.s = s, .m = g->module, .g = g, .in = in, .out = out, .runs = runs, .left = 1};
    arena_defer(t->m->arena, free_line, t);
    t->observer =
        (sim_observer){.before = step_before, .failed = step_failed, .block = step_block, .env = t};
    sim_keep_values(s);
    sim_observe(s, &t->observer);
    return t;
}

bool simstep_has_quit(const simstep *t) { return t->has_quit; }
