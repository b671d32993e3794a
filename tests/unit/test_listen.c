/* The sockets that clients come by: src/http/listen.c, without a server behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <betterdns/sockaddr.h>

#include "http_kit.h"
#include "listen.h"

#define PATIENCE_MS 30000

static struct sockaddr_storage loopback(unsigned port)
{
    struct sockaddr_storage a;

    assert_int_equal(sockaddr_parse("127.0.0.1", &a), 0);
    sockaddr_set_port(&a, port);
    return a;
}

static void prepare(struct listeners *l, const struct sockaddr_storage *addresses, unsigned n)
{
    struct problem p = {0};

    if (listeners_prepare(l, addresses, n, &p) < 0)
        fail_msg("%s", p.detail);
}

static int set_up(void **state)
{
    const struct sockaddr_storage any[2] = {loopback(0), loopback(0)};
    struct listeners *l;

    assert_int_equal(listeners_new(&l), 0);
    prepare(l, any, 2);
    listeners_exchange(l);
    *state = l;
    return 0;
}

static int tear_down(void **state)
{
    listeners_free(*state);
    return 0;
}

static void await_client(int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
}

/* A copy of the i-th socket, as whoever has given it would have one. */
static int copy_of(struct listeners *l, unsigned i)
{
    const int client = raw_connect(listeners_port(l, i));

    await_client(listeners_fd(l));
    const int fd = listeners_ready(l), copy = dup(fd);
    assert_true(fd >= 0 && copy >= 0);
    close(accept(fd, NULL, NULL));
    close(client);
    return copy;
}

/* Nobody is to be taken from the socket behind the copy, though a client waits there. */
static void assert_left_alone(struct listeners *l, int copy, unsigned port)
{
    const int client = raw_connect(port);

    await_client(copy);
    for (int i = 0; i < 4; i++)
        assert_int_equal(listeners_ready(l), -EAGAIN);
    close(client);
    close(copy);
}

static void what_another_has_too_is_left_when_it_is_exchanged(void **state)
{
    struct listeners *l = *state;
    const unsigned removed = listeners_port(l, 1);
    const struct sockaddr_storage first = loopback(0);
    const int copy = copy_of(l, 1);

    prepare(l, &first, 1);
    listeners_exchange(l);
    assert_left_alone(l, copy, removed);
    close(copy_of(l, 0)); /* clients of the other one are seen still */
}

static void what_another_has_too_is_left_when_all_are_closed(void **state)
{
    struct listeners *l = *state;
    const unsigned port = listeners_port(l, 1);
    const int copy = copy_of(l, 1);

    listeners_close(l);
    assert_left_alone(l, copy, port);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* A stop before the exchange: the number of a socket that both sets have may be another's by the
 * time that they are freed. */
static void what_was_prepared_is_closed_once(void **state)
{
    struct listeners *l;
    const struct sockaddr_storage any = loopback(0);

    (void)state;
    assert_int_equal(listeners_new(&l), 0);
    prepare(l, &any, 1);
    listeners_exchange(l);
    prepare(l, &any, 1); /* the same socket */
    listeners_close(l);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    listeners_free(l);
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(close(fds[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_another_has_too_is_left_when_it_is_exchanged),
        TEST(what_another_has_too_is_left_when_all_are_closed),
        cmocka_unit_test(what_was_prepared_is_closed_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
