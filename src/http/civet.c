/* civetweb as the engine. Whatever it can do beyond parsing heads (files, forms, TLS, CGI,
 * authorization) is not used. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <civetweb.h>

#include <betterdns/log.h>

#include "interpose.h"
#include "server.h"

#define ENGINE_LISTEN_MAX 16

struct engine {
    struct mg_context *mg;
    struct http_server *server;
    unsigned n; /* of the arrays that follow */
    unsigned ports[ENGINE_LISTEN_MAX], placeholders[ENGINE_LISTEN_MAX];
    int listeners[ENGINE_LISTEN_MAX];
    bool replaced[ENGINE_LISTEN_MAX];
    pthread_mutex_t lock;
    pthread_cond_t accepted;
    enum { ACCEPT_NOT_YET, ACCEPT_YES, ACCEPT_NO } accepting; /* guarded by lock, like the next */
    char first_message[200];                                  /* of civetweb */
    atomic_bool stopped;
};

static struct mg_connection *mg_of(struct engine_conn *c)
{
    return (struct mg_connection *)c;
}

static struct engine *engine_of(const struct mg_connection *mg)
{
    return mg_get_user_context_data(mg);
}

/* ---- requests ----------------------------------------------------------------------------------
 */

/* civetweb stops reading headers at a folded line and takes a bare LF for a line end, and says
 * neither. It ends each value where its CR LF stood, by NULs: what follows them tells (RFC 9112
 * §2.2, §5.2). */
static bool header_ends_well(const char *end, bool last)
{
    if (end[0] != '\0' || end[1] != '\0')
        return false;
    return !last || end[2] == '\r';
}

static bool copy_headers(const struct mg_request_info *ri, struct http_request *rq)
{
    /* A 65th would not be here, nor what it says. */
    bool well = ri->num_headers < HTTP_HEADERS_MAX;

    rq->nheaders = 0;
    for (int i = 0; i < ri->num_headers && i < HTTP_HEADERS_MAX; i++) {
        const struct mg_header *h = &ri->http_headers[i];
        struct str value = str_c(h->value);
        well = well && header_ends_well(value.p + value.n, i == ri->num_headers - 1);
        rq->headers[rq->nheaders++] = (struct http_header){str_c(h->name), str_trim(value)};
    }
    return well;
}

/* The socket that this thread received the head from, and its other end, which civetweb may not
 * know (interpose.c). */
