/* oneDNN, its C interface of version 2: a matmul primitive, whose weights are reordered once to the layout that it asks for. */
#include "gemm.h"
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>

typedef struct matmul {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[3];
} matmul;

static matmul opened_matmul;

/* Of GEMM_...: what is given, and what is multiplied. */
static const dnnl_data_type_t given[][3] = {{dnnl_f32, dnnl_f32, dnnl_f32}, {dnnl_u8, dnnl_s8, dnnl_s32}, {dnnl_f32, dnnl_f32, dnnl_f32}};
static const dnnl_data_type_t multiplied[][2] = {{dnnl_f32, dnnl_f32}, {dnnl_u8, dnnl_s8}, {dnnl_bf16, dnnl_bf16}};

static int plain(dnnl_memory_desc_t *description, int rows, int columns, dnnl_data_type_t type, dnnl_format_tag_t layout)
{
    const dnnl_dims_t extents = {rows, columns};
    return dnnl_memory_desc_init_by_tag(description, 2, extents, type, layout) != dnnl_success;
}

/* An operand in the layout and type of `packed`: memory of the library's own. */
static int pack(matmul *x, const void *b, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *packed, dnnl_memory_t *to)
{
    dnnl_memory_t source;
    dnnl_primitive_desc_t description;
    dnnl_primitive_t reorder;
    if (dnnl_memory_create(&source, from, x->engine, (void *)b) || dnnl_memory_create(to, packed, x->engine, DNNL_MEMORY_ALLOCATE) ||
        dnnl_reorder_primitive_desc_create(&description, from, x->engine, packed, x->engine, NULL) || dnnl_primitive_create(&reorder, description))
        return 1;
    const dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, *to}};
    return dnnl_primitive_execute(reorder, x->stream, 2, arguments) || dnnl_stream_wait(x->stream);
}

void *gemm_open(const gemm *p, const char **why)
{
    matmul *x = &opened_matmul;
    dnnl_memory_desc_t a, b, plain_a, any, c;
    const dnnl_data_type_t *has = given[p->words], *takes = multiplied[p->words];
    dnnl_matmul_desc_t operation;
    dnnl_primitive_desc_t description;
    dnnl_memory_t a_memory, b_memory, c_memory;
    *why = "the library refused";
    if (dnnl_engine_create(&x->engine, dnnl_cpu, 0) || dnnl_stream_create(&x->stream, x->engine, dnnl_stream_default_flags))
        return NULL;
    if (plain(&a, p->m, p->k, has[0], dnnl_ab) || plain(&b, p->k, p->n, has[1], dnnl_ab) || plain(&c, p->m, p->n, has[2], dnnl_ab) ||
        plain(&plain_a, p->m, p->k, takes[0], dnnl_ab) || plain(&any, p->k, p->n, takes[1], dnnl_format_tag_any))
        return NULL;
    if (dnnl_matmul_desc_init(&operation, &plain_a, &any, NULL, &c) || dnnl_primitive_desc_create(&description, &operation, NULL, x->engine, NULL))
        return NULL;
    const dnnl_memory_desc_t *packed = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    if (has[0] == takes[0] ? dnnl_memory_create(&a_memory, &a, x->engine, (void *)p->a) != dnnl_success : pack(x, p->a, &a, &plain_a, &a_memory))
        return NULL;
    if (pack(x, p->b, &b, packed, &b_memory) ||
        dnnl_memory_create(&c_memory, &c, x->engine, p->c) || dnnl_primitive_create(&x->primitive, description))
        return NULL;
    x->arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, a_memory};
    x->arguments[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, b_memory};
    x->arguments[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, c_memory};
    return x;
}

int gemm_step(void *opened)
{
    matmul *x = opened;
    return dnnl_primitive_execute(x->primitive, x->stream, 3, x->arguments) || dnnl_stream_wait(x->stream);
}

const char *gemm_version(void)
{
    static char text[64];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}
