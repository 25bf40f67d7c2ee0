/* The debugger's commands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/simnames.h"
#include "frontend/simprint.h"
#include "frontend/simshow.h"
#include "frontend/simstep_priv.h"

/* A number from 1, or `missing` for an empty text; 0 after saying that it is none. */
static int64_t read_number(const simstep *t, const char *args, int64_t missing)
{
    char *end;
    errno = 0;
    long long v = strtoll(args, &end, 10);
    if (!*args) return missing;
    if (!errno && !*end && v >= 1) return v;
    fprintf(t->out, "'%s' is not a number from 1\n", args);
    return 0;
}

/* Reports `no x 'name'`, with the candidate that is near. */
static void say_unknown(const simstep *t, const char *what, const char *name,
                        const char *const *candidates)
{
    const char *near = nearest_word(name, candidates);
    fprintf(t->out, "there is no %s '%s'", what, name);
    if (near) fprintf(t->out, "; did you mean '%s'?", near);
    putc('\n', t->out);
}

/* ---- going on ------------------------------------------------------------------------------ */

static bool go(simstep *t)
{
    if (t->over) fputs("the run is over; print, values, where and quit still work\n", t->out);
    t->block_began = false;
    return !t->over;
}

static bool do_step(simstep *t, char *args)
{
    int64_t n = read_number(t, args, 1);
    if (!n) return false;
    t->mode = STEPPING;
    t->left = n;
    return go(t);
}

static bool do_next(simstep *t, char *args)
{
    (void)args;
    t->mode = TO_NEXT_BLOCK;
    t->depth = simstep_depth(t->at);
    return go(t);
}

static bool do_continue(simstep *t, char *args)
{
    (void)args;
    t->mode = RUNNING;
    return go(t);
}

static bool do_quit(simstep *t, char *args)
{
    (void)args;
    t->has_quit = true;
    return true;
}

/* ---- breakpoints --------------------------------------------------------------------------- */

/* What the statements of the graph offer to break at. */
typedef struct {
    nfc_map names; /* of scopes, or of blocks */
    bool scopes;
    uint32_t wanted, line; /* the first line from `wanted` on where a statement begins; 0: none */
} offers;

static void collect(void *env, ir_inst *inst)
{
    offers *o = env;
    if (!show_is_statement(inst)) return;
    uint32_t line = inst->at.line;
    if (line >= o->wanted && (!o->line || line < o->line)) o->line = line;
    if (!o->scopes) map_set(&o->names, inst->block->name, inst->block);
    for (const ir_scope *s = inst->scope; o->scopes && s; s = s->parent)
        map_set(&o->names, s->name, inst);
}

static void add_break(simstep *t, breakpoint b)
{
    b.number = ++t->next_number;
    vec_push(t->m->arena, &t->breaks, b);
    fprintf(t->out, "breakpoint %d at ", b.number);
    if (b.kind == AT_LINE)
        fprintf(t->out, "line %u\n", b.line);
    else
        fprintf(t->out, "%s %s\n", b.kind == AT_SCOPE ? "scope" : "block", b.name);
}

static void break_at_name(simstep *t, const char *name, bool scopes)
{
    offers o = {.scopes = scopes};
    map_init(&o.names, t->m->arena);
    ir_walk(t->g->body, collect, &o);
    if (map_get(&o.names, name)) {
        add_break(t, (breakpoint){.kind = scopes ? AT_SCOPE : AT_BLOCK,
                                  .name = arena_strdup(t->m->arena, name)});
        return;
    }
    const char **names = ARENA_ARRAY(t->m->arena, const char *, o.names.n + 1);
    for (int i = 0; i < o.names.n; i++) names[i] = o.names.entry[i].key;
    say_unknown(t, scopes ? "scope" : "block", name, names);
}

/* The text behind a word, if the line begins with it. */
static char *behind(char *args, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(args, word, n) != 0 || args[n] != ' ') return NULL;
    return args + n + strspn(args + n, " ");
}

static bool do_break(simstep *t, char *args)
{
    char *scope = behind(args, "scope"), *block = behind(args, "block");
    if (scope || block) {
        break_at_name(t, scope ? scope : block, scope != NULL);
        return false;
    }
    if (!*args || strspn(args, "0123456789") != strlen(args)) {
        fputs("break LINE, break scope NAME or break block NAME\n", t->out);
        return false;
    }
    offers o = {.wanted = (uint32_t)strtoul(args, NULL, 10)};
    map_init(&o.names, t->m->arena);
    ir_walk(t->g->body, collect, &o);
    if (o.line)
        add_break(t, (breakpoint){.kind = AT_LINE, .line = o.line});
    else
        fprintf(t->out, "no statement of '%s' begins on line %s or behind it\n", t->g->name, args);
    return false;
}

