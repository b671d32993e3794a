/* How hosts end: with terminators that work, fail, are overtaken by the host, or by our own end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/network.h>

#include "removal_kit.h"

#define FALL_S 3
#define GONE_S 10

/* Says that it runs, and goes on when the test has said so. */
#define WAITS                                                                                      \
    "echo began >>\"$2/ran\"; while [ ! -e \"$2/go\" ]; do sleep 0.01; done; "                     \
    "echo ended >>\"$2/ran\"; echo done"
#define RESULTS "SELECT count(*) FROM termination WHERE result "

static void touch(struct removalkit *k, const char *name)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", k->reg.dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* a and c live, b dies. */
static void three_hosts(struct removalkit *k)
{
    removalkit_open(k);
    removalkit_register(k, "a", 1);
    removalkit_register(k, "b", 2);
    removalkit_register(k, "c", 3);
    removalkit_run(k, 3);
    k->dead[2] = true;
}

static void until_it_runs(struct removalkit *k)
{
    REMOVALKIT_UNTIL(k, FALL_S + GONE_S + 3,
                     removalkit_terminating(k, regkit_number(&k->reg, "b", "b")));
    REMOVALKIT_PUMP(k, has(removalkit_file(k, "ran"), "began"));
}

static void terminated_then_unregistered(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    three_hosts(k);
    until_it_runs(k);
    removalkit_run(k, 5);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_told(k), "");
    /* It is written down before it runs. */
    assert_int_equal(lease_query(&k->reg, RESULTS "IS NULL"), 1);
    touch(k, "go");
    REMOVALKIT_PUMP(k, !removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\nended\n");
    assert_true(
        has(removalkit_told(k), "ok=true dry=false b.lab.example. b: exit code 0: run /bin/sh"));
    assert_int_equal(lease_query(&k->reg, RESULTS "= 'ok'"), 1);
    assert_true(removalkit_is_there(k, "a") && removalkit_is_there(k, "c"));
}

static void none_unregisters(void **state)
{
    struct removalkit *k = *state;

    k->options.terminate.enabled = true;
    three_hosts(k);
    REMOVALKIT_UNTIL(k, FALL_S + GONE_S + 3, !removalkit_is_there(k, "b"));
    assert_true(has(removalkit_told(k), "ok=true dry=false b.lab.example. b: ok: nothing"));
}

static void dry_run_runs_nothing(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, "echo began >>\"$2/ran\"");
    k->options.terminate.enabled = false;
    three_hosts(k);
    REMOVALKIT_UNTIL(k, FALL_S + GONE_S + 3, !removalkit_is_there(k, "b"));
    assert_true(has(removalkit_told(k), "ok=true dry=true b.lab.example. b: dry run: would run "));
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "");
}

/* ---- the host is faster ---- */

/* It has a new number, nothing of the old one goes on. */
static void replaced_while_it_is_terminated(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    three_hosts(k);
    until_it_runs(k);
    uint64_t old = regkit_number(&k->reg, "b", "b");
    k->dead[2] = false;
    uint64_t number = removalkit_register(k, "b", 2);
    assert_true(number > old);
    assert_true(has(removalkit_told(k), "ok=false dry=false b.lab.example. b: "));
    assert_true(has(removalkit_told(k), "killed"));
    touch(k, "go");
    removalkit_run(k, 30);
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
    assert_int_equal(regkit_number(&k->reg, "b", "b"), number);
    assert_false(removalkit_terminating(k, number));
    assert_string_equal(regkit_shown(&k->reg, "b", RRTYPE_A), "30 192.0.2.2");
}

/* Its check recovers: the number stays, and so does the host. */
static void recovers_while_it_is_terminated(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    three_hosts(k);
    until_it_runs(k);
    uint64_t number = regkit_number(&k->reg, "b", "b");
    k->dead[2] = false;
    REMOVALKIT_UNTIL(k, 5, has(removalkit_told(k), "killed"));
    touch(k, "go");
    removalkit_run(k, 30);
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
    assert_int_equal(regkit_number(&k->reg, "b", "b"), number);
    assert_int_equal(lease_query(&k->reg, RESULTS "LIKE 'failed: %back'"), 1);
    assert_string_equal(regkit_shown(&k->reg, "b", RRTYPE_A), "30 192.0.2.2");
}

static void deleted_while_it_is_terminated(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    three_hosts(k);
    until_it_runs(k);
    assert_int_equal(ASK(&k->reg, OP_DELETE, "b"), 0);
    removalkit_run(k, 2);
    assert_true(has(removalkit_told(k), "killed"));
    assert_int_equal(lease_query(&k->reg, RESULTS "IS NULL"), 0);
    touch(k, "go");
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
}

