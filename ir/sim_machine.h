/* What the files of the simulator share: ir/sim.c runs, the others are what it runs on. */
#ifndef NFC_SIM_MACHINE_H
#define NFC_SIM_MACHINE_H

#include "ir/sim.h"

struct sim {
    ir_module *m;
    nfc_arena *arena;      /* of the bookkeeping */
    sim_tensor **value;    /* by ir_value.id */
    int nvalue;
    int64_t *sym;          /* by ir_sym.id */
    bool *sym_known;
    sim_tensor **state;    /* by ir_state.id */
    sim_observer *observer; /* a list */
    ir_graph *graph;
    sim_tensor **result;   /* where the outputs go */
    sim_tensor **scratch;
    int nscratch;
    nfc_map room;          /* instruction with a region -> room_of() */
    bool failed, quiet, stopped, keep;
    double epoch;
};

/* A tensor of the module, over elements that it owns, or that are another's. */
sim_tensor *sim_tensor_make(ir_module *m, nfc_dtype dtype, int rank, const int64_t *dim);
sim_tensor *sim_tensor_borrow(ir_module *m, const ir_type *type, const void *data);

/* Reports the first run error; gives false. */
bool sim_fail_at(sim *s, nfc_span at, diag_code code, const char *text);

/* Free dims take their values from the inputs' extents; inputs must agree about them. */
bool sim_bind_dims(sim *s, sim_tensor *const *in);
bool sim_check_input(sim *s, const ir_port *p, const sim_tensor *t);
/* Result dims take their values from what is returned, which must have the extents that are declared. */
bool sim_check_outputs(sim *s, const ir_inst *leave);

#endif
