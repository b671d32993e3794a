/* check: the configuration and the zone files that it names, without starting anything. */
#include "cli.h"
#include "zone_text.h"

#include <stdlib.h>
#include <unistd.h>

#include <betterdns/controller.h>

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

int cli_look_at_corefile(const struct config *c, struct controller_corefile_kept *ret_kept,
                         struct problem *ret_problem)
{
    const struct dname **origins = calloc(c->nzones, sizeof(*origins));
    const struct controller_corefile look = {.path = c->server.corefile,
                                             .data = c->data,
                                             .live = c->live,
                                             .listen = &c->server.listen,
                                             .origins = origins,
                                             .nzones = c->nzones};

    for (unsigned i = 0; origins && i < c->nzones; i++)
        origins[i] = &c->zones[i].origin;
    int r = origins ? controller_corefile(&look, ret_kept, ret_problem)
                    : problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    free(origins);
    return r;
}

static int check_corefile(const struct config *c, struct buf *out)
{
    struct controller_corefile_kept kept;
    struct problem p = {0};

    if (cli_look_at_corefile(c, &kept, &p) == 0) {
        buf_addf(out, "Corefile %s has a block for each zone\n", c->server.corefile);
        return EXIT_OK;
    }
    cli_fail(EXIT_INVALID, "%s", p.detail);
    if (p.hint[0])
        cli_hint(str_c(p.hint));
    return EXIT_INVALID;
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
    if (config->server.corefile) {
        int one = check_corefile(config, &out);
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
    .help = "Checks the configuration, its zone files and its Corefile; starts nothing.",
    .more = "Exit code 7 where something is invalid, every fault with file:line:column on stderr.",
    .run = run_check,
};
