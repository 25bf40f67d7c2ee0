/* Loops: what the body assigns of the names around it is carried. */
#include <string.h>
#include "frontend/lower.h"
#include "ir/dom.h"

/* ---- what is carried ----------------------------------------------------------------------- */

static void add_carried(lower *l, lower_loop *loop, const char *name)
{
    for (int i = 0; i < loop->carried.n; i++)
        if (loop->carried.at[i] == name) return;
    binding *b = lower_find(l, name);
    if (b && (b->kind == BIND_VALUE || b->kind == BIND_LITERAL)) vec_push(l->s->arena, &loop->carried, name);
}

static void scan_blocks(lower *l, lower_loop *loop, const ast_block *b, bool states);

static void scan_stmts(lower *l, lower_loop *loop, const ast_stmt *st, bool states)
{
    for (; st; st = st->next) {
        if (states && st->kind == AST_WRITE) {
            ir_state *state = map_get(&l->states, st->callee.text);
            if (state) add_carried(l, loop, state_key(l, state));
        }
        if (!states && (st->kind == AST_OP || st->kind == AST_READ || st->kind == AST_RENAME || st->kind == AST_BROKEN))
            for (int i = 0; i < st->nresult; i++) add_carried(l, loop, st->result[i].text);
        if (!states && (st->kind == AST_YIELD || st->kind == AST_BREAK))
            for (const ast_arg *a = st->arg; a; a = a->next) add_carried(l, loop, a->name.text);
        scan_stmts(l, loop, st->body, states);
        scan_blocks(l, loop, st->block, states);
    }
}

static void scan_blocks(lower *l, lower_loop *loop, const ast_block *b, bool states)
{
    for (; b; b = b->next) scan_stmts(l, loop, b->stmt, states);
}

