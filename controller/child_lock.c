/* child.G.lock: what a later betterdns needs to know about a child that outlived us. */
#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/file.h>

#include "child.h"
#include "net.h"

#define FDINFO_BYTES_MAX 4096
#define REST_NS (100 * NS_PER_MS)

void child_lock_print(const struct child *c, struct buf *out)
{
    char hex[HASH128_HEX_SIZE], host[SOCKADDR_HOST_SIZE];

    buf_addf(out, "%s %s %u\n", c->has_private ? "address" : "public",
             sockaddr_host(&c->asked, host), sockaddr_port(&c->asked));
    buf_addf(out, "nsid %s\nfingerprint %s\n", c->nsid, hash128_hex(&c->fingerprint, hex));
    if (c->pid > 0)
        buf_addf(out, "pid %ld\nstart %" PRIu64 "\n", (long)c->pid, c->start_time);
}

static int parse_address(struct str value, struct child *c)
{
    struct sockaddr_storage a;
    struct str host;
    char text[SOCKADDR_HOST_SIZE];
    uint64_t port;

    if (!str_cut(&value, ' ', &host) || host.n >= sizeof(text) || str_u64(value, 65535, &port) < 0)
        return -BD_ESYNTAX;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    if (sockaddr_parse(text, &a) < 0)
        return -BD_ESYNTAX;
    sockaddr_set_port(&a, (unsigned)port);
    c->asked = a;
    return 0;
}

static int parse_line(struct str key, struct str value, struct child *c)
{
    uint64_t number;

    c->has_private |= str_eq(key, STR("address"));
    if (str_eq(key, STR("address")) || str_eq(key, STR("public")))
        return parse_address(value, c);
    if (str_eq(key, STR("fingerprint")))
        return hash128_from_hex(value, &c->fingerprint);
    if (str_eq(key, STR("nsid"))) {
        if (value.n >= sizeof(c->nsid))
            return -BD_ESYNTAX;
        memcpy(c->nsid, value.p, value.n);
        return 0;
    }
    if (str_eq(key, STR("start")))
        return str_u64(value, UINT64_MAX, &c->start_time);
    if (!str_eq(key, STR("pid")))
        return 0; /* of a later version */
    if (str_u64(value, INT32_MAX, &number) < 0)
        return -BD_ESYNTAX;
    c->pid = (pid_t)number;
    return 0;
}

int child_lock_parse(struct str text, struct child *ret_child)
{
    struct child c = child_none();
    struct str line, key;
    int r = 0;

    c.adopted = true;
    while (r == 0 && str_cut(&text, '\n', &line)) {
        if (str_cut(&line, ' ', &key))
            r = parse_line(key, line, &c);
    }
    if (r < 0 || c.nsid[0] == '\0')
        return -BD_ESYNTAX;
    *ret_child = c;
    return 0;
}

static int read_lock(const char *path, struct child *ret_child)
{
    struct buf text = {0};

    int r = file_read(path, CHILD_LOCK_BYTES_MAX, &text);
    if (r == 0)
        r = child_lock_parse(buf_str(&text), ret_child);
    buf_free(&text);
    return r;
}

int child_lock_read(const char *data, const char *name, struct child *ret_child)
{
    char path[CHILD_PATH_MAX];

    int n = snprintf(path, sizeof(path), "%s/%s", data, name);
    return n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : read_lock(path, ret_child);
}

/* ---- the living ---- */

/* Others may have the file open, to read it: a lock is shown with its descriptor (proc(5)). */
static bool is_locked(pid_t pid, const char *fd)
{
    char path[64];
    struct buf text = {0};

    int n = snprintf(path, sizeof(path), "/proc/%ld/fdinfo/%s", (long)pid, fd);
    bool locked = n > 0 && (size_t)n < sizeof(path) &&
                  file_read(path, FDINFO_BYTES_MAX, &text) == 0 && text.n > 0 &&
                  memmem(text.p, text.n, "FLOCK", 5);
    buf_free(&text);
    return locked;
}

static bool process_holds(pid_t pid, const struct stat *lock)
{
    char path[64];
    struct dirent *e;
    struct stat st;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    DIR *d = opendir(path);
    while (d && !found && (e = readdir(d)))
        found = fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_dev == lock->st_dev &&
                st.st_ino == lock->st_ino && is_locked(pid, e->d_name);
    if (d)
        closedir(d);
    return found;
}

