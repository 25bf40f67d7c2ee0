#include "frontend/simshow.h"

#include "frontend/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors ------------------------------------------------------------------------------- */

/* The fewest digits that read back to the same value (a float's; a double's for f64), and without
 * an exponent where the number has less than ten digits before the point. */
static void float_text(char text[SHOW_ELEMENT], nfc_dtype dtype, double v)
{
    if (isnan(v)) {
        strcpy(text, "nan");
        return;
    }
    int digits = 1;
    for (double whole = 10; fabs(v) >= whole && whole < 1e10; whole *= 10) digits++;
    for (digits = digits > 10 ? 1 : digits; digits <= 17; digits++) {
        snprintf(text, SHOW_ELEMENT, "%.*g", digits, v);
        double back = strtod(text, NULL);
        if (dtype_round(dtype == DT_f64 ? DT_f64 : DT_f32, back) == v) return;
    }
}

void show_element(char text[SHOW_ELEMENT], const sim_tensor *t, int64_t i)
{
    int64_t v = dtype_is_float(t->dtype) ? 0 : sim_get_int(t, i);
    if (dtype_is_float(t->dtype))
        float_text(text, t->dtype, sim_get(t, i));
    else if (t->dtype == DT_bool)
        strcpy(text, v ? "true" : "false");
    else if (t->dtype == DT_u64)
        snprintf(text, SHOW_ELEMENT, "%llu", (unsigned long long)v);
    else
        snprintf(text, SHOW_ELEMENT, "%lld", (long long)v);
}

static void print_element(FILE *to, const sim_tensor *t, int64_t i)
{
    char text[SHOW_ELEMENT];
    show_element(text, t, i);
    fputs(text, to);
}

void show_type(FILE *to, const sim_tensor *t)
{
    fprintf(to, "%s[", dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++) fprintf(to, "%s%lld", i ? "," : "", (long long)t->dim[i]);
    putc(']', to);
}

typedef struct {
    FILE *to;
    const sim_tensor *t;
    const int64_t *start, *extent;
    int64_t at[IR_MAX_RANK];
} part;

static bool is_row(const part *p, int axis)
{
    for (int k = axis + 1; k < p->t->rank; k++)
        if (p->extent[k] != SHOW_ONE) return false;
    return true;
}

static void print_axis(part *p, int axis, int depth)
{
    if (axis == p->t->rank) {
        print_element(p->to, p->t, sim_flat(p->t, p->at));
        return;
    }
    p->at[axis] = p->start[axis];
    if (p->extent[axis] == SHOW_ONE) {
        print_axis(p, axis + 1, depth);
        return;
    }
    bool row = is_row(p, axis);
    putc('[', p->to);
    for (int64_t i = 0; i < p->extent[axis]; i++) {
        if (i && row) fputs(", ", p->to);
        if (i && !row) fprintf(p->to, ",\n%*s", depth + 1, "");
        p->at[axis] = p->start[axis] + i;
        print_axis(p, axis + 1, depth + 1);
    }
    putc(']', p->to);
}

void show_part(FILE *to, const sim_tensor *t, const int64_t *start, const int64_t *extent)
{
    part p = {.to = to, .t = t, .start = start, .extent = extent};
    print_axis(&p, 0, 0);
}

void show_preview(FILE *to, const sim_tensor *t)
{
    enum { FIRST = 8 };
    if (t->rank == 0) {
        print_element(to, t, 0);
        return;
    }
    putc('[', to);
    for (int64_t i = 0; i < t->n && i < FIRST; i++) {
        if (i) fputs(", ", to);
        print_element(to, t, i);
    }
    fputs(t->n > FIRST ? ", ...]" : "]", to);
}

/* ---- statistics ---------------------------------------------------------------------------- */

/* Integers are compared as such: a double does not tell large ones apart. */
static bool is_less(const sim_tensor *t, int64_t a, int64_t b)
{
    if (dtype_is_float(t->dtype)) return sim_get(t, a) < sim_get(t, b);
    if (t->dtype == DT_u64) return (uint64_t)sim_get_int(t, a) < (uint64_t)sim_get_int(t, b);
    return sim_get_int(t, a) < sim_get_int(t, b);
}

/* Mean and variance by Welford's recurrence (Technometrics 4, 1962), which does not cancel. */
show_stats show_count(const sim_tensor *t)
{
    show_stats r = {.least = -1, .most = -1};
    double squares = 0;
    int64_t finite = 0;
    for (int64_t i = 0; i < t->n; i++) {
        double v = sim_get(t, i);
        if (isnan(v)) {
            r.nan++;
            continue;
        }
        if (r.least < 0 || is_less(t, i, r.least)) r.least = i;
        if (r.most < 0 || is_less(t, r.most, i)) r.most = i;
        if (isinf(v)) {
            r.infinite++;
            continue;
        }
        double d = v - r.mean;
        r.mean += d / (double)++finite;
        squares += d * (v - r.mean);
    }
    if (!finite) r.mean = NAN;
    r.std = finite ? sqrt(squares / (double)finite) : NAN;
    return r;
}

static void print_moment(FILE *to, const char *name, double v)
{
    if (isnan(v))
        fprintf(to, " %s -", name);
    else
        fprintf(to, " %s %.6g", name, v);
}

void show_summary(FILE *to, const sim_tensor *t, bool full)
{
    show_stats c = show_count(t);
    char least[SHOW_ELEMENT] = "-", most[SHOW_ELEMENT] = "-";
    if (c.least >= 0) show_element(least, t, c.least);
    if (c.most >= 0) show_element(most, t, c.most);
    fprintf(to, "min %s max %s", least, most);
    print_moment(to, "mean", c.mean);
    if (full) print_moment(to, "std", c.std);
    if (full || c.nan) fprintf(to, " nan %lld", (long long)c.nan);
    if (c.infinite) fprintf(to, " inf %lld", (long long)c.infinite);
}

