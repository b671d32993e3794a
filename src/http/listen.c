/* Listening sockets, and in words why one cannot be had. */
#include <unistd.h>

#include <betterdns/portowner.h>
#include <betterdns/sockaddr.h>

#include "http_private.h"

#define BACKLOG 4096
/* What the kernel keeps for a client that neither reads nor is read; it would let it grow to some
 * MiB each. */
#define BUFFER (64 * 1024)

/* A descriptor, or a negative errno. */
static int bind_and_listen(const struct sockaddr_storage *ss)
{
    const int on = 1, buffer = BUFFER;
    int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    if (ss->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)ss, sockaddr_size(ss)) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int r = -errno;
    close(fd);
    return r;
}

int listen_open(const struct sockaddr_storage *ss, int *ret_fd, struct problem *p)
{
    char name[SOCKADDR_TEXT_SIZE], owner[128];
    int r = bind_and_listen(ss);

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
