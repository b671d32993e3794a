/* What people are told of hosts that wait for their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "health_kit.h"

#define CHECK_HOURLY "url tcp://:80\ninterval 1h\n"

static void register_all(struct healthkit *k, unsigned n)
{
    char name[16];

    for (unsigned i = 1; i <= n; i++) {
        snprintf(name, sizeof(name), "h%u", i);
        healthkit_register(k, name, i == 1 ? "one" : NULL, i, CHECK_FAST);
    }
    healthkit_advance(k, SECONDS(3));
}

static void nobody_waits(struct healthkit *k)
{
    assert_int_equal(health_waiting(k->h, NULL, 0), 0);
}

/* The first one, of so many. */
static struct health_waiting first(struct healthkit *k, size_t n)
{
    struct health_waiting w[2] = {{.zone = 9}};

    assert_int_equal(health_waiting(k->h, w, 1), n);
    assert_int_equal(w[1].in_s + w[1].owner.n, 0);
    assert_int_equal(w[0].zone, 0);
    return w[0];
}

static void deregister_after_is_waited_for(void **state)
{
    struct healthkit *k = *state;
    char name[DNAME_TEXT_MAX];

    healthkit_open(k);
    register_all(k, 10);
    nobody_waits(k);
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(5));
    struct health_waiting w = first(k, 1);
    dname_to_text(&w.owner, name);
    assert_string_equal(name, "h1.lab.example.");
    assert_string_equal(w.id, "one");
    assert_string_equal(w.reason, "it may come back until then");
    assert_in_range(w.in_s, 110, 120);
    healthkit_advance(k, SECONDS(60));
    assert_in_range(w.in_s - first(k, 1).in_s, 59, 61);
    k->dead[1] = false;
    healthkit_advance(k, SECONDS(5));
    nobody_waits(k);
}

/* Two may go at the same time, one in an hour. */
static void the_budget_is_named(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    register_all(k, 10);
    k->dead[1] = k->dead[2] = true;
    healthkit_advance(k, SECONDS(5));
    first(k, 2);
    healthkit_advance(k, SECONDS(130));
    struct health_waiting w = first(k, 1);
    assert_int_equal(w.in_s, 0);
    assert_non_null(strstr(w.reason, "budget"));
}

static void panic_is_named(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    register_all(k, 10);
    for (unsigned i = 1; i <= 5; i++)
        k->dead[i] = true;
    healthkit_advance(k, SECONDS(135));
    assert_true(health_panic(k->h));
    struct health_waiting w = first(k, 5);
    assert_int_equal(w.in_s, 0);
    assert_string_equal(w.reason, "panic: too many hosts are down at once");
}

#define A_WITNESS "we may be cut off ourselves, and a witness (checks.witnesses) would tell"

/* Two have failed, and the others are asked once an hour: it may be us. */
static void two_fail(struct healthkit *k)
{
    struct health_stats stats;
    char name[16];

    healthkit_open(k);
    for (unsigned i = 1; i <= 10; i++) {
        snprintf(name, sizeof(name), "h%u", i);
        healthkit_register(k, name, NULL, i, i <= 2 ? CHECK_FAST : CHECK_HOURLY);
    }
    healthkit_advance(k, SECONDS(10));
    k->dead[1] = k->dead[2] = true;
    healthkit_advance(k, SECONDS(30));
    health_stats(k->h, &stats);
    assert_int_equal(stats.down, 2);
    assert_false(stats.panic || stats.isolated);
}

static void another_is_heard(struct healthkit *k)
{
    healthkit_register(k, "new", NULL, 11, CHECK_HOURLY);
    healthkit_advance(k, SECONDS(2));
}

static void nobody_else_is_heard(void **state)
{
    static const char words[] = "nobody else was heard since it has failed: " A_WITNESS;
    struct healthkit *k = *state;

    two_fail(k);
    assert_string_equal(first(k, 2).reason, words);
    healthkit_advance(k, SECONDS(600));
    struct health_waiting w = first(k, 2);
    assert_string_equal(w.reason, words);
    assert_int_equal(w.in_s, 0);
    another_is_heard(k);
    assert_non_null(strstr(first(k, 1).reason, "budget"));
}

static void nobody_else_was_heard_lately(void **state)
{
    struct healthkit *k = *state;

    two_fail(k);
    another_is_heard(k);
    assert_string_equal(first(k, 2).reason, "it may come back until then");
    healthkit_advance(k, SECONDS(150));
    struct health_waiting w = first(k, 2);
    assert_string_equal(w.reason, "nobody else was heard for a minute: " A_WITNESS);
    assert_int_equal(w.in_s, 0);
}

static void never_waits_for_nothing(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "never", NULL, 1, CHECK_FAST "deregister_after never\n");
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(300));
    assert_string_equal(healthkit_state(k, "never", 1), "UNAVAILABLE");
    nobody_waits(k);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, healthkit_make, healthkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(deregister_after_is_waited_for),
        TEST(the_budget_is_named),
        TEST(panic_is_named),
        TEST(nobody_else_is_heard),
        TEST(nobody_else_was_heard_lately),
        TEST(never_waits_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
