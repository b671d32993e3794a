/* Sockets that a thread waits on. */
#include "socket.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <betterdns/clock.h>

#define LINGER_TIME (2 * NS_PER_S)
#define LINGER_MAX (1024u * 1024)

/* False: the deadline came. */
static bool wait_for(int fd, short events, uint64_t deadline)
{
    const uint64_t now = clock_mono_ns();
    struct pollfd pfd = {.fd = fd, .events = events};

    if (now >= deadline)
        return false;
    poll(&pfd, 1, (int)((deadline - now) / NS_PER_MS) + 1);
    return true;
}

static bool try_again(void)
{
    return errno == EAGAIN || errno == EINTR;
}

ssize_t socket_receive(int fd, void *to, size_t n, int flags, uint64_t deadline)
{
    for (;;) {
        const ssize_t got = recvfrom(fd, to, n, flags | MSG_DONTWAIT, NULL, NULL);
        if (got >= 0)
            return got;
        if (!try_again())
            return 0;
        if (!wait_for(fd, POLLIN, deadline))
            return -ETIMEDOUT;
    }
}

bool socket_is_over(int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLRDHUP};

    return poll(&pfd, 1, 0) > 0;
}

int socket_send(int fd, struct str bytes, uint64_t deadline)
{
    while (bytes.n > 0) {
        const ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && !try_again())
            return -EPIPE;
        if (n < 0 && !wait_for(fd, POLLOUT, deadline))
            return -ETIMEDOUT;
        if (n > 0)
            bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
    }
    return 0;
}

void socket_linger(int fd)
{
    const uint64_t deadline = clock_deadline(LINGER_TIME);
    char scrap[4096];
    size_t n = 0;
    ssize_t got = 1;

    shutdown(fd, SHUT_WR);
    while (got > 0 && n < LINGER_MAX && clock_mono_ns() < deadline) {
        got = socket_receive(fd, scrap, sizeof(scrap), 0, deadline);
        n += got > 0 ? (size_t)got : 0;
    }
}

void socket_reset(int fd)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    /* Where it fails, the peer has gone already. */
    int ignored = connect(fd, &nowhere, sizeof(nowhere));
    (void)ignored;
}
