/* Random numbers: the generator as its paper gives it (J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", SC11, section 4.3). */
#include "ir/sim.h"

/* Ten rounds of two multiplications each, the key growing by Weyl's sequence between them. */
static void philox(uint32_t counter[4], uint32_t key[2])
{
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)counter[0] * 0xd2511f53u, b = (uint64_t)counter[2] * 0xcd9e8d57u;
        uint32_t left = (uint32_t)(b >> 32) ^ counter[1] ^ key[0], right = (uint32_t)(a >> 32) ^ counter[3] ^ key[1];
        counter[0] = left;
        counter[1] = (uint32_t)b;
        counter[2] = right;
        counter[3] = (uint32_t)a;
        key[0] += 0x9e3779b9u;
        key[1] += 0xbb67ae85u;
    }
}

bool ev_random_bits(sim_call *c)
{
    uint64_t seed = (uint64_t)ir_int(c->inst, ATTR_AT(random_bits, seed));
    uint64_t run = c->nin && c->in[0] ? (uint64_t)sim_get_int(c->in[0], 0) : 0;
    for (int64_t i = 0; i < c->out[0]->dim[0]; i++) {
        uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
        uint32_t word[4] = {(uint32_t)i, (uint32_t)((uint64_t)i >> 32), (uint32_t)run, (uint32_t)(run >> 32)};
        philox(word, key);
        for (int k = 0; k < 4; k++) sim_set_int(c->out[0], 4 * i + k, word[k]);
    }
    return true;
}
