/* Socket addresses; who holds a port, from /proc/net and /proc/PID/fd. */
#include "net.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/file.h>

static const struct sockaddr_in *in4(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in *)(const void *)a;
}

static const struct sockaddr_in6 *in6(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in6 *)(const void *)a;
}

socklen_t net_size(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

unsigned net_port(const struct sockaddr_storage *a)
{
    return ntohs(a->ss_family == AF_INET6 ? in6(a)->sin6_port : in4(a)->sin_port);
}

void net_set_port(struct sockaddr_storage *a, unsigned port)
{
    if (a->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)a)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)(void *)a)->sin_port = htons((uint16_t)port);
}

bool net_is_wildcard(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&in6(a)->sin6_addr);
    return in4(a)->sin_addr.s_addr == htonl(INADDR_ANY);
}

const char *net_host(const struct sockaddr_storage *a, char out[NET_HOST_SIZE])
{
    /* getnameinfo knows the scope of a link-local address. */
    if (getnameinfo((const struct sockaddr *)a, net_size(a), out, NET_HOST_SIZE, NULL, 0,
                    NI_NUMERICHOST) != 0)
        snprintf(out, NET_HOST_SIZE, "?");
    return out;
}

const char *net_text(const struct sockaddr_storage *a, char out[NET_TEXT_SIZE])
{
    char host[NET_HOST_SIZE];

    snprintf(out, NET_TEXT_SIZE, a->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", net_host(a, host),
             net_port(a));
    return out;
}

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
    int r = bind(fd, (const struct sockaddr *)a, net_size(a)) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* ---- sockets on the port ---- */

#define HOLDERS_MAX 64
struct holders {
    uint64_t inode[HOLDERS_MAX];
    unsigned n;
};

/* Addresses in /proc/net are groups of eight digits, each 32 bits of the wire form read in host
 * order. */
static unsigned read_address(const char *hex, size_t n, uint8_t out[16])
{
    for (size_t i = 0; i < n / 8; i++) {
        char word[9] = {0};
        memcpy(word, hex + i * 8, 8);
        uint32_t v = (uint32_t)strtoul(word, NULL, 16);
        memcpy(out + i * 4, &v, 4);
    }
    return (unsigned)(n / 2);
}

/* Would a socket there share or hinder ours? A wildcard meets everybody; an IPv6 wildcard takes
 * IPv4 too, as a rule. */
static bool meets(const struct sockaddr_storage *a, const uint8_t *bytes, unsigned n)
{
    static const uint8_t zero[16];
    const uint8_t *mine =
        a->ss_family == AF_INET6 ? in6(a)->sin6_addr.s6_addr : (const uint8_t *)&in4(a)->sin_addr;
    unsigned nmine = a->ss_family == AF_INET6 ? 16 : 4;

    if (memcmp(bytes, zero, n) == 0)
        return n == 16 || nmine == 4 || net_is_wildcard(a);
    if (net_is_wildcard(a))
        return nmine == 16 || n == 4;
    return n == nmine && memcmp(bytes, mine, n) == 0;
}

/* Lines: "sl: ADDRESS:PORT REMOTE:PORT STATE queues timer retransmits uid timeout inode …", numbers
 * in hexadecimal. */
static void take_line(const char *line, const struct sockaddr_storage *a, bool tcp,
                      struct holders *h)
{
    char address[33];
    unsigned port, state;
    uint64_t inode;
    uint8_t bytes[16];

    if (sscanf(line, " %*[0-9]: %32[0-9A-F]:%4X %*32[0-9A-F]:%*4X %2X %*s %*s %*s %*s %*s %" SCNu64,
               address, &port, &state, &inode) != 4)
        return;
    size_t digits = strlen(address);
    if (port != net_port(a) || (tcp && state != 0x0A) || (digits != 8 && digits != 32))
        return; /* 0A: listening */
    if (inode != 0 && h->n < HOLDERS_MAX && meets(a, bytes, read_address(address, digits, bytes)))
        h->inode[h->n++] = inode;
}

static void find_sockets(const struct sockaddr_storage *a, bool tcp, struct holders *h)
{
    const char *const tables[] = {tcp ? "/proc/net/tcp" : "/proc/net/udp",
                                  tcp ? "/proc/net/tcp6" : "/proc/net/udp6"};
    char line[512];

    h->n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        FILE *f = fopen(tables[i], "re");
        while (f && fgets(line, sizeof(line), f))
            take_line(line, a, tcp, h);
        if (f)
            fclose(f);
    }
}

/* ---- processes ---- */

/* Takes the sockets of one process off the list; false: its descriptors cannot be seen. */
static bool take_off(pid_t pid, struct holders *h, unsigned *ret_taken)
{
    char path[64], link[64];
    struct dirent *e;

    *ret_taken = 0;
    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    DIR *d = opendir(path);
    if (!d)
        return false;
    while ((e = readdir(d))) {
        uint64_t inode;
        ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
        if (n <= 0)
            continue;
        link[n] = '\0';
        if (sscanf(link, "socket:[%" SCNu64 "]", &inode) != 1)
            continue;
        for (unsigned i = 0; i < h->n; i++) {
            if (h->inode[i] != inode)
                continue;
            h->inode[i--] = h->inode[--h->n];
            *ret_taken += 1;
        }
    }
    closedir(d);
    return true;
}

/* The process that has one of the sockets; 0: it cannot be seen. */
static pid_t find_process(struct holders h)
{
    pid_t found = 0;
    struct dirent *e;

    DIR *d = opendir("/proc");
    while (d && !found && (e = readdir(d))) {
        unsigned taken;
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid > 0 && take_off(pid, &h, &taken) && taken > 0)
            found = pid;
    }
    if (d)
        closedir(d);
    return found;
}

static int say_taken(const struct sockaddr_storage *a, bool tcp, const struct holders *h,
                     struct problem *p)
{
    char text[NET_TEXT_SIZE], path[64];
    struct buf name = {0};
    const char *proto = tcp ? "TCP" : "UDP";

    pid_t pid = find_process(*h);
    net_text(a, text);
    snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
    if (pid > 0 && file_read(path, 256, &name) == 0 && name.n > 0)
        problem_set(p, -BD_EINUSE, NULL, "%s (%s) is in use by %.*s (pid %ld)", text, proto,
                    (int)name.n - 1, name.p, (long)pid);
    else
        problem_set(p, -BD_EINUSE, NULL, "%s (%s) is in use by another program", text, proto);
    if (p)
        problem_hint(p, "stop that program, or choose another server.listen");
    buf_free(&name);
    return -BD_EINUSE;
}

int net_port_free(const struct sockaddr_storage *a, const pid_t *ours, unsigned nours,
                  struct problem *ret_problem)
{
    for (int tcp = 0; tcp <= 1; tcp++) {
        struct holders h;
        bool seen = true;
        unsigned taken;

        find_sockets(a, tcp, &h);
        for (unsigned i = 0; i < nours; i++)
            seen = take_off(ours[i], &h, &taken) && seen;
        if (nours > 0 && seen && h.n > 0)
            return say_taken(a, tcp, &h, ret_problem);
        /* With a server of our own there a lone bind cannot work. */
        if (nours == 0 && net_try_bind(a, tcp ? SOCK_STREAM : SOCK_DGRAM, false) == -EADDRINUSE)
            return say_taken(a, tcp, &h, ret_problem);
    }
    return 0;
}
