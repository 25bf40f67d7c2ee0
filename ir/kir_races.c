/* Races between the iterations of a parallel loop. */
#include "ir/kir_check.h"

#include <string.h>

/* An index as a sum of steps: how far each loop's variable moves it. */
typedef struct {
    const ir_sx *step, *reach; /* reach: over all of the loop's iterations */
} index_step;

/* Differences of indices are as large backwards as forwards. */
static const ir_sx *magnitude(kv_checker *c, const ir_sx *step)
{
    return kv_most(c, step) < 0 ? sx_sub(&c->m->sx, sx_int(&c->m->sx, 0), step) : step;
}

/* Do two different values of a variable always give two different indices, whatever the others in scope from the
 * symbol `first` on do? The steps must nest: what the smaller ones reach together lies below the
 * variable's own step, and what these reach with it lies below each larger step in turn. */
static bool injective(kv_checker *c, const ir_sx *index, const ir_sym *sym, int first)
{
    sx_table *t = &c->m->sx;
    const ir_sx *zero = sx_int(t, 0), *one = sx_int(t, 1), *base = kv_substitute(c, index, sym, zero);
    const ir_sx *stride = sx_sub(t, kv_substitute(c, index, sym, one), base), *own = NULL, *below = zero;
    if (sx_add(t, base, sx_mul(t, stride, sx_sym(t, sym))) != index) return false;
    stride = magnitude(c, stride);
    VEC(index_step) larger = {0};
    for (int i = first; i < c->sym.n; i++)
        if (c->sym.at[i].sym == sym) own = sx_mul(t, stride, sx_sub(t, c->sym.at[i].hi, c->sym.at[i].lo));
    for (int i = first; own && i < c->sym.n; i++) {
        const kv_scoped *s = &c->sym.at[i];
        if (s->sym == sym) continue;
        const ir_sx *extent = sx_sub(t, s->hi, s->lo), *step = magnitude(c, sx_sub(t, kv_substitute(c, index, s->sym, one), kv_substitute(c, index, s->sym, zero)));
        if (kv_least(c, step) < 0) return false;
        index_step x = {step, sx_mul(t, step, extent)};
        if (kv_most(c, x.reach) <= 0) continue; /* one iteration at most */
        int same = 0; /* variables of one step count as one with the sum of their ranges */
        while (same < larger.n && larger.at[same].step != step) same++;
        if (same < larger.n) larger.at[same].reach = sx_add(t, larger.at[same].reach, x.reach);
        else if (kv_never_negative(c, sx_sub(t, step, sx_add(t, own, one)))) vec_push(c->a, &larger, x);
        else below = sx_add(t, below, x.reach);
    }
    if (own && kv_most(c, own) <= 0 && kv_least(c, stride) > 0) return true; /* one iteration */
    if (!own || !kv_never_negative(c, sx_sub(t, stride, sx_add(t, below, one)))) return false;
    for (const ir_sx *all = sx_add(t, own, below); larger.n;) {
        int least = 0;
        for (int i = 1; i < larger.n; i++)
            if (sx_max(larger.at[i].step) < sx_max(larger.at[least].step)) least = i;
        if (!kv_never_negative(c, sx_sub(t, larger.at[least].step, sx_add(t, all, one)))) return false;
        all = sx_add(t, all, larger.at[least].reach);
        larger.at[least] = larger.at[--larger.n];
    }
    return true;
}

/* The place in scope of an open loop's variable: loops around it are at the same iteration. */
static int scope_of(const kv_checker *c, const kir_stmt *loop)
{
    int i = c->sym.n - 1;
    while (i > 0 && c->sym.at[i].sym != loop->var->sym) i--;
    return i;
}

/* The variables of an access's inner loops that move it by one step, from `first` on, as if they were one:
 * the sum of their ranges, with a name if it is one. The access with all of them at 0 goes to `rest`. */
