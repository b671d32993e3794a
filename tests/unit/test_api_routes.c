/* The table of routes: every type with a route has its five rows, and nobody shares one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/api.h>
#include <betterdns/rrtype.h>

static const struct http_route *find(const char *method, const char *pattern)
{
    size_t n;
    const struct http_route *routes = api_routes(&n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(routes[i].method, method) == 0 && strcmp(routes[i].pattern, pattern) == 0)
            return &routes[i];
    return NULL;
}

static void test_types(void **state)
{
    size_t n, with_route = 0, nroutes;
    const struct rrtype *table = rrtype_table(&n);

    (void)state;
    api_routes(&nroutes);
    for (size_t i = 0; i < n; i++)
        with_route += (table[i].flags & RRTYPE_ROUTE) != 0;
    assert_int_equal(nroutes, 22 + 5 * with_route);
    assert_ptr_equal(find("GET", "/aaaa")->data, rrtype_by_code(RRTYPE_AAAA));
}

static void test_rows(void **state)
{
    static const char *const rows[][2] = {
        {"GET", "/"},
        {"GET", "/types"},
        {"GET", "/zones"},
        {"GET", "/zones/{zone}"},
        {"GET", "/status"},
        {"GET", "/healthz"},
        {"GET", "/health"},
        {"GET", "/health/{name}"},
        {"PUT", "/health/{name}"},
        {"PUT", "/maintenance/{name}"},
        {"DELETE", "/maintenance/{name}"},
        {"GET", "/readyz"},
        {"GET", "/version"},
        {"GET", "/metrics"},
        {"GET", "/controller/strategy"},
        {"PUT", "/controller/strategy"},
        {"GET", "/a"},
        {"POST", "/a"},
        {"GET", "/a/{name}"},
        {"PUT", "/a/{name}"},
        {"DELETE", "/a/{name}"},
        {"POST", "/aaaa"},
        {"POST", "/cname"},
        {"POST", "/txt"},
        {"POST", "/mx"},
        {"POST", "/srv"},
        {"POST", "/ptr"},
        {"POST", "/ns"},
        {"GET", "/changes"},
        {"GET", "/events"},
        {"GET", "/explain/{name}"},
        {"POST", "/rollback"},
        {"POST", "/zones/{zone}/accept"},
        {"POST", "/zones/{zone}/discard"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (!find(rows[i][0], rows[i][1]))
            fail_msg("no row for %s %s", rows[i][0], rows[i][1]);
    assert_null(find("POST", "/soa"));
}

/* The page betterdns-http(7) says what each does. */
static void test_help(void **state)
{
    size_t n;
    const struct http_route *routes = api_routes(&n);

    (void)state;
    for (size_t i = 0; i < n; i++)
        if (!routes[i].help || !routes[i].help[0])
            fail_msg("no help for %s %s", routes[i].method, routes[i].pattern);
}

/* Without a token one learns that the program is there, and nothing about names. */
static void test_open(void **state)
{
    size_t n, open = 0;
    const struct http_route *routes = api_routes(&n);

    (void)state;
    for (size_t i = 0; i < n; i++)
        open += routes[i].open;
    assert_int_equal(open, 3);
    assert_true(find("GET", "/healthz")->open);
    assert_true(find("GET", "/readyz")->open);
    assert_true(find("GET", "/version")->open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
