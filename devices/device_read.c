/* Reads a description by the table of its keys. A fault is reported, and reading goes on. */
#include <stdlib.h>
#include <string.h>
#include "devices/reader.h"

typedef struct {
    nfc_session *s;
    device *d;
} reader;

/* ---- faults -------------------------------------------------------------------------------- */

/* Objects and lists are pointed at by their key or first character: the rest goes on for lines. */
static nfc_span place_of(const json_node *node)
{
    if (node->kind < JSON_ARRAY) return node->at;
    if (node->key_at.file) return node->key_at;
    nfc_span at = node->at;
    at.len = 1;
    return at;
}

static nfc_diag *fault_at(nfc_session *s, diag_code code, nfc_span at, const char *pointer,
                          const char *format, va_list args)
{
    const char *text = arena_vprintf(s->arena, format, args);
    return diag_error(&s->diags, code, at, "%s%s%s", pointer, *pointer ? ": " : "", text);
}

nfc_diag *device_fault(nfc_session *s, diag_code code, const json_node *node, const char *format,
                       ...)
{
    va_list args;
    va_start(args, format);
    nfc_diag *d = fault_at(s, code, place_of(node), json_pointer(s, node), format, args);
    va_end(args);
    return d;
}

/* About the key of a member, where device_fault() is about its value. */
static nfc_diag *key_fault(reader *r, diag_code code, nfc_span at, const char *pointer,
                           const char *format, ...) __attribute__((format(printf, 5, 6)));
static nfc_diag *key_fault(reader *r, diag_code code, nfc_span at, const char *pointer,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    nfc_diag *d = fault_at(r->s, code, at, pointer, format, args);
    va_end(args);
    return d;
}

/* ---- objects and lists --------------------------------------------------------------------- */

static void read_object(reader *r, const json_node *node, const char *path, void *into);

/* An entry that is no object has its place in the vector too, so that indices agree. What is beyond
 * the longest list is not looked at: a hostile file would keep the checks busy for hours. */
static void read_list(reader *r, const device_key *key, const json_node *node, void *into)
{
    device_count(r->s, key, node);
    int left = (int)key->high;
    for (const json_node *k = node->child; k && left > 0; k = k->next, left--) {
        void *entry = key->append(r->s->arena, into);
        if (k->kind == JSON_OBJECT)
            read_object(r, k, session_printf(r->s, "%s/*", key->path), entry);
        else
            device_fault(r->s, E_DEVICE_KIND, k, "an object belongs here, not %s",
                         json_kind_name(k->kind));
    }
}

static void wrong_kind(reader *r, const json_node *node, const device_key *key)
{
    const char *wanted = key_kind_name(key->kind);
    const char *a = strchr("aeio", *wanted) ? "an" : "a";
    wanted = key->kind == KEY_CHOICE
                 ? session_printf(r->s, "one of %s", key_range(r->s->arena, key))
                 : session_printf(r->s, "%s %s", a, wanted);
    nfc_diag *d = device_fault(r->s, E_DEVICE_KIND, node, "%s belongs here, not %s", wanted,
                               node->kind == JSON_FLOAT ? "a float" : json_kind_name(node->kind));
    if (node->kind == JSON_NULL) diag_help(d, "null takes away what a base says, and no base says anything here");
}

static void read_member(reader *r, const device_key *key, const json_node *node, void *into)
{
    json_kind wanted = key_json_kind(key->kind);
    bool integral = wanted == JSON_FLOAT && node->kind == JSON_INT;
    key_value v = {0};
    if (node->kind != wanted && !integral)
        wrong_kind(r, node, key);
    else if (key->kind == KEY_OBJECT)
        read_object(r, node, key->path, into);
    else if (key->kind == KEY_LIST)
        read_list(r, key, node, into);
    else if (device_value(r->s, key, node, &v))
        key->store(into, &v);
}

