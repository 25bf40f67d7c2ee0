/* Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm". */
#include "ir/dom.h"

static int number(const ir_dom *d, const ir_block *b) { return (int)(intptr_t)map_getp(&d->index, b) - 1; }

typedef struct {
    ir_block *block;
    int next;
} frame;

/* A way out of a loop stands before the way on: what it takes along is then free behind it. */
static ir_block *successor(const ir_inst *end, int n)
{
    const ir_block *a = end->edge[0].to, *b = end->edge[end->nedge - 1].to;
    bool out_first = a && b && b->last && b->last->op == IR_break && !(a->last && a->last->op == IR_break);
    return end->edge[out_first ? n : end->nedge - 1 - n].to;
}

/* Depth first without recursion: a graph of a hundred thousand blocks must not overflow the stack. */
static void postorder(nfc_arena *a, ir_block *entry, ir_dom *dom)
{
    VEC(frame) stack = {0};
    nfc_map seen;
    map_init(&seen, a);
    vec_push(a, &stack, ((frame){entry, 0}));
    map_setp(&seen, entry, entry);
    while (stack.n) {
        frame *f = &vec_last(&stack);
        ir_inst *end = f->block->last;
        if (end && f->next < end->nedge) { /* the last successor first: it comes last in the order */
            ir_block *to = successor(end, f->next++);
            if (!to || map_getp(&seen, to)) continue;
            map_setp(&seen, to, to);
            vec_push(a, &stack, ((frame){to, 0}));
            continue;
        }
        vec_push(a, &dom->order, f->block);
        stack.n--;
    }
    for (int i = 0, k = dom->order.n - 1; i < k; i++, k--) {
        ir_block *t = dom->order.at[i];
        dom->order.at[i] = dom->order.at[k];
        dom->order.at[k] = t;
    }
}

static int meet(const int *idom, int a, int b)
{
    while (a != b) {
        while (a > b) a = idom[a];
        while (b > a) b = idom[b];
    }
    return a;
}

void ir_dominators(nfc_arena *a, const ir_region *r, ir_dom *dom)
{
    *dom = (ir_dom){0};
    map_init(&dom->index, a);
    postorder(a, r->first, dom);
    int n = dom->order.n;
    for (int i = 0; i < n; i++) map_setp(&dom->index, dom->order.at[i], (void *)(intptr_t)(i + 1));
    dom->idom = ARENA_ARRAY(a, int, n);
    for (int i = 1; i < n; i++) dom->idom[i] = -1;
    for (bool changed = true; changed;) {
        changed = false;
        int *fresh = ARENA_ARRAY(a, int, n);
        for (int i = 0; i < n; i++) fresh[i] = -1;
        for (int i = 0; i < n; i++) {
            if (i && dom->idom[i] < 0) continue;
            const ir_inst *end = dom->order.at[i]->last;
            for (int k = 0; end && k < end->nedge; k++) {
                int to = number(dom, end->edge[k].to);
                fresh[to] = fresh[to] < 0 ? i : meet(dom->idom, fresh[to], i);
                if (to && dom->idom[to] < 0) dom->idom[to] = fresh[to], changed = true;
            }
        }
        for (int i = 1; i < n; i++) {
            if (fresh[i] < 0 || fresh[i] == dom->idom[i]) continue;
            dom->idom[i] = fresh[i];
            changed = true;
        }
    }
}

bool ir_block_dominates(const ir_dom *dom, const ir_block *a, const ir_block *b)
{
    int x = number(dom, a), y = number(dom, b);
    if (x < 0 || y < 0) return y < 0; /* what is not reached is dominated by everything */
    while (y > x) y = dom->idom[y];
    return x == y;
}

void ir_order_blocks(nfc_arena *a, ir_region *r)
{
    ir_dom dom = {0};
    postorder(a, r->first, &dom);
    if (dom.order.n < 2) return;
    VEC(ir_block *) rest = {0}; /* what no jump reaches keeps its place behind */
    nfc_map reached;
    map_init(&reached, a);
    for (int i = 0; i < dom.order.n; i++) map_setp(&reached, dom.order.at[i], r);
    for (ir_block *b = r->first; b; b = b->next)
        if (!map_getp(&reached, b)) vec_push(a, &rest, b);
    for (int i = 0; i < rest.n; i++) vec_push(a, &dom.order, rest.at[i]);
    for (int i = 0; i < dom.order.n; i++) dom.order.at[i]->next = i + 1 < dom.order.n ? dom.order.at[i + 1] : NULL;
    r->first = dom.order.at[0];
    r->last = vec_last(&dom.order);
}
