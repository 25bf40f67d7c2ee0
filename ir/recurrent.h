/* What the attributes of rnn, gru and lstm say. */
#ifndef NFC_RECURRENT_H
#define NFC_RECURRENT_H

#include "ir/ir.h"

/* The functions by ONNX's names: which parameters they take and their defaults. */
typedef enum {
#define ACTIVATION(name, ...) ACT_##name,
#include "ir/activations.def"
#undef ACTIVATION
    ACT_COUNT
} activation_kind;

typedef struct activation {
    activation_kind kind;
    double alpha, beta;
} activation;

enum { RECURRENT_MAX_GATES = 4, RECURRENT_MAX_FUNCTIONS = 3 };

typedef struct recurrent {
    int gates;      /* blocks of rows in w and r */
    int functions;  /* activations of one direction */
    int directions;
    bool backwards[2];
    activation function[2][RECURRENT_MAX_FUNCTIONS];
    bool batch_first;
    double clip; /* infinite: none */
} recurrent;

/* Reads them. Returns NULL, or what is wrong with attribute `*attr`, in the arena. */
const char *recurrent_of(nfc_arena *a, const ir_inst *inst, recurrent *r, int *attr);

#endif
