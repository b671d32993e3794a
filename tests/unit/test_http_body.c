/* Bodies: their forms, their limits of size and time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "http_kit.h"

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/echo", .handler = kit_echo},
    {.method = "POST", .pattern = "/echo", .handler = kit_echo},
};

static unsigned port;

/* ---- bodies ------------------------------------------------------------------------------------
 */

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON "Content-Type: application/json; charset=utf-8\r\n"

/* With Content-Length. */
static void assert_post(const char *headers, struct str body, int status, const char *answered)
{
    struct buf b = {0};

    buf_addf(&b, "POST /echo?q=1 HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n",
             headers, body.n);
    buf_add_str(&b, body);
    assert_raw_ask(port, buf_str(&b), status, answered);
    buf_free(&b);
}

static void test_bodies(void **state)
{
    (void)state;
    assert_post(FORM, STR("name=a+b%2Bc&x=1&x=2&x=%C3%A9&empty="), 200,
                "name=a b+c;x=[1][2][\xc3\xa9];empty=;");
    assert_post(JSON, STR("{\"name\":\"web\",\"check\":{\"fall\":3},\"values\":[\"a\",1]}"), 200,
                "name=web;check.fall=3;values=[a][1];");
    assert_post("content-type: APPLICATION/JSON\r\n", STR("{}"), 200, "");
    assert_post("", STR(""), 200, "q=1;");
    assert_post("", STR("name=web"), 415, NULL);
    assert_post("Content-Type: text/plain\r\n", STR("name=web"), 415, NULL);
    assert_post("Content-Type: multipart/form-data; boundary=x\r\n", STR("--x--"), 415, NULL);
    assert_post(FORM, STR("a=%zz"), 400, NULL);
    assert_post(FORM, STR("a=%00"), 400, NULL);
    assert_post(FORM, STR("a=%"), 400, NULL);
    assert_post(FORM, STR("=x"), 400, NULL);
    assert_post(FORM, STR("a=\xff"), 400, NULL);
    assert_post(JSON, STR("{\"a\":1}x"), 400, NULL);
    assert_post(JSON, STR("{\"a\":\0}"), 400, NULL);
}

static void assert_mismatch(const char *headers, struct str body, const char *hint)
{
    struct buf b = {0};
    struct raw_answer a;

    buf_addf(&b, "POST /echo HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%.*s",
             headers, body.n, STR_ARG(body));
    raw_ask(port, buf_str(&b), &a);
    assert_int_equal(a.status, 400);
    assert_non_null(memmem(a.body.p, a.body.n, "type-mismatch", 13));
    if (!memmem(a.body.p, a.body.n, hint, strlen(hint)))
        fail_msg("%.*s", STR_ARG(a.body));
    raw_free(&a);
    buf_free(&b);
}

static void test_mismatch(void **state)
{
    (void)state;
    assert_mismatch(FORM, STR("{\"name\":\"web\"}"), "-H 'Content-Type: application/json'");
    assert_mismatch(FORM, STR(" \n[1]"), "-H 'Content-Type: application/json'");
    assert_mismatch(JSON, STR("name=web&value=1"), "curl -d");
}

