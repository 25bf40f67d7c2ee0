/* Weights: as arrays in C, as a blob that the assembler takes in, or as a file that the program maps. */
#include <string.h>
#include "codegen/program.h"
#include "frontend/json.h"
#include "frontend/safetensors.h"
#include "ir/names.h"

/* ---- which tensors ------------------------------------------------------------------------- */

static bool same_tensor(const cg_tensor *a, const cg_tensor *b)
{
    if (a->data == b->data && a->dtype == b->dtype && a->n == b->n) return true;
    return a->dtype == b->dtype && a->bytes == b->bytes && memcmp(a->data, b->data, (size_t)a->bytes) == 0;
}

static int add_tensor(cg_program *p, const ir_inst *inst, int entry, nfc_map *by_hash)
{
    const ir_type *t = inst->out[0]->type;
    const ir_const *c = inst->constant;
    cg_tensor x = {.dtype = t->dtype, .rank = t->rank, .n = ir_max_elements(t), .bytes = ir_max_bytes(t), .at = inst->at};
    for (int i = 0; i < t->rank; i++) x.dim[i] = sx_value(t->dim[i]);
    x.data = inst->op == IR_const ? c->data : ir_weight_bytes(c, entry);
    x.what = inst->op == IR_weight ? c->tensor[entry] : inst->out[0]->name ? inst->out[0]->name : "constant";
    /* Equal bytes are kept once, whatever they are called. */
    uint64_t key[2] = {cg_fnv1a(x.data, (size_t)x.bytes), (uint64_t)x.dtype};
    intptr_t known = (intptr_t)map_getn(by_hash, (const char *)key, sizeof key);
    if (known && same_tensor(&p->tensor.at[known - 1], &x)) return (int)known - 1;
    x.name = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_%s", p->weights_stem, x.what));
    vec_push(p->arena, &p->tensor, x);
    map_setn(by_hash, (const char *)key, sizeof key, (void *)(intptr_t)p->tensor.n);
    return p->tensor.n - 1;
}

static void add_weight(cg_program *p, const ir_inst *inst, nfc_map *by_hash)
{
    if (map_getp(&p->weight_of, inst)) return;
    cg_weight w = {.inst = inst, .ntensor = inst->op == IR_weight ? inst->constant->ntensor : 1};
    w.tensor = ARENA_ARRAY(p->arena, int, w.ntensor);
    for (int i = 0; i < w.ntensor; i++) w.tensor[i] = add_tensor(p, inst, i, by_hash);
    for (int i = 0; w.ntensor > 1 && i < p->weight.n && !w.table; i++) /* the same table again */
        if (p->weight.at[i].ntensor == w.ntensor && memcmp(p->weight.at[i].tensor, w.tensor, sizeof(int) * (size_t)w.ntensor) == 0) w.table = p->weight.at[i].table;
    if (w.ntensor > 1 && !w.table) w.table = name_unique(p->arena, &p->taken, inst->constant->pattern);
    vec_push(p->arena, &p->weight, w);
    map_setp(&p->weight_of, inst, (void *)(intptr_t)p->weight.n);
}

static void lay_out(cg_program *p)
{
    int64_t at = CG_BLOB_HEADER;
    for (int i = 0; i < p->tensor.n; i++) {
        p->tensor.at[i].offset = at;
        p->weight_bytes += p->tensor.at[i].bytes;
        at = (at + p->tensor.at[i].bytes + 63) / 64 * 64;
    }
    p->blob_bytes = at;
}

void cg_collect_weights(cg_program *p)
{
    nfc_map by_hash;
    map_init(&by_hash, p->arena);
    for (int g = 0; g < p->plan->graph.n; g++)
        for (int i = 0; i < p->plan->graph.at[g]->call.n; i++) {
            const plan_call *c = p->plan->graph.at[g]->call.at[i];
            for (int k = 0; k < c->arg.n; k++)
                if (c->arg.at[k]->buffer->place == PLAN_WEIGHT) add_weight(p, c->arg.at[k]->buffer->weight, &by_hash);
        }
    lay_out(p);
    p->weights_mode = p->device->weights;
    if (p->weights_mode == WEIGHTS_AUTO) p->weights_mode = p->weight_bytes <= p->device->array_limit ? WEIGHTS_ARRAY : WEIGHTS_INCBIN;
    if (p->tensor.n == 0) p->weights_mode = WEIGHTS_ARRAY;
}

/* ---- arrays -------------------------------------------------------------------------------- */

