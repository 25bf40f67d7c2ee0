/* Regular expressions of RE2's syntax as automata over bytes: what a whole text must match. A pattern is
 * parsed to Thompson's automaton, whose sets of states become the states of the table (the subset
 * construction; K. Thompson, Regular expression search algorithm, CACM 1968). */
#include <ctype.h>
#include <string.h>
#include "frontend/onnx/import.h"

enum { MOST_NODES = 4000, MOST_STATES = 2000, MOST_REPEATS = 1000, MOST_DEPTH = 100 };

typedef uint64_t byte_set[4];

typedef enum { N_BYTES, N_SPLIT, N_EMPTY, N_BEGIN, N_END, N_EDGE, N_INSIDE, N_MATCH } node_kind;

typedef struct {
    node_kind kind;
    byte_set bytes;
    int to[2];
} node;

typedef struct { /* from its first node to its last, an N_EMPTY that leads nowhere yet */
    int first, last;
} part;

typedef struct {
    nfc_arena *arena;
    const char *at;
    const char *fault;
    int depth;
    bool fold, dot_newline;
    bool edges; /* \b or \B stands in it */
    VEC(node) node;
} parser;

static void set_add(uint64_t *s, int c) { s[c >> 6] |= UINT64_C(1) << (c & 63); }
static bool set_has(const uint64_t *s, int c) { return s[c >> 6] >> (c & 63) & 1; }

static void set_range(uint64_t *s, int from, int to)
{
    for (int c = from; c <= to; c++) set_add(s, c);
}

static int node_new(parser *p, node_kind kind, int a, int b)
{
    if (p->node.n >= MOST_NODES) {
        p->fault = "it is too large";
        return 0;
    }
    vec_push(p->arena, &p->node, ((node){.kind = kind, .to = {a, b}}));
    return p->node.n - 1;
}

static part empty(parser *p)
{
    int n = node_new(p, N_EMPTY, -1, -1);
    return (part){n, n};
}

static part bytes(parser *p, const uint64_t *set)
{
    int last = node_new(p, N_EMPTY, -1, -1), first = node_new(p, N_BYTES, last, -1);
    memcpy(p->node.at[first].bytes, set, sizeof(byte_set));
    return (part){first, last};
}

static part join(parser *p, part a, part b)
{
    p->node.at[a.last].to[0] = b.first;
    return (part){a.first, b.last};
}

static part either(parser *p, part a, part b)
{
    int last = node_new(p, N_EMPTY, -1, -1), first = node_new(p, N_SPLIT, a.first, b.first);
    p->node.at[a.last].to[0] = p->node.at[b.last].to[0] = last;
    return (part){first, last};
}

static part repeated(parser *p, part a, bool once_at_least)
{
    int last = node_new(p, N_EMPTY, -1, -1), again = node_new(p, N_SPLIT, a.first, last);
    p->node.at[a.last].to[0] = again;
    return (part){once_at_least ? a.first : again, last};
}

static part maybe(parser *p, part a) { return either(p, a, empty(p)); }

/* ---- characters ----------------------------------------------------------------------------- */

static part one_byte_range(parser *p, int from, int to)
{
    byte_set s = {0};
    set_range(s, from, to);
    return bytes(p, s);
}

/* UTF-8 of more than one byte: any character, or those of a range. */
static int utf8_put(uint32_t c, unsigned char *out)
{
    if (c < 0x80) return out[0] = (unsigned char)c, 1;
    if (c < 0x800) return out[0] = (unsigned char)(0xc0 | c >> 6), out[1] = (unsigned char)(0x80 | (c & 63)), 2;
    if (c < 0x10000) return out[0] = (unsigned char)(0xe0 | c >> 12), out[1] = (unsigned char)(0x80 | (c >> 6 & 63)), out[2] = (unsigned char)(0x80 | (c & 63)), 3;
    out[0] = (unsigned char)(0xf0 | c >> 18);
    out[1] = (unsigned char)(0x80 | (c >> 12 & 63));
    out[2] = (unsigned char)(0x80 | (c >> 6 & 63));
    out[3] = (unsigned char)(0x80 | (c & 63));
    return 4;
}

