/* What is said of a word that the grammar has no use for, in the author's terms. */
#include <string.h>
#include "frontend/habits.h"
#include "frontend/nfg_scan.h"
#include "ir/ops.h"

/* ---- what is expected ---------------------------------------------------------------------- */

/* Kinds of words that together have a name. A group is named when all of it could stand. */
typedef struct {
    const char *name;
    int kind[14];
} group;

static const group groups[] = {
    {"a value or a list", {FLOATING, STRING, BOOLEAN, KW_MODEL, IDENTIFIER, INTEGER, KW_META, '-', '(', '[', BAD_NUMBER, BAD_STRING}},
    {"a value", {FLOATING, STRING, BOOLEAN, KW_MODEL, IDENTIFIER, INTEGER, KW_META, '-', '(', BAD_NUMBER, BAD_STRING}},
    {"an integer expression", {IDENTIFIER, INTEGER, KW_META, '-', '(', BAD_NUMBER}},
    {"a statement", {IDENTIFIER, KW_LOOP, KW_SCOPE, KW_EFFECT, KW_BARRIER, KW_BRANCH, KW_YIELD, KW_BREAK, KW_RETURN}},
    {"a section", {KW_MODEL, KW_CONST, KW_DIMS, KW_STATE, KW_INPUTS, KW_OUTPUTS}},
    {"a section", {KW_STATE, KW_INPUTS, KW_OUTPUTS}},
    {"an argument", {KW_MODEL, KW_INPUTS, KW_OUTPUTS, IDENTIFIER}},
    {"a string", {STRING, BAD_STRING}},
    {"an operator", {'+', '-', '*', '/', '%'}},
};

enum { NGROUP = sizeof groups / sizeof *groups, MOST_WORDS = 24 };

static bool all_of(const group *g, const bool *accepts)
{
    for (const int *k = g->kind; *k; k++)
        if (!accepts[*k]) return false;
    return true;
}

/* "a name, ';' or 'with'". */
static const char *expected_text(nfg_scanner *sc, const bool *accepts)
{
    const char *word[MOST_WORDS], *text = "";
    bool left[NFG_KINDS];
    int n = 0;
    memcpy(left, accepts, sizeof left);
    for (int i = 0; i < NGROUP; i++) {
        if (!all_of(&groups[i], left)) continue;
        word[n++] = groups[i].name;
        for (const int *k = groups[i].kind; *k; k++) left[*k] = false;
    }
    for (int kind = 1; kind < NFG_KINDS && n < MOST_WORDS; kind++)
        if (left[kind] && kind != BAD_NUMBER && kind != BAD_STRING) word[n++] = nfg_kind_name(kind);
    for (int i = 0; i < n; i++)
        text = arena_printf(sc->s->arena, "%s%s%s", text, i == 0 ? "" : i + 1 < n ? ", " : " or ", word[i]);
    return text;
}

/* ---- advice -------------------------------------------------------------------------------- */

/* "op add(a=..., b=...)": what the op cannot do without. */
static const char *call_text(nfg_scanner *sc)
{
    ir_op op = sc->callee.text ? op_lookup(sc->callee.text) : IR_OP_COUNT;
    if (op == IR_OP_COUNT) return "op add(a=..., b=...)";
    const op_info *info = op_get(op);
    const char *text = session_printf(sc->s, "op %s(", info->name), *sep = "";
    for (int i = 0; i < info->nin; i++) {
        if (info->in[i].presence == OPER_OPTIONAL) continue;
        text = session_printf(sc->s, "%s%s%s=...", text, sep, info->in[i].name);
        sep = ", ";
    }
    for (int i = 0; i < info->nattr; i++) {
        if (!info->attr[i].required) continue;
        text = session_printf(sc->s, "%s%s%s=...", text, sep, info->attr[i].name);
        sep = ", ";
    }
    return session_printf(sc->s, "%s)", text);
}

static bool in_block(const bool *accepts) { return accepts[KW_YIELD]; }
static bool at_top(const bool *accepts) { return accepts[KW_GRAPH]; }
static bool in_graph(const bool *accepts) { return accepts[KW_INPUTS] && !accepts[KW_GRAPH]; }
static bool in_loop(const bool *accepts) { return accepts[KW_BLOCK] && !accepts[KW_INPUTS]; }

