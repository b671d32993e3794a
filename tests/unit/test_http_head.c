/* Heads of requests, sent over real sockets: what two readers could understand in two ways is
 * refused, in words, and what follows it on the connection is no request any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "http_kit.h"

static atomic_uint handled;

static void handler(void *context, const struct http_request *rq, struct http_response *rs)
{
    (void)context;
    atomic_fetch_add(&handled, 1);
    kit_echo(NULL, rq, rs);
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/a", .handler = handler},
    {.method = "POST", .pattern = "/a", .handler = handler},
};

static unsigned port;

#define HOST "Host: localhost\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
/* What must not be taken for a request once the one before it was in doubt. */
#define NEXT "GET /a?smuggled=1 HTTP/1.1\r\n" HOST "\r\n"

/* The one answer is a refusal as a problem with this word in it; the handler was not called, the
 * connection ends, and nothing else comes from it. */
static void assert_refused(struct str request, int status, const char *word)
{
    const unsigned before = atomic_load(&handled);
    const int fd = raw_connect(port);
    struct raw_answer a;

    raw_send(fd, request);
    raw_send(fd, STR(NEXT));
    raw_read(fd, false, &a);
    if (!a.complete || a.status != status || !memmem(a.body.p, a.body.n, word, strlen(word)))
        fail_msg("%d '%.*s' instead of %d '%s' for '%.*s'", a.status, STR_ARG(a.body), status, word,
                 STR_ARG(request));
    assert_true(str_eq(raw_header(&a, "Content-Type"), STR("application/problem+json")));
    assert_true(str_eq(raw_header(&a, "Connection"), STR("close")));
    assert_int_equal(a.all.n, a.head.n + 4 + a.body.n);
    assert_true(raw_closed(fd));
    assert_int_equal(atomic_load(&handled), before);
    raw_free(&a);
    close(fd);
}

struct row {
    struct str request;
    int status;
    const char *word;
};

