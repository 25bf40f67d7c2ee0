/* Loop and Scan: one loop of the IR with carried values, elements of sequences that each trip takes, and
 * values of each trip that are put side by side.
 *
 * What is carried must keep its type. The body is imported with the extents that the values have before
 * the loop; where it gives back others, those extents become the run's (box.c) and the body is imported
 * again, until it fits. */
#include <string.h>
#include "frontend/onnx/import.h"

typedef struct looping {
    im_node *n;
    const onnx_graph *g;
    const ir_sx *end;        /* trips, at most */
    int ncarried, nin, nout; /* carried values; sequences taken from and made */
    im_value **init;
    ir_value **taken;        /* the sequences, with their axis in front */
    bool *in_backwards, *out_backwards;
    int first;               /* inputs of the body before the carried ones; Loop: 2 */
    int result;              /* outputs of the body before the carried ones; Loop: 1 */
    /* one attempt */
    ir_inst *inst;
    ir_block *body;
    const ir_sx *index;
    VEC(im_box) *box;        /* of the parts of all carried values */
    VEC(ir_value *) next, made; /* of the next trip; the buffers of the sequences, trip counter */
    im_box *trip_box;        /* of each sequence's value of one trip */
    bool *trip_text;         /* are these strings? */
    bool stops;              /* the body may end the loop */
} looping;

typedef VEC(im_box) box_list;

/* ---- carried values ------------------------------------------------------------------------- */

static void first_boxes(looping *l, box_list *boxes, int before)
{
    for (int i = 0; i < l->ncarried; i++) {
        im_parts p = im_parts_of(l->n->o, l->init[i]);
        for (int k = 0; k < p.n; k++) vec_push(l->n->o->s->arena, boxes, im_box_of(p.at[k]->type, before));
    }
}

/* The loop's instruction with the values before it; in its body the values of a trip. */
static void begin(looping *l, const box_list *boxes)
{
    importer *o = l->n->o;
    VEC(ir_value *) init = {0};
    int at = 0;
    for (int i = 0; i < l->ncarried; i++) {
        im_parts p = im_parts_of(o, l->init[i]);
        for (int k = 0; k < p.n; k++) {
            ir_value *part[IR_MAX_RANK + 1];
            int m = im_box_put(o, &boxes->at[at++], p.at[k], part);
            for (int j = 0; j < m; j++) vec_push(o->s->arena, &init, part[j]);
        }
    }
    mk_loop loop;
    mk_loop_begin(&o->k, &loop, "trip", mk_sx(&o->k, 0), l->end, init.n, init.at);
    l->inst = loop.inst;
    l->body = o->k.block;
    l->index = loop.index;
    at = 0;
    for (int i = 0, which = 0; i < l->ncarried; i++) {
        im_parts got = {0};
        for (int k = 0; k < im_part_count(l->init[i]); k++, which++) {
            vec_push(o->s->arena, &got, im_box_get(o, &boxes->at[which], loop.carried + at));
            at += im_box_parts(&boxes->at[which]);
        }
        im_value *v = im_rebuild(o, l->init[i], got.at);
        v->name = l->g->input[l->first + i]->name;
        im_bind(o, v->name, v);
    }
}

/* A value that the loop carries beside those of the model: made before the loop, an argument of its body. */
static ir_value *carry_too(looping *l, ir_value *init)
{
    importer *o = l->n->o;
    ir_push_operand(o->m, l->inst, init);
    return ir_block_arg(l->body, init->type, NULL, l->n->at);
}

static mk before_loop(looping *l)
{
    mk k = l->n->o->k;
    k.block = NULL;
    k.before = l->inst;
    return k;
}

/* Position of this trip's element: forwards or from the end. */
static const ir_sx *position(looping *l, bool backwards)
{
    sx_table *t = &l->n->o->m->sx;
    return backwards ? sx_sub(t, sx_sub(t, l->end, sx_int(t, 1)), l->index) : l->index;
}

/* ---- sequences ------------------------------------------------------------------------------ */

