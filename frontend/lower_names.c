/* What a name stands for, and what is said of one that stands for nothing. */
#include <string.h>
#include "frontend/habits.h"
#include "frontend/lower.h"

const char *state_key(lower *l, const ir_state *state)
{
    return intern(&l->s->names, session_printf(l->s, "%%%d", state->id));
}

ir_state *lower_state(lower *l, ast_name name)
{
    ir_state *st = map_get(&l->states, name.text);
    if (st) return st;
    const char **names = ARENA_ARRAY(l->s->arena, const char *, l->states.n + 1);
    for (int i = 0; i < l->states.n; i++) names[i] = l->states.entry[i].key;
    if (l->ast->lost) return NULL;
    nfc_diag *d = lower_error(l, E_STATE, name.at, "there is no state '%s'", name.text);
    const ast_decl *other = NULL;
    for (const ast_graph *g = l->ast->graph; g; g = g->next)
        for (const ast_decl *a = g->state; a; a = a->next)
            if (a->name.text == name.text) other = a;
    if (other) {
        diag_note(d, other->name.at, "it belongs to another graph");
        diag_help(d, "a state that graphs share is declared at the top of the file");
    } else if (l->states.n) {
        diag_choices(d, name.text, names, "the states are");
    } else diag_help(d, "state { %s : buffer(f32, [...]); } declares one", name.text);
    st = ARENA_NEW(l->s->arena, ir_state); /* reported once */
    *st = (ir_state){.name = name.text, .type = ir_poison(l->m), .at = name.at, .id = -1};
    map_set(&l->states, name.text, st);
    return st;
}

binding *lower_find(lower *l, const char *name)
{
    for (lower_env *e = l->env; e; e = e->parent) {
        binding *b = map_get(&e->names, name);
        if (b) return b;
    }
    return NULL;
}

binding *lower_bind_in(lower *l, lower_env *env, const char *name)
{
    binding *b = map_get(&env->names, name);
    if (b) return b;
    b = ARENA_NEW(l->s->arena, binding);
    map_set(&env->names, name, b);
    return b;
}

/* Values of other blocks of the graph: they must be passed as arguments. */
static const ast_name *assigned_in(const ast_stmt *st, const char *name)
{
    for (; st; st = st->next) {
        for (int i = 0; i < st->nresult && st->kind != AST_LOOP; i++)
            if (st->result[i].text == name) return &st->result[i];
        const ast_name *inner = assigned_in(st->body, name);
        if (inner) return inner;
        for (const ast_block *b = st->block; b; b = b->next)
            if ((inner = assigned_in(b->stmt, name))) return inner;
    }
    return NULL;
}

static const ast_name *loop_variable(const ast_stmt *st, const char *name)
{
    for (; st; st = st->next) {
        if (st->kind == AST_LOOP && st->index.text == name) return &st->index;
        const ast_name *inner = loop_variable(st->body, name);
        for (const ast_block *b = st->block; b && !inner; b = b->next) inner = loop_variable(b->stmt, name);
        if (inner) return inner;
    }
    return NULL;
}

static bool is_input(const ast_module *m, const char *name)
{
    for (const ast_graph *g = m->graph; g; g = g->next)
        for (const ast_decl *p = g->input; p; p = p->next)
            if (p->name.text == name) return true;
    return false;
}

static void explain_unknown(lower *l, nfc_diag *d, ast_name name)
{
    if (!l->env && !is_input(l->ast, name.text)) diag_help(d, "extents are declared: dims { %s = 4; } or const { %s = 4; }", name.text, name.text);
    for (const ast_block *b = l->env && l->ag ? l->ag->block : NULL; b; b = b->next) {
        const ast_name *index = loop_variable(b->stmt, name.text);
        if (!index) continue;
        diag_note(d, index->at, "a loop's variable is known inside of its loop");
        return;
    }
    for (const ast_block *b = l->env && l->ag ? l->ag->block : NULL; b; b = b->next) {
        const ast_name *other = assigned_in(b->stmt, name.text);
        if (!other) continue;
        bool later = other->at.line > name.at.line || (other->at.line == name.at.line && other->at.col > name.at.col);
        diag_note(d, other->at, "it is assigned %s", later ? "here, later" : "here, which is out of sight: a block sees its own values, its parameters and the inputs");
        return;
    }
}

