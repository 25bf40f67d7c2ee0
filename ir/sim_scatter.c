/* Ops that put elements where indices say, as ONNX defines them. */
#include <math.h>
#include <string.h>
#include "ir/sim.h"

/* Element i of the indices (operand 1), counted from the front of an axis of data; false after a
 * report. */
static bool chosen(sim_call *c, int64_t i, int axis, int64_t *out)
{
    int64_t index = sim_get_int(c->in[1], i), extent = c->in[0]->dim[axis];
    *out = index < 0 ? index + extent : index;
    if (*out >= 0 && *out < extent) return true;
    return sim_fail(c, E_RUN_INDEX, "%s: index %lld is outside of axis %d, whose extent is %lld",
                    op_get(c->inst->op)->name, (long long)index, axis, (long long)extent);
}

/* The coordinates that stand from element `first` of the indices on, for n axes of data from
 * `axis`. */
static bool chosen_all(sim_call *c, int64_t first, int n, int axis, int64_t *at)
{
    for (int i = 0; i < n; i++)
        if (!chosen(c, first + i, axis + i, &at[axis + i])) return false;
    return true;
}

bool ev_gather_nd(sim_call *c)
{
    const sim_tensor *x = c->in[0], *indices = c->in[1];
    sim_tensor *y = c->out[0];
    int batch = (int)ir_int(c->inst, ATTR_AT(gather_nd, batch_dims));
    int lead = indices->rank - 1, n = (int)indices->dim[lead];
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK], which[IR_MAX_RANK] = {0};
        memcpy(which, at.at, sizeof which[0] * (size_t)lead);
        memcpy(from, at.at, sizeof from[0] * (size_t)batch);
        if (!chosen_all(c, sim_flat(indices, which), n, batch, from)) return false;
        for (int k = batch + n; k < x->rank; k++) from[k] = at.at[lead + k - batch - n];
        sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

static bool less_int(nfc_dtype t, int64_t a, int64_t b)
{
    return dtype_table[t].kind == DTC_UNSIGNED ? (uint64_t)a < (uint64_t)b : a < b;
}

typedef enum { REPLACE, ADD, MULTIPLY, LARGER, SMALLER } reduction;

static reduction reduction_of(const ir_inst *inst)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    const char *how = ir_attr_named(inst, "reduction")->s;
    for (int i = ADD; i <= SMALLER; i++)
        if (strcmp(how, names[i]) == 0) return (reduction)i;
    return REPLACE;
}

static double combined(reduction how, double a, double b)
{
    if (how == ADD) return a + b;
    if (how == MULTIPLY) return a * b;
    if (isnan(a) || isnan(b)) return NAN;
    return (how == LARGER ? a < b : b < a) ? b : a;
}

static int64_t combined_int(nfc_dtype t, reduction how, int64_t a, int64_t b)
{
    if (how == ADD) return (int64_t)((uint64_t)a + (uint64_t)b);
    if (how == MULTIPLY) return (int64_t)((uint64_t)a * (uint64_t)b);
    return (how == LARGER ? less_int(t, a, b) : less_int(t, b, a)) ? b : a;
}

/* Update i replaces element k of the result, or is put together with it. */
static void update(const sim_call *c, int64_t i, int64_t k)
{
    const sim_tensor *updates = c->in[2];
    sim_tensor *y = c->out[0];
    reduction how = reduction_of(c->inst);
    if (how == REPLACE)
        sim_copy(updates, i, y, k);
    else if (dtype_is_float(y->dtype))
        sim_set(y, k, combined(how, sim_get(y, k), sim_get(updates, i)));
    else
        sim_set_int(y, k, combined_int(y->dtype, how, sim_get_int(y, k), sim_get_int(updates, i)));
}

static void copy_all(const sim_tensor *x, sim_tensor *y)
{
    for (int64_t i = 0; i < x->n; i++) sim_copy(x, i, y, i);
}

bool ev_scatter_elements(sim_call *c)
{
    const sim_tensor *x = c->in[0], *updates = c->in[2];
    int64_t axis = ir_int(c->inst, ATTR_AT(scatter_elements, axis));
    if (axis < 0) axis += x->rank;
    copy_all(x, c->out[0]);
    sim_coords at = {.rank = updates->rank, .dim = updates->dim};
    for (int64_t i = 0; i < updates->n; i++, sim_coords_next(&at)) {
        int64_t to[IR_MAX_RANK];
        memcpy(to, at.at, sizeof to);
        if (!chosen(c, i, (int)axis, &to[axis])) return false;
        update(c, i, sim_flat(x, to));
    }
    return true;
}

bool ev_scatter_nd(sim_call *c)
{
    const sim_tensor *x = c->in[0], *indices = c->in[1], *updates = c->in[2];
    int lead = indices->rank - 1, n = (int)indices->dim[lead];
    copy_all(x, c->out[0]);
    sim_coords at = {.rank = updates->rank, .dim = updates->dim};
    for (int64_t i = 0; i < updates->n; i++, sim_coords_next(&at)) {
        int64_t to[IR_MAX_RANK], which[IR_MAX_RANK] = {0};
        memcpy(which, at.at, sizeof which[0] * (size_t)lead);
        if (!chosen_all(c, sim_flat(indices, which), n, 0, to)) return false;
        for (int k = n; k < x->rank; k++) to[k] = at.at[lead + k - n];
        update(c, i, sim_flat(x, to));
    }
    return true;
}

bool ev_tensor_scatter(sim_call *c)
{
    const sim_tensor *x = c->in[0], *new = c->in[1], *first = c->nin > 2 ? c->in[2] : NULL;
    int64_t axis = ir_int(c->inst, ATTR_AT(tensor_scatter, axis));
    bool circular = strcmp(c->inst->attr[ATTR_AT(tensor_scatter, mode)].s, "circular") == 0;
    if (axis < 0) axis += x->rank;
    copy_all(x, c->out[0]);
    int64_t room = x->dim[axis];
    sim_coords at = {.rank = new->rank, .dim = new->dim};
    for (int64_t i = 0; i < new->n; i++, sim_coords_next(&at)) {
        int64_t to[IR_MAX_RANK], start = first ? sim_get_int(first, at.at[0]) : 0;
        memcpy(to, at.at, sizeof to);
        if (circular) start = (start % room + room) % room;
        if (start < 0 || (!circular && start > room - new->dim[axis]))
            return sim_fail(
                c, E_RUN_INDEX,
                "tensor_scatter: %lld elements from %lld on leave axis %d, whose extent is %lld",
                (long long)new->dim[axis], (long long)start, (int)axis, (long long)room);
        to[axis] = (start + at.at[axis]) % room;
        sim_copy(new, i, c->out[0], sim_flat(x, to));
    }
    return true;
}
