#include "frontend/cli.h"
#include "frontend/onnx/import.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include <stdlib.h>
#include <string.h>
#include "ir/text.h"
#include "ir/tree.h"

/* ---- options ------------------------------------------------------------------------------- */

typedef enum { TEXT, FLAG, COUNT, DIM, MODEL, INPUT, KEEP } option_kind;

typedef struct {
    const char *name, *arg;
    char letter;
    option_kind kind;
    size_t at;            /* its place in struct cli */
    const char *verbs;    /* " build run " */
    const char *doc;
} option_row;

#define AT(member) offsetof(cli, member)
#define GRAPH_VERBS " build tune run sim check inspect test export "
#define COMPILING " build tune run check inspect test "

static const option_row options[] = {
    {"device", "FILE.json", 0, TEXT, AT(device), " build tune run check inspect test ", "the device description; generic by default"},
    {"isa", "A,B,C", 0, TEXT, AT(isa), " build ", "one program for several devices of a kind, which takes the best that the processor at hand can run"},
    {"out", "DIR", 'o', TEXT, AT(out_dir), " build ", "where the sources go; ./out by default"},
    {"out", "FILE", 'o', TEXT, AT(out_dir), " export ", "where the text goes; stdout by default"},
    {"out", "FILE", 'o', TEXT, AT(out_dir), " tune ", "where the schedules go; GRAPH.schedules beside the graph by default"},
    {"schedules", "FILE", 0, TEXT, AT(schedules), " build ", "schedules that 'nfc tune' found"},
    {"tries", "N", 0, COUNT, AT(tries), " tune ", "schedules to measure for each kernel; 16 by default"},
    {"define", "NAME=N", 'D', DIM, 0, GRAPH_VERBS, "binds a dim; NAME<=N bounds it"},
    {"keep", "IN=OUT", 0, KEEP, 0, GRAPH_VERBS, "an ONNX model's output OUT becomes a state that its input IN is in the next run"},
    {"text", "N", 0, COUNT, AT(lower.text_length), GRAPH_VERBS, "bytes that each string of an ONNX model takes; 64 by default"},
    {"model", "[NAME=]FILE", 0, MODEL, 0, GRAPH_VERBS, "another file for a weights package"},
    {"emit", "KIND", 0, TEXT, AT(emit), " build ", "sources, lib or exe (the default: runs make in DIR)"},
    {"input", "NAME=FILE.npy", 0, INPUT, 0, " run sim ", "an input of the graph"},
    {"output", "DIR", 0, TEXT, AT(output), " run sim ", "where the outputs go, as NAME.npy"},
    {"graph", "NAME", 'g', TEXT, AT(graph), " run sim test inspect tune ", "one graph of a module with several"},
    {"runs", "N", 0, COUNT, AT(runs), " run sim ", "runs N times, keeping the state"},
    {"golden", "DIR", 0, TEXT, AT(golden), " test ", "inputs and expected outputs as .npy"},
    {"tolerance", "T", 0, TEXT, AT(tolerance), " test ", "largest difference relative to the output's scale, or '4ulp'; 1e-5 by default"},
    {"junit", "FILE", 0, TEXT, AT(junit), " test ", "writes the results as JUnit XML"},
    {"bless", NULL, 0, FLAG, AT(bless), " test ", "writes the expected outputs instead of comparing"},
    {"step", NULL, 0, FLAG, AT(step), " sim ", "waits for commands before each instruction (help lists them)"},
    {"verbose", NULL, 'v', FLAG, AT(verbose), " sim build run test ", "logs what is done"},
    {"time", NULL, 0, FLAG, AT(time), " sim build check ", "prints the time of each op, or pass"},
    {"trace", "FILE", 0, TEXT, AT(trace), " sim run ", "writes Chrome trace events"},
    {"state", "FILE", 0, TEXT, AT(state), " run ", "starts from a saved state if FILE exists, and saves it after the runs"},
    {"state-in", "FILE", 0, TEXT, AT(state_in), " sim ", "starts from a saved state"},
    {"state-out", "FILE", 0, TEXT, AT(state_out), " sim ", "saves the state after the run"},
    {"format", "NAME", 0, TEXT, AT(format), " export ", "json, dot, ir, or, of an ONNX model, nfg"},
    {"json", NULL, 0, FLAG, AT(json), " inspect ops ", "as JSON"},
    {"json", NULL, 0, FLAG, AT(json), " devices ", "a device as JSON, with all that its bases say"},
    {"onnx", NULL, 0, FLAG, AT(onnx), " ops ", "the operators of ONNX models, by domain, and what they become"},
    {"markdown", NULL, 0, FLAG, AT(markdown), " ops ", "as a Markdown table"},
    {"probe", NULL, 0, FLAG, AT(probe), " devices ", "prints a description of this machine"},
    {"schema", NULL, 0, FLAG, AT(schema), " devices ", "prints the keys of a description as a Markdown table"},
    {"dump", "PASS", 0, TEXT, AT(dump), COMPILING, "prints the IR after a pass; all: after each that changed it"},
    {"stop-at", "N", 0, COUNT, AT(stop_at), COMPILING, "runs only the first N passes"},
    {"threads", "N", 0, COUNT, AT(threads), COMPILING, "for how many threads a run is made, 1 to 64; the device says, without"},
    {"precision", "TYPE", 0, TEXT, AT(precision), COMPILING, "f32, f16 or bf16: the f32 weights of contractions are kept so, and where the device has dot products of the type what they are multiplied with is rounded to it, too; the device says, without"},
    {"fast-math", NULL, 0, FLAG, AT(fast_math), COMPILING, "allows rewrites that change roundings"},
    {"strict", NULL, 0, FLAG, AT(strict), COMPILING, "the same bits on every device and compiler: fixed orders of sums, no fused multiply-adds"},
    {"layout", "KIND", 0, TEXT, AT(layout), COMPILING, "how values of rank 3 to 5 are stored: plain, channels-last or, by default, auto: for a device with vectors as it is cheapest"},
    {"winograd", "KIND", 0, TEXT, AT(winograd), COMPILING, "Winograd's algorithm for f32 convolutions of 3 x 3 windows: off, f2 or f4 (tiles of 2 or 4 results, 3 of stride 2, for all) or, by default, auto: what is estimated to be fastest; off with --strict"},
    {"chains", "KIND", 0, TEXT, AT(chains), COMPILING, "which windows run a few rows at a time to make the arena smaller: off, on (all that do), all, a number of rows (all, so many at a time), or by default auto: where that costs no time"},
    {"no-verify", NULL, 0, FLAG, AT(no_verify), COMPILING, "does not verify the IR after each pass"},
    {"check", NULL, 0, FLAG, AT(check), " fmt ", "only names the files that are not formatted; exit status 1 then"},
    {"in-place", NULL, 'i', FLAG, AT(in_place), " fmt ", "rewrites the file"},
    {"diag", "FORMAT", 0, TEXT, 0, "", "diagnostics as text (the default) or json"},
    {"quiet", NULL, 'q', FLAG, AT(quiet), "", "no warnings"},
};

