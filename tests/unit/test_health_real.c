/* Health with its own thread and clock, and hosts that are real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/network.h>

#include "health_kit.h"

static const struct network loopback = {.family = AF_INET, .address = {127}, .bits = 8};

/* A TCP socket of 127.0.0.1 that is bound; others may be, too, as long as nobody listens. */
static int bind_to(uint16_t *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t n = sizeof(to);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &n), 0);
    *port = ntohs(to.sin_port);
    return fd;
}

/* Connections are made, and nobody ever says a word. */
static int listen_on(uint16_t *port)
{
    int fd = bind_to(port);

    assert_int_equal(listen(fd, 4096), 0);
    return fd;
}

static int make(void **state)
{
    struct healthkit *k;

    healthkit_make(state);
    k = *state;
    k->options.allow = &loopback;
    k->options.nallow = 1;
    return 0;
}

static void register_at(struct healthkit *k, const char *name, const char *kind, unsigned port,
                        const char *more)
{
    char check[200];

    snprintf(check, sizeof(check), "url %s://:%u\n%s", kind, port, more);
    assert_int_equal(ASK(&k->reg, OP_REGISTER, name, .values = "127.0.0.1", .check = check), 0);
}

static void dies_and_comes_back(void **state)
{
    struct healthkit *k = *state;
    uint16_t port = 0;
    int held = bind_to(&port), fd = listen_on(&port); /* nobody else gets the port meanwhile */

    healthkit_start(k);
    register_at(k, "web", "tcp", port, "interval 1s\nfall 2\nrise 1\n");
    REGKIT_WAIT(strcmp(healthkit_state(k, "web", 1), "AVAILABLE") == 0);
    close(fd);
    REGKIT_WAIT(strcmp(healthkit_shown(k, "web"), "-") == 0);
    assert_string_equal(healthkit_state(k, "web", 1), "UNAVAILABLE");
    fd = listen_on(&port);
    REGKIT_WAIT(strcmp(healthkit_shown(k, "web"), "30 127.0.0.1") == 0);
    assert_string_equal(healthkit_state(k, "web", 1), "AVAILABLE");
    close(fd);
    close(held);
}

/* Before the thread has heard of it by itself. */
static void is_found_as_soon_as_it_is_registered(void **state)
{
    struct healthkit *k = *state;
    char name[16];

    healthkit_start(k);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "h%u", i);
        assert_int_equal(
            ASK(&k->reg, OP_REGISTER, name, .values = "127.0.0.1", .check = "url ttl:1m\n"), 0);
        assert_string_equal(healthkit_state(k, name, 1), "UNKNOWN");
    }
}

/* What it knows is there after a restart, before anything was asked. */
static void restarts(void **state)
{
    struct healthkit *k = *state;
    uint16_t port = 0;

    int held = bind_to(&port); /* nobody listens there */

    healthkit_start(k);
    register_at(k, "web", "tcp", port, "interval 1s\nfall 1\n");
    REGKIT_WAIT(strcmp(healthkit_shown(k, "web"), "-") == 0);
    healthkit_close(k);
    regkit_reopen(&k->reg);
    healthkit_start(k);
    assert_string_equal(healthkit_state(k, "web", 1), "UNAVAILABLE");
    close(held);
}

/* In one change. */
static void register_many(struct healthkit *k, unsigned n, const char *check)
{
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    char name[16];

    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "h%u", i);
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = "127.0.0.1", .check = check));
    }
    assert_int_equal(regkit_submit(&k->reg, c), 0);
}

static void ends_in_the_middle_of_many(void **state)
{
    struct healthkit *k = *state;
    struct health_stats stats;
    char check[100];
    uint16_t port = 0;
    int fd = listen_on(&port);

    snprintf(check, sizeof(check), "url http://:%u/\ninterval 1m\ntimeout 1m\n", port);
    healthkit_start(k);
    register_many(k, 1500, check);
    /* At once are 100 of them; the others come over the minute. */
    REGKIT_WAIT((health_stats(k->h, &stats), stats.in_flight >= 150));
    healthkit_close(k);
    close(fd);
}

