/* The registry from outside: submitting, snapshots, watchers, numbers. */
#include <signal.h>

#include <betterdns/clock.h>

#include "impl.h"
#include "included.h"
#include "job.h"

int registry_thread(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(ret_thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e == 0)
        pthread_setname_np(*ret_thread, name);
    return -e;
}

struct snap *registry_snapshot(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    struct snap *s = snap_ref(r->current);
    pthread_mutex_unlock(&r->lock);
    return s;
}

int registry_queue(struct registry *r, struct change *c)
{
    int result = 0;

    pthread_mutex_lock(&r->lock);
    if (r->closing || (r->stopping && !(c->job && c->job->while_stopping))) {
        result = -BD_ESTOPPING;
    } else if (r->stats.read_only) {
        result = -BD_EREADONLY;
    } else {
        bool idle = !r->head;
        *r->tail = change_ref(c);
        r->tail = &c->next;
        r->stats.queued++;
        r->stats.submitted++;
        if (idle && r->work_since_ns == 0)
            r->work_since_ns = clock_mono_ns();
        if (idle) /* it waits only for an empty queue */
            pthread_cond_signal(&r->work);
    }
    pthread_mutex_unlock(&r->lock);
    return result;
}

static void count_refused(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    r->stats.submitted++;
    r->stats.refused++;
    pthread_mutex_unlock(&r->lock);
}

/* What is refused here rests on no state, so that it waits for no commit. */
static int check(struct registry *r, struct change *c, struct problem *problem)
{
    struct snap *s = registry_snapshot(r);
    int result = change_check(c, s, problem);

    snap_put(s);
    if (result < 0)
        count_refused(r);
    return result;
}

int registry_run(struct registry *r, struct change *c, uint64_t deadline_ns,
                 struct receipt *ret_receipt, struct problem *problem)
{
    int result = registry_queue(r, c);
    if (result == 0)
        result = change_wait(c, deadline_ns);
    if (result < 0)
        return problem_set(problem, result, NULL, "%s",
                           result == -BD_ETIMEDOUT
                               ? "not decided in time: the change may still happen"
                               : bd_strerror(result));
    if (c->result < 0) {
        *problem = c->problem;
        return c->result;
    }
    *ret_receipt = c->receipt;
    c->receipt.set = NULL; /* now the caller's */
    return 0;
}

int registry_submit(struct registry *r, struct change *c, uint64_t deadline_ns,
                    struct receipt *ret_receipt, struct problem *ret_problem)
{
    struct receipt receipt = {0};
    struct problem problem = {0};

    bool again = atomic_exchange(&c->submitted, true);
    int result = again ? problem_set(&problem, -EALREADY, NULL, "a change is submitted once")
                       : check(r, c, &problem);
    if (result == 0)
        result = registry_run(r, c, deadline_ns, &receipt, &problem);
    if (result < 0) {
        if (ret_problem)
            *ret_problem = problem;
        return result;
    }
    if (ret_receipt)
        *ret_receipt = receipt;
    else
        rrset_put(receipt.set);
    return 0;
}

int registry_watch(struct registry *r, int eventfd)
{
    int result = 0;

    pthread_mutex_lock(&r->watching);
    if (r->nwatchers < WATCHERS_MAX)
        r->watchers[r->nwatchers++] = eventfd;
    else
        result = -ENOSPC;
    pthread_mutex_unlock(&r->watching);
    return result;
}

void registry_unwatch(struct registry *r, int eventfd)
{
    pthread_mutex_lock(&r->watching);
    for (unsigned i = 0; i < r->nwatchers; i++) {
        if (r->watchers[i] != eventfd)
            continue;
        r->watchers[i] = r->watchers[--r->nwatchers];
        break;
    }
    pthread_mutex_unlock(&r->watching);
}

void registry_set_included(struct registry *r, unsigned zone, struct included *in)
{
    pthread_mutex_lock(&r->lock);
    struct included *old = r->included[zone];
    r->included[zone] = in;
    pthread_mutex_unlock(&r->lock);
    included_put(old);
}

struct hash128 registry_mark(const struct hash128 *chain, const struct dname *origin)
{
    struct dname folded = *origin;

    dname_fold(&folded);
    return hash128_pair(chain->b, sizeof(chain->b), folded.b, folded.n);
}

struct hash128 registry_marker_hash(const struct snap *s, unsigned zone)
{
    struct hash128 chain = snap_chain(s);

    return registry_mark(&chain, &snap_zone(s, zone)->origin);
}

void registry_stats(struct registry *r, struct registry_stats *ret_stats)
{
    pthread_mutex_lock(&r->lock);
    *ret_stats = r->stats;
    if (r->work_since_ns != 0)
        ret_stats->working_ns = clock_mono_ns() - r->work_since_ns;
    pthread_mutex_unlock(&r->lock);
}
