#include "frontend/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint32_t source_add(nfc_sources *sources, const char *path, const char *text, size_t size)
{
    nfc_source s = {.path = arena_strdup(sources->arena, path), .text = text, .size = size};
    if (text) {
        vec_push(sources->arena, &s.line, 0);
        for (size_t i = 0; i < size; i++)
            if (text[i] == '\n') vec_push(sources->arena, &s.line, (uint32_t)i + 1);
    }
    vec_push(sources->arena, &sources->file, s);
    return (uint32_t)sources->file.n;
}

const nfc_source *source_get(const nfc_sources *sources, uint32_t file)
{
    if (file == 0 || file > (uint32_t)sources->file.n) return NULL;
    return &sources->file.at[file - 1];
}

void source_label(nfc_sources *sources, uint32_t file, int n, const char *const *label)
{
    sources->file.at[file - 1].label = label;
    sources->file.at[file - 1].nlabel = n;
}

const char *source_label_at(const nfc_sources *sources, nfc_span at)
{
    const nfc_source *s = source_get(sources, at.file);
    return s && at.line && at.line <= (uint32_t)s->nlabel ? s->label[at.line - 1] : NULL;
}

const char *source_line(const nfc_sources *sources, uint32_t file, uint32_t line, size_t *n)
{
    const nfc_source *s = source_get(sources, file);
    if (!s || !s->text || line == 0 || line > (uint32_t)s->line.n) return NULL;
    const char *at = s->text + s->line.at[line - 1];
    const char *end = s->text + s->size;
    const char *nl = memchr(at, '\n', (size_t)(end - at));
    if (nl) end = nl;
    if (end > at && end[-1] == '\r') end--;
    *n = (size_t)(end - at);
    return at;
}

nfc_span source_span(const nfc_sources *sources, uint32_t file, size_t at, size_t len)
{
    const nfc_source *s = source_get(sources, file);
    int lo = 0, hi = s->line.n - 1;
    while (lo < hi) {
        int mid = (lo + hi + 1) / 2;
        if (s->line.at[mid] <= at) lo = mid;
        else hi = mid - 1;
    }
    return (nfc_span){file, (uint32_t)lo + 1, (uint32_t)(at - s->line.at[lo]) + 1, (uint32_t)len};
}

nfc_span span_join(nfc_span a, nfc_span b)
{
    if (!a.file) return b;
    if (!b.file || b.file != a.file || b.line < a.line) return a;
    if (b.line > a.line) {
        a.len = UINT32_MAX; /* to the end of the line; the renderer clips it */
        return a;
    }
    uint32_t end = b.col + b.len;
    if (end > a.col + a.len) a.len = end - a.col;
    return a;
}

int utf8_length(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    int n = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
    if (n == 0 || end - p < n) return 0;
    for (int i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80) return 0;
    if (u[0] == 0xe0 && u[1] < 0xa0) return 0;
    if (u[0] == 0xed && u[1] > 0x9f) return 0;
    if (u[0] == 0xf0 && u[1] < 0x90) return 0;
    if (u[0] == 0xf4 && u[1] > 0x8f) return 0;
    return n;
}

static read_status read_all(int fd, char *buf, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t n = read(fd, buf + have, size - have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return READ_FAILED; /* a file that shrinks under us is an error too */
        have += (size_t)n;
    }
    return READ_OK;
}

read_status read_file(nfc_arena *arena, const char *path, size_t limit, char **text, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? READ_MISSING : READ_FAILED;
    struct stat st;
    read_status status = READ_OK;
    if (fstat(fd, &st) != 0) status = READ_FAILED;
    else if (!S_ISREG(st.st_mode)) status = READ_NOT_A_FILE;
    else if ((uint64_t)st.st_size > limit) status = READ_TOO_LARGE;
    if (status != READ_OK) {
        close(fd);
        return status;
    }
    *size = (size_t)st.st_size;
    *text = arena_alloc(arena, *size + 1);
    status = read_all(fd, *text, *size);
    close(fd);
    return status;
}
