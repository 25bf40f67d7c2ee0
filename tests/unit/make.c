/* ir/make.h: branches and loops, with values captured from around them, and integers that a run must hold to. */
#include "ir/dom.h"
#include "ir/make.h"
#include "ir/sim.h"
#include "passes/pass.h"
#include "passes/plan.h"
#include "tests/unit/unit.h"

static ir_value *input(ir_graph *g, const char *name, const ir_type *type)
{
    vec_push(g->module->arena, &g->input, ((ir_port){.name = name, .type = type, .at = unit_place()}));
    return ir_block_arg(g->body->first, type, name, unit_place());
}

/* A module with one graph, and a builder that stands in its entry block. */
static ir_graph *begin(mk *k)
{
    ir_module *m = unit_empty(unit_session());
    vec_push(m->arena, &m->file, unit_place().file);
    ir_graph *g = ir_graph_new(m, "g", unit_place());
    *k = (mk){.m = m, .block = ir_block_new(g->body, "entry", unit_place()), .at = unit_place()};
    return g;
}

static void finish(mk *k, ir_graph *g, ir_value *y)
{
    vec_push(k->m->arena, &g->output, ((ir_port){.name = "y", .type = y->type, .at = unit_place()}));
    ir_append(k->block, ir_new(k->m, IR_return, unit_place(), 1, &y));
    ir_order_blocks(k->m->arena, g->body);
    const char *broken = ir_verify(k->m);
    cr_assert_null(broken, "%s", broken);
}

/* c ? loop : x, where a trip i of the loop adds x if i is even, and else leaves it when h is over 10 and
 * takes 2 * h + w, where w was made before all of it. */
static ir_graph *nested(mk *k)
{
    ir_graph *g = begin(k);
    const ir_type *f = ir_scalar(k->m, DT_f32);
    ir_value *c = input(g, "c", ir_scalar(k->m, DT_bool)), *x = input(g, "x", f), *n = input(g, "n", ir_scalar(k->m, DT_i64));
    ir_value *w = mk_op1(k, IR_neg, x);
    const ir_sx *trips = mk_require(k, mk_index_read(k, n, INT64_MIN, INT64_MAX), 0, IR_MAX_BOUND);
    ir_block *then = mk_block(k, "then", 0, NULL), *otherwise = mk_block(k, "else", 0, NULL), *join = mk_block(k, "join", 1, &f);
    mk_cond_branch(k, c, then, 0, NULL, otherwise, 0, NULL);
    mk_stand(k, otherwise);
    mk_branch(k, join, 1, &x);
    mk_stand(k, then);
    mk_loop loop;
    mk_loop_begin(k, &loop, "l", mk_sx(k, 0), trips, 1, &x);
    ir_value *h = loop.carried[0], *odd = mk_op2(k, IR_equal, mk_index_tensor(k, sx_mod(&k->m->sx, loop.index, 2), DT_i64), mk_integer(k, DT_i64, 1));
    ir_block *even_way = mk_block(k, "even", 0, NULL), *odd_way = mk_block(k, "odd", 0, NULL), *next = mk_block(k, "next", 1, &f);
    mk_cond_branch(k, odd, odd_way, 0, NULL, even_way, 0, NULL);
    mk_stand(k, even_way);
    ir_value *more = mk_op2(k, IR_add, h, x);
    mk_branch(k, next, 1, &more);
    mk_stand(k, odd_way);
    ir_block *out = mk_block(k, "out", 0, NULL), *on = mk_block(k, "on", 0, NULL);
    mk_cond_branch(k, mk_op2(k, IR_greater, h, mk_number(k, DT_f32, 10)), out, 0, NULL, on, 0, NULL);
    mk_stand(k, out);
    mk_break(k, 1, &h);
    mk_stand(k, on);
    ir_value *twice = mk_op2(k, IR_add, mk_op2(k, IR_add, h, h), w);
    mk_branch(k, next, 1, &twice);
    mk_stand(k, next);
    mk_loop_end(k, &loop, next->arg.at);
    mk_branch(k, join, 1, &loop.carried[0]);
    mk_stand(k, join);
    finish(k, g, mk_op2(k, IR_sub, join->arg.at[0], w));
    return g;
}

static float expected(bool c, float x, int64_t n)
{
    float h = x;
    for (int64_t i = 0; c && i < n; i++) {
        if (i % 2 && h > 10) break;
        h = i % 2 ? 2 * h - x : h + x;
    }
    return h + x;
}

static void check_runs(ir_module *m, ir_graph *g)
{
    sim *s = sim_new(m);
    for (int i = 0; i < 40; i++) {
        sim_tensor *in[3] = {sim_tensor_new(s, DT_bool, 0, NULL), sim_tensor_new(s, DT_f32, 0, NULL), sim_tensor_new(s, DT_i64, 0, NULL)}, *y;
        bool c = i % 4 != 0;
        float x = (float)(i % 5) * 0.5f;
        int64_t n = i % 3 ? i % 7 : INT64_C(1) << 30;
        if (x == 0) n %= 100;
        sim_set_int(in[0], 0, c);
        sim_set(in[1], 0, (double)x);
        sim_set_int(in[2], 0, n);
        cr_assert(sim_run(s, g, in, &y));
        cr_expect_eq((float)sim_get(y, 0), expected(c, x, n), "run %d: %g, not %g", i, sim_get(y, 0), (double)expected(c, x, n));
        sim_set_int(in[2], 0, i % 2 ? -1 : INT64_MAX);
        cr_expect_not(sim_run(s, g, in, &y));
        cr_expect(unit_has(unit_error(m->session), "which is not from 0 to 1073741824"), "%s", unit_error(m->session));
    }
    sim_free(s);
}

