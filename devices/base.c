/* A description with what its bases say: a file that has a base says only what is different.
 *
 * Objects are merged key by key, rows of a list with the row that has the same identifying keys; anything else replaces what
 * the base has, and null takes it away. Nodes are copied, never changed: each keeps the place where it is written. */
#include "devices/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "devices/probe.h"

enum { MAX_DESCRIPTION = 1 << 18, MAX_BASES = 8 };

static const char folder[] = "devices/", ending[] = ".json";

/* A description that is being read, and the one that it is a base of. */
typedef struct link {
    const char *who;    /* the name of a carried one, or where its file really is */
    const char *folder; /* of its file, "" or with a slash at its end; NULL: it is carried, and has no files beside it */
    const struct link *derived;
} link;

typedef struct {
    nfc_session *s;
    device_files *files;
} reading;

/* ---- merging ------------------------------------------------------------------------------- */

/* For a place in another object or list. */
static void push_copy(nfc_session *s, json_node *into, const json_node *node)
{
    json_node *copy = ARENA_NEW(s->arena, json_node);
    *copy = *node;
    copy->next = NULL;
    copy->origin = node->origin ? node->origin : node;
    json_push(into, copy);
}

/* An empty one, which stands where `own` does. */
static json_node *like(nfc_session *s, const json_node *own)
{
    json_node *node = ARENA_NEW(s->arena, json_node);
    *node = (json_node){.kind = own->kind, .key = own->key, .at = own->at, .key_at = own->key_at, .origin = own};
    return node;
}

/* What a file says of itself only. */
static bool is_own(const char *path, const char *name)
{
    static const char *const own[] = {"base", "name", "description"};
    for (size_t i = 0; !*path && i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], name) == 0) return true;
    return false;
}

static bool same_value(const json_node *a, const json_node *b)
{
    if (!a || !b || a->kind != b->kind) return false;
    return a->kind == JSON_INT ? a->integer == b->integer : a->kind == JSON_STRING && strcmp(a->text, b->text) == 0;
}

static bool same_row(nfc_session *s, const device_key *list, const json_node *a, const json_node *b)
{
    const char *const *word = key_identity(s->arena, list);
    for (; *word; word++)
        if (!same_value(json_get(a, *word), json_get(b, *word))) return false;
    return true;
}

static const json_node *row_like(nfc_session *s, const device_key *list, const json_node *rows, const json_node *row)
{
    for (const json_node *k = rows->child; k; k = k->next)
        if (same_row(s, list, k, row)) return k;
    return NULL;
}

/* Does a row change one of the base's? Of two that are alike, which the checks refuse, only the first. */
static bool changes(nfc_session *s, const device_key *list, const json_node *own, const json_node *base, const json_node *row)
{
    return row_like(s, list, own, row) == row && row_like(s, list, base, row);
}

/* A row goes with a key that it cannot be without. */
static bool takes_row_away(nfc_session *s, const device_key *list, const json_node *row)
{
    const char *path = session_printf(s, "%s/*", list->path);
    for (const json_node *k = row->child; k; k = k->next) {
        const device_key *key = k->kind == JSON_NULL ? key_find(path, k->key) : NULL;
        if (key && !key->absent) return true;
    }
    return false;
}

static json_node *merged(nfc_session *s, const json_node *own, const json_node *base, const char *path);

/* New rows stand where they are written: before the row that they are followed by and that changes one of the base's, or
 * behind all. */
static void push_new(nfc_session *s, const device_key *list, const json_node *own, const json_node *base, const json_node *before, json_node *all)
{
    const json_node *first = own->child;
    for (const json_node *k = own->child; k != before; k = k->next)
        if (changes(s, list, own, base, k)) first = k->next;
    for (; first != before; first = first->next) push_copy(s, all, first);
}

static json_node *merged_rows(nfc_session *s, const device_key *list, const json_node *own, const json_node *base)
{
    json_node *all = like(s, own);
    for (const json_node *row = base->child; row; row = row->next) {
        const json_node *change = row_like(s, list, base, row) == row ? row_like(s, list, own, row) : NULL;
        if (change) push_new(s, list, own, base, change, all);
        if (!change) push_copy(s, all, row);
        else if (!takes_row_away(s, list, change)) json_push(all, merged(s, change, row, session_printf(s, "%s/*", list->path)));
    }
    push_new(s, list, own, base, NULL, all);
    return all;
}

/* The two values of a key. Lists that are too long are left to the reader, which refuses them. */
static void push_merged(nfc_session *s, const char *path, const json_node *own, const json_node *base, json_node *all)
{
    const device_key *key = key_find(path, own->key);
    const bool object = key && key->kind == KEY_OBJECT && own->kind == JSON_OBJECT && base->kind == JSON_OBJECT;
    const bool rows = key && key->kind == KEY_LIST && own->kind == JSON_ARRAY && base->kind == JSON_ARRAY && own->count <= key->high && base->count <= key->high;
    if (object) json_push(all, merged(s, own, base, key->path));
    else if (rows) json_push(all, merged_rows(s, key, own, base));
    else if (own->kind != JSON_NULL) push_copy(s, all, own);
}

static json_node *merged(nfc_session *s, const json_node *own, const json_node *base, const char *path)
{
    json_node *all = like(s, own);
    for (const json_node *k = base->child; k; k = k->next) {
        const json_node *instead = json_get(own, k->key);
        if (is_own(path, k->key)) continue;
        if (instead) push_merged(s, path, instead, k, all);
        else push_copy(s, all, k);
    }
    for (const json_node *k = own->child; k; k = k->next)
        if (is_own(path, k->key) || !json_get(base, k->key)) push_copy(s, all, k);
    return all;
}

