/* Winograd's convolution: a conv of 3 x 3 windows becomes a transform of its input, a product of matrices for each element
 * of the transformed squares, whose weights are transformed here, and a transform of the products with the bias. The
 * simulator does not see it: what is computed is compared with the convolution itself. */
#include "ir/winograd.h"

#include <string.h>
#include "ir/make.h"
#include "ir/sat.h"
#include "ir/shape.h"
#include "passes/pass.h"
#include "passes/sched.h"

typedef struct {
    pass_ctx *ctx;
    sched_target target;
    int64_t room; /* as winograd_size has it */
    bool changed;
} rewriter;

/* ---- which ----------------------------------------------------------------------------------- */

static bool is_known_area(const ir_type *x) { return x->rank == 4 && sx_is_const(x->dim[2]) && sx_is_const(x->dim[3]) && ir_max_elements(x) > 0; }

/* Is it one that has a Winograd form, with weights that are known? Gives its window. */
static bool has_form(ir_module *m, const ir_inst *conv, window *w)
{
    if (conv->op != IR_conv || ir_int(conv, ATTR_AT(conv, group)) != 1) return false;
    const ir_type *y = conv->out[0]->type;
    if (y->dtype != DT_f32 || !is_known_area(y) || !is_known_area(conv->in[0]->type) || !ir_const_bytes(conv->in[1])) return false;
    window_of(m, conv, w);
    for (int i = 0; i < 2; i++)
        if (w->kernel[i] != WINOGRAD_WINDOW || w->stride[i] != w->stride[0] || w->stride[i] > 2 || w->dilation[i] != 1 || !sx_is_const(w->lead[i]) || !sx_is_const(w->trail[i])) return false;
    return true;
}

/* Is it what the caller gives, in the order of its axes? */
static bool is_given(const ir_value *v) { return !v->def && !v->block->region->owner && v->block == v->block->region->first; }

/* Is it what the caller gets, as it is or after what works element by element? Then it lies in the order of its axes. */
static bool is_returned(const ir_value *v)
{
    for (const ir_use *u = v->uses; u; u = u->next) {
        if (u->inst->op == IR_return && !u->inst->block->region->owner) return true;
        if (op_get(u->inst->op)->family == FAM_EW && v->uses->next == NULL) return is_returned(u->inst->out[0]);
    }
    return false;
}

static int64_t tile_of(const rewriter *r, const ir_inst *conv, int64_t stride)
{
    const ir_type *y = conv->out[0]->type;
    winograd_size s = {.images = sx_max(y->dim[0]), .height = sx_value(y->dim[2]), .width = sx_value(y->dim[3]), .stride = stride, .room = r->room};
    s.plain_input = is_given(conv->in[0]);
    s.plain_output = is_returned(conv->out[0]);
    s.ci = sx_value(conv->in[0]->type->dim[1]);
    s.co = sx_value(y->dim[1]);
    switch (r->ctx->options->winograd) {
    case WINOGRAD_OFF: return 0;
    case WINOGRAD_AUTO: return winograd_pick(&r->target, &s);
    case WINOGRAD_TILE_2: return stride == 2 ? 3 : 2;
    case WINOGRAD_TILE_4: return stride == 2 ? 3 : 4;
    }
    return 0;
}

/* ---- the weights ----------------------------------------------------------------------------- */

/* W g W' of one window, which begins at an element of f32 numbers. */
static void transform_window(const winograd *w, const void *data, int64_t first, double to[WINOGRAD_MOST][WINOGRAD_MOST])
{
    double g[WINOGRAD_WINDOW * WINOGRAD_WINDOW];
    for (int i = 0; i < WINOGRAD_WINDOW * WINOGRAD_WINDOW; i++) g[i] = dtype_get(DT_f32, data, (size_t)(first + i));
    for (int i = 0; i < w->size; i++)
        for (int j = 0; j < w->size; j++) {
            to[i][j] = 0;
            for (int a = 0; a < WINOGRAD_WINDOW; a++)
                for (int b = 0; b < WINOGRAD_WINDOW; b++) to[i][j] += w->weight[i][a] * w->weight[j][b] * g[a * WINOGRAD_WINDOW + b];
        }
}