/* The default of a key, as the table has it in words. */
static void store_absent(reader *r, const device_key *key, void *into)
{
    bool none = strcmp(key->absent, "none") == 0 || key->absent[0] == '(';
    if (key->kind == KEY_LIST) return;
    if (key->kind == KEY_OBJECT) {
        read_object(r, json_object(r->s->arena), key->path, into);
        return;
    }
    key_value v = {.at = r->d->at};
    if (key->kind == KEY_TYPES) {
        const char *const *all = key_words(r->s->arena, key);
        for (int i = 0; all[i]; i++) v.types |= UINT32_C(1) << dtype_lookup(all[i]);
    } else if (key->kind == KEY_CHOICE) {
        device_value(r->s, key, json_string(r->s->arena, key->absent), &v);
    } else if (!none) {
        v.text = key->absent;
        v.truth = strcmp(key->absent, "true") == 0;
        v.number = strtod(key->absent, NULL);
        v.integer = (int64_t)v.number;
    } else if (key->kind == KEY_TEXT) {
        v.text = "";
    }
    key->store(into, &v);
}

static const char *const *names_within(nfc_session *s, const char *path)
{
    VEC(const char *) names = {0};
    for (const device_key *k = device_keys; k->path; k++)
        if (key_within(k, path)) vec_push(s->arena, &names, key_within(k, path));
    vec_push(s->arena, &names, NULL);
    return names.at;
}

/* What may be meant: a key that is spelt nearly so, the same elsewhere, or one of those here. */
static void unknown_key(reader *r, const json_node *node, const char *path)
{
    nfc_diag *d =
        key_fault(r, E_DEVICE_KEY, node->key_at, json_pointer(r->s, node), "there is no such key");
    const char *const *here = names_within(r->s, path);
    if (diag_suggest(d, node->key, here)) return;
    for (const device_key *k = device_keys; k->path; k++) {
        if (strcmp(strrchr(k->path, '/') + 1, node->key) != 0) continue;
        diag_help(d, "%s is a key", k->path);
        return;
    }
    const char *all = "";
    for (int i = 0; here[i]; i++) all = session_printf(r->s, "%s%s%s", all, i ? ", " : "", here[i]);
    diag_help(d, "the keys here are %s", all);
}

static void missing_key(reader *r, const json_node *node, const device_key *key, const char *name)
{
    const char *pointer = session_printf(r->s, "%s/%s", json_pointer(r->s, node), name);
    const char *range = key_range(r->s->arena, key);
    nfc_diag *d = key_fault(r, E_DEVICE_MISSING, place_of(node), pointer, "this key is missing");
    diag_help(d, "\"%s\": %s%s%s: %s", name, key_kind_name(key->kind), *range ? ", " : "", range,
              key->meaning);
}

/* Does a key that nobody knows stand here in the place of this one? That was said already. */
static bool is_misspelt(reader *r, const json_node *node, const char *path, const char *name)
{
    for (const json_node *k = node->child; k; k = k->next) {
        if (key_find(path, k->key)) continue;
        const char *meant = nearest_word(k->key, names_within(r->s, path));
        if (meant && strcmp(meant, name) == 0) return true;
    }
    return false;
}

static void read_object(reader *r, const json_node *node, const char *path, void *into)
{
    for (const json_node *k = node->child; k; k = k->next) {
        const device_key *key = key_find(path, k->key);
        if (key)
            read_member(r, key, k, into);
        else
            unknown_key(r, k, path);
    }
    for (const device_key *key = device_keys; key->path; key++) {
        const char *name = key_within(key, path);
        if (!name || json_get(node, name)) continue;
        if (key->absent)
            store_absent(r, key, into);
        else if (!is_misspelt(r, node, path, name))
            missing_key(r, node, key, name);
    }
}

void device_read(nfc_session *s, const json_node *root, device *d)
{
    reader r = {s, d};
    if (root->kind == JSON_OBJECT)
        read_object(&r, root, "", d);
    else
        device_fault(s, E_DEVICE, root, "a description is an object, not %s",
                     json_kind_name(root->kind));
}
