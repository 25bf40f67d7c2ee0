/* What the ops that decode pictures pass to each other. */
#ifndef NFC_IMAGE_H
#define NFC_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/* In the order of image_format's result. */
typedef enum { IMAGE_BMP, IMAGE_PNM, IMAGE_TIFF, IMAGE_PNG, IMAGE_JPEG, IMAGE_FORMATS } image_format;

/* How the files of a format begin. None is shorter than `least`. */
typedef struct image_sign {
    image_format format;
    int count;
    const char *bytes;
    int least;
} image_sign;

enum { IMAGE_SIGNS = 6 };
static const image_sign image_signs[IMAGE_SIGNS] = {
    {IMAGE_BMP, 2, "BM", 54},
    {IMAGE_PNM, 1, "P", 8},
    {IMAGE_TIFF, 4, "II*\0", 8},
    {IMAGE_TIFF, 4, "MM\0*", 8},
    {IMAGE_PNG, 8, "\x89PNG\r\n\x1a\n", 45},
    {IMAGE_JPEG, 3, "\xff\xd8\xff", 4},
};

/* JPEG: parts are Y, Cb and Cr, or R, G and B, or grey alone. The samples of each are kept for the largest
 * picture, in whole blocks of 8 by 8, whose sides hold an even number of them. */
enum { JPEG_PARTS = 3, JPEG_BLOCK = 8, JPEG_ELEMENTS = JPEG_BLOCK * JPEG_BLOCK };
/* The numbers of `frame`. A part has down / DOWNS of the picture's rows, across / ACROSSES of its columns. */
enum { JPEG_HEIGHT, JPEG_WIDTH, JPEG_COUNT, JPEG_IS_YCC, JPEG_DOWN, JPEG_ACROSS = JPEG_DOWN + JPEG_PARTS, JPEG_FRAME = JPEG_ACROSS + JPEG_PARTS };
static inline int64_t jpeg_blocks(int64_t side) { return (side + 2 * JPEG_BLOCK - 1) / (2 * JPEG_BLOCK) * 2; }

/* PNG: the bytes of the rows of all passes, each behind the byte that names its filter, of a picture of at most
 * `height` by `width` elements, which have 8 bytes at most. Interlaced it has 15/8 of the rows, rounded up 7 times. */
enum { PNG_COLOURS = 256 };
static inline int64_t png_room(int64_t height, int64_t width) { return height * (8 * width + 2) + 7; }
/* The numbers of `head`. Kinds of elements: 0 grey, 2 RGB, 3 of a palette, 4 and 6 the first two with alpha. */
enum { PNG_HEIGHT, PNG_WIDTH, PNG_KIND, PNG_DEPTH, PNG_INTERLACED, PNG_HEAD };

#endif
