/* Names as clients write them, and how they are told back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "names.h"

static struct dname origins[5];
static struct api api;

static int setup(void **state)
{
    static const char *const texts[] = {"lab.example.", "sub.lab.example.", "2.0.192.in-addr.arpa.",
                                        "a.b.lab.example.", "b.lab.example."};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (dname_from_text(str_c(texts[i]), NULL, &origins[i], NULL) < 0)
            return -1;
    api.origins = origins;
    api.nzones = ARRAY_SIZE(origins);
    return 0;
}

static void check(const char *text, const char *absolute, unsigned zone)
{
    struct problem problem = {.error = 0};
    struct dname name;
    char out[DNAME_TEXT_MAX];
    unsigned at = 99;

    if (names_resolve(&api, str_c(text), &name, &at, &problem) < 0)
        fail_msg("'%s': %s", text, problem.detail);
    dname_to_text(&name, out);
    assert_string_equal(out, absolute);
    assert_int_equal(at, zone);
}

static void refuse(const char *text, int error)
{
    struct problem problem = {.error = 0};
    struct dname name;
    unsigned zone;

    assert_int_equal(names_resolve(&api, str_c(text), &name, &zone, &problem), error);
    assert_int_equal(problem.error, error);
    assert_string_equal(problem.field, "name");
    assert_true(problem.detail[0]);
}

static void test_resolve(void **state)
{
    (void)state;
    check("web", "web.lab.example.", 0);
    check("web.lab.example", "web.lab.example.", 0);
    check("web.lab.example.", "web.lab.example.", 0);
    check("WEB.Lab.Example", "web.lab.example.", 0);
    check("web.sub", "web.sub.lab.example.", 1);
    check("a.sub.lab.example", "a.sub.lab.example.", 1);
    check("sub.lab.example.", "sub.lab.example.", 1);
    check("w.a.b", "w.a.b.lab.example.", 3);
    check("w.b", "w.b.lab.example.", 4);
    check("7.2.0.192.in-addr.arpa", "7.2.0.192.in-addr.arpa.", 2);
    check("@", "lab.example.", 0);
    check("lab.example", "lab.example.", 0);
    check("_dmarc", "_dmarc.lab.example.", 0);
    check("*", "*.lab.example.", 0);
    check("a\\.b", "a\\.b.lab.example.", 0);
    check("web/x", "web/x.lab.example.", 0);
}

static void test_refused(void **state)
{
    (void)state;
    refuse("", -BD_EINVALID);
    refuse("..", -BD_EINVALID);
    refuse(".web", -BD_EINVALID);
    refuse("a b", -BD_EINVALID);
    refuse("b\xc3\xbc"
           "cher",
           -BD_EINVALID);
    refuse("web.other.example.", -BD_ENOZONE);
    refuse(".", -BD_ENOZONE);
    refuse("example.", -BD_ENOZONE);
    refuse("xlab.example.", -BD_ENOZONE);
}

/* n octets on the wire, below lab.example. (13) */
static struct str long_name(size_t n, char out[400])
{
    size_t used = 0, left = n - 13;

    while (left > 0) {
        size_t label = left > 64 ? (left - 64 == 1 ? 62 : 63) : left - 1;
        memset(out + used, 'a', label);
        used += label;
        out[used++] = '.';
        left -= label + 1;
    }
    memcpy(out + used, "lab.example.", 12);
    return (struct str){out, used + 12};
}

static void test_length(void **state)
{
    struct problem problem = {.error = 0};
    struct dname name;
    char text[400];
    unsigned zone;

    (void)state;
    assert_int_equal(names_resolve(&api, long_name(255, text), &name, &zone, &problem), 0);
    assert_int_equal(name.n, 255);
    assert_int_equal(names_resolve(&api, long_name(256, text), &name, &zone, &problem),
                     -BD_EINVALID);
}

static void test_zone(void **state)
{
    struct problem problem = {.error = 0};
    unsigned zone = 99;

    (void)state;
    assert_int_equal(names_zone(&api, STR("sub.lab.example"), &zone, &problem), 0);
    assert_int_equal(zone, 1);
    assert_int_equal(names_zone(&api, STR("2.0.192.in-addr.arpa."), &zone, &problem), 0);
    assert_int_equal(zone, 2);
    assert_int_equal(names_zone(&api, STR("web.lab.example"), &zone, &problem), -BD_ENOZONE);
    assert_int_equal(zone, 2);
    assert_string_equal(problem.field, "zone");
    assert_non_null(strstr(problem.hint, "sub.lab.example."));
}

static void check_short(const char *absolute, const char *text)
{
    struct dname name;
    char out[DNAME_TEXT_MAX];

    assert_int_equal(dname_from_text(str_c(absolute), NULL, &name, NULL), 0);
    size_t n = names_short(&api, &name, out);
    assert_int_equal(n, strlen(out));
    assert_string_equal(out, text);
}

static void test_short(void **state)
{
    (void)state;
    check_short("web.lab.example.", "web");
    check_short("lab.example.", "@");
    check_short("web.sub.lab.example.", "web.sub");
    check_short("7.2.0.192.in-addr.arpa.", "7.2.0.192.in-addr.arpa.");
    check_short("web.lab.example.lab.example.", "web.lab.example.lab.example.");
}

static void test_path(void **state)
{
    char out[NAMES_PATH_MAX];

    (void)state;
    assert_int_equal(names_to_path(STR("web-1_a.lab.example."), out), 20);
    assert_string_equal(out, "web-1_a.lab.example.");
    names_to_path(STR("a/b\\032?#%"), out);
    assert_string_equal(out, "a%2Fb%5C032%3F%23%25");
    names_to_path(STR("*.@"), out);
    assert_string_equal(out, "*.@");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_length),  cmocka_unit_test(test_zone),
        cmocka_unit_test(test_short),   cmocka_unit_test(test_path),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
