#include "frontend/simprint.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/simshow.h"

typedef struct {
    const sim_tensor *t;
    int64_t start[IR_MAX_RANK], extent[IR_MAX_RANK];
    int given; /* axes that were named */
    const char *wrong;
} selection;

static const char *skip(const char *p)
{
    while (isspace((unsigned char)*p)) p++;
    return p;
}

/* An integer, or `missing` where none stands; counted from the axis' end below 0. */
static const char *read_bound(selection *sel, const char *p, int64_t extent, int64_t missing,
                              int64_t *out)
{
    char *end;
    p = skip(p);
    errno = 0;
    long long v = strtoll(p, &end, 10);
    *out = end == p ? missing : v < 0 ? v + extent : v;
    if (errno || *out < 0 || *out > extent) sel->wrong = "it is outside of the tensor";
    return skip(end);
}

/* One axis: "i", "a:b", "a:", ":b" or ":". */
static const char *read_axis(selection *sel, const char *p)
{
    int k = sel->given++;
    if (k >= sel->t->rank) {
        sel->wrong = "it has more indices than the tensor has axes";
        return p;
    }
    int64_t extent = sel->t->dim[k], end = 0;
    const char *first = skip(p);
    p = read_bound(sel, p, extent, 0, &sel->start[k]);
    if (*p == ':') {
        p = read_bound(sel, p + 1, extent, extent, &end);
        sel->extent[k] = end > sel->start[k] ? end - sel->start[k] : 0;
        return p;
    }
    sel->extent[k] = SHOW_ONE;
    if (p == first)
        sel->wrong = "an index is a number, or a:b";
    else if (sel->start[k] >= extent)
        sel->wrong = "it is outside of the tensor";
    return p;
}

static const char *select_part(selection *sel, const char *how)
{
    for (int k = 0; k < sel->t->rank; k++) sel->extent[k] = sel->t->dim[k];
    const char *p = skip(how + 1);
    while (*p != ']' && !sel->wrong) {
        p = skip(read_axis(sel, p));
        if (sel->wrong) break;
        if (*p == ',')
            p = skip(p + 1);
        else if (*p != ']')
            sel->wrong = "it wants a ] at the end";
    }
    if (!sel->wrong && *skip(p + 1)) sel->wrong = "nothing stands behind the ]";
    return sel->wrong;
}

static void print_part(FILE *to, const char *name, const sim_tensor *t, const char *how)
{
    selection sel = {.t = t};
    const char *wrong = *how == '[' ? select_part(&sel, how) : NULL;
    for (int k = 0; *how != '[' && k < t->rank; k++) sel.extent[k] = t->dim[k];
    if (wrong) {
        fprintf(to, "%s: %s; '%s' is ", how, wrong, name);
        show_type(to, t);
        putc('\n', to);
        return;
    }
    show_part(to, t, sel.start, sel.extent);
    putc('\n', to);
}

void simprint(FILE *to, const char *name, const sim_tensor *t, const char *how)
{
    bool stats = strcmp(how, "stats") == 0;
    if (*how == '[' || strcmp(how, "all") == 0) {
        print_part(to, name, t, how);
        return;
    }
    if (*how && !stats) {
        fprintf(to, "'%s' is none of " SIMPRINT_ARGS "\n", how);
        return;
    }
    fprintf(to, "%s ", name);
    show_type(to, t);
    putc(' ', to);
    if (stats || t->rank > 0) show_summary(to, t, true);
    if (!stats) {
        fputs(t->rank > 0 ? "\n  " : "= ", to);
        show_preview(to, t);
    }
    putc('\n', to);
}
