/* Maintenance: what DNS shows meanwhile, when a host can be stopped, and what does not happen to
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>

#include "removal_kit.h"

/* The TTL of the records, of maintenance; and what it takes until DNS shows a change. */
#define TTL_S 30
#define SHORT_S 5
#define SHOWN_S 2
#define SAFE_S (TTL_S + 3 + SHORT_S + SHOWN_S)

static struct health_drained drained;
static struct problem problem;

static int drain_id(struct removalkit *k, const char *name, const char *id, bool on)
{
    struct dname owner, origin;
    struct dname_rules rules = {.origin = &origin};

    assert_int_equal(dname_from_text(STR("lab.example."), NULL, &origin, NULL), 0);
    assert_int_equal(dname_from_text(str_c(name), &rules, &owner, NULL), 0);
    int r = health_drain(k->h, 0, &owner, str_c(id), on, clock_deadline(60 * NS_PER_S), &drained,
                         &problem);
    removalkit_pump(k); /* health sees it at once */
    return r;
}

static int drain(struct removalkit *k, const char *name, bool on)
{
    return drain_id(k, name, NULL, on);
}

static const char *shown(struct removalkit *k, const char *name)
{
    return regkit_shown(&k->reg, name, RRTYPE_A);
}

static void begin(struct removalkit *k)
{
    removalkit_open(k);
    removalkit_register(k, "a", 1);
    removalkit_register(k, "b", 2);
    removalkit_register(k, "c", 3);
    removalkit_run(k, 3);
}

static void its_life(void **state)
{
    struct removalkit *k = *state;

    begin(k);
    int64_t now = clock_real_s();
    assert_int_equal(drain(k, "b", true), 0);
    assert_false(drained.drained);
    assert_int_equal(drained.safe_in_s, SAFE_S);
    assert_true(drained.safe_at >= now + SAFE_S && drained.safe_at <= now + SAFE_S + 60);
    assert_string_equal(shown(k, "b"), "5 192.0.2.2");
    removalkit_run(k, TTL_S - 1);
    assert_string_equal(shown(k, "b"), "5 192.0.2.2");
    /* While its records are there it is not safe, and what was said stays true. */
    assert_int_equal(drain(k, "b", true), 0);
    assert_in_range(drained.safe_in_s, 1, SAFE_S - (TTL_S - 1));
    /* The last one of its name, too. */
    REMOVALKIT_UNTIL(k, 3, strcmp(shown(k, "b"), "-") == 0);
    assert_int_equal(drain(k, "b", true), 0);
    assert_false(drained.drained);
    removalkit_run(k, (unsigned)drained.safe_in_s);
    assert_int_equal(drain(k, "b", true), 0);
    assert_true(drained.drained);
    assert_int_equal(drained.safe_in_s, 0);
    assert_true(removalkit_is_there(k, "b"));

    assert_int_equal(drain(k, "b", false), 0);
    assert_false(drained.drained);
    removalkit_run(k, 2);
    assert_string_equal(shown(k, "b"), "30 192.0.2.2");
}

/* Stopped, as it was meant to be. */
static void nobody_is_removed_in_maintenance(void **state)
{
    struct removalkit *k = *state;

    begin(k);
    assert_int_equal(drain(k, "b", true), 0);
    k->dead[2] = true;
    removalkit_run(k, 300);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_told(k), "");
    struct health_stats stats;
    health_stats(k->h, &stats);
    assert_int_equal(stats.down, 0);
    /* It ends, and the host is still down. */
    assert_int_equal(drain(k, "b", false), 0);
    removalkit_run(k, 3);
    assert_string_equal(shown(k, "b"), "-");
}

static void an_end_before_it_was_withdrawn(void **state)
{
    struct removalkit *k = *state;

    begin(k);
    assert_int_equal(drain(k, "b", true), 0);
    removalkit_run(k, 10);
    assert_int_equal(drain(k, "b", false), 0);
    removalkit_run(k, 1);
    assert_string_equal(shown(k, "b"), "30 192.0.2.2");
    removalkit_run(k, 100);
    assert_string_equal(shown(k, "b"), "30 192.0.2.2");
    /* Begun again, the whole TTL counts. */
    assert_int_equal(drain(k, "b", true), 0);
    assert_int_equal(drained.safe_in_s, SAFE_S);
}

/* Repeating itself does not end it. */
static void a_repeat(void **state)
{
    struct removalkit *k = *state;

    begin(k);
    assert_int_equal(drain(k, "b", true), 0);
    removalkit_run(k, TTL_S + 4);
    removalkit_register(k, "b", 2);
    removalkit_run(k, 20);
    assert_string_equal(shown(k, "b"), "-");
    assert_int_equal(drain(k, "b", true), 0);
    assert_true(drained.drained);
}

static void over_a_restart(void **state)
{
    struct removalkit *k = *state;

    begin(k);
    assert_int_equal(drain(k, "b", true), 0);
    removalkit_run(k, TTL_S - 5);
    removalkit_restart(k);
    /* Nobody knows when it began. */
    assert_int_equal(drain(k, "b", true), 0);
    assert_int_equal(drained.safe_in_s, SAFE_S);
    removalkit_run(k, TTL_S - 5);
    assert_string_equal(shown(k, "b"), "5 192.0.2.2");
    removalkit_run(k, 8);
    assert_string_equal(shown(k, "b"), "-");
    removalkit_restart(k);
    removalkit_run(k, 2);
    assert_string_equal(shown(k, "b"), "-");
}

/* Without a check and without a lease. */
static void a_plain_registration(void **state)
{
    struct removalkit *k = *state;

    begin(k);
    removalkit_register_as(k, &WHAT(OP_REGISTER, "plain", .values = "192.0.2.9"));
    assert_int_equal(drain(k, "plain", true), 0);
    removalkit_run(k, TTL_S + 2);
    assert_string_equal(shown(k, "plain"), "-");
    assert_int_equal(drain(k, "plain", false), 0);
    removalkit_run(k, 3);
    assert_string_equal(shown(k, "plain"), "30 192.0.2.9");
}

/* One of two hosts of a name, and then all of many. */
static void by_id(void **state)
{
    struct removalkit *k = *state;
    char id[16], address[20];

    begin(k);
    for (unsigned i = 10; i < 90; i++) {
        snprintf(id, sizeof(id), "id%u", i);
        snprintf(address, sizeof(address), "192.0.2.%u", i);
        removalkit_register_as(k, &WHAT(OP_REGISTER, "many", .id = id, .values = address));
    }
    assert_int_equal(drain_id(k, "many", "id12", true), 0);
    removalkit_run(k, TTL_S + 2);
    assert_null(strstr(shown(k, "many"), "192.0.2.12|"));
    assert_non_null(strstr(shown(k, "many"), "192.0.2.13|"));
    assert_int_equal(drain(k, "many", true), 0);
    removalkit_run(k, TTL_S + 2);
    assert_string_equal(shown(k, "many"), "-");
}

static void nobody(void **state)
{
    struct removalkit *k = *state;

    begin(k);
    assert_int_equal(drain(k, "nobody", true), -BD_ENOTFOUND);
    assert_non_null(strstr(problem.detail, "nobody.lab.example."));
    assert_int_equal(drain_id(k, "b", "other", true), -BD_ENOTFOUND);
    assert_non_null(strstr(problem.detail, "'other'"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, removalkit_make, removalkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(its_life),
        TEST(nobody_is_removed_in_maintenance),
        TEST(an_end_before_it_was_withdrawn),
        TEST(a_repeat),
        TEST(over_a_restart),
        TEST(a_plain_registration),
        TEST(by_id),
        TEST(nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
