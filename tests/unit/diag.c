/* frontend/diag.h and frontend/source.h */
#include <stdlib.h>
#include <string.h>
#include "tests/unit/unit.h"

/* What diag_flush() prints. */
static const char *flushed(nfc_session *s)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    diag_flush(&s->diags, to);
    fclose(to);
    const char *own = arena_strndup(s->arena, text, n);
    free(text);
    return own;
}

/* ---- did you mean -------------------------------------------------------------------------- */

Test(diag, the_nearest_word_is_within_a_third_of_the_letters)
{
    static const char *const words[] = {"matmul", "max", "min", "reduce_mean", "reduce_max", "softmax", "Conv", "k", "x2", NULL};
    static const char *const rows[][2] = {
        {"matmul", NULL},         {"matmull", "matmul"},   {"mamtul", "matmul"},          {"matul", "matmul"},   {"matmxx", "matmul"},
        {"matxxx", NULL},         {"mxa", "max"},          {"mux", "max"},                {"mmm", NULL},         {"reduce_maen", "reduce_mean"},
        {"reduce_may", "reduce_max"}, {"REDUCE_MEAN", "reduce_mean"}, {"conv", "Conv"}, {"softmxa", "softmax"}, {"y", NULL},
        {"K", "k"},               {"", NULL},              {"qqqqqqqqqqqq", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *near = nearest_word(rows[i][0], words);
        if (rows[i][1]) cr_assert(near && strcmp(near, rows[i][1]) == 0, "%s: %s", rows[i][0], near ? near : "nothing");
        else cr_assert_null(near, "%s: %s", rows[i][0], near);
    }
    static const char *const none[] = {NULL};
    cr_assert_null(nearest_word("abc", none));
    char wide[300];
    memset(wide, 'a', sizeof wide - 1);
    wide[sizeof wide - 1] = 0;
    const char *const one[] = {wide, NULL};
    cr_assert_null(nearest_word("aaaa", one));
    wide[100] = 0;
    char other[101];
    memcpy(other, wide, 101);
    other[50] = 'b';
    cr_assert_null(nearest_word(other, one)); /* longer than the distance is worked out for */
}

Test(diag, few_choices_are_listed_and_many_are_not)
{
    nfc_session *s = unit_session();
    static const char *const few[] = {"red", "green", "blue", NULL}, *const one[] = {"red", NULL};
    static const char *const many[] = {"a1", "b2", "c3", "d4", "e5", "f6", "g7", "h8", "i9", "j10", "k11", "l12", "m13", NULL};
    nfc_diag *d = diag_error(&s->diags, E_SYNTAX, NO_SPAN, "x");
    diag_choices(d, "purple", few, "the colours are");
    diag_choices(d, "gren", few, "the colours are");
    diag_choices(d, "purple", one, "the colour is");
    cr_assert(d->note.n == 3);
    cr_assert_str_eq(d->note.at[0].text, "the colours are red, green and blue");
    cr_assert_str_eq(d->note.at[1].text, "did you mean 'green'?");
    cr_assert_str_eq(d->note.at[2].text, "the colour is red");
    diag_choices(d, "purple", many, "they are");
    cr_assert(d->note.n == 3);
}

/* ---- limits and order ---------------------------------------------------------------------- */

Test(diag, twenty_errors_are_kept_and_all_are_counted)
{
    nfc_session *s = unit_session();
    for (int i = 0; i < 57; i++) {
        nfc_diag *d = diag_error_in(&s->diags, E_SYNTAX, "file", "error %d", i);
        diag_note(d, NO_SPAN, "note %d", i);
        diag_warning(&s->diags, E_SYNTAX, NO_SPAN, "warning %d", i);
    }
    cr_assert(s->diags.errors == 57 && s->diags.warnings == 57);
    const char *text = flushed(s);
    cr_assert(unit_has(text, "error 19\n") && unit_has(text, "note 19\n") && !unit_has(text, "error 20\n") && !unit_has(text, "note 20\n"));
    cr_assert(unit_has(text, "warning 56"));
    cr_assert(unit_has(text, "nfc: 37 more errors were not shown\n"));
    cr_assert_str_empty(flushed(s));
    cr_assert(diag_flush(&s->diags, stderr) == 57);
}

Test(diag, quiet_prints_errors_only)
{
    nfc_session *s = unit_session();
    s->diags.quiet = true;
    diag_warning(&s->diags, E_SYNTAX, NO_SPAN, "a warning");
    diag_error(&s->diags, E_SYNTAX, NO_SPAN, "an error");
    const char *text = flushed(s);
    cr_assert(unit_has(text, "an error") && !unit_has(text, "a warning"));
}

Test(diag, rows_are_printed_in_the_order_of_their_places)
{
    nfc_session *s = unit_session();
    uint32_t a = source_add(&s->sources, "a.nfg", "1\n2\n3\n", 6), b = source_add(&s->sources, "b.nfg", "x\n", 2);
    static const struct {
        uint32_t file, line, col;
    } places[] = {{0, 0, 0}, {2, 1, 1}, {1, 3, 1}, {1, 1, 2}, {1, 1, 1}, {1, 1, 2}, {0, 0, 0}};
    cr_assert(a == 1 && b == 2);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) diag_error(&s->diags, E_SYNTAX, (nfc_span){places[i].file, places[i].line, places[i].col, 1}, "row%zu;", i);
    const char *text = flushed(s), *at = text;
    static const char *const order[] = {"row4;", "row3;", "row5;", "row2;", "row1;", "row0;", "row6;"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const char *found = strstr(at, order[i]);
        cr_assert_not_null(found, "%s is not where it should be:\n%s", order[i], text);
        at = found;
    }
}

