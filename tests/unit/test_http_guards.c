/* Who may ask: framing, networks, token, browsers, proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "http_kit.h"

static void handler(void *context, const struct http_request *rq, struct http_response *rs)
{
    (void)context;
    http_type(rs, "text/plain");
    buf_add_str(http_body(rs), http_client(rq));
    if (http_client_is_loopback(rq))
        buf_add_str(http_body(rs), STR(" loopback"));
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/a", .handler = handler},
    {.method = "POST", .pattern = "/a", .handler = handler},
    {.method = "GET", .pattern = "/healthz", .handler = handler, .open = true},
};

static unsigned port;

/* Lines end by \n here and by CR LF on the wire. */
static struct raw_answer ask(const char *head)
{
    struct buf b = {0};
    struct raw_answer a;

    for (const char *p = head; *p; p++) {
        if (*p == '\n')
            buf_add_c(&b, '\r');
        buf_add_c(&b, *p);
    }
    buf_add_str(&b, STR("\r\n"));
    raw_ask(port, buf_str(&b), &a);
    buf_free(&b);
    return a;
}

struct row {
    const char *head;
    int status;
};

static void assert_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct raw_answer a = ask(rows[i].head);
        const int status = a.complete ? a.status : 0;
        raw_free(&a);
        if (status != rows[i].status)
            fail_msg("%d instead of %d for: %s", status, rows[i].status, rows[i].head);
    }
}

static struct http_server *serve(struct http_options options)
{
    struct http_server *s = kit_server(options, routes, ARRAY_SIZE(routes), NULL);
    port = http_port(s, 0);
    return s;
}

static void test_framing(void **state)
{
    static const struct row rows[] = {
        {"GET /a HTTP/1.1\nHost: localhost\n", 200},
        {"GET /a HTTP/1.0\n", 200},
        {"GET /a HTTP/1.1\n", 400},
        {"GET /a HTTP/1.1\nHost: localhost\nHost: localhost\n", 400},
        {"GET /a HTTP/1.1\nHost: local host\n", 400},
        {"GET /a HTTP/1.1\nHost: user@localhost\n", 400},
        {"GET /a HTTP/1.1\nHost: localhost:port\n", 400},
        {"GET /a HTTP/1.1\nHost:\n", 400},
        {"GET /a HTTP/2.0\nHost: localhost\n", 505},
        {"GET /a HTTP/1.2\nHost: localhost\n", 505},
        {"GET /a FTP/1.1\nHost: localhost\n", 400},
        {"BREW /a HTTP/1.1\nHost: localhost\n", 501},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: +3\n\nabc", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: -3\n\nabc", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 3x\n\nabc", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 3, 3\n\nabc", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length:\n\n", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 3\nContent-Length: 3\n\nabc", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 99999999999999999999\n\nabc", 413},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 65537\n\n", 413},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\nContent-Length: "
         "3\n\n0\n\n",
         400},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 3\nTransfer-Encoding: "
         "chunked\n\n0\n\n",
         400},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: gzip\n\n", 501},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: gzip, chunked\n\n0\n\n", 501},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: identity\n\n", 501},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n"
         "Transfer-Encoding: chunked\n\n0\n\n",
         501},
        {"POST /a HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\nxyz\n\n", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n3\nabc\n0\n", 200},
        {"POST /a HTTP/1.1\nHost: localhost\nExpect: tea\nContent-Length: 3\n\nabc", 417},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 3 \n\nabc", 200},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 0x3\n\nabc", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 3 3\n\nabc", 400},
        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 9223372036854775808\n\nabc", 413},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked, chunked\n\n0\n\n", 501},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: \"chunked\"\n\n0\n\n", 501},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked;q=1\n\n0\n\n", 501},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding:\n\n0\n\n", 501},
        {"POST /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: CHUNKED\n\n0\n", 200},
    };
    struct http_server *s = serve((struct http_options){0});

    (void)state;
    assert_rows(rows, ARRAY_SIZE(rows));
    http_stop(s);
}

/* A refused frame leaves nothing behind that could pass for the next request. */
static void test_no_smuggling(void **state)
{
    struct http_server *s = serve((struct http_options){0});
    struct raw_answer a;
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, STR("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /a HTTP/1.1\r\n"
                     "Host: localhost\r\n\r\n"));
    raw_read(fd, false, &a);
    assert_int_equal(a.status, 400);
    assert_true(str_eq(raw_header(&a, "Connection"), STR("close")));
    assert_int_equal(a.all.n, a.head.n + 4 + a.body.n);
    assert_true(raw_closed(fd));
    raw_free(&a);
    close(fd);
    http_stop(s);
}

static void test_allow(void **state)
{
    struct network net[2];
    struct http_options o = {.allow = net, .nallow = 1};

    (void)state;
    assert_int_equal(network_parse(STR("10.0.0.0/8"), &net[0]), 0);
    assert_int_equal(network_parse(STR("127.0.0.0/8"), &net[1]), 0);
    struct http_server *s = serve(o);
    assert_int_equal(raw_status(port, STR("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n")), 403);
    assert_int_equal(raw_status(port, STR("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")),
                     403);
    http_stop(s);
    o.nallow = 2;
    s = serve(o);
    assert_int_equal(raw_status(port, STR("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n")), 200);
    http_stop(s);
}