static const ir_sx *room(looping *l, int i)
{
    importer *o = l->n->o;
    const ir_sx *dim[IR_MAX_RANK];
    int result = l->ncarried + i;
    int64_t most = sx_max(l->end);
    if (most < IR_MAX_BOUND) return sx_int(&o->m->sx, most > 0 ? most : 1); /* a body that never runs fits as well */
    int rank = im_declared(l->n, result, dim);
    if (rank > 0 && dim[0] && sx_max(dim[0]) < IR_MAX_BOUND) return sx_int(&o->m->sx, sx_max(dim[0]));
    const char *name = im_wants(l->n, result) ? l->n->proto->output[result] : l->n->op;
    const lower_binding *b = im_binding(o, session_printf(o->s, "%s.0", name));
    if (b) return sx_int(&o->m->sx, b->value);
    nfc_diag *d = diag_error(&o->s->diags, E_ONNX_BOUND, l->n->at, "%s: the loop has no bound, and '%s' gets an element with each trip", l->n->op, name);
    diag_help(d, "-D '%s.0<=64' gives it one", name);
    return sx_int(&o->m->sx, 1);
}

/* Puts this trip's value into the buffer that the loop carries. */
static bool put_element(looping *l, int i, const im_value *v)
{
    importer *o = l->n->o;
    mk *k = &o->k;
    if (v->kind != IM_TENSOR) return im_fail(l->n, E_ONNX_TYPE, -1, "result %d gets a value that is no tensor from each trip", l->ncarried + i);
    if (ir_is_poison(v->tensor)) return false;
    if (v->tensor->type->rank == IR_MAX_RANK) return im_fail(l->n, E_RANK, -1, "result %d has too many axes", l->ncarried + i);
    l->trip_text[i] = v->text;
    im_box b = l->trip_box[i] = im_box_of(v->tensor->type, l->body->arg.at[0]->sym->id);
    ir_value *part[IR_MAX_RANK + 1];
    int parts = im_box_put(o, &b, v->tensor, part);
    const ir_type *one = part[0]->type;
    const ir_sx *dim[IR_MAX_RANK] = {room(l, i)}, *start[IR_MAX_RANK] = {position(l, l->out_backwards && l->out_backwards[i])};
    for (int a = 0; a < one->rank; a++) {
        dim[a + 1] = one->dim[a];
        start[a + 1] = mk_sx(k, 0);
    }
    mk outside = before_loop(l);
    ir_value *buffer = carry_too(l, mk_filled(&outside, ir_tensor(o->m, one->dtype, one->rank + 1, dim), 0));
    vec_push(o->s->arena, &l->made, mk_update(k, buffer, mk_unsqueeze(k, part[0], 0), start));
    for (int p = 1; p < parts; p++) {
        outside = before_loop(l);
        carry_too(l, mk_integer(&outside, DT_i64, 0));
        vec_push(o->s->arena, &l->made, part[p]);
    }
    return true;
}

/* ---- one attempt ---------------------------------------------------------------------------- */

static void bind_tensor(importer *o, const char *name, ir_value *v, bool text)
{
    im_value *value = im_value_of(o, name, v);
    value->text = text;
    im_bind(o, name, value);
}

static void bind_trip(looping *l)
{
    importer *o = l->n->o;
    if (l->first == 2) {
        bind_tensor(o, l->g->input[0]->name, mk_index_tensor(&o->k, l->index, DT_i64), false);
        bind_tensor(o, l->g->input[1]->name, mk_integer(&o->k, DT_bool, 1), false);
    }
    for (int i = 0; i < l->nin; i++) {
        ir_value *taken = mk_pick(&o->k, l->taken[i], 0, position(l, l->in_backwards && l->in_backwards[i]));
        bind_tensor(o, l->g->input[l->first + l->ncarried + i]->name, taken, l->n->in[l->ncarried + i]->text);
    }
}

static im_value *result(looping *l, int i)
{
    const char *name = l->g->output[i]->name;
    im_value *v = im_lookup(l->n->o, name);
    if (!v) diag_error(&l->n->o->s->diags, E_ONNX_NAME, im_span(l->n->o, l->g->output[i]), "nothing makes the output '%s'", name);
    return v;
}

