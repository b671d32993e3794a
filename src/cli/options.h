/* The options of the command line, one table for all commands. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <betterdns/buf.h>

/* Each is understood before and behind its command. */
enum cli_option {
    OPTION_CONFIG,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_SERVER,
    OPTION_TOKEN_FILE,
    OPTION_OUTPUT,
    OPTION_CURL,
    OPTION_SINCE,
    OPTION_NAME,
    OPTION_LIMIT,
    OPTION_KIND,
    OPTION_SEQ,
    OPTION_SERIAL,
    OPTION_WAIT,
    OPTION_CHECK,
    CLI_NOPTIONS
};
#define OPTION_BIT(option) (1U << (option))
/* What all commands take, and all of those that ask a running betterdns. */
#define OPTIONS_COMMON                                                                             \
    (OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))
#define OPTIONS_CLIENT                                                                             \
    (OPTION_BIT(OPTION_SERVER) | OPTION_BIT(OPTION_TOKEN_FILE) | OPTION_BIT(OPTION_OUTPUT) |       \
     OPTION_BIT(OPTION_CURL))

/* What its argument may be: words with a blank behind each. */
typedef void option_values_fn(struct buf *out);

struct option_row {
    const char *letter, *name;
    const char *argument;     /* NULL: none */
    const char *help;         /* its further lines, behind a '\n', are brought into the column */
    option_values_fn *values; /* NULL: anything; of "FILE" a file's name */
};
const struct option_row *option_row(enum cli_option option);

/* The option at argv[*i], with its argument in the same word ("-cFILE", "--config=FILE") or the
 * next; values[] gets it, "" where it has none. EXIT_OK, or EXIT_USAGE with a message. */
int option_take(char **argv, int *i, const char *values[CLI_NOPTIONS]);

/* Has the command, which takes these (bits), been given another? EXIT_USAGE with a message. */
int options_check(const char *command, unsigned takes, const char *const values[CLI_NOPTIONS]);

void options_help(unsigned takes, struct buf *out);

#endif
