/* Thousands of hosts: what they cost, and that health ends while they are being probed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "health_kit.h"
#include "inner.h"

/* From 256 on: 10.0.0.0/16. */
static void register_many(struct healthkit *k, unsigned n, const char *check)
{
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    char name[16], value[32];

    assert_non_null(c);
    for (unsigned host = 256; host < 256 + n; host++) {
        snprintf(name, sizeof(name), "h%u", host);
        snprintf(value, sizeof(value), "10.0.%u.%u", host / 256, host % 256);
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = value, .check = check));
    }
    assert_int_equal(regkit_submit(&k->reg, c), 0);
}

/* Each of them falls and comes back at times of its own, so that something changes all the time. */
static bool flaps(struct healthkit *k, const struct target *t)
{
    unsigned host = t->address[2] * 256U + t->address[3];

    return (k->mono_ns / SECONDS(1) + host) % 80 > 39;
}

static void flapping_hosts_are_cheap(void **state)
{
    struct healthkit *k = *state;
    const unsigned seconds = 120;

    k->answer = flaps;
    healthkit_open(k);
    register_many(k, 1000, CHECK_FAST "fall 1\nrise 1\n");
    healthkit_advance(k, SECONDS(5));
    uint32_t serial = regkit_serial(&k->reg, 0);
    healthkit_advance(k, SECONDS(seconds));
    uint32_t moved = regkit_serial(&k->reg, 0) - serial;
    print_message("1000 flapping hosts: %u serials in %u s\n", moved, seconds);
    assert_in_range(moved, seconds / 2, 2 * seconds - 1);
}

static void spread_over_the_interval(void **state)
{
    struct healthkit *k = *state;
    unsigned before = 0, most = 0;

    register_many(k, 10000, "url tcp://:80\n");
    healthkit_open(k);
    for (unsigned i = 0; i < 100; i++) {
        healthkit_advance(k, NS_PER_S / 10);
        most = k->begun - before > most ? k->begun - before : most;
        before = k->begun;
    }
    assert_in_range(k->begun, 10000, 10600);
    /* Of 100 at least one more; at the end of the first interval the first come again. */
    assert_in_range(most, 100, 250);
    k->begun = 0;
    healthkit_advance(k, SECONDS(10));
    assert_in_range(k->begun, 10000, 10600);
    for (unsigned i = 256; i < 10256; i++)
        assert_in_range(k->answered[i], 1, 3);
}

/* Too many new ones at once are spread too, while health runs. */
static void many_new_ones(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    register_many(k, 2000, "url tcp://:80\n");
    healthkit_advance(k, NS_PER_S / 10);
    assert_in_range(k->begun, 100, 200);
    healthkit_advance(k, SECONDS(10));
    assert_in_range(k->begun, 2000, 2300);
}

/* ---- with the thread ---- */

static void ends_while_a_thousand_are_in_flight(void **state)
{
    struct healthkit *k = *state;
    struct health_stats stats;
    struct problem problem;

    register_many(k, 1000, "url tcp://:80\ninterval 1s\n");
    assert_int_equal(health_new(&k->options, k->reg.r, &k->h, &problem), 0);
    struct engine *e = &k->h->engine;
    static struct engine_ways ways;
    ways = healthkit_ways;
    ways.mono_ns = engine_real_ways.mono_ns;
    ways.running_ns = engine_real_ways.running_ns;
    e->ways = &ways;
    assert_int_equal(health_start(k->h), 0);
    REGKIT_WAIT((health_stats(k->h, &stats), stats.in_flight == 1000));
    healthkit_close(k);
    assert_int_equal(k->cancelled, 1000);
}

static int see(void *arg, const struct health_check *check)
{
    unsigned *n = arg;

    (void)check;
    *n += 1;
    return 0;
}

static void *ask_all(void *health)
{
    for (unsigned i = 0; i < 50; i++) {
        unsigned n = 0;
        if (health_each(health, NULL, see, &n) != 0 || n > 300)
            return health;
    }
    return NULL;
}

/* Queries, reports and changes at once, then the end: nobody waits for ever. */
static void asked_while_it_works(void **state)
{
    struct healthkit *k = *state;
    struct problem problem;
    pthread_t thread;
    void *bad;

    healthkit_start(k);
    register_many(k, 200, "url ttl:10s\n");
    REGKIT_WAIT(healthkit_check(k, "h256", 256).found);
    assert_int_equal(pthread_create(&thread, NULL, ask_all, k->h), 0);
    for (unsigned host = 256; host < 456; host++) {
        char name[16];
        snprintf(name, sizeof(name), "h%u", host);
        REGKIT_WAIT(healthkit_check(k, name, host).found);
        const struct dname owner = healthkit_check(k, name, host).check.owner;
        assert_int_equal(health_report(k->h, &owner, STR(""), HEALTH_PASS, STR(""), &problem), 0);
        assert_string_equal(healthkit_state(k, name, host), "AVAILABLE");
        if (host % 10 == 0)
            assert_int_equal(ASK(&k->reg, OP_DELETE, name), 0);
    }
    assert_int_equal(pthread_join(thread, &bad), 0);
    assert_null(bad);
    health_stop(k->h);
    const struct dname owner = healthkit_check(k, "h257", 257).check.owner;
    assert_int_equal(health_report(k->h, &owner, STR(""), HEALTH_PASS, STR(""), &problem),
                     -BD_ESTOPPING);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, healthkit_make, healthkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(flapping_hosts_are_cheap),
        TEST(spread_over_the_interval),
        TEST(many_new_ones),
        TEST(ends_while_a_thousand_are_in_flight),
        TEST(asked_while_it_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
