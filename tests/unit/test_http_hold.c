/* Requests that are held while what answers them is exchanged: a real server and raw sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include <betterdns/clock.h>

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

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_slow_client_costs_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
