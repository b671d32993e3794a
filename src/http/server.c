/* A server: started, serving, draining, stopped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <betterdns/log.h>

#include "head.h"
#include "hold.h"
#include "server.h"
#include "socket.h"

#define THREADS 1200 /* as many connections at once, but for a few: see places.h */
/* Clients that wait for the threads of those that gave way to them. */
#define LEAVING 64
/* For all that the rest of the program opens, whatever the clients do. */
#define DESCRIPTORS_LEFT 128
#define THREADS_MIN 16
#define STOP_CLIENTS (NS_PER_S / 2) /* for clients that are slow */
#define STOP_TIME (5 * NS_PER_S)    /* for what is worked on */

/* ---- requests ----------------------------------------------------------------------------------
 */

struct http_worker *server_worker_new(struct http_server *s)
{
    struct http_worker *w = malloc(sizeof(*w));

    if (!w)
        return NULL;
    /* The room for a head is no memory before a thread has a request. */
    memset(w, 0, offsetof(struct http_worker, head));
    w->server = s;
    return w;
}

void server_worker_free(struct http_worker *w)
{
    if (!w)
        return;
    buf_free(&w->rs.head);
    buf_free(&w->rs.body);
    buf_free(&w->rs.out);
    arena_free(&w->arena);
    free(w);
}

void server_count_connection(struct http_server *s, bool opened)
{
    atomic_fetch_add_explicit(&s->connections, opened ? 1u : -1u, memory_order_relaxed);
}

static bool not_draining(struct http_request *rq, struct http_response *rs)
{
    if (!atomic_load(&rq->server->draining))
        return true;
    rs->close = true;
    http_problem_as(rs, 503, "stopping", "Stopping", "this server is stopping");
    return false;
}

/* The body is taken before anything can refuse the request: the connection stays in step. */
static bool admit(struct http_request *rq, struct http_response *rs)
{
    return body_take(rq, rs) && host_check(rq, rs) && not_draining(rq, rs) &&
           guard_address(rq, rs) && client_find(rq, rs) && guard_network(rq, rs) &&
           router_match(rq, rs) && guard_caller(rq, rs) && router_found(rq, rs) &&
           query_parse(rq, rs) && query_known(rq, rs);
}

static void prepare(struct http_worker *w)
{
    arena_reset(&w->arena);
    w->lazy = (struct http_lazy){0};
    w->refused = false;
    w->rq = (struct http_request){.server = w->server,
                                  .fd = place_fd(w->place),
                                  .place = w->place,
                                  .peer = *place_peer(w->place),
                                  .arena = &w->arena,
                                  .lazy = &w->lazy,
                                  .started = clock_mono_ns()};
    response_start(&w->rs, &w->rq);
}

/* ---- heads -------------------------------------------------------------------------------------
 */

static void late(struct head_refusal *why)
{
    *why = (struct head_refusal){408, "the head of the request did not come in time", NULL};
}

/* Octets that have come are looked at before they are taken: those behind the head stay where they
 * are. False: refused; or nothing came at all, and why->status is 0. */
static bool receive_head(struct http_worker *w, struct head_scan *scan, struct head_refusal *why)
{
    const uint64_t deadline = w->rq.started + w->server->head_time_ns;

    while (!scan->complete) {
        const size_t before = scan->n;
        const ssize_t got =
            socket_receive(w->rq.fd, w->head + before, HTTP_HEAD_MAX - before, MSG_PEEK, deadline);
        if (got <= 0 && before == 0)
            return false;
        if (got == -ETIMEDOUT || (got <= 0 && place_was_ended(w->place))) {
            late(why);
            return false;
        }
        if (got <= 0) {
            *why = (struct head_refusal){400, "the head of the request ended too early", NULL};
            return false;
        }
        const bool fine = head_scan(scan, (struct str){w->head, before + (size_t)got}, why);
        recvfrom(w->rq.fd, w->head + before, scan->n - before, MSG_DONTWAIT, NULL, NULL);
        if (!fine)
            return false;
    }
    return true;
}

static void refuse_head(struct http_worker *w, const struct head_refusal *why)
{
    static const struct {
        int status;
        const char *name, *title;
    } kinds[] = {
        {400, "malformed", "Malformed request"},
        {408, "timeout", "Request timeout"},
        {414, "too-large", "Target too long"},
        {431, "too-large", "Head too large"},
        {501, "not-implemented", "Not implemented"},
        {505, "version-not-supported", "HTTP version not supported"},
    };
    struct problem p = {0};
    size_t i = 0;

    while (i + 1 < ARRAY_SIZE(kinds) && kinds[i].status != why->status)
        i++;
    problem_set(&p, -EINVAL, NULL, "%s", why->detail);
    if (why->hint)
        problem_hint(&p, "%s", why->hint);
    w->rs.close = true;
    problem_write(&w->rs, kinds[i].status, kinds[i].name, kinds[i].title, &p);
}

bool server_head(struct http_worker *w)
{
    struct head_scan scan = {0};
    struct head_refusal why = {0};

    prepare(w);
    const bool whole = receive_head(w, &scan, &why);
    if (!whole && why.status == 0)
        return false;
    if (!whole || !head_parse(&scan, (struct str){w->head, scan.n}, &w->rq, &why)) {
        refuse_head(w, &why);
        w->refused = true;
    } else {
        w->refused = !framing_check(&w->rq, &w->rs);
    }
    w->rq.started = clock_mono_ns();
    return true;
}

/* ---- serving -----------------------------------------------------------------------------------
 */

