/* HTTP requests to a host whose name is not resolved in time: the loop does not wait for it. */
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/httpcall.h>

#define LATE_S 20

static sem_t asked, answer, answered;
static bool late; /* the resolver was waited for */

/* libcurl's, on a thread of its own. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    struct timespec until;

    (void)name;
    (void)service;
    (void)hints;
    (void)found;
    sem_post(&asked);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LATE_S;
    late = sem_timedwait(&answer, &until) < 0;
    sem_post(&answered);
    return EAI_AGAIN;
}

static struct loop *loop;
static int error;

static void on_answer(void *arg, const struct httpcall_answer *a)
{
    (void)arg;
    error = a->error;
    loop_stop(loop);
}

static struct httpcall *begin(struct httpcalls *calls, uint64_t timeout_ns)
{
    const struct httpcall_request request = {
        .method = "GET", .url = "http://terminator.example/", .timeout_ns = timeout_ns};
    struct httpcall *call;

    assert_int_equal(httpcall_start(calls, &request, on_answer, NULL, &call), 0);
    return call;
}

/* The resolver is still at work; now it may end. */
static void let_go(void)
{
    sem_post(&answer);
    sem_wait(&answered);
    assert_false(late);
}

static void its_time_is_over(void **state)
{
    struct httpcalls *calls = *state;

    begin(calls, 200 * NS_PER_MS);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(error, -BD_ETIMEDOUT);
    let_go();
}

static void look(void *timer)
{
    if (sem_trywait(&asked) == 0)
        loop_stop(loop);
    else
        loop_timer_at(*(struct loop_timer **)timer, clock_deadline(NS_PER_MS));
}

static void it_is_cancelled(void **state)
{
    struct httpcalls *calls = *state;
    struct httpcall *call = begin(calls, 60 * NS_PER_S);
    struct loop_timer *timer;

    assert_int_equal(loop_timer_new(loop, look, &timer, &timer), 0);
    loop_timer_at(timer, 0);
    assert_int_equal(loop_run(loop), 0);
    httpcall_cancel(call);
    loop_timer_free(timer);
    let_go();
}

static int set_up(void **state)
{
    struct httpcalls *calls;

    sem_init(&asked, 0, 0);
    sem_init(&answer, 0, 0);
    sem_init(&answered, 0, 0);
    late = false;
    if (loop_new(&loop) < 0 || httpcalls_new(loop, &calls) < 0)
        return -1;
    *state = calls;
    return 0;
}

static int tear_down(void **state)
{
    httpcalls_free(*state);
    loop_free(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_time_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_cancelled, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
