#include "frontend/made.h"

#include <string.h>
#include "frontend/sha256.h"

enum { MAX_FILE = 1 << 30 };

static const json_node *member(const json_node *object, const char *key, json_kind kind)
{
    const json_node *n = object && object->kind == JSON_OBJECT ? json_get(object, key) : NULL;
    return n && n->kind == kind ? n : NULL;
}

made made_before(nfc_session *s, const char *dir)
{
    made m = {.dir = dir};
    char *content;
    size_t n;
    const char *path = session_printf(s, "%s/manifest.json", dir);
    if (read_file(s->arena, path, MAX_FILE, &content, &n) != READ_OK) return m;
    nfc_session *own = ARENA_NEW(s->arena, nfc_session); /* what is wrong with an old manifest is not said */
    own->arena = s->arena;
    map_init(&own->names, s->arena);
    own->sources.arena = s->arena;
    own->diags = (nfc_diags){.arena = s->arena, .sources = &own->sources};
    const json_node *root = json_parse(own, source_add(&own->sources, path, content, n), content, n);
    const json_node *prefix = member(member(root, "api", JSON_OBJECT), "prefix", JSON_STRING);
    m.files = member(root, "files", JSON_OBJECT);
    if (prefix && m.files) m.program = prefix->text;
    return m;
}

bool made_product(nfc_session *s, const char *program, const char *file)
{
    const char *dot = strrchr(file, '.');
    if (dot && (strcmp(dot, ".o") == 0 || strcmp(dot, ".d") == 0)) return true;
    return strcmp(file, program) == 0 || strcmp(file, session_printf(s, "lib%s.a", program)) == 0;
}

bool made_has(nfc_session *s, const made *m, const char *file)
{
    if (!m->program) return false;
    if (strcmp(file, "manifest.json") == 0 || made_product(s, m->program, file)) return true;
    const json_node *sum = member(m->files, file, JSON_STRING);
    char *content;
    size_t n;
    if (!sum || read_file(s->arena, session_printf(s, "%s/%s", m->dir, file), MAX_FILE, &content, &n) != READ_OK) return false;
    return strcmp(sum->text, sha256_hex(s->arena, content, n)) == 0;
}
