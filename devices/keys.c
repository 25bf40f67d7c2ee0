/* The table of keys, and how it reads as documentation. */
#include <string.h>
#include "devices/reader.h"

#define KEY(id, path, kind, S, store, ...)                                                         \
    static void store_##id(void *into, const key_value *v)                                         \
    {                                                                                              \
        S *it = into;                                                                              \
        store;                                                                                     \
    }
#define LIST(id, path, S, vector, element, ...)                                                    \
    static void *append_##id(nfc_arena *a, void *into)                                             \
    {                                                                                              \
        S *it = into;                                                                              \
        vec_push(a, &it->vector, (element){0});                                                    \
        return &vec_last(&it->vector);                                                             \
    }
#define OBJECT(...)
#include "devices/keys.def"
#undef KEY
#undef LIST
#undef OBJECT

const device_key device_keys[] = {
#define KEY(id, path, kind, S, store, low, high, absent, choices, meaning, effect)                 \
    {path, KEY_##kind, low, high, absent, choices, meaning, effect, store_##id, NULL, NULL},
#define LIST(id, path, S, vector, element, identity, low, high, absent, meaning, effect)           \
    {path, KEY_LIST, low, high, absent, NULL, meaning, effect, NULL, append_##id, identity},
#define OBJECT(id, path, absent, meaning, effect)                                                  \
    {path, KEY_OBJECT, 0, 0, absent, NULL, meaning, effect, NULL, NULL, NULL},
#include "devices/keys.def"
    {NULL, KEY_OBJECT, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

static const struct {
    const char *name, *unit; /* of the bounds */
    json_kind json;
} kinds[] = {
    [KEY_OBJECT] = {"object", "", JSON_OBJECT},
    [KEY_LIST] = {"list of objects", " entries", JSON_ARRAY},
    [KEY_NAME] = {"name", " letters, digits, . _ -", JSON_STRING},
    [KEY_TEXT] = {"text", " bytes", JSON_STRING},
    [KEY_WORD] = {"word", " bytes", JSON_STRING},
    [KEY_WORDS] = {"list of words", " entries", JSON_ARRAY},
    [KEY_CHOICE] = {"choice", "", JSON_STRING},
    [KEY_INTEGER] = {"integer", "", JSON_INT},
    [KEY_POWER] = {"power of two", "", JSON_INT},
    [KEY_NUMBER] = {"number", "", JSON_FLOAT},
    [KEY_FLAG] = {"boolean", "", JSON_BOOL},
    [KEY_TYPES] = {"list of element types", " entries", JSON_ARRAY},
};

const char *key_kind_name(key_kind kind) { return kinds[kind].name; }

json_kind key_json_kind(key_kind kind) { return kinds[kind].json; }

const char *key_within(const device_key *key, const char *path)
{
    size_t n = strlen(path);
    if (strncmp(key->path, path, n) != 0 || key->path[n] != '/') return NULL;
    const char *name = key->path + n + 1;
    return strchr(name, '/') ? NULL : name;
}

const device_key *key_find(const char *path, const char *name)
{
    const device_key *key = device_keys;
    while (key->path && !(key_within(key, path) && strcmp(key_within(key, path), name) == 0)) key++;
    return key->path ? key : NULL;
}

/* 64, not 64.0 */
static const char *bound(nfc_arena *a, double x)
{
    return x == (double)(int64_t)x ? arena_printf(a, "%lld", (long long)x) : shortest_double(a, x);
}

static const char *const *split(nfc_arena *a, const char *text)
{
    VEC(const char *) words = {0};
    for (const char *at = text; at && *at; at += strcspn(at, " "), at += *at == ' ')
        vec_push(a, &words, arena_strndup(a, at, strcspn(at, " ")));
    vec_push(a, &words, NULL);
    return words.at;
}

const char *const *key_identity(nfc_arena *a, const device_key *list) { return split(a, list->identity); }

const char *const *key_words(nfc_arena *a, const device_key *key)
{
    VEC(const char *) words = {0};
    if (key->kind != KEY_TYPES) return split(a, key->choices);
    for (int t = 0; t < DT_COUNT; t++)
        if (dtype_table[t].kind != DTC_STRING) vec_push(a, &words, dtype_table[t].name);
    vec_push(a, &words, NULL);
    return words.at;
}

const char *key_range(nfc_arena *a, const device_key *key)
{
    const char *all = "", *const *words = key_words(a, key);
    for (int i = 0; words[i]; i++) all = arena_printf(a, "%s%s%s", all, i ? ", " : "", words[i]);
    if (*all || key->high == 0) return all;
    return arena_printf(a, "%s to %s%s", bound(a, key->low), bound(a, key->high),
                        kinds[key->kind].unit);
}

/* `x` for what is to be written as it stands, required, or words for the reader. */
static void print_absent(FILE *to, const device_key *key)
{
    if (!key->absent)
        fputs("required", to);
    else if (key->absent[0] == '(')
        fprintf(to, "%.*s", (int)strlen(key->absent) - 2, key->absent + 1);
    else if (strcmp(key->absent, "none") == 0)
        fputs("none", to);
    else
        fprintf(to, "`%s`", key->absent);
}

void device_print_schema(nfc_session *s, FILE *to)
{
    fputs("| Key | Kind | Range | Default | Meaning | Effect |\n|---|---|---|---|---|---|\n", to);
    for (const device_key *k = device_keys; k->path; k++) {
        const char *const *by = key_identity(s->arena, k);
        fprintf(to, "| `%s` | %s", k->path, key_kind_name(k->kind));
        for (int i = 0; by[i]; i++) fprintf(to, "%s%s", i ? ", " : " by ", by[i]);
        fprintf(to, " | %s | ", key_range(s->arena, k));
        print_absent(to, k);
        fprintf(to, " | %s | %s |\n", k->meaning, *k->effect ? k->effect : "by its keys");
    }
}

const char *device_weights_name(nfc_session *s, device_weights weights)
{
    for (const device_key *k = device_keys; k->path; k++)
        if (strcmp(k->path, "/preferences/weights") == 0) return key_words(s->arena, k)[weights];
    return NULL;
}
