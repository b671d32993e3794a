#include "app.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <betterdns/activation.h>
#include <betterdns/clock.h>
#include <betterdns/lease.h>
#include <betterdns/log.h>
#include <betterdns/logpipe.h>
#include <betterdns/notify.h>

#include "app_limits.h"
#include "parts.h"
#include "app_reload.h"
#include "app_say.h"
#include "service.h"
#include "starting.h"

#define IDLE_LOOK_NS (50 * NS_PER_MS)

/* A run has rounds: each reload ends one, in which everything that stands on the configuration is
 * taken down but for the DNS server, and begins the next with the new configuration; where that
 * cannot be put in force, another one follows with the old. HTTP requests are held meanwhile.
 *
 * Only the loop's thread touches it, but for the thread that stops or holds HTTP. */
struct app {
    const struct config *config;   /* of this round */
    const struct config *fallback; /* of the round before, until this one has started; NULL */
    const struct config *next;     /* of the round that follows; NULL: none does */
    const struct config *soon;     /* will be the next, once no host is being removed; NULL */
    const struct config *given;    /* the first one, which is the caller's */
    struct parts parts;
    struct notify *notify;     /* NULL: no supervisor listens */
    struct buf unsent;         /* of what it is told, in one round or another */
    struct starting *starting; /* until the loop runs */
    /* Of this round. */
    struct logpipe *logpipe;
    struct service *service;
    struct loop_watch *signal_watch;
    struct loop_timer *idle_timer; /* the loop's: is no host being removed any more? */
    bool started;                  /* the server answers */
    bool waits;                    /* for room, before it can be started */
    bool leaving;                  /* it ends, for a reload */

    int signals;        /* signalfd */
    bool stopping;      /* for good */
    bool stop_next;     /* a stop was asked for while there was a reload: it comes after it */
    bool again;         /* and so does a reload that was asked for */
    uint64_t reload_ns; /* when the reload began */
    uint64_t held_ns;   /* since when HTTP is held */
    char trouble[RELOAD_TROUBLE_SIZE]; /* why another configuration than the file's is in force */
    int exit_code;
};

/* ---- a stop ---- */

/* In the order of design.md, "The write path" 8: refuse new requests, answer waiters, stop HTTP,
 * end the checks, drain the queue, export, then the child. */

static void end_round(void *arg)
{
    struct app *a = arg;
    loop_stop(a->parts.loop);
}

static void stop_after_http(void *arg)
{
    struct app *a = arg;

    health_stop(a->parts.health);
    registry_stop(a->parts.registry);
    controller_stop(a->parts.controller, end_round, a);
}

/* On a thread of its own: the last requests wait for the committer and for probes, which need the
 * loop. */
static void *stop_http(void *arg)
{
    struct app *a = arg;
    http_stop(a->parts.http);
    a->parts.http = NULL;
    if (loop_wake(a->parts.loop, stop_after_http, a) < 0)
        loop_stop(a->parts.loop);
    return NULL;
}

static void on_thread(struct app *a, void *(*fn)(void *arg))
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, fn, a) != 0)
        fn(a);
    else
        pthread_detach(thread);
}

static void stop(struct app *a)
{
    if (a->stopping)
        return;
    a->stopping = true;
    service_stopping(a->service);
    registry_hold_renewals(a->parts.registry, true);
    http_drain(a->parts.http);
    events_stop(a->parts.events);
    controller_hurry(a->parts.controller, true);
    on_thread(a, stop_http);
}

/* ---- a reload: the end of a round ---- */

static bool keeps_registry(const struct app *a)
{
    return a->next && parts_same_registry(a->config, a->next);
}

static void leave_after_http(void *arg)
{
    struct app *a = arg;

    health_stop(a->parts.health);
    if (!keeps_registry(a))
        registry_stop(a->parts.registry);
    controller_leave(a->parts.controller, end_round, a);
}

static void *hold_http(void *arg)
{
    struct app *a = arg;
    http_hold(a->parts.http);
    if (loop_wake(a->parts.loop, leave_after_http, a) < 0)
        loop_stop(a->parts.loop);
    return NULL;
}

/* As a stop, but requests wait instead of being refused, and the child stays. No host is being
 * removed any more, and its terminator would be killed by the stop. */
static void leave(struct app *a)
{
    a->leaving = true;
    a->held_ns = clock_mono_ns();
    registry_hold_renewals(a->parts.registry, true);
    events_pause(a->parts.events, true);
    controller_hurry(a->parts.controller, false);
    on_thread(a, hold_http);
}

/* ---- a reload: its beginning ---- */

static void drop(struct app *a, const struct config *c)
{
    if (c != a->given)
        config_free((struct config *)(uintptr_t)c);
}

