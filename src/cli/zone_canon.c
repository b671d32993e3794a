/* zone canon: a zone file's records in the one spelling that programs compare. */
#include "zone_text.h"

static int print_record(void *arg, const struct zp_record *record)
{
    struct buf *out = arg;

    zp_write_canonical(record, out);
    return out->error;
}

static int run_zone_canon(const struct cli *cli)
{
    struct dname origin;
    struct zone_text z;
    struct zp_zone *zone = NULL;
    struct buf out = {0};

    int code = zone_text_origin(cli->operands[0], &origin);
    if (code != EXIT_OK)
        return code;
    code = zone_text_open(&z, cli->operands[1], &origin);
    if (code == EXIT_OK)
        code = zone_text_load(&z, &zone);
    zp_zone_free(zone);
    if (code == EXIT_OK) {
        z.options.on_error = NULL; /* the warnings are said */
        int r = zp_parse(buf_str(&z.text), &z.options, print_record, &out);
        code = zone_text_result(&z, r);
    }
    if (code == EXIT_OK)
        code = cli_print(&out);
    buf_free(&out);
    zone_text_free(&z);
    return code;
}

const struct command command_zone_canon = {
    .name = "zone canon",
    .usage = "ORIGIN FILE",
    .help = "Prints a zone file's records, one a line: owner TTL CLASS TYPE \\# length HEX.",
    .more = "In the file's order, repeated ones too; of a file that is refused none.",
    .least = 2,
    .most = 2,
    .run = run_zone_canon,
};