/* Does what the body gives back fit the boxes? Else they are widened. -1 after a report. */
static int fit(looping *l, box_list *boxes, im_parts *parts)
{
    bool fits = true, reformed = false;
    int which = 0;
    for (int i = 0; i < l->ncarried; i++) {
        im_value *v = result(l, l->result + i);
        if (!v) return -1;
        mk here = l->n->o->k;
        l->n->o->k = before_loop(l);
        im_value *wider = im_wider(l->n, l->init[i], v, l->body->arg.at[0]->sym->id);
        l->n->o->k = here;
        if (!wider) return -1;
        if (wider != l->init[i]) { /* its parts are others now: their boxes are made anew */
            l->init[i] = wider;
            reformed = true;
        }
        if (reformed) continue;
        if (!im_like_parts(l->n, l->init[i], v, &parts[i])) return -1;
        for (int k = 0; k < parts[i].n; k++, which++) {
            im_box *b = &boxes->at[which];
            const ir_value *x = parts[i].at[k];
            if (ir_is_poison(x)) return -1;
            if (x->type->dtype != b->dtype || x->type->rank != b->rank) {
                im_fail(l->n, E_SHAPE, -1, "'%s' begins as %s and is carried on as %s", l->g->output[l->result + i]->name, ir_type_text(l->n->o->s->arena, im_box_type(l->n->o, b)), ir_type_text(l->n->o->s->arena, x->type));
                return -1;
            }
            if (im_box_fits(b, x->type)) continue;
            if (!im_box_grow(l->n, b, x->type, l->ncarried ? i : 0, l->end)) return -1;
            fits = false;
        }
    }
    if (reformed) {
        boxes->n = 0;
        first_boxes(l, boxes, l->body->arg.at[0]->sym->id);
    }
    return fits && !reformed;
}

/* Ends the body: on to the next trip, or out of the loop where the condition is false. */
static bool finish(looping *l, const box_list *boxes, const im_parts *parts)
{
    importer *o = l->n->o;
    int which = 0;
    l->next.n = l->made.n = 0;
    for (int i = 0; i < l->ncarried; i++)
        for (int k = 0; k < parts[i].n; k++) {
            ir_value *part[IR_MAX_RANK + 1];
            int m = im_box_put(o, &boxes->at[which++], parts[i].at[k], part);
            for (int j = 0; j < m; j++) vec_push(o->s->arena, &l->next, part[j]);
        }
    for (int i = 0; i < l->nout; i++) {
        const im_value *v = result(l, l->result + l->ncarried + i);
        if (!v || !put_element(l, i, v)) return false;
    }
    ir_value *cond = NULL;
    if (l->result == 1) {
        const im_value *v = result(l, 0);
        if (!v || v->kind != IM_TENSOR || ir_is_poison(v->tensor)) return false;
        if (v->tensor->type->dtype != DT_bool || ir_max_elements(v->tensor->type) != 1) return im_fail(l->n, E_CONDITION, -1, "the condition '%s' that the body gives is %s; one bool is wanted", l->g->output[0]->name, ir_type_text(o->s->arena, v->tensor->type));
        const ir_sx *const *known = im_known(o, v->tensor);
        if (!known || !known[0] || !sx_is(known[0], 1)) cond = mk_reshape(&o->k, v->tensor, 0, NULL);
    }
    l->stops = cond != NULL;
    if (l->stops) { /* how many trips it were */
        mk outside = before_loop(l);
        carry_too(l, mk_integer(&outside, DT_i64, 0));
        vec_push(o->s->arena, &l->made, mk_index_tensor(&o->k, sx_add(&o->m->sx, l->index, mk_sx(&o->k, 1)), DT_i64));
    }
    for (int i = 0; i < l->made.n; i++) vec_push(o->s->arena, &l->next, l->made.at[i]);
    if (l->stops) {
        ir_block *on = mk_block(&o->k, "again", 0, NULL), *out = mk_block(&o->k, "out", 0, NULL);
        mk_cond_branch(&o->k, cond, on, 0, NULL, out, 0, NULL);
        mk_stand(&o->k, out);
        mk_break(&o->k, l->next.n, l->next.at);
        mk_stand(&o->k, on);
    }
    ir_append(o->k.block, mk_begin(&o->k, IR_yield, l->next.n, l->next.at));
    return true;
}

