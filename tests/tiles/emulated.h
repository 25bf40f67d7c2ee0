/* Tiles of AMX in plain C, for processors without them, with all that the architecture demands: what would raise an
 * exception ends the program. Intel SDM, vol. 1, chapter 18, and vol. 2, LDTILECFG, TILELOADD, TDPB*D, TDPBF16PS. */
#ifndef EMULATED_H
#define EMULATED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int rows, bytes; /* bytes: of a row */
    unsigned char data[16][64];
} emu_tile;

/* Each thread has its own, and begins without any. The files of a program that include this one share nothing: a kernel
 * configures its tiles and releases them. */
static __thread emu_tile emu_tiles[8];
static __thread int emu_configured;

static inline void emu_need(int condition, const char *what)
{
    if (condition) return;
    fprintf(stderr, "tiles: %s\n", what);
    abort();
}

static inline void emu_configure(const void *from)
{
    const unsigned char *c = (const unsigned char *)from;
    emu_need(c[0] == 1, "the palette is not 1");
    for (int i = 1; i < 64; i++) emu_need((i >= 16 && i < 32) || (i >= 48 && i < 56) || c[i] == 0, "a reserved byte of the configuration is not 0");
    for (int i = 0; i < 8; i++) {
        emu_tile *t = &emu_tiles[i];
        t->bytes = c[16 + 2 * i] + 256 * c[17 + 2 * i];
        t->rows = c[48 + i];
        emu_need(t->bytes <= 64 && t->rows <= 16, "a tile is too large");
        emu_need((t->bytes == 0) == (t->rows == 0), "a tile has no rows, or no bytes");
        memset(t->data, 0, sizeof t->data);
    }
    emu_configured = 1;
}

static inline void emu_release(void)
{
    emu_need(emu_configured, "released twice");
    memset(emu_tiles, 0, sizeof emu_tiles);
    emu_configured = 0;
}

static inline emu_tile *emu_at(int number)
{
    emu_need(emu_configured, "used without a configuration");
    emu_need(number >= 0 && number < 8, "there is no such register");
    emu_need(emu_tiles[number].rows > 0, "the register has no rows");
    return &emu_tiles[number];
}

static inline void emu_zero(int number) { memset(emu_at(number)->data, 0, sizeof emu_tiles[0].data); }

static inline void emu_load(int number, const void *from, size_t step)
{
    emu_tile *t = emu_at(number);
    memset(t->data, 0, sizeof t->data);
    for (int i = 0; i < t->rows; i++) memcpy(t->data[i], (const unsigned char *)from + (size_t)i * step, (size_t)t->bytes);
}

static inline void emu_store(int number, void *to, size_t step)
{
    const emu_tile *t = emu_at(number);
    for (int i = 0; i < t->rows; i++) memcpy((unsigned char *)to + (size_t)i * step, t->data[i], (size_t)t->bytes);
}

/* What every product needs of its tiles. */
static inline void emu_check(int sum, int a, int b)
{
    const emu_tile *s = emu_at(sum), *x = emu_at(a), *y = emu_at(b);
    emu_need(sum != a && sum != b && a != b, "a register is two operands");
    emu_need(s->bytes % 4 == 0 && x->bytes % 4 == 0 && y->bytes % 4 == 0, "a row is no number of words");
    emu_need(s->rows == x->rows && x->bytes / 4 == y->rows && s->bytes == y->bytes, "the shapes do not go together");
}

static inline int emu_byte(unsigned char v, int is_signed) { return is_signed && v > 127 ? v - 256 : v; }

static inline void emu_dot_bytes(int sum, int a, int b, int a_signed, int b_signed)
{
    emu_check(sum, a, b);
    emu_tile *s = &emu_tiles[sum];
    const emu_tile *x = &emu_tiles[a], *y = &emu_tiles[b];
    for (int m = 0; m < s->rows; m++)
        for (int n = 0; n < s->bytes / 4; n++) {
            uint32_t all;
            memcpy(&all, &s->data[m][4 * n], 4);
            for (int k = 0; k < x->bytes; k++) all += (uint32_t)(emu_byte(x->data[m][k], a_signed) * emu_byte(y->data[k / 4][4 * n + k % 4], b_signed));
            memcpy(&s->data[m][4 * n], &all, 4);
        }
}

static inline void emu_dot_u8_i8(int sum, int a, int b) { emu_dot_bytes(sum, a, b, 0, 1); }
static inline void emu_dot_i8_u8(int sum, int a, int b) { emu_dot_bytes(sum, a, b, 1, 0); }
static inline void emu_dot_i8_i8(int sum, int a, int b) { emu_dot_bytes(sum, a, b, 1, 1); }
static inline void emu_dot_u8_u8(int sum, int a, int b) { emu_dot_bytes(sum, a, b, 0, 0); }

/* Denormals are zeros, on the way in and out. */
static inline float emu_flushed(float v) { return v > -1.17549435e-38f && v < 1.17549435e-38f ? 0.0f * v : v; }

static inline float emu_bf16(const unsigned char *at)
{
    const uint32_t bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 24;
    float v;
    memcpy(&v, &bits, 4);
    return emu_flushed(v);
}

static inline void emu_dot_bf16_bf16(int sum, int a, int b)
{
    emu_check(sum, a, b);
    emu_tile *s = &emu_tiles[sum];
    const emu_tile *x = &emu_tiles[a], *y = &emu_tiles[b];
    for (int m = 0; m < s->rows; m++)
        for (int n = 0; n < s->bytes / 4; n++) {
            float all, part[2] = {0, 0};
            memcpy(&all, &s->data[m][4 * n], 4);
            for (int k = 0; k < x->bytes / 2; k++) part[k % 2] = emu_flushed(__builtin_fmaf(emu_bf16(&x->data[m][2 * k]), emu_bf16(&y->data[k / 2][4 * n + 2 * (k % 2)]), part[k % 2]));
            all = emu_flushed(emu_flushed(all) + emu_flushed(part[0] + part[1]));
            memcpy(&s->data[m][4 * n], &all, 4);
        }
}

#endif
