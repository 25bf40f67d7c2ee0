/* Constants of an exported model as a .safetensors file. */
#include <inttypes.h>
#include "frontend/export_nfg.h"
#include "frontend/memfile.h"
#include "frontend/outdir.h"

static const char *stored_type(const ir_value *v)
{
    const dtype_info *t = &dtype_table[v->type->dtype];
    return *t->safetensors ? t->safetensors : t->kind == DTC_SIGNED ? "I8" : "U8";
}

static void put_json(FILE *to, const char *text)
{
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fprintf(to, "\\%c", *text);
        else if ((unsigned char)*text < ' ') fprintf(to, "\\u%04x", (unsigned)(unsigned char)*text);
        else putc(*text, to);
    }
    putc('"', to);
}

bool export_package(nfc_session *s, const char *path, int n, const export_tensor *tensor)
{
    outfile *file = outfile_begin(s, path);
    if (!file) return false;
    memfile *header = memfile_new(s->arena);
    FILE *to = memfile_start(header);
    int64_t at = 0;
    putc('{', to);
    for (int i = 0; i < n; i++) {
        const ir_value *v = tensor[i].value;
        int64_t bytes = ir_max_bytes(v->type);
        if (i) putc(',', to);
        put_json(to, tensor[i].name);
        fprintf(to, ":{\"dtype\":\"%s\",\"shape\":[", stored_type(v));
        for (int k = 0; k < v->type->rank; k++) fprintf(to, "%s%" PRId64, k ? "," : "", sx_value(v->type->dim[k]));
        fprintf(to, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", at, at + bytes);
        at += bytes;
    }
    putc('}', to);
    size_t size;
    const char *text = memfile_end(header, &size);
    FILE *out = outfile_stream(file);
    size_t padded = (size + 7) / 8 * 8;
    for (int i = 0; i < 8; i++) putc((int)(padded >> (8 * i) & 255), out);
    fwrite(text, 1, size, out);
    for (size_t i = size; i < padded; i++) putc(' ', out);
    for (int i = 0; i < n; i++) fwrite(ir_const_bytes(tensor[i].value), 1, (size_t)ir_max_bytes(tensor[i].value->type), out);
    return outfile_commit(file);
}
