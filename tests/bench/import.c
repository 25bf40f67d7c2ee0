/* import MODEL...: reads ONNX models, and says how long it takes and how much memory, each in a process of its own.
 *
 * Time is the best of five, from the file to the graph IR. Memory is what the resident set grows by at its highest,
 * the pages of the mapped file among it, and what of it is no page of a file: bytes, and as parts of the file's size. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "frontend/onnx/import.h"

/* A line of /proc/self/status, in bytes; 0 when there is none. */
static long status(const char *key)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0) sscanf(line + strlen(key), ": %ld", &kib);
    if (f) fclose(f);
    return kib * 1024;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool import_once(const char *path, double *seconds)
{
    lower_options options = {0};
    nfc_session *s = session_new();
    if (!s) return false;
    double begin = now();
    bool good = onnx_import(s, path, &options) != NULL;
    *seconds = now() - begin;
    diag_flush(&s->diags, stderr);
    session_free(s);
    return good;
}

static int measure(const char *path)
{
    struct stat file;
    double seconds, best = 1e9;
    long before = status("VmRSS"), heap = status("RssAnon");
    if (stat(path, &file) != 0) return 1;
    nfc_session *s = session_new();
    lower_options options = {0};
    if (!s || !onnx_import(s, path, &options)) {
        if (s) diag_flush(&s->diags, stderr);
        return 1;
    }
    long peak = status("VmHWM") - before, own = status("RssAnon") - heap;
    session_free(s);
    for (int i = 0; i < 5; i++) {
        if (!import_once(path, &seconds)) return 1;
        best = seconds < best ? seconds : best;
    }
    const char *name = strrchr(path, '/');
    printf("%-36s %9.1f KiB %8.2f ms   peak %8.1f KiB = %5.2f   not mapped %8.1f KiB = %5.2f\n", name ? name + 1 : path, (double)file.st_size / 1024, best * 1e3, (double)peak / 1024,
           (double)peak / (double)file.st_size, (double)own / 1024, (double)own / (double)file.st_size);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    ops_init();
    for (int i = 1; i < argc; i++) {
        int result = 1;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            result = measure(argv[i]);
            fflush(stdout);
            _exit(result);
        }
        failed |= child < 0 || waitpid(child, &result, 0) < 0 || result != 0;
    }
    return failed;
}