static kv_scoped moved_by(kv_checker *c, const kv_access *x, int first, const ir_sx *step, const ir_sx **rest)
{
    sx_table *t = &c->m->sx;
    kv_scoped all = {NULL, sx_int(t, 0), sx_int(t, 0), NULL};
    for (int i = first, n = 0; i < x->inner.n; i++) {
        const kv_scoped *s = &x->inner.at[i];
        if (kv_step_of(c, *rest, s->sym) != step) continue;
        all.sym = n++ ? NULL : s->sym;
        all.lo = sx_add(t, all.lo, s->lo);
        all.hi = sx_add(t, all.hi, s->hi);
        *rest = kv_substitute(c, *rest, s->sym, sx_int(t, 0));
    }
    return all;
}

/* Does b, in one iteration, touch nothing but what a touches in it? The same index is enough; else the
 * variables of inner loops must match, step by step. */
static bool is_within(kv_checker *c, const kv_access *b, const kv_access *a)
{
    sx_table *t = &c->m->sx;
    const ir_sx *zero = sx_int(t, 0), *rest_a = a->index, *rest_b = b->index;
    for (int i = 0; i < b->inner.n && rest_a != rest_b; i++) {
        const ir_sx *step = kv_step_of(c, rest_b, b->inner.at[i].sym);
        if (!step) return false;
        if (sx_is(step, 0)) continue;
        kv_scoped s = moved_by(c, b, i, step, &rest_b);
        int match = -1;
        for (int k = 0; k < a->inner.n && match < 0; k++) {
            const kv_scoped *o = &a->inner.at[k];
            bool inside = s.sym == o->sym || (sx_min(sx_sub(t, s.lo, o->lo)) >= 0 && sx_min(sx_sub(t, o->hi, s.hi)) >= 0);
            if (inside && step == kv_step_of(c, rest_a, o->sym)) match = k;
        }
        if (match < 0) return false;
        rest_a = kv_substitute(c, rest_a, a->inner.at[match].sym, zero);
    }
    return rest_a == rest_b;
}

/* Do all iterations of a loop stay between two multiples of a number by which the rest of the difference d of
 * two accesses divides? Then d is 0 in the same iteration only: channels that lie side by side, say. */
static bool is_residue(kv_checker *c, const kir_stmt *loop, const ir_sx *size, const ir_sx *d)
{
    const ir_sx *all = sx_mul(&c->m->sx, size, sx_sub(&c->m->sx, loop->end, loop->begin));
    return sx_is_const(all) && sx_value(all) > 0 && sx_is(sx_mod(&c->m->sx, d, sx_value(all)), 0);
}

/* Is x more than all that the loop reaches, and less than a block with it? */
static bool is_between(kv_checker *c, const ir_sx *x, const ir_sx *reach, const ir_sx *block)
{
    sx_table *t = &c->m->sx;
    const ir_sx *one = sx_int(t, 1);
    return kv_never_negative(c, sx_sub(t, sx_sub(t, x, reach), one)) && kv_never_negative(c, sx_sub(t, sx_sub(t, sx_sub(t, block, one), reach), x));
}

/* An index without its terms that are multiples of a number, whatever their values. */
static const ir_sx *without_multiples(sx_table *t, const ir_sx *x, int64_t of)
{
    const ir_sx *rest = x;
    for (int i = 0; x->kind == SX_SUM && i < x->nterm; i++) {
        if (x->term[i].coef % of != 0) continue;
        const ir_sx *term = sx_int(t, x->term[i].coef);
        for (int k = 0; k < x->term[i].n; k++) term = sx_mul(t, term, x->term[i].factor[k]);
        rest = sx_sub(t, rest, term);
    }
    return rest;
}

/* Do the two differ by less than a step in what is left of their difference d when everything is taken out
 * that moves it by multiples of a block, or by more than all steps? And is a block larger than all that is left and the loop reach
 * together, so that what is taken out must cancel by itself? size: the loop's step; nsym: the first of the symbols that
 * run inside of it. */
