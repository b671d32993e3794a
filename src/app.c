#include "app.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/api.h>
#include <betterdns/controller.h>
#include <betterdns/events.h>
#include <betterdns/file.h>
#include <betterdns/log.h>
#include <betterdns/logpipe.h>
#include <betterdns/loop.h>
#include <betterdns/notify.h>
#include <betterdns/secret.h>
#include <betterdns/sockaddr.h>
#include <betterdns/version.h>

#include "service.h"
#include "starting.h"

/* Everything that lives from start to stop. Only the loop's thread touches it, but for the thread
 * that stops HTTP. */
struct app {
    const struct config *config;
    struct events *events;
    struct registry *registry;
    struct loop *loop;
    struct logpipe *logpipe;
    struct controller *controller;
    struct health *health;
    struct http_server *http;
    struct buf token;
    struct api api;
    struct notify *notify;     /* NULL: no supervisor listens */
    struct starting *starting; /* until the loop runs */
    struct service *service;
    int signals; /* signalfd */
    struct loop_watch *signal_watch;
    bool stopping;
    int exit_code;
};

int app_exit_code(int error)
{
    switch (-error) {
    case 0: return EXIT_OK;
    case ENOENT:
    case BD_ENOTFOUND: return EXIT_NOT_FOUND;
    case BD_EINUSE:
    case BD_ECONFLICT: return EXIT_CONFLICT;
    case EACCES:
    case EPERM:
    case EROFS: return EXIT_NOT_ALLOWED;
    case BD_EINVALID:
    case BD_ESYNTAX:
    case BD_ENOZONE: return EXIT_INVALID;
    case BD_ETIMEDOUT: return EXIT_TIMEOUT;
    default: return EXIT_ERROR;
    }
}

/* A refused start, for a person: what, and what to do. Returns the exit code. */
static int refuse(const struct app *a, const struct problem *p)
{
    const char *what = p->detail[0] ? p->detail : bd_strerror(p->error);
    char status[sizeof(p->detail) + 16];

    snprintf(status, sizeof(status), "STATUS=%s", what);
    notify_clean(status);
    (void)notify_send(a->notify, status); /* stderr has it */
    fprintf(stderr, "betterdns: %s\n", what);
    if (p->hint[0])
        fprintf(stderr, "hint: %s\n", p->hint);
    return app_exit_code(p->error);
}

/* The two lines that a newcomer types first. */
static void say_hello(const struct app *a)
{
    const struct sockaddr_storage *dns = &a->config->server.listen;
    char http[SOCKADDR_TEXT_SIZE], dns_text[SOCKADDR_TEXT_SIZE], dns_host[SOCKADDR_HOST_SIZE];
    char zone[DNAME_TEXT_MAX];

    dname_to_text(&a->config->zones[0].origin, zone);
    zone[strlen(zone) - 1] = '\0'; /* people type names without the final dot */
    /* The port that we got, where 0 was asked for. */
    sockaddr_text(&a->config->http.listen[0], http_port(a->http, 0), http);
    sockaddr_text(dns, sockaddr_port(dns), dns_text);
    fprintf(stderr,
            "betterdns %s answers: HTTP on %s, DNS on %s. Try, in another terminal:\n"
            "  curl -d name=web -d value=192.0.2.7 'http://%s/a?wait=served'\n"
            "  dig +short web.%s @%s -p %u\n",
            bd_version(), http, dns_text, http, zone, sockaddr_host(dns, dns_host),
            sockaddr_port(dns));
}

/* A stop, in the order of design.md, "The write path" 8: refuse new requests, answer waiters, stop
 * HTTP, end the checks, drain the queue, export, then the child. */

static void stop_done(void *arg)
{
    struct app *a = arg;
    loop_stop(a->loop);
}

static void stop_after_http(void *arg)
{
    struct app *a = arg;
    health_stop(a->health);
    registry_stop(a->registry);
    controller_stop(a->controller, stop_done, a);
}

