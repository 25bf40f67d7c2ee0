/* Continues a prompt, a character at a time: see usage() below. */
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "babble.h"
#include "vocabulary.h"

enum {
    TOKENS = sizeof vocabulary - 1,
    PROMPT = 64,  /* what prefill takes at most, */
    CACHE = 256   /* and how many positions decode has; a run reports an error if it were otherwise */
};

typedef struct options {
    const char *prompt;
    long tokens;
    unsigned long long seed;
    double temperature; /* 0: the likeliest character always */
} options;

typedef struct talker {
    babble_ctx ctx;
    int32_t recent[PROMPT]; /* the newest tokens, the last one at the end */
    int heard;              /* how many of them there are */
    int32_t position;       /* of the next token in the cache */
    float logits[TOKENS];   /* of the next token */
} talker;

static void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("babble: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static void usage(void)
{
    fputs("babble [--tokens N] [--temperature T] [--seed N] [--greedy] [PROMPT]\n\n"
          "Writes how the prompt may go on: N characters (600), likely ones mostly. T is how bold the choice\n"
          "is (0.7); the same seed (1) gives the same text. --greedy always takes the likeliest character.\n", stdout);
    exit(0);
}

static void check(const talker *t, int status)
{
    if (status != BABBLE_OK) fail("%s %s", babble_status_text(status), babble_error_place(&t->ctx));
}

static int32_t token_of(char c)
{
    const char *at = c ? strchr(vocabulary, c) : NULL;
    if (!at) fail("the model has not learnt the character '%c' (%d)", c, (unsigned char)c);
    return (int32_t)(at - vocabulary);
}

static void remember(talker *t, int32_t token)
{
    memmove(t->recent, t->recent + 1, sizeof t->recent - sizeof *t->recent);
    t->recent[PROMPT - 1] = token;
    if (t->heard < PROMPT) t->heard++;
}

/* Fills the cache from position 0 on with the newest tokens. */
static void read_recent(talker *t)
{
    babble_prefill_in in = {.P = t->heard, .tokens = t->recent + PROMPT - t->heard};
    babble_prefill_out out = {.logits = t->logits};
    check(t, babble_prefill_run(&t->ctx, &in, &out));
    t->position = t->heard;
}

static void read_one(talker *t, int32_t token)
{
    remember(t, token);
    if (t->position == CACHE) {
        read_recent(t);
        return;
    }
    babble_decode_in in = {.token = token, .pos = t->position};
    babble_decode_out out = {.logits = t->logits};
    check(t, babble_decode_run(&t->ctx, &in, &out));
    t->position++;
}

/* Every text begins with the end of the line before it. */
static void read_prompt(talker *t, const char *prompt)
{
    remember(t, token_of('\n'));
    while (*prompt && t->heard < PROMPT) remember(t, token_of(*prompt++));
    read_recent(t);
    while (*prompt) read_one(t, token_of(*prompt++));
}

/* In [0, 1): xorshift64*, the upper bits. */
static double random_unit(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)((*state * 0x2545f4914f6cdd1du) >> 11) / 9007199254740992.0;
}

static int32_t choose(const float *logits, double temperature, uint64_t *random)
{
    double weight[TOKENS], sum = 0;
    int32_t best = 0;
    for (int32_t i = 1; i < TOKENS; i++)
        if (logits[i] > logits[best]) best = i;
    if (temperature == 0) return best;
    for (int i = 0; i < TOKENS; i++) sum += weight[i] = exp((logits[i] - logits[best]) / temperature);
    double left = sum * random_unit(random);
    for (int32_t i = 0; i < TOKENS; i++)
        if ((left -= weight[i]) < 0) return i;
    return best;
}

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void talk(talker *t, const options *o)
{
    uint64_t random = (o->seed + 1) * 0x9e3779b97f4a7c15u;
    if (!random) random = 1;
    fputs(o->prompt, stdout);
    double start = seconds();
    for (long i = 0; i < o->tokens; i++) {
        int32_t token = choose(t->logits, o->temperature, &random);
        putchar(vocabulary[token]);
        fflush(stdout);
        if (i + 1 < o->tokens) read_one(t, token);
    }
    double time = seconds() - start;
    putchar('\n');
    fflush(stdout);
    fprintf(stderr, "%ld tokens in %.3f s: %.0f tokens/s\n", o->tokens, time, time > 0 ? (double)o->tokens / time : 0);
}

static double number(const char *name, const char *text, double most)
{
    char *end = NULL;
    double value = text ? strtod(text, &end) : -1;
    if (!text || end == text || *end || !(value >= 0 && value <= most)) fail("%s takes a number from 0 to %g", name, most);
    return value;
}

static options read_options(char **arg)
{
    options o = {"In the beginning", 600, 1, 0.7};
    for (; *arg; arg++) {
        if (strcmp(*arg, "--greedy") == 0) o.temperature = 0;
        else if (strcmp(*arg, "--help") == 0) usage();
        else if (strcmp(*arg, "--tokens") == 0) o.tokens = (long)number(*arg, arg[1], 1e9), arg++;
        else if (strcmp(*arg, "--seed") == 0) o.seed = (unsigned long long)number(*arg, arg[1], 1e15), arg++;
        else if (strcmp(*arg, "--temperature") == 0) o.temperature = number(*arg, arg[1], 100), arg++;
        else if (strncmp(*arg, "--", 2) == 0) fail("there is no option %s; --help tells which there are", *arg);
        else o.prompt = *arg;
    }
    return o;
}

int main(int argc, char **argv)
{
    static talker t;
    static _Alignas(BABBLE_ARENA_ALIGN) unsigned char arena[BABBLE_ARENA_BYTES + 1];
    options o = read_options(argv + (argc > 0));
    check(&t, babble_init(&t.ctx, arena, BABBLE_ARENA_BYTES));
    read_prompt(&t, o.prompt);
    talk(&t, &o);
    return ferror(stdout) ? 1 : 0;
}
