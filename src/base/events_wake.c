/* Who waits for events, and the thread that wakes them. A reader that is woken sends what there is,
 * and often comes back at once: hundreds of them at a time would hold up the threads that answer
 * requests, and the one that makes the events. */
#include "events_impl.h"

#include <betterdns/clock.h>

#define ROUND_NS (50 * NS_PER_MS)      /* at least */
#define READER_NS (NS_PER_MS / 2)      /* for each reader: 2,000 a second at most */
#define PAUSE_LEAST_NS (2 * NS_PER_MS) /* what is shorter waits for the next group */

static void pause_until(struct events *e, uint64_t until_ns)
{
    const struct timespec until = clock_timespec(until_ns);

    while (!e->stopped && clock_mono_ns() < until_ns)
        pthread_cond_timedwait(&e->work, &e->lock, &until);
}

void events_ask_for_round(struct events *e)
{
    if (e->fresh)
        return;
    e->fresh = true;
    pthread_cond_signal(&e->work);
}

static void wake_groups(struct events *e)
{
    uint64_t due_ns = clock_mono_ns();

    for (unsigned i = 0; i < EVENTS_GROUPS && !e->stopped; i++) {
        e->groups[i].rounds++;
        pthread_cond_broadcast(&e->groups[i].woken);
        due_ns += e->stats.readers * READER_NS / EVENTS_GROUPS;
        if (due_ns >= clock_deadline(PAUSE_LEAST_NS))
            pause_until(e, due_ns);
    }
}

void *events_waker(void *events)
{
    struct events *e = events;

    pthread_mutex_lock(&e->lock);
    while (!e->stopped) {
        e->rests = true;
        while (!e->fresh && !e->stopped)
            pthread_cond_wait(&e->work, &e->lock);
        e->rests = e->fresh = false;
        const uint64_t next_ns = clock_deadline(ROUND_NS);
        wake_groups(e);
        pause_until(e, next_ns);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

void events_stop(struct events *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stopped = true;
    pthread_cond_broadcast(&e->work);
    for (unsigned i = 0; i < EVENTS_GROUPS; i++)
        pthread_cond_broadcast(&e->groups[i].woken);
    pthread_mutex_unlock(&e->lock);
}

/* Of one that has something to read, under the lock. While events come thick and fast, a client
 * that asks again and again is held up as one that stays is: else hundreds of them would do
 * nothing but ask. */
static bool may_go(struct events_reader *r)
{
    struct events *e = r->events;

    if ((e->rests && !e->fresh) || e->groups[r->group].rounds != r->rounds)
        return true;
    events_ask_for_round(e); /* its group's turn in this one may be over */
    return false;
}

int events_wait(struct events_reader *r, uint64_t deadline_ns)
{
    struct events *e = r->events;
    struct group *g = &e->groups[r->group];
    const struct timespec until = clock_timespec(deadline_ns);
    int result = 0;

    pthread_mutex_lock(&e->lock);
    for (;;) {
        if (e->last > r->place)
            result = may_go(r);
        r->rounds = g->rounds;
        if (e->stopped)
            result = -BD_ESTOPPING;
        if (result != 0 || clock_mono_ns() >= deadline_ns)
            break;
        pthread_cond_timedwait(&g->woken, &e->lock, &until);
    }
    pthread_mutex_unlock(&e->lock);
    return result;
}
