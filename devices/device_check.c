/* What the keys of a description say together. A key that could not be read is left out of this:
 * it has been complained about. */
#include <string.h>
#include "devices/reader.h"

typedef struct {
    nfc_session *s;
    const json_node *root;
    device *d;
} checker;

static const json_node *member(const checker *c, const char *section, const char *key)
{
    return json_get(json_get(c->root, section), key);
}

static nfc_diag *conflict(const checker *c, const json_node *node, const char *text)
{
    return device_fault(c->s, E_DEVICE_CONFLICT, node, "%s", text);
}

/* ---- units --------------------------------------------------------------------------------- */

/* Entry i of the list `key` in an object. */
static const json_node *entry(const json_node *object, const char *key, int i)
{
    const json_node *k = json_get(object, key);
    for (k = k ? k->child : NULL; k && i > 0; k = k->next) i--;
    return k;
}

static void check_vector(const checker *c, const json_node *unit)
{
    const json_node *bits = json_get(unit, "vector_bits"),
                    *count = json_get(unit, "vector_registers");
    if (bits && !count) conflict(c, bits, "the unit has vectors, but no vector_registers");
    if (count && !bits)
        conflict(c, count, "the unit has registers for vectors, but no vector_bits");
}

static int64_t all_cores(const device *d)
{
    int64_t n = 0;
    for (int i = 0; i < d->unit.n; i++) {
        if (d->unit.at[i].cores == 0) return INT64_MAX; /* it could not be read */
        n += d->unit.at[i].cores;
    }
    return n;
}

static void check_level(const checker *c, const json_node *unit, const device_unit *u, int i)
{
    const device_level *level = &u->level.at[i], *inner = i > 0 ? level - 1 : NULL;
    const json_node *node = entry(unit, "levels", i);
    const json_node *bytes = json_get(node, "bytes"), *cores = json_get(node, "cores");
    if (node->kind != JSON_OBJECT) return;
    if (!bytes && i + 1 < u->level.n) conflict(c, node, "only the last level may go without bytes");
    if (inner && level->bytes && level->bytes <= inner->bytes)
        conflict(c, bytes, "a level must be larger than the one before it");
    if (inner && level->cores && level->cores < inner->cores)
        conflict(c, cores, "a level must not be shared by fewer cores than the one before it");
    if (level->cores > all_cores(c->d))
        conflict(
            c, cores,
            session_printf(c->s, "the device has %lld cores in all", (long long)all_cores(c->d)));
    for (int k = 0; k < i; k++) {
        if (!level->name || !u->level.at[k].name || strcmp(level->name, u->level.at[k].name) != 0)
            continue;
        nfc_diag *d = conflict(c, json_get(node, "name"), "two levels have this name");
        diag_note(d, json_get(entry(unit, "levels", k), "name")->at, "the other");
        break;
    }
}

/* How many operands an operator has. */
static int operands(const char *op)
{
    static const char *const two[] = {"add", "sub", "mul", "div", "min", "max", "scale", "lookup", "atmost", "atleast"}, *const three[] = {"fma", "select"};
    if (strncmp(op, "dot_", 4) == 0) return 3;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (strcmp(op, two[i]) == 0) return 2;
    for (size_t i = 0; i < sizeof three / sizeof *three; i++)
        if (strcmp(op, three[i]) == 0) return 3;
    return 1;
}

/* Is it an expression as far as the reader can tell? What is wrong, or NULL. */
static const char *spelling_fault(const device_spelling *k)
{
    int depth = 0;
    unsigned used = 0;
    for (const char *at = k->text; *at; at++) {
        if (strchr(";{}#\"\\'`@", *at) || (unsigned char)*at > 126) return "the text is one expression, without ; { } # and quotes";
        if (*at == '/' && (at[1] == '/' || at[1] == '*')) return "the text has no comments";
        depth += (*at == '(') - (*at == ')');
        if (depth < 0) break;
        if (*at != '$') continue;
        if (at[1] < '0' || at[1] - '0' >= operands(k->op)) return "the operator has no such operand";
        used |= 1u << (at[1] - '0');
    }
    if (depth != 0) return "the brackets of the text do not match";
    return used + 1 == 1u << operands(k->op) ? NULL : "the text leaves an operand out";
}

/* Only of f16 has C no sums, and only so much is done in f16. */
static const char *type_fault(const device_spelling *k)
{
    static const char *const signs[] = {"add", "sub", "mul", "div"}, *const others[] = {"sqrt", "min", "max", "atmost", "atleast"};
    bool sign = false, other = false;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) sign |= strcmp(k->op, signs[i]) == 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) other |= strcmp(k->op, others[i]) == 0;
    if (sign && k->type != DT_f16) return "C has an operator for it on this type";
    return k->type == DT_f16 && !sign && !other ? "this is not done in f16" : k->type == DT_f16 && k->lanes == 1 ? "f16 is worked in by vectors only" : NULL;
}

