#ifndef NFC_CANON_WIDEN_H
#define NFC_CANON_WIDEN_H

#include "ir/ir.h"

/* Elements of a weight, under other extents or in another order perhaps, and packed. */
bool canon_is_of_weight(const ir_value *v);
/* A weight kept in another type, which is widened wherever it is loaded. */
bool canon_is_widened_weight(const ir_inst *p);
/* For a transpose of such a weight: the same with the transpose before it; NULL: it is none. */
ir_value *canon_widen_turned(ir_module *m, ir_inst *transpose);

#endif