static void find_socket(struct http_worker *w, const struct mg_request_info *ri)
{
    struct sockaddr_storage peer = {0};
    socklen_t n = sizeof(peer);
    char text[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in *in = (const struct sockaddr_in *)&peer;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&peer;
    const bool known = getpeername(interpose_last_fd(), (struct sockaddr *)&peer, &n) == 0 &&
                       ntohs(in->sin_port) == ri->remote_port;

    w->fd = known ? interpose_last_fd() : -1;
    if (known && peer.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
    else if (known)
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
    if (address_parse(str_c(text), &w->peer) < 0)
        w->peer.family = AF_UNSPEC;
}

static int begin_request(struct mg_connection *mg)
{
    const struct mg_request_info *ri = mg_get_request_info(mg);
    struct http_server *server = engine_of(mg)->server;
    struct engine_conn *conn = (struct engine_conn *)mg;
    struct http_worker *w = mg_get_thread_pointer(mg);

    if (!w) {
        server_refuse(server, conn, 503);
        return 503;
    }
    struct http_request *rq = &w->rq;
    rq->server = server;
    rq->conn = conn;
    rq->method = str_c(ri->request_method);
    rq->target = str_c(ri->request_uri);
    rq->path = str_c(ri->local_uri_raw);
    rq->query = str_c(ri->query_string);
    rq->http10 = strcmp(ri->http_version, "1.0") == 0;
    if (w->fd < 0)
        find_socket(w, ri);
    rq->fd = w->fd;
    rq->peer = w->peer;
    if (!copy_headers(ri, rq) || rq->peer.family == AF_UNSPEC) {
        server_refuse(server, conn, 400);
        return 400;
    }
    server_serve(w);
    return 200; /* for civetweb's access log, which is not written */
}

/* civetweb says 400 or 411 for nearly all that it cannot read; what it had read by then tells more.
 */
static int refusal_status(struct mg_connection *mg, int status)
{
    const struct mg_request_info *ri = mg_get_request_info(mg);
    const char *version = ri->http_version;

    if (status == 413 || status == 505)
        return status;
    /* The method is the last thing that it looks at before the headers (RFC 9110 §9.1). */
    if (version && version[0] == '1' && ri->num_headers == 0)
        return 501;
    const char *coding = ri->num_headers > 0 ? mg_get_header(mg, "Transfer-Encoding") : NULL;
    if (coding && strcasecmp(coding, "chunked") != 0)
        return 501; /* RFC 9112 §6.1 */
    return 400;
}

static int http_error(struct mg_connection *mg, int status, const char *message)
{
    (void)message;
    server_refuse(engine_of(mg)->server, (struct engine_conn *)mg, refusal_status(mg, status));
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
    struct http_worker *w = mg_get_thread_pointer(mg);

    (void)conn_data;
    if (w)
        w->fd = -1;
    server_count_connection(engine_of(mg)->server, true);
    return 0;
}

static void connection_closed(const struct mg_connection *mg)
{
    server_count_connection(engine_of(mg)->server, false);
}

int engine_read(struct engine_conn *c, char *buf, size_t n)
{
    int got = mg_read(mg_of(c), buf, n);
    return got < 0 ? -EPIPE : got;
}

int engine_write(struct engine_conn *c, struct str bytes, uint64_t deadline)
{
    while (bytes.n > 0) {
        const uint64_t before = clock_mono_ns();
        int n = mg_write(mg_of(c), bytes.p, bytes.n);
        const uint64_t after = clock_mono_ns();
        /* A client that took nothing within request_timeout_ms looks like one that is gone, but for
         * the time that it took. */
        if (n <= 0 && after - before < NS_PER_S)
            return -EPIPE;
        if (n > 0)
            bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
        if (bytes.n > 0 && after > deadline)
            return -EPIPE;
    }
    return 0;
}

void engine_close_after(struct engine_conn *c)
{
    mg_disable_connection_keep_alive(mg_of(c));
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
    for (unsigned i = 0; i < e->n; i++) {
        if (e->placeholders[i] == port && !e->replaced[i])
            e->replaced[i] = dup3(e->listeners[i], fd, O_CLOEXEC) == fd;
    }
}

/* In the thread that is going to accept, before it does. */
static void replace_listeners(struct engine *e, const struct mg_context *mg)
{
    struct mg_server_port ports[ENGINE_LISTEN_MAX] = {0};
    const int n = mg_get_server_ports(mg, ENGINE_LISTEN_MAX, ports);
    bool all = n == (int)e->n;

    for (unsigned i = 0; i < e->n && all; i++)
        e->placeholders[i] = (unsigned)ports[i].port;
    if (all)
        each_socket(e, replace_if_placeholder);
    for (unsigned i = 0; i < e->n; i++)
        all = all && e->replaced[i];
    pthread_mutex_lock(&e->lock);
    e->accepting = all ? ACCEPT_YES : ACCEPT_NO;
    pthread_cond_signal(&e->accepted);
    pthread_mutex_unlock(&e->lock);
}

static void *init_thread(const struct mg_context *mg, int type)
{
    if (type == 0)
        replace_listeners(mg_get_user_data(mg), mg);
    return type == 1 ? server_worker_new() : NULL;
}

static void exit_thread(const struct mg_context *mg, int type, void *worker)
{
    (void)mg;
    if (type == 1)
        server_worker_free(worker);
}

/* civetweb binds to nothing of ours: it gets a socket of its own for each of ours, which ours then
 * replaces. So an address that is taken is seen before, IPv6 works, and none of them is ever
 * inherited by a child. */
static void placeholders(unsigned n, struct buf *out)
{
    for (unsigned i = 0; i < n; i++)
        buf_addf(out, "%s127.0.0.1:0", i ? "," : "");
    buf_add_c(out, '\0');
}

static struct mg_context *start_civetweb(struct engine *e, const char *listen, unsigned threads)
{
    static const struct mg_callbacks callbacks = {.begin_request = begin_request,
                                                  .http_error = http_error,
                                                  .log_message = log_message,
                                                  .init_connection = init_connection,
                                                  .connection_closed = connection_closed,
                                                  .init_thread = init_thread,
                                                  .exit_thread = exit_thread};
    char count[16];
    const char *options[] = {
        "listening_ports",
        listen,
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
    struct buf listen = {0};

    if (options->nlisteners == 0 || options->nlisteners > ENGINE_LISTEN_MAX)
        return problem_set(ret_problem, -EINVAL, NULL, "1 to %d addresses can be listened on",
                           ENGINE_LISTEN_MAX);
    struct engine *e = calloc(1, sizeof(*e));
    if (!e)
        return problem_set(ret_problem, -ENOMEM, NULL, "out of memory");

    e->server = options->server;
    e->n = options->nlisteners;
    for (unsigned i = 0; i < e->n; i++) {
        e->listeners[i] = options->listeners[i];
        e->ports[i] = listen_port(e->listeners[i]);
    }
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->accepted, NULL);
    placeholders(options->nlisteners, &listen);
    mg_init_library(0); /* without its TLS, which is built for another OpenSSL than is installed */
    if (!listen.error)
        e->mg = start_civetweb(e, listen.p, options->threads);
    int r = e->mg ? wait_accepting(e) : -EIO;
    buf_free(&listen);
    if (r < 0) {
        start_problem(e, r, ret_problem);
        engine_stop(e);
        return r;
    }
    for (unsigned i = 0; i < e->n; i++)
        close(e->listeners[i]);
    *ret_engine = e;
    return 0;
}

static void end_if_ours(struct engine *e, int fd, unsigned port)
{
    for (unsigned i = 0; i < e->n; i++) {
        if (e->ports[i] == port)
            shutdown(fd, SHUT_RDWR);
    }
}

/* civetweb's threads look at its stop flag every two seconds, or when their sockets end. */
static void *end_sockets(void *argument)
{
    struct engine *e = argument;
    const struct timespec pause = clock_timespec(5 * NS_PER_MS);

    while (!atomic_load(&e->stopped)) {
        each_socket(e, end_if_ours);
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
