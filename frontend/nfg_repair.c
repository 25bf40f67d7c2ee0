/* Between lexer and grammar. What is obviously missing or too much is reported and mended, so that
 * the grammar reads on as if it had not happened; where it cannot read on, the words up to the end of
 * the statement are passed over. One mistake gives one report. */
#include <string.h>
#include "frontend/habits.h"
#include "frontend/nfg_scan.h"

int nfg_lex(NFG_STYPE *value, NFG_LTYPE *at, nfg_scanner *sc, void *lexer);

/* ---- words --------------------------------------------------------------------------------- */

static nfg_token read_word(nfg_scanner *sc)
{
    if (sc->ahead.n) return sc->ahead.at[--sc->ahead.n];
    nfg_token w = {0};
    w.kind = nfg_lex(&w.value, &w.at, sc, sc->lexer);
    if (w.kind == 0) w.at = (nfc_span){sc->file, sc->line, sc->col, 1};
    w.offset = sc->at - (w.kind ? w.at.len : 0);
    w.begins_line = w.at.line != sc->line_read;
    sc->line_read = w.at.line;
    return w;
}

static void put_back(nfg_scanner *sc, nfg_token w) { vec_push(sc->s->arena, &sc->ahead, w); }

static int peek(nfg_scanner *sc)
{
    put_back(sc, read_word(sc));
    return sc->ahead.at[sc->ahead.n - 1].kind;
}

/* Right behind the last word: where something is missing. */
static nfc_span behind_last(const nfg_scanner *sc)
{
    nfc_span at = sc->last.at;
    if (!at.file) return (nfc_span){sc->file, 1, 1, 1};
    at.col += at.len;
    at.len = 1;
    return at;
}

static void put_in(nfg_scanner *sc, int kind)
{
    nfg_token w = {.kind = kind, .at = behind_last(sc), .put_in = true};
    w.offset = sc->last.offset + sc->last.at.len;
    put_back(sc, w);
}

const char *nfg_word_text(nfg_scanner *sc, const nfg_token *w)
{
    return arena_strndup(sc->s->arena, sc->text + w->offset, w->at.len);
}

bool nfg_is_keyword(int kind)
{
    return kind == KW_MODEL || (kind >= KW_CONST && kind <= KW_META);
}

static bool accepts(nfg_scanner *sc, int kind)
{
    bool accepted[NFG_KINDS];
    nfg_expected(sc, accepted);
    return accepted[kind];
}

/* A report that what was said already does not need; NULL then. */
static nfc_diag *complain(nfg_scanner *sc, nfc_span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static nfc_diag *complain(nfg_scanner *sc, nfc_span at, const char *format, ...)
{
    if (sc->silent || sc->cut) return NULL;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(sc->s->arena, format, args);
    va_end(args);
    sc->silent = true;
    return diag_error(&sc->s->diags, E_SYNTAX, at, "%s", text);
}

/* ---- brackets ------------------------------------------------------------------------------ */

static int closer_of(int open) { return open == '(' ? ')' : open == '[' ? ']' : '}'; }

nfg_open nfg_innermost(const nfg_scanner *sc)
{
    return sc->open.n ? sc->open.at[sc->open.n - 1] : (nfg_open){0};
}

int nfg_close_round(nfg_scanner *sc)
{
    int hints = 0;
    while (sc->open.n && (sc->open.at[sc->open.n - 1].kind != '{' || sc->open.at[sc->open.n - 1].hints))
        hints += sc->open.at[--sc->open.n].kind == '{';
    return hints;
}

bool nfg_in_hints(const nfg_scanner *sc)
{
    int i = sc->open.n - 1;
    while (i >= 0 && sc->open.at[i].kind != '{') i--;
    return i >= 0 && sc->open.at[i].hints;
}

bool nfg_in_code(const nfg_scanner *sc)
{
    for (int i = sc->open.n - 1; i >= 0; i--)
        if (sc->open.at[i].kind == '{' && !sc->open.at[i].hints) return sc->open.at[i].section == KW_BLOCK || sc->open.at[i].section == KW_SCOPE;
    return false;
}

void nfg_note_passed(nfg_scanner *sc, size_t end)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    enum { MOST = 64 };
    sc->passed.at = NULL;
    sc->passed.n = sc->passed.cap = 0;
    for (size_t at = sc->first.offset; at < end && sc->passed.n < MOST;) {
        size_t n = strspn(sc->text + at, letters);
        if (n > 0 && n <= 255 && !(sc->text[at] >= '0' && sc->text[at] <= '9')) {
            ast_name name = {intern_n(&sc->s->names, sc->text + at, n), sc->first.at};
            vec_push(sc->s->arena, &sc->passed, name);
        }
        at += n ? n : 1;
    }
}

