/* Strings: u8 [..., L], padded with zeros. What is done with them is arithmetic on bytes. */
#include <string.h>
#include "frontend/onnx/ml.h"

#define INT(x) mk_integer(k, DT_i64, x)
#define OP2(op, a, b) mk_op2(k, IR_##op, a, b)
#define WHERE(c, a, b) mk_op3(k, IR_where, c, a, b)
#define BOTH(op, a, b) mk_end(k, mk_begin(k, IR_##op, 2, (ir_value *[]){a, b}), 1)

static int last(const ir_value *v) { return v->type->rank - 1; }
static int64_t room(const importer *o) { return o->options->text_length; }

static ir_value *text_in(im_node *n, int i)
{
    ir_value *v = im_in(n, i);
    if (!v) return im_fail(n, E_OPERAND_MISSING, -1, "operand %d is missing", i), NULL;
    if (ir_is_poison(v)) return NULL;
    if (!n->in[i]->text) return im_fail(n, E_OPERAND_TYPE, i, "'%s' has no strings", n->in[i]->name), NULL;
    return v;
}

/* ---- moves ---------------------------------------------------------------------------------- */

static bool move_along_axis(im_node *n, ir_op op)
{
    const op_info *info = op_get(op);
    ir_value **in = ARENA_ARRAY(n->o->s->arena, ir_value *, n->nin);
    for (int i = 0; i < n->nin; i++) in[i] = im_in(n, i);
    ir_inst *inst = im_row_begin(n, op, n->nin, in, NULL);
    if (!inst) return false;
    const ir_attr *axis = &inst->attr[op_attr_find(info, "axis")];
    if (axis->kind == IR_ATTR_INT && axis->i < 0) mk_int(inst, "axis", axis->i + last(in[0]));
    im_row_end(n, inst);
    for (int i = 0; i < inst->nout; i++)
        if (im_wants(n, i) && n->out[i] && inst->out[i]->type->dtype == DT_u8) n->out[i]->text = true;
    return true;
}

static bool transpose(im_node *n, ir_op op)
{
    (void)op;
    ir_value *x = im_in(n, 0);
    const int64_t *perm;
    int rank = last(x), given = im_ints(n, "perm", &perm), order[IR_MAX_RANK];
    if (given >= 0 && given != rank) return im_fail(n, E_ATTR_VALUE, -1, "perm has %d axes, the operand %d", given, rank);
    for (int i = 0; i < rank; i++) {
        order[i] = given >= 0 ? (int)(perm[i] < 0 ? -1 : perm[i] >= rank ? -1 : perm[i]) : rank - 1 - i;
        if (order[i] < 0) return im_fail(n, E_ATTR_VALUE, -1, "perm names an axis that there is not");
    }
    order[rank] = rank;
    return im_out_text(n, 0, mk_transpose(n->k, x, order));
}

static bool where(im_node *n, ir_op op)
{
    ir_value *c = im_in(n, 0), *x = im_in(n, 1), *y = im_in(n, 2);
    return im_out_text(n, 0, mk_op3(n->k, op, mk_unsqueeze(n->k, c, c->type->rank), x, y));
}

/* Rows that look at no element: they move the numbers of the strings, by which these are gathered. All strings
 * of the operands count, one operand behind another. */
