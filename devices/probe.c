/* "host": of the shipped descriptions the one that makes the most of this machine's processor, with the cores and caches
 * that Linux tells of. Nothing is measured, so that it is the same each time; a probe measures, too. */
#include "devices/probe.h"

#include <stdint.h>
#include <string.h>
#include "devices/reader.h"

void probe_put(json_node *object, const char *key, json_node *value)
{
    value->key = key;
    value->next = NULL;
    json_push(object, value);
}

/* For a place in another object or list. */
static json_node *copy_of(nfc_session *s, const json_node *node)
{
    json_node *copy = ARENA_NEW(s->arena, json_node);
    *copy = *node;
    copy->next = NULL;
    return copy;
}

/* A copy of the object, with the members of `other` in the place of its own of the same names, or behind them. */
static json_node *replaced(nfc_session *s, const json_node *object, const json_node *other)
{
    json_node *all = json_object(s->arena);
    for (int from = 0; from < 2; from++)
        for (const json_node *k = from ? other->child : object->child; k; k = k->next) {
            const json_node *instead = json_get(other, k->key);
            if (from && json_get(object, k->key)) continue;
            json_node *copy = copy_of(s, instead ? instead : k);
            copy->at = object->at; /* of what is wrong with it */
            probe_put(all, k->key, copy);
        }
    all->at = object->at;
    return all;
}

/* ---- which description --------------------------------------------------------------------- */

/* Has the machine all that the description's first unit needs? One that needs nothing is not about processors. */
static bool runs_here(const json_node *unit, const char *words)
{
    const json_node *needs = json_get(unit, "needs");
    if (!needs || !needs->child) return false;
    for (const json_node *k = needs->child; k; k = k->next)
        if (!probe_has_word(words, k->text)) return false;
    return true;
}

static int64_t whole(const json_node *object, const char *key)
{
    const json_node *k = json_get(object, key);
    return k ? k->integer : 0;
}

static bool is_better(const json_node *unit, const json_node *than)
{
    if (!than) return true;
    int64_t bits = whole(unit, "vector_bits"), before = whole(than, "vector_bits");
    return bits != before ? bits > before : json_get(unit, "needs")->count > json_get(than, "needs")->count;
}

/* The shipped description for the processor; "generic" where none knows it. */
static const json_node *best_shipped(nfc_session *s, const char *root, device_files *files)
{
    const char *words = probe_features(s, root);
    const json_node *best = NULL, *unit = NULL;
    device_files own = {0};
    for (const char *const *name = device_names(s); *name; name++) {
        device_files read = {0};
        const json_node *d = strcmp(*name, DEVICE_HOST) == 0 ? NULL : device_tree(s, *name, &read);
        const json_node *u = d ? json_get(d, "units")->child : NULL;
        if (!u || !runs_here(u, words) || !is_better(u, unit)) continue;
        best = d;
        unit = u;
        own = read;
    }
    if (!best) return device_tree(s, DEVICE_DEFAULT, files);
    for (int i = 0; i < own.n; i++) vec_push(s->arena, files, own.at[i]);
    return device_whole(s, best);
}

/* ---- with what this machine has ------------------------------------------------------------ */

/* What this very program was compiled for. */
static json_node *own_target(nfc_session *s)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    json_node *target = json_object(s->arena);
    json_set(target, "byte_order", json_string(s->arena, first ? "little" : "big"));
    json_set(target, "pointer_bits", json_int(s->arena, 8 * (int64_t)sizeof(void *)));
    return target;
}

/* The machine's own compiler, and no emulator. */
static json_node *own_compiler(nfc_session *s, const json_node *shipped)
{
    json_node *own = json_object(s->arena), *link = json_array(s->arena);
    json_set(own, "command", json_string(s->arena, "cc"));
    json_set(own, "archiver", json_string(s->arena, "ar"));
    const json_node *words = json_get(shipped, "link");
    for (const json_node *k = words ? words->child : NULL; k; k = k->next)
        if (strcmp(k->text, "-static") != 0) json_push(link, json_string(s->arena, k->text));
    json_set(own, "link", link);
    json_set(own, "run", json_array(s->arena));
    return replaced(s, shipped, own);
}

/* The last level of the shipped description says how fast memory is, where that is not measured. */
static void keep_memory(nfc_session *s, const json_node *shipped, json_node *own)
{
    const json_node *levels = json_get(shipped, "levels"), *memory = levels ? levels->last : NULL;
    const json_node *rate = memory ? json_get(memory, "gb_per_s") : NULL;
    json_node *last = json_get(own, "levels")->last;
    if (!rate || !last || json_get(last, "gb_per_s")) return;
    probe_put(last, "gb_per_s", json_float(s->arena, rate->number));
}

/* The instructions are those of the description, and so is the kind of vectors that they are on. */
static json_node *own_units(nfc_session *s, const char *root, const json_node *shipped, bool measure)
{
    json_node *units = json_array(s->arena);
    for (json_node *own = probe_units(s, root, measure)->child; own; own = own->next) {
        keep_memory(s, shipped, own);
        probe_put(own, "source", json_string(s->arena, measure ? "Linux, and measured; the rest: as shipped" : "Linux; the rest: as shipped"));
        json_push(units, replaced(s, shipped, own));
    }
    return units;
}

const json_node *probe_host(nfc_session *s, const char *root, bool measure, device_files *files)
{
    const json_node *shipped = best_shipped(s, root, files);
    if (!shipped) return NULL;
    const char *model = probe_model(s, root);
    json_node *own = json_object(s->arena);
    const char *about = session_printf(s, "%s%s%s", json_get(shipped, "name")->text, *model ? ": " : "", model);
    json_set(own, "name", json_string(s->arena, DEVICE_HOST));
    json_set(own, "description", json_string(s->arena, about));
    json_set(own, "target", replaced(s, json_get(shipped, "target"), own_target(s)));
    json_set(own, "compiler", own_compiler(s, json_get(shipped, "compiler")));
    json_set(own, "units", own_units(s, root, json_get(shipped, "units")->child, measure));
    return replaced(s, shipped, own);
}

void device_probe(nfc_session *s, FILE *to)
{
    device_files files = {0};
    const json_node *host = probe_host(s, "", true, &files);
    if (!host) return;
    json_write(to, host, 0);
    putc('\n', to);
}
