#include "frontend/statefile.h"

#include <errno.h>
#include <string.h>
#include "codegen/text.h"

/* ---- layout -------------------------------------------------------------------------------- */

const char *statefile_layout(const ir_module *m)
{
    text *t = text_new(m->arena);
    put(t, "%s", "");
    for (int i = 0; i < m->state.n; i++) {
        const ir_type *type = m->state.at[i]->type;
        put(t, "%s:%s[", m->state.at[i]->name, dtype_name(type->dtype));
        for (int k = 0; k < type->rank; k++) put(t, "%s%lld", k ? "," : "", (long long)sx_max(type->dim[k]));
        put(t, "];");
    }
    return t->n ? t->at : "";
}

uint64_t statefile_hash(const char *layout)
{
    uint64_t hash = STATEFILE_FNV_BASIS;
    for (; *layout; layout++) hash = (hash ^ (unsigned char)*layout) * STATEFILE_FNV_PRIME;
    return hash;
}

uint64_t statefile_bytes(const ir_module *m)
{
    uint64_t bytes = 0;
    for (int i = 0; i < m->state.n; i++) bytes += (uint64_t)ir_max_bytes(m->state.at[i]->type);
    return bytes;
}

int64_t statefile_bad_element(nfc_dtype dtype, const void *data, int64_t n)
{
    const dtype_info *d = &dtype_table[dtype];
    if (dtype != DT_bool && d->bits >= 8) return -1;
    for (int64_t i = 0; i < n; i++) {
        if (d->kind == DTC_FLOAT) { /* of its bits */
            if (((const uint8_t *)data)[i] >> d->bits) return i;
            continue;
        }
        int64_t v = dtype_get_int(dtype, data, (size_t)i);
        if (v < dtype_min(dtype) || v > (int64_t)dtype_max(dtype)) return i;
    }
    return -1;
}

static void put_u64(unsigned char *at, uint64_t v)
{
    for (int i = 0; i < 8; i++) at[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t get_u64(const unsigned char *at)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)at[i] << 8 * i;
    return v;
}

/* ---- loading ------------------------------------------------------------------------------- */

static bool refuse(const ir_module *m, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(const ir_module *m, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *what = arena_vprintf(m->arena, format, args);
    va_end(args);
    nfc_diag *d = diag_error_in(&m->session->diags, E_STATE_FILE, path, "%s", what);
    diag_help(d, m->state.n ? "the graph's states are %s" : "the graph has no state%s",
              statefile_layout(m));
    return false;
}

static bool check_header(const ir_module *m, const char *path, const unsigned char *from,
                         size_t size)
{
    uint64_t want = statefile_bytes(m);
    if (size < STATEFILE_HEADER || memcmp(from, STATEFILE_MAGIC, 8) != 0)
        return refuse(m, path, "not a state file: it does not begin with " STATEFILE_MAGIC);
    uint64_t has = get_u64(from + 16);
    if (has != size - STATEFILE_HEADER)
        return refuse(m, path, "damaged: %zu bytes of states where its header says %llu",
                      size - STATEFILE_HEADER, (unsigned long long)has);
    if (has != want)
        return refuse(m, path, "%llu bytes of states, where the graph's take %llu",
                      (unsigned long long)has, (unsigned long long)want);
    if (get_u64(from + 8) != statefile_hash(statefile_layout(m)))
        return refuse(m, path, "states of the same size, but with other names, types or shapes");
    return true;
}

static bool check_elements(const ir_module *m, const char *path, const unsigned char *from)
{
    for (int i = 0; i < m->state.n; i++) {
        const ir_state *st = m->state.at[i];
        int64_t bad = statefile_bad_element(st->type->dtype, from, ir_max_elements(st->type));
        if (bad >= 0)
            return refuse(m, path, "damaged: element %lld of '%s' is no %s", (long long)bad,
                          st->name, dtype_name(st->type->dtype));
        from += ir_max_bytes(st->type);
    }
    return true;
}

bool statefile_load(sim *s, const char *path)
{
    const ir_module *m = sim_module(s);
    nfc_diags *d = &m->session->diags;
    char *file;
    size_t size;
    errno = 0;
    switch (read_file(m->arena, path, (size_t)1 << 40, &file, &size)) {
    case READ_OK: break;
    case READ_MISSING: diag_error_in(d, E_IO_OPEN, path, "there is no such file"); return false;
    default:
        diag_error_in(d, E_IO_READ, path, "cannot be read: %s",
                      errno ? strerror(errno) : "not a regular file");
        return false;
    }
    const unsigned char *from = (const unsigned char *)file;
    if (!check_header(m, path, from, size)) return false;
    from += STATEFILE_HEADER;
    if (!check_elements(m, path, from)) return false;
    for (int i = 0; i < m->state.n; i++) {
        size_t bytes = (size_t)ir_max_bytes(m->state.at[i]->type);
        memcpy(sim_state(s, m->state.at[i])->data, from, bytes);
        from += bytes;
    }
    return true;
}

/* ---- saving -------------------------------------------------------------------------------- */

void statefile_write(sim *s, outfile *file)
{
    const ir_module *m = sim_module(s);
    unsigned char header[STATEFILE_HEADER];
    memcpy(header, STATEFILE_MAGIC, 8);
    put_u64(header + 8, statefile_hash(statefile_layout(m)));
    put_u64(header + 16, statefile_bytes(m));
    fwrite(header, 1, sizeof header, outfile_stream(file));
    for (int i = 0; i < m->state.n; i++) {
        const ir_state *st = m->state.at[i];
        fwrite(sim_state(s, st)->data, 1, (size_t)ir_max_bytes(st->type), outfile_stream(file));
    }
}
