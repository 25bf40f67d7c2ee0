#include "frontend/json.h"
#include "frontend/memfile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_node *node(nfc_arena *a, json_kind kind)
{
    json_node *n = ARENA_NEW(a, json_node);
    n->kind = kind;
    return n;
}

json_node *json_object(nfc_arena *a) { return node(a, JSON_OBJECT); }
json_node *json_array(nfc_arena *a) { return node(a, JSON_ARRAY); }

json_node *json_int(nfc_arena *a, int64_t value)
{
    json_node *n = node(a, JSON_INT);
    n->integer = value;
    n->number = (double)value;
    return n;
}

json_node *json_uint(nfc_arena *a, uint64_t value)
{
    json_node *n = json_int(a, value > INT64_MAX ? INT64_MAX : (int64_t)value);
    n->above_i64 = value > INT64_MAX;
    n->big = value;
    n->number = (double)value;
    return n;
}

json_node *json_float(nfc_arena *a, double value)
{
    json_node *n = node(a, JSON_FLOAT);
    n->number = value;
    n->text = shortest_double(a, value);
    return n;
}

json_node *json_string(nfc_arena *a, const char *text)
{
    json_node *n = node(a, JSON_STRING);
    n->text = text;
    return n;
}

json_node *json_bool(nfc_arena *a, bool value)
{
    json_node *n = node(a, JSON_BOOL);
    n->truth = value;
    return n;
}

void json_push(json_node *array, json_node *value)
{
    value->parent = array;
    if (array->last) array->last->next = value;
    else array->child = value;
    array->last = value;
    array->count++;
}

void json_set(json_node *object, const char *key, json_node *value)
{
    value->key = key; /* kept sorted, so that writing needs no second order */
    value->parent = object;
    json_node **link = &object->child;
    while (*link && strcmp((*link)->key, key) < 0) link = &(*link)->next;
    value->next = *link;
    *link = value;
    if (!value->next) object->last = value;
    object->count++;
}

enum { LONGEST_NUMBER = 40 };

/* Of a finite number, into LONGEST_NUMBER bytes. */
static void shortest(char *text, double value)
{
    int digits = 0;
    do snprintf(text, LONGEST_NUMBER, "%.*g", ++digits, value);
    while (digits < 17 && strtod(text, NULL) != value);
    if (!strpbrk(text, ".e")) strcat(text, ".0");
}

const char *shortest_double(nfc_arena *a, double value)
{
    if (isnan(value)) return "nan";
    if (isinf(value)) return value < 0 ? "-inf" : "inf";
    char text[LONGEST_NUMBER];
    shortest(text, value);
    return arena_strdup(a, text);
}

const char *shortest_float(nfc_arena *a, float value)
{
    if (isnan(value) || isinf(value)) return shortest_double(a, (double)value);
    for (int digits = 1; digits <= 9; digits++) {
        char text[40];
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) != value) continue;
        if (!strpbrk(text, ".e")) strcat(text, ".0");
        return arena_strdup(a, text);
    }
    return arena_printf(a, "%.9g", (double)value);
}

static bool is_flat(const json_node *n)
{
    for (const json_node *k = n->child; k; k = k->next)
        if (k->kind >= JSON_ARRAY && k->child) return false;
    return n->kind == JSON_ARRAY;
}

static void write_children(FILE *to, const json_node *n, int indent)
{
    bool flat = indent < 0 || is_flat(n);
    int inner = indent < 0 ? indent : indent + 1;
    for (const json_node *k = n->child; k; k = k->next) {
        if (!flat) fprintf(to, "\n%*s", 2 * inner, "");
        if (k->key) {
            print_json_string(to, k->key);
            fputs(indent < 0 ? ":" : ": ", to);
        }
        json_write(to, k, flat && indent >= 0 ? -1 : inner);
        if (k->next) fputs(flat && indent >= 0 ? ", " : ",", to);
    }
    if (!flat && n->child) fprintf(to, "\n%*s", 2 * indent, "");
}

/* A number that was read has no text of its own. */
static void write_float(FILE *to, const json_node *n)
{
    char text[LONGEST_NUMBER];
    if (!isfinite(n->number)) {
        print_json_string(to, n->text);
        return;
    }
    if (!n->text) shortest(text, n->number);
    fputs(n->text ? n->text : text, to);
}

void json_write(FILE *to, const json_node *n, int indent)
{
    switch (n->kind) {
    case JSON_NULL: fputs("null", to); break;
    case JSON_BOOL: fputs(n->truth ? "true" : "false", to); break;
    case JSON_INT:
        if (n->above_i64) fprintf(to, "%llu", (unsigned long long)n->big);
        else fprintf(to, "%lld", (long long)n->integer);
        break;
    case JSON_FLOAT: write_float(to, n); break;
    case JSON_STRING: print_json_string(to, n->text); break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        putc(n->kind == JSON_ARRAY ? '[' : '{', to);
        write_children(to, n, indent);
        putc(n->kind == JSON_ARRAY ? ']' : '}', to);
        break;
    }
}

const char *json_text(nfc_arena *a, const json_node *node)
{
    memfile *m = memfile_new(a);
    json_write(memfile_start(m), node, 0);
    return memfile_end(m, NULL);
}
