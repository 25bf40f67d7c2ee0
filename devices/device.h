/* What a device description says: devices/SCHEMA.md lists the keys, keys.def is their table. */
#ifndef NFC_DEVICE_H
#define NFC_DEVICE_H

#include "frontend/embed.h"
#include "frontend/session.h"
#include "ir/dtype.h"
#include "ir/vec.h"

typedef VEC(const char *) device_words;
typedef VEC(uint32_t) device_files;

/* A memory on the way from a core to where the weights are: a cache, or the last one. */
typedef struct device_level {
    const char *name;
    int64_t bytes;   /* 0: not limited; the last one only */
    int64_t ways;    /* places that a line can lie in; 0: unknown */
    int64_t cores;   /* that share it */
    double gb_per_s; /* 1e9 bytes a second that one core reads in sequence; 0: unknown */
} device_level;

/* How an operator of the kernel IR is spelled for so many lanes where C cannot say it: $0, $1 and $2
 * stand for the operands. */
typedef struct device_spelling {
    const char *op;
    nfc_dtype type; /* of the operands that are no masks */
    int64_t lanes;  /* 1: of a scalar */
    const char *text;
} device_spelling;

/* How the compiler is told what is done with tiles; $0, $1 and $2 stand for the operands. */
typedef struct device_tile_spelling {
    const char *op, *text;
} device_tile_spelling;

/* Registers that hold rows of bytes, and are multiplied as matrices. */
typedef struct device_tiles {
    int64_t registers, rows, bytes; /* bytes: of a row; 0: there are none */
    int64_t permission;             /* of Linux: the number of the state that a process asks for; 0: none is needed */
    double least_fill;              /* how much of a tile must be of use for it to be used */
    VEC(device_tile_spelling) instruction;
} device_tiles;

/* A part of the device that computes: a cluster of CPU cores. */
typedef struct device_unit {
    const char *name, *kind; /* kind: "cpu" */
    int64_t cores;
    double clock_mhz;
    double flops_per_cycle;   /* f32 operations of one core: 2 x lanes x pipes */
    double latency;           /* cycles of a multiply-add */
    double loads_per_cycle;   /* from the nearest cache */
    double move_cycles;       /* of a vector to a later kernel, or from an earlier one */
    double refetch_factor, overflow_factor; /* of the time of a tile: see devices/SCHEMA.md */
    int64_t line_bytes;       /* of its caches; 0: unknown */
    int64_t prefetch_bytes;   /* how far ahead a stream is asked for */
    int64_t vector_bits;      /* of one register; 0: no vector registers */
    int64_t vector_registers; /* 0 when vector_bits is */
    const char *source;       /* where the numbers are from */
    double share_gb_per_s;    /* at which a core gets at what another one had; 0: as at its own */
    double fork_us;           /* what starting threads on a kernel and waiting for them takes */
    VEC(device_level) level;  /* nearest first; empty: unknown */
    device_words needs;       /* features of the processor, as Linux lists them */
    device_words flags;       /* of the compiler, when this unit runs the program */
    device_words headers;     /* that the instructions need */
    VEC(device_spelling) instruction;
    device_tiles tiles;
} device_unit;

typedef enum { WEIGHTS_AUTO, WEIGHTS_ARRAY, WEIGHTS_INCBIN, WEIGHTS_FILE } device_weights;

typedef struct device {
    const char *name, *description, *backend, *path;
    /* path: as the user wrote it, or the name of a shipped device */
    nfc_span at; /* of the file, for what concerns all of it */
    const char *base;   /* as written; NULL: none */
    device_files files; /* that it was made of: its own first, then those of its bases */
    struct {
        const char *command, *archiver, *standard; /* standard: "c99", "c11", "c17" */
        device_words flags, link;
        device_words run; /* what runs a program for the device on this machine; empty: itself */
        nfc_span at;
    } compiler;
    bool big_endian, libc, libm; /* libc: stdio, files and main; else freestanding */
    int pointer_bits;            /* 16, 32 or 64 */
    uint32_t types;              /* set of element types that it can compute with: bit 1 << DT_x */
    nfc_span libc_at, pointer_at, types_at;
    VEC(device_unit) unit;
    const char *runs_on;       /* as written; NULL: the first */
    const device_unit *chosen; /* the unit that runs the program */

    int64_t arena_limit, weights_limit, stack_limit; /* bytes; 0: none */
    nfc_span arena_at, weights_at, stack_at;
    int64_t alignment;   /* of the arena and the buffers in it, bytes */
    int64_t huge_page;   /* bytes; 0: there are none */
    nfc_dtype precision; /* of the weights of f32 contractions: f32, f16 or bf16 */
    device_weights weights;
    int64_t array_limit; /* WEIGHTS_AUTO: the most bytes that are written as C arrays */
    bool fast_math;
    int64_t threads;     /* how many parts of a kernel run at once */
    nfc_span threads_at;
} device;

/* The device of a command that names none, and the name of this machine's. */
#define DEVICE_DEFAULT "generic"
#define DEVICE_HOST "host"

/* Reads and checks a description; reports every fault with its JSON pointer and returns NULL.
 * Without a slash or ".json" in it, `path` is the name of a shipped device, or "host": the one of them that makes the most of
 * this machine's processor, with its cores and caches. */
device *device_load(nfc_session *s, const char *path);
/* Names of the shipped devices, NULL-terminated. */
const char *const *device_names(nfc_session *s);
/* How the unit that runs the program spells an operator (a name of ir/kir.def: "fma", "sqrt") on so many lanes of
 * a type; NULL: in no way of its own. */
const char *device_instruction(const device *d, const char *op, nfc_dtype type, int64_t lanes);
/* How that unit spells what is done with tiles: "load", "dot_u8_i8"; NULL: in no way. */
const char *device_tile(const device *d, const char *op);
/* The same for the product of tiles of elements of two types. */
const char *device_tile_dot(const device *d, nfc_dtype x, nfc_dtype w);
/* The file of runtime-min that a word of compiler.run names, which goes with the program; NULL: it is a word like others. */
const embedded_file *device_run_file(nfc_session *s, const char *word);
/* The nearest memory of a unit that holds so many bytes, or the last, and whose rate is known; NULL: none. */
const device_level *device_level_holding(const device_unit *u, int64_t bytes);
/* The last cache that a core of the unit that runs the program shares with no other; NULL: unknown. */
const device_level *device_own_level(const device *d);
/* Bytes that one core may fill and keep: of that cache; 0: unknown. */
int64_t device_own_cache(const device *d);
/* Writes a description as JSON, with all that its bases say; false after a report. */
bool device_print(nfc_session *s, const char *path, FILE *to);
/* A description of this machine, as JSON: "host", and besides clock and memory as measured, which takes about a third
 * of a second. */
void device_probe(nfc_session *s, FILE *to);
/* The keys of a description, as a Markdown table: what devices/SCHEMA.md shows. */
void device_print_schema(nfc_session *s, FILE *to);
/* "auto", "array", "incbin", "file" */
const char *device_weights_name(nfc_session *s, device_weights weights);

#endif