static const char *element_text(cg_program *p, const cg_tensor *t, int64_t i)
{
    if (t->dtype == DT_f32 || t->dtype == DT_f64) {
        double v = dtype_get(t->dtype, t->data, (size_t)i);
        if (v != v || v - v != 0) return NULL; /* no literal: such tensors are written as bits */
        return t->dtype == DT_f32 ? arena_printf(p->arena, "%sf", shortest_float(p->arena, (float)v)) : shortest_double(p->arena, v);
    }
    int bytes = dtype_table[t->dtype].bytes;
    uint64_t bits = 0;
    memcpy(&bits, (const char *)t->data + i * bytes, (size_t)bytes);
    if (dtype_is_float(t->dtype)) return arena_printf(p->arena, "0x%0*llx", 2 * bytes, (unsigned long long)bits);
    int64_t v = dtype_get_int(t->dtype, t->data, (size_t)i);
    if (t->dtype == DT_u64) return arena_printf(p->arena, "UINT64_C(%llu)", (unsigned long long)v);
    if (t->dtype == DT_u32) return arena_printf(p->arena, "%lluu", (unsigned long long)v);
    if (t->dtype == DT_i64 && v == INT64_MIN) return "INT64_MIN";
    if (t->dtype == DT_i32 && v == INT32_MIN) return "INT32_MIN";
    return arena_printf(p->arena, t->dtype == DT_i64 ? "INT64_C(%lld)" : "%lld", (long long)v);
}

static bool has_no_literals(const cg_tensor *t)
{
    if (t->dtype != DT_f32 && t->dtype != DT_f64) return false;
    for (int64_t i = 0; i < t->n; i++) {
        double v = dtype_get(t->dtype, t->data, (size_t)i);
        if (v != v || v - v != 0) return true;
    }
    return false;
}

static const char *extents(cg_program *p, const cg_tensor *t)
{
    const char *s = "";
    for (int i = 0; i < t->rank; i++) s = arena_printf(p->arena, "%s[%lld]", s, (long long)t->dim[i]);
    return s;
}

/* A tensor with infinities or NaNs is an array of its bits, which the program reads through a cast of
 * the pointer: the same type as far as the memory is concerned, but C has no constants for them. */
static const char *array_type(const cg_tensor *t)
{
    if (!has_no_literals(t)) return dtype_table[t->dtype].c_type;
    return t->dtype == DT_f32 ? "uint32_t" : "uint64_t";
}

static void put_array(cg_program *p, text *t, const cg_tensor *x)
{
    bool bits = has_no_literals(x);
    nfc_arena *scratch = arena_child(p->arena), *own = p->arena;
    line(t, "/* '%s': %s %s */", comment_safe(p->arena, x->what), dtype_name(x->dtype), extents(p, x));
    open_brace(t, "const %s %s[%lld] =", array_type(x), x->name, (long long)x->n);
    p->arena = scratch;
    for (int64_t i = 0; i < x->n; i++) {
        cg_tensor raw = *x;
        if (bits) raw.dtype = x->dtype == DT_f32 ? DT_u32 : DT_u64;
        put(t, "%s%s", element_text(p, &raw, i), i + 1 == x->n ? "" : (i + 1) % 8 ? ", " : ",");
        if ((i + 1) % 8 == 0 || i + 1 == x->n) end_line(t);
    }
    p->arena = own;
    arena_free(scratch);
    t->indent--;
    line(t, "};\n");
}

static void put_declarations(cg_program *p, text *t)
{
    for (int i = 0; i < p->tensor.n; i++) {
        const cg_tensor *x = &p->tensor.at[i];
        line(t, "extern const %s %s[%lld]; /* '%s': %s %s */", array_type(x), x->name, (long long)x->n, comment_safe(p->arena, x->what), dtype_name(x->dtype), extents(p, x));
    }
}

static void emit_arrays(cg_program *p)
{
    text *h = text_new(p->arena), *c = text_new(p->arena);
    const char *guard = name_upper(p->arena, p->weights_stem);
    line(h, "/* SPDX-License-Identifier: 0BSD\n * The weights of %s; private to its sources. */", p->weights_stem);
    line(h, "#ifndef %s_WEIGHTS_H\n#define %s_WEIGHTS_H\n\n#include <stdint.h>\n", guard, guard);
    line(h, "#ifdef __cplusplus\nextern \"C\" {\n#endif");
    put_declarations(p, h);
    line(h, "#ifdef __cplusplus\n}\n#endif\n\n#endif");
    line(c, "/* SPDX-License-Identifier: 0BSD */\n#include \"%s_weights.h\"\n", p->weights_stem);
    for (int i = 0; i < p->tensor.n; i++) put_array(p, c, &p->tensor.at[i]);
    cg_add_file(p, arena_printf(p->arena, "%s_weights.h", p->weights_stem), h->at);
    cg_add_file(p, arena_printf(p->arena, "%s_weights.c", p->weights_stem), c->at);
}

