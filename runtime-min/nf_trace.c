/* SPDX-License-Identifier: 0BSD */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* clock_gettime */
#endif
#include "nf_trace.h"

#include <time.h>

int64_t nf_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Events nest strictly only if no two of their ends are at the same time. */
static int64_t stamp(nf_trace *t)
{
    int64_t now = nf_clock() - t->start;
    t->last = now > t->last ? now : t->last + 1;
    return t->last;
}

static void put_text(FILE *to, const char *key, const char *text)
{
    fprintf(to, "\"%s\":\"", key);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c < ' ')
            fprintf(to, "\\u%04x", c);
        else
            fputc(c, to);
    }
    fputc('"', to);
}

static void put_time(FILE *to, const char *key, int64_t ns)
{
    fprintf(to, "\"%s\":%lld.%03d,", key, (long long)(ns / 1000), (int)(ns % 1000));
}

static void begin_event(nf_trace *t, int64_t at)
{
    int64_t end = stamp(t);
    fputs(",\n{\"ph\":\"X\",\"pid\":1,\"tid\":1,", t->file.to);
    put_time(t->file.to, "ts", at);
    put_time(t->file.to, "dur", end - at);
}

static void metadata(FILE *to, const char *what, const char *name)
{
    fprintf(to, "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"%s\",\"args\":{", what);
    put_text(to, "name", name);
    fputs("}}", to);
}

int nf_trace_begin(nf_trace *t, const nf_program *program, const char *path)
{
    int status = nf_file_begin(&t->file, path);
    if (status) return status;
    t->program = program;
    t->start = nf_clock();
    t->last = -1;
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", t->file.to);
    metadata(t->file.to, "process_name", program->name);
    fputs(",\n", t->file.to);
    metadata(t->file.to, "thread_name", program->source);
    return NF_EXIT_OK;
}

int nf_trace_commit(nf_trace *t)
{
    fputs("\n]}\n", t->file.to);
    int status = nf_file_end(&t->file, 0);
    return status ? status : nf_file_commit(&t->file);
}

void nf_trace_run_begin(nf_trace *t) { t->run_at = stamp(t); }

void nf_trace_run_end(nf_trace *t, const nf_graph *g, long long run)
{
    FILE *to = t->file.to;
    begin_event(t, t->run_at);
    put_text(to, "name", g->name);
    fprintf(to, ",\"cat\":\"run\",\"args\":{\"run\":%lld}}", run);
}

void nf_trace_call(void *trace, int call, int begin)
{
    nf_trace *t = (nf_trace *)trace;
    const nf_call *c = &t->program->call[call];
    FILE *to = t->file.to;
    if (begin) {
        t->call_at = stamp(t);
        return;
    }
    begin_event(t, t->call_at);
    put_text(to, "name", c->kernel);
    fputs(",\"cat\":\"kernel\",\"args\":{", to);
    put_text(to, "ops", c->ops);
    fputc(',', to);
    put_text(to, "source", c->places);
    fputs("}}", to);
}
