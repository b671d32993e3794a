/* Terminations and notes: what is looked at once more before anybody is ended, in which order, and
 * what is known of it after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "impl.h"
#include "lease_kit.h"
#include "pause_kit.h"

#define S NS_PER_S
#define TAKEN "committer: group taken"

#define WEB .values = "192.0.2.1", .id = "a", .lease_s = 60
#define REGISTER(k, name) assert_int_equal(ASK(k, OP_REGISTER, name, WEB), 0)

/* ---- terminations ---- */

static void a_termination_is_written_down_before_it_begins(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web");
    lease_run_for(k, 7);
    uint64_t seq = regkit_seq(k);
    uint32_t serial = regkit_serial(k, 0);
    struct registry_target t = lease_target(k, "web");
    assert_int_equal(lease_terminate(k, &t, 1, 0), 0);
    lease_crash(k);
    assert_string_equal(lease_terminations(k, 0), "1 7 -;");
    assert_int_equal(lease_terminated(k, "web", "ok"), 0);
    lease_crash(k);
    assert_string_equal(lease_terminations(k, 0), "1 7 ok;");
    assert_int_equal(regkit_seq(k), seq);
    assert_int_equal(regkit_serial(k, 0), serial);
}

static void only_those_after_a_running_time_are_told(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web");
    REGISTER(k, "db");
    struct registry_target web = lease_target(k, "web"), db = lease_target(k, "db");
    lease_run_for(k, 5);
    assert_int_equal(lease_terminate(k, &db, 1, 0), 0);
    lease_run_for(k, 5);
    uint64_t now = registry_running_ns(k->r);
    assert_int_equal(lease_terminate(k, &web, 1, 0), 0);
    assert_string_equal(lease_terminations(k, 0), "2 5 -;1 10 -;");
    assert_string_equal(lease_terminations(k, now), "1 10 -;");
    assert_string_equal(lease_terminations(k, now + 1), "");
}

static void whoever_was_replaced_has_ended_or_renewed_is_not_terminated(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web");
    REGISTER(k, "db");
    struct registry_target both[] = {lease_target(k, "web"), lease_target(k, "db")},
                           other = both[0];
    lease_run_for(k, 5);
    uint64_t since = registry_running_ns(k->r);
    REGISTER(k, "db");
    assert_int_equal(lease_terminate(k, both, 2, since), -BD_ENOTFOUND); /* db has renewed */
    assert_int_equal(lease_terminate(k, both, 2, since + 1), 0);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM termination"), 2);
    lease_sql(k, "DELETE FROM termination");

    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "a"), 0);
    assert_int_equal(lease_terminate(k, both, 1, 0), -BD_ENOTFOUND); /* ended */
    REGISTER(k, "web");
    assert_int_equal(lease_terminate(k, both, 1, 0), -BD_ENOTFOUND); /* replaced */
    other.zone = 17;
    assert_int_equal(lease_terminate(k, &other, 1, 0), -BD_ENOTFOUND);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM termination"), 0);
    REGISTER(k, "web");
    assert_false(k->receipt.created); /* it is not being terminated */
}

static void nobody_is_terminated_in_maintenance(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web");
    struct registry_target t = lease_target(k, "web");
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = t.number, .drain = true), 0);
    assert_int_equal(lease_terminate(k, &t, 1, 0), -BD_ENOTFOUND);
    assert_string_equal(lease_terminations(k, 0), "");
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = t.number), 0);
    assert_int_equal(lease_terminate(k, &t, 1, 0), 0);
}

static void a_repeat_during_a_termination_is_a_sign_of_life(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web");
    struct registry_target t = lease_target(k, "web");
    assert_int_equal(lease_terminate(k, &t, 1, 0), 0);
    REGISTER(k, "web");
    assert_true(k->receipt.created);
    assert_true(k->receipt.number > t.number);
    assert_int_equal(registry_renewed_ns(k->r, t.number), 0);
    REGISTER(k, "web");
    assert_false(k->receipt.created); /* it is not being terminated any more */
    /* What the terminator of the old number says is about nobody. */
    assert_int_equal(
        ASK(k, OP_DELETE, "web", .number = t.number, .id = "a", .since_ns = UINT64_MAX), 0);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "20 192.0.2.1");
}

static void a_failure_ends_a_termination_and_success_ends_with_the_registration(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web");
    struct registry_target t = lease_target(k, "web");
    assert_int_equal(lease_terminate(k, &t, 1, 0), 0);
    assert_int_equal(lease_terminated(k, "web", "failed: exit status 1"), 0);
    REGISTER(k, "web");
    assert_false(k->receipt.created);
    assert_string_equal(lease_terminations(k, 0), "1 0 failed: exit status 1;");
    assert_int_equal(lease_terminate(k, &t, 1, 0), 0); /* again */
    assert_string_equal(lease_terminations(k, 0), "1 0 -;");
    assert_int_equal(lease_terminated(k, "web", "dry run"), 0);
    REGISTER(k, "web");
    assert_true(k->receipt.created);
    assert_int_equal(registry_terminated(k->r, 999, STR("ok"), clock_deadline(60 * S)), 0);
}

