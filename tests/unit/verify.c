/* ir_verify(): a module that is right, broken in one way each. */
#include "tests/unit/unit.h"

static const char *const text =
    "dims { N <= 8; }\n"
    "state { s : buffer(f32, [4, 3]); }\n"
    "inputs { x : f32 [3]; k : i32 [] with { min = 0, max = 3 }; c : bool []; z : f32 [N]; }\n"
    "outputs { y : f32 [3]; w : f32 [N]; }\n"
    "block entry {\n"
    "    h = x;\n"
    "    loop l (i in 0..4) { block body { h = op exp(input=h); yield h; } }\n"
    "    effect write(s, index=k, value=h);\n"
    "    r = effect read(s, index=k);\n"
    "    u = op add(a=r, b=1.0);\n"
    "    v = op neg(x=z);\n"
    "    branch c ? left(r, v) : right(u, v);\n"
    "}\n"
    "block left(p : f32 [3], n : f32 [N]) { t = op relu(x=p); return y=t, w=n; }\n"
    "block right(q : f32 [3], o : f32 [N]) { q = op clip(input=q, min=0.0); branch left(q, o); }\n";

typedef struct {
    nfc_session *s;
    ir_module *m;
    ir_graph *g;
    ir_block *entry, *left, *right, *body;
    ir_inst *loop;
} good;

static good begin(void)
{
    good b = {.s = unit_session()};
    b.m = unit_module(b.s, text);
    const char *broken = ir_verify(b.m);
    cr_assert_null(broken, "%s", broken);
    b.g = b.m->graph.at[0];
    b.entry = b.g->body->first;
    b.left = b.entry->last->edge[0].to;
    b.right = b.entry->last->edge[1].to;
    b.loop = unit_inst(b.m, IR_loop, 0);
    b.body = b.loop->region[0]->first;
    return b;
}

static void check_broken(good *b, const char *part)
{
    const char *broken = ir_verify(b->m);
    cr_assert(unit_has(broken, part), "%s, not: %s", broken ? broken : "nothing is found", part);
}

/* A change is one statement, over the good module b. */
#define BROKEN(name, part, change)                                                                 \
    Test(verify, name)                                                                             \
    {                                                                                              \
        good b = begin();                                                                          \
        change;                                                                                    \
        check_broken(&b, part);                                                                    \
    }

static const ir_type *vector(good *b, int64_t n)
{
    const ir_sx *dim = sx_int(&b->m->sx, n);
    return ir_tensor(b->m, DT_f32, 1, &dim);
}

static void set_type(ir_value *v, const ir_type *t) { v->type = t; }

static void set_extent(ir_module *m, ir_value *v, const ir_sx *extent)
{
    ir_type *t = ARENA_NEW(m->arena, ir_type);
    *t = *v->type;
    t->dim[0] = extent;
    v->type = t;
}

static void set_rank(good *b, ir_value *v, int rank)
{
    ir_type *t = ARENA_NEW(b->m->arena, ir_type);
    *t = *v->type;
    t->rank = rank;
    v->type = t;
}

/* ---- types --------------------------------------------------------------------------------- */

BROKEN(poison, "a poisoned type", set_type(unit_inst(b.m, IR_relu, 0)->out[0], ir_poison(b.m)))
BROKEN(rank_9, "rank 9", set_rank(&b, unit_inst(b.m, IR_neg, 0)->out[0], 9))
BROKEN(rank_below_0, "rank -1", set_rank(&b, unit_inst(b.m, IR_neg, 0)->out[0], -1))
BROKEN(negative_extent, "can be negative", set_extent(b.m, unit_inst(b.m, IR_relu, 0)->out[0], sx_int(&b.m->sx, -1)))
BROKEN(extent_that_may_be_negative, "extent N - 2 can be negative",
       set_extent(b.m, unit_inst(b.m, IR_add, 0)->out[0], sx_sub(&b.m->sx, unit_inst(b.m, IR_neg, 0)->in[0]->type->dim[0], sx_int(&b.m->sx, 2))))
BROKEN(extent_without_bound, "has no bound", set_extent(b.m, unit_inst(b.m, IR_relu, 0)->out[0], sx_int(&b.m->sx, INT64_C(1) << 41)))

/* ---- operands ------------------------------------------------------------------------------ */

static void move_before(ir_inst *what, ir_inst *where)
{
    ir_unlink(what);
    ir_insert_before(where, what);
}

