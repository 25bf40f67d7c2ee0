/* What a graph keeps from run to run: an output that is the next run's input (--keep IN=OUT), counters. */
#include <string.h>
#include "frontend/onnx/import.h"

typedef struct kept {
    ir_state *state;
    ir_value *token;
    ir_value *now;    /* as the run finds it */
    ir_value *next;   /* as it leaves it; NULL: the same */
    const char *output; /* whose value it becomes; NULL: who made it says so */
} kept;

static ir_inst *effect(importer *o, mk *k, ir_op op, const ir_state *state, int nin, ir_value *const *in)
{
    ir_inst *inst = mk_begin(k, op, nin, in);
    const ir_type *t = state->type;
    inst->state = (ir_state *)(uintptr_t)state;
    inst->nsel = t->rank;
    inst->sel = ARENA_ARRAY(o->s->arena, ir_sel, t->rank);
    for (int i = 0; i < t->rank; i++) inst->sel[i] = (ir_sel){false, sx_int(&o->m->sx, 0), t->dim[i], k->at};
    return inst;
}

static kept *keep(importer *o, const char *name, const ir_type *type, nfc_span at)
{
    kept *s = ARENA_NEW(o->s->arena, kept);
    s->state = ir_state_new(o->m, o->g, im_port_name(o, name, "state"), type, at);
    vec_push(o->m->arena, &o->g->state, s->state);
    map_set(&o->kept, name, s);
    mk k = o->k;
    k.block = o->entry; /* every block sees what the entry's first instructions make */
    k.before = o->entry->first;
    k.at = at;
    ir_inst *token = mk_begin(&k, IR_token, 0, NULL);
    token->state = s->state;
    s->token = ir_add_result(o->m, token, ir_token_type(o->m, s->state), NULL, at);
    mk_put(&k, token);
    ir_inst *read = effect(o, &k, IR_read, s->state, 1, &s->token);
    s->now = ir_add_result(o->m, read, type, s->state->name, at);
    mk_put(&k, read);
    return s;
}

ir_value *im_state(importer *o, const char *name, const ir_type *type)
{
    kept *s = map_get(&o->kept, name);
    return s ? s->now : keep(o, name, type, o->k.at)->now;
}

void im_state_set(importer *o, const char *name, ir_value *next)
{
    kept *s = map_get(&o->kept, name);
    s->next = next;
}

/* ---- --keep --------------------------------------------------------------------------------- */

/* "IN=OUT", where IN may be an input's name in the model or its identifier. */
static const char *kept_output(importer *o, const char *input)
{
    for (int i = 0; i < o->options->keep.n; i++) {
        const char *text = o->options->keep.at[i], *eq = strchr(text, '='), *id = im_identifier(o, input);
        size_t n = eq ? (size_t)(eq - text) : strlen(text);
        bool mine = (strlen(input) == n && memcmp(text, input, n) == 0) || (strlen(id) == n && memcmp(text, id, n) == 0);
        if (mine && eq) return eq + 1;
    }
    return NULL;
}

bool im_keep_input(importer *o, const onnx_value_info *v, im_value *value)
{
    const char *output = kept_output(o, v->name);
    if (!output) return false;
    const ir_type *type = im_input_type(o, v, v->type, &value->text);
    if (!type) return true;
    kept *s = keep(o, v->name, type, im_span(o, v));
    s->output = output;
    value->tensor = s->now;
    return true;
}

static bool names(importer *o, const char *text, const char *name) { return strcmp(text, name) == 0 || strcmp(text, im_identifier(o, name)) == 0; }

bool im_keep_output(importer *o, const onnx_value_info *v, ir_value *value)
{
    bool found = false;
    for (int i = 0; i < o->kept.n; i++) {
        kept *s = o->kept.entry[i].value;
        if (!s->output || !names(o, s->output, v->name)) continue;
        found = true;
        const ir_type *t = s->state->type;
        s->output = NULL;
        if (ir_is_poison(value)) continue;
        if (value->type->dtype != t->dtype || value->type->rank != t->rank) diag_error(&o->s->diags, E_USAGE, im_span(o, v), "--keep: output '%s' is %s, and '%s' is %s", v->name, ir_type_text(o->s->arena, value->type), s->state->name, ir_type_text(o->s->arena, t));
        else s->next = mk_reshape(&o->k, value, t->rank, t->dim);
    }
    return found;
}

void im_finish_states(importer *o, ir_inst *leave)
{
    for (int i = 0; i < o->options->keep.n; i++) {
        const char *text = o->options->keep.at[i], *eq = strchr(text, '=');
        bool known = false;
        for (int k = 0; k < o->kept.n; k++) {
            const kept *s = o->kept.entry[k].value;
            size_t n = eq ? (size_t)(eq - text) : 0;
            const char *key = o->kept.entry[k].key, *id = im_identifier(o, key);
            bool mine = (strlen(key) == n && memcmp(text, key, n) == 0) || (strlen(id) == n && memcmp(text, id, n) == 0);
            if (mine && s->output) diag_error_in(&o->s->diags, E_USAGE, session_printf(o->s, "--keep %s", text), "the model has no output '%s'", s->output);
            known |= mine;
        }
        if (!known) diag_error_in(&o->s->diags, E_USAGE, session_printf(o->s, "--keep %s", text), eq ? "the model has no such input" : "this is not INPUT=OUTPUT");
    }
    for (int i = 0; i < o->kept.n; i++) {
        kept *s = o->kept.entry[i].value;
        if (s->next && !ir_is_poison(s->next)) {
            ir_inst *write = effect(o, &o->k, IR_write, s->state, 2, (ir_value *[]){s->token, s->next});
            s->token = ir_add_result(o->m, write, ir_token_type(o->m, s->state), NULL, o->k.at);
            mk_put(&o->k, write);
        }
        ir_push_operand(o->m, leave, s->token);
    }
}
