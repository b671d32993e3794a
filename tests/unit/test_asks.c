/* What the operator asks of the files thread, from both sides; and the list of what there is to
 * say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <betterdns/clock.h>

#include "asks.h"
#include "faults.h"

#define PATIENCE (60 * NS_PER_S)

struct caller {
    struct asks *asks;
    struct ask *ask;
    pthread_t thread;
    int result;
    struct problem problem;
};

static void *call(void *arg)
{
    struct caller *c = arg;

    c->result = asks_wait(c->asks, c->ask, &c->problem);
    return NULL;
}

/* Somebody who waits for an answer about the zone. */
static struct caller *start(struct asks *asks, unsigned zone, uint64_t deadline_ns)
{
    struct caller *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->asks = asks;
    c->ask = ask_new(ASK_ACCEPT, zone, deadline_ns);
    assert_non_null(c->ask);
    assert_int_equal(asks_put(asks, c->ask), 0);
    assert_int_equal(pthread_create(&c->thread, NULL, call, c), 0);
    return c;
}

static int end(struct caller *c, struct problem *ret_problem)
{
    pthread_join(c->thread, NULL);
    int r = c->result;
    if (ret_problem)
        *ret_problem = c->problem;
    free(c);
    return r;
}

static int set_up(void **state)
{
    return asks_new((struct asks **)state);
}

static int tear_down(void **state)
{
    asks_free(*state);
    return 0;
}

static void each_gets_its_answer(void **state)
{
    struct asks *asks = *state;
    struct problem problem, got;

    struct caller *first = start(asks, 1, clock_deadline(PATIENCE));
    struct caller *second = start(asks, 2, clock_deadline(PATIENCE));
    assert_null(asks_take(asks, 3));
    struct ask *ask = asks_take(asks, 2);
    assert_non_null(ask);
    assert_int_equal(ask->zone, 2);
    assert_null(asks_take(asks, 2));
    problem_set(&problem, -BD_ENOTFOUND, NULL, "nothing is held");
    asks_answer(asks, ask, -BD_ENOTFOUND, &problem);
    assert_int_equal(end(second, &got), -BD_ENOTFOUND);
    assert_string_equal(got.detail, "nothing is held");
    asks_answer(asks, asks_take(asks, 1), 0, &problem);
    assert_int_equal(end(first, NULL), 0);
}

static void who_is_late_is_told_so(void **state)
{
    struct asks *asks = *state;
    struct problem problem = {0}, got;

    /* Not begun: it never will be. */
    assert_int_equal(end(start(asks, 1, clock_mono_ns()), &got), -BD_ETIMEDOUT);
    assert_null(asks_take(asks, 1));
    /* Begun: it may still happen, and nobody hears of it. */
    struct ask *ask = ask_new(ASK_DISCARD, 1, clock_mono_ns());
    assert_int_equal(asks_put(asks, ask), 0);
    assert_ptr_equal(asks_take(asks, 1), ask);
    assert_int_equal(asks_wait(asks, ask, &got), -BD_ETIMEDOUT);
    assert_non_null(strstr(got.detail, "may still happen"));
    asks_answer(asks, ask, 0, &problem);
}

static void a_stop_answers_all(void **state)
{
    struct asks *asks = *state;
    struct problem got;

    struct caller *c = start(asks, 1, clock_deadline(PATIENCE));
    asks_close(asks);
    assert_int_equal(end(c, &got), -BD_ESTOPPING);
    struct ask *ask = ask_new(ASK_ACCEPT, 1, clock_deadline(PATIENCE));
    assert_int_equal(asks_put(asks, ask), -BD_ESTOPPING);
    free(ask);
}

static void faults_are_counted(void **state)
{
    struct faults a = {0}, b = {0};

    (void)state;
    for (unsigned i = 1; i <= CONTROLLER_FAULTS_MAX + 5; i++)
        faults_add(&a, "zone", i, 2, i == 3 ? "three" : "another");
    assert_int_equal(a.n, CONTROLLER_FAULTS_MAX);
    assert_int_equal(a.all, CONTROLLER_FAULTS_MAX + 5);
    assert_int_equal(a.at[2].line, 3);
    assert_true(faults_has(&a, "three") && !faults_has(&a, "four"));
    faults_copy(&b, &a);
    assert_true(b.n == a.n && b.all == a.all);
    assert_memory_equal(b.at, a.at, a.n * sizeof(*a.at));
    faults_append(&b, &a);
    assert_int_equal(b.all, 2 * (CONTROLLER_FAULTS_MAX + 5));
    assert_int_equal(b.n, CONTROLLER_FAULTS_MAX);
    faults_reset(&b);
    assert_int_equal(b.all, 0);
    faults_free(&a);
    faults_free(&b);
}

/* A sentence that is cut says so. */
static void long_faults_end_in_dots(void **state)
{
    struct faults f = {0};
    char text[400];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    faults_add(&f, "zone", 1, 1, text + sizeof(text) - sizeof(f.at->message));
    faults_add(&f, "zone", 1, 1, text);
    assert_int_equal(strlen(f.at[0].message), sizeof(f.at->message) - 1);
    assert_string_equal(f.at[0].message + sizeof(f.at->message) - 4, "xxx");
    assert_string_equal(f.at[1].message + sizeof(f.at->message) - 4, "...");
    faults_free(&f);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_gets_its_answer), TEST(who_is_late_is_told_so),  TEST(a_stop_answers_all),
        TEST(faults_are_counted),   TEST(long_faults_end_in_dots),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