Test(diag, the_first_error_decides_the_exit_status)
{
    nfc_session *s = unit_session();
    diag_error(&s->diags, E_IO_OPEN, NO_SPAN, "x");
    diag_error(&s->diags, E_USAGE, NO_SPAN, "x");
    cr_assert(s->diags.exit_code == 5);
    cr_assert(diag_exit_code(E_SYNTAX) == 1 && diag_exit_code(E_USAGE) == 2 && diag_exit_code(E_COMPILER) == 3 && diag_exit_code(E_IO_WRITE) == 5);
}

/* ---- text ---------------------------------------------------------------------------------- */

Test(diag, the_caret_stands_under_its_place)
{
    nfc_session *s = unit_session();
    const char *text = "ok\n\tlet \xc3\xa9t\xc3\xa9 = \x1b[31mbad;\n";
    uint32_t file = source_add(&s->sources, "a.nfg", text, strlen(text));
    const char *bad = strstr(text, "bad"), *ete = strstr(text, "\xc3\xa9");
    diag_error(&s->diags, E_SYNTAX, source_span(&s->sources, file, (size_t)(bad - text), 3), "first");
    diag_error(&s->diags, E_SYNTAX, source_span(&s->sources, file, (size_t)(ete - text), 5), "second");
    const char *out = flushed(s), *excerpt = "     2 |  let \xc3\xa9t\xc3\xa9 = \\x1b[31mbad;\n";
    cr_assert(unit_has(out, "a.nfg:2:19: error[NFC0101]: first\n"), "%s", out);
    cr_assert(unit_has(out, arena_printf(s->arena, "first\n%s       | %19s^~~\n", excerpt, "")), "%s", out);
    cr_assert(unit_has(out, arena_printf(s->arena, "second\n%s       | %5s^~~\n", excerpt, "")), "%s", out);
}

Test(diag, a_long_line_is_shown_around_its_place)
{
    nfc_session *s = unit_session();
    char text[5002];
    memset(text, 'x', 5000);
    memcpy(text + 3000, "HERE", 4);
    strcpy(text + 5000, "\n");
    uint32_t file = source_add(&s->sources, "a.nfg", text, 5001);
    diag_error(&s->diags, E_SYNTAX, source_span(&s->sources, file, 3000, 4), "e");
    const char *out = flushed(s), *line = strstr(out, "| x"), *caret = strstr(out, "| ");
    cr_assert(line && strlen(out) < 600 && unit_has(line, "HERE"), "%s", out);
    caret = strstr(line, "\n       | ") + 1;
    cr_assert(strstr(line, "HERE") - line == strstr(caret, "^~~~") - strchr(caret, '|'), "%s", out);
}