Test(make, branches_in_loops_in_branches)
{
    mk k;
    ir_graph *g = nested(&k);
    check_runs(k.m, g);
    cr_assert(passes_run(k.m, &(pass_options){.stop_at = -1, .verify = true, .precision = DT_f32}));
    check_runs(k.m, g);
    cr_assert_not_null(plan_module(k.m, &(plan_options){.alignment = 64}));
}

Test(make, what_is_certain_is_not_required)
{
    mk k;
    ir_graph *g = begin(&k);
    ir_value *n = input(g, "n", ir_scalar(k.m, DT_i8));
    const ir_sx *x = mk_index_read(&k, n, -128, 127), *doubled = sx_mul(&k.m->sx, x, mk_sx(&k, 2));
    cr_assert_eq(mk_require(&k, doubled, -256, 254), doubled);
    const ir_sx *some = mk_require(&k, doubled, -1000, 0);
    cr_assert(sx_only_sym(some) && sx_min(some) == -256 && sx_max(some) == 0);
    cr_assert(sx_is(mk_require(&k, sx_sub(&k.m->sx, x, some), 0, 0), 0));
    finish(&k, g, n);
}

/* Two ways out of a graph, with values of other extents each. */
Test(make, each_return_says_what_a_result_dim_is)
{
    mk k;
    ir_graph *g = begin(&k);
    const ir_sx *eight = mk_sx(&k, 8), *size = ir_result_dim(k.m, "K", 6, unit_place());
    ir_value *c = input(g, "c", ir_scalar(k.m, DT_bool)), *x = input(g, "x", ir_tensor(k.m, DT_f32, 1, &eight)), *n = input(g, "n", ir_scalar(k.m, DT_i64));
    const ir_sx *twice = sx_mul(&k.m->sx, size, mk_sx(&k, 2)), *rows[2] = {size, mk_sx(&k, 1)};
    vec_push(k.m->arena, &g->output, ((ir_port){.name = "y", .type = ir_tensor(k.m, DT_f32, 2, rows), .at = unit_place()}));
    vec_push(k.m->arena, &g->output, ((ir_port){.name = "z", .type = ir_tensor(k.m, DT_f32, 1, &twice), .at = unit_place()}));
    const ir_sx *m = mk_require(&k, mk_index_read(&k, n, INT64_MIN, INT64_MAX), 0, 8);
    ir_block *a = mk_block(&k, "a", 0, NULL), *b = mk_block(&k, "b", 0, NULL);
    mk_cond_branch(&k, c, a, 0, NULL, b, 0, NULL);
    mk_stand(&k, a);
    ir_value *part = mk_slice(&k, x, 0, mk_sx(&k, 0), m), *both[2] = {part, part};
    ir_append(a, ir_new(k.m, IR_return, unit_place(), 2, (ir_value *[]){mk_unsqueeze(&k, part, 1), mk_concat(&k, 2, both, 0)}));
    mk_stand(&k, b);
    ir_value *three = mk_slice(&k, x, 0, mk_sx(&k, 2), mk_sx(&k, 5));
    ir_append(b, ir_new(k.m, IR_return, unit_place(), 2, (ir_value *[]){mk_unsqueeze(&k, three, 1), mk_slice(&k, x, 0, mk_sx(&k, 0), m)}));
    ir_order_blocks(k.m->arena, g->body);
    const char *broken = ir_verify(k.m);
    cr_assert_null(broken, "%s", broken);
    cr_assert(ir_result_value(a->last, sx_only_sym(size)) == m && sx_is(ir_result_value(b->last, sx_only_sym(size)), 3));
    ir_output_axis axis;
    cr_expect_eq(ir_output_fits(k.m, a->last, 0, 0, &axis), IR_MAY_FIT);
    cr_expect_eq(ir_output_fits(k.m, a->last, 1, 0, &axis), IR_FITS);
    cr_expect_eq(ir_output_fits(k.m, b->last, 0, 0, &axis), IR_FITS);
    cr_expect_eq(ir_output_fits(k.m, b->last, 1, 0, &axis), IR_MAY_FIT);
    sim *s = sim_new(k.m);
    for (int way = 0; way < 2; way++)
        for (int64_t i = 0; i <= 8; i++) {
            sim_tensor *in[3] = {sim_tensor_new(s, DT_bool, 0, NULL), sim_tensor_new(s, DT_f32, 1, (int64_t[]){8}), sim_tensor_new(s, DT_i64, 0, NULL)}, *out[2];
            sim_set_int(in[0], 0, way);
            sim_set_int(in[2], 0, i);
            bool fits = way ? i <= 6 : i == 6, ran = sim_run(s, g, in, out);
            cr_expect_eq(ran, fits, "way %d with %lld", way, (long long)i);
            if (ran) cr_expect(out[0]->dim[0] == (way ? i : 3) && out[1]->dim[0] == 2 * out[0]->dim[0]);
        }
    sim_free(s);
}
