/* civetweb as the engine: its threads, its keep-alive. Heads of requests it sees only as we write
 * them for it, after we have answered the client's; whatever else it can do (files, forms,
 * TLS, CGI, authorization) is not used. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <civetweb.h>

#include <betterdns/log.h>

#include "interpose.h"
#include "listen.h"
#include "server.h"

struct engine {
    struct mg_context *mg;
    struct http_server *server;
    struct interpose interpose; /* of the thread that accepts */
    const struct listeners *listeners;
    unsigned placeholder; /* the port of civetweb's own socket, */
    int replaced;         /* and its descriptor, once it is ours; -1 */
    pthread_mutex_t lock;
    pthread_cond_t accepted;
    enum { ACCEPT_NOT_YET, ACCEPT_YES, ACCEPT_NO } accepting; /* guarded by lock, like the next */
    char first_message[200];                                  /* of civetweb */
    atomic_bool stopped;
};

/* What a thread of civetweb has of ours. */
struct engine_thread {
    struct interpose interpose;
    struct http_worker *worker;
};

static struct engine *engine_of(const struct mg_connection *mg)
{
    return mg_get_user_context_data(mg);
}

/* ---- requests ----------------------------------------------------------------------------------
 */

static struct engine_thread *thread_of(const struct mg_connection *mg)
{
    return mg_get_thread_pointer(mg);
}

/* civetweb wants to read the next head. It gets this one for each request that we have read and
 * answered, and so holds no octet that belongs to a body or to what comes behind it. Answered
 * before it knows: without memory it drops a request in silence, and waits for the next. */
static ssize_t receive(void *context, int fd, void *buf, size_t n)
{
    static const char head[] = "GET / HTTP/1.1\r\n\r\n";
    struct engine_thread *t = context;
    struct http_worker *w = t->worker;

    w->place = w->place ? w->place : place_with(w->server->places, fd);
    if (!w->place || n < sizeof(head) || !server_head(w) || !server_serve(w))
        return 0;
    memcpy(buf, head, sizeof(head) - 1);
    return (ssize_t)sizeof(head) - 1;
}

/* "0.0.4.12": the place that admit() gave. Not known in init_connection() yet. */
static struct place *place_of(const struct mg_connection *mg)
{
    struct in_addr in = {0};

    inet_pton(AF_INET, mg_get_request_info(mg)->remote_addr, &in);
    return place_at(engine_of(mg)->server->places, ntohl(in.s_addr));
}

/* Of a thread that found no memory for its worker, civetweb reads the heads, and they are refused.
 */
static int begin_request(struct mg_connection *mg)
{
    struct engine_thread *t = thread_of(mg);

    if (!t || !t->worker->place) {
        server_unavailable(engine_of(mg)->server, place_fd(place_of(mg)));
        mg_disable_connection_keep_alive(mg);
    }
    return 200; /* for civetweb's access log, which is not written */
}

/* It has nothing to complain of in heads that we wrote, and no memory at most. */
static int http_error(struct mg_connection *mg, int status, const char *message)
{
    (void)status;
    (void)message;
    begin_request(mg);
    mg_disable_connection_keep_alive(mg);
    return 0;
}

static int log_message(const struct mg_connection *mg, const char *message)
{
    struct engine *e = mg ? engine_of(mg) : NULL;

    if (e) {
        pthread_mutex_lock(&e->lock);
        if (!e->first_message[0])
            snprintf(e->first_message, sizeof(e->first_message), "%s", message);
        pthread_mutex_unlock(&e->lock);
    }
    log_debug("http engine", LOG_C("detail", message));
    return 1;
}

static int init_connection(const struct mg_connection *mg, void **conn_data)
{
    struct engine_thread *t = thread_of(mg);

    (void)conn_data;
    if (t)
        t->worker->place = NULL;
    server_count_connection(engine_of(mg)->server, true);
    return 0;
}

static void connection_close(const struct mg_connection *mg)
{
    place_closing(engine_of(mg)->server->places, place_of(mg));
}

static void connection_closed(const struct mg_connection *mg)
{
    place_leave(engine_of(mg)->server->places, place_of(mg));
    server_count_connection(engine_of(mg)->server, false);
}

/* ---- start and stop ----------------------------------------------------------------------------
 */

/* The local port of a TCP socket; 0: it is none. */
static unsigned local_port(int fd)
{
    int protocol = 0;
    socklen_t n = sizeof(protocol);

    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) < 0 || protocol != IPPROTO_TCP)
        return 0;
    return listen_port(fd);
}

static void each_socket(struct engine *e, void (*visit)(struct engine *e, int fd, unsigned port))
{
    struct dirent *entry;

    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        const int fd = atoi(entry->d_name);
        const unsigned port = local_port(fd);
        if (port > 0)
            visit(e, fd, port);
    }
    closedir(dir);
}

static void replace_if_placeholder(struct engine *e, int fd, unsigned port)
{
    if (e->placeholder == port && e->replaced < 0)
        e->replaced = dup3(listeners_fd(e->listeners), fd, O_CLOEXEC);
}

/* In the thread that is going to accept, before it does. */
static void replace_listener(struct engine *e, const struct mg_context *mg)
{
    struct mg_server_port port = {0};

    if (mg_get_server_ports(mg, 1, &port) == 1) {
        e->placeholder = (unsigned)port.port;
        each_socket(e, replace_if_placeholder);
    }
    pthread_mutex_lock(&e->lock);
    e->accepting = e->replaced >= 0 ? ACCEPT_YES : ACCEPT_NO;
    pthread_cond_signal(&e->accepted);
    pthread_mutex_unlock(&e->lock);
}

