/* einsum: its equation and its shape. */
#include <ctype.h>
#include <string.h>
#include "ir/einsum.h"
#include "ir/shape.h"

static int label_of(char letter) { return isupper((unsigned char)letter) ? letter - 'A' : letter - 'a' + 26; }

static bool add_label(einsum_term *t, int label)
{
    if (t->rank == IR_MAX_RANK) return false;
    t->label[t->rank++] = label;
    t->labels |= (uint64_t)1 << label;
    return true;
}

/* Reads letters and at most one ellipsis, which stands for `more` axes, up to the end of a term. */
static const char *read_term(nfc_arena *a, const char **at, einsum_term *t, int more, bool *dots)
{
    const char *p = *at;
    for (; *p && *p != ',' && strncmp(p, "->", 2) != 0; p++) {
        if (*p == ' ') continue;
        if (strncmp(p, "...", 3) == 0 && !*dots) {
            *dots = true;
            p += 2;
            for (int i = more - 1; i >= 0; i--)
                if (!add_label(t, EINSUM_LETTERS + i)) return "a term has too many axes";
        } else if (isalpha((unsigned char)*p) && (unsigned char)*p < 128) {
            if (!add_label(t, label_of(*p))) return "a term has too many axes";
        } else {
            return arena_printf(a, "'%c' does not belong into an equation", *p);
        }
    }
    *at = p;
    return NULL;
}

/* The letters of a term, which say how many axes its ellipsis has. */
static int letters_of(const char *p)
{
    int n = 0;
    for (; *p && *p != ',' && *p != '-'; p++) n += isalpha((unsigned char)*p) != 0;
    return n;
}

/* Takes the extents of an operand's axes: those of a label are the same in one operand; in others they
 * may be 1 as well. */
static const char *take_extents(ir_module *m, einsum *e, const einsum_term *t, const ir_type *type)
{
    const ir_sx *own[EINSUM_LABELS] = {NULL};
    for (int i = 0; i < t->rank; i++) {
        int label = t->label[i];
        const ir_sx **extent = &e->extent[label], *dim = type->dim[i];
        bool fits = !own[label] || own[label] == dim;
        own[label] = dim;
        if (fits && sx_is(dim, 1) && *extent) continue;
        if (fits && (!*extent || *extent == dim || sx_is(*extent, 1))) {
            *extent = dim;
            continue;
        }
        const char *name = label < EINSUM_LETTERS ? arena_printf(m->arena, "'%c'", label < 26 ? 'A' + label : 'a' + label - 26) : "an axis of the ellipsis";
        return arena_printf(m->arena, "%s has extent %s, and elsewhere %s", name, sx_text(m->arena, dim), sx_text(m->arena, *extent));
    }
    return NULL;
}

static const char *read_operands(ir_module *m, const ir_inst *inst, const char **at, einsum *e, int *operand)
{
    for (int i = 0; i < e->n; i++) {
        const ir_type *type = inst->in[i]->type;
        bool dots = false;
        if (i && *(*at)++ != ',') return arena_printf(m->arena, "the equation has %d operand%s, but there are %d", i, i == 1 ? "" : "s", e->n);
        const char *wrong = read_term(m->arena, at, &e->in[i], type->rank - letters_of(*at), &dots);
        if (wrong) return wrong;
        *operand = i;
        if (e->in[i].rank != type->rank) return arena_printf(m->arena, "its term in the equation has %d axes", e->in[i].rank);
        if ((wrong = take_extents(m, e, &e->in[i], type)) != NULL) return wrong;
        *operand = -1;
    }
    return **at == ',' ? arena_printf(m->arena, "the equation has more than %d operand%s", e->n, e->n == 1 ? "" : "s") : NULL;
}

/* Without an arrow: the ellipsis, then what stands once. */
static const char *implicit_result(einsum *e)
{
    int times[EINSUM_LABELS] = {0};
    for (int i = 0; i < e->n; i++)
        for (int k = 0; k < e->in[i].rank; k++) times[e->in[i].label[k]]++;
    bool fits = true;
    for (int l = EINSUM_LABELS - 1; l >= EINSUM_LETTERS; l--)
        if (times[l]) fits &= add_label(&e->out, l);
    for (int l = 0; l < EINSUM_LETTERS; l++)
        if (times[l] == 1) fits &= add_label(&e->out, l);
    return fits ? NULL : "the result has too many axes";
}

static const char *explicit_result(ir_module *m, const char *p, einsum *e)
{
    int dotted = 0;
    bool dots = false;
    while (dotted < IR_MAX_RANK && e->extent[EINSUM_LETTERS + dotted]) dotted++;
    const char *wrong = read_term(m->arena, &p, &e->out, dotted, &dots);
    if (wrong) return wrong;
    if (*p) return "there is something behind the result";
    if (dotted && !dots) return "the result lacks the ellipsis";
    uint64_t seen = 0;
    for (int i = 0; i < e->out.rank; i++) {
        if (!e->extent[e->out.label[i]]) return "the result has a letter that no operand has";
        if (seen >> e->out.label[i] & 1) return "the result has a letter twice";
        seen |= (uint64_t)1 << e->out.label[i];
    }
    return NULL;
}

/* Operands are joined from the left; what a step makes has the labels that are needed later. */
static const char *check_steps(const einsum *e)
{
    uint64_t have = 0;
    for (int i = 0; i < e->n; i++) {
        uint64_t later = e->out.labels;
        for (int k = i + 1; k < e->n; k++) later |= e->in[k].labels;
        have = (have | e->in[i].labels) & later;
        if (__builtin_popcountll(have) > IR_MAX_RANK) return "the operands together have too many axes; contract fewer at once";
    }
    return NULL;
}

const char *einsum_of(ir_module *m, const ir_inst *inst, einsum *e, int *operand)
{
    const char *p = inst->attr[ATTR_AT(einsum, equation)].s;
    *e = (einsum){.n = inst->nin, .in = ARENA_ARRAY(m->arena, einsum_term, inst->nin)};
    *operand = -1;
    const char *wrong = read_operands(m, inst, &p, e, operand);
    if (!wrong) wrong = strncmp(p, "->", 2) == 0 ? explicit_result(m, p + 2, e) : *p ? "an arrow is written ->" : implicit_result(e);
    return wrong ? wrong : check_steps(e);
}

bool sh_einsum(infer *f)
{
    einsum e;
    int operand;
    const char *wrong = einsum_of(f->m, f->inst, &e, &operand);
    if (wrong && operand >= 0) return infer_fail(f, E_SHAPE, operand, "%s", wrong);
    if (wrong) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(einsum, equation), "%s", wrong);
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < e.out.rank; i++) dim[i] = e.extent[e.out.label[i]];
    f->out[0] = ir_tensor(f->m, f->inst->in[0]->type->dtype, e.out.rank, dim);
    return true;
}
