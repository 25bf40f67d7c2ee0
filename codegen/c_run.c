/* The body of a graph's run function: checks, kernels and moves in the order of the plan; loops and
 * jumps as the graph has them. */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include "codegen/helpers.h"
#include "codegen/program.h"
#include "frontend/json.h"
#include "ir/names.h"

typedef struct {
    cg_program *p;
    cg_module *c;
    text *t;
    const plan_graph *g;
    nfc_map at;       /* arena buffer -> name of its offset */
    nfc_map label;    /* block -> label, where jumps need one */
    nfc_map jumps;    /* block -> number of edges that lead to it */
    nfc_map labels;
    const ir_scope *scope;
    int depth;        /* of blocks that are printed inside of the branch that leads to them */
} run;

/* ---- values -------------------------------------------------------------------------------- */

static const ir_port *port_of(const run *r, const plan_buffer *b)
{
    return b->place == PLAN_INPUT ? &r->g->g->input.at[b->port] : &r->g->g->output.at[b->port];
}

static bool by_value(const run *r, const plan_buffer *b)
{
    return (b->place == PLAN_INPUT || b->place == PLAN_OUTPUT) && port_of(r, b)->type->rank == 0;
}

static const char *member(const run *r, const plan_buffer *b)
{
    bool output = b->place == PLAN_OUTPUT;
    return arena_printf(r->p->arena, "%s->%s", output ? "out" : "in", cg_port_member(r->p, r->g->g, output, b->port));
}

static const char *base_pointer(run *r, const plan_buffer *b)
{
    nfc_arena *a = r->p->arena;
    switch (b->place) {
    case PLAN_INPUT:
    case PLAN_OUTPUT: return arena_printf(a, "%s%s", by_value(r, b) ? "&" : "", member(r, b));
    case PLAN_STATE: return arena_printf(a, "ctx->%s", cg_state_member(r->p, b->state->id));
    case PLAN_WEIGHT: return cg_weight_pointer(r->p, r->c, b->weight);
    case PLAN_ARENA: break;
    }
    return arena_printf(a, "NF_AT(%s, %s)", dtype_table[b->dtype].c_type, (const char *)map_getp(&r->at, b));
}

/* An integer of the host: dims and indices are int64_t there. */
static const char *integer(run *r, const ir_sx *x, bool as_factor)
{
    bool wide = r->c->wide;
    r->c->wide = true;
    const char *e = cg_index(r->c, x, as_factor);
    r->c->wide = wide;
    return e;
}

static const char *pointer(run *r, const plan_view *v)
{
    const char *base = base_pointer(r, v->buffer);
    if (sx_is(v->offset, 0)) return base;
    return arena_printf(r->p->arena, "%s + %s", base, integer(r, v->offset, false));
}

/* The first element of a view, to be read or assigned. */
static const char *first_element(run *r, const plan_view *v)
{
    if (by_value(r, v->buffer)) return member(r, v->buffer);
    if (sx_is(v->offset, 0)) return arena_printf(r->p->arena, "%s[0]", base_pointer(r, v->buffer));
    return arena_printf(r->p->arena, "%s[%s]", base_pointer(r, v->buffer), integer(r, v->offset, false));
}

static void fail_unless(run *r, const char *bad, const char *status, nfc_span at)
{
    line(r->t, "if (%s) return nf_fail(ctx, %s_ERROR_%s, \"%s\");", bad, r->p->upper, status, string_safe(r->p->arena, cg_place(r->p, at)));
}

/* ---- calls --------------------------------------------------------------------------------- */

static const plan_view *view_of_buffer(const plan_call *call, const kir_buffer *b)
{
    for (int i = 0; i < call->kernel->param.n; i++)
        if (call->kernel->param.at[i] == b) return call->arg.at[i];
    return NULL;
}

