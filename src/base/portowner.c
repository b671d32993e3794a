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

#include <betterdns/str.h>

#define TCP_LISTEN_STATE 0x0a

struct wanted {
    uint8_t address[16];
    bool six, udp, wildcard;
    unsigned port;
};

struct found {
    unsigned long inode;
    unsigned uid;
};

static struct wanted wanted_from(const struct sockaddr_storage *ss, bool udp)
{
    static const uint8_t zero[16];
    struct wanted w = {.six = ss->ss_family == AF_INET6, .udp = udp};

    if (w.six) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
        memcpy(w.address, &in6->sin6_addr, 16);
        w.port = ntohs(in6->sin6_port);
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
        memcpy(w.address, &in->sin_addr, 4);
        w.port = ntohs(in->sin_port);
    }
    w.wildcard = memcmp(w.address, zero, sizeof(zero)) == 0;
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

static bool line_fits(const struct wanted *w, const char *line, bool six_table, struct found *ret)
{
    char address[33];
    uint8_t have[16];
    unsigned port, state;
    struct found f;

    if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*x:%*x %x %*x:%*x %*x:%*x %*x %u %*u %lu", address,
               &port, &state, &f.uid, &f.inode) != 5)
        return false;
    if (port != w->port || (!w->udp && state != TCP_LISTEN_STATE) || !read_address(address, have))
        return false;
    if (!same_address(w, have, six_table))
        return false;
    *ret = f;
    return true;
}

static bool find_socket(const struct wanted *w, bool six_table, struct found *ret_found)
{
    static const char *const tables[2][2] = {{"/proc/net/tcp", "/proc/net/tcp6"},
                                             {"/proc/net/udp", "/proc/net/udp6"}};
    char line[512];
    bool found = false;

    FILE *f = fopen(tables[w->udp][six_table], "re");
    if (!f)
        return false;
    while (!found && fgets(line, sizeof(line), f))
        found = line_fits(w, line, six_table, ret_found);
    fclose(f);
    return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
    char path[64], link[64], wanted[64];
    struct dirent *entry;
    bool found = false;

    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    while (!found && (entry = readdir(dir))) {
        const ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
        link[n < 0 ? 0 : n] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    closedir(dir);
    return found;
}

static void process_name(const char *pid, char *out, size_t n)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    FILE *f = fopen(path, "re");
    if (!f || !fgets(out, (int)n, f))
        snprintf(out, n, "a process");
    if (f)
        fclose(f);
    out[strcspn(out, "\n")] = '\0';
}

/* Processes come and go while we look: whatever cannot be read is passed over. */
static bool find_process(unsigned long inode, char *out, size_t n)
{
    struct dirent *entry;
    char name[32];
    bool found = false;

    DIR *proc = opendir("/proc");
    if (!proc)
        return false;
    while (!found && (entry = readdir(proc))) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !has_socket(entry->d_name, inode))
            continue;
        process_name(entry->d_name, name, sizeof(name));
        snprintf(out, n, "%s (pid %s)", name, entry->d_name);
        found = true;
    }
    closedir(proc);
    return found;
}

int port_owner(const struct sockaddr_storage *address, bool udp, char *out, size_t n)
{
    const struct wanted w = wanted_from(address, udp);
    struct found found;

    if (!find_socket(&w, w.six, &found) && !find_socket(&w, !w.six, &found))
        return -ENOENT;
    if (!find_process(found.inode, out, n))
        snprintf(out, n, "a process of user %u", found.uid);
    return 0;
}