static void track_brackets(nfg_scanner *sc, const nfg_token *w)
{
    nfg_open top = nfg_innermost(sc);
    if (w->kind == '{' || w->kind == '(' || w->kind == '[') {
        nfg_open o = {w->kind, sc->last.kind == KW_WITH, sc->first.kind, w->at, sc->indent};
        vec_push(sc->s->arena, &sc->open, o);
    } else if (top.kind && w->kind == closer_of(top.kind)) {
        sc->open.n--;
        sc->closed = top;
        bool left = w->kind == '}' && w->begins_line && w->at.col < top.indent;
        if (left && !w->put_in && !sc->suspect.kind) sc->suspect = top;
    }
}

static bool begins_statement(int before) { return before == 0 || before == ';' || before == '{' || before == '}'; }

static nfg_token hand_on(nfg_scanner *sc, nfg_token w)
{
    if (w.begins_line) sc->indent = w.at.col;
    track_brackets(sc, &w);
    if (begins_statement(sc->last.kind)) sc->first = w;
    if (begins_statement(w.kind)) sc->silent = false;
    if (w.kind == IDENTIFIER && sc->last.kind == KW_OP) sc->callee = w.value.name;
    sc->before = sc->last;
    sc->last = w;
    return w;
}

/* f(a=x; b=y) */
static bool mend_semicolon(nfg_scanner *sc, nfg_token w)
{
    if (w.kind != ';' || !accepts(sc, ',')) return false;
    int next = peek(sc);
    if (next != IDENTIFIER || sc->ahead.at[sc->ahead.n - 1].begins_line) return false;
    complain(sc, w.at, "';' stands where ',' is needed");
    put_in(sc, ',');
    return true;
}

/* The word closes a bracket that lies outside of one that is still open. */
static bool mend_open_bracket(nfg_scanner *sc, nfg_token w, nfg_open top)
{
    int closer = closer_of(top.kind);
    if (mend_semicolon(sc, w)) return true;
    if (!accepts(sc, closer)) return false;
    nfc_diag *d = complain(sc, behind_last(sc), "'%c' is missing", closer);
    if (d) diag_note(d, top.at, "this '%c' is still open", top.kind);
    put_back(sc, w);
    put_in(sc, closer);
    return true;
}

static bool mend_closer(nfg_scanner *sc, nfg_token w, nfg_open top)
{
    if (top.kind && w.kind == closer_of(top.kind)) return false;
    if (top.kind != '(' && top.kind != '[') {
        complain(sc, w.at, "this '%c' closes nothing", w.kind);
        return true;
    }
    if (!accepts(sc, closer_of(top.kind))) return false;
    nfc_diag *d = complain(sc, w.at, "'%c' stands where '%c' is needed", w.kind, closer_of(top.kind));
    if (d) diag_note(d, top.at, "what it closes");
    put_in(sc, closer_of(top.kind));
    return true;
}

static void unclosed(nfg_scanner *sc, nfg_open o, const nfg_token *before)
{
    sc->silent = false;
    nfc_diag *d = complain(sc, o.at, "this '%c' is never closed", o.kind);
    if (d && before) diag_note(d, before->at, "'%c' is missing before this", closer_of(o.kind));
}

