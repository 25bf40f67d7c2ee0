/* What people are used to from other languages, and how it is said in this one. */
#include <string.h>
#include "frontend/habits.h"
#include "frontend/nfg_scan.h"
#include "ir/dtype.h"

/* ---- words --------------------------------------------------------------------------------- */

#define LOOPS HABIT_LOOP " repeats"
#define CHOOSES "branch c ? a(x) : b(x); ends the block and goes on in one of two others"
#define GRAPHS "what is computed is written graph NAME { inputs { ... } outputs { ... } block entry { ... } }"
#define ALONE "a file stands alone; weights come with model \"FILE.safetensors\";"
#define LEFT_OUT "what is optional is left out"

static const struct {
    habit_place where;
    const char *word, *help;
} habits[] = {
    {HABIT_STATEMENT, "for", LOOPS},
    {HABIT_STATEMENT, "while", LOOPS},
    {HABIT_STATEMENT, "do", LOOPS},
    {HABIT_STATEMENT, "repeat", LOOPS},
    {HABIT_STATEMENT, "if", CHOOSES},
    {HABIT_STATEMENT, "switch", CHOOSES},
    {HABIT_STATEMENT, "match", CHOOSES},
    {HABIT_STATEMENT, "goto", "branch NAME(x); goes on in another block"},
    {HABIT_STATEMENT, "continue", "yield h; ends a trip of a loop, with all that is carried"},
    {HABIT_STATEMENT, "pass", "a statement that does nothing is left out"},
    {HABIT_DECLARATION, "def", GRAPHS},
    {HABIT_DECLARATION, "fn", GRAPHS},
    {HABIT_DECLARATION, "func", GRAPHS},
    {HABIT_DECLARATION, "function", GRAPHS},
    {HABIT_DECLARATION, "class", GRAPHS},
    {HABIT_DECLARATION, "void", GRAPHS},
    {HABIT_DECLARATION, "import", ALONE},
    {HABIT_DECLARATION, "from", ALONE},
    {HABIT_DECLARATION, "include", ALONE},
    {HABIT_DECLARATION, "using", ALONE},
    {HABIT_VALUE, "True", "write true"},
    {HABIT_VALUE, "TRUE", "write true"},
    {HABIT_VALUE, "False", "write false"},
    {HABIT_VALUE, "FALSE", "write false"},
    {HABIT_VALUE, "None", LEFT_OUT},
    {HABIT_VALUE, "NULL", LEFT_OUT},
    {HABIT_VALUE, "null", LEFT_OUT},
    {HABIT_VALUE, "nullptr", LEFT_OUT},
    {HABIT_VALUE, "nil", LEFT_OUT},
};

const char *habit_help(const char *word, habit_place where)
{
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if (habits[i].where == where && strcmp(habits[i].word, word) == 0) return habits[i].help;
    return NULL;
}

/* ---- characters and numbers ------------------------------------------------------------------ */

static const struct {
    const char *text, *op;
} operators[] = {
    {"&&", "op and(a=..., b=...)"},        {"||", "op or(a=..., b=...)"},        {"!", "op not(x=...)"},
    {"&", "op bitwise_and(a=..., b=...)"}, {"|", "op bitwise_or(a=..., b=...)"}, {"^", "op bitwise_xor(a=..., b=...)"},
    {"~", "op bitwise_not(x=...)"},        {"==", "op equal(a=..., b=...)"},     {"!=", "e = op equal(a=..., b=...); and op not(x=e)"},
    {"@", "op matmul(a=..., b=...)"},
};

void nfg_unknown_characters(nfg_scanner *sc, const char *text, size_t n)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (strcmp(operators[i].text, text) != 0) continue;
        nfc_diag *d = nfg_error_at(sc, E_CHARACTER, sc->at - n, n, "there is no operator '%s'", text);
        diag_help(d, "there are no operators on tensors: write %s", operators[i].op);
        return;
    }
    nfg_error_at(sc, E_CHARACTER, sc->at - n, n, "the character '%s' has no meaning here", nfg_printable(sc, text));
}

