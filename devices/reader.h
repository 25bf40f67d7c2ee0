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
} device_key;

extern const device_key device_keys[]; /* ends in a row without a path */

const char *key_kind_name(key_kind kind);
/* What a value of the kind is in JSON. */
json_kind key_json_kind(key_kind kind);
/* "1 to 63 bytes", "c99, c11, c17"; "" for what needs no bounds. */
const char *key_range(nfc_arena *a, const device_key *key);
/* Is the row a member of the object at this path ("" for the file)? Then its name, else NULL. */
const char *key_within(const device_key *key, const char *path);
/* The words that a CHOICE, or a list of TYPES, is made of; NULL-terminated. */
const char *const *key_words(nfc_arena *a, const device_key *key);

/* The tree of a shipped description. Reports and returns NULL when there is none of this name. */
const json_node *device_shipped(nfc_session *s, const char *name);
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
