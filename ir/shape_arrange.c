/* Shape rules of ops that turn, crop and count: eye_like, reverse_sequence, center_crop_pad, tfidf_vectorizer. */
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

bool sh_eye_like(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *dtype = &f->inst->attr[ATTR_AT(eye_like, dtype)];
    nfc_dtype t = dtype->kind == IR_ATTR_NONE ? x->dtype : dtype->t;
    if (x->rank != 2) return infer_fail(f, E_RANK, 0, "input must be a matrix");
    if (!(f->info->types[0] >> t & 1)) return infer_fail_attr(f, E_DTYPE, ATTR_AT(eye_like, dtype), "there are no tensors of %s", dtype_name(t));
    f->out[0] = ir_tensor(f->m, t, 2, x->dim);
    return true;
}

bool sh_reverse_sequence(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *lens = f->inst->in[1]->type;
    int64_t batch = ir_int(f->inst, ATTR_AT(reverse_sequence, batch_axis)), time = ir_int(f->inst, ATTR_AT(reverse_sequence, time_axis));
    if (x->rank < 2) return infer_fail(f, E_RANK, 0, "input must have rank 2 or more");
    if (batch < 0 || batch > 1 || time != 1 - batch) return infer_fail_attr(f, E_AXIS, ATTR_AT(reverse_sequence, batch_axis), "batch_axis and time_axis must be 0 and 1, or 1 and 0");
    if (lens->rank != 1 || lens->dim[0] != x->dim[batch]) return infer_fail(f, E_SHAPE, 1, "sequence_lens must be [%s], one a batch", text(f, x->dim[batch]));
    f->out[0] = x;
    return true;
}

bool sh_center_crop_pad(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *shape = &f->inst->attr[ATTR_AT(center_crop_pad, shape)], *axes = &f->inst->attr[ATTR_AT(center_crop_pad, axes)];
    int n = axes->kind == IR_ATTR_NONE ? x->rank : axes->n;
    if (shape->n != n) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(center_crop_pad, shape), "shape has %d numbers where %d are needed", shape->n, n);
    ir_type t = *x;
    uint32_t seen = 0;
    for (int i = 0; i < n; i++) {
        int axis = i;
        if (axes->kind != IR_ATTR_NONE && !infer_axis_once(f, ATTR_AT(center_crop_pad, axes), sx_value(axes->sx[i]), x->rank, &seen, &axis)) return false;
        t.dim[axis] = shape->sx[i];
        if (sx_min(shape->sx[i]) < 0) return infer_fail_attr(f, E_SIZE, ATTR_AT(center_crop_pad, shape), "extent %s can be negative", text(f, shape->sx[i]));
    }
    f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    return true;
}

/* ---- tfidf_vectorizer ---------------------------------------------------------------------- */

int ngrams_of(const ir_inst *inst, int64_t items, int *length, int64_t *first)
{
    const ir_attr *counts = &inst->attr[ATTR_AT(tfidf_vectorizer, ngram_counts)], *column = &inst->attr[ATTR_AT(tfidf_vectorizer, ngram_indexes)];
    int n = 0;
    for (int k = 0; k < counts->n; k++) {
        int64_t begin = sx_value(counts->sx[k]), end = k + 1 < counts->n ? sx_value(counts->sx[k + 1]) : items;
        if (begin < 0 || end > items || (end - begin) % (k + 1) || end < begin) return -1;
        for (; begin < end && n < column->n; begin += k + 1, n++) {
            if (!length) continue;
            length[n] = k + 1;
            first[n] = begin;
        }
        if (begin < end) return -1;
    }
    return n;
}

bool sh_tfidf(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *pool = f->inst->in[1]->type;
    const ir_attr *column = &f->inst->attr[ATTR_AT(tfidf_vectorizer, ngram_indexes)], *weights = &f->inst->attr[ATTR_AT(tfidf_vectorizer, weights)];
    bool words = x->dtype == DT_u8; /* of which the last axis has the characters */
    int rank = x->rank - words;
    if (rank < 1 || rank > 2) return infer_fail(f, E_RANK, 0, "x must be [C] or [N, C]%s", words ? ", of strings [..., characters]" : "");
    if (pool->rank != 1 + words || !ir_is_static(pool)) return infer_fail(f, E_RANK, 1, "pool must be a vector of constant length%s", words ? " of strings [..., characters]" : "");
    for (int i = ATTR_AT(tfidf_vectorizer, max_gram_length); i <= ATTR_AT(tfidf_vectorizer, min_gram_length); i++)
        if (ir_int(f->inst, i) < (i != ATTR_AT(tfidf_vectorizer, max_skip_count)) || ir_int(f->inst, i) > INT32_MAX) return infer_fail_attr(f, E_ATTR_VALUE, i, "%s = %lld is out of range", f->info->attr[i].name, (long long)ir_int(f->inst, i));
    if (ngrams_of(f->inst, sx_value(pool->dim[0]), NULL, NULL) != column->n || column->n == 0)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(tfidf_vectorizer, ngram_counts), "ngram_counts does not cut the pool's %s items into %d n-grams", text(f, pool->dim[0]), column->n);
    int64_t size = 0;
    for (int i = 0; i < column->n; i++) {
        int64_t at = sx_value(column->sx[i]);
        if (at < 0 || at > INT32_MAX - 1) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(tfidf_vectorizer, ngram_indexes), "column %lld is out of range", (long long)at);
        if (at >= size) size = at + 1;
    }
    if (weights->n && weights->n != column->n) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(tfidf_vectorizer, weights), "weights has %d numbers for %d n-grams", weights->n, column->n);
    const ir_sx *dim[2] = {x->dim[0], sx_int(&f->m->sx, size)};
    f->out[0] = ir_tensor(f->m, DT_f32, rank, rank == 1 ? dim + 1 : dim);
    return true;
}
