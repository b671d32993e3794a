/* Pools: what they give is aligned, apart from each other, and freed at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <betterdns/pool.h>

static void pieces_do_not_overlap(void **state)
{
    struct pool p = {0};
    uint8_t *pieces[400];

    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(pieces); n++) {
        pieces[n] = pool_alloc(&p, n * 7);
        assert_non_null(pieces[n]);
        assert_int_equal((uintptr_t)pieces[n] % 16, 0);
        memset(pieces[n], (int)(n & 255), n * 7);
    }
    for (size_t n = 0; n < ARRAY_SIZE(pieces); n++)
        for (size_t i = 0; i < n * 7; i++)
            assert_int_equal(pieces[n][i], n & 255);
    pool_free(&p);
    assert_null(p.blocks);
}

static void a_piece_larger_than_a_block(void **state)
{
    struct pool p = {0};
    const size_t large = (size_t)3 << 20;

    (void)state;
    char *first = pool_alloc(&p, 10), *second = pool_array(&p, large, 1);
    assert_true(first && second);
    for (size_t i = 0; i < large; i++)
        assert_int_equal(second[i], 0);
    pool_free(&p);
}

/* Also where the memory was somebody's before. */
static void arrays_are_zeroed(void **state)
{
    struct pool p = {0};

    (void)state;
    memset(pool_alloc(&p, 900), 'x', 900);
    pool_free(&p);
    const char *a = pool_array(&p, 90, 10);
    assert_non_null(a);
    for (size_t i = 0; i < 900; i++)
        assert_int_equal(a[i], 0);
    assert_null(pool_array(&p, SIZE_MAX / 2, 3));
    assert_null(pool_alloc(&p, SIZE_MAX - 3));
    pool_free(&p);
}

static void copies(void **state)
{
    struct pool p = {0};

    (void)state;
    assert_memory_equal(pool_copy(&p, "a\0b", 4), "a\0b", 4);
    assert_non_null(pool_copy(&p, NULL, 0));
    assert_string_equal(pool_text(&p, (struct str){"abcdef", 3}), "abc");
    assert_string_equal(pool_text(&p, (struct str){NULL, 0}), "");
    pool_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(a_piece_larger_than_a_block),
        cmocka_unit_test(arrays_are_zeroed),
        cmocka_unit_test(copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
