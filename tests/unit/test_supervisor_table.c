/* Every state x event of the supervisor, against a table written down a second time, as a picture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "supervisor_table.h"

/* One letter a state, one a action:  d)own s)tarting r)eady (re)p)lacing h)ung b)acking-off e)nding
 * .nothing  S)tart W)atch A)nnounce F)orgive K)ill E)nd B)ack off X finish
 * R)aise P)romote abandoN succeeD */
static const char states[] = "dsrphbe", actions[] = ".SWAFKEBXRPND";

static const char *const expected[CHILD_NSTATES] = {
    /*                      START ADOPTED FAILED SERVING SILENT EXITED TIMER STOP REPLACE
                            NEXT_SERVING NEXT_FAILED */
    [CHILD_DOWN] = "        sS    sW      d.     d.      d.     d.     d.    dX   d.  d. d.",
    [CHILD_STARTING] = "    s.    s.      bB     rA      hK     bB     hK    eE   s.  s. s.",
    [CHILD_READY] = "       r.    r.      r.     r.      hK     bB     rF    eE   pR  r. r.",
    [CHILD_REPLACING] = "   p.    p.      p.     p.      sD     sD     pF    eE   p.  rP rN",
    [CHILD_HUNG] = "        h.    h.      h.     h.      h.     bB     hK    eK   h.  h. h.",
    [CHILD_BACKING_OFF] = " b.    b.      b.     b.      b.     b.     sS    dX   b.  b. b.",
    [CHILD_STOPPING] = "    e.    e.      dX     e.      e.     dX     eE    e.   e.  e. e.",
};

static void every_pair(void **unused)
{
    (void)unused;
    for (int s = 0; s < CHILD_NSTATES; s++) {
        const char *at = expected[s];
        for (int e = 0; e < CHILD_NEVENTS; e++) {
            struct child_step step = supervisor_step((enum child_state)s, (enum child_event)e);
            at += strspn(at, " ");
            if (at[0] != states[step.next] || at[1] != actions[step.action])
                fail_msg("%s, event %d: expected %.2s, got %c%c",
                         child_state_name((enum child_state)s), e, at, states[step.next],
                         actions[step.action]);
            at += 2;
        }
        assert_int_equal(*at, '\0');
    }
}

/* Whatever happens, a stop comes to an end: from every state a stop, then exits and timers, lead to
 * "down" and say so once. */
static void a_stop_ends(void **unused)
{
    static const enum child_event then[] = {CHILD_EV_TIMER, CHILD_EV_SILENT, CHILD_EV_SERVING,
                                            CHILD_EV_TIMER, CHILD_EV_EXITED};

    (void)unused;
    for (int s = 0; s < CHILD_NSTATES; s++) {
        struct child_step step = supervisor_step((enum child_state)s, CHILD_EV_STOP);
        int finished = step.action == CHILD_DO_FINISH;
        for (size_t i = 0; i < sizeof(then) / sizeof(then[0]) && step.next != CHILD_DOWN; i++) {
            step = supervisor_step(step.next, then[i]);
            finished += step.action == CHILD_DO_FINISH;
        }
        assert_int_equal(step.next, CHILD_DOWN);
        assert_int_equal(finished, 1);
    }
}

static void names(void **unused)
{
    (void)unused;
    assert_string_equal(child_state_name(CHILD_BACKING_OFF), "backing-off");
    assert_string_equal(child_state_name(CHILD_DOWN), "down");
    assert_string_equal(child_state_name(CHILD_REPLACING), "replacing");
    assert_string_equal(child_state_name(CHILD_STOPPING), "stopping");
}

/* At once, then 100 ms doubling to 10 s, spread by a quarter to both sides; for ever. */
static void back_off(void **unused)
{
    static const unsigned ms[] = {0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    const uint64_t ns = 1000000;

    (void)unused;
    for (unsigned i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        assert_int_equal(supervisor_back_off_ns(i, 0), ms[i] * ns * 3 / 4);
        assert_int_equal(supervisor_back_off_ns(i, 32768), ms[i] * ns);
        assert_true(supervisor_back_off_ns(i, 65535) <= ms[i] * ns * 5 / 4);
        assert_true(i == 0 || supervisor_back_off_ns(i, 65535) > ms[i] * ns * 6 / 5);
    }
    assert_int_equal(supervisor_back_off_ns(UINT32_MAX, 32768), 10000 * ns);
}

/* Two that failed at the same moment do not come back at the same moment. */
static void dice(void **unused)
{
    uint64_t least = UINT64_MAX, most = 0;

    (void)unused;
    for (int i = 0; i < 200; i++) {
        uint64_t pause = supervisor_pause_ns(4);
        least = pause < least ? pause : least;
        most = pause > most ? pause : most;
    }
    assert_in_range(least, 600 * 1000000, 700 * 1000000); /* of 600 to 1,000 ms */
    assert_in_range(most, 900 * 1000000, 1000 * 1000000);
    assert_int_equal(supervisor_pause_ns(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair), cmocka_unit_test(a_stop_ends), cmocka_unit_test(back_off),
        cmocka_unit_test(dice),       cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
