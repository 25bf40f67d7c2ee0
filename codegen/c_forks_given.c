/* What forks are given: each place in memory and each number once, however many of its calls take it; so forks that do the
 * same with what they are given are one function. */
#include <string.h>
#include "codegen/program.h"
#include "ir/names.h"

static int slot_of(cg_program *p, cg_fork *f, const plan_view *v, const kir_buffer *param)
{
    for (int i = 0; i < f->slot.n; i++) {
        cg_slot *s = &f->slot.at[i];
        if (s->view->buffer != v->buffer || s->view->offset != v->offset || s->param->dtype != param->dtype) continue;
        s->written |= param->written;
        return i;
    }
    vec_push(p->arena, &f->slot, ((cg_slot){.view = v, .param = param, .written = param->written}));
    return f->slot.n - 1;
}

static int number_of(cg_program *p, cg_fork *f, const ir_sym *sym)
{
    for (int i = 0; i < f->number.n; i++)
        if (f->number.at[i] == sym) return i;
    vec_push(p->arena, &f->number, sym);
    return f->number.n - 1;
}

/* The host's symbol for what the kernel as it is printed takes. */
static const ir_sym *given_for(const cg_step *s, const ir_sym *sym)
{
    for (int i = 0; i < s->kernel->func->scalar.n; i++)
        if (s->kernel->func->scalar.at[i] == sym) return s->call->kernel->scalar.at[i];
    return NULL;
}

static void fill_slots(cg_program *p, cg_fork *f)
{
    for (int i = 0; i < f->step.n; i++) {
        cg_step *s = &f->step.at[i];
        const kir_func *printed = cg_printed(s->kernel);
        int *slot = ARENA_ARRAY(p->arena, int, s->call->arg.n + 1), *number = ARENA_ARRAY(p->arena, int, printed->scalar.n + 1);
        for (int k = 0; k < s->call->arg.n; k++) slot[k] = slot_of(p, f, s->call->arg.at[k], s->kernel->func->param.at[k]);
        for (int k = 0; k < cg_own_scalars(s->kernel); k++) number[k] = number_of(p, f, given_for(s, printed->scalar.at[k]));
        s->slot = slot;
        s->number = number;
    }
}

static bool steps_alike(const cg_step *a, const cg_step *b, int parts)
{
    if (a->kernel != b->kernel || a->part != b->part) return false;
    if (a->part < 0 && memcmp(a->cut, b->cut, sizeof *a->cut * (size_t)(cg_ranges(a->kernel) * (parts + 1))) != 0) return false;
    if (memcmp(a->slot, b->slot, sizeof *a->slot * (size_t)a->call->arg.n) != 0) return false;
    return memcmp(a->number, b->number, sizeof *a->number * (size_t)cg_own_scalars(a->kernel)) == 0;
}

/* Do two forks do the same with what they are given? */
static bool forks_alike(const cg_fork *a, const cg_fork *b)
{
    bool alike = a->parts == b->parts && a->step.n == b->step.n && a->slot.n == b->slot.n && a->number.n == b->number.n;
    for (int i = 0; alike && i < a->step.n; i++) alike = steps_alike(&a->step.at[i], &b->step.at[i], a->parts);
    return alike;
}

static void name_fork(cg_program *p, int number)
{
    cg_fork *f = p->fork.at[number];
    for (int i = 0; i < number && !f->same; i++)
        if (!p->fork.at[i]->same && forks_alike(p->fork.at[i], f)) f->same = p->fork.at[i];
    if (f->same) return;
    f->name = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_and_%d_more", f->step.at[0].kernel->name, f->step.n - 1));
}

static void tell_kernels(cg_program *p, const cg_fork *f)
{
    const cg_fork *printed = f->same ? f->same : f;
    for (int i = 0; i < f->step.n; i++) {
        cg_kernel *k = map_getp(&p->kernel_of, f->step.at[i].call);
        bool known = false;
        for (int n = 0; n < k->fork.n; n++) known |= k->fork.at[n] == printed;
        if (!known) vec_push(p->arena, &k->fork, printed);
    }
}

void cg_give_forks(cg_program *p)
{
    for (int i = 0; i < p->fork.n; i++) fill_slots(p, p->fork.at[i]);
    for (int i = 0; i < p->fork.n; i++) name_fork(p, i);
    for (int i = 0; i < p->fork.n; i++) tell_kernels(p, p->fork.at[i]);
}
