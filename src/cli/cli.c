/* The table of commands, and the way from argv to one of them. */
#include "cli.h"
#include "complete.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_run,        &command_check,         &command_doctor,      &command_config,
    &command_zone_check, &command_zone_canon,    &command_zone_fmt,    &command_zone_log,
    &command_zone_show,  &command_zone_rollback, &command_zone_accept, &command_zone_discard,
    &command_explain,    &command_health,        &command_watch,       &command_completion,
    &command_man,        &command_version,       &command_help,        NULL,
};

const struct command *const *cli_commands(void)
{
    return commands;
}

int cli_fail(int code, const char *format, ...)
{
    struct problem p;
    char text[sizeof(p.detail)];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* Makes names of files and arguments printable. */
    problem_set(&p, -BD_EINVALID, NULL, "%s", n < 0 ? "failed" : text);
    fprintf(stderr, "betterdns: %s\n", p.detail);
    return code;
}

void cli_hint(struct str sentence)
{
    struct problem p;

    problem_set(&p, -BD_EINVALID, NULL, "%.*s", STR_ARG(sentence));
    fprintf(stderr, "hint: %s\n", p.detail);
}

int cli_unknown(const char *what, struct str word, const struct str_nearest *near)
{
    if (near->best.n > 0)
        cli_fail(EXIT_USAGE, "unknown %s '%.*s' (did you mean '%.*s'?)", what, STR_ARG(word),
                 STR_ARG(near->best));
    else
        cli_fail(EXIT_USAGE, "unknown %s '%.*s'", what, STR_ARG(word));
    fputs("hint: betterdns help\n", stderr);
    return EXIT_USAGE;
}

int cli_unknown_command(struct str word)
{
    struct str_nearest near = {.word = word};

    for (size_t i = 0; commands[i]; i++) {
        if (!commands[i]->hidden)
            str_nearest_try(&near, str_c(commands[i]->name));
    }
    return cli_unknown("command", word, &near);
}

/* How many of the words are this command's name; 0: it is another one. */
static int name_words(const struct command *c, const char *const *words, int n)
{
    struct str rest = str_c(c->name), word;
    int used = 0;

    while (str_cut(&rest, ' ', &word)) {
        if (used == n || !str_eq(word, str_c(words[used])))
            return 0;
        used++;
    }
    return used;
}

const struct command *cli_find(const char *const *words, int n, int *ret_used)
{
    for (size_t i = 0; commands[i]; i++) {
        int used = name_words(commands[i], words, n);
        if (used > 0) {
            *ret_used = used;
            return commands[i];
        }
    }
    return NULL;
}

const char *cli_setting(const struct cli *cli, enum cli_option option, const char *variable)
{
    const char *value = getenv(variable);

    if (cli->options[option])
        return cli->options[option];
    return value && value[0] ? value : NULL;
}

/* ---- words ---- */

#define WORDS_MAX (CLI_OPERANDS_MAX + 3)

struct words {
    const char *w[WORDS_MAX];
    int n;
};

static int read_arguments(char **argv, struct cli *cli, struct words *words)
{
    bool only_words = false; /* behind "--" */

    for (int i = 1; argv[i]; i++) {
        bool option = !only_words && argv[i][0] == '-' && argv[i][1] != '\0';
        if (option && strcmp(argv[i], "--") == 0) {
            only_words = true;
            continue;
        }
        int code = option ? option_take(argv, &i, cli->options) : EXIT_OK;
        if (code != EXIT_OK)
            return code;
        if (!option && words->n == WORDS_MAX)
            return cli_fail(EXIT_USAGE, "too many arguments, beginning with '%s'", argv[i]);
        if (!option)
            words->w[words->n++] = argv[i];
    }
    return EXIT_OK;
}

/* ---- from words to a command ---- */

static int run_command(const struct command *c, struct cli *cli, const struct words *words,
                       int used)
{
    int n = words->n - used;

    if (cli->options[OPTION_HELP]) {
        struct buf out = {0};
        cli_print_help(c, &out);
        return cli_print(&out);
    }
    int code = options_check(c->name, c->options, cli->options);
    if (code != EXIT_OK)
        return code;
    if (n < c->least || n > c->most) {
        if (n > c->most)
            cli_fail(EXIT_USAGE, "%s: one argument too many: '%s'", c->name,
                     words->w[used + c->most]);
        else
            cli_fail(EXIT_USAGE, "%s: an argument is missing", c->name);
        fprintf(stderr, "usage: betterdns %s%s%s\n", c->name, c->usage[0] ? " " : "", c->usage);
        return EXIT_USAGE;
    }
    cli->noperands = n;
    for (int i = 0; i < n; i++)
        cli->operands[i] = words->w[used + i];
    return c->run(cli);
}

/* "zone" alone, or with a word that is no command of it. */
static int unknown_words(const struct words *words)
{
    struct buf group = {0}, both = {0};

    for (size_t i = 0; commands[i]; i++) {
        struct str rest = str_c(commands[i]->name), first;
        str_cut(&rest, ' ', &first);
        if (rest.n > 0 && str_eq(first, str_c(words->w[0])))
            buf_addf(&group, "%s%.*s", group.n > 0 ? ", " : "", STR_ARG(rest));
    }
    buf_addf(&both, "%s %s", words->w[0], words->n > 1 ? words->w[1] : "");
    int code = EXIT_USAGE;
    if (group.n > 0 && words->n == 1)
        cli_fail(code, "%s what? Expected %.*s", words->w[0], STR_ARG(buf_str(&group)));
    else
        code = cli_unknown_command(group.n > 0 ? buf_str(&both) : str_c(words->w[0]));
    buf_free(&group);
    buf_free(&both);
    return code;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {.noperands = 0};
    struct words words = {.n = 0};
    struct buf out = {0};
    int used = 0;

    (void)argc; /* argv ends with NULL */
    if (argv[0] && argv[1] && strcmp(argv[1], "complete") == 0)
        return complete_main(argv + 2);
    int code = read_arguments(argv, &cli, &words);
    if (code != EXIT_OK)
        return code;
    cli.config_path = cli_setting(&cli, OPTION_CONFIG, "BETTERDNS_CONFIG");
    if (cli.options[OPTION_VERSION])
        return command_version.run(&cli);
    if (words.n == 0) {
        cli_print_help(NULL, &out);
        if (cli.options[OPTION_HELP])
            return cli_print(&out);
        fwrite(out.p, 1, out.n, stderr);
        buf_free(&out);
        return EXIT_USAGE;
    }
    const struct command *c = cli_find(words.w, words.n, &used);
    if (!c && words.n == 1 && cli.options[OPTION_HELP] &&
        cli_print_group_help(str_c(words.w[0]), &out))
        return cli_print(&out);
    return c ? run_command(c, &cli, &words, used) : unknown_words(&words);
}
