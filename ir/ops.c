#include "ir/ops.h"

#include <stdlib.h>
#include <string.h>
#include "ir/ops_sets.h"
#include "ir/shape.h"

#define FLOATS SET_FLOATS
#define INTS SET_INTS
#define BOOLS SET_BOOLS
#define NUM SET_NUM
#define SNUM SET_SNUM
#define NUMB SET_NUMB
#define NUM_NO_F8 SET_NUM_NO_F8
#define ANY SET_ANY
#define INDICES SET_INDICES
#define SPECIAL SET_SPECIAL
#define U8 SET_U8
#define I16 SET_I16
#define I32 SET_I32
#define I64 SET_I64
#define QUANTISED SET_QUANTISED
#define BYTES SET_BYTES
#define SCALES SET_SCALES
#define F32 SET_F32
#define REALS SET_REALS
#define WORDS SET_WORDS

/* ---- rows --------------------------------------------------------------------------------- */

#define RULE(rule, macs, shape) static const op_rule rule_##rule = {#rule, sh_##rule, mc_##macs, shape};
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"

/* A row without a doc does not build. */
#define DOCUMENTED(row, doc) _Static_assert(sizeof(doc) > 1, #row " has no doc");
#define OP(id, fam, ruled, fl, onnx_name, text) DOCUMENTED(id, text)
#define EW1(id, a, set, fl, onnx_name, dom, bound, expr, formula) DOCUMENTED(id, formula)
#define EW2(id, a, b, set, fl, onnx_name, dom, bound, expr, formula) DOCUMENTED(id, formula)
#define EW(id, set, fl, onnx_name, dom, bound, expr, formula) DOCUMENTED(id, formula)
#define EWN(id, a, set, fl, onnx_name, dom, bound, fold, finish, formula) DOCUMENTED(id, formula)
#define ATTR(id, name, kind, required, fallback, doc) DOCUMENTED(name of id, doc)
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"