/* In maintenance nobody is terminated, not even half. */
static void maintenance_while_it_is_terminated(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    three_hosts(k);
    until_it_runs(k);
    assert_int_equal(
        ASK(&k->reg, OP_DRAIN, "b", .number = regkit_number(&k->reg, "b", "b"), .drain = true), 0);
    removalkit_run(k, 2);
    assert_true(has(removalkit_told(k), "killed"));
    removalkit_run(k, 100);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
}

/* ---- terminators that fail ---- */

#define FAILS "echo x >>\"$2/ran\"; [ -e \"$2/go\" ] || { echo cannot; exit 3; }"

static unsigned tries(struct removalkit *k)
{
    return (unsigned)strlen(removalkit_file(k, "ran")) / 2;
}

/* A second passes, and what is begun in it ends. */
static void second(struct removalkit *k)
{
    uint64_t number = regkit_number(&k->reg, "b", "b");

    removalkit_run(k, 1);
    REMOVALKIT_PUMP(k, !removalkit_terminating(k, number));
}

static unsigned until_tries(struct removalkit *k, unsigned n, unsigned most)
{
    unsigned took = 0;

    for (; tries(k) < n; took++) {
        assert_true(took < most);
        second(k);
    }
    return took;
}

static void a_failing_terminator_is_tried_again(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, FAILS);
    three_hosts(k);
    until_tries(k, 1, FALL_S + GONE_S + 3);
    assert_true(has(removalkit_told(k), "ok=false dry=false b.lab.example. b: "));
    assert_true(has(removalkit_told(k), "exit code 3"));
    assert_int_equal(lease_query(&k->reg, RESULTS "= 'failed: exit code 3'"), 1);
    /* 30 s, then twice as long each time. */
    unsigned took = until_tries(k, 2, 34);
    assert_true(took >= 29);
    took = until_tries(k, 3, 64);
    assert_true(took >= 59);
    took = until_tries(k, 4, 124);
    assert_true(took >= 119);
    assert_true(removalkit_is_there(k, "b"));
    touch(k, "go");
    until_tries(k, 5, 244);
    REMOVALKIT_PUMP(k, !removalkit_is_there(k, "b"));
    assert_true(has(removalkit_told(k), "ok=true dry=false b.lab.example. b: "));
    struct health_stats stats;
    health_stats(k->h, &stats);
    assert_int_equal(stats.terminated[0][0], 4);
    assert_int_equal(stats.terminated[1][0], 1);
}

static void anyway_after_three(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, FAILS);
    k->options.terminate.anyway = true;
    three_hosts(k);
    until_tries(k, 2, FALL_S + GONE_S + 40);
    assert_true(removalkit_is_there(k, "b"));
    for (unsigned i = 0; removalkit_is_there(k, "b"); i++) {
        assert_true(i < 64);
        removalkit_run(k, 1);
        removalkit_pump(k);
    }
    assert_int_equal(tries(k), 3);
    assert_false(has(removalkit_told(k), "ok=true"));
}

/* What comes back between two tries is left alone. */
static void comes_back_between_tries(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, FAILS);
    three_hosts(k);
    until_tries(k, 1, FALL_S + GONE_S + 3);
    k->dead[2] = false;
    removalkit_run(k, 100);
    assert_int_equal(tries(k), 1);
    assert_true(removalkit_is_there(k, "b"));
    /* The next time it goes down it is the first try again, when the clock is over. */
    k->dead[2] = true;
    removalkit_run(k, FALL_S + GONE_S - 3);
    assert_int_equal(tries(k), 1);
}

static void panic_between_tries(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, FAILS);
    three_hosts(k);
    until_tries(k, 1, FALL_S + GONE_S + 3);
    k->dead[3] = true;
    removalkit_run(k, 200);
    assert_true(health_panic(k->h));
    assert_int_equal(tries(k), 1);
}

/* A host chooses its id, and no options. */
static void an_id_that_would_be_an_option(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, "echo x >>\"$2/ran\"");
    three_hosts(k);
    k->dead[2] = false;
    removalkit_register_as(k, &WHAT(OP_REGISTER, "odd", .id = "--all", .values = "192.0.2.9",
                                    .check = REMOVALKIT_CHECK));
    removalkit_run(k, 3);
    k->dead[9] = true;
    REMOVALKIT_UNTIL(k, FALL_S + GONE_S + 3, has(removalkit_told(k), "ok=false"));
    assert_true(has(removalkit_told(k), "is no argument for a program"));
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "");
    assert_true(removalkit_is_there(k, "odd"));
}

