/* The supervisor: states, events, actions. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <betterdns/file.h>
#include <betterdns/log.h>

#include "choice.h"
#include "own.h"
#include "program.h"
#include "proof.h"
#include "supervisor_impl.h"

#define START_MOST_NS (120 * NS_PER_S) /* whatever it does */
#define HEALTHY_NS (60 * NS_PER_S)
#define PORT_TICKS 4U /* every 2 s it is seen who else has the port: 0.2 ms */

static const char *server(const struct supervisor *s)
{
    return s->c->kind->name;
}

void supervisor_note(struct supervisor *s)
{
    struct controller *c = s->c;

    pthread_mutex_lock(&c->lock);
    c->status.state = child_state_name(s->state);
    c->status.pid = (int)s->child.pid;
    c->status.generation = s->child.generation;
    c->status.adopted = s->child.adopted;
    snprintf(c->status.reason, sizeof(c->status.reason), "%s",
             s->reason[0]                       ? s->reason
             : s->stranger[0]                   ? s->stranger
             : c->own && own_trouble(c->own)[0] ? own_trouble(c->own)
                                                : s->next.trouble);
    c->ready = s->announced;
    pthread_mutex_unlock(&c->lock);
}

/* ---- ready, and over ---- */

/* Ready at last: it answers for every zone, and it alone has the port. */
static void ready(struct supervisor *s)
{
    controller_started_fn *fn = s->started;
    bool again = s->announced;

    s->reason[0] = '\0';
    s->announced = true;
    publisher_open(s->c->publisher, true);
    supervisor_note(s);
    if (again) /* replaced, or not */
        return;
    if (s->c->own)
        own_keep(s->c->own);
    log_info("the DNS server is ready", LOG_C("server", server(s)), LOG_INT("pid", s->child.pid),
             LOG_UINT("generation", s->child.generation),
             LOG_UINT("ms", (clock_mono_ns() - s->start_ns) / NS_PER_MS));
    s->started = NULL;
    if (fn)
        fn(s->started_arg, 0, NULL);
}

static void finish(struct supervisor *s)
{
    void (*fn)(void *) = s->stopped;

    if (s->state != CHILD_DOWN || s->nold > 0)
        return;
    supervisor_note(s);
    s->stopped = NULL;
    if (fn)
        fn(s->stopped_arg);
}

void supervisor_alone(struct supervisor *s)
{
    if (s->state == CHILD_READY)
        ready(s);
    else
        finish(s);
}

/* ---- the child ---- */

void supervisor_forget(struct supervisor *s, struct child *child, struct loop_watch **watch,
                       bool keep_conf)
{
    loop_unwatch(*watch);
    *watch = NULL;
    child_end_rest(child);
    if (!keep_conf)
        conf_forget(s->c, child->generation);
    child_release(child);
}

void supervisor_child_ended(void *arg, int fd, uint32_t events)
{
    struct supervisor *s = arg;
    int status;
    bool by_signal;

    (void)fd;
    (void)events;
    if (!child_ended(&s->child, &status, &by_signal))
        return;
    bool well = status == 0 && !by_signal;
    if (s->state == CHILD_STOPPING || s->state == CHILD_HUNG)
        ; /* the reason is known */
    else if (status < 0)
        snprintf(s->reason, sizeof(s->reason), "%s (pid %ld) has ended", server(s),
                 (long)s->child.pid);
    else
        snprintf(s->reason, sizeof(s->reason), "%s (pid %ld) ended %s %d%s%s%s", server(s),
                 (long)s->child.pid, by_signal ? "by signal" : "with exit code", status,
                 by_signal ? ": " : "", by_signal ? strsignal(status) : "",
                 well ? ": it has to stay in the foreground" : "");
    if (s->state != CHILD_STOPPING)
        log_error("the DNS server has ended", LOG_C("reason", s->reason));
    s->failed = s->state == CHILD_HUNG ? -BD_ETIMEDOUT : by_signal || well ? -BD_EINVALID : 0;
    bool adopted = s->child.adopted;
    s->announced = false;
    publisher_detach(s->c->publisher);
    if (s->c->own)
        own_ended(s->c->own, s->state == CHILD_STARTING && !s->started);
    supervisor_forget(s, &s->child, &s->watch, s->started != NULL); /* its words are asked for */
    s->child.adopted = adopted;                                     /* whose end it was */
    supervisor_event(s, CHILD_EV_EXITED);
}

