/* May our server have its port? */
#include "net.h"

#include <netinet/in.h>
#include <unistd.h>

#include <betterdns/portowner.h>

int net_try_bind(const struct sockaddr_storage *a, int type, bool shared)
{
    const int on = 1;

    int fd = socket(a->ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* Connections in TIME_WAIT are no hindrance, a listener is one all the same (TCP only). */
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    int r = bind(fd, (const struct sockaddr *)a, sockaddr_size(a)) < 0 ? -errno : 0;
    close(fd);
    return r;
}

static int say_taken(const struct sockaddr_storage *a, bool tcp, const char *owner,
                     struct problem *p)
{
    char text[SOCKADDR_TEXT_SIZE];

    problem_set(p, -BD_EINUSE, NULL, "%s (%s) is in use by %s",
                sockaddr_text(a, sockaddr_port(a), text), tcp ? "TCP" : "UDP", owner);
    if (p)
        problem_hint(p, "stop that program, or choose another server.listen");
    return -BD_EINUSE;
}

static int say_foreign(const struct sockaddr_storage *a, struct problem *p)
{
    char host[SOCKADDR_HOST_SIZE];

    problem_set(p, -BD_EINVALID, "listen", "this machine has no address %s",
                sockaddr_host(a, host));
    if (p)
        problem_hint(p, "server.listen takes one of `ip address`, or 0.0.0.0");
    return -BD_EINVALID;
}

int net_port_free(const struct sockaddr_storage *a, const pid_t *ours, unsigned nours,
                  struct problem *ret_problem)
{
    for (int tcp = 0; tcp <= 1; tcp++) {
        char owner[128] = "another program";

        /* With a server of our own there a lone bind cannot work. Else it says enough, and nobody
         * waits for a table of all connections. */
        const int lone = nours == 0 ? net_try_bind(a, tcp ? SOCK_STREAM : SOCK_DGRAM, false) : 0;
        if (lone == -EADDRNOTAVAIL) /* not every server says so, or ends */
            return say_foreign(a, ret_problem);
        if (nours == 0 && lone != -EADDRINUSE)
            continue;
        int r = port_owner(a, !tcp, ours, nours, owner, sizeof(owner));
        if (r == 0 || lone == -EADDRINUSE)
            return say_taken(a, tcp, owner, ret_problem);
    }
    return 0;
}
