/* Requests that are held while what answers them is exchanged: a real server and raw sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/sockaddr.h>

#include "http_kit.h"

#define GET "GET /echo?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/echo", .handler = kit_echo},
    {.method = "POST", .pattern = "/echo", .handler = kit_echo},
};

static struct http_server *server;
static unsigned port;

static int set_up(void **state)
{
    (void)state;
    server = kit_server(
        (struct http_options){.head_time_ns = 60 * NS_PER_S, .body_time_ns = 60 * NS_PER_S}, routes,
        ARRAY_SIZE(routes), NULL);
    port = http_port(server, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_stop(server);
    return 0;
}

/* ---- who is held up, and by whom ---- */

static void await_requests(unsigned n)
{
    const uint64_t deadline = clock_deadline(30 * NS_PER_S);
    struct http_stats stats;

    do {
        assert_true(clock_mono_ns() < deadline);
        usleep(1000);
        http_stats(server, &stats);
    } while (stats.requests < n);
}

/* A client that sends no body ends the patience of all others; it alone is cut off. */
static void one_slow_client_costs_no_other(void **state)
{
    const int idle = raw_connect(port), half = raw_connect(port), slow = raw_connect(port);

    (void)state;
    raw_send(idle, STR(GET));
    assert_raw_next(idle, 200, "a=1;");
    raw_send(half, STR("GET /echo?a=1 HTTP/1.1\r\n"));
    raw_send(slow, STR("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"));
    await_requests(2);
    http_hold(server);
    assert_raw_next(slow, 408, NULL);
    http_resume(server);
    raw_send(half, STR("Host: localhost\r\n\r\n"));
    assert_raw_next(half, 200, "a=1;");
    raw_send(idle, STR(GET));
    assert_raw_next(idle, 200, "a=1;");
    assert_true(raw_closed(slow));
    close(idle);
    close(half);
    close(slow);
}

/* ---- other options ---- */

#define WITH_TOKEN(t)                                                                              \
    "GET /echo?a=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " t "\r\n\r\n"

/* n addresses of 127.0.0.1: the first is the server's own, the others are any free ports. */
static void prepare(const char *token, unsigned n)
{
    struct sockaddr_storage listen[2] = {{0}};
    struct problem p = {0};

    for (unsigned i = 0; i < n; i++)
        assert_int_equal(sockaddr_parse("127.0.0.1", &listen[i]), 0);
    const struct http_options options = {.listen = listen, .nlisten = n, .token = str_c(token)};
    if (http_prepare(server, &options, &p) < 0)
        fail_msg("%s", p.detail);
}

static bool is_refused6(unsigned port6)
{
    struct sockaddr_storage a;

    assert_int_equal(sockaddr_parse("::1", &a), 0);
    sockaddr_set_port(&a, port6);
    const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int r = connect(fd, (const struct sockaddr *)&a, sockaddr_size(&a));
    const bool refused = r < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static void both_change_when_they_are_exchanged(void **state)
{
    const unsigned port6 = http_port(server, 1);

    (void)state;
    prepare("one", 2);
    http_hold(server);
    http_resume(server);
    assert_raw_ask(port, STR(GET), 200, "a=1;");
    const int before = raw_connect6(port6);
    raw_send(before, STR(GET));
    assert_raw_next(before, 200, "a=1;");
    http_exchange(server);
    assert_raw_ask(port, STR(GET), 401, NULL);
    assert_raw_ask(http_port(server, 1), STR(WITH_TOKEN("one")), 200, "a=1;");
    assert_true(is_refused6(port6));
    raw_send(before, STR(WITH_TOKEN("one"))); /* it came by an address with other rules */
    assert_raw_next(before, 421, NULL);
    assert_true(raw_closed(before));
    http_exchange(server); /* nothing is prepared any more */
    assert_raw_ask(port, STR(WITH_TOKEN("one")), 200, "a=1;");
    close(before);
}

static void what_was_prepared_last_counts(void **state)
{
    (void)state;
    prepare("one", 2);
    prepare("other", 1);
    http_exchange(server);
    assert_raw_ask(port, STR(WITH_TOKEN("one")), 401, NULL);
    assert_raw_ask(port, STR(WITH_TOKEN("other")), 200, "a=1;");
    assert_int_equal(http_port(server, 1), 0);
    prepare("never", 1); /* freed with the server */
}

static void what_is_forgotten_never_counts(void **state)
{
    const unsigned port6 = http_port(server, 1);

    (void)state;
    prepare("one", 2);
    http_forget(server);
    http_exchange(server);
    assert_raw_ask(port, STR(GET), 200, "a=1;");
    assert_false(is_refused6(port6));
    prepare("two", 1);
    http_exchange(server);
    assert_raw_ask(port, STR(WITH_TOKEN("two")), 200, "a=1;");
    assert_true(is_refused6(port6));
}

/* Its rules are those that it began with, whatever comes into force meanwhile. */
static void a_request_keeps_its_rules(void **state)
{
    const int slow = raw_connect(port);

    (void)state;
    raw_send(slow, STR("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
                       "Content-Type: application/x-www-form-urlencoded\r\n\r\n"));
    await_requests(1);
    prepare("one", 1);
    http_exchange(server);
    prepare("two", 1);
    http_exchange(server);
    raw_send(slow, STR("a=1"));
    assert_raw_next(slow, 200, "a=1;");
    raw_send(slow, STR(WITH_TOKEN("one")));
    assert_raw_next(slow, 401, NULL);
    http_hold(server); /* the rules before are gone */
    http_resume(server);
    raw_send(slow, STR(WITH_TOKEN("two")));
    assert_raw_next(slow, 200, "a=1;");
    close(slow);
}

/* ---- all of it, while clients ask ---- */

#define CLIENTS 4
#define ROUNDS 40

static atomic_bool over;
static atomic_uint answered;

static void *ask_on(void *argument)
{
    struct raw_answer a;

    (void)argument;
    while (!atomic_load(&over)) {
        const int fd = raw_connect(port);
        for (int i = 0; i < 5; i++) {
            raw_send(fd, STR(WITH_TOKEN("even")));
            raw_read(fd, false, &a);
            /* A thread of a test cannot fail it: the count does. */
            if (a.complete && (a.status == 200 || a.status == 401))
                atomic_fetch_add(&answered, 1);
            else
                atomic_store(&over, true);
            raw_free(&a);
        }
        close(fd);
    }
    return NULL;
}

static void nobody_is_refused_by_an_exchange(void **state)
{
    pthread_t threads[CLIENTS];

    (void)state;
    atomic_store(&over, false);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on, NULL), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        const unsigned before = atomic_load(&answered);
        prepare(i % 2 ? "odd" : "even", 1 + i % 2);
        http_hold(server);
        http_resume(server);
        http_exchange(server);
        while (atomic_load(&answered) < before + CLIENTS && !atomic_load(&over))
            sched_yield();
    }
    assert_false(atomic_exchange(&over, true));
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_slow_client_costs_no_other), TEST(both_change_when_they_are_exchanged),
        TEST(what_was_prepared_last_counts),  TEST(what_is_forgotten_never_counts),
        TEST(a_request_keeps_its_rules),      TEST(nobody_is_refused_by_an_exchange),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
