/* Kernels as text, for dumps and golden tests. */
#include <math.h>
#include "ir/kir.h"

static const char *type_text(kir_type t) { return t == KIR_INDEX_TYPE ? "index" : dtype_name((nfc_dtype)t); }

static void print_expr(FILE *to, nfc_arena *a, const kir_expr *e);

static void print_constant(FILE *to, const kir_expr *e)
{
    bool is_float = dtype_is_float((nfc_dtype)e->type), is_f32 = e->type == DT_f32 && isfinite(e->number);
    if (is_float) fprintf(to, is_f32 ? "%g" : "%.17g", e->number);
    else fprintf(to, "%lld", (long long)e->integer);
    fprintf(to, ":%s", type_text(e->type));
}

/* "name(a, b, c)" of what an expression has. */
static void print_call(FILE *to, nfc_arena *a, const char *name, const kir_expr *e)
{
    const kir_expr *operand[] = {e->a, e->b, e->c};
    fputs(name, to);
    for (int i = 0; i < 3 && operand[i]; i++) {
        fputs(i ? ", " : "(", to);
        print_expr(to, a, operand[i]);
    }
    putc(')', to);
}

/* "max(a, b)", but "(a + b)". */
static void print_bin(FILE *to, nfc_arena *a, const kir_expr *e)
{
    const char *text = kir_bin_table[e->op].text;
    if (text[0] >= 'a' && text[0] <= 'z') {
        print_call(to, a, text, e);
        return;
    }
    putc('(', to);
    print_expr(to, a, e->a);
    fprintf(to, " %s ", text);
    print_expr(to, a, e->b);
    putc(')', to);
}

static void print_expr(FILE *to, nfc_arena *a, const kir_expr *e)
{
    switch (e->kind) {
    case KIR_CONST: print_constant(to, e); break;
    case KIR_VAR: fputs(e->var->name, to); break;
    case KIR_INDEX: fprintf(to, "(%s)", sx_text(a, e->index)); break;
    case KIR_LOAD:
        fprintf(to, "%s[%s]", e->buffer->name, sx_text(a, e->index));
        if (e->integer) fprintf(to, ".word%lld", (long long)e->integer);
        break;
    case KIR_UN: print_call(to, a, e->op == KU_BITS ? arena_printf(a, "%s.%s", kir_un_table[e->op].text, type_text(e->type)) : kir_un_table[e->op].text, e); break;
    case KIR_BIN: print_bin(to, a, e); break;
    case KIR_FMA: print_call(to, a, "fma", e); break;
    case KIR_DOT: print_call(to, a, kir_dot_table[e->op].text, e); break;
    case KIR_SELECT: print_call(to, a, "select", e); break;
    case KIR_CAST: print_call(to, a, type_text(e->type), e); break;
    }
}

static void print_alloc(FILE *to, nfc_arena *a, const kir_buffer *b)
{
    if (b->space == KIR_TILE_SPACE) fprintf(to, "tile %d %s : %s [%lld, %lld]", b->tile, b->name, dtype_name(b->dtype), (long long)b->rows, (long long)kir_row_elements(b));
    else fprintf(to, "local %s : %s [%s]", b->name, dtype_name(b->dtype), sx_text(a, b->size));
}

static void print_tile(FILE *to, nfc_arena *a, const kir_stmt *s)
{
    const char *op = kir_tile_text[s->op];
    switch (s->op) {
    case KT_LOAD: fprintf(to, "%s %s = %s[%s] by %s", op, s->buffer->name, s->from->name, sx_text(a, s->from_index), sx_text(a, s->count)); break;
    case KT_STORE: fprintf(to, "%s %s[%s] by %s = %s", op, s->buffer->name, sx_text(a, s->index), sx_text(a, s->count), s->from->name); break;
    case KT_DOT: fprintf(to, "%s %s += %s x %s", op, s->buffer->name, s->from->name, s->with->name); break;
    default: fprintf(to, "%s %s", op, s->buffer->name); break;
    }
}

static void print_stmt(FILE *to, nfc_arena *a, const kir_stmt *s, int indent);

static void print_body(FILE *to, nfc_arena *a, const kir_stmt *s, int indent)
{
    for (int i = 0; i < s->body.n; i++) print_stmt(to, a, s->body.at[i], indent);
}

static void print_stmt(FILE *to, nfc_arena *a, const kir_stmt *s, int indent)
{
    static const char *const kinds[] = {"serial", "parallel", "grid", "unroll", "vector"};
    if (s->kind == KIR_SEQ) {
        print_body(to, a, s, indent);
        return;
    }
    fprintf(to, "%*s", 2 * indent, "");
    switch (s->kind) {
    case KIR_FOR:
        fprintf(to, "for %s %s in %s .. %s", kinds[s->loop], s->var->name, sx_text(a, s->begin), sx_text(a, s->end));
        fprintf(to, s->turn ? " turning with %s\n" : "\n", s->turn ? sx_text(a, s->turn) : "");
        print_body(to, a, s, indent + 1);
        return;
    case KIR_IF:
        fputs("if ", to);
        print_expr(to, a, s->value);
        putc('\n', to);
        print_body(to, a, s, indent + 1);
        return;
    case KIR_LET:
        fprintf(to, "let %s", s->var->name);
        if (s->var->sym) fprintf(to, " in [%lld, %lld]", (long long)s->var->sym->lo, (long long)s->var->sym->hi);
        fputs(" = ", to);
        print_expr(to, a, s->value);
        break;
    case KIR_ALLOC: print_alloc(to, a, s->buffer); break;
    case KIR_STORE:
    case KIR_ACCUM:
        fprintf(to, "%s[%s] %s= ", s->buffer->name, sx_text(a, s->index), s->kind == KIR_ACCUM ? kir_bin_table[s->op].text : "");
        print_expr(to, a, s->value);
        break;
    case KIR_COPY: fprintf(to, "copy %s[%s] = %s[%s] x %s", s->buffer->name, sx_text(a, s->index), s->from->name, sx_text(a, s->from_index), sx_text(a, s->count)); break;
    case KIR_PREFETCH: fprintf(to, "prefetch %s[%s]", s->buffer->name, sx_text(a, s->index)); break;
    case KIR_TILE: print_tile(to, a, s); break;
    case KIR_FAIL: fprintf(to, "fail %s", s->fail == KIR_FAIL_INDEX ? "index" : "division"); break;
    case KIR_NOTE: fprintf(to, "// %s", s->text); break;
    default: break;
    }
    putc('\n', to);
}

void kir_print(FILE *to, nfc_arena *a, const kir_func *f)
{
    fprintf(to, "kernel %s(", f->name);
    for (int i = 0; i < f->param.n; i++) {
        const kir_buffer *p = f->param.at[i];
        fprintf(to, "%s%s %s : %s [%s]", i ? ", " : "", p->written ? p->read ? "inout" : "out" : "in", p->name, dtype_name(p->dtype), sx_text(a, p->size));
    }
    for (int i = 0; i < f->scalar.n; i++) fprintf(to, "; %s", f->scalar.at[i]->name);
    fprintf(to, ")%s\n", f->can_fail ? " can fail" : "");
    print_stmt(to, a, f->body, 1);
}
