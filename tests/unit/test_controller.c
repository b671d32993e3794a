/* The controller with a real registry and a real coredns: the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/file.h>

#include "controller_kit.h"
#include "pause_kit.h"

static void each_change_is_served(void **state)
{
    struct controller_kit *f = *state;
    struct controller_zone_status z;

    assert_int_equal(controller_kit_start(f), 0);
    assert_true(controller_ready(f->controller));
    for (unsigned i = 0; i < 50; i++) {
        uint32_t serial = controller_kit_put_address(f, i);
        controller_kit_wait_served(f, serial);
        assert_false(serial_gt(serial, controller_kit_ask_public(f)));
    }
    struct controller_status s = controller_kit_status(f, &z);
    assert_string_equal(s.state, "ready");
    assert_int_equal(s.starts, 1);
    assert_true(s.pid > 0 && s.published >= 50 && s.probes >= 50);
    assert_true(z.load_ns > 0);
    assert_int_equal(z.lag_ns, 0);
    assert_int_equal(kill(s.pid, 0), 0);
    controller_kit_stop(f);
    assert_int_equal(kill(s.pid, 0), -1); /* ended with us */
}

static void a_killed_child_comes_back(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct controller_status s = controller_kit_status(f, NULL);
        assert_int_equal(kill(s.pid, SIGKILL), 0);
        controller_kit_wait_served(f, controller_kit_put_address(f, i));
    }
    struct controller_status s = controller_kit_status(f, NULL);
    assert_true(s.generation >= 2 && s.starts >= 2);
}

static void a_hung_child_is_replaced(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    struct controller_status before = controller_kit_status(f, NULL);
    int status = 0;
    assert_int_equal(kill(before.pid, SIGSTOP), 0);
    /* Until its last thread stands still it may go on loading. */
    assert_int_equal(waitpid(before.pid, &status, WUNTRACED), before.pid);
    assert_true(WIFSTOPPED(status));
    controller_kit_wait_served(f, controller_kit_put_address(f, 1)); /* needs another one */
    assert_int_not_equal(controller_kit_status(f, NULL).pid, before.pid);
}

static void a_child_that_stayed_is_adopted(void **state)
{
    struct controller_kit *f = *state;

    f->keep = true;
    assert_int_equal(controller_kit_start(f), 0);
    uint32_t serial = controller_kit_put_address(f, 1);
    int pid = controller_kit_status(f, NULL).pid;
    controller_kit_stop(f); /* at once: what was not served yet is served by the child alone */
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);
    while (serial_gt(serial, controller_kit_ask_public(f)) && clock_mono_ns() < deadline)
        usleep(2000);
    assert_false(serial_gt(serial, controller_kit_ask_public(f)));

    assert_int_equal(controller_kit_start(f), 0);
    struct controller_status s = controller_kit_status(f, NULL);
    assert_int_equal(s.pid, pid);
    assert_true(s.adopted);
    assert_int_equal(s.starts, 0);
    controller_kit_wait_served(f, controller_kit_put_address(f, 2));
    controller_kit_stop(f);

    /* With another public address it is another server: the old one ends when the new one is ready.
     */
    ((struct sockaddr_in *)(void *)&f->listen)->sin_port =
        htons((uint16_t)controller_kit_free_port());
    f->keep = false;
    assert_int_equal(controller_kit_start(f), 0);
    s = controller_kit_status(f, NULL);
    assert_int_not_equal(s.pid, pid);
    assert_false(s.adopted);
    /* It was this process' child all the time, and has been reaped. */
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    controller_kit_wait_served(f, controller_kit_put_address(f, 3));
}

struct waiter {
    struct controller_kit *f;
    pthread_t thread;
    uint32_t serial;
    int result;
    char reason[200];
};

static void *wait_served(void *arg)
{
    struct waiter *w = arg;
    uint64_t since;

    w->result =
        controller_wait_served(w->f->controller, 0, w->serial,
                               clock_deadline(2 * CONTROLLER_KIT_PATIENCE), &since, w->reason);
    return NULL;
}

