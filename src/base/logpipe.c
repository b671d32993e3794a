/* A log that goes into a pipe. */
#include <betterdns/logpipe.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/log.h>

#define INTERVAL_NS (500 * NS_PER_MS)
#define FULL_MOST 4U

struct logpipe {
    struct loop_timer *timer;
    int fd;        /* its reading end */
    unsigned full; /* times in a row */
};

/* Another end of the pipe that stderr is; -1: it is none, or not ours to open. */
static int open_end(int flags)
{
    struct stat st;

    if (fstat(STDERR_FILENO, &st) < 0 || !S_ISFIFO(st.st_mode))
        return -1;
    return open("/proc/self/fd/2", flags | O_CLOEXEC);
}

static uint64_t drain(int fd)
{
    char text[4096];
    uint64_t all = 0;
    ssize_t n;

    while ((n = read(fd, text, sizeof(text))) > 0)
        all += (uint64_t)n;
    return all;
}

static void on_timer(void *arg)
{
    struct logpipe *p = arg;
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    loop_timer_at(p->timer, clock_deadline(INTERVAL_NS));
    bool full = poll(&out, 1, 0) == 0;
    p->full = full ? p->full + 1 : 0;
    if (p->full < FULL_MOST)
        return;
    p->full = 0;
    uint64_t n = drain(p->fd);
    log_warning("nobody reads the log: what was in its pipe is thrown away", LOG_UINT("octets", n));
}

int logpipe_new(struct loop *loop, struct logpipe **ret_pipe)
{
    int fd = open_end(O_RDONLY | O_NONBLOCK);
    if (fd < 0) {
        *ret_pipe = NULL;
        return 0;
    }
    struct logpipe *p = calloc(1, sizeof(*p));
    int r = p ? loop_timer_new(loop, on_timer, p, &p->timer) : -ENOMEM;
    if (r < 0) {
        free(p);
        close(fd);
        return r;
    }
    p->fd = fd;
    loop_timer_at(p->timer, clock_deadline(INTERVAL_NS));
    *ret_pipe = p;
    return 0;
}

void logpipe_free(struct logpipe *p)
{
    if (!p)
        return;
    loop_timer_free(p->timer);
    close(p->fd);
    free(p);
}

int logpipe_child_fd(void)
{
    int fd = open_end(O_RDWR);

    return fd < 0 ? STDERR_FILENO : fd;
}
