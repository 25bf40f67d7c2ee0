/* Files of pictures: the format is found first, then only its decoder runs. */
#include "ir/image.h"
#include "passes/expand.h"

static ir_inst *begin(mk *k, const ir_inst *source, ir_op op, int n, ir_value *const *in)
{
    ir_inst *inst = mk_begin(k, op, n, in);
    mk_int(inst, "height", ir_int(source, ATTR_AT(image_decoder, height)));
    mk_int(inst, "width", ir_int(source, ATTR_AT(image_decoder, width)));
    return inst;
}

/* out: image and extents. */
static void decode_by(mk *k, const ir_inst *source, ir_op op, ir_value **out)
{
    ir_inst *inst = begin(k, source, op, 1, &source->in[0]);
    mk_text(k, inst, "pixel_format", source->attr[ATTR_AT(image_decoder, pixel_format)].s);
    mk_end(k, inst, 2);
    for (int i = 0; i < 2; i++) out[i] = inst->out[i];
}

static void decode_jpeg(mk *k, const ir_inst *source, ir_value **out)
{
    ir_inst *inst = begin(k, source, IR_jpeg_coefficients, 1, &source->in[0]);
    mk_end(k, inst, 3);
    ir_value *frame = inst->out[2], *samples = mk_op2(k, IR_jpeg_samples, inst->out[0], inst->out[1]);
    for (int i = 0; i < 3; i++) ex_named(inst->out[i], (const char *[]){"coefficients", "quantization", "frame"}[i]);
    inst = begin(k, source, IR_jpeg_image, 2, (ir_value *[]){ex_named(samples, "samples"), frame});
    mk_text(k, inst, "pixel_format", source->attr[ATTR_AT(image_decoder, pixel_format)].s);
    out[0] = mk_end(k, inst, 1);
    out[1] = mk_slice(k, frame, 0, mk_sx(k, JPEG_HEIGHT), mk_sx(k, JPEG_WIDTH + 1));
}

void ex_decode_png(mk *k, const ir_inst *source, ir_value **out)
{
    ir_inst *inst = begin(k, source, IR_png_bytes, 1, &source->in[0]);
    mk_end(k, inst, 3);
    ir_value *head = inst->out[2];
    for (int i = 0; i < 3; i++) ex_named(inst->out[i], (const char *[]){"rows", "palette", "head"}[i]);
    inst = begin(k, source, IR_png_image, 3, (ir_value *[]){inst->out[0], inst->out[1], head});
    mk_text(k, inst, "pixel_format", source->attr[ATTR_AT(decode_png, pixel_format)].s);
    out[0] = mk_end(k, inst, 1);
    out[1] = mk_slice(k, head, 0, mk_sx(k, PNG_HEIGHT), mk_sx(k, PNG_WIDTH + 1));
}

/* A loop of one trip, or none, for each format. */
void ex_image_decoder(mk *k, const ir_inst *inst, ir_value **out)
{
    static const struct {
        const char *name;
        ir_op op;
    } formats[IMAGE_FORMATS] = {[IMAGE_BMP] = {"bmp", IR_decode_bmp}, [IMAGE_PNM] = {"pnm", IR_decode_pnm}, [IMAGE_TIFF] = {"tiff", IR_decode_tiff}, [IMAGE_PNG] = {"png", IR_decode_png}, [IMAGE_JPEG] = {"jpeg", IR_jpeg_coefficients}};
    ir_value *format = ex_named(mk_op1(k, IR_image_format, inst->in[0]), "format");
    for (int i = 0; i < 2; i++) out[i] = mk_filled(k, inst->out[i]->type, 0);
    for (int f = 0; f < IMAGE_FORMATS; f++) {
        const ir_sx *trips = mk_index_read(k, mk_pick(k, format, 0, mk_sx(k, f)), 0, 1);
        ir_value *next[2];
        mk_loop loop;
        mk_loop_begin(k, &loop, formats[f].name, mk_sx(k, 0), trips, 2, out);
        if (f == IMAGE_JPEG) decode_jpeg(k, inst, next);
        else decode_by(k, inst, formats[f].op, next);
        mk_loop_end(k, &loop, next);
        for (int i = 0; i < 2; i++) out[i] = loop.carried[i];
    }
}
