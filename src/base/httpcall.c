/* HTTP requests by libcurl, on a loop. Easy handles are used again: making one costs more than most
 * of what it does. */
#include <betterdns/httpcall.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <betterdns/buf.h>
#include <betterdns/clock.h>
#include <betterdns/sockaddr.h>
#include <betterdns/version.h>

#define HEAD_MAX ((size_t)64 << 10)
#define SPARE_MAX 256U /* handles that are kept for the next calls */

struct httpcalls {
    struct loop *loop;
    struct loop_timer *timer;
    CURLM *multi;
    struct httpcall *first;
    CURL *spare[SPARE_MAX];
    unsigned nspare;
};

struct httpcall {
    struct httpcalls *calls;
    struct httpcall *prev, *next;
    CURL *curl;
    struct curl_slist *headers, *connect_to;
    httpcall_fn *fn;
    void *arg;
    bool (*allow)(void *arg, const struct address *to, uint16_t port);
    void *allow_arg;
    uint64_t began_ns;
    int refused; /* what the socket callbacks say: -EACCES, -EMFILE, -ENOSPC, … */
    size_t head, answer_max;
    bool cut; /* there is more of the body than is wanted */
    struct buf body;
    char words[CURL_ERROR_SIZE];
};

/* ---- the loop's side ---- */

static void finish(struct httpcalls *c);

static void act(struct httpcalls *c, curl_socket_t fd, int what)
{
    int running;

    curl_multi_socket_action(c->multi, fd, what, &running);
    finish(c);
}

static void on_socket(void *arg, int fd, uint32_t events)
{
    int what = 0;

    if (events & (EPOLLIN | EPOLLHUP))
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        what |= CURL_CSELECT_ERR;
    act(arg, fd, what);
}

static void on_timer(void *calls)
{
    act(calls, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long ms, void *calls)
{
    struct httpcalls *c = calls;
    (void)multi;

    loop_timer_at(c->timer, ms < 0 ? UINT64_MAX : clock_deadline((uint64_t)ms * NS_PER_MS));
    return 0;
}

/* Never an error to libcurl: it would end, or crash, all others. This call alone gets no further;
 * its end, at its time-out, says what was short. */
static int watch_failed(CURL *curl, int error)
{
    struct httpcall *h = NULL;

    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &h);
    if (h)
        h->refused = error;
    return 0;
}

/* watch: what curl_multi_assign has put there. */
static int set_socket(CURL *curl, curl_socket_t fd, int what, void *calls, void *watch)
{
    struct httpcalls *c = calls;
    struct loop_watch *w = watch;
    uint32_t events = 0;

    if (what == CURL_POLL_REMOVE) {
        loop_unwatch(w);
        return 0;
    }
    if (what & CURL_POLL_IN)
        events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        events |= EPOLLOUT;
    int r = w ? loop_watch_events(w, events) : loop_watch(c->loop, fd, events, on_socket, c, &w);
    if (r < 0)
        return watch_failed(curl, r);
    if (!watch)
        curl_multi_assign(c->multi, fd, w);
    return 0;
}

int httpcalls_new(struct loop *loop, struct httpcalls **ret_calls)
{
    struct httpcalls *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        free(c);
        return -ENOMEM;
    }
    c->loop = loop;
    c->multi = curl_multi_init();
    int r = c->multi ? loop_timer_new(loop, on_timer, c, &c->timer) : -ENOMEM;
    if (r < 0) {
        httpcalls_free(c);
        return r;
    }
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L);
    *ret_calls = c;
    return 0;
}

void httpcalls_free(struct httpcalls *c)
{
    if (!c)
        return;
    while (c->first)
        httpcall_cancel(c->first);
    for (unsigned i = 0; i < c->nspare; i++)
        curl_easy_cleanup(c->spare[i]);
    curl_multi_cleanup(c->multi);
    loop_timer_free(c->timer);
    curl_global_cleanup();
    free(c);
}

