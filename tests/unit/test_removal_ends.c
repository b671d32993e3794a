/* How hosts end: with terminators that work, fail, are overtaken by the host, or by our own end. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/network.h>

#include "pause_kit.h"
#include "removal_kit.h"

#define RESULTS "SELECT count(*) FROM termination WHERE result "

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void terminated_then_unregistered(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    removalkit_run(k, 5);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_told(k), "");
    /* It is written down before it runs. */
    assert_int_equal(lease_query(&k->reg, RESULTS "IS NULL"), 1);
    removalkit_touch(k, "go");
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
    removalkit_three_hosts(k);
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3, !removalkit_is_there(k, "b"));
    assert_true(has(removalkit_told(k), "ok=true dry=false b.lab.example. b: ok: nothing"));
}

static void dry_run_runs_nothing(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, "echo began >>\"$2/ran\"");
    k->options.terminate.enabled = false;
    removalkit_three_hosts(k);
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3, !removalkit_is_there(k, "b"));
    assert_true(has(removalkit_told(k), "ok=true dry=true b.lab.example. b: dry run: would run "));
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "");
}

/* ---- the host is faster ---- */

/* Killed and reaped. */
static bool is_gone(struct removalkit *k)
{
    pid_t pid = atoi(removalkit_file(k, "pid"));

    assert_true(pid > 1);
    return kill(pid, 0) < 0 && errno == ESRCH;
}

/* It has a new number, nothing of the old one goes on. */
static void replaced_while_it_is_terminated(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    uint64_t old = regkit_number(&k->reg, "b", "b");
    k->dead[2] = false;
    uint64_t number = removalkit_register(k, "b", 2);
    assert_true(number > old);
    assert_true(has(removalkit_told(k), "ok=false dry=false b.lab.example. b: "));
    assert_true(has(removalkit_told(k), "killed"));
    assert_true(is_gone(k));
    removalkit_touch(k, "go");
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

    removalkit_in_the_middle(k);
    uint64_t number = regkit_number(&k->reg, "b", "b");
    k->dead[2] = false;
    REMOVALKIT_UNTIL(k, 5, has(removalkit_told(k), "killed"));
    removalkit_touch(k, "go");
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

    removalkit_in_the_middle(k);
    assert_int_equal(ASK(&k->reg, OP_DELETE, "b"), 0);
    removalkit_run(k, 2);
    assert_true(has(removalkit_told(k), "killed"));
    assert_int_equal(lease_query(&k->reg, RESULTS "IS NULL"), 0);
    removalkit_touch(k, "go");
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
}

/* In maintenance nobody is terminated, not even half. */
static void maintenance_while_it_is_terminated(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    assert_int_equal(
        ASK(&k->reg, OP_DRAIN, "b", .number = regkit_number(&k->reg, "b", "b"), .drain = true), 0);
    removalkit_run(k, 2);
    assert_true(has(removalkit_told(k), "killed"));
    removalkit_run(k, 100);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
}

/* b's other registration. */
static uint64_t register_half(struct removalkit *k, const char *address)
{
    return removalkit_register_as(k, &WHAT(OP_REGISTER, "b", .type = RRTYPE_AAAA, .values = address,
                                           .check = REMOVALKIT_CHECK));
}

static void drain_half(struct removalkit *k, uint64_t number)
{
    assert_int_equal(
        ASK(&k->reg, OP_DRAIN, "b", .type = RRTYPE_AAAA, .number = number, .drain = true), 0);
}

/* One of its two registrations in maintenance is the machine in maintenance. */
static void half_of_it_in_maintenance(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, REMOVALKIT_WAITS);
    removalkit_three_hosts(k);
    uint64_t number = register_half(k, "2001:db8::2");
    removalkit_until_it_runs(k);
    drain_half(k, number);
    removalkit_run(k, 1);
    assert_true(is_gone(k));
    removalkit_run(k, 100);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
}

static void half_of_it_in_maintenance_before(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, REMOVALKIT_WAITS);
    removalkit_three_hosts(k);
    uint64_t number = register_half(k, "2001:db8::9");
    drain_half(k, number);
    removalkit_run(k, 100);
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM termination"), 0);
    /* When that is over, only the half that is dead is down; the machine answers. */
    assert_int_equal(ASK(&k->reg, OP_DRAIN, "b", .type = RRTYPE_AAAA, .number = number), 0);
    removalkit_run(k, 100);
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM termination"), 0);
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
    removalkit_three_hosts(k);
    until_tries(k, 1, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3);
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
    removalkit_touch(k, "go");
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
    removalkit_three_hosts(k);
    until_tries(k, 2, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 40);
    assert_true(removalkit_is_there(k, "b"));
    for (unsigned i = 0; removalkit_is_there(k, "b"); i++) {
        assert_true(i < 64);
        removalkit_run(k, 1);
        removalkit_pump(k);
    }
    assert_int_equal(tries(k), 3);
    assert_false(has(removalkit_told(k), "ok=true"));
}

