/* What a supervisor hears of betterdns, and how it stands in one sentence: src/service.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BETTERDNS_PAUSE_POINTS
#include <betterdns/pause.h>

#include "controller_kit.h"
#include "pause_kit.h"
#include "service.h"
#include "supervisor_kit.h"

#define TAKEN "committer: group taken"
#define WATCHDOG_NS (200 * NS_PER_MS)

static struct notify *notify;
static struct buf unsent;
static struct service *service;

/* ---- on the loop's thread ---- */

struct call {
    void (*fn)(struct controller_kit *f);
    struct controller_kit *f;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done; /* guarded by lock */
};

static void on_call(void *arg)
{
    struct call *c = arg;

    c->fn(c->f);
    pthread_mutex_lock(&c->lock);
    c->done = true;
    pthread_cond_signal(&c->cond);
    pthread_mutex_unlock(&c->lock);
}

static void call(struct controller_kit *f, void (*fn)(struct controller_kit *f))
{
    struct call c = {.fn = fn, .f = f, .lock = PTHREAD_MUTEX_INITIALIZER};
    const struct timespec until = clock_timespec(clock_deadline(CONTROLLER_KIT_PATIENCE));
    int r = 0;

    clock_cond_init(&c.cond);
    assert_int_equal(loop_wake(f->loop, on_call, &c), 0);
    pthread_mutex_lock(&c.lock);
    while (!c.done && r == 0)
        r = pthread_cond_timedwait(&c.cond, &c.lock, &until);
    pthread_mutex_unlock(&c.lock);
    assert_int_equal(r, 0);
}

static void begin(struct controller_kit *f)
{
    const struct service_parts parts = {.notify = notify,
                                        .unsent = &unsent,
                                        .loop = f->loop,
                                        .registry = f->registry,
                                        .controller = f->controller,
                                        .origins = &f->origin,
                                        .nzones = 1,
                                        .listen = f->listen};

    assert_int_equal(service_new(&parts, &service), 0);
}

static void end(struct controller_kit *f)
{
    (void)f;
    service_free(service);
    service = NULL;
}

static void ready(struct controller_kit *f)
{
    (void)f;
    service_ready(service);
}

static void reloaded(struct controller_kit *f)
{
    (void)f;
    service_reloaded(service);
}

static void reloading(struct controller_kit *f)
{
    (void)f;
    service_reloading(service);
}

static void stopping(struct controller_kit *f)
{
    (void)f;
    service_stopping(service);
}

/* ---- the kit ---- */

static int set_up(void **state)
{
    supervisor_open(false);
    return controller_kit_set_up(state);
}

static int tear_down(void **state)
{
    struct controller_kit *f = *state;

    pause_release_all();
    if (service)
        call(f, end);
    controller_kit_tear_down(state);
    notify_free(notify);
    notify = NULL;
    buf_free(&unsent);
    supervisor_close();
    unsetenv("WATCHDOG_USEC");
    return 0;
}

static struct controller_kit *start(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(notify_new(&notify), 0);
    assert_int_equal(controller_kit_start(f), 0);
    call(f, begin);
    return f;
}

static const char *next_status(void)
{
    const char *message;

    do
        message = supervisor_next();
    while (strncmp(message, "STATUS=", 7) != 0);
    return message;
}

/* ---- what is heard ---- */

static void the_states(void **state)
{
    struct controller_kit *f = start(state);

    call(f, ready);
    supervisor_expect("READY=1");
    call(f, reloading);
    const char *message;
    do
        message = supervisor_next();
    while (strncmp(message, "RELOADING=1\n", 12) != 0);
    unsigned long long usec;
    char after;
    assert_int_equal(sscanf(message, "RELOADING=1\nMONOTONIC_USEC=%llu%c", &usec, &after), 1);
    assert_true(usec <= clock_mono_ns() / 1000 && usec + 60000000 > clock_mono_ns() / 1000);
    call(f, reloaded);
    supervisor_expect("READY=1");
    call(f, stopping);
    supervisor_expect("STOPPING=1");
}

/* What runs in place of coredns. */
static void put_binary(const char *path, const char *last_line)
{
    char new[120];

    snprintf(new, sizeof(new), "%s.new", path);
    FILE *script = fopen(new, "we");
    assert_non_null(script);
    assert_true(fprintf(script, "#!/bin/sh\n%s\n", last_line) > 0);
    assert_int_equal(fclose(script), 0);
    assert_int_equal(chmod(new, 0755), 0);
    assert_int_equal(rename(new, path), 0);
}

static void the_sentence(void **state)
{
    struct controller_kit *f = *state;
    char path[100], works[600];
    const char *status;
    unsigned port;

    snprintf(path, sizeof(path), "%s/server", f->dir);
    snprintf(works, sizeof(works), "exec %s \"$@\"", f->binary);
    put_binary(path, works);
    f->binary = path;
    start(state);
    call(f, ready);
    /* The version is asked for beside the start, so that it may come later. */
    do
        status = next_status();
    while (!strstr(status, "STATUS=coredns 1."));
    assert_int_equal(
        sscanf(status, "STATUS=coredns 1.%*[0-9.] answers for 1 zone on 127.0.0.1:%u", &port), 1);
    put_binary(path, "echo it does not work; exit 1");
    assert_int_equal(kill(controller_kit_status(f, NULL).pid, SIGKILL), 0);
    do
        status = next_status();
    while (!strstr(status, "STATUS=coredns is backing-off: coredns (pid "));
    put_binary(path, works);
    do
        status = next_status();
    while (!strstr(status, "answers for 1 zone"));
}

