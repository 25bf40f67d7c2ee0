/* math print              prints all scalar functions of ir/kmath.c as C
 * math print bare         as C for a machine without a library and a square root
 * math check A.so B.so .. measures the error of A's functions, and whether B, ... and the kernel
 *                         interpreter give the same bits */
#include <string.h>
#include "tests/math/check.h"

static kir_type type_of(int is_wide) { return is_wide ? DT_f64 : DT_f32; }

static const kir_func *function_of(ir_module *m, bool binary, int op, kir_type t)
{
    return binary ? kmath_binary(m, (kir_bin)op, t) : kmath_unary(m, (kir_un)op, t);
}

static bool is_math(bool binary, int op) { return (binary ? kir_bin_table[op].flags : kir_un_table[op].flags) & KIRF_MATH; }

static int print_functions(ir_module *m, bool bare)
{
    const device target = {.libc = !bare, .libm = !bare};
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
                name[is_wide] = cg_scalar_function(&c, f, op_name, type_of(is_wide), 1);
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
    if (argc >= 2 && strcmp(argv[1], "print") == 0) return print_functions(m, argc > 2);
    if (argc >= 3 && strcmp(argv[1], "check") == 0) return check_all(m, argc - 2, argv + 2);
    return fputs("math print [bare] | math check A.so B.so ...\n", stderr), 2;
}
