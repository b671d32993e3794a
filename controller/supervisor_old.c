/* The older children: servers of earlier generations, which share the port until they have ended.
 */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>

#include <betterdns/log.h>
#include <betterdns/reuseport.h>

#include "supervisor_impl.h"

#define LOOK_NS (2 * NS_PER_MS)
#define DRAIN_NS (500 * NS_PER_MS) /* at most: CoreDNS needs some 20 us a question */

static struct reuseport_server server_of(const struct child *child)
{
    return (struct reuseport_server){.pid = child->pid, .pidfd = child->pidfd};
}

static bool drains(const struct supervisor *s)
{
    const struct reuseport_server older = server_of(&s->old[0].child);

    return clock_mono_ns() < s->drain_ns && reuseport_waiting(&s->c->listen, &older) > 0;
}

static void end_old(void *arg)
{
    struct supervisor *s = arg;

    if (drains(s)) {
        loop_timer_at(s->old_timer, clock_deadline(LOOK_NS));
        return;
    }
    s->drain_ns = 0;
    for (unsigned i = 0; i < s->nold; i++)
        child_signal(&s->old[i].child, s->old_tries < TERM_TRIES ? SIGTERM : SIGKILL);
    s->old_tries++;
    loop_timer_at(s->old_timer, s->nold > 0 ? clock_deadline(AGAIN_NS) : UINT64_MAX);
}

void supervisor_end_old(struct supervisor *s, bool kill)
{
    s->old_tries = kill ? TERM_TRIES : 0;
    s->drain_ns = 0;
    end_old(s);
}

void supervisor_retire_old(struct supervisor *s)
{
    const struct reuseport_server newer = server_of(&s->child), older = server_of(&s->old[0].child);

    int r = s->nold == 1 ? reuseport_steer(&s->c->listen, &newer, &older) : -EBUSY;
    if (r < 0) {
        log_debug("what an older server has not read yet is lost", LOG_ERR(r));
        supervisor_end_old(s, false);
        return;
    }
    s->steered = true;
    s->old_tries = 0;
    s->drain_ns = clock_deadline(DRAIN_NS);
    loop_timer_at(s->old_timer, clock_deadline(LOOK_NS));
}

/* The next successor is to get questions when it works, not as soon as it is there. */
static void release(struct supervisor *s)
{
    const struct reuseport_server server = server_of(&s->child);

    if (s->steered)
        (void)reuseport_release(&s->c->listen, &server);
    s->steered = false;
}

static void on_old_ended(void *arg, int fd, uint32_t events)
{
    struct old *o = arg;
    struct supervisor *s = o->s;
    bool any = false, by_signal;
    int status;

    (void)fd;
    (void)events;
    if (!child_ended(&o->child, &status, &by_signal))
        return;
    log_info("an older server has ended", LOG_INT("pid", o->child.pid),
             LOG_UINT("generation", o->child.generation));
    supervisor_forget(s, &o->child, &o->watch, false);
    for (unsigned i = 0; i < OLD_MAX; i++)
        any = any || s->old[i].watch;
    if (any)
        return;
    s->nold = 0;
    release(s);
    if (s->start_waits)
        supervisor_start_alone(s);
    else
        supervisor_alone(s);
}

int supervisor_add_old(struct supervisor *s, const struct child *child)
{
    if (s->nold == OLD_MAX)
        return -ENOSPC;
    struct old *o = &s->old[s->nold];

    *o = (struct old){.s = s, .child = *child};
    int r = loop_watch(s->c->loop, child->pidfd, EPOLLIN, on_old_ended, o, &o->watch);
    if (r == 0)
        s->nold++;
    return r;
}

void supervisor_leave_old(struct supervisor *s)
{
    for (unsigned i = 0; i < OLD_MAX; i++) {
        if (!s->old[i].watch)
            continue;
        loop_unwatch(s->old[i].watch);
        s->old[i].watch = NULL;
        child_release(&s->old[i].child);
    }
    s->nold = 0;
    loop_timer_at(s->old_timer, UINT64_MAX);
}

int supervisor_new_old(struct supervisor *s)
{
    return loop_timer_new(s->c->loop, end_old, s, &s->old_timer);
}
