/* Graphs, blocks, names and jumps: SSA construction. */
#include <math.h>
#include <string.h>
#include "frontend/lower.h"
#include "ir/dom.h"

static lower_env *new_env(lower *l, lower_env *parent)
{
    lower_env *e = ARENA_NEW(l->s->arena, lower_env);
    map_init(&e->names, l->s->arena);
    e->parent = parent;
    return e;
}

ir_inst *lower_emit(lower *l, ir_inst *inst)
{
    inst->scope = l->scope;
    if (!inst->hints) inst->hints = l->hints;
    ir_append(l->block, inst);
    return inst;
}

/* ---- statements ---------------------------------------------------------------------------- */

static void lower_rename(lower *l, const ast_stmt *st)
{
    if (st->nresult != 1) {
        lower_error(l, E_RESULTS, st->at, "one value has one name");
        for (int i = 0; i < st->nresult; i++) lower_bind(l, st->result[i], poison_value(l, st->at));
        return;
    }
    if (lower_name_clashes(l, st->result[0], NULL)) return;
    bool literal = false;
    ir_value *v = lower_value(l, st->value, DT_COUNT, &literal);
    if (!literal) {
        ir_alias alias = {st->result[0].text, v, l->block, l->block->last};
        vec_push(l->m->arena, &l->m->alias, alias);
        lower_bind(l, st->result[0], v);
        return;
    }
    binding b = {.kind = BIND_LITERAL, .literal = st->value, .at = st->result[0].at};
    if (st->value->kind != AST_FLOAT && st->value->kind != AST_BOOL) b.sx = lower_sx(l, st->value, SX_DIMS | SX_SCALARS);
    if (st->value->kind == AST_NAME) { /* another name for a literal */
        const binding *other = lower_find(l, st->value->name.text);
        if (other && other->kind == BIND_LITERAL) {
            b.literal = other->literal;
            b.sx = other->sx;
        }
    }
    *lower_bind_in(l, l->env, st->result[0].text) = b;
}

static void lower_scope(lower *l, const ast_stmt *st)
{
    ir_scope *scope = ARENA_NEW(l->m->arena, ir_scope);
    *scope = (ir_scope){st->scope, (ir_scope *)(uintptr_t)l->scope, st->at};
    const ir_scope *outer = l->scope;
    const ir_hints *hints = l->hints;
    l->scope = scope;
    l->hints = lower_hints(l, st->with, l->hints);
    lower_stmts(l, st->body);
    l->scope = outer;
    l->hints = hints;
}

void lower_stmts(lower *l, const ast_stmt *st)
{
    for (; st; st = st->next) {
        if (l->ended) {
            if (st->kind != AST_BROKEN) diag_note(lower_error(l, E_AFTER_END, st->at, "nothing runs behind the end of the block"), l->ended->at, "the block ends here");
            return;
        }
        switch (st->kind) {
        case AST_OP: lower_op(l, st); break;
        case AST_READ: lower_read(l, st); break;
        case AST_WRITE: lower_write(l, st); break;
        case AST_RENAME: lower_rename(l, st); break;
        case AST_REQUIRE: lower_require(l, st); break;
        case AST_LOOP: lower_loop_stmt(l, st); break;
        case AST_SCOPE: lower_scope(l, st); break;
        case AST_BARRIER: lower_emit(l, ir_new(l->m, IR_barrier, st->at, 0, NULL)); break;
        case AST_BRANCH: lower_branch(l, st); break;
        case AST_YIELD:
        case AST_BREAK: lower_yield(l, st); break;
        case AST_RETURN: lower_return(l, st); break;
        case AST_BROKEN:
            for (int i = 0; i < st->nresult; i++) lower_bind(l, st->result[i], poison_value(l, st->at));
            for (int i = 0; i < st->nmaybe; i++)
                if (!lower_find(l, st->maybe[i].text)) lower_forget(l, st->maybe[i]);
            break;
        }
    }
}

/* ---- jumps --------------------------------------------------------------------------------- */

/* The states whose tokens travel along the jumps of the current region. */
static int region_states(lower *l, ir_state ***states)
{
    if (!l->loop) {
        *states = l->g->state.at;
        return l->g->state.n;
    }
    VEC(ir_state *) list = {0};
    for (int i = 0; i < l->g->state.n; i++)
        for (int k = 0; k < l->loop->carried.n; k++)
            if (l->loop->carried.at[k] == state_key(l, l->g->state.at[i])) vec_push(l->s->arena, &list, l->g->state.at[i]);
    *states = list.at;
    return list.n;
}

static ir_value *token_of(lower *l, const ir_state *state) { return lower_find(l, state_key(l, state))->value; }

