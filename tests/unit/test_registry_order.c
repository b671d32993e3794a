/* The order of one commit's steps, with the committer held between two of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include <betterdns/clock.h>

#include "pause_kit.h"
#include "registry_kit.h"

#define WRITTEN "commit: written, not durable"
#define DURABLE "commit: durable, not visible"
#define TAKEN "committer: group taken"

struct job {
    struct regkit *k;
    pthread_t thread;
    struct ask ask;
    uint64_t patience_ns;
    int result;
    struct receipt receipt;
};

static void *submit(void *arg)
{
    struct job *j = arg;
    struct change *c = change_new(CHANGE_HTTP, STR("test"));

    regkit_add(c, &j->ask);
    j->result = registry_submit(j->k->r, c, clock_deadline(j->patience_ns), &j->receipt, NULL);
    change_put(c);
    return NULL;
}

static void begin(struct job *j, struct regkit *k, const struct ask *ask, uint64_t patience_ns)
{
    *j = (struct job){.k = k, .ask = *ask, .patience_ns = patience_ns};
    assert_int_equal(pthread_create(&j->thread, NULL, submit, j), 0);
}

static int result_of(struct job *j)
{
    pthread_join(j->thread, NULL);
    rrset_put(j->receipt.set);
    return j->result;
}

static void wait_queued(struct regkit *k, unsigned n)
{
    uint64_t deadline = clock_deadline(60 * NS_PER_S);
    struct registry_stats stats;

    do {
        assert_true(clock_mono_ns() < deadline);
        registry_stats(k->r, &stats);
    } while (stats.queued != n);
}

static int start(void **state)
{
    static struct regkit kit;

    regkit_start(&kit);
    *state = &kit;
    return regkit_open(&kit);
}

static int end(void **state)
{
    pause_release_all();
    regkit_end(*state);
    return 0;
}

/* Holds the committer with a group of its own, and comes back when these two are the next one. */
static void make_a_group(struct regkit *k, struct job *first, struct job *a,
                         const struct ask *ask_a, struct job *b, const struct ask *ask_b,
                         uint64_t patience_b)
{
    pause_hold(WRITTEN);
    begin(first, k, &WHAT(OP_REGISTER, "first", .values = "192.0.2.1"), 60 * NS_PER_S);
    pause_wait(WRITTEN, 1);
    pause_hold(TAKEN);
    begin(a, k, ask_a, 60 * NS_PER_S);
    wait_queued(k, 1);
    begin(b, k, ask_b, patience_b);
    wait_queued(k, 2);
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
    static struct job first, change, repeat;

    make_a_group(k, &first, &change, &web, &repeat, &web, NS_PER_S / 2);
    assert_int_equal(result_of(&repeat), -BD_ETIMEDOUT);
    pause_release(WRITTEN);
    assert_int_equal(result_of(&first), 0);
    assert_int_equal(result_of(&change), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_false(k->receipt.changed);
}

/* So does a refusal that rests on the neighbour. */
static void a_refusal_waits_for_its_neighbour(void **state)
{
    struct regkit *k = *state;
    const struct ask web = WHAT(OP_REGISTER, "web", .values = "192.0.2.7");
    const struct ask alias = WHAT(OP_REGISTER, "web", RRTYPE_CNAME, "other");
    static struct job first, change, refused;

    make_a_group(k, &first, &change, &web, &refused, &alias, NS_PER_S / 2);
    assert_int_equal(result_of(&refused), -BD_ETIMEDOUT);
    pause_release(WRITTEN);
    assert_int_equal(result_of(&first), 0);
    assert_int_equal(result_of(&change), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", RRTYPE_CNAME, "other"), -BD_ECONFLICT);
}

static void nothing_is_visible_before_it_is_durable(void **state)
{
    struct regkit *k = *state;
    static struct job job;

    pause_hold(WRITTEN);
    pause_hold(DURABLE);
    uint64_t seq = regkit_seq(k);
    begin(&job, k, &WHAT(OP_REGISTER, "web", .values = "192.0.2.7"), 60 * NS_PER_S);
    pause_wait(WRITTEN, 1);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "-");
    pause_release(WRITTEN);
    pause_wait(DURABLE, 1);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "-");
    assert_int_equal(regkit_seq(k), seq);
    pause_release(DURABLE);
    assert_int_equal(result_of(&job), 0);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.7");
}

/* One is in its commit, one waits behind it: both are decided, whoever comes later is refused. */
static void a_stop_answers_those_who_wait(void **state)
{
    struct regkit *k = *state;
    static struct job first, second;

    pause_hold(WRITTEN);
    begin(&first, k, &WHAT(OP_REGISTER, "first", .values = "192.0.2.1"), 60 * NS_PER_S);
    pause_wait(WRITTEN, 1);
    begin(&second, k, &WHAT(OP_REGISTER, "second", .values = "192.0.2.2"), 60 * NS_PER_S);
    wait_queued(k, 1);
    registry_stop(k->r);
    assert_int_equal(ASK(k, OP_REGISTER, "third", .values = "192.0.2.3"), -BD_ESTOPPING);
    pause_release(WRITTEN);
    registry_close(k->r);
    k->r = NULL;
    assert_int_equal(result_of(&first), 0);
    assert_int_equal(result_of(&second), 0);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "first", RRTYPE_A), "30 192.0.2.1");
    assert_string_equal(regkit_records(k, "second", RRTYPE_A), "30 192.0.2.2");
    assert_string_equal(regkit_records(k, "third", RRTYPE_A), "-");
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, end)

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
