/* Two servers that share a UDP address. The kernel has the sockets of such a group in the order in
 * which they were bound (where one is closed the last one takes its place), and asks a filter that
 * any of them has been given for the number of one; a number beyond the last is as no answer. */
#include <betterdns/reuseport.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <betterdns/portowner.h>
#include <betterdns/sockaddr.h>
#include <betterdns/str.h>

#define SOCKETS_MAX 128

struct group {
    struct {
        uint64_t inode, waiting;
        int fd; /* of the process that was looked at last; -1: not its own */
    } at[SOCKETS_MAX];
    unsigned n;
};

/* As /proc/net has it: words of 32 bits in the machine's own order. */
static void address_text(const struct sockaddr_storage *ss, char *out, size_t n)
{
    uint32_t words[4];

    if (ss->ss_family == AF_INET) {
        memcpy(words, &((const struct sockaddr_in *)ss)->sin_addr, 4);
        snprintf(out, n, "%08" PRIX32 ":%04X", words[0], sockaddr_port(ss));
        return;
    }
    memcpy(words, &((const struct sockaddr_in6 *)ss)->sin6_addr, sizeof(words));
    snprintf(out, n, "%08" PRIX32 "%08" PRIX32 "%08" PRIX32 "%08" PRIX32 ":%04X", words[0],
             words[1], words[2], words[3], sockaddr_port(ss));
}

static int find(const struct sockaddr_storage *address, struct group *g)
{
    char wanted[64], local[64], line[512];
    uint64_t waiting, inode;

    g->n = 0;
    address_text(address, wanted, sizeof(wanted));
    FILE *f = fopen(address->ss_family == AF_INET ? "/proc/net/udp" : "/proc/net/udp6", "re");
    if (!f)
        return -errno;
    while (g->n < SOCKETS_MAX && fgets(line, sizeof(line), f)) {
        if (sscanf(line, " %*u: %63s %*s %*x %*x:%" SCNx64 " %*x:%*x %*x %*u %*u %" SCNu64, local,
                   &waiting, &inode) != 3 ||
            strcmp(local, wanted) != 0)
            continue;
        g->at[g->n].inode = inode;
        g->at[g->n++].waiting = waiting;
    }
    fclose(f);
    return g->n < SOCKETS_MAX ? 0 : -E2BIG;
}

static int take(void *arg, int fd, uint64_t inode)
{
    struct group *g = arg;

    for (unsigned i = 0; i < g->n; i++)
        if (g->at[i].inode == inode)
            g->at[i].fd = fd;
    return 0;
}

/* How many of them are a process' own; or a negative errno. *ret_fd is one of those. */
static int own(struct group *g, const struct reuseport_server *server, int *ret_fd)
{
    int n = 0;

    for (unsigned i = 0; i < g->n; i++)
        g->at[i].fd = -1;
    int r = port_each_socket(server->pid, take, g);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < g->n; i++) {
        if (g->at[i].fd < 0)
            continue;
        *ret_fd = g->at[i].fd;
        n++;
    }
    return n;
}

/* On a process' own socket; ours for that moment alone: one that we kept would get questions. */
static int set(const struct reuseport_server *server, int fd, int option, const void *value,
               socklen_t size)
{
    int copy = (int)syscall(SYS_pidfd_getfd, server->pidfd, fd, 0);

    if (copy < 0)
        return -errno;
    int r = setsockopt(copy, SOL_SOCKET, option, value, size) < 0 ? -errno : 0;
    close(copy);
    return r;
}

int reuseport_steer(const struct sockaddr_storage *address, const struct reuseport_server *newer,
                    const struct reuseport_server *older)
{
    struct group g;
    int fd = -1;

    int r = find(address, &g);
    if (r < 0)
        return r;
    const int nold = own(&g, older, &fd), nnew = own(&g, newer, &fd);
    if (nold < 0 || nnew < 0)
        return nold < 0 ? nold : nnew;
    if (nold == 0 || nnew == 0 || nold + nnew != (int)g.n)
        return -EBUSY;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (uint32_t)nnew),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, (uint32_t)nold),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    const struct sock_fprog filter = {.len = ARRAY_SIZE(code), .filter = code};
    return set(newer, fd, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof(filter));
}

int reuseport_release(const struct sockaddr_storage *address, const struct reuseport_server *server)
{
    struct group g;
    const int none = 0;
    int fd = -1;

    int r = find(address, &g);
    if (r == 0)
        r = own(&g, server, &fd);
    if (r <= 0)
        return r;
    return set(server, fd, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none));
}

int64_t reuseport_waiting(const struct sockaddr_storage *address,
                          const struct reuseport_server *server)
{
    struct group g;
    int64_t all = 0;
    int fd;

    int r = find(address, &g);
    if (r == 0)
        r = own(&g, server, &fd);
    for (unsigned i = 0; r > 0 && i < g.n; i++)
        if (g.at[i].fd >= 0)
            all += (int64_t)g.at[i].waiting;
    return r < 0 ? r : all;
}