static void unknown_block(lower *l, ast_name name, const char *const *names)
{
    for (const ast_block *b = l->loop ? l->ag->block : NULL; b; b = b->next)
        if (b->name.text == name.text) {
            nfc_diag *d = lower_error(l, E_BLOCK, name.at, "a jump does not leave its loop");
            diag_note(d, b->name.at, "block '%s' lies outside", name.text);
            diag_help(d, "return leaves the graph; yield ends the trip, break the loop");
            return;
        }
    diag_choices(lower_error(l, E_BLOCK, name.at, "there is no block '%s' here", name.text), name.text, names, "the blocks here are");
}

static void lower_target(lower *l, ir_inst *inst, int k, const ast_target *t)
{
    ir_block *to = map_get(&l->blocks, t->block.text);
    if (!to && l->ast->lost) return;
    if (!to) {
        const char **names = ARENA_ARRAY(l->s->arena, const char *, l->blocks.n + 1);
        for (int i = 0; i < l->blocks.n; i++) names[i] = l->blocks.entry[i].key;
        unknown_block(l, t->block, names);
        return;
    }
    ir_state **states;
    int nstate = region_states(l, &states), nparam = to->arg.n - nstate, n = 0;
    if (to == to->region->first) {
        nfc_diag *d = lower_error(l, E_BLOCK, t->block.at, "the first block cannot be jumped to");
        diag_help(d, l->loop ? "yield ends the trip, and the next one begins there" : "it runs once; a loop repeats");
        return;
    }
    VEC(ir_value *) args = {0};
    for (const ast_expr *e = t->arg; e; e = e->next, n++) {
        const ir_value *param = n < nparam ? to->arg.at[n] : NULL;
        bool typed = param && param->type->kind == IR_TENSOR;
        ir_value *v = lower_value(l, e, typed ? param->type->dtype : DT_COUNT, typed ? NULL : &(bool){false});
        if (!v) v = poison_value(l, e->at);
        if (param && !ir_is_poison(v) && typed && !ir_same_type(v->type, param->type))
            diag_note(lower_error(l, E_BLOCK_ARG, e->at, "the argument is %s, but parameter '%s' is %s", ir_type_text(l->s->arena, v->type), param->name, ir_type_text(l->s->arena, param->type)), param->at, "declared here");
        vec_push(l->s->arena, &args, v);
    }
    if (n != nparam) {
        diag_note(lower_error(l, E_BLOCK_ARG, t->block.at, "block '%s' takes %d argument%s, not %d", t->block.text, nparam, nparam == 1 ? "" : "s", n), to->at, "declared here");
        return;
    }
    for (int i = 0; i < nstate; i++) vec_push(l->s->arena, &args, token_of(l, states[i]));
    ir_set_edge(l->m, inst, k, to, args.n, args.at);
}

void lower_branch(lower *l, const ast_stmt *st)
{
    ir_value *cond = NULL;
    l->ended = st;
    if (st->ntarget == 2) {
        cond = lower_value(l, st->value, DT_bool, NULL);
        if (!ir_is_poison(cond) && (cond->type->kind != IR_TENSOR || cond->type->dtype != DT_bool || cond->type->rank != 0)) {
            nfc_diag *d = lower_error(l, E_CONDITION, st->value->at, "the condition is %s; it must be a scalar bool", ir_type_text(l->s->arena, cond->type));
            diag_note(d, cond->at, "made here");
            if (cond->type->dtype == DT_bool) diag_help(d, "op reduce_max(data=..., keepdims=0) makes one of it");
            else diag_help(d, "op greater, op equal and the like make bools");
            return;
        }
    }
    ir_inst *inst = ir_new(l->m, st->ntarget == 2 ? IR_cond_br : IR_br, st->at, st->ntarget == 2, &cond);
    for (int k = 0; k < st->ntarget; k++) lower_target(l, inst, k, &st->target[k]);
    lower_emit(l, inst);
}

/* ---- return -------------------------------------------------------------------------------- */

static const ast_arg *returned(lower *l, const ast_stmt *st, const ir_port *port)
{
    const ast_arg *found = NULL;
    for (const ast_arg *a = st->arg; a; a = a->next) {
        if (a->name.text != port->name) continue;
        if (found) diag_note(lower_error(l, E_DUPLICATE, a->name.at, "output '%s' is returned twice", port->name), found->name.at, "first here");
        found = a;
    }
    return found;
}

/* With one output, `return h;` gives it whatever h is called. */
static bool is_short_form(lower *l, const ast_stmt *st)
{
    return l->g->output.n == 1 && st->arg && !st->arg->next && !st->arg->value && st->arg->name.text != l->g->output.at[0].name;
}

