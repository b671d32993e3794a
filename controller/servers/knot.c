/* The server kind "knot": knotd's configuration, its command line, its words. Facts: Knot DNS 3.2
 * to 3.4. */
#include <signal.h>

#include "kinds.h"
#include "servers/text.h"

static void knot_write_config(const struct server_config *c, struct buf *out)
{
    char host[SOCKADDR_HOST_SIZE];

    server_add_head(out, "#");
    buf_add_str(out, STR("server:\n    rundir: "));
    server_add_quoted(out, c->dir);
    buf_addf(out, "\n    listen: [ %s@%u", sockaddr_host(c->listen, host),
             sockaddr_port(c->listen));
    if (c->private)
        buf_addf(out, ", %s@%u", sockaddr_host(c->private, host), sockaddr_port(c->private));
    /* tcp-reuseport: a second process can start beside it. */
    buf_addf(out,
             " ]\n    nsid: \"%s\"\n    identity: \"\"\n    version: \"\"\n"
             "    tcp-reuseport: on\ndatabase:\n    storage: ",
             c->nsid);
    server_add_quoted(out, c->dir);
    /* Our live copy is the zone, always and whole: no journal, and nothing written back. */
    buf_add_str(out, STR("\nlog:\n  - target: stderr\n    any: info\n"
                         "template:\n  - id: default\n    zonefile-sync: -1\n"
                         "    zonefile-load: whole\n    journal-content: none\n"
                         "    semantic-checks: off\nzone:\n"));
    for (unsigned i = 0; i < c->nzones; i++) {
        buf_addf(out, "  - domain: \"%s\"\n    file: ", c->zones[i].name);
        server_add_quoted(out, c->zones[i].path);
        buf_add_c(out, '\n');
    }
}

static void knot_arguments(const struct server_config *c, const char *argv[SERVER_ARGS_MAX])
{
    const char *const all[] = {c->binary, "-c", c->path, NULL};

    memcpy(argv, all, sizeof(all));
}

/* "knotd (Knot DNS), version 3.2.6", "knotd, Knot DNS 3.4.6" */
static void knot_version(struct str output, char out[SERVER_VERSION_SIZE])
{
    server_word_after(output, STR("Knot DNS "), out);
    if (out[0] == '\0')
        server_word_after(output, STR("version "), out);
}

static int knot_failure(struct str output, struct str *ret_words)
{
    static const char *const chatter[] = {"stopping server", "shutting down", "critical: failed to",
                                          NULL};

    return server_failure(output, chatter, ret_words);
}

const struct server_kind server_knot = {
    .name = "knot",
    .binary = "knotd",
    .package = "knot",
    .config_name = "knot.conf",
    .reload_signal = SIGHUP,
    .rereads = true,
    .by_time = true,
    .writes = true,
    .write_config = knot_write_config,
    .arguments = knot_arguments,
    .version_argument = "-V",
    .oldest = "3.2",
    .version = knot_version,
    .failure = knot_failure,
};