/* A terminator in the middle is not cut off: until it has ended all goes on, HTTP too. */
static void leave_when_idle(void *arg)
{
    struct app *a = arg;

    if (a->stopping)
        return;
    if (!health_removals_idle(a->parts.health)) {
        loop_timer_at(a->idle_timer, clock_deadline(IDLE_LOOK_NS));
        return;
    }
    a->next = a->soon;
    a->soon = NULL;
    leave(a);
}

static void reload(struct app *a)
{
    service_reloading(a->service);
    a->reload_ns = clock_mono_ns();
    struct config *next = reload_read(&a->parts, a->config, a->trouble);
    if (!next) {
        log_warning("SIGHUP: the configuration in force stays as it was");
        service_reloaded(a->service);
        return;
    }
    log_info("SIGHUP: the configuration is put in force", LOG_C("file", next->path));
    a->trouble[0] = '\0';
    a->soon = next;
    health_pause_removals(a->parts.health, true);
    leave_when_idle(a);
}

/* ---- signals ---- */

static void say_how_it_stands(struct app *a)
{
    char sentence[SERVICE_SENTENCE_SIZE];

    service_sentence(a->service, sentence);
    log_info(sentence, LOG_C("signal", "SIGUSR1"));
}

/* One reload after the other. A start comes to an end, but for one that waits for room. */
static bool may_reload(const struct app *a)
{
    return (a->started || a->waits) && !a->leaving && !a->soon;
}

static void reload_again(struct app *a)
{
    if (!a->again || !may_reload(a))
        return;
    a->again = false;
    reload(a);
}

static void on_hangup(struct app *a)
{
    if (a->stopping || a->stop_next)
        return;
    if (may_reload(a)) {
        reload(a);
        return;
    }
    log_info(a->soon ? "SIGHUP: the configuration is read again once the reload is over"
                     : "SIGHUP: the configuration is read again once the start is over");
    a->again = true;
}

static void on_end(struct app *a, const char *signal_name)
{
    if (a->stopping || a->stop_next) { /* everything acknowledged is durable already */
        log_warning("stopped at once by a second signal");
        _exit(EXIT_ERROR);
    }
    /* A controller that ends its round leaves the server alone: the next one ends it. */
    a->stop_next = a->leaving;
    log_info(a->stop_next ? "stopping, after the reload" : "stopping",
             LOG_C("signal", signal_name));
    if (!a->stop_next)
        stop(a);
}