static void print_inline(run *r, const plan_call *call)
{
    const kir_stmt *s = call->kernel->body->body.at[0];
    plan_view to = *view_of_buffer(call, s->buffer);
    to.offset = sx_add(&r->p->m->sx, to.offset, s->index);
    if (s->kind == KIR_STORE) {
        line(r->t, "%s = %s;", first_element(r, &to), r->c->dialect->constant(r->c, s->value));
        return;
    }
    plan_view from = *view_of_buffer(call, s->from);
    from.offset = sx_add(&r->p->m->sx, from.offset, s->from_index);
    if (sx_is(s->count, 1)) {
        line(r->t, "%s = %s;", first_element(r, &to), first_element(r, &from));
        return;
    }
    const char *copy = "memcpy";
    if (!r->p->device->libc) {
        copy = "nf_memcpy";
        cg_use_helper(r->c, &c_helpers, copy);
    }
    line(r->t, "%s(%s, %s, (size_t)%s * sizeof(%s));", copy, pointer(r, &to), pointer(r, &from), integer(r, s->count, true), dtype_table[s->buffer->dtype].c_type);
}

static void print_fork(run *r, const cg_fork *f)
{
    put(r->t, "NF_RUN(%d, %s(ctx", cg_first_call(r->p, r->g) + f->step.at[0].call->id, f->same ? f->same->name : f->name);
    for (int i = 0; i < f->slot.n; i++) put(r->t, ", %s", pointer(r, f->slot.at[i].view));
    for (int i = 0; i < f->number.n; i++) put(r->t, ", %s", integer(r, sx_sym(&r->p->m->sx, f->number.at[i]), false));
    line(r->t, "));");
}

static void print_call(run *r, const plan_call *call)
{
    if (cg_is_inline(call)) {
        print_inline(r, call);
        return;
    }
    const cg_kernel *k = map_getp(&r->p->kernel_of, call);
    const cg_fork *f = cg_fork_of(r->p, call);
    if (f) {
        if (f->step.at[0].call == call) print_fork(r, f);
        return;
    }
    bool wide = cg_needs_wide_index(cg_printed(k)), parallel = k->parts > 1;
    put(r->t, "NF_RUN(%d, %s(%s", cg_first_call(r->p, r->g) + call->id, parallel ? k->parallel : k->name, parallel ? "ctx" : "");
    const char *sep = parallel ? ", " : "";
    for (int i = 0; i < call->arg.n; i++, sep = ", ") put(r->t, "%s%s", sep, pointer(r, call->arg.at[i]));
    for (int i = 0; i < call->kernel->scalar.n; i++, sep = ", ") {
        const char *value = integer(r, sx_sym(&r->p->m->sx, call->kernel->scalar.at[i]), true);
        put(r->t, "%s%s%s", sep, wide ? "" : "(int32_t)", value);
    }
    for (int i = 0; !parallel && k->ranged && i < cg_ranges(k); i++) put(r->t, ", 0, %lld", (long long)cg_range_trips(k, i));
    line(r->t, "%s));", call->kernel->can_fail ? arena_printf(r->p->arena, "%s&status", sep) : "");
    if (call->kernel->can_fail) line(r->t, "if (status) return nf_fail(ctx, status, \"%s\");", string_safe(r->p->arena, cg_place(r->p, call->at)));
}

#define PRINT_CALLS(r, list)                                                                       \
    for (int i_ = 0; i_ < (list).n; i_++) print_call(r, (list).at[i_])

/* 0 <= x <= limit, where the bounds do not show it; or two sizes that must be equal. */
static void print_checks(run *r, const plan_step *s)
{
    sx_table *t = &r->p->m->sx;
    for (int i = 0; i < s->check.n; i++) {
        const plan_check *k = &s->check.at[i];
        if (k->equal) {
            fail_unless(r, arena_printf(r->p->arena, "%s != %s", integer(r, k->x, false), integer(r, k->limit, false)), "SIZE", k->at);
            continue;
        }
        bool below = sx_min(k->x) < 0, above = sx_min(sx_sub(t, k->limit, k->x)) < 0;
        const char *bad = below ? arena_printf(r->p->arena, "%s < 0", integer(r, k->x, false)) : "";
        if (above) bad = arena_printf(r->p->arena, "%s%s%s > %s", bad, below ? " || " : "", integer(r, k->x, false), integer(r, k->limit, false));
        if (k->when) bad = arena_printf(r->p->arena, "%s != 0 && %s%s%s", integer(r, k->when, false), below && above ? "(" : "", bad, below && above ? ")" : "");
        fail_unless(r, bad, k->size ? "SIZE" : "INDEX", k->at);
    }
}

