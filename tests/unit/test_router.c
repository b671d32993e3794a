/* Paths, queries, methods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_kit.h"

/* "data=…; name=…; q=…" */
static void handler(void *context, const struct http_request *rq, struct http_response *rs)
{
    const char *data = http_route_data(rq);
    const struct str name = http_segment(rq, "name"), q = http_query(rq, "q");

    (void)context;
    http_type(rs, "text/plain");
    buf_addf(http_body(rs), "%.*s %s", STR_ARG(http_method(rq)), data);
    if (name.p)
        buf_addf(http_body(rs), " name=%.*s", STR_ARG(name));
    if (q.p)
        buf_addf(http_body(rs), " q=%.*s", STR_ARG(q));
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/", .handler = handler, .data = "root"},
    {.method = "GET", .pattern = "/a", .handler = handler, .data = "list"},
    {.method = "POST", .pattern = "/a", .handler = handler, .data = "add"},
    {.method = "GET", .pattern = "/a/special", .handler = handler, .data = "special"},
    {.method = "GET", .pattern = "/a/{name}", .handler = handler, .data = "one"},
    {.method = "PUT", .pattern = "/a/{name}", .handler = handler, .data = "set"},
    {.method = "DELETE", .pattern = "/a/{name}", .handler = handler, .data = "del"},
    {.method = "GET", .pattern = "/a/{name}/x/{other}", .handler = handler, .data = "deep"},
};

static unsigned port;

static struct raw_answer ask(const char *method, const char *target)
{
    struct buf b = {0};
    struct raw_answer a;

    buf_addf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n", method, target);
    raw_ask(port, buf_str(&b), &a);
    buf_free(&b);
    return a;
}

static void assert_answer(const char *method, const char *target, int status, const char *body)
{
    struct raw_answer a = ask(method, target);

    if (a.status != status || (body && !str_eq(a.body, str_c(body))))
        fail_msg("%s %s: %d '%.*s'", method, target, a.status, STR_ARG(a.body));
    raw_free(&a);
}

static void test_routes(void **state)
{
    (void)state;
    assert_answer("GET", "/", 200, "GET root");
    assert_answer("GET", "/a", 200, "GET list");
    assert_answer("GET", "/a/", 200, "GET list");
    assert_answer("POST", "/a", 200, "POST add");
    assert_answer("GET", "/a/special", 200, "GET special");
    assert_answer("GET", "/a/web", 200, "GET one name=web");
    assert_answer("GET", "/a/web/", 200, "GET one name=web");
    assert_answer("PUT", "/a/web", 200, "PUT set name=web");
    assert_answer("DELETE", "/a/web", 200, "DELETE del name=web");
    assert_answer("GET", "/a/web/x/y", 200, "GET deep name=web");
    assert_answer("GET", "/a/web/y/y", 404, NULL);
    assert_answer("GET", "/a/web/x", 404, NULL);
    assert_answer("GET", "/A", 404, NULL);
    assert_answer("GET", "/ab", 404, NULL);
    assert_answer("GET", "/a/web/x/y/z", 404, NULL);
}

static void test_decoding(void **state)
{
    (void)state;
    assert_answer("GET", "/a/web%2Fx", 200, "GET one name=web/x");
    assert_answer("GET", "/a/web%2fx/", 200, "GET one name=web/x");
    assert_answer("GET", "/a/%2577", 200, "GET one name=%77");
    assert_answer("GET", "/%61/web", 200, "GET one name=web");
    assert_answer("GET", "/a/w+b", 200, "GET one name=w+b");
    assert_answer("GET", "/a/%C3%A9?q=%c3%a9", 200, "GET one name=\xc3\xa9 q=\xc3\xa9");
    assert_answer("GET", "/a/*.x", 200, "GET one name=*.x");
    assert_answer("GET", "/a/@", 200, "GET one name=@");
    assert_answer("GET", "/a/web.", 200, "GET one name=web.");
    assert_answer("GET", "/a/web...", 200, "GET one name=web...");
    assert_answer("GET", "/a/web%00x", 400, NULL);
    assert_answer("GET", "/a/web%0", 400, NULL);
    assert_answer("GET", "/a/web%zz", 400, NULL);
    assert_answer("GET", "/a/web%", 400, NULL);
    assert_answer("GET", "/a/%ff", 400, NULL);
    assert_answer("GET", "/a/%c0%af", 400, NULL);
}

static void test_normal_form(void **state)
{
    (void)state;
    assert_answer("GET", "/x/../a", 400, NULL);
    assert_answer("GET", "/a/..", 400, NULL);
    assert_answer("GET", "/a/.", 400, NULL);
    assert_answer("GET", "/./a", 400, NULL);
    assert_answer("GET", "/x/%2e%2e/a", 400, NULL);
    assert_answer("GET", "/x/.%2E/a", 400, NULL);
    assert_answer("GET", "//a", 400, NULL);
    assert_answer("GET", "/a//", 400, NULL);
    assert_answer("GET", "/a//web", 400, NULL);
    assert_answer("GET", "/x\\..\\a", 400, NULL);
    assert_answer("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", 400, NULL);
}

static void test_query(void **state)
{
    (void)state;
    assert_answer("GET", "/a?q=1", 200, "GET list q=1");
    assert_answer("GET", "/a/?x=2&q=a+b%2B&q=second", 200, "GET list q=a b+");
    assert_answer("GET", "/a?q", 200, "GET list q=");
    assert_answer("GET", "/a?q=", 200, "GET list q=");
    assert_answer("GET", "/a?q=a=b", 200, "GET list q=a=b");
    assert_answer("GET", "/a?q=a/../b?c", 200, "GET list q=a/../b?c");
    assert_answer("GET", "/a?&&q=1&", 200, "GET list q=1");
    assert_answer("GET", "/a?Q=1", 200, "GET list");
    assert_answer("GET", "/a?=1", 400, NULL);
    assert_answer("GET", "/a?q=%", 400, NULL);
    assert_answer("GET", "/a?q=%00", 400, NULL);
    assert_answer("GET", "/a?x=%fe", 400, NULL);
}

static void test_methods(void **state)
{
    struct raw_answer a = ask("PATCH", "/a/web");

    (void)state;
    assert_int_equal(a.status, 405);
    assert_true(str_eq(raw_header(&a, "Allow"), STR("GET, HEAD, PUT, DELETE")));
    raw_free(&a);
    a = ask("DELETE", "/a");
    assert_int_equal(a.status, 405);
    assert_true(str_eq(raw_header(&a, "Allow"), STR("GET, HEAD, POST")));
    assert_true(str_eq(raw_header(&a, "Content-Type"), STR("application/problem+json")));
    raw_free(&a);
    a = ask("HEAD", "/a/web");
    assert_int_equal(a.status, 200);
    assert_true(str_eq(raw_header(&a, "Content-Length"), STR("16")));
    assert_int_equal(a.all.n, a.head.n + 4);
    raw_free(&a);
    assert_answer("get", "/a", 501, NULL);
    assert_answer("BREW", "/a", 501, NULL);
}

static void test_absolute_form(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_addf(&b, "http://127.0.0.1:%u/a/web", port);
    buf_add_c(&b, '\0');
    assert_answer("GET", b.p, 200, "GET one name=web");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),      cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_normal_form), cmocka_unit_test(test_query),
        cmocka_unit_test(test_methods),     cmocka_unit_test(test_absolute_form),
    };
    struct http_server *s = kit_server((struct http_options){0}, routes, ARRAY_SIZE(routes), NULL);
    port = http_port(s, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_stop(s);
    return failed;
}