/* On a thread of its own: the last requests wait for the committer and for probes, which need the
 * loop. */
static void *stop_http(void *arg)
{
    struct app *a = arg;
    http_stop(a->http);
    if (loop_wake(a->loop, stop_after_http, a) < 0)
        loop_stop(a->loop);
    return NULL;
}

static void stop(struct app *a)
{
    if (a->stopping)
        return;
    a->stopping = true;
    service_stopping(a->service);
    pthread_t thread;
    http_drain(a->http);
    events_stop(a->events);
    controller_hurry(a->controller);
    if (pthread_create(&thread, NULL, stop_http, a) != 0) {
        stop_http(a);
        return;
    }
    pthread_detach(thread);
}

static void reload(struct app *a)
{
    if (a->stopping)
        return;
    service_reloading(a->service);
    log_warning("SIGHUP: this version reads its configuration only at start");
    service_reloaded(a->service);
}

static void say_how_it_stands(struct app *a)
{
    char sentence[SERVICE_SENTENCE_SIZE];

    service_sentence(a->service, sentence);
    log_info(sentence, LOG_C("signal", "SIGUSR1"));
}

static void on_signal(void *arg, int fd, uint32_t events)
{
    struct app *a = arg;
    struct signalfd_siginfo info;
    (void)events;
    if (read(fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP) {
        reload(a);
        return;
    }
    if (info.ssi_signo == SIGUSR1) {
        say_how_it_stands(a);
        return;
    }
    if (a->stopping) { /* somebody is in a hurry; everything acknowledged is durable already */
        log_warning("stopped at once by a second signal");
        _exit(EXIT_ERROR);
    }
    log_info("stopping", LOG_C("signal", info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM"));
    stop(a);
}

static void on_started(void *arg, int result, const struct problem *p)
{
    struct app *a = arg;
    if (result == 0) {
        say_hello(a);
        service_ready(a->service);
        return;
    }
    if (a->stopping)
        return;
    a->exit_code = refuse(a, p);
    stop(a);
}

/* For all zones together: a child that hangs does not answer for any. */
#define CHILD_ANSWERS_NS (3 * NS_PER_S)

/* A zone as it is configured, and what the world may have seen of it, whatever has become of
 * state.db. */
static struct registry_zone seen_zone(const struct config *c, unsigned i, uint64_t deadline_ns)
{
    const struct controller_live live = controller_live(c->live, &c->zones[i].origin);
    uint32_t serial = live.serial;

    if (serial == 0)
        serial = controller_child_serial(c->data, &c->zones[i].origin, deadline_ns);
    return (struct registry_zone){.origin = c->zones[i].origin,
                                  .file = c->zones[i].file,
                                  .ttl = c->zones[i].ttl,
                                  .ns = c->zones[i].ns,
                                  .nns = c->zones[i].nns,
                                  .least_serial = serial,
                                  .live_seq = live.seq,
                                  .live_hash = live.hash};
}

static int open_registry(struct app *a, struct problem *p)
{
    const struct config *c = a->config;
    const uint64_t deadline_ns = clock_deadline(CHILD_ANSWERS_NS);
    struct registry_zone *zones = calloc(c->nzones, sizeof *zones);
    if (!zones)
        return problem_set(p, -ENOMEM, NULL, "no memory");
    for (unsigned i = 0; i < c->nzones; i++)
        zones[i] = seen_zone(c, i, deadline_ns);
    struct registry_options options = {.data = c->data,
                                       .zones = zones,
                                       .nzones = c->nzones,
                                       .events = a->events,
                                       .keep_last = c->checks.keep_last};
    int r = registry_open(&options, &a->registry, p);
    free(zones);
    return r;
}

static int new_controller(struct app *a, struct problem *p)
{
    const struct config *c = a->config;
    struct controller_zone *zones = calloc(c->nzones, sizeof *zones);
    if (!zones)
        return problem_set(p, -ENOMEM, NULL, "no memory");
    for (unsigned i = 0; i < c->nzones; i++)
        zones[i] = (struct controller_zone){.origin = c->zones[i].origin,
                                            .file = c->zones[i].file,
                                            .write = c->zones[i].write,
                                            .ttl = c->zones[i].ttl};
    struct controller_options options = {.data = c->data,
                                         .live = c->live,
                                         .zones = zones,
                                         .nzones = c->nzones,
                                         .kind = c->server.kind,
                                         .strategy = c->server.strategy,
                                         .corefile = c->server.corefile,
                                         .binary = c->server.binary,
                                         .listen = c->server.listen,
                                         .probe = c->server.probe,
                                         .start = {c->server.start, c->server.nstart},
                                         .reload = {c->server.reload, c->server.nreload},
                                         .stop = {c->server.stop, c->server.nstop},
                                         .keep_on_stop = c->server.keep_on_stop,
                                         .drain_ttl = c->maintenance.ttl,
                                         .events = a->events};
    int r = controller_new(&options, a->loop, a->registry, &a->controller, p);
    free(zones);
    return r;
}

static int new_health(struct app *a, struct problem *p)
{
    const struct config *c = a->config;
    struct sockaddr_storage *own = calloc(c->http.nlisten + 1, sizeof *own);
    if (!own)
        return problem_set(p, -ENOMEM, NULL, "no memory");
    memcpy(own, c->http.listen, c->http.nlisten * sizeof *own);
    own[c->http.nlisten] = c->server.listen;
    struct health_options options = {.defaults = c->checks.defaults,
                                     .allow = c->checks.allow,
                                     .nallow = c->checks.nallow,
                                     .own = own,
                                     .nown = c->http.nlisten + 1,
                                     .rules = c->checks.rules,
                                     .nrules = c->checks.nrules,
                                     .keep_last = c->checks.keep_last,
                                     .witnesses = c->checks.witnesses,
                                     .nwitnesses = c->checks.nwitnesses,
                                     .commands = c->checks.commands,
                                     .ncommands = c->checks.ncommands,
                                     .terminate = c->terminate,
                                     .maintenance_ttl = c->maintenance.ttl,
                                     .events = a->events};
    int r = health_new(&options, a->registry, &a->health, p);
    free(own);
    return r;
}

static int start_http(struct app *a, struct problem *p)
{
    const struct config *c = a->config;
    struct api_zone *zones = calloc(c->nzones, sizeof *zones);
    struct dname *origins = calloc(c->nzones, sizeof *origins);
    a->api = (struct api){.registry = a->registry,
                          .controller = a->controller,
                          .health = a->health,
                          .events = a->events,
                          .zones = zones,
                          .origins = origins,
                          .nzones = c->nzones,
                          .version = bd_version()};
    if (!zones || !origins)
        return problem_set(p, -ENOMEM, NULL, "no memory");
    for (unsigned i = 0; i < c->nzones; i++) {
        zones[i] = (struct api_zone){.origin = c->zones[i].origin, .file = c->zones[i].file};
        origins[i] = c->zones[i].origin;
    }
    struct http_options options = {.listen = c->http.listen,
                                   .nlisten = c->http.nlisten,
                                   .token = a->token.p ? buf_str(&a->token) : (struct str){0},
                                   .allow = c->http.allow,
                                   .nallow = c->http.nallow,
                                   .hosts = c->http.hosts,
                                   .nhosts = c->http.nhosts,
                                   .zones = origins,
                                   .nzones = c->nzones,
                                   .trusted_proxies = c->http.trusted_proxies,
                                   .ntrusted_proxies = c->http.ntrusted_proxies};
    size_t nroutes;
    const struct http_route *routes = api_routes(&nroutes);
    return http_start(&options, routes, nroutes, &a->api, &a->http, p);
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
    signal(SIGIO, SIG_IGN);   /* so is somebody who writes to a file that is just being read */
    a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (a->signals < 0)
        return -errno;
    return loop_watch(a->loop, a->signals, EPOLLIN, on_signal, a, &a->signal_watch);
}

/* A descriptor a connection, a thread a connection: the soft limit of 1024 is too small. */
static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= 65536)
        return;
    limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static const struct secret token_secret = {"token_file", "token file", "a token"};

/* A supervisor that cannot be told is no reason not to serve: without READY=1 it will say so. */
static int find_supervisor(struct app *a, struct problem *p)
{
    int r = notify_new(&a->notify);

    if (r < 0)
        log_warning("NOTIFY_SOCKET cannot be used", LOG_ERR(r));
    r = starting_new(a->notify, STARTING_INTERVAL_NS, NULL, NULL, &a->starting);
    return r < 0 ? problem_set(p, r, NULL, "cannot start a thread: %s", bd_strerror(r)) : 0;
}

static int new_service(struct app *a, struct problem *p)
{
    const struct service_parts parts = {.notify = a->notify,
                                        .loop = a->loop,
                                        .registry = a->registry,
                                        .controller = a->controller,
                                        .origins = a->api.origins,
                                        .nzones = a->config->nzones,
                                        .listen = a->config->server.listen};

    int r = service_new(&parts, &a->service);
    return r < 0 ? problem_set(p, r, NULL, "no memory") : 0;
}

static int app_start(struct app *a, struct problem *p)
{
    int r = find_supervisor(a, p);
    if (r < 0)
        return r;
    r = loop_new(&a->loop);
    if (r < 0 || (r = take_signals(a)) < 0)
        return problem_set(p, r, NULL, "cannot start the event loop: %s", bd_strerror(r));
    if ((r = logpipe_new(a->loop, &a->logpipe)) < 0)
        return problem_set(p, r, NULL, "no memory");
    if ((r = events_new(0, &a->events)) < 0)
        return problem_set(p, r, NULL, "no memory");
    if ((r = secret_read(a->config->http.token_file, &token_secret, &a->token, p)) < 0 ||
        (r = open_registry(a, p)) < 0 || (r = new_controller(a, p)) < 0 ||
        (r = new_health(a, p)) < 0 || (r = start_http(a, p)) < 0 || (r = new_service(a, p)) < 0)
        return r;
    a->api.http = a->http;
    if ((r = health_start(a->health)) < 0)
        return problem_set(p, r, NULL, "cannot start the checks: %s", bd_strerror(r));
    r = controller_start(a->controller, on_started, a);
    if (r < 0)
        return problem_set(p, r, NULL, "cannot start the controller: %s", bd_strerror(r));
    return 0;
}

/* Memory goes back when it is let go: large buffers are mapped each by themselves (glibc would
 * raise that limit at the first that is freed), and a thousand threads share few arenas. */
static void tame_malloc(void)
{
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    mallopt(M_ARENA_MAX, 4);
}

int app_run(const struct config *config)
{
    struct app a = {.config = config, .signals = -1};
    struct problem p = {0};
    raise_limits();
    tame_malloc();
    int r = app_start(&a, &p);
    starting_free(a.starting);
    if (r < 0) {
        a.exit_code = refuse(&a, &p);
        events_stop(a.events);
        if (a.http)
            http_stop(a.http);
    } else {
        r = loop_run(a.loop);
        if (r < 0)
            log_error("the event loop failed", LOG_ERR(r));
    }
    if (a.health)
        health_stop(a.health);
    if (a.registry)
        registry_stop(a.registry);
    health_free(a.health); /* its feed ends before the registry */
    if (a.registry)
        registry_close(a.registry);
    service_free(a.service);
    controller_free(a.controller); /* its eventfd is bumped until the registry is closed */
    events_free(a.events);
    loop_unwatch(a.signal_watch);
    if (a.signals >= 0)
        close(a.signals);
    logpipe_free(a.logpipe);
    loop_free(a.loop);
    notify_free(a.notify);
    buf_free(&a.token);
    free((void *)(uintptr_t)a.api.zones);
    free(a.api.origins);
    return a.exit_code ? a.exit_code : r < 0 ? EXIT_ERROR : EXIT_OK;
}
