/* The strategy "file": the server looks at the live copy itself, often. It loses no query and
 * closes no connection (coredns-facts.md). */
#include <betterdns/clock.h>

#include "kinds.h"

/* A look (open, read up to the SOA) costs the server about 0.13 ms: 200 a second 2.7 % of a core. A
 * load costs 3 us a record: of a large zone, or on a slow machine, it takes so long that looking
 * often wins nothing. */
#define FAST_MS 5U
#define SLOW_MS 100U
#define SLOW_ABOVE 20000U /* records */
#define FAST_BELOW 10000U
#define SMALL 1000U /* records; a long load of fewer is the machine's, and passes */
#define SLOW_LOAD_NS (100 * NS_PER_MS)
#define FAST_LOAD_NS (50 * NS_PER_MS)
/* So many zones are looked at at full speed; more of them share that budget. */
#define FAST_ZONES 2U

/* Two limits each, for every change of mind costs a signal. */
static bool is_slow(const struct poll_facts *f)
{
    bool was_slow = f->now_ms >= SLOW_MS;
    uint64_t look_ns = f->now_ms * NS_PER_MS / 2; /* what it waits for a look on average */
    uint64_t load_ns = f->load_ns > look_ns ? f->load_ns - look_ns : 0;

    if (f->nrecords > SLOW_ABOVE || (was_slow && f->nrecords >= FAST_BELOW))
        return true;
    return f->nrecords > SMALL && load_ns > (was_slow ? FAST_LOAD_NS : SLOW_LOAD_NS);
}

/* Where there are more zones than can be looked at at full speed, and some of them change often,
 * the budget is theirs. */
static unsigned file_poll_ms(const struct poll_facts *f)
{
    unsigned sharing = f->nbusy > 0 ? f->nbusy : f->nzones;

    if (is_slow(f))
        return SLOW_MS;
    if (f->nzones <= FAST_ZONES)
        return FAST_MS;
    if (f->nbusy > 0 && !f->busy)
        return SLOW_MS;
    unsigned ms = FAST_MS * (sharing > FAST_ZONES ? (sharing + FAST_ZONES - 1) / FAST_ZONES : 1);
    return ms > SLOW_MS ? SLOW_MS : ms;
}

static int file_publish(const struct target *target, const struct publication *publication)
{
    (void)target;
    (void)publication;
    return 0; /* the rename was all */
}

const struct strategy strategy_file = {
    .name = "file",
    .help = "it polls",
    .needs_polls = true,
    .stronger = &strategy_signal,
    .poll_ms = file_poll_ms,
    .publish = file_publish,
};
