/* ir/arena.h and ir/map.h */
#include <stdint.h>
#include <string.h>
#include "tests/unit/unit.h"

/* ---- arena --------------------------------------------------------------------------------- */

Test(arena, gives_zeroed_aligned_blocks_of_their_own)
{
    static unsigned char *block[400];
    static size_t size[400];
    nfc_arena *a = arena_new();
    uint64_t r = 1;
    for (int i = 0; i < 400; i++) {
        size[i] = unit_below(&r, i % 20 == 0 ? 200000 : 700);
        block[i] = arena_alloc(a, size[i]);
        cr_assert(((uintptr_t)block[i] & 15) == 0, "block %d is not aligned", i);
        for (size_t k = 0; k < size[i]; k++) cr_assert(block[i][k] == 0, "byte %zu of block %d", k, i);
        memset(block[i], i % 255 + 1, size[i]);
    }
    for (int i = 0; i < 400; i++)
        for (size_t k = 0; k < size[i]; k++) cr_assert(block[i][k] == i % 255 + 1, "block %d was overwritten", i);
    arena_free(a);
}

Test(arena, counts_its_bytes)
{
    nfc_arena *a = arena_new();
    cr_assert(arena_bytes(a) == 0);
    arena_alloc(a, 100);
    size_t small = arena_bytes(a);
    cr_assert(small >= 100);
    arena_alloc(a, 1 << 20);
    cr_assert(arena_bytes(a) >= small + (1 << 20));
    arena_free(a);
}

Test(arena, grows_a_block_by_copying_it)
{
    nfc_arena *a = arena_new();
    char *old = arena_strdup(a, "abc"), *wide = arena_grow(a, old, 4, 1000);
    cr_assert_str_eq(wide, "abc");
    cr_assert_str_eq(old, "abc");
    for (int i = 4; i < 1000; i++) cr_assert(wide[i] == 0);
    char *fresh = arena_grow(a, NULL, 0, 10);
    cr_assert(fresh && !*fresh);
    VEC(int) v = {0};
    for (int i = 0; i < 5000; i++) vec_push(a, &v, i * i);
    for (int i = 0; i < 5000; i++) cr_assert(v.at[i] == i * i);
    arena_free(a);
}

Test(arena, copies_and_prints_text)
{
    nfc_arena *a = arena_new();
    cr_assert_str_eq(arena_strndup(a, "abcdef", 3), "abc");
    cr_assert_str_eq(arena_strndup(a, NULL, 0), "");
    cr_assert_str_eq(arena_printf(a, "%d-%s", 42, "x"), "42-x");
    char *wide = arena_printf(a, "%*s|", 100000, "");
    cr_assert(strlen(wide) == 100001 && wide[100000] == '|');
    arena_free(a);
}

typedef struct {
    char text[16];
    int n;
} record;

typedef struct {
    record *to;
    char letter;
} undone;

static void note(void *what)
{
    undone *u = what;
    u->to->text[u->to->n++] = u->letter;
}

static void defer(nfc_arena *a, record *to, char letter)
{
    undone *u = ARENA_NEW(a, undone);
    *u = (undone){to, letter};
    arena_defer(a, note, u);
}

Test(arena, undoes_the_last_first_and_children_before_parents)
{
    record r = {0};
    nfc_arena *a = arena_new();
    defer(a, &r, 'a');
    defer(a, &r, 'b');
    nfc_arena *child = arena_child(a), *other = arena_child(a), *grandchild = arena_child(child);
    defer(grandchild, &r, 'g');
    defer(child, &r, 'c');
    defer(child, &r, 'd');
    defer(other, &r, 'o');
    arena_free(other);
    cr_assert_str_eq(r.text, "o");
    arena_alloc(child, 10);
    arena_free(a);
    cr_assert_str_eq(r.text, "ogdcba");
    arena_free(NULL);
}

/* Asks for what cannot be had; gives the number of the handler that control went to. */
static int ask_too_much(nfc_arena *a, jmp_buf *first, jmp_buf *second, nfc_arena *handled)
{
    volatile int handler = 0;
    if (setjmp(*first) != 0) return 1;
    if (setjmp(*second) != 0) return 2;
    if (handled && handler == 0) arena_on_oom(handled, second);
    arena_alloc(a, SIZE_MAX / 2 + 1);
    return 0;
}

