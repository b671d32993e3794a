/* Every state x event of a publish, against a table written down a second time, as a picture; and
 * the numbers, on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "publish_table.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)

/* One letter a state, one an action:  q)uiet t)old x)extended e)scalated o)verdue
 * .nothing T)ell I)nsist X)tend E)scalate C)omplain D)one */
static const char states[] = "qtxeo", actions[] = ".TIXECD";

static const char *const expected[PUBLISH_NSTATES] = {
    /*                        COPY SHOWN BUSY LATE AGAIN VOID */
    [PUBLISH_QUIET] = "       tT   q.    q.   q.   q.    q.",
    [PUBLISH_TOLD] = "        tT   qD    xX   eE   oC    q.",
    [PUBLISH_EXTENDED] = "    tT   qD    x.   eE   oC    q.",
    [PUBLISH_ESCALATED] = "   eI   qD    e.   eE   oC    q.",
    [PUBLISH_OVERDUE] = "     oT   qD    o.   eE   oC    q.",
};

static void every_pair(void **unused)
{
    (void)unused;
    for (int s = 0; s < PUBLISH_NSTATES; s++) {
        const char *at = expected[s];
        for (int e = 0; e < PUBLISH_NEVENTS; e++) {
            struct publish_step step = publish_step((enum publish_state)s, (enum publish_event)e);
            at += strspn(at, " ");
            if (at[0] != states[step.next] || at[1] != actions[step.action])
                fail_msg("state %c, event %d: expected %.2s, got %c%c", states[s], e, at,
                         states[step.next], actions[step.action]);
            at += 2;
        }
        assert_int_equal(*at, '\0');
    }
}

/* A server that never shows anything: its deadlines, one after another. */
struct life {
    enum publish_state state;
    uint64_t now, deadline, written, escalated;
    unsigned extended, escalations, complaints;
};

static void live(struct life *l, uint64_t until, bool busy, uint64_t load)
{
    while (l->deadline <= until) {
        l->now = l->deadline;
        struct publish_step step =
            publish_step(l->state, publish_late(l->state, busy, l->now, l->escalated));
        l->state = step.next;
        l->extended += step.action == PUBLISH_DO_EXTEND;
        l->complaints += step.action == PUBLISH_DO_COMPLAIN;
        if (step.action == PUBLISH_DO_ESCALATE) {
            l->escalations++;
            l->escalated = l->now;
        }
        l->deadline = step.action == PUBLISH_DO_EXTEND
                          ? l->written + publish_patience_ns(l->now - l->written)
                          : l->now + publish_patience_ns(load);
    }
}

static void one_escalation_a_minute(void **unused)
{
    struct life l = {.state = PUBLISH_TOLD, .written = 100 * S, .deadline = 102 * S};

    (void)unused;
    live(&l, 102 * S, false, 0);
    assert_int_equal(l.state, PUBLISH_ESCALATED); /* after 2 s */
    live(&l, 104 * S, false, 0);
    assert_int_equal(l.state, PUBLISH_OVERDUE); /* and that did not help either */
    live(&l, 161 * S, false, 0);
    assert_int_equal(l.escalations, 1);
    live(&l, 162 * S, false, 0);
    assert_int_equal(l.escalations, 2);
    live(&l, 100 * S + 3600 * S, false, 0);
    assert_in_range(l.escalations, 58, 60); /* in an hour */
}

static void work_extends_a_deadline_once(void **unused)
{
    struct life l = {.state = PUBLISH_TOLD, .written = 100 * S, .deadline = 102 * S};

    (void)unused;
    live(&l, 102 * S, true, 0);
    assert_int_equal(l.state, PUBLISH_EXTENDED);
    live(&l, 108 * S - 1, true, 0);
    assert_int_equal(l.state, PUBLISH_EXTENDED);
    live(&l, 108 * S, true, 0);
    assert_int_equal(l.state, PUBLISH_ESCALATED);
    live(&l, 150 * S, true, 0);
    assert_int_equal(l.extended, 1);
}

static void deadlines(void **unused)
{
    (void)unused;
    assert_int_equal(publish_patience_ns(0), 2 * S);
    assert_int_equal(publish_patience_ns(499 * MS), 2 * S);
    assert_int_equal(publish_patience_ns(4 * S), 16 * S);
    assert_int_equal(publish_late(PUBLISH_TOLD, false, 100 * S, 0), PUBLISH_EV_LATE);
    assert_int_equal(publish_late(PUBLISH_TOLD, true, 100 * S, 99 * S), PUBLISH_EV_BUSY);
    assert_int_equal(publish_late(PUBLISH_EXTENDED, true, 100 * S, 0), PUBLISH_EV_LATE);
    assert_int_equal(publish_late(PUBLISH_TOLD, false, 100 * S, 41 * S), PUBLISH_EV_AGAIN);
    assert_int_equal(publish_late(PUBLISH_OVERDUE, true, 100 * S, 40 * S), PUBLISH_EV_LATE);
}

/* The first measurement counts whole; then one that is out of line moves it by an eighth. */
static void load_times(void **unused)
{
    uint64_t load = publish_load_ns(0, 400 * MS);

    (void)unused;
    assert_int_equal(load, 400 * MS);
    load = publish_load_ns(load, 1200 * MS);
    assert_int_equal(load, 500 * MS);
    for (int i = 0; i < 60; i++)
        load = publish_load_ns(load, 80 * MS);
    assert_in_range(load, 80 * MS, 81 * MS);
}

/* A publish that costs c is followed by as much peace: half a core. Small zones know none. */
static void peace(void **unused)
{
    (void)unused;
    assert_int_equal(publish_peace_ns(5 * MS), 0);
    assert_int_equal(publish_peace_ns(25 * MS), 0);
    assert_int_equal(publish_peace_ns(26 * MS), 26 * MS);
    assert_int_equal(publish_peace_ns(5 * S), 5 * S);
}

/* Whatever a load takes, it is seen a quarter later at most, and by few questions. */
static void questions(void **unused)
{
    unsigned asked = 0;

    (void)unused;
    for (uint64_t waited = 0; waited < 1 * S; asked++) {
        uint64_t pace = publish_pace_ns(waited, 1);
        assert_in_range(pace, MS / 4, 20 * MS);
        assert_true(pace <= waited / 4 || pace == MS / 4);
        waited += pace;
    }
    assert_in_range(asked, 50, 100);
    assert_int_equal(publish_pace_ns(0, 1000), 50 * MS); /* 20,000 questions a second for all */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(one_escalation_a_minute),
        cmocka_unit_test(work_extends_a_deadline_once),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(load_times),
        cmocka_unit_test(peace),
        cmocka_unit_test(questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
