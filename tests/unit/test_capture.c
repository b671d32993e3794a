/* What a program prints and how it ends; what is killed with it. With real processes. */
#include <betterdns/capture.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/buf.h>
#include <betterdns/clock.h>
#include <betterdns/file.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LONG_NS (20 * NS_PER_S)

struct fixture {
    struct loop *loop;
    struct capture *capture;
    struct buf output;
    bool ended, late;
    int code, pipe[2];
    char pipe_path[64];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(loop_new(&f->loop), 0);
    /* Closed for its reader when all who inherit it have ended. */
    assert_int_equal(pipe(f->pipe), 0);
    snprintf(f->pipe_path, sizeof(f->pipe_path), "/proc/%d/fd/%d", getpid(), f->pipe[1]);
    *state = f;
    return 0;
}

static int clear_away(void **state)
{
    struct fixture *f = *state;

    close(f->pipe[0]);
    if (f->pipe[1] >= 0)
        close(f->pipe[1]);
    buf_free(&f->output);
    loop_free(f->loop);
    free(f);
    return 0;
}

static void on_end(void *arg, const struct capture_end *end)
{
    struct fixture *f = arg;

    assert_false(f->ended);
    f->ended = true;
    f->late = end->late;
    f->code = end->code;
    buf_add_str(&f->output, end->output);
    buf_add_c(&f->output, '\0');
    f->capture = NULL;
    loop_stop(f->loop);
}

static void on_too_late(void *arg)
{
    (void)arg;
    fail_msg("the program has not ended in time");
}

/* $1 is a file that tells who still lives. */
static int start(struct fixture *f, const struct capture_plan *as, const char *script)
{
    const char *argv[] = {"/bin/sh", "-c", script, "sh", f->pipe_path, NULL};
    struct capture_plan plan = *as;

    plan.argv = argv;
    if (plan.deadline_ns == 0)
        plan.deadline_ns = clock_deadline(LONG_NS);
    if (plan.output_max == 0)
        plan.output_max = 4096;
    return capture_start(f->loop, &plan, on_end, f, &f->capture);
}

static void run_on(struct fixture *f)
{
    struct loop_timer *timer;

    assert_int_equal(loop_timer_new(f->loop, on_too_late, f, &timer), 0);
    loop_timer_at(timer, clock_deadline(2 * LONG_NS));
    assert_int_equal(loop_run(f->loop), 0);
    loop_timer_free(timer);
}

static void run(struct fixture *f, const struct capture_plan *plan, const char *script)
{
    assert_int_equal(start(f, plan, script), 0);
    assert_false(f->ended);
    run_on(f);
    assert_true(f->ended);
}

/* Until whoever has opened it for writing has ended. */
static void wait_for_all_gone(struct fixture *f)
{
    struct pollfd fd = {.fd = f->pipe[0], .events = POLLIN};
    char c;

    close(f->pipe[1]);
    f->pipe[1] = -1;
    do {
        assert_int_equal(poll(&fd, 1, (int)(LONG_NS / NS_PER_MS)), 1);
    } while (read(f->pipe[0], &c, 1) > 0);
}

static void wait_for_word(struct fixture *f)
{
    struct pollfd fd = {.fd = f->pipe[0], .events = POLLIN};
    char c;

    assert_int_equal(poll(&fd, 1, (int)(LONG_NS / NS_PER_MS)), 1);
    assert_int_equal(read(f->pipe[0], &c, 1), 1);
}

/* ---- how it ends ---- */

static void test_output_and_code(void **state)
{
    struct fixture *f = *state;

    run(f, &(struct capture_plan){0}, "echo out; echo err >&2; exit 3");
    assert_string_equal(f->output.p, "out\nerr\n");
    assert_int_equal(f->code, 3);
    assert_false(f->late);
}

static void test_success(void **state)
{
    struct fixture *f = *state;

    run(f, &(struct capture_plan){0}, "exec >&- 2>&-; exit 0");
    assert_string_equal(f->output.p, "");
    assert_int_equal(f->code, 0);
}

static void test_signal(void **state)
{
    struct fixture *f = *state;

    run(f, &(struct capture_plan){0}, "kill -USR1 $$");
    assert_int_equal(f->code, -SIGUSR1);
    assert_false(f->late);
}

