/* Who has a port: /proc/net says which socket, /proc/PID/fd whose it is. */
#include <betterdns/portowner.h>

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <betterdns/sockaddr.h>
#include <betterdns/str.h>

#define TCP_LISTEN_STATE 0x0a

struct wanted {
    uint8_t address[16];
    bool six, udp, wildcard;
    unsigned port;
};

#define FOUND_MAX 64
struct found {
    struct {
        uint64_t inode;
        unsigned uid;
    } at[FOUND_MAX];
    unsigned n;
};

static struct wanted wanted_from(const struct sockaddr_storage *ss, bool udp)
{
    struct wanted w = {.six = ss->ss_family == AF_INET6,
                       .udp = udp,
                       .wildcard = sockaddr_is_wildcard(ss),
                       .port = sockaddr_port(ss)};

    if (w.six) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
        memcpy(w.address, &in6->sin6_addr, 16);
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
        memcpy(w.address, &in->sin_addr, 4);
    }
    return w;
}

/* The kernel prints an address as words of 32 bits in the machine's own order. */
static bool read_address(const char *hex, uint8_t out[16])
{
    const size_t words = strlen(hex) / 8;

    memset(out, 0, 16);
    if (words != 1 && words != 4)
        return false;
    for (size_t i = 0; i < words; i++) {
        char word[9] = {0};
        memcpy(word, hex + 8 * i, 8);
        const uint32_t v = (uint32_t)strtoul(word, NULL, 16);
        memcpy(out + 4 * i, &v, sizeof(v));
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

/* In the table of IPv6 an IPv4 address is wanted too: a wildcard that takes both, or
 * ::ffff:a.b.c.d. */
static bool same_address(const struct wanted *w, const uint8_t have[16], bool six_table)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (w->six == six_table)
        return w->wildcard || is_zero(have, 16) || memcmp(w->address, have, 16) == 0;
    if (w->six)
        return w->wildcard;
    if (is_zero(have, 16))
        return true;
    return memcmp(have, mapped, 12) == 0 && (w->wildcard || memcmp(have + 12, w->address, 4) == 0);
}

static void take_line(const struct wanted *w, const char *line, bool six_table, struct found *f)
{
    char address[33];
    uint8_t have[16];
    unsigned port, state, uid;
    unsigned long inode;

    if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*x:%*x %x %*x:%*x %*x:%*x %*x %u %*u %lu", address,
               &port, &state, &uid, &inode) != 5)
        return;
    if (port != w->port || (!w->udp && state != TCP_LISTEN_STATE) || !read_address(address, have))
        return;
    if (inode == 0 || f->n == FOUND_MAX || !same_address(w, have, six_table))
        return;
    f->at[f->n].inode = inode;
    f->at[f->n++].uid = uid;
}

static void find_sockets(const struct wanted *w, bool six_table, struct found *found)
{
    static const char *const tables[2][2] = {{"/proc/net/tcp", "/proc/net/tcp6"},
                                             {"/proc/net/udp", "/proc/net/udp6"}};
    char line[512];

    FILE *f = fopen(tables[w->udp][six_table], "re");
    if (!f)
        return;
    while (fgets(line, sizeof(line), f))
        take_line(w, line, six_table, found);
    fclose(f);
}

/* "socket:[INODE]" */
static bool is_socket(struct str link, uint64_t *ret_inode)
{
    const struct str prefix = STR("socket:[");

    if (!str_starts(link, prefix) || link.p[link.n - 1] != ']')
        return false;
    const struct str number = {link.p + prefix.n, link.n - prefix.n - 1};
    return str_u64(number, UINT64_MAX, ret_inode) == 0;
}

int port_each_socket(pid_t pid, port_socket_fn *fn, void *arg)
{
    char path[64], link[64];
    struct dirent *entry;
    uint64_t inode;
    int r = 0;

    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return -errno;
    while (r == 0 && (entry = readdir(dir))) {
        const ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link));
        if (is_socket((struct str){link, n > 0 ? (size_t)n : 0}, &inode))
            r = fn(arg, (int)strtol(entry->d_name, NULL, 10), inode);
    }
    closedir(dir);
    return r;
}

static int take_off(void *arg, int fd, uint64_t inode)
{
    struct found *f = arg;

    (void)fd;
    for (unsigned i = 0; i < f->n; i++) {
        if (f->at[i].inode == inode)
            f->at[i--] = f->at[--f->n];
    }
    return 0;
}

static void process_name(pid_t pid, char *out, size_t n)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
    FILE *f = fopen(path, "re");
    if (!f || !fgets(out, (int)n, f))
        snprintf(out, n, "a process");
    if (f)
        fclose(f);
    out[strcspn(out, "\n")] = '\0';
}

static bool is_one_of(pid_t pid, const pid_t *all, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (all[i] == pid)
            return true;
    return false;
}

/* Processes come and go while we look: whatever cannot be read is passed over. What is of our own
 * sessions is taken off. */
static bool find_process(struct found *f, const pid_t *ours, unsigned nours, char *out, size_t n)
{
    struct dirent *entry;
    char name[32];
    bool found = false;

    DIR *proc = opendir("/proc");
    if (!proc)
        return false;
    while (!found && f->n > 0 && (entry = readdir(proc))) {
        const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10); /* 0: no process */
        const unsigned before = f->n;
        if (pid <= 0 || port_each_socket(pid, take_off, f) < 0 || f->n == before)
            continue;
        if (is_one_of(getsid(pid), ours, nours))
            continue;
        process_name(pid, name, sizeof(name));
        snprintf(out, n, "%s (pid %ld)", name, (long)pid);
        found = true;
    }
    closedir(proc);
    return found;
}

int port_owner(const struct sockaddr_storage *address, bool udp, const pid_t *ours, unsigned nours,
               char *out, size_t n)
{
    const struct wanted w = wanted_from(address, udp);
    struct found found = {.n = 0};

    /* The address' own family first: a socket of it is the likelier hindrance. */
    find_sockets(&w, w.six, &found);
    find_sockets(&w, !w.six, &found);
    for (unsigned i = 0; i < nours; i++) {
        if (port_each_socket(ours[i], take_off, &found) < 0)
            return -EACCES;
    }
    if (found.n == 0)
        return -ENOENT;
    if (find_process(&found, ours, nours, out, n))
        return 0;
    if (found.n == 0)
        return -ENOENT;
    snprintf(out, n, "a process of user %u", found.at[0].uid);
    return 0;
}