enum { NOPTION = sizeof options / sizeof *options };

static bool takes(const option_row *o, const char *verb)
{
    char word[32];
    snprintf(word, sizeof word, " %s ", verb);
    return !*o->verbs || strstr(o->verbs, word);
}

static bool usage(cli *c, const char *where, const char *text)
{
    diag_error_in(&c->s->diags, E_USAGE, where, "%s", text);
    return false;
}

static bool read_count(cli *c, const option_row *o, const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (errno || end == text || *end || *out < 0) return usage(c, session_printf(c->s, "--%s", o->name), session_printf(c->s, "'%s' is not a number from 0", text));
    return true;
}

static bool read_dim(cli *c, const char *text)
{
    enum { MOST = 1 << 30 };
    const char *sign = text + strcspn(text, "=<"); /* names of ONNX models have dots, slashes, ... */
    lower_binding b = {0};
    char *end = NULL;
    if (sign > text && (*sign == '=' || strncmp(sign, "<=", 2) == 0)) {
        b.bounded = *sign == '<';
        b.name = intern_n(&c->s->names, text, (size_t)(sign - text));
        const char *number = sign + 1 + b.bounded;
        errno = 0;
        b.value = strtoll(number, &end, 10);
        if (!errno && end != number && !*end && b.value >= b.bounded && b.value <= MOST) {
            vec_push(c->s->arena, &c->lower.dim, b);
            return true;
        }
    }
    return usage(c, "-D", session_printf(c->s, "'%s' is not NAME=N or 'NAME<=N', with N up to %d", text, MOST));
}