static op_info table[IR_OP_COUNT] = {
#define OP(id, fam, ruled, fl, onnx_name, text)                                                    \
    [IR_##id] = {.name = #id, .family = fam, .flags = (fl), .onnx = onnx_name, .doc = text,        \
                 .expression = "", .rule = &rule_##ruled},
#define EW_ROW(id, set, fl, onnx_name, dom, bound, expr, formula)                                  \
    [IR_##id] = {.name = #id, .family = FAM_EW, .flags = OPF_PURE | (fl), .onnx = onnx_name,       \
                 .domain = DOM_##dom, .ulp = bound, .doc = formula, .expression = expr,            \
                 .types = {set}, .rule = &rule_elementwise},
#define EW1(id, a, set, fl, onnx_name, dom, bound, expr, formula)                                  \
    EW_ROW(id, set, fl, onnx_name, dom, bound, #expr, formula)
#define EW2(id, a, b, set, fl, onnx_name, dom, bound, expr, formula)                               \
    EW_ROW(id, set, fl, onnx_name, dom, bound, #expr, formula)
#define EW(id, set, fl, onnx_name, dom, bound, expr, formula)                                      \
    EW_ROW(id, set, fl, onnx_name, dom, bound, #expr, formula)
#define EWN(id, a, set, fl, onnx_name, dom, bound, fold, finish, formula)                          \
    EW_ROW(id, set, fl, onnx_name, dom, bound, #fold "; " #finish, formula)
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

/* Rows of operands, results and so on, each with the op that they belong to, in the order of ops. */
typedef struct {
    ir_op op;
    int var;
    uint32_t set;
} type_row;

/* A type variable in an IN or OUT row; anything else is a set. */
enum { VAR_T = 1 << 30, VAR_U, VAR_V };
#define T VAR_T
#define U VAR_U
#define V VAR_V

static const type_row type_rows[] = {
#define TYPES(op, v, set) {IR_##op, (v)-VAR_T, set},
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

static struct {
    ir_op op;
    op_operand row;
} in_rows[] = {
#define OPERAND(id, name, type, presence)                                                          \
    {IR_##id, {#name, (int)(type) >= VAR_T ? (int)(type)-VAR_T : -1, (int)(type) >= VAR_T ? 0 : (uint32_t)(type), OPER_##presence}},
#define EW1(id, a, ...) OPERAND(id, a, T, REQUIRED)
#define EW2(id, a, b, ...) OPERAND(id, a, T, REQUIRED) OPERAND(id, b, T, REQUIRED)
#define EWN(id, a, ...) OPERAND(id, a, T, VARIADIC)
#define IN(id, name, type, presence) OPERAND(id, name, type, presence)
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

static struct {
    ir_op op;
    op_result row;
} out_rows[] = {
#define RESULT(id, name, var, dtype, optional) {IR_##id, {name, var, dtype, optional}},
#define EW1(id, ...) RESULT(id, "y", 0, DT_COUNT, false)
#define EW2(id, ...) RESULT(id, "y", 0, DT_COUNT, false)
#define EW(id, ...) RESULT(id, "y", 0, DT_COUNT, false)
#define EWN(id, ...) RESULT(id, "y", 0, DT_COUNT, false)
#define OUT_VAR_T 0
#define OUT_VAR_U 1
#define OUT_VAR_V 2
#define OUT_VAR_i64 -1
#define OUT_VAR_i16 -1
#define OUT_VAR_i32 -1
#define OUT_VAR_u8 -1
#define OUT_VAR_f32 -1
#define OUT_VAR_RULE -1
#define OUT_DT_T DT_COUNT
#define OUT_DT_U DT_COUNT
#define OUT_DT_V DT_COUNT
#define OUT_DT_i64 DT_i64
#define OUT_DT_i16 DT_i16
#define OUT_DT_i32 DT_i32
#define OUT_DT_u8 DT_u8
#define OUT_DT_f32 DT_f32
#define OUT_DT_RULE DT_COUNT
#define OUT(id, name, type, optional) RESULT(id, #name, OUT_VAR_##type, OUT_DT_##type, optional)
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

static struct {
    ir_op op;
    op_attr row;
} attr_rows[] = {
#define ATTR(id, name, kind, required, fallback, doc) {IR_##id, {#name, ATTR_##kind, required, fallback, doc}},
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

static struct {
    ir_op op;
    op_index row;
} index_rows[] = {
#define IDX(id, name, required, fallback) {IR_##id, {#name, required, fallback}},
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

static const struct {
    const char *name;
    ir_op op;
} aliases[] = {
#define ALIAS(name, op) {#name, IR_##op},
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static op_operand operands[COUNT(in_rows)];
static op_result results[COUNT(out_rows)];
static op_attr attrs[COUNT(attr_rows)];
static op_index indices[COUNT(index_rows)];
static const char *names[IR_OP_COUNT + COUNT(aliases) + 1];

/* Packs the rows of each op side by side, whatever order the file has them in. */
#define GATHER(rows, packed, member, count)                                                        \
    for (int op = 0, next = 0; op < IR_OP_COUNT; op++) {                                           \
        table[op].member = &packed[next];                                                          \
        for (int i = 0; i < COUNT(rows); i++)                                                      \
            if (rows[i].op == (ir_op)op) {                                                         \
                packed[next++] = rows[i].row;                                                      \
                table[op].count++;                                                                 \
            }                                                                                      \
    }

void ops_init(void)
{
    if (names[0]) return;
    GATHER(in_rows, operands, in, nin)
    GATHER(out_rows, results, out, nout)
    GATHER(attr_rows, attrs, attr, nattr)
    GATHER(index_rows, indices, index, nindex)
    for (int i = 0; i < COUNT(type_rows); i++) table[type_rows[i].op].types[type_rows[i].var] = type_rows[i].set;
    int n = 0;
    for (int op = 0; op < IR_OP_COUNT; op++)
        if (table[op].family != FAM_CORE) names[n++] = table[op].name;
    for (int i = 0; i < COUNT(aliases); i++) names[n++] = aliases[i].name;
}

/* ---- asking ------------------------------------------------------------------------------- */

const op_info *op_get(ir_op op) { return &table[op]; }
const char *const *op_names(void) { return names; }

ir_op op_lookup(const char *name)
{
    for (int op = 0; op < IR_OP_COUNT; op++)
        if (strcmp(table[op].name, name) == 0) return (ir_op)op;
    for (int i = 0; i < COUNT(aliases); i++)
        if (strcmp(aliases[i].name, name) == 0) return aliases[i].op;
    return IR_OP_COUNT;
}

#define FIND(rows, count)                                                                          \
    for (int i = 0; i < info->count; i++)                                                          \
        if (strcmp(info->rows[i].name, name) == 0) return i;                                       \
    return -1;

int op_attr_find(const op_info *info, const char *name) { FIND(attr, nattr) }
int op_operand_find(const op_info *info, const char *name) { FIND(in, nin) }
int op_index_find(const op_info *info, const char *name) { FIND(index, nindex) }

int op_working_operand(const op_info *info)
{
    int i = 0;
    while (i < info->nin - 1 && info->in[i].type_var != 0) i++;
    return i;
}

const char *op_types_text(nfc_arena *a, uint32_t types)
{
    const char *text = "";
    for (int t = 0; t < DT_COUNT; t++)
        if (types >> t & 1) text = arena_printf(a, "%s%s%s", text, *text ? ", " : "", dtype_name((nfc_dtype)t));
    return text;
}
