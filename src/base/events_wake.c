/* Who waits for events, and the thread that wakes them. A reader that is woken sends what there is,
 * and often comes back at once: hundreds of them at a time would hold up the threads that answer
 * requests, and the one that makes the events. */
#include "events_impl.h"

#include <errno.h>

#include <betterdns/clock.h>

#define ROUND_NS (50 * NS_PER_MS)      /* at least */
#define READER_NS NS_PER_MS            /* for each reader: 1,000 a second at most */
#define PAUSE_LEAST_NS (2 * NS_PER_MS) /* what is shorter waits for the next group */

/* ---- the thread ---- */

/* Whoever sets it wakes the thread, which takes it back before it wakes readers: what is added
 * later gets a round of its own. */
void events_ask_for_round(struct events *e)
{
    if (!atomic_exchange(&e->fresh, true))
        sem_post(&e->work);
}

static void pause_until(struct events *e, uint64_t until_ns)
{
    const struct timespec until = clock_timespec(until_ns);

    while (!atomic_load(&e->stopped) &&
           clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static void wake_group(struct group *g)
{
    pthread_mutex_lock(&g->lock);
    g->rounds++;
    pthread_cond_broadcast(&g->woken);
    pthread_mutex_unlock(&g->lock);
}

static void wake_groups(struct events *e)
{
    uint64_t due_ns = clock_mono_ns();

    for (unsigned i = 0; i < EVENTS_GROUPS && !atomic_load(&e->stopped); i++) {
        wake_group(&e->groups[i]);
        due_ns += atomic_load(&e->readers) * READER_NS / EVENTS_GROUPS;
        if (due_ns >= clock_deadline(PAUSE_LEAST_NS))
            pause_until(e, due_ns);
    }
}

static void *waker_main(void *events)
{
    struct events *e = events;

    while (!atomic_load(&e->stopped)) {
        atomic_store(&e->rests, true);
        while (sem_wait(&e->work) < 0)
            ; /* EINTR */
        atomic_store(&e->rests, false);
        atomic_store(&e->fresh, false);
        const uint64_t next_ns = clock_deadline(ROUND_NS);
        wake_groups(e);
        pause_until(e, next_ns);
    }
    return NULL;
}

int events_wake_start(struct events *e)
{
    sem_init(&e->work, 0, 0);
    for (unsigned i = 0; i < EVENTS_GROUPS; i++) {
        pthread_mutex_init(&e->groups[i].lock, NULL);
        clock_cond_init(&e->groups[i].woken);
    }
    const int r = -pthread_create(&e->waker, NULL, waker_main, e);
    if (r == 0)
        pthread_setname_np(e->waker, "events");
    return r;
}

void events_wake_end(struct events *e)
{
    pthread_join(e->waker, NULL);
    for (unsigned i = 0; i < EVENTS_GROUPS; i++) {
        pthread_cond_destroy(&e->groups[i].woken);
        pthread_mutex_destroy(&e->groups[i].lock);
    }
    sem_destroy(&e->work);
}

static void wake_all(struct events *e)
{
    for (unsigned i = 0; i < EVENTS_GROUPS; i++)
        wake_group(&e->groups[i]);
}

void events_stop(struct events *e)
{
    if (!e)
        return;
    atomic_store(&e->stopped, true);
    sem_post(&e->work);
    wake_all(e);
}

void events_pause(struct events *e, bool on)
{
    atomic_store(&e->paused, on);
    if (on)
        wake_all(e);
}

/* ---- those who wait ---- */

void events_join(struct events_reader *r)
{
    struct group *g = &r->events->groups[r->group];

    pthread_mutex_lock(&g->lock);
    r->rounds = g->rounds;
    pthread_mutex_unlock(&g->lock);
}

/* Of one that has something to read, under its group's lock. While events come thick and fast, a
 * client that asks again and again is held up as one that stays is: else hundreds of them would do
 * nothing but ask. */
static bool may_go(struct events_reader *r)
{
    struct events *e = r->events;

    if (e->groups[r->group].rounds != r->rounds)
        return true;
    if (atomic_load(&e->rests) && !atomic_load(&e->fresh))
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

    pthread_mutex_lock(&g->lock);
    for (;;) {
        if (atomic_load(&e->last) > r->place)
            result = may_go(r);
        r->rounds = g->rounds;
        if (atomic_load(&e->stopped) || atomic_load(&e->paused))
            result = -BD_ESTOPPING;
        if (result != 0 || clock_mono_ns() >= deadline_ns)
            break;
        pthread_cond_timedwait(&g->woken, &g->lock, &until);
    }
    pthread_mutex_unlock(&g->lock);
    return result;
}