static bool read_option(cli *c, const option_row *o, const char *text)
{
    void *at = (char *)c + o->at;
    if (strcmp(o->name, "diag") == 0) {
        c->diag_json = strcmp(text, "json") == 0;
        return c->diag_json || strcmp(text, "text") == 0 || usage(c, "--diag", session_printf(c->s, "the formats are text and json, not '%s'", text));
    }
    switch (o->kind) {
    case TEXT: *(const char **)at = text; return true;
    case FLAG: *(bool *)at = true; return true;
    case COUNT: return read_count(c, o, text, at);
    case DIM: return read_dim(c, text);
    case MODEL: vec_push(c->s->arena, &c->lower.model, text); return true;
    case KEEP: vec_push(c->s->arena, &c->lower.keep, text); return true;
    case INPUT: {
        const char *eq = strchr(text, '=');
        if (!eq || eq == text || !eq[1]) return usage(c, "--input", session_printf(c->s, "'%s' is not NAME=FILE.npy", text));
        cli_pair p = {intern_n(&c->s->names, text, (size_t)(eq - text)), eq + 1};
        vec_push(c->s->arena, &c->input, p);
        return true;
    }
    }
    return false;
}

static bool unknown_option(cli *c, const char *text)
{
    const char *names[NOPTION + 1] = {NULL};
    int n = 0;
    for (int i = 0; i < NOPTION; i++)
        if (takes(&options[i], c->verb)) names[n++] = options[i].name;
    const char *bare = text;
    while (*bare == '-') bare++;
    bare = session_printf(c->s, "%.*s", (int)strcspn(bare, "="), bare);
    nfc_diag *d = diag_error_in(&c->s->diags, E_USAGE, text, "'nfc %s' has no such option", c->verb);
    const char *near = nearest_word(bare, names);
    if (near) diag_help(d, "did you mean '--%s'?", near);
    else diag_help(d, "'nfc help %s' lists them", c->verb);
    return false;
}

/* Of rows with one name, the verb's own; another verb's where it has none; NULL for what is no option. */
static const option_row *find_option(int code, const char *verb)
{
    const option_row *found = NULL;
    for (int i = 0; i < NOPTION; i++) {
        const option_row *o = &options[i];
        bool is_it = code >= 1000 ? strcmp(o->name, options[code - 1000].name) == 0 : o->letter && code == o->letter;
        if (is_it && (!found || takes(o, verb))) found = o;
    }
    return found;
}

bool cli_parse(cli *c, int argc, char **argv)
{
    struct option longs[NOPTION + 1] = {{0}};
    char shorts[2 * NOPTION + 3] = ":";
    for (int i = 0; i < NOPTION; i++) {
        longs[i] = (struct option){options[i].name, options[i].arg ? required_argument : no_argument, NULL, 1000 + i};
        if (options[i].letter) snprintf(shorts + strlen(shorts), 3, "%c%s", options[i].letter, options[i].arg ? ":" : "");
    }
    c->runs = 1;
    c->tries = 16;
    c->stop_at = c->threads = -1;
    bool ok = true;
    optind = 0;
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        const option_row *o = find_option(code, c->verb);
        const char *text = argv[optind - 1];
        if (code == ':') ok = usage(c, text, "the option wants a value");
        else if (code == '?' && optopt >= 1000) ok = usage(c, text, "the option takes no value");
        else if (!o || !takes(o, c->verb)) ok = unknown_option(c, o ? session_printf(c->s, "--%s", o->name) : text);
        else ok &= read_option(c, o, optarg);
    }
    if (ok && c->runs < 1) ok = usage(c, "--runs", "at least one run is needed");
    for (; optind < argc; optind++) vec_push(c->s->arena, &c->operand, argv[optind]);
    c->s->diags.json = c->diag_json;
    c->s->diags.quiet = c->quiet;
    return ok;
}

/* ---- help ---------------------------------------------------------------------------------- */