bool server_serve(struct http_worker *w)
{
    struct http_server *s = w->server;

    place_works(w->place);
    hold_enter(s);
    w->rq.rules = atomic_load(&s->rules);
    place_serves(w->place, true);
    atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
    if (!w->refused && admit(&w->rq, &w->rs))
        w->rq.route->handler(s->context, &w->rq, &w->rs);
    response_finish(&w->rs);
    place_serves(w->place, false);
    place_reads(w->place);
    hold_leave(s);
    return !w->rs.close;
}

void server_unavailable(struct http_server *s, int fd)
{
    struct http_request rq = {.server = s, .fd = fd, .taken = true};
    struct http_response rs = {0};

    atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
    response_start(&rs, &rq);
    rs.close = true;
    problem_no_memory(&rs);
    response_finish(&rs);
    buf_free(&rs.head);
    buf_free(&rs.body);
    buf_free(&rs.out);
}

/* In the thread that accepts: whoever finds no place costs one write, and no time. */
static void turn_away(struct http_server *s, int fd)
{
    char answer[PROBLEM_BARE_MAX];
    char scrap[4096];
    const size_t n = problem_bare(answer, false, "busy", "Busy", "all connections are in use");

    atomic_fetch_add_explicit(&s->by_class[5], 1, memory_order_relaxed);
    send(fd, answer, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    /* What is left unread resets the connection, and the answer with it. */
    recvfrom(fd, scrap, sizeof(scrap), MSG_DONTWAIT, NULL, NULL);
    close(fd);
}

struct place *server_admit(struct http_server *s, int fd, const struct sockaddr_storage *peer)
{
    struct address address;

    address_of(peer, &address);
    struct place *p = places_take(s->places, fd, &address);
    if (!p)
        turn_away(s, fd);
    return p;
}

/* ---- start -------------------------------------------------------------------------------------
 */

/* Clients that take the last descriptor would stop more than themselves. */
static unsigned threads_of(const struct http_options *o)
{
    const unsigned wanted = o->threads ? o->threads : THREADS, others = LEAVING + DESCRIPTORS_LEFT;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted + others)
        return wanted;
    unsigned n = limit.rlim_cur > others ? (unsigned)limit.rlim_cur - others : 0;
    n = n < THREADS_MIN ? THREADS_MIN : n;
    n = n < wanted ? n : wanted;
    log_warning("few descriptors may be open (ulimit -n): fewer connections at once are taken",
                LOG_UINT("descriptors", limit.rlim_cur), LOG_UINT("connections", n));
    return n;
}

static int start(struct http_server *s, const struct http_options *o, struct problem *p)
{
    struct http_rules *rules = NULL;
    int r = rules_new(o, &rules);

    s->rules = rules;
    s->head_time_ns = o->head_time_ns ? o->head_time_ns : HTTP_HEAD_TIME;
    s->body_time_ns = o->body_time_ns ? o->body_time_ns : HTTP_BODY_TIME;
    s->threads = threads_of(o);
    if (r == 0)
        r = places_new(s->threads + LEAVING, s->threads - s->threads / 16 - 1,
                       rules->options.trusted_proxies, rules->options.ntrusted_proxies, &s->places);
    if (r == 0)
        r = listeners_new(&s->listeners);
    if (r < 0)
        return problem_set(p, r, NULL, "the HTTP server did not start: %s", bd_strerror(r));
    r = listeners_prepare(s->listeners, o->listen, o->nlisten, p);
    if (r < 0)
        return r;
    listeners_prepared(s->listeners, rules->addresses);
    const struct engine_options options = {
        .listeners = s->listeners, .threads = s->threads, .server = s};
    r = engine_start(&options, &s->engine, p);
    if (r == 0)
        listeners_exchange(s->listeners);
    return r;
}

static void server_free(struct http_server *s)
{
    if (s->listeners)
        listeners_close(s->listeners);
    engine_stop(s->engine);
    listeners_free(s->listeners);
    places_free(s->places);
    rules_free(s->rules);
    rules_free(s->next);
    rules_free(s->before);
    pthread_cond_destroy(&s->idle);
    pthread_cond_destroy(&s->resumed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int http_start(const struct http_options *options, const struct http_route *routes, size_t nroutes,
               void *context, struct http_server **ret_server, struct problem *ret_problem)
{
    struct http_server *s = calloc(1, sizeof(*s));
    if (!s)
        return problem_set(ret_problem, -ENOMEM, NULL, "out of memory");
    int r = clock_cond_init(&s->idle);
    if (r < 0) {
        free(s);
        return problem_set(ret_problem, r, NULL, "%s", bd_strerror(r));
    }
    pthread_cond_init(&s->resumed, NULL);
    pthread_mutex_init(&s->lock, NULL);
    s->routes = routes;
    s->nroutes = nroutes;
    s->context = context;
    r = start(s, options, ret_problem);
    if (r < 0) {
        server_free(s);
        return r;
    }
    *ret_server = s;
    return 0;
}

/* ---- stop --------------------------------------------------------------------------------------
 */

void http_drain(struct http_server *s)
{
    atomic_store(&s->draining, true);
    hold_end(s);
}

void http_stop(struct http_server *s)
{
    if (!s)
        return;
    http_drain(s);
    hold_wait_idle(s, STOP_CLIENTS);
    /* Those whose clients neither send nor take any more hold nobody up. */
    places_end(s->places, PLACES_WAITING);
    hold_wait_idle(s, STOP_TIME);
    server_free(s);
}

unsigned http_port(const struct http_server *s, unsigned i)
{
    return listeners_port(s->listeners, i);
}

void http_stats(const struct http_server *s, struct http_stats *ret_stats)
{
    struct http_stats stats = {.requests = atomic_load(&s->requests),
                               .connections = atomic_load(&s->connections),
                               .threads = s->threads};

    for (size_t i = 0; i < ARRAY_SIZE(stats.by_class); i++)
        stats.by_class[i] = atomic_load(&s->by_class[i]);
    *ret_stats = stats;
}
