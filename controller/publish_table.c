/* The publish table. A pair that is not listed cannot happen or comes too late. */
#include "publish_table.h"

#include <betterdns/clock.h>
#include <betterdns/str.h>

#define LEAST_NS (2 * NS_PER_S)
#define FACTOR 4U
#define ESCALATIONS_NS (60 * NS_PER_S)
#define SMOOTHED 8U
#define SMALL_NS (25 * NS_PER_MS)

#define PACE_LEAST_NS (NS_PER_MS / 4)
#define PACE_MOST_NS (20 * NS_PER_MS)
#define PACE_PART 4U                  /* of what it took so far: so much later it is seen at most */
#define PACE_ZONE_NS (NS_PER_MS / 20) /* a thousand zones are asked for every 50 ms */

/* Its versions differ here. */
/* clang-format off */
#define TO(state, do) {.next = PUBLISH_##state, .action = PUBLISH_DO_##do, .listed = true}
/* clang-format on */

struct cell {
    enum publish_state next;
    enum publish_action action;
    bool listed;
};

static const struct cell table[PUBLISH_NSTATES][PUBLISH_NEVENTS] = {
    [PUBLISH_QUIET] =
        {
            [PUBLISH_EV_COPY] = TO(TOLD, TELL),
        },
    [PUBLISH_TOLD] =
        {
            [PUBLISH_EV_COPY] = TO(TOLD, TELL),
            [PUBLISH_EV_SHOWN] = TO(QUIET, END),
            [PUBLISH_EV_BUSY] = TO(EXTENDED, EXTEND),
            [PUBLISH_EV_LATE] = TO(ESCALATED, ESCALATE),
            [PUBLISH_EV_AGAIN] = TO(OVERDUE, COMPLAIN),
            [PUBLISH_EV_VOID] = TO(QUIET, NOTHING),
        },
    [PUBLISH_EXTENDED] =
        {
            [PUBLISH_EV_COPY] = TO(TOLD, TELL),
            [PUBLISH_EV_SHOWN] = TO(QUIET, END),
            [PUBLISH_EV_LATE] = TO(ESCALATED, ESCALATE),
            [PUBLISH_EV_AGAIN] = TO(OVERDUE, COMPLAIN),
            [PUBLISH_EV_VOID] = TO(QUIET, NOTHING),
        },
    [PUBLISH_ESCALATED] =
        {
            [PUBLISH_EV_COPY] = TO(ESCALATED, INSIST),
            [PUBLISH_EV_SHOWN] = TO(QUIET, END),
            [PUBLISH_EV_LATE] = TO(ESCALATED, ESCALATE),
            [PUBLISH_EV_AGAIN] = TO(OVERDUE, COMPLAIN),
            [PUBLISH_EV_VOID] = TO(QUIET, NOTHING),
        },
    [PUBLISH_OVERDUE] =
        {
            [PUBLISH_EV_COPY] = TO(OVERDUE, TELL),
            [PUBLISH_EV_SHOWN] = TO(QUIET, END),
            [PUBLISH_EV_LATE] = TO(ESCALATED, ESCALATE),
            [PUBLISH_EV_AGAIN] = TO(OVERDUE, COMPLAIN),
            [PUBLISH_EV_VOID] = TO(QUIET, NOTHING),
        },
};
_Static_assert(ARRAY_SIZE(table) == PUBLISH_NSTATES, "one row per state");

struct publish_step publish_step(enum publish_state state, enum publish_event event)
{
    const struct cell *c = &table[state][event];

    if (!c->listed)
        return (struct publish_step){.next = state, .action = PUBLISH_DO_NOTHING};
    return (struct publish_step){.next = c->next, .action = c->action};
}

uint64_t publish_patience_ns(uint64_t load_ns)
{
    uint64_t usual = FACTOR * load_ns;

    return usual > LEAST_NS ? usual : LEAST_NS;
}

enum publish_event publish_late(enum publish_state state, bool busy, uint64_t now,
                                uint64_t escalated_ns)
{
    if (busy && state == PUBLISH_TOLD)
        return PUBLISH_EV_BUSY;
    if (escalated_ns != 0 && now - escalated_ns < ESCALATIONS_NS)
        return PUBLISH_EV_AGAIN;
    return PUBLISH_EV_LATE;
}

uint64_t publish_load_ns(uint64_t load_ns, uint64_t took_ns)
{
    if (load_ns == 0)
        return took_ns;
    return load_ns - load_ns / SMOOTHED + took_ns / SMOOTHED;
}

uint64_t publish_peace_ns(uint64_t cost_ns)
{
    return cost_ns > SMALL_NS ? cost_ns : 0;
}

uint64_t publish_pace_ns(uint64_t waited_ns, unsigned zones)
{
    uint64_t pace = waited_ns / PACE_PART;

    if (pace < PACE_LEAST_NS)
        pace = PACE_LEAST_NS;
    if (pace > PACE_MOST_NS)
        pace = PACE_MOST_NS;
    uint64_t least = PACE_ZONE_NS * zones;
    return pace < least ? least : pace;
}
