#include "starting.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <betterdns/clock.h>

struct starting {
    const struct notify *notify;
    uint64_t interval_ns;
    bool (*progress)(void *arg);
    void *arg;
    uint64_t cpu_ns;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool over; /* guarded by lock */
};

bool starting_progress(uint64_t *cpu_ns, uint64_t interval_ns)
{
    struct timespec now;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) < 0)
        return false;
    uint64_t before_ns = *cpu_ns;
    *cpu_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    return *cpu_ns - before_ns >= interval_ns / 100;
}

static bool own_progress(void *arg)
{
    struct starting *s = arg;

    return starting_progress(&s->cpu_ns, s->interval_ns);
}

/* False: the interval has passed. */
static bool is_over(struct starting *s)
{
    const struct timespec until = clock_timespec(clock_deadline(s->interval_ns));
    int r = 0;

    pthread_mutex_lock(&s->lock);
    while (!s->over && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&s->cond, &s->lock, &until);
    bool over = s->over;
    pthread_mutex_unlock(&s->lock);
    return over;
}

static void *starting_main(void *arg)
{
    struct starting *s = arg;

    (void)notify_send(s->notify, STARTING_MORE_TIME);
    while (!is_over(s))
        if (s->progress(s->arg))
            (void)notify_send(s->notify, STARTING_MORE_TIME); /* else the next one */
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct starting *s)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&s->thread, NULL, starting_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int starting_new(const struct notify *notify, uint64_t interval_ns, bool (*progress)(void *arg),
                 void *arg, struct starting **ret_starting)
{
    *ret_starting = NULL;
    if (!notify)
        return 0;
    struct starting *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    *s = (struct starting){.notify = notify,
                           .interval_ns = interval_ns,
                           .progress = progress ? progress : own_progress,
                           .arg = progress ? arg : s};
    pthread_mutex_init(&s->lock, NULL);
    int r = clock_cond_init(&s->cond);
    if (r < 0)
        goto no_cond;
    r = start_thread(s);
    if (r < 0)
        goto no_thread;
    *ret_starting = s;
    return 0;
no_thread:
    pthread_cond_destroy(&s->cond);
no_cond:
    pthread_mutex_destroy(&s->lock);
    free(s);
    return r;
}

void starting_free(struct starting *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->over = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->cond);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