/* ---- finding ------------------------------------------------------------------------------- */

static bool is_file(const char *name) { return strchr(name, '/') || strstr(name, ending); }

static const json_node *with_bases(reading *r, const json_node *own, const link *at);

static const json_node *carried_tree(reading *r, const char *name, const link *derived)
{
    const embedded_file *f = embedded_find(session_printf(r->s, "%s%s%s", folder, name, ending));
    if (!f) return NULL;
    const size_t size = (size_t)(f->end - f->text);
    const json_node *own = json_parse(r->s, source_add(&r->s->sources, f->name, f->text, size), f->text, size);
    return own ? with_bases(r, own, &(link){name, NULL, derived}) : NULL;
}

/* Where a file really is, and the folder of the name that it goes by. */
static link place_of(nfc_session *s, const char *path, const link *derived)
{
    const char *slash = strrchr(path, '/');
    char *real = realpath(path, NULL);
    link at = {real ? arena_strdup(s->arena, real) : path, slash ? arena_strndup(s->arena, path, (size_t)(slash + 1 - path)) : "", derived};
    free(real);
    return at;
}

static const char *read_fault(nfc_session *s, read_status status)
{
    switch (status) {
    case READ_OK: break;
    case READ_MISSING: return "there is no such file";
    case READ_NOT_A_FILE: return "it is not a regular file";
    case READ_TOO_LARGE: return session_printf(s, "it is larger than the %d bytes that such a file may have", (int)MAX_DESCRIPTION);
    case READ_FAILED: return strerror(errno);
    }
    return NULL;
}

/* Would a description be its own base, or have too many? Reported, at the node that names it. */
static bool goes_round(reading *r, const json_node *node, const char *who, const link *derived)
{
    int bases = 0;
    for (const link *l = derived; l; l = l->derived, bases++)
        if (strcmp(l->who, who) == 0) {
            device_fault(r->s, E_DEVICE_BASE, node, "%s", l == derived ? "a description cannot be its own base" : "this description is based on the one that it is a base of");
            return true;
        }
    if (bases <= MAX_BASES) return false;
    device_fault(r->s, E_DEVICE_BASE, node, "more than %d bases, one behind the other", (int)MAX_BASES);
    return true;
}

/* `node`: where it is named as a base. */
static const json_node *base_file(reading *r, const json_node *node, const link *derived)
{
    const char *name = strncmp(node->text, "./", 2) == 0 ? node->text + 2 : node->text;
    const char *path = *name == '/' ? name : session_printf(r->s, "%s%s", derived->folder, name);
    const link at = place_of(r->s, path, derived);
    char *text;
    size_t size;
    if (goes_round(r, node, at.who, derived)) return NULL;
    const char *fault = read_fault(r->s, read_file(r->s->arena, path, MAX_DESCRIPTION, &text, &size));
    if (fault) {
        nfc_diag *d = device_fault(r->s, E_DEVICE_BASE, node, "%s: %s", path, fault);
        diag_help(d, "a path counts from the folder of the description that it stands in; a name without a slash or %s is of a description that the compiler carries", ending);
        return NULL;
    }
    const json_node *own = json_parse(r->s, source_add(&r->s->sources, path, text, size), text, size);
    return own ? with_bases(r, own, &at) : NULL;
}

static const json_node *base_carried(reading *r, const json_node *node, const link *derived)
{
    if (goes_round(r, node, node->text, derived)) return NULL;
    if (strcmp(node->text, DEVICE_HOST) == 0 && derived->folder) return probe_host(r->s, "", false, r->files);
    const json_node *tree = carried_tree(r, node->text, derived);
    if (!tree && !embedded_find(session_printf(r->s, "%s%s%s", folder, node->text, ending)))
        device_suggest(r->s, device_fault(r->s, E_DEVICE_BASE, node, "there is no device '%s'", node->text), node->text);
    return tree;
}

/* A base that is no text, or an empty one, is left to the reader, which refuses it. */
static const json_node *with_bases(reading *r, const json_node *own, const link *at)
{
    const json_node *node = json_get(own, "base");
    vec_push(r->s->arena, r->files, own->at.file);
    if (!node || node->kind != JSON_STRING || !*node->text) return own;
    const json_node *base = at->folder && is_file(node->text) ? base_file(r, node, at) : base_carried(r, node, at);
    if (!base) return NULL;
    if (base->kind == JSON_OBJECT) return merged(r->s, own, base, "");
    device_fault(r->s, E_DEVICE_BASE, node, "the base is no description, but %s", json_kind_name(base->kind));
    return NULL;
}

const json_node *device_tree(nfc_session *s, const char *name, device_files *files)
{
    reading r = {s, files};
    if (is_file(name)) {
        const json_node *own = json_load(s, name, MAX_DESCRIPTION);
        const link at = place_of(s, name, NULL);
        return own ? with_bases(&r, own, &at) : NULL;
    }
    if (strcmp(name, DEVICE_HOST) == 0) return probe_host(s, "", false, files);
    const int errors = s->diags.errors;
    const json_node *tree = carried_tree(&r, name, NULL);
    if (!tree && s->diags.errors == errors)
        device_suggest(s, diag_error_in(&s->diags, E_USAGE_DEVICE, *name ? name : "''", "there is no device of this name"), name);
    return tree;
}

const json_node *device_whole(nfc_session *s, const json_node *tree)
{
    if (!json_get(tree, "base")) return tree;
    json_node *all = like(s, tree);
    for (const json_node *k = tree->child; k; k = k->next)
        if (strcmp(k->key, "base") != 0) push_copy(s, all, k);
    return all;
}
