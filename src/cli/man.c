/* man: prints a man page; `make` keeps them below build/man. */
#include "cli.h"
#include "man.h"

static const struct page {
    const char *name;
    void (*print)(struct buf *out);
} pages[] = {
    {"betterdns.1", man_program},
    {"betterdns.yaml.5", man_config},
    {"betterdns-http.7", man_http},
};

static int run_man(const struct cli *cli)
{
    struct buf out = {0};

    for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
        if (strcmp(pages[i].name, cli->operands[0]) != 0)
            continue;
        pages[i].print(&out);
        return cli_print(&out);
    }
    return cli_fail(EXIT_USAGE,
                    "there is no page '%s': betterdns.1, betterdns.yaml.5, "
                    "betterdns-http.7",
                    cli->operands[0]);
}

const struct command command_man = {
    .name = "man",
    .usage = "PAGE",
    .help = "Prints a man page: betterdns.1, betterdns.yaml.5 or betterdns-http.7.",
    .more = "To read one where they are not installed: betterdns man betterdns.1 | man -l -",
    .least = 1,
    .most = 1,
    .hidden = true,
    .run = run_man,
};
