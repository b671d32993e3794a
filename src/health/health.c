/* The thread of health: what it waits for, its second, its start and its end. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <betterdns/lease.h>
#include <betterdns/log.h>

#include "inner.h"
#include "times.h"

/* Each wake-up costs more than the check for which it is made, and what begins together often ends
 * together: from one turn to the next there is so much time at least. */
#define STEP_NS (10 * NS_PER_MS)

uint64_t engine_mono_ns(struct engine *e)
{
    return e->ways->mono_ns(e);
}

uint64_t engine_running_ns(struct engine *e)
{
    return e->ways->running_ns(e);
}

/* ---- what is followed, from the feed and from a walk ---- */

static void follow(struct engine *e, unsigned zone, const struct rrset *after, struct str owner_key,
                   uint16_t type)
{
    int r = follow_set(e, zone, after, owner_key, type);

    if (r == 0)
        return;
    if (!e->in->missed)
        log_error("health could not follow all hosts; it tries again", LOG_ERR(r));
    e->in->missed = true;
}

static void take_feed(struct engine *e)
{
    struct feed_item *items = registry_feed_take(e->feed);

    for (const struct feed_item *item = items; item; item = item->next) {
        const struct rrset *any = item->after ? item->after : item->before;
        follow(e, item->zone, item->after, rrset_owner_key(any), rrset_type(any));
    }
    feed_items_free(items);
}

/* Sets that the snapshot does not have any more. */
static void drop_gone(struct engine *e, const struct snap *snap)
{
    struct table_link *at = table_walk(&e->sets, NULL);

    while (at) {
        struct set *s = TABLE_OF(at, struct set, link);
        const struct snap_key key = {s->zone, rrset_owner_key(s->rrset), rrset_type(s->rrset)};
        at = table_walk(&e->sets, at);
        if (!snap_find(snap, key))
            follow_drop(e, s);
    }
}

void engine_resync(struct engine *e, struct snap *snap)
{
    const struct rrset *set;
    struct snap_iter it;
    unsigned zone;

    e->in->missed = false;
    drop_gone(e, snap);
    snap_seek(snap, (struct snap_key){0}, &it);
    while ((set = snap_next(&it, &zone)))
        follow(e, zone, set, rrset_owner_key(set), rrset_type(set));
}

/* ---- the guard ---- */

void engine_look(struct engine *e)
{
    const struct guard_facts facts = {
        .now_ns = engine_running_ns(e),
        .hosts = e->nhosts,
        .down = e->ndown,
        .witnesses = e->in->nwitnesses,
        .answering = witness_answering(e),
        .heard_ns = e->heard_ns,
        .late = e->nlate,
        .available = e->nstate[CHECK_AVAILABLE] - (e->nremote > 0 ? e->local_available : 0),
    };
    bool isolated = guard_isolated(&e->guard);

    if (!witness_all_heard(e))
        return;
    /* From the first look on there is something to remember. */
    e->guard_note_dirty |= !e->in->looked;
    e->in->looked = true;
    if (guard_look(&e->guard, &facts)) {
        told_panic(e, guard_panic(&e->guard));
        e->guard_note_dirty = true;
    }
    if (guard_isolated(&e->guard) != isolated) {
        told_isolated(e, !isolated);
        e->guard_note_dirty = true;
    }
}

/* ---- what is due ---- */

/* Running time may be behind, and then it is early: nothing is removed, and the second comes. */
static void remove_hosts(struct engine *e, uint64_t now_ns)
{
    uint64_t running = engine_running_ns(e);

    removal_second(e, running);
    uint64_t due = removal_due_ns(e);
    e->in->remove_ns = due == UINT64_MAX ? NEVER : now_ns + (due - running);
}

static void second(struct engine *e, uint64_t now_ns)
{
    struct engine_inner *in = e->in;

    in->second_ns = now_ns + NS_PER_S;
    registry_tick(e->registry);
    if (in->missed) {
        struct snap *snap = registry_snapshot(e->registry);
        engine_resync(e, snap);
        snap_put(snap);
    }
    local_second(e, now_ns);
    if (e->ndown > 0)
        witness_hurry(e);
    engine_look(e);
    leases_second(e, engine_running_ns(e));
    drain_second(e, now_ns);
    remove_hosts(e, now_ns);
    notes_turn(e, now_ns);
}

static uint64_t next_ns(const struct engine *e)
{
    const struct engine_inner *in = e->in;
    const uint64_t decide_ns = in->deciding ? NEVER : in->decide_ns;

    return times_earlier(times_earlier(in->second_ns, in->remove_ns),
                         times_earlier(schedule_next_ns(e), decide_ns));
}

uint64_t engine_turn(struct engine *e)
{
    struct engine_inner *in = e->in;
    uint64_t now = engine_mono_ns(e);

    take_feed(e);
    schedule_turn(e, now);
    if (now >= in->second_ns)
        second(e, now);
    else if (now >= in->remove_ns)
        remove_hosts(e, now);
    decide_turn(e, now);
    if (!in->writer_runs)
        jobs_finish(e);
    return next_ns(e);
}

void engine_rearm(struct engine *e)
{
    if (e->in->timer)
        loop_timer_at(e->in->timer, times_later(next_ns(e), e->in->turned_ns + STEP_NS));
}

static void turn_and_arm(struct engine *e)
{
    engine_turn(e);
    e->in->turned_ns = engine_mono_ns(e);
    engine_rearm(e);
}

static void on_timer(void *engine)
{
    struct engine *e = engine;

    pthread_mutex_lock(&e->lock);
    turn_and_arm(e);
    pthread_mutex_unlock(&e->lock);
}