BROKEN(operand_missing, "operand 0 is missing", ir_set_operand(unit_inst(b.m, IR_relu, 0), 0, NULL))
BROKEN(variadic_operand_missing, "operand 1 is missing", ir_set_operand(unit_inst(b.m, IR_br, 0), 1, NULL))
BROKEN(use_of_another_value, "the use of operand 0 is not linked", unit_inst(b.m, IR_relu, 0)->in[0] = b.entry->arg.at[0])
BROKEN(use_of_another_instruction, "the use of operand 0 is not linked", unit_inst(b.m, IR_relu, 0)->use[0].inst = b.loop)
BROKEN(use_off_its_list, "the use of operand 0 is not linked", b.left->arg.at[0]->uses = NULL)
BROKEN(use_before_definition, "operand 0 is used before it is made", move_before(unit_inst(b.m, IR_add, 0), b.entry->first))
BROKEN(use_of_itself, "is used before it is made", ir_set_operand(unit_inst(b.m, IR_relu, 0), 0, unit_inst(b.m, IR_relu, 0)->out[0]))
BROKEN(use_from_a_block_that_does_not_dominate, "operand 0 is used before it is made", ir_set_operand(unit_inst(b.m, IR_relu, 0), 0, b.right->arg.at[0]))
BROKEN(use_from_inside_of_a_loop, "is used before it is made", ir_set_operand(unit_inst(b.m, IR_add, 0), 0, unit_inst(b.m, IR_exp, 0)->out[0]))
BROKEN(use_of_a_loop_inside_of_it, "is used before it is made", ir_set_operand(unit_inst(b.m, IR_exp, 0), 0, b.loop->out[0]))
BROKEN(use_of_what_was_erased, "is used before it is made", ir_unlink(unit_inst(b.m, IR_add, 0)))
BROKEN(index_before_it_is_made, "the index 'k' is used before it is made", move_before(unit_inst(b.m, IR_index_read, 0), b.entry->last))
BROKEN(loop_variable_outside, "the index 'i' is used before it is made", unit_inst(b.m, IR_read, 0)->sel[0].start = sx_sym(&b.m->sx, b.body->arg.at[0]->sym))
BROKEN(index_in_an_extent, "the index 'i' is used before it is made", unit_inst(b.m, IR_read, 0)->sel[1].extent = sx_sym(&b.m->sx, b.body->arg.at[0]->sym))
/* The index read of k, in place of it what is required of another index. */
static ir_inst *required(good *b, const ir_sx *x, int64_t min, int64_t max, int64_t lo, int64_t hi)
{
    ir_inst *inst = ir_new(b->m, IR_require, unit_place(), 0, NULL);
    inst->index[0] = x;
    inst->attr[0] = (ir_attr){.kind = IR_ATTR_INT, .i = min};
    inst->attr[1] = (ir_attr){.kind = IR_ATTR_INT, .i = max};
    ir_index_sym(b->m, ir_add_result(b->m, inst, ir_index_type(b->m), "r", unit_place()), lo, hi);
    ir_insert_before(b->entry->last, inst);
    return inst;
}

static const ir_sx *wide(good *b)
{
    const ir_sym *k = unit_inst(b->m, IR_index_read, 0)->out[0]->sym;
    return sx_mul(&b->m->sx, sx_sym(&b->m->sx, k), sx_int(&b->m->sx, INT64_MAX / 2));
}

BROKEN(requirement_with_other_bounds, "other bounds than what is required", required(&b, sx_int(&b.m->sx, 3), 0, 4, 0, 5))
BROKEN(requirement_before_its_index, "the index 'i' is used before it is made", required(&b, sx_sym(&b.m->sx, b.body->arg.at[0]->sym), 0, 4, 0, 4))
BROKEN(requirement_without_an_index, "a malformed requirement", required(&b, sx_int(&b.m->sx, 3), 0, 4, 0, 4)->nindex = 0)
BROKEN(requirement_of_nothing, "a requirement without bounds", required(&b, sx_int(&b.m->sx, 3), 4, 0, 0, 4))
BROKEN(bound_that_leaves_64_bits, "can leave 64 bits", b.loop->index[0] = wide(&b))

Test(verify, what_is_required_may_leave_64_bits)
{
    good b = begin();
    required(&b, wide(&b), 0, 4, 0, 4);
    const char *broken = ir_verify(b.m);
    cr_assert_null(broken, "%s", broken);
}

BROKEN(index_in_a_bound, "the index 'i' is used before it is made", b.loop->index[1] = sx_sym(&b.m->sx, b.body->arg.at[0]->sym))

