/* tcp://:22: somebody accepts the connection. */
#include <sys/epoll.h>

#include "probe_kind.h"

static void on_ready(void *arg, int fd, uint32_t events)
{
    struct probe *p = arg;
    int error = 0;
    socklen_t n = sizeof(error);

    (void)events;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
        error = errno;
    if (error)
        probe_failed(p, -error);
    else
        probe_end(p, true, false, "connected in %u ms", probe_ms(p));
}

static int begin(struct probe *p)
{
    int r = probe_connect(p, SOCK_STREAM, p->target.spec->port, EPOLLOUT, on_ready);

    return r < 0 ? r : 0;
}

const struct probe_kind probe_tcp = {begin};
