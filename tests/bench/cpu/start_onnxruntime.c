/* A process that loads ONNX Runtime, makes a session of a model, runs it once and writes its outputs.
 *
 *    LIBRARY MODEL THREADS  INPUTS [NAME TYPE BYTES RANK EXTENT... FILE SKIP]...  OUTPUTS [NAME TYPE BYTES RANK EXTENT... FILE 0]...
 *
 * TYPE is a number of ONNX Runtime's. Elements of an input stand in FILE behind SKIP bytes. Compiled with the places in the table of functions
 * as -DPLACE_Run=9 and so on, and with -DAPI_VERSION. Ends without taking the session down: it could only lose by that. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_PORTS = 64, MOST_RANK = 8 };

typedef void *status; /* NULL: it went well */

typedef struct api_base {
    const void *const *(*get)(uint32_t version);
    const char *(*version)(void);
} api_base;

typedef struct port {
    const char *name, *file;
    size_t bytes, rank;
    int type;
    int64_t extent[MOST_RANK];
    long skip;
    void *data, *tensor;
} port;

typedef struct ports {
    size_t n;
    port at[MOST_PORTS];
    const char *name[MOST_PORTS];
    void *tensor[MOST_PORTS];
} ports;

static const void *const *api;

static void fail(const char *what)
{
    fprintf(stderr, "error: %s\n", what);
    exit(1);
}

static void must(status s)
{
    if (s) fail(((const char *(*)(status))api[PLACE_GetErrorMessage])(s));
}

/* The next ports of the command line. */
static char **read_ports(char **word, ports *p)
{
    p->n = strtoul(*word++, NULL, 10);
    if (p->n > MOST_PORTS) fail("too many ports");
    for (size_t i = 0; i < p->n; i++) {
        port *x = &p->at[i];
        p->name[i] = x->name = *word++;
        x->type = atoi(*word++);
        x->bytes = strtoul(*word++, NULL, 10);
        x->rank = strtoul(*word++, NULL, 10);
        if (x->rank > MOST_RANK) fail("too many axes");
        for (size_t k = 0; k < x->rank; k++) x->extent[k] = atoll(*word++);
        x->file = *word++;
        x->skip = atol(*word++);
        x->data = malloc(x->bytes + 1);
        if (!x->data) fail("out of memory");
    }
    return word;
}

static void read_data(const port *x)
{
    FILE *f = fopen(x->file, "rb");
    if (!f || fseek(f, x->skip, SEEK_SET) != 0 || fread(x->data, 1, x->bytes, f) != x->bytes || fclose(f) != 0) fail(x->file);
}

static void write_data(const port *x)
{
    FILE *f = fopen(x->file, "wb");
    if (!f || fwrite(x->data, 1, x->bytes, f) != x->bytes || fclose(f) != 0) fail(x->file);
}

static void make_tensors(ports *p, void *memory)
{
    status (*make)(void *, void *, size_t, const int64_t *, size_t, int, void **) = api[PLACE_CreateTensorWithDataAsOrtValue];
    for (size_t i = 0; i < p->n; i++) {
        port *x = &p->at[i];
        must(make(memory, x->data, x->bytes, x->extent, x->rank, x->type, &p->tensor[i]));
    }
}

int main(int argc, char **argv)
{
    static ports in, out;
    void *environment, *options, *session, *memory;
    if (argc < 6) fail("see the head of the source");
    void *library = dlopen(argv[1], RTLD_NOW);
    if (!library) fail(dlerror());
    const api_base *(*base)(void) = (const api_base *(*)(void))dlsym(library, "OrtGetApiBase");
    if (!base) fail(dlerror());
    api = base()->get(API_VERSION);
    read_ports(read_ports(argv + 4, &in), &out);
    must(((status (*)(int, const char *, void **))api[PLACE_CreateEnv])(2, "start", &environment));
    must(((status (*)(void **))api[PLACE_CreateSessionOptions])(&options));
    must(((status (*)(void *, int))api[PLACE_SetIntraOpNumThreads])(options, atoi(argv[3])));
    must(((status (*)(void *, int))api[PLACE_SetInterOpNumThreads])(options, 1));
    must(((status (*)(void *, const char *, void *, void **))api[PLACE_CreateSession])(environment, argv[2], options, &session));
    must(((status (*)(int, int, void **))api[PLACE_CreateCpuMemoryInfo])(0, 0, &memory));
    for (size_t i = 0; i < in.n; i++) read_data(&in.at[i]);
    make_tensors(&in, memory);
    make_tensors(&out, memory);
    must(((status (*)(void *, void *, const char **, void **, size_t, const char **, size_t, void **))api[PLACE_Run])(
        session, NULL, in.name, in.tensor, in.n, out.name, out.n, out.tensor));
    for (size_t i = 0; i < out.n; i++) write_data(&out.at[i]);
    _exit(0);
}
