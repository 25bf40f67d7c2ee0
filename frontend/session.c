#include "frontend/session.h"

nfc_session *session_new(void)
{
    nfc_arena *arena = arena_new();
    if (!arena) return NULL;
    nfc_session *s = ARENA_NEW(arena, nfc_session);
    s->arena = arena;
    map_init(&s->names, arena);
    s->sources.arena = arena;
    s->diags = (nfc_diags){.arena = arena, .sources = &s->sources};
    return s;
}

void session_free(nfc_session *session)
{
    if (session) arena_free(session->arena);
}
