/* Shared by the files of devices/: the table of keys, and the reader that follows it. */
#ifndef NFC_DEVICES_READER_H
#define NFC_DEVICES_READER_H

#include "devices/device.h"
#include "frontend/json.h"

typedef enum {
    KEY_OBJECT,  /* keys of their own, which are kept in the same struct */
    KEY_LIST,    /* a list of objects, each of which is kept in a struct of its own */
    KEY_NAME,    /* letters, digits, . _ - */
    KEY_TEXT,    /* one line */
    KEY_WORD,    /* of a command line, without anything special to make or a shell */
    KEY_WORDS,   /* a list of them */
    KEY_CHOICE,  /* one of some words */
    KEY_INTEGER, /* */
    KEY_POWER,   /* an integer that is a power of two */
    KEY_NUMBER,  /* an integer or a float */
    KEY_FLAG,    /* true or false */
    KEY_TYPES,   /* a list of element types */
} key_kind;

/* What stands in the file, as the kind of its key has it. */
typedef struct key_value {
    const char *text; /* NAME, TEXT, WORD, CHOICE */
    int choice;       /* CHOICE: its place among them */
    int64_t integer;
    double number;
    bool truth;
    uint32_t types;
    device_words words;
    nfc_span at; /* the whole file's, where the key is absent */
} key_value;

typedef struct device_key {
    const char *path;
    key_kind kind;
    double low, high;
    const char *absent, *choices, *meaning, *effect;
    void (*store)(void *into, const key_value *v);
    void *(*append)(nfc_arena *a, void *into); /* LIST: a new entry of the vector */
    const char *identity;                      /* LIST: the keys by which a row is known */
} device_key;

extern const device_key device_keys[]; /* ends in a row without a path */

const char *key_kind_name(key_kind kind);
/* What a value of the kind is in JSON. */
json_kind key_json_kind(key_kind kind);
/* "1 to 63 bytes", "c99, c11, c17"; "" for what needs no bounds. */
const char *key_range(nfc_arena *a, const device_key *key);
/* Is the row a member of the object at this path ("" for the file)? Then its name, else NULL. */
const char *key_within(const device_key *key, const char *path);
/* The row of a member of the object at this path; NULL: it has no such key. */
const device_key *key_find(const char *path, const char *name);
/* The keys by which a row of a LIST is known; NULL-terminated. */
const char *const *key_identity(nfc_arena *a, const device_key *list);
/* The words that a CHOICE, or a list of TYPES, is made of; NULL-terminated. */
const char *const *key_words(nfc_arena *a, const device_key *key);

/* The tree of a description with all that its bases say, by a name or a path as device_load() has it, or NULL after a report; the
 * numbers of the files that it was made of are added to *files, its own first. */
const json_node *device_tree(nfc_session *s, const char *name, device_files *files);
/* The tree without what says that it has a base: a description that needs no other. */
const json_node *device_whole(nfc_session *s, const json_node *tree);
/* Adds to a report that there is no device of this name: which one may be meant, or all. */
void device_suggest(nfc_session *s, nfc_diag *d, const char *name);
/* Reads a file's tree into *d. Reports everything that is wrong, and goes on. */
void device_read(nfc_session *s, const json_node *root, device *d);
/* Reads a value that is no object or list of them. Reports what does not fit, and returns false. */
bool device_value(nfc_session *s, const device_key *key, const json_node *node, key_value *v);
/* Has a list as many entries as its key allows? Reports and returns false. */
bool device_count(nfc_session *s, const device_key *key, const json_node *node);
/* What keys say together: references between them, contradictions. Sets d->chosen. */
void device_check(nfc_session *s, const json_node *root, device *d);
/* An error at a node: its JSON pointer stands before the text. */
nfc_diag *device_fault(nfc_session *s, diag_code code, const json_node *node, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));

#endif
