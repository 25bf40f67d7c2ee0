/* The scalar expressions of ops.def as functions, and a table of them. The includer defines
 *   SCALAR_TYPE          the type of an expression, and the meaning of ADD, MUL, ... over it;
 *   SCALAR_ENV           the type of E, which they may use;
 *   SCALAR_NAME(id)      the name of a function. */
typedef SCALAR_TYPE SCALAR_NAME(function)(SCALAR_ENV E, SCALAR_TYPE X, SCALAR_TYPE Y, SCALAR_TYPE Z);

#define SCALAR(id, expr)                                                                                    \
    static SCALAR_TYPE SCALAR_NAME(id)(SCALAR_ENV E, SCALAR_TYPE X, SCALAR_TYPE Y, SCALAR_TYPE Z)           \
    {                                                                                                       \
        (void)E, (void)X, (void)Y, (void)Z;                                                                 \
        return (SCALAR_TYPE)(expr);                                                                                      \
    }
#define EW1(id, a, types, flags, onnx, domain, ulp, expr, formula) SCALAR(id, expr)
#define EW2(id, a, b, types, flags, onnx, domain, ulp, expr, formula) SCALAR(id, expr)
#define EW(id, types, flags, onnx, domain, ulp, expr, formula) SCALAR(id, expr)
#define EWN(id, a, types, flags, onnx, domain, ulp, fold, finish, formula) SCALAR(id, fold) SCALAR(finish_##id, finish)
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"

/* By the op: its expression, or its fold of two operands and what finishes it. */
static const struct {
    SCALAR_NAME(function) *expr, *finish;
} SCALAR_NAME(of_op)[IR_OP_COUNT] = {
#define EW1(id, ...) [IR_##id] = {SCALAR_NAME(id), NULL},
#define EW2(id, ...) [IR_##id] = {SCALAR_NAME(id), NULL},
#define EW(id, ...) [IR_##id] = {SCALAR_NAME(id), NULL},
#define EWN(id, ...) [IR_##id] = {SCALAR_NAME(id), SCALAR_NAME(finish_##id)},
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

#undef SCALAR
#undef SCALAR_TYPE
#undef SCALAR_ENV
#undef SCALAR_NAME
