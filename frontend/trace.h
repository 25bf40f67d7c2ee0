/* Chrome trace events: the JSON that Perfetto and chrome://tracing open. Spans nest; each is
 * written when it ends, as a complete event ("ph": "X"), so that a long trace takes no memory. The
 * file is written aside and renamed by trace_commit(). */
#ifndef NFC_TRACE_H
#define NFC_TRACE_H

#include "frontend/session.h"

typedef struct trace trace;

/* Reports and returns NULL when the file cannot be made. */
trace *trace_open(nfc_session *s, const char *path, const char *process, const char *thread);
bool trace_commit(trace *t);

/* Begins a span inside the last one that is open. us: microseconds from 0, by any one clock; a time
 * is moved by nanoseconds where spans would not nest strictly. */
void trace_begin(trace *t, double us);
/* Ends the span begun last. What it was is told now, with arguments by the calls behind this one.
 */
void trace_end(trace *t, double us, const char *name, const char *category);
void trace_text(trace *t, const char *key, const char *text);
void trace_integer(trace *t, const char *key, int64_t value);

#endif
