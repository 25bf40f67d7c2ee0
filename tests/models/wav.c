/* A recording through a voice detector, as a user's program would: one chunk a run, the state handed
 * from run to run. wav CHUNKS N LENGTH RATE OUT: CHUNKS holds N rows of LENGTH floats; OUT gets N
 * probabilities and the last state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include HEADER

#define JOIN(a, b) a##b
#define NAMED(a, b) JOIN(a, b)
#define PROGRAM(what) NAMED(NAME, what)
#define LIMIT(what) NAMED(UPPER, what)

enum { STATE = 2 * 128, LONGEST = 576 };

static PROGRAM(_ctx) context;
static _Alignas(LIMIT(_ARENA_ALIGN)) unsigned char arena[LIMIT(_ARENA_BYTES) + 1];

static int run(const float *chunk, long rate, float *state, float *probability)
{
    float next[STATE];
    PROGRAM(_in) in;
    PROGRAM(_out) out;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.INPUT = chunk;
#ifdef HAS_RATE
    in.sr = rate;
#else
    (void)rate;
#endif
    out.OUTPUT = probability;
#ifdef KEPT
    memcpy(next, state, sizeof next);
#else
    in.state = state;
    out.stateN = next;
#endif
    int status = PROGRAM(_run)(&context, &in, &out);
    memcpy(state, next, sizeof next);
    if (status) fprintf(stderr, "%s: %s\n", PROGRAM(_error_place)(&context), PROGRAM(_status_text)(status));
    return status;
}

int main(int argc, char **argv)
{
    static float chunk[LONGEST], state[STATE];
    if (argc != 6) return 2;
    long n = atol(argv[2]), length = atol(argv[3]), rate = atol(argv[4]);
    FILE *from = fopen(argv[1], "rb"), *to = fopen(argv[5], "wb");
    if (!from || !to || length > LONGEST) return 2;
    if (PROGRAM(_init)(&context, arena, LIMIT(_ARENA_BYTES))) return 3;
    for (long i = 0; i < n; i++) {
        float probability;
        if (fread(chunk, sizeof *chunk, (size_t)length, from) != (size_t)length) return 2;
        if (run(chunk, rate, state, &probability)) return 1;
        fwrite(&probability, sizeof probability, 1, to);
    }
    fwrite(state, sizeof state, 1, to);
    fclose(from);
    return fclose(to) != 0;
}
