/* What the DNS server shows: one question to the child itself, by UDP, and by TCP where the answer
 * does not fit (RFC 7766 §5). On the asker's thread, and so with read() in place of recv(), which
 * has another meaning on threads of the HTTP engine. */
#include "internal.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include <betterdns/sockaddr.h>

#include "child.h"

#define TRY_NS (500 * NS_PER_MS) /* then the same question once more */
#define TCP_MAX 65535U

struct lookup {
    struct sockaddr_storage address;
    char nsid[CHILD_NSID_SIZE];
    const struct dname *name;
    uint16_t type, id;
    uint64_t deadline;
    uint8_t *msg; /* room for any message */
};

/* Waits for events until then at most: 0, -BD_ETIMEDOUT, or what poll(2) says. */
static int wait_for(int fd, short events, uint64_t until)
{
    struct pollfd p = {.fd = fd, .events = events};
    int r;

    do {
        uint64_t now = clock_mono_ns();
        struct timespec ts = clock_timespec(until > now ? until - now : 0);
        r = ppoll(&p, 1, &ts, NULL);
    } while (r < 0 && errno == EINTR);
    return r > 0 ? 0 : r < 0 ? -errno : -BD_ETIMEDOUT;
}

static int open_socket(const struct lookup *l, int type)
{
    int fd = socket(l->address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int r = 0;
    if (connect(fd, (const struct sockaddr *)&l->address, sockaddr_size(&l->address)) < 0)
        r = errno == EINPROGRESS ? wait_for(fd, POLLOUT, l->deadline) : -errno;
    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}

/* 0, or -BD_ESYNTAX: not the answer of this child to this question. */
static int read_answer(const struct lookup *l, size_t n, struct dnsmsg_answer *answer)
{
    int r = dnsmsg_answer(l->msg, n, l->id, l->name, l->type, answer);

    if (r < 0)
        return r;
    bool mine = child_is_named(l->nsid, answer->nsid);
    answer->nsid = (struct str){NULL, 0}; /* a view of the message */
    if (mine)
        return 0;
    free(answer->bytes);
    return -BD_ESYNTAX;
}

/* Others' datagrams are passed over, and those that go bad before they are read. */
static int take_datagram(const struct lookup *l, int fd, struct dnsmsg_answer *answer)
{
    uint64_t again = clock_deadline(TRY_NS), until = again < l->deadline ? again : l->deadline;
    int r;

    do {
        r = wait_for(fd, POLLIN, until);
        if (r < 0)
            return r;
        ssize_t n = read(fd, l->msg, TCP_MAX);
        r = n < 0 ? -errno : read_answer(l, (size_t)n, answer);
    } while (r == -BD_ESYNTAX || r == -EAGAIN);
    return r;
}

static int ask_udp(const struct lookup *l, struct dnsmsg_answer *answer)
{
    uint8_t query[DNSMSG_MAX];
    size_t n = dnsmsg_query(l->id, l->name, l->type, query);
    int fd = open_socket(l, SOCK_DGRAM), r;

    if (fd < 0)
        return fd;
    do {
        r = send(fd, query, n, MSG_NOSIGNAL) < 0 ? -errno : take_datagram(l, fd, answer);
    } while (r == -BD_ETIMEDOUT && clock_mono_ns() < l->deadline);
    close(fd);
    return r;
}

/* Exactly n octets, in one direction or the other. */
static int transfer(const struct lookup *l, int fd, uint8_t *bytes, size_t n, bool out)
{
    while (n > 0) {
        ssize_t some = out ? send(fd, bytes, n, MSG_NOSIGNAL) : read(fd, bytes, n);
        if (some == 0)
            return -EPIPE;
        if (some < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (some < 0) {
            int r = wait_for(fd, out ? POLLOUT : POLLIN, l->deadline);
            if (r < 0)
                return r;
            continue;
        }
        bytes += some;
        n -= (size_t)some;
    }
    return 0;
}

static int ask_tcp(const struct lookup *l, struct dnsmsg_answer *answer)
{
    uint8_t query[2 + DNSMSG_MAX], head[2] = {0};
    size_t n = dnsmsg_query(l->id, l->name, l->type, query + 2);
    int fd = open_socket(l, SOCK_STREAM);

    if (fd < 0)
        return fd;
    query[0] = (uint8_t)(n >> 8);
    query[1] = (uint8_t)n;
    int r = transfer(l, fd, query, n + 2, true);
    if (r == 0)
        r = transfer(l, fd, head, 2, false);
    n = (size_t)(head[0] << 8 | head[1]);
    if (r == 0)
        r = transfer(l, fd, l->msg, n, false);
    if (r == 0)
        r = read_answer(l, n, answer);
    close(fd);
    return r;
}

int controller_lookup(struct controller *c, const struct dname *name, uint16_t type,
                      uint64_t deadline_ns, struct dnsmsg_answer *ret_answer)
{
    struct lookup l = {.name = name, .type = type, .deadline = deadline_ns};
    struct dnsmsg_answer answer = {.rcode = 0};

    pthread_mutex_lock(&c->lock);
    l.address = c->asked;
    memcpy(l.nsid, c->asked_nsid, sizeof(l.nsid));
    pthread_mutex_unlock(&c->lock);
    if (l.address.ss_family == AF_UNSPEC)
        return -ENOTCONN;
    if (getrandom(&l.id, sizeof(l.id), 0) < 0)
        l.id = 1;
    l.msg = malloc(TCP_MAX);
    if (!l.msg)
        return -ENOMEM;
    int r = ask_udp(&l, &answer);
    if (r == 0 && answer.truncated) {
        free(answer.bytes);
        r = ask_tcp(&l, &answer);
    }
    free(l.msg);
    if (r == 0)
        *ret_answer = answer;
    return r;
}
