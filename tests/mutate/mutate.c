/* mutate WORK SEEDS SECONDS FIRST COUNT: feeds changed copies of good files to the compiler, in this process.
 * mutate WORK SEEDS SECONDS cut EVERY: instead, each of the good files cut off behind every EVERYth byte.
 * mutate WORK SEEDS SECONDS as-is: instead, the files as they are, good or not.
 *
 * SEEDS is a file of lines "KIND PATH [ARGUMENT...]": what is changed is PATH; @ among the arguments
 * stands for the changed copy. Mutation i is the same on every machine. Whatever becomes of the text,
 * the compiler must end within SECONDS of its own time with exit status 0, 1, 2, 3 or 5 (a file that is
 * named is not there), without a leak, and with no error of the compiler itself. The copies run in a child,
 * so that a crash costs only itself; the input is kept as WORK/crash-I. Built with a sanitizer, its reports
 * stand in WORK/report.*. */
#define main nfc_main
#include "frontend/main.c"
#undef main

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "tests/mutate/mutate.h"

enum { MAX_SEEDS = 16384, MAX_ARGS = 16, BATCH = 500 };

typedef struct {
    char *argv[MAX_ARGS]; /* of nfc; NULL stands for the changed copy */
    int argc;
    char *text;
    size_t n;
    const char *path, *suffix;
} seed;

typedef enum { MUTATE, CUT, AS_IS } what_to_do;

typedef struct {
    what_to_do what;
    seed *seeds;
    int n;
    uint64_t every; /* CUT */
    const char *work;
    int seconds;
} job;

/* ---- changes ------------------------------------------------------------------------------- */

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

static void mutated(uint64_t i, const job *j, const seed **of, bytes *out)
{
    uint64_t r = (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    for (int k = 0; k < 8; k++) chance(&r);
    *of = &j->seeds[below(&r, (size_t)j->n)];
    bool model = strcmp((*of)->suffix, ".onnx") == 0;
    replace(out, 0, 0, (*of)->text, (*of)->n);
    for (size_t times = 1 + below(&r, 3); times > 0 && out->n; times--) {
        const seed *other = &j->seeds[below(&r, (size_t)j->n)];
        bytes o = {other->text, other->n, other->n};
        if (model && below(&r, 4) && change_model(out, &r, &o)) continue;
        if (!model && below(&r, 4)) change_word(out, &r, other);
        else change_bytes(out, &r, other);
    }
}

/* The bytes of case i, and the seed that they were made of. */
static void case_of(uint64_t i, const job *j, const seed **of, bytes *out)
{
    out->n = 0;
    if (j->what == MUTATE) {
        mutated(i, j, of, out);
        return;
    }
    *of = j->seeds;
    while (j->what == CUT && i * j->every >= (*of)->n) i -= ((*of)++->n + j->every - 1) / j->every;
    if (j->what == AS_IS) *of += i;
    replace(out, 0, 0, (*of)->text, j->what == CUT ? i * j->every : (*of)->n);
}

static uint64_t case_count(const job *j)
{
    uint64_t n = 0;
    for (int i = 0; i < j->n; i++) n += j->what == CUT ? (j->seeds[i].n + j->every - 1) / j->every : 1;
    return n;
}

/* ---- running ------------------------------------------------------------------------------- */

enum { UNFAIR = 100, INTERNAL = 99 }; /* exit statuses of a child: UNFAIR + nfc's */

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

/* What the children tell: the case that is at work, and how many had no error. */
typedef struct {
    uint64_t now, good;
} progress;

static void run_batch(const job *j, uint64_t from, uint64_t to, volatile progress *p)
{
    char path[4096], printed[1 << 14];
    bytes b = {0};
    for (uint64_t i = from; i < to; i++) {
        const seed *s;
        p->now = i;
        case_of(i, j, &s, &b);
        snprintf(path, sizeof path, "%s/case%s", j->work, s->suffix);
        keep(path, &b);
        memset(printed, 0, sizeof printed);
        stderr = fmemopen(printed, sizeof printed - 1, "w");
        if (!stderr) exit(2);
        setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {j->seconds, 0}}, NULL);
        int status = compile(s, path);
        setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {0, 0}}, NULL);
        if (!is_fair(status)) _exit(UNFAIR + status % 100);
        fclose(stderr);
        if (strstr(printed, "[NFC99")) _exit(INTERNAL); /* an error of the compiler itself */
        p->good += status == 0;
    }
    stderr = stdout;
    free(b.at);
    exit(0); /* the leak checker looks now */
}

