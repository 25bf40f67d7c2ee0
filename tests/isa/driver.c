/* driver.c: says which version init took of digits, then for each version whether the processor has it, and the logits that it
 * gives for the image on stdin. */
#include <stdio.h>
#include "digits.h"

static _Alignas(DIGITS_ARENA_ALIGN) unsigned char arena[DIGITS_ARENA_BYTES];

int main(void)
{
    digits_ctx ctx;
    unsigned char pixels[64];
    float logits[10];
    int64_t digit;
    digits_in in = {.pixels = pixels};
    digits_out out = {.logits = logits, .digit = &digit};
    if (fread(pixels, 1, sizeof pixels, stdin) != sizeof pixels) return 2;
    if (digits_init(&ctx, arena, sizeof arena)) return 3;
    printf("%s\n", digits_isa_name(ctx.isa));
    for (int isa = 0; isa < DIGITS_ISAS; isa++) {
        const int before = ctx.isa, set = digits_set_isa(&ctx, isa);
        printf("%s %d", digits_isa_name(isa), digits_has_isa(isa));
        if (digits_has_isa(isa) != (set == DIGITS_OK)) return 4;
        if (set != DIGITS_OK && (set != DIGITS_ERROR_ARGUMENT || ctx.isa != before)) return 5;
        if (set == DIGITS_OK && digits_run(&ctx, &in, &out) != DIGITS_OK) return 6;
        for (int i = 0; i < 10 && set == DIGITS_OK; i++) printf(" %.9g", (double)logits[i]);
        putchar('\n');
    }
    if (digits_has_isa(-1) || digits_has_isa(DIGITS_ISAS) || digits_set_isa(&ctx, DIGITS_ISAS) == DIGITS_OK || *digits_isa_name(-1)) return 7;
    return 0;
}