static void test_get_with_body(void **state)
{
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, STR("GET /echo?q=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\na=zz%"
                     "GET /echo?q=2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    struct raw_answer a;
    raw_read(fd, false, &a);
    assert_raw(&a, 200, "q=1;");
    if (a.all.n == a.head.n + 4 + a.body.n)
        assert_raw_next(fd, 200, "q=2;");
    else
        assert_non_null(memmem(a.all.p, a.all.n, "q=2;", 4));
    raw_free(&a);
    close(fd);
}

static void test_chunked(void **state)
{
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, STR("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" FORM
                     "\r\n3\r\na=1\r\n"));
    raw_send(fd, STR("4\r\n&b=2\r\n0\r\n\r\n"));
    assert_raw_next(fd, 200, "a=1;b=2;");
    /* Octet by octet, with sizes in all their spellings. */
    static const struct str whole =
        STR("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" FORM
            "\r\n00000001\r\na\r\n0A\r\n=123456789\r\na\r\n0123456789\r\n000\r\n\r\n");
    for (size_t i = 0; i < whole.n; i++)
        raw_send(fd, (struct str){whole.p + i, 1});
    assert_raw_next(fd, 200, "a=1234567890123456789;");
    raw_send(fd, STR("GET /echo?again=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_raw_next(fd, 200, "again=1;");
    close(fd);
}

/* Exactly the limit, and one more; the second is refused in words although it is still coming. */
static void test_limit(void **state)
{
    char *big = malloc(65537);

    (void)state;
    memset(big, 'x', 65537);
    assert_post(FORM, (struct str){big, 65536}, 200, NULL);
    assert_post(FORM, (struct str){big, 65537}, 413, NULL);
    struct buf b = {0};
    buf_add_str(&b, STR("POST /echo HTTP/1.1\r\nHost: localhost\r\n" FORM
                        "Transfer-Encoding: chunked\r\n\r\n10001\r\n"));
    buf_add(&b, big, 65537);
    buf_add_str(&b, STR("\r\n0\r\n\r\n"));
    assert_raw_ask(port, buf_str(&b), 413, NULL);
    buf_free(&b);
    free(big);
}

static void test_continue(void **state)
{
    char bytes[26] = {0};
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, STR("POST /echo HTTP/1.1\r\nHost: localhost\r\n" FORM
                     "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    assert_int_equal(recv(fd, bytes, 25, MSG_WAITALL), 25);
    assert_string_equal(bytes, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_send(fd, STR("a=1"));
    assert_raw_next(fd, 200, "a=1;");
    close(fd);
}

/* Where nothing more comes, the time of the body ends it. */
static void test_silence(void **state)
{
    static const struct str bodies[] = {STR("Transfer-Encoding: chunked\r\n\r\n2\r\na="),
                                        STR("Transfer-Encoding: chunked\r\n\r\n2\r\na=\r\n0\r\n"),
                                        STR("Content-Length: 3\r\n\r\na="),
                                        STR("Content-Length: 3\r\n\r\n")};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        const int fd = raw_connect(port);
        raw_send(fd, STR("POST /echo HTTP/1.1\r\nHost: localhost\r\n" FORM));
        raw_send(fd, bodies[i]);
        assert_raw_next(fd, 408, NULL);
        close(fd);
    }
}

/* A byte every now and then keeps no thread beyond the deadline, wherever in the body it falls. */
static void assert_trickle_ends(struct str head, struct str trickle)
{
    const uint64_t deadline = clock_deadline(8 * NS_PER_S);
    struct pollfd pfd = {.fd = raw_connect(port), .events = POLLIN};

    raw_send(pfd.fd, head);
    for (size_t i = 0; poll(&pfd, 1, 50) == 0 && clock_mono_ns() < deadline; i++)
        raw_send(pfd.fd, (struct str){trickle.p + i % trickle.n, 1});
    assert_raw_next(pfd.fd, 408, NULL);
    assert_true(clock_mono_ns() < deadline);
    close(pfd.fd);
}

static void test_trickle(void **state)
{
    (void)state;
    assert_trickle_ends(
        STR("POST /echo HTTP/1.1\r\nHost: localhost\r\n" FORM "Content-Length: 1000\r\n\r\n"),
        STR("x"));
    assert_trickle_ends(STR("POST /echo HTTP/1.1\r\nHost: localhost\r\n" FORM
                            "Transfer-Encoding: chunked\r\n\r\n1000\r\n"),
                        STR("x"));
    assert_trickle_ends(
        STR("POST /echo HTTP/1.1\r\nHost: localhost\r\n" FORM "Transfer-Encoding: chunked\r\n\r\n"),
        STR("1\r\nx\r\n"));
}

static void test_cut_body(void **state)
{
    int fd = raw_connect(port);

    (void)state;
    raw_send(
        fd, STR("POST /echo HTTP/1.1\r\nHost: localhost\r\n" FORM "Content-Length: 10\r\n\r\na=1"));
    shutdown(fd, SHUT_WR);
    assert_raw_next(fd, 400, NULL);
    close(fd);
    assert_raw_ask(port, STR("GET /echo?alive=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200,
                   "alive=1;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),        cmocka_unit_test(test_mismatch),
        cmocka_unit_test(test_get_with_body), cmocka_unit_test(test_chunked),
        cmocka_unit_test(test_limit),         cmocka_unit_test(test_continue),
        cmocka_unit_test(test_trickle),       cmocka_unit_test(test_cut_body),
        cmocka_unit_test(test_silence),
    };
    struct http_server *s = kit_server((struct http_options){.body_time_ns = 600 * NS_PER_MS},
                                       routes, ARRAY_SIZE(routes), NULL);
    port = http_port(s, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_stop(s);
    return failed;
}
