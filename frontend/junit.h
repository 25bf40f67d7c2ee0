/* Test results as JUnit XML, which CI servers read. No times: the same results, the same bytes. */
#ifndef NFC_JUNIT_H
#define NFC_JUNIT_H

#include "frontend/outdir.h"

typedef struct junit_case {
    const char *group, *name;
    const char *failure; /* NULL: passed */
    bool error;          /* the failure is that it could not run */
} junit_case;

typedef struct junit {
    const char *suite;
    VEC(junit_case) test;
} junit;

/* Writes the file; reports and returns false. */
bool junit_write(nfc_session *s, const char *path, const junit *j);

#endif
