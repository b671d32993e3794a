/* Globs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/glob.h>

#include "dns_kit.h"

static bool match(const char *pattern, const char *text)
{
    return glob_match(str_c(pattern), str_c(text));
}

static void test_plain(void **state)
{
    (void)state;
    assert_true(match("web", "web"));
    assert_true(match("WEB", "web"));
    assert_true(match("", ""));
    assert_false(match("", "web"));
    assert_false(match("web", "web1"));
    assert_false(match("web1", "web"));
}

static void test_star(void **state)
{
    (void)state;
    assert_true(match("*", ""));
    assert_true(match("*", "web.lab.example."));
    assert_true(match("web*", "web"));
    assert_true(match("web*.lab.example", "web12.lab.example"));
    assert_true(match("*.example", "a.b.c.example"));
    assert_true(match("a*b*c", "a-b-b-c"));
    assert_true(match("**a**", "a"));
    assert_false(match("a*b*c", "a-b-b-"));
    assert_false(match("*a", "ab"));
}

static void test_question(void **state)
{
    (void)state;
    assert_true(match("web?", "web1"));
    assert_false(match("web?", "web"));
    assert_false(match("web?", "web12"));
    assert_true(match("?*", "x"));
    assert_false(match("?*", ""));
}

static void test_class(void **state)
{
    (void)state;
    assert_true(match("web[0-9]", "web7"));
    assert_false(match("web[0-9]", "webx"));
    assert_true(match("web[!0-9]", "webx"));
    assert_true(match("web[^0-9]", "webx"));
    assert_false(match("web[!0-9]", "web7"));
    assert_true(match("[abx-z]", "y"));
    assert_true(match("[A-C]", "b"));
    assert_true(match("[]]", "]"));
    assert_true(match("[a-]", "-"));
    assert_false(match("[a-]", "b"));
    assert_true(match("*[0-9]", "web1a2"));
}

static void test_odd_patterns(void **state)
{
    (void)state;
    assert_true(match("[ab", "[ab"));
    assert_false(match("[ab", "a"));
    assert_true(match("\\*.lab", "*.lab"));
    assert_false(match("\\*.lab", "web.lab"));
    assert_true(match("a\\", "a\\"));
    assert_true(match("[", "["));
    assert_true(match("[!", "[!"));
}

/* A matcher that tries every star against every place would not come back. */
static void test_many_stars(void **state)
{
    char text[2000], pattern[200];

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(pattern); i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[sizeof(pattern) - 1] = 'b';
    assert_false(
        glob_match((struct str){pattern, sizeof(pattern)}, (struct str){text, sizeof(text)}));
}

static void test_name(void **state)
{
    struct dname name = kit_name("web1.lab.example."), apex = kit_name("lab.example.");

    (void)state;
    assert_true(glob_match_name(STR("web?.LAB.example."), &name, &apex));
    assert_true(glob_match_name(STR("web*.example"), &name, &apex));
    assert_true(glob_match_name(STR("web[0-9]"), &name, &apex));
    assert_false(glob_match_name(STR("web"), &name, &apex));
    assert_false(glob_match_name(STR("web1.lab"), &name, &apex));
    assert_true(glob_match_name(STR("@"), &apex, &apex));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),        cmocka_unit_test(test_star),
        cmocka_unit_test(test_question),     cmocka_unit_test(test_class),
        cmocka_unit_test(test_odd_patterns), cmocka_unit_test(test_many_stars),
        cmocka_unit_test(test_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