static bool move_by_number(im_node *n, ir_op op)
{
    enum { MOST = 3 };
    mk *k = n->k;
    sx_table *t = &n->o->m->sx;
    ir_value *in[MOST], *text[MOST], *all;
    const ir_sx *before = mk_sx(k, 0);
    int count = 0;
    const char *reduction = im_text(n, "reduction", "none");
    if (strcmp(reduction, "none") != 0) return im_fail(n, E_ATTR_VALUE, -1, "strings are not reduced by '%s'", reduction);
    for (int i = 0; i < n->nin; i++) {
        in[i] = im_in(n, i);
        if (!n->in[i]->text) continue;
        const ir_type *type = in[i]->type;
        int rank = last(in[i]);
        const ir_sx *rows[2] = {mk_sx(k, 1), type->dim[rank]};
        for (int a = 0; a < rank; a++) rows[0] = sx_mul(t, rows[0], type->dim[a]);
        text[count++] = mk_reshape(k, in[i], 2, rows);
        ir_value *number = mk_op2(k, IR_add, im_count(k, rows[0], DT_i64), mk_index_tensor(k, before, DT_i64));
        in[i] = mk_reshape(k, number, rank, type->dim);
        before = sx_add(t, before, rows[0]);
    }
    all = count == 1 ? text[0] : mk_concat(k, count, text, 0);
    ir_inst *inst = im_row_begin(n, op, n->nin, in, NULL);
    if (!inst) return false;
    return im_out_text(n, 0, mk_gather(k, all, mk_end(k, inst, 1), 0));
}

static bool (*const text_rows[IR_OP_COUNT])(im_node *, ir_op) = {
#define ONNX_TEXT(row, handler) [IR_##row] = handler,
#include "frontend/onnx/ops.def"
};

/* Operands of the row's type T must be strings, others not; all must be there. */
static bool operands_fit(im_node *n, const op_info *info)
{
    for (int i = 0; i < n->nin || i < info->nin; i++) {
        const op_operand *row = &info->in[i < info->nin ? i : info->nin - 1];
        if (i >= info->nin && row->presence != OPER_VARIADIC) return im_fail(n, E_OPERAND_TYPE, i, "has %d operands; at most %d are known", n->nin, info->nin);
        if (!im_has(n, i)) return im_fail(n, E_OPERAND_MISSING, -1, "operand %d is missing", i);
        if (n->in[i]->text != (row->type_var == 0)) return im_fail(n, E_OPERAND_TYPE, i, "strings stand beside what is none");
    }
    return true;
}

bool im_text_row(im_node *n, ir_op op)
{
    for (int i = 0; i < n->nin; i++)
        if (n->in[i] && (n->in[i]->kind != IM_TENSOR || ir_is_poison(n->in[i]->tensor))) return false;
    if (!text_rows[op]) return im_fail(n, E_ONNX_OP, -1, "strings are not supported here");
    return operands_fit(n, op_get(op)) && text_rows[op](n, op);
}

/* ---- letters -------------------------------------------------------------------------------- */

typedef struct letters { /* capitals first .. last, every step-th, are `by` before their small letters */
    int first, last, step, by;
} letters;

/* Of letters outside of ASCII those that UTF-8 writes in two bytes, both the capital and the small one:
 * Latin, Greek, Cyrillic, Armenian. */
static const letters cases[] = {
    {0xc0, 0xd6, 1, 32}, {0xd8, 0xde, 1, 32}, {0x100, 0x12e, 2, 1}, {0x132, 0x136, 2, 1}, {0x139, 0x147, 2, 1},
    {0x14a, 0x176, 2, 1}, {0x178, 0x178, 1, -121}, {0x179, 0x17d, 2, 1}, {0x386, 0x386, 1, 38}, {0x388, 0x38a, 1, 37},
    {0x38c, 0x38c, 1, 64}, {0x38e, 0x38f, 1, 63}, {0x391, 0x3a1, 1, 32}, {0x3a3, 0x3ab, 1, 32}, {0x400, 0x40f, 1, 80},
    {0x410, 0x42f, 1, 32}, {0x460, 0x480, 2, 1}, {0x48a, 0x4be, 2, 1}, {0x4d0, 0x52e, 2, 1}, {0x531, 0x556, 1, 48}};

static ir_value *case_table(mk *k, bool upper)
{
    enum { TWO_BYTES = 0x800 };
    int32_t *table = ARENA_ARRAY(k->m->arena, int32_t, TWO_BYTES);
    const ir_sx *n = mk_sx(k, TWO_BYTES);
    for (int i = 0; i < TWO_BYTES; i++) table[i] = i;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int i = cases[c].first; i <= cases[c].last; i += cases[c].step) {
            if (upper) table[i + cases[c].by] = i;
            else table[i] = i + cases[c].by;
        }
    return mk_const(k, ir_tensor(k->m, DT_i32, 1, &n), table);
}

