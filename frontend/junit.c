#include "frontend/junit.h"

/* Text as an attribute's value. What XML cannot hold at all becomes '?'. */
static void put_attribute(FILE *to, const char *name, const char *value)
{
    fprintf(to, " %s=\"", name);
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        switch (*p) {
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '&': fputs("&amp;", to); break;
        case '"': fputs("&quot;", to); break;
        case '\n': fputs("&#10;", to); break;
        case '\t': fputs("&#9;", to); break;
        default: putc(*p < ' ' ? '?' : *p, to);
        }
    }
    putc('"', to);
}

static void put_case(FILE *to, const junit_case *c)
{
    fputs("    <testcase", to);
    put_attribute(to, "classname", c->group);
    put_attribute(to, "name", c->name);
    if (!c->failure) {
        fputs("/>\n", to);
        return;
    }
    fprintf(to, ">\n      <%s", c->error ? "error" : "failure");
    put_attribute(to, "message", c->failure);
    fputs("/>\n    </testcase>\n", to);
}

bool junit_write(nfc_session *s, const char *path, const junit *j)
{
    outfile *o = outfile_begin(s, path);
    if (!o) return false;
    FILE *to = outfile_stream(o);
    int failures = 0, errors = 0;
    for (int i = 0; i < j->test.n; i++) {
        failures += j->test.at[i].failure && !j->test.at[i].error;
        errors += j->test.at[i].failure && j->test.at[i].error;
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite", to);
    put_attribute(to, "name", j->suite);
    fprintf(to, " tests=\"%d\" failures=\"%d\" errors=\"%d\">\n", j->test.n, failures, errors);
    for (int i = 0; i < j->test.n; i++) put_case(to, &j->test.at[i]);
    fputs("  </testsuite>\n</testsuites>\n", to);
    return outfile_commit(o);
}