/* As of a month of running time, which nobody waits for. */
static void old_terminations_are_forgotten(void **state)
{
    struct regkit *k = *state;
    const uint64_t month_s = 30 * 24 * 3600;

    REGISTER(k, "web");
    REGISTER(k, "db");
    struct registry_target web = lease_target(k, "web"), db = lease_target(k, "db");
    assert_int_equal(lease_terminate(k, &web, 1, 0), 0);
    pthread_mutex_lock(&k->r->lock);
    k->r->running.shown_ns = k->r->running.ran_ns = month_s * S;
    pthread_mutex_unlock(&k->r->lock);
    assert_int_equal(lease_terminate(k, &db, 1, 0), 0);
    assert_string_equal(lease_terminations(k, 0), "1 0 -;2 2592000 -;");
    lease_run_for(k, 5);
    assert_int_equal(lease_terminate(k, &db, 1, 0), 0);
    assert_string_equal(lease_terminations(k, 0), "2 2592005 -;");
}

/* ---- one after the other, in the committer's order ---- */

struct terminator {
    struct regkit *k;
    struct registry_target target;
    uint64_t since_ns;
    pthread_t thread;
    int result;
};

static void *terminate_main(void *arg)
{
    struct terminator *t = arg;

    t->result = lease_terminate(t->k, &t->target, 1, t->since_ns);
    return NULL;
}

static void begin_terminate(struct regkit *k, struct terminator *t)
{
    *t = (struct terminator){
        .k = k, .target = lease_target(k, "web"), .since_ns = registry_running_ns(k->r)};
    assert_int_equal(pthread_create(&t->thread, NULL, terminate_main, t), 0);
}

/* The committer stands, so that what comes now is one group, in the order of the queue. */
static void hold(struct regkit *k, struct regkit_job *first)
{
    REGISTER(k, "web");
    lease_run_for(k, 20);
    pause_hold(TAKEN);
    BEGIN(k, first, .ask = WHAT(OP_REGISTER, "other", .values = "192.0.2.9"));
    pause_wait(TAKEN, 1);
}

static void go_on(struct regkit_job *first)
{
    pause_release(TAKEN);
    assert_int_equal(regkit_join(first), 0);
}

static void a_renewal_before_a_termination_stops_it(void **state)
{
    struct regkit *k = *state;
    struct regkit_job first, repeat;
    struct terminator t;

    hold(k, &first);
    BEGIN(k, &repeat, .ask = WHAT(OP_REGISTER, "web", WEB));
    regkit_wait_queued(k, 1);
    begin_terminate(k, &t);
    regkit_wait_queued(k, 2);
    go_on(&first);
    pthread_join(t.thread, NULL);
    assert_int_equal(regkit_join(&repeat), 0);
    assert_int_equal(t.result, -BD_ENOTFOUND);
    assert_false(repeat.receipt.created);
    assert_string_equal(lease_terminations(k, 0), "");
}

static void a_termination_before_a_renewal_makes_it_a_sign_of_life(void **state)
{
    struct regkit *k = *state;
    struct regkit_job first, repeat;
    struct terminator t;

    hold(k, &first);
    begin_terminate(k, &t);
    regkit_wait_queued(k, 1);
    BEGIN(k, &repeat, .ask = WHAT(OP_REGISTER, "web", WEB));
    regkit_wait_queued(k, 2);
    go_on(&first);
    pthread_join(t.thread, NULL);
    assert_int_equal(regkit_join(&repeat), 0);
    assert_int_equal(t.result, 0);
    assert_true(repeat.receipt.created);
    assert_true(repeat.receipt.number > t.target.number);
}

static void a_renewal_before_an_expiry_keeps_the_lease(void **state)
{
    struct regkit *k = *state;
    struct regkit_job first, repeat, expiry;

    hold(k, &first);
    uint64_t number = regkit_number(k, "web", "a");
    BEGIN(k, &repeat, .ask = WHAT(OP_REGISTER, "web", WEB));
    regkit_wait_queued(k, 1);
    BEGIN(k, &expiry, .ask = WHAT(OP_DELETE, "web", .number = number, .since_ns = 5 * S));
    regkit_wait_queued(k, 2);
    go_on(&first);
    assert_int_equal(regkit_join(&repeat), 0);
    assert_int_equal(regkit_join(&expiry), 0);
    assert_false(expiry.receipt.changed);
    assert_int_equal(regkit_number(k, "web", "a"), number);
    assert_int_equal(lease_renewed(k, "web"), 1 + 20 * S);
}

