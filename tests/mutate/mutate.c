/* mutate WORK SEEDS FIRST COUNT: feeds changed copies of good files to the compiler, in this process.
 *
 * SEEDS is a file of lines "KIND PATH [ARGUMENT...]": what is changed is PATH; @ among the arguments
 * stands for the changed copy. Mutation i is the same on every machine. Whatever becomes of the text,
 * the compiler must end within ten seconds with exit status 0, 1, 2, 3 or 5 (a file that is named is
 * not there), without a leak. The copies run in a child, so that a crash costs only itself; the input
 * is kept as WORK/crash-I. Built with a sanitizer, its reports stand in WORK/report.*. */
#define main nfc_main
#include "frontend/main.c"
#undef main

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { MAX_SEEDS = 256, MAX_ARGS = 16, BATCH = 500, SECONDS = 10 };

typedef struct {
    char *argv[MAX_ARGS]; /* of nfc; NULL stands for the changed copy */
    int argc;
    char *text;
    size_t n;
    const char *suffix;
} seed;

typedef struct {
    char *at;
    size_t n, cap;
} bytes;

/* ---- chance -------------------------------------------------------------------------------- */

static uint64_t chance(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static size_t below(uint64_t *state, size_t n) { return n ? (size_t)(chance(state) % n) : 0; }

/* ---- changes ------------------------------------------------------------------------------- */

static void replace(bytes *b, size_t at, size_t drop, const char *by, size_t n)
{
    if (at > b->n) at = b->n;
    if (drop > b->n - at) drop = b->n - at;
    if (b->n - drop + n + 1 > b->cap) {
        b->cap = 2 * (b->n - drop + n + 1);
        b->at = realloc(b->at, b->cap);
        if (!b->at) exit(2);
    }
    memmove(b->at + at + n, b->at + at + drop, b->n - at - drop);
    memcpy(b->at + at, by, n);
    b->n = b->n - drop + n;
}

/* The word or single character that position `at` lies in. */
static void word_at(const bytes *b, size_t at, size_t *from, size_t *n)
{
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.";
    size_t end = at;
    *from = at;
    if (at >= b->n || !b->at[at] || !strchr(letters, b->at[at])) {
        *n = at < b->n;
        return;
    }
    while (*from > 0 && b->at[*from - 1] && strchr(letters, b->at[*from - 1])) --*from;
    while (end < b->n && b->at[end] && strchr(letters, b->at[end])) end++;
    *n = end - *from;
}

static void change_word(bytes *b, uint64_t *r, const seed *other)
{
    static const char *const words[] = {"0", "1", "-1", "2", "7", "255", "4294967296", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "0.5", "1e999", "nan", "inf", "[", "]", "{", "}", "(", ")", ";", ",", ":", "=", "+", "-", "*", "/", "%", "..", "\"", "\\", "//", "/*", "x", "y", "h", "entry", "f32", "i32", "bool", "i4", "f8e4m3", "op", "effect", "loop", "block", "return", "yield", "branch", "with", "model", "fmt", "true", "null", "[]", "{}", "\"\"", "\xc3\xa9", "\xff", "%0", "%1", "S", "B"};
    size_t from, n, take, len;
    word_at(b, below(r, b->n), &from, &n);
    switch (below(r, 5)) {
    case 0: replace(b, from, n, "", 0); return;
    case 1: { /* a word of the same text */
        word_at(b, below(r, b->n), &take, &len);
        char *copy = strndup(b->at + take, len);
        replace(b, from, n, copy, len);
        free(copy);
        return;
    }
    case 2: { /* of another one */
        bytes o = {other->text, other->n, other->n};
        word_at(&o, below(r, o.n), &take, &len);
        replace(b, from, n, o.at + take, len);
        return;
    }
    default: {
        const char *by = words[below(r, sizeof words / sizeof *words)];
        replace(b, from, below(r, 3) ? n : 0, by, strlen(by));
    }
    }
}

static void change_bytes(bytes *b, uint64_t *r, const seed *other)
{
    size_t at = below(r, b->n + 1), n = 1 + below(r, below(r, 4) ? 8 : 200);
    char c = (char)chance(r);
    switch (below(r, 6)) {
    case 0: replace(b, at, 1, &c, 1); return;
    case 1: replace(b, at, n, "", 0); return;
    case 2: replace(b, at, 0, &c, 1); return;
    case 3: { /* a piece twice */
        size_t from = below(r, b->n);
        if (n > b->n - from) n = b->n - from;
        char *copy = malloc(n + 1);
        if (!copy) exit(2);
        memcpy(copy, b->at + from, n);
        replace(b, at, 0, copy, n);
        free(copy);
        return;
    }
    case 4: { /* a piece of another file */
        size_t from = below(r, other->n);
        replace(b, at, n, other->text + from, n < other->n - from ? n : other->n - from);
        return;
    }
    default:
        if (below(r, 8)) b->at[at < b->n ? at : 0] ^= (char)(1 << below(r, 8));
        else replace(b, at, b->n - at, "", 0); /* cut off */
    }
}

static void mutated(uint64_t i, const seed *seeds, int n, const seed **of, bytes *out)
{
    uint64_t r = (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    for (int k = 0; k < 8; k++) chance(&r);
    *of = &seeds[below(&r, (size_t)n)];
    out->n = 0;
    replace(out, 0, 0, (*of)->text, (*of)->n);
    for (size_t times = 1 + below(&r, 3); times > 0 && out->n; times--) {
        const seed *other = &seeds[below(&r, (size_t)n)];
        if (below(&r, 4)) change_word(out, &r, other);
        else change_bytes(out, &r, other);
    }
}

/* ---- running ------------------------------------------------------------------------------- */

static void keep(const char *path, const bytes *b)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->at, 1, b->n, f) != b->n || fclose(f) != 0) exit(2);
}

