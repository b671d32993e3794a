/* Running time: what passed between two ticks, and 2 s at most. */
#include "running.h"

#include <betterdns/clock.h>

#define STEP_MOST_NS (2 * NS_PER_S)

/* Since the last tick. A thread that ticks too late has told nobody what it saw meanwhile, so that
 * time does not go on without it. */
static uint64_t passed(const struct running *t, uint64_t now_ns, bool frozen)
{
    if (frozen || t->last_ns == 0 || now_ns <= t->last_ns)
        return 0;
    uint64_t ns = now_ns - t->last_ns;
    return ns < STEP_MOST_NS ? ns : STEP_MOST_NS;
}

uint64_t running_now(struct running *t, uint64_t now_ns, bool frozen)
{
    uint64_t ran_ns = t->ran_ns + passed(t, now_ns, frozen);

    if (t->shown_ns < ran_ns)
        t->shown_ns = ran_ns;
    return t->shown_ns;
}

void running_tick(struct running *t, uint64_t now_ns, bool frozen)
{
    t->ran_ns = running_now(t, now_ns, frozen);
    if (t->last_ns < now_ns)
        t->last_ns = now_ns;
}