static bool is_output(const ir_graph *g, const char *name)
{
    for (int i = 0; i < g->output.n; i++)
        if (g->output.at[i].name == name) return true;
    return false;
}

/* Some value is returned under a name that is no output's: it may be meant for the one that lacks. */
static bool misnamed(lower *l, const ast_stmt *st)
{
    for (const ast_arg *a = st->arg; a; a = a->next)
        if (!is_output(l->g, a->name.text)) return true;
    return false;
}

/* at: where it stands. */
static ir_value *output_value(lower *l, const ast_stmt *st, const ir_port *port, nfc_span *at)
{
    const ast_arg *a = is_short_form(l, st) ? st->arg : returned(l, st, port);
    ast_expr name = {.kind = AST_NAME, .at = a ? a->name.at : st->at, .name = {a ? a->name.text : port->name, a ? a->name.at : st->at}};
    const ast_expr *e = a && a->value ? a->value : &name;
    if (!a && (!lower_find(l, port->name))) {
        if (!l->ast->lost && !misnamed(l, st)) diag_note(lower_error(l, E_OUTPUT, st->at, "output '%s' is not returned here", port->name), port->at, "declared here");
        return poison_value(l, st->at);
    }
    if (port->type->kind != IR_TENSOR) return poison_value(l, st->at);
    ir_value *v = lower_value(l, e, port->type->dtype, NULL);
    *at = e->at;
    return v;
}

void lower_return(lower *l, const ast_stmt *st)
{
    ir_inst *inst = ir_new(l->m, IR_return, st->at, 0, NULL);
    l->ended = st;
    for (const ast_arg *a = st->arg; a && !is_short_form(l, st); a = a->next) {
        const char **names = ARENA_ARRAY(l->s->arena, const char *, l->g->output.n + 1);
        for (int i = 0; i < l->g->output.n; i++) names[i] = l->g->output.at[i].name;
        if (!is_output(l->g, a->name.text) && !l->ast->lost) diag_choices(lower_error(l, E_OUTPUT, a->name.at, "the graph has no output '%s'", a->name.text), a->name.text, names, "the outputs are");
    }
    nfc_span *at = ARENA_ARRAY(l->s->arena, nfc_span, l->g->output.n + 1);
    for (int i = 0; i < l->g->output.n; i++) ir_push_operand(l->m, inst, output_value(l, st, &l->g->output.at[i], &at[i]));
    for (int i = 0; i < l->g->state.n; i++) ir_push_operand(l->m, inst, token_of(l, l->g->state.at[i]));
    lower_emit(l, inst);
    lower_outputs_check(l, inst, at);
}

/* ---- blocks -------------------------------------------------------------------------------- */

void lower_block_end(lower *l, const ast_block *b)
{
    if (l->ended || l->ast->lost) return;
    for (const ast_stmt *st = b->stmt; st; st = st->next)
        if (st->kind == AST_BROKEN) return; /* what could not be read may have been the end */
    nfc_diag *d = lower_error(l, E_NO_END, b->name.at, "block '%s' does not end: its last statement must be a %s", b->name.text, l->loop ? "yield, break, branch or return" : "branch or return");
    const ast_stmt *last = b->stmt;
    while (last && last->next) last = last->next;
    if (last) diag_note(d, last->at, "the last statement");
}

void lower_block_body(lower *l, const ast_block *b)
{
    const ir_hints *hints = l->hints;
    l->hints = lower_hints(l, b->with, l->hints);
    l->ended = NULL;
    lower_stmts(l, b->stmt);
    lower_block_end(l, b);
    l->hints = hints;
}

static lower_env *base_env(lower *l, ir_block *entry)
{
    lower_env *env = new_env(l, NULL);
    l->env = env;
    for (int i = 0; i < l->g->input.n; i++) {
        const ir_port *p = &l->g->input.at[i];
        ir_value *v = ir_block_arg(entry, p->type, p->name, p->at);
        if (map_get(&env->names, p->name) || lower_name_clashes(l, (ast_name){p->name, p->at}, "input")) continue;
        *lower_bind_in(l, env, p->name) = (binding){.kind = BIND_VALUE, .value = v, .at = p->at};
    }
    return env;
}

static void add_params(lower *l, const ast_block *a, ir_block *b)
{
    for (const ast_decl *p = a->param; p; p = p->next) {
        const ir_type *type;
        lower_type(l, &p->type, &type);
        ir_block_arg(b, type, p->name.text, p->name.at);
        for (const ast_decl *q = a->param; q != p; q = q->next)
            if (q->name.text == p->name.text) diag_note(lower_error(l, E_DUPLICATE, p->name.at, "parameter '%s' is declared twice", p->name.text), q->name.at, "first here");
    }
}

