/* The text form is the tree, line by line; what has no short form stands there as JSON.
 *
 *   nfc.ir/1 "mlp"
 *   source "mlp.nfg"
 *   dim B = 1 @1:3:8:1
 *   graph mlp @1:4:1:6 {
 *     input x : f32[1, 64] @1:4:11:1
 *     block 0 "entry" (%0 "x" : f32[1, 64] @1:4:11:1) @1:6:7:5 {
 *       %3 "h" : f32[1, 64] @1:8:9:1 = relu(%2) scope=["head"] @1:8:9:12
 *     }
 *   }
 */
#include "ir/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ir/tree.h"

/* ---- writing ------------------------------------------------------------------------------- */

static void write_place(FILE *to, const json_node *n)
{
    const json_node *k = json_get(n, "at")->child;
    fprintf(to, " @%lld:%lld:%lld:%lld", (long long)k->integer, (long long)k->next->integer, (long long)k->next->next->integer, (long long)k->next->next->next->integer);
}

static void write_type(FILE *to, const json_node *t)
{
    const json_node *kind = json_get(t, "kind");
    if (kind && kind->text[0] == 'i') {
        fputs("index", to);
        return;
    }
    if (kind) {
        fprintf(to, "token %lld", (long long)json_get(t, "state")->integer);
        return;
    }
    fprintf(to, "%s[", json_get(t, "dtype")->text);
    for (const json_node *k = json_get(t, "shape")->child; k; k = k->next) {
        if (k->kind == JSON_INT) fprintf(to, "%lld", (long long)k->integer);
        else fputs(k->text, to);
        if (k->next) fputs(", ", to);
    }
    putc(']', to);
}

static void write_value(FILE *to, const json_node *v)
{
    fprintf(to, "%%%lld ", (long long)json_get(v, "id")->integer);
    if (json_get(v, "name")) {
        print_json_string(to, json_get(v, "name")->text);
        putc(' ', to);
    }
    fputs(": ", to);
    write_type(to, json_get(v, "type"));
    if (json_get(v, "min")) fprintf(to, " %lld .. %lld", (long long)json_get(v, "min")->integer, (long long)json_get(v, "max")->integer);
    write_place(to, v);
}

static void write_values(FILE *to, const json_node *list)
{
    for (const json_node *k = list->child; k; k = k->next) {
        write_value(to, k);
        if (k->next) fputs(", ", to);
    }
}

static void write_blocks(FILE *to, const json_node *list, int indent);

static void write_inst(FILE *to, const json_node *n, int indent)
{
    fprintf(to, "%*s", indent, "");
    if (json_get(n, "out")) {
        write_values(to, json_get(n, "out"));
        fputs(" = ", to);
    }
    fprintf(to, "%s(", json_get(n, "op")->text);
    for (const json_node *k = json_get(n, "in") ? json_get(n, "in")->child : NULL; k; k = k->next) {
        if (k->kind == JSON_INT) fprintf(to, "%%%lld", (long long)k->integer);
        else putc('_', to);
        if (k->next) fputs(", ", to);
    }
    putc(')', to);
    static const char *const shown[] = {"at", "blocks", "in", "op", "out"};
    for (const json_node *k = n->child; k; k = k->next) {
        bool done = false;
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) done |= strcmp(k->key, shown[i]) == 0;
        if (done) continue;
        fprintf(to, " %s=", k->key);
        json_write(to, k, -1);
    }
    write_place(to, n);
    if (json_get(n, "blocks")) {
        fputs(" {\n", to);
        write_blocks(to, json_get(n, "blocks"), indent + 2);
        fprintf(to, "%*s}", indent, "");
    }
    putc('\n', to);
}

static void write_blocks(FILE *to, const json_node *list, int indent)
{
    for (const json_node *b = list->child; b; b = b->next) {
        fprintf(to, "%*sblock %lld ", indent, "", (long long)json_get(b, "id")->integer);
        print_json_string(to, json_get(b, "name")->text);
        fputs(" (", to);
        write_values(to, json_get(b, "args"));
        putc(')', to);
        write_place(to, b);
        fputs(" {\n", to);
        for (const json_node *i = json_get(b, "insts")->child; i; i = i->next) write_inst(to, i, indent + 2);
        fprintf(to, "%*s}\n", indent, "");
    }
}

