/* The server kind "exec": any DNS server, by commands of the operator's. It is told where the live
 * copies are by a list, whose path stands for the word {zones}; how it listens and what it reads is
 * its own affair. Nothing makes it name itself, so its answers are believed as long as nobody else
 * has its port. */
#include <signal.h>

#include "kinds.h"
#include "servers/text.h"

static void add_command(struct buf *out, const char *name, const char *const *argv)
{
    buf_addf(out, "# %s:", name);
    for (; argv && *argv; argv++) {
        buf_add_c(out, ' ');
        server_add_quoted(out, *argv);
    }
    buf_add_c(out, '\n');
}

/* A line a zone: its name, and the file to read. The commands are there for the fingerprint. */
static void exec_write_config(const struct server_config *c, struct buf *out)
{
    server_add_head(out, "#");
    add_command(out, "start", c->commands->start);
    for (unsigned i = 0; i < c->nzones; i++)
        buf_addf(out, "%s %s\n", c->zones[i].name, c->zones[i].path);
}

static void exec_arguments(const struct server_config *c, const char *argv[SERVER_ARGS_MAX])
{
    unsigned n = 0;

    argv[n++] = c->binary;
    for (const char *const *word = c->commands->start + 1; *word && n < SERVER_ARGS_MAX - 1; word++)
        argv[n++] = strcmp(*word, "{zones}") == 0 ? c->path : *word;
    argv[n] = NULL;
}

static int exec_failure(struct str output, struct str *ret_words)
{
    static const char *const chatter[] = {NULL};

    return server_failure(output, chatter, ret_words);
}

const struct server_kind server_exec = {
    .name = "exec",
    .config_name = "zones",
    .reload_signal = SIGHUP,
    .public_only = true,
    .anonymous = true,
    .by_time = true,
    .by_commands = true,
    .write_config = exec_write_config,
    .arguments = exec_arguments,
    .failure = exec_failure,
};