/* [M, C, 3, 3] as [A * A, C, M], worked out in f64. */
static ir_value *transformed_weights(mk *k, const winograd *w, const ir_inst *conv)
{
    const ir_type *type = conv->in[1]->type;
    const void *from = ir_const_bytes(conv->in[1]);
    int64_t co = sx_value(type->dim[0]), ci = sx_value(type->dim[1]), squares = w->size * w->size;
    float *to = ARENA_ARRAY(k->m->arena, float, squares * ci * co);
    double u[WINOGRAD_MOST][WINOGRAD_MOST];
    for (int64_t m = 0; m < co; m++)
        for (int64_t c = 0; c < ci; c++) {
            transform_window(w, from, (m * ci + c) * WINOGRAD_WINDOW * WINOGRAD_WINDOW, u);
            for (int64_t i = 0; i < squares; i++) to[(i * ci + c) * co + m] = (float)u[i / w->size][i % w->size];
        }
    const ir_sx *dim[3] = {mk_sx(k, squares), mk_sx(k, ci), mk_sx(k, co)};
    ir_value *v = mk_const(k, ir_tensor(k->m, DT_f32, 3, dim), to);
    v->name = conv->in[1]->name;
    return v;
}

/* ---- the three instructions -------------------------------------------------------------------- */

static ir_value *named(ir_value *v, const ir_inst *conv)
{
    v->name = conv->out[0]->name;
    return v;
}

static ir_value *transformed_input(mk *k, const winograd *w, const ir_inst *conv, const window *win)
{
    const int64_t pads[4] = {sx_value(win->lead[0]), sx_value(win->lead[1]), sx_value(win->trail[0]), sx_value(win->trail[1])};
    ir_inst *i = mk_begin(k, IR_winograd_input, 1, &conv->in[0]);
    mk_int(i, "tile", w->tile);
    mk_ints(k, i, "pads", 4, pads);
    return named(mk_end(k, i, 1), conv);
}

static ir_value *results(mk *k, const ir_inst *conv, ir_value *products)
{
    const ir_type *y = conv->out[0]->type;
    ir_value *in[2] = {products, ir_operand(conv, 2)};
    ir_inst *i = mk_begin(k, IR_winograd_output, in[1] ? 2 : 1, in);
    mk_int(i, "height", sx_value(y->dim[2]));
    mk_int(i, "width", sx_value(y->dim[3]));
    return named(mk_end(k, i, 1), conv);
}

static ir_value *written(mk *k, const winograd *w, const ir_inst *conv, const window *win)
{
    sx_table *t = &k->m->sx;
    ir_value *v = transformed_input(k, w, conv, win), *u = transformed_weights(k, w, conv);
    const ir_sx *squares = mk_sx(k, w->size * w->size), *const *d = v->type->dim, *co = u->type->dim[2];
    const ir_sx *flat[3] = {squares, sx_mul(t, sx_mul(t, d[2], d[3]), d[4]), d[5]}, *square[6] = {d[0], d[1], d[2], d[3], d[4], co};
    ir_value *products = named(mk_op2(k, IR_matmul, named(mk_reshape(k, v, 3, flat), conv), u), conv);
    return results(k, conv, named(mk_reshape(k, products, 6, square), conv));
}

static void rewrite(void *env, ir_inst *conv)
{
    rewriter *r = env;
    ir_module *m = r->ctx->m;
    window win;
    winograd w;
    int64_t tile = has_form(m, conv, &win) ? tile_of(r, conv, win.stride[0]) : 0;
    if (!tile) return;
    winograd_of(tile, &w);
    ir_inst *before = conv->prev;
    mk k = {.m = m, .block = conv->block, .before = conv, .at = conv->at, .scope = conv->scope, .hints = conv->hints};
    ir_value *y = written(&k, &w, conv, &win);
    for (ir_inst *i = before ? before->next : conv->block->first; i != conv; i = i->next) ir_add_origin(m, i, conv);
    ir_replace_uses(conv->out[0], y);
    ir_erase(conv);
    r->changed = true;
}

/* ---- the pass -------------------------------------------------------------------------------- */

static void add_weight(void *env, ir_inst *inst)
{
    int64_t *bytes = env;
    if (inst->op == IR_const || inst->op == IR_weight) *bytes = sat_add(*bytes, ir_max_bytes(inst->out[0]->type));
}

/* Bytes of the last of the caches that the program's weights leave; below 0: they do not fit. */
static int64_t room_beside(const ir_module *m, const device *d)
{
    int64_t bytes = 0, room = 0;
    for (int g = 0; g < m->graph.n; g++) ir_walk(m->graph.at[g]->body, add_weight, &bytes);
    for (int i = 0; i < d->chosen->level.n; i++)
        if (d->chosen->level.at[i].bytes > room) room = d->chosen->level.at[i].bytes;
    return room - bytes;
}

bool pass_winograd(pass_ctx *ctx)
{
    const device *d = ctx->options->device;
    rewriter r = {.ctx = ctx};
    if (ctx->options->winograd == WINOGRAD_OFF || !d || !sched_target_of(d, &r.target)) return false;
    r.room = room_beside(ctx->m, d);
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, rewrite, &r);
    return r.changed;
}