Test(arena, goes_to_the_handler_when_memory_runs_out)
{
    jmp_buf first, second;
    nfc_arena *a = arena_new();
    arena_on_oom(a, &first);
    cr_assert(ask_too_much(a, &first, &second, NULL) == 1);
    nfc_arena *child = arena_child(a), *grandchild = arena_child(child);
    cr_assert(ask_too_much(grandchild, &first, &second, NULL) == 1);
    cr_assert(ask_too_much(grandchild, &first, &second, child) == 2);
    cr_assert(ask_too_much(child, &first, &second, NULL) == 2);
    cr_assert(ask_too_much(a, &first, &second, NULL) == 1);
}

Test(arena, a_child_follows_a_handler_that_its_parent_got_later)
{
    jmp_buf first, second;
    nfc_arena *a = arena_new(), *early = arena_child(a);
    arena_on_oom(a, &first);
    cr_assert(ask_too_much(early, &first, &second, NULL) == 1);
    nfc_arena *late = arena_child(a);
    cr_assert(ask_too_much(late, &first, &second, a) == 2);
    cr_assert(ask_too_much(early, &first, &second, NULL) == 2);
}

Test(arena, counts_too_large_to_multiply_are_no_memory)
{
    jmp_buf oom;
    nfc_arena *a = arena_new();
    arena_on_oom(a, &oom);
    if (setjmp(oom) == 0) {
        arena_array(a, SIZE_MAX / 8, 16);
        cr_assert_fail("an array of more bytes than there are");
    }
}

Test(arena, exits_with_4_without_a_handler, .exit_code = 4)
{
    arena_alloc(arena_child(arena_new()), SIZE_MAX);
}

/* ---- map ----------------------------------------------------------------------------------- */

Test(map, keeps_what_is_set_in_the_order_of_its_setting)
{
    nfc_arena *a = arena_new();
    nfc_map m;
    map_init(&m, a);
    cr_assert_null(map_get(&m, "k0"));
    static int value[20000];
    char key[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "k%d", i * 7919 % 20000);
        cr_assert_null(map_set(&m, key, &value[i]));
    }
    cr_assert(m.n == 20000);
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "k%d", i * 7919 % 20000);
        cr_assert(map_get(&m, key) == &value[i]);
        cr_assert_str_eq(m.entry[i].key, key);
    }
    cr_assert_null(map_get(&m, "k20000"));
    arena_free(a);
}

Test(map, gives_back_what_stood_there)
{
    nfc_arena *a = arena_new();
    nfc_map m;
    int x, y;
    map_init(&m, a);
    cr_assert_null(map_set(&m, "a", &x));
    cr_assert(map_set(&m, "a", &y) == &x);
    cr_assert(map_get(&m, "a") == &y && m.n == 1);
    cr_assert(map_set(&m, "a", NULL) == &y);
    cr_assert_null(map_get(&m, "a"));
    arena_free(a);
}

Test(map, keys_are_bytes_and_pointers_are_other_keys)
{
    nfc_arena *a = arena_new();
    nfc_map m;
    int v[8];
    const char *key = "a\0b";
    map_init(&m, a);
    map_setn(&m, "", 0, &v[0]);
    map_setn(&m, "a", 1, &v[1]);
    map_setn(&m, key, 3, &v[2]);
    map_setn(&m, "a\0c", 3, &v[3]);
    map_setp(&m, key, &v[4]);
    map_setp(&m, &m, &v[5]);
    cr_assert(map_get(&m, "") == &v[0] && map_get(&m, "a") == &v[1]);
    cr_assert(map_getn(&m, "a\0b", 3) == &v[2] && map_getn(&m, "a\0c", 3) == &v[3]);
    cr_assert(map_getp(&m, key) == &v[4] && map_getp(&m, &m) == &v[5]);
    cr_assert_null(map_getp(&m, &v[0]));
    cr_assert_null(map_getn(&m, "a\0", 2));
    char local[2] = "z";
    map_set(&m, local, &v[6]); /* the key is copied */
    local[0] = 'q';
    cr_assert(map_get(&m, "z") == &v[6] && !map_get(&m, "q"));
    arena_free(a);
}

Test(map, interned_text_is_one_pointer)
{
    nfc_arena *a = arena_new();
    nfc_map m;
    map_init(&m, a);
    char local[] = "hello";
    const char *x = intern(&m, local), *y = intern_n(&m, "hello world", 5);
    cr_assert(x == y && x != local);
    cr_assert_str_eq(x, "hello");
    cr_assert(intern(&m, "hell") != x);
    arena_free(a);
}
