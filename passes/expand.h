/* Ops that are said by other ops.
 *
 * A FAM_EXPAND row has no kernel. Its ex_ writes what it means with the builder of ir/make.h, in front
 * of the instruction: primitive ops, loops, other FAM_EXPAND ops, which the pass takes apart in turn. It
 * leaves in out[] the values that stand for the instruction's results, of their types. The simulator
 * does not see any of this: it evaluates the row itself. */
#ifndef NFC_EXPAND_H
#define NFC_EXPAND_H

#include "ir/make.h"

typedef void expand_rule(mk *k, const ir_inst *inst, ir_value **out);
/* NULL where the row is of another family. */
expand_rule *expand_rule_of(ir_op op);

#define OP(id, family, rule, ...) EXPAND_##family(rule)
#define EXPAND_FAM_EXPAND(rule) expand_rule ex_##rule;
#define EXPAND_FAM_CORE(rule)
#define EXPAND_FAM_MAP(rule)
#define EXPAND_FAM_VIEW(rule)
#define EXPAND_FAM_NEST(rule)
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"

/* The type to work in: what is narrower than f32 is worked out in f32 and rounded once, in the result,
 * as a kernel would. */
nfc_dtype ex_working(nfc_dtype t);
/* Operand i in its working type; NULL where it is absent. */
ir_value *ex_operand(mk *k, const ir_inst *inst, int i);
/* The value as a result of this instruction: in its element type. */
ir_value *ex_result(mk *k, const ir_inst *inst, int i, ir_value *v);
/* x with a number, in the type of x. */
ir_value *ex_by(mk *k, ir_op op, ir_value *x, double number);
/* data with `value` in the place of its rows from `at` on along axis 0. */
ir_value *ex_put(mk *k, ir_value *data, ir_value *value, const ir_sx *at);
/* Gives a value that was made here a name for whoever reads the code: else it has its op's. */
ir_value *ex_named(ir_value *v, const char *name);
#define ex_add(k, x, y) mk_op2(k, IR_add, x, y)
#define ex_sub(k, x, y) mk_op2(k, IR_sub, x, y)
#define ex_mul(k, x, y) mk_op2(k, IR_mul, x, y)
#define ex_div(k, x, y) mk_op2(k, IR_div, x, y)

#endif
