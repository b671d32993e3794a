/* The rule of telling a server to read and of believing it, on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reload.h"

#define S UINT64_C(1000000000)

static void a_start_is_trusted_at_once(void **unused)
{
    struct reload r;

    (void)unused;
    reload_begin(&r, PROOF_REVISION, 1);
    assert_false(reload_outstanding(&r));
    assert_true(reload_may_send(&r));
    assert_int_equal(reload_heard(&r, 1, 0), RELOAD_TRUST);
    assert_int_equal(reload_check(&r, UINT64_MAX, true), RELOAD_IN_TIME);
}

/* Of an adopted server nothing is known: its first answer is looked into, whatever it shows. */
static void an_adopted_one_is_looked_at(void **unused)
{
    struct reload r;

    (void)unused;
    reload_begin(&r, PROOF_REVISION, 0);
    assert_false(reload_may_send(&r)); /* a signal might find it at its start, and end it */
    assert_int_equal(reload_heard(&r, 41, 7 * S), RELOAD_LOOK);
    assert_true(reload_may_send(&r));
    assert_int_equal(r.seen, 41);
    assert_int_equal(reload_alone(&r, 41), RELOAD_TRUST);
    assert_int_equal(reload_heard(&r, 41, 0), RELOAD_TRUST);
    assert_int_equal(reload_heard(&r, 42, 0),
                     RELOAD_LOOK); /* the last signal of who had it before */
    assert_int_equal(reload_alone(&r, 42), RELOAD_TRUST);
    assert_int_equal(reload_heard(&r, 41, 0), RELOAD_DOUBT);
    assert_int_equal(reload_heard(&r, 42, 0), RELOAD_TRUST);
    assert_int_equal(r.seen, 42);
}

static void one_signal_at_a_time(void **unused)
{
    struct reload r;

    (void)unused;
    reload_begin(&r, PROOF_REVISION, 1);
    reload_sent(&r, 2, 10 * S, 2 * S);
    assert_true(reload_outstanding(&r));
    assert_false(reload_may_send(&r));
    /* What the old instance shows may be taken back by the new one, which has read before. */
    assert_int_equal(reload_heard(&r, 1, 0), RELOAD_DOUBT);
    /* The new one answers; until the old one is known to be gone the signal is outstanding. */
    assert_int_equal(reload_heard(&r, 2, 0), RELOAD_LOOK);
    assert_true(reload_outstanding(&r));
    assert_int_equal(reload_heard(&r, 1, 0), RELOAD_DOUBT);
    assert_int_equal(reload_alone(&r, 2), RELOAD_TRUST);
    assert_false(reload_outstanding(&r));
    assert_int_equal(reload_heard(&r, 2, 0), RELOAD_TRUST);
    assert_int_equal(reload_heard(&r, 1, 0), RELOAD_DOUBT); /* a late answer */
}

static void a_signal_that_is_not_obeyed_is_given_up(void **unused)
{
    struct reload r;

    (void)unused;
    reload_begin(&r, PROOF_REVISION, 1);
    reload_sent(&r, 2, 10 * S, 2 * S);
    assert_int_equal(reload_check(&r, 12 * S - 1, false), RELOAD_IN_TIME);
    assert_true(reload_outstanding(&r));
    assert_int_equal(reload_check(&r, 12 * S, false), RELOAD_GIVEN_UP);
    assert_false(reload_outstanding(&r));
    assert_int_equal(reload_check(&r, 13 * S, false), RELOAD_IN_TIME); /* said once */
    assert_int_equal(reload_heard(&r, 1, 0), RELOAD_TRUST); /* the old instance goes on */
    /* It comes after all: looked into like any other. */
    assert_int_equal(reload_heard(&r, 2, 0), RELOAD_LOOK);
    /* Or while the next one is outstanding already, which it does not answer. */
    reload_sent(&r, 3, 20 * S, 2 * S);
    assert_int_equal(reload_heard(&r, 2, 0), RELOAD_LOOK);
    assert_int_equal(reload_alone(&r, 2), RELOAD_DOUBT);
    assert_true(reload_outstanding(&r));
    assert_int_equal(reload_heard(&r, 2, 0), RELOAD_DOUBT);
    assert_int_equal(reload_alone(&r, 3), RELOAD_TRUST);
    assert_int_equal(reload_heard(&r, 3, 0), RELOAD_TRUST);
}

static void work_extends_it_once(void **unused)
{
    struct reload r;

    (void)unused;
    reload_begin(&r, PROOF_REVISION, 1);
    reload_sent(&r, 2, 10 * S, 2 * S);
    assert_int_equal(reload_check(&r, 13 * S, true), RELOAD_EXTENDED); /* to four times 3 s */
    assert_int_equal(reload_check(&r, 22 * S - 1, true), RELOAD_IN_TIME);
    assert_int_equal(reload_check(&r, 22 * S, true), RELOAD_GIVEN_UP);
    reload_sent(&r, 3, 30 * S, 2 * S); /* the next one has an extension of its own */
    assert_int_equal(reload_check(&r, 32 * S, true), RELOAD_EXTENDED);
}

/* Its answers are those of old and new processes alike: each one is looked into. */
static void processes_are_looked_at_each_time(void **unused)
{
    struct reload r;

    (void)unused;
    reload_begin(&r, PROOF_PROCESSES, 0);
    assert_false(reload_may_send(&r));
    assert_int_equal(reload_heard(&r, 0, 7 * S), RELOAD_LOOK);
    assert_true(reload_may_send(&r));
    assert_int_equal(r.seen_ns, 7 * S); /* once: the time since then counts where none is seen */
    assert_int_equal(reload_alone(&r, 0), RELOAD_TRUST);
    assert_int_equal(reload_heard(&r, 0, 8 * S), RELOAD_LOOK);
    assert_int_equal(r.seen_ns, 7 * S);
    reload_sent(&r, 2, 10 * S, 2 * S);
    assert_false(reload_outstanding(&r));
    assert_int_equal(reload_check(&r, UINT64_MAX, false), RELOAD_IN_TIME);
}

/* Nothing could ever say that it was obeyed: it is not waited for. */
static void what_shows_nothing_is_believed(void **unused)
{
    struct reload r;

    (void)unused;
    reload_begin(&r, PROOF_NONE, 0);
    assert_false(reload_may_send(&r));
    assert_int_equal(reload_heard(&r, 0, 7 * S), RELOAD_TRUST);
    assert_int_equal(r.seen, 1);
    reload_sent(&r, 2, 10 * S, 2 * S);
    assert_int_equal(r.seen, 2);
    assert_true(reload_may_send(&r));
    assert_int_equal(reload_check(&r, UINT64_MAX, false), RELOAD_IN_TIME);
    assert_int_equal(reload_heard(&r, 0, 11 * S), RELOAD_TRUST);
    assert_int_equal(r.seen, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_is_trusted_at_once),
        cmocka_unit_test(an_adopted_one_is_looked_at),
        cmocka_unit_test(one_signal_at_a_time),
        cmocka_unit_test(a_signal_that_is_not_obeyed_is_given_up),
        cmocka_unit_test(work_extends_it_once),
        cmocka_unit_test(processes_are_looked_at_each_time),
        cmocka_unit_test(what_shows_nothing_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
