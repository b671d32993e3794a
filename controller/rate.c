#include "rate.h"

#include <betterdns/clock.h>

#define HOUR_NS (3600 * NS_PER_S)
#define BUSY_FROM 60U /* an hour */
#define CALM_BELOW 10U

static void turn(struct rate *r, uint64_t now_ns)
{
    uint64_t hour = now_ns / HOUR_NS;

    if (hour == r->hour)
        return;
    r->before = hour == r->hour + 1 ? r->count : 0;
    r->count = 0;
    r->hour = hour;
}

void rate_note(struct rate *r, uint64_t now_ns)
{
    turn(r, now_ns);
    r->count++;
}

unsigned rate_an_hour(struct rate *r, uint64_t now_ns)
{
    turn(r, now_ns);
    return r->count > r->before ? r->count : r->before;
}

bool rate_is_busy(struct rate *r, uint64_t now_ns)
{
    r->busy = rate_an_hour(r, now_ns) >= (r->busy ? CALM_BELOW : BUSY_FROM);
    return r->busy;
}
