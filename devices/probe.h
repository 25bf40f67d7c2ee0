/* Shared by the files of the probe: what can be found out about the machine that runs nfc. */
#ifndef NFC_DEVICES_PROBE_H
#define NFC_DEVICES_PROBE_H

#include "devices/device.h"
#include "frontend/json.h"

/* "host" as a description, which has no base; the files that it was made of are added to *files. `root` stands before /proc
 * and /sys: "" but for tests. NULL: reported. */
const json_node *probe_host(nfc_session *s, const char *root, bool measure, device_files *files);
/* The units of this machine as a description lists them, the fastest first; clock and rates of memory, where they are to
 * be measured. */
json_node *probe_units(nfc_session *s, const char *root, bool measure);
/* The features of its first processor, as Linux lists them, and "sve256" for SVE of 256 bits; and whether one is among them. */
const char *probe_features(nfc_session *s, const char *root);
bool probe_has_word(const char *words, const char *word);
/* Adds a member behind the others: json_set() would sort it in. */
void probe_put(json_node *object, const char *key, json_node *value);
/* What the processor calls itself; "" where it does not say. */
const char *probe_model(nfc_session *s, const char *root);

/* probe_time.c: measured here and now, on the core that we happen to run on. */
double probe_clock_mhz(void);
/* 1e9 bytes a second that one core reads in sequence, over and over, from so many bytes. */
double probe_gb_per_s(nfc_session *s, size_t bytes);
/* Enough bytes not to fit in caches of `cached` bytes, but never much of this machine's memory. */
size_t probe_beyond(size_t cached);

#endif
