/* Who gives way to whom. The ends of socket pairs stand for clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "places.h"

#define N 8
#define LIMIT 6

struct client {
    int theirs;
    struct place *place;
};

static struct places *places;

static int setup(void **state)
{
    static struct network proxy;

    (void)state;
    assert_int_equal(network_parse(STR("10.0.0.1"), &proxy), 0);
    return places_new(N, LIMIT, &proxy, 1, &places);
}

static struct client come(const char *from)
{
    struct address peer;
    int pair[2];

    assert_int_equal(address_parse(str_c(from), &peer), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct client c = {pair[0], places_take(places, pair[1], &peer)};
    if (!c.place)
        close(pair[1]);
    return c;
}

static bool was_ended(const struct client *c)
{
    struct pollfd pfd = {.fd = c->theirs, .events = POLLRDHUP};
    char octet;

    const bool writes = poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLRDHUP);
    const bool reads = recv(place_fd(c->place), &octet, 1, MSG_DONTWAIT) == 0;
    assert_true(place_was_ended(c->place) == (writes || reads));
    return place_was_ended(c->place);
}

static void go(struct client *c)
{
    const int fd = c->place ? place_fd(c->place) : -1;

    if (c->place) {
        place_closing(places, c->place);
        close(fd);
        place_leave(places, c->place);
    }
    close(c->theirs);
    *c = (struct client){.theirs = -1};
}

static void go_all(struct client *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        go(&c[i]);
    places_free(places);
}

/* The heaviest address gives way to a lighter one: its longest-waiting client. */
static void test_heaviest(void **state)
{
    struct client c[LIMIT + 1];

    (void)state;
    c[0] = come("192.0.2.1");
    for (size_t i = 1; i < LIMIT; i++)
        c[i] = come("192.0.2.66");
    place_reads(c[1].place); /* it has sent something since */
    c[LIMIT] = come("192.0.2.2");
    assert_non_null(c[LIMIT].place);
    for (size_t i = 0; i < LIMIT; i++)
        assert_int_equal(was_ended(&c[i]), i == 2);
    go_all(c, LIMIT + 1);
}

/* Nobody is ended in the middle of its work; where everybody works, the newcomer has to go. */
static void test_workers_stay(void **state)
{
    struct client c[LIMIT + 2];

    (void)state;
    for (size_t i = 0; i < LIMIT; i++) {
        c[i] = come("192.0.2.66");
        place_works(c[i].place);
    }
    c[LIMIT] = come("192.0.2.2");
    assert_null(c[LIMIT].place);
    place_writes(c[3].place);
    c[LIMIT + 1] = come("192.0.2.2");
    assert_non_null(c[LIMIT + 1].place);
    for (size_t i = 0; i < LIMIT; i++)
        assert_int_equal(was_ended(&c[i]), i == 3);
    go_all(c, LIMIT + 2);
}

/* An address that holds all takes from its own only what has waited for half a second. */
static void test_own(void **state)
{
    const struct timespec pause = {.tv_nsec = 600 * 1000 * 1000};
    struct client c[LIMIT + 2];

    (void)state;
    for (size_t i = 0; i < LIMIT; i++)
        c[i] = come("192.0.2.66");
    c[LIMIT] = come("192.0.2.66");
    assert_null(c[LIMIT].place);
    nanosleep(&pause, NULL);
    c[LIMIT + 1] = come("192.0.2.66");
    assert_non_null(c[LIMIT + 1].place);
    assert_true(was_ended(&c[0]));
    go_all(c, LIMIT + 2);
}

/* One network of 64 bits is one client; so is an IPv4 address written as IPv6. */
static void test_ipv6(void **state)
{
    struct client c[LIMIT + 1];

    (void)state;
    c[0] = come("192.0.2.1");
    c[1] = come("::ffff:192.0.2.1");
    c[2] = come("2001:db8::1");
    c[3] = come("2001:db8::2");
    c[4] = come("2001:db8::ffff:3");
    c[5] = come("2001:db8:0:1::1");
    c[6] = come("192.0.2.3");
    assert_non_null(c[6].place);
    for (size_t i = 0; i < LIMIT; i++)
        assert_int_equal(was_ended(&c[i]), i == 2);
    go_all(c, LIMIT + 1);
}