Test(diag, json_has_a_row_each)
{
    nfc_session *s = unit_session();
    s->diags.json = true;
    uint32_t file = source_add(&s->sources, "a\"b.nfg", "abc\ndef\n", 8);
    nfc_diag *d = diag_error(&s->diags, E_SYNTAX, source_span(&s->sources, file, 5, 100), "a \"quoted\" \\ text\n");
    diag_note(d, source_span(&s->sources, file, 0, 2), "there");
    diag_help(d, "help");
    cr_assert_str_eq(flushed(s), "{\"severity\":\"error\",\"code\":\"NFC0101\",\"file\":\"a\\\"b.nfg\",\"line\":2,\"column\":2,\"length\":2,"
                                 "\"message\":\"a \\\"quoted\\\" \\\\ text\\n\",\"notes\":[{\"kind\":\"note\",\"file\":\"a\\\"b.nfg\",\"line\":1,\"column\":1,\"length\":2,\"message\":\"there\"},"
                                 "{\"kind\":\"help\",\"file\":null,\"message\":\"help\"}]}\n");
}

Test(diag, every_code_is_found_and_explained)
{
    for (int i = 0; i < DIAG_COUNT; i++) {
        const char *code = diag_code_text((diag_code)i);
        cr_assert(strlen(code) == 7 && strncmp(code, "NFC", 3) == 0, "%s", code);
        cr_assert(diag_lookup(code) == (diag_code)i, "%s", code);
        cr_assert(diag_lookup(code + 3) == (diag_code)i, "%s", code);
        cr_assert(*diag_title((diag_code)i) && *diag_explanation((diag_code)i), "%s", code);
    }
    cr_assert(diag_lookup("101") == E_SYNTAX && diag_lookup("nfc0101") == E_SYNTAX);
    cr_assert(diag_lookup("") == DIAG_COUNT && diag_lookup("NFC") == DIAG_COUNT && diag_lookup("NFC0101x") == DIAG_COUNT && diag_lookup("9999") == DIAG_COUNT);
}

/* ---- places -------------------------------------------------------------------------------- */

Test(source, places_and_lines)
{
    nfc_session *s = unit_session();
    const char *text = "ab\r\n\nc";
    uint32_t file = source_add(&s->sources, "x", text, strlen(text));
    static const unsigned at[][2] = {{1, 1}, {1, 2}, {1, 3}, {1, 4}, {2, 1}, {3, 1}, {3, 2}};
    for (size_t i = 0; i < 7; i++) {
        nfc_span p = source_span(&s->sources, file, i, 1);
        cr_assert(p.line == at[i][0] && p.col == at[i][1], "byte %zu is at %u:%u", i, p.line, p.col);
    }
    size_t n;
    cr_assert(strncmp(source_line(&s->sources, file, 1, &n), "ab", 2) == 0 && n == 2);
    cr_assert(source_line(&s->sources, file, 2, &n) && n == 0);
    cr_assert(*source_line(&s->sources, file, 3, &n) == 'c' && n == 1);
    cr_assert_null(source_line(&s->sources, file, 4, &n));
    cr_assert_null(source_line(&s->sources, file, 0, &n));
    cr_assert_null(source_line(&s->sources, 7, 1, &n));
}

Test(source, joined_places)
{
    nfc_span a = {1, 2, 3, 4}, b = {1, 2, 10, 2}, c = {1, 5, 1, 1}, d = {2, 2, 10, 2}, none = NO_SPAN;
    cr_assert(span_join(a, b).col == 3 && span_join(a, b).len == 9);
    cr_assert(span_join(b, a).len == 2);
    cr_assert(span_join(a, c).len == UINT32_MAX && span_join(a, c).line == 2);
    cr_assert(span_join(a, d).len == 4 && span_join(none, b).col == 10 && span_join(a, none).len == 4);
}

Test(source, utf8)
{
    static const struct {
        const char *text;
        int length;
    } rows[] = {{"a", 1}, {"\xc2\x80", 2}, {"\xc1\xbf", 0}, {"\xe0\xa0\x80", 3}, {"\xe0\x9f\xbf", 0}, {"\xed\x9f\xbf", 3}, {"\xed\xa0\x80", 0}, {"\xee\x80\x80", 3},
                {"\xf0\x90\x80\x80", 4}, {"\xf0\x8f\xbf\xbf", 0}, {"\xf4\x8f\xbf\xbf", 4}, {"\xf4\x90\x80\x80", 0}, {"\xf5\x80\x80\x80", 0}, {"\x80", 0}, {"\xc3", 0}, {"\xe2\x82", 0}, {"\xc3(", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_assert(utf8_length(rows[i].text, rows[i].text + strlen(rows[i].text)) == rows[i].length, "case %zu", i);
}