static int ready(void *context)
{
    const struct engine *e = context;

    return listeners_ready(e->listeners);
}

static bool admit(void *context, int fd, const struct sockaddr_storage *peer, uint32_t *ret_number)
{
    struct engine *e = context;
    struct place *p = server_admit(e->server, fd, peer);

    if (p)
        *ret_number = place_number(e->server->places, p);
    return p != NULL;
}

static struct engine_thread *new_thread(struct engine *e)
{
    struct engine_thread *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->worker = server_worker_new(e->server);
    if (!t->worker) {
        free(t);
        return NULL;
    }
    t->interpose = (struct interpose){.context = t, .receive = receive};
    interpose_thread(&t->interpose);
    return t;
}

static void *init_thread(const struct mg_context *mg, int type)
{
    struct engine *e = mg_get_user_data(mg);

    if (type == 1)
        return new_thread(e);
    if (type == 0) {
        e->interpose = (struct interpose){.context = e, .ready = ready, .admit = admit};
        interpose_thread(&e->interpose);
        replace_listener(e, mg);
    }
    return NULL;
}

static void exit_thread(const struct mg_context *mg, int type, void *thread)
{
    struct engine_thread *t = thread;

    (void)mg;
    interpose_thread(NULL);
    if (type != 1 || !t)
        return;
    server_worker_free(t->worker);
    free(t);
}

/* A machine may have no loopback network; there a port of all its addresses is bound for the moment
 * until it is replaced, before anybody is accepted. */
static const char *placeholder(void)
{
    const struct sockaddr_in loopback = {.sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool none = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof(loopback)) < 0 &&
                errno == EADDRNOTAVAIL;
    if (fd >= 0)
        close(fd);
    return none ? "0.0.0.0:0" : "127.0.0.1:0";
}

/* civetweb binds to nothing of ours: it gets a socket of its own, whose descriptor then becomes one
 * that is readable while a client waits at any of ours. So an address that is taken is seen before,
 * IPv6 works, ours can be exchanged while it runs, and none of them is ever inherited by a child.
 */
static struct mg_context *start_civetweb(struct engine *e, unsigned threads)
{
    static const struct mg_callbacks callbacks = {.begin_request = begin_request,
                                                  .http_error = http_error,
                                                  .log_message = log_message,
                                                  .init_connection = init_connection,
                                                  .connection_close = connection_close,
                                                  .connection_closed = connection_closed,
                                                  .init_thread = init_thread,
                                                  .exit_thread = exit_thread};
    char count[16];
    const char *options[] = {
        "listening_ports",
        placeholder(),
        "num_threads",
        count,
        "connection_queue",
        "1024",
        "listen_backlog",
        "4096",
        "tcp_nodelay",
        "1",
        "enable_keep_alive",
        "yes",
        "keep_alive_timeout_ms",
        "5000",
        "request_timeout_ms",
        "5000",
        "decode_url",
        "no",
        "enable_auth_domain_check",
        "no",
        "enable_directory_listing",
        "no",
        NULL,
    };

    snprintf(count, sizeof(count), "%u", threads);
    return mg_start(&callbacks, e, options);
}

/* 0 once civetweb's thread accepts from our sockets. */
static int wait_accepting(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    while (e->accepting == ACCEPT_NOT_YET)
        pthread_cond_wait(&e->accepted, &e->lock);
    int r = e->accepting == ACCEPT_YES ? 0 : -EIO;
    pthread_mutex_unlock(&e->lock);
    return r;
}

static void start_problem(struct engine *e, int error, struct problem *p)
{
    pthread_mutex_lock(&e->lock);
    problem_set(p, error, NULL, "the HTTP server did not start: %s",
                e->first_message[0] ? e->first_message : bd_strerror(error));
    pthread_mutex_unlock(&e->lock);
}

int engine_start(const struct engine_options *options, struct engine **ret_engine,
                 struct problem *ret_problem)
{
    struct engine *e = calloc(1, sizeof(*e));
    if (!e)
        return problem_set(ret_problem, -ENOMEM, NULL, "out of memory");

    e->server = options->server;
    e->listeners = options->listeners;
    e->replaced = -1;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->accepted, NULL);
    mg_init_library(0); /* without its TLS, which is built for another OpenSSL than is installed */
    e->mg = start_civetweb(e, options->threads);
    int r = e->mg ? wait_accepting(e) : -EIO;
    if (r < 0) {
        start_problem(e, r, ret_problem);
        engine_stop(e);
        return r;
    }
    *ret_engine = e;
    return 0;
}

/* civetweb's threads look at its stop flag every two seconds, or when their sockets end. */
static void *end_sockets(void *argument)
{
    struct engine *e = argument;
    const struct timespec pause = clock_timespec(5 * NS_PER_MS);

    while (!atomic_load(&e->stopped)) {
        places_end(e->server->places, PLACES_ALL);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

void engine_stop(struct engine *e)
{
    pthread_t helper;

    if (!e)
        return;
    if (e->mg) {
        const bool helped = pthread_create(&helper, NULL, end_sockets, e) == 0;
        mg_stop(e->mg);
        atomic_store(&e->stopped, true);
        if (helped)
            pthread_join(helper, NULL);
    }
    mg_exit_library();
    pthread_cond_destroy(&e->accepted);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