/* -1: reported; 0: once more, the boxes are wider now; 1: done */
static int attempt(looping *l, box_list *boxes)
{
    importer *o = l->n->o;
    mk outside = o->k;
    im_parts *parts = ARENA_ARRAY(o->s->arena, im_parts, l->ncarried + 1);
    l->trip_box = ARENA_ARRAY(o->s->arena, im_box, l->nout + 1);
    l->trip_text = ARENA_ARRAY(o->s->arena, bool, l->nout + 1);
    int errors = o->s->diags.errors;
    im_scope_push(o, true);
    begin(l, boxes);
    bind_trip(l);
    im_graph_body(o, l->g);
    o->k.at = l->n->at;
    int fits = o->s->diags.errors > errors ? -1 : fit(l, boxes, parts);
    if (fits > 0 && !finish(l, boxes, parts)) fits = -1;
    im_scope_pop(o);
    o->k.block = outside.block;
    o->k.before = outside.before;
    o->k.scope = outside.scope;
    if (fits > 0) ir_order_blocks(o->s->arena, l->inst->region[0]);
    else ir_erase(l->inst);
    return fits;
}

/* ---- behind the loop ------------------------------------------------------------------------ */

static void results(looping *l, const box_list *boxes)
{
    importer *o = l->n->o;
    mk *k = &o->k;
    for (int i = 0; i < l->inst->nin; i++) ir_add_result(o->m, l->inst, l->inst->in[i]->type, NULL, l->n->at);
    int at = 0;
    for (int i = 0, which = 0; i < l->ncarried; i++) {
        im_parts got = {0};
        for (int p = 0; p < im_part_count(l->init[i]); p++, which++) {
            vec_push(o->s->arena, &got, im_box_get(o, &boxes->at[which], l->inst->out + at));
            at += im_box_parts(&boxes->at[which]);
        }
        im_out_value(l->n, i, im_rebuild(o, l->init[i], got.at));
    }
    const ir_sx *trips = l->end;
    if (l->stops) trips = mk_index_read(k, l->inst->out[l->inst->nout - 1], 0, sx_max(l->end));
    for (int i = 0; i < l->nout; i++) {
        const im_box *b = &l->trip_box[i];
        ir_value *v = l->inst->out[at++];
        v = mk_slice(k, v, 0, mk_sx(k, 0), sx_max(trips) <= sx_max(mk_extent(v, 0)) ? trips : mk_require(k, trips, 0, sx_max(mk_extent(v, 0))));
        for (int a = 0; a < b->rank; a++)
            if (b->boxed[a]) v = mk_slice(k, v, a + 1, mk_sx(k, 0), mk_index_read(k, l->inst->out[at++], 0, b->most[a]));
        (l->trip_text[i] ? im_out_text : im_out)(l->n, l->ncarried + i, v);
    }
}

static bool run(looping *l)
{
    enum { MOST_ATTEMPTS = 40 };
    importer *o = l->n->o;
    box_list *boxes = map_getp(&o->widened, l->n->proto);
    if (im_too_deep(o, l->n->at)) return false;
    int depth = 0;
    for (const ir_region *r = o->k.block->region; r && r->owner; r = r->owner->block->region) depth++;
    if (depth >= IR_MAX_LOOPS) return im_fail(l->n, E_NESTING, -1, "loops nest at most %d deep", IR_MAX_LOOPS);
    for (int i = 0; i < l->ncarried; i++) {
        im_parts p = im_parts_of(o, l->init[i]);
        for (int k = 0; k < p.n; k++)
            if (ir_is_poison(p.at[k])) return false;
    }
    box_list fresh = {0};
    first_boxes(l, &fresh, o->m->sx.nsym);
    if (boxes && boxes->n == fresh.n) /* an attempt of a loop around this one found out already */
        for (int i = 0; i < fresh.n; i++)
            for (int a = 0; a < fresh.at[i].rank && boxes->at[i].rank == fresh.at[i].rank; a++) {
                fresh.at[i].boxed[a] |= boxes->at[i].boxed[a];
                if (fresh.at[i].boxed[a] && boxes->at[i].most[a] > fresh.at[i].most[a]) fresh.at[i].most[a] = boxes->at[i].most[a];
            }
    boxes = ARENA_NEW(o->s->arena, box_list);
    *boxes = fresh;
    map_setp(&o->widened, l->n->proto, boxes);
    for (int i = 0; i < MOST_ATTEMPTS; i++) {
        int fits = attempt(l, boxes);
        if (fits < 0) return false;
        if (fits == 0) continue;
        results(l, boxes);
        return true;
    }
    return im_fail(l->n, E_SIZE, -1, "the extents of what it carries grow without an end");
}

