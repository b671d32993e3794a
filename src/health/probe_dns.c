/* dns://:53/NAME: a name server answers for a name (its SOA is asked for): NOERROR, with or without
 * records. UDP loses: it is asked a second time after half of the time-out. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include <betterdns/clock.h>
#include <betterdns/dnsmsg.h>

#include "probe_kind.h"

static const char *const rcodes[16] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                       "NXDOMAIN", "NOTIMP",  "REFUSED"};

static int name_of(const struct probe *p, struct dname *ret_name)
{
    static const struct dname root = {.n = 1};
    const struct dname_rules rules = {.origin = &root};

    return dname_from_text(p->target.spec->path, &rules, ret_name, NULL);
}

static void judge(struct probe *p, const struct dnsmsg_answer *answer)
{
    const char *rcode = rcodes[answer->rcode & 15];

    if (rcode)
        probe_end(p, answer->rcode == 0, false, "%s in %u ms", rcode, probe_ms(p));
    else
        probe_end(p, false, false, "RCODE %u in %u ms", answer->rcode, probe_ms(p));
}

static void on_readable(void *arg, int fd, uint32_t events)
{
    struct probe *p = arg;
    struct dnsmsg_answer answer = {0};
    uint8_t msg[4096];
    struct dname name;

    (void)events;
    ssize_t n = recv(fd, msg, sizeof(msg), 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            probe_failed(p, -errno);
        return;
    }
    /* What answers no question of ours is no answer. */
    if (name_of(p, &name) < 0 ||
        dnsmsg_answer(msg, (size_t)n, p->dns_id, &name, RRTYPE_SOA, &answer) < 0)
        return;
    free(answer.bytes);
    judge(p, &answer);
}

static void ask(void *arg)
{
    struct probe *p = arg;
    uint8_t msg[DNSMSG_MAX];
    struct dname name;

    if (name_of(p, &name) < 0)
        return;
    size_t n = dnsmsg_query(p->dns_id, &name, RRTYPE_SOA, msg);
    ssize_t sent = send(p->fd, msg, n, MSG_NOSIGNAL);
    (void)sent; /* what is wrong is read, or the time-out says it */
}

static int begin(struct probe *p)
{
    const struct check_spec *spec = p->target.spec;

    if (getrandom(&p->dns_id, sizeof(p->dns_id), GRND_NONBLOCK) != sizeof(p->dns_id))
        p->dns_id = (uint16_t)(p->began_ns >> 10);
    int r = probe_connect(p, SOCK_DGRAM, spec->port, EPOLLIN, on_readable);
    if (r <= 0)
        return r;
    r = loop_timer_new(p->prober->options.loop, ask, p, &p->again);
    if (r < 0)
        return r;
    loop_timer_at(p->again, clock_deadline(spec->timeout_ms * NS_PER_MS / 2));
    ask(p);
    return 0;
}

const struct probe_kind probe_dns = {begin};
