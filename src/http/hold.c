/* Requests that are held back, and other options for them. */
#include "hold.h"

#include <errno.h>

#include "http_private.h"

/* While requests are held, all others wait for those who are slow. */
#define HOLD_CLIENTS (2 * NS_PER_S)

/* ---- who is being answered ---- */

void hold_leave(struct http_server *s)
{
    if (atomic_fetch_sub(&s->busy, 1) != 1 || !(atomic_load(&s->draining) || atomic_load(&s->held)))
        return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->idle);
    pthread_mutex_unlock(&s->lock);
}

/* Whoever holds requests back says so first, and then waits until none is counted. */
void hold_enter(struct http_server *s)
{
    atomic_fetch_add(&s->busy, 1);
    while (atomic_load(&s->held)) {
        hold_leave(s);
        pthread_mutex_lock(&s->lock);
        while (atomic_load(&s->held))
            pthread_cond_wait(&s->resumed, &s->lock);
        pthread_mutex_unlock(&s->lock);
        atomic_fetch_add(&s->busy, 1);
    }
}

void hold_end(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->held, false);
    pthread_cond_broadcast(&s->resumed);
    pthread_mutex_unlock(&s->lock);
}

void hold_wait_idle(struct http_server *s, uint64_t time)
{
    const struct timespec until = clock_timespec(clock_deadline(time));
    int r = 0;

    pthread_mutex_lock(&s->lock);
    while (atomic_load(&s->busy) > 0 && r == 0)
        r = pthread_cond_timedwait(&s->idle, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

/* ---- other options ---- */

int http_prepare(struct http_server *s, const struct http_options *options,
                 struct problem *ret_problem)
{
    struct http_rules *next = NULL;

    int r = rules_new(options, &next);
    if (r < 0)
        problem_set(ret_problem, r, NULL, "out of memory");
    if (r == 0)
        r = listeners_prepare(s->listeners, options->listen, options->nlisten, ret_problem);
    if (r < 0) {
        rules_free(next);
        return r;
    }
    listeners_prepared(s->listeners, next->addresses);
    rules_free(s->next);
    s->next = next;
    return 0;
}

void http_forget(struct http_server *s)
{
    rules_free(s->next);
    s->next = NULL;
    listeners_forget(s->listeners);
}

void http_hold(struct http_server *s)
{
    atomic_store(&s->held, true);
    hold_wait_idle(s, HOLD_CLIENTS);
    /* They hold all others up; and what they are told comes from what is about to change. Whoever
     * has no answer begun is no hindrance, however slow. */
    while (atomic_load(&s->busy) > 0 && !atomic_load(&s->draining)) {
        places_end(s->places, PLACES_SERVED);
        hold_wait_idle(s, HOLD_CLIENTS);
    }
    if (atomic_load(&s->busy) > 0)
        return;
    rules_free(s->before);
    s->before = NULL;
}

void http_resume(struct http_server *s)
{
    hold_end(s);
}

void http_exchange(struct http_server *s)
{
    struct http_rules *next = s->next;

    if (!next)
        return;
    s->next = NULL;
    next->strict = atomic_load(&s->rules)->strict || rules_give_up(next, atomic_load(&s->rules));
    places_trust(s->places, next->options.trusted_proxies, next->options.ntrusted_proxies);
    struct http_rules *over = atomic_exchange(&s->rules, next);
    over->before = s->before;
    s->before = over;
    /* Who comes by a new address sees the new rules; who came by an old one, see guard_address. */
    listeners_exchange(s->listeners);
}
