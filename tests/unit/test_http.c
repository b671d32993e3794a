/* Connections, answers, start and stop: a real server and raw sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "http_kit.h"

/* What handlers share with their tests. */
struct shared {
    sem_t entered, released;
    atomic_int stream_result; /* of the first http_stream() that failed */
    size_t stack_size;
};

static void wait_inside(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct shared *s = context;

    (void)rq;
    sem_post(&s->entered);
    sem_wait(&s->released);
    buf_add_str(http_body(rs), STR("waited"));
}

static void stream(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct str pieces = http_query(rq, "pieces");
    uint64_t n = 0;

    (void)context;
    str_u64(pieces, 1000, &n);
    http_type(rs, "text/plain");
    for (uint64_t i = 0; i < n; i++)
        http_stream(rs, STR("piece\n"));
    http_stream(rs, STR(""));
    if (http_query(rq, "abort").p)
        http_stream_abort(rs);
    if (http_query(rq, "late").p) {
        http_stream_deadline(rs, clock_mono_ns());
        assert_int_equal(http_stream(rs, STR("piece\n")), -EPIPE);
    }
}

static void stream_for_ever(void *context, const struct http_request *rq, struct http_response *rs)
{
    static const char zeros[65536];
    struct shared *s = context;
    int r = 0;

    (void)rq;
    while (r == 0)
        r = http_stream(rs, (struct str){zeros, sizeof(zeros)});
    atomic_store(&s->stream_result, r);
    sem_post(&s->entered);
}

static void measure_stack(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct shared *s = context;
    pthread_attr_t attr;

    (void)rq;
    (void)rs;
    assert_int_equal(pthread_getattr_np(pthread_self(), &attr), 0);
    assert_int_equal(pthread_attr_getstacksize(&attr, &s->stack_size), 0);
    pthread_attr_destroy(&attr);
}

static void answer(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct str status = http_query(rq, "status");
    const struct str error = http_query(rq, "error");
    uint64_t n = 0;

    (void)context;
    if (str_u64(error, 9999, &n) == 0) {
        struct problem p = {0};
        problem_set(&p, -(int)n, "ttl", "not this: \x1b[31m");
        problem_hint(&p, "but that");
        http_problem(rs, &p);
        return;
    }
    if (str_u64(status, 999, &n) == 0)
        http_status(rs, (int)n);
    http_set(rs, "ETag", "%s", "\"x\r\nSet-Cookie: y\"");
    buf_add_str(http_body(rs), STR("{}"));
}

static void accepts(void *context, const struct http_request *rq, struct http_response *rs)
{
    (void)context;
    buf_add_str(http_body(rs), http_accepts(rq, "application/json") ? STR("yes") : STR("no"));
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/echo", .handler = kit_echo},
    {.method = "POST", .pattern = "/echo", .handler = kit_echo},
    {.method = "GET", .pattern = "/wait", .handler = wait_inside},
    {.method = "GET", .pattern = "/stream", .handler = stream},
    {.method = "GET", .pattern = "/ever", .handler = stream_for_ever},
    {.method = "GET", .pattern = "/stack", .handler = measure_stack},
    {.method = "GET", .pattern = "/answer", .handler = answer},
    {.method = "GET", .pattern = "/accepts", .handler = accepts},
};

static struct shared shared;
static struct http_server *server;
static unsigned port;

