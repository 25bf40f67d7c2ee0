/* The most stack that a run can take: a bound that also holds without optimisation, where every name
 * has a place of its own and every small function is called. */
#include "codegen/program.h"
#include "ir/kir_lanes.h"

enum {
    FRAME = 128,     /* of any function: return address, saved registers, arguments on their way */
    RUN_FRAME = 320, /* of the run function, whose calls may be inlined */
    HELPERS = 320,   /* small functions that call small functions, three deep */
    SPILLS = 512     /* what an optimising compiler keeps of vectors beside that, where it inlines these */
};

static int64_t calls_of(ir_module *m, const kir_expr *e);

static int64_t more(int64_t a, int64_t b) { return a > b ? a : b; }

/* Names and arrays of a body take their bytes, on each lane; what it calls, the deepest call. */
static void add_body(ir_module *m, const kir_stmt *s, int64_t lanes, int64_t *names, int64_t *calls)
{
    if (s->kind == KIR_FOR && s->loop == KIR_VECTOR) lanes = kir_lanes_width(sx_value(s->end));
    int64_t element = s->kind == KIR_ALLOC && s->buffer->space == KIR_LOCAL ? (int64_t)dtype_bytes(s->buffer->dtype) : 0;
    if (lanes > 1 && element > 0 && element < 4) element = 4; /* a mask, for a bool */
    if (s->kind == KIR_ALLOC) *names += (sx_value(s->buffer->size) * element * lanes + 7) / 8 * 8;
    if (s->kind == KIR_LET || s->kind == KIR_FOR) *names += 8 * lanes;
    *calls = more(*calls, lanes * calls_of(m, s->value));
    for (int i = 0; i < s->body.n; i++) add_body(m, s->body.at[i], lanes, names, calls);
}

static int64_t function_bytes(ir_module *m, const kir_func *f)
{
    int64_t names = 8 * (int64_t)(f->param.n + f->scalar.n), calls = calls_of(m, f->result);
    add_body(m, f->body, 1, &names, &calls);
    return FRAME + names + calls;
}

int64_t cg_frame_bytes(ir_module *m, const kir_func *f)
{
    int64_t bytes = function_bytes(m, f);
    return bytes > FRAME + HELPERS ? bytes + SPILLS : bytes;
}

static int64_t math_bytes(ir_module *m, const kir_expr *e)
{
    const kir_func *f = e->kind == KIR_UN ? kmath_unary(m, (kir_un)e->op, e->type) : kmath_binary(m, (kir_bin)e->op, e->type);
    return function_bytes(m, f);
}

/* What an expression may be printed as that is a call. */
static int64_t calls_of(ir_module *m, const kir_expr *e)
{
    if (!e) return 0;
    int64_t bytes = more(calls_of(m, e->a), more(calls_of(m, e->b), calls_of(m, e->c)));
    bool is_math = (e->kind == KIR_UN && (kir_un_table[e->op].flags & KIRF_MATH)) || (e->kind == KIR_BIN && (kir_bin_table[e->op].flags & KIRF_MATH));
    if (is_math) return more(bytes, math_bytes(m, e));
    bool may_call = e->kind == KIR_UN || e->kind == KIR_CAST || e->kind == KIR_FMA || e->kind == KIR_DOT || e->kind == KIR_CONST || (e->kind == KIR_BIN && !(kir_bin_table[e->op].flags & KIRF_BOOL));
    return may_call ? more(bytes, HELPERS) : bytes;
}

static int host_variables(const ir_region *r)
{
    int n = 0;
    for (const ir_block *b = r->first; b; b = b->next)
        for (const ir_inst *i = b->first; i; i = i->next) {
            n += i->op == IR_index_read || i->op == IR_require;
            if (i->op == IR_loop) n += 2 + host_variables(i->region[0]);
        }
    return n;
}

/* Arguments beyond the sixth travel on the stack. */
static int widest_call(const plan_graph *g)
{
    int n = 0;
    for (int i = 0; i < g->call.n; i++) n = (int)more(n, g->call.at[i]->kernel->param.n + g->call.at[i]->kernel->scalar.n);
    return n;
}

/* A fork with the deepest of its kernels. */
static int64_t fork_bytes(ir_module *m, const cg_fork *f)
{
    int64_t kernel = 0;
    for (int i = 0; i < f->step.n; i++) kernel = more(kernel, cg_frame_bytes(m, cg_printed(f->step.at[i].kernel)));
    return kernel + cg_fork_frame(f);
}

int64_t cg_stack_bytes(const cg_program *p)
{
    int64_t kernel = 0, host = 0;
    for (int i = 0; i < p->kernel.n; i++) kernel = more(kernel, cg_frame_bytes(p->m, cg_printed(p->kernel.at[i])) + cg_parts_frame(p->kernel.at[i]));
    for (int i = 0; i < p->fork.n; i++) kernel = more(kernel, fork_bytes(p->m, p->fork.at[i]));
    for (int g = 0; g < p->plan->graph.n; g++) {
        const plan_graph *pg = p->plan->graph.at[g];
        host = more(host, RUN_FRAME + 8 * (int64_t)(p->m->dim.n + host_variables(pg->g->body) + widest_call(pg)));
    }
    return (host + kernel + 63) / 64 * 64;
}
