/* Reckoning with times: no wrap, and what is still to come counts as now (after a restart we
 * may be some seconds behind what we wrote). */
#ifndef HEALTH_TIMES_H
#define HEALTH_TIMES_H

#include <betterdns/clock.h>

static inline uint64_t times_since(uint64_t from_ns, uint64_t now_ns)
{
    return now_ns > from_ns ? now_ns - from_ns : 0;
}

static inline uint64_t times_after(uint64_t from_ns, uint64_t length_ns)
{
    return length_ns > UINT64_MAX - from_ns ? UINT64_MAX : from_ns + length_ns;
}

static inline uint64_t times_earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t times_later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
