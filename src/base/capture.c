/* Keeps what a short-lived program prints, and how it ended. */
#include <betterdns/capture.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/buf.h>
#include <betterdns/clock.h>
#include <betterdns/process.h>

#define READ_MAX 4096U
/* Of what others of its group still print when it has ended. */
#define LAST_READS 64
/* One that cannot be killed (a program of another user, a disk that hangs) is waited for so long,
 * and then given up. */
#define UNKILLED_NS NS_PER_S
#define REAP_MS 100

struct capture {
    struct capture_plan plan;
    pid_t pid;
    int fd, pidfd;
    struct loop_watch *output_watch, *end_watch;
    struct loop_timer *timer;
    capture_fn *fn;
    void *arg;
    struct buf output;
    enum { RUNS, TOLD, KILLED } state;
};

/* ---- those that were given up ---- */

struct stray {
    pid_t pid;
    struct stray *next;
};
static pthread_mutex_t strays_lock = PTHREAD_MUTEX_INITIALIZER;
static struct stray *strays; /* guarded by strays_lock */

static bool has_ended(pid_t pid, int *ret_status)
{
    pid_t got;

    while ((got = waitpid(pid, ret_status, WNOHANG)) < 0 && errno == EINTR)
        ;
    return got != 0;
}

/* Those that have ended since are no zombies any longer than this. */
static void reap_strays(void)
{
    struct stray **at = &strays;
    int status;

    pthread_mutex_lock(&strays_lock);
    while (*at) {
        struct stray *one = *at;
        if (has_ended(one->pid, &status)) {
            *at = one->next;
            free(one);
        } else {
            at = &one->next;
        }
    }
    pthread_mutex_unlock(&strays_lock);
}

static void add_stray(pid_t pid)
{
    struct stray *one = malloc(sizeof(*one));

    if (!one) /* a zombie, then, until we end */
        return;
    pthread_mutex_lock(&strays_lock);
    *one = (struct stray){pid, strays};
    strays = one;
    pthread_mutex_unlock(&strays_lock);
}

/* ---- the end ---- */

static void kill_group(const struct capture *c, int signal)
{
    /* Not reaped yet, so the number is still its own. */
    if (c->pid > 0)
        kill(-c->pid, signal);
}

/* After a KILL this is short. */
static int reap(struct capture *c)
{
    struct pollfd end = {.fd = c->pidfd, .events = POLLIN};
    int status = SIGKILL;

    if (c->pid <= 0)
        return status;
    while (poll(&end, 1, REAP_MS) < 0 && errno == EINTR)
        ;
    if (!has_ended(c->pid, &status))
        add_stray(c->pid);
    c->pid = 0;
    return status;
}

static void forget(struct capture *c)
{
    loop_unwatch(c->output_watch);
    loop_unwatch(c->end_watch);
    loop_timer_free(c->timer);
    if (c->fd >= 0)
        close(c->fd);
    if (c->pidfd >= 0)
        close(c->pidfd);
    buf_free(&c->output);
    free(c);
}

void capture_cancel(struct capture *c)
{
    if (!c)
        return;
    kill_group(c, SIGKILL);
    reap(c);
    forget(c);
}

/* ---- its output ---- */

/* The beginning: what is more is read and dropped, so that the program does not stall. The end:
 * twice of it at most is in memory. */
static void keep(struct capture *c, const char *bytes, size_t n)
{
    size_t max = c->plan.output_max;

    if (!c->plan.keep_end) {
        size_t room = max - c->output.n;
        buf_add(&c->output, bytes, n < room ? n : room);
        return;
    }
    buf_add(&c->output, bytes, n);
    if (c->output.n > 2 * max) {
        memmove(c->output.p, c->output.p + c->output.n - max, max);
        c->output.n = max;
    }
}

/* False: there is no more for now, or for ever. */
static bool read_some(struct capture *c)
{
    char bytes[READ_MAX];
    ssize_t n;

    while ((n = read(c->fd, bytes, sizeof(bytes))) < 0 && errno == EINTR)
        ;
    if (n > 0) {
        keep(c, bytes, (size_t)n);
        return true;
    }
    if (n == 0 || errno != EAGAIN) {
        loop_unwatch(c->output_watch);
        c->output_watch = NULL;
    }
    return false;
}

static void on_output(void *arg, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    read_some(arg);
}

static struct str kept(const struct capture *c)
{
    struct str all = buf_str(&c->output);
    size_t max = c->plan.output_max;

    return all.n > max ? (struct str){all.p + all.n - max, max} : all;
}

/* ---- how it ends ---- */

static void finish(struct capture *c)
{
    for (int i = 0; i < LAST_READS && read_some(c); i++)
        ;
    if (c->state != RUNS || c->plan.whole_group) /* TERM is not enough for all of them */
        kill_group(c, SIGKILL);
    int status = reap(c);
    struct buf output = c->output;
    capture_fn *fn = c->fn;
    void *fn_arg = c->arg;
    const struct capture_end end = {
        .output = kept(c),
        .late = c->state != RUNS,
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
    };
    c->output = (struct buf){0};
    forget(c);
    fn(fn_arg, &end);
    buf_free(&output);
}

static void on_end(void *arg, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    finish(arg);
}

static void on_timer(void *arg)
{
    struct capture *c = arg;

    if (c->state == KILLED) {
        finish(c);
    } else if (c->state == RUNS && c->plan.grace_ns > 0) {
        kill_group(c, SIGTERM);
        c->state = TOLD;
        loop_timer_at(c->timer, clock_deadline(c->plan.grace_ns));
    } else {
        kill_group(c, SIGKILL);
        c->state = KILLED;
        loop_timer_at(c->timer, clock_deadline(UNKILLED_NS));
    }
}

/* ---- the start ---- */

static int spawn(struct capture *c)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    c->fd = ends[0];
    int r = fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
    if (r == 0)
        r = process_spawn(
            &(struct process_plan){
                .argv = c->plan.argv, .folder = c->plan.folder, .out = ends[1], .err = ends[1]},
            &c->pid);
    close(ends[1]);
    if (r < 0)
        return r;
    c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    return c->pidfd < 0 ? -errno : 0;
}

int capture_start(struct loop *loop, const struct capture_plan *plan, capture_fn *fn, void *arg,
                  struct capture **ret_capture)
{
    struct capture *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    *c = (struct capture){.plan = *plan, .fd = -1, .pidfd = -1, .fn = fn, .arg = arg};
    reap_strays();
    int r = loop_timer_new(loop, on_timer, c, &c->timer);
    if (r == 0)
        r = spawn(c);
    c->plan.argv = NULL; /* the caller's */
    c->plan.folder = NULL;
    if (r == 0)
        r = loop_watch(loop, c->fd, EPOLLIN, on_output, c, &c->output_watch);
    if (r == 0)
        r = loop_watch(loop, c->pidfd, EPOLLIN, on_end, c, &c->end_watch);
    if (r < 0) {
        capture_cancel(c);
        return r;
    }
    loop_timer_at(c->timer, plan->deadline_ns);
    *ret_capture = c;
    return 0;
}

int capture_unattended(const char *const *argv)
{
    pid_t pid;

    reap_strays();
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = process_spawn(&(struct process_plan){.argv = argv, .out = fd, .err = fd}, &pid);
    close(fd);
    if (r == 0)
        add_stray(pid);
    return r;
}
