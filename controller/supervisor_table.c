/* The supervisor's table. A pair that is not listed cannot happen or comes too late: the state
 * stays and nothing is done. */
#include "supervisor_table.h"

#include <sys/random.h>

#include <betterdns/clock.h>
#include <betterdns/str.h>

#define BACK_OFF_FIRST_NS (100 * NS_PER_MS)
#define BACK_OFF_MOST_NS (10 * NS_PER_S)

/* Its versions differ here. */
/* clang-format off */
#define TO(state, do) {.next = CHILD_##state, .action = CHILD_DO_##do, .listed = true}
/* clang-format on */

struct cell {
    enum child_state next;
    enum child_action action;
    bool listed;
};

static const struct cell table[CHILD_NSTATES][CHILD_NEVENTS] = {
    [CHILD_DOWN] =
        {
            [CHILD_EV_START] = TO(STARTING, START),
            [CHILD_EV_ADOPTED] = TO(STARTING, WATCH),
            [CHILD_EV_STOP] = TO(DOWN, FINISH),
        },
    [CHILD_STARTING] =
        {
            [CHILD_EV_FAILED] = TO(BACKING_OFF, BACK_OFF),
            [CHILD_EV_SERVING] = TO(READY, ANNOUNCE),
            /* Only of one that was adopted and does not work: while one loads its port refuses. */
            [CHILD_EV_SILENT] = TO(HUNG, KILL),
            [CHILD_EV_EXITED] = TO(BACKING_OFF, BACK_OFF),
            [CHILD_EV_TIMER] = TO(HUNG, KILL),
            [CHILD_EV_STOP] = TO(STOPPING, END),
        },
    [CHILD_READY] =
        {
            [CHILD_EV_SILENT] = TO(HUNG, KILL),
            [CHILD_EV_EXITED] = TO(BACKING_OFF, BACK_OFF),
            [CHILD_EV_TIMER] = TO(READY, FORGIVE),
            [CHILD_EV_STOP] = TO(STOPPING, END),
            [CHILD_EV_REPLACE] = TO(REPLACING, RAISE),
        },
    [CHILD_REPLACING] =
        {
            [CHILD_EV_SILENT] = TO(STARTING, SUCCEED),
            [CHILD_EV_EXITED] = TO(STARTING, SUCCEED),
            [CHILD_EV_TIMER] = TO(REPLACING, FORGIVE),
            [CHILD_EV_STOP] = TO(STOPPING, END),
            [CHILD_EV_NEXT_SERVING] = TO(READY, PROMOTE),
            [CHILD_EV_NEXT_FAILED] = TO(READY, ABANDON),
        },
    [CHILD_HUNG] =
        {
            [CHILD_EV_EXITED] = TO(BACKING_OFF, BACK_OFF),
            [CHILD_EV_TIMER] = TO(HUNG, KILL),
            [CHILD_EV_STOP] = TO(STOPPING, KILL),
        },
    [CHILD_BACKING_OFF] =
        {
            [CHILD_EV_TIMER] = TO(STARTING, START),
            [CHILD_EV_STOP] = TO(DOWN, FINISH),
        },
    [CHILD_STOPPING] =
        {
            /* The stop came while the copies were being written. */
            [CHILD_EV_FAILED] = TO(DOWN, FINISH),
            [CHILD_EV_EXITED] = TO(DOWN, FINISH),
            [CHILD_EV_TIMER] = TO(STOPPING, END),
        },
};

static const char *const names[] = {
    [CHILD_DOWN] = "down",         [CHILD_STARTING] = "starting",
    [CHILD_READY] = "ready",       [CHILD_REPLACING] = "replacing",
    [CHILD_HUNG] = "hung",         [CHILD_BACKING_OFF] = "backing-off",
    [CHILD_STOPPING] = "stopping",
};
_Static_assert(ARRAY_SIZE(names) == CHILD_NSTATES, "one name per state");
_Static_assert(ARRAY_SIZE(table) == CHILD_NSTATES, "one row per state");

struct child_step supervisor_step(enum child_state state, enum child_event event)
{
    const struct cell *c = &table[state][event];

    if (!c->listed)
        return (struct child_step){.next = state, .action = CHILD_DO_NOTHING};
    return (struct child_step){.next = c->next, .action = c->action};
}

const char *child_state_name(enum child_state state)
{
    return names[state];
}

uint64_t supervisor_back_off_ns(unsigned failures, uint16_t dice)
{
    uint64_t wait = BACK_OFF_FIRST_NS;

    if (failures == 0)
        return 0;
    while (--failures > 0 && wait < BACK_OFF_MOST_NS)
        wait *= 2;
    if (wait > BACK_OFF_MOST_NS)
        wait = BACK_OFF_MOST_NS;
    return wait - wait / 4 + wait / 2 * dice / 65536; /* a quarter less to a quarter more */
}

uint64_t supervisor_pause_ns(unsigned failures)
{
    uint16_t dice = 0;

    if (getrandom(&dice, sizeof(dice), 0) != sizeof(dice))
        dice = 0;
    return supervisor_back_off_ns(failures, dice);
}
