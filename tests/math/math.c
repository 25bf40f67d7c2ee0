/* math print              prints all scalar functions of ir/kmath.c as C
 * math print bare         as C for a machine without a library and a square root
 * math print fused        as C for a machine with fused multiply-adds
 * math print scaled       and with an instruction for a * 2^b, too
 * math print looked_up    and with one to look numbers up
 * math check A.so B.so .. measures the error of A's functions, and whether B, ... and the kernel
 *                         interpreter give the same bits
 * math check fused A.so B.so ..   the same without the interpreter, which fuses nothing */
#include <string.h>
#include "tests/math/check.h"

static kir_type type_of(int is_wide) { return is_wide ? DT_f64 : DT_f32; }

static const kir_func *function_of(ir_module *m, bool binary, int op, kir_type t)
{
    return binary ? kmath_binary(m, (kir_bin)op, t) : kmath_unary(m, (kir_un)op, t);
}

static bool is_math(bool binary, int op) { return (binary ? kir_bin_table[op].flags : kir_un_table[op].flags) & KIRF_MATH; }

/* A device of no vectors with these scalar instructions. */
static void give_instructions(ir_module *m, device *d, int n)
{
    static const device_spelling rows[] = {
        {.op = "fma", .type = DT_f32, .lanes = 1, .text = "__builtin_fmaf($0, $1, $2)"},
        {.op = "fma", .type = DT_f64, .lanes = 1, .text = "__builtin_fma($0, $1, $2)"},
        {.op = "scale", .type = DT_f32, .lanes = 1, .text = "ldexpf($0, (int)floorf($1))"},
        {.op = "scale", .type = DT_f64, .lanes = 1, .text = "ldexp($0, (int)floor($1))"},
        {.op = "lookup", .type = DT_f32, .lanes = 1, .text = ""}, /* of scalars no instruction: an array does it */
    };
    device_unit *unit = ARENA_NEW(m->arena, device_unit);
    for (int i = 0; i < n; i++) vec_push(m->arena, &unit->instruction, rows[i]);
    d->chosen = unit;
}

static int print_functions(ir_module *m, const char *how)
{
    const bool bare = strcmp(how, "bare") == 0;
    const int instructions = strcmp(how, "fused") == 0 ? 2 : strcmp(how, "scaled") == 0 ? 4 : strcmp(how, "looked_up") == 0 ? 5 : 0;
    device target = {.libc = !bare, .libm = !bare};
    if (instructions) give_instructions(m, &target, instructions);
    cg_module c = {.m = m, .arena = m->arena, .device = &target, .dialect = &dialect_c};
    c.helpers = text_new(m->arena);
    map_init(&c.have, m->arena);
    text *table = text_new(m->arena), *wrappers = text_new(m->arena);
    for (int binary = 0; binary < 2; binary++) {
        for (int op = 0; op < (binary ? KB_COUNT : KU_COUNT); op++) {
            if (!is_math(binary, op)) continue;
            const char *op_name = binary ? kir_bin_table[op].text : kir_un_table[op].text, *name[2];
            for (int is_wide = 0; is_wide < 2; is_wide++) {
                const kir_func *f = function_of(m, binary, op, type_of(is_wide));
                const char *broken = f ? kir_verify(m, f) : "has no body";
                if (broken) return fprintf(stderr, "%s: %s\n", op_name, broken), 1;
                name[is_wide] = cg_scalar_function(&c, binary, op, type_of(is_wide), 1);
                const char *ct = is_wide ? "double" : "float";
                line(wrappers, "static %s call_%s(%s x, %s y) { return (void)y, %s(%s); }", ct, name[is_wide], ct, ct, name[is_wide], binary ? "x, y" : "x");
            }
            line(table, "    {\"%s\", %d, call_%s, call_%s},", op_name, 1 + binary, name[0], name[1]);
        }
    }
    printf("#include <stddef.h>\n#include <string.h>\n#include <math.h>\n#include \"tests/math/math.h\"\n\n%s\n%s\n", c.helpers->at, wrappers->at);
    printf("static const math_function functions[] = {\n%s};\nextern const math_table table;\n", table->at);
    printf("const math_table table = {functions, (int)(sizeof functions / sizeof *functions)};\n");
    return 0;
}

int main(int argc, char **argv)
{
    nfc_session *s = session_new();
    ir_module *m = ir_module_new(s, "math");
    if (argc >= 2 && strcmp(argv[1], "print") == 0) return print_functions(m, argc > 2 ? argv[2] : "");
    const bool fused = argc >= 4 && strcmp(argv[2], "fused") == 0;
    if (argc >= 3 && strcmp(argv[1], "check") == 0) return check_all(fused ? NULL : m, argc - 2 - fused, argv + 2 + fused);
    return fputs("math print [bare | fused | scaled | looked_up] | math check [fused] A.so B.so ...\n", stderr), 2;
}