static void check_instruction(const checker *c, const json_node *unit, const device_unit *u, int i)
{
    const device_spelling *k = &u->instruction.at[i];
    const json_node *node = entry(unit, "instructions", i);
    if (!k->op || !k->text || !k->lanes || node->kind != JSON_OBJECT) return;
    const char *fault = spelling_fault(k);
    if (fault) device_fault(c->s, E_DEVICE_VALUE, json_get(node, "text"), "%s", fault);
    fault = type_fault(k);
    if (fault) device_fault(c->s, E_DEVICE_VALUE, json_get(node, "type"), "%s", fault);
    for (int n = 0; n < i; n++) {
        const device_spelling *other = &u->instruction.at[n];
        if (!other->op || strcmp(other->op, k->op) != 0 || other->type != k->type || other->lanes != k->lanes) continue;
        nfc_diag *d = conflict(c, node, "two instructions for the same operator, type and lanes");
        diag_note(d, entry(unit, "instructions", n)->at, "the other");
        break;
    }
}

/* ---- tiles --------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    int operands;
} tile_ops[] = {{"configure", 1}, {"release", 0}, {"zero", 1}, {"load", 3}, {"store", 3}};

static int tile_operands(const char *op)
{
    for (size_t i = 0; i < sizeof tile_ops / sizeof *tile_ops; i++)
        if (strcmp(op, tile_ops[i].op) == 0) return tile_ops[i].operands;
    return 3;
}

/* Is it one statement as far as the reader can tell? Unlike an expression it may be an asm() with what that has quoted. */
static const char *statement_fault(const device_tile_spelling *k)
{
    const int operands = tile_operands(k->op);
    int depth = 0;
    unsigned used = 0;
    for (const char *at = k->text; *at; at++) {
        if (strchr(";{}#\\'`@", *at) || (unsigned char)*at > 126) return "the text is one statement, without ; { } and #";
        if (*at == '/' && (at[1] == '/' || at[1] == '*')) return "the text has no comments";
        depth += (*at == '(') - (*at == ')');
        if (depth < 0) break;
        if (*at != '$') continue;
        if (at[1] < '0' || at[1] - '0' >= operands) return "there is no such operand";
        used |= 1u << (at[1] - '0');
    }
    if (depth != 0) return "the brackets of the text do not match";
    return used + 1 == 1u << operands ? NULL : "the text leaves an operand out";
}

static void check_tile_instruction(const checker *c, const json_node *tiles, const device_tiles *t, int i)
{
    const device_tile_spelling *k = &t->instruction.at[i];
    const json_node *node = entry(tiles, "instructions", i);
    if (!k->op || !k->text || node->kind != JSON_OBJECT) return;
    const char *fault = statement_fault(k);
    if (fault) device_fault(c->s, E_DEVICE_VALUE, json_get(node, "text"), "%s", fault);
    for (int n = 0; n < i; n++) {
        if (!t->instruction.at[n].op || strcmp(t->instruction.at[n].op, k->op) != 0) continue;
        nfc_diag *d = conflict(c, node, "two instructions for the same operation");
        diag_note(d, entry(tiles, "instructions", n)->at, "the other");
        break;
    }
}

static bool has_tile_op(const device_tiles *t, const char *op)
{
    bool has = false;
    for (int i = 0; i < t->instruction.n; i++) {
        const char *other = t->instruction.at[i].op; /* NULL: it could not be read */
        has |= !other || strcmp(other, op) == 0 || (strcmp(op, "dot") == 0 && strncmp(other, "dot_", 4) == 0);
    }
    return has;
}

static void check_tiles(const checker *c, const json_node *unit, const device_unit *u)
{
    static const char *const needed[] = {"registers", "rows", "bytes"};
    const json_node *node = json_get(unit, "tiles");
    const device_tiles *t = &u->tiles;
    if (!node || node->kind != JSON_OBJECT) return;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!json_get(node, needed[i])) conflict(c, node, session_printf(c->s, "the unit has tiles, but it is not said how many %s", needed[i]));
    if (!json_get(unit, "vector_bits")) conflict(c, node, "the unit has tiles, but no vectors for what is not done in them");
    for (size_t i = 0; i < sizeof tile_ops / sizeof *tile_ops; i++)
        if (!has_tile_op(t, tile_ops[i].op)) conflict(c, node, session_printf(c->s, "the unit has tiles, but no instruction for '%s'", tile_ops[i].op));
    if (!has_tile_op(t, "dot")) conflict(c, node, "the unit has tiles, but no instruction for products of them");
    for (int i = 0; i < t->instruction.n; i++) check_tile_instruction(c, node, t, i);
}

static void check_unit(const checker *c, int i)
{
    const device_unit *u = &c->d->unit.at[i];
    const json_node *node = entry(c->root, "units", i);
    check_vector(c, node);
    for (int k = 0; k < u->level.n; k++) check_level(c, node, u, k);
    for (int k = 0; k < u->instruction.n; k++) check_instruction(c, node, u, k);
    check_tiles(c, node, u);
    for (int k = 0; k < i; k++) {
        const char *other = c->d->unit.at[k].name;
        if (!u->name || !other || strcmp(u->name, other) != 0) continue;
        nfc_diag *d = conflict(c, json_get(node, "name"), "two units have this name");
        diag_note(d, json_get(entry(c->root, "units", k), "name")->at, "the other");
        break;
    }
}

