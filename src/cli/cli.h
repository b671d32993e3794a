/* The command line: a command is a file and a row of the table in cli.c. */
#ifndef CLI_H
#define CLI_H

#include <betterdns/buf.h>
#include <betterdns/config.h>

#include "../app.h"
#include "options.h"

#define CLI_OPERANDS_MAX 3

struct cli {
    const char *config_path;                /* of -c or BETTERDNS_CONFIG; NULL: none was named */
    const char *options[CLI_NOPTIONS];      /* NULL: not given */
    const char *operands[CLI_OPERANDS_MAX]; /* what stands behind the command */
    int noperands;
};

struct command {
    const char *name;  /* "check", "zone check" */
    const char *usage; /* "[ORIGIN] FILE"; its operands */
    const char *help;  /* one line */
    const char *more;  /* for --help; NULL: nothing to add */
    int least, most;   /* operands */
    unsigned options;  /* bits, beside those that all take */
    option_values_fn
        *values; /* what its operands may be; NULL: a file's name where usage says FILE */
    bool hidden; /* of the build and of shells: help does not show it */
    int (*run)(const struct cli *cli);
};

extern const struct command command_run, command_check, command_config, command_zone_check,
    command_zone_canon, command_zone_fmt, command_zone_log, command_zone_show,
    command_zone_rollback, command_zone_accept, command_zone_discard, command_explain,
    command_health, command_watch, command_doctor, command_completion, command_man, command_version,
    command_help;

/* The whole program but for main(); the exit code. */
int cli_main(int argc, char **argv);

/* The table, ended by NULL. */
const struct command *const *cli_commands(void);
/* A command by its words ("zone", "check"); NULL: none. *ret_used words of n were its name. */
const struct command *cli_find(const char *const *words, int n, int *ret_used);
void cli_print_help(const struct command *c, struct buf *out); /* NULL: of the program */
/* Of a word that several commands begin with ("zone"); false: it is none. */
bool cli_print_group_help(struct str group, struct buf *out);
/* "betterdns: unknown WHAT 'WORD' (did you mean 'x'?)" and where to look; EXIT_USAGE. */
int cli_unknown(const char *what, struct str word, const struct str_nearest *near);
int cli_unknown_command(struct str word);

/* An option's argument, else the environment's, where that is not empty; else NULL. */
const char *cli_setting(const struct cli *cli, enum cli_option option, const char *variable);

/* Writes to stdout; EXIT_OK, or EXIT_ERROR with a message (a full disk, a reader that left). Frees
 * out. */
int cli_print(struct buf *out);

/* In single quotes, as every shell takes it. */
void cli_add_quoted(struct buf *out, const char *text);

/* "betterdns: SENTENCE" on stderr; returns code. */
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "hint: SENTENCE" on stderr. */
void cli_hint(struct str sentence);

/* The configuration of cli, or its faults on stderr and the exit code in *ret_exit. NULL then. */
struct config *cli_load_config(const struct cli *cli, int *ret_exit);

/* controller_corefile of the configuration's own Corefile, which there is. */
struct controller_corefile_kept;
struct problem;
int cli_look_at_corefile(const struct config *c, struct controller_corefile_kept *ret_kept,
                         struct problem *ret_problem);

/* A whole zone file ("-": stdin) appended to text; or a message, and its exit code. */
int cli_read_zone(const char *file, struct buf *text);

#endif
