#include "frontend/trace.h"

#include <math.h>
#include "frontend/outdir.h"

struct trace {
    nfc_session *s;
    outfile *file;
    FILE *to;
    VEC(int64_t) start; /* of the open spans, in nanoseconds */
    int64_t last;       /* no time is at or before this one any more */
    bool in_event;      /* its arguments may go on */
    const char *separator;
};

static void close_event(trace *t)
{
    if (t->in_event) fputs("}}", t->to);
    t->in_event = false;
}

static void metadata(trace *t, const char *what, const char *name, const char *end)
{
    fprintf(t->to, "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"%s\",\"args\":{\"name\":", what);
    print_json_string(t->to, name);
    fprintf(t->to, "}}%s", end);
}

trace *trace_open(nfc_session *s, const char *path, const char *process, const char *thread)
{
    trace *t = ARENA_NEW(s->arena, trace);
    t->s = s;
    t->file = outfile_begin(s, path);
    if (!t->file) return NULL;
    t->to = outfile_stream(t->file);
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", t->to);
    metadata(t, "process_name", process, ",\n");
    metadata(t, "thread_name", thread, "");
    return t;
}

bool trace_commit(trace *t)
{
    close_event(t);
    fputs("\n]}\n", t->to);
    return outfile_commit(t->file);
}

static int64_t stamp(trace *t, double us)
{
    int64_t ns = llround(us * 1000);
    t->last = ns > t->last ? ns : t->last + 1;
    return t->last;
}

static void print_us(trace *t, const char *key, int64_t ns)
{
    fprintf(t->to, ",\"%s\":%lld.%03d", key, (long long)(ns / 1000), (int)(ns % 1000));
}

void trace_begin(trace *t, double us) { vec_push(t->s->arena, &t->start, stamp(t, us)); }

void trace_end(trace *t, double us, const char *name, const char *category)
{
    int64_t start = t->start.at[--t->start.n], end = stamp(t, us);
    close_event(t);
    fputs(",\n{\"ph\":\"X\",\"pid\":1,\"tid\":1", t->to);
    print_us(t, "ts", start);
    print_us(t, "dur", end - start);
    fputs(",\"name\":", t->to);
    print_json_string(t->to, name);
    fputs(",\"cat\":", t->to);
    print_json_string(t->to, category);
    fputs(",\"args\":{", t->to);
    t->separator = "";
    t->in_event = true;
}

static void key_of(trace *t, const char *key)
{
    fputs(t->separator, t->to);
    print_json_string(t->to, key);
    putc(':', t->to);
    t->separator = ",";
}

void trace_text(trace *t, const char *key, const char *text)
{
    key_of(t, key);
    print_json_string(t->to, text);
}

void trace_integer(trace *t, const char *key, int64_t value)
{
    key_of(t, key);
    fprintf(t->to, "%lld", (long long)value);
}
