/* zone check: a zone file, by the parser's rules and the zone's. */
#include "zone_text.h"

#include <stdio.h>

static int first_soa(void *arg, const struct zp_record *record)
{
    struct dname *origin = arg;

    if (record->type != RRTYPE_SOA || dname_is_root(&record->owner))
        return 0;
    *origin = record->owner;
    return 1;
}

/* Without ORIGIN: the owner of the first SOA, when $ORIGIN or a final dot makes it absolute. */
static int guess_origin(const struct zone_text *z, struct dname *ret_origin)
{
    static const struct dname root = {.n = 1};
    struct zp_options options = {
        .origin = root,
        .default_ttl = 0,
        .any_owner = true,
        .include = z->options.include,
        .include_arg = z->options.include_arg,
    };

    if (zp_parse(buf_str(&z->text), &options, first_soa, ret_origin) == 1)
        return EXIT_OK;
    cli_fail(EXIT_USAGE, "%s: neither an $ORIGIN nor the SOA's owner says which zone this is",
             z->file);
    fputs("hint: betterdns zone check ORIGIN FILE\n", stderr);
    return EXIT_USAGE;
}

static int run_zone_check(const struct cli *cli)
{
    struct dname origin = {.n = 1};
    struct zone_text z;
    struct zp_zone *zone = NULL;
    struct buf out = {0};
    char name[DNAME_TEXT_MAX];
    bool named = cli->noperands == 2;

    int code = named ? zone_text_origin(cli->operands[0], &origin) : EXIT_OK;
    if (code != EXIT_OK)
        return code;
    code = zone_text_open(&z, cli->operands[cli->noperands - 1], &origin);
    if (code == EXIT_OK && !named) {
        code = guess_origin(&z, &origin);
        z.options.origin = origin;
    }
    if (code == EXIT_OK)
        code = zone_text_load(&z, &zone);
    if (code == EXIT_OK) {
        dname_to_text(&origin, name);
        buf_addf(&out, "%s: zone %s is valid: %zu record sets, serial %u\n", z.file, name,
                 zp_zone_nrrsets(zone), zp_zone_serial(zone));
        code = cli_print(&out);
    }
    zp_zone_free(zone);
    zone_text_free(&z);
    return code;
}

const struct command command_zone_check = {
    .name = "zone check",
    .usage = "[ORIGIN] FILE",
    .help = "Checks a zone file (\"-\": standard input).",
    .more = "Every fault is said with file:line:column and the source line; exit code 7. Warnings\n"
            "alone (a host without an address, a repeated record, …) are exit code 0. Without\n"
            "ORIGIN, the file's $ORIGIN or the SOA's owner says which zone it is.",
    .least = 1,
    .most = 2,
    .run = run_zone_check,
};
