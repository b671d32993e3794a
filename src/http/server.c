/* A server: started, serving, draining, stopped. */
#include <stdlib.h>
#include <unistd.h>

#include "server.h"

#define THREADS                                                                                    \
    1100 /* as many connections are answered at once; a thousand slow ones block nobody */
#define STOP_TIME (5 * NS_PER_S)

/* ---- requests ----------------------------------------------------------------------------------
 */

struct http_worker *server_worker_new(void)
{
    struct http_worker *w = calloc(1, sizeof(*w));

    if (w)
        w->fd = -1;
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
    return framing_check(rq, rs) && body_take(rq, rs) && host_check(rq, rs) &&
           not_draining(rq, rs) && client_find(rq, rs) && guard_network(rq, rs) &&
           router_match(rq, rs) && guard_caller(rq, rs) && router_found(rq, rs) &&
           query_parse(rq, rs) && query_known(rq, rs);
}

static void prepare(struct http_worker *w)
{
    struct http_request *rq = &w->rq;

    arena_reset(&w->arena);
    w->lazy = (struct http_lazy){0};
    rq->arena = &w->arena;
    rq->lazy = &w->lazy;
    rq->watch = &w->watch;
    rq->started = clock_mono_ns();
    rq->content_length = 0;
    rq->body = (struct str){NULL, 0};
    rq->route = NULL;
    rq->chunked = rq->taken = false;
    rq->client_text[0] = '\0';
    response_start(&w->rs, rq);
}

static void leave(struct http_server *s)
{
    if (atomic_fetch_sub(&s->busy, 1) != 1 || !atomic_load(&s->draining))
        return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->idle);
    pthread_mutex_unlock(&s->lock);
}

void server_serve(struct http_worker *w)
{
    struct http_server *s = w->rq.server;

    atomic_fetch_add(&s->busy, 1);
    atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
    prepare(w);
    if (admit(&w->rq, &w->rs))
        w->rq.route->handler(s->context, &w->rq, &w->rs);
    response_finish(&w->rs);
    leave(s);
}

void server_refuse(struct http_server *s, struct engine_conn *c, int status)
{
    struct http_request rq = {.server = s, .conn = c, .fd = -1, .taken = true};
    struct http_response rs = {0};

    atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
    response_start(&rs, &rq);
    rs.close = true;
    switch (status) {
    case 413: http_problem_as(&rs, 413, "too-large", "Head too large", "more than 16 KiB"); break;
    case 501:
        http_problem_as(&rs, 501, "not-implemented", "Not implemented",
                        "an unknown method, or a Transfer-Encoding other than chunked");
        break;
    case 503: http_problem_as(&rs, 503, "unavailable", "Unavailable", "out of memory"); break;
    case 505:
        http_problem_as(&rs, 505, "version-not-supported", "HTTP version not supported",
                        "HTTP/1.1 and HTTP/1.0 are spoken here");
        break;
    default:
        http_problem_as(&rs, 400, "malformed", "Malformed request",
                        "the head of the request could not be read, or did not come in time");
    }
    response_finish(&rs);
    buf_free(&rs.head);
    buf_free(&rs.body);
    buf_free(&rs.out);
}

/* ---- start -------------------------------------------------------------------------------------
 */

static int copy_str(struct arena *a, struct str *s)
{
    if (!s->p)
        return 0;
    char *copy = arena_alloc(a, s->n + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, s->p, s->n);
    s->p = copy;
    return 0;
}

static void *copy_array(struct arena *a, const void *items, size_t n, size_t size)
{
    void *copy = arena_alloc(a, n * size + 1);

    if (copy && n > 0)
        memcpy(copy, items, n * size);
    return copy;
}

static int copy_options(struct http_server *s, const struct http_options *o)
{
    struct http_options *to = &s->options;

    *to = *o;
    to->listen = copy_array(&s->arena, o->listen, o->nlisten, sizeof(*o->listen));
    to->allow = copy_array(&s->arena, o->allow, o->nallow, sizeof(*o->allow));
    to->zones = copy_array(&s->arena, o->zones, o->nzones, sizeof(*o->zones));
    to->trusted_proxies =
        copy_array(&s->arena, o->trusted_proxies, o->ntrusted_proxies, sizeof(*o->trusted_proxies));
    struct str *hosts = copy_array(&s->arena, o->hosts, o->nhosts, sizeof(*o->hosts));
    to->hosts = hosts;
    if (!to->listen || !to->allow || !to->zones || !to->trusted_proxies || !hosts)
        return -ENOMEM;
    int r = copy_str(&s->arena, &to->token);
    for (unsigned i = 0; i < o->nhosts && r == 0; i++)
        r = copy_str(&s->arena, &hosts[i]);
    return r;
}

static int listen_all(struct http_server *s, int *fds, struct problem *p)
{
    for (unsigned i = 0; i < s->options.nlisten; i++) {
        int r = listen_open(&s->options.listen[i], &fds[i], p);
        if (r < 0)
            return r;
        s->ports[i] = listen_port(fds[i]);
    }
    return 0;
}

static int start_engine(struct http_server *s, struct problem *p)
{
    const unsigned n = s->options.nlisten;
    int *fds = arena_alloc(&s->arena, (n + 1) * sizeof(*fds));

    s->ports = arena_alloc(&s->arena, (n + 1) * sizeof(*s->ports));
    if (!fds || !s->ports)
        return problem_set(p, -ENOMEM, NULL, "out of memory");
    memset(fds, -1, n * sizeof(*fds));
    int r = listen_all(s, fds, p);
    if (r == 0) {
        const struct engine_options options = {.listeners = fds,
                                               .nlisteners = n,
                                               .threads = s->options.threads ? s->options.threads
                                                                             : THREADS,
                                               .server = s};
        r = engine_start(&options, &s->engine, p);
    }
    for (unsigned i = 0; i < n && r < 0; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return r;
}

static int start(struct http_server *s, const struct http_options *o, struct problem *p)
{
    int r = copy_options(s, o);
    if (r == 0)
        r = watch_start(&s->watch);
    if (r < 0)
        return problem_set(p, r, NULL, "the HTTP server did not start: %s", bd_strerror(r));
    return start_engine(s, p);
}

static void server_free(struct http_server *s)
{
    engine_stop(s->engine);
    watch_stop(s->watch);
    arena_free(&s->arena);
    pthread_cond_destroy(&s->idle);
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
}

void http_stop(struct http_server *s)
{
    if (!s)
        return;
    http_drain(s);
    const struct timespec until = clock_timespec(clock_deadline(STOP_TIME));
    int r = 0;
    pthread_mutex_lock(&s->lock);
    while (atomic_load(&s->busy) > 0 && r == 0)
        r = pthread_cond_timedwait(&s->idle, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
    server_free(s);
}

unsigned http_port(const struct http_server *s, unsigned i)
{
    return i < s->options.nlisten ? s->ports[i] : 0;
}

void http_stats(const struct http_server *s, struct http_stats *ret_stats)
{
    struct http_stats stats = {.requests = atomic_load(&s->requests),
                               .connections = atomic_load(&s->connections)};

    for (size_t i = 0; i < ARRAY_SIZE(stats.by_class); i++)
        stats.by_class[i] = atomic_load(&s->by_class[i]);
    *ret_stats = stats;
}