/* ---- instructions -------------------------------------------------------------------------- */

bool show_is_statement(const ir_inst *inst)
{
    switch (inst->op) {
    case IR_const:
    case IR_weight:
    case IR_token:
    case IR_index_read:
    case IR_index_tensor: return false;
    default: return true;
    }
}

const char *show_loop_variable(const ir_inst *loop)
{
    const char *name = loop->region[0]->first->arg.at[0]->name;
    return name ? name : "index";
}

void show_place(FILE *to, const ir_module *m, nfc_span at)
{
    const nfc_source *source = source_get(&m->session->sources, at.file);
    const char *path = source ? source->path : "?";
    print_safe(to, path, strlen(path));
    const char *label = source_label_at(&m->session->sources, at);
    if (label) {
        fputs(": ", to);
        print_safe(to, label, strlen(label));
    } else fprintf(to, ":%u", at.line);
}

void show_what(FILE *to, const ir_inst *inst)
{
    fputs(inst->op == IR_br || inst->op == IR_cond_br ? "branch" : op_get(inst->op)->name, to);
    if (inst->label) fprintf(to, " %s", inst->label);
    if (inst->op == IR_write) fprintf(to, " %s", inst->state->name);
    if (inst->op == IR_loop) return; /* its results are what its body's are */
    const char *sep = " ";
    for (int i = 0; i < inst->nout; i++) {
        if (!inst->out[i]->name) continue;
        fprintf(to, "%s%s", sep, inst->out[i]->name);
        sep = ", ";
    }
}

/* The tensor that is meant now, when the pattern names several. */
static void print_weight(FILE *to, sim *s, const ir_inst *weight)
{
    const ir_const *k = weight->constant;
    int64_t i = k->ntensor > 1 ? sim_sx_value(s, weight->index[0]) : 0;
    fprintf(to, "%s[\"", k->package->name);
    print_safe(to, k->tensor[i], strlen(k->tensor[i]));
    fputs("\"]", to);
}

static void print_value(FILE *to, sim *s, const ir_value *v)
{
    const sim_tensor *t = sim_value(s, v);
    if (v->def && v->def->op == IR_weight)
        print_weight(to, s, v->def);
    else if (v->name)
        fputs(v->name, to);
    else if (t && t->rank == 0)
        print_element(to, t, 0);
    else
        fputs("(constant)", to);
    if (!t) return;
    putc(' ', to);
    show_type(to, t);
}

static void print_part(FILE *to, sim *s, const ir_inst *inst)
{
    fprintf(to, "%s[", inst->state->name);
    for (int i = 0; i < inst->nsel; i++) {
        const ir_sel *sel = &inst->sel[i];
        int64_t start = sim_sx_value(s, sel->start);
        fprintf(to, "%s%lld", i ? "," : "", (long long)start);
        if (!sel->one) fprintf(to, ":%lld", (long long)(start + sim_sx_value(s, sel->extent)));
    }
    putc(']', to);
}

/* The name of operand i; the variadic one repeats. */
static const char *operand_name(const ir_inst *inst, int i)
{
    const op_info *info = op_get(inst->op);
    if (inst->op == IR_write) return "value";
    if (info->nin == 0) return NULL;
    return info->in[i < info->nin ? i : info->nin - 1].name;
}

void show_operands(FILE *to, sim *s, const ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    const char *sep = "";
    if (inst->op == IR_read || inst->op == IR_write) {
        print_part(to, s, inst);
        sep = ", ";
    }
    int n = inst->nedge ? inst->edge[0].first : inst->nin; /* of a branch, the condition */
    for (int i = 0; i < n; i++) {
        const ir_value *v = inst->in[i];
        if (!v || v->type->kind != IR_TENSOR) continue;
        const char *name = operand_name(inst, i);
        fprintf(to, "%s%s%s", sep, name ? name : "", name ? "=" : "");
        print_value(to, s, v);
        sep = ", ";
    }
    for (int i = 0; i < info->nindex; i++, sep = ", ")
        fprintf(to, "%s%s=%lld", sep, info->index[i].name,
                (long long)sim_sx_value(s, inst->index[i]));
}

static void print_attribute(FILE *to, sim *s, const ir_attr *a)
{
    switch (a->kind) {
    case IR_ATTR_NONE: break;
    case IR_ATTR_INT: fprintf(to, "%lld", (long long)a->i); break;
    case IR_ATTR_FLOAT: fprintf(to, "%.9g", a->f); break;
    case IR_ATTR_STR: print_json_string(to, a->s); break;
    case IR_ATTR_DTYPE: fputs(dtype_name(a->t), to); break;
    case IR_ATTR_SXS:
    case IR_ATTR_FLOATS:
        putc('[', to);
        for (int i = 0; i < a->n; i++) {
            fputs(i ? "," : "", to);
            if (a->kind == IR_ATTR_FLOATS)
                fprintf(to, "%.9g", a->fs[i]);
            else
                fprintf(to, "%lld", (long long)sim_sx_value(s, a->sx[i]));
        }
        putc(']', to);
        break;
    }
}

void show_attributes(FILE *to, sim *s, const ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    for (int i = 0; i < info->nattr; i++) {
        if (!inst->attr[i].at.file) continue; /* a default */
        fprintf(to, " %s=", info->attr[i].name);
        print_attribute(to, s, &inst->attr[i]);
    }
}

void show_scope(FILE *to, const ir_scope *scope)
{
    if (!scope) return;
    if (scope->parent) {
        show_scope(to, scope->parent);
        putc('/', to);
    }
    print_safe(to, scope->name, strlen(scope->name));
}
