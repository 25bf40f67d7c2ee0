/* What an earlier build left in a folder, by the manifest that it wrote there. */
#ifndef NFC_MADE_H
#define NFC_MADE_H

#include "frontend/json.h"

typedef struct made {
    const char *dir;
    const char *program;    /* the name that its files begin with; NULL: there is no manifest */
    const json_node *files; /* name -> SHA-256 */
} made;

/* Reads DIR/manifest.json, if there is one of ours; a broken one is none. */
made made_before(nfc_session *s, const char *dir);
/* Is the file as that build wrote it, or what make and the compiler made there? A file that was
 * changed since is neither. */
bool made_has(nfc_session *s, const made *m, const char *file);
/* Is it what make and the compiler make of the program of this name? */
bool made_product(nfc_session *s, const char *program, const char *file);

#endif