Test(verify, what_dominates_may_be_used)
{
    good b = begin();
    ir_set_operand(unit_inst(b.m, IR_relu, 0), 0, unit_inst(b.m, IR_add, 0)->out[0]); /* entry is before left */
    ir_set_operand(unit_inst(b.m, IR_exp, 0), 0, b.entry->arg.at[0]);                 /* and around the loop */
    const char *broken = ir_verify(b.m);
    cr_assert_null(broken, "%s", broken);
}

/* ---- jumps, yields and returns ------------------------------------------------------------- */

BROKEN(jump_to_nowhere, "a jump out of its region", b.right->last->edge[0].to = NULL)
BROKEN(jump_into_a_loop, "a jump out of its region", b.right->last->edge[0].to = b.body)
BROKEN(too_few_arguments, "3 arguments for 4 of block left", ir_block_arg(b.left, vector(&b, 3), "extra", unit_place()))
BROKEN(argument_of_another_type, "argument 0 of block left has another type", set_type(b.left->arg.at[0], vector(&b, 4)))
BROKEN(argument_of_another_dim, "argument 1 of block left has another type", set_type(b.left->arg.at[1], vector(&b, 8)))
BROKEN(yield_in_the_body, "a yield outside of a region", ir_erase(b.left->last); ir_append(b.left, ir_new(b.m, IR_yield, unit_place(), 0, NULL)))
BROKEN(break_in_the_body, "a break outside of a region", ir_erase(b.left->last); ir_append(b.left, ir_new(b.m, IR_break, unit_place(), 0, NULL)))
BROKEN(break_of_too_little, "0 values for 1 results", ir_erase(b.body->last); ir_append(b.body, ir_new(b.m, IR_break, unit_place(), 0, NULL)))
BROKEN(yield_of_too_much, "2 values for 1 results", ir_push_operand(b.m, b.body->last, b.body->arg.at[1]))
BROKEN(yield_of_another_type, "value 0 has another type than its result", ir_set_operand(b.body->last, 0, b.entry->arg.at[3]))
BROKEN(return_of_too_little, "2 values for 2 outputs and 1 states", ir_drop_operand(b.left->last, 2))
BROKEN(return_of_another_type, "output y has another type", ir_set_operand(b.left->last, 0, b.left->arg.at[1]))
BROKEN(result_dim_of_a_value, "made of what only the end of the run knows", set_extent(b.m, unit_inst(b.m, IR_relu, 0)->out[0], ir_result_dim(b.m, "R", 8, unit_place())))
BROKEN(result_dim_of_an_index, "'R' is used, which only the end of the run knows", b.loop->index[1] = ir_result_dim(b.m, "R", 8, unit_place()))
BROKEN(result_dim_of_an_input, "input x has an extent that only the end of the run knows", set_extent(b.m, b.entry->arg.at[0], ir_result_dim(b.m, "R", 8, unit_place())); b.g->input.at[0].type = b.entry->arg.at[0]->type)
BROKEN(return_without_a_token, "the token of state s is missing", ir_set_operand(b.left->last, 2, b.left->arg.at[0]))

/* ---- effects ------------------------------------------------------------------------------- */

BROKEN(effect_without_a_state, "a malformed effect", unit_inst(b.m, IR_read, 0)->state = NULL)
BROKEN(effect_with_few_selectors, "a malformed effect", unit_inst(b.m, IR_write, 0)->nsel = 1)
BROKEN(write_without_a_value, "a malformed effect", ir_drop_operand(unit_inst(b.m, IR_write, 0), 1))
BROKEN(effect_on_no_token, "an effect without the token of its state", ir_set_operand(unit_inst(b.m, IR_read, 0), 0, b.entry->arg.at[0]))
BROKEN(effect_on_another_token, "an effect without the token of its state",
       unit_inst(b.m, IR_read, 0)->state = ir_state_new(b.m, NULL, "other", b.g->state.at[0]->type, unit_place()))
BROKEN(read_of_another_shape, "the result is not the part of the state that is read", set_type(unit_inst(b.m, IR_read, 0)->out[0], vector(&b, 4)))
BROKEN(read_of_another_dtype, "the result is not the part of the state that is read",
       set_type(unit_inst(b.m, IR_read, 0)->out[0], ir_tensor(b.m, DT_i32, 1, b.entry->arg.at[0]->type->dim)))
