/* The server kind "nsd": its configuration, its command line, its words. Facts: NSD 4.6 to 4.12.
 *
 * A family of processes: the one that was started, a second below it, and below that those that
 * answer. At a reload others that answer are made beside them; for some milliseconds old and new
 * ones read the same sockets. Its identifier is that of its start. */
#include <signal.h>

#include <betterdns/process.h>

#include "kinds.h"
#include "servers/text.h"

/* With a single one it would not share its port with a second NSD. */
#define ANSWERING 2

static void add_address(struct buf *out, const struct sockaddr_storage *a)
{
    char host[SOCKADDR_HOST_SIZE];

    buf_addf(out, "    ip-address: %s@%u\n", sockaddr_host(a, host), sockaddr_port(a));
}

static void nsd_write_config(const struct server_config *c, struct buf *out)
{
    server_add_head(out, "#");
    buf_addf(out, "server:\n    server-count: %d\n", ANSWERING);
    add_address(out, c->listen);
    if (c->private)
        add_address(out, c->private);
    /* No user, no other root, no database: it is what we start it as. Its limit of answers a second
     * would count us, and each resolver of the house. */
    buf_addf(out,
             "    nsid: \"ascii_%s\"\n    reuseport: yes\n    hide-version: yes\n"
             "    username: \"\"\n    chroot: \"\"\n    database: \"\"\n    pidfile: \"\"\n"
             "    xfrdfile: \"\"\n    rrl-ratelimit: 0\n    xfrdir: ",
             c->nsid);
    server_add_quoted(out, c->dir);
    buf_add_str(out, STR("\n    zonesdir: "));
    server_add_quoted(out, c->dir);
    buf_add_str(out, STR("\n    zonelistfile: "));
    buf_addf(out, "\"%s/zone.list\"\nremote-control:\n    control-enable: no\n", c->dir);
    for (unsigned i = 0; i < c->nzones; i++) {
        buf_addf(out, "zone:\n    name: \"%s\"\n    zonefile: ", c->zones[i].name);
        server_add_quoted(out, c->zones[i].path);
        buf_add_c(out, '\n');
    }
}

static void nsd_arguments(const struct server_config *c, const char *argv[SERVER_ARGS_MAX])
{
    const char *const all[] = {c->binary, "-d", "-c", c->path, NULL};

    memcpy(argv, all, sizeof(all));
}

/* "NSD version 4.6.1" */
static void nsd_version(struct str output, char out[SERVER_VERSION_SIZE])
{
    server_word_after(output, STR("NSD version "), out);
}

static int nsd_failure(struct str output, struct str *ret_words)
{
    static const char *const chatter[] = {"server initialization failed", NULL};

    return server_failure(output, chatter, ret_words);
}

static int nsd_overlaps(pid_t pid)
{
    int answering = process_grandchildren(pid);

    return answering < 0 ? answering : answering > ANSWERING;
}

const struct server_kind server_nsd = {
    .name = "nsd",
    .binary = "nsd",
    .package = "nsd",
    .config_name = "nsd.conf",
    .reload_signal = SIGHUP,
    .by_time = true,
    .writes = true,
    .overlaps = nsd_overlaps,
    .write_config = nsd_write_config,
    .arguments = nsd_arguments,
    .version_argument = "-v",
    .oldest = "4.6",
    .version = nsd_version,
    .failure = nsd_failure,
};