static void drain_fd(int fd)
{
    uint64_t count;
    ssize_t ignored = read(fd, &count, sizeof(count));
    (void)ignored;
}

static void on_feed(void *engine, int fd, uint32_t events)
{
    struct engine *e = engine;

    (void)events;
    drain_fd(fd);
    pthread_mutex_lock(&e->lock);
    turn_and_arm(e);
    pthread_mutex_unlock(&e->lock);
}

/* What the job has changed came with the feed: that first. */
static void on_jobs(void *engine, int fd, uint32_t events)
{
    struct engine *e = engine;

    (void)events;
    drain_fd(fd);
    pthread_mutex_lock(&e->lock);
    take_feed(e);
    jobs_finish(e);
    turn_and_arm(e);
    pthread_mutex_unlock(&e->lock);
}

/* ---- calls of other threads ---- */

struct call {
    struct engine *engine;
    void (*fn)(struct engine *e, void *arg);
    void *arg;
    bool done; /* guarded by the engine's lock */
};

static void on_call(void *call)
{
    struct call *c = call;
    struct engine *e = c->engine;

    pthread_mutex_lock(&e->lock);
    take_feed(e);
    c->fn(e, c->arg);
    c->done = true;
    turn_and_arm(e);
    pthread_cond_broadcast(&e->in->called);
    pthread_mutex_unlock(&e->lock);
}

/* The caller's stack holds the call: once the thread has ended nobody looks at it any more. */
int engine_call(struct engine *e, void (*fn)(struct engine *e, void *arg), void *arg)
{
    struct engine_inner *in = e->in;
    struct call call = {.engine = e, .fn = fn, .arg = arg};
    int r;

    pthread_mutex_lock(&e->lock);
    if (!in->timer && !in->stopped) { /* no thread: tests turn the engine themselves */
        fn(e, arg);
        pthread_mutex_unlock(&e->lock);
        return 0;
    }
    r = in->stopped ? -BD_ESTOPPING : loop_wake(e->loop, on_call, &call);
    while (r == 0 && !call.done && !in->stopped)
        pthread_cond_wait(&in->called, &e->lock);
    if (r == 0 && !call.done)
        r = -BD_ESTOPPING;
    pthread_mutex_unlock(&e->lock);
    return r;
}

/* ---- start ---- */

static int watch(struct engine *e)
{
    struct engine_inner *in = e->in;
    int r = loop_timer_new(e->loop, on_timer, e, &in->timer);

    if (r == 0)
        r = loop_watch(e->loop, in->feed_fd, EPOLLIN, on_feed, e, &in->feed_watch);
    if (r == 0)
        r = loop_watch(e->loop, in->jobs_fd, EPOLLIN, on_jobs, e, &in->jobs_watch);
    return r;
}

int engine_open(struct engine *e)
{
    struct engine_inner *in = e->in;
    struct snap *snap;
    int r = notes_load(e);

    if (r < 0)
        return r;
    r = registry_feed_open(e->registry, follow_wants, e, in->feed_fd, &e->feed, &snap);
    if (r < 0)
        return r;
    in->second_ns = engine_mono_ns(e) + NS_PER_S;
    registry_tick(e->registry); /* from here on running time tells before from after */
    local_second(e, engine_mono_ns(e));
    in->starting = true;
    engine_resync(e, snap);
    notes_sweep(e);
    in->starting = false;
    snap_put(snap);
    witness_start(e);
    return removal_start(e);
}

static void *thread_main(void *engine)
{
    struct engine *e = engine;
    int r = loop_run(e->loop);

    if (r < 0)
        log_error("health has ended: nobody is checked any more", LOG_ERR(r));
    return NULL;
}

int health_start(struct health *h)
{
    struct engine *e = &h->engine;
    int r;

    pthread_mutex_lock(&e->lock);
    r = engine_open(e);
    if (r == 0)
        r = watch(e);
    if (r == 0)
        r = jobs_start(e);
    if (r == 0) {
        engine_rearm(e);
        r = -pthread_create(&e->in->thread, NULL, thread_main, e);
        e->in->running = r == 0;
    }
    pthread_mutex_unlock(&e->lock);
    if (r < 0)
        health_stop(h);
    return r;
}

/* ---- end ---- */

static void cancel_all(struct engine *e)
{
    for (struct table_link *at = NULL; (at = table_walk(&e->sets, at));) {
        const struct set *s = TABLE_OF(at, struct set, link);
        for (struct target *t = s->hand; t; t = t->next)
            schedule_remove(e, t);
        for (const struct reg *reg = s->regs; reg; reg = reg->next)
            for (struct target *t = reg->targets; t; t = t->next)
                schedule_remove(e, t);
    }
    for (unsigned i = 0; i < e->in->nwitnesses; i++)
        schedule_remove(e, &e->in->witnesses[i].target);
}

void health_stop(struct health *h)
{
    struct engine *e = &h->engine;
    struct engine_inner *in = e->in;

    if (in->stopped)
        return;
    if (in->running) {
        loop_stop(e->loop);
        pthread_join(in->thread, NULL);
        in->running = false;
    }
    pthread_mutex_lock(&e->lock);
    in->stopped = true;
    pthread_cond_broadcast(&in->called);
    removal_stop(e);
    cancel_all(e);
    pthread_mutex_unlock(&e->lock);
    jobs_stop(e);
    pthread_mutex_lock(&e->lock);
    if (e->feed) {
        notes_last(e);
        registry_feed_close(e->feed);
        e->feed = NULL;
    }
    pthread_mutex_unlock(&e->lock);
}
