/* What people are told of hosts that wait for their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "health_kit.h"

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
        TEST(never_waits_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
