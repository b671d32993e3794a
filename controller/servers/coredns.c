/* The server kind "coredns": its Corefile, its command line, its words. Facts: CoreDNS 1.12
 * to 1.15. */
#include <signal.h>

#include <betterdns/process.h>

#include "kinds.h"
#include "servers/text.h"

static void add_zone(struct buf *out, const struct server_config *c, const struct server_zone *z)
{
    char host[SOCKADDR_HOST_SIZE];

    buf_addf(out, "\n%s:%u {\n    bind %s", z->name, sockaddr_port(c->listen),
             sockaddr_host(c->listen, host));
    if (c->private)
        buf_addf(out, " %s", sockaddr_host(c->private, host));
    buf_addf(out, "\n    errors\n    nsid %s\n    file ", c->nsid);
    server_add_quoted(out, z->path);
    buf_addf(out, " {\n        reload %ums\n    }\n}\n", z->poll_ms);
}

/* One block a zone on the same two addresses. One `file` instance serves both addresses of a block,
 * so what the private address shows is what the public one answers. No `cache`: it would hide
 * changes. */
static void coredns_write_config(const struct server_config *c, struct buf *out)
{
    server_add_head(out, "#");
    for (unsigned i = 0; i < c->nzones; i++)
        add_zone(out, c, &c->zones[i]);
}

static void coredns_arguments(const struct server_config *c, const char *argv[SERVER_ARGS_MAX])
{
    const char *const all[] = {c->binary, "-conf", c->path, "-quiet", NULL};

    memcpy(argv, all, sizeof(all));
}

/* "CoreDNS-1.15.0", then a line of its platform. */
static void coredns_version(struct str output, char out[SERVER_VERSION_SIZE])
{
    server_word_after(output, STR("CoreDNS-"), out);
}

/* Why it ended is the last thing that it says, after its log lines; the runtime's chatter may come
 * at any place. */
static int coredns_failure(struct str output, struct str *ret_words)
{
    static const char *const chatter[] = {"maxprocs:", "[INFO]", NULL};

    return server_failure(output, chatter, ret_words);
}

const struct server_kind server_coredns = {
    .name = "coredns",
    .binary = "coredns",
    .releases = "https://github.com/coredns/coredns/releases",
    .takes_corefile = true,
    .refused = "\nrefused.invalid {\n    whoami refused\n}\n",
    .polls = true,
    .rereads = true,
    .overlaps = process_shares_sockets,
    .config_name = "Corefile",
    .reload_signal = SIGUSR1,
    .write_config = coredns_write_config,
    .arguments = coredns_arguments,
    .version_argument = "-version",
    .oldest = "1.12",
    .version = coredns_version,
    .failure = coredns_failure,
};
