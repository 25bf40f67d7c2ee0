#include "frontend/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the strict scan knows of one value, in document order: cJSON keeps neither places nor the
 * text of numbers. */
typedef struct {
    uint32_t at, len, key_at, key_len;
} place;

typedef struct {
    nfc_session *s;
    uint32_t file;
    const char *text, *p, *end;
    VEC(place) places;
    bool failed;
} scan;

static bool fail(scan *c, diag_code code, const char *at, const char *format, ...)
{
    if (c->failed) return false;
    c->failed = true;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(c->s->arena, format, args);
    va_end(args);
    size_t len = at < c->end ? 1 : 0;
    diag_error(&c->s->diags, code,
               source_span(&c->s->sources, c->file, (size_t)(at - c->text), len), "%s", text);
    return false;
}

static void skip_space(scan *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static int hex4(const char *p, const char *end)
{
    if (end - p < 4) return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

static bool scan_escape(scan *c)
{
    const char *at = c->p++;
    if (c->p >= c->end) return fail(c, E_JSON_SYNTAX, at, "the string does not end");
    if (*c->p != 'u') {
        if (!*c->p || !strchr("\"\\/bfnrt", *c->p)) return fail(c, E_JSON_SYNTAX, at, "unknown escape in a string");
        c->p++;
        return true;
    }
    int v = hex4(++c->p, c->end);
    if (v < 0) return fail(c, E_JSON_SYNTAX, at, "\\u wants four hexadecimal digits");
    if (v == 0) return fail(c, E_JSON_SYNTAX, at, "a NUL character in a string");
    c->p += 4;
    if (v >= 0xdc00 && v <= 0xdfff) return fail(c, E_JSON_SYNTAX, at, "half of a surrogate pair");
    if (v >= 0xd800 && v <= 0xdbff) {
        int low = c->end - c->p >= 6 && c->p[0] == '\\' && c->p[1] == 'u' ? hex4(c->p + 2, c->end) : -1;
        if (low < 0xdc00 || low > 0xdfff) return fail(c, E_JSON_SYNTAX, at, "half of a surrogate pair");
        c->p += 6;
    }
    return true;
}

static bool scan_string(scan *c)
{
    const char *at = c->p++;
    while (c->p < c->end && *c->p != '"') {
        if (*c->p == '\\') {
            if (!scan_escape(c)) return false;
            continue;
        }
        if ((unsigned char)*c->p < ' ') return fail(c, E_JSON_SYNTAX, c->p, "a control character in a string");
        int n = utf8_length(c->p, c->end);
        if (n == 0) return fail(c, E_JSON_SYNTAX, c->p, "the string is not valid UTF-8");
        c->p += n;
    }
    if (c->p >= c->end) return fail(c, E_JSON_SYNTAX, at, "the string does not end");
    c->p++;
    return true;
}

static bool digits(scan *c)
{
    const char *at = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9') c->p++;
    return c->p > at || fail(c, E_JSON_SYNTAX, at, "a digit is missing here");
}

static bool scan_number(scan *c)
{
    const char *at = c->p;
    bool integer = true;
    if (*c->p == '-') c->p++;
    if (c->p < c->end && *c->p == '0') c->p++;
    else if (!digits(c)) return false;
    if (c->p < c->end && *c->p >= '0' && *c->p <= '9') return fail(c, E_JSON_SYNTAX, at, "a number must not start with 0");
    if (c->p < c->end && *c->p == '.') {
        integer = false;
        c->p++;
        if (!digits(c)) return false;
    }
    if (c->p < c->end && (*c->p | 32) == 'e') {
        integer = false;
        c->p++;
        if (c->p < c->end && (*c->p == '+' || *c->p == '-')) c->p++;
        if (!digits(c)) return false;
    }
    errno = 0;
    if (integer && *at == '-') strtoll(at, NULL, 10);
    else if (integer) strtoull(at, NULL, 10);
    if (errno == ERANGE) return fail(c, E_JSON_NUMBER, at, "the integer %.*s does not fit in 64 bits", (int)(c->p - at > 40 ? 40 : c->p - at), at);
    if (!integer && isinf(strtod(at, NULL))) return fail(c, E_JSON_NUMBER, at, "the number is out of the range of a double");
    return true;
}

static bool scan_value(scan *c, int depth, place where);

static bool scan_members(scan *c, int depth, char close)
{
    const char *open = c->p++;
    skip_space(c);
    if (c->p < c->end && *c->p == close) return c->p++, true;
    for (;;) {
        place where = {0};
        if (close == '}') {
            if (c->p >= c->end || *c->p != '"') return fail(c, E_JSON_SYNTAX, c->p, "a member's name in quotes is expected here");
            where.key_at = (uint32_t)(c->p - c->text);
            if (!scan_string(c)) return false;
            where.key_len = (uint32_t)(c->p - c->text) - where.key_at;
            skip_space(c);
            if (c->p >= c->end || *c->p != ':') return fail(c, E_JSON_SYNTAX, c->p, "':' is expected here");
            c->p++;
            skip_space(c);
        }
        if (!scan_value(c, depth + 1, where)) return false;
        skip_space(c);
        if (c->p >= c->end) return fail(c, E_JSON_SYNTAX, open, "this '%c' is never closed", *open);
        if (*c->p == close) return c->p++, true;
        if (*c->p != ',') return fail(c, E_JSON_SYNTAX, c->p, "',' or '%c' is expected here", close);
        c->p++;
        skip_space(c);
    }
}

static bool scan_word(scan *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
        return fail(c, E_JSON_SYNTAX, c->p, "a value is expected here");
    c->p += n;
    return true;
}

static bool scan_value(scan *c, int depth, place where)
{
    if (depth > JSON_MAX_DEPTH) return fail(c, E_JSON_DEPTH, c->p, "nested deeper than %d levels", JSON_MAX_DEPTH);
    if (c->p >= c->end) return fail(c, E_JSON_SYNTAX, c->p, "the text ends where a value is expected");
    where.at = (uint32_t)(c->p - c->text);
    int mine = c->places.n;
    vec_push(c->s->arena, &c->places, where);
    bool ok;
    switch (*c->p) {
    case '{': ok = scan_members(c, depth, '}'); break;
    case '[': ok = scan_members(c, depth, ']'); break;
    case '"': ok = scan_string(c); break;
    case 't': ok = scan_word(c, "true"); break;
    case 'f': ok = scan_word(c, "false"); break;
    case 'n': ok = scan_word(c, "null"); break;
    default:
        if (*c->p != '-' && (*c->p < '0' || *c->p > '9')) return fail(c, E_JSON_SYNTAX, c->p, "a value is expected here");
        ok = scan_number(c);
    }
    c->places.at[mine].len = (uint32_t)(c->p - c->text) - where.at;
    return ok;
}

static void set_number(json_node *node, const char *raw, size_t n)
{
    node->number = strtod(raw, NULL);
    if (memchr(raw, '.', n) || memchr(raw, 'e', n) || memchr(raw, 'E', n)) {
        node->kind = JSON_FLOAT;
        return;
    }
    node->kind = JSON_INT;
    if (*raw == '-') {
        node->integer = strtoll(raw, NULL, 10);
        return;
    }
    node->big = strtoull(raw, NULL, 10);
    node->above_i64 = node->big > INT64_MAX;
    node->integer = node->above_i64 ? INT64_MAX : (int64_t)node->big;
}

/* Walks cJSON's tree and the scan's places together: both are in document order. */
static json_node *convert(scan *c, const cJSON *from, json_node *parent, int *next)
{
    place where = c->places.at[(*next)++];
    json_node *node = ARENA_NEW(c->s->arena, json_node);
    node->parent = parent;
    node->at = source_span(&c->s->sources, c->file, where.at, where.len);
    if (where.key_len) {
        node->key_at = source_span(&c->s->sources, c->file, where.key_at, where.key_len);
        node->key = intern(&c->s->names, from->string);
    }
    if (cJSON_IsString(from)) {
        node->kind = JSON_STRING;
        node->text = arena_strdup(c->s->arena, from->valuestring);
    } else if (cJSON_IsBool(from)) {
        node->kind = JSON_BOOL;
        node->truth = cJSON_IsTrue(from);
    } else if (cJSON_IsNumber(from)) {
        set_number(node, c->text + where.at, where.len);
    } else if (!cJSON_IsNull(from)) {
        node->kind = cJSON_IsObject(from) ? JSON_OBJECT : JSON_ARRAY;
        nfc_map seen;
        map_init(&seen, c->s->arena);
        for (const cJSON *k = from->child; k; k = k->next) {
            json_node *child = convert(c, k, node, next);
            json_push(node, child);
            json_node *other = child->key ? map_set(&seen, child->key, child) : NULL;
            if (!other) continue;
            c->failed = true;
            nfc_diag *d = diag_error(&c->s->diags, E_JSON_DUPLICATE, child->key_at,
                                     "the key \"%s\" stands here a second time", child->key);
            diag_note(d, other->key_at, "first here");
        }
    }
    return node;
}

static void drop_cjson(void *tree) { cJSON_Delete(tree); }

/* Scans one value from c->p on, and builds it. */
static json_node *parse_value(scan *c)
{
    const char *begin = c->p;
    if (!scan_value(c, 1, (place){0})) return NULL;
    void **owner = arena_defer(c->s->arena, drop_cjson, NULL);
    cJSON *tree = *owner = cJSON_ParseWithLength(begin, (size_t)(c->p - begin));
    if (!tree) arena_oom(c->s->arena); /* the scan has passed it: only memory can be lacking */
    int next = 0;
    json_node *node = convert(c, tree, NULL, &next);
    return c->failed ? NULL : node;
}

json_node *json_parse(nfc_session *s, uint32_t file, const char *text, size_t size)
{
    scan c = {.s = s, .file = file, .text = text, .p = text, .end = text + size};
    skip_space(&c);
    json_node *node = parse_value(&c);
    skip_space(&c);
    if (node && c.p < c.end) {
        fail(&c, E_JSON_SYNTAX, c.p, "the text goes on after the value");
        return NULL;
    }
    return node;
}

json_node *json_parse_at(nfc_session *s, uint32_t file, const char *text, size_t size, size_t *at)
{
    scan c = {.s = s, .file = file, .text = text, .p = text + *at, .end = text + size};
    json_node *node = parse_value(&c);
    *at = (size_t)(c.p - text);
    return node;
}

json_node *json_load(nfc_session *s, const char *path, size_t limit)
{
    char *text;
    size_t size;
    switch (read_file(s->arena, path, limit, &text, &size)) {
    case READ_OK: return json_parse(s, source_add(&s->sources, path, text, size), text, size);
    case READ_MISSING: diag_error_in(&s->diags, E_IO_OPEN, path, "there is no such file"); break;
    case READ_NOT_A_FILE: diag_error_in(&s->diags, E_IO_OPEN, path, "not a regular file"); break;
    case READ_TOO_LARGE: diag_error_in(&s->diags, E_JSON_SIZE, path, "larger than the %zu bytes that such a file may have", limit); break;
    case READ_FAILED: diag_error_in(&s->diags, E_IO_READ, path, "cannot be read: %s", strerror(errno)); break;
    }
    return NULL;
}

json_node *json_get(const json_node *object, const char *key)
{
    if (!object || object->kind != JSON_OBJECT) return NULL;
    for (json_node *k = object->child; k; k = k->next)
        if (strcmp(k->key, key) == 0) return k;
    return NULL;
}

/* RFC 6901: ~ and / inside of a key are written ~0 and ~1. */
static const char *escaped_key(nfc_session *s, const char *key)
{
    if (!strpbrk(key, "~/")) return key;
    char *out = arena_alloc(s->arena, 2 * strlen(key) + 1), *p = out;
    for (; *key; key++) {
        *p++ = *key == '/' ? '~' : *key;
        if (*key == '/' || *key == '~') *p++ = *key == '/' ? '1' : '0';
    }
    *p = 0;
    return out;
}

const char *json_pointer(nfc_session *s, const json_node *node)
{
    if (node->origin) return json_pointer(s, node->origin);
    if (!node->parent) return "";
    const char *up = json_pointer(s, node->parent);
    if (node->key) return session_printf(s, "%s/%s", up, escaped_key(s, node->key));
    int i = 0;
    for (const json_node *k = node->parent->child; k != node; k = k->next) i++;
    return session_printf(s, "%s/%d", up, i);
}

const char *json_kind_name(json_kind kind)
{
    static const char *const names[] = {"null", "a boolean", "an integer", "a number", "a string", "an array", "an object"};
    return names[kind];
}