/* Whoever comes to wait while the stop says that nobody shall is not overlooked. */
static void a_stop_answers_those_who_wait(void **state)
{
    struct controller_kit *f = *state;
    struct waiter never = {.f = f}, served = {.f = f};

    assert_int_equal(controller_kit_start(f), 0);
    served.serial = controller_kit_put_address(f, 1);
    never.serial = served.serial + 1000;
    controller_kit_wait_served(f, served.serial);
    pause_hold("controller: about to wait");
    assert_int_equal(pthread_create(&never.thread, NULL, wait_served, &never), 0);
    assert_int_equal(pthread_create(&served.thread, NULL, wait_served, &served), 0);
    pause_wait("controller: about to wait", 2);
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);
    controller_hurry(f->controller, true);
    pause_release("controller: about to wait");
    pthread_join(never.thread, NULL);
    pthread_join(served.thread, NULL);
    assert_true(clock_mono_ns() < deadline);
    assert_int_equal(never.result, -BD_ETIMEDOUT);
    assert_string_equal(never.reason, "betterdns is stopping");
    assert_int_equal(served.result, 0);
}

static void a_taken_port_is_named(void **state)
{
    struct controller_kit *f = *state;
    char pid[32];

    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* no child has it */
    assert_int_equal(bind(fd, (struct sockaddr *)&f->listen, sizeof(struct sockaddr_in)), 0);
    assert_int_equal(controller_kit_start(f), -BD_EINUSE);
    snprintf(pid, sizeof(pid), "(pid %ld)", (long)getpid());
    assert_non_null(strstr(f->problem.detail, pid));
    assert_int_equal(controller_kit_status(f, NULL).pid, 0);
    close(fd);
}

static void a_start_is_refused_in_words(void **state)
{
    static const struct {
        const char *script;
        mode_t mode;
        int error;
        const char *words;
    } cases[] = {
        {"#!/bin/sh\necho 'Corefile:7 - Error during parsing: no'\nexit 1\n", 0755, -BD_EINVALID,
         "Corefile:7 - Error during parsing: no"},
        {"#!/bin/sh\necho 'Listen: listen tcp: bind: permission denied'\nexit 1\n", 0755, -EACCES,
         "permission denied"},
        {"hello", 0755, -BD_EINVALID, "is no program"},
        {"hello", 0644, -EACCES, "is not an executable file"},
    };
    struct controller_kit *f = *state;
    static char path[128];

    f->binary = "/nonexistent/coredns";
    assert_int_equal(controller_kit_start(f), -ENOENT);
    controller_kit_stop(f);
    snprintf(path, sizeof(path), "%s/server", f->dir);
    f->binary = path;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(file_write_atomic(path, str_c(cases[i].script), cases[i].mode, false), 0);
        assert_int_equal(controller_kit_start(f), cases[i].error);
        if (!strstr(f->problem.detail, cases[i].words))
            fail_msg("%s", f->problem.detail);
        controller_kit_stop(f);
    }
}

static unsigned threads(void)
{
    unsigned n = 0;

    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void wait_for_threads(unsigned n)
{
    const uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);

    while (threads() > n && clock_mono_ns() < deadline)
        sched_yield(); /* one that was joined is a moment longer in the list */
    assert_int_equal(threads(), n);
}

/* As after an event loop that failed: what is written last is not lost, the server stays. */
static void a_controller_may_be_freed_while_it_works(void **state)
{
    struct controller_kit *f = *state;
    const unsigned before = threads();

    assert_int_equal(controller_kit_start(f), 0);
    const int pid = controller_kit_status(f, NULL).pid;
    loop_stop(f->loop);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    f->running = false;
    const uint32_t serial = controller_kit_put_address(f, 1);
    registry_stop(f->registry);
    controller_free(f->controller);
    registry_close(f->registry);
    wait_for_threads(before);
    loop_free(f->loop);
    assert_int_equal(controller_live(f->live, &f->origin).serial, serial);
    assert_int_equal(controller_kit_start(f), 0);
    assert_int_equal(controller_kit_status(f, NULL).pid, pid);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, controller_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_change_is_served),         TEST(a_killed_child_comes_back),
        TEST(a_hung_child_is_replaced),      TEST(a_child_that_stayed_is_adopted),
        TEST(a_stop_answers_those_who_wait), TEST(a_taken_port_is_named),
        TEST(a_start_is_refused_in_words),   TEST(a_controller_may_be_freed_while_it_works),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
