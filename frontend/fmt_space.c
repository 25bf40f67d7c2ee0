/* Blanks between neighbours on a line: what stands between two words, and nothing else, decides. */
#include "frontend/fmt.h"

static bool is_one_of(int kind, const char *set)
{
    for (; *set; set++)
        if (kind == *set) return true;
    return false;
}

/* Does an operand end with this word, so that a sign behind it is an operator? */
static bool ends_operand(int kind)
{
    return kind == IDENTIFIER || kind == INTEGER || kind == FLOATING || kind == STRING || kind == BOOLEAN || is_one_of(kind, ")]");
}

static int kind_before(const fmt_file *f, int i) { return f->word[i].before < 0 ? 0 : f->word[f->word[i].before].kind; }
static bool is_operator(const fmt_file *f, int i) { return is_one_of(f->word[i].kind, "+-*/%") && ends_operand(kind_before(f, i)); }
static bool is_sign(const fmt_file *f, int i) { return f->word[i].kind == '-' && !ends_operand(kind_before(f, i)); }

static int kind_around(const fmt_file *f, int i)
{
    int a = f->word[i].around;
    return a < 0 ? 0 : f->word[a].kind;
}

/* `loop`, or its name: a parenthesis behind it is no call's. */
static bool heads_loop(const fmt_file *f, int i)
{
    return f->word[i].kind == KW_LOOP || (f->word[i].kind == IDENTIFIER && kind_before(f, i) == KW_LOOP);
}

static void mark_tight(fmt_file *f, int from, int to)
{
    for (int i = from; i < to; i++)
        if (is_operator(f, i)) f->word[i].tight = true;
}

/* 0..L-1 and [l, pos-1:pos]: in a range the blanks would part what belongs together. */
static void find_ranges(fmt_file *f)
{
    for (int i = 0; i < f->n; i++) {
        const fmt_word *w = &f->word[i];
        if (w->kind == '(' && w->before >= 0 && heads_loop(f, w->before)) mark_tight(f, i + 1, w->partner);
        if (w->kind != ':' || kind_around(f, i) != '[') continue;
        int from = i, to = i;
        while (f->word[from - 1].kind != ',' && from - 1 != w->around) from--;
        while (f->word[to].kind != ',' && to != f->word[w->around].partner) to++;
        mark_tight(f, from, to);
    }
}

static int space_before_bracket(const fmt_file *f, int i)
{
    int last = f->word[i].before, kind = f->word[last].kind;
    if (f->word[i].kind == '(') return heads_loop(f, last) || !(kind == IDENTIFIER || kind == KW_META || kind == KW_FMT || kind == KW_REQUIRE);
    if (kind != IDENTIFIER && kind != KW_MODEL) return 1;
    for (i++; i < f->n && fmt_is_comment(&f->word[i]);) i++; /* model["w"] names a tensor, f32 [B] a type */
    return !(f->word[i].kind == STRING || f->word[i].kind == KW_FMT);
}

/* The rules, in order of precedence; x is the word before. */
static int space_before(const fmt_file *f, int i)
{
    const fmt_word *w = &f->word[i], *x = &w[-1];
    if (w->kind == FMT_LINE_COMMENT) return 1;
    if (is_one_of(x->kind, "([")) return 0;
    if (is_one_of(w->kind, ";,)]")) return 0;
    if (fmt_is_comment(w) || fmt_is_comment(x)) return 1;
    if (x->kind == '{' && w->kind == '}') return 0;
    if (is_one_of(x->kind, "{};,") || is_one_of(w->kind, "{}")) return 1;
    if (is_sign(f, i - 1)) return 0;
    if (is_operator(f, i)) return !w->tight;
    if (is_operator(f, i - 1)) return !x->tight;
    if (w->kind == DOTS || x->kind == DOTS) return 0;
    if (w->kind == '=' || x->kind == '=') return kind_around(f, i) != '(';
    if (w->kind == ':' || x->kind == ':') return kind_around(f, i) != '[';
    if (is_one_of(w->kind, "([")) return space_before_bracket(f, i);
    return 1;
}

void fmt_set_spaces(fmt_file *f)
{
    find_ranges(f);
    for (int i = 1; i < f->n; i++) f->word[i].space = f->word[i].breaks ? 0 : space_before(f, i);
}
