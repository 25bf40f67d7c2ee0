/* Writing instructions: the importer builds graphs with it, the expand pass compositions.
 *
 * A builder stands at a place: at the end of a block, or before an instruction. Whatever it makes gets
 * its source span, scope and hints. A shape rule that refuses an instruction has reported it; the result
 * is poison then, which everything takes silently, and `failed` is set. */
#ifndef NFC_MAKE_H
#define NFC_MAKE_H

#include "ir/ir.h"

typedef struct mk {
    ir_module *m;
    ir_block *block;       /* new instructions are appended here, or */
    ir_inst *before;       /* put before this one */
    nfc_span at;
    const ir_scope *scope;
    const ir_hints *hints;
    bool failed;
    const ir_places *written; /* where the operands of the next instruction stand; NULL: at `at` */
    void (*made)(void *env, ir_inst *inst); /* is shown every instruction in its place; may be NULL */
    void *env;
} mk;

/* One instruction with its attributes: begin, set, end. An attribute that the op does not have is a
 * broken invariant. Operands may be NULL where they are optional. */
ir_inst *mk_begin(mk *k, ir_op op, int nin, ir_value *const *in);
void mk_int(ir_inst *inst, const char *attr, int64_t value);
void mk_float(ir_inst *inst, const char *attr, double value);
void mk_text(mk *k, ir_inst *inst, const char *attr, const char *value);
void mk_dtype(ir_inst *inst, const char *attr, nfc_dtype value);
void mk_ints(mk *k, ir_inst *inst, const char *attr, int n, const int64_t *value);
void mk_sxs(mk *k, ir_inst *inst, const char *attr, int n, const ir_sx *const *value);
void mk_floats(mk *k, ir_inst *inst, const char *attr, int n, const double *value);
void mk_index(ir_inst *inst, int i, const ir_sx *value);
/* Infers the results (nresult of them at least), puts the instruction in its place, gives result 0. */
ir_value *mk_end(mk *k, ir_inst *inst, int nresult);

/* Puts an instruction that has its results in its place. */
void mk_put(mk *k, ir_inst *inst);

/* Ops without attributes. */
ir_value *mk_op1(mk *k, ir_op op, ir_value *x);
ir_value *mk_op2(mk *k, ir_op op, ir_value *x, ir_value *y);
ir_value *mk_op3(mk *k, ir_op op, ir_value *x, ir_value *y, ir_value *z);

/* Constants. The bytes are kept, not copied. */
ir_value *mk_const(mk *k, const ir_type *type, const void *data);
ir_value *mk_number(mk *k, nfc_dtype dtype, double value);
ir_value *mk_integer(mk *k, nfc_dtype dtype, int64_t value);
ir_value *mk_int_vector(mk *k, nfc_dtype dtype, int n, const int64_t *value);
/* A tensor of zeros, or of one number, with this type. */
ir_value *mk_filled(mk *k, const ir_type *type, double value);

/* The usual moves. Extents and positions are symbolic; an operand that has the shape already is given
 * back as it is. */
ir_value *mk_cast(mk *k, ir_value *x, nfc_dtype to);
ir_value *mk_reshape(mk *k, ir_value *x, int rank, const ir_sx *const *dim);
ir_value *mk_expand(mk *k, ir_value *x, int rank, const ir_sx *const *dim);
ir_value *mk_transpose(mk *k, ir_value *x, const int *perm);
/* Elements begin .. end - 1 of an axis; what the bounds do not show to lie inside is checked in the run. */
ir_value *mk_slice(mk *k, ir_value *x, int axis, const ir_sx *begin, const ir_sx *end);
/* Element `at` of an axis, which goes. */
ir_value *mk_pick(mk *k, ir_value *x, int axis, const ir_sx *at);
/* The data with the box of value's shape at starts (one entry an axis) replaced by value. */
ir_value *mk_update(mk *k, ir_value *data, ir_value *value, const ir_sx *const *starts);
ir_value *mk_concat(mk *k, int n, ir_value *const *x, int axis);
ir_value *mk_unsqueeze(mk *k, ir_value *x, int axis);
ir_value *mk_squeeze(mk *k, ir_value *x, int axis);
ir_value *mk_gather(mk *k, ir_value *data, ir_value *indices, int axis);
/* A reduction over the axes of a mask (bit i: axis i). */
ir_value *mk_reduce(mk *k, ir_op op, ir_value *x, uint32_t axes, bool keepdims);

/* An index as a rank-0 i64 tensor (constants are constants); an integer scalar as an index that lies
 * between lo and hi by construction: what is not certain must be checked with a `require` before. */
ir_value *mk_index_tensor(mk *k, const ir_sx *x, nfc_dtype dtype);
const ir_sx *mk_index_read(mk *k, ir_value *scalar, int64_t lo, int64_t hi);
/* x, which lies in [min, max] from here on: a run in which it does not ends with an error. Gives x back
 * where that is certain. x may be made of indices of 64 bits; what indices, extents and bounds are made
 * of must not leave 64 bits (sx_fits), so it has to be required first. */
const ir_sx *mk_require(mk *k, const ir_sx *x, int64_t min, int64_t max);
/* Indices as a vector [n]. */
ir_value *mk_index_vector(mk *k, int n, const ir_sx *const *x, nfc_dtype dtype);

/* A counted loop over begin .. end - 1 with carried values. Between the two calls the builder writes the
 * body: `index` is the trip's, carried[i] the values of this trip. mk_loop_end() takes those of the next
 * trip, of the same types, and leaves in carried[] what the loop gives. */
typedef struct mk_loop {
    ir_inst *inst;
    const ir_sx *index;
    int n;
    ir_value **carried;
    mk outside;
} mk_loop;
void mk_loop_begin(mk *k, mk_loop *loop, const char *name, const ir_sx *begin, const ir_sx *end, int n, ir_value *const *init);
void mk_loop_end(mk *k, mk_loop *loop, ir_value *const *next);

/* Blocks. An If is a jump to one of two blocks, which both jump to a third with their results:
 *
 *   ir_block *then = mk_block(k, "then", 0, NULL), *otherwise = mk_block(k, "else", 0, NULL);
 *   ir_block *join = mk_block(k, "join", n, types);
 *   mk_cond_branch(k, cond, then, 0, NULL, otherwise, 0, NULL);
 *   mk_stand(k, then);      ... mk_branch(k, join, n, a);
 *   mk_stand(k, otherwise); ... mk_branch(k, join, n, b);
 *   mk_stand(k, join);      join->arg.at[i] are the results
 *
 * They may stand in the body of the graph and of a loop. What was made before the jump is known in all
 * three, and in loops inside of them. mk_loop_end() puts the blocks of its loop in order; of the graph's
 * body ir_order_blocks() does, when all is there. */
ir_block *mk_block(mk *k, const char *name, int n, const ir_type *const *types);
/* Goes on at the end of a block. */
void mk_stand(mk *k, ir_block *block);
void mk_branch(mk *k, ir_block *to, int n, ir_value *const *args);
void mk_cond_branch(mk *k, ir_value *cond, ir_block *then, int nthen, ir_value *const *then_args, ir_block *otherwise, int nother, ir_value *const *other_args);
/* Leaves the innermost loop with its results. What follows begins with mk_stand(). */
void mk_break(mk *k, int n, ir_value *const *values);

/* Symbolic integers. */
#define mk_sx(k, value) sx_int(&(k)->m->sx, value)
static inline const ir_sx *mk_extent(const ir_value *x, int axis) { return x->type->dim[axis]; }

#endif
