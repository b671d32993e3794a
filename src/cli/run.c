/* run: the server. */
#include <betterdns/log.h>

#include "cli.h"

static int run_run(const struct cli *cli)
{
    int code = EXIT_ERROR;
    struct config *config = cli_load_config(cli, &code);

    if (!config)
        return code;
    log_setup(LOG_LOGFMT, LOG_LEVEL_INFO);
    code = app_run(config);
    config_free(config);
    return code;
}

const struct command command_run = {
    .name = "run",
    .usage = "",
    .help = "Serves until SIGTERM or Ctrl-C.",
    .more = "A start that is refused says why, with a hint, and leaves nothing running.",
    .run = run_run,
};