/* Whatever is still open ends here. */
static bool mend_end(nfg_scanner *sc, nfg_token w, nfg_open top)
{
    if (!top.kind) return false;
    if (!sc->cut) unclosed(sc, sc->suspect.kind ? sc->suspect : top, NULL);
    sc->cut = sc->module->lost = true;
    put_back(sc, w);
    if (top.kind == '{') {
        bool ready = accepts(sc, '}');
        put_in(sc, '}');
        if (!ready) put_in(sc, ';');
    } else if (accepts(sc, closer_of(top.kind))) {
        put_in(sc, closer_of(top.kind));
    } else {
        sc->open.n--;
    }
    return true;
}

/* A line begins as far left as the one that opened the block, with what cannot stand in it. */
static bool mend_block(nfg_scanner *sc, nfg_token w, nfg_open top)
{
    if (top.kind != '{' || !w.begins_line || w.at.col > top.indent) return false;
    if (accepts(sc, w.kind) || !accepts(sc, '}')) return false;
    unclosed(sc, top, &w);
    put_back(sc, w);
    put_in(sc, '}');
    return true;
}

/* Nothing can be made of the statement: it is passed over from this word on. */
static bool give_up(nfg_scanner *sc, nfg_token w)
{
    put_back(sc, w);
    sc->skip = NFG_SKIP_STATEMENT;
    return true;
}

/* ---- separators ---------------------------------------------------------------------------- */

static bool ends_value(int kind)
{
    return kind == IDENTIFIER || kind == INTEGER || kind == FLOATING || kind == BOOLEAN || kind == STRING ||
           kind == BAD_NUMBER || kind == BAD_STRING || kind == ')' || kind == ']' || kind == '}' ||
           kind == KW_BARRIER || kind == KW_RETURN || kind == KW_YIELD || kind == KW_BREAK;
}

static bool begins_something(int kind)
{
    return kind == 0 || kind == IDENTIFIER || kind == '}' || (nfg_is_keyword(kind) && kind != KW_IN && kind != KW_WITH && kind != KW_CARRY);
}

static bool mend_missing_separator(nfg_scanner *sc, nfg_token w, nfg_open top)
{
    if (!ends_value(sc->last.kind) || !begins_something(w.kind)) return false;
    bool accepted[NFG_KINDS];
    nfg_expected(sc, accepted);
    int missing = accepted[';'] ? ';' : accepted[','] && (top.kind == '(' || top.kind == '[') ? ',' : 0;
    if (accepted[w.kind] || !missing) return false;
    if (sc->silent && !w.begins_line && w.kind != '}') return give_up(sc, w);
    /* `retrun y`: not the end of a statement is missing, the word is another. */
    if (missing == ';' && sc->last.kind == IDENTIFIER && !w.begins_line && w.kind != '}') return false;
    complain(sc, behind_last(sc), "'%c' is missing", missing);
    put_back(sc, w);
    put_in(sc, missing);
    return true;
}

/* inputs { x : f32 [3], y : f32 [3]; } */
static bool mend_comma(nfg_scanner *sc, nfg_token w, nfg_open top)
{
    if (w.kind != ',' || top.kind != '{' || top.hints || nfg_in_code(sc) || !accepts(sc, ';')) return false;
    complain(sc, w.at, "',' stands where ';' is needed");
    put_in(sc, ';');
    return true;
}

static bool drop_separator(nfg_scanner *sc, nfg_token w)
{
    int last = sc->last.kind;
    bool useless = w.kind == ';' ? begins_statement(last) : last == ',' || last == '(' || last == '[' || last == '{';
    if (!useless || accepts(sc, w.kind)) return false;
    complain(sc, w.at, w.kind == ';' && last == '}' ? "no ';' belongs behind this '}'" : "a '%c' too many", w.kind);
    return true;
}

/* ---- words --------------------------------------------------------------------------------- */