static const struct row refused[] = {
    /* lines */
    {STR("GET /a HTTP/1.1\n" HOST "\r\n"), 400, "bare LF"},
    {STR("GET /a HTTP/1.1\nHost: localhost\n\n"), 400, "bare LF"},
    {STR("GET /a HTTP/1.1\r\nHost: localhost\nX: 1\r\n\r\n"), 400, "bare LF"},
    {STR("GET /a HTTP/1.1\r\nHost: localhost\n\r\n"), 400, "bare LF"},
    {STR("GET /a HTTP/1.1\r\n" HOST "\n"), 400, "bare LF"},
    {STR("GET /a HTTP/1.1\r\n" HOST "X: 1\rY: 2\r\n\r\n"), 400, "no LF follows"},
    {STR("GET /a HTTP/1.1\r\r\n" HOST "\r\n"), 400, "no LF follows"},
    {STR("GET /a HTTP/1.1\rHost: localhost\r\n\r\n"), 400, "no LF follows"},
    {STR("GET /a HTTP/1.1\r\n" HOST "\rX"), 400, "no LF follows"},
    {STR("GET /a HTTP/1.1\r\n" HOST " folded: yes\r\n\r\n"), 400, "continued"},
    {STR("GET /a HTTP/1.1\r\n" HOST "\tfolded: yes\r\n\r\n"), 400, "continued"},
    {STR("GET /a HTTP/1.1\r\n" HOST "X: 1\r\n \r\n\r\n"), 400, "continued"},
    {STR("GET /a HTTP/1.1\r\n Host: localhost\r\n\r\n"), 400, "continued"},
    {STR("GET /a HTTP/1.1\r\n \r\n" HOST "\r\n"), 400, "continued"},
    /* names and values */
    {STR("GET /a HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\nabc"), 400, "before its colon"},
    {STR("GET /a HTTP/1.1\r\n" HOST "X\t: 3\r\n\r\n"), 400, "before its colon"},
    {STR("GET /a HTTP/1.1\r\n" HOST ": 3\r\nX: 1\r\n\r\n"), 400, "has no name"},
    {STR("GET /a HTTP/1.1\r\n" HOST "no colon\r\n\r\n"), 400, "no colon"},
    {STR("GET /a HTTP/1.1\r\n" HOST "X Y: 1\r\n\r\n"), 400, "no name can have"},
    {STR("GET /a HTTP/1.1\r\n" HOST "X\xc3\xa9: 1\r\n\r\n"), 400, "no name can have"},
    {STR("GET /a HTTP/1.1\r\n" HOST "(X): 1\r\n\r\n"), 400, "no name can have"},
    {STR("GET /a HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"), 400, "a NUL"},
    {STR("GET /a HTTP/1.1\r\n" HOST "X\0: b\r\n\r\n"), 400, "a NUL"},
    {STR("GET /a\0 HTTP/1.1\r\n" HOST "\r\n"), 400, "a NUL"},
    {STR("GET /a HTTP/1.1\r\n" HOST "X: a\x01z\r\n\r\n"), 400, "control character"},
    {STR("GET /a HTTP/1.1\r\n" HOST "X: a\x7fz\r\n\r\n"), 400, "control character"},
    /* request lines */
    {STR("GET  /a HTTP/1.1\r\n" HOST "\r\n"), 400, "too many blanks"},
    {STR("GET /a  HTTP/1.1\r\n" HOST "\r\n"), 400, "version of HTTP"},
    {STR("GET /a HTTP/1.1 \r\n" HOST "\r\n"), 400, "version of HTTP"},
    {STR("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 400, "version of HTTP"},
    {STR("GET\t/a HTTP/1.1\r\n" HOST "\r\n"), 400, "method"},
    {STR(" GET /a HTTP/1.1\r\n" HOST "\r\n"), 400, "method"},
    {STR("GET /a\tHTTP/1.1\r\n" HOST "\r\n"), 400, "version of HTTP"},
    {STR("GET /a#x HTTP/1.1\r\n" HOST "\r\n"), 400, "must be encoded"},
    {STR("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400, "must be encoded"},
    {STR("GET a HTTP/1.1\r\n" HOST "\r\n"), 400, "no path"},
    {STR("GET ?x HTTP/1.1\r\n" HOST "\r\n"), 400, "no path"},
    {STR("GET ftp://localhost/a HTTP/1.1\r\n" HOST "\r\n"), 400, "no path"},
    {STR("GET localhost:80 HTTP/1.1\r\n" HOST "\r\n"), 400, "no path"},
    {STR("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 400, "'*'"},
    {STR("CONNECT web:80 HTTP/1.1\r\n" HOST "\r\n"), 501, "proxies"},
    {STR("get /a HTTP/1.1\r\n" HOST "\r\n"), 501, "capitals"},
    {STR("BREW /a HTTP/1.1\r\n" HOST "\r\n"), 501, "unknown method"},
    {STR("G(T /a HTTP/1.1\r\n" HOST "\r\n"), 400, "method"},
    /* other protocols: answered without an empty line */
    {STR("GET /a\r\n"), 400, "version of HTTP"},
    {STR("GET /a HTTP/11\r\n"), 400, "version of HTTP"},
    {STR("GET /a HTTP/1.1x\r\n"), 400, "version of HTTP"},
    {STR("GET /a http/1.1\r\n"), 400, "version of HTTP"},
    {STR("GET /a HTTP/1.2\r\n"), 505, "HTTP/1.1"},
    {STR("GET /a HTTP/2.0\r\n"), 505, "HTTP/1.1"},
    {STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, "HTTP/1.1"},
    {STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400, "TLS"},
    {STR("SSH-2.0-OpenSSH_9.2\r\n"), 400, "no target"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        assert_refused(refused[i].request, refused[i].status, refused[i].word);
}

/* Of another protocol no empty line comes: the answer does not wait for it. */
static void test_at_once(void **state)
{
    static const struct row rows[] = {
        {STR("GET /a\r\n"), 400, "version of HTTP"}, {STR("PRI * HTTP/2.0\r\n"), 505, "HTTP/1.1"},
        {STR("\x16\x03\x01\x02"), 400, "TLS"},       {STR("GET /a HTTP/1.1\n"), 400, "bare LF"},
        {STR("GET /a HTTP/1.1\rX"), 400, "no LF"},   {STR("GET /a\0"), 400, "NUL"},
    };
    struct raw_answer a;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        raw_ask(port, rows[i].request, &a);
        assert_raw(&a, rows[i].status, NULL);
        assert_non_null(memmem(a.body.p, a.body.n, rows[i].word, strlen(rows[i].word)));
        raw_free(&a);
    }
}

static void test_answered(void **state)
{
    static const struct row rows[] = {
        {STR("GET /a?x=1 HTTP/1.1\r\n" HOST "\r\n"), 200, "x=1;"},
        {STR("\r\n\r\nGET /a?x=1 HTTP/1.1\r\n" HOST "\r\n"), 200, "x=1;"},
        {STR("GET /a?x=1 HTTP/1.1\r\nHost:localhost\r\n\r\n"), 200, "x=1;"},
        {STR("GET /a?x=1 HTTP/1.1\r\n" HOST "X:\t a\tb \xe9 \t\r\n\r\n"), 200, "x=1;"},
        {STR("GET /a?x=1&y=?2 HTTP/1.1\r\n" HOST "X:\r\n\r\n"), 200, "x=1;y=?2;"},
        {STR("GET http://localhost/a?x=1 HTTP/1.1\r\n" HOST "\r\n"), 200, "x=1;"},
        {STR("GET HTTP://localhost:9/a?x=1 HTTP/1.1\r\n" HOST "\r\n"), 200, "x=1;"},
        {STR("GET http://localhost?x=1 HTTP/1.1\r\n" HOST "\r\n"), 404, "nothing at /"},
        {STR("GET http://elsewhere.example/a HTTP/1.1\r\n" HOST "\r\n"), 421, "no name of this"},
        {STR("GET http:///a HTTP/1.1\r\n" HOST "\r\n"), 400, "Host"},
        {STR("OPTIONS /a HTTP/1.1\r\n" HOST "\r\n"), 405, "not for"},
        {STR("TRACE /a HTTP/1.1\r\n" HOST "X: secret\r\n\r\n"), 405, "not for"},
        {STR("GET /a?x=1 HTTP/1.1\r\n" HOST "Range: bytes=0-0\r\n\r\n"), 200, "x=1;"},
        {STR("GET /a?x=1 HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
         200, "x=1;"},
        {STR("GET /a?x=1 HTTP/1.1\r\n" HOST
             "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
             "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"),
         200, "x=1;"},
    };
    struct raw_answer a;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        raw_ask(port, rows[i].request, &a);
        if (a.status != rows[i].status ||
            !memmem(a.body.p, a.body.n, rows[i].word, strlen(rows[i].word)))
            fail_msg("%d '%.*s' for '%.*s'", a.status, STR_ARG(a.body), STR_ARG(rows[i].request));
        assert_null(memmem(a.all.p, a.all.n, "secret", 6));
        raw_free(&a);
    }
}

/* However a head is cut into packets, it is the same. */
static void test_octet_by_octet(void **state)
{
    static const struct str request =
        STR("POST /a HTTP/1.1\r\n" HOST FORM "Content-Length: 3\r\n\r\na=1");
    const int fd = raw_connect(port);

    (void)state;
    for (size_t i = 0; i < request.n; i++)
        raw_send(fd, (struct str){request.p + i, 1});
    assert_raw_next(fd, 200, "a=1;");
    raw_send(fd, STR("GET /a?again=1 HTTP/1.1\r\n" HOST "\r\n"));
    assert_raw_next(fd, 200, "again=1;");
    close(fd);
}

static void assert_headers(unsigned count, size_t length, int status, const char *word)
{
    struct buf b = {0};

    buf_add_str(&b, STR("GET /a HTTP/1.1\r\n" HOST));
    for (unsigned i = 1; i < count; i++)
        buf_addf(&b, "X-%u: 1\r\n", i);
    if (length > 0) {
        buf_add_str(&b, STR("Long: "));
        while (b.n < length - 4)
            buf_add_c(&b, 'x');
        buf_add_str(&b, STR("\r\n"));
    }
    buf_add_str(&b, STR("\r\n"));
    if (status == 200)
        assert_raw_ask(port, buf_str(&b), 200, word);
    else
        assert_refused(buf_str(&b), status, word);
    buf_free(&b);
}

static void test_limits(void **state)
{
    (void)state;
    assert_headers(64, 0, 200, "");
    assert_headers(65, 0, 431, "64 headers");
    assert_headers(1000, 0, 431, "64 headers");
    assert_headers(1, 8192, 200, "");
    assert_headers(1, 16384, 200, "");
    assert_headers(1, 16385, 431, "16 KiB");
    assert_headers(1, 20000, 431, "16 KiB");
    assert_headers(1, 500000, 431, "16 KiB");
    struct buf b = {0};
    buf_add_str(&b, STR("GET /a?x="));
    while (b.n < 20000)
        buf_add_c(&b, 'x');
    buf_add_str(&b, STR(" HTTP/1.1\r\n" HOST "\r\n"));
    assert_refused(buf_str(&b), 414, "request line");
    buf_free(&b);
}

/* Several requests in one packet are several requests, each behind the end of the one before. */
static void test_pipeline(void **state)
{
    static const char *const answers[] = {"n=1;", "a=2;", "b=3;", "n=4;"};
    const int fd = raw_connect(port);

    (void)state;
    raw_send(fd, STR("GET /a?n=1 HTTP/1.1\r\n" HOST "\r\n"
                     "POST /a HTTP/1.1\r\n" HOST FORM "Content-Length: 3\r\n\r\na=2\r\n"
                     "POST /a HTTP/1.1\r\n" HOST FORM "Transfer-Encoding: chunked\r\n\r\n"
                     "1\r\nb\r\n2\r\n=3\r\n0\r\n\r\n"
                     "GET /a?n=4 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" NEXT));
    struct buf all = {0};
    char bytes[4096];
    for (ssize_t n; (n = read(fd, bytes, sizeof(bytes))) > 0;)
        buf_add(&all, bytes, (size_t)n);
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        const char *found = memmem(all.p + at, all.n - at, answers[i], 4);
        assert_non_null(found);
        at = (size_t)(found - all.p);
    }
    assert_null(memmem(all.p, all.n, "smuggled", 8));
    buf_free(&all);
    close(fd);
}

static void test_chunks(void **state)
{
    static const struct row rows[] = {
        {STR("3;ext=1\r\na=1\r\n0\r\n\r\n"), 400, "extension"},
        {STR("3\r\na=1\r\n0;ext\r\n\r\n"), 400, "extension"},
        {STR("3 \r\na=1\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR(" 3\r\na=1\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR("0x3\r\na=1\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR("+3\r\na=1\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR("-1\r\na=1\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR("3\na=1\n0\n\n"), 400, "hexadecimal"},
        {STR("\r\na=1\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR("3\r\ra=1\r\n0\r\n\r\n"), 400, "CR LF"},
        {STR("3\r\na=1X\r\n0\r\n\r\n"), 400, "CR LF"},
        {STR("3\r\na=1\n0\r\n\r\n"), 400, "CR LF"},
        {STR("3\r\na=1\r\r0\r\n\r\n"), 400, "CR LF"},
        {STR("2\r\na=1\r\n0\r\n\r\n"), 400, "CR LF"},
        {STR("0\r\n\rX"), 400, "CR LF"},
        {STR("FFFFFFFFFFFFFFFF\r\na=1\r\n0\r\n\r\n"), 400, "8 digits"},
        {STR("8000000000000000\r\na=1\r\n0\r\n\r\n"), 400, "8 digits"},
        {STR("10000000000000003\r\na=1\r\n0\r\n\r\n"), 400, "8 digits"},
        {STR("FFFFFFFF\r\na=1\r\n0\r\n\r\n"), 413, "65536"},
        {STR("3\r\na=1\r\n0\r\nX-Trailer: 1\r\n\r\n"), 400, "trailer"},
        {STR("3\r\na=1\r\n0\r\n\n"), 400, "trailer"},
    };
    struct buf b = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        buf_reset(&b);
        buf_add_str(&b, STR("POST /a HTTP/1.1\r\n" HOST FORM "Transfer-Encoding: chunked\r\n\r\n"));
        buf_add_str(&b, rows[i].request);
        assert_refused(buf_str(&b), rows[i].status, rows[i].word);
    }
    buf_free(&b);
}

/* ---- time --------------------------------------------------------------------------------------
 */

/* A head that does not end is answered at its deadline, also when it grows all the time; a client
 * that says nothing is only closed. */
static void test_slow_head(void **state)
{
    struct pollfd pfd = {.fd = raw_connect(port), .events = POLLIN};
    const uint64_t deadline = clock_deadline(20 * NS_PER_S);
    struct raw_answer a;

    (void)state;
    raw_send(pfd.fd, STR("GET /a HTTP/1.1\r\n" HOST "X: "));
    while (poll(&pfd, 1, 50) == 0 && clock_mono_ns() < deadline)
        raw_send(pfd.fd, STR("x"));
    raw_read(pfd.fd, false, &a);
    assert_raw(&a, 408, NULL);
    assert_non_null(memmem(a.body.p, a.body.n, "in time", 7));
    assert_true(clock_mono_ns() < deadline);
    raw_free(&a);
    close(pfd.fd);
}

static void test_half_a_head(void **state)
{
    const int fd = raw_connect(port);

    (void)state;
    raw_send(fd, STR("GET /a HTTP/1.1\r\nHo"));
    shutdown(fd, SHUT_WR);
    assert_raw_next(fd, 400, NULL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_answered),
        cmocka_unit_test(test_at_once),     cmocka_unit_test(test_octet_by_octet),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_chunks),      cmocka_unit_test(test_slow_head),
        cmocka_unit_test(test_half_a_head),
    };
    struct http_server *s = kit_server(
        (struct http_options){.head_time_ns = 600 * NS_PER_MS, .body_time_ns = 600 * NS_PER_MS},
        routes, ARRAY_SIZE(routes), NULL);
    port = http_port(s, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_stop(s);
    return failed;
}