static void test_token(void **state)
{
    static const struct row rows[] = {
        {"GET /a HTTP/1.1\nHost: localhost\nAuthorization: Bearer s3cret\n", 200},
        {"GET /a HTTP/1.1\nHost: localhost\nAuthorization: bearer  s3cret\n", 200},
        {"GET /a HTTP/1.1\nHost: localhost\n", 401},
        {"GET /a HTTP/1.1\nHost: localhost\nAuthorization: Bearer s3cre\n", 401},
        {"GET /a HTTP/1.1\nHost: localhost\nAuthorization: Bearer s3cretx\n", 401},
        {"GET /a HTTP/1.1\nHost: localhost\nAuthorization: Bearer\n", 401},
        {"GET /a HTTP/1.1\nHost: localhost\nAuthorization: Basic s3cret\n", 401},
        {"GET /a HTTP/1.1\nHost: localhost\nAuthorization: s3cret\n", 401},
        {"GET /a HTTP/1.1\nHost: localhost\nAuthorization: Bearer no\n"
         "Authorization: Bearer s3cret\n",
         401},
        {"GET /a HTTP/1.1\nHost: localhost\nAuthorization: Bearer s3cret\n"
         "Authorization: Bearer no\n",
         401},
        {"GET /a?access_token=s3cret HTTP/1.1\nHost: localhost\n", 401},
        {"GET /nothing HTTP/1.1\nHost: localhost\n", 401},
        {"DELETE /healthz HTTP/1.1\nHost: localhost\n", 401},
        {"GET /healthz HTTP/1.1\nHost: localhost\n", 200},
        {"HEAD /healthz HTTP/1.1\nHost: localhost\n", 200},
        {"GET /nothing HTTP/1.1\nHost: localhost\nAuthorization: Bearer s3cret\n", 404},
        /* With a token, no rule for browsers: they cannot have it. */
        {"GET /a HTTP/1.1\nHost: dns.example\nVia: 1.1 x\nAuthorization: Bearer s3cret\n", 200},
        {"POST /a HTTP/1.1\nHost: x\nOrigin: http://evil\nAuthorization: Bearer s3cret\n", 200},
    };
    char token[] = "s3cret";
    struct http_server *s = serve((struct http_options){.token = {token, 6}});

    (void)state;
    memset(token, 'x', 6); /* the server has its own copy */
    assert_rows(rows, ARRAY_SIZE(rows));
    struct raw_answer a = ask("GET /a HTTP/1.1\nHost: localhost\n");
    assert_true(str_eq(raw_header(&a, "WWW-Authenticate"), STR("Bearer")));
    raw_free(&a);
    http_stop(s);
}

static void test_host(void **state)
{
    static const struct row rows[] = {
        {"GET /a HTTP/1.1\nHost: localhost\n", 200},
        {"GET /a HTTP/1.1\nHost: LOCALHOST.:8000\n", 200},
        {"GET /a HTTP/1.1\nHost: 127.0.0.1:8000\n", 200},
        {"GET /a HTTP/1.1\nHost: 192.0.2.99\n", 200},
        {"GET /a HTTP/1.1\nHost: [::1]:8000\n", 200},
        {"GET /a HTTP/1.1\nHost: [::1]\n", 200},
        {"GET /a HTTP/1.1\nHost: api.lab.example\n", 200},
        {"GET /a HTTP/1.1\nHost: API.Lab.Example.:80\n", 200},
        {"GET /a HTTP/1.1\nHost: lab.example\n", 200},
        {"GET /a HTTP/1.1\nHost: dns.corp\n", 200},
        {"GET /a HTTP/1.1\nHost: dns.corp:9\n", 200},
        {"GET /a HTTP/1.1\nHost: evil.example\n", 421},
        {"GET /a HTTP/1.1\nHost: xlab.example\n", 421},
        {"GET /a HTTP/1.1\nHost: lab.example.evil\n", 421},
        {"GET /a HTTP/1.1\nHost: localhost.evil\n", 421},
        {"GET /a HTTP/1.1\nHost: sub.dns.corp\n", 421},
        {"GET /a HTTP/1.1\nHost: 127.1\n", 421},
        {"GET /a HTTP/1.1\nHost: 2130706433\n", 421},
        {"GET /a HTTP/1.1\nHost: 127.0.0.1.evil\n", 421},
        {"GET /healthz HTTP/1.1\nHost: evil.example\n", 421},
    };
    static const struct dname root = {.n = 1};
    const struct dname_rules rules = {.origin = &root};
    const struct str hosts[] = {{"dns.corp", 8}};
    struct dname zone;

    (void)state;
    assert_int_equal(dname_from_text(STR("lab.example."), &rules, &zone, NULL), 0);
    struct http_server *s =
        serve((struct http_options){.hosts = hosts, .nhosts = 1, .zones = &zone, .nzones = 1});
    assert_rows(rows, ARRAY_SIZE(rows));
    /* The authority of the request line counts, too. */
    char head[128];
    snprintf(head, sizeof(head), "GET http://evil.example:%u/a HTTP/1.1\nHost: localhost\n", port);
    assert_rows(&(struct row){head, 421}, 1);
    snprintf(head, sizeof(head), "GET http://localhost:%u/a HTTP/1.1\nHost: evil.example\n", port);
    assert_rows(&(struct row){head, 421}, 1);
    http_stop(s);
}