static bool is_apart_in(kv_checker *c, const ir_sx *block, const ir_sx *d, const ir_sx *size, const ir_sx *reach, int nsym)
{
    sx_table *t = &c->m->sx;
    const ir_sx *zero = sx_int(t, 0), *one = sx_int(t, 1), *rest = d;
    for (int i = nsym; i < c->sym.n; i++) {
        const ir_sx *step = kv_step_of(c, rest, c->sym.at[i].sym);
        if (step && sx_is_const(step) && sx_value(step) % sx_value(block) == 0) rest = kv_substitute(c, rest, c->sym.at[i].sym, zero);
    }
    rest = without_multiples(t, rest, sx_value(block));
    int64_t beyond = rest->kind == SX_SUM ? sx_floor_div(rest->constant, sx_value(block)) * sx_value(block) : 0;
    rest = sx_sub(t, rest, sx_int(t, beyond));
    for (int next = 0; next < 2; next++, rest = sx_sub(t, rest, block)) { /* the block that it lies in, or is just before */
        const ir_sx *minus = sx_sub(t, zero, rest), *room = sx_sub(t, sx_sub(t, block, one), reach);
        bool near = kv_never_negative(c, sx_sub(t, sx_sub(t, size, one), rest)) && kv_never_negative(c, sx_sub(t, sx_sub(t, size, one), minus));
        if (near && kv_never_negative(c, sx_sub(t, room, rest)) && kv_never_negative(c, sx_sub(t, room, minus))) return true;
        if (is_between(c, rest, reach, block) || is_between(c, minus, reach, block)) return true;
    }
    return false;
}

/* The same for a block that is known: a step of what runs inside, or what the loop reaches over: channels, of which
 * parts of an image have the same number. */
static bool is_apart_in_blocks(kv_checker *c, const ir_sx *d, const ir_sx *size, const ir_sx *reach, int nsym)
{
    const ir_sx *whole = sx_add(&c->m->sx, reach, size);
    if (sx_is_const(whole) && sx_value(whole) > 0 && is_apart_in(c, whole, d, size, reach, nsym)) return true;
    for (int k = nsym; k < c->sym.n; k++) {
        const ir_sx *block = kv_step_of(c, d, c->sym.at[k].sym);
        if (!block || !sx_is_const(block) || sx_is(block, 0)) continue;
        if (is_apart_in(c, magnitude(c, block), d, size, reach, nsym)) return true;
    }
    return false;
}

/* Opens the symbols that run inside of the loop, apart for the two accesses, and gives an index of the second by its
 * own ones. */
static const ir_sx *run_apart(kv_checker *c, const kv_access *a, const kv_access *b, const ir_sx *index)
{
    sx_table *t = &c->m->sx;
    for (int i = a->inner.n - 1; i >= 0; i--) vec_push(c->a, &c->sym, a->inner.at[i]);
    VEC(kv_scoped) own = {0}; /* the access keeps its bounds as they are */
    for (int i = 0; i < b->inner.n; i++) vec_push(c->a, &own, b->inner.at[i]);
    for (int i = own.n - 1; i >= 0; i--) {
        kv_scoped s = own.at[i];
        ir_sym *twin = sx_new_sym(t, s.sym->name, s.sym->lo, s.sym->hi, NO_SPAN);
        const ir_sx *as = sx_sym(t, twin);
        index = kv_substitute(c, index, s.sym, as);
        for (int k = i - 1; k >= 0; k--) { /* bounds may speak of the loops around */
            kv_scoped *in = &own.at[k];
            *in = (kv_scoped){in->sym, kv_substitute(c, in->lo, s.sym, as), kv_substitute(c, in->hi, s.sym, as), in->is};
        }
        vec_push(c->a, &c->sym, ((kv_scoped){twin, s.lo, s.hi, NULL}));
    }
    return index;
}