/* Sequences of n bytes from a to b. */
static part byte_sequences(parser *p, const unsigned char *a, const unsigned char *b, int n)
{
    static const unsigned char low[3] = {0x80, 0x80, 0x80}, high[3] = {0xbf, 0xbf, 0xbf};
    if (n == 1) return one_byte_range(p, a[0], b[0]);
    if (a[0] == b[0]) return join(p, one_byte_range(p, a[0], a[0]), byte_sequences(p, a + 1, b + 1, n - 1));
    part all = join(p, one_byte_range(p, a[0], a[0]), byte_sequences(p, a + 1, high, n - 1));
    all = either(p, all, join(p, one_byte_range(p, b[0], b[0]), byte_sequences(p, low, b + 1, n - 1)));
    if (b[0] - a[0] > 1) all = either(p, all, join(p, one_byte_range(p, a[0] + 1, b[0] - 1), byte_sequences(p, low, high, n - 1)));
    return all;
}

typedef struct {
    uint32_t from, to;
} range;
typedef VEC(range) ranges;

static part of_ranges(parser *p, const ranges *r)
{
    static const uint32_t ends[] = {0x7f, 0x7ff, 0xffff, 0x10ffff};
    byte_set ascii = {0};
    part all = {-1, -1};
    bool any = false;
    for (int i = 0; i < r->n; i++) {
        uint32_t from = r->at[i].from;
        for (int n = 0; n < 4 && from <= r->at[i].to; n++) {
            uint32_t to = r->at[i].to < ends[n] ? r->at[i].to : ends[n];
            unsigned char a[4], b[4];
            if (from > ends[n]) continue;
            if (n == 0) set_range(ascii, (int)from, (int)to), any = true;
            else {
                part more = byte_sequences(p, a, b, (utf8_put(to, b), utf8_put(from, a)));
                all = all.first < 0 ? more : either(p, all, more);
            }
            from = to + 1;
        }
    }
    if (any || all.first < 0) {
        part small = bytes(p, ascii);
        all = all.first < 0 ? small : either(p, small, all);
    }
    return all;
}

static uint32_t character(parser *p)
{
    const unsigned char *s = (const unsigned char *)p->at;
    int n = utf8_length(p->at, p->at + strlen(p->at));
    if (n < 1) n = 1;
    p->at += n;
    if (n == 1) return s[0];
    uint32_t c = s[0] & (0xffu >> (n + 1));
    for (int i = 1; i < n; i++) c = c << 6 | (s[i] & 63);
    return c;
}

static void add_range(parser *p, ranges *r, uint32_t from, uint32_t to)
{
    vec_push(p->arena, r, ((range){from, to}));
    if (!p->fold) return;
    for (uint32_t c = from; c <= to && c < 128; c++)
        if (isalpha((int)c)) vec_push(p->arena, r, ((range){c ^ 32, c ^ 32}));
}

static void complement(parser *p, const ranges *r, ranges *out)
{
    uint32_t at = 0;
    for (;;) { /* the lowest range that begins at or behind `at` */
        uint32_t from = 0x110000, to = 0;
        for (int i = 0; i < r->n; i++)
            if (r->at[i].to >= at && r->at[i].from < from) from = r->at[i].from, to = r->at[i].to;
        if (from > at) vec_push(p->arena, out, ((range){at, from - 1}));
        if (from == 0x110000) break;
        at = to + 1;
    }
    if (out->n && vec_last(out).to > 0x10ffff) vec_last(out).to = 0x10ffff;
}

/* \d \w \s and their opposites, [:alpha:] names; false: it is none. */
static bool class_of(parser *p, char c, ranges *r)
{
    static const range digit[] = {{'0', '9'}}, word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}, space[] = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
    const range *list = strchr("dD", c) ? digit : strchr("wW", c) ? word : strchr("sS", c) ? space : NULL;
    int n = list == word ? 4 : list == space ? 3 : 1;
    ranges own = {0};
    if (!c || !list) return false;
    for (int i = 0; i < n; i++) vec_push(p->arena, &own, list[i]);
    if (!isupper((unsigned char)c)) {
        for (int i = 0; i < n; i++) vec_push(p->arena, r, own.at[i]);
    } else complement(p, &own, r);
    return true;
}

static int hex(parser *p, int digits)
{
    int v = 0;
    for (; digits; digits--, p->at++) {
        if (!isxdigit((unsigned char)*p->at)) {
            p->fault = "\\x wants hexadecimal digits";
            return 0;
        }
        v = v * 16 + (isdigit((unsigned char)*p->at) ? *p->at - '0' : tolower((unsigned char)*p->at) - 'a' + 10);
    }
    return v;
}

