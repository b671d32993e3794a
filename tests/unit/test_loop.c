/* The event loop: src/base/loop.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/loop.h>
#include <betterdns/str.h>

static struct loop *loop;

static int set_up(void **state)
{
    (void)state;
    alarm(120); /* a loop that never stops fails the test */
    return loop_new(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    alarm(0);
    return 0;
}

static void stop_now(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* ---- timers ---- */

struct alarm_clock {
    struct loop_timer *timer;
    char name;
    unsigned fired, again; /* how often it arms itself again, at once */
    uint64_t deadline;
};

static char order[64];
static size_t norder;

static void ring(void *arg)
{
    struct alarm_clock *a = arg;
    if (norder < sizeof(order) - 1)
        order[norder++] = a->name;
    a->fired++;
    assert_true(clock_mono_ns() >= a->deadline);
    if (a->again > 0) {
        a->again--;
        loop_timer_at(a->timer, 0);
    }
}

static void new_clock(struct alarm_clock *a, char name)
{
    *a = (struct alarm_clock){.name = name};
    assert_int_equal(loop_timer_new(loop, ring, a, &a->timer), 0);
}

static void set_clock(struct alarm_clock *a, uint64_t deadline)
{
    a->deadline = deadline == UINT64_MAX ? 0 : deadline;
    loop_timer_at(a->timer, deadline);
}

static void stop_at(uint64_t deadline)
{
    struct loop_timer *t;
    assert_int_equal(loop_timer_new(loop, stop_now, NULL, &t), 0);
    loop_timer_at(t, deadline);
}

static void timers_fire_in_order_of_deadline(void **state)
{
    struct alarm_clock a, b, c, d, e;
    (void)state;
    memset(order, 0, sizeof(order));
    norder = 0;
    new_clock(&a, 'a');
    new_clock(&b, 'b');
    new_clock(&c, 'c');
    new_clock(&d, 'd');
    new_clock(&e, 'e');
    uint64_t now = clock_mono_ns();
    set_clock(&a, now + 30 * NS_PER_MS);
    set_clock(&b, now + 10 * NS_PER_MS);
    set_clock(&c, 0);
    set_clock(&d, now + 5 * NS_PER_MS);
    set_clock(&e, now + 10 * NS_PER_MS); /* equal to b, armed later */
    set_clock(&d, UINT64_MAX);           /* disarmed */
    stop_at(now + 50 * NS_PER_MS);
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(order, "cbea");
    assert_int_equal(d.fired, 0);
    /* Armed again with a later, then an earlier deadline: once, at the last one said. */
    now = clock_mono_ns();
    set_clock(&a, now + 3600 * NS_PER_S);
    set_clock(&a, now + 1 * NS_PER_MS);
    stop_at(now + 20 * NS_PER_MS);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(a.fired, 2);
}

struct turns {
    struct alarm_clock eager, other;
    unsigned read;
};

/* Everybody had more than one turn: enough. Who starves is waited for until the test's alarm. */
static void on_readable(void *arg, int fd, uint32_t events)
{
    struct turns *t = arg;
    (void)fd;
    (void)events;
    t->read++;
    if (t->read > 1 && t->eager.fired > 1 && t->other.fired > 0)
        loop_stop(loop);
}

static void a_timer_that_arms_itself_at_once_starves_nobody(void **state)
{
    struct turns t = {.read = 0};
    struct loop_watch *watch;
    int fd = eventfd(1, EFD_CLOEXEC); /* always readable */
    (void)state;
    assert_int_equal(loop_watch(loop, fd, EPOLLIN, on_readable, &t, &watch), 0);
    new_clock(&t.eager, 'e');
    new_clock(&t.other, 'o');
    t.eager.again = UINT32_MAX;
    set_clock(&t.eager, 0);
    set_clock(&t.other, clock_deadline(2 * NS_PER_MS));
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(t.other.fired, 1);
    loop_unwatch(watch);
    close(fd);
}

static struct alarm_clock many[200];

static void free_all(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        loop_timer_free(many[i].timer);
        many[i].timer = NULL;
    }
}

static void timers_may_be_freed_inside_any_handler(void **state)
{
    struct loop_timer *killer;
    (void)state;
    assert_int_equal(loop_timer_new(loop, free_all, NULL, &killer), 0);
    uint64_t now = clock_mono_ns();
    loop_timer_at(killer, now + 5 * NS_PER_MS);
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        new_clock(&many[i], 'x');
        set_clock(&many[i],
                  now + 5 * NS_PER_MS + 1 + i % 7); /* due in the same pass, most likely */
    }
    stop_at(now + 30 * NS_PER_MS);
    assert_int_equal(loop_run(loop), 0);
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        assert_int_equal(many[i].fired, 0);
    loop_timer_free(NULL);
}

/* The heap against a plain search: random arming, moving and disarming; firing order must be that
 * of the deadlines. */
static uint64_t last_deadline;
static unsigned nfired;

static void ring_in_order(void *arg)
{
    struct alarm_clock *a = arg;
    assert_true(a->deadline >= last_deadline);
    last_deadline = a->deadline;
    a->fired++;
    nfired++;
}

