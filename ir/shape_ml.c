/* Learned tables: trees, categories, pairs of classes. */
#include "ir/shape.h"

#include <string.h>

bool sh_find(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *keys = f->inst->in[1]->type;
    bool words = keys->rank == 2;
    if (keys->rank != 1 && !words) return infer_fail(f, E_RANK, 1, "keys must be [K], or words [K, M]");
    if (words && x->rank == 0) return infer_fail(f, E_RANK, 0, "x must be words: its last axis is one");
    if (words && !(sx_is_const(x->dim[x->rank - 1]) && sx_is_const(keys->dim[1])))
        return infer_fail(f, E_SHAPE, -1, "the length of words must be known at compile time");
    f->out[0] = ir_tensor(f->m, DT_i64, x->rank - words, x->dim);
    return true;
}

bool sh_pairwise_coupling(infer *f)
{
    const ir_type *r = f->inst->in[0]->type;
    if (r->rank != 3 || r->dim[1] != r->dim[2] || !sx_is_const(r->dim[1])) return infer_fail(f, E_SHAPE, 0, "r must be [N, C, C] with C known at compile time");
    if (sx_value(r->dim[1]) > PAIRWISE_MAX_CLASSES) return infer_fail(f, E_SIZE, 0, "there can be up to %d classes", PAIRWISE_MAX_CLASSES);
    f->out[0] = ir_tensor(f->m, r->dtype, 2, r->dim);
    return true;
}

/* ---- trees --------------------------------------------------------------------------------- */

int64_t tree_depth(nfc_arena *scratch, int64_t n, const int32_t *next, int64_t nroot, const int32_t *root)
{
    enum { UNSEEN = -1, OPEN = -2 };
    int64_t most = 0;
    int32_t *depth = arena_array(scratch, (size_t)n + 1, sizeof *depth), *path = arena_array(scratch, (size_t)n + 1, sizeof *path);
    for (int64_t i = 0; i < n; i++) depth[i] = UNSEEN;
    for (int64_t r = 0; r < nroot; r++) {
        int64_t top = 0;
        if (root[r] >= 0) path[top++] = root[r];
        while (top) { /* a node is looked at before and after what it leads to */
            int32_t node = path[top - 1], deepest = 0, open = UNSEEN;
            if (depth[node] == UNSEEN) depth[node] = OPEN;
            for (int way = 0; way < 2; way++) {
                int32_t to = next[2 * node + way];
                if (to < 0) continue;
                if (depth[to] == OPEN) return -1;
                if (depth[to] == UNSEEN) open = to;
                else if (depth[to] > deepest) deepest = depth[to];
            }
            if (open != UNSEEN) {
                path[top++] = open;
                continue;
            }
            depth[node] = deepest + 1;
            top--;
        }
        if (root[r] >= 0 && depth[root[r]] > most) most = depth[root[r]];
    }
    return most;
}

/* The elements of an integer constant; NULL where it is none, or its extent is not known. */
static const int32_t *table_of(ir_module *m, const ir_value *v, int64_t *n)
{
    const void *data = ir_const_bytes(v);
    *n = ir_max_elements(v->type);
    if (!data || !ir_is_static(v->type)) return NULL;
    if (v->type->dtype == DT_i32) return data;
    int32_t *table = arena_array(m->arena, (size_t)*n + 1, sizeof *table);
    for (int64_t i = 0; i < *n; i++) {
        int64_t x = dtype_get_int(v->type->dtype, data, (size_t)i);
        table[i] = x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : (int32_t)x;
    }
    return table;
}

/* The position of the first element outside of lo .. hi - 1, or -1. */
static int64_t outside(const int32_t *table, int64_t n, int64_t lo, int64_t hi)
{
    for (int64_t i = 0; i < n; i++)
        if (table[i] < lo || table[i] >= hi) return i;
    return -1;
}