static bool do_breaks(simstep *t, char *args)
{
    (void)args;
    if (!t->breaks.n) fputs("no breakpoints\n", t->out);
    for (int i = 0; i < t->breaks.n; i++) {
        const breakpoint *b = &t->breaks.at[i];
        fprintf(t->out, "%3d  ", b->number);
        if (b->kind == AT_LINE)
            fprintf(t->out, "line %u\n", b->line);
        else
            fprintf(t->out, "%s %s\n", b->kind == AT_SCOPE ? "scope" : "block", b->name);
    }
    return false;
}

static bool do_delete(simstep *t, char *args)
{
    int64_t number = read_number(t, args, -1);
    if (!number) return false;
    int kept = 0;
    for (int i = 0; i < t->breaks.n; i++)
        if (number > 0 && t->breaks.at[i].number != number) t->breaks.at[kept++] = t->breaks.at[i];
    if (number > 0 && kept == t->breaks.n) fprintf(t->out, "there is no breakpoint %s\n", args);
    t->breaks.n = kept;
    return false;
}

/* ---- values -------------------------------------------------------------------------------- */

static bool print_named(const simstep *t, const char *name, const char *how)
{
    const ir_value *v = sim_find_name(t->at, name);
    int64_t index;
    if (v && v->type->kind == IR_INDEX && sim_index_value(t->s, v, &index)) {
        fprintf(t->out, "%s = %lld\n", name, (long long)index);
        return true;
    }
    const sim_tensor *tensor = v ? sim_value(t->s, v) : NULL;
    if (tensor) simprint(t->out, name, tensor, how);
    return tensor != NULL;
}

static bool print_dim(const simstep *t, const char *name)
{
    for (int i = 0; i < t->m->dim.n; i++) {
        const ir_dim *d = &t->m->dim.at[i];
        int64_t value;
        if (strcmp(d->sym->name, name) != 0 || !sim_dim_value(t->s, d, &value)) continue;
        fprintf(t->out, "%s = %lld, a dim\n", name, (long long)value);
        return true;
    }
    return false;
}

static bool print_state(const simstep *t, const char *name, const char *how)
{
    for (int i = 0; i < t->g->state.n; i++) {
        const ir_state *st = t->g->state.at[i];
        if (strcmp(st->name, name) != 0) continue;
        simprint(t->out, name, sim_state(t->s, st), how);
        return true;
    }
    return false;
}

/* Cuts NAME off the arguments "NAME how"; `how` may stand right behind the name. */
static const char *cut_name(const simstep *t, char **args)
{
    char *text = *args;
    size_t n = strcspn(text, " \t[");
    const char *name = arena_strndup(t->m->arena, text, n);
    text += n;
    *args = text + strspn(text, " \t");
    return name;
}

typedef struct {
    nfc_map seen; /* name -> ir_value */
} names_in_sight;

static bool collect_name(void *env, const char *name, const ir_value *v)
{
    names_in_sight *n = env;
    if (!map_get(&n->seen, name)) map_set(&n->seen, name, (void *)(uintptr_t)v);
    return false;
}

static names_in_sight all_names(const simstep *t)
{
    names_in_sight n;
    map_init(&n.seen, t->m->arena);
    sim_each_name(t->at, collect_name, &n);
    return n;
}

static bool do_print(simstep *t, char *args)
{
    if (!*args) {
        fputs("print NAME " SIMPRINT_ARGS "; values lists the names\n", t->out);
        return false;
    }
    const char *name = cut_name(t, &args);
    if (print_named(t, name, args) || print_dim(t, name) || print_state(t, name, args))
        return false;
    names_in_sight n = all_names(t);
    const char **names = ARENA_ARRAY(t->m->arena, const char *, n.seen.n + 1);
    for (int i = 0; i < n.seen.n; i++) names[i] = n.seen.entry[i].key;
    say_unknown(t, "value", name, names);
    return false;
}

/* The oldest first, as they stand in the source. */
static bool do_values(simstep *t, char *args)
{
    (void)args;
    names_in_sight n = all_names(t);
    for (int i = n.seen.n; i-- > 0;) {
        const ir_value *v = n.seen.entry[i].value;
        const sim_tensor *tensor = sim_value(t->s, v);
        int64_t index;
        fprintf(t->out, "  %s ", n.seen.entry[i].key);
        if (!tensor && sim_index_value(t->s, v, &index))
            fprintf(t->out, "= %lld", (long long)index);
        if (tensor) show_type(t->out, tensor);
        if (tensor && tensor->rank == 0) {
            fputs(" = ", t->out);
            show_preview(t->out, tensor);
        }
        putc('\n', t->out);
    }
    if (!n.seen.n) fputs("no names yet\n", t->out);
    return false;
}

