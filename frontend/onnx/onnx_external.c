#include "frontend/onnx/onnx_external.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "frontend/mapfile.h"

static nfc_diag *bad(onnx_file *f, const onnx_tensor *t, const char *format, ...) __attribute__((format(printf, 3, 4)));
static nfc_diag *bad(onnx_file *f, const onnx_tensor *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(f->s->arena, format, args);
    va_end(args);
    return diag_error_in(&f->s->diags, E_ONNX_EXTERNAL, onnx_place(f, "tensor", t->name), "%s", text);
}

/* ---- what the tensor says -------------------------------------------------------------------- */

typedef struct {
    const char *location;
    size_t offset, length;
    bool has_length;
} external;

static bool read_size(onnx_file *f, const onnx_tensor *t, const char *key, const char *text, size_t *out)
{
    size_t v = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(v, (size_t)10, &v) || __builtin_add_overflow(v, (size_t)(*p - '0'), &v)) break;
    *out = v;
    if (p > text && !*p) return true;
    bad(f, t, "the %s \"%s\" of its external data is no number of bytes", key, text);
    return false;
}

static bool read_entries(onnx_file *f, const onnx_tensor *t, external *e)
{
    static const char *const keys[] = {"location", "offset", "length", "checksum", NULL};
    const char *given[4] = {NULL};
    for (size_t i = 0; i < t->n_external_data; i++) {
        const char *key = t->external_data[i]->key;
        int k = 0;
        while (keys[k] && strcmp(keys[k], key) != 0) k++;
        if (!keys[k]) {
            diag_choices(bad(f, t, "its external data have the unknown key \"%s\"", key), key, keys, "the keys are");
            return false;
        }
        if (given[k]) {
            diag_error_in(&f->s->diags, E_ONNX_TWICE, onnx_place(f, "tensor", t->name), "its external data have two entries \"%s\"", key);
            return false;
        }
        given[k] = t->external_data[i]->value;
    }
    if (!given[0] || !*given[0]) {
        bad(f, t, "its external data have no location");
        return false;
    }
    *e = (external){.location = given[0], .has_length = given[2] != NULL};
    if (given[1] && !read_size(f, t, "offset", given[1], &e->offset)) return false;
    if (given[2] && !read_size(f, t, "length", given[2], &e->length)) return false;
    if (given[3]) diag_warning(&f->s->diags, W_ONNX_UNREAD, (nfc_span){f->source, 0, 0, 0}, "the checksum of the external data of tensor '%s' is not compared", t->name);
    return true;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Opens one component below a folder, never through a link. */
static int open_below(int folder, const char *name, bool last)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    return openat(folder, name, last ? flags : flags | O_DIRECTORY);
}

/* Walks the location component by component from the model's folder; each is opened in the folder that was
 * opened before it, so that nothing that moves meanwhile leads elsewhere. Gives -1 and errno. */
static int open_location(const char *folder, char *location)
{
    int at = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    while (at >= 0) {
        char *slash = strchr(location, '/');
        if (slash) *slash = 0;
        bool stay = slash && (!*location || strcmp(location, ".") == 0);
        int next = stay ? at : open_below(at, location, !slash);
        if (!stay) {
            int error = errno;
            close(at);
            errno = error;
        }
        if (next < 0 || !slash) return next;
        at = next;
        location = slash + 1;
    }
    return at;
}

/* What is wrong with the location's text, or NULL. */
static const char *escape(const char *location)
{
    if (*location == '/') return "is an absolute path";
    for (const char *p = location; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || !p[2])) return "leads out of the model's folder";
    return NULL;
}

static bool map_location(onnx_file *f, const onnx_tensor *t, const char *location, mapped_file *out)
{
    const char *wrong = escape(location);
    if (wrong) {
        diag_help(bad(f, t, "the location '%s' of its external data %s", location, wrong), "external data lie below the folder of the model, '%s'", f->folder);
        return false;
    }
    struct stat st;
    int fd = open_location(f->folder, arena_strdup(f->s->arena, location));
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 1) {
        close(fd);
        bad(f, t, "its external data '%s' have another hard link, and so may not belong to the model", location);
        return false;
    }
    switch (map_regular(f->s->arena, fd, (size_t)1 << 42, out)) {
    case MAPPED_OK: return true;
    case MAPPED_NO_FILE: bad(f, t, "its external data '%s' are no regular file", location); break;
    case MAPPED_TOO_LARGE: bad(f, t, "its external data '%s' have more than 4 TiB", location); break;
    case MAPPED_FAILED:
        if (errno == ELOOP) bad(f, t, "its external data '%s' are reached through a symbolic link", location);
        else bad(f, t, "its external data '%s' cannot be opened in '%s': %s", location, f->folder, strerror(errno));
    }
    return false;
}

/* The mapped file of a location, which many tensors share; a fault of it is reported once. */
static const mapped_file *find_file(onnx_file *f, const onnx_tensor *t, const char *location)
{
    mapped_file *file = map_get(&f->external, location);
    if (!file) {
        file = ARENA_NEW(f->s->arena, mapped_file);
        if (map_location(f, t, location, file)) f->mapped += file->size;
        else file->at = NULL;
        map_set(&f->external, location, file);
    }
    return file->at ? file : NULL;
}

const uint8_t *onnx_external(onnx_file *f, const onnx_tensor *t, size_t need)
{
    external e;
    if (!read_entries(f, t, &e)) return NULL;
    const mapped_file *file = find_file(f, t, e.location);
    if (!file) return NULL;
    if (e.has_length && e.length != need) {
        bad(f, t, "its external data have the length %zu; its type and dims ask for %zu bytes", e.length, need);
        return NULL;
    }
    if (e.offset > file->size || need > file->size - e.offset) {
        bad(f, t, "its external data are %zu bytes from byte %zu of '%s', which has %zu", need, e.offset, e.location, file->size);
        return NULL;
    }
    return file->at + e.offset;
}