const char *tree_fault(ir_module *m, const ir_inst *inst, bool *known)
{
    enum { X, FEATURES, THRESHOLDS, MODES, TRUE_TO, FALSE_TO, ROOTS, TARGETS, WEIGHTS, FIRST, COUNT };
    const int32_t *table[COUNT] = {0};
    int64_t n[COUNT] = {0}, leaves, bad;
    *known = true;
    for (int i = FEATURES; i < COUNT; i++) {
        if (!ir_operand(inst, i) || i == THRESHOLDS || i == WEIGHTS) continue;
        table[i] = table_of(m, inst->in[i], &n[i]);
        if (!table[i]) *known = false;
    }
    if (!*known) return NULL;
    leaves = table[FIRST] ? n[FIRST] - 1 : n[TARGETS];
    const struct {
        int table;
        const char *name;
        int64_t lo, hi;
    } ranges[] = {
        {FEATURES, "features", 0, sx_min(inst->in[X]->type->dim[1])},
        {MODES, "modes", 0, 14}, /* 6 and 7 are refused below */
        {TRUE_TO, "true_to", -leaves, n[FEATURES]},
        {FALSE_TO, "false_to", -leaves, n[FEATURES]},
        {ROOTS, "roots", -leaves, n[FEATURES]},
        {TARGETS, "targets", 0, ir_int(inst, ATTR_AT(tree_ensemble, n_targets))},
        {FIRST, "first", 0, n[TARGETS] + 1},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const int32_t *t = table[ranges[i].table];
        bad = t ? outside(t, n[ranges[i].table], ranges[i].lo, ranges[i].hi) : -1;
        if (bad >= 0) return arena_printf(m->arena, "%s[%lld] = %d is not from %lld to %lld", ranges[i].name, (long long)bad, t[bad], (long long)ranges[i].lo, (long long)ranges[i].hi - 1);
    }
    for (int64_t i = 0; i < n[MODES]; i++)
        if ((table[MODES][i] & 7) > 5) return arena_printf(m->arena, "modes[%lld] = %d is no comparison", (long long)i, table[MODES][i]);
    int32_t *next = arena_array(m->arena, 2 * (size_t)n[FEATURES] + 1, sizeof *next);
    for (int64_t i = 0; i < n[FEATURES]; i++) {
        next[2 * i] = table[TRUE_TO][i];
        next[2 * i + 1] = table[FALSE_TO][i];
    }
    int64_t depth = tree_depth(m->arena, n[FEATURES], next, n[ROOTS], table[ROOTS]);
    if (depth < 0) return "a walk can go round in a circle";
    if (depth > ir_int(inst, ATTR_AT(tree_ensemble, depth))) return arena_printf(m->arena, "a walk can pass %lld nodes, which is over depth", (long long)depth);
    return NULL;
}

static bool same_length(infer *f, int i, int as)
{
    if (f->inst->in[i]->type->dim[0] == f->inst->in[as]->type->dim[0]) return true;
    return infer_fail(f, E_SHAPE, i, "operand '%s' must be as long as '%s'", f->info->in[i].name, f->info->in[as].name);
}

bool sh_tree_ensemble(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int targets = op_operand_find(f->info, "targets"), roots = op_operand_find(f->info, "roots"), first = op_operand_find(f->info, "first");
    int64_t n_targets = ir_int(f->inst, ATTR_AT(tree_ensemble, n_targets)), depth = ir_int(f->inst, ATTR_AT(tree_ensemble, depth));
    if (x->rank != 2) return infer_fail(f, E_RANK, 0, "x must be [N, F]");
    for (int i = 1; i < f->inst->nin; i++)
        if (f->inst->in[i] && (f->inst->in[i]->type->rank != 1 || !sx_is_const(f->inst->in[i]->type->dim[0])))
            return infer_fail(f, E_RANK, i, "operand '%s' must be a vector whose length is known at compile time", f->info->in[i].name);
    for (int i = 2; i < roots; i++)
        if (!same_length(f, i, 1)) return false;
    if (!same_length(f, targets + 1, targets)) return false;
    if (ir_operand(f->inst, first) && sx_is(f->inst->in[first]->type->dim[0], 0)) return infer_fail(f, E_SHAPE, first, "operand 'first' has one element more than there are leaves");
    if (sx_min(x->dim[1]) < 1 && !sx_is(f->inst->in[1]->type->dim[0], 0)) return infer_fail(f, E_SHAPE, 0, "x can be without a feature");
    if (n_targets < 1 || n_targets > TREE_MAX_TARGETS) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(tree_ensemble, n_targets), "n_targets = %lld is not from 1 to %d", (long long)n_targets, TREE_MAX_TARGETS);
    if (depth < 0 || depth > INT32_MAX) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(tree_ensemble, depth), "depth = %lld is not from 0 to %d", (long long)depth, INT32_MAX);
    bool known;
    const char *fault = tree_fault(f->m, f->inst, &known);
    if (fault) return infer_fail(f, E_ATTR_VALUE, -1, "%s", fault);
    const ir_sx *dim[2] = {x->dim[0], sx_int(&f->m->sx, n_targets)};
    f->out[0] = ir_tensor(f->m, x->dtype, 2, dim);
    return true;
}
