/* One generation of the server's process. */
#include "child.h"

#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>
#include <betterdns/logpipe.h>
#include <betterdns/process.h>

#include "net.h"

#define ADDRESS_TRIES 512
/* A server reads its zones in a process of its own, or is started by a script. */
#define FAMILY_DEPTH 4U
#define FAMILY_MAX 64U

struct hash128 child_fingerprint(const char *binary, struct str config)
{
    struct stat st;
    char text[160];

    if (stat(binary, &st) < 0)
        memset(&st, 0, sizeof(st));
    int n = snprintf(text, sizeof(text), "%ju %ju %jd.%09ld", (uintmax_t)st.st_dev,
                     (uintmax_t)st.st_ino, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return hash128_pair(text, (size_t)n, config.p, config.n);
}

bool child_is_named(const char *nsid, struct str shown)
{
    struct str head;

    if (strcmp(nsid, CHILD_ANY) == 0)
        return true;
    return str_cut(&shown, '.', &head) && str_eq(head, str_c(nsid));
}

struct child child_none(void)
{
    return (struct child){.pidfd = -1, .lock_fd = -1, .name_fd = -1};
}

/* ---- the private address ---- */

/* The name of an address in the abstract namespace: one holder in a network namespace, free again
 * when the last holder is gone. */
static int hold_name(const char *host, int *ret_fd)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    int n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "betterdns-%s", host);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&a, size) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static int try_address(struct child *c, unsigned port, bool shared)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_storage s = {0};
    char host[SOCKADDR_HOST_SIZE];
    uint8_t part[2];

    if (getrandom(part, sizeof(part), 0) != sizeof(part))
        return -EIO;
    a.sin_addr.s_addr = htonl(0x7f350000U | (uint32_t)part[0] << 8 | part[1]); /* 127.53.G.H */
    memcpy(&s, &a, sizeof(a));
    int r = net_try_bind(&s, SOCK_DGRAM, shared);
    if (r == 0)
        r = net_try_bind(&s, SOCK_STREAM, shared);
    /* A privileged port: the server may have a right that we have not. */
    if (r < 0 && r != -EACCES)
        return r;
    r = hold_name(sockaddr_host(&s, host), &c->name_fd);
    if (r < 0)
        return r;
    c->asked = s;
    c->has_private = true;
    return 0;
}

static int choose_address(struct child *c, unsigned port, bool shared)
{
    int r = -EADDRINUSE;

    for (int i = 0; i < ADDRESS_TRIES && r == -EADDRINUSE; i++)
        r = try_address(c, port, shared);
    /* No IPv4 loopback here: the public address is probed. */
    return r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT ? 0 : r;
}