/* Behind a backslash: a character. */
static uint32_t escaped(parser *p)
{
    static const char names[] = "abfnrtv", codes[] = "\a\b\f\n\r\t\v";
    char c = *p->at;
    if (!c) return p->fault = "it ends in a backslash", 0;
    const char *name = strchr(names, c);
    if (name && c != 'b') return p->at++, (uint32_t)codes[name - names];
    if (c == 'x' && p->at[1] == '{') {
        uint32_t v = 0;
        for (p->at += 2; isxdigit((unsigned char)*p->at) && v < 0x110000;) v = v * 16 + (uint32_t)hex(p, 1);
        if (*p->at != '}' || v > 0x10ffff) return p->fault = "\\x{ wants a character's number and }", 0;
        return p->at++, v;
    }
    if (c == 'x') return p->at++, (uint32_t)hex(p, 2);
    if (isalnum((unsigned char)c)) return p->fault = "an escape that is not known", 0;
    return character(p);
}

static bool posix_class(parser *p, ranges *r)
{
    static const struct { const char *name; int (*is)(int); } known[] = {{"alnum", isalnum}, {"alpha", isalpha}, {"digit", isdigit}, {"lower", islower}, {"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].name);
        if (strncmp(p->at, "[:", 2) != 0 || strncmp(p->at + 2, known[i].name, n) != 0 || strncmp(p->at + 2 + n, ":]", 2) != 0) continue;
        for (int c = 0; c < 128; c++)
            if (known[i].is(c)) add_range(p, r, (uint32_t)c, (uint32_t)c);
        p->at += n + 4;
        return true;
    }
    return false;
}

static part bracket(parser *p)
{
    ranges r = {0}, not = {0};
    bool negated = *p->at == '^';
    p->at += negated;
    for (bool first = true; *p->at && (*p->at != ']' || first) && !p->fault; first = false) {
        if (posix_class(p, &r)) continue;
        if (*p->at == '\\' && class_of(p, p->at[1], &r)) {
            p->at += 2;
            continue;
        }
        uint32_t from = *p->at == '\\' ? (p->at++, escaped(p)) : character(p), to = from;
        if (*p->at == '-' && p->at[1] && p->at[1] != ']') {
            p->at++;
            to = *p->at == '\\' ? (p->at++, escaped(p)) : character(p);
        }
        if (to < from) p->fault = "a range goes backwards";
        else add_range(p, &r, from, to);
    }
    if (*p->at != ']') p->fault = p->fault ? p->fault : "a [ has no ]";
    else p->at++;
    if (!negated) return of_ranges(p, &r);
    complement(p, &r, &not );
    return of_ranges(p, &not );
}

/* ---- the grammar ---------------------------------------------------------------------------- */

static part alternatives(parser *p);

static part group(parser *p)
{
    bool fold = p->fold, dot = p->dot_newline;
    if (strncmp(p->at, "?P<", 3) == 0 || strncmp(p->at, "?<", 2) == 0) {
        p->at += strcspn(p->at, ">");
        if (*p->at) p->at++;
        else p->fault = "a group's name has no end";
    } else if (*p->at == '?') {
        bool on = true;
        for (p->at++; *p->at && *p->at != ':' && *p->at != ')' && !p->fault; p->at++) {
            if (*p->at == '-') on = false;
            else if (*p->at == 'i') p->fold = on;
            else if (*p->at == 's') p->dot_newline = on;
            else if (!strchr("mU", *p->at)) p->fault = "a group's flags are i, m, s and U";
        }
        if (*p->at == ')') return p->at++, empty(p); /* for what follows */
        if (*p->at == ':') p->at++;
    }
    part a = alternatives(p);
    if (*p->at != ')') p->fault = p->fault ? p->fault : "a ( has no )";
    else p->at++;
    p->fold = fold;
    p->dot_newline = dot;
    return a;
}

static part literal(parser *p, uint32_t c)
{
    ranges r = {0};
    add_range(p, &r, c, c);
    return of_ranges(p, &r);
}

static part atom(parser *p)
{
    ranges r = {0};
    switch (*p->at) {
    case '(': p->at++; return group(p);
    case '[': p->at++; return bracket(p);
    case '^':
    case '$': {
        int last = node_new(p, N_EMPTY, -1, -1), first = node_new(p, *p->at++ == '^' ? N_BEGIN : N_END, last, -1);
        return (part){first, last};
    }
    case '.':
        p->at++;
        if (p->dot_newline) vec_push(p->arena, &r, ((range){0, 0x10ffff}));
        else {
            vec_push(p->arena, &r, ((range){0, '\n' - 1}));
            vec_push(p->arena, &r, ((range){'\n' + 1, 0x10ffff}));
        }
        return of_ranges(p, &r);
    case '*':
    case '+':
    case '?': p->fault = "nothing stands before a repetition"; return empty(p);
    case '\\':
        p->at++;
        if (class_of(p, *p->at, &r)) return p->at++, of_ranges(p, &r);
        if (*p->at && strchr("AzbB", *p->at)) {
            static const node_kind kinds[] = {N_BEGIN, N_END, N_EDGE, N_INSIDE};
            node_kind kind = kinds[strcspn("AzbB", (char[]){*p->at++, 0})];
            int last = node_new(p, N_EMPTY, -1, -1), first = node_new(p, kind, last, -1);
            p->edges |= kind >= N_EDGE;
            return (part){first, last};
        }
        return literal(p, escaped(p));
    default: return literal(p, character(p));
    }
}

/* {m}, {m,}, {m,n}: -1 when it is none. */
static bool counts(parser *p, int *least, int *most)
{
    const char *s = p->at + 1;
    int v[2] = {0, -1};
    if (*p->at != '{' || !isdigit((unsigned char)*s)) return false;
    for (int i = 0; i < 2; i++) {
        bool given = isdigit((unsigned char)*s);
        if (given) v[i] = 0;
        for (; isdigit((unsigned char)*s); s++) v[i] = v[i] <= MOST_REPEATS ? v[i] * 10 + *s - '0' : v[i];
        if (i == 0 && *s != ',') {
            v[1] = v[0];
            break;
        }
        if (i == 0) s++;
    }
    if (*s != '}') return false;
    p->at = s + 1;
    *least = v[0];
    *most = v[1];
    if (v[0] > MOST_REPEATS || v[1] > MOST_REPEATS || (v[1] >= 0 && v[1] < v[0])) p->fault = "a repetition's counts do not fit";
    return true;
}

static part times(parser *p, const char *text, part first, int least, int most)
{
    const char *behind = p->at;
    part all = {-1, -1};
    for (int i = 0; i < (most < 0 ? least + 1 : most) && !p->fault; i++) {
        part one = first;
        if (i) { /* the text once more: automata are not copied */
            p->at = text;
            one = atom(p);
        }
        if (i >= least) one = most < 0 ? repeated(p, one, false) : maybe(p, one);
        all = all.first < 0 ? one : join(p, all, one);
    }
    p->at = behind;
    return all.first < 0 ? empty(p) : all;
}

static part repetition(parser *p)
{
    const char *text = p->at;
    part a = atom(p);
    for (int least, most; !p->fault; p->at += *p->at == '?') { /* lazy or greedy: a full match is the same */
        if (counts(p, &least, &most)) a = p->fault ? a : times(p, text, a, least, most);
        else if (*p->at == '*') p->at++, a = repeated(p, a, false);
        else if (*p->at == '+') p->at++, a = repeated(p, a, true);
        else if (*p->at == '?') p->at++, a = maybe(p, a);
        else break;
        if (*p->at == '{' || *p->at == '*' || *p->at == '+') {
            p->fault = "a repetition stands behind another one";
            break;
        }
    }
    return a;
}

static part sequence(parser *p)
{
    part all = empty(p);
    while (*p->at && *p->at != '|' && *p->at != ')' && !p->fault) all = join(p, all, repetition(p));
    return all;
}

static part alternatives(parser *p)
{
    if (++p->depth > MOST_DEPTH) p->fault = "groups lie too deep in each other";
    part a = sequence(p);
    while (*p->at == '|' && !p->fault) {
        p->at++;
        a = either(p, a, sequence(p));
    }
    p->depth--;
    return a;
}

/* ---- the table ------------------------------------------------------------------------------ */

typedef struct {
    parser *p;
    int words;              /* of a set of nodes; the last one: did a letter of a word come before? */
    VEC(uint64_t *) state;  /* the sets */
    VEC(int32_t) next;      /* 256 a state */
} builder;

typedef struct { /* what is known of a place */
    bool begins, ends;
    int edge; /* 1: of a word, 0: of none, -1: not known yet */
} place;

static void reach(builder *b, uint64_t *set, int n, place at)
{
    VEC(int) todo = {0};
    vec_push(b->p->arena, &todo, n);
    while (todo.n) {
        int i = todo.at[--todo.n];
        if (i < 0 || set[i >> 6] >> (i & 63) & 1) continue;
        set[i >> 6] |= UINT64_C(1) << (i & 63);
        const node *x = &b->p->node.at[i];
        bool passes = x->kind == N_SPLIT || x->kind == N_EMPTY || (x->kind == N_BEGIN && at.begins) || (x->kind == N_END && at.ends) || (x->kind == N_EDGE && at.edge == 1) || (x->kind == N_INSIDE && at.edge == 0);
        if (!passes) continue;
        vec_push(b->p->arena, &todo, x->to[0]);
        if (x->kind == N_SPLIT) vec_push(b->p->arena, &todo, x->to[1]);
    }
}

static int state_of(builder *b, uint64_t *set)
{
    for (int i = 0; i < b->state.n; i++)
        if (memcmp(b->state.at[i], set, (size_t)b->words * 8) == 0) return i;
    if (b->state.n == MOST_STATES) {
        b->p->fault = "it needs too many states";
        return 0;
    }
    vec_push(b->p->arena, &b->state, set);
    for (int c = 0; c < 256; c++) vec_push(b->p->arena, &b->next, 0);
    return b->state.n - 1;
}

static uint64_t *set_new(builder *b) { return ARENA_ARRAY(b->p->arena, uint64_t, b->words); }

static bool holds(const uint64_t *set, int i) { return set[i >> 6] >> (i & 63) & 1; }

/* What the set becomes when more is known of where it stands. */
static uint64_t *known_more(builder *b, const uint64_t *set, place at)
{
    uint64_t *to = set_new(b);
    for (int i = 0; i < b->p->node.n; i++)
        if (holds(set, i)) {
            to[i >> 6] &= ~(UINT64_C(1) << (i & 63));
            reach(b, to, i, at);
        }
    return to;
}

static bool is_word(int c) { return c < 128 && (isalnum(c) || c == '_'); }

static bool accepts(builder *b, const uint64_t *set)
{
    const uint64_t *end = known_more(b, set, (place){false, true, set[b->words - 1] != 0});
    bool found = false;
    for (int i = 0; i < b->p->node.n; i++) found |= b->p->node.at[i].kind == N_MATCH && holds(end, i);
    return found;
}

static int step(builder *b, int state, int c)
{
    const uint64_t *set = b->state.at[state];
    uint64_t *to = set_new(b);
    bool any = false;
    if (b->p->edges) set = known_more(b, set, (place){false, false, (set[b->words - 1] != 0) != is_word(c)});
    for (int i = 0; i < b->p->node.n; i++)
        if (holds(set, i) && b->p->node.at[i].kind == N_BYTES && set_has(b->p->node.at[i].bytes, c)) {
            reach(b, to, b->p->node.at[i].to[0], (place){false, false, -1});
            any = true;
        }
    if (any && b->p->edges) to[b->words - 1] = is_word(c);
    return state_of(b, to);
}

const im_automaton *im_regex(nfc_arena *arena, const char *pattern, const char **fault)
{
    parser p = {.arena = arena, .at = pattern};
    part all = alternatives(&p);
    if (!p.fault && *p.at) p.fault = "a ) has no (";
    int match = node_new(&p, N_MATCH, -1, -1);
    builder b = {.p = &p, .words = (p.node.n + 63) / 64 + 1};
    if ((*fault = p.fault)) return NULL;
    p.node.at[all.last].to[0] = match;
    state_of(&b, set_new(&b)); /* state 0: nothing can match any more */
    uint64_t *first = set_new(&b);
    reach(&b, first, all.first, (place){true, false, -1});
    im_automaton *a = ARENA_NEW(arena, im_automaton);
    a->start = state_of(&b, first);
    for (int s = 1; s < b.state.n && !p.fault; s++)
        for (int c = 1; c < 256 && !p.fault; c++) {
            int next = step(&b, s, c); /* it may move the table */
            b.next.at[s * 256 + c] = next;
        }
    if ((*fault = p.fault)) return NULL;
    a->states = b.state.n;
    a->next = b.next.at;
    a->accepts = ARENA_ARRAY(arena, uint8_t, a->states);
    for (int s = 0; s < a->states; s++) {
        a->accepts[s] = accepts(&b, b.state.at[s]);
        a->next[s * 256] = s; /* behind the text's end nothing changes */
    }
    return a;
}
