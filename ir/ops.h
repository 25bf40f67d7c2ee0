/* What ir/ops.def says, as tables. */
#ifndef NFC_OPS_H
#define NFC_OPS_H

#include <stdbool.h>
#include <stdint.h>
#include "ir/arena.h"
#include "ir/dtype.h"

typedef enum ir_op {
#define OP(id, ...) IR_##id,
#define EW1(id, ...) IR_##id,
#define EW2(id, ...) IR_##id,
#define EW(id, ...) IR_##id,
#define EWN(id, ...) IR_##id,
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
    IR_OP_COUNT
} ir_op;

/* Each op counts as one here, and each of its attributes follows it as one more. */
enum {
#define OP(id, ...) A_base_##id,
#define EW1(id, ...) A_base_##id,
#define EW2(id, ...) A_base_##id,
#define EW(id, ...) A_base_##id,
#define EWN(id, ...) A_base_##id,
#define ATTR(op, name, ...) A_abs_##op##_##name,
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
    A_end_
};
/* The index of an attribute within its op: ATTR_AT(conv, group). */
#define ATTR_AT(op, name) (A_abs_##op##_##name - A_base_##op - 1)

typedef enum {
    FAM_CORE, /* the IR's own: constants, loops, effects, terminators; not written as `op` */
    FAM_EW,   /* elementwise: one scalar expression */
    FAM_MAP,  /* an element of the result is an expression over elements at mapped indices */
    FAM_VIEW, /* the operands' elements under other indices: a view, or a copy */
    FAM_NEST, /* a loop nest of its own: reductions, contractions, windows, scans */
    FAM_EXPAND, /* said by other ops, which the pass `expand` puts in its place */
} op_family;

enum op_flags {
    OPF_PURE = 1,        /* no effect: may be dropped, merged, folded */
    OPF_COMMUTES = 2,    /* a and b may be swapped */
    OPF_IDEMPOTENT = 4,  /* f(f(x)) = f(x) */
    OPF_TERMINATOR = 8,
    OPF_VIEW = 16,       /* the result is the operand's elements in the same order: no code */
    OPF_BOOL = 32,       /* the result is bool whatever the operands are */
    OPF_CAN_FAIL = 64,   /* on integers it can divide by zero; on indices leave the range */
    OPF_HEAVY = 128,     /* too much work to do again in each consumer, or for each element of one */
    OPF_INPLACE = 256,   /* the kernel may write its result over operand 0 */
    OPF_ALONE = 512,     /* its loops read what they stored: nothing is worked out before the store */
    OPF_MOVES = 1024,    /* as a FAM_VIEW op: the result's elements are those of the operands of type T, or zero */
    OPF_CHANNELS = 2048, /* works on places with all their channels, axis 1 of operand 0 and the results */
    OPF_PLACED = 4096,   /* as an elementwise op of operand 0: its element at the same place, and what all share */
    OPF_LOADS_ONCE = 8192,   /* of operand 0, each element */
    OPF_LOADS_TWICE = 16384, /* the same */
};

/* Where a unary function is defined, for tests and goldens. */
typedef enum { DOM_ALL, DOM_POSITIVE, DOM_NONZERO, DOM_UNIT, DOM_GE1, DOM_SMALL, DOM_SHIFT } op_domain;

typedef enum { OPER_REQUIRED, OPER_OPTIONAL, OPER_VARIADIC } op_presence;

typedef struct op_operand {
    const char *name;
    int type_var;       /* 0 T, 1 U, 2 V; -1: `types` alone says */
    uint32_t types;     /* set of dtypes */
    op_presence presence;
} op_operand;

typedef struct op_result {
    const char *name;
    int type_var;
    nfc_dtype dtype;    /* when type_var is -1; DT_COUNT: the shape rule says */
    bool optional;
} op_result;

typedef enum { ATTR_INT, ATTR_BOOL, ATTR_FLOAT, ATTR_ENUM, ATTR_STR, ATTR_DTYPE, ATTR_INTS, ATTR_SXS, ATTR_FLOATS } op_attr_kind;

typedef struct op_attr {
    const char *name;
    op_attr_kind kind;
    bool required;
    const char *fallback; /* the default as text; "" none; ENUM: "first|second|..." with the default first */
    const char *doc;
} op_attr;

typedef struct op_index {
    const char *name;
    bool required;
    int64_t fallback;
} op_index;

struct infer;
typedef bool op_shape_rule(struct infer *);
struct ir_inst;
/* Multiply-adds of an instruction, with free dims at their bounds. */
typedef int64_t op_mac_rule(const struct ir_inst *);

/* What ops of one kind share: a `rule` of ops.def. */
typedef struct op_rule {
    const char *name;
    op_shape_rule *shape;
    op_mac_rule *macs;
    const char *shape_text; /* what it makes of the operands' shapes, in words */
} op_rule;

typedef struct op_info {
    const char *name;
    op_family family;
    unsigned flags;
    const char *onnx; /* "" : none */
    op_domain domain;
    const char *doc;        /* of an elementwise op: its formula */
    const char *expression; /* of an elementwise op, as ops.def has it */
    int ulp;
    uint32_t types[3]; /* sets of the type variables T, U, V */
    const op_operand *in;
    const op_result *out;
    const op_attr *attr;
    const op_index *index;
    int nin, nout, nattr, nindex;
    const op_rule *rule;
} op_info;

const op_info *op_get(ir_op op);
/* The op of this name or alias, or IR_OP_COUNT. */
ir_op op_lookup(const char *name);
/* All names and aliases that the language knows, NULL-terminated, for suggestions. */
const char *const *op_names(void);
/* The attribute's index in the op, or -1. */
int op_attr_find(const op_info *info, const char *name);
int op_operand_find(const op_info *info, const char *name);
/* The operand in whose element type an elementwise op is worked out: the first one of type T. */
int op_working_operand(const op_info *info);
int op_index_find(const op_info *info, const char *name);
/* "f32, f16" for a set of dtypes. */
const char *op_types_text(nfc_arena *a, uint32_t types);
/* Builds the tables; called once, before anything else is asked. */
void ops_init(void);

#endif