static void an_expiry_before_a_renewal_makes_it_a_registration(void **state)
{
    struct regkit *k = *state;
    struct regkit_job first, repeat, expiry;

    hold(k, &first);
    uint64_t number = regkit_number(k, "web", "a");
    BEGIN(k, &expiry, .ask = WHAT(OP_DELETE, "web", .number = number, .since_ns = 5 * S));
    regkit_wait_queued(k, 1);
    BEGIN(k, &repeat, .ask = WHAT(OP_REGISTER, "web", WEB));
    regkit_wait_queued(k, 2);
    go_on(&first);
    assert_int_equal(regkit_join(&repeat), 0);
    assert_int_equal(regkit_join(&expiry), 0);
    assert_true(expiry.receipt.changed);
    assert_true(repeat.receipt.created);
    assert_true(regkit_number(k, "web", "a") > number);
    assert_int_equal(registry_renewed_ns(k->r, number), 0);
    assert_int_equal(lease_renewed(k, "web"), 1 + 20 * S);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM renewal"), 1);
}

/* ---- notes ---- */

static void notes_are_kept_over_a_restart(void **state)
{
    struct regkit *k = *state;
    const uint64_t hand = (UINT64_C(1) << 63) + 5;

    REGISTER(k, "web");
    uint64_t seq = regkit_seq(k);
    assert_int_equal(lease_put_note(k, 1, "one"), 0);
    assert_int_equal(lease_put_note(k, 0, "zero"), 0);
    assert_int_equal(lease_put_note(k, hand, "hand"), 0);
    assert_int_equal(lease_put_note(k, 1, "another"), 0);
    lease_crash(k);
    assert_string_equal(lease_notes(k), "-9223372036854775803 hand;0 zero;1 another;");
    assert_int_equal(lease_put_note(k, 0, ""), 0);
    assert_int_equal(lease_put_note(k, 4711, ""), 0);
    assert_string_equal(lease_notes(k), "-9223372036854775803 hand;1 another;");
    assert_int_equal(regkit_seq(k), seq);
}

static void a_note_goes_with_its_registration(void **state)
{
    struct regkit *k = *state;

    /* A rule of the configuration may check it. */
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .id = "a"), 0);
    assert_int_equal(lease_put_note(k, 1, "one"), 0);
    assert_int_equal(lease_put_note(k, 2, "nobody"), 0);
    assert_string_equal(lease_notes(k), "1 one;");
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "a"), 0);
    assert_string_equal(lease_notes(k), "");
    assert_int_equal(lease_put_note(k, 1, "too late"), 0);
    assert_string_equal(lease_notes(k), "");
}

static int stop_at_once(void *arg, const struct registry_note *note)
{
    unsigned *calls = arg;

    (void)note;
    ++*calls;
    return 42;
}

static void a_walk_ends_where_its_caller_says_so(void **state)
{
    struct regkit *k = *state;
    const struct registry_note two[] = {{0, STR("x")}, {UINT64_MAX, STR("y")}};
    unsigned calls = 0;

    assert_int_equal(registry_notes_put(k->r, two, 2, clock_deadline(60 * S)), 0);
    assert_int_equal(registry_notes(k->r, stop_at_once, &calls), 42);
    assert_int_equal(calls, 1);
}

static void notes_and_results_are_written_while_stopping(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web");
    struct registry_target t = lease_target(k, "web");
    assert_int_equal(lease_terminate(k, &t, 1, 0), 0);
    registry_stop(k->r);
    assert_int_equal(lease_terminate(k, &t, 1, 0), -BD_ESTOPPING);
    assert_int_equal(lease_put_note(k, 1, "one"), 0);
    assert_int_equal(lease_terminated(k, "web", "ok"), 0);
    regkit_reopen(k);
    assert_string_equal(lease_terminations(k, 0), "1 0 ok;");
    assert_string_equal(lease_notes(k), "1 one;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_termination_is_written_down_before_it_begins),
        TEST(only_those_after_a_running_time_are_told),
        TEST(whoever_was_replaced_has_ended_or_renewed_is_not_terminated),
        TEST(nobody_is_terminated_in_maintenance),
        TEST(a_repeat_during_a_termination_is_a_sign_of_life),
        TEST(a_failure_ends_a_termination_and_success_ends_with_the_registration),
        TEST(old_terminations_are_forgotten),
        TEST(a_renewal_before_a_termination_stops_it),
        TEST(a_termination_before_a_renewal_makes_it_a_sign_of_life),
        TEST(a_renewal_before_an_expiry_keeps_the_lease),
        TEST(an_expiry_before_a_renewal_makes_it_a_registration),
        TEST(notes_are_kept_over_a_restart),
        TEST(a_note_goes_with_its_registration),
        TEST(a_walk_ends_where_its_caller_says_so),
        TEST(notes_and_results_are_written_while_stopping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