static bool do_state(simstep *t, char *args)
{
    const char *name = cut_name(t, &args);
    if (*name && print_state(t, name, args)) return false;
    const char **names = ARENA_ARRAY(t->m->arena, const char *, t->g->state.n + 1);
    for (int i = 0; i < t->g->state.n; i++) names[i] = t->g->state.at[i]->name;
    if (*name) {
        say_unknown(t, "state", name, names);
        return false;
    }
    for (int i = 0; names[i]; i++) {
        fprintf(t->out, "  %s ", names[i]);
        show_type(t->out, sim_state(t->s, t->g->state.at[i]));
        putc('\n', t->out);
    }
    if (!t->g->state.n) fputs("the graph has no state\n", t->out);
    return false;
}

/* ---- places -------------------------------------------------------------------------------- */

static void print_place(const simstep *t, const char *what, const char *name, nfc_span at)
{
    fprintf(t->out, "  %s ", what);
    print_safe(t->out, name, strlen(name));
    fputs(" (", t->out);
    show_place(t->out, t->m, at);
    fputs(")\n", t->out);
}

/* A region from the inside out: its scopes, its block, the loop that owns it. */
static const ir_inst *print_region(const simstep *t, const ir_inst *inst)
{
    const ir_inst *owner = inst->block->region->owner;
    for (const ir_scope *s = inst->scope; s && !(owner && s == owner->scope); s = s->parent)
        print_place(t, "scope", s->name, s->at);
    print_place(t, "block", inst->block->name, inst->block->at);
    int64_t i;
    if (!owner || owner->op != IR_loop ||
        !sim_index_value(t->s, owner->region[0]->first->arg.at[0], &i))
        return owner;
    fprintf(t->out, "  loop %s, %s = %lld in %lld..%lld (", owner->label, show_loop_variable(owner),
            (long long)i, (long long)sim_sx_value(t->s, owner->index[0]),
            (long long)sim_sx_value(t->s, owner->index[1]));
    show_place(t->out, t->m, owner->at);
    fputs(")\n", t->out);
    return owner;
}

static bool do_where(simstep *t, char *args)
{
    (void)args;
    show_place(t->out, t->m, t->at->at);
    fputs(": ", t->out);
    show_what(t->out, t->at);
    putc('\n', t->out);
    for (const ir_inst *inst = t->at; inst;) inst = print_region(t, inst);
    fprintf(t->out, "  graph %s, run %lld of %lld\n", t->g->name, (long long)t->run,
            (long long)t->runs);
    return false;
}

static bool do_list(simstep *t, char *args)
{
    enum { AROUND = 5 };
    nfc_span at = t->at->at;
    int64_t middle = read_number(t, args, at.line);
    if (!middle) return false;
    int64_t from = middle > AROUND ? middle - AROUND : 1;
    for (int64_t line = from; line <= middle + AROUND && line <= UINT32_MAX; line++)
        simstep_source_line(t, at, (uint32_t)line, line == at.line ? "->" : "");
    return false;
}

/* ---- the table ----------------------------------------------------------------------------- */

static bool do_help(simstep *t, char *args)
{
    (void)args;
    for (const step_command *c = step_commands; c->name; c++) {
        char form[80];
        snprintf(form, sizeof form, "%s%s%s", c->name, *c->args ? " " : "", c->args);
        fprintf(t->out, "  %-48s %s\n", form, c->doc);
    }
    fputs("Names may be cut short. An empty line repeats step, next and continue.\n", t->out);
    return false;
}

const step_command step_commands[] = {
    {"step", 's', true, do_step, "[N]", "runs N statements, 1 by default"},
    {"next", 0, true, do_next, "", "runs to the next block, or out of the loop"},
    {"continue", 0, true, do_continue, "", "runs to the next breakpoint"},
    {"run-to-end", 0, false, do_continue, "", "the same"},
    {"break", 'b', false, do_break, "LINE | scope NAME | block NAME", "stops there"},
    {"delete", 0, false, do_delete, "[N]", "removes breakpoint N, or all"},
    {"breaks", 0, false, do_breaks, "", "lists the breakpoints"},
    {"print", 0, false, do_print, "NAME " SIMPRINT_ARGS, "shows a value"},
    {"values", 0, false, do_values, "", "lists the names in sight"},
    {"where", 0, false, do_where, "", "the statement, and what it stands in"},
    {"state", 0, false, do_state, "[NAME " SIMPRINT_ARGS "]", "shows a state, or lists them"},
    {"list", 0, false, do_list, "[LINE]", "shows the source around"},
    {"quit", 0, false, do_quit, "", "ends the run; nothing is written"},
    {"help", 0, false, do_help, "", "shows this"},
    {NULL, 0, false, NULL, NULL, NULL},
};