/* ---- instructions -------------------------------------------------------------------------- */

/* Say a range of an integer type as comparisons that are not always the same; NULL: all lies inside. */
static const char *outside_unsigned(nfc_arena *a, const char *x, nfc_dtype t, uint64_t lo, uint64_t hi)
{
    const char *low = lo > 0 ? arena_printf(a, "%s < %lluu", x, (unsigned long long)lo) : "";
    const char *high = hi < dtype_max(t) ? arena_printf(a, "%s > %lluu", x, (unsigned long long)hi) : "";
    return *low || *high ? arena_printf(a, "%s%s%s", low, *low && *high ? " || " : "", high) : NULL;
}

static const char *outside_range(nfc_arena *a, const char *x, nfc_dtype t, int64_t lo, int64_t hi)
{
    if (dtype_table[t].kind == DTC_UNSIGNED || t == DT_bool)
        return hi < 0 ? "1" : outside_unsigned(a, x, t, lo < 0 ? 0 : (uint64_t)lo, (uint64_t)hi);
    bool below = lo > dtype_min(t), above = hi < 0 || (uint64_t)hi < dtype_max(t);
    const char *low = below ? arena_printf(a, lo == INT64_MIN ? "%s < INT64_MIN" : "%s < %lld", x, (long long)lo) : "";
    const char *high = above ? arena_printf(a, "%s > %lld", x, (long long)hi) : "";
    return below || above ? arena_printf(a, "%s%s%s", low, below && above ? " || " : "", high) : NULL;
}

/* Has the check of the input's bound shown already that the index lies in its range? */
static bool is_bounded_input(const run *r, const ir_value *x, const ir_sym *sym)
{
    const plan_buffer *b = plan_view_of(r->g, x)->buffer;
    if (b->place != PLAN_INPUT) return false;
    const ir_bound *bound = &port_of(r, b)->bound;
    bool low = (bound->has_min && bound->min >= (double)sym->lo) || dtype_min(x->type->dtype) >= sym->lo;
    bool high = (bound->has_max && bound->max <= (double)sym->hi) || dtype_max(x->type->dtype) <= (uint64_t)sym->hi;
    return low && high && sym->hi >= 0;
}

static void print_index_read(run *r, const ir_inst *inst)
{
    const ir_value *x = inst->in[0];
    const ir_sym *sym = inst->out[0]->sym;
    const char *value = first_element(r, plan_view_of(r->g, x));
    const char *bad = outside_range(r->p->arena, value, x->type->dtype, sym->lo, sym->hi);
    if (bad && !is_bounded_input(r, x, sym)) fail_unless(r, bad, "INDEX", inst->at);
    line(r->t, "%s = (int64_t)%s;", integer(r, sx_sym(&r->p->m->sx, sym), false), value);
}