static int compile(const seed *s, const char *path)
{
    char *argv[MAX_ARGS + 1] = {(char[]){"nfc"}};
    for (int i = 0; i < s->argc; i++) argv[i + 1] = s->argv[i] ? s->argv[i] : (char *)(uintptr_t)path;
    return nfc_main(s->argc + 1, argv);
}

static bool is_fair(int status) { return (status >= 0 && status <= 3) || status == 5; }

static void run_batch(const seed *seeds, int n, const char *work, uint64_t from, uint64_t to, volatile uint64_t *now)
{
    char path[4096];
    bytes b = {0};
    for (uint64_t i = from; i < to; i++) {
        const seed *s;
        *now = i;
        mutated(i, seeds, n, &s, &b);
        snprintf(path, sizeof path, "%s/case%s", work, s->suffix);
        keep(path, &b);
        alarm(SECONDS);
        int status = compile(s, path);
        if (!is_fair(status)) _exit(100 + status % 100);
    }
    free(b.at);
    exit(0); /* the leak checker looks now */
}

static void report(const seed *seeds, int n, const char *work, uint64_t i, int status)
{
    char path[4096];
    bytes b = {0};
    const seed *s;
    mutated(i, seeds, n, &s, &b);
    snprintf(path, sizeof path, "%s/crash-%llu%s", work, (unsigned long long)i, s->suffix);
    keep(path, &b);
    printf("FAILED mutation %llu: ", (unsigned long long)i);
    if (WIFSIGNALED(status)) printf("%s", WTERMSIG(status) == SIGALRM ? "it does not end" : strsignal(WTERMSIG(status)));
    else printf("exit status %d", WEXITSTATUS(status) >= 100 ? WEXITSTATUS(status) - 100 : WEXITSTATUS(status));
    printf("; nfc");
    for (int k = 0; k < s->argc; k++) printf(" %s", s->argv[k] ? s->argv[k] : path);
    putchar('\n');
    free(b.at);
}

static int run_all(const seed *seeds, int n, const char *work, uint64_t from, uint64_t to)
{
    enum { MOST = 20 };
    int failed = 0;
    volatile uint64_t *now = mmap(NULL, sizeof *now, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (now == MAP_FAILED) exit(2);
    while (from < to && failed < MOST) {
        uint64_t end = from + BATCH < to ? from + BATCH : to;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            stdout = fopen("/dev/null", "w"); /* what a sanitizer says goes elsewhere */
            stderr = fopen("/dev/null", "w");
            run_batch(seeds, n, work, from, end, now);
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) < 0) exit(2);
        from = end;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
        report(seeds, n, work, *now, status);
        from = *now + 1;
        failed++;
    }
    return failed;
}

/* ---- seeds --------------------------------------------------------------------------------- */

static bool read_seed(char *line, seed *s)
{
    char *save, *word = strtok_r(line, " \n", &save), *path = strtok_r(NULL, " \n", &save);
    if (!word || !path) return false;
    s->argv[s->argc++] = word;
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    s->text = calloc(1, 1 << 20);
    s->n = s->text ? fread(s->text, 1, 1 << 20, f) : 0;
    fclose(f);
    s->suffix = strrchr(path, '.');
    while ((word = strtok_r(NULL, " \n", &save)) && s->argc < MAX_ARGS) s->argv[s->argc++] = strcmp(word, "@") == 0 ? NULL : word;
    return s->text && s->suffix;
}

int main(int argc, char **argv)
{
    static seed seeds[MAX_SEEDS];
    int n = 0;
    size_t cap = 0;
    FILE *list = argc == 5 ? fopen(argv[2], "r") : NULL;
    if (!list) return 2;
    char *line = NULL;
    for (; n < MAX_SEEDS && getline(&line, &cap, list) > 0; line = NULL, cap = 0)
        if (!read_seed(line, &seeds[n++])) return 2;
    free(line); /* the rest is the seeds' */
    fclose(list);
    uint64_t from = strtoull(argv[3], NULL, 10), count = strtoull(argv[4], NULL, 10);
    int failed = run_all(seeds, n, argv[1], from, from + count);
    printf("tests/mutate: %llu mutations passed, %d failed\n", (unsigned long long)count - (unsigned)failed, failed);
    return failed > 0;
}
