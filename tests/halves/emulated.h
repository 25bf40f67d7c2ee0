/* What x86-avx512-fp16 spells of AVX512-FP16, on processors without it: each element by way of f32, as F16C rounds it.
 * That a sum, product, quotient or root of f16 which is rounded to f32 and then to f16 is what one rounding gives is what this file and
 * the compiler agree on; run.py has its numbers from f64. */
#ifndef NF_EMULATED_H
#define NF_EMULATED_H

#include <immintrin.h>
#include <stdint.h>

typedef uint16_t emu_m128h __attribute__((vector_size(16)));
typedef uint16_t emu_m256h __attribute__((vector_size(32)));
typedef uint16_t emu_m512h __attribute__((vector_size(64)));
#define __m128h emu_m128h
#define __m256h emu_m256h
#define __m512h emu_m512h

static inline float emu_wide(uint16_t h) { return _cvtsh_ss(h); }
static inline uint16_t emu_half(float x) { return (uint16_t)_cvtss_sh(x, 0); }
static inline float emu_root(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

/* MINPH and MAXPH give the second operand where neither is less or one is no number. */
#define EMU_OPERATOR(bits, name, expression)                                       \
    static inline emu_m##bits##h emu##bits##_##name(emu_m##bits##h a, emu_m##bits##h b) \
    {                                                                              \
        emu_m##bits##h y = b;                                                      \
        for (int i = 0; i < bits / 16; i++) {                                      \
            const float p = emu_wide(a[i]), q = emu_wide(b[i]);                    \
            (void)p, (void)q;                                                      \
            y[i] = expression;                                                     \
        }                                                                          \
        return y;                                                                  \
    }
#define EMU_ALL(bits)                                                              \
    EMU_OPERATOR(bits, add, emu_half(p + q))                                       \
    EMU_OPERATOR(bits, sub, emu_half(p - q))                                       \
    EMU_OPERATOR(bits, mul, emu_half(p * q))                                       \
    EMU_OPERATOR(bits, div, emu_half(p / q))                                       \
    EMU_OPERATOR(bits, root, emu_half(emu_root(q)))                                \
    EMU_OPERATOR(bits, min, p < q ? a[i] : b[i])                                   \
    EMU_OPERATOR(bits, max, p > q ? a[i] : b[i])
EMU_ALL(128)
EMU_ALL(256)
EMU_ALL(512)

#define _mm_add_ph emu128_add
#define _mm_sub_ph emu128_sub
#define _mm_mul_ph emu128_mul
#define _mm_div_ph emu128_div
#define _mm_min_ph emu128_min
#define _mm_max_ph emu128_max
#define _mm_sqrt_ph(x) emu128_root(x, x)
#define _mm256_add_ph emu256_add
#define _mm256_sub_ph emu256_sub
#define _mm256_mul_ph emu256_mul
#define _mm256_div_ph emu256_div
#define _mm256_min_ph emu256_min
#define _mm256_max_ph emu256_max
#define _mm256_sqrt_ph(x) emu256_root(x, x)
#define _mm512_add_ph emu512_add
#define _mm512_sub_ph emu512_sub
#define _mm512_mul_ph emu512_mul
#define _mm512_div_ph emu512_div
#define _mm512_min_ph emu512_min
#define _mm512_max_ph emu512_max
#define _mm512_sqrt_ph(x) emu512_root(x, x)

#endif
