/* What one run of the compiler owns. Passed down explicitly; nothing of it is global. */
#ifndef NFC_SESSION_H
#define NFC_SESSION_H

#include "frontend/diag.h"
#include "frontend/source.h"
#include "ir/arena.h"
#include "ir/map.h"

typedef struct nfc_session {
    nfc_arena *arena;
    nfc_map names; /* interned text */
    nfc_sources sources;
    nfc_diags diags;
} nfc_session;

/* A session in a new arena of its own; NULL when there is no memory at all. */
nfc_session *session_new(void);
void session_free(nfc_session *session);
/* Printed text in the session's arena. */
#define session_printf(s, ...) arena_printf((s)->arena, __VA_ARGS__)

#endif