/* Is d never as large as a step, forwards or backwards? */
static bool is_near(kv_checker *c, const ir_sx *d, const ir_sx *size)
{
    sx_table *t = &c->m->sx;
    const ir_sx *most = sx_sub(t, size, sx_int(t, 1));
    return kv_never_negative(c, sx_sub(t, most, d)) && kv_never_negative(c, sx_add(t, most, d));
}

/* Can the difference of two accesses, in whichever iterations, be 0 though the iterations differ? It
 * cannot where it is smaller than the step from one iteration to the next, or larger than all steps; or so
 * within blocks. */
static bool is_apart(kv_checker *c, const kv_access *a, const kv_access *b)
{
    sx_table *t = &c->m->sx;
    const ir_sym *sym = a->loop->var->sym;
    const ir_sx *zero = sx_int(t, 0), *one = sx_int(t, 1), *step = kv_step_of(c, a->index, sym);
    const ir_sx *base = kv_substitute(c, a->index, sym, zero), *other_base = kv_substitute(c, b->index, sym, zero);
    if (!step || step != kv_step_of(c, b->index, sym)) return false;
    int nsym = c->sym.n;
    other_base = run_apart(c, a, b, other_base);
    const ir_sx *d = sx_sub(t, base, other_base), *minus = sx_sub(t, other_base, base), *size = magnitude(c, step);
    const ir_sx *all = sx_add(t, sx_mul(t, size, sx_sub(t, sx_sub(t, a->loop->end, a->loop->begin), one)), one);
    bool far = kv_never_negative(c, sx_sub(t, d, all)) || kv_never_negative(c, sx_sub(t, minus, all));
    bool apart = far || is_near(c, d, size) || is_apart_in_blocks(c, d, size, sx_sub(t, all, one), nsym);
    c->sym.n = nsym;
    return apart || is_residue(c, a->loop, size, d);
}

/* From the least to the most that either of two named indices can be. */
static int64_t span_of(const kv_scoped *s, const kv_scoped *o)
{
    int64_t lo = s->sym->lo < o->sym->lo ? s->sym->lo : o->sym->lo, hi = s->sym->hi > o->sym->hi ? s->sym->hi : o->sym->hi;
    return hi - lo;
}

/* Is it so by two named indices, which differ where the iterations do, and move the accesses by steps that are larger
 * than all else in which these differ, or so within blocks? */
static bool is_apart_by_name(kv_checker *c, const kv_access *a, const kv_access *b)
{
    sx_table *t = &c->m->sx;
    const ir_sx *zero = sx_int(t, 0);
    for (int i = 0; i < a->inner.n; i++)
        for (int k = 0; k < b->inner.n; k++) {
            const kv_scoped *s = &a->inner.at[i], *o = &b->inner.at[k];
            const ir_sx *step = s->is && o->is ? kv_step_of(c, a->index, s->sym) : NULL;
            if (!step || step != kv_step_of(c, b->index, o->sym)) continue;
            kv_access first = *a, second = *b;
            first.index = s->is;
            second.index = o->is;
            if (!is_apart(c, &first, &second)) continue;
            int nsym = c->sym.n;
            const ir_sx *other = run_apart(c, a, b, kv_substitute(c, b->index, o->sym, zero)), *size = magnitude(c, step);
            const ir_sx *rest = sx_sub(t, kv_substitute(c, a->index, s->sym, zero), other), *reach = sx_mul(t, size, sx_int(t, span_of(s, o)));
            bool apart = is_near(c, rest, size) || is_apart_in_blocks(c, rest, size, reach, nsym);
            c->sym.n = nsym;
            if (apart) return true;
        }
    return false;
}

/* Is it so by a named index, which differs from iteration to iteration, and of which each value has indices of its
 * own? (What a guard says of a named index bounds it, but not what it is made of.) */
static bool is_own_by_name(kv_checker *c, const kv_access *x, int first)
{
    for (int i = first + 1; i < c->sym.n; i++) {
        const kv_scoped *s = &c->sym.at[i];
        if (s->is && injective(c, s->is, x->loop->var->sym, first) && injective(c, x->index, s->sym, first)) return true;
    }
    return false;
}