/* ---- one call ---- */

/* Instead of connecting elsewhere, or without asking. */
static curl_socket_t open_socket(void *call, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct httpcall *h = call;
    struct sockaddr_storage ss = {0};
    struct address address;
    (void)purpose;

    memcpy(&ss, &to->addr, to->addrlen < sizeof(ss) ? to->addrlen : sizeof(ss));
    address_of(&ss, &address);
    if (h->allow && !h->allow(h->allow_arg, &address, (uint16_t)sockaddr_port(&ss))) {
        h->refused = -EACCES;
        return CURL_SOCKET_BAD;
    }
    int fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
    if (fd < 0)
        h->refused = -errno;
    return fd;
}

static size_t take_head(char *line, size_t size, size_t n, void *call)
{
    struct httpcall *h = call;
    (void)line;
    (void)size;

    h->head += n;
    return h->head > HEAD_MAX ? 0 : n;
}

static size_t take_body(char *octets, size_t size, size_t n, void *call)
{
    struct httpcall *h = call;
    size_t room = h->answer_max - h->body.n, taken = n < room ? n : room;
    (void)size;

    buf_add(&h->body, octets, taken);
    h->cut = taken < n || h->body.n == h->answer_max;
    return h->cut ? 0 : n;
}

static void set_options(struct httpcall *h, const struct httpcall_request *q)
{
    char agent[64];

    snprintf(agent, sizeof(agent), "betterdns/%s", bd_version());
    curl_easy_setopt(h->curl, CURLOPT_URL, q->url);
    curl_easy_setopt(h->curl, CURLOPT_PRIVATE, h);
    curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(h->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h->curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(h->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h->curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(h->curl, CURLOPT_FORBID_REUSE, 1L);
    /* At its end nobody waits for the thread that resolves a name: it ends by itself. */
    curl_easy_setopt(h->curl, CURLOPT_QUICK_EXIT, 1L);
    /* Its cache is gone through with each call. */
    curl_easy_setopt(h->curl, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)(q->timeout_ns / NS_PER_MS));
    curl_easy_setopt(h->curl, CURLOPT_USERAGENT, agent);
    curl_easy_setopt(h->curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(h->curl, CURLOPT_OPENSOCKETDATA, h);
    curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->words);
    if (q->any_name) {
        curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (q->body.p) {
        curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE, (long)q->body.n);
        curl_easy_setopt(h->curl, CURLOPT_COPYPOSTFIELDS, q->body.p);
    }
    curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, q->method);
}

static int add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (!longer)
        return -ENOMEM;
    *list = longer;
    return 0;
}

/* Without the URL's host as an address there is something to redirect. */
static int set_lists(struct httpcall *h, const struct httpcall_request *q)
{
    char text[ADDRESS_TEXT_MAX], line[ADDRESS_TEXT_MAX + 16];
    int r = 0;

    for (size_t i = 0; r == 0 && q->headers && q->headers[i]; i++)
        r = add_line(&h->headers, q->headers[i]);
    if (r == 0 && q->to.family) {
        address_text(&q->to, text);
        snprintf(line, sizeof(line), q->to.family == AF_INET6 ? "::[%s]:%u" : "::%s:%u", text,
                 q->port);
        r = add_line(&h->connect_to, line);
    }
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(h->curl, CURLOPT_CONNECT_TO, h->connect_to);
    return r;
}

/* Gives the handle back. */
static void forget(struct httpcall *h)
{
    struct httpcalls *c = h->calls;

    *(h->prev ? &h->prev->next : &c->first) = h->next;
    if (h->next)
        h->next->prev = h->prev;
    if (h->curl) {
        curl_multi_remove_handle(c->multi, h->curl);
        curl_easy_reset(h->curl);
        if (c->nspare < SPARE_MAX)
            c->spare[c->nspare++] = h->curl;
        else
            curl_easy_cleanup(h->curl);
    }
    curl_slist_free_all(h->headers);
    curl_slist_free_all(h->connect_to);
    buf_free(&h->body);
    free(h);
}

