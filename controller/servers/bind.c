/* The server kind "bind": named's configuration, its command line, its words. Facts: BIND 9.18 and
 * 9.20.
 *
 * It listens on addresses of the machine's interfaces alone, so it has no private one: the public
 * address is asked, and the identifier says who answers. It reads a file again where that is newer
 * than the last reading. */
#include <errno.h>
#include <signal.h>

#include "kinds.h"
#include "servers/text.h"

/* A release from there on knows how to lift its limits on one owner's records; older ones have no
 * such limits. A fleet of hosts under one name is no attack. */
static const struct server_release limits = {.part = {9, 18, 28}};
/* The first without a lock of the whole machine, of which a second process would die. */
static const struct server_release no_lock = {.part = {9, 20, 0}};

static void add_listen(struct buf *out, const struct sockaddr_storage *a)
{
    char host[SOCKADDR_HOST_SIZE];
    bool six = a->ss_family == AF_INET6;
    const char *on = sockaddr_is_wildcard(a) ? "any" : sockaddr_host(a, host);

    buf_addf(out, "    listen-on%s port %u { %s; };\n", six ? "-v6" : "", sockaddr_port(a), on);
    buf_addf(out, "    listen-on%s { none; };\n", six ? "" : "-v6");
}

static void bind_write_config(const struct server_config *c, struct buf *out)
{
    server_add_head(out, "//");
    buf_add_str(out, STR("options {\n    directory "));
    server_add_quoted(out, c->dir);
    buf_add_str(out, STR(";\n"));
    add_listen(out, c->listen);
    buf_addf(out, "    server-id \"%s\";\n", c->nsid);
    /* It answers for its zones and asks nobody. What it would refuse in a zone was decided before
     * the zone came here. */
    buf_add_str(out, STR("    pid-file none;\n"
                         "    session-keyfile none;\n"
                         "    version none;\n"
                         "    recursion no;\n"
                         "    allow-query { any; };\n"
                         "    allow-transfer { none; };\n"
                         "    notify no;\n"
                         "    dnssec-validation no;\n"
                         "    empty-zones-enable no;\n"
                         "    check-names primary ignore;\n"
                         "    check-integrity no;\n"
                         "    check-wildcard no;\n"));
    if (server_release_before(c->version, &no_lock))
        buf_add_str(out, STR("    lock-file none;\n"));
    if (!server_release_before(c->version, &limits))
        buf_add_str(out, STR("    max-records-per-type 0;\n    max-types-per-name 0;\n"));
    buf_add_str(out, STR("};\ncontrols { };\n"));
    for (unsigned i = 0; i < c->nzones; i++) {
        buf_addf(out, "zone \"%s\" { type primary; file ", c->zones[i].name);
        server_add_quoted(out, c->zones[i].path);
        buf_add_str(out, STR("; };\n"));
    }
}

static void bind_arguments(const struct server_config *c, const char *argv[SERVER_ARGS_MAX])
{
    const char *const all[] = {c->binary, "-g", "-c", c->path, NULL};

    memcpy(argv, all, sizeof(all));
}

/* "BIND 9.18.49-1~deb12u3-Debian (Extended Support Version) <id:>" */
static void bind_version(struct str output, char out[SERVER_VERSION_SIZE])
{
    server_word_after(output, STR("BIND "), out);
}

static int bind_failure(struct str output, struct str *ret_words)
{
    static const char *const chatter[] = {"exiting (due to", "loading configuration:", "bind.keys",
                                          NULL};

    const int error = server_failure(output, chatter, ret_words);
    /* It goes on without, and does not say why: whether the address is there and the port is free
     * was seen before its start. */
    return str_ends(*ret_words, STR("interface ignored")) ? -EACCES : error;
}

const struct server_kind server_bind = {
    .name = "bind",
    .binary = "named",
    .package = "bind9",
    .config_name = "named.conf",
    .reload_signal = SIGHUP,
    .public_only = true,
    .rereads = true,
    .by_time = true,
    .writes = true,
    .version_first = true,
    .write_config = bind_write_config,
    .arguments = bind_arguments,
    .version_argument = "-v",
    .oldest = "9.18",
    .version = bind_version,
    .failure = bind_failure,
};
