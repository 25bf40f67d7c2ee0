/* The steps of decoding PNG and JPEG, which are ops of their own, for the simulator's image_decoder. */
#ifndef NFC_SIM_IMAGE_H
#define NFC_SIM_IMAGE_H

#include "ir/image.h"
#include "ir/sim.h"

/* Does a file begin as one of this format? */
bool sim_image_begins(const sim_tensor *bytes, image_format format);
/* Of the call's operand 0. out: rows, palette, head, zeroed before. height and width: of the largest picture. */
void sim_png_read(sim_call *c, int64_t height, int64_t width, sim_tensor *const *out);
/* image: [height, width, 3 or 1], zeroed before; pixel_format: as of image_decoder. */
void sim_png_image(const sim_tensor *rows, const sim_tensor *palette, const sim_tensor *head, const char *pixel_format, sim_tensor *image);
/* out: coefficients, quantization, frame, zeroed before. height and width: of the largest picture. */
void sim_jpeg_read(const sim_tensor *bytes, int64_t height, int64_t width, sim_tensor *const *out);
void sim_jpeg_samples(const sim_tensor *coefficients, const sim_tensor *quantization, sim_tensor *samples);
/* image: [height, width, 3 or 1], zeroed before; pixel_format: as of image_decoder. */
void sim_jpeg_image(const sim_tensor *samples, const sim_tensor *frame, const char *pixel_format, sim_tensor *image);
/* Element (y, x) of an image in its pixel format. */
void sim_put_pixel(sim_tensor *image, const char *pixel_format, int64_t y, int64_t x, const int64_t rgb[3]);

#endif
