/* The server kind "coredns": its Corefile, its command line, its words. Facts: CoreDNS 1.12
 * to 1.15. */
#include <netdb.h>
#include <signal.h>
#include <stdio.h>

#include <betterdns/error.h>

#include "kinds.h"
#include "net.h"

/* A token of a Corefile: quoted, for paths have blanks. */
static void add_quoted(struct buf *out, const char *text)
{
    buf_add_c(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_add_c(out, '\\');
        buf_add_c(out, *p);
    }
    buf_add_c(out, '"');
}

static void add_zone(struct buf *out, const struct server_config *c, const struct server_zone *z)
{
    char host[SOCKADDR_HOST_SIZE];

    buf_addf(out, "\n%s:%u {\n    bind %s", z->name, sockaddr_port(c->listen),
             sockaddr_host(c->listen, host));
    if (c->private)
        buf_addf(out, " %s", sockaddr_host(c->private, host));
    buf_addf(out, "\n    errors\n    nsid %s\n    file ", c->nsid);
    add_quoted(out, z->path);
    buf_addf(out, " {\n        reload %ums\n    }\n}\n", z->poll_ms);
}

/* One block a zone on the same two addresses. One `file` instance serves both addresses of a block,
 * so what the private address shows is what the public one answers. No `cache`: it would hide
 * changes. */
static void coredns_write_config(const struct server_config *c, struct buf *out)
{
    buf_add_str(out, STR("# Written by betterdns at every start: what is changed here is lost.\n"));
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
    struct str line, name = STR("CoreDNS-");

    out[0] = '\0';
    while (str_cut(&output, '\n', &line)) {
        if (!str_starts(line, name))
            continue;
        snprintf(out, SERVER_VERSION_SIZE, "%.*s", (int)(line.n - name.n), line.p + name.n);
        return;
    }
}

static bool has(struct str text, const char *word)
{
    return text.n > 0 && memmem(text.p, text.n, word, strlen(word)) != NULL;
}

/* Why it ended is the last thing that it says, after its log lines; the runtime's chatter
 * ("maxprocs: …") may come at any place. */
static int coredns_failure(struct str output, struct str *ret_words)
{
    struct str line, last = {NULL, 0};

    while (str_cut(&output, '\n', &line)) {
        line = str_trim(line);
        if (line.n > 0 && !str_starts(line, STR("maxprocs:")) && !str_starts(line, STR("[INFO]")))
            last = line;
    }
    *ret_words = last;
    if (has(last, "permission denied"))
        return -EACCES;
    if (has(last, "address already in use"))
        return -BD_EINUSE;
    return -BD_EINVALID;
}

const struct server_kind server_coredns = {
    .name = "coredns",
    .config_name = "Corefile",
    .reload_signal = SIGUSR1,
    .polls = true,
    .write_config = coredns_write_config,
    .arguments = coredns_arguments,
    .version_argument = "-version",
    .version = coredns_version,
    .failure = coredns_failure,
};