static bool mend_with_word(nfg_scanner *sc, nfg_token w, int kind)
{
    const char *word = kind == KW_OP ? "op" : "effect", *name = w.value.name.text;
    nfc_diag *d = complain(sc, w.at, "'%s' is missing before '%s'", word, name);
    if (d) diag_help(d, "write '%s %s(...)'", word, name);
    put_back(sc, w);
    put_in(sc, kind);
    return true;
}

static bool nested_call(nfg_scanner *sc, nfg_token w, bool ends)
{
    nfc_diag *d = complain(sc, w.at, ends ? "an operation cannot stand here" : "an operation cannot stand inside of another");
    if (d) diag_help(d, "give its result a name first: t = op ...; then use t");
    return give_up(sc, w);
}

static bool other_language(nfg_scanner *sc, nfg_token w, const char *name)
{
    const char *help = habit_help(name, HABIT_STATEMENT);
    if (!help) return false;
    nfc_diag *d = complain(sc, w.at, "there is no statement '%s'", name);
    if (d) diag_help(d, "%s", help);
    give_up(sc, w);
    sc->skip = NFG_SKIP_GROUP; /* there are ';' inside of for (...) */
    return true;
}

/* NAME( where no call can stand. */
static bool mend_call(nfg_scanner *sc, nfg_token w, nfg_open top)
{
    bool statement = begins_statement(sc->last.kind) && top.kind == '{';
    if (sc->last.kind != '=' && !statement) return false;
    if (peek(sc) != '(') return false;
    const char *name = w.value.name.text;
    bool effect = strcmp(name, statement ? "write" : "read") == 0;
    int kind = effect ? KW_EFFECT : KW_OP;
    if (accepts(sc, kind)) return mend_with_word(sc, w, kind);
    if (!statement) return nested_call(sc, w, sc->first.kind == KW_RETURN || sc->first.kind == KW_YIELD || sc->first.kind == KW_BREAK);
    if (other_language(sc, w, name)) return true;
    nfc_diag *d = complain(sc, w.at, "the result of an operation needs a name");
    if (d) diag_help(d, "write y = op %s(...)", name);
    return give_up(sc, w);
}

static bool mend_keyword(nfg_scanner *sc, nfg_token w, nfg_open top)
{
    bool ends = sc->first.kind == KW_RETURN || sc->first.kind == KW_YIELD || sc->first.kind == KW_BREAK;
    if (w.kind == KW_OP && sc->last.kind == '=' && (top.kind == '(' || ends)) return nested_call(sc, w, ends);
    if (w.kind == KW_OP && begins_statement(sc->last.kind) && top.kind) {
        nfc_diag *d = complain(sc, w.at, "the result of an operation needs a name");
        if (d) diag_help(d, "write y = op ...");
        return give_up(sc, w);
    }
    int next = peek(sc);
    bool named = next == '=' || next == ':';
    if (!named && next != ',' && next != ')' && next != ';' && next != ']') return false;
    bool accepted[NFG_KINDS];
    nfg_expected(sc, accepted);
    if (!accepted[IDENTIFIER] || (accepted[w.kind] && (!named || top.kind == '('))) return false;
    const char *text = intern(&sc->s->names, nfg_word_text(sc, &w));
    if (!map_set(&sc->reported, text, sc)) {
        nfc_diag *d = complain(sc, w.at, "'%s' is a word of the language", text);
        if (d) diag_help(d, "choose another name");
    }
    w.kind = IDENTIFIER;
    w.value.name = (ast_name){text, w.at};
    w.put_in = true;
    put_back(sc, w);
    return true;
}

static bool mend_scope_name(nfg_scanner *sc, nfg_token w)
{
    const char *name = w.value.name.text;
    nfc_diag *d = complain(sc, w.at, "the name of a scope is a string");
    if (d) diag_help(d, "write scope \"%s\"", name);
    w.kind = STRING;
    w.value.text = name;
    w.put_in = true;
    put_back(sc, w);
    return true;
}