BROKEN(read_of_another_rank, "the result is not the part of the state that is read", set_type(unit_inst(b.m, IR_read, 0)->out[0], ir_scalar(b.m, DT_f32)))
BROKEN(write_of_another_shape, "the value does not fit the part of the state that is written", ir_set_operand(unit_inst(b.m, IR_write, 0), 1, b.entry->arg.at[3]))
BROKEN(write_gives_a_tensor, "the value does not fit the part of the state that is written", set_type(unit_inst(b.m, IR_write, 0)->out[0], vector(&b, 3)))

/* ---- the IR's own instructions ------------------------------------------------------------- */

static void add_result(good *b, ir_inst *inst) { ir_add_result(b->m, inst, ir_scalar(b->m, DT_f32), NULL, unit_place()); }

BROKEN(constant_of_nothing, "a malformed constant", unit_inst(b.m, IR_const, 0)->constant = NULL)
BROKEN(constant_with_two_results, "a malformed constant", add_result(&b, unit_inst(b.m, IR_const, 0)))
BROKEN(index_of_a_float, "a malformed index", ir_set_operand(unit_inst(b.m, IR_index_read, 0), 0, unit_inst(b.m, IR_const, 0)->out[0]); move_before(unit_inst(b.m, IR_const, 0), b.entry->first))
BROKEN(index_of_a_vector, "a malformed index", ir_set_operand(unit_inst(b.m, IR_index_read, 0), 0, b.entry->arg.at[0]))
BROKEN(index_that_is_a_tensor, "a malformed index", set_type(unit_inst(b.m, IR_index_read, 0)->out[0], ir_scalar(b.m, DT_i64)))
BROKEN(condition_of_another_type, "the condition is no scalar bool", ir_set_operand(b.entry->last, 0, b.entry->arg.at[1]))
BROKEN(condition_that_is_a_vector, "the condition is no scalar bool", ir_set_operand(b.entry->last, 0, b.entry->arg.at[0]))
BROKEN(one_way_out_of_two, "the condition is no scalar bool", b.entry->last->nedge = 1)
BROKEN(jump_without_a_target, "a jump without a target", b.right->last->nedge = 0)
BROKEN(terminator_with_a_result, "a terminator with a result", add_result(&b, b.right->last))

Test(verify, index_tensors_and_tokens)
{
    good b = begin();
    ir_inst *t = ir_new(b.m, IR_index_tensor, unit_place(), 0, NULL), *token = ir_new(b.m, IR_token, unit_place(), 0, NULL);
    t->index = ARENA_NEW(b.m->arena, const ir_sx *);
    t->index[0] = sx_int(&b.m->sx, 3);
    t->nindex = 1;
    ir_add_result(b.m, t, ir_scalar(b.m, DT_i64), NULL, unit_place());
    token->state = b.g->state.at[0];
    ir_add_result(b.m, token, ir_token_type(b.m, token->state), NULL, unit_place());
    ir_insert_before(b.entry->first, t);
    ir_insert_before(b.entry->first, token);
    const char *broken = ir_verify(b.m);
    cr_assert_null(broken, "%s", broken);
    set_type(t->out[0], vector(&b, 3));
    check_broken(&b, "a malformed index");
    set_type(t->out[0], ir_scalar(b.m, DT_i64));
    set_type(token->out[0], ir_scalar(b.m, DT_i64));
    check_broken(&b, "a malformed token");
}

/* ---- loops --------------------------------------------------------------------------------- */

BROKEN(loop_with_a_bound_missing, "a malformed loop", b.loop->nindex = 1)
BROKEN(loop_with_another_result, "a malformed loop", add_result(&b, b.loop))
BROKEN(loop_too_far_up, "a loop without a bound", b.loop->index[1] = sx_int(&b.m->sx, IR_MAX_BOUND + INT64_C(1)))
BROKEN(loop_too_far_down, "a loop without a bound", b.loop->index[0] = sx_int(&b.m->sx, -IR_MAX_BOUND - INT64_C(1)))
BROKEN(loop_body_with_more_arguments, "the loop's first block has other arguments", ir_block_arg(b.body, vector(&b, 3), "x", unit_place()))
BROKEN(loop_body_without_a_variable, "the loop's first block has other arguments", set_type(b.body->arg.at[0], ir_scalar(b.m, DT_i64)))
BROKEN(loop_result_of_another_type, "carried value 0 changes its type", set_type(b.loop->out[0], vector(&b, 4)))
BROKEN(loop_operand_of_another_type, "carried value 0 changes its type", ir_set_operand(b.loop, 0, b.entry->arg.at[3]))
BROKEN(loop_argument_of_another_type, "carried value 0 changes its type", set_type(b.body->arg.at[1], vector(&b, 4)))