static const char *const *names_in_sight(lower *l)
{
    VEC(const char *) names = {0};
    for (lower_env *e = l->env; e; e = e->parent)
        for (int i = 0; i < e->names.n; i++)
            if (e->names.entry[i].key[0] != '%' && ((const binding *)e->names.entry[i].value)->kind != BIND_UNKNOWN) vec_push(l->s->arena, &names, e->names.entry[i].key);
    for (int i = 0; i < l->constants.n; i++) vec_push(l->s->arena, &names, l->constants.entry[i].key);
    for (int i = 0; i < l->dims.n; i++) vec_push(l->s->arena, &names, l->dims.entry[i].key);
    vec_push(l->s->arena, &names, NULL);
    return names.at;
}

static void report_unknown(lower *l, ast_name name)
{
    binding *b = lower_find(l, name.text);
    if (b && b->kind == BIND_HIDDEN) {
        nfc_diag *d = lower_error(l, E_CARRIED, name.at, "'%s' is carried by the loop; in a later block it must be a parameter", name.text);
        diag_note(d, b->at, "it is assigned here");
        return;
    }
    for (const ast_const *a = l->env ? NULL : l->ast->dim; a; a = a->next)
        if (a->name.text == name.text) {
            diag_note(lower_error(l, E_NOT_STATIC, name.at, "the dim '%s' is not known here: constants are made of integers, constants and meta(), dims also of the dims before them", name.text), a->name.at, "declared here");
            return;
        }
    ir_state *state = map_get(&l->states, name.text);
    if (state) {
        nfc_diag *d = lower_error(l, E_NOT_TENSOR, name.at, "'%s' is a state, not a value", name.text);
        diag_note(d, state->at, "declared here");
        diag_help(d, "read it first: x = effect read(%s)", name.text);
        return;
    }
    nfc_diag *d = lower_error(l, E_NAME_UNKNOWN, name.at, "the name '%s' is not known here", name.text);
    const char *habit = habit_help(name.text, HABIT_VALUE);
    if (habit) diag_help(d, "%s", habit);
    else if (!diag_suggest(d, name.text, names_in_sight(l))) explain_unknown(l, d, name);
}

void lower_unknown_name(lower *l, ast_name name)
{
    binding *b = l->env ? lower_find(l, name.text) : NULL;
    if (b && b->kind == BIND_UNKNOWN) return;
    if (!l->ast->lost) report_unknown(l, name); /* what was passed over may have made it */
    if (l->env) *lower_bind_in(l, l->env, name.text) = (binding){.kind = BIND_UNKNOWN, .at = name.at};
}

void lower_forget(lower *l, ast_name name)
{
    if (l->env) *lower_bind_in(l, l->env, name.text) = (binding){.kind = BIND_UNKNOWN, .at = name.at};
}

bool lower_name_clashes(lower *l, ast_name name, const char *what)
{
    lower_constant *c = map_get(&l->constants, name.text);
    ir_dim *d = map_get(&l->dims, name.text);
    if (!c && !d) return false;
    const char *kind = c ? "constant" : "dim";
    nfc_diag *e = what ? lower_error(l, E_SHADOW, name.at, "%s '%s' has the name of a %s", what, name.text, kind)
                       : lower_error(l, E_SHADOW, name.at, "'%s' is a %s and cannot be assigned", name.text, kind);
    diag_note(e, c ? c->ast->name.at : d->at, "declared here");
    lower_forget(l, name);
    return true;
}

/* May the name stand for this value from here on, given what it stands for outside of the block? */
static bool hides_other_type(lower *l, ast_name name, const ir_value *value)
{
    const binding *b = lower_find(l, name.text);
    if (!b || b->kind != BIND_VALUE || b->value == value) return false;
    if (b->value->type->kind == IR_INDEX) {
        bool variable = b->value->block;
        diag_note(lower_error(l, E_SHADOW, name.at, variable ? "'%s' is the variable of a loop and cannot be assigned" : "'%s' is an index and cannot be assigned again", name.text), b->at, variable ? "of this loop" : "required here");
        return true;
    }
    bool own = map_get(&l->env->names, name.text) || l->block == l->g->body->first;
    if (own || !ir_is_tensor(value) || !ir_is_tensor(b->value) || ir_same_type(value->type, b->value->type)) return false;
    nfc_diag *d = lower_error(l, E_SHADOW, name.at, "'%s' is %s here, but %s outside of the block", name.text, ir_type_text(l->s->arena, value->type), ir_type_text(l->s->arena, b->value->type));
    diag_note(d, b->at, "the other one");
    diag_help(d, "choose another name");
    return true;
}

void lower_bind(lower *l, ast_name name, ir_value *value)
{
    bool wrong = name.text[0] != '%' && (lower_name_clashes(l, name, NULL) || hides_other_type(l, name, value));
    if (wrong) lower_forget(l, name);
    else *lower_bind_in(l, l->env, name.text) = (binding){.kind = BIND_VALUE, .value = value, .at = name.at};
}