/* Does one of these characters come behind the last word? */
static bool follows(const nfg_scanner *sc, const char *characters)
{
    const char *p = sc->text + sc->last.offset + sc->last.at.len;
    p += strspn(p, " \t");
    return *p && strchr(characters, *p);
}

static bool is_operator(int kind) { return kind == '+' || kind == '-' || kind == '*' || kind == '/' || kind == '%'; }

static const char *advice(nfg_scanner *sc, const bool *accepts)
{
    int word = sc->last.kind, before = sc->before.kind, top = nfg_innermost(sc).kind;
    bool is_section = word == KW_CONST || word == KW_DIMS || word == KW_STATE || word == KW_INPUTS || word == KW_OUTPUTS || word == KW_MODEL;
    if (in_block(accepts) && is_section) return "sections stand outside of blocks";
    if (in_block(accepts) && word == KW_BLOCK) return "a block does not stand in another";
    if (in_graph(accepts) && is_section) return "const, dims and model stand at the top of the file, for all its graphs";
    if (at_top(accepts) && (nfg_is_keyword(word) ? !is_section : word == IDENTIFIER && follows(sc, "=,"))) return "statements stand in a block: block entry { ... }";
    if (in_loop(accepts)) return "the body of a loop is made of blocks: loop NAME (i in 0..N) { block body { ... } }";
    if (accepts['='] && before == IDENTIFIER && (top == '(' || word == ')') && (word == ',' || word == ')'))
        return session_printf(sc->s, "operands are given by name: %s", call_text(sc));
    bool section = before == KW_INPUTS || before == KW_OUTPUTS || before == KW_CONST || before == KW_DIMS || before == KW_STATE;
    if (section && accepts['{']) return session_printf(sc->s, "declarations stand in braces: %s { ... }", nfg_word_text(sc, &sc->before));
    if (sc->first.kind == KW_MODEL && accepts[STRING]) return "the path stands in double quotes: model \"FILE.safetensors\";";
    if (sc->first.kind == KW_GRAPH && word == '(') return "its inputs are a section: graph NAME { inputs { ... } ... }";
    if (at_top(accepts) && word == IDENTIFIER && follows(sc, "{")) return session_printf(sc->s, "write block %s { ... }", sc->last.value.name.text);
    if (word == IDENTIFIER && before == IDENTIFIER && accepts['='] && follows(sc, "=")) return session_printf(sc->s, "write %s = ..., without a word before it", sc->last.value.name.text);
    if (word == ',' && top == '(' && accepts[')'] && accepts['+']) return "a list stands in square brackets: [3, 4]";
    if (word == '(' && accepts['['] && accepts[KW_WITH]) return "a shape stands in square brackets: f32 [3, 4]";
    if (word == '[' && before == ':') return "the element type comes first: f32 [3]";
    if (word == '[' && accepts['('] && !accepts[INTEGER]) return "a state is written NAME : buffer(f32, [3, 4])";
    if (before == KW_WITH && word == '(') return "hints stand in braces: with { fuse = true }";
    if (nfg_in_code(sc) && (is_operator(word) || is_operator(before))) return "there are no operators on tensors: write op add(a=..., b=...)";
    if ((word == FLOATING || word == STRING) && accepts[INTEGER] && !accepts[word]) return "constants, extents and bounds are integers";
    if (word == ']' && before == ':') return "a range has both ends, a:b; ':' alone is the whole axis";
    if (word == ':' && accepts['=']) return "write '='";
    if (sc->first.kind == KW_BRANCH && before == KW_BRANCH && word == KW_OP) return "a condition is a name: c = op ...; branch c ? a(x) : b(x);";
    if (sc->first.kind == KW_BRANCH && accepts['(']) return "a jump hands over values: branch next(); or branch next(x);";
    if (sc->first.kind == KW_BRANCH && accepts[':']) return "both ways are needed: branch c ? a(x) : b(x);";
    if (before == ',' && (word == ')' || word == ']' || word == '}')) return "the ',' before it is one too many";
    return nfg_habit_advice(sc, accepts);
}