static bool no_operator(nfg_scanner *sc, nfg_token w, const char *sign, const char *op)
{
    nfc_diag *d = complain(sc, w.at, "there is no operator '%s'", sign);
    if (d && nfg_in_code(sc)) diag_help(d, "op %s(a=..., b=...) compares tensors", op);
    if (d && nfg_innermost(sc).section == KW_DIMS) diag_help(d, "a dim is bound, S = 8, or has an upper bound, S <= 8");
    return give_up(sc, w);
}

/* ---- one word after the other -------------------------------------------------------------- */

/* True: what is to be handed on has changed. */
static bool mend(nfg_scanner *sc, nfg_token w)
{
    nfg_open top = nfg_innermost(sc);
    bool in_round = top.kind == '(' || top.kind == '[';
    switch (w.kind) {
    case 0:
        if (mend_missing_separator(sc, w, top)) return true;
        return mend_end(sc, w, top);
    case ')':
    case ']': return mend_closer(sc, w, top);
    case ';':
        if (in_round) return mend_open_bracket(sc, w, top);
        return drop_separator(sc, w);
    case ',': return mend_comma(sc, w, top) || drop_separator(sc, w);
    case '}':
        if (in_round) return mend_open_bracket(sc, w, top);
        if (!top.kind) return mend_closer(sc, w, top);
        return mend_missing_separator(sc, w, top);
    case ':':
        if (sc->last.kind != IDENTIFIER || peek(sc) != '=') return false;
        w.at.len = 2;
        nfc_diag *d = complain(sc, w.at, "':=' has no meaning");
        if (d) diag_help(d, "write '='");
        return true;
    case '=': return sc->last.kind == '=' && no_operator(sc, w, "==", "equal");
    case '<': return no_operator(sc, w, "<", "less");
    case '>': return no_operator(sc, w, ">", "greater");
    case LEQ: return !accepts(sc, LEQ) && no_operator(sc, w, "<=", "less_or_equal");
    case IDENTIFIER:
        if (sc->last.kind == KW_SCOPE) return mend_scope_name(sc, w);
        if (mend_missing_separator(sc, w, top) || mend_block(sc, w, top)) return true;
        return mend_call(sc, w, top);
    default:
        if (!nfg_is_keyword(w.kind)) return false;
        if (mend_missing_separator(sc, w, top) || mend_block(sc, w, top)) return true;
        return mend_keyword(sc, w, top);
    }
}

/* Reads up to the end of what cannot be understood; gives a word that the grammar cannot take, which
 * drops the statement, and then the ';' that it waits for. */
static nfg_token pass_over(nfg_scanner *sc)
{
    int depth = nfg_close_round(sc);
    for (;;) {
        nfg_token w = read_word(sc);
        if (w.kind == 0 || (w.kind == '}' && depth == 0)) {
            sc->cut |= w.kind == 0; /* what is still open then says nothing new */
            put_back(sc, w);
            break;
        }
        if (w.kind == '{') {
            depth++;
            sc->module->lost = true;
        }
        if (sc->skip == NFG_SKIP_STATEMENT && w.kind == ';' && depth == 0) break;
        if (w.kind != '}' || --depth > 0 || sc->skip == NFG_SKIP_BODY) continue;
        int next = peek(sc);
        bool other = next == IDENTIFIER && strcmp(sc->ahead.at[sc->ahead.n - 1].value.name.text, "else") == 0;
        if (next == ';') read_word(sc);
        else if (next == '{' || other) continue;
        break;
    }
    sc->skip = NFG_READ;
    nfg_note_passed(sc, sc->ahead.n ? sc->ahead.at[sc->ahead.n - 1].offset : sc->at);
    put_in(sc, ';');
    put_in(sc, NFG_UNDEF);
    return read_word(sc);
}

nfg_token nfg_next(nfg_scanner *sc)
{
    for (;;) {
        if (sc->skip != NFG_READ) return hand_on(sc, pass_over(sc));
        nfg_token w = read_word(sc);
        if (w.put_in || !mend(sc, w)) return hand_on(sc, w);
    }
}
