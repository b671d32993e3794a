/* The successor: a server that is started beside the child, on the same port, with an address and
 * an identifier of its own. The child goes on and is watched as ever; it is told to end once the
 * successor shows, for every zone, what the live copies had when it was started. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <betterdns/log.h>

#include "probe.h"
#include "proof.h"
#include "publish_table.h"
#include "supervisor_impl.h"
#include "told.h"

struct swap_zone {
    uint32_t aim; /* the serial that it must show */
    bool shown;
};

static void count(struct supervisor *s, uint64_t *counter)
{
    pthread_mutex_lock(&s->c->lock);
    (*counter)++;
    pthread_mutex_unlock(&s->c->lock);
}

/* ---- its end ---- */

/* Nothing of ours waits for it any more; its process and its configuration are left. */
static void stop_asking(struct supervisor *s)
{
    struct swap *n = &s->next;

    prober_free(n->prober);
    n->prober = NULL;
    loop_unwatch(n->watch);
    n->watch = NULL;
    loop_timer_at(n->ask, UINT64_MAX);
    loop_timer_at(n->deadline, UINT64_MAX);
}

/* One whose end nobody would see is killed: then it is soon. */
static void make_old(struct supervisor *s, struct child *child)
{
    int r = supervisor_add_old(s, child);

    if (r < 0) {
        log_error("an older server cannot be watched and is killed", LOG_INT("pid", child->pid),
                  LOG_ERR(r));
        child_signal(child, SIGKILL);
        child_release(child);
    }
    *child = child_none();
}

void swap_drop(struct supervisor *s)
{
    struct swap *n = &s->next;

    stop_asking(s);
    conf_free(n->conf);
    n->conf = NULL;
    if (n->child.pidfd >= 0) {
        make_old(s, &n->child);
        return;
    }
    conf_forget(s->c, n->child.generation);
    child_release(&n->child);
}

/* n->trouble says why. */
static void fail(struct supervisor *s)
{
    supervisor_event(s, CHILD_EV_NEXT_FAILED);
}

void swap_abandon(struct supervisor *s)
{
    struct swap *n = &s->next;

    log_error("the DNS server could not be replaced: it stays", LOG_C("reason", n->trouble),
              LOG_UINT("generation", s->child.generation));
    told_not_replaced(s->c, n->trouble);
    count(s, &s->c->status.failed_swaps);
    n->not_before_ns = clock_deadline(supervisor_pause_ns(++n->failures));
    swap_drop(s);
    if (s->nold > 0)
        supervisor_end_old(s, true);
    else
        supervisor_alone(s);
}

static void on_ended(void *arg, int fd, uint32_t events)
{
    struct supervisor *s = arg;
    struct swap *n = &s->next;
    int status;
    bool by_signal;
    long pid = (long)n->child.pid;

    (void)fd;
    (void)events;
    if (!child_ended(&n->child, &status, &by_signal))
        return;
    snprintf(n->trouble, sizeof(n->trouble),
             "the new %s (pid %ld) ended %s %d before it answered; the old one stays",
             s->c->kind->name, pid, by_signal ? "by signal" : "with exit code", status);
    supervisor_forget(s, &n->child, &n->watch, false);
    fail(s);
}

static void on_deadline(void *arg)
{
    struct supervisor *s = arg;
    struct swap *n = &s->next;

    if (supervisor_loads(&n->child, n->start_ns, &n->cpu)) {
        loop_timer_at(n->deadline, clock_deadline(START_NS));
        return;
    }
    snprintf(n->trouble, sizeof(n->trouble),
             "the new %s (pid %ld) did not answer within %u s; the old one stays", s->c->kind->name,
             (long)n->child.pid, (unsigned)((clock_mono_ns() - n->start_ns) / NS_PER_S));
    fail(s);
}

/* ---- its answers ---- */

static void on_ask(void *arg)
{
    struct supervisor *s = arg;
    struct swap *n = &s->next;
    unsigned asked = 0;

    for (unsigned i = 0; i < s->c->nzones; i++) {
        if (n->zones[i].shown)
            continue;
        prober_ask(n->prober, i);
        asked++;
    }
    uint64_t now = clock_mono_ns();
    loop_timer_at(n->ask, now + publish_pace_ns(now - n->start_ns, asked));
}

static void on_answer(void *arg, unsigned zone, uint32_t serial, unsigned revision)
{
    struct supervisor *s = arg;
    struct swap_zone *z = &s->next.zones[zone];

    (void)revision; /* it was never signalled: there is one */
    if (serial == 0 || serial_gt(z->aim, serial))
        return;
    z->shown = true;
    for (unsigned i = 0; i < s->c->nzones; i++)
        if (!s->next.zones[i].shown)
            return;
    supervisor_event(s, CHILD_EV_NEXT_SERVING);
}

/* ---- its start ---- */

static int watch(struct supervisor *s)
{
    struct controller *c = s->c;
    struct swap *n = &s->next;

    n->start_ns = clock_mono_ns();
    n->cpu = child_cpu(&n->child);
    int r = loop_watch(c->loop, n->child.pidfd, EPOLLIN, on_ended, s, &n->watch);
    if (r == 0)
        r = prober_new(c->loop, &n->child.asked, n->child.nsid, n->origins, on_answer, s,
                       &n->prober);
    loop_timer_at(n->ask, n->start_ns);
    loop_timer_at(n->deadline, clock_deadline(START_NS));
    return r;
}