static void the_heap_keeps_its_order(void **state)
{
    unsigned seed = 4711, armed = 0;
    (void)state;
    last_deadline = nfired = 0;
    uint64_t now = clock_mono_ns();
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        many[i] = (struct alarm_clock){.deadline = 0};
        assert_int_equal(loop_timer_new(loop, ring_in_order, &many[i], &many[i].timer), 0);
    }
    for (int i = 0; i < 5000; i++) {
        struct alarm_clock *a = &many[(size_t)rand_r(&seed) % ARRAY_SIZE(many)];
        uint64_t at = now + (uint64_t)(rand_r(&seed) % 1000) * 10000;
        a->deadline = rand_r(&seed) % 4 == 0 ? UINT64_MAX : at;
        loop_timer_at(a->timer, a->deadline);
    }
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        armed += many[i].deadline != UINT64_MAX && many[i].deadline != 0;
    stop_at(now + 40 * NS_PER_MS);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(nfired, armed);
}

/* ---- descriptors ---- */

struct peer {
    int fd;
    struct loop_watch *watch;
    unsigned called;
};

static struct peer peers[3];

/* Whoever comes first removes everybody, itself too; one descriptor number is used again within the
 * same batch. */
static void remove_all(void *arg, int fd, uint32_t events)
{
    struct peer *p = arg;
    assert_int_equal(fd, p->fd);
    assert_true(events & EPOLLIN);
    p->called++;
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        loop_unwatch(peers[i].watch);
        peers[i].watch = NULL;
        close(peers[i].fd);
    }
    int again = eventfd(1, EFD_CLOEXEC);
    assert_int_equal(again, peers[0].fd);
    peers[0].fd = again;
    assert_int_equal(loop_watch(loop, again, EPOLLIN, remove_all, &peers[0], &peers[0].watch), 0);
    loop_unwatch(peers[0].watch);
    close(again);
    loop_stop(loop);
}

static void watches_may_be_removed_inside_any_handler(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        peers[i] = (struct peer){.fd = eventfd(1, EFD_CLOEXEC)};
        assert_int_equal(
            loop_watch(loop, peers[i].fd, EPOLLIN, remove_all, &peers[i], &peers[i].watch), 0);
    }
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(peers[0].called + peers[1].called + peers[2].called, 1);
    loop_unwatch(NULL);
}

static void count_and_stop(void *arg, int fd, uint32_t events)
{
    struct peer *p = arg;
    (void)fd;
    p->called++;
    if (events & EPOLLOUT || p->called == 3)
        loop_stop(loop);
}

static void watches_are_level_triggered_and_change(void **state)
{
    struct peer p = {.fd = eventfd(1, EFD_CLOEXEC)};
    struct loop_watch *second = NULL;
    (void)state;
    assert_int_equal(loop_watch(loop, p.fd, EPOLLIN, count_and_stop, &p, &p.watch), 0);
    assert_int_equal(loop_watch(loop, p.fd, EPOLLIN, count_and_stop, &p, &second), -EEXIST);
    assert_int_equal(loop_watch(loop, -1, EPOLLIN, count_and_stop, &p, &second), -EBADF);
    assert_null(second);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(p.called, 3);
    assert_int_equal(loop_watch_events(p.watch, EPOLLOUT), 0);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(p.called, 4);
    close(p.fd); /* the watch is left to loop_free */
}

/* ---- other threads ---- */

#define NTHREADS 4
#define NCALLS 2000

struct caller {
    unsigned number;
    unsigned next; /* what the loop's thread expects from it: no call lost, none twice, in order */
};

struct call_arg {
    struct caller *caller;
    unsigned i;
};

static unsigned done;

static void on_call(void *arg)
{
    struct call_arg *a = arg;
    assert_int_equal(a->i, a->caller->next);
    a->caller->next++;
    if (a->caller->next == NCALLS && ++done == NTHREADS)
        loop_stop(loop);
    free(a);
}

static void *call_often(void *arg)
{
    for (unsigned i = 0; i < NCALLS; i++) {
        struct call_arg *a = malloc(sizeof(*a));
        *a = (struct call_arg){arg, i};
        if (loop_wake(loop, on_call, a) < 0)
            abort();
    }
    return NULL;
}

static void calls_from_threads_arrive_once_and_in_order(void **state)
{
    pthread_t threads[NTHREADS];
    struct caller callers[NTHREADS] = {0};
    (void)state;
    done = 0;
    for (unsigned i = 0; i < NTHREADS; i++) {
        callers[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    assert_int_equal(loop_run(loop), 0);
    for (unsigned i = 0; i < NTHREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].next, NCALLS);
    }
}

static void *stop_from_here(void *arg)
{
    loop_stop(arg);
    return NULL;
}

static void a_thread_may_stop_the_loop(void **state)
{
    pthread_t thread;
    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(pthread_create(&thread, NULL, stop_from_here, loop), 0);
        assert_int_equal(loop_run(loop), 0);
        pthread_join(thread, NULL);
    }
    loop_stop(loop); /* before it runs: it returns at once */
    assert_int_equal(loop_run(loop), 0);
}

static void call_again(void *arg)
{
    unsigned *left = arg;
    if (--*left == 0)
        loop_stop(loop);
    else
        assert_int_equal(loop_wake(loop, call_again, left), 0);
}

static void calls_may_make_calls(void **state)
{
    unsigned left = 100;
    (void)state;
    assert_int_equal(loop_wake(loop, call_again, &left), 0);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(left, 0);
    left = 1; /* never made: dropped by loop_free */
    assert_int_equal(loop_wake(loop, call_again, &left), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_in_order_of_deadline),
        TEST(a_timer_that_arms_itself_at_once_starves_nobody),
        TEST(timers_may_be_freed_inside_any_handler),
        TEST(the_heap_keeps_its_order),
        TEST(watches_may_be_removed_inside_any_handler),
        TEST(watches_are_level_triggered_and_change),
        TEST(calls_from_threads_arrive_once_and_in_order),
        TEST(a_thread_may_stop_the_loop),
        TEST(calls_may_make_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