/* The index of what is required, and the check. One that is a constant then has no variable. */
static void print_require(run *r, const ir_inst *inst)
{
    nfc_arena *a = r->p->arena;
    const ir_sx *x = inst->index[0];
    const ir_sym *sym = inst->out[0]->sym;
    bool fits = sx_fits(x), below = !fits || sx_min(x) < sym->lo, above = !fits || sx_max(x) > sym->hi;
    const char *value = fits ? integer(r, x, false) : cg_checked_index(r->c, x, "overflow"), *bad = "";
    if (!fits) line(r->t, "overflow = 0;");
    if (sym->is) {
        bad = arena_printf(a, "%s != %lld", value, (long long)sym->lo);
    } else {
        const char *name = integer(r, sx_sym(&r->p->m->sx, sym), false);
        line(r->t, "%s = %s;", name, value);
        if (below && sym->lo > INT64_MIN) bad = arena_printf(a, "%s < %lld", name, (long long)sym->lo);
        if (above && sym->hi < INT64_MAX) bad = arena_printf(a, "%s%s%s > %lld", bad, *bad ? " || " : "", name, (long long)sym->hi);
    }
    if (!fits) bad = arena_printf(a, "%s%soverflow", bad, *bad ? " || " : "");
    if (*bad) fail_unless(r, bad, "SIZE", inst->at);
}

static void print_block(run *r, const ir_block *b, bool tail);
static void print_region(run *r, const ir_region *region);

static void print_loop(run *r, const ir_inst *inst)
{
    const plan_step *s = plan_step_of(r->g, inst);
    if (s) PRINT_CALLS(r, s->enter);
    const ir_value *index = inst->region[0]->first->arg.at[0];
    const char *i = integer(r, sx_sym(&r->p->m->sx, index->sym), false);
    const char *places = comment_safe(r->p->arena, arena_printf(r->p->arena, "%s%s%s", inst->label ? inst->label : "", inst->label ? ", " : "", cg_place(r->p, inst->at)));
    open_brace(r->t, "for (int64_t %s = %s; %s < %s; %s++)", i, integer(r, inst->index[0], false), i, integer(r, inst->index[1], false), i);
    line(r->t, "/* loop %s */", places);
    const ir_chain *chain = cg_chain_of(r->p, inst);
    if (chain) line(r->t, "/* chain: %s */", comment_safe(r->p->arena, cg_chain_text(r->p, chain)));
    print_region(r, inst->region[0]);
    close_brace(r->t);
}

static void print_scope(run *r, const ir_inst *inst)
{
    if (inst->scope == r->scope || ir_is_terminator(inst)) return;
    r->scope = inst->scope;
    const char *path = "";
    for (const ir_scope *s = inst->scope; s; s = s->parent) path = arena_printf(r->p->arena, "%s%s%s", s->name, *path ? " / " : "", path);
    if (inst->scope) line(r->t, "/* scope %s */", comment_safe(r->p->arena, path));
}

static void print_inst(run *r, const ir_inst *inst)
{
    const plan_step *s = plan_step_of(r->g, inst);
    if (s && (s->call.n || s->check.n)) print_scope(r, inst);
    if (s) print_checks(r, s);
    switch (inst->op) {
    case IR_index_read: print_index_read(r, inst); return;
    case IR_require: print_require(r, inst); return;
    case IR_loop: print_loop(r, inst); return;
    default: break;
    }
    if (s) PRINT_CALLS(r, s->call);
}

/* ---- jumps --------------------------------------------------------------------------------- */

/* What stands behind a jump: the block itself where nothing else leads to it. */
static void print_target(run *r, const ir_block *b, bool tail)
{
    const char *label = map_getp(&r->label, b);
    if (label) {
        line(r->t, "goto %s;", label);
        return;
    }
    r->depth++;
    line(r->t, "/* block %s */", comment_safe(r->p->arena, b->name ? b->name : ""));
    print_block(r, b, tail);
    r->depth--;
}

static void print_branch(run *r, const ir_inst *end, bool tail)
{
    const plan_step *s = plan_step_of(r->g, end);
    open_brace(r->t, "if (%s)", first_element(r, plan_view_of(r->g, end->in[0])));
    if (s) PRINT_CALLS(r, s->edge[0]);
    print_target(r, end->edge[0].to, tail);
    r->t->indent--;
    line(r->t, "} else {");
    r->t->indent++;
    if (s) PRINT_CALLS(r, s->edge[1]);
    print_target(r, end->edge[1].to, tail);
    close_brace(r->t);
}

