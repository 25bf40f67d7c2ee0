#include "codegen/c_tiles.h"

#include <string.h>
#include "codegen/c_vector.h"

/* ---- statements ---------------------------------------------------------------------------- */

/* A device's text with operands in their places, as a statement. */
static void put_spelled(cg_module *c, text *t, const char *spelling, const char *const operand[3])
{
    if (!spelling) { /* the emitted file must not compile */
        line(t, "#error no instruction for a tile");
        return;
    }
    cg_put_headers(c);
    for (const char *at = spelling; *at; at++) {
        if (*at == '$') put(t, "%s", operand[*++at - '0']);
        else put(t, "%c", *at);
    }
    line(t, ";");
}

static void put_op(cg_module *c, text *t, const char *op, const char *a, const char *b, const char *d) { put_spelled(c, t, device_tile(c->device, op), (const char *const[]){a, b, d}); }

static const char *number_of(cg_module *c, const kir_buffer *tile) { return arena_printf(c->arena, "%d", tile->tile); }

static const char *place(cg_module *c, const kir_buffer *b, const ir_sx *index) { return sx_is(index, 0) ? b->name : arena_printf(c->arena, "%s + %s", b->name, cg_index(c, index, false)); }

void cg_put_tile(cg_module *c, text *t, const kir_stmt *s)
{
    const char *op = kir_tile_text[s->op], *step = s->count ? arena_printf(c->arena, "%lld", (long long)(sx_value(s->count) * (int64_t)dtype_bytes(s->buffer->dtype))) : NULL;
    switch (s->op) {
    case KT_LOAD: put_op(c, t, op, number_of(c, s->buffer), place(c, s->from, s->from_index), step); break;
    case KT_STORE: put_op(c, t, op, number_of(c, s->from), place(c, s->buffer, s->index), step); break;
    case KT_DOT: put_spelled(c, t, device_tile_dot(c->device, s->from->dtype, s->with->dtype), (const char *const[]){number_of(c, s->buffer), number_of(c, s->from), number_of(c, s->with)}); break;
    default: put_op(c, t, op, number_of(c, s->buffer), NULL, NULL); break;
    }
}

/* ---- of a kernel ---------------------------------------------------------------------------- */

static void find_tiles(const kir_stmt *s, const kir_buffer *tile[KIR_MAX_TILES])
{
    if (s->kind == KIR_ALLOC && s->buffer->space == KIR_TILE_SPACE) tile[s->buffer->tile] = s->buffer;
    for (int i = 0; i < s->body.n; i++) find_tiles(s->body.at[i], tile);
}

bool cg_uses_tiles(const kir_func *f)
{
    const kir_buffer *tile[KIR_MAX_TILES] = {NULL};
    find_tiles(f->body, tile);
    bool uses = false;
    for (int i = 0; i < KIR_MAX_TILES; i++) uses |= tile[i] != NULL;
    return uses;
}

/* 64 bytes: the palette, 15 that are 0, of each of 16 registers the bytes of a row in 2 bytes, and of each the rows in one
 * (Intel SDM, vol. 1, 18.2). */
void cg_put_tile_configuration(cg_module *c, text *t, const kir_func *f)
{
    enum { BYTES = 16, ROWS = 48 };
    const kir_buffer *tile[KIR_MAX_TILES] = {NULL};
    unsigned config[64] = {1};
    if (!cg_uses_tiles(f)) return;
    find_tiles(f->body, tile);
    for (int i = 0; i < KIR_MAX_TILES; i++) {
        if (!tile[i]) continue;
        const int64_t bytes = kir_row_elements(tile[i]) * (int64_t)dtype_bytes(tile[i]->dtype);
        config[BYTES + 2 * i] = (unsigned)bytes & 255;
        config[BYTES + 2 * i + 1] = (unsigned)bytes >> 8;
        config[ROWS + i] = (unsigned)tile[i]->rows;
    }
    put(t, "static const uint8_t nf_tiles[64] = {");
    for (int i = 0; i < 64; i++) put(t, "%s%u", i ? ", " : "", config[i]);
    line(t, "}; /* palette 1: bytes of a row, and rows */");
    put_op(c, t, "configure", "nf_tiles", NULL, NULL);
}

void cg_put_tile_release(cg_module *c, text *t, const kir_func *f)
{
    if (cg_uses_tiles(f)) put_op(c, t, "release", NULL, NULL, NULL);
}

/* ---- of a program --------------------------------------------------------------------------- */

static bool asks(const cg_program *p)
{
    bool uses = false;
    for (int i = 0; i < p->kernel.n; i++) uses |= cg_uses_tiles(p->kernel.at[i]->func);
    return uses && p->device->chosen->tiles.permission > 0;
}

bool cg_asks_for_tiles(const cg_program *p)
{
    bool any = !p->version.n && asks(p);
    for (int i = 0; i < p->version.n; i++) any |= asks(p->version.at[i]);
    return any;
}

static int64_t permission(const cg_program *p)
{
    for (int i = 0; i < p->version.n; i++)
        if (asks(p->version.at[i])) return permission(p->version.at[i]);
    return p->device->chosen->tiles.permission;
}

/* Where the number of the call and what it asks for are from: Linux, arch/x86/include/uapi/asm/prctl.h and unistd_64.h. */
void cg_put_tile_permission(const cg_program *p, text *t)
{
    if (!cg_asks_for_tiles(p)) return;
    line(t, "/* Linux gives a process its tiles when it asks: arch_prctl(ARCH_REQ_XCOMP_PERM, %lld), once; again does no harm. */", (long long)permission(p));
    line(t, "static int nf_may_use_tiles(void)\n{");
    put_raw(t, "#if defined(__linux__) && defined(__x86_64__)\n");
    line(t, "    long result;");
    line(t, "    __asm__ volatile(\"syscall\" : \"=a\"(result) : \"0\"(158L), \"D\"(0x1023L), \"S\"(%lldL) : \"rcx\", \"r11\", \"memory\");", (long long)permission(p));
    put_raw(t, "    return result == 0;\n#else\n    return 1;\n#endif\n");
    line(t, "}\n");
}