static int choose_nsid(struct child *c)
{
    uint8_t bytes[(CHILD_NSID_SIZE - 1) / 2];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        return -EIO;
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(c->nsid + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

/* ---- the lock ---- */

static int write_lock(const struct child *c, int fd)
{
    struct buf text = {0};

    child_lock_print(c, &text);
    int r = text.error;
    if (r == 0)
        r = file_overwrite(fd, buf_str(&text));
    buf_free(&text);
    return r;
}

int child_reserve(const struct child_place *place, const struct hash128 *fingerprint,
                  struct child *ret_child)
{
    struct child c = child_none();
    bool shared = place->shared && sockaddr_is_wildcard(place->listen);

    int n = snprintf(c.lock_path, sizeof(c.lock_path), "%s/child.%u.lock", place->data,
                     place->generation);
    if (n < 0 || (size_t)n >= sizeof(c.lock_path))
        return -ENAMETOOLONG;
    c.generation = place->generation;
    c.fingerprint = *fingerprint;
    c.asked = place->probe ? *place->probe : *place->listen;
    int r = file_lock(c.lock_path, &c.lock_fd);
    if (r == 0 && !place->public_only)
        r = choose_address(&c, sockaddr_port(place->listen), shared);
    if (r == 0)
        r = place->anonymous ? 0 : choose_nsid(&c);
    if (place->anonymous)
        snprintf(c.nsid, sizeof(c.nsid), "%s", CHILD_ANY);
    /* Before there is a process: whoever finds the lock held without a pid can look for its holder.
     */
    if (r == 0)
        r = write_lock(&c, c.lock_fd);
    c.unnoted = r < 0;
    if (file_is_full(r)) /* DNS is worth more than the adoption by a later betterdns */
        r = 0;
    if (r < 0) {
        child_release(&c);
        return r;
    }
    *ret_child = c;
    return 0;
}

void child_release(struct child *c)
{
    int fd;

    if (c->pidfd >= 0)
        close(c->pidfd);
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    if (c->name_fd >= 0)
        close(c->name_fd);
    if (c->generation > 0 && file_lock(c->lock_path, &fd) == 0) {
        unlink(c->lock_path);
        close(fd);
    }
    *c = child_none();
}

/* ---- the process ---- */

static void close_handed(struct child *c)
{
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    if (c->name_fd >= 0)
        close(c->name_fd);
    c->lock_fd = c->name_fd = -1;
}

int child_spawn(struct child *c, const char *const *argv, const char *folder)
{
    /* Never a pipe of ours for its output: a Go program dies of SIGPIPE when we are gone. */
    const int log = logpipe_child_fd();
    const struct process_plan plan = {
        .argv = argv, .folder = folder, .out = log, .err = log, .keep = {c->lock_fd, c->name_fd}};
    pid_t pid;

    int r = process_spawn(&plan, &pid);
    if (log != STDERR_FILENO)
        close(log);
    if (r < 0)
        return r;
    /* Our child is a zombie at worst: its number cannot be another's yet. */
    c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (c->pidfd < 0) {
        r = -errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return r;
    }
    c->pid = pid;
    c->start_time = process_start_time(pid);
    /* Without the note a later betterdns looks for the holder of the lock. */
    c->unnoted = write_lock(c, c->lock_fd) < 0;
    close_handed(c);
    return 0;
}

void child_note(struct child *c)
{
    if (!c->unnoted || c->pid == 0)
        return;
    int fd = open(c->lock_path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    c->unnoted = write_lock(c, fd) < 0;
    close(fd);
}

int child_signal(const struct child *c, int sig)
{
    if (c->pidfd < 0)
        return -ESRCH;
    return syscall(SYS_pidfd_send_signal, c->pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

bool child_ended(struct child *c, int *ret_status, bool *ret_by_signal)
{
    siginfo_t info = {0};

    *ret_status = -1;
    *ret_by_signal = false;
    /* One that was adopted is our own child all the same where we had left it before. */
    if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG) < 0)
        return c->adopted || errno == ECHILD;
    if (info.si_pid == 0)
        return false;
    *ret_status = info.si_status;
    *ret_by_signal = info.si_code != CLD_EXITED;
    return true;
}

/* Fields of /proc/PID/stat, from first on (from 1, as in proc(5); beyond 3); 0 where there is none.
 * The command's name, field 2, may hold blanks and parentheses itself. */
static void stat_fields(pid_t pid, unsigned first, uint64_t *values, unsigned n)
{
    char path[64];
    struct buf b = {0};
    struct str rest, word = {NULL, 0};

    memset(values, 0, n * sizeof(*values));
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    if (pid > 0 && file_read(path, 4096, &b) == 0) {
        const char *name_end = memrchr(b.p, ')', b.n);
        rest = name_end ? (struct str){name_end + 2, b.n - (size_t)(name_end + 2 - b.p)} : word;
        for (unsigned i = 3; i < first + n && str_cut(&rest, ' ', &word); i++)
            if (i >= first && str_u64(word, UINT64_MAX, &values[i - first]) < 0)
                values[i - first] = 0;
    }
    buf_free(&b);
}

uint64_t process_start_time(pid_t pid)
{
    uint64_t ticks;

    stat_fields(pid, 22, &ticks, 1);
    return ticks;
}

/* With those that it has started: one that was waited for is in its parent's time. */
static uint64_t family_cpu(pid_t pid, unsigned depth)
{
    uint64_t ticks[4], all = 0; /* in user mode, in the kernel; the same of ended children */
    pid_t children[FAMILY_MAX];

    stat_fields(pid, 14, ticks, ARRAY_SIZE(ticks));
    for (unsigned i = 0; i < ARRAY_SIZE(ticks); i++)
        all += ticks[i];
    int n = depth > 0 ? process_children(pid, children, FAMILY_MAX) : 0;
    for (int i = 0; i < n; i++)
        all += family_cpu(children[i], depth - 1);
    return all;
}

uint64_t child_cpu(const struct child *c)
{
    return c->pid > 0 ? family_cpu(c->pid, FAMILY_DEPTH) : 0;
}
