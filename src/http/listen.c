/* Listening sockets, and in words why one cannot be had. */
#include "listen.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <betterdns/activation.h>
#include <betterdns/portowner.h>
#include <betterdns/sockaddr.h>

#define BACKLOG 4096
/* What the kernel keeps for a client that neither reads nor is read; it would let it grow to some
 * MiB each. */
#define BUFFER (64 * 1024)

struct listener {
    struct sockaddr_storage address; /* as asked for */
    int fd;
};

struct set {
    struct listener *at;
    unsigned n;
};

struct listeners {
    int epoll, wake;
    struct set now, next;
};

/* ---- one ---- */

/* Those of a client have what the listening one has. */
static void set_buffers(int fd)
{
    const int buffer = BUFFER;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
}

/* A descriptor, or a negative errno. */
static int bind_and_listen(const struct sockaddr_storage *ss)
{
    const int on = 1;
    int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    set_buffers(fd);
    if (ss->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)ss, sockaddr_size(ss)) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int r = -errno;
    close(fd);
    return r;
}

static int open_one(const struct sockaddr_storage *ss, int *ret_fd, struct problem *p)
{
    char name[SOCKADDR_TEXT_SIZE], owner[128];
    int r = activation_socket(ss, ret_fd);

    if (r == 0) {
        set_buffers(*ret_fd);
        return 0;
    }
    r = bind_and_listen(ss);
    if (r >= 0) {
        *ret_fd = r;
        return 0;
    }
    sockaddr_text(ss, sockaddr_port(ss), name);
    if (r == -EADDRINUSE) {
        const bool known = port_owner(ss, false, NULL, 0, owner, sizeof(owner)) == 0;
        problem_set(p, -BD_EINUSE, NULL, "%s is taken by %s", name,
                    known ? owner : "another program");
        return problem_hint(p, "stop that program, or set http.listen to another port");
    }
    problem_set(p, r, NULL, "cannot listen on %s: %s", name, bd_strerror(r));
    if (r == -EACCES)
        return problem_hint(p, "ports below 1024 need root or CAP_NET_BIND_SERVICE");
    if (r == -EADDRNOTAVAIL)
        return problem_hint(p, "no interface of this machine has that address");
    return r;
}

unsigned listen_port(int fd)
{
    struct sockaddr_storage ss = {0};
    socklen_t n = sizeof(ss);

    if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0)
        return 0;
    return sockaddr_port(&ss);
}

/* ---- a set of them ---- */

static int find(const struct set *s, const struct sockaddr_storage *address)
{
    for (unsigned i = 0; i < s->n; i++)
        if (memcmp(&s->at[i].address, address, sizeof(*address)) == 0)
            return s->at[i].fd;
    return -1;
}

static bool has(const struct set *s, int fd)
{
    for (unsigned i = 0; i < s->n; i++)
        if (s->at[i].fd == fd)
            return true;
    return false;
}

/* All that the two others have not. */
static void close_set(struct set *s, const struct set *but, const struct set *nor)
{
    for (unsigned i = 0; i < s->n; i++)
        if (s->at[i].fd >= 0 && !has(but, s->at[i].fd) && !has(nor, s->at[i].fd))
            close(s->at[i].fd);
    free(s->at);
    *s = (struct set){0};
}

int listeners_new(struct listeners **ret_listeners)
{
    struct listeners *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    struct epoll_event wake = {.events = EPOLLIN, .data.fd = -1};
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->epoll < 0 || l->wake < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &wake) < 0) {
        int r = -errno;
        listeners_free(l);
        return r;
    }
    *ret_listeners = l;
    return 0;
}

void listeners_free(struct listeners *l)
{
    static const struct set none;

    if (!l)
        return;
    close_set(&l->next, &l->now, &none);
    close_set(&l->now, &none, &none);
    if (l->epoll >= 0)
        close(l->epoll);
    if (l->wake >= 0)
        close(l->wake);
    free(l);
}

static int open_set(struct listeners *l, struct set *s, const struct sockaddr_storage *addresses,
                    struct problem *p)
{
    for (unsigned i = 0; i < s->n; i++) {
        struct listener *one = &s->at[i];
        int fd = find(&l->now, &addresses[i]), r = 0;

        fd = fd >= 0 && !has(s, fd) ? fd : find(&l->next, &addresses[i]);
        one->address = addresses[i];
        if (fd >= 0 && !has(s, fd))
            one->fd = fd;
        else
            r = open_one(&addresses[i], &one->fd, p);
        if (r < 0)
            return r;
    }
    return 0;
}

int listeners_prepare(struct listeners *l, const struct sockaddr_storage *addresses, unsigned n,
                      struct problem *ret_problem)
{
    struct set s = {.at = calloc(n + 1, sizeof(*s.at)), .n = n};

    if (!s.at)
        return problem_set(ret_problem, -ENOMEM, NULL, "out of memory");
    for (unsigned i = 0; i < n; i++)
        s.at[i].fd = -1;
    int r = open_set(l, &s, addresses, ret_problem);
    if (r < 0) {
        close_set(&s, &l->now, &l->next);
        return r;
    }
    close_set(&l->next, &l->now, &s);
    l->next = s;
    return 0;
}

void listeners_prepared(const struct listeners *l, struct sockaddr_storage *ret_addresses)
{
    for (unsigned i = 0; i < l->next.n; i++) {
        socklen_t n = sizeof(ret_addresses[i]);
        getsockname(l->next.at[i].fd, (struct sockaddr *)&ret_addresses[i], &n);
    }
}

void listeners_forget(struct listeners *l)
{
    static const struct set none;

    close_set(&l->next, &l->now, &none);
}

/* What is in the set already stays there: EEXIST. */
static void watch(struct listeners *l)
{
    for (unsigned i = 0; i < l->now.n; i++) {
        struct epoll_event ready = {.events = EPOLLIN, .data.fd = l->now.at[i].fd};
        (void)epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->now.at[i].fd, &ready);
    }
}

/* Before it is closed: a socket that others have too, as a supervisor has those that it gives,
 * would stay in the set, under a number that may be another's by then. */
static void unwatch(const struct listeners *l, const struct set *s, const struct set *but)
{
    for (unsigned i = 0; i < s->n; i++)
        if (!has(but, s->at[i].fd))
            (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->at[i].fd, NULL);
}

void listeners_exchange(struct listeners *l)
{
    struct set before = l->now;

    if (!l->next.at)
        return;
    l->now = l->next;
    l->next = (struct set){0};
    unwatch(l, &before, &l->now);
    watch(l);
    close_set(&before, &l->now, &l->next);
}

void listeners_close(struct listeners *l)
{
    static const struct set none;
    const uint64_t one = 1;

    listeners_forget(l); /* those of both sets are closed once */
    unwatch(l, &l->now, &none);
    close_set(&l->now, &none, &none);
    ssize_t ignored = write(l->wake, &one, sizeof(one));
    (void)ignored;
}

unsigned listeners_port(const struct listeners *l, unsigned i)
{
    return i < l->now.n ? listen_port(l->now.at[i].fd) : 0;
}

int listeners_fd(const struct listeners *l)
{
    return l->epoll;
}

int listeners_ready(const struct listeners *l)
{
    struct epoll_event ready;

    int n = epoll_wait(l->epoll, &ready, 1, 0);
    if (n < 0)
        return -errno;
    return n == 0 || ready.data.fd < 0 ? -EAGAIN : ready.data.fd;
}