/* Names first, in the order of their first assignment, then the states that are written. */
static void find_carried(lower *l, lower_loop *loop)
{
    scan_blocks(l, loop, loop->ast->block, false);
    int names = loop->carried.n;
    const ast_stmt *st = loop->ast;
    for (int i = 0; st->has_carry && i < st->nresult; i++) {
        bool found = false;
        for (int k = 0; k < names; k++) found |= loop->carried.at[k] == st->result[i].text;
        if (!found) lower_error(l, E_CARRIED, st->result[i].at, "'%s' is not carried: the body does not assign it, or it has no value before the loop", st->result[i].text);
    }
    for (int k = 0; st->has_carry && k < names; k++) {
        bool found = false;
        for (int i = 0; i < st->nresult; i++) found |= loop->carried.at[k] == st->result[i].text;
        if (!found) diag_note(lower_error(l, E_CARRIED, st->carry_at, "'%s' is carried too, but is not in the list", loop->carried.at[k]), lower_find(l, loop->carried.at[k])->at, "it has a value before the loop, and the body assigns it");
    }
    scan_blocks(l, loop, loop->ast->block, true);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static bool read_bounds(lower *l, const ast_stmt *st, const ir_sx **lower_bound, const ir_sx **upper_bound)
{
    *lower_bound = lower_sx(l, st->lower, SX_DIMS | SX_SCALARS);
    *upper_bound = lower_sx(l, st->upper, SX_DIMS | SX_SCALARS);
    if (!*lower_bound || !*upper_bound) return false;
    if (sx_max(*upper_bound) > IR_MAX_BOUND || sx_min(*lower_bound) < -IR_MAX_BOUND) {
        const ast_expr *e = sx_max(*upper_bound) > IR_MAX_BOUND ? st->upper : st->lower;
        diag_help(lower_error(l, E_LOOP_BOUND, e->at, "the bound has no limit known at compile time"), "give the input that it comes from one: with { max = ... }; or n = require(..., min=..., max=...)");
        return false;
    }
    return true;
}

static void bind_carried(lower *l, lower_loop *loop, int i, ir_value *v, nfc_span at)
{
    lower_bind(l, (ast_name){loop->carried.at[i], at}, v);
}

/* Every carried value that is an untyped literal before the loop needs a type. */
static ir_value *initial_value(lower *l, const char *name, nfc_span at)
{
    binding *b = lower_find(l, name);
    if (b->kind == BIND_VALUE) return b->value;
    nfc_diag *d = lower_error(l, E_CARRIED, at, "'%s' is carried, but nothing says which type the literal before the loop should have", name);
    diag_note(d, b->at, "the literal");
    diag_help(d, "op constant_of_shape(shape=[], value=..., dtype=...) makes a typed one");
    return poison_value(l, at);
}

static void add_loop_blocks(lower *l, lower_loop *loop, ir_region *region)
{
    for (const ast_block *a = loop->ast->block; a; a = a->next) {
        ir_block *other = map_get(&l->blocks, a->name.text);
        if (other) {
            diag_note(lower_error(l, E_DUPLICATE, a->name.at, "there are two blocks '%s'", a->name.text), other->at, "first here");
            continue;
        }
        bool first = a == loop->ast->block;
        ir_block *b = first ? region->first : ir_block_new(region, a->name.text, a->name.at);
        b->name = a->name.text;
        b->at = a->name.at;
        map_set(&l->blocks, a->name.text, b);
        if (first && a->param) lower_error(l, E_BLOCK, a->param->name.at, "the first block of a loop takes no parameters: what is carried is its own");
        for (const ast_decl *p = a->param; p && !first; p = p->next) {
            const ir_type *type;
            lower_type(l, &p->type, &type);
            ir_block_arg(b, type, p->name.text, p->name.at);
        }
        for (int i = 0; i < l->g->state.n && !first; i++)
            for (int k = 0; k < loop->carried.n; k++)
                if (loop->carried.at[k] == state_key(l, l->g->state.at[i])) ir_block_arg(b, ir_token_type(l->m, l->g->state.at[i]), NULL, a->name.at);
    }
}

static lower_env *loop_env(lower *l, lower_env *parent)
{
    lower_env *e = ARENA_NEW(l->s->arena, lower_env);
    map_init(&e->names, l->s->arena);
    e->parent = parent;
    e->loop = true;
    return e;
}

/* A later block sees what is around the loop, its parameters and tokens; not the carried names. */
static void enter_later_block(lower *l, lower_loop *loop, ir_block *b)
{
    l->env = loop_env(l, loop->outer);
    for (int i = 0; i < loop->carried.n; i++) {
        binding *hidden = ARENA_NEW(l->s->arena, binding);
        *hidden = (binding){.kind = BIND_HIDDEN, .at = lower_find(l, loop->carried.at[i])->at};
        map_set(&l->env->names, loop->carried.at[i], hidden);
    }
    for (int i = 0; i < b->arg.n; i++) {
        ir_value *v = b->arg.at[i];
        const char *name = v->type->kind == IR_TOKEN ? state_key(l, v->type->state) : v->name;
        lower_bind(l, (ast_name){name, v->at}, v);
    }
}

static void bind_index(lower *l, lower_loop *loop, ir_value *iv)
{
    if (lower_find(l, loop->index_name) && lower_find(l, loop->index_name)->kind == BIND_VALUE && lower_find(l, loop->index_name)->value != iv) {
        binding *b = lower_find(l, loop->index_name);
        diag_note(lower_error(l, E_SHADOW, loop->ast->index.at, "the loop variable '%s' has the name of another value", loop->index_name), b->at, "that one");
        return;
    }
    if (!lower_name_clashes(l, loop->ast->index, "the loop variable")) lower_bind(l, loop->ast->index, iv);
}

static void lower_body(lower *l, lower_loop *loop, ir_region *region, ir_value *iv)
{
    for (const ast_block *a = loop->ast->block; a; a = a->next) {
        ir_block *b = map_get(&l->blocks, a->name.text);
        if (b->at.line != a->name.at.line || b->at.col != a->name.at.col) continue; /* a duplicate */
        l->block = b;
        if (b == region->first) {
            l->env = loop_env(l, loop->outer);
            for (int i = 0; i < loop->carried.n; i++) {
                binding *before = lower_find(l, loop->carried.at[i]);
                bind_carried(l, loop, i, loop->arg.at[i], before->at);
            }
        } else {
            enter_later_block(l, loop, b);
        }
        bind_index(l, loop, iv);
        lower_block_body(l, a);
    }
}

static ir_inst *make_loop(lower *l, lower_loop *loop, const ir_sx *from, const ir_sx *to)
{
    const ast_stmt *st = loop->ast;
    for (int i = 0; i < loop->carried.n; i++) vec_push(l->s->arena, &loop->init, initial_value(l, loop->carried.at[i], st->at));
    ir_inst *inst = ir_new(l->m, IR_loop, st->at, loop->init.n, loop->init.at);
    inst->label = st->callee.text ? st->callee.text : "loop";
    inst->nindex = 2;
    inst->index = ARENA_ARRAY(l->m->arena, const ir_sx *, 2);
    inst->index[0] = from;
    inst->index[1] = to;
    inst->nregion = 1;
    inst->region[0] = ir_region_new(l->g, inst);
    inst->hints = lower_hints(l, st->with, l->hints);
    return inst;
}

static bool too_deep(lower *l, const ast_stmt *st)
{
    int depth = 1;
    for (const lower_loop *loop = l->loop; loop; loop = loop->parent) depth++;
    if (depth > IR_MAX_LOOPS) lower_error(l, E_NESTING, st->at, "loops nest at most %d deep", IR_MAX_LOOPS);
    return depth > IR_MAX_LOOPS;
}

void lower_loop_stmt(lower *l, const ast_stmt *st)
{
    const ir_sx *from, *to;
    if (too_deep(l, st)) return;
    lower_loop loop = {.parent = l->loop, .ast = st, .index_name = st->index.text, .outer = l->env};
    if (!read_bounds(l, st, &from, &to)) from = to = sx_int(&l->m->sx, 0);
    if (!st->block) {
        if (!l->ast->lost) lower_error(l, E_BLOCK, st->at, "the loop has no block");
        return;
    }
    find_carried(l, &loop);
    ir_inst *inst = make_loop(l, &loop, from, to);
    lower_emit(l, inst);
    ir_block *body = ir_block_new(inst->region[0], st->block->name.text, st->block->name.at);
    ir_value *iv = ir_block_arg(body, ir_index_type(l->m), st->index.text, st->index.at);
    int64_t lo = sx_min(from), hi = sx_max(to) - 1;
    loop.index = ir_index_sym(l->m, iv, lo, hi < lo ? lo : hi);
    for (int i = 0; i < loop.carried.n; i++) {
        const ir_value *v = loop.init.at[i];
        const char *name = v->type->kind == IR_TOKEN ? NULL : loop.carried.at[i];
        vec_push(l->s->arena, &loop.arg, ir_block_arg(body, v->type, name, lower_find(l, loop.carried.at[i])->at));
    }
    int errors = l->s->diags.errors;
    nfc_map blocks = l->blocks;
    ir_block *block = l->block;
    lower_env *env = l->env;
    const ir_hints *hints = l->hints;
    l->loop = &loop;
    map_init(&l->blocks, l->s->arena);
    l->hints = inst->hints;
    add_loop_blocks(l, &loop, inst->region[0]);
    lower_body(l, &loop, inst->region[0], iv);
    if (l->s->diags.errors == errors) ir_order_blocks(l->s->arena, inst->region[0]);
    l->loop = loop.parent;
    l->blocks = blocks;
    l->block = block;
    l->env = env;
    l->hints = hints;
    l->ended = NULL;
    for (int i = 0; i < loop.carried.n; i++) {
        ir_value *r = ir_add_result(l->m, inst, loop.init.at[i]->type, loop.arg.at[i]->name, st->at);
        lower_bind(l, (ast_name){loop.carried.at[i], st->at}, r);
    }
}

/* ---- yield --------------------------------------------------------------------------------- */

static ir_value *next_value(lower *l, const ast_stmt *st, const ast_arg *a, int i)
{
    const char *name = l->loop->carried.at[i];
    const ir_value *arg = l->loop->arg.at[i];
    nfc_span at = a ? a->name.at : st->at;
    ir_value *v;
    if (a && a->value) {
        v = lower_value(l, a->value, arg->type->kind == IR_TENSOR ? arg->type->dtype : DT_COUNT, arg->type->kind == IR_TENSOR ? NULL : &(bool){false});
        if (!v) v = poison_value(l, at);
    } else {
        ast_expr ref = {.kind = AST_NAME, .at = at, .name = {name, at}};
        v = lower_value(l, &ref, arg->type->dtype, NULL);
    }
    if (!ir_is_poison(v) && !ir_is_poison(arg) && !ir_same_type(v->type, arg->type)) {
        nfc_diag *d = lower_error(l, E_SHADOW, v->at.file ? v->at : at, "'%s' is %s before the loop, but %s here; a carried value keeps its type", name, ir_type_text(l->s->arena, arg->type), ir_type_text(l->s->arena, v->type));
        diag_note(d, arg->at, "the value before the loop");
    }
    return v;
}

void lower_yield(lower *l, const ast_stmt *st)
{
    l->ended = st;
    bool leaves = st->kind == AST_BREAK;
    if (!l->loop) {
        lower_error(l, E_YIELD, st->at, leaves ? "break leaves a loop; here is none" : "yield ends the body of a loop; here is none");
        return;
    }
    lower_loop *loop = l->loop;
    for (const ast_arg *a = st->arg; a; a = a->next) {
        bool known = false;
        for (int i = 0; i < loop->carried.n; i++) known |= loop->carried.at[i] == a->name.text;
        for (const ast_arg *b = st->arg; b != a; b = b->next)
            if (b->name.text == a->name.text) diag_note(lower_error(l, E_DUPLICATE, a->name.at, "'%s' is given twice", a->name.text), b->name.at, "first here");
        if (!known) {
            nfc_diag *d = lower_error(l, E_YIELD, a->name.at, "'%s' is not carried by the loop", a->name.text);
            diag_help(d, "a carried value has a value before the loop; give '%s' one there", a->name.text);
        }
    }
    ir_inst *inst = ir_new(l->m, leaves ? IR_break : IR_yield, st->at, 0, NULL);
    for (int i = 0; i < loop->carried.n; i++) {
        const char *name = loop->carried.at[i];
        if (name[0] == '%') {
            ir_push_operand(l->m, inst, lower_find(l, name)->value);
            continue;
        }
        const ast_arg *a = st->arg;
        while (a && a->name.text != name) a = a->next;
        if (!a) {
            diag_note(lower_error(l, E_YIELD, st->at, "the loop carries '%s', but the %s does not name it", name, leaves ? "break" : "yield"), loop->arg.at[i]->at, "its value before the loop");
            ir_push_operand(l->m, inst, loop->arg.at[i]);
            continue;
        }
        ir_push_operand(l->m, inst, next_value(l, st, a, i));
    }
    lower_emit(l, inst);
}