/* ---- Loop ----------------------------------------------------------------------------------- */

/* The trips at most: the count, none when the condition is false at first, as many as there may be. */
static const ir_sx *trips_of(im_node *n)
{
    mk *k = n->k;
    importer *o = n->o;
    const ir_sx *const *known, *end = mk_sx(k, IR_MAX_BOUND);
    ir_value *count = im_has(n, 0) ? im_in(n, 0) : NULL, *cond = im_has(n, 1) ? im_in(n, 1) : NULL;
    if ((count && ir_is_poison(count)) || (cond && ir_is_poison(cond))) return NULL;
    if (count && (ir_max_elements(count->type) != 1 || !dtype_is_int(count->type->dtype))) return im_fail(n, E_OPERAND_TYPE, 0, "the trip count is no integer scalar"), NULL;
    if (cond && (ir_max_elements(cond->type) != 1 || cond->type->dtype != DT_bool)) return im_fail(n, E_CONDITION, 1, "the condition is no scalar bool"), NULL;
    if (count) {
        known = im_known(o, count);
        if (known && known[0] && sx_is_const(known[0])) end = mk_sx(k, sx_value(known[0]) < 0 ? 0 : sx_value(known[0]) > IR_MAX_BOUND ? IR_MAX_BOUND : sx_value(known[0]));
        else if (known && known[0] && sx_min(known[0]) >= 0 && sx_max(known[0]) <= IR_MAX_BOUND) end = known[0];
        else {
            ir_value *c = mk_reshape(k, mk_cast(k, count, DT_i64), 0, NULL);
            c = mk_end(k, mk_begin(k, IR_max, 2, (ir_value *[]){c, mk_integer(k, DT_i64, 0)}), 1);
            c = mk_end(k, mk_begin(k, IR_min, 2, (ir_value *[]){c, mk_integer(k, DT_i64, IR_MAX_BOUND)}), 1);
            end = mk_index_read(k, c, 0, IR_MAX_BOUND);
        }
    }
    if (!cond) return end;
    known = im_known(o, cond);
    if (known && known[0] && sx_is_const(known[0])) return sx_is(known[0], 0) ? mk_sx(k, 0) : end;
    ir_value *most = mk_op3(k, IR_where, mk_reshape(k, cond, 0, NULL), mk_index_tensor(k, end, DT_i64), mk_integer(k, DT_i64, 0));
    return mk_index_read(k, most, 0, sx_max(end));
}

bool im_loop(im_node *n)
{
    looping l = {.n = n, .first = 2, .result = 1};
    const onnx_attribute *a = im_attr(n, "body");
    if (!a || !a->g) return im_fail(n, E_ATTR_MISSING, -1, "the body is missing");
    l.g = a->g;
    l.ncarried = n->proto->n_input > 2 ? (int)n->proto->n_input - 2 : 0;
    l.nout = (int)l.g->n_output - 1 - l.ncarried;
    if ((int)l.g->n_input != 2 + l.ncarried || l.nout < 0 || n->nout > l.ncarried + l.nout)
        return im_fail(n, E_YIELD, -1, "the body has %zu inputs and %zu outputs for %d carried values and %d results", l.g->n_input, l.g->n_output, l.ncarried, n->nout);
    l.init = ARENA_ARRAY(n->o->s->arena, im_value *, l.ncarried + 1);
    for (int i = 0; i < l.ncarried; i++)
        if (!im_has(n, i + 2)) return im_fail(n, E_OPERAND_MISSING, i + 2, "carried value %d has no value before the loop", i);
        else l.init[i] = n->in[i + 2];
    l.end = trips_of(n);
    return l.end && run(&l);
}

/* ---- Scan ----------------------------------------------------------------------------------- */

