/* The strategy "file": the server looks at the live copy itself, often. It loses no query and
 * closes no connection (coredns-facts.md). */
#include "kinds.h"

/* A look costs the server 0.2 to 0.4 ms of a core each second and hertz (open, read up to the SOA);
 * a load costs 3 us a record, and while copies come faster than loads there is nothing to win by
 * looking often. */
#define FAST_MS 10U
#define SLOW_MS 100U
#define SLOW_FROM 10000U /* records */
#define FAST_BELOW 5000U
/* So many zones are looked at at full speed; with more, all of them together cost no more than
 * these. */
#define FAST_ZONES 4U

static unsigned file_poll_ms(unsigned now_ms, size_t nrecords, unsigned nzones)
{
    bool slow_now = now_ms >= SLOW_MS;
    unsigned fast = FAST_MS * ((nzones + FAST_ZONES - 1) / FAST_ZONES);

    if (nrecords > SLOW_FROM || (slow_now && nrecords >= FAST_BELOW) || fast > SLOW_MS)
        return SLOW_MS;
    return fast ? fast : FAST_MS;
}

static int file_publish(struct child *child, const struct publication *publication)
{
    (void)child;
    (void)publication;
    return 0; /* the rename was all */
}

const struct strategy strategy_file = {
    .name = "file",
    .poll_ms = file_poll_ms,
    .publish = file_publish,
};