/* It is the leader of a session and a group of its own. */
static void test_session(void **state)
{
    struct fixture *f = *state;

    run(f, &(struct capture_plan){0},
        "read -r p c s parent group session rest </proc/self/stat; "
        "[ $group = $$ ] && [ $session = $$ ] && echo own");
    assert_string_equal(f->output.p, "own\n");
}

static void test_no_program(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"/nonexistent/program", NULL};
    const struct capture_plan plan = {
        .argv = argv, .deadline_ns = clock_deadline(LONG_NS), .output_max = 1};

    assert_int_equal(capture_start(f->loop, &plan, on_end, f, &f->capture), -ENOENT);
    assert_false(f->ended);
}

/* ---- its output ---- */

static void test_beginning_is_kept(void **state)
{
    struct fixture *f = *state;

    run(f, &(struct capture_plan){.output_max = 5},
        "echo 123456789; i=0; while [ $i -lt 20000 ]; do echo more and more; i=$((i+1)); done");
    assert_string_equal(f->output.p, "12345");
    assert_int_equal(f->code, 0);
}

static void test_end_is_kept(void **state)
{
    struct fixture *f = *state;

    run(f, &(struct capture_plan){.output_max = 6, .keep_end = true},
        "i=0; while [ $i -lt 20000 ]; do echo more and more; i=$((i+1)); done; echo 123456789");
    assert_string_equal(f->output.p, "56789\n");
    assert_int_equal(f->code, 0);
}

static void test_short_end(void **state)
{
    struct fixture *f = *state;

    run(f, &(struct capture_plan){.output_max = 6, .keep_end = true}, "printf 12");
    assert_string_equal(f->output.p, "12");
}

/* Whoever still prints does not hold it up, and is left alone: it notices that nobody listens. */
static void test_background(void **state)
{
    struct fixture *f = *state;

    run(f, &(struct capture_plan){0},
        "(exec 3>\"$1\"; trap '' PIPE; while echo x; do :; done 2>&-; echo w >&3) & exit 0");
    assert_int_equal(f->code, 0);
    assert_false(f->late);
    wait_for_word(f);
    wait_for_all_gone(f);
}

/* ---- its deadline ---- */

static void test_killed_at_once(void **state)
{
    struct fixture *f = *state;

    run(f, &(struct capture_plan){.deadline_ns = clock_deadline(100 * NS_PER_MS)},
        "trap '' TERM; exec 3>\"$1\"; echo began; (trap '' TERM; sleep 600) & sleep 600");
    assert_true(f->late);
    assert_int_equal(f->code, -SIGKILL);
    wait_for_all_gone(f);
}

static void test_told_first(void **state)
{
    struct fixture *f = *state;
    const struct capture_plan plan = {.deadline_ns = clock_deadline(200 * NS_PER_MS),
                                      .grace_ns = LONG_NS};

    run(f, &plan, "exec 3>\"$1\"; trap 'echo told; exit 7' TERM; (trap '' TERM; sleep 600) & wait");
    assert_true(f->late);
    assert_int_equal(f->code, 7);
    assert_string_equal(f->output.p, "told\n");
    wait_for_all_gone(f);
}

static void test_killed_after_grace(void **state)
{
    struct fixture *f = *state;
    const struct capture_plan plan = {.deadline_ns = clock_deadline(100 * NS_PER_MS),
                                      .grace_ns = 200 * NS_PER_MS};

    run(f, &plan, "exec 3>\"$1\"; trap '' TERM; while :; do sleep 600; done");
    assert_true(f->late);
    assert_int_equal(f->code, -SIGKILL);
    wait_for_all_gone(f);
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        start(f, &(struct capture_plan){0}, "exec 3>\"$1\"; sleep 600 & echo w >&3; sleep 600"), 0);
    wait_for_word(f);
    capture_cancel(f->capture);
    capture_cancel(NULL);
    wait_for_all_gone(f);
    assert_false(f->ended);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clear_away)
    const struct CMUnitTest tests[] = {
        TEST(test_output_and_code), TEST(test_success),    TEST(test_signal),
        TEST(test_session),         TEST(test_no_program), TEST(test_beginning_is_kept),
        TEST(test_end_is_kept),     TEST(test_short_end),  TEST(test_background),
        TEST(test_killed_at_once),  TEST(test_told_first), TEST(test_killed_after_grace),
        TEST(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