void supervisor_watch_child(struct supervisor *s)
{
    s->stranger[0] = '\0';
    s->start_ns = clock_mono_ns();
    s->cpu = child_cpu(&s->child);
    publisher_open(s->c->publisher, s->nold == 0);
    int r = loop_watch(s->c->loop, s->child.pidfd, EPOLLIN, supervisor_child_ended, s, &s->watch);
    if (r == 0)
        r = publisher_attach(s->c->publisher, &s->child, s->conf, &s->child.asked);
    if (r < 0) /* no descriptor or no memory: the deadline of the start ends the child, and it is
                  tried again */
        log_error("the DNS server cannot be watched", LOG_ERR(r));
    loop_timer_at(s->timer, clock_deadline(START_NS));
}

const char *supervisor_advice(int error)
{
    return file_is_full(error) ? "; make room there: it is tried again" : "";
}

int supervisor_spawn(struct supervisor *s, struct conf *conf, struct child *child,
                     char ret_reason[256])
{
    struct controller *c = s->c;
    const bool beside = s->nold > 0 || s->child.pid > 0;
    struct child_place place = {.data = c->data,
                                .listen = &c->listen,
                                .probe = c->probe.ss_family != AF_UNSPEC ? &c->probe : NULL,
                                .shared = beside,
                                .public_only = proof_is_public(c),
                                .anonymous = !proof_is_named(c)};
    struct hash128 fingerprint;
    struct problem problem;

    int r = supervisor_check_port(s, &problem);
    if (r < 0) {
        snprintf(ret_reason, 256, "%.250s", problem.detail);
        return r;
    }
    r = conf_fingerprint(conf, &fingerprint);
    place.generation = ++s->generation;
    if (r == 0)
        r = child_reserve(&place, &fingerprint, child);
    if (r == -ENOENT && file_make_dirs(c->data, 0750) == 0) /* somebody has removed it */
        r = child_reserve(&place, &fingerprint, child);
    if (r < 0) {
        snprintf(ret_reason, 256, "%s cannot be prepared in %.120s: %s%s", server(s), c->data,
                 bd_strerror(r), supervisor_advice(r));
        return r;
    }
    r = conf_write(conf, child, beside);
    if (r < 0) {
        snprintf(ret_reason, 256, "%.160s cannot be written: %s%s", conf_path(conf), bd_strerror(r),
                 supervisor_advice(r));
        return r;
    }
    r = child_spawn(child, conf_arguments(conf, child), c->own ? own_folder(c->own) : NULL);
    if (r < 0) {
        program_not_started(s->binary, r, ret_reason);
        return r;
    }
    pthread_mutex_lock(&c->lock);
    c->status.starts++;
    pthread_mutex_unlock(&c->lock);
    return 0;
}

static void on_copied(void *arg, int result)
{
    struct supervisor *s = arg;

    s->copying = false;
    if (s->state != CHILD_STARTING || s->child.pid > 0)
        return; /* stopped meanwhile */
    if (result < 0)
        snprintf(s->reason, sizeof(s->reason), "the live copies cannot be written in %.120s: %s%s",
                 s->c->live, bd_strerror(result), supervisor_advice(result));
    int r = result < 0 ? result : supervisor_spawn(s, s->conf, &s->child, s->reason);
    if (r < 0) {
        s->failed = r;
        log_error("the DNS server cannot be started", LOG_C("reason", s->reason));
        child_release(&s->child);
        supervisor_event(s, CHILD_EV_FAILED);
        return;
    }
    snprintf(s->reason, sizeof(s->reason), "%s is loading", server(s));
    supervisor_watch_child(s);
    supervisor_note(s);
}

/* ---- actions ---- */

static void do_nothing(struct supervisor *s)
{
    (void)s;
}

static void do_start(struct supervisor *s)
{
    loop_timer_at(s->timer, UINT64_MAX); /* armed again once there is a process */
    s->child.adopted = false;
    s->tries = 0;
    if (!s->copying)
        files_copy_all(s->c->files, on_copied, s);
    s->copying = true;
}

