/* The publisher from one child to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "controller_kit.h"
#include "publisher_impl.h"

#define OF_ANOTHER UINT64_C(1000000000)

/* The loop's thread has done what it was asked. */
struct look {
    struct controller_kit *f;
    bool mark, done;
    uint64_t cpu;
};

static void on_loop(void *arg)
{
    struct look *l = arg;
    struct pub *pub = &l->f->controller->publisher->pubs[0];

    if (l->mark)
        pub->resend.cpu = OF_ANOTHER;
    l->cpu = pub->resend.cpu;
    __atomic_store_n(&l->done, true, __ATOMIC_SEQ_CST);
}

static uint64_t look(struct controller_kit *f, bool mark)
{
    struct look l = {.f = f, .mark = mark};
    const uint64_t until = clock_deadline(CONTROLLER_KIT_PATIENCE);

    assert_int_equal(loop_wake(f->loop, on_loop, &l), 0);
    while (!__atomic_load_n(&l.done, __ATOMIC_SEQ_CST)) {
        assert_true(clock_mono_ns() < until);
        usleep(2000);
    }
    return l.cpu;
}

/* Else the work of the one before would count as its own, or its own as none. */
static void a_new_child_has_used_nothing(void **state)
{
    struct controller_kit *f = *state;
    const uint64_t until = clock_deadline(CONTROLLER_KIT_PATIENCE);

    assert_int_equal(controller_kit_start(f), 0);
    uint32_t serial = controller_kit_put_address(f, 1);
    controller_kit_wait_served(f, serial);
    assert_int_equal(look(f, true), OF_ANOTHER);
    pid_t pid = controller_kit_status(f, NULL).pid;
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (controller_kit_status(f, NULL).pid == pid || !controller_kit_status(f, NULL).pid) {
        assert_true(clock_mono_ns() < until);
        usleep(2000);
    }
    controller_kit_wait_served(f, serial);
    assert_true(look(f, false) < OF_ANOTHER);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, controller_kit_tear_down)
    const struct CMUnitTest tests[] = {TEST(a_new_child_has_used_nothing)};
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
