/* The order of one commit's steps, with the committer held between two of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "pause_kit.h"
#include "registry_kit.h"

#define WRITTEN "commit: written, not durable"
#define DURABLE "commit: durable, not visible"
#define TAKEN "committer: group taken"

static int end(void **state)
{
    pause_release_all();
    regkit_end(*state);
    return 0;
}

/* Holds the committer with a group of its own, and comes back when these two are the next one. */
static void make_a_group(struct regkit *k, struct regkit_job *first, struct regkit_job *a,
                         const struct ask *ask_a, struct regkit_job *b, const struct ask *ask_b,
                         uint64_t patience_b)
{
    pause_hold(WRITTEN);
    BEGIN(k, first, .ask = WHAT(OP_REGISTER, "first", .values = "192.0.2.1"));
    pause_wait(WRITTEN, 1);
    pause_hold(TAKEN);
    BEGIN(k, a, .ask = *ask_a);
    regkit_wait_queued(k, 1);
    BEGIN(k, b, .ask = *ask_b, .patience_ns = patience_b);
    regkit_wait_queued(k, 2);
    pause_release(WRITTEN);
    pause_wait(TAKEN, 1);
    pause_hold(WRITTEN);
    pause_release(TAKEN);
    pause_wait(WRITTEN, 1);
}

/* The neighbour is written and not durable: a repeat of it, which changes nothing, gets no answer
 * either; it gives up waiting first. */
static void a_repeat_waits_for_its_neighbour(void **state)
{
    struct regkit *k = *state;
    const struct ask web = WHAT(OP_REGISTER, "web", .values = "192.0.2.7");
    static struct regkit_job first, change, repeat;

    make_a_group(k, &first, &change, &web, &repeat, &web, NS_PER_S / 2);
    assert_int_equal(regkit_join(&repeat), -BD_ETIMEDOUT);
    pause_release(WRITTEN);
    assert_int_equal(regkit_join(&first), 0);
    assert_int_equal(regkit_join(&change), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_false(k->receipt.changed);
}

/* So does a refusal that rests on the neighbour. */
static void a_refusal_waits_for_its_neighbour(void **state)
{
    struct regkit *k = *state;
    const struct ask web = WHAT(OP_REGISTER, "web", .values = "192.0.2.7");
    const struct ask alias = WHAT(OP_REGISTER, "web", RRTYPE_CNAME, "other");
    static struct regkit_job first, change, refused;

    make_a_group(k, &first, &change, &web, &refused, &alias, NS_PER_S / 2);
    assert_int_equal(regkit_join(&refused), -BD_ETIMEDOUT);
    pause_release(WRITTEN);
    assert_int_equal(regkit_join(&first), 0);
    assert_int_equal(regkit_join(&change), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", RRTYPE_CNAME, "other"), -BD_ECONFLICT);
}

static void nothing_is_visible_before_it_is_durable(void **state)
{
    struct regkit *k = *state;
    static struct regkit_job job;

    pause_hold(WRITTEN);
    pause_hold(DURABLE);
    uint64_t seq = regkit_seq(k);
    BEGIN(k, &job, .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.7"));
    pause_wait(WRITTEN, 1);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "-");
    pause_release(WRITTEN);
    pause_wait(DURABLE, 1);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "-");
    assert_int_equal(regkit_seq(k), seq);
    pause_release(DURABLE);
    assert_int_equal(regkit_join(&job), 0);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.7");
}

/* One is in its commit, one waits behind it: both are decided, whoever comes later is refused. */
static void a_stop_answers_those_who_wait(void **state)
{
    struct regkit *k = *state;
    static struct regkit_job first, second;

    pause_hold(WRITTEN);
    BEGIN(k, &first, .ask = WHAT(OP_REGISTER, "first", .values = "192.0.2.1"));
    pause_wait(WRITTEN, 1);
    BEGIN(k, &second, .ask = WHAT(OP_REGISTER, "second", .values = "192.0.2.2"));
    regkit_wait_queued(k, 1);
    registry_stop(k->r);
    assert_int_equal(ASK(k, OP_REGISTER, "third", .values = "192.0.2.3"), -BD_ESTOPPING);
    pause_release(WRITTEN);
    registry_close(k->r);
    k->r = NULL;
    assert_int_equal(regkit_join(&first), 0);
    assert_int_equal(regkit_join(&second), 0);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "first", RRTYPE_A), "30 192.0.2.1");
    assert_string_equal(regkit_records(k, "second", RRTYPE_A), "30 192.0.2.2");
    assert_string_equal(regkit_records(k, "third", RRTYPE_A), "-");
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_repeat_waits_for_its_neighbour),
        T(a_refusal_waits_for_its_neighbour),
        T(nothing_is_visible_before_it_is_durable),
        T(a_stop_answers_those_who_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
