/* Values whose extents differ from path to path, or from trip to trip. A block's argument and a carried
 * value have one type, so such a value travels in a tensor of the largest extents, with its own extents
 * beside it as scalars; where it arrives it is cut to them. */
#include "frontend/onnx/import.h"

typedef struct symbols {
    int before;
    bool inner;
} symbols;

static void look(void *env, const ir_sym *sym)
{
    symbols *s = env;
    if (!sym->is_dim && sym->id >= s->before) s->inner = true;
}

/* Is the extent made of symbols that there were before? */
bool im_is_outer(const ir_sx *x, int before)
{
    symbols s = {.before = before};
    sx_visit(x, look, &s);
    return !s.inner;
}

im_box im_box_of(const ir_type *type, int before)
{
    im_box b = {.dtype = type->dtype, .rank = type->rank, .before = before};
    for (int i = 0; i < b.rank; i++) {
        b.boxed[i] = !im_is_outer(type->dim[i], before);
        b.dim[i] = type->dim[i];
        b.most[i] = b.first[i] = sx_max(type->dim[i]);
    }
    return b;
}

bool im_box_fits(const im_box *b, const ir_type *type)
{
    for (int i = 0; i < b->rank; i++)
        if (b->boxed[i] ? sx_max(type->dim[i]) > b->most[i] && !b->capped[i] : type->dim[i] != b->dim[i]) return false;
    return true;
}

void im_box_widen(im_box *b, const ir_type *type)
{
    for (int i = 0; i < b->rank; i++) {
        if (type->dim[i] != b->dim[i]) b->boxed[i] = true;
        if (sx_max(type->dim[i]) > b->most[i]) b->most[i] = sx_max(type->dim[i]);
    }
}

int im_box_parts(const im_box *b)
{
    int n = 1;
    for (int i = 0; i < b->rank; i++) n += b->boxed[i];
    return n;
}

/* The type of the tensor that it travels in. */
const ir_type *im_box_type(importer *o, const im_box *b)
{
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < b->rank; i++) dim[i] = b->boxed[i] ? sx_int(&o->m->sx, b->most[i]) : b->dim[i];
    return ir_tensor(o->m, b->dtype, b->rank, dim);
}

int im_box_put(importer *o, const im_box *b, ir_value *v, ir_value **part)
{
    mk *k = &o->k;
    const ir_sx *start[IR_MAX_RANK];
    const ir_type *type = im_box_type(o, b);
    int n = 1;
    bool full = true;
    for (int i = 0; i < b->rank; i++) {
        start[i] = mk_sx(k, 0);
        if (b->boxed[i] && sx_max(v->type->dim[i]) > b->most[i]) v = mk_slice(k, v, i, start[i], mk_require(k, v->type->dim[i], 0, b->most[i]));
        full &= v->type->dim[i] == type->dim[i];
        if (b->boxed[i]) part[n++] = mk_index_tensor(k, v->type->dim[i], DT_i64);
    }
    part[0] = full ? v : mk_update(k, mk_filled(k, type, 0), v, start);
    return n;
}

ir_value *im_box_get(importer *o, const im_box *b, ir_value *const *part)
{
    ir_value *v = part[0];
    int n = 1;
    for (int i = 0; i < b->rank; i++)
        if (b->boxed[i]) v = mk_slice(&o->k, v, i, mk_sx(&o->k, 0), mk_index_read(&o->k, part[n++], 0, b->most[i]));
    return v;
}

/* ---- growth --------------------------------------------------------------------------------- */

static bool no_bound(im_node *n, int i, int axis)
{
    const char *name = im_wants(n, i) ? n->proto->output[i] : n->op;
    nfc_diag *d = diag_error(&n->o->s->diags, E_ONNX_BOUND, n->at, "%s: axis %d of '%s', which the loop carries, grows without a bound that is known", n->op, axis, name);
    diag_help(d, "-D '%s.%d<=64' gives it one, which the run checks", name, axis);
    return false;
}

/* An extent that grows with each trip: as far as the trips or the model let it, or as -D says. */
static bool grow_axis(im_node *n, im_box *b, int axis, int64_t now, int i, const ir_sx *trips)
{
    const ir_sx *dim[IR_MAX_RANK];
    int64_t step = now - b->most[axis];
    const lower_binding *flag = im_wants(n, i) ? im_binding(n->o, session_printf(n->o->s, "%s.%d", n->proto->output[i], axis)) : NULL;
    if (b->capped[axis]) return true;
    b->capped[axis] = true;
    if (flag) b->most[axis] = flag->value;
    else if (sx_max(trips) < IR_MAX_BOUND && step <= IR_MAX_BOUND / (sx_max(trips) + 1)) b->most[axis] = b->first[axis] + step * sx_max(trips);
    else if (im_declared(n, i, dim) > axis && dim[axis] && sx_max(dim[axis]) < IR_MAX_BOUND) b->most[axis] = sx_max(dim[axis]);
    else return no_bound(n, i, axis);
    return true;
}

bool im_box_grow(im_node *n, im_box *b, const ir_type *type, int i, const ir_sx *trips)
{
    for (int axis = 0; axis < b->rank; axis++) {
        int64_t now = sx_max(type->dim[axis]);
        if (!b->boxed[axis] && type->dim[axis] != b->dim[axis]) {
            b->boxed[axis] = true;
            b->first[axis] = b->most[axis];
            if (now > b->most[axis]) b->most[axis] = now;
        } else if (b->boxed[axis] && now > b->most[axis] && !grow_axis(n, b, axis, now, i, trips)) return false;
    }
    return true;
}
