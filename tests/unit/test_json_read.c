/* JSON as a client of an API reads it: views of one text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <betterdns/http.h>

static void assert_text(struct str value, const char *expected)
{
    struct buf out = {0};

    json_text(value, &out);
    if (!str_eq(buf_str(&out), str_c(expected)))
        fail_msg("'%.*s' is not '%s'", STR_ARG(buf_str(&out)), expected);
    buf_free(&out);
}

static void test_members(void **state)
{
    const struct str text =
        STR(" { \"a\" : 1 , \"b\":{\"a\":\"in}side\\\"\",\"l\":[ 1 ,[2,\"]\"],{\"x\":null}]},"
            "\"s\":\"\\u00e9\\ud83d\\ude00\\n\\\\\\/\", \"e\":{}, \"n\":[] } ");
    struct str v = STR(""), list, item;

    (void)state;
    assert_int_equal(json_check(text), 0);
    assert_true(json_member(text, "a", &v));
    assert_text(v, "1");
    assert_true(json_member(text, "s", &v));
    assert_text(v, "\xc3\xa9\xf0\x9f\x98\x80\n\\/");
    assert_false(json_member(text, "l", &v));
    assert_true(json_member(text, "b", &v));
    assert_false(json_member(v, "s", &list));
    assert_true(json_member(v, "l", &list));
    assert_true(json_member(v, "a", &v));
    assert_text(v, "in}side\"");
    assert_true(json_item(&list, &item));
    assert_text(item, "1");
    assert_true(json_item(&list, &item));
    assert_text(item, "[2,\"]\"]");
    assert_true(json_item(&list, &item));
    assert_true(json_member(item, "x", &v));
    assert_text(v, "null");
    assert_false(json_item(&list, &item));
    assert_true(json_member(text, "e", &v));
    assert_false(json_member(v, "x", &v));
    assert_true(json_member(text, "n", &v));
    assert_false(json_item(&v, &item));
}

static void test_not_what_was_expected(void **state)
{
    struct str v = STR("5"), item;

    (void)state;
    assert_false(json_item(&v, &item));
    assert_false(json_member(STR("\"{\""), "a", &item));
    assert_false(json_member(STR("[\"a\",1]"), "a", &item));
    assert_int_equal(json_check(STR("{\"a\":1,}")), -BD_ESYNTAX);
    assert_int_equal(json_check(STR("<html>")), -BD_ESYNTAX);
    assert_int_equal(json_check(STR("")), -BD_ESYNTAX);
}

/* Everything that a text has, as deep as it goes: in memory of exactly its size, for a sanitizer.
 */
static void walk(struct str value, unsigned depth)
{
    struct buf out = {0};
    struct str v, rest = value;

    json_text(value, &out);
    buf_free(&out);
    if (json_member(value, "a", &v) && depth < 20)
        walk(v, depth + 1);
    while (depth < 20 && json_item(&rest, &v))
        walk(v, depth + 1);
}

/* Also of a text that nobody checked, nothing beyond its end is read. */
static void test_every_beginning_of_a_text(void **state)
{
    static const char text[] = "{\"a\":[{\"a\":\"\\ud83d\\ude00\\u00e9\\\\\"},[[],{}],-1.5e3,true],"
                               "\"b\":\"\\\"\"}]}\\";

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        char *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, text, n);
        for (size_t from = 0; from <= n; from++)
            walk((struct str){copy + from, n - from}, 0);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_not_what_was_expected),
        cmocka_unit_test(test_every_beginning_of_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
