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
/* Of programs: each is a process. */
#define PROGRAMS_PART 40
#define RETRY_NS (100 * NS_PER_MS)
#define WORDS_MAX 240
#define DELAY_LEAST_MS 100

/* A ttl check has no probe: the host speaks for itself. */
static const struct probe_kind *const kinds[CHECK_NKINDS] = {
    [CHECK_HTTP] = &probe_http, [CHECK_HTTPS] = &probe_http, [CHECK_TCP] = &probe_tcp,
    [CHECK_DNS] = &probe_dns,   [CHECK_EXEC] = &probe_exec,
};

/* ---- who waits, who runs ---- */

static void leave(struct probe *p)
{
    struct probe_list *l = p->list;

    *(p->prev ? &p->prev->next : &l->first) = p->next;
    *(p->next ? &p->next->prev : &l->last) = p->prev;
    l->n--;
}

static void enter(struct probe_list *l, struct probe *p)
{
    p->list = l;
    p->prev = l->last;
    p->next = NULL;
    *(l->last ? &l->last->next : &l->first) = p;
    l->last = p;
    l->n++;
}

static void say_short(struct prober *p, int error)
{
    uint64_t now = clock_mono_ns();

    if (p->said_ns && now - p->said_ns < 60 * NS_PER_S)
        return;
    p->said_ns = now;
    log_warning("checks have to wait: we are short of something ourselves", LOG_ERR(error));
}

static bool is_short(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
           error == -EAGAIN || error == -ENOSPC;
}

/* It is not the host's fault. As many as are in flight now have what they need; from there on the
 * number grows again by one with each that ends. */
static void begin_later(struct probe *p, int error)
{
    struct probe_lane *lane = p->lane;

    probe_disconnect(p);
    leave(p);
    enter(&lane->again, p);
    lane->most = lane->running.n > 0 ? lane->running.n : 1;
    lane->pause_ns = clock_deadline(RETRY_NS);
    loop_timer_at(lane->turn, lane->pause_ns);
    say_short(p->prober, error);
}

static struct probe *next_of(const struct probe_lane *lane)
{
    return lane->again.first ? lane->again.first : lane->waiting.first;
}

static void arm(struct probe_lane *lane)
{
    if (next_of(lane))
        loop_timer_at(lane->turn, lane->pause_ns); /* long past, but for a pause */
}

/* Begins what there is room for. */
static void turn(void *arg)
{
    struct probe_lane *lane = arg;
    struct probe *p;

    while (lane->running.n < lane->most && (p = next_of(lane))) {
        uint64_t now = clock_mono_ns();
        if (now < lane->pause_ns) /* it has just begun */
            return;
        leave(p);
        enter(&lane->running, p);
        p->began_ns = now;
        int r = p->kind->begin(p); /* may be its end */
        if (r < 0)
            probe_failed(p, r);
    }
}

static int lane_init(struct prober *p, struct probe_lane *lane, unsigned limit)
{
    lane->limit = lane->most = limit > 0 ? limit : 1;
    return loop_timer_new(p->options.loop, turn, lane, &lane->turn);
}

static void lane_free(struct probe_lane *lane)
{
    struct probe *p;

    while ((p = next_of(lane)))
        probe_cancel(p);
    while (lane->running.first)
        probe_cancel(lane->running.first);
    loop_timer_free(lane->turn);
}

int probes_new(const struct prober_options *options, struct prober **ret_prober)
{
    struct prober *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->options = *options;
    if (p->options.in_flight == 0)
        p->options.in_flight = IN_FLIGHT;
    int r = lane_init(p, &p->sockets, p->options.in_flight);
    if (r == 0)
        r = lane_init(p, &p->programs, p->options.in_flight / PROGRAMS_PART);
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
    lane_free(&p->sockets);
    lane_free(&p->programs);
    httpcalls_free(p->calls);
    free(p);
}

unsigned probes_waiting(const struct prober *p)
{
    return p->sockets.again.n + p->sockets.waiting.n + p->programs.again.n + p->programs.waiting.n;
}

int probe_start(struct prober *p, const struct probe_target *target, probe_fn *fn, void *arg,
                struct probe **ret_probe)
{
    const struct probe_kind *kind = kinds[target->spec->kind];

