/* What the ring of events and its waker share. */
#ifndef BETTERDNS_EVENTS_IMPL_H
#define BETTERDNS_EVENTS_IMPL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include <betterdns/events.h>

#define EVENTS_GROUPS 256U /* of readers, woken one after the other */

struct chunk;

/* Of readers, with a lock of its own: whoever adds never meets those who wait. */
struct group {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    uint64_t rounds; /* guarded by lock */
};

struct events {
    char run[17]; /* hexadecimal */
    size_t octets;
    _Atomic uint64_t last; /* number; written under lock */
    atomic_uint readers;   /* likewise */
    pthread_mutex_t lock;  /* the ring's; what follows is guarded by it */
    struct chunk *oldest, *newest;
    size_t kept; /* octets of all chunks */
    struct events_stats stats;
    unsigned next_group;

    struct group groups[EVENTS_GROUPS];
    atomic_bool fresh; /* there is something to wake readers for: a round is due */
    atomic_bool rests; /* no round is under way, and none was a moment ago */
    atomic_bool stopped, paused;
    sem_t work; /* for the waker */
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

int events_wake_start(struct events *e);
/* After events_stop. */
void events_wake_end(struct events *e);
void events_join(struct events_reader *r); /* it is one of its group from now on */
/* There is something to read. Waits for nobody. */
void events_ask_for_round(struct events *e);

#endif