static void write_port(FILE *to, const char *kind, const json_node *p)
{
    fprintf(to, "  %s %s : ", kind, json_get(p, "name")->text);
    write_type(to, json_get(p, "type"));
    if (json_get(p, "min")) fprintf(to, " min %s", json_get(p, "min")->text);
    if (json_get(p, "max")) fprintf(to, " max %s", json_get(p, "max")->text);
    write_place(to, p);
    putc('\n', to);
}

static void write_declarations(FILE *to, const json_node *tree)
{
    for (const json_node *k = json_get(tree, "sources")->child; k; k = k->next) {
        fputs("source ", to);
        print_json_string(to, k->text);
        putc('\n', to);
    }
    for (const json_node *k = json_get(tree, "dims")->child; k; k = k->next) {
        fprintf(to, "dim %s %s %lld", json_get(k, "name")->text, json_get(k, "bounded")->truth ? "<=" : "=", (long long)json_get(k, "value")->integer);
        if (json_get(k, "result")) fputs(" result", to);
        write_place(to, k);
        putc('\n', to);
    }
    for (const json_node *k = json_get(tree, "packages")->child; k; k = k->next) {
        fprintf(to, "package %s ", json_get(k, "name")->text);
        print_json_string(to, json_get(k, "path")->text);
        write_place(to, k);
        putc('\n', to);
    }
    for (const json_node *k = json_get(tree, "states")->child; k; k = k->next) {
        fprintf(to, "state %lld %s : ", (long long)json_get(k, "id")->integer, json_get(k, "name")->text);
        write_type(to, json_get(k, "type"));
        if (json_get(k, "graph")) fprintf(to, " in %s", json_get(k, "graph")->text);
        write_place(to, k);
        putc('\n', to);
    }
}

