/* The DNS server's program, the ports and the right to them. */
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/capability.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>
#include <betterdns/portowner.h>
#include <betterdns/process.h>
#include <betterdns/sockaddr.h>

#include "cli.h"
#include "doctor.h"

#define VERSION_NS (10 * NS_PER_S)
#define STUB "systemd-resolve" /* as much of its name as /proc shows */

/* ---- the program ---- */

static void how_to_install(struct doctor *d, const char *name)
{
    struct controller_kind kind;

    if (!controller_kind_named(name, &kind))
        return;
    if (kind.package)
        doctor_mend(d, "apt-get install %s  # as root", kind.package);
    if (kind.releases)
        doctor_other(d, "put a %s of %s into PATH, or say where one is: server.binary",
                     kind.program, kind.releases);
    else if (kind.by_commands)
        doctor_other(d, "say where it is: server.start");
    else
        doctor_other(d, "say where one is: server.binary");
}

static void look_at_program(struct doctor *d, const char *binary)
{
    const char *kind = d->config->server.kind;
    struct problem p = {0};

    int r = controller_program(kind, binary, clock_deadline(VERSION_NS), &d->program, &p);
    if (r < 0) {
        doctor_problem(d, FINDING_ERROR, &p);
        if (!p.hint[0])
            how_to_install(d, kind);
        return;
    }
    if (d->program.old)
        doctor_found(d, FINDING_ERROR, "%s is version %s: %s is the oldest that will do",
                     d->program.path, d->program.version, d->program.oldest);
    else if (d->program.oldest && !d->program.version[0])
        doctor_found(d, FINDING_WARNING, "%s does not say its version: is it %s at all?",
                     d->program.path, kind);
    else
        return;
    how_to_install(d, kind);
}

static void say_unreadable(struct doctor *d, const char *path)
{
    const bool there = access(path, F_OK) == 0;
    char user[64];

    doctor_found(d, FINDING_ERROR,
                 there ? "server.corefile: %s cannot read %s"
                       : "server.corefile: %s does not find %s",
                 doctor_user(user), path);
    if (there)
        doctor_mend(d, "chown %s %s  # as root", user, doctor_path(d, path));
    doctor_other(d, "leave server.corefile out: one is written");
}

/* With a good one that was kept, a start goes on with that. */
static void look_at_corefile(struct doctor *d, const char *path)
{
    struct controller_corefile_kept kept = {.there = false};
    struct problem p = {0};

    if (access(path, R_OK) < 0) {
        say_unreadable(d, path);
        return;
    }
    int r = cli_look_at_corefile(d->config, &kept, &p);
    if (r < 0) {
        doctor_found(d, kept.there ? FINDING_WARNING : FINDING_ERROR, "server.corefile: %s%s",
                     p.detail, kept.there ? "; the last good one stays" : "");
        doctor_other(d, "%s", p.hint[0] ? p.hint : "mend it");
    } else if (kept.is_another && d->running > 0) {
        doctor_found(d, FINDING_WARNING,
                     "server.corefile: %s is not in force: the server has the last good one", path);
        doctor_mend(d, "betterdns status  # why");
    }
}

static void look_at_command(struct doctor *d, const char *key, const struct str *words, unsigned n)
{
    char *name = n > 0 ? str_dup(words[0]) : NULL;
    char *path = NULL;

    int r = name ? process_find(name, &path) : 0;
    if (r == -ENOENT)
        doctor_found(d, FINDING_ERROR, "server.%s: there is no %s", key, name);
    else if (r < 0)
        doctor_found(d, FINDING_ERROR, "server.%s: %s is not an executable file", key, name);
    if (r < 0)
        doctor_other(d, "say where it is, or leave it out: server.%s", key);
    free(path);
    free(name);
}

void doctor_program(struct doctor *d)
{
    const struct config *c = d->config;
    char *word = c->server.nstart > 0 ? str_dup(c->server.start[0]) : NULL;

    look_at_program(d, word ? word : c->server.binary);
    look_at_command(d, "reload", c->server.reload, c->server.nreload);
    look_at_command(d, "stop", c->server.stop, c->server.nstop);
    if (c->server.corefile)
        look_at_corefile(d, c->server.corefile);
    free(word);
}

/* ---- the right to a port ---- */

#define STATUS_MAX 65536

/* A set of /proc/self/status: "CapEff:\t0000000000000400". */
static uint64_t capabilities(const char *set)
{
    struct buf text = {0};
    struct str rest, line;
    uint64_t found = 0;

    if (file_read("/proc/self/status", STATUS_MAX, &text) == 0) {
        rest = buf_str(&text);
        while (str_cut(&rest, '\n', &line)) {
            char number[32];
            if (!str_starts(line, str_c(set)))
                continue;
            const size_t n = strlen(set);
            str_format(number, sizeof(number), "%.*s", (int)(line.n - n), line.p + n);
            found = strtoull(number, NULL, 16);
        }
    }
    buf_free(&text);
    return found;
}

static unsigned first_free_port(void)
{
    struct buf text = {0};
    uint64_t port = 1024;

    if (file_read("/proc/sys/net/ipv4/ip_unprivileged_port_start", 16, &text) == 0) {
        struct str rest = buf_str(&text), line = {0};
        str_cut(&rest, '\n', &line);
        (void)str_u64(line, 65536, &port);
    }
    buf_free(&text);
    return (unsigned)port;
}