static void test_browsers(void **state)
{
    static const struct row rows[] = {
        {"POST /a HTTP/1.1\nHost: localhost:8000\nOrigin: http://localhost:8000\n", 200},
        {"POST /a HTTP/1.1\nHost: LOCALHOST:8000\nOrigin: http://localhost:8000\n", 200},
        {"POST /a HTTP/1.1\nHost: localhost\nOrigin: http://localhost:80\n", 200},
        {"POST /a HTTP/1.1\nHost: localhost\nOrigin: https://localhost\n", 200},
        {"POST /a HTTP/1.1\nHost: localhost:8000\nOrigin: http://localhost:8001\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost:8000\nOrigin: http://localhost\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost:8000\nOrigin: http://evil.example\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost:8000\nOrigin: null\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost:8000\nOrigin:\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost\nOrigin: http://localhost\nOrigin: http://evil\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost\nOrigin: http://localhost http://evil\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost\nOrigin: ftp://localhost\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost\nSec-Fetch-Site: cross-site\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost\nSec-Fetch-Site: same-site\n", 403},
        {"POST /a HTTP/1.1\nHost: localhost\nSec-Fetch-Site: same-origin\n", 200},
        {"POST /a HTTP/1.1\nHost: localhost\nSec-Fetch-Site: none\n", 200},
        {"GET /a HTTP/1.1\nHost: localhost\nOrigin: http://evil.example\n", 200},
        {"GET /a HTTP/1.1\nHost: localhost\nSec-Fetch-Site: cross-site\n", 200},
        {"GET /a HTTP/1.1\nHost: localhost\nVia: 1.1 proxy\n", 403},
        {"GET /a HTTP/1.1\nHost: localhost\nForwarded: for=192.0.2.1\n", 403},
        {"GET /a HTTP/1.1\nHost: localhost\nX-Forwarded-For: 192.0.2.1\n", 403},
    };
    struct http_server *s = serve((struct http_options){0});

    (void)state;
    assert_rows(rows, ARRAY_SIZE(rows));
    http_stop(s);
}

static void assert_client(const char *head, const char *client)
{
    struct raw_answer a = ask(head);

    if (!str_eq(a.body, str_c(client)))
        fail_msg("'%.*s' instead of '%s' for: %s", STR_ARG(a.body), client, head);
    raw_free(&a);
}

static void test_proxies(void **state)
{
    static const struct row rows[] = {
        {"GET /a HTTP/1.1\nHost: localhost\nX-Forwarded-For: nonsense\n", 400},
        {"GET /a HTTP/1.1\nHost: localhost\nX-Forwarded-For: 192.0.2.1, \n", 400},
        {"GET /a HTTP/1.1\nHost: localhost\nVia: 1.1 x\n", 200},
    };
    struct network net[2];

    (void)state;
    assert_int_equal(network_parse(STR("127.0.0.1"), &net[0]), 0);
    assert_int_equal(network_parse(STR("10.0.0.0/8"), &net[1]), 0);
    struct http_server *s =
        serve((struct http_options){.trusted_proxies = net, .ntrusted_proxies = 2});
    assert_client("GET /a HTTP/1.1\nHost: localhost\n", "127.0.0.1 loopback");
    assert_client("GET /a HTTP/1.1\nHost: localhost\nX-Forwarded-For: 192.0.2.7\n", "192.0.2.7");
    /* The client may write what it likes into the left; only what trusted ones added counts. */
    assert_client("GET /a HTTP/1.1\nHost: localhost\nX-Forwarded-For: 1.1.1.1, 192.0.2.7\n",
                  "192.0.2.7");
    assert_client("GET /a HTTP/1.1\nHost: localhost\nX-Forwarded-For: 192.0.2.7, 10.1.1.1\n",
                  "192.0.2.7");
    assert_client("GET /a HTTP/1.1\nHost: localhost\nX-Forwarded-For: junk, 192.0.2.7,10.1.1.1\n",
                  "192.0.2.7");
    assert_client("GET /a HTTP/1.1\nHost: localhost\nX-Forwarded-For: 192.0.2.7\n"
                  "X-Forwarded-For: 10.1.1.1\n",
                  "192.0.2.7");
    assert_client("GET /a HTTP/1.1\nHost: localhost\nX-Forwarded-For: [2001:db8::7]:55\n",
                  "2001:db8::7");
    assert_rows(rows, ARRAY_SIZE(rows));
    http_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing), cmocka_unit_test(test_no_smuggling),
        cmocka_unit_test(test_allow),   cmocka_unit_test(test_token),
        cmocka_unit_test(test_host),    cmocka_unit_test(test_browsers),
        cmocka_unit_test(test_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