static ir_value *axis_to(mk *k, ir_value *v, int from, int to)
{
    int perm[IR_MAX_RANK], m = 0;
    for (int i = 0; i < v->type->rank; i++)
        if (i != from) perm[m++] = i;
    for (int i = v->type->rank - 1; i > to; i--) perm[i] = perm[i - 1];
    perm[to] = from;
    return mk_transpose(k, v, perm);
}

/* Axis i of a list attribute, from 0; 0 by default. */
static bool scan_axis(im_node *n, const char *name, int i, int rank, int *out)
{
    const int64_t *axes;
    int count = im_ints(n, name, &axes);
    int64_t a = i < count ? axes[i] : 0;
    *out = (int)(a < 0 ? a + rank : a);
    return (a >= -rank && a < rank) || im_fail(n, E_AXIS, -1, "%s has %lld for rank %d", name, (long long)a, rank);
}

static bool *directions(im_node *n, const char *name, int count)
{
    const int64_t *v;
    bool *b = ARENA_ARRAY(n->o->s->arena, bool, count + 1);
    int given = im_ints(n, name, &v);
    if (given > 0 && given != count) return im_fail(n, E_ATTR_VALUE, -1, "%s has %d entries for %d sequences", name, given, count), NULL;
    for (int i = 0; i < count; i++) {
        if (i < given && v[i] != 0 && v[i] != 1) return im_fail(n, E_ATTR_VALUE, -1, "%s has the entry %lld, which is neither 0 nor 1", name, (long long)v[i]), NULL;
        b[i] = i < given && v[i] == 1;
    }
    return b;
}

/* How many of its operands are sequences that it takes from; 0 after a report. */
static int sequences_of(im_node *n, int operands)
{
    int64_t m = im_int(n, "num_scan_inputs", 0);
    if (m >= 1 && m <= operands) return (int)m;
    im_fail(n, E_ATTR_VALUE, -1, "num_scan_inputs is %lld of %d operands", (long long)m, operands);
    return 0;
}

/* length: of the sequences that this Scan takes; NULL: what their axis has. The bytes of text are no axis. */
static bool scan(im_node *n, const onnx_graph *g, const ir_sx *length)
{
    looping l = {.n = n, .g = g};
    l.nin = sequences_of(n, n->nin);
    if (!l.nin) return false;
    l.ncarried = n->nin - l.nin;
    l.nout = (int)l.g->n_output - l.ncarried;
    if (l.nin < 1 || l.ncarried < 0 || l.nout < 0 || (int)l.g->n_input != n->nin || n->nout > l.ncarried + l.nout)
        return im_fail(n, E_YIELD, -1, "%zu inputs and %zu outputs of the body do not fit %d operands and %d results", l.g->n_input, l.g->n_output, n->nin, n->nout);
    l.init = n->in;
    l.taken = ARENA_ARRAY(n->o->s->arena, ir_value *, l.nin);
    l.in_backwards = directions(n, n->version < 9 ? "directions" : "scan_input_directions", l.nin);
    l.out_backwards = directions(n, "scan_output_directions", l.nout);
    if (!l.in_backwards || !l.out_backwards) return false;
    for (int i = 0; i < n->nin; i++)
        if (!im_has(n, i)) return im_fail(n, E_OPERAND_MISSING, i, "operand %d is missing", i);
    for (int i = 0; i < l.nin; i++) {
        ir_value *x = im_in(n, l.ncarried + i);
        int axis;
        if (ir_is_poison(x)) return false;
        if (!scan_axis(n, "scan_input_axes", i, x->type->rank - n->in[l.ncarried + i]->text, &axis)) return false;
        x = l.taken[i] = axis_to(n->k, x, axis, 0);
        if (l.end && l.end != mk_extent(x, 0)) {
            if (sx_is_const(l.end) && sx_is_const(mk_extent(x, 0))) return im_fail(n, E_SHAPE, l.ncarried + i, "the sequences have %lld and %lld elements", (long long)sx_value(l.end), (long long)sx_value(mk_extent(x, 0)));
            mk_require(n->k, sx_sub(&n->o->m->sx, l.end, mk_extent(x, 0)), 0, 0);
        } else l.end = mk_extent(x, 0);
    }
    if (length) l.end = length;
    if (!run(&l)) return false;
    for (int i = 0; i < l.nout && l.ncarried + i < n->nout; i++) {
        im_value *v = n->out[l.ncarried + i];
        int axis;
        if (!v) continue;
        if (!scan_axis(n, "scan_output_axes", i, v->tensor->type->rank - v->text, &axis)) return false;
        ir_value *x = axis_to(n->k, v->tensor, 0, axis);
        if (x == v->tensor) continue;
        (v->text ? im_out_text : im_out)(n, l.ncarried + i, x);
    }
    return true;
}