#define CROWD 100000U
#define PART 10000U /* in one change */

/* UDP, at which nobody reads. */
static int deaf_at(uint16_t *ret_port)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    socklen_t n = sizeof(to);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &n), 0);
    *ret_port = ntohs(to.sin_port);
    return fd;
}

static unsigned targets(const struct health_stats *stats)
{
    unsigned n = 0;

    for (unsigned i = 0; i < CHECK_NSTATES; i++)
        n += stats->targets[i];
    return n;
}

/* A hundred thousand of them, of whom nobody answers: health starts, follows them all, goes on with
 * what it has begun, takes a change, and ends while most of them wait for their turn. */
static void a_hundred_thousand(void **state)
{
    struct healthkit *k = *state;
    struct health_stats stats;
    char name[16], check[100];
    uint16_t port;
    int fd = deaf_at(&port);

    snprintf(check, sizeof(check), "url dns://:%u/lab.example\ninterval 10s\ntimeout 1m\n", port);
    for (unsigned i = 0; i < CROWD; i += PART) {
        struct change *c = change_new(CHANGE_HTTP, STR("test"));
        for (unsigned j = i; j < i + PART; j++) {
            snprintf(name, sizeof(name), "h%u", j);
            regkit_add(c, &WHAT(OP_REGISTER, name, .values = "127.0.0.1", .check = check));
        }
        assert_int_equal(regkit_submit(&k->reg, c), 0);
    }
    healthkit_start(k);
    health_stats(k->h, &stats);
    assert_int_equal(targets(&stats), CROWD);
    assert_int_equal(stats.hosts, CROWD);
    REGKIT_WAIT((health_stats(k->h, &stats), stats.in_flight > PART));
    assert_int_equal(ASK(&k->reg, OP_DELETE, "h7"), 0);
    REGKIT_WAIT((health_stats(k->h, &stats), targets(&stats) == CROWD - 1));
    assert_int_equal(stats.failed, 0);
    healthkit_close(k);
    close(fd);
}

static unsigned turns; /* atomic */
void __real_schedule_turn(struct engine *e, uint64_t now_ns);
void __wrap_schedule_turn(struct engine *e, uint64_t now_ns);

void __wrap_schedule_turn(struct engine *e, uint64_t now_ns)
{
    __atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
    __real_schedule_turn(e, now_ns);
}

/* The thread does not wake up for each check: what is due within 10 ms begins together. */
static void wakes_up_seldom(void **state)
{
    struct healthkit *k = *state;
    struct health_stats stats;
    char check[100];
    uint16_t port = 0;
    int fd = listen_on(&port);

    snprintf(check, sizeof(check), "url tcp://:%u\ninterval 1s\n", port);
    healthkit_start(k);
    register_many(k, 500, check);
    REGKIT_WAIT((health_stats(k->h, &stats), stats.targets[CHECK_AVAILABLE] == 500));
    uint64_t began = clock_mono_ns(), passed = stats.passed;
    unsigned before = __atomic_load_n(&turns, __ATOMIC_RELAXED);
    REGKIT_WAIT((health_stats(k->h, &stats), stats.passed >= passed + 1000));
    uint64_t most = (clock_mono_ns() - began) / (10 * NS_PER_MS) + 20; /* and the registry's */
    unsigned made = __atomic_load_n(&turns, __ATOMIC_RELAXED) - before;
    print_message("%u turns, %llu at most\n", made, (unsigned long long)most);
    assert_in_range(made, 1, most);
    close(fd);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, healthkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(dies_and_comes_back),
        TEST(is_found_as_soon_as_it_is_registered),
        TEST(restarts),
        TEST(ends_in_the_middle_of_many),
        TEST(a_hundred_thousand),
        TEST(wakes_up_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