struct runner {
    struct removalkit *k;
    atomic_bool ends;
};

static void *run_on(void *arg)
{
    struct runner *r = arg;

    while (!atomic_load(&r->ends)) {
        removalkit_run(r->k, 1);
        removalkit_pump(r->k);
    }
    return NULL;
}

/* That it failed is written, so that a repeat is a repeat again and gives no new number; but it is
 * one after the end was decided: the host is not unregistered. */
static void renewed_before_the_end_anyway(void **state)
{
    static const char point[] = "health: a host is unregistered";
    struct removalkit *k = *state;
    struct runner runner = {.k = k};
    pthread_t thread;

    removalkit_use_script(k, FAILS);
    k->options.terminate.anyway = true;
    removalkit_open(k);
    removalkit_register(k, "a", 1);
    removalkit_register(k, "c", 3);
    /* Not withdrawn: the name has another host. */
    const struct ask x =
        WHAT(OP_REGISTER, "b", .id = "b", .values = "192.0.2.30", .check = REMOVALKIT_CHECK);
    uint64_t number = removalkit_register_as(k, &x);
    removalkit_register_as(k,
                           &WHAT(OP_REGISTER, "b", .id = "y", .values = "192.0.2.30",
                                 .check = "url tcp://:80\ninterval 1s\nderegister_after never\n"));
    removalkit_run(k, 3);
    k->dead[30] = true;
    until_tries(k, 2, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 40);
    pause_hold(point);
    assert_int_equal(pthread_create(&thread, NULL, run_on, &runner), 0);
    pause_wait(point, 1);
    assert_int_equal(regkit_ask(&k->reg, &x), 0);
    assert_int_equal(k->reg.receipt.number, number);
    atomic_store(&runner.ends, true);
    pause_release(point);
    pthread_join(thread, NULL);
    removalkit_run(k, 3);
    assert_int_equal(tries(k), 3);
    assert_int_equal(regkit_number(&k->reg, "b", "b"), number);
}

/* What comes back between two tries is left alone. */
static void comes_back_between_tries(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, FAILS);
    removalkit_three_hosts(k);
    until_tries(k, 1, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3);
    k->dead[2] = false;
    removalkit_run(k, 100);
    assert_int_equal(tries(k), 1);
    assert_true(removalkit_is_there(k, "b"));
    /* The next time it goes down it is the first try again, when the clock is over. */
    k->dead[2] = true;
    removalkit_run(k, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S - 3);
    assert_int_equal(tries(k), 1);
}

static void panic_between_tries(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, FAILS);
    removalkit_three_hosts(k);
    until_tries(k, 1, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3);
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
    removalkit_three_hosts(k);
    k->dead[2] = false;
    removalkit_register_as(k, &WHAT(OP_REGISTER, "odd", .id = "--all", .values = "192.0.2.9",
                                    .check = REMOVALKIT_CHECK));
    removalkit_run(k, 3);
    k->dead[9] = true;
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3,
                     has(removalkit_told(k), "ok=false"));
    assert_true(has(removalkit_told(k), "is no argument for a program"));
    removalkit_pump(k);
    assert_string_equal(removalkit_file(k, "ran"), "");
    assert_true(removalkit_is_there(k, "odd"));
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

    begin_for_real(k, REMOVALKIT_WAITS);
    REGKIT_WAIT(has(removalkit_file(k, "ran"), "began"));
    assert_int_equal(ASK(&k->reg, OP_REGISTER, "b", .values = "127.53.200.9"), 0);
    assert_true(k->reg.receipt.created);
    REGKIT_WAIT(has(removalkit_told(k), "killed"));
    removalkit_touch(k, "go");
    removalkit_close(k);
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
    assert_true(removalkit_is_there(k, "b"));
}

static void an_end_for_real(void **state)
{
    struct removalkit *k = *state;

    begin_for_real(k, REMOVALKIT_WAITS);
    REGKIT_WAIT(has(removalkit_file(k, "ran"), "began"));
    removalkit_close(k);
    removalkit_touch(k, "go");
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
        TEST(half_of_it_in_maintenance),
        TEST(half_of_it_in_maintenance_before),
        TEST(a_failing_terminator_is_tried_again),
        TEST(anyway_after_three),
        TEST(renewed_before_the_end_anyway),
        TEST(comes_back_between_tries),
        TEST(panic_between_tries),
        TEST(an_id_that_would_be_an_option),
        TEST(for_real),
        TEST(comes_back_for_real),
        TEST(an_end_for_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
