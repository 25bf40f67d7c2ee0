/* Linked with the functions for whatever machine: prints a hash of what each gives for many arguments,
 * which must be the same on all. */
#include <stdio.h>
#include <string.h>
#include "tests/math/math.h"

enum { SAMPLES = 20000 };
extern const math_table table;

/* S. Vigna's splitmix64. */
static uint64_t random_bits(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t add(uint64_t hash, uint64_t bits) { return (hash ^ bits) * 0x100000001b3; }

/* Any pattern of bits, and every other time a number of the size that programs have. */
static double argument32(uint64_t *state, int usual)
{
    uint32_t bits = (uint32_t)random_bits(state);
    float x;
    if (usual) bits = (bits & 0x83ffffff) | 0x3c000000;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

static double argument64(uint64_t *state, int usual)
{
    uint64_t bits = random_bits(state);
    double x;
    if (usual) bits = (bits & 0x807fffffffffffff) | 0x3f80000000000000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t hash32(const math_function *f)
{
    uint64_t state = 1, hash = 0;
    for (int i = 0; i < SAMPLES; i++) {
        float x = (float)argument32(&state, i & 1), y = f->f32(x, (float)argument32(&state, i & 2));
        uint32_t bits;
        memcpy(&bits, &y, sizeof bits);
        hash = add(hash, y == y ? bits : 0); /* NaNs may differ */
    }
    return hash;
}

static uint64_t hash64(const math_function *f)
{
    uint64_t state = 1, hash = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double x = argument64(&state, i & 1), y = f->f64(x, argument64(&state, i & 2));
        uint64_t bits;
        memcpy(&bits, &y, sizeof bits);
        hash = add(hash, y == y ? bits : 0);
    }
    return hash;
}

int main(void)
{
    for (int i = 0; i < table.n; i++) {
        const math_function *f = &table.function[i];
        printf("%s %016llx %016llx\n", f->name, (unsigned long long)hash32(f), (unsigned long long)hash64(f));
    }
    return 0;
}