void nfg_bad_number(nfg_scanner *sc, const char *text, size_t n)
{
    size_t digits = strspn(text, "0123456789."), at = 0;
    bool is_float = memchr(text, '.', digits), based = text[0] == '0' && digits == 1 && strchr("xXbBoO", text[1]);
    nfc_diag *d = is_float ? nfg_error_at(sc, E_NUMBER, sc->at - n, n, "the letters behind the number have no meaning")
                           : nfg_error_at(sc, E_NUMBER, sc->at - n, n, "'%s' is neither a number nor a name", text);
    char *plain = arena_alloc(sc->s->arena, n + 1);
    for (size_t i = 0; i < n; i++)
        if (text[i] != '_') plain[at++] = text[i];
    plain[at] = 0;
    if (based)
        diag_help(d, "integers are decimal");
    else if (strspn(plain, "0123456789.") == at)
        diag_help(d, "write %s", plain);
    else if (text[digits + strspn(text + digits, "fFuUlLhHdDjJ")] == 0)
        diag_help(d, "write %.*s; the type follows from the place", (int)digits, text);
    else
        diag_help(d, "a name does not begin with a digit");
}

/* ---- statements ---------------------------------------------------------------------------- */

static bool is_word(const nfg_token *w, const char *text) { return w->kind == IDENTIFIER && strcmp(w->value.name.text, text) == 0; }

static const char *in_types(nfg_scanner *sc, const bool *accepts)
{
    int word = sc->last.kind, before = sc->before.kind, section = nfg_innermost(sc).section;
    bool port = section == KW_INPUTS || section == KW_OUTPUTS;
    if (word == '=' && accepts[':']) return "write ':'";
    bool undeclared = port && before == IDENTIFIER && accepts[':'], reversed = undeclared && word == IDENTIFIER && dtype_lookup(sc->before.value.name.text) != DT_COUNT;
    if (undeclared)
        return session_printf(sc->s, reversed ? "the name comes first: %s : f32 [3, 4];" : "a type stands behind its name: %s : f32 [3, 4];",
                              (reversed ? &sc->last : &sc->before)->value.name.text);
    if (word == INTEGER && accepts['['] && accepts[KW_WITH]) return "a shape stands in square brackets: f32 [3, 4]";
    if (word == '?' && accepts[INTEGER]) return "an extent that the run decides is a dim: dims { N <= 64; }, and [N, 4]";
    return NULL;
}

static const char *in_lists(nfg_scanner *sc, const bool *accepts)
{
    int word = sc->last.kind;
    if (word == '{' && accepts['[']) return "a list stands in square brackets: [3, 4]";
    if ((word == INTEGER || word == FLOATING || word == IDENTIFIER) && accepts[','] && accepts[']']) return "there is a ',' between two: [3, 4]";
    return NULL;
}

static const char *in_values(nfg_scanner *sc, const bool *accepts)
{
    int word = sc->last.kind, before = sc->before.kind;
    if (accepts[';'] && (word == '?' || is_word(&sc->last, "if"))) return "op where(condition=..., x=..., y=...) chooses between values";
    if (accepts[';'] && word == '.') return "there are no methods: write op NAME(...)";
    if (before == '[' && accepts[STRING] && accepts[KW_FMT])
        return word == IDENTIFIER ? "write model[fmt(\"layers.{l}.w\")]"
                                  : "a part of a tensor is op slice(data=..., starts=[0], ends=[1]); in brackets stands the name of a weight";
    return NULL;
}

const char *nfg_habit_advice(nfg_scanner *sc, const bool *accepts)
{
    int word = sc->last.kind, before = sc->before.kind, first = sc->first.kind;
    if (first == KW_LOOP && before == KW_CARRY) return "what is carried stands in parentheses: carry (h)";
    if (first == KW_LOOP && (accepts['('] || accepts[KW_IN] || accepts[DOTS])) return "write " HABIT_LOOP;
    if ((first == KW_RETURN || first == KW_YIELD || first == KW_BREAK) && word == '(') return "values stand without parentheses: return y;";
    const char *list = in_lists(sc, accepts);
    if (list) return list;
    if (!nfg_in_code(sc)) return in_types(sc, accepts);
    if (before == IDENTIFIER && accepts['('] && (word == '.' || word == ':')) return "an operation is one word: `nfc ops` lists them";
    if (before == IDENTIFIER && accepts['('] && word == ';') return "operands stand behind an operation, by name: op relu(x=...)";
    return in_values(sc, accepts);
}