    if (!kind)
        return -BD_EINVALID;
    size_t nname = target->name.n, nid = target->id.n;
    struct probe *probe = calloc(1, sizeof(*probe) + nname + nid);
    if (!probe)
        return -ENOMEM;
    *probe = (struct probe){
        .prober = p,
        .lane = kind == &probe_exec ? &p->programs : &p->sockets,
        .target = *target,
        .kind = kind,
        .fn = fn,
        .arg = arg,
        .fd = -1,
    };
    if (nname > 0)
        memcpy(probe->texts, target->name.p, nname);
    if (nid > 0)
        memcpy(probe->texts + nname, target->id.p, nid);
    probe->target.name = (struct str){probe->texts, nname};
    probe->target.id = (struct str){probe->texts + nname, nid};
    enter(&probe->lane->waiting, probe);
    if (probe->lane->waiting.n == 1)
        arm(probe->lane); /* not within this call */
    *ret_probe = probe;
    return 0;
}

static void forget(struct probe *p)
{
    struct probe_lane *lane = p->lane;

    probe_disconnect(p);
    leave(p);
    if (p->list == &lane->running) {
        if (lane->most < lane->limit)
            lane->most++;
        arm(lane);
    }
    free(p);
}

void probe_cancel(struct probe *probe)
{
    if (!probe)
        return;
    httpcall_cancel(probe->call);
    capture_cancel(probe->capture);
    forget(probe);
}

/* ---- what the kinds share ---- */

void probe_tell(struct probe *p, bool ok, bool refused, struct str words)
{
    const struct probe_result result = {
        .ok = ok,
        .refused = refused,
        .unasked = p->unasked,
        .latency_ns = clock_mono_ns() - p->began_ns,
        .output = words,
    };
    probe_fn *fn = p->fn;
    void *owner = p->prober->options.owner, *arg = p->arg;

    p->call = NULL;
    p->capture = NULL;
    forget(p);
    fn(owner, arg, &result);
}

void probe_end(struct probe *p, bool ok, bool refused, const char *format, ...)
{
    char words[WORDS_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    probe_tell(p, ok, refused, str_c(words));
}

unsigned probe_ms(const struct probe *p)
{
    return (unsigned)((clock_mono_ns() - p->began_ns) / NS_PER_MS);
}

void probe_unasked(struct probe *p, const char *why)
{
    p->unasked = true;
    probe_end(p, false, false, "not asked: %s", why);
}

/* Its time was over long before we looked: suspended, stopped or without a CPU, and an answer may
 * have come in time. */
static bool is_our_delay(const struct probe *p)
{
    unsigned timeout = p->target.spec->timeout_ms, slack = timeout / 4;

    return probe_ms(p) > timeout + (slack > DELAY_LEAST_MS ? slack : DELAY_LEAST_MS);
}

static void probe_late(void *probe)
{
    struct probe *p = probe;

    p->unasked = is_our_delay(p);
    if (p->unasked)
        probe_end(p, false, false, "not judged: we looked after %u ms only", probe_ms(p));
    else
        probe_end(p, false, false, "no answer within %u ms", p->target.spec->timeout_ms);
}

/* A router on the way says the same of a network that has gone, and then the host is not to be
 * reached. Here nothing is sent: who says it is this machine, of its own routes. */
static bool is_our_own(const struct probe *p, int error)
{
    struct sockaddr_storage to;

    address_to(&p->target.to, 1, &to);
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int r = connect(fd, (const struct sockaddr *)(const void *)&to, sockaddr_size(&to));
    bool same = r < 0 && errno == -error;
    close(fd);
    return same;
}

void probe_failed(struct probe *p, int error)
{
    if (error == -BD_ETIMEDOUT)
        probe_late(p);
    else if (error == -ECONNREFUSED)
        probe_end(p, false, true, "connection refused");
    else if (is_short(error))
        begin_later(p, error);
    else if (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT || is_our_own(p, error))
        probe_unasked(p, bd_strerror(error)); /* we have no address, port or route to ask from */
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
    char text[ADDRESS_TEXT_MAX], words[WORDS_MAX];

    address_text(&p->target.to, text);
    snprintf(words, sizeof(words), "%s %s, and checks.allow does not have it", text, why);
    probe_unasked(p, words);
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
    return -errno;
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