static void choose_unit(const checker *c)
{
    device *d = c->d;
    const char **names = ARENA_ARRAY(c->s->arena, const char *, d->unit.n + 1);
    int n = 0;
    for (int i = 0; i < d->unit.n; i++) {
        const char *name = d->unit.at[i].name;
        if (name) names[n++] = name;
        if (!d->chosen && (!d->runs_on || (name && strcmp(name, d->runs_on) == 0)))
            d->chosen = &d->unit.at[i];
    }
    if (!d->chosen && n && n == d->unit.n) {
        nfc_diag *e = device_fault(c->s, E_DEVICE_CONFLICT, json_get(c->root, "runs_on"),
                                   "there is no unit '%s'", d->runs_on);
        if (diag_suggest(e, d->runs_on, names)) return;
        for (int i = 0; names[i]; i++) diag_help(e, "\"runs_on\": \"%s\"", names[i]);
    }
}

/* ---- compiler ------------------------------------------------------------------------------ */

/* Options that change roundings. */
static const char *const rounding_flags[] = {
    "-ffast-math",        "-Ofast", "-funsafe-math-optimizations", "-fassociative-math",
    "-ffp-contract=fast", NULL};

static void check_flag(const checker *c, const json_node *flag)
{
    if (strncmp(flag->text, "-std=", 5) == 0)
        conflict(c, flag, "/compiler/standard says which standard");
    for (int i = 0; rounding_flags[i] && !c->d->fast_math; i++)
        if (strcmp(flag->text, rounding_flags[i]) == 0)
            conflict(c, flag, "it changes roundings, which /preferences/fast_math does not allow");
}

static void check_flags(const checker *c, const json_node *list)
{
    const json_node *k = list && list->kind == JSON_ARRAY ? list->child : NULL;
    for (; k; k = k->next)
        if (k->kind == JSON_STRING) check_flag(c, k);
}

static void needs_libc(const checker *c, bool used, const json_node *node, const char *text)
{
    if (used) diag_note(conflict(c, node, text), member(c, "target", "libc")->at, "said here");
}

static void check_freestanding(const checker *c)
{
    const json_node *libc = member(c, "target", "libc");
    if (!libc || libc->kind != JSON_BOOL || libc->truth) return;
    needs_libc(c, c->d->compiler.link.n > 0, member(c, "compiler", "link"),
               "no program is linked for a device without libc");
    needs_libc(c, c->d->compiler.run.n > 0, member(c, "compiler", "run"),
               "no program is run on a device without libc");
    needs_libc(c, c->d->weights == WEIGHTS_FILE, member(c, "preferences", "weights"),
               "a file cannot be mapped without libc");
}

/* ---- limits and preferences ---------------------------------------------------------------- */

static void check_limit(const checker *c, const char *key, int64_t limit)
{
    const device *d = c->d;
    const json_node *node = member(c, "limits", key);
    const device_level *last =
        d->chosen && d->chosen->level.n ? &vec_last(&d->chosen->level) : NULL;
    bool narrow = d->pointer_bits && d->pointer_bits < 64;
    if (narrow && limit > INT64_C(1) << d->pointer_bits)
        diag_note(conflict(c, node,
                           session_printf(c->s, "more than pointers of %d bits can address",
                                          d->pointer_bits)),
                  d->pointer_at, "said here");
    else if (last && last->bytes && limit > last->bytes)
        conflict(c, node,
                 session_printf(c->s, "more than the last level of the unit has, which is %lld",
                                (long long)last->bytes));
}

static void check_precision(const checker *c)
{
    const device *d = c->d;
    if (d->precision == DT_COUNT || !d->types || d->types >> d->precision & 1) return;
    const json_node *node = member(c, "preferences", "precision");
    const char *name = dtype_name(d->precision);
    if (node)
        diag_note(conflict(c, node,
                           session_printf(
                               c->s, "'%s' is not among the types that the device can compute with",
                               name)),
                  d->types_at, "these");
}

static void check_threads(const checker *c)
{
    const device *d = c->d;
    const json_node *node = member(c, "preferences", "threads");
    if (!node || !d->chosen || !d->chosen->cores || d->threads <= d->chosen->cores) return;
    conflict(c, node, session_printf(c->s, "the unit that runs the program has %lld core%s", (long long)d->chosen->cores, d->chosen->cores > 1 ? "s" : ""));
}

void device_check(nfc_session *s, const json_node *root, device *d)
{
    checker c = {s, root, d};
    for (int i = 0; i < d->unit.n; i++) check_unit(&c, i);
    choose_unit(&c);
    check_flags(&c, member(&c, "compiler", "flags"));
    for (int i = 0; i < d->unit.n; i++) check_flags(&c, json_get(entry(root, "units", i), "flags"));
    check_freestanding(&c);
    check_limit(&c, "arena_bytes", d->arena_limit);
    check_limit(&c, "weights_bytes", d->weights_limit);
    check_limit(&c, "stack_bytes", d->stack_limit);
    check_precision(&c);
    check_threads(&c);
}
