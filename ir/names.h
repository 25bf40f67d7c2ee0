/* Author's names as identifiers of the languages that we print. */
#ifndef NFC_NAMES_H
#define NFC_NAMES_H

#include "ir/arena.h"
#include "ir/map.h"

/* Letters, digits and underscores, not beginning with a digit, no keyword, no reserved form, at most
 * 48 characters. Different names may give the same identifier. */
const char *name_identifier(nfc_arena *a, const char *name);
/* The same, and none of the many words that GLSL has taken: for what stands in a kernel. */
const char *name_in_kernel(nfc_arena *a, const char *name);
/* name_identifier() in upper case, for enumerators and macros. */
const char *name_upper(nfc_arena *a, const char *name);
/* An identifier that is not in `taken` yet, by a number at its end if need be; enters it. */
const char *name_unique(nfc_arena *a, nfc_map *taken, const char *name);

#endif
