/* help, version, config: what needs nothing but the program. */
#include "cli.h"

#include <betterdns/version.h>

/* Those of a group ("zone"), or all. */
static void list_commands(struct str group, struct buf *out)
{
    for (const struct command *const *p = cli_commands(); *p; p++) {
        struct str rest = str_c((*p)->name), first;
        str_cut(&rest, ' ', &first);
        if ((*p)->hidden || (group.n > 0 && (rest.n == 0 || !str_eq(first, group))))
            continue;
        struct buf head = {0};
        buf_addf(&head, "%s %s", (*p)->name, (*p)->usage);
        buf_addf(out, "  %-26.*s %s\n", STR_ARG(buf_str(&head)), (*p)->help);
        buf_free(&head);
    }
}

bool cli_print_group_help(struct str group, struct buf *out)
{
    struct buf list = {0};

    if (group.n > 0)
        list_commands(group, &list);
    const bool found = list.n > 0;
    if (found)
        buf_addf(out, "usage: betterdns %.*s COMMAND [ARGUMENT…]\n\ncommands:\n%.*s",
                 STR_ARG(group), STR_ARG(buf_str(&list)));
    buf_free(&list);
    return found;
}

void cli_print_help(const struct command *c, struct buf *out)
{
    if (c) {
        buf_addf(out, "usage: betterdns %s%s%s\n\n%s\n", c->name, c->usage[0] ? " " : "", c->usage,
                 c->help);
        if (c->more)
            buf_addf(out, "%s\n", c->more);
        options_help(c->options, out);
        return;
    }
    buf_addf(out, "usage: betterdns [-c FILE] COMMAND [ARGUMENT…]\n\ncommands:\n");
    list_commands((struct str){0}, out);
    options_help(0, out);
    buf_addf(out, "\nexit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 conflict, 5 not allowed,\n"
                  "6 unreachable, 7 invalid, 8 time-out\n");
}

static int run_help(const struct cli *cli)
{
    struct buf out = {0};
    const struct command *c = NULL;
    int used = 0;

    if (cli->noperands > 0) {
        c = cli_find(cli->operands, cli->noperands, &used);
        if (!c && cli->noperands == 1 && cli_print_group_help(str_c(cli->operands[0]), &out))
            return cli_print(&out);
        if (!c || used != cli->noperands)
            return cli_unknown_command(str_c(cli->operands[0]));
    }
    cli_print_help(c, &out);
    return cli_print(&out);
}

const struct command command_help = {
    .name = "help",
    .usage = "[COMMAND]",
    .help = "Says what there is, or how a command is used.",
    .most = 2,
    .run = run_help,
};

static int run_version(const struct cli *cli)
{
    struct buf out = {0};

    (void)cli;
    buf_addf(&out, "betterdns %s\n", bd_version());
    return cli_print(&out);
}

const struct command command_version = {
    .name = "version",
    .usage = "",
    .help = "Prints the version.",
    .run = run_version,
};

static int run_config(const struct cli *cli)
{
    struct buf out = {0};

    (void)cli;
    config_print_defaults(&out);
    return cli_print(&out);
}

const struct command command_config = {
    .name = "config",
    .usage = "",
    .help = "Prints every option with its default, as a file to begin with.",
    .run = run_config,
};
