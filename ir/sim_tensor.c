/* Tensors of the simulator: they are counted, and go with the last one that uses them. */
#include <stdlib.h>
#include <string.h>
#include "ir/sim_machine.h"

static void *take(nfc_arena *arena, size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p) arena_oom(arena);
    return p;
}

static void drop_all(void *tensors)
{
    for (sim_tensor **first = tensors; *first;) {
        (*first)->refs = 1;
        sim_tensor_drop(*first);
    }
}

/* Tensors come and go, so they are not the arena's; what is alive when it goes, goes with it. */
static sim_tensor *new_tensor(ir_module *m, nfc_dtype dtype, int rank)
{
    if (!m->tensors) {
        m->tensors = ARENA_NEW(m->arena, sim_tensor *);
        arena_defer(m->arena, drop_all, m->tensors);
    }
    sim_tensor *t = take(m->arena, sizeof *t);
    *t = (sim_tensor){.dtype = dtype, .rank = rank, .n = 1, .refs = 1, .next = *m->tensors, .link = m->tensors};
    if (t->next) t->next->link = &t->next;
    return *m->tensors = t;
}

sim_tensor *sim_tensor_make(ir_module *m, nfc_dtype dtype, int rank, const int64_t *dim)
{
    sim_tensor *t = new_tensor(m, dtype, rank);
    bool fits = true;
    for (int i = 0; i < rank; i++) {
        t->dim[i] = dim[i];
        fits = !__builtin_mul_overflow(t->n, dim[i], &t->n) && fits;
    }
    size_t bytes;
    if (!fits || __builtin_mul_overflow((size_t)t->n, dtype_bytes(dtype), &bytes)) arena_oom(m->arena);
    t->data = take(m->arena, bytes);
    return t;
}

sim_tensor *sim_tensor_new(sim *s, nfc_dtype dtype, int rank, const int64_t *dim) { return sim_tensor_make(s->m, dtype, rank, dim); }

sim_tensor *sim_tensor_borrow(ir_module *m, const ir_type *type, const void *data)
{
    sim_tensor *t = new_tensor(m, type->dtype, type->rank);
    t->borrowed = true;
    for (int i = 0; i < type->rank; i++) {
        t->dim[i] = sx_value(type->dim[i]);
        t->n *= t->dim[i];
    }
    t->data = (void *)(uintptr_t)data;
    return t;
}

void sim_tensor_drop(sim_tensor *t)
{
    if (!t || --t->refs > 0) return;
    *t->link = t->next;
    if (t->next) t->next->link = t->link;
    if (!t->borrowed) free(t->data);
    free(t);
}

void sim_copy(const sim_tensor *from, int64_t i, sim_tensor *to, int64_t k)
{
    size_t bytes = dtype_bytes(from->dtype);
    memcpy((char *)to->data + (size_t)k * bytes, (const char *)from->data + (size_t)i * bytes, bytes);
}