static void do_announce(struct supervisor *s)
{
    loop_timer_at(s->timer, clock_deadline(HEALTHY_NS));
    if (s->nold == 0) {
        ready(s);
        return;
    }
    snprintf(s->reason, sizeof(s->reason), "an older server still shares the port");
    supervisor_retire_old(s);
}

static void do_forgive(struct supervisor *s)
{
    s->failures = 0;
    loop_timer_at(s->timer, UINT64_MAX);
}

static void do_kill(struct supervisor *s)
{
    if (s->child.pidfd < 0) {
        supervisor_event(s, CHILD_EV_EXITED);
        return;
    }
    s->announced = false;
    child_signal(&s->child, SIGKILL);
    loop_timer_at(s->timer, clock_deadline(AGAIN_NS));
}

static void do_end(struct supervisor *s)
{
    s->announced = false;
    swap_drop(s);
    supervisor_end_old(s, false);
    if (s->child.pidfd < 0) {
        supervisor_event(s, CHILD_EV_FAILED);
        return;
    }
    if (s->tries++ > 0 || !conf_end(s->conf))
        child_signal(&s->child, s->tries <= TERM_TRIES ? SIGTERM : SIGKILL);
    loop_timer_at(s->timer, clock_deadline(AGAIN_NS));
}

static void do_back_off(struct supervisor *s)
{
    struct problem problem;

    /* The first start of all: who started us wants to know, not to wait. A full disk is no mistake
     * of theirs, and what is there can be read meanwhile. */
    const bool first = s->started && !s->child.adopted;
    const bool refusing = first && !file_is_full(s->failed);
    /* Some servers go on without a port that they cannot have: they have said so. */
    if (refusing && (s->failed == 0 || s->failed == -BD_ETIMEDOUT)) {
        supervisor_diagnose(s);
        return;
    }
    if (refusing) {
        bool foreign = s->failed == -ENOEXEC;
        problem_set(&problem, foreign ? -BD_EINVALID : s->failed, NULL, "%s", s->reason);
        if (foreign)
            problem_hint(&problem,
                         "install the %s of this machine, or say where it is: server.binary",
                         server(s));
        supervisor_refuse(s, &problem);
        return;
    }
    loop_timer_at(s->timer, clock_deadline(supervisor_pause_ns(s->failures++)));
    if (first)
        supervisor_say_waits(s);
}

static void do_finish(struct supervisor *s)
{
    loop_timer_at(s->timer, UINT64_MAX);
    supervisor_end_old(s, false);
    finish(s);
}

static void (*const actions[])(struct supervisor *) = {
    [CHILD_DO_NOTHING] = do_nothing,
    [CHILD_DO_START] = do_start,
    [CHILD_DO_WATCH] = supervisor_watch_child,
    [CHILD_DO_ANNOUNCE] = do_announce,
    [CHILD_DO_FORGIVE] = do_forgive,
    [CHILD_DO_KILL] = do_kill,
    [CHILD_DO_END] = do_end,
    [CHILD_DO_BACK_OFF] = do_back_off,
    [CHILD_DO_FINISH] = do_finish,
    [CHILD_DO_RAISE] = swap_raise,
    [CHILD_DO_PROMOTE] = swap_promote,
    [CHILD_DO_ABANDON] = swap_abandon,
    [CHILD_DO_SUCCEED] = swap_succeed,
};
_Static_assert(ARRAY_SIZE(actions) == CHILD_NACTIONS, "one function per action");

void supervisor_event(struct supervisor *s, enum child_event event)
{
    struct child_step step = supervisor_step(s->state, event);

    s->state = step.next;
    supervisor_note(s);
    actions[step.action](s);
}

/* ---- what happens ---- */

static void on_serving(void *arg)
{
    supervisor_event(arg, CHILD_EV_SERVING);
}

/* A child that works is loading. */
bool supervisor_loads(const struct child *child, uint64_t start_ns, uint64_t *cpu)
{
    uint64_t now = child_cpu(child), before = *cpu;

    *cpu = now;
    return child_worked(before, now) && clock_mono_ns() - start_ns < START_MOST_NS;
}

static bool is_loading(struct supervisor *s)
{
    return supervisor_loads(&s->child, s->start_ns, &s->cpu);
}

/* One that starts has not bound its port before it has loaded. One that was adopted had bound it,
 * unless it was loading still. */
