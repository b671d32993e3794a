/* Interleavings of publishes that are a matter of microseconds, held at pause points, with a real
 * coredns: one that is overtaken by a newer one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "controller_kit.h"
#include "pause_kit.h"

static const char copying[] = "live copy: about to take its place";
static const char telling[] = "publisher: about to tell the server";

static int set_up(void **state)
{
    int r = controller_kit_set_up(state);
    struct controller_kit *f = *state;

    if (r == 0)
        r = controller_kit_start(f);
    if (r == 0)
        controller_kit_wait_served(f, controller_kit_put_address(f, 1));
    return r;
}

static int tear_down(void **state)
{
    pause_release_all();
    return controller_kit_tear_down(state);
}

/* What a waiter of this serial was told, and what the world saw the moment after. */
struct waiter {
    struct controller_kit *f;
    uint32_t serial, shown;
    int result;
    pthread_t thread;
};

static void *wait_for_it(void *arg)
{
    struct waiter *w = arg;
    uint64_t since;
    char reason[200];

    w->result = controller_wait_served(w->f->controller, 0, w->serial,
                                       clock_deadline(CONTROLLER_KIT_PATIENCE), &since, reason);
    w->shown = controller_kit_ask_public(w->f);
    return NULL;
}

static void start_waiter(struct waiter *w, struct controller_kit *f, uint32_t serial)
{
    *w = (struct waiter){.f = f, .serial = serial};
    assert_int_equal(pthread_create(&w->thread, NULL, wait_for_it, w), 0);
}

static void check_waiter(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    assert_int_equal(w->result, 0);
    assert_false(serial_gt(w->serial, w->shown));
}

static void is_not_served(struct controller_kit *f, uint32_t serial)
{
    uint64_t since;
    char reason[200];

    assert_int_equal(
        controller_wait_served(f->controller, 0, serial, clock_mono_ns(), &since, reason),
        -BD_ETIMEDOUT);
}

/* The files thread has been through all its work with the newest snapshot: it exports last. */
static void wait_exported(struct controller_kit *f)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);
    struct controller_zone_status z;

    struct snap *s = registry_snapshot(f->registry);
    do {
        usleep(1000);
        controller_kit_status(f, &z);
    } while (z.exported_seq < snap_seq(s) && clock_mono_ns() < deadline);
    assert_int_equal(z.exported_seq, snap_seq(s));
    snap_put(s);
}

/* The older copy is written, and not yet in its place, when the newer change is durable. */
static void an_older_copy_does_not_answer_for_a_newer_change(void **state)
{
    struct controller_kit *f = *state;
    struct waiter older, newer;

    pause_hold(copying);
    uint32_t n = controller_kit_put_address(f, 2);
    pause_wait(copying, 1);
    uint32_t next = controller_kit_put_address(f, 3);
    start_waiter(&older, f, n);
    start_waiter(&newer, f, next);
    is_not_served(f, n);

    pause_hold(telling); /* the older one gets into its place, and nobody is told of it */
    pause_release(copying);
    pause_wait(telling, 1);
    wait_exported(f);
    assert_int_equal(controller_live(f->live, &f->origin).serial, n); /* one at a time */
    is_not_served(f, next);
    pause_release(telling);
    check_waiter(&older);
    check_waiter(&newer);
    assert_int_equal(controller_live(f->live, &f->origin).serial, next);
}

/* The child dies while a copy of the older change is on its way: the next child's start asks for
 * the newest, and neither file nor answer goes back. */
static void a_start_overtakes_a_publish(void **state)
{
    struct controller_kit *f = *state;
    struct waiter newer;

    pause_hold(copying);
    controller_kit_put_address(f, 2);
    pause_wait(copying, 1);
    struct controller_status before = controller_kit_status(f, NULL);
    assert_int_equal(kill(before.pid, SIGKILL), 0);
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);
    while (controller_kit_status(f, NULL).pid == before.pid && clock_mono_ns() < deadline)
        usleep(1000);
    uint32_t next = controller_kit_put_address(f, 3);
    start_waiter(&newer, f, next);
    is_not_served(f, next);
    pause_release(copying);
    check_waiter(&newer);
    assert_int_equal(controller_live(f->live, &f->origin).serial, next);
    assert_int_not_equal(controller_kit_status(f, NULL).pid, before.pid);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_older_copy_does_not_answer_for_a_newer_change),
        TEST(a_start_overtakes_a_publish),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
