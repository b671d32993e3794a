/* The running program: everything put together, from start to an orderly stop. */
#ifndef APP_H
#define APP_H

#include <betterdns/config.h>

/* Runs until SIGTERM or SIGINT. The exit code of interface.md; messages and hints go to stderr. */
int app_run(const struct config *config);

/* Exit codes, interface.md "Command line". */
enum app_exit {
    EXIT_OK = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_CONFLICT = 4,
    EXIT_NOT_ALLOWED = 5,
    EXIT_UNREACHABLE = 6,
    EXIT_INVALID = 7,
    EXIT_TIMEOUT = 8
};

int app_exit_code(int error); /* of a negative error at start */

#endif