/* The extents of outputs that are the run's. */
static void print_results(run *r, const ir_inst *leave)
{
    cg_dims results = cg_result_dims(r->p, r->g->g);
    for (int i = 0; i < results.n; i++) line(r->t, "out->%s = %s;", name_identifier(r->p->arena, results.at[i]->name), integer(r, ir_result_value(leave, results.at[i]), false));
}

static void print_end(run *r, const ir_inst *end, bool tail)
{
    const plan_step *s = plan_step_of(r->g, end);
    switch (end->op) {
    case IR_cond_br: print_branch(r, end, tail); break;
    case IR_br:
        if (s) PRINT_CALLS(r, s->edge[0]);
        print_target(r, end->edge[0].to, tail);
        break;
    case IR_yield:
        if (s) PRINT_CALLS(r, s->edge[0]);
        if (!tail) line(r->t, "continue;");
        break;
    case IR_break:
        if (s) PRINT_CALLS(r, s->edge[0]);
        line(r->t, "break;");
        break;
    default: /* return */
        if (s) print_checks(r, s);
        if (s) PRINT_CALLS(r, s->call);
        print_results(r, end);
        line(r->t, "return %s_OK;", r->p->upper);
    }
}

static void print_block(run *r, const ir_block *b, bool tail)
{
    for (const ir_inst *i = b->first; i != b->last; i = i->next) print_inst(r, i);
    print_end(r, b->last, tail);
}

/* Blocks that are printed where they are jumped to need no label. */
static void label_blocks(run *r, const ir_region *region)
{
    enum { DEEPEST = 6 };
    nfc_map depth;
    map_init(&depth, r->p->arena);
    for (const ir_block *b = region->first; b; b = b->next)
        for (int e = 0; e < b->last->nedge; e++) {
            const ir_block *to = b->last->edge[e].to;
            map_setp(&r->jumps, to, (void *)((intptr_t)map_getp(&r->jumps, to) + 1));
        }
    for (const ir_block *b = region->first; b; b = b->next) {
        intptr_t here = (intptr_t)map_getp(&depth, b);
        for (int e = 0; e < b->last->nedge; e++) {
            const ir_block *to = b->last->edge[e].to;
            bool alone = (intptr_t)map_getp(&r->jumps, to) == 1 && to != region->first;
            if (alone && here < DEEPEST && to->id > b->id) {
                map_setp(&depth, to, (void *)(here + 1));
            } else if (!map_getp(&r->label, to)) {
                map_setp(&r->label, to, (void *)(uintptr_t)name_unique(r->p->arena, &r->labels, to->name && *to->name ? to->name : "block"));
            }
        }
    }
}

static void print_region(run *r, const ir_region *region)
{
    label_blocks(r, region);
    const ir_block *last = region->first;
    for (const ir_block *b = region->first; b; b = b->next)
        if (map_getp(&r->label, b)) last = b;
    for (const ir_block *b = region->first; b; b = b->next) {
        const char *label = map_getp(&r->label, b);
        if (!label && b != region->first) continue;
        if (label) open_brace(r->t, "%s:", label);
        print_block(r, b, b == last);
        if (label) close_brace(r->t);
    }
}

/* ---- what comes before -------------------------------------------------------------------- */

static void print_offsets(run *r)
{
    nfc_map taken;
    map_init(&taken, r->p->arena);
    if (!r->g->buffer.n) return;
    bool listed = false, holds = false;
    for (int i = 0; i < r->g->buffer.n; i++) {
        const plan_buffer *b = r->g->buffer.at[i];
        holds |= !b->size || sx_max(b->size) > 0;
        const char *name = name_unique(r->p->arena, &taken, arena_printf(r->p->arena, "at_%s", b->name ? b->name : "v"));
        if (b->offset > INT32_MAX) { /* more than an enumerator holds */
            map_setp(&r->at, b, (void *)(uintptr_t)arena_printf(r->p->arena, "UINT64_C(%lld)", (long long)b->offset));
            continue;
        }
        map_setp(&r->at, b, (void *)(uintptr_t)name);
        if (!listed) open_brace(r->t, "enum");
        listed = true;
        line(r->t, "%s = %lld, /* %lld bytes, '%s' of %s */", name, (long long)b->offset, (long long)b->bytes, comment_safe(r->p->arena, b->name ? b->name : ""), comment_safe(r->p->arena, cg_place(r->p, b->at)));
    }
    if (!listed) return;
    r->t->indent--;
    line(r->t, "};");
    line(r->t, "unsigned char *const arena = ctx->arena;");
    if (!holds) line(r->t, "(void)arena; /* all is empty */");
}

