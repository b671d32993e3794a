/* check: the configuration and the zone files that it names, without starting anything. */
#include "zone_text.h"

#include <unistd.h>

/* The worst that was seen decides; what is worst does not matter, only that it is not 0. */
static int check_zone(const struct config_zone *zone, struct buf *out)
{
    struct zone_text z;
    struct zp_zone *loaded = NULL;
    char name[DNAME_TEXT_MAX];

    dname_to_text(&zone->origin, name);
    if (access(zone->file, F_OK) < 0 && errno == ENOENT) {
        buf_addf(out, "zone %s: %s is not there yet\n", name, zone->file);
        return EXIT_OK;
    }
    int code = zone_text_open(&z, zone->file, &zone->origin);
    z.options.default_ttl = zone->ttl;
    if (code == EXIT_OK)
        code = zone_text_load(&z, &loaded);
    if (code == EXIT_OK)
        buf_addf(out, "zone %s: %s is valid: %zu record sets, serial %u\n", name, zone->file,
                 zp_zone_nrrsets(loaded), zp_zone_serial(loaded));
    zp_zone_free(loaded);
    zone_text_free(&z);
    return code;
}

static int run_check(const struct cli *cli)
{
    struct buf out = {0};
    int code = EXIT_ERROR;
    struct config *config = cli_load_config(cli, &code);

    if (!config)
        return code;
    code = EXIT_OK;
    if (config->path)
        buf_addf(&out, "configuration %s is valid\n", config->path);
    for (unsigned i = 0; i < config->nzones; i++) {
        int one = check_zone(&config->zones[i], &out);
        code = code != EXIT_OK ? code : one;
    }
    if (code == EXIT_OK)
        code = cli_print(&out);
    buf_free(&out);
    config_free(config);
    return code;
}

const struct command command_check = {
    .name = "check",
    .usage = "",
    .help = "Checks the configuration and its zone files; starts nothing.",
    .more = "Exit code 7 where something is invalid, every fault with file:line:column on stderr.",
    .run = run_check,
};