/* A process that has the lock; 0: there is none, or it cannot be seen. */
static pid_t find_holder(const struct stat *lock)
{
    struct dirent *e;
    pid_t found = 0;

    DIR *d = opendir("/proc");
    while (d && found == 0 && (e = readdir(d))) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid > 0 && pid != getpid() && process_holds(pid, lock))
            found = pid;
    }
    if (d)
        closedir(d);
    return found;
}

/* Kills one process and waits for its end. */
static void end_one(pid_t pid, const struct stat *lock, uint64_t until_ns)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (fd < 0)
        return;
    if (process_holds(pid, lock)) /* the number is no other's: it is held now */
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    const uint64_t now = clock_mono_ns();
    const struct timespec left = clock_timespec(until_ns > now ? until_ns - now : 0);
    ppoll(&p, 1, &left, NULL);
    close(fd);
}

void child_end_rest(const struct child *c)
{
    const uint64_t until_ns = clock_deadline(REST_NS);
    struct stat lock;
    int fd;

    if (stat(c->lock_path, &lock) < 0)
        return;
    while (c->pid > 0 && clock_mono_ns() < until_ns) {
        if (file_lock(c->lock_path, &fd) == 0) {
            close(fd);
            return;
        }
        pid_t pid = find_holder(&lock);
        if (pid == 0)
            return;
        end_one(pid, &lock, until_ns);
    }
}

static void find_process(struct child *c)
{
    struct stat lock;

    if (stat(c->lock_path, &lock) == 0)
        c->pid = find_holder(&lock);
    c->start_time = process_start_time(c->pid);
}

/* Turns pid and start time into a pidfd: of that very process, or none. */
static void open_process(struct child *c)
{
    if (c->pid == 0) {
        /* We died between its start and the note of its pid: its descriptors tell. */
        find_process(c);
    } else if (process_start_time(c->pid) != c->start_time) {
        /* It has ended and left others of its family: they are not what we would start. */
        memset(&c->fingerprint, 0, sizeof(c->fingerprint));
        find_process(c);
    }
    c->pidfd = c->pid > 0 ? (int)syscall(SYS_pidfd_open, c->pid, 0) : -1;
    if (c->pidfd >= 0 && process_start_time(c->pid) == c->start_time)
        return;
    if (c->pidfd >= 0)
        close(c->pidfd);
    c->pidfd = -1;
    c->pid = 0;
}

/* One that we had left before a reload, and that has ended since, is our own child. */
static void reap(const char *path)
{
    siginfo_t info;
    struct child c;

    if (read_lock(path, &c) == 0 && c.pid > 0 && process_start_time(c.pid) == c.start_time)
        waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOHANG);
}

/* One lock: false when nobody holds it; then it is removed. */
static bool look(const char *path, unsigned generation, struct child *ret_child)
{
    struct child c;
    int fd;

    if (file_lock(path, &fd) == 0) {
        reap(path);
        unlink(path);
        close(fd);
        return false;
    }
    if (read_lock(path, &c) < 0) {
        c = child_none();
        c.adopted = true;
    }
    c.generation = generation;
    snprintf(c.lock_path, sizeof(c.lock_path), "%s", path);
    open_process(&c);
    *ret_child = c;
    return true;
}

bool child_lock_generation(const char *name, unsigned *ret_generation)
{
    struct str s = str_c(name);
    uint64_t n;

    if (!str_starts(s, STR("child.")) || !str_ends(s, STR(".lock")) || s.n <= 11)
        return false;
    if (str_u64((struct str){s.p + 6, s.n - 11}, UINT32_MAX - 1, &n) < 0)
        return false;
    *ret_generation = (unsigned)n;
    return true;
}

unsigned child_scan(const char *data, struct child *ret_children, unsigned max,
                    unsigned *ret_generation)
{
    char path[CHILD_PATH_MAX];
    struct dirent *e;
    unsigned n = 0, generation;

    *ret_generation = 0;
    DIR *d = opendir(data);
    while (d && (e = readdir(d))) {
        if (!child_lock_generation(e->d_name, &generation))
            continue;
        if (generation > *ret_generation)
            *ret_generation = generation;
        int w = snprintf(path, sizeof(path), "%s/%s", data, e->d_name);
        if (w > 0 && (size_t)w < sizeof(path) && n < max &&
            look(path, generation, &ret_children[n]))
            n++;
    }
    if (d)
        closedir(d);
    return n;
}
