/* The options of the command line. */
#include "options.h"

#include <stdio.h>

#include <betterdns/events.h>

#include "cli.h"

static void output_values(struct buf *out)
{
    buf_addf(out, "table json jsonl ");
}

static void kind_values(struct buf *out)
{
    for (unsigned i = 0; i < EVENT_NKINDS; i++)
        buf_addf(out, "%s ", event_kind_name((enum event_kind)i));
}

static void wait_values(struct buf *out)
{
    buf_addf(out, "served ");
}

static const struct option_row options[] = {
    [OPTION_CONFIG] = {"-c", "--config", "FILE",
                       "the configuration; else BETTERDNS_CONFIG, else\n"
                       "/etc/betterdns/betterdns.yaml",
                       NULL},
    [OPTION_HELP] = {"-h", "--help", NULL, "help; also behind a command", NULL},
    [OPTION_VERSION] = {NULL, "--version", NULL, "the version", NULL},
    [OPTION_SERVER] = {NULL, "--server", "URL",
                       "the betterdns to ask; else BETTERDNS_SERVER, else\n"
                       "http://127.0.0.1:8000",
                       NULL},
    [OPTION_TOKEN_FILE] = {NULL, "--token-file", "FILE", "has the token, where one is asked for",
                           NULL},
    [OPTION_OUTPUT] = {"-o", "--output", "FORMAT",
                       "table; json: the answer as it came; jsonl: an\n"
                       "item a line",
                       output_values},
    [OPTION_CURL] = {NULL, "--curl", NULL, "prints the request as a curl command; sends nothing",
                     NULL},
    [OPTION_SINCE] = {NULL, "--since", "SEQ", "changes after this one", NULL},
    [OPTION_NAME] = {NULL, "--name", "NAME", "what changed at this name", NULL},
    [OPTION_LIMIT] = {NULL, "--limit", "N", "so many changes at most", NULL},
    [OPTION_KIND] = {NULL, "--kind", "KIND[,KIND]", "only events of these kinds", kind_values},
    [OPTION_SEQ] = {NULL, "--seq", "N", "as it was after the change N", NULL},
    [OPTION_SERIAL] = {NULL, "--serial", "N", "as it was at the serial N", NULL},
    [OPTION_WAIT] = {NULL, "--wait", "served", "ends when the DNS server shows the change",
                     wait_values},
    [OPTION_CHECK] = {NULL, "--check", NULL, "prints nothing; exit code 1 if the file would change",
                      NULL},
};
_Static_assert(ARRAY_SIZE(options) == CLI_NOPTIONS, "each option has a row");

const struct option_row *option_row(enum cli_option option)
{
    return &options[option];
}

static int unknown_option(struct str word)
{
    struct str_nearest near = {.word = word};

    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        str_nearest_try(&near, str_c(options[i].name));
    return cli_unknown("option", word, &near);
}

static bool is_named(const struct option_row *o, struct str name)
{
    return str_eq(str_c(o->name), name) || (o->letter && str_eq(str_c(o->letter), name));
}

int option_take(char **argv, int *i, const char *values[CLI_NOPTIONS])
{
    struct str word = str_c(argv[*i]), name = word;
    const char *argument = NULL;
    size_t k = 0;

    if (str_starts(word, STR("--"))) {
        const char *equals = strchr(word.p, '=');
        name.n = equals ? (size_t)(equals - word.p) : word.n;
        argument = equals ? equals + 1 : NULL;
    } else if (word.n > 2) {
        name.n = 2;
        argument = word.p + 2;
    }
    while (k < ARRAY_SIZE(options) && !is_named(&options[k], name))
        k++;
    if (k == ARRAY_SIZE(options) || (argument && !options[k].argument))
        return unknown_option(word);
    if (options[k].argument && !argument && !(argument = argv[++*i]))
        return cli_fail(EXIT_USAGE, "%.*s needs %s", STR_ARG(name),
                        strcmp(options[k].argument, "FILE") == 0 ? "a file" : options[k].argument);
    values[k] = argument ? argument : "";
    return EXIT_OK;
}

int options_check(const char *command, unsigned takes, const char *const values[CLI_NOPTIONS])
{
    for (size_t k = 0; k < CLI_NOPTIONS; k++) {
        if (values[k] && !((takes | OPTIONS_COMMON) & OPTION_BIT(k)))
            return cli_fail(EXIT_USAGE, "%s takes no option '%s'", command, options[k].name);
    }
    return EXIT_OK;
}

#define COLUMN 26

void options_help(unsigned takes, struct buf *out)
{
    buf_addf(out, "\noptions:\n");
    for (size_t k = 0; k < CLI_NOPTIONS; k++) {
        const struct option_row *o = &options[k];
        struct str rest = str_c(o->help), line;
        size_t from = out->n;
        if (!((takes | OPTIONS_COMMON) & OPTION_BIT(k)))
            continue;
        buf_addf(out, "  ");
        if (o->letter)
            buf_addf(out, "%s%s%s, ", o->letter, o->argument ? " " : "",
                     o->argument ? o->argument : "");
        buf_addf(out, "%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
        if (out->n - from > COLUMN - 2) {
            buf_add_c(out, '\n');
            from = out->n;
        }
        while (str_cut(&rest, '\n', &line)) {
            buf_addf(out, "%*s%.*s\n", COLUMN - (int)(out->n - from), "", STR_ARG(line));
            from = out->n;
        }
    }
}