/* ---- our own end ---- */

static void expect_unknown(struct removalkit *k)
{
    assert_true(has(removalkit_told(k), "ok=false dry=false b.lab.example. b: unknown: "));
    touch(k, "go");
    removalkit_run(k, 100);
    removalkit_pump(k);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
    assert_int_equal(lease_query(&k->reg, RESULTS "LIKE 'unknown: %'"), 1);
}

static void an_end_in_the_middle(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    three_hosts(k);
    until_it_runs(k);
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

static void a_crash_in_the_middle(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    three_hosts(k);
    until_it_runs(k);
    removalkit_crash(k);
    expect_unknown(k);
}

static void recovers_after_an_end_in_the_middle(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    three_hosts(k);
    until_it_runs(k);
    removalkit_restart(k);
    expect_unknown(k);
    k->dead[2] = false;
    removalkit_run(k, 5);
    assert_int_equal(lease_query(&k->reg, RESULTS "LIKE 'failed: %back'"), 1);
}

static void an_end_in_the_middle_anyway(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    k->options.terminate.anyway = true;
    three_hosts(k);
    until_it_runs(k);
    removalkit_restart(k);
    REMOVALKIT_UNTIL(k, 100, !removalkit_is_there(k, "b"));
    touch(k, "go");
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
}

/* Done, but for the last step. */
static void an_end_before_the_last_step(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, WAITS);
    three_hosts(k);
    until_it_runs(k);
    removalkit_close(k);
    uint64_t number = regkit_number(&k->reg, "b", "b");
    assert_int_equal(
        registry_terminated(k->reg.r, number, STR("ok"), clock_deadline(60 * NS_PER_S)), 0);
    removalkit_restart(k);
    REMOVALKIT_UNTIL(k, 100, !removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
}

/* ---- with its own thread ---- */

/* On a port that nobody has. */
static void begin_for_real(struct removalkit *k, const char *script)
{
    static const struct network all = {.family = AF_INET};

    k->options.allow = &all;
    k->options.nallow = 1;
    k->options.defaults = (struct check_defaults){1000, 1000, 1, 1, 1};
    removalkit_use_script(k, script);
    removalkit_start(k);
    assert_int_equal(
        ASK(&k->reg, OP_REGISTER, "b", .values = "127.53.200.9", .check = "url tcp://:1\n"), 0);
}

static void for_real(void **state)
{
    struct removalkit *k = *state;

    begin_for_real(k, "echo \"$1\" >>\"$2/ran\"");
    REGKIT_WAIT(!removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "b\n");
    REGKIT_WAIT(has(removalkit_told(k), "ok=true dry=false b.lab.example. b: exit code 0"));
    assert_int_equal(lease_query(&k->reg, RESULTS "= 'ok'"), 1);
}

static void comes_back_for_real(void **state)
{
    struct removalkit *k = *state;

    begin_for_real(k, WAITS);
    REGKIT_WAIT(has(removalkit_file(k, "ran"), "began"));
    assert_int_equal(ASK(&k->reg, OP_REGISTER, "b", .values = "127.53.200.9"), 0);
    assert_true(k->reg.receipt.created);
    REGKIT_WAIT(has(removalkit_told(k), "killed"));
    touch(k, "go");
    removalkit_close(k);
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
    assert_true(removalkit_is_there(k, "b"));
}

static void an_end_for_real(void **state)
{
    struct removalkit *k = *state;

    begin_for_real(k, WAITS);
    REGKIT_WAIT(has(removalkit_file(k, "ran"), "began"));
    removalkit_close(k);
    touch(k, "go");
    assert_int_equal(lease_query(&k->reg, RESULTS "IS NULL"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, removalkit_make, removalkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(terminated_then_unregistered),
        TEST(none_unregisters),
        TEST(dry_run_runs_nothing),
        TEST(replaced_while_it_is_terminated),
        TEST(recovers_while_it_is_terminated),
        TEST(deleted_while_it_is_terminated),
        TEST(maintenance_while_it_is_terminated),
        TEST(a_failing_terminator_is_tried_again),
        TEST(anyway_after_three),
        TEST(comes_back_between_tries),
        TEST(panic_between_tries),
        TEST(an_id_that_would_be_an_option),
        TEST(an_end_in_the_middle),
        TEST(a_crash_in_the_middle),
        TEST(recovers_after_an_end_in_the_middle),
        TEST(an_end_in_the_middle_anyway),
        TEST(an_end_before_the_last_step),
        TEST(for_real),
        TEST(comes_back_for_real),
        TEST(an_end_for_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
