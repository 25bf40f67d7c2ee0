/* One run of an ONNX Runtime session as a function of one argument: Run of its C interface on tensors that stay the same. */
#include <stddef.h>

typedef struct session_run {
    void *(*run)(void *session, const void *options, const char *const *input_names, const void *const *inputs, size_t input_count,
                 const char *const *output_names, size_t output_count, void **outputs);
    void *session;
    const char *const *input_names;
    const void *const *inputs;
    size_t input_count;
    const char *const *output_names;
    size_t output_count;
    void **outputs;
} session_run;

/* 0, or 1 when Run gave an error. */
int session_step(void *argument);

int session_step(void *argument)
{
    const session_run *r = argument;
    return r->run(r->session, NULL, r->input_names, r->inputs, r->input_count, r->output_names, r->output_count, r->outputs) != NULL;
}