static ir_value *number32(mk *k, int64_t x) { return mk_integer(k, DT_i32, x); }

/* The bytes before (by = -1) or behind (1) each. */
static ir_value *neighbours(mk *k, ir_value *b, int by)
{
    const ir_sx *dim[IR_MAX_RANK], *length = mk_extent(b, last(b)), *one = mk_sx(k, 1), *zero = mk_sx(k, 0);
    for (int i = 0; i < b->type->rank; i++) dim[i] = i == last(b) ? one : b->type->dim[i];
    ir_value *none = mk_filled(k, ir_tensor(k->m, b->type->dtype, b->type->rank, dim), 0);
    ir_value *kept = by < 0 ? mk_slice(k, b, last(b), zero, sx_sub(&k->m->sx, length, one)) : mk_slice(k, b, last(b), one, length);
    return mk_concat(k, 2, by < 0 ? (ir_value *[]){none, kept} : (ir_value *[]){kept, none}, last(b));
}

static ir_value *is_lead(mk *k, ir_value *b) { return OP2(equal, OP2(bitwise_and, b, number32(k, 0xe0)), number32(k, 0xc0)); }

static ir_value *two_bytes(mk *k, ir_value *lead, ir_value *trail)
{
    return OP2(add, OP2(mul, OP2(bitwise_and, lead, number32(k, 31)), number32(k, 64)), OP2(bitwise_and, trail, number32(k, 63)));
}

static ir_value *with_case(mk *k, ir_value *text, bool upper)
{
    ir_value *b = mk_cast(k, text, DT_i32), *before = neighbours(k, b, -1), *behind = neighbours(k, b, 1), *table = case_table(k, upper);
    ir_value *first = mk_gather(k, table, two_bytes(k, b, behind), 0), *second = mk_gather(k, table, two_bytes(k, before, b), 0);
    ir_value *from = number32(k, upper ? 'a' : 'A'), *to = number32(k, upper ? 'z' : 'Z');
    ir_value *letter = OP2(and, OP2(greater_or_equal, b, from), OP2(less_or_equal, b, to));
    ir_value *ascii = WHERE(letter, OP2(add, b, number32(k, upper ? -32 : 32)), b);
    first = OP2(add, number32(k, 0xc0), OP2(div, first, number32(k, 64)));
    second = OP2(add, number32(k, 0x80), OP2(bitwise_and, second, number32(k, 63)));
    return mk_cast(k, WHERE(is_lead(k, b), first, WHERE(is_lead(k, before), second, ascii)), DT_u8);
}

ir_value *im_text_lower(mk *k, ir_value *text) { return with_case(k, text, false); }

/* ---- StringNormalizer ----------------------------------------------------------------------- */

/* Without the words of a list; where none is left, one empty string. */
static ir_value *without(im_node *n, ir_value *x, ir_value *words, bool exact)
{
    mk *k = n->k;
    const ir_sx *dim[2] = {mk_sx(k, 1), mk_extent(x, 1)}, *longest = mk_extent(x, 0);
    if (sx_is(longest, 0)) return mk_filled(k, ir_tensor(k->m, DT_u8, 2, dim), 0);
    ir_value *found = exact ? OP2(find, x, words) : OP2(find, with_case(k, x, false), with_case(k, words, false));
    ir_inst *inst = mk_begin(k, IR_compress, 2, (ir_value *[]){x, OP2(less, found, INT(0))});
    mk_int(inst, "axis", 0);
    ir_value *kept = mk_end(k, inst, 2);
    if (ir_is_poison(kept)) return kept;
    ir_value *count = BOTH(max, inst->out[1], INT(1));
    const ir_sx *size = im_result_size(n, 0, im_in(n, 0)->type->rank - 2, count, 0, sx_max(longest));
    return mk_slice(k, kept, 0, mk_sx(k, 0), size);
}

