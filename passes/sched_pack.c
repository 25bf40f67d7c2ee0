/* Whether operands that are no constants are packed in the run: where the sums then take so much less that it is worth what
 * packing takes, and the room. */
#include "ir/sat.h"
#include "passes/k_pack.h"
#include "passes/k_pairs.h"
#include "passes/sched_block.h"
#include "passes/sched_pick.h"

/* Do the results lie side by side along an axis that moves the access? Only with lanes along such a one it is worth while. */
static bool moves_with_results(const picker *p, const pick_access *a)
{
    for (int x = 0; x < p->nest->n; x++)
        for (int i = 0; i < p->access.n; i++) {
            const ir_sym *sym = p->nest->axis[x].loop->var->sym;
            int64_t result, step;
            if (!p->access.at[i].store || !sx_step(p->nest->b->sx, p->access.at[i].index, sym, &result) || result != 1) continue;
            if (sx_step(p->nest->b->sx, a->index, sym, &step) && step != 0) return true;
        }
    return false;
}

bool pick_as_packed(picker *p, bool packed)
{
    bool any = false;
    const bool room = !p->t->device->arena_limit;
    for (int i = 0; i < p->access.n; i++) {
        pick_access *a = &p->access.at[i];
        const bool can = room && a->inside && !a->store && p->call->arg.at[a->buffer->id]->buffer->place != PLAN_WEIGHT && moves_with_results(p, a);
        a->constant = a->weight || (can && packed);
        any |= can;
    }
    return any && p->sums;
}

/* Each vector is loaded and stored; what is not side by side is turned in registers on the way, which takes as many steps as the
 * number of a lane has bits. Where loops around the kernel change nothing of it, that is done once for all of their trips. */
static double packing_cycles(const picker *p, const pick_access *a, int64_t bytes)
{
    int64_t trips;
    plan_ahead_of(p->nest->b->m, p->call->inst, a->buffer->value, &trips);
    const double vectors = (double)bytes / (double)p->t->vector_bytes, beyond = 2 * bytes > p->t->cache ? p->t->device->chosen->refetch_factor : 1;
    double steps = 2;
    for (int64_t lanes = p->t->vector_bytes / (int64_t)dtype_bytes(a->buffer->dtype); a->along != 1 && lanes > 1; lanes /= 2) steps++;
    return vectors * steps * beyond / (double)trips;
}

bool pick_packs(picker *p, const sched *s, double *cycles)
{
    bool any = false;
    if (s->rows_axis < 0 || s->unrolled) return false;
    *cycles = pick_cycles(p, s);
    for (int i = 0; i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        if (!a->inside || a->store || a->weight || !a->along) continue;
        if (a->across || !k_can_pack(p->t, p->nest->b->m, p->call, p->nest, s->lanes_axis, a->buffer)) return false;
        *cycles += packing_cycles(p, a, pick_touched(p, a));
        any = true;
    }
    return any;
}

/* Lanes along the terms, in tiles (passes/k_pairs.h): those of several sums are turned and added at once. */
static double along_terms(const picker *p)
{
    const int64_t lanes = p->t->vector_bytes / p->widest;
    int64_t longest = 1, shorter = 1;
    double sums = 1;
    for (int i = 0; i < p->nest->n; i++) {
        const int64_t n = sx_max(p->nest->axis[i].extent);
        sums *= (double)n;
        if (n > longest) shorter = longest;
        else if (n > shorter) shorter = n;
        if (n > longest) longest = n;
    }
    const k_pairs_tile of = k_pairs_tile_of(p->t, shorter);
    double step = (double)(of.rows + of.columns) / p->t->loads, products = (double)(of.rows * of.columns) / (double)p->t->pipes;
    if (step < products) step = products;
    if (step < (double)p->t->latency) step = (double)p->t->latency;
    const double at_end = (double)lanes / 2; /* of each sum: its part of the vectors that are turned, and of those that are added */
    const int64_t near = p->t->ways ? p->t->ways * p->t->way : p->t->cache, rows = sat_mul(shorter, sat_mul(pick_terms(p), p->widest));
    const double behind = rows > near ? p->t->device->chosen->refetch_factor : 1; /* all rows go by for each tile's columns */
    return behind * sums * ((double)pick_terms(p) / (double)lanes * step / (double)(of.rows * of.columns) + at_end);
}

static int64_t common_divisor(int64_t a, int64_t b) { return b ? common_divisor(b, a % b) : a; }

/* Is there no place in the core's own cache for all that one tile's lanes read, a step of the sum after the other, because the steps
 * lie a multiple of what one way holds apart? Then it comes from behind that cache for every row of tiles. */
static bool is_driven_out(const picker *p, const k_blockable *sum)
{
    const device_level *own = device_own_level(p->t->device);
    for (int i = 0; own && own->ways && i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        int64_t step;
        if (!a->inside || a->store || a->constant || a->along != 1 || !sx_step(p->nest->b->sx, a->index, sum->loop->var->sym, &step)) continue;
        const int64_t apart = (step < 0 ? -step : step) * (int64_t)dtype_bytes(a->buffer->dtype), way = own->bytes / own->ways;
        if (apart >= p->t->line && sum->trips > way / common_divisor(way, apart) * own->ways) return true;
    }
    return false;
}

static double without_packing(picker *p, const sched *s)
{
    k_blockable sum;
    const bool behind = sched_blockable(p->nest, p->call, &sum) && is_driven_out(p, &sum);
    return pick_cycles(p, s) * (behind ? p->t->device->chosen->refetch_factor : 1);
}

bool pick_is_worth(picker *p, const sched *s, double cycles)
{
    const double least = 0.9; /* room is not taken for less than that */
    if (s && s->unrolled) return false;
    return cycles < least * (s ? without_packing(p, s) : along_terms(p));
}
