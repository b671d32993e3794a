/* The thread of the people's files: each zone has its turn. A large file takes seconds to parse, to
 * merge, to export, and live copies wait for none of that. It sleeps until a commit, a poke or a
 * deadline. */
#include <stdlib.h>
#include <unistd.h>

#include "asks.h"
#include "internal.h"
#include "wake.h"

struct people_thread {
    struct controller *c;
    pthread_t thread;
    bool running;
    int wake; /* commits and pokes */

    /* of the thread */
    struct people **people;

    pthread_mutex_t lock;
    bool stop, rescan; /* guarded by lock */
};

static void take_flags(struct people_thread *t, bool *stop, bool *rescan)
{
    pthread_mutex_lock(&t->lock);
    *stop = t->stop;
    *rescan = t->rescan;
    t->rescan = false;
    pthread_mutex_unlock(&t->lock);
}

/* Each zone with the newest snapshot: the one before it may have taken long. */
static uint64_t turns(struct people_thread *t, bool look, bool last)
{
    uint64_t next_ns = UINT64_MAX;

    for (unsigned i = 0; i < t->c->nzones; i++) {
        struct snap *s = registry_snapshot(t->c->registry);
        uint64_t again_ns = people_turn(t->people[i], s, look, last);
        snap_put(s);
        if (again_ns < next_ns)
            next_ns = again_ns;
    }
    return next_ns;
}

static void *run(void *arg)
{
    struct people_thread *t = arg;
    bool stop, rescan;

    do {
        /* After the count was taken: what comes later wakes us again. */
        take_flags(t, &stop, &rescan);
        uint64_t next_ns = turns(t, rescan, stop);
        if (!stop)
            wake_wait(t->wake, next_ns);
    } while (!stop);
    asks_close(t->c->asks);
    return NULL;
}

int people_thread_new(struct controller *c, struct people_thread **ret_thread)
{
    struct people_thread *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->c = c;
    t->wake = -1;
    pthread_mutex_init(&t->lock, NULL);
    t->people = calloc(c->nzones, sizeof(*t->people));
    int r = t->people ? wake_new(&t->wake) : -ENOMEM;
    for (unsigned i = 0; r == 0 && i < c->nzones; i++)
        r = people_new(c, i, &t->people[i]);
    if (r == 0)
        r = registry_watch(c->registry, t->wake);
    if (r < 0) {
        people_thread_free(t);
        return r;
    }
    *ret_thread = t;
    return 0;
}

int people_thread_start(struct people_thread *t)
{
    int r = -pthread_create(&t->thread, NULL, run, t);
    t->running = r == 0;
    return r;
}

void people_thread_poke(struct people_thread *t)
{
    wake_up(t->wake);
}

void people_thread_rescan(struct people_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->rescan = true;
    pthread_mutex_unlock(&t->lock);
    wake_up(t->wake);
}

void people_thread_stop(struct people_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_mutex_unlock(&t->lock);
    wake_up(t->wake);
}

void people_thread_join(struct people_thread *t)
{
    if (t->running)
        pthread_join(t->thread, NULL);
    t->running = false;
}

void people_thread_free(struct people_thread *t)
{
    if (!t)
        return;
    for (unsigned i = 0; t->people && i < t->c->nzones; i++)
        people_free(t->people[i]);
    free(t->people);
    if (t->wake >= 0) {
        registry_unwatch(t->c->registry, t->wake);
        close(t->wake);
    }
    pthread_mutex_destroy(&t->lock);
    free(t);
}
