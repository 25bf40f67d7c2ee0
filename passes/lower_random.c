/* Random numbers. */
#include "passes/lower_kir.h"

static const kir_expr *u32(lw *l, uint32_t v) { return kir_int(&l->b, DT_u32, v); }
static const ir_sx *at(lw *l, int i) { return sx_int(l->sx, i); }
static const kir_expr *low(lw *l, const kir_expr *x) { return kir_cast(&l->b, DT_u32, x); }
static const kir_expr *high(lw *l, const kir_expr *x) { return low(l, lw_bin(l, SHR, x, kir_int(&l->b, DT_u64, 32))); }

static void put_word(lw *l, kir_buffer *words, int i, const kir_expr *value) { kir_store(&l->b, words, at(l, i), value); }

/* counter = (row, run): both take two words. */
static void put_counter(lw *l, kir_buffer *counter, const kir_expr *x, int first)
{
    put_word(l, counter, first, low(l, x));
    put_word(l, counter, first + 1, high(l, x));
}

/* A word of the counter times a constant, in 64 bits. */
static const kir_expr *product(lw *l, const char *name, kir_buffer *counter, int i, uint32_t factor)
{
    const kir_expr *word = kir_cast(&l->b, DT_u64, kir_load(&l->b, counter, at(l, i)));
    return lw_named(l, name, lw_bin(l, MUL, word, kir_int(&l->b, DT_u64, factor)));
}

/* One round of Philox 4x32: the four words become the halves of two products, two of them mixed with the
 * other words and the key. */
static void philox_round(lw *l, kir_buffer *counter, kir_buffer *key)
{
    const kir_expr *a = product(l, "a", counter, 0, 0xd2511f53u), *b = product(l, "b", counter, 2, 0xcd9e8d57u);
    const kir_expr *left = lw_bin(l, BXOR, kir_load(&l->b, counter, at(l, 1)), kir_load(&l->b, key, at(l, 0)));
    const kir_expr *right = lw_bin(l, BXOR, kir_load(&l->b, counter, at(l, 3)), kir_load(&l->b, key, at(l, 1)));
    left = lw_named(l, "left", lw_bin(l, BXOR, left, high(l, b)));
    right = lw_named(l, "right", lw_bin(l, BXOR, right, high(l, a)));
    put_word(l, counter, 0, left);
    put_word(l, counter, 1, low(l, b));
    put_word(l, counter, 2, right);
    put_word(l, counter, 3, low(l, a));
    kir_accum(&l->b, KB_ADD, key, at(l, 0), u32(l, 0x9e3779b9u));
    kir_accum(&l->b, KB_ADD, key, at(l, 1), u32(l, 0xbb67ae85u));
}

bool lo_random_bits(lw *l, const ir_inst *inst)
{
    uint64_t seed = (uint64_t)ir_int(inst, ATTR_AT(random_bits, seed));
    const ir_sx *index[2] = {lw_for_parallel(l, "i", inst->out[0]->type->dim[0])};
    kir_buffer *counter = kir_alloc(&l->b, "counter", DT_u32, 4), *key = kir_alloc(&l->b, "key", DT_u32, 2);
    const kir_expr *run = ir_operand(inst, 0) ? lw_load(l, inst->in[0], NULL) : kir_int(&l->b, DT_u64, 0);
    put_counter(l, counter, kir_cast(&l->b, DT_u64, kir_index(&l->b, index[0])), 0);
    put_counter(l, counter, run, 2);
    put_word(l, key, 0, u32(l, (uint32_t)seed));
    put_word(l, key, 1, u32(l, (uint32_t)(seed >> 32)));
    lw_for(l, "round", sx_int(l->sx, 10));
    philox_round(l, counter, key);
    lw_close(l, 1);
    index[1] = lw_for(l, "k", sx_int(l->sx, 4));
    lw_store(l, 0, index, kir_load(&l->b, counter, index[1]));
    lw_close(l, 2);
    return true;
}