bool im_string_normalizer(im_node *n)
{
    mk *k = n->k;
    ir_value *x = text_in(n, 0), *words = ml_words(n, "stopwords");
    if (!x || (words && ir_is_poison(words))) return false;
    bool row = x->type->rank == 3;
    if (x->type->rank != 2 && !(row && sx_is(x->type->dim[0], 1))) return im_fail(n, E_SHAPE, 0, "strings [C] or [1, C] are wanted");
    if (row) x = mk_squeeze(k, x, 0);
    const char *action = im_text(n, "case_change_action", "NONE");
    if (words && !sx_is(mk_extent(words, 0), 0)) x = without(n, x, words, im_int(n, "is_case_sensitive", 0));
    if (ir_is_poison(x)) return false;
    if (strcmp(action, "LOWER") == 0 || strcmp(action, "UPPER") == 0) x = with_case(k, x, *action == 'U');
    else if (strcmp(action, "NONE") != 0) return im_fail(n, E_ATTR_VALUE, -1, "case_change_action is '%s'", action);
    return im_out_text(n, 0, row ? mk_unsqueeze(k, x, 0) : x);
}

/* ---- StringConcat --------------------------------------------------------------------------- */

/* Bytes of each, [..., 1]. */
static ir_value *lengths(mk *k, ir_value *text)
{
    ir_value *is = mk_op1(k, IR_not, OP2(equal, text, mk_integer(k, DT_u8, 0)));
    return mk_reduce(k, IR_reduce_sum, mk_cast(k, is, DT_i64), 1u << last(text), true);
}

/* The run fails where a text is longer than there is room for. */
static void check_lengths(im_node *n, ir_value *length)
{
    mk *k = n->k;
    const ir_sx *all = ir_elements(k->m, length->type);
    if (ir_is_poison(length)) return;
    ir_value *longest = mk_reduce(k, IR_reduce_max, mk_reshape(k, length, 1, &all), 1, false);
    im_element(n->o, BOTH(max, longest, INT(0)), 0, 0, room(n->o));
}

bool im_string_concat(im_node *n)
{
    mk *k = n->k;
    ir_value *a = text_in(n, 0), *b = text_in(n, 1);
    if (!a || !b) return false;
    ir_value *in[2] = {a, b}, *none = mk_integer(k, DT_u8, 0);
    im_unify(n, 2, in);
    ir_value *blank = OP2(add, OP2(mul, in[0], none), OP2(mul, in[1], none)); /* of the shape of both, broadcast */
    a = OP2(add, in[0], blank);
    b = OP2(add, in[1], blank);
    if (ir_is_poison(a) || ir_is_poison(b)) return false;
    ir_value *length = lengths(k, a), *place = im_count(k, mk_sx(k, room(n->o)), DT_i64);
    check_lengths(n, OP2(add, length, lengths(k, b)));
    ir_value *from = OP2(sub, place, length);
    ir_inst *inst = mk_begin(k, IR_gather_elements, 2, (ir_value *[]){b, BOTH(max, from, INT(0))});
    mk_int(inst, "axis", last(b));
    return im_out_text(n, 0, WHERE(OP2(less, from, INT(0)), a, mk_end(k, inst, 1)));
}

/* ---- StringSplit ---------------------------------------------------------------------------- */

typedef struct splitting {
    im_node *n;
    ir_value *x;          /* u8 [N, L] */
    const char *delimiter; /* "": white space */
    int64_t most;         /* cuts at most */
    ir_value *cut;        /* bool [N, L]: here begins a delimiter, or stands white space */
} splitting;

static ir_value *is_one_of(mk *k, ir_value *x, const char *bytes)
{
    ir_value *any = NULL;
    for (; *bytes; bytes++) {
        ir_value *is = OP2(equal, x, mk_integer(k, DT_u8, (unsigned char)*bytes));
        any = any ? OP2(or, any, is) : is;
    }
    return any;
}