/* ---- the blob ------------------------------------------------------------------------------ */

static void put_u64(unsigned char *at, uint64_t v)
{
    for (int i = 0; i < 8; i++) at[i] = (unsigned char)(v >> 8 * i);
}

/* Elements in the target's byte order. */
static void put_elements(const cg_program *p, unsigned char *to, const cg_tensor *t)
{
    int bytes = dtype_table[t->dtype].bytes;
    memcpy(to, t->data, (size_t)t->bytes);
    if (!p->device->big_endian || bytes == 1) return;
    for (int64_t i = 0; i < t->n; i++)
        for (int k = 0; k < bytes; k++) to[i * bytes + k] = ((const unsigned char *)t->data)[i * bytes + bytes - 1 - k];
}

/* At a multiple of large pages the blob is mapped in these, where the system holds the file in such parts. It makes the
 * program up to a page longer, so that a few pages are not worth it. */
static bool has_own_pages(const cg_program *p) { return p->device->huge_page && p->blob_bytes >= 4 * p->device->huge_page; }

/* "NFWEIGHT", bytes of the whole, cg_blob_hash() of what follows the header; then tensors at multiples of 64. */
static void emit_blob(cg_program *p)
{
    unsigned char *blob = arena_alloc(p->arena, (size_t)p->blob_bytes);
    for (int i = 0; i < p->tensor.n; i++) put_elements(p, blob + p->tensor.at[i].offset, &p->tensor.at[i]);
    memcpy(blob, "NFWEIGHT", 8);
    put_u64(blob + 8, (uint64_t)p->blob_bytes);
    p->blob_hash = cg_blob_hash(blob + CG_BLOB_HEADER, (size_t)(p->blob_bytes - CG_BLOB_HEADER));
    put_u64(blob + 16, p->blob_hash);
    cg_add_data(p, arena_printf(p->arena, "%s_weights.bin", p->weights_stem), blob, (size_t)p->blob_bytes);
    if (p->weights_mode != WEIGHTS_INCBIN) return;
    text *s = text_new(p->arena);
    line(s, "/* SPDX-License-Identifier: 0BSD */");
    line(s, "#if defined(__APPLE__)\n#define SYMBOL _%s_weights\n    .const\n#else\n#define SYMBOL %s_weights\n#endif", p->weights_stem, p->weights_stem);
    line(s, "#if defined(__wasm__)\n    .section .rodata.weights,\"\",@\n    .type SYMBOL,@object\n    .size SYMBOL,%lld\n#elif !defined(__APPLE__)\n    .section %s\n#endif", (long long)p->blob_bytes,
         has_own_pages(p) ? ".nf_weights,\"a\"" : ".rodata"); /* beside other constants it would take room for two pages */
    line(s, "    .globl SYMBOL\n    .balign %lld\nSYMBOL:\n    .incbin \"%s_weights.bin\"", (long long)(has_own_pages(p) ? p->device->huge_page : 4096), p->weights_stem);
    line(s, "#if defined(__ELF__)\n    .section .note.GNU-stack,\"\",%%progbits\n#endif");
    cg_add_file(p, arena_printf(p->arena, "%s_weights.S", p->weights_stem), s->at);
}

void cg_emit_weights(cg_program *p)
{
    if (!p->tensor.n) return;
    if (p->weights_mode == WEIGHTS_ARRAY) emit_arrays(p);
    else emit_blob(p);
}

/* ---- pointers ------------------------------------------------------------------------------ */

const char *cg_weight_pointer(const cg_program *p, cg_module *c, const ir_inst *inst)
{
    const cg_weight *w = &p->weight.at[(intptr_t)map_getp(&p->weight_of, inst) - 1];
    const cg_tensor *x = &p->tensor.at[w->tensor[0]];
    const char *type = dtype_table[x->dtype].c_type;
    const char *index = w->ntensor > 1 ? cg_index(c, inst->index[0], false) : NULL;
    if (p->weights_mode == WEIGHTS_ARRAY) {
        if (index) return arena_printf(p->arena, "%s[%s]", w->table, index);
        if (has_no_literals(x)) return arena_printf(p->arena, "(const %s *)(const void *)%s", type, x->name);
        return x->name;
    }
    if (index) return arena_printf(p->arena, "NF_WEIGHT(%s, %s[%s])", type, w->table, index);
    return arena_printf(p->arena, "NF_WEIGHT(%s, %lld /* '%s' */)", type, (long long)x->offset, comment_safe(p->arena, x->what));
}
