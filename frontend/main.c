/* nfc: picks the verb and gives it a session. */
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "frontend/cli.h"
#include "frontend/version.h"

const cli_verb cli_verbs[] = {
    {"build", verb_build, "GRAPH [--device F.json] [-o DIR] [--emit=sources|lib|exe]", "compiles a graph to standalone C, and to a program"},
    {"tune", verb_tune, "GRAPH [--device F.json] [-o FILE] [--tries N]", "measures schedules of a graph's kernels, and writes down the best"},
    {"run", verb_run, "GRAPH --input x=x.npy ... [--output DIR]", "builds a graph, unless that was done before, and runs it"},
    {"sim", verb_sim, "GRAPH --input x=x.npy ... --output DIR", "runs a graph in the simulator"},
    {"check", verb_check, "GRAPH [--device F.json]", "says everything that is wrong with a graph"},
    {"inspect", verb_inspect, "GRAPH [--device F.json] [--json]", "says what a program takes and costs"},
    {"test", verb_test, "GRAPH --golden DIR [--tolerance T] [--junit F] [--bless]", "compares a graph's outputs with those that are kept"},
    {"export", verb_export, "GRAPH --format=json|dot|ir|nfg [-o FILE]", "writes a graph as data, a drawing or text"},
    {"fmt", verb_fmt, "FILE.nfg... [-i|--check]", "formats graphs"},
    {"ops", verb_ops, "[NAME...] [--json|--markdown]", "lists the operations, or tells all of one"},
    {"devices", verb_devices, "[NAME|FILE.json]", "lists the devices, or shows one"},
    {"explain", verb_explain, "CODE", "explains a diagnostic"},
    {"help", verb_help, "[VERB]", "lists the verbs, or a verb's options"},
    {"version", verb_version, "", "prints the compiler's version"},
    {NULL, NULL, NULL, NULL},
};

static const cli_verb *find_verb(nfc_session *s, const char *name)
{
    const char *names[32] = {NULL};
    for (int i = 0; cli_verbs[i].name; i++) {
        names[i] = cli_verbs[i].name;
        if (strcmp(names[i], name) == 0) return &cli_verbs[i];
    }
    nfc_diag *d = diag_error_in(&s->diags, E_USAGE, "nfc", "there is no verb '%s'", name);
    if (!diag_suggest(d, name, names)) diag_help(d, "'nfc help' lists them");
    return NULL;
}

int verb_help(cli *c)
{
    const char *name = c->operand.n ? c->operand.at[0] : NULL;
    if (name && !find_verb(c->s, name)) return cli_finish(c);
    cli_help(stdout, name);
    return 0;
}

int verb_version(cli *c)
{
    (void)c;
    printf("nfc %s\n", NFC_VERSION);
    return 0;
}

int verb_explain(cli *c)
{
    if (c->operand.n != 1) {
        diag_error_in(&c->s->diags, E_USAGE, "explain", "name one code, such as NFC0301");
        return cli_finish(c);
    }
    diag_code code = diag_lookup(c->operand.at[0]);
    if (code == DIAG_COUNT) {
        diag_error_in(&c->s->diags, E_USAGE, "explain", "there is no diagnostic '%s'", c->operand.at[0]);
        return cli_finish(c);
    }
    printf("%s: %s\n", diag_code_text(code), diag_title(code));
    printf("\n%s\n", diag_explanation(code));
    return 0;
}

/* What every program understands in place of a verb. */
static const char *verb_name(const char *text)
{
    if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) return "help";
    return strcmp(text, "--version") == 0 ? "version" : text;
}

static int run(nfc_session *s, int argc, char **argv)
{
    if (argc < 2) {
        cli_help(stderr, NULL);
        return 2;
    }
    const cli_verb *verb = find_verb(s, verb_name(argv[1]));
    cli c = {.s = s, .verb = verb ? verb->name : ""};
    for (int i = 2; verb && i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            cli_help(stdout, verb->name);
            return 0;
        }
    if (!verb || !cli_parse(&c, argc - 1, argv + 1)) {
        diag_flush(&s->diags, stderr);
        return 2;
    }
    int status = verb->run(&c);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        diag_error_in(&s->diags, E_IO_WRITE, "stdout", "cannot be written");
        diag_flush(&s->diags, stderr);
        return 5;
    }
    return status;
}

int main(int argc, char **argv)
{
    enum { RESULTS = 1 << 16 };
    if (!isatty(STDOUT_FILENO)) setvbuf(stdout, NULL, _IOFBF, RESULTS);
    nfc_session *s = session_new();
    jmp_buf oom;
    if (!s || setjmp(oom)) {
        __fpurge(stdout); /* half a result is none */
        fputs("nfc: out of memory\n", stderr);
        session_free(s); /* undoes what is half done */
        return 4;
    }
    arena_on_oom(s->arena, &oom);
    ops_init();
    s->diags.colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    int status = run(s, argc, argv);
    session_free(s);
    return status;
}