static ir_value *delimiter_at(mk *k, ir_value *x, const char *delimiter)
{
    ir_value *all = NULL;
    for (; *delimiter; delimiter++, x = neighbours(k, x, 1)) {
        ir_value *is = OP2(equal, x, mk_integer(k, DT_u8, (unsigned char)*delimiter));
        all = all ? OP2(and, all, is) : is;
    }
    return all;
}

static ir_value *column(mk *k, ir_value *v, const ir_sx *at) { return mk_pick(k, v, 1, at); }

/* One byte further: which part it belongs to, and where in it; parts dropped go to number `drop`. State: part,
 * place, and what remains of a delimiter or whether a word has begun. */
static void step(splitting *s, ir_value *byte, ir_value *cut, ir_value **state, ir_value **part, ir_value **place, int64_t drop)
{
    mk *k = s->n->k;
    ir_value *one = INT(1), *zero = INT(0), *may = OP2(less, state[0], INT(s->most)), *end = OP2(equal, byte, mk_integer(k, DT_u8, 0));
    ir_value *now = state[2], *cuts, *next, *dropped;
    if (*s->delimiter) {
        ir_value *inside = OP2(greater, now, zero);
        cuts = OP2(and, OP2(and, cut, may), mk_op1(k, IR_not, inside));
        next = WHERE(cuts, INT((int64_t)strlen(s->delimiter) - 1), BOTH(max, OP2(sub, now, one), zero));
        dropped = OP2(or, OP2(or, inside, cuts), end);
    } else { /* `now`: 1 inside of a word */
        ir_value *word = OP2(greater, now, zero), *space = OP2(and, cut, mk_op1(k, IR_not, OP2(and, word, mk_op1(k, IR_not, may))));
        cuts = OP2(and, space, word);
        dropped = OP2(or, space, end);
        next = WHERE(space, zero, WHERE(end, now, one));
    }
    *part = WHERE(dropped, INT(drop), state[0]);
    *place = WHERE(dropped, zero, state[1]);
    state[1] = WHERE(cuts, zero, WHERE(dropped, state[1], OP2(add, state[1], one)));
    state[0] = WHERE(cuts, OP2(add, state[0], one), state[0]);
    state[2] = next;
}

static ir_value *put_column(mk *k, ir_value *into, ir_value *v, const ir_sx *at)
{
    return mk_update(k, into, mk_unsqueeze(k, v, 1), (const ir_sx *[]){mk_sx(k, 0), at});
}

/* y u8 [N, parts, L], count i64 [N] */
static ir_value *split_rows(splitting *s, int64_t parts, ir_value **count)
{
    mk *k = s->n->k;
    const ir_sx *rows = mk_extent(s->x, 0), *length = mk_extent(s->x, 1), *wide[3] = {rows, mk_sx(k, parts + 1), length};
    ir_value *none = mk_filled(k, ir_tensor(k->m, DT_i64, 1, &rows), 0), *table = mk_filled(k, ir_tensor(k->m, DT_i64, 2, (const ir_sx *[]){rows, length}), 0);
    ir_value *init[5] = {none, none, none, table, table}, *part, *place;
    mk_loop loop;
    mk_loop_begin(k, &loop, "byte", mk_sx(k, 0), length, 5, init);
    ir_value *state[3] = {loop.carried[0], loop.carried[1], loop.carried[2]};
    step(s, column(k, s->x, loop.index), column(k, s->cut, loop.index), state, &part, &place, parts);
    ir_value *next[5] = {state[0], state[1], state[2], put_column(k, loop.carried[3], part, loop.index), put_column(k, loop.carried[4], place, loop.index)};
    mk_loop_end(k, &loop, next);
    *count = OP2(add, loop.carried[0], *s->delimiter ? INT(1) : BOTH(min, loop.carried[2], INT(1)));
    const ir_sx *shape[3] = {rows, length, mk_sx(k, 1)};
    ir_value *row = mk_unsqueeze(k, im_count(k, rows, DT_i64), 1), *where[3];
    where[0] = mk_reshape(k, OP2(add, row, OP2(mul, table, INT(0))), 3, shape);
    where[1] = mk_reshape(k, loop.carried[3], 3, shape);
    where[2] = mk_reshape(k, loop.carried[4], 3, shape);
    ir_value *y = mk_filled(k, ir_tensor(k->m, DT_u8, 3, wide), 0);
    return mk_op3(k, IR_scatter_nd, y, mk_concat(k, 3, where, 2), s->x);
}

