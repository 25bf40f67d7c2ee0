/* Where descriptions come from: the user's files, and those that the compiler carries. */
#include "devices/device.h"

#include <string.h>
#include "devices/reader.h"
#include "frontend/embed.h"

static const char folder[] = "devices/", ending[] = ".json";

const char *const *device_names(nfc_session *s)
{
    VEC(const char *) names = {0};
    vec_push(s->arena, &names, DEVICE_HOST);
    for (const embedded_file *f = embedded_files; f->name; f++) {
        size_t n = strlen(f->name), around = strlen(folder) + strlen(ending);
        if (n <= around || strncmp(f->name, folder, strlen(folder)) != 0) continue;
        if (strcmp(f->name + n - strlen(ending), ending) != 0) continue;
        vec_push(s->arena, &names, arena_strndup(s->arena, f->name + strlen(folder), n - around));
    }
    vec_push(s->arena, &names, NULL);
    return names.at;
}

void device_suggest(nfc_session *s, nfc_diag *d, const char *name)
{
    const char *const *names = device_names(s);
    if (diag_suggest(d, name, names)) return;
    const char *all = "";
    for (int i = 0; names[i]; i++) all = session_printf(s, "%s%s%s", all, i ? ", " : "", names[i]);
    diag_help(d, "there are %s; a file is named with a slash or %s", all, ending);
}

device *device_load(nfc_session *s, const char *path)
{
    int errors = s->diags.errors;
    device *d = ARENA_NEW(s->arena, device);
    const json_node *root = device_tree(s, path, &d->files);
    if (!root) return NULL;
    d->path = path;
    d->at = (nfc_span){.file = root->at.file};
    d->precision = DT_COUNT; /* until it is read: 0 is a type */
    device_read(s, root, d);
    device_check(s, root, d);
    return s->diags.errors == errors ? d : NULL;
}

bool device_print(nfc_session *s, const char *path, FILE *to)
{
    device_files files = {0};
    const device *d = device_load(s, path);
    const json_node *root = d ? device_tree(s, path, &files) : NULL;
    if (!root) return false;
    json_write(to, device_whole(s, root), 0);
    putc('\n', to);
    return true;
}

const char *device_instruction(const device *d, const char *op, nfc_dtype type, int64_t lanes)
{
    if (!d || !d->chosen) return NULL;
    for (int i = 0; i < d->chosen->instruction.n; i++) {
        const device_spelling *k = &d->chosen->instruction.at[i];
        if (k->type == type && k->lanes == lanes && strcmp(k->op, op) == 0) return k->text;
    }
    return NULL;
}

const char *device_tile(const device *d, const char *op)
{
    if (!d || !d->chosen) return NULL;
    for (int i = 0; i < d->chosen->tiles.instruction.n; i++) {
        const device_tile_spelling *k = &d->chosen->tiles.instruction.at[i];
        if (strcmp(k->op, op) == 0) return k->text;
    }
    return NULL;
}

const char *device_tile_dot(const device *d, nfc_dtype x, nfc_dtype w)
{
    if (!d || !d->chosen) return NULL;
    const char *of[2] = {dtype_name(x), dtype_name(w)};
    for (int i = 0; i < d->chosen->tiles.instruction.n; i++) {
        const device_tile_spelling *k = &d->chosen->tiles.instruction.at[i];
        const char *types = strncmp(k->op, "dot_", 4) == 0 ? k->op + 4 : NULL;
        const size_t n = strlen(of[0]);
        if (types && strncmp(types, of[0], n) == 0 && types[n] == '_' && strcmp(types + n + 1, of[1]) == 0) return k->text;
    }
    return NULL;
}

const embedded_file *device_run_file(nfc_session *s, const char *word) { return embedded_find(session_printf(s, "runtime-min/%s", word)); }
const device_level *device_own_level(const device *d)
{
    const device_level *own = NULL;
    for (int i = 0; d->chosen && i + 1 < d->chosen->level.n; i++)
        if (d->chosen->level.at[i].cores == 1) own = &d->chosen->level.at[i];
    return own;
}

int64_t device_own_cache(const device *d)
{
    const device_level *own = device_own_level(d);
    return own ? own->bytes : 0;
}

const device_level *device_level_holding(const device_unit *u, int64_t bytes)
{
    for (int i = 0; i < u->level.n; i++) {
        const device_level *l = &u->level.at[i];
        bool holds = l->bytes == 0 || l->bytes >= bytes || i + 1 == u->level.n;
        if (holds && l->gb_per_s > 0) return l;
    }
    return NULL;
}