void ir_print_text(FILE *to, ir_module *m)
{
    const json_node *tree = ir_to_tree(m);
    fprintf(to, "%s ", IR_SCHEMA);
    print_json_string(to, json_get(tree, "name")->text);
    putc('\n', to);
    write_declarations(to, tree);
    for (const json_node *g = json_get(tree, "graphs")->child; g; g = g->next) {
        fprintf(to, "graph %s", json_get(g, "name")->text);
        write_place(to, g);
        fputs(" {\n", to);
        for (const json_node *p = json_get(g, "inputs")->child; p; p = p->next) write_port(to, "input", p);
        for (const json_node *p = json_get(g, "outputs")->child; p; p = p->next) write_port(to, "output", p);
        write_blocks(to, json_get(g, "blocks"), 2);
        fputs("}\n", to);
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct {
    nfc_session *s;
    uint32_t file;
    const char *text;
    size_t at, size;
    int depth;
    bool failed;
} reader;

static json_node *made(reader *r, json_node *n, size_t from)
{
    n->at = source_span(&r->s->sources, r->file, from, r->at > from ? r->at - from : 1);
    return n;
}

static void fail(reader *r, const char *format, ...)
{
    if (r->failed) return;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(r->s->arena, format, args);
    va_end(args);
    size_t at = r->at, behind = at; /* what is missing at the end of a line is missing there */
    while (behind > 0 && isspace((unsigned char)r->text[behind - 1])) behind--;
    if (memchr(r->text + behind, '\n', at - behind)) at = behind;
    diag_error(&r->s->diags, E_IR_FILE, source_span(&r->s->sources, r->file, at, at < r->size), "%s", text);
    r->failed = true;
}

static char peek(reader *r)
{
    while (r->at < r->size && isspace((unsigned char)r->text[r->at])) r->at++;
    return r->failed || r->at >= r->size ? 0 : r->text[r->at];
}

static bool accept(reader *r, const char *word)
{
    size_t n = strlen(word);
    peek(r);
    if (r->failed || r->size - r->at < n || memcmp(r->text + r->at, word, n) != 0) return false;
    bool letters = isalpha((unsigned char)word[0]);
    char after = r->at + n < r->size ? r->text[r->at + n] : 0;
    if (letters && (isalnum((unsigned char)after) || after == '_')) return false;
    r->at += n;
    return true;
}

static void expect(reader *r, const char *word)
{
    if (!accept(r, word)) fail(r, "'%s' is expected here", word);
}

static json_node *integer(reader *r)
{
    char *end;
    peek(r);
    size_t from = r->at;
    errno = 0;
    long long v = strtoll(r->text + r->at, &end, 10);
    if (errno) fail(r, "the integer does not fit in 64 bits");
    else if (end == r->text + r->at) fail(r, "an integer is expected here");
    else r->at = (size_t)(end - r->text);
    return made(r, json_int(r->s->arena, v), from);
}

static json_node *word(reader *r)
{
    peek(r);
    size_t from = r->at;
    while (r->at < r->size && (isalnum((unsigned char)r->text[r->at]) || r->text[r->at] == '_')) r->at++;
    if (r->at == from) fail(r, "a name is expected here");
    return made(r, json_string(r->s->arena, arena_strndup(r->s->arena, r->text + from, r->at - from)), from);
}

static json_node *json_value(reader *r)
{
    peek(r);
    json_node *n = r->failed ? NULL : json_parse_at(r->s, r->file, r->text, r->size, &r->at);
    if (!n) r->failed = true;
    return n ? n : json_int(r->s->arena, 0);
}

static void read_place(reader *r, json_node *into)
{
    expect(r, "@");
    json_node *at = made(r, json_array(r->s->arena), r->at);
    for (int i = 0; i < 4; i++) {
        if (i) expect(r, ":");
        json_push(at, integer(r));
    }
    json_set(into, "at", at);
}

/* An extent up to ',' or ']' outside of parentheses: a number, or the text of an expression. */
static json_node *extent(reader *r)
{
    peek(r);
    size_t from = r->at;
    bool digits = true;
    while (r->at < r->size && r->text[r->at] != ',' && r->text[r->at] != ']' && r->text[r->at] != '\n') digits &= isdigit((unsigned char)r->text[r->at++]) != 0;
    if (r->at == from) fail(r, "an extent is expected here");
    if (digits && r->at - from < 19) return made(r, json_int(r->s->arena, strtoll(r->text + from, NULL, 10)), from);
    return made(r, json_string(r->s->arena, arena_strndup(r->s->arena, r->text + from, r->at - from)), from);
}

static json_node *read_type(reader *r)
{
    peek(r);
    size_t from = r->at;
    json_node *t = json_object(r->s->arena);
    if (accept(r, "index")) {
        json_set(t, "kind", json_string(r->s->arena, "index"));
    } else if (accept(r, "token")) {
        json_set(t, "kind", json_string(r->s->arena, "token"));
        json_set(t, "state", integer(r));
    } else {
        json_node *shape = json_array(r->s->arena);
        json_set(t, "dtype", word(r));
        expect(r, "[");
        while (peek(r) && peek(r) != ']') {
            json_push(shape, extent(r));
            if (!accept(r, ",")) break;
        }
        expect(r, "]");
        json_set(t, "shape", made(r, shape, from));
    }
    return made(r, t, from);
}

static json_node *read_value(reader *r)
{
    size_t from = r->at;
    json_node *v = json_object(r->s->arena);
    expect(r, "%");
    json_set(v, "id", integer(r));
    if (peek(r) == '"') json_set(v, "name", json_value(r));
    expect(r, ":");
    json_set(v, "type", read_type(r));
    if (peek(r) != '@') {
        json_set(v, "min", integer(r));
        expect(r, "..");
        json_set(v, "max", integer(r));
    }
    read_place(r, v);
    return made(r, v, from);
}

static json_node *read_blocks(reader *r);

static json_node *read_inst(reader *r)
{
    size_t from = r->at;
    json_node *n = json_object(r->s->arena);
    if (peek(r) == '%') {
        json_node *out = made(r, json_array(r->s->arena), from);
        do json_push(out, read_value(r));
        while (accept(r, ","));
        expect(r, "=");
        json_set(n, "out", out);
    }
    json_set(n, "op", word(r));
    expect(r, "(");
    json_node *in = made(r, json_array(r->s->arena), r->at);
    while (peek(r) && peek(r) != ')') {
        if (accept(r, "_")) json_push(in, made(r, json_bool(r->s->arena, false), r->at - 1));
        else expect(r, "%"), json_push(in, integer(r));
        if (!accept(r, ",")) break;
    }
    expect(r, ")");
    if (in->count) json_set(n, "in", in);
    while (peek(r) && peek(r) != '@') {
        json_node *key = word(r);
        expect(r, "=");
        if (!r->failed) json_set(n, key->text, json_value(r));
    }
    read_place(r, n);
    if (accept(r, "{")) {
        json_set(n, "blocks", read_blocks(r));
        expect(r, "}");
    }
    return made(r, n, from);
}

static json_node *read_blocks(reader *r)
{
    json_node *list = made(r, json_array(r->s->arena), r->at);
    if (++r->depth > 40) fail(r, "nested too deeply");
    while (accept(r, "block")) {
        size_t from = r->at;
        json_node *b = json_object(r->s->arena), *args = made(r, json_array(r->s->arena), from), *insts = made(r, json_array(r->s->arena), from);
        json_set(b, "id", integer(r));
        json_set(b, "name", json_value(r));
        expect(r, "(");
        while (peek(r) && peek(r) != ')') {
            json_push(args, read_value(r));
            if (!accept(r, ",")) break;
        }
        expect(r, ")");
        read_place(r, b);
        expect(r, "{");
        while (peek(r) && peek(r) != '}') json_push(insts, read_inst(r));
        expect(r, "}");
        json_set(b, "args", args);
        json_set(b, "insts", insts);
        json_push(list, made(r, b, from));
    }
    r->depth--;
    return list;
}

static json_node *read_port(reader *r)
{
    json_node *p = made(r, json_object(r->s->arena), r->at);
    json_set(p, "name", word(r));
    expect(r, ":");
    json_set(p, "type", read_type(r));
    if (accept(r, "min")) json_set(p, "min", json_value(r));
    if (accept(r, "max")) json_set(p, "max", json_value(r));
    read_place(r, p);
    return p;
}

static json_node *read_graph(reader *r)
{
    json_node *g = made(r, json_object(r->s->arena), r->at), *in = made(r, json_array(r->s->arena), r->at), *out = made(r, json_array(r->s->arena), r->at);
    json_set(g, "name", word(r));
    read_place(r, g);
    expect(r, "{");
    while (accept(r, "input")) json_push(in, read_port(r));
    while (accept(r, "output")) json_push(out, read_port(r));
    json_set(g, "inputs", in);
    json_set(g, "outputs", out);
    json_set(g, "blocks", read_blocks(r));
    expect(r, "}");
    return g;
}

static json_node *read_declaration(reader *r, const char *kind)
{
    json_node *n = made(r, json_object(r->s->arena), r->at);
    if (kind[0] == 's') json_set(n, "id", integer(r));
    json_set(n, "name", word(r));
    if (kind[0] == 'd') {
        bool bounded = accept(r, "<=");
        if (!bounded) expect(r, "=");
        json_set(n, "bounded", json_bool(r->s->arena, bounded));
        json_set(n, "value", integer(r));
        if (accept(r, "result")) json_set(n, "result", json_bool(r->s->arena, true));
    } else if (kind[0] == 'p') {
        json_set(n, "path", json_value(r));
    } else {
        expect(r, ":");
        json_set(n, "type", read_type(r));
        if (accept(r, "in")) json_set(n, "graph", word(r));
    }
    read_place(r, n);
    return n;
}

json_node *ir_text_tree(nfc_session *s, uint32_t file, const char *text, size_t size)
{
    reader r = {.s = s, .file = file, .text = text, .size = size};
    json_node *tree = json_object(s->arena);
    static const char *const lists[] = {"dims", "graphs", "packages", "sources", "states"};
    json_node *list[5];
    for (int i = 0; i < 5; i++) json_set(tree, lists[i], list[i] = made(&r, json_array(s->arena), 0));
    expect(&r, IR_SCHEMA);
    json_set(tree, "schema", json_string(s->arena, IR_SCHEMA));
    json_set(tree, "name", json_value(&r));
    while (peek(&r)) {
        if (accept(&r, "source")) json_push(list[3], json_value(&r));
        else if (accept(&r, "dim")) json_push(list[0], read_declaration(&r, "dim"));
        else if (accept(&r, "package")) json_push(list[2], read_declaration(&r, "package"));
        else if (accept(&r, "state")) json_push(list[4], read_declaration(&r, "state"));
        else if (accept(&r, "graph")) json_push(list[1], read_graph(&r));
        else fail(&r, "a declaration or a graph is expected here");
    }
    return r.failed ? NULL : made(&r, tree, 0);
}
