/* What a living child shows, asked before anything of ours is open: it may have been left by an
 * earlier betterdns whose state.db and live copies are lost. */
#include <dirent.h>
#include <poll.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/controller.h>
#include <betterdns/dnsmsg.h>
#include <betterdns/sockaddr.h>

#include "child.h"

#define ANSWER_NS (NS_PER_S / 2)
#define QUESTION 1U /* the only one of its socket */

static bool wait_answer(int fd, uint64_t deadline_ns)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t now = clock_mono_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
    struct timespec ts = clock_timespec(left < ANSWER_NS ? left : ANSWER_NS);

    return ppoll(&p, 1, &ts, NULL) > 0;
}

/* Blocks for half a second at most, where it hangs. */
static uint32_t ask(const struct child *c, const struct dname *origin, uint64_t deadline_ns)
{
    uint8_t msg[4096];
    struct dnsmsg_soa soa;
    ssize_t got = -1;

    int fd = socket(c->asked.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    size_t n = dnsmsg_soa_query(QUESTION, origin, msg);
    if (connect(fd, (const struct sockaddr *)&c->asked, sockaddr_size(&c->asked)) == 0 &&
        send(fd, msg, n, MSG_NOSIGNAL) == (ssize_t)n && wait_answer(fd, deadline_ns))
        got = recv(fd, msg, sizeof(msg), 0);
    close(fd);
    if (got < 0 || dnsmsg_soa_answer(msg, (size_t)got, QUESTION, origin, &soa) < 0 ||
        !child_is_named(c->nsid, soa.nsid) || !soa.has_soa || soa.rcode != 0)
        return 0;
    return soa.serial;
}

static uint32_t ask_holder(const char *data, const char *name, const struct dname *origin,
                           uint64_t deadline_ns)
{
    struct child c;

    if (child_lock_read(data, name, &c) < 0 || c.asked.ss_family == AF_UNSPEC)
        return 0;
    return ask(&c, origin, deadline_ns);
}

uint32_t controller_child_serial(const char *data, const struct dname *origin, uint64_t deadline_ns)
{
    struct dirent *e;
    unsigned generation;
    uint32_t greatest = 0;

    DIR *d = opendir(data);
    while (d && (e = readdir(d))) {
        if (!child_lock_generation(e->d_name, &generation))
            continue;
        uint32_t serial = ask_holder(data, e->d_name, origin, deadline_ns);
        if (serial != 0 && (greatest == 0 || serial_gt(serial, greatest)))
            greatest = serial;
    }
    if (d)
        closedir(d);
    return greatest;
}
