/* What commands share: data to stdout, the configuration, zone files. */
#include "cli.h"

#include <stdio.h>
#include <unistd.h>

#include <betterdns/file.h>

#define ZONE_FILE_MAX ((size_t)1 << 30)
#define DEFAULT_CONFIG "/etc/betterdns/betterdns.yaml"

int cli_print(struct buf *out)
{
    int r = out->error ? out->error : file_write_all(STDOUT_FILENO, out->p, out->n);

    buf_free(out);
    return r < 0 ? cli_fail(EXIT_ERROR, "cannot write to standard output: %s", bd_strerror(r))
                 : EXIT_OK;
}

void cli_add_quoted(struct buf *out, const char *text)
{
    buf_add_c(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            buf_addf(out, "'\\''");
        else
            buf_add_c(out, *text);
    }
    buf_add_c(out, '\'');
}

struct config *cli_load_config(const struct cli *cli, int *ret_exit)
{
    struct buf errors = {0};
    struct config *config = NULL;
    const char *path = cli->config_path;

    if (!path && access(DEFAULT_CONFIG, F_OK) == 0)
        path = DEFAULT_CONFIG;
    int r = config_load(path, &config, &errors);
    if (r < 0 && errors.n > 0)
        fwrite(errors.p, 1, errors.n, stderr);
    else if (r < 0)
        cli_fail(EXIT_ERROR, "%s: %s", path ? path : "configuration", bd_strerror(r));
    if (r < 0 && !path)
        fprintf(stderr,
                "hint: name a file by -c FILE or BETTERDNS_CONFIG, or write %s; "
                "`betterdns config` prints all options\n",
                DEFAULT_CONFIG);
    buf_free(&errors);
    if (r < 0)
        *ret_exit = app_exit_code(r);
    return config;
}

static int read_stdin(struct buf *text)
{
    for (;;) {
        char *room = buf_room(text, 65536);
        ssize_t n = room ? read(STDIN_FILENO, room, 65536) : -1;
        if (!room)
            return text->error;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return 0;
        text->n += n > 0 ? (size_t)n : 0;
        if (text->n > ZONE_FILE_MAX)
            return -EFBIG;
    }
}

int cli_read_zone(const char *file, struct buf *text)
{
    int r = strcmp(file, "-") == 0 ? read_stdin(text) : file_read(file, ZONE_FILE_MAX, text);

    if (r == 0)
        return EXIT_OK;
    return cli_fail(app_exit_code(r), "%s: %s", file, r == -EINVAL ? "not a file" : bd_strerror(r));
}