/* own: we take the port; else a program that we start does. Root's capabilities are handed on. */
static bool has_right(const char *program, bool own)
{
    const uint64_t bit = UINT64_C(1) << CAP_NET_BIND_SERVICE;

    if (own || geteuid() == 0)
        if (capabilities("CapEff:") & bit)
            return true;
    return (!own && capabilities("CapAmb:") & bit) ||
           getxattr(program, "security.capability", NULL, 0) > 0;
}

static void look_for_right(struct doctor *d, const char *option, unsigned port, const char *program,
                           bool own)
{
    char user[64];

    if (port == 0 || port >= first_free_port() || has_right(program, own))
        return;
    doctor_found(d, FINDING_ERROR, "%s: %s has no right to port %u (CAP_NET_BIND_SERVICE)", option,
                 doctor_user(user), port);
    char *real = realpath(program, NULL); /* setcap takes no link */
    doctor_mend(d, "setcap cap_net_bind_service=+ep %s  # as root",
                doctor_path(d, real ? real : program));
    free(real);
    doctor_other(d, "AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit");
}

void doctor_right(struct doctor *d)
{
    char self[4096];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[n > 0 ? n : 0] = '\0';
    if (d->program.path)
        look_for_right(d, "server.listen", sockaddr_port(&d->config->server.listen),
                       d->program.path, false);
    for (unsigned i = 0; i < d->config->http.nlisten; i++)
        look_for_right(d, "http.listen", sockaddr_port(&d->config->http.listen[i]), self, true);
}

/* ---- ports ---- */

/* Does an interface of this machine have the address? All of 127.0.0.0/8 is everybody's. */
static bool is_here(const struct sockaddr_storage *a)
{
    char want[SOCKADDR_HOST_SIZE], have[SOCKADDR_HOST_SIZE];
    struct ifaddrs *list;
    bool found = false;

    sockaddr_host(a, want);
    if (sockaddr_is_wildcard(a) || str_starts(str_c(want), STR("127.")) || getifaddrs(&list) < 0)
        return true;
    for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
        struct sockaddr_storage ss = {0};
        if (!i->ifa_addr || i->ifa_addr->sa_family != a->ss_family)
            continue;
        ss.ss_family = i->ifa_addr->sa_family;
        memcpy(&ss, i->ifa_addr, sockaddr_size(&ss));
        found = strcmp(sockaddr_host(&ss, have), want) == 0;
    }
    freeifaddrs(list);
    return found;
}

/* The stub's clients ask the resolver's own list from then on. */
static void how_to_stop_stub(struct doctor *d)
{
    doctor_mend(d, "mkdir -p /etc/systemd/resolved.conf.d; "
                   "printf '[Resolve]\\nDNSStubListener=no\\n' "
                   ">/etc/systemd/resolved.conf.d/betterdns.conf; "
                   "ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf; "
                   "systemctl restart systemd-resolved  # as root");
}

static void how_to_free(struct doctor *d, const char *option, const char *owner)
{
    const char *pid = strstr(owner, "(pid ");

    if (str_starts(str_c(owner), STR(STUB)))
        how_to_stop_stub(d);
    else if (pid)
        doctor_mend(d, "kill %.*s  # systemctl status %.*s: which unit it is of",
                    (int)strcspn(pid + 5, ")"), pid + 5, (int)strcspn(pid + 5, ")"), pid + 5);
    else
        doctor_mend(d, "ss -lnptu  # as root: which program it is");
    doctor_other(d, "another %s", option);
}

static void look_at_port(struct doctor *d, const char *option, const struct sockaddr_storage *a,
                         bool udp)
{
    const unsigned port = sockaddr_port(a);
    char text[SOCKADDR_TEXT_SIZE], owner[128];
    const pid_t *ours = d->ours;

    int r = port == 0 ? -ENOENT : port_owner(a, udp, ours, d->nours, owner, sizeof(owner));
    if (r != 0) /* nobody; or our own servers, of which we see nothing */
        return;
    doctor_found(d, FINDING_ERROR, "%s %s (%s) is taken by %s", option,
                 sockaddr_text(a, port, text), udp ? "UDP" : "TCP", owner);
    how_to_free(d, option, owner);
}

static void look_at_address(struct doctor *d, const char *option, const struct sockaddr_storage *a)
{
    char host[SOCKADDR_HOST_SIZE];

    if (is_here(a))
        return;
    doctor_found(d, FINDING_ERROR, "%s: this machine has no address %s", option,
                 sockaddr_host(a, host));
    doctor_mend(d, "ip -br address  # which there are");
    doctor_other(d, "%s: one of them, or 0.0.0.0", option);
}

void doctor_dns_port(struct doctor *d)
{
    const struct sockaddr_storage *a = &d->config->server.listen;

    look_at_address(d, "server.listen", a);
    look_at_port(d, "server.listen", a, true);
    look_at_port(d, "server.listen", a, false);
}

void doctor_http_port(struct doctor *d)
{
    for (unsigned i = 0; i < d->config->http.nlisten; i++) {
        look_at_address(d, "http.listen", &d->config->http.listen[i]);
        look_at_port(d, "http.listen", &d->config->http.listen[i], false);
    }
}