/* ---- blocks -------------------------------------------------------------------------------- */

BROKEN(region_without_a_block, "a region without a block", b.g->body->first = NULL)
BROKEN(loop_without_a_block, "a malformed loop", b.loop->region[0]->first = NULL)
BROKEN(region_of_another_owner, "a malformed region", b.loop->region[0]->owner = b.entry->last)
BROKEN(block_of_another_region, "block body is not linked", b.body->region = b.g->body)
BROKEN(last_block_is_another, "is not linked", b.g->body->last = b.entry)
BROKEN(block_without_an_end, "block right does not end in a terminator", ir_erase(b.right->last))
BROKEN(empty_block, "does not end in a terminator", ir_block_new(b.g->body, "empty", unit_place()))
BROKEN(argument_of_another_block, "argument 0 of block left is not linked", b.left->arg.at[0]->block = b.right)
BROKEN(argument_in_another_slot, "argument 1 of block left is not linked", b.left->arg.at[1]->slot = 0)
BROKEN(instruction_of_another_block, "the list of block entry is damaged", unit_inst(b.m, IR_add, 0)->block = b.left)
BROKEN(list_without_a_way_back, "the list of block entry is damaged", unit_inst(b.m, IR_add, 0)->prev = NULL)
BROKEN(terminator_inside, "a terminator inside of block right", ir_inst *t = ir_clone(b.m, b.right->last, b.right->last->in); t->edge[0] = b.right->last->edge[0]; t->nedge = 1; ir_insert_before(b.right->first, t))
BROKEN(instruction_without_a_place, "an instruction without a place in the source", unit_inst(b.m, IR_relu, 0)->at = NO_SPAN)
BROKEN(result_of_another_instruction, "result 0 is not linked", unit_inst(b.m, IR_relu, 0)->out[0]->def = b.loop)
BROKEN(result_in_another_slot, "result 0 is not linked", unit_inst(b.m, IR_relu, 0)->out[0]->slot = 1)

/* ---- fused instructions -------------------------------------------------------------------- */

/* neg and what returns it: v becomes the result of a fused instruction. */
static ir_inst *fused(good *b)
{
    ir_inst *neg = unit_inst(b->m, IR_neg, 0), *f = ir_new(b->m, IR_fused, unit_place(), 1, neg->in);
    ir_region *r = ir_region_new(b->g, f);
    ir_block *body = ir_block_new(r, "", unit_place());
    f->region[0] = r;
    f->nregion = 1;
    ir_value *arg = ir_block_arg(body, neg->in[0]->type, NULL, unit_place()), *out = ir_add_result(b->m, f, neg->out[0]->type, NULL, unit_place());
    ir_insert_before(neg, f);
    ir_replace_uses(neg->out[0], out);
    ir_unlink(neg);
    ir_append(body, neg);
    ir_set_operand(neg, 0, arg);
    ir_append(body, ir_new(b->m, IR_yield, unit_place(), 1, neg->out));
    const char *broken = ir_verify(b->m);
    cr_assert_null(broken, "%s", broken);
    return f;
}

BROKEN(fused_with_another_argument, "a malformed fused instruction", ir_block_arg(fused(&b)->region[0]->first, vector(&b, 3), NULL, unit_place()))
BROKEN(fused_with_two_blocks, "a malformed fused instruction",
       ir_block *other = ir_block_new(fused(&b)->region[0], "b", unit_place()); ir_append(other, ir_new(b.m, IR_yield, unit_place(), 0, NULL)))
BROKEN(fused_operand_of_another_type, "operand 0 has another type than its argument", ir_set_operand(fused(&b), 0, b.entry->arg.at[0]))
BROKEN(fused_effect, "an effect inside of a fused instruction",
       const ir_inst *write = unit_inst(b.m, IR_write, 0); ir_insert_before(fused(&b)->region[0]->first->first, ir_clone(b.m, write, write->in)))
BROKEN(fused_loop, "an effect inside of a fused instruction",
       ir_inst *f = fused(&b); ir_inst *loop = ir_clone(b.m, b.loop, b.loop->in); loop->region[0] = b.loop->region[0]; loop->nregion = 1; ir_insert_before(f->region[0]->first->first, loop))
BROKEN(fused_yield_of_too_little, "0 values for 1 results", ir_drop_operand(fused(&b)->region[0]->first->last, 0))

BROKEN(fused_inside_of_another, "a fused instruction inside of another", ir_insert_before(fused(&b)->region[0]->first->first, ir_new(b.m, IR_fused, unit_place(), 0, NULL)))
