/* What the operator asks of the people's thread. */
#include "asks.h"

#include <pthread.h>
#include <stdlib.h>

#include <betterdns/clock.h>

struct asks {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct ask *first; /* guarded by lock: not taken yet */
    bool closed;       /* guarded by lock */
};

int asks_new(struct asks **ret_asks)
{
    struct asks *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    int r = clock_cond_init(&a->answered);
    if (r < 0) {
        free(a);
        return r;
    }
    pthread_mutex_init(&a->lock, NULL);
    *ret_asks = a;
    return 0;
}

void asks_free(struct asks *a)
{
    if (!a)
        return;
    pthread_cond_destroy(&a->answered);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

struct ask *ask_new(enum ask_kind kind, unsigned zone, uint64_t deadline_ns)
{
    struct ask *ask = calloc(1, sizeof(*ask));

    if (ask)
        *ask = (struct ask){.kind = kind, .zone = zone, .deadline_ns = deadline_ns};
    return ask;
}

int asks_put(struct asks *a, struct ask *ask)
{
    struct ask **last = &a->first;

    pthread_mutex_lock(&a->lock);
    bool closed = a->closed;
    while (*last)
        last = &(*last)->next;
    if (!closed)
        *last = ask;
    pthread_mutex_unlock(&a->lock);
    return closed ? -BD_ESTOPPING : 0;
}

/* False: the people's thread has taken it. */
static bool take_back(struct asks *a, const struct ask *ask)
{
    for (struct ask **at = &a->first; *at; at = &(*at)->next)
        if (*at == ask) {
            *at = ask->next;
            return true;
        }
    return false;
}

int asks_wait(struct asks *a, struct ask *ask, struct problem *ret_problem)
{
    const struct timespec until = clock_timespec(ask->deadline_ns);
    int r = 0;

    pthread_mutex_lock(&a->lock);
    while (!ask->done && r == 0)
        r = pthread_cond_timedwait(&a->answered, &a->lock, &until);
    bool done = ask->done, taken_back = !done && take_back(a, ask);
    ask->left = !done;
    pthread_mutex_unlock(&a->lock);
    if (!done) {
        if (taken_back)
            free(ask);
        return problem_set(ret_problem, -BD_ETIMEDOUT, NULL,
                           taken_back ? "the zone files are being worked on: try again"
                                      : "it is not done yet, and may still happen");
    }
    r = ask->result;
    if (r < 0 && ret_problem)
        *ret_problem = ask->problem;
    free(ask);
    return r;
}

struct ask *asks_take(struct asks *a, unsigned zone)
{
    struct ask **at = &a->first;

    pthread_mutex_lock(&a->lock);
    while (*at && (*at)->zone != zone)
        at = &(*at)->next;
    struct ask *ask = *at;
    if (ask) {
        *at = ask->next;
        ask->next = NULL;
    }
    pthread_mutex_unlock(&a->lock);
    return ask;
}

/* With the lock. */
static void answer(struct ask *ask, int result, const struct problem *problem)
{
    if (ask->left) {
        free(ask);
        return;
    }
    ask->result = result;
    if (result < 0)
        ask->problem = *problem;
    ask->done = true;
}

void asks_answer(struct asks *a, struct ask *ask, int result, const struct problem *problem)
{
    pthread_mutex_lock(&a->lock);
    answer(ask, result, problem);
    pthread_cond_broadcast(&a->answered);
    pthread_mutex_unlock(&a->lock);
}

void asks_close(struct asks *a)
{
    struct problem problem;
    struct ask *next;

    problem_set(&problem, -BD_ESTOPPING, NULL, "betterdns is stopping");
    pthread_mutex_lock(&a->lock);
    a->closed = true;
    for (struct ask *ask = a->first; ask; ask = next) {
        next = ask->next;
        answer(ask, -BD_ESTOPPING, &problem);
    }
    a->first = NULL;
    pthread_cond_broadcast(&a->answered);
    pthread_mutex_unlock(&a->lock);
}