static void test_trusted(void **state)
{
    struct client c[LIMIT + 2];

    (void)state;
    for (size_t i = 0; i + 1 < LIMIT; i++)
        c[i] = come("10.0.0.1");
    c[LIMIT - 1] = come("192.0.2.1");
    c[LIMIT] = come("192.0.2.2");
    assert_non_null(c[LIMIT].place);
    assert_true(was_ended(&c[LIMIT - 1]));
    place_works(c[LIMIT].place);
    c[LIMIT + 1] = come("192.0.2.3");
    assert_null(c[LIMIT + 1].place);
    go_all(c, LIMIT + 2);
}

/* Who is trusted can change while they have their places. */
static void test_trusted_later(void **state)
{
    static struct network other;
    struct client c[LIMIT + 2];

    (void)state;
    assert_int_equal(network_parse(STR("192.0.2.66"), &other), 0);
    for (size_t i = 0; i + 2 < LIMIT; i++)
        c[i] = come("192.0.2.66");
    c[LIMIT - 2] = come("10.0.0.1");
    c[LIMIT - 1] = come("10.0.0.1");
    places_trust(places, &other, 1);
    c[LIMIT] = come("192.0.2.2");
    assert_non_null(c[LIMIT].place);
    for (size_t i = 0; i < LIMIT; i++)
        assert_int_equal(was_ended(&c[i]), i == LIMIT - 2);
    places_trust(places, NULL, 0);
    c[LIMIT + 1] = come("192.0.2.3");
    assert_non_null(c[LIMIT + 1].place);
    assert_true(was_ended(&c[0]));
    go_all(c, LIMIT + 2);
}

/* Those that were told to go hold their places until they have gone; then there is room again. */
static void test_reserve(void **state)
{
    struct client c[N + 2];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        c[i] = come(i < LIMIT ? "192.0.2.66" : "192.0.2.1");
        assert_non_null(c[i].place);
    }
    c[N] = come("192.0.2.2");
    assert_null(c[N].place);
    go(&c[0]);
    c[N + 1] = come("192.0.2.2");
    assert_non_null(c[N + 1].place);
    assert_ptr_equal(place_at(places, place_number(places, c[N + 1].place)), c[N + 1].place);
    assert_ptr_equal(place_with(places, place_fd(c[N + 1].place)), c[N + 1].place);
    assert_null(place_at(places, N));
    assert_null(place_with(places, -1));
    go_all(c, N + 2);
}

static void test_end(void **state)
{
    struct client c[2];

    (void)state;
    c[0] = come("192.0.2.1");
    c[1] = come("192.0.2.2");
    place_works(c[0].place);
    places_end(places, PLACES_WAITING);
    assert_false(was_ended(&c[0]));
    assert_true(was_ended(&c[1]));
    go_all(c, 2);
}

/* Those who wait with no answer begun are nobody's hindrance. */
static void test_end_served(void **state)
{
    struct client c[3];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        c[i] = come("192.0.2.1");
    place_serves(c[0].place, true);
    place_serves(c[1].place, true);
    place_works(c[1].place);
    places_end(places, PLACES_SERVED);
    assert_true(was_ended(&c[0]));
    assert_false(was_ended(&c[1]) || was_ended(&c[2]));
    place_serves(c[1].place, false);
    place_reads(c[1].place);
    places_end(places, PLACES_SERVED);
    assert_false(was_ended(&c[1]));
    go_all(c, 3);
}

#define WITH(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_heaviest), WITH(test_workers_stay), WITH(test_own),
        WITH(test_ipv6),     WITH(test_trusted),      WITH(test_trusted_later),
        WITH(test_reserve),  WITH(test_end),          WITH(test_end_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
