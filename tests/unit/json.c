/* frontend/json.h */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/json.h"
#include "tests/unit/unit.h"

static json_node *read_bytes(nfc_session *s, const char *text, size_t n)
{
    const char *own = arena_strndup(s->arena, text, n);
    return json_parse(s, source_add(&s->sources, "unit.json", own, n), own, n);
}

static json_node *read_text(nfc_session *s, const char *text) { return read_bytes(s, text, strlen(text)); }

/* ---- numbers ------------------------------------------------------------------------------- */

Test(json, integers_are_exact_over_both_64_bit_ranges)
{
    nfc_session *s = unit_session();
    struct {
        const char *text;
        int64_t integer;
        uint64_t big; /* 0: not above int64 */
    } rows[] = {{"0", 0, 0}, {"-0", 0, 0}, {"9007199254740993", 9007199254740993, 0}, {"-9223372036854775808", INT64_MIN, 0},
                {"9223372036854775807", INT64_MAX, 0}, {"9223372036854775808", INT64_MAX, UINT64_C(1) << 63}, {"18446744073709551615", INT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_node *n = read_text(s, rows[i].text);
        cr_assert(n && n->kind == JSON_INT && n->integer == rows[i].integer, "%s", rows[i].text);
        cr_assert(n->above_i64 == (rows[i].big != 0) && (!rows[i].big || n->big == rows[i].big), "%s", rows[i].text);
        cr_assert(n->number == strtod(rows[i].text, NULL), "%s", rows[i].text);
    }
}

Test(json, floats_are_the_nearest_doubles)
{
    nfc_session *s = unit_session();
    static const char *const rows[] = {"0.1", "-1e-3", "1E+2", "2.5e300", "1.7976931348623157e308", "5e-324", "1e-400", "-0.0", "123456789012345678901234567890.0",
                                       "0.1000000000000000055511151231257827021181583404541015625000000000000000000000000000000000000000000000001"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_node *n = read_text(s, rows[i]);
        cr_assert(n && n->kind == JSON_FLOAT && n->number == strtod(rows[i], NULL), "%s: %s", rows[i], unit_error(s));
        cr_assert(signbit(n->number) == signbit(strtod(rows[i], NULL)), "%s", rows[i]);
    }
}

Test(json, a_number_of_a_thousand_digits_is_a_number)
{
    nfc_session *s = unit_session();
    char text[1100] = "[0.";
    for (int i = 3; i < 1003; i++) text[i] = (char)('0' + i % 10);
    strcpy(text + 1003, "e2, 7]");
    json_node *n = read_text(s, text);
    cr_assert(n && n->count == 2, "%s", unit_error(s));
    cr_assert(n->child->number == strtod(text + 1, NULL) && n->last->integer == 7);
}

/* ---- what is refused ----------------------------------------------------------------------- */

typedef struct {
    const char *text, *error;
    unsigned line, col;
} refusal;

static void check_refused(const refusal *row)
{
    nfc_session *s = unit_session();
    cr_assert_null(read_text(s, row->text), "%s is taken", row->text);
    cr_assert(s->diags.errors == 1, "%s: %d errors", row->text, s->diags.errors);
    cr_assert(unit_has(unit_error(s), row->error), "%s: %s", row->text, unit_error(s));
    nfc_span at = s->diags.row.at[0]->at;
    cr_assert(at.line == row->line && at.col == row->col, "%s: at %u:%u", row->text, at.line, at.col);
    session_free(s);
}

Test(json, what_is_no_json_is_refused_at_its_place)
{
    static const refusal rows[] = {
        {"", "the text ends where a value is expected", 1, 1},
        {"  \n ", "the text ends where a value is expected", 2, 2},
        {"{", "a member's name in quotes is expected here", 1, 2},
        {"[1", "is never closed", 1, 1},
        {"[1,", "the text ends where a value is expected", 1, 4},
        {"[1,]", "a value is expected here", 1, 4},
        {"[1 2]", "',' or ']' is expected here", 1, 4},
        {"{\"a\" 1}", "':' is expected here", 1, 6},
        {"{a:1}", "a member's name in quotes is expected here", 1, 2},
        {"{\"a\":1,}", "a member's name in quotes is expected here", 1, 8},
        {"[1]\n]", "the text goes on after the value", 2, 1},
        {"tru", "a value is expected here", 1, 1},
        {"nan", "a value is expected here", 1, 1},
        {"+1", "a value is expected here", 1, 1},
        {"-", "a digit is missing here", 1, 2},
        {"[1.]", "a digit is missing here", 1, 4},
        {"[1e+]", "a digit is missing here", 1, 5},
        {".5", "a value is expected here", 1, 1},
        {"01", "must not start with 0", 1, 1},
        {"-01", "must not start with 0", 1, 1},
        {"[0x1]", "',' or ']' is expected here", 1, 3},
        {"18446744073709551616", "does not fit in 64 bits", 1, 1},
        {"-9223372036854775809", "does not fit in 64 bits", 1, 1},
        {"[1, 1e309]", "out of the range of a double", 1, 5},
        {"\"abc", "the string does not end", 1, 1},
        {"\"a\\", "the string does not end", 1, 3},
        {"\"\\x\"", "unknown escape", 1, 2},
        {"\"\\u12g4\"", "four hexadecimal digits", 1, 2},
        {"\"\\u0000\"", "a NUL character", 1, 2},
        {"\"\\ud800\"", "half of a surrogate pair", 1, 2},
        {"\"\\ud800\\u0041\"", "half of a surrogate pair", 1, 2},
        {"\"\\udc00\"", "half of a surrogate pair", 1, 2},
        {"\"a\nb\"", "a control character", 1, 3},
        {"\"\xff\"", "not valid UTF-8", 1, 2},
        {"\"\xc0\xaf\"", "not valid UTF-8", 1, 2},
        {"\"\xed\xa0\x80\"", "not valid UTF-8", 1, 2},
        {"\xef\xbb\xbf[]", "a value is expected here", 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_refused(&rows[i]);
}

Test(json, a_nul_byte_is_no_escape_and_no_blank)
{
    struct {
        const char *text;
        size_t n;
        const char *error;
    } rows[] = {{"\"\\\0\"", 4, "unknown escape"}, {"\"a\0\"", 4, "a control character"}, {"1\0", 2, "goes on after the value"}, {"[\0]", 3, "a value is expected"}, {"[1\0]", 4, "',' or ']'"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nfc_session *s = unit_session();
        cr_assert_null(read_bytes(s, rows[i].text, rows[i].n));
        cr_assert(unit_has(unit_error(s), rows[i].error), "case %zu: %s", i, unit_error(s));
    }
}

Test(json, depth_ends_at_the_limit)
{
    for (int depth = JSON_MAX_DEPTH - 1; depth <= JSON_MAX_DEPTH + 1; depth++) {
        nfc_session *s = unit_session();
        char text[2 * JSON_MAX_DEPTH + 8] = "";
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        json_node *n = read_text(s, text);
        cr_assert((n != NULL) == (depth <= JSON_MAX_DEPTH), "depth %d", depth);
        if (!n) cr_assert(unit_has(unit_error(s), "nested deeper than 64 levels"), "%s", unit_error(s));
    }
}

Test(json, every_key_that_stands_twice_is_named)
{
    nfc_session *s = unit_session();
    cr_assert_null(read_text(s, "{\"a\": 1, \"b\": {\"a\": 2,\n\"\\u0061\": 3}, \"a\": 4, \"c\": 5}"));
    cr_assert(s->diags.errors == 2);
    const nfc_diag *inner = s->diags.row.at[0], *outer = s->diags.row.at[1];
    cr_assert(inner->at.line == 2 && inner->at.col == 1 && inner->note.n == 1);
    cr_assert(inner->note.at[0].at.line == 1 && inner->note.at[0].at.col == 16);
    cr_assert(outer->at.line == 2 && outer->at.col == 15 && outer->note.at[0].at.col == 2);
}

/* ---- what is read -------------------------------------------------------------------------- */

Test(json, places_and_pointers)
{
    nfc_session *s = unit_session();
    json_node *n = read_text(s, "{\"units\": [\n  {\"i/s~a\": \"x\"}, true], \"\": null}"), *units = json_get(n, "units");
    cr_assert(n && units && units->kind == JSON_ARRAY && units->count == 2);
    json_node *isa = json_get(units->child, "i/s~a");
    cr_assert_str_eq(json_pointer(s, n), "");
    cr_assert_str_eq(json_pointer(s, isa), "/units/0/i~1s~0a");
    cr_assert_str_eq(json_pointer(s, units->last), "/units/1");
    cr_assert_str_eq(json_pointer(s, json_get(n, "")), "/");
    cr_assert(isa->at.line == 2 && isa->at.col == 13 && isa->at.len == 3 && isa->key_at.col == 4 && isa->key_at.len == 7);
    cr_assert(units->last->truth && json_get(n, "")->kind == JSON_NULL);
    cr_assert_null(json_get(n, "unit"));
    cr_assert_null(json_get(units, "0"));
    cr_assert_null(json_get(NULL, "x"));
}

Test(json, strings_are_utf8)
{
    nfc_session *s = unit_session();
    json_node *n = read_text(s, "[\"\\u00e9\\n\\\"\\/\\ud83d\\ude00\", \"\xc3\xa9\xf0\x9f\x98\x80\"]");
    cr_assert_str_eq(n->child->text, "\xc3\xa9\n\"/\xf0\x9f\x98\x80");
    cr_assert_str_eq(n->last->text, "\xc3\xa9\xf0\x9f\x98\x80");
}

Test(json, one_value_inside_of_a_text)
{
    nfc_session *s = unit_session();
    const char *text = "x = {\"a\": [1]} rest";
    size_t at = 4;
    json_node *n = json_parse_at(s, source_add(&s->sources, "t", text, strlen(text)), text, strlen(text), &at);
    cr_assert(n && n->kind == JSON_OBJECT && at == 14);
    cr_assert(n->at.col == 5);
}

/* ---- writing ------------------------------------------------------------------------------- */

static json_node *grow(nfc_session *s, uint64_t *r, int depth)
{
    static const char *const texts[] = {"", "a b", "\"\\\n\t\x01\x7f", "\xc3\xa9\xf0\x9f\x98\x80", "%s%n"};
    switch (unit_below(r, depth ? 8 : 6)) {
    case 0: return json_bool(s->arena, unit_below(r, 2));
    case 1: return json_int(s->arena, (int64_t)unit_below(r, UINT64_MAX) >> unit_below(r, 64));
    case 2: return json_uint(s->arena, unit_below(r, UINT64_MAX) >> unit_below(r, 64));
    case 3: {
        uint64_t bits = unit_below(r, UINT64_MAX);
        double v;
        memcpy(&v, &bits, 8);
        return json_float(s->arena, isfinite(v) ? v : 0.5);
    }
    case 4: return json_string(s->arena, texts[unit_below(r, 5)]);
    case 5: return json_float(s->arena, (double)unit_between(r, -1000, 1000) / 8);
    default: break;
    }
    bool object = unit_below(r, 2);
    json_node *n = object ? json_object(s->arena) : json_array(s->arena);
    for (int i = (int)unit_below(r, 5); i > 0; i--) {
        json_node *k = grow(s, r, depth - 1);
        if (object) json_set(n, arena_printf(s->arena, "%c\"%d", (char)('a' + unit_below(r, 26)), i), k);
        else json_push(n, k);
    }
    return n;
}

static bool same(const json_node *a, const json_node *b)
{
    if (a->kind != b->kind || a->count != b->count) return false;
    if ((a->key != NULL) != (b->key != NULL) || (a->key && strcmp(a->key, b->key) != 0)) return false;
    if (a->kind == JSON_INT && (a->above_i64 != b->above_i64 || (a->above_i64 ? a->big != b->big : a->integer != b->integer))) return false;
    if (a->kind == JSON_FLOAT && memcmp(&a->number, &b->number, sizeof a->number) != 0) return false;
    if (a->kind == JSON_BOOL && a->truth != b->truth) return false;
    if (a->kind == JSON_STRING && strcmp(a->text, b->text) != 0) return false;
    const json_node *x = a->child, *y = b->child;
    for (; x && y; x = x->next, y = y->next)
        if (!same(x, y)) return false;
    return !x && !y;
}

static const char *on_one_line(nfc_session *s, const json_node *n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    json_write(to, n, -1);
    fclose(to);
    const char *own = arena_strndup(s->arena, text, size);
    free(text);
    return own;
}

Test(json, what_is_written_reads_back_the_same)
{
    uint64_t r = 5;
    for (int round = 0; round < 600; round++) {
        nfc_session *s = unit_session();
        json_node *n = grow(s, &r, 5);
        const char *wide = json_text(s->arena, n), *line = on_one_line(s, n);
        json_node *a = read_text(s, wide), *b = read_text(s, line);
        cr_assert(a && same(n, a), "%s\n%s", wide, unit_error(s));
        cr_assert(b && same(n, b), "%s\n%s", line, unit_error(s));
        cr_assert(!strchr(line, '\n'), "%s", line);
        cr_assert_str_eq(json_text(s->arena, a), wide);
        cr_assert_str_eq(on_one_line(s, a), line);
        session_free(s);
    }
}

Test(json, members_are_written_sorted)
{
    nfc_session *s = unit_session();
    json_node *n = json_object(s->arena);
    static const char *const keys[] = {"m", "z", "a", "B", "mm", ""};
    for (int i = 0; i < 6; i++) json_set(n, keys[i], json_int(s->arena, i));
    cr_assert_str_eq(on_one_line(s, n), "{\"\":5,\"B\":3,\"a\":2,\"m\":0,\"mm\":4,\"z\":1}");
    cr_assert(n->last->integer == 1 && n->count == 6);
}

Test(json, what_is_no_number_is_written_as_text)
{
    nfc_session *s = unit_session();
    json_node *n = json_array(s->arena);
    json_push(n, json_float(s->arena, NAN));
    json_push(n, json_float(s->arena, INFINITY));
    json_push(n, json_float(s->arena, -INFINITY));
    json_push(n, json_float(s->arena, -0.0));
    cr_assert_str_eq(on_one_line(s, n), "[\"nan\",\"inf\",\"-inf\",-0.0]");
}

/* ---- shortest numbers ---------------------------------------------------------------------- */

static int digits_in(const char *text)
{
    int n = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9' && (n || *p != '0')) n++;
    for (p--; p > text && (*p == '0' || *p == '.') && n > 1; p--) n -= *p == '0'; /* zeros behind count for nothing */
    return n ? n : 1;
}

Test(numbers, shortest_text_of_well_known_numbers)
{
    nfc_session *s = unit_session();
    struct {
        double v;
        const char *text;
    } rows[] = {{0, "0.0"}, {-0.0, "-0.0"}, {1, "1.0"}, {-1, "-1.0"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"}, {1e22, "1e+22"}, {5e-324, "5e-324"},
                {1.7976931348623157e308, "1.7976931348623157e+308"}, {123456.75, "123456.75"}, {NAN, "nan"}, {INFINITY, "inf"}, {-INFINITY, "-inf"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_assert_str_eq(shortest_double(s->arena, rows[i].v), rows[i].text);
    cr_assert_str_eq(shortest_float(s->arena, 0.1f), "0.1");
    cr_assert_str_eq(shortest_float(s->arena, 16777216.0f), "16777216.0");
    cr_assert_str_eq(shortest_float(s->arena, 3.4028235e38f), "3.4028235e+38");
    cr_assert_str_eq(shortest_float(s->arena, 1e-45f), "1e-45");
    cr_assert_str_eq(shortest_float(s->arena, -0.0f), "-0.0");
    cr_assert_str_eq(shortest_float(s->arena, (float)NAN), "nan");
    cr_assert_str_eq(shortest_float(s->arena, (float)-INFINITY), "-inf");
}

Test(numbers, shortest_text_reads_back_and_no_shorter_one_does)
{
    nfc_session *s = unit_session();
    uint64_t r = 11;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = unit_below(&r, UINT64_MAX);
        double v, by_text;
        float f;
        char shorter[400];
        memcpy(&v, &bits, 8);
        if (i % 3 == 0) v = (double)unit_between(&r, -99999, 99999) / 1000;
        if (!isfinite(v)) continue;
        const char *text = shortest_double(s->arena, v);
        cr_assert(strtod(text, NULL) == v, "%a as %s", v, text);
        int n = digits_in(text);
        if (n > 1) snprintf(shorter, sizeof shorter, "%.*g", n - 1, v);
        if (n > 1) cr_assert(strtod(shorter, NULL) != v, "%s is not the shortest: %s", text, shorter);
        f = (float)v;
        if (!isfinite(f)) continue;
        text = shortest_float(s->arena, f);
        cr_assert(strtof(text, NULL) == f, "%a as %s", (double)f, text);
        by_text = strtod(text, NULL);
        cr_assert((float)by_text == f, "%s as a double is another float than %a", text, (double)f);
        n = digits_in(text);
        if (n > 1) snprintf(shorter, sizeof shorter, "%.*g", n - 1, (double)f);
        if (n > 1) cr_assert(strtof(shorter, NULL) != f, "%s is not the shortest: %s", text, shorter);
    }
}
