/* Hosts that register again after their check has failed, and before DNS has lost them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <betterdns/clock.h>

#include "pause_kit.h"
#include "removal_kit.h"

#define ABOUT_TO "health: what DNS shows is about to change"
#define SHOWN "30 192.0.2.1"

static enum check_state state_of(struct removalkit *k, uint64_t number)
{
    struct health_registration reg = {.has_check = false};

    assert_true(health_registration(k->h, number, &reg));
    return reg.state;
}

static bool has_failed(struct removalkit *k, uint64_t number)
{
    return state_of(k, number) == CHECK_UNAVAILABLE;
}

static void assert_shown(struct removalkit *k, const char *name, const char *shown)
{
    assert_string_equal(regkit_shown(&k->reg, name, RRTYPE_A), shown);
}

/* A host that has been alive dies. */
static uint64_t dies(struct removalkit *k, const char *name, unsigned host)
{
    uint64_t number = removalkit_register(k, name, host);

    removalkit_run(k, 3);
    assert_int_equal(state_of(k, number), CHECK_AVAILABLE);
    k->dead[host] = true;
    return number;
}

static void repeat(struct removalkit *k, const char *name)
{
    assert_int_equal(
        ASK(&k->reg, OP_REGISTER, name, .values = "192.0.2.1", .check = REMOVALKIT_CHECK), 0);
}

static void stays_dead(struct removalkit *k, uint64_t number)
{
    removalkit_run(k, REMOVALKIT_FALL_S + 2);
    assert_int_equal(state_of(k, number), CHECK_UNAVAILABLE);
    assert_shown(k, "web", "-");
}

/* Its check has failed, the withdrawal waits for others to come with it. */
static void while_it_waits(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    uint64_t number = dies(k, "web", 1);
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + 2, has_failed(k, number));
    assert_shown(k, "web", SHOWN);
    repeat(k, "web");
    assert_false(k->reg.receipt.changed);
    assert_int_equal(k->reg.receipt.number, number);
    removalkit_run(k, 2);
    assert_int_equal(state_of(k, number), CHECK_UNKNOWN);
    assert_shown(k, "web", SHOWN);
    stays_dead(k, number);
}

/* What was decided is on its way to the committer. */
static void while_it_is_on_its_way(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    uint64_t number = dies(k, "web", 1);
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + 2, has_failed(k, number));
    pause_hold(ABOUT_TO);
    removalkit_begin(k, 2);
    pause_wait(ABOUT_TO, 1);
    repeat(k, "web");
    assert_false(k->reg.receipt.changed);
    pause_release(ABOUT_TO);
    removalkit_end(k);
    assert_int_equal(state_of(k, number), CHECK_UNKNOWN);
    assert_shown(k, "web", SHOWN);
    stays_dead(k, number);
}

/* It says nothing of the time after it. */
static void before_it_has_failed(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    uint64_t number = dies(k, "web", 1);
    removalkit_run(k, REMOVALKIT_FALL_S - 1);
    assert_int_equal(state_of(k, number), CHECK_AVAILABLE);
    repeat(k, "web");
    REMOVALKIT_UNTIL(k, 2, has_failed(k, number));
    removalkit_run(k, 1);
    assert_shown(k, "web", "-");
    assert_int_equal(state_of(k, number), CHECK_UNAVAILABLE);
}

/* Two hosts of one address: both are judged, and one has renewed. */
static void one_of_two_on_one_address(void **state)
{
    struct removalkit *k = *state;

    k->options.keep_last = false;
    removalkit_open(k);
    uint64_t other = removalkit_register_as(
        k, &WHAT(OP_REGISTER, "web", .id = "other", .values = "192.0.2.1",
                 .check = "url tcp://:80\ninterval 1s\nfall 2\nderegister_after never\n"));
    uint64_t number = dies(k, "web", 1);
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + 2, has_failed(k, number));
    assert_int_equal(state_of(k, other), CHECK_UNAVAILABLE);
    repeat(k, "web");
    removalkit_run(k, 2);
    assert_int_equal(state_of(k, number), CHECK_UNKNOWN);
    assert_int_equal(state_of(k, other), CHECK_UNAVAILABLE);
    assert_shown(k, "web", SHOWN);
    removalkit_run(k, REMOVALKIT_FALL_S + 2);
    assert_int_equal(state_of(k, number), CHECK_UNAVAILABLE);
}

/* A name keeps its last host, which repeats; it goes when another one comes back all the same. */
static void a_kept_one_that_repeated_long_ago(void **state)
{
    struct removalkit *k = *state;
    const struct ask kept = WHAT(OP_REGISTER, "web", .id = "kept", .values = "192.0.2.1",
                                 .check = "url tcp://:80\ninterval 1s\nderegister_after never\n");

    removalkit_open(k);
    uint64_t number = removalkit_register_as(k, &kept);
    removalkit_register_as(k, &WHAT(OP_REGISTER, "web", .id = "other", .values = "192.0.2.2",
                                    .check = "url tcp://:80\ninterval 1s\nfall 1\nrise 1\n"
                                             "deregister_after never\n"));
    removalkit_run(k, 3);
    k->dead[2] = true;
    removalkit_run(k, 4);
    assert_shown(k, "web", SHOWN);
    k->dead[1] = true;
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + 2, has_failed(k, number));
    removalkit_run(k, 1);
    assert_int_equal(regkit_ask(&k->reg, &kept), 0);
    assert_false(k->reg.receipt.changed);
    removalkit_run(k, 15);
    assert_int_equal(state_of(k, number), CHECK_UNAVAILABLE);
    assert_shown(k, "web", SHOWN);
    k->dead[2] = false;
    removalkit_run(k, 3);
    assert_int_equal(state_of(k, number), CHECK_UNAVAILABLE);
    assert_shown(k, "web", "30 192.0.2.2");
}

/* A renewal of an earlier run is known by the second of that run's end only. */
static void a_restart_is_no_repeat(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    uint64_t number = dies(k, "web", 1);
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + 2, has_failed(k, number));
    assert_shown(k, "web", SHOWN);
    removalkit_restart(k);
    assert_int_equal(state_of(k, number), CHECK_UNAVAILABLE);
    removalkit_run(k, 2);
    assert_shown(k, "web", "-");
    assert_int_equal(state_of(k, number), CHECK_UNAVAILABLE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, removalkit_make, removalkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(while_it_waits),
        TEST(while_it_is_on_its_way),
        TEST(before_it_has_failed),
        TEST(one_of_two_on_one_address),
        TEST(a_kept_one_that_repeated_long_ago),
        TEST(a_restart_is_no_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
