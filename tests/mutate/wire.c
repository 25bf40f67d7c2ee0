/* Changes of ONNX models that stay models: a number, a name or a piece is another, given twice, or gone. */
#include <stdlib.h>
#include <string.h>
#include "frontend/onnx/onnx_scan.h"
#include "ir/vec.h"
#include "onnx.pb-c.h"
#include "tests/mutate/mutate.h"

/* ---- bytes and chance ------------------------------------------------------------------------ */

uint64_t chance(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

size_t below(uint64_t *state, size_t n) { return n ? (size_t)(chance(state) % n) : 0; }

void replace(bytes *b, size_t at, size_t drop, const char *by, size_t n)
{
    if (at > b->n) at = b->n;
    if (drop > b->n - at) drop = b->n - at;
    if (b->n - drop + n + 1 > b->cap) {
        b->cap = 2 * (b->n - drop + n + 1);
        b->at = realloc(b->at, b->cap);
        if (!b->at) exit(2);
    }
    memmove(b->at + at + n, b->at + at + drop, b->n - at - drop);
    if (n) memcpy(b->at + at, by, n);
    b->n = b->n - drop + n;
}

/* ---- a message as a tree --------------------------------------------------------------------- */

typedef struct part part;
struct part {
    const ProtobufCFieldDescriptor *field; /* NULL: not in the schema */
    uint64_t tag, number;                  /* number: of a varint */
    const uint8_t *text;                   /* of what has a length, or 4 or 8 bytes */
    size_t n;
    VEC(part *) child; /* of a message */
    bool message;
};

typedef VEC(part *) part_list;

static bool parse(nfc_arena *a, const ProtobufCMessageDescriptor *d, const uint8_t *at, const uint8_t *end, part *into, part_list *all, int depth)
{
    into->message = true;
    while (at < end) {
        part *p = ARENA_NEW(a, part);
        uint64_t length = 0;
        if (onnx_varint(&at, end, &p->tag)) return false;
        unsigned wire = (unsigned)p->tag & 7;
        p->field = protobuf_c_message_descriptor_get_field(d, (unsigned)(p->tag >> 3));
        if (wire == 0 && onnx_varint(&at, end, &p->number)) return false;
        if (wire == 2 && onnx_varint(&at, end, &length)) return false;
        if (wire == 3 || wire == 4 || wire > 5) return false;
        p->n = wire == 1 ? 8 : wire == 5 ? 4 : (size_t)length;
        if (p->n > (size_t)(end - at)) return false;
        p->text = at;
        at += p->n;
        vec_push(a, &into->child, p);
        vec_push(a, all, p);
        bool message = wire == 2 && p->field && p->field->type == PROTOBUF_C_TYPE_MESSAGE && depth < ONNX_MAX_DEPTH;
        if (message && !parse(a, p->field->descriptor, p->text, p->text + p->n, p, all, depth + 1)) return false;
    }
    return true;
}

static void put_varint(bytes *b, uint64_t v)
{
    char text[10];
    size_t n = 0;
    for (; v > 127; v >>= 7) text[n++] = (char)(v & 127 | 128);
    text[n++] = (char)v;
    replace(b, b->n, 0, text, n);
}

static void print(const part *p, bytes *to);

static void print_inside(const part *p, bytes *to)
{
    for (int i = 0; i < p->child.n; i++) print(p->child.at[i], to);
}

static void print(const part *p, bytes *to)
{
    put_varint(to, p->tag);
    if ((p->tag & 7) == 0) {
        put_varint(to, p->number);
    } else if (p->message) {
        bytes inside = {0};
        print_inside(p, &inside);
        put_varint(to, inside.n);
        replace(to, to->n, 0, inside.at, inside.n);
        free(inside.at);
    } else {
        if ((p->tag & 7) == 2) put_varint(to, p->n);
        replace(to, to->n, 0, (const char *)p->text, p->n);
    }
}

/* ---- changes --------------------------------------------------------------------------------- */

typedef struct {
    nfc_arena *a;
    uint64_t *r;
    part_list all, other; /* of the model, and of both models */
} changer;

/* Another part of the same field. */
static const part *alike(changer *c, const part *p)
{
    const part *found = p;
    int seen = 0;
    for (int i = 0; i < c->other.n; i++)
        if (c->other.at[i]->field == p->field && below(c->r, (size_t)++seen) == 0) found = c->other.at[i];
    return found;
}

/* Another text, of whatever field. */
static const part *other_text(changer *c)
{
    const part *found = NULL;
    int seen = 0;
    for (int i = 0; i < c->other.n; i++) {
        const part *p = c->other.at[i];
        bool text = p->field && p->field->type == PROTOBUF_C_TYPE_STRING;
        if (text && below(c->r, (size_t)++seen) == 0) found = p;
    }
    return found;
}

static uint64_t odd_number(changer *c, uint64_t old)
{
    static const int64_t odd[] = {0, 1, 2, 3, 7, 8, 9, 16, 64, 100, 127, 128, 255, 256, 1000, 4096, 65535, 65536, 1 << 20, INT32_MAX, (int64_t)1 << 31, INT32_MIN, (int64_t)1 << 32, (int64_t)1 << 40, (int64_t)1 << 62, INT64_MAX, INT64_MIN, -1, -2, -3, -4, -9, -100};
    switch (below(c->r, 4)) {
    case 0: return old + 1;
    case 1: return old - 1;
    default: return (uint64_t)odd[below(c->r, sizeof odd / sizeof *odd)];
    }
}

/* Bytes of numbers: one becomes odd, or the length changes. */
static void change_text(changer *c, part *p)
{
    static const double odd[] = {0, -0.0, 1, -1, 0.5, 1e-30, 1e30, 1e300, 3, 1e9};
    char *copy = arena_alloc(c->a, p->n + 16);
    if (p->n) memcpy(copy, p->text, p->n);
    p->text = (const uint8_t *)copy;
    size_t width = (size_t)1 << below(c->r, 4);
    if (below(c->r, 4) == 0) {
        p->n = (p->tag & 7) == 2 ? below(c->r, p->n + 9) : p->n;
    } else if (width <= p->n) {
        int64_t v = (int64_t)odd_number(c, 1);
        float f = (float)odd[below(c->r, sizeof odd / sizeof *odd)];
        bool number = width != 4 || below(c->r, 2);
        memcpy(copy + below(c->r, p->n / width) * width, number ? (const void *)&v : (const void *)&f, width);
    } else if (p->n) {
        copy[below(c->r, p->n)] = (char)chance(c->r);
    }
}

static void change_part(changer *c, part *p)
{
    const part *other = alike(c, p), *text = other_text(c);
    if ((p->tag & 7) == 0) p->number = below(c->r, 3) ? odd_number(c, p->number) : other->number;
    else if (p->message || below(c->r, 4) == 0) p->text = other->text, p->n = other->n, p->message = false;
    else if (p->field && p->field->type == PROTOBUF_C_TYPE_STRING && text && below(c->r, 8)) p->text = text->text, p->n = text->n;
    else change_text(c, p);
}

/* A child of a message goes, comes twice, or changes places. */
static void change_list(changer *c, part *p)
{
    size_t i = below(c->r, (size_t)p->child.n), k = below(c->r, (size_t)p->child.n);
    part *at = p->child.at[i];
    switch (below(c->r, 3)) {
    case 0: memmove(&p->child.at[i], &p->child.at[i + 1], ((size_t)p->child.n-- - i - 1) * sizeof *p->child.at); break;
    case 1: vec_push(c->a, &p->child, at); break;
    default:
        p->child.at[i] = p->child.at[k];
        p->child.at[k] = at;
    }
}

static bool change(changer *c, bytes *b, const bytes *other)
{
    part root = {0}, around = {0};
    const ProtobufCMessageDescriptor *d = &nfc_onnx__model_proto__descriptor;
    if (!parse(c->a, d, (const uint8_t *)b->at, (const uint8_t *)b->at + b->n, &root, &c->all, 0) || !c->all.n) return false;
    for (int i = 0; i < c->all.n; i++) vec_push(c->a, &c->other, c->all.at[i]);
    if (!parse(c->a, d, (const uint8_t *)other->at, (const uint8_t *)other->at + other->n, &around, &c->other, 0)) return false;
    part *p = c->all.at[below(c->r, (size_t)c->all.n)];
    if (p->message && p->child.n && below(c->r, 4)) change_list(c, p);
    else change_part(c, p);
    bytes made = {0};
    print_inside(&root, &made);
    replace(b, 0, b->n, made.at, made.n);
    free(made.at);
    return true;
}

bool change_model(bytes *b, uint64_t *r, const bytes *other)
{
    changer c = {.a = arena_new(), .r = r};
    if (!c.a) exit(2);
    bool done = change(&c, b, other);
    arena_free(c.a);
    return done;
}
