/* Our own end while a host is being removed, and what the next run makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <betterdns/clock.h>

#include "pause_kit.h"
#include "removal_kit.h"

#define RESULTS "SELECT count(*) FROM termination WHERE result "

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* A second passes, and what is begun in it ends. */
static void second(struct removalkit *k)
{
    uint64_t number = regkit_number(&k->reg, "b", "b");

    removalkit_run(k, 1);
    REMOVALKIT_PUMP(k, !removalkit_terminating(k, number));
}

static void expect_unknown(struct removalkit *k)
{
    assert_true(has(removalkit_told(k), "ok=false dry=false b.lab.example. b: unknown: "));
    removalkit_touch(k, "go");
    removalkit_run(k, 100);
    removalkit_pump(k);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
    assert_int_equal(lease_query(&k->reg, RESULTS "LIKE 'unknown: %'"), 1);
}

static void an_end_in_the_middle(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    removalkit_restart(k);
    expect_unknown(k);
    /* Nor after one more. */
    removalkit_restart(k);
    removalkit_run(k, 100);
    removalkit_pump(k);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
    /* It comes back by itself, and is a host like any other. */
    k->dead[2] = false;
    removalkit_register(k, "b", 2);
    removalkit_run(k, 3);
    assert_string_equal(regkit_shown(&k->reg, "b", RRTYPE_A), "30 192.0.2.2");
    k->dead[2] = true;
    for (unsigned i = 0; removalkit_is_there(k, "b"); i++) {
        assert_true(i < 3700); /* the budget of an hour */
        second(k);
    }
    assert_string_equal(removalkit_file(k, "ran"), "began\nbegan\nended\n");
}

/* Its end comes between the commit and what is told of it. */
static void an_end_right_after_one_is_unregistered(void **state)
{
    struct removalkit *k = *state;

    removalkit_three_hosts(k);
    removalkit_run(k, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S - 2);
    assert_true(removalkit_is_there(k, "b"));
    for (unsigned i = 0; removalkit_is_there(k, "b"); i++) {
        assert_true(i < 10);
        lease_run_for(&k->reg, 1);
        pthread_mutex_lock(&k->h->engine.lock);
        removal_second(&k->h->engine, registry_running_ns(k->reg.r));
        pthread_mutex_unlock(&k->h->engine.lock);
    }
    assert_string_equal(removalkit_told(k), "");
    removalkit_close(k);
    assert_true(has(removalkit_told(k), "ok=true dry=true b.lab.example. b: dry run: "));
}

static void a_crash_in_the_middle(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    removalkit_crash(k);
    expect_unknown(k);
}

static void recovers_after_an_end_in_the_middle(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    removalkit_restart(k);
    expect_unknown(k);
    k->dead[2] = false;
    removalkit_run(k, 5);
    assert_int_equal(lease_query(&k->reg, RESULTS "LIKE 'failed: %back'"), 1);
}

static void an_end_in_the_middle_anyway(void **state)
{
    struct removalkit *k = *state;

    k->options.terminate.anyway = true;
    removalkit_in_the_middle(k);
    removalkit_restart(k);
    REMOVALKIT_UNTIL(k, 100, !removalkit_is_there(k, "b"));
    removalkit_touch(k, "go");
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
}

/* Done, but for the last step. */
static void an_end_before_the_last_step(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    removalkit_close(k);
    uint64_t number = regkit_number(&k->reg, "b", "b");
    assert_int_equal(
        registry_terminated(k->reg.r, number, STR("ok"), clock_deadline(60 * NS_PER_S)), 0);
    removalkit_restart(k);
    REMOVALKIT_UNTIL(k, 100, !removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
}

/* What has failed may be tried again. */
static void an_end_between_two_tries(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, "echo x >>\"$2/ran\"; exit 1");
    removalkit_three_hosts(k);
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3,
                     removalkit_terminating(k, regkit_number(&k->reg, "b", "b")));
    REMOVALKIT_PUMP(k, has(removalkit_told(k), "exit code 1"));
    removalkit_restart(k);
    for (unsigned i = 0; !has(removalkit_file(k, "ran"), "x\nx\n"); i++) {
        assert_true(i < 3700); /* it takes of the budget */
        removalkit_run(k, 1);
        removalkit_pump(k);
    }
}

/* Not in panic, either. */
static void panic_after_an_end_in_the_middle(void **state)
{
    struct removalkit *k = *state;

    k->options.terminate.anyway = true;
    removalkit_in_the_middle(k);
    k->dead[3] = true;
    removalkit_run(k, 5);
    assert_true(health_panic(k->h));
    removalkit_restart(k);
    removalkit_run(k, 300);
    assert_true(health_panic(k->h));
    assert_true(removalkit_is_there(k, "b"));
}

/* Maintenance that begins in the last moment. */
static void maintenance_in_the_last_moment(void **state)
{
    struct removalkit *k = *state;
    const unsigned seconds = 100;

    k->options.terminate.anyway = true;
    removalkit_in_the_middle(k);
    removalkit_restart(k);
    uint64_t number = regkit_number(&k->reg, "b", "b");
    pause_hold("health: a host is unregistered");
    removalkit_begin(k, seconds);
    pause_wait("health: a host is unregistered", 1);
    assert_int_equal(ASK(&k->reg, OP_DRAIN, "b", .number = number, .drain = true), 0);
    pause_release("health: a host is unregistered");
    removalkit_end(k);
    assert_int_equal(regkit_number(&k->reg, "b", "b"), number);
}

/* The table of terminations alone says what the hour has room for. */
static void the_budget_without_the_guards_note(void **state)
{
    struct removalkit *k = *state;
    char name[20];

    removalkit_open(k);
    for (unsigned i = 1; i <= 50; i++) {
        snprintf(name, sizeof(name), "host%u", i);
        removalkit_register(k, name, i);
    }
    removalkit_run(k, 3);
    k->dead[1] = k->dead[2] = true;
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3, removalkit_told(k)[0]);
    size_t first = strlen(removalkit_told(k));
    removalkit_close(k);
    regkit_close(&k->reg);
    lease_sql(&k->reg, "DELETE FROM note WHERE number = 0");
    assert_int_equal(regkit_open(&k->reg), 0);
    removalkit_open(k);
    removalkit_run(k, 57);
    assert_int_equal(strlen(removalkit_told(k)), first);
    REMOVALKIT_UNTIL(k, 10, strlen(removalkit_told(k)) > first);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, removalkit_make, removalkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(an_end_in_the_middle),           TEST(an_end_right_after_one_is_unregistered),
        TEST(a_crash_in_the_middle),          TEST(recovers_after_an_end_in_the_middle),
        TEST(an_end_in_the_middle_anyway),    TEST(an_end_before_the_last_step),
        TEST(an_end_between_two_tries),       TEST(panic_after_an_end_in_the_middle),
        TEST(maintenance_in_the_last_moment), TEST(the_budget_without_the_guards_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
