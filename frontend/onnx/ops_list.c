/* `nfc ops --onnx`: the operators of models that are known, by domain and name. */
#include <stdlib.h>
#include <string.h>
#include "frontend/cli.h"
#include "frontend/onnx/import.h"

typedef struct known_op {
    const char *domain, *name;
    const char *row; /* the op that it becomes as it is; "": it is converted */
} known_op;
typedef VEC(known_op) known_list;

static bool has(const known_list *list, const char *domain, const char *name)
{
    for (int i = 0; i < list->n; i++)
        if (strcmp(list->at[i].domain, domain) == 0 && strcmp(list->at[i].name, name) == 0) return true;
    return false;
}

static void collect(nfc_arena *a, known_list *list)
{
    for (int i = 0; im_op_at(i); i++) vec_push(a, list, ((known_op){im_op_at(i)->domain, im_op_at(i)->name, ""}));
    for (int op = 0; op < IR_OP_COUNT; op++) {
        const op_info *info = op_get((ir_op)op);
        const char *dot = strrchr(info->onnx, '.');
        if (!*info->onnx) continue;
        known_op k = {dot ? arena_strndup(a, info->onnx, (size_t)(dot - info->onnx)) : "", dot ? dot + 1 : info->onnx, info->name};
        if (!has(list, k.domain, k.name)) vec_push(a, list, k);
    }
}

static int by_name(const void *a, const void *b)
{
    const known_op *x = a, *y = b;
    int order = strcmp(x->domain, y->domain);
    return order ? order : strcmp(x->name, y->name);
}

void im_print_ops(nfc_arena *a, bool json)
{
    known_list list = {0};
    collect(a, &list);
    qsort(list.at, (size_t)list.n, sizeof *list.at, by_name);
    const char *domain = NULL;
    if (json) putchar('[');
    for (int i = 0; i < list.n; i++) {
        const known_op *k = &list.at[i];
        if (json) {
            printf("%s\n {\"domain\":\"%s\",\"name\":\"%s\",\"row\":\"%s\"}", i ? "," : "", k->domain, k->name, k->row);
            continue;
        }
        if (!domain || strcmp(domain, k->domain) != 0) printf("%s%s\n", domain ? "\n" : "", *k->domain ? k->domain : "ai.onnx");
        domain = k->domain;
        printf("  %-32s %s\n", k->name, *k->row ? k->row : "converted");
    }
    if (json) puts("\n]");
}