/* Are the elements that an iteration touches its own among all that the access touches? */
static bool is_own(kv_checker *c, const kv_access *x)
{
    int nsym = c->sym.n;
    int first = scope_of(c, x->loop);
    for (int i = x->inner.n - 1; i >= 0; i--) vec_push(c->a, &c->sym, x->inner.at[i]);
    bool own = injective(c, x->index, x->loop->var->sym, first) || is_own_by_name(c, x, first);
    c->sym.n = nsym;
    return own || is_apart(c, x, x);
}

/* An access happens where the loops around it run. */
static void raise_inner(kv_checker *c, kv_raised *list, const kv_access *x)
{
    for (int i = 0; i < x->inner.n; i++) kv_raise_extent(c, list, sx_add(&c->m->sx, sx_sub(&c->m->sx, x->inner.at[i].hi, x->inner.at[i].lo), sx_int(&c->m->sx, 1)));
}

/* The access with what its named indices are made of in their place: all that is known of them but what guards say. */
static kv_access without_names(kv_checker *c, const kv_access *x)
{
    kv_access plain = *x;
    memset(&plain.inner, 0, sizeof plain.inner);
    for (int i = 0; i < x->inner.n; i++) { /* from the inside out */
        const kv_scoped *s = &x->inner.at[i];
        if (s->is) plain.index = kv_substitute(c, plain.index, s->sym, s->is);
        else vec_push(c->a, &plain.inner, *s);
    }
    return plain;
}

static bool never_meet(kv_checker *c, const kv_access *a, const kv_access *b)
{
    return is_within(c, b, a) || (is_own(c, b) && is_within(c, a, b)) || is_apart(c, a, b);
}

/* May the two touch the same element in different iterations? */
static bool may_race(kv_checker *c, const kv_access *a, const kv_access *b)
{
    kv_raised list = {0};
    raise_inner(c, &list, b);
    bool safe = never_meet(c, a, b) || is_apart_by_name(c, a, b);
    if (!safe) {
        const kv_access first = without_names(c, a), second = without_names(c, b);
        safe = (first.inner.n < a->inner.n || second.inner.n < b->inner.n) && never_meet(c, &first, &second);
    }
    kv_lower_again(&list);
    return !safe;
}

/* An element that is written, against the other iterations and what else is touched. */
static bool check_write(kv_checker *c, const kir_stmt *loop, int i)
{
    const kv_access *a = &c->access.at[i];
    NEED(is_own(c, a), "iterations of the parallel loop '%s' may write the same element of '%s' at %s", loop->var->name, a->buffer->name, sx_text(c->m->arena, a->index));
    for (int k = 0; k < c->access.n; k++) {
        const kv_access *b = &c->access.at[k];
        if (b == a || b->loop != loop || b->buffer != a->buffer || (b->writes && k < i)) continue;
        NEED(!may_race(c, a, b), "an iteration of the parallel loop '%s' may write '%s' at %s where another one touches it at %s", loop->var->name, a->buffer->name, sx_text(c->m->arena, a->index), sx_text(c->m->arena, b->index));
    }
    return true;
}

bool kv_check_races(kv_checker *c, const kir_stmt *loop)
{
    const kv_scoped *range = &vec_last(&c->sym);
    bool once = sx_sub(&c->m->sx, range->hi, range->lo) == sx_int(&c->m->sx, 0);
    for (int i = 0; i < c->access.n && !once; i++) {
        const kv_access *a = &c->access.at[i];
        if (a->loop != loop || !a->writes) continue;
        kv_raised list = {0};
        raise_inner(c, &list, a);
        bool ok = check_write(c, loop, i);
        kv_lower_again(&list);
        if (!ok) return false;
    }
    int kept = 0; /* what is left is about loops around */
    for (int i = 0; i < c->access.n; i++)
        if (c->access.at[i].loop != loop) c->access.at[kept++] = c->access.at[i];
    c->access.n = kept;
    return true;
}
