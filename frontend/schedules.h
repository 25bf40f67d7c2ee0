/* Files of schedules: what `nfc tune` found, as text that stands beside the graph.
 *
 *     nfc-schedules 1
 *     device x86-avx512
 *     kernel 2f0c4fd2b7f1a3e9 lanes 16 along 2 vectors 2 rows 12 down 1 outside 0 unroll 0 us 81.2 tried 16   # y_conv
 *     picked 90cc1f6de5a4b370 us 12 tried 16
 *     tried 2f0c4fd2b7f1a3e9 lanes 16 along 2 vectors 1 rows 14 down 1 outside 0 unroll 0 us 99.5
 *
 * kernel: the schedule that a kernel gets; of several lines the last one counts. picked: what is picked from the device's
 * numbers is the best. tried: it was measured, and is not better. us: microseconds; tried N behind: the search of so
 * many schedules is over. What follows a # is a comment. */
#ifndef NFC_SCHEDULES_H
#define NFC_SCHEDULES_H

#include "passes/sched_book.h"

typedef enum { SCHEDULE_KERNEL, SCHEDULE_PICKED, SCHEDULE_TRIED } schedule_word;

typedef struct schedule_line {
    schedule_word word;
    const char *device;
    uint64_t key;
    sched s;        /* not of PICKED */
    double us;      /* 0: it is not said */
    int64_t tried;  /* 0: the search is not over */
    nfc_span at;
    const char *comment; /* with its #, or "" */
} schedule_line;

typedef VEC(schedule_line) schedule_lines;

/* Reads a file. Reports each line that is wrong, and returns false if there is any; only the last line may lack its end. */
bool schedules_read(nfc_session *s, const char *path, schedule_lines *lines);
/* A line without its end. */
const char *schedules_line(nfc_arena *a, const schedule_line *line);
/* The book of one device. */
sched_book *schedules_book(nfc_arena *a, const schedule_lines *lines, const char *name);
/* Warns of what no kernel could have. */
void schedules_warn(nfc_session *s, const sched_book *book);

#endif