static void on_silent(void *arg)
{
    struct supervisor *s = arg;
    bool adopting = s->state == CHILD_STARTING && s->child.adopted;

    if (s->state != CHILD_READY && s->state != CHILD_REPLACING && (!adopting || is_loading(s)))
        return;
    /* On a port that is shared they may have gone to the other one, which would not let a new
     * server have it. */
    if (!s->child.has_private)
        supervisor_look_for_strangers(s);
    if (!s->child.has_private && s->stranger[0]) {
        publisher_move(s->c->publisher);
        return;
    }
    snprintf(s->reason, sizeof(s->reason), "%s (pid %ld) left three questions unanswered",
             server(s), (long)s->child.pid);
    log_error("the DNS server hangs and is killed", LOG_C("reason", s->reason));
    supervisor_event(s, CHILD_EV_SILENT);
}

static void on_tick(void *arg)
{
    struct supervisor *s = arg;

    choice_review(s->c);
    if (s->c->own && own_looks_again(s->c->own))
        supervisor_look(s);
    if (s->state != CHILD_READY || ++s->ticks % PORT_TICKS != 0)
        return;
    supervisor_look_for_strangers(s);
    child_note(&s->child);
}

static void on_timer(void *arg)
{
    struct supervisor *s = arg;

    if (s->state == CHILD_STARTING) {
        if (is_loading(s)) {
            loop_timer_at(s->timer, clock_deadline(START_NS));
            return;
        }
        snprintf(s->reason, sizeof(s->reason), "%s (pid %ld) did not answer within %u s%s",
                 server(s), (long)s->child.pid,
                 (unsigned)((clock_mono_ns() - s->start_ns) / NS_PER_S),
                 s->c->kind->public_only && !s->c->kind->anonymous
                     ? "; is its address one of this machine's interfaces?"
                     : "");
        log_error("the DNS server does not answer and is killed", LOG_C("reason", s->reason));
    }
    supervisor_event(s, CHILD_EV_TIMER);
}

int supervisor_new(struct controller *c, struct supervisor **ret_supervisor)
{
    static const struct publisher_handlers handlers = {
        .serving = on_serving, .silent = on_silent, .tick = on_tick, .heard = supervisor_heard};

    struct supervisor *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->c = c;
    s->child = s->next.child = child_none();
    int r = loop_timer_new(c->loop, on_timer, s, &s->timer);
    if (r == 0)
        r = swap_new(s);
    if (r == 0)
        r = supervisor_new_old(s);
    if (r == 0)
        r = publisher_new(c, &handlers, s, &c->publisher);
    if (r < 0) {
        supervisor_free(s);
        return r;
    }
    supervisor_note(s);
    *ret_supervisor = s;
    return 0;
}

/* Takes our hands off the child: it has its lock and its address, the next betterdns finds it. */
static void leave(struct supervisor *s)
{
    /* Until it answers, older ones keep DNS up. */
    if (s->state != CHILD_READY && s->state != CHILD_REPLACING)
        supervisor_leave_old(s);
    if (s->child.pidfd >= 0)
        log_info("the DNS server stays", LOG_INT("pid", s->child.pid),
                 LOG_UINT("generation", s->child.generation));
    loop_unwatch(s->watch);
    s->watch = NULL;
    publisher_leave(s->c->publisher);
    swap_drop(s);
    child_release(&s->child);
    s->state = CHILD_DOWN;
}

void supervisor_stop(struct supervisor *s, bool keep, void (*done)(void *arg), void *arg)
{
    s->start_waits = false;
    s->started = NULL;
    s->stopped = done;
    s->stopped_arg = arg;
    supervisor_cancel_captures(s);
    if (keep)
        leave(s);
    else
        supervisor_take_unseen(s);
    s->tries = 0;
    snprintf(s->reason, sizeof(s->reason), "stopping");
    supervisor_event(s, CHILD_EV_STOP);
}

void supervisor_free(struct supervisor *s)
{
    if (!s)
        return;
    supervisor_cancel_captures(s);
    swap_free(s);
    if (s->old_timer)
        supervisor_leave_old(s);
    loop_timer_free(s->timer);
    loop_timer_free(s->old_timer);
    loop_unwatch(s->watch);
    child_release(&s->child);
    conf_free(s->conf);
    free(s->binary);
    free(s);
}
