/* A description of this machine: the shipped "host", with the units that the machine really has. */
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

/* A copy of the object, with the members of `other` in the place of its own of the same names. */
static json_node *replaced(nfc_session *s, const json_node *object, const json_node *other)
{
    json_node *all = json_object(s->arena);
    for (const json_node *k = object->child; k; k = k->next) {
        const json_node *instead = json_get(other, k->key);
        json_node *copy = ARENA_NEW(s->arena, json_node);
        *copy = instead ? *instead : *k;
        probe_put(all, k->key, copy);
    }
    return all;
}

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

void device_probe(nfc_session *s, FILE *to)
{
    const json_node *host = device_shipped(s, "host");
    if (!host) return;
    const char *model = probe_model(s, "");
    const char *about = session_printf(s, "probed%s%s", *model ? ": " : "", model);
    json_node *own = json_object(s->arena);
    json_set(own, "name", json_string(s->arena, "probed"));
    json_set(own, "description", json_string(s->arena, about));
    json_set(own, "target", replaced(s, json_get(host, "target"), own_target(s)));
    json_set(own, "units", probe_units(s, ""));
    json_write(to, replaced(s, host, own), 0);
    putc('\n', to);
}
