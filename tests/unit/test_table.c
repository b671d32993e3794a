/* Hash tables of links: what was added is found, walked and removed, however it grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <betterdns/table.h>

#define N 1000

struct thing {
    struct table_link link;
    unsigned id;
    bool seen;
};

static struct thing *find(const struct table *t, uint64_t hash, unsigned id)
{
    struct table_link *at = NULL;

    while ((at = table_next(t, hash, at))) {
        struct thing *thing = TABLE_OF(at, struct thing, link);
        if (thing->id == id)
            return thing;
    }
    return NULL;
}

/* Two share each hash. */
static uint64_t hash_of(unsigned id)
{
    unsigned half = id / 2;

    return table_hash(&half, sizeof(half));
}

static void what_was_added_is_found_until_it_is_removed(void **state)
{
    static struct thing things[N];
    struct table t = {0};

    (void)state;
    assert_null(find(&t, hash_of(0), 0));
    for (unsigned i = 0; i < N; i++) {
        things[i].id = i;
        assert_int_equal(table_add(&t, &things[i].link, hash_of(i)), 0);
    }
    assert_int_equal(t.n, N);
    for (unsigned i = 0; i < N; i += 3)
        table_remove(&t, &things[i].link);
    for (unsigned i = 0; i < N; i++)
        assert_ptr_equal(find(&t, hash_of(i), i), i % 3 ? &things[i] : NULL);
    table_free(&t);
}

static void a_walk_comes_to_each_once(void **state)
{
    static struct thing things[N];
    struct table t = {0};
    size_t n = 0;

    (void)state;
    assert_null(table_walk(&t, NULL));
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(table_add(&t, &things[i].link, hash_of(i)), 0);
    for (struct table_link *at = NULL; (at = table_walk(&t, at)); n++) {
        struct thing *thing = TABLE_OF(at, struct thing, link);
        assert_false(thing->seen);
        thing->seen = true;
    }
    assert_int_equal(n, N);
    table_free(&t);
}

static void a_table_with_room_has_buckets(void **state)
{
    struct table t = {0};

    (void)state;
    assert_int_equal(table_room(&t), 0);
    assert_true(t.nbuckets > 0);
    assert_null(table_walk(&t, NULL));
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_until_it_is_removed),
        cmocka_unit_test(a_walk_comes_to_each_once),
        cmocka_unit_test(a_table_with_room_has_buckets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