/* In front of the largest number of elements that a sequence of this batch has. */
static ir_value *with_room_for(im_node *n, ir_value *v, const ir_sx *extent)
{
    const ir_sx *dim[IR_MAX_RANK], *start[IR_MAX_RANK];
    for (int a = 0; a < v->type->rank; a++) {
        dim[a] = a ? v->type->dim[a] : extent;
        start[a] = mk_sx(n->k, 0);
    }
    return v->type->dim[0] == extent ? v : mk_update(n->k, mk_filled(n->k, ir_tensor(n->o->m, v->type->dtype, v->type->rank, dim), 0), v, start);
}

/* Before operator set 9: a batch is in front of states and sequences, whose lengths may be given. */
static bool scan_batched(im_node *n, const onnx_graph *g)
{
    importer *o = n->o;
    mk *k = n->k;
    int operands = n->nin - 1, sequences = sequences_of(n, operands), states = operands - sequences;
    if (!sequences) return false;
    ir_value *lengths = im_has(n, 0) ? im_in(n, 0) : NULL;
    for (int i = 1; i < n->nin; i++)
        if (!im_has(n, i) || n->in[i]->kind != IM_TENSOR || ir_is_poison(n->in[i]->tensor) || n->in[i]->tensor->type->rank < 1 + (i > states))
            return im_fail(n, E_OPERAND_MISSING, i, "operand %d is missing, or has too few axes", i);
    const ir_sx *batch = mk_extent(n->in[1]->tensor, 0), *longest = mk_extent(n->in[states + 1]->tensor, 1);
    if (!sx_is_const(batch) || sx_value(batch) < 1 || sx_value(batch) > 64) return im_fail(n, E_NOT_STATIC, 1, "the batch of a Scan of operator set 8 is from 1 to 64 and known at compile time");
    ir_value ***part = ARENA_ARRAY(o->s->arena, ir_value **, n->nout);
    bool *text = ARENA_ARRAY(o->s->arena, bool, n->nout + 1);
    for (int i = 0; i < n->nout; i++) part[i] = ARENA_ARRAY(o->s->arena, ir_value *, sx_value(batch));
    for (int64_t b = 0; b < sx_value(batch); b++) {
        im_node one = *n;
        one.nin = operands;
        one.in = ARENA_ARRAY(o->s->arena, im_value *, operands);
        one.out = ARENA_ARRAY(o->s->arena, im_value *, n->nout + 1);
        for (int i = 0; i < operands; i++) {
            one.in[i] = im_value_of(o, n->in[i + 1]->name, mk_pick(k, n->in[i + 1]->tensor, 0, mk_sx(k, b)));
            one.in[i]->text = n->in[i + 1]->text;
        }
        if (!scan(&one, g, lengths ? im_element(o, lengths, b, 0, sx_max(longest)) : NULL)) return false;
        for (int i = 0; i < n->nout; i++) {
            if (!one.out[i]) continue;
            ir_value *v = one.out[i]->tensor;
            part[i][b] = mk_unsqueeze(k, i < states ? v : with_room_for(n, v, longest), 0);
            text[i] = one.out[i]->text;
        }
    }
    for (int i = 0; i < n->nout; i++)
        if (im_wants(n, i)) (text[i] ? im_out_text : im_out)(n, i, mk_concat(k, (int)sx_value(batch), part[i], 0));
    return true;
}

bool im_scan(im_node *n)
{
    const onnx_attribute *a = im_attr(n, "body");
    if (!a || !a->g) return im_fail(n, E_ATTR_MISSING, -1, "the body is missing");
    return n->version < 9 ? scan_batched(n, a->g) : scan(n, a->g, NULL);
}
