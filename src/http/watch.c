/* Deadlines of sockets. */
#include "watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <betterdns/clock.h>

#define STEP (NS_PER_S / 4)
#define QUIET_STEPS 8 /* without an entry, until the thread sleeps for good */

struct watch {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct watch_entry *entries; /* this and below guarded by lock */
    unsigned quiet;
    bool stop;
};

static void fire_due(struct watch *w)
{
    const uint64_t now = clock_mono_ns();

    for (struct watch_entry *e = w->entries; e; e = e->next) {
        if (e->fired || e->deadline > now)
            continue;
        e->fired = true;
        shutdown(e->fd, e->how);
    }
}

static void *watch_run(void *argument)
{
    struct watch *w = argument;

    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (w->quiet >= QUIET_STEPS) {
            pthread_cond_wait(&w->wake, &w->lock);
        } else {
            struct timespec until = clock_timespec(clock_deadline(STEP));
            pthread_cond_timedwait(&w->wake, &w->lock, &until);
        }
        w->quiet = w->entries ? 0 : w->quiet + 1;
        fire_due(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int watch_start(struct watch **ret_watch)
{
    struct watch *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    int r = clock_cond_init(&w->wake);
    if (r < 0) {
        free(w);
        return r;
    }
    pthread_mutex_init(&w->lock, NULL);
    r = -pthread_create(&w->thread, NULL, watch_run, w);
    if (r < 0) {
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->wake);
        free(w);
        return r;
    }
    *ret_watch = w;
    return 0;
}

void watch_stop(struct watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    free(w);
}

void watch_arm(struct watch *w, struct watch_entry *e, int fd, int how, uint64_t deadline)
{
    *e = (struct watch_entry){.fd = fd, .how = how, .deadline = deadline};
    if (fd < 0)
        return;
    pthread_mutex_lock(&w->lock);
    e->next = w->entries;
    e->back = &w->entries;
    if (e->next)
        e->next->back = &e->next;
    w->entries = e;
    /* A thread that is awake anyway looks soon enough: no wake-up a request. */
    if (w->quiet >= QUIET_STEPS)
        pthread_cond_signal(&w->wake);
    w->quiet = 0;
    pthread_mutex_unlock(&w->lock);
}

bool watch_disarm(struct watch *w, struct watch_entry *e)
{
    if (e->fd < 0)
        return false;
    pthread_mutex_lock(&w->lock); /* first: an entry armed since writes our back */
    if (e->back) {
        *e->back = e->next;
        if (e->next)
            e->next->back = e->back;
        e->back = NULL;
    }
    bool fired = e->fired;
    pthread_mutex_unlock(&w->lock);
    return fired;
}
