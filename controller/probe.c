/* The SOA probe. */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include <betterdns/dnsmsg.h>

#include "child.h"
#include "net.h"

/* Answers to the last so many questions are taken: where an answer takes longer than the pace of
 * the questions, the latest alone would never be answered in time. A late answer is true all the
 * same, for serials only go up. */
#define ASKED_MAX 256U
_Static_assert((ASKED_MAX & (ASKED_MAX - 1)) == 0, "a power of two");

struct asked {
    bool open;
    uint16_t id;
    unsigned zone;
};

struct prober {
    struct loop *loop;
    struct sockaddr_storage address;
    struct loop_watch *watch;
    int fd;
    bool strange; /* another server has this port's questions */
    char nsid[64];
    const struct dname *const *origins;
    probe_answer_fn *fn;
    void *arg;
    uint16_t next_id;
    struct asked asked[ASKED_MAX];
};

/* "nsid" or "nsid.REVISION" */
static bool is_mine(const struct prober *p, struct str nsid, unsigned *ret_revision)
{
    struct str head;
    uint64_t revision = 0;

    *ret_revision = 0;
    if (strcmp(p->nsid, CHILD_ANY) == 0)
        return true;
    if (!child_is_named(p->nsid, nsid))
        return false;
    str_cut(&nsid, '.', &head);
    if (nsid.n > 0 && str_u64(nsid, UINT32_MAX, &revision) < 0)
        return false;
    *ret_revision = (unsigned)revision;
    return true;
}

static void take_answer(struct prober *p, const uint8_t *msg, size_t n)
{
    struct dnsmsg_soa soa;
    unsigned revision;

    if (n < 2)
        return;
    uint16_t id = (uint16_t)(msg[0] << 8 | msg[1]);
    struct asked *a = &p->asked[id % ASKED_MAX];
    if (!a->open || a->id != id)
        return;
    if (dnsmsg_soa_answer(msg, n, id, p->origins[a->zone], &soa) < 0)
        return;
    p->strange = !is_mine(p, soa.nsid, &revision);
    if (p->strange)
        return;
    a->open = false;
    p->fn(p->arg, a->zone, soa.has_soa && soa.rcode == 0 ? soa.serial : 0, revision);
}

/* One datagram a call: the answer may be the end of this prober. */
static void on_readable(void *arg, int fd, uint32_t events)
{
    uint8_t msg[4096];

    (void)events;
    ssize_t n = recv(fd, msg, sizeof(msg), 0); /* also takes ECONNREFUSED off the socket */
    if (n > 0)
        take_answer(arg, msg, (size_t)n);
}

static void close_socket(struct prober *p)
{
    loop_unwatch(p->watch);
    p->watch = NULL;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

static int open_socket(struct prober *p)
{
    p->fd = socket(p->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        return -errno;
    if (connect(p->fd, (const struct sockaddr *)&p->address, sockaddr_size(&p->address)) < 0)
        return -errno;
    return loop_watch(p->loop, p->fd, EPOLLIN, on_readable, p, &p->watch);
}

int prober_new(struct loop *loop, const struct sockaddr_storage *address, const char *nsid,
               const struct dname *const *origins, probe_answer_fn *fn, void *arg,
               struct prober **ret_prober)
{
    struct prober *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->origins = origins;
    p->fn = fn;
    p->arg = arg;
    snprintf(p->nsid, sizeof(p->nsid), "%s", nsid);
    if (getrandom(&p->next_id, sizeof(p->next_id), 0) < 0)
        p->next_id = 1;
    p->loop = loop;
    p->address = *address;
    const int r = open_socket(p);
    if (r < 0) {
        prober_free(p);
        return r;
    }
    *ret_prober = p;
    return 0;
}

void prober_move(struct prober *p)
{
    p->strange = true;
}

void prober_ask(struct prober *p, unsigned zone)
{
    uint8_t msg[DNSMSG_MAX];
    uint16_t id = p->next_id++;

    /* Of two servers on one port each source port always asks the same one. */
    if (p->strange || p->fd < 0) {
        p->strange = false;
        close_socket(p);
        if (open_socket(p) < 0)
            return;
    }
    size_t n = dnsmsg_soa_query(id, p->origins[zone], msg);
    p->asked[id % ASKED_MAX] = (struct asked){.open = true, .id = id, .zone = zone};
    ssize_t ignored = send(p->fd, msg, n, MSG_NOSIGNAL);
    (void)ignored;
}

void prober_free(struct prober *p)
{
    if (!p)
        return;
    close_socket(p);
    free(p);
}