int httpcall_start(struct httpcalls *c, const struct httpcall_request *request, httpcall_fn *fn,
                   void *arg, struct httpcall **ret_call)
{
    struct httpcall *h = calloc(1, sizeof(*h));

    if (!h)
        return -ENOMEM;
    *h = (struct httpcall){
        .calls = c,
        .next = c->first,
        .curl = c->nspare > 0 ? c->spare[--c->nspare] : curl_easy_init(),
        .fn = fn,
        .arg = arg,
        .allow = request->allow,
        .allow_arg = request->allow_arg,
        .began_ns = clock_mono_ns(),
        .answer_max = request->answer_max,
    };
    if (c->first)
        c->first->prev = h;
    c->first = h;
    if (!h->curl)
        goto no_memory;
    set_options(h, request);
    if (set_lists(h, request) < 0 || curl_multi_add_handle(c->multi, h->curl) != CURLM_OK)
        goto no_memory;
    *ret_call = h;
    return 0;
no_memory:
    forget(h);
    return -ENOMEM;
}

void httpcall_cancel(struct httpcall *call)
{
    if (call)
        forget(call);
}

/* ---- its end ---- */

static int error_of(const struct httpcall *h, CURLcode code)
{
    long system = 0;

    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && h->cut))
        return 0;
    if (h->refused)
        return h->refused;
    curl_easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &system);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return -BD_ETIMEDOUT;
    case CURLE_COULDNT_CONNECT: return system > 0 ? (int)-system : -ECONNREFUSED;
    case CURLE_OUT_OF_MEMORY: return -ENOMEM;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_WRITE_ERROR: return -EPROTO; /* a head without end */
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE: return -ECONNRESET;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER: return -EBADMSG;
    case CURLE_SSL_CACERT_BADFILE: return -ENOKEY;
    default: return -EPROTO;
    }
}

/* libcurl's own words repeat what the other side sent, such as the names of its certificate: only
 * those are taken of which that is not so. */
static const char *words_of(const struct httpcall *h, CURLcode code, int error)
{
    static const struct str prefix = STR("SSL certificate problem: ");

    if (code == CURLE_SSL_CONNECT_ERROR && h->words[0])
        return h->words;
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return str_starts(str_c(h->words), prefix) ? h->words + prefix.n
                                                   : "the certificate is for another name";
    if (code == CURLE_SSL_CACERT_BADFILE)
        return "the certificates of authorities cannot be read (ca-certificates)";
    if (code == CURLE_WRITE_ERROR)
        return "a head without end";
    if (error == -EPROTO && code != CURLE_COULDNT_RESOLVE_HOST)
        return "the answer is no HTTP";
    return error < 0 && error != -EPROTO ? bd_strerror(error) : curl_easy_strerror(code);
}

static void end(struct httpcall *h, CURLcode code)
{
    struct httpcall_answer answer = {.error = error_of(h, code)};
    httpcall_fn *fn = h->fn;
    void *arg = h->arg;
    struct buf body = h->body;
    char words[CURL_ERROR_SIZE];
    long status = 0;

    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
    answer.latency_ns = clock_mono_ns() - h->began_ns;
    answer.status = (unsigned)status;
    if (answer.error == 0 && status == 0)
        answer.error = -EPROTO;
    if (answer.error == 0 && body.error)
        answer.error = body.error;
    snprintf(words, sizeof(words), "%s", words_of(h, code, answer.error));
    answer.words = words;
    answer.body = buf_str(&body);
    h->body = (struct buf){0};
    forget(h);
    fn(arg, &answer);
    buf_free(&body);
}

/* What has ended; each may start or cancel others. */
static void finish(struct httpcalls *c)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left))) {
        struct httpcall *h = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &h);
        end(h, code);
    }
}