static int setup(void **state)
{
    (void)state;
    sem_init(&shared.entered, 0, 0);
    sem_init(&shared.released, 0, 0);
    server = kit_server((struct http_options){.body_time_ns = 600 * NS_PER_MS}, routes,
                        ARRAY_SIZE(routes), &shared);
    port = http_port(server, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    server = NULL;
    return 0;
}

static void assert_ask(struct str request, int status, const char *body)
{
    assert_raw_ask(port, request, status, body);
}

/* ---- connections -------------------------------------------------------------------------------
 */

static void test_keep_alive(void **state)
{
    struct http_stats stats;
    int fd = raw_connect(port);

    (void)state;
    for (int i = 0; i < 3; i++) {
        raw_send(fd, STR("GET /echo?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_raw_next(fd, 200, "a=1;");
    }
    http_stats(server, &stats);
    assert_int_equal(stats.connections, 1);
    assert_int_equal(stats.requests, 3);
    assert_int_equal(stats.by_class[2], 3);
    raw_send(fd, STR("GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    assert_raw_next(fd, 200, "");
    assert_true(raw_closed(fd));
    close(fd);
}

static void test_connection_options(void **state)
{
    const int fd = raw_connect(port);

    (void)state;
    raw_send(fd, STR("GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: TE\r\n\r\n"));
    assert_raw_next(fd, 200, "");
    raw_send(fd, STR("GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: x, Close, keep-alive"
                     "\r\n\r\n"));
    assert_raw_next(fd, 200, "");
    assert_true(raw_closed(fd));
    close(fd);
}

static void test_old_clients(void **state)
{
    int fd = raw_connect(port);
    struct raw_answer a;

    (void)state;
    raw_send(fd, STR("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    raw_read(fd, false, &a);
    assert_true(str_eq(raw_header(&a, "Connection"), STR("keep-alive")));
    raw_free(&a);
    raw_send(fd, STR("GET /echo HTTP/1.0\r\n\r\n"));
    raw_read(fd, false, &a);
    assert_true(str_eq(raw_header(&a, "Connection"), STR("close")));
    raw_free(&a);
    assert_true(raw_closed(fd));
    close(fd);
}

static void test_pipelined(void **state)
{
    /* In one packet: what was read beyond the first request is not lost. */
    static const struct str both =
        STR("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\na=1"
            "GET /echo?b=2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct raw_answer a;
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, both);
    raw_read(fd, false, &a);
    assert_true(a.status == 200 && str_starts(a.body, STR("a=1;")));
    if (a.all.n == a.head.n + 4 + a.body.n)
        assert_raw_next(fd, 200, "b=2;");
    else
        assert_non_null(memmem(a.all.p, a.all.n, "b=2;", 4));
    raw_free(&a);
    close(fd);
}

static void test_ipv6(void **state)
{
    int fd = raw_connect6(http_port(server, 1));

    (void)state;
    raw_send(fd, STR("GET /echo?six=1 HTTP/1.1\r\nHost: [::1]\r\n\r\n"));
    assert_raw_next(fd, 200, "six=1;");
    close(fd);
}

/* Two writes would wait for the client's delayed acknowledgement, or show as two pieces. */
static void test_one_write(void **state)
{
    char bytes[4096];
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, STR("GET /echo?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    ssize_t n = read(fd, bytes, sizeof(bytes));
    assert_true(n > 5 && memcmp(bytes + n - 4, "a=1;", 4) == 0);
    close(fd);
}

static void test_stack(void **state)
{
    (void)state;
    assert_ask(STR("GET /stack HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200, NULL);
    assert_true(shared.stack_size >= 512 * 1024);
}

/* ---- answers -----------------------------------------------------------------------------------
 */

static void test_problem(void **state)
{
    struct raw_answer a;

    (void)state;
    raw_ask(port, STR("GET /answer?error=4002 HTTP/1.1\r\nHost: localhost\r\n\r\n"), &a);
    assert_raw(&a, 422,
               "{\"type\":\"urn:betterdns:problem:invalid\",\"title\":\"Understood, but not "
               "valid\",\"status\":422,\"detail\":\"not this: \\\\x1b[31m\",\"field\":\"ttl\","
               "\"hint\":\"but that\"}\n");
    assert_true(str_eq(raw_header(&a, "Content-Type"), STR("application/problem+json")));
    assert_null(raw_header(&a, "Retry-After").p);
    raw_free(&a);
    raw_ask(port, STR("GET /answer?error=4007 HTTP/1.1\r\nHost: localhost\r\n\r\n"), &a);
    assert_int_equal(a.status, 503);
    assert_true(str_eq(raw_header(&a, "Retry-After"), STR("1")));
    raw_free(&a);
}

static void test_status_of(void **state)
{
    static const struct {
        int error, status;
    } rows[] = {
        {BD_ESYNTAX, 400},   {BD_EMISMATCH, 400}, {BD_EINVALID, 422},      {BD_ENOZONE, 422},
        {BD_ENOTFOUND, 404}, {BD_ECONFLICT, 409}, {BD_EPRECONDITION, 412}, {BD_EREADONLY, 503},
        {BD_EFULL, 503},     {BD_EUNKNOWN, 503},  {BD_ESTOPPING, 503},     {EMEDIUMTYPE, 415},
        {EMSGSIZE, 413},     {ENOMEM, 503},       {EACCES, 503},           {EIO, 503},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(http_status_of(rows[i].error), rows[i].status);
        assert_int_equal(http_status_of(-rows[i].error), rows[i].status);
    }
}

static void test_headers(void **state)
{
    struct raw_answer a;

    (void)state;
    raw_ask(port, STR("GET /answer?status=201 HTTP/1.1\r\nHost: localhost\r\n\r\n"), &a);
    assert_raw(&a, 201, "{}");
    assert_true(str_eq(raw_header(&a, "ETag"), STR("\"x  Set-Cookie: y\"")));
    assert_null(raw_header(&a, "Set-Cookie").p);
    assert_non_null(raw_header(&a, "Date").p);
    raw_free(&a);
    raw_ask(port, STR("GET /answer?status=304 HTTP/1.1\r\nHost: localhost\r\n\r\n"), &a);
    assert_int_equal(a.status, 304);
    assert_null(raw_header(&a, "Content-Length").p);
    assert_int_equal(a.all.n, a.head.n + 4);
    raw_free(&a);
}

static void assert_accepts(const char *accept, const char *answered)
{
    struct buf b = {0};

    buf_addf(&b, "GET /accepts HTTP/1.1\r\nHost: localhost\r\n%s\r\n", accept);
    assert_ask(buf_str(&b), 200, answered);
    buf_free(&b);
}

static void test_accept(void **state)
{
    (void)state;
    assert_accepts("", "no");
    assert_accepts("Accept: */*\r\n", "no");
    assert_accepts("Accept: application/*\r\n", "no");
    assert_accepts("Accept: application/json\r\n", "yes");
    assert_accepts("Accept: text/html, Application/JSON ; q=0.5\r\n", "yes");
    assert_accepts("Accept: application/json;q=0\r\n", "no");
    assert_accepts("Accept: application/json;q=0.000\r\n", "no");
    assert_accepts("Accept: application/json;q=0.001\r\n", "yes");
    assert_accepts("Accept: text/html\r\nAccept: application/json\r\n", "yes");
    assert_accepts("Accept: application/jsonx\r\n", "no");
}

static bool was_reset(int fd)
{
    char bytes[4096];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        ;
    return n < 0 && errno == ECONNRESET;
}

static void test_stream(void **state)
{
    struct raw_answer a;
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, STR("GET /stream?pieces=2 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_raw_next(fd, 200, "piece\npiece\n");
    raw_send(fd, STR("GET /stream?pieces=0 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_raw_next(fd, 200, "");
    raw_send(fd, STR("HEAD /stream?pieces=2 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    raw_read(fd, true, &a);
    assert_int_equal(a.status, 200);
    raw_free(&a);
    raw_send(fd, STR("GET /stream?pieces=2&abort=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    raw_read(fd, false, &a);
    assert_true(a.status == 200 && !a.complete);
    raw_free(&a);
    close(fd);
    raw_ask(port, STR("GET /stream?pieces=2&late=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"), &a);
    assert_true(a.status == 200 && !a.complete);
    raw_free(&a);
    /* Without chunks, a connection that just ends would pass for a whole answer. */
    fd = raw_connect(port);
    raw_send(fd, STR("GET /stream?pieces=2&abort=1 HTTP/1.0\r\n\r\n"));
    assert_true(was_reset(fd));
    close(fd);
    raw_ask(port, STR("GET /stream?pieces=2 HTTP/1.0\r\n\r\n"), &a);
    assert_true(str_ends(buf_str(&a.all), STR("\r\n\r\npiece\npiece\n")));
    raw_free(&a);
}

static void test_stream_to_nobody(void **state)
{
    struct raw_answer a = {0};
    int fd = raw_connect(port);
    const struct linger reset = {.l_onoff = 1};

    (void)state;
    raw_send(fd, STR("GET /ever HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&pfd, 1, 5000), 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    sem_wait(&shared.entered);
    assert_int_equal(atomic_load(&shared.stream_result), -EPIPE);
    raw_free(&a);
}

/* ---- start and stop ----------------------------------------------------------------------------
 */

static void *ask_wait(void *argument)
{
    int *ret_status = argument;

    *ret_status = raw_status(port, STR("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    return NULL;
}

static void test_drain(void **state)
{
    struct raw_answer a;
    pthread_t thread;
    int status = 0;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, ask_wait, &status), 0);
    sem_wait(&shared.entered);
    http_drain(server);
    raw_ask(port, STR("GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n"), &a);
    assert_int_equal(a.status, 503);
    assert_true(str_eq(raw_header(&a, "Retry-After"), STR("1")));
    assert_true(str_eq(raw_header(&a, "Connection"), STR("close")));
    raw_free(&a);
    sem_post(&shared.released);
    pthread_join(thread, NULL);
    assert_int_equal(status, 200);
}

/* Neither a connection that never said a word nor one between two requests holds it up. */
static void test_stop_is_quick(void **state)
{
    int silent = raw_connect(port), idle = raw_connect(port);

    (void)state;
    raw_send(idle, STR("GET /echo?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_raw_next(idle, 200, "a=1;");
    const uint64_t before = clock_mono_ns();
    http_stop(server);
    server = NULL;
    const uint64_t took = clock_mono_ns() - before;
    if (took > 1500 * NS_PER_MS)
        fail_msg("%llu ms", (unsigned long long)(took / NS_PER_MS));
    assert_true(raw_closed(silent) && raw_closed(idle));
    close(silent);
    close(idle);
}

static void test_port_taken(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_storage listen = {0};
    struct http_options o = {.listen = &listen, .nlisten = 1, .threads = 2};
    struct http_server *other = NULL;
    struct problem p = {0};
    char pid[32], address[32];

    (void)state;
    memcpy(&listen, &in, sizeof(in));
    assert_int_equal(http_start(&o, routes, ARRAY_SIZE(routes), &shared, &other, &p), -BD_EINUSE);
    assert_null(other);
    snprintf(pid, sizeof(pid), "test_http (pid %ld)", (long)getpid());
    snprintf(address, sizeof(address), "127.0.0.1:%u ", port);
    if (!strstr(p.detail, pid) || !strstr(p.detail, address))
        fail_msg("%s", p.detail);
    /* 192.0.2.0/24 is nobody's (RFC 5737). */
    in.sin_addr.s_addr = htonl(0xc0000201);
    memcpy(&listen, &in, sizeof(in));
    assert_int_equal(http_start(&o, routes, ARRAY_SIZE(routes), &shared, &other, &p),
                     -EADDRNOTAVAIL);
    assert_non_null(strstr(p.detail, "192.0.2.1"));
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_keep_alive),
        WITH(test_connection_options),
        WITH(test_old_clients),
        WITH(test_pipelined),
        WITH(test_ipv6),
        WITH(test_one_write),
        WITH(test_stack),
        WITH(test_problem),
        WITH(test_status_of),
        WITH(test_headers),
        WITH(test_accept),
        WITH(test_stream),
        WITH(test_stream_to_nobody),
        WITH(test_drain),
        WITH(test_stop_is_quick),
        WITH(test_port_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
