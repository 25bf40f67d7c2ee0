/* probe_at ROOT: what the probe makes of a machine whose /proc and /sys stand under ROOT. */
#include <stdint.h>
#include "devices/probe.h"

int main(int argc, char **argv)
{
    nfc_session *s = session_new();
    if (!s || argc != 2) return 2;
    device_files files = {0};
    json_node *all = json_object(s->arena);
    probe_put(all, "model", json_string(s->arena, probe_model(s, argv[1])));
    probe_put(all, "units", probe_units(s, argv[1], true));
    const json_node *host = probe_host(s, argv[1], false, &files);
    if (host) probe_put(all, "host", (json_node *)(uintptr_t)host);
    json_write(stdout, all, 0);
    session_free(s);
    return 0;
}