static void on_signal(void *arg, int fd, uint32_t events)
{
    struct app *a = arg;
    struct signalfd_siginfo info;
    (void)events;
    if (read(fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP)
        on_hangup(a);
    else if (info.ssi_signo == SIGUSR1)
        say_how_it_stands(a);
    else
        on_end(a, info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
}

/* Signals are read by the loop; every thread that is made later inherits the mask. */
static int take_signals(struct app *a)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    int r = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (r != 0)
        return -r;
    signal(SIGPIPE, SIG_IGN); /* a client or reader that left is an error code, not an end */
    a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return a->signals < 0 ? -errno : 0;
}

/* ---- the start of a round ---- */

/* The round before goes on where there is one; else it is over. */
static void cannot_start(struct app *a, const struct problem *p)
{
    if (!a->fallback) {
        a->exit_code = say_refused(a->notify, p);
        return;
    }
    reload_unfit(&a->parts, a->config, p, a->trouble);
    log_warning("the configuration before it is put in force again");
    a->next = a->fallback;
    a->fallback = NULL;
}

static void on_refused(struct app *a, const struct problem *p)
{
    cannot_start(a, p);
    if (a->next)
        leave(a);
    else
        stop(a);
}

/* What was in force has its server, and needs no room for another. */
static void on_waiting(struct app *a, const struct problem *p)
{
    a->waits = true;
    if (a->fallback)
        on_refused(a, p);
    else
        reload_again(a);
}

static void on_started(void *arg, int result, const struct problem *p)
{
    struct app *a = arg;

    if (a->stopping || a->leaving)
        return;
    if (result == -EAGAIN) {
        on_waiting(a, p);
        return;
    }
    if (result < 0) {
        on_refused(a, p);
        return;
    }
    a->started = true;
    http_exchange(a->parts.http);
    health_pause_removals(a->parts.health, false);
    if (a->reload_ns > 0)
        say_reloaded(a->config, a->trouble[0] != '\0', a->reload_ns);
    else
        say_hello(a->config, http_port(a->parts.http, 0));
    activation_say_unused(a->config->http.listen, a->config->http.nlisten);
    drop(a, a->fallback);
    a->fallback = NULL;
    service_ready(a->service);
    reload_again(a);
}

static int new_service(struct app *a, struct problem *p)
{
    const struct service_parts parts = {.notify = a->notify,
                                        .unsent = &a->unsent,
                                        .loop = a->parts.loop,
                                        .registry = a->parts.registry,
                                        .controller = a->parts.controller,
                                        .origins = a->parts.api.origins,
                                        .nzones = a->config->nzones,
                                        .listen = a->config->server.listen,
                                        .trouble = a->trouble};

    int r = service_new(&parts, &a->service);
    return r < 0 ? problem_set(p, r, NULL, "no memory") : 0;
}

static int new_loop(struct app *a, struct problem *p)
{
    int r = loop_new(&a->parts.loop);

    if (r == 0)
        r = loop_watch(a->parts.loop, a->signals, EPOLLIN, on_signal, a, &a->signal_watch);
    if (r == 0)
        r = loop_timer_new(a->parts.loop, leave_when_idle, a, &a->idle_timer);
    if (r < 0)
        return problem_set(p, r, NULL, "cannot start the event loop: %s", bd_strerror(r));
    r = logpipe_new(a->parts.loop, &a->logpipe);
    return r < 0 ? problem_set(p, r, NULL, "no memory") : 0;
}

/* By the rules and at the addresses as before: those of this round come into force once it has
 * started, so that an end of it leaves nobody refused, and no address to others. */
static void resume_http(struct app *a)
{
    if (a->held_ns == 0)
        return;
    events_pause(a->parts.events, false);
    http_resume(a->parts.http);
    registry_hold_renewals(a->parts.registry, false);
    log_info("HTTP requests are answered again",
             LOG_UINT("held_ms", (clock_mono_ns() - a->held_ns) / NS_PER_MS));
    a->held_ns = 0;
}

static int start_round(struct app *a, struct problem *p)
{
    int r = starting_new(a->notify, STARTING_INTERVAL_NS, NULL, NULL, &a->starting);
    if (r < 0)
        return problem_set(p, r, NULL, "cannot start a thread: %s", bd_strerror(r));
    r = new_loop(a, p);
    if (r == 0)
        r = parts_open(&a->parts, a->config, a->trouble[0] != '\0', p);
    if (r == 0)
        r = new_service(a, p);
    if (r < 0)
        return r;
    registry_hold_renewals(a->parts.registry, a->held_ns > 0);
    /* Until it has proved itself nothing is begun that could not be left at once. */
    health_pause_removals(a->parts.health, a->fallback != NULL);
    if ((r = health_start(a->parts.health)) < 0)
        return problem_set(p, r, NULL, "cannot start the checks: %s", bd_strerror(r));
    r = controller_start(a->parts.controller, on_started, a);
    if (r < 0)
        return problem_set(p, r, NULL, "cannot start the controller: %s", bd_strerror(r));
    resume_http(a);
    return 0;
}

/* ---- rounds ---- */

static void run_round(struct app *a)
{
    struct problem p = {0};

    a->started = a->waits = a->leaving = false;
    int r = start_round(a, &p);
    starting_free(a->starting);
    a->starting = NULL;
    if (r < 0) {
        cannot_start(a, &p);
    } else {
        if (a->stop_next)
            stop(a);
        r = loop_run(a->parts.loop);
        if (r < 0) {
            log_error("the event loop failed", LOG_ERR(r));
            a->exit_code = EXIT_ERROR;
        }
    }
    if (!a->next) {
        events_stop(a->parts.events);
        http_stop(a->parts.http); /* NULL after a stop in order */
        a->parts.http = NULL;
    }
    service_free(a->service);
    a->service = NULL;
    parts_close(&a->parts, keeps_registry(a));
    loop_unwatch(a->signal_watch);
    a->signal_watch = NULL;
    logpipe_free(a->logpipe);
    a->logpipe = NULL;
    loop_free(a->parts.loop);
    a->parts.loop = NULL;
}

/* Is there another round? What it falls back to is what was in force, never what could not be. */
static bool next_round(struct app *a)
{
    if (!a->next)
        return false;
    if (a->trouble[0])
        drop(a, a->config);
    else
        a->fallback = a->config;
    a->config = a->next;
    a->next = NULL;
    return true;
}

/* A supervisor that cannot be told is no reason not to serve: without READY=1 it will say so. */
static int prepare(struct app *a, struct problem *p)
{
    int r = notify_new(&a->notify);

    if (r < 0)
        log_warning("NOTIFY_SOCKET cannot be used", LOG_ERR(r));
    limits_raise();
    limits_tame_malloc();
    activation_take();
    r = take_signals(a);
    if (r < 0)
        return problem_set(p, r, NULL, "cannot take signals: %s", bd_strerror(r));
    r = events_new(0, &a->parts.events);
    return r < 0 ? problem_set(p, r, NULL, "no memory") : 0;
}

int app_run(const struct config *config)
{
    struct app a = {.config = config, .given = config, .signals = -1};
    struct problem p = {0};

    if (prepare(&a, &p) < 0)
        a.exit_code = say_refused(a.notify, &p);
    else
        do
            run_round(&a);
        while (next_round(&a));
    drop(&a, a.config);
    drop(&a, a.fallback);
    drop(&a, a.soon);
    events_free(a.parts.events);
    if (a.signals >= 0)
        close(a.signals);
    buf_free(&a.unsent);
    notify_free(a.notify);
    return a.exit_code;
}
