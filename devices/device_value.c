/* Values of a description, as the kind of their key has them. */
#include <string.h>
#include "devices/reader.h"

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The first character that is neither a letter nor a digit nor one of `others`, or NULL. */
static const char *first_other(const char *text, const char *others)
{
    for (; *text; text++)
        if (!is_letter_or_digit(*text) && !strchr(others, *text)) return text;
    return NULL;
}

static bool bad_character(nfc_session *s, const json_node *node, char c, const char *rule)
{
    if (c >= ' ' && c < 0x7f)
        device_fault(s, E_DEVICE_VALUE, node, "'%c' does not belong here: %s", c, rule);
    else
        device_fault(s, E_DEVICE_VALUE, node, "%s", rule);
    return false;
}

static bool check_word(nfc_session *s, const json_node *node)
{
    const char *at = first_other(node->text, "_-+=:,./");
    if (!*node->text)
        device_fault(s, E_DEVICE_VALUE, node, "the word is empty");
    else if (at)
        bad_character(s, node, *at, "a word is made of letters, digits and _ - + = : , . /");
    return *node->text && !at;
}

static bool check_name(nfc_session *s, const json_node *node)
{
    const char *at = first_other(node->text, "._-");
    if (!at && !is_letter_or_digit(*node->text)) at = node->text;
    return !at ||
           bad_character(s, node, *at,
                         "a name is made of letters, digits and . _ -, a letter or digit first");
}

static bool check_line(nfc_session *s, const json_node *node)
{
    for (const char *at = node->text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return bad_character(s, node, *at, "the text is one line without control characters");
    return true;
}

static bool check_text(nfc_session *s, const device_key *key, const json_node *node)
{
    size_t n = strlen(node->text);
    if (n < (size_t)key->low || n > (size_t)key->high) {
        device_fault(s, E_DEVICE_VALUE, node, "a text of %zu bytes, where %s belong", n,
                     key_range(s->arena, key));
        return false;
    }
    if (key->kind == KEY_NAME) return check_name(s, node);
    if (key->kind == KEY_TEXT) return check_line(s, node);
    if (*node->text == '-')
        return bad_character(s, node, '-', "a command begins with another character");
    return check_word(s, node);
}

static bool read_choice(nfc_session *s, const device_key *key, const json_node *node, key_value *v)
{
    const char *const *words = key_words(s->arena, key);
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], node->text) != 0) continue;
        v->choice = i;
        v->text = words[i];
        return true;
    }
    nfc_diag *d = device_fault(s, E_DEVICE_VALUE, node,
                               words[1] ? "'%s' is none of %s" : "'%s' is not %s, the only choice",
                               node->text, key_range(s->arena, key));
    diag_suggest(d, node->text, words);
    return false;
}

static const char *number_text(nfc_session *s, const json_node *node)
{
    if (node->kind == JSON_FLOAT) return shortest_double(s->arena, node->number);
    if (node->above_i64) return session_printf(s, "%llu", (unsigned long long)node->big);
    return session_printf(s, "%lld", (long long)node->integer);
}

static bool read_number(nfc_session *s, const device_key *key, const json_node *node, key_value *v)
{
    v->integer = node->integer;
    v->number = node->number;
    bool fits = key->low <= node->number && node->number <= key->high;
    bool power = (node->integer & (node->integer - 1)) == 0;
    if (fits && (power || key->kind != KEY_POWER)) return true;
    device_fault(s, E_DEVICE_VALUE, node, "%s is no %s from %s", number_text(s, node),
                 key_kind_name(key->kind), key_range(s->arena, key));
    return false;
}

bool device_count(nfc_session *s, const device_key *key, const json_node *node)
{
    if (node->count >= key->low && node->count <= key->high) return true;
    device_fault(s, E_DEVICE_VALUE, node, "a list of %d entries, where %d to %d belong",
                 node->count, (int)key->low, (int)key->high);
    return false;
}

static bool read_words(nfc_session *s, const device_key *key, const json_node *node, key_value *v)
{
    bool ok = device_count(s, key, node);
    for (const json_node *k = node->child; k; k = k->next) {
        bool is_word = k->kind == JSON_STRING && check_word(s, k);
        if (k->kind != JSON_STRING)
            device_fault(s, E_DEVICE_KIND, k, "a word belongs here, not %s",
                         json_kind_name(k->kind));
        if (is_word) vec_push(s->arena, &v->words, k->text);
        ok = ok && is_word;
    }
    return ok;
}

static bool read_type(nfc_session *s, const device_key *key, const json_node *node, key_value *v)
{
    key_value word = {0};
    if (node->kind != JSON_STRING) {
        device_fault(s, E_DEVICE_KIND, node, "the name of an element type belongs here, not %s",
                     json_kind_name(node->kind));
        return false;
    }
    if (!read_choice(s, key, node, &word)) return false;
    nfc_dtype t = dtype_lookup(word.text);
    if (v->types >> t & 1) {
        device_fault(s, E_DEVICE_VALUE, node, "'%s' stands in the list twice", node->text);
        return false;
    }
    v->types |= UINT32_C(1) << t;
    return true;
}

static bool read_types(nfc_session *s, const device_key *key, const json_node *node, key_value *v)
{
    bool ok = device_count(s, key, node);
    for (const json_node *k = node->child; k; k = k->next) ok = read_type(s, key, k, v) && ok;
    return ok;
}

bool device_value(nfc_session *s, const device_key *key, const json_node *node, key_value *v)
{
    v->at = node->at;
    v->truth = node->truth;
    v->text = node->text;
    switch (key->kind) {
    case KEY_NAME:
    case KEY_TEXT:
    case KEY_WORD: return check_text(s, key, node);
    case KEY_CHOICE: return read_choice(s, key, node, v);
    case KEY_INTEGER:
    case KEY_POWER:
    case KEY_NUMBER: return read_number(s, key, node, v);
    case KEY_WORDS: return read_words(s, key, node, v);
    case KEY_TYPES: return read_types(s, key, node, v);
    case KEY_FLAG:
    case KEY_OBJECT:
    case KEY_LIST: break;
    }
    return true;
}
