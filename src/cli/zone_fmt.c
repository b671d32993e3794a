/* zone fmt: a zone file with its columns in line. */
#include "zone_text.h"

#include <stdio.h>

static int run_zone_fmt(const struct cli *cli)
{
    struct dname origin = {.n = 1};
    struct zone_text z;
    struct buf out = {0};

    int code = cli->noperands == 2 ? zone_text_origin(cli->operands[0], &origin) : EXIT_OK;
    if (code != EXIT_OK)
        return code;
    code = zone_text_open(&z, cli->operands[cli->noperands - 1], &origin);
    if (code == EXIT_OK) {
        int r = zp_fmt(buf_str(&z.text), &z.options, &out);
        code = zone_text_result(&z, r);
    }
    if (code == EXIT_OK && !cli->options[OPTION_CHECK]) {
        code = cli_print(&out);
    } else if (code == EXIT_OK && !str_eq(buf_str(&out), buf_str(&z.text))) {
        fprintf(stderr, "%s: zone fmt would change it\n", z.file);
        code = EXIT_ERROR;
    }
    buf_free(&out);
    zone_text_free(&z);
    return code;
}

const struct command command_zone_fmt = {
    .name = "zone fmt",
    .usage = "[ORIGIN] FILE",
    .help = "Prints a zone file with its columns in line (\"-\": standard input).",
    .more =
        "Records, comments, blank lines and their order stay, as do $INCLUDE and $GENERATE; the\n"
        "file itself is not written. A file with a fault is exit code 7.",
    .least = 1,
    .most = 2,
    .options = OPTION_BIT(OPTION_CHECK),
    .run = run_zone_fmt,
};
