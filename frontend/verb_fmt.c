/* nfc fmt: graphs in the canonical layout. */
#include <string.h>
#include "frontend/cli.h"
#include "frontend/fmt.h"
#include "frontend/outdir.h"

typedef struct {
    const char *path, *text, *formatted;
    size_t size, n;
} fmt_source;

/* Reads a file and formats it; reports and returns false where it cannot be. */
static bool format_file(cli *c, const char *path, fmt_source *out)
{
    char *text;
    *out = (fmt_source){.path = path};
    if (!cli_read(c, path, &text, &out->size)) return false;
    int errors = c->s->diags.errors;
    uint32_t file = source_add(&c->s->sources, path, text, out->size);
    nfg_read(c->s, path, file);
    if (c->s->diags.errors > errors) return false;
    out->text = text;
    out->formatted = fmt_text(c->s, file, text, out->size, &out->n);
    return out->formatted != NULL;
}

static bool is_formatted(const fmt_source *f) { return f->n == f->size && memcmp(f->text, f->formatted, f->n) == 0; }

static void rewrite(cli *c, const fmt_source *f)
{
    outfile *o = is_formatted(f) ? NULL : outfile_begin(c->s, f->path);
    if (!o) return;
    fwrite(f->formatted, 1, f->n, outfile_stream(o));
    outfile_commit(o);
}

static bool check_options(cli *c)
{
    if (c->in_place && c->check) diag_error_in(&c->s->diags, E_USAGE, "--check", "--in-place is given, too");
    if (c->operand.n == 0) diag_error_in(&c->s->diags, E_USAGE, "fmt", "no graph is named");
    if (c->operand.n > 1 && !c->in_place && !c->check)
        diag_help(diag_error_in(&c->s->diags, E_USAGE, "fmt", "several graphs are named"), "-i rewrites them, --check names those that it would rewrite");
    return c->s->diags.errors == 0;
}

int verb_fmt(cli *c)
{
    bool all_formatted = true;
    if (!check_options(c)) return cli_finish(c);
    for (int i = 0; i < c->operand.n; i++) {
        fmt_source f;
        if (!format_file(c, c->operand.at[i], &f)) continue;
        if (c->in_place) {
            rewrite(c, &f);
        } else if (c->check) {
            if (!is_formatted(&f)) printf("%s\n", f.path);
            all_formatted = all_formatted && is_formatted(&f);
        } else {
            fwrite(f.formatted, 1, f.n, stdout);
        }
    }
    int status = cli_finish(c);
    return status || all_formatted ? status : 1;
}
