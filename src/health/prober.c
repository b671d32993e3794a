/* The prober: who is in flight, who waits, and what the kinds share. */
#include "probe_kind.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/log.h>
#include <betterdns/sockaddr.h>

#define IN_FLIGHT 1000
#define RETRY_NS (100 * NS_PER_MS)
#define WORDS_MAX 240

/* A ttl check has no probe: the host speaks for itself. */
static const struct probe_kind *const kinds[CHECK_NKINDS] = {
    [CHECK_HTTP] = &probe_http,
    [CHECK_HTTPS] = &probe_http,
    [CHECK_TCP] = &probe_tcp,
    [CHECK_DNS] = &probe_dns,
};

/* ---- who waits, who runs ---- */

static void list_add(struct probe_list *l, struct probe *p)
{
    p->prev = l->last;
    p->next = NULL;
    *(l->last ? &l->last->next : &l->first) = p;
    l->last = p;
    l->n++;
}

static void list_remove(struct probe_list *l, struct probe *p)
{
    *(p->prev ? &p->prev->next : &l->first) = p->next;
    *(p->next ? &p->next->prev : &l->last) = p->prev;
    l->n--;
}

static void say_short(struct prober *p, int error)
{
    uint64_t now = clock_mono_ns();

    if (p->said_ns && now - p->said_ns < 60 * NS_PER_S)
        return;
    p->said_ns = now;
    log_warning("a check has to wait: we are short of something ourselves", LOG_ERR(error));
}

/* Begins what there is room for. What lacks something of ours waits, and all behind it. */
static void turn(void *prober)
{
    struct prober *p = prober;
    struct probe *probe;

    while (p->running.n < p->options.in_flight && (probe = p->waiting.first)) {
        list_remove(&p->waiting, probe);
        list_add(&p->running, probe);
        probe->runs = true;
        probe->began_ns = clock_mono_ns();
        int r = probe->kind->begin(probe); /* may be its end */
        if (r == 0)
            continue;
        probe_disconnect(probe);
        probe->runs = false;
        list_remove(&p->running, probe);
        list_add(&p->waiting, probe);
        say_short(p, r);
        loop_timer_at(p->turn, clock_deadline(RETRY_NS));
        return;
    }
}

int probes_new(const struct prober_options *options, struct prober **ret_prober)
{
    struct prober *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->options = *options;
    if (p->options.in_flight == 0)
        p->options.in_flight = IN_FLIGHT;
    int r = loop_timer_new(options->loop, turn, p, &p->turn);
    if (r == 0)
        r = httpcalls_new(options->loop, &p->calls);
    if (r < 0) {
        probes_free(p);
        return r;
    }
    *ret_prober = p;
    return 0;
}

void probes_free(struct prober *p)
{
    if (!p)
        return;
    while (p->waiting.first)
        probe_cancel(p->waiting.first);
    while (p->running.first)
        probe_cancel(p->running.first);
    httpcalls_free(p->calls);
    loop_timer_free(p->turn);
    free(p);
}

unsigned probes_waiting(const struct prober *p)
{
    return p->waiting.n;
}

int probe_start(struct prober *p, const struct probe_target *target, probe_fn *fn, void *arg,
                struct probe **ret_probe)
{
    const struct probe_kind *kind = kinds[target->spec->kind];

    if (!kind)
        return -BD_EINVALID;
    struct probe *probe = calloc(1, sizeof(*probe));
    if (!probe)
        return -ENOMEM;
    *probe = (struct probe){
        .prober = p, .target = *target, .kind = kind, .fn = fn, .arg = arg, .fd = -1};
    list_add(&p->waiting, probe);
    if (p->waiting.n == 1)
        loop_timer_at(p->turn, 0); /* not within this call */
    *ret_probe = probe;
    return 0;
}

static void forget(struct probe *probe)
{
    struct prober *p = probe->prober;

    probe_disconnect(probe);
    list_remove(probe->runs ? &p->running : &p->waiting, probe);
    if (probe->runs && p->waiting.n > 0)
        loop_timer_at(p->turn, 0);
    free(probe);
}

void probe_cancel(struct probe *probe)
{
    if (!probe)
        return;
    httpcall_cancel(probe->call);
    forget(probe);
}

/* ---- what the kinds share ---- */

void probe_end(struct probe *p, bool ok, bool refused, const char *format, ...)
{
    char words[WORDS_MAX];
    uint64_t took = clock_mono_ns() - p->began_ns;
    probe_fn *fn = p->fn;
    void *owner = p->prober->options.owner;
    void *arg = p->arg;
    bool unasked = p->unasked;
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    p->call = NULL;
    forget(p);
    const struct probe_result result = {
        .ok = ok,
        .refused = refused,
        .unasked = unasked,
        .latency_ns = took,
        .output = str_c(words),
    };
    fn(owner, arg, &result);
}

unsigned probe_ms(const struct probe *p)
{
    return (unsigned)((clock_mono_ns() - p->began_ns) / NS_PER_MS);
}

void probe_late(void *probe)
{
    struct probe *p = probe;

    probe_end(p, false, false, "no answer within %u ms", p->target.spec->timeout_ms);
}

void probe_failed(struct probe *p, int error)
{
    if (error == -BD_ETIMEDOUT)
        probe_late(p);
    else if (error == -ECONNREFUSED)
        probe_end(p, false, true, "connection refused");
    else
        probe_end(p, false, false, "%s", bd_strerror(error));
}

bool probe_may_reach(const struct probe *p, const struct address *to, uint16_t port,
                     const char **ret_why)
{
    const struct fence_ask ask = {
        .to = *to, .port = port, .trusted = p->target.trusted, .caller = p->target.caller};

    return fence_allows(&p->prober->options.fence, &ask, ret_why);
}

void probe_fenced(struct probe *p, const char *why)
{
    char text[ADDRESS_TEXT_MAX];

    address_text(&p->target.to, text);
    p->unasked = true;
    probe_end(p, false, false, "not asked: %s %s, and checks.allow does not have it", text, why);
}

static int open_socket(struct probe *p, int type, uint16_t port)
{
    struct sockaddr_storage to;
    const char *why;

    if (!probe_may_reach(p, &p->target.to, port, &why)) {
        probe_fenced(p, why);
        return 0;
    }
    address_to(&p->target.to, port, &to);
    p->fd = socket(to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        return -errno;
    if (connect(p->fd, (const struct sockaddr *)(const void *)&to, sockaddr_size(&to)) == 0 ||
        errno == EINPROGRESS)
        return 1;
    if (errno == EADDRNOTAVAIL || errno == ENOBUFS) /* all ports in use: that is our own lack */
        return -errno;
    probe_failed(p, -errno);
    return 0;
}

int probe_connect(struct probe *p, int type, uint16_t port, uint32_t events, loop_fd_fn *fn)
{
    struct loop *loop = p->prober->options.loop;

    int r = open_socket(p, type, port);
    if (r <= 0)
        return r;
    r = loop_watch(loop, p->fd, events, fn, p, &p->watch);
    if (r == 0)
        r = loop_timer_new(loop, probe_late, p, &p->timer);
    if (r < 0)
        return r;
    loop_timer_at(p->timer, clock_deadline(p->target.spec->timeout_ms * NS_PER_MS));
    return 1;
}

void probe_disconnect(struct probe *p)
{
    loop_unwatch(p->watch);
    loop_timer_free(p->timer);
    loop_timer_free(p->again);
    if (p->fd >= 0)
        close(p->fd);
    p->watch = NULL;
    p->timer = p->again = NULL;
    p->fd = -1;
}
