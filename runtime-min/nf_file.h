/* SPDX-License-Identifier: 0BSD
 *
 * Files of the emitted program: written aside and renamed, so that a file is old or new and never
 * half of one; and messages about them. POSIX. */
#ifndef NF_FILE_H
#define NF_FILE_H

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the program exits with, and what its functions return. */
enum {
    NF_EXIT_OK = 0,
    NF_EXIT_BAD = 1, /* an input does not fit, a run failed, an output differs */
    NF_EXIT_USAGE = 2,
    NF_EXIT_MEMORY = 4,
    NF_EXIT_IO = 5
};

#if defined(__GNUC__)
#define NF_PRINTF(text, args) __attribute__((format(printf, text, args)))
#else
#define NF_PRINTF(text, args)
#endif

/* Prints "error: where: text" on stderr and returns the status. */
int nf_error(int status, const char *where, const char *format, ...) NF_PRINTF(3, 4);
int nf_no_memory(size_t bytes);

typedef struct nf_file {
    FILE *to;
    char *path;  /* where the file is to stand, links followed */
    char *aside; /* where it is written; NULL: a device or a pipe, which is written directly */
} nf_file;

/* Each reports what fails and returns the status; after a failure nothing is left to undo. */
int nf_file_begin(nf_file *f, const char *path);
/* Ends writing, so that only the renaming is left. durable: wait until the disk has it. */
int nf_file_end(nf_file *f, int durable);
int nf_file_commit(nf_file *f);
/* Removes what was written. Does nothing to a file that was committed, or is all zero. */
void nf_file_abandon(nf_file *f);

/* The content of a whole file in one malloc; *data stays NULL when there is no such file. */
int nf_file_read(const char *path, void **data, size_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
