/* SPDX-License-Identifier: 0BSD */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* realpath, fsync */
#endif
#include "nf_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int nf_error(int status, const char *where, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "error: %s: ", where);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return status;
}

int nf_no_memory(size_t bytes)
{
    return nf_error(NF_EXIT_MEMORY, "out of memory", "%lu bytes cannot be had",
                    (unsigned long)bytes);
}

static char *copy_text(const char *text)
{
    size_t n = strlen(text) + 1;
    char *own = (char *)malloc(n);
    if (own) memcpy(own, text, n);
    return own;
}

#ifdef __wasi__
/* WASI has no processes, and cannot tell where a link leads: what is written takes the link's place. */
static char *resolved(const char *path) { return copy_text(path); }
static long process_number(void) { return 0; }
#else
static char *resolved(const char *path) { return realpath(path, NULL); }
static long process_number(void) { return (long)getpid(); }
#endif

static void forget(nf_file *f)
{
    free(f->path);
    free(f->aside);
    f->to = NULL;
    f->path = f->aside = NULL;
}

static int failed(nf_file *f)
{
    int status = nf_error(NF_EXIT_IO, f->path, "cannot be written: %s", strerror(errno));
    nf_file_abandon(f);
    return status;
}

int nf_file_begin(nf_file *f, const char *path)
{
    struct stat s;
    size_t room = strlen(path) + 32;
    int exists = stat(path, &s) == 0;
    f->to = NULL;
    f->aside = NULL;
    f->path = exists ? resolved(path) : copy_text(path);
    if (!f->path) return nf_no_memory(room);
    if (exists && S_ISDIR(s.st_mode)) {
        errno = EISDIR;
        return failed(f);
    }
    if (!exists || S_ISREG(s.st_mode)) {
        room = strlen(f->path) + 32;
        f->aside = (char *)malloc(room);
        if (!f->aside) {
            forget(f);
            return nf_no_memory(room);
        }
        snprintf(f->aside, room, "%s.tmp.%ld", f->path, process_number());
    }
    f->to = fopen(f->aside ? f->aside : f->path, "wb");
    return f->to ? NF_EXIT_OK : failed(f);
}

int nf_file_end(nf_file *f, int durable)
{
    int ok = fflush(f->to) == 0 && !ferror(f->to);
    if (ok && durable && f->aside) ok = fsync(fileno(f->to)) == 0;
    if (!ok) return failed(f);
    ok = fclose(f->to) == 0;
    f->to = NULL;
    return ok ? NF_EXIT_OK : failed(f);
}

int nf_file_commit(nf_file *f)
{
    if (f->aside && rename(f->aside, f->path) != 0) return failed(f);
    forget(f);
    return NF_EXIT_OK;
}

void nf_file_abandon(nf_file *f)
{
    if (f->to) fclose(f->to);
    if (f->aside) remove(f->aside);
    forget(f);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Reads to the end of the file; the block grows as it goes, so that a pipe can be read too. */
static int read_all(FILE *from, const char *path, char **data, size_t *bytes)
{
    size_t room = 0, n = 0;
    while (!feof(from)) {
        if (n == room) {
            size_t more = room ? room + room / 2 : 1 << 16;
            char *grown = (char *)realloc(*data, more);
            if (!grown) return nf_no_memory(more);
            *data = grown;
            room = more;
        }
        n += fread(*data + n, 1, room - n, from);
        if (ferror(from)) return nf_error(NF_EXIT_IO, path, "cannot be read: %s", strerror(errno));
    }
    *bytes = n;
    return NF_EXIT_OK;
}

int nf_file_read(const char *path, void **data, size_t *bytes)
{
    FILE *from = fopen(path, "rb");
    char *text = NULL;
    int status;
    *data = NULL;
    *bytes = 0;
    if (!from && errno == ENOENT) return NF_EXIT_OK;
    if (!from) return nf_error(NF_EXIT_IO, path, "cannot be opened: %s", strerror(errno));
    status = read_all(from, path, &text, bytes);
    fclose(from);
    if (status)
        free(text);
    else
        *data = text;
    return status;
}
