/* Keeps what a short-lived program prints. */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/buf.h>

#include "process.h"

#define OUTPUT_MAX 16384U

struct capture {
    pid_t pid;
    int fd;
    struct loop_watch *watch;
    struct loop_timer *timer;
    capture_fn *fn;
    void *arg;
    struct buf output;
};

void capture_cancel(struct capture *c)
{
    if (!c)
        return;
    if (c->pid > 0) {
        /* Not reaped yet, so the number is still its own. The KILL makes the wait short. */
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    loop_unwatch(c->watch);
    loop_timer_free(c->timer);
    if (c->fd >= 0)
        close(c->fd);
    buf_free(&c->output);
    free(c);
}

/* It has closed its output, or is out of time. */
static void finish(void *arg)
{
    struct capture *c = arg;
    struct buf output = c->output;
    capture_fn *fn = c->fn;
    void *fn_arg = c->arg;

    c->output = (struct buf){0};
    capture_cancel(c);
    fn(fn_arg, buf_str(&output));
    buf_free(&output);
}

static void on_output(void *arg, int fd, uint32_t events)
{
    struct capture *c = arg;

    (void)events;
    char *room = c->output.n < OUTPUT_MAX ? buf_room(&c->output, 4096) : NULL;
    ssize_t n = room ? read(fd, room, 4096) : 0;
    if (n > 0)
        c->output.n += (size_t)n;
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        finish(c);
}

int capture_start(struct loop *loop, const char *const *argv, uint64_t deadline_ns, capture_fn *fn,
                  void *arg, struct capture **ret_capture)
{
    int ends[2] = {-1, -1};

    struct capture *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->fn = fn;
    c->arg = arg;
    int r = pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
    c->fd = ends[0];
    if (r == 0 && fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0)
        r = -errno;
    if (r == 0)
        r = loop_watch(loop, c->fd, EPOLLIN, on_output, c, &c->watch);
    if (r == 0)
        r = loop_timer_new(loop, finish, c, &c->timer);
    if (r == 0)
        r = process_spawn(&(struct process_plan){.argv = argv, .out = ends[1], .err = ends[1]},
                          &c->pid);
    if (ends[1] >= 0)
        close(ends[1]);
    if (r < 0) {
        capture_cancel(c);
        return r;
    }
    loop_timer_at(c->timer, deadline_ns);
    *ret_capture = c;
    return 0;
}
