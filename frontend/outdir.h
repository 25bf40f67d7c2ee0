/* Output that is old or new and never mixed: a folder, or a file, is written under another name
 * beside its place and renamed when it is complete. What is not committed goes with the session;
 * what a killed process left behind goes with the next run to the same place. */
#ifndef NFC_OUTDIR_H
#define NFC_OUTDIR_H

#include <stdio.h>
#include "frontend/session.h"

typedef struct outdir outdir;

/* Begins a new content of the folder `path`, in PATH.tmp.<pid>; folders around it that are
 * missing are made. Reports and returns NULL when that
 * cannot be, or when something else than a folder stands at `path`. */
outdir *outdir_begin(nfc_session *s, const char *path);
/* May an existing folder be replaced? Only when each of its files will be written anew, that is,
 * was named to outdir_path(), or is ours by this test (NULL: none). Asked early, it spares a long
 * run in vain; outdir_commit() asks again. Reports and returns false. */
typedef bool outdir_ours(void *env, const char *file);
bool outdir_may_replace(outdir *o, outdir_ours *ours, void *env);
/* Where to write a file of the folder. */
const char *outdir_path(outdir *o, const char *file);
/* Puts the new folder in the place of the old one and removes that. When it fails, that is reported
 * and the old folder is what it was. */
bool outdir_commit(outdir *o);
/* Removes what was written so far; nothing to do after a commit. */
void outdir_abandon(outdir *o);

typedef struct outfile outfile;

/* The same for one file. A device or pipe is written directly. */
outfile *outfile_begin(nfc_session *s, const char *path);
FILE *outfile_stream(outfile *o);
bool outfile_commit(outfile *o);
void outfile_abandon(outfile *o);

#endif