bool im_string_split(im_node *n)
{
    mk *k = n->k;
    ir_value *x = text_in(n, 0), *count;
    splitting s = {.n = n, .delimiter = im_text(n, "delimiter", ""), .most = im_int(n, "maxsplit", INT64_MAX)};
    if (!x) return false;
    if (x->type->rank == IR_MAX_RANK) return im_fail(n, E_RANK, 0, "the operand has too many axes");
    if (s.most < 0) s.most = INT64_MAX;
    int rank = last(x);
    const ir_sx *dim[IR_MAX_RANK], *length = x->type->dim[rank], *rows = mk_sx(k, 1);
    for (int i = 0; i < rank; i++) {
        dim[i] = x->type->dim[i];
        rows = sx_mul(&k->m->sx, rows, dim[i]);
    }
    s.x = mk_reshape(k, x, 2, (const ir_sx *[]){rows, length});
    s.cut = *s.delimiter ? delimiter_at(k, s.x, s.delimiter) : is_one_of(k, s.x, " \t\n\r\v\f");
    int64_t each = *s.delimiter ? (int64_t)strlen(s.delimiter) : 2, most = (sx_value(length) + each - 1) / each + (*s.delimiter != 0);
    if (s.most < most) most = s.most + 1;
    ir_value *y = split_rows(&s, most, &count);
    if (ir_is_poison(y)) return false;
    ir_value *largest = BOTH(max, mk_reduce(k, IR_reduce_max, count, 1, false), INT(0));
    const ir_sx *parts = im_result_size(n, 0, rank, largest, 0, most);
    y = mk_slice(k, y, 1, mk_sx(k, 0), parts);
    dim[rank] = parts;
    dim[rank + 1] = length;
    im_out(n, 1, mk_reshape(k, count, rank, dim));
    return im_out_text(n, 0, mk_reshape(k, y, rank + 2, dim));
}

/* ---- RegexFullMatch ------------------------------------------------------------------------- */

bool im_regex_full_match(im_node *n)
{
    mk *k = n->k;
    ir_value *x = text_in(n, 0);
    const char *fault = NULL, *pattern = im_text(n, "pattern", "");
    if (!x) return false;
    const im_automaton *a = im_regex(n->o->s->arena, pattern, &fault);
    if (!a) return im_fail(n, E_ATTR_VALUE, -1, "the pattern '%s': %s", pattern, fault);
    const ir_sx *size = mk_sx(k, (int64_t)a->states * 256), *states = mk_sx(k, a->states);
    ir_value *next = mk_const(k, ir_tensor(k->m, DT_i32, 1, &size), a->next), *accepts = mk_const(k, ir_tensor(k->m, DT_bool, 1, &states), a->accepts);
    ir_value *init = mk_filled(k, ir_tensor(k->m, DT_i32, last(x), x->type->dim), a->start);
    mk_loop loop;
    mk_loop_begin(k, &loop, "byte", mk_sx(k, 0), mk_extent(x, last(x)), 1, &init);
    ir_value *byte = mk_cast(k, mk_pick(k, x, last(x), loop.index), DT_i32);
    ir_value *state = mk_gather(k, next, OP2(add, OP2(mul, loop.carried[0], number32(k, 256)), byte), 0);
    mk_loop_end(k, &loop, &state);
    return im_out(n, 0, mk_gather(k, accepts, loop.carried[0], 0));
}