static void print_pointers_check(run *r)
{
    const ir_graph *g = r->g->g;
    const char *sep = "if (";
    for (int i = 0; i < g->input.n + g->output.n; i++) {
        bool output = i >= g->input.n;
        int n = output ? i - g->input.n : i;
        const ir_port *port = output ? &g->output.at[n] : &g->input.at[n];
        if (port->type->rank == 0 || ir_max_elements(port->type) == 0) continue;
        put(r->t, "%s!%s->%s", sep, output ? "out" : "in", cg_port_member(r->p, g, output, n));
        sep = " || ";
    }
    if (sep[0] == ' ') line(r->t, ") return nf_fail(ctx, %s_ERROR_ARGUMENT, \"\");", r->p->upper);
    if (r->p->plan->arena) line(r->t, "if (!ctx->arena) return nf_fail(ctx, %s_ERROR_ARENA, \"\");", r->p->upper);
    if (r->p->weights_mode == WEIGHTS_FILE) line(r->t, "if (!ctx->weights) return nf_fail(ctx, %s_ERROR_WEIGHTS, \"\");", r->p->upper);
}

static bool is_listed(const cg_dims *dims, const ir_sym *sym)
{
    for (int i = 0; i < dims->n; i++)
        if (dims->at[i] == sym) return true;
    return false;
}

/* Does the word stand in the text? */
static bool mentions(const text *t, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = t->n ? strstr(t->at, word) : NULL; p; p = strstr(p + 1, word)) {
        bool begins = p == t->at || (!isalnum((unsigned char)p[-1]) && p[-1] != '_' && p[-1] != '>');
        if (begins && !isalnum((unsigned char)p[n]) && p[n] != '_') return true;
    }
    return false;
}

/* Free dims; one that no port speaks of stands at its bound. */
static void print_dims(run *r, const text *body)
{
    cg_dims given = cg_graph_dims(r->p, r->g->g);
    for (int i = 0; i < r->p->m->dim.n; i++) {
        const ir_dim *d = &r->p->m->dim.at[i];
        if (d->sym->is || d->sym->is_result) continue;
        const char *name = name_identifier(r->p->arena, d->sym->name);
        if (is_listed(&given, d->sym)) {
            line(r->t, "const int64_t %s = in->%s;", name, name);
            fail_unless(r, arena_printf(r->p->arena, "%s < %lld || %s > %lld", name, (long long)d->sym->lo, name, (long long)d->sym->hi), "DIM", d->at);
        } else {
            if (mentions(body, name)) line(r->t, "const int64_t %s = %lld;", name, (long long)d->sym->hi);
        }
    }
}

/* Is an integer outside of what the author allows? The bounds are numbers of any size. */
static const char *breaks_integer_bound(run *r, const ir_bound *b, nfc_dtype t, const char *x)
{
    bool is_unsigned = dtype_table[t].kind == DTC_UNSIGNED || t == DT_bool;
    double lo = b->has_min ? ceil(b->min) : -INFINITY, hi = b->has_max ? floor(b->max) : INFINITY;
    double least = is_unsigned ? 0 : -0x1p63, beyond = is_unsigned ? 0x1p64 : 0x1p63;
    if (!(lo < beyond && hi >= least)) return "1";
    if (is_unsigned) return outside_unsigned(r->p->arena, x, t, lo > 0 ? (uint64_t)lo : 0, hi < beyond ? (uint64_t)hi : UINT64_MAX);
    return outside_range(r->p->arena, x, t, lo > least ? (int64_t)lo : INT64_MIN, hi < beyond ? (int64_t)hi : INT64_MAX);
}