/* Is the word that begins the statement what is wrong: a name that nothing is assigned to? */
static bool begins_wrongly(const nfg_scanner *sc)
{
    if (sc->first.kind != IDENTIFIER) return false;
    bool named = sc->last.kind == '=' || sc->last.kind == ',' || sc->last.kind == ':';
    return !named && (sc->last.offset == sc->first.offset || sc->before.offset == sc->first.offset);
}

/* The word that begins the statement, when it is nearly one of the language. */
static const char *nearly_keyword(nfg_scanner *sc)
{
    static const char *const in_blocks[] = {"loop", "scope", "effect", "barrier", "branch", "yield", "break", "return", NULL};
    static const char *const outside[] = {"model", "const", "dims", "state", "inputs", "outputs", "graph", "block", NULL};
    return nearest_word(sc->first.value.name.text, nfg_in_code(sc) ? in_blocks : outside);
}

/* ---- reports ------------------------------------------------------------------------------- */

/* The word that begins the statement is nearly one of the language, or one of another. */
static bool report_first(nfg_scanner *sc)
{
    if (!begins_wrongly(sc)) return false;
    const char *name = sc->first.value.name.text, *near = nearly_keyword(sc);
    const char *other = habit_help(name, nfg_in_code(sc) ? HABIT_STATEMENT : HABIT_DECLARATION);
    if (!other && !near) return false;
    nfc_diag *d = other && nfg_in_code(sc) ? diag_error(&sc->s->diags, E_SYNTAX, sc->first.at, "there is no statement '%s'", name)
                                           : diag_error(&sc->s->diags, E_SYNTAX, sc->first.at, "'%s' begins no statement and no section", name);
    if (other) diag_help(d, "%s", other);
    else diag_help(d, "did you mean '%s'?", near);
    return true;
}

static void report(nfg_scanner *sc, const bool *accepts)
{
    if (report_first(sc)) return;
    const char *word = sc->last.kind ? session_printf(sc->s, "'%s'", nfg_word_text(sc, &sc->last)) : "the end of the file";
    const char *expected = expected_text(sc, accepts), *help = advice(sc, accepts);
    nfc_diag *d = *expected ? diag_error(&sc->s->diags, E_SYNTAX, sc->last.at, "%s cannot stand here: %s is expected", word, expected)
                            : diag_error(&sc->s->diags, E_SYNTAX, sc->last.at, "%s cannot stand here", word);
    if (nfg_is_keyword(sc->last.kind) && accepts[IDENTIFIER] && !help) help = session_printf(sc->s, "%s is a word of the language", word);
    if (help) diag_help(d, "%s", help);
}

/* The grammar will drop the word; what it is part of is passed over from it on. */
static void begin_skip(nfg_scanner *sc, const bool *accepts)
{
    nfg_token w = sc->last;
    if (w.kind == 0) return;
    if (w.kind == ';' && !nfg_in_hints(sc)) {
        nfg_close_round(sc); /* the statement ends here, whatever is still open in it */
        nfg_note_passed(sc, w.offset);
        return;
    }
    if (w.kind == '}' && sc->stuck == w.offset + 1) return; /* nothing that it could close */
    if (w.kind == '}') sc->stuck = w.offset + 1;
    if (w.kind == '{' || w.kind == '(' || w.kind == '[') sc->open.n--;
    if (w.kind == '}') vec_push(sc->s->arena, &sc->open, sc->closed);
    vec_push(sc->s->arena, &sc->ahead, w);
    sc->skip = in_loop(accepts) ? NFG_SKIP_BODY : NFG_SKIP_STATEMENT;
}

void nfg_misplaced(nfg_scanner *sc, const bool *accepts)
{
    if (sc->last.kind == NFG_UNDEF) return; /* put in to end what was passed over */
    bool loose = at_top(accepts) && sc->last.kind != 0;
    if (!sc->silent && !sc->cut && !(loose && sc->loose)) report(sc, accepts);
    if (loose) sc->loose = true;
    sc->silent = true;
    begin_skip(sc, accepts);
}