static void report(const job *j, uint64_t i, int status)
{
    char path[4096];
    bytes b = {0};
    const seed *s;
    case_of(i, j, &s, &b);
    snprintf(path, sizeof path, "%s/crash-%llu%s", j->work, (unsigned long long)i, s->suffix);
    keep(path, &b);
    printf("FAILED case %llu: ", (unsigned long long)i);
    if (WIFSIGNALED(status)) printf("%s", WTERMSIG(status) == SIGPROF ? "it does not end" : strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == INTERNAL) printf("an error of the compiler");
    else printf("exit status %d", WEXITSTATUS(status) >= UNFAIR ? WEXITSTATUS(status) - UNFAIR : WEXITSTATUS(status));
    printf("; nfc");
    for (int k = 0; k < s->argc; k++) printf(" %s", s->argv[k] ? s->argv[k] : path);
    if (j->what == AS_IS) printf(" (%s)", s->path);
    putchar('\n');
    free(b.at);
}

static int run_all(const job *j, uint64_t from, uint64_t to, uint64_t *good)
{
    enum { MOST = 20 };
    int failed = 0;
    volatile progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) exit(2);
    while (from < to && failed < MOST) {
        uint64_t end = from + BATCH < to ? from + BATCH : to;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            stdout = fopen("/dev/null", "w"); /* what a sanitizer says goes elsewhere */
            run_batch(j, from, end, p);
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) < 0) exit(2);
        from = end;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
        report(j, p->now, status);
        from = p->now + 1;
        failed++;
    }
    *good = p->good;
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
    if (fseek(f, 0, SEEK_END) != 0) return false;
    s->n = (size_t)ftell(f);
    rewind(f);
    s->text = malloc(s->n + 1);
    if (!s->text || fread(s->text, 1, s->n, f) != s->n) return false;
    s->text[s->n] = 0;
    fclose(f);
    s->path = path;
    s->suffix = strrchr(path, '.');
    while ((word = strtok_r(NULL, " \n", &save)) && s->argc < MAX_ARGS) s->argv[s->argc++] = strcmp(word, "@") == 0 ? NULL : word;
    return s->text && s->suffix;
}

int main(int argc, char **argv)
{
    static seed seeds[MAX_SEEDS];
    size_t cap = 0;
    FILE *list = argc >= 5 ? fopen(argv[2], "r") : NULL;
    if (!list) return 2;
    job j = {.seeds = seeds, .work = argv[1], .seconds = atoi(argv[3])};
    char *line = NULL;
    for (; j.n < MAX_SEEDS && getline(&line, &cap, list) > 0; line = NULL, cap = 0)
        if (!read_seed(line, &seeds[j.n++])) return 2;
    free(line); /* the rest is the seeds' */
    fclose(list);
    j.what = strcmp(argv[4], "cut") == 0 ? CUT : strcmp(argv[4], "as-is") == 0 ? AS_IS : MUTATE;
    if (j.n == 0 || (j.what != AS_IS && argc != 6)) return 2;
    j.every = j.what == CUT ? strtoull(argv[5], NULL, 10) : 1;
    uint64_t from = j.what == MUTATE ? strtoull(argv[4], NULL, 10) : 0, count = j.what == MUTATE ? strtoull(argv[5], NULL, 10) : case_count(&j);
    uint64_t good;
    int failed = run_all(&j, from, from + count, &good);
    static const char *const done[] = {"mutations", "cut files", "files"};
    printf("tests/mutate: %llu %s passed (%llu without an error in them), %d failed\n", (unsigned long long)count - (unsigned)failed, done[j.what], (unsigned long long)good, failed);
    return failed > 0;
}