/* Is x outside of what the author allows? NaN always is. */
static const char *breaks_bound(run *r, const ir_port *port, const char *x)
{
    const ir_bound *b = &port->bound;
    nfc_dtype t = port->type->dtype;
    if (!dtype_is_float(t)) return breaks_integer_bound(r, b, t, x);
    const char *v = t == DT_f64 ? x : r->c->dialect->cast(r->c, DT_f32, (kir_type)t, x);
    if (t != DT_f64) v = arena_printf(r->p->arena, "(double)%s", v);
    const char *low = b->has_min ? arena_printf(r->p->arena, "!(%s >= %s)", v, shortest_double(r->p->arena, b->min)) : "";
    const char *high = b->has_max ? arena_printf(r->p->arena, "!(%s <= %s)", v, shortest_double(r->p->arena, b->max)) : "";
    return arena_printf(r->p->arena, "%s%s%s", low, *low && *high ? " || " : "", high);
}

static void print_bounds(run *r)
{
    const ir_graph *g = r->g->g;
    for (int i = 0; i < g->input.n; i++) {
        const ir_port *port = &g->input.at[i];
        if (!port->bound.has_min && !port->bound.has_max) continue;
        const char *name = cg_port_member(r->p, g, false, i);
        bool one = port->type->rank == 0;
        const char *bad = breaks_bound(r, port, arena_printf(r->p->arena, one ? "in->%s" : "in->%s[nf_i]", name));
        if (!bad) continue;
        if (!one) open_brace(r->t, "for (int64_t nf_i = 0; nf_i < %s; nf_i++)", integer(r, ir_elements(r->p->m, port->type), false));
        fail_unless(r, bad, "BOUND", port->bound.at);
        if (!one) close_brace(r->t);
    }
}

static void print_variables(run *r, const ir_region *region)
{
    for (const ir_block *b = region->first; b; b = b->next)
        for (const ir_inst *i = b->first; i; i = i->next) {
            if (i->op == IR_index_read || (i->op == IR_require && !i->out[0]->sym->is)) line(r->t, "int64_t %s = 0;", integer(r, sx_sym(&r->p->m->sx, i->out[0]->sym), false));
            if (i->op == IR_loop) print_variables(r, i->region[0]);
        }
}

static bool can_fail(const plan_graph *g)
{
    bool can = false;
    for (int i = 0; i < g->call.n; i++) can |= g->call.at[i]->kernel->can_fail;
    return can;
}

void cg_emit_run(cg_program *p, cg_module *c, text *t, const plan_graph *g)
{
    run r = {.p = p, .c = c, .t = t, .g = g};
    for (nfc_map **m = (nfc_map *[]){&r.at, &r.label, &r.jumps, &r.labels, NULL}; *m; m++) map_init(*m, p->arena);
    line(t, "if (!ctx || !in || !out) return %s_ERROR_ARGUMENT;", p->upper);
    print_offsets(&r);
    text *body = r.t = text_new(p->arena); /* what it uses is declared before it */
    body->indent = t->indent;
    print_bounds(&r);
    print_region(&r, g->g->body);
    r.t = t;
    if (mentions(body, "weights") || mentions(body, "NF_WEIGHT")) line(t, p->weights_mode == WEIGHTS_FILE ? "const unsigned char *const weights = ctx->weights;" : "const unsigned char *const weights = %s_weights;", p->weights_stem);
    print_variables(&r, g->g->body);
    if (can_fail(g)) line(t, "int status = 0;");
    if (mentions(body, "overflow")) line(t, "int overflow = 0;");
    print_pointers_check(&r);
    line(t, "ctx->error_place = \"\";");
    print_dims(&r, body);
    put_raw(t, body->n ? body->at : "");
}
