#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "frontend/lower.h"

nfc_session *unit_session(void)
{
    nfc_session *s = session_new();
    cr_assert_not_null(s);
    ops_init();
    return s;
}

ir_module *unit_module(nfc_session *s, const char *nfg)
{
    lower_options options = {0};
    uint32_t file = source_add(&s->sources, "unit.nfg", nfg, strlen(nfg));
    ir_module *m = lower_module(s, nfg_read(s, "unit.nfg", file), &options);
    if (!m) diag_flush(&s->diags, stderr);
    cr_assert_not_null(m, "the module is wrong");
    return m;
}

ir_module *unit_empty(nfc_session *s)
{
    source_add(&s->sources, "unit.nfg", "", 0);
    return ir_module_new(s, "unit");
}

nfc_span unit_place(void) { return (nfc_span){1, 1, 1, 1}; }

typedef struct {
    ir_op op;
    int left;
    ir_inst *found;
} search;

static void look(void *env, ir_inst *inst)
{
    search *at = env;
    if (inst->op == at->op && at->left-- == 0) at->found = inst;
}

ir_inst *unit_inst(ir_module *m, ir_op op, int n)
{
    search at = {op, n, NULL};
    for (int g = 0; g < m->graph.n; g++) ir_walk(m->graph.at[g]->body, look, &at);
    cr_assert_not_null(at.found, "there is no %s number %d", op_get(op)->name, n);
    return at.found;
}

const char *unit_error(const nfc_session *s)
{
    for (int i = s->diags.row.n - 1; i >= 0; i--)
        if (s->diags.row.at[i]->severity == DIAG_ERROR) return s->diags.row.at[i]->text;
    return "";
}

bool unit_has(const char *text, const char *part) { return text && strstr(text, part); }

/* xorshift64* */
static uint64_t chance(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

uint64_t unit_below(uint64_t *state, uint64_t n) { return chance(state) % n; }

int64_t unit_between(uint64_t *state, int64_t lo, int64_t hi) { return lo + (int64_t)unit_below(state, (uint64_t)(hi - lo) + 1); }

static void remove_file(void *path) { unlink(path); }

const char *unit_path(nfc_session *s)
{
    const char *folder = getenv("TMPDIR");
    char *path = arena_printf(s->arena, "%s/nfc-unit-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(path);
    cr_assert(fd >= 0, "%s cannot be made", path);
    close(fd);
    arena_defer(s->arena, remove_file, path);
    return path;
}

const char *unit_file(nfc_session *s, const void *bytes, size_t n)
{
    const char *path = unit_path(s);
    FILE *to = fopen(path, "wb");
    cr_assert(to && fwrite(bytes, 1, n, to) == n && fclose(to) == 0, "%s cannot be written", path);
    return path;
}
