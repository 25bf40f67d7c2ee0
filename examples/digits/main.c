/* Classifies the held-back images and compares with their labels and with what the trainer's own
 * network said: digits FOLDER. Exits with 1 unless every answer is the trainer's. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "digits.h"
#include "nf_file.h"
#include "nf_npy.h"

enum { IMAGES = 360, SIDE = 8, SHOWN = 8 };

typedef unsigned char picture[SIDE][SIDE];

/* Reads FOLDER/held_back_NAME.npy, which must be u8 with `count` elements. */
static int read_bytes(const char *folder, const char *name, int64_t count, void *data)
{
    char path[4096];
    nf_npy file;
    int length = snprintf(path, sizeof path, "%s/held_back_%s.npy", folder, name);
    if (length < 0 || (size_t)length >= sizeof path) return nf_error(NF_EXIT_USAGE, folder, "too long a name");
    int status = nf_npy_open(&file, path);
    if (status) return status;
    if (strcmp(file.type, "u1") == 0 && nf_npy_count(&file) == count) return nf_npy_read(&file, data);
    nf_npy_close(&file);
    return nf_error(NF_EXIT_BAD, path, "not %d bytes of u8", (int)count);
}

/* The first images side by side, and what the network sees in them. */
static void show(const picture *image, const int64_t *answer)
{
    for (int row = 0; row < SIDE; row++, putchar('\n'))
        for (int i = 0; i < SHOWN; i++, putchar(' '))
            for (int column = 0; column < SIDE; column++) putchar(" .:-=+*#%@"[image[i][row][column] * 9 / 16]);
    for (int i = 0; i < SHOWN; i++) printf("   %d     ", (int)answer[i]);
    printf("\n\n");
}

static int run_all(const picture *image, int64_t *answer)
{
    static digits_ctx ctx;
    static _Alignas(DIGITS_ARENA_ALIGN) unsigned char arena[DIGITS_ARENA_BYTES + 1];
    float logits[10];
    int status = digits_init(&ctx, arena, DIGITS_ARENA_BYTES);
    for (int i = 0; i < IMAGES && !status; i++) {
        digits_in in = {.pixels = image[i][0]};
        digits_out out = {.logits = logits, .digit = &answer[i]};
        status = digits_run(&ctx, &in, &out);
    }
    return status ? nf_error(NF_EXIT_BAD, "digits", "%s", digits_status_text(status)) : 0;
}

int main(int argc, char **argv)
{
    static picture image[IMAGES];
    static int64_t answer[IMAGES];
    unsigned char label[IMAGES], trainer[IMAGES];
    int right = 0, right_there = 0, same = 0;
    if (argc != 2) return nf_error(NF_EXIT_USAGE, "digits", "usage: digits FOLDER, the one with held_back_images.npy");
    int status = read_bytes(argv[1], "images", sizeof image, image);
    if (!status) status = read_bytes(argv[1], "labels", sizeof label, label);
    if (!status) status = read_bytes(argv[1], "predictions", sizeof trainer, trainer);
    if (!status) status = run_all((const picture *)image, answer);
    if (status) return status;
    show((const picture *)image, answer);
    for (int i = 0; i < IMAGES; i++) {
        right += answer[i] == label[i];
        right_there += trainer[i] == label[i];
        same += answer[i] == trainer[i];
    }
    printf("%d of %d held-back images are right: %.2f %%; the trainer measured %.2f %%\n", right, IMAGES, 100.0 * right / IMAGES, 100.0 * right_there / IMAGES);
    printf("%d of %d answers are the trainer's own\n", same, IMAGES);
    return same == IMAGES ? NF_EXIT_OK : NF_EXIT_BAD;
}