static void a_held_file_is_in_the_sentence(void **state)
{
    struct controller_kit *f = start(state);

    call(f, ready);
    controller_kit_wait_file(f, FILE_CLEAN, 0);
    FILE *zone = fopen(f->file, "we");
    assert_non_null(zone);
    assert_true(fputs("this is no zone\n", zone) >= 0);
    assert_int_equal(fclose(zone), 0);
    while (!strstr(next_status(), "; the zone file of lab.example. is rejected"))
        ;
}

static void messages_wait_for_a_supervisor_that_does_not_read(void **state)
{
    struct controller_kit *f = start(state);
    int r;

    do
        r = notify_send(notify, "FILLED=1");
    while (r == 0);
    assert_int_equal(r, -EAGAIN);
    call(f, ready);
    call(f, reloading);
    call(f, stopping);
    supervisor_expect("READY=1");
    while (strncmp(supervisor_next(), "RELOADING=1\n", 12) != 0)
        ;
    supervisor_expect("STOPPING=1");
}

/* A reload ends one service and begins another. */
static void messages_outlive_who_said_them(void **state)
{
    struct controller_kit *f = start(state);

    call(f, ready);
    supervisor_expect("READY=1");
    while (notify_send(notify, "FILLED=1") == 0)
        ;
    call(f, reloading);
    call(f, end);
    call(f, begin);
    call(f, ready);
    while (strncmp(supervisor_next(), "RELOADING=1\n", 12) != 0)
        ;
    supervisor_expect("READY=1");
}

static void without_a_supervisor_there_is_a_sentence_all_the_same(void **state)
{
    struct controller_kit *f = *state;
    char sentence[SERVICE_SENTENCE_SIZE];

    assert_int_equal(controller_kit_start(f), 0);
    call(f, begin); /* notify is NULL */
    call(f, ready);
    service_sentence(service, sentence);
    assert_non_null(strstr(sentence, "answers for 1 zone on 127.0.0.1:"));
    assert_false(supervisor_had("READY=1"));
}

/* ---- the watchdog ---- */

static void *submit(void *kit)
{
    controller_kit_put_address(kit, 7);
    return NULL;
}

static uint64_t working_ns(struct controller_kit *f)
{
    struct registry_stats stats;

    registry_stats(f->registry, &stats);
    return stats.working_ns;
}

static void wait_until_working(struct controller_kit *f, uint64_t ns)
{
    const uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);

    while (working_ns(f) < ns) {
        assert_true(clock_mono_ns() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static void the_watchdog_is_told_until_the_committer_hangs(void **state)
{
    setenv("WATCHDOG_USEC", "200000", 1);
    struct controller_kit *f = start(state);
    pthread_t thread;

    for (int i = 0; i < 5; i++)
        supervisor_expect("WATCHDOG=1");
    pause_hold(TAKEN);
    assert_int_equal(pthread_create(&thread, NULL, submit, f), 0);
    pause_wait(TAKEN, 1);
    wait_until_working(f, 5 * WATCHDOG_NS);
    (void)supervisor_had("WATCHDOG=1");
    wait_until_working(f, 10 * WATCHDOG_NS);
    assert_false(supervisor_had("WATCHDOG=1"));
    pause_release(TAKEN);
    supervisor_expect("WATCHDOG=1");
    assert_int_equal(pthread_join(thread, NULL), 0);
}

#define LOOP_HANGS "test: the loop hangs"

static void hang(struct controller_kit *f)
{
    (void)f;
    PAUSE_POINT(LOOP_HANGS);
}

static void *call_hang(void *kit)
{
    call(kit, hang);
    return NULL;
}

static void the_watchdog_is_told_until_the_loop_hangs(void **state)
{
    setenv("WATCHDOG_USEC", "200000", 1);
    struct controller_kit *f = start(state);
    pthread_t thread;

    supervisor_expect("WATCHDOG=1");
    pause_hold(LOOP_HANGS);
    assert_int_equal(pthread_create(&thread, NULL, call_hang, f), 0);
    pause_wait(LOOP_HANGS, 1);
    (void)supervisor_had("WATCHDOG=1");
    nanosleep(&(struct timespec){.tv_sec = 1},
              NULL); /* what must not come has five times its time */
    assert_false(supervisor_had("WATCHDOG=1"));
    pause_release(LOOP_HANGS);
    supervisor_expect("WATCHDOG=1");
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void a_committer_with_nothing_to_do_is_idle(void **state)
{
    struct controller_kit *f = start(state);
    pthread_t thread;

    controller_kit_wait_file(f, FILE_CLEAN, 0);
    pause_hold(TAKEN);
    assert_int_equal(pthread_create(&thread, NULL, submit, f), 0);
    pause_wait(TAKEN, 1);
    assert_true(working_ns(f) > 0);
    pause_release(TAKEN);
    assert_int_equal(pthread_join(thread, NULL), 0);
    const uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);
    while (working_ns(f) != 0) {
        assert_true(clock_mono_ns() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static void no_watchdog_where_none_is_asked_for(void **state)
{
    struct controller_kit *f = start(state);

    call(f, ready);
    (void)next_status(); /* what comes first, comes with the first turn */
    call(f, stopping);
    assert_false(supervisor_had("WATCHDOG=1"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_states),
        TEST(the_sentence),
        TEST(a_held_file_is_in_the_sentence),
        TEST(messages_wait_for_a_supervisor_that_does_not_read),
        TEST(messages_outlive_who_said_them),
        TEST(without_a_supervisor_there_is_a_sentence_all_the_same),
        TEST(the_watchdog_is_told_until_the_committer_hangs),
        TEST(the_watchdog_is_told_until_the_loop_hangs),
        TEST(a_committer_with_nothing_to_do_is_idle),
        TEST(no_watchdog_where_none_is_asked_for),
    };
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "there is no coredns: make coredns\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