static void add_blocks(lower *l, const ast_block *list)
{
    for (const ast_block *a = list; a; a = a->next) {
        bool entry = strcmp(a->name.text, "entry") == 0;
        ir_block *other = map_get(&l->blocks, a->name.text);
        if (other) {
            diag_note(lower_error(l, E_DUPLICATE, a->name.at, "there are two blocks '%s'", a->name.text), other->at, "first here");
            continue;
        }
        ir_block *b = entry ? l->g->body->first : ir_block_new(l->g->body, a->name.text, a->name.at);
        b->at = a->name.at;
        map_set(&l->blocks, a->name.text, b);
        if (entry && a->param) lower_error(l, E_BLOCK, a->param->name.at, "block entry takes no parameters: the graph's inputs are its own");
        if (entry) continue;
        add_params(l, a, b);
        for (int i = 0; i < l->g->state.n; i++) ir_block_arg(b, ir_token_type(l->m, l->g->state.at[i]), NULL, a->name.at);
    }
}

static void enter_block(lower *l, lower_env *base, const ast_block *a, ir_block *b, bool entry)
{
    l->block = b;
    l->env = new_env(l, base);
    if (!entry) {
        int nparam = b->arg.n - l->g->state.n;
        for (int i = 0; i < nparam; i++) {
            ast_name name = {b->arg.at[i]->name, b->arg.at[i]->at};
            lower_bind(l, name, b->arg.at[i]);
        }
        for (int i = 0; i < l->g->state.n; i++)
            lower_bind(l, (ast_name){state_key(l, l->g->state.at[i]), b->at}, b->arg.at[nparam + i]);
    } else {
        for (int i = 0; i < l->g->state.n; i++) {
            ir_inst *inst = ir_new(l->m, IR_token, l->g->state.at[i]->at, 0, NULL);
            inst->state = l->g->state.at[i];
            ir_value *v = ir_add_result(l->m, inst, ir_token_type(l->m, inst->state), NULL, inst->at);
            lower_emit(l, inst);
            lower_bind(l, (ast_name){state_key(l, inst->state), inst->at}, v);
        }
    }
    lower_block_body(l, a);
}

/* Blocks that no jump reaches are an oversight worth a word, and go. */
static void drop_unreached(lower *l)
{
    nfc_map reached;
    map_init(&reached, l->s->arena);
    VEC(ir_block *) work = {0};
    vec_push(l->s->arena, &work, l->g->body->first);
    map_setp(&reached, l->g->body->first, l);
    while (work.n) {
        ir_block *b = work.at[--work.n];
        for (int k = 0; b->last && k < b->last->nedge; k++) {
            ir_block *to = b->last->edge[k].to;
            if (!to || map_getp(&reached, to)) continue;
            map_setp(&reached, to, l);
            vec_push(l->s->arena, &work, to);
        }
    }
    for (ir_block **link = &l->g->body->first; *link;) {
        ir_block *b = *link;
        if (map_getp(&reached, b)) {
            l->g->body->last = b;
            link = &b->next;
            continue;
        }
        diag_warning(&l->s->diags, W_UNREACHED, b->at, "no jump reaches block '%s'", b->name);
        while (b->last) ir_erase(b->last);
        *link = b->next;
    }
}

void lower_graph(lower *l, const ast_graph *g)
{
    map_init(&l->blocks, l->s->arena);
    map_init(&l->syms, l->s->arena);
    for (int i = 0; i < l->m->state.n; i++)
        if (!l->m->state.at[i]->graph || l->m->state.at[i]->graph == l->g) vec_push(l->m->arena, &l->g->state, l->m->state.at[i]);
    l->env = NULL;
    lower_ports(l);
    lower_result_check(l);
    ir_block *entry = ir_block_new(l->g->body, "entry", g->at);
    lower_env *base = base_env(l, entry);
    add_blocks(l, g->block);
    if (!map_get(&l->blocks, "entry")) {
        if (!l->ast->lost) diag_help(lower_error(l, E_BLOCK, g->block ? g->block->name.at : g->at, "the graph has no block 'entry', where execution starts"), "write block entry { ... }");
        return;
    }
    for (const ast_block *a = g->block; a; a = a->next) {
        ir_block *b = map_get(&l->blocks, a->name.text);
        if (b->at.line == a->name.at.line && b->at.col == a->name.at.col) enter_block(l, base, a, b, b == entry);
    }
    if (l->s->diags.errors == 0) {
        drop_unreached(l);
        ir_order_blocks(l->s->arena, l->g->body);
    }
    l->env = NULL;
}
