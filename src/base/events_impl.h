/* What the ring of events and its waker share. */
#ifndef BETTERDNS_EVENTS_IMPL_H
#define BETTERDNS_EVENTS_IMPL_H

#include <pthread.h>

#include <betterdns/events.h>

#define EVENTS_GROUPS 64U /* of readers, woken one after the other */

struct chunk;

struct group {
    pthread_cond_t woken;
    uint64_t rounds;
};

struct events {
    char run[17]; /* hexadecimal */
    size_t octets;
    pthread_mutex_t lock; /* what follows is guarded by it */
    struct chunk *oldest, *newest;
    size_t kept;   /* octets of all chunks */
    uint64_t last; /* number */
    struct events_stats stats;
    unsigned next_group;
    struct group groups[EVENTS_GROUPS];
    bool fresh; /* there is something to wake readers for: a round is due */
    bool rests; /* no round is under way, and none was a moment ago */
    bool stopped;
    pthread_cond_t work; /* for the waker */
    pthread_t waker;
};

struct events_reader {
    struct events *events;
    struct chunk *chunk; /* counted */
    size_t at;
    uint64_t place;
    unsigned group;
    uint64_t rounds; /* of its group, that it has seen */
};

/* ---- events_wake.c ---- */

/* The thread that wakes readers. */
void *events_waker(void *events);
/* There is something to read: wakes the thread at most. Under the lock. */
void events_ask_for_round(struct events *e);

#endif
