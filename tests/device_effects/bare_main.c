/* Runs net.nfg's library with what stands on standard input: x, h and pos as they lie in memory, and
 * writes y, z, total and the saved state. With BARE it has no C library either: a program for Linux on
 * aarch64 that talks to the kernel itself. Its exit status says which check of the API failed. */
#include "net.h"

#ifdef BARE
static long call(long number, long a, long b, long c)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}

static int get(void *to, long n)
{
    for (long got; n > 0; n -= got, to = (char *)to + got)
        if ((got = call(63, 0, (long)to, n)) <= 0) return 0;
    return 1;
}

static int give(const void *from, long n) { return call(64, 1, (long)from, n) == n; }

/* What a compiler may call whatever it is told. */
void *memset(void *to, int value, size_t n)
{
    for (size_t i = 0; i < n; i++) ((volatile unsigned char *)to)[i] = (unsigned char)value;
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) ((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
    return to;
}
#else
#include <stdio.h>
static int get(void *to, long n) { return fread(to, 1, (size_t)n, stdin) == (size_t)n; }
static int give(const void *from, long n) { return fwrite(from, 1, (size_t)n, stdout) == (size_t)n; }
#endif

static float x[3 * 16], y[3 * 8], total[16];
static uint16_t h[16], z[16];
static _Alignas(NET_ARENA_ALIGN) unsigned char arena[NET_ARENA_BYTES + 1];
static unsigned char saved[NET_SAVED_BYTES + 1];

#define EXPECT(number, condition)                                                                  \
    if (!(condition)) return number

static int refuses(net_ctx *ctx)
{
    net_in in = {x, h, 8};
    net_out out = {y, z, total};
    EXPECT(1, net_init(NULL, arena, NET_ARENA_BYTES) == NET_ERROR_ARGUMENT);
    EXPECT(2, net_init(ctx, NULL, NET_ARENA_BYTES) == NET_ERROR_ARENA);
    EXPECT(3, net_init(ctx, arena, NET_ARENA_BYTES - 1) == NET_ERROR_ARENA);
    EXPECT(4, net_init(ctx, arena + 1, NET_ARENA_BYTES) == NET_ERROR_ARENA);
    EXPECT(5, net_run(ctx, &in, &out) == NET_ERROR_ARENA);
    EXPECT(6, net_init(ctx, arena, NET_ARENA_BYTES) == NET_OK);
    EXPECT(7, net_run(ctx, &in, &out) == NET_ERROR_BOUND && net_error_place(ctx)[0] == 'n');
    in.pos = 0;
    in.x = NULL;
    EXPECT(8, net_run(ctx, &in, &out) == NET_ERROR_ARGUMENT);
    return 0;
}

static int runs(net_ctx *ctx)
{
    int32_t pos;
    net_out out = {y, z, total};
    EXPECT(10, get(x, sizeof x) && get(h, sizeof h) && get(&pos, sizeof pos));
    net_in in = {x, h, pos};
    arena[NET_ARENA_BYTES] = 77;
    EXPECT(11, net_run(ctx, &in, &out) == NET_OK && net_error_place(ctx)[0] == 0);
    EXPECT(12, arena[NET_ARENA_BYTES] == 77);
    EXPECT(13, net_save(ctx, saved, NET_SAVED_BYTES - 1) == NET_SAVED_BYTES && saved[0] == 0);
    EXPECT(14, net_save(ctx, saved, sizeof saved) == NET_SAVED_BYTES && saved[NET_SAVED_BYTES] == 0);
    net_reset(ctx);
    EXPECT(15, ctx->seen[16 * pos] == 0);
    EXPECT(16, net_load(ctx, saved, sizeof saved) == NET_ERROR_STATE && ctx->seen[16 * pos] == 0);
    EXPECT(17, net_load(ctx, saved, NET_SAVED_BYTES) == NET_OK && ctx->seen[16 * pos] == total[0]);
    EXPECT(18, give(y, sizeof y) && give(z, sizeof z) && give(total, sizeof total) && give(saved, NET_SAVED_BYTES));
    return 0;
}

static int all(void)
{
    static net_ctx ctx;
    int status = refuses(&ctx);
    return status ? status : runs(&ctx);
}

#ifdef BARE
void _start(void) { call(93, all(), 0, 0); }
#else
int main(void) { return all(); }
#endif