void cli_help(FILE *to, const char *verb)
{
    if (!verb) {
        fputs("nfc, the NeuroFabric compiler: graphs to standalone source code\n\n", to);
        for (const cli_verb *v = cli_verbs; v->name; v++) fprintf(to, "  nfc %-8s %s\n", v->name, v->doc);
        fputs("\n'nfc help VERB' tells more. A graph is a .nfg file, a .onnx model, or the JSON or text of 'nfc export'.\n", to);
        return;
    }
    for (const cli_verb *v = cli_verbs; v->name; v++) {
        if (strcmp(v->name, verb) != 0) continue;
        fprintf(to, "nfc %s%s%s\n\n%s\n\n", v->name, *v->synopsis ? " " : "", v->synopsis, v->doc);
        for (int i = 0; i < NOPTION; i++) {
            const option_row *o = &options[i];
            if (!takes(o, verb)) continue;
            char text[64];
            if (o->letter == 'D') snprintf(text, sizeof text, "-D %s", o->arg);
            else if (o->letter) snprintf(text, sizeof text, "-%c, --%s%s%s", o->letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
            else snprintf(text, sizeof text, "--%s%s%s", o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
            fprintf(to, "  %-26s %s\n", text, o->doc);
        }
    }
}

/* ---- loading ------------------------------------------------------------------------------- */

enum { MAX_SOURCE = 256 << 20 };

/* What the file holds says its first word, whatever it is called. */
static ir_module *load_text(cli *c, const char *path, const char *text, size_t size)
{
    uint32_t file = source_add(&c->s->sources, path, text, size);
    size_t at = strspn(text, " \t\r\n");
    bool is_json = text[at] == '{', is_text = strncmp(text + at, "nfc.ir/", 7) == 0;
    ir_module *m = NULL;
    if (is_json || is_text) {
        const json_node *tree = is_json ? json_parse(c->s, file, text, size) : ir_text_tree(c->s, file, text, size);
        if (tree) m = ir_from_tree(c->s, tree, path, &c->lower);
    } else {
        m = lower_module(c->s, nfg_read(c->s, path, file), &c->lower);
    }
    if (m) m->read_from = file;
    return m;
}

bool cli_read(cli *c, const char *path, char **text, size_t *size)
{
    switch (read_file(c->s->arena, path, MAX_SOURCE, text, size)) {
    case READ_OK: return true;
    case READ_MISSING: diag_error_in(&c->s->diags, E_IO_OPEN, path, "there is no such file"); break;
    case READ_NOT_A_FILE: diag_error_in(&c->s->diags, E_IO_OPEN, path, "not a regular file"); break;
    case READ_TOO_LARGE: diag_error_in(&c->s->diags, E_IO_READ, path, "larger than %d bytes", MAX_SOURCE); break;
    case READ_FAILED: diag_error_in(&c->s->diags, E_IO_READ, path, "cannot be read: %s", strerror(errno)); break;
    }
    return false;
}

static ir_module *load_file(cli *c, const char *path)
{
    char *text;
    size_t size;
    if (onnx_is_model(path)) return onnx_import(c->s, path, &c->lower);
    return cli_read(c, path, &text, &size) ? load_text(c, path, text, size) : NULL;
}

ir_module *cli_load(cli *c)
{
    if (c->loaded) return c->loaded;
    if (c->operand.n != 1) {
        usage(c, c->verb, c->operand.n ? "more than one graph is named" : "no graph is named");
        return NULL;
    }
    ir_module *m = load_file(c, c->operand.at[0]);
    if (m) m->fast_math = c->fast_math;
    c->loaded = m;
    return m;
}

ir_graph *cli_graph(cli *c, ir_module *m)
{
    const char **names = ARENA_ARRAY(c->s->arena, const char *, m->graph.n + 1);
    for (int i = 0; i < m->graph.n; i++) names[i] = m->graph.at[i]->name;
    if (!c->graph && m->graph.n == 1) return m->graph.at[0];
    ir_graph *g = c->graph ? ir_graph_named(m, c->graph) : NULL;
    if (g) return g;
    nfc_diag *d = diag_error_in(&c->s->diags, E_USAGE, "--graph", c->graph ? "there is no graph '%s'" : "the module has several graphs; name one", c->graph);
    if (c->graph && diag_suggest(d, c->graph, names)) return NULL;
    for (int i = 0; i < m->graph.n; i++) diag_help(d, "--graph=%s", names[i]);
    return NULL;
}

int cli_finish(cli *c)
{
    int errors = diag_flush(&c->s->diags, stderr);
    return errors ? c->s->diags.exit_code : 0;
}