/* What is in the live copies now; what comes later is told to it, or the next one. */
static void take_aim(struct supervisor *s)
{
    struct controller *c = s->c;

    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < c->nzones; i++)
        s->next.zones[i] = (struct swap_zone){.aim = c->zones[i].written};
    pthread_mutex_unlock(&c->lock);
}

/* From its start on it may answer the public: what the child alone shows is not served. */
void swap_raise(struct supervisor *s)
{
    struct swap *n = &s->next;

    publisher_open(s->c->publisher, false);
    take_aim(s);
    int r = conf_new(s->c, s->binary, &n->conf);
    if (r == 0)
        r = supervisor_spawn(s, n->conf, &n->child, n->trouble);
    else
        snprintf(n->trouble, sizeof(n->trouble), "no memory for a new %s", s->c->kind->name);
    if (r == 0 && !n->child.has_private) {
        snprintf(n->trouble, sizeof(n->trouble), "the new %s got no address of its own",
                 s->c->kind->name);
        r = -EADDRNOTAVAIL;
    }
    if (r == 0) {
        r = watch(s);
        if (r < 0)
            snprintf(n->trouble, sizeof(n->trouble), "the new %s cannot be watched: %s",
                     s->c->kind->name, bd_strerror(r));
    }
    if (r < 0) {
        fail(s);
        return;
    }
    log_info("a new DNS server starts beside the old one", LOG_INT("pid", n->child.pid),
             LOG_UINT("generation", n->child.generation));
}

int supervisor_replace(struct supervisor *s)
{
    bool busy = s->state == CHILD_REPLACING || (s->state == CHILD_READY && s->nold > 0);

    if (busy || clock_mono_ns() < s->next.not_before_ns)
        return -EAGAIN;
    if (s->state != CHILD_READY)
        return -ENOTCONN;
    if (!s->child.has_private || !proof_is_named(s->c))
        return -EADDRNOTAVAIL;
    supervisor_event(s, CHILD_EV_REPLACE);
    return s->state == CHILD_REPLACING ? 0 : -EAGAIN;
}

/* ---- it takes the child's place ---- */

static void take_place(struct supervisor *s)
{
    struct swap *n = &s->next;

    stop_asking(s);
    s->child = n->child;
    n->child = child_none();
    conf_free(s->conf);
    s->conf = n->conf;
    n->conf = NULL;
    n->failures = 0;
    n->trouble[0] = '\0';
    count(s, &s->c->status.swaps);
}

/* All that can fail, before anything is changed. */
static int prepare(struct supervisor *s, struct loop_watch **ret_watch)
{
    struct swap *n = &s->next;
    struct loop_watch *w;

    loop_unwatch(n->watch); /* a descriptor has one watch */
    n->watch = NULL;
    int r = loop_watch(s->c->loop, n->child.pidfd, EPOLLIN, supervisor_child_ended, s, &w);
    if (r < 0)
        return r;
    r = publisher_replace(s->c->publisher, &n->child, n->conf);
    if (r < 0) {
        loop_unwatch(w);
        return r;
    }
    *ret_watch = w;
    return 0;
}

void swap_promote(struct supervisor *s)
{
    struct swap *n = &s->next;
    struct child old = s->child;
    struct loop_watch *w;
    uint64_t start_ns = n->start_ns;

    int r = prepare(s, &w);
    if (r < 0) {
        snprintf(n->trouble, sizeof(n->trouble),
                 "the new %s cannot be watched: %s; the old one "
                 "stays",
                 s->c->kind->name, bd_strerror(r));
        swap_abandon(s);
        return;
    }
    loop_unwatch(s->watch);
    take_place(s);
    s->watch = w;
    make_old(s, &old);
    log_info("the DNS server was replaced", LOG_INT("pid", s->child.pid),
             LOG_UINT("generation", s->child.generation),
             LOG_UINT("ms", (clock_mono_ns() - start_ns) / NS_PER_MS));
    supervisor_retire_old(s);
    supervisor_note(s);
}

/* Whatever it has come to, it is further than one that is started now. */
void swap_succeed(struct supervisor *s)
{
    if (s->child.pidfd >= 0) {
        publisher_detach(s->c->publisher);
        loop_unwatch(s->watch);
        s->watch = NULL;
        make_old(s, &s->child);
        supervisor_end_old(s, true);
    }
    s->announced = false;
    take_place(s);
    snprintf(s->reason, sizeof(s->reason), "%s is loading", s->c->kind->name);
    supervisor_watch_child(s);
    supervisor_note(s);
}

/* ---- new and free ---- */

int swap_new(struct supervisor *s)
{
    struct controller *c = s->c;
    struct swap *n = &s->next;

    n->zones = calloc(c->nzones, sizeof(*n->zones));
    n->origins = calloc(c->nzones, sizeof(struct dname *));
    if (!n->zones || !n->origins)
        return -ENOMEM;
    for (unsigned i = 0; i < c->nzones; i++)
        n->origins[i] = &c->zones[i].origin;
    int r = loop_timer_new(c->loop, on_ask, s, &n->ask);
    if (r == 0)
        r = loop_timer_new(c->loop, on_deadline, s, &n->deadline);
    return r;
}

void swap_free(struct supervisor *s)
{
    struct swap *n = &s->next;

    prober_free(n->prober);
    loop_unwatch(n->watch);
    loop_timer_free(n->ask);
    loop_timer_free(n->deadline);
    child_release(&n->child);
    conf_free(n->conf);
    free(n->zones);
    free(n->origins);
}
