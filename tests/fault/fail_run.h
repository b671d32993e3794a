/* A script under faults: for each n a process of its own, in which the n-th call of a kind fails.
 */
#ifndef BETTERDNS_TESTS_FAIL_RUN_H
#define BETTERDNS_TESTS_FAIL_RUN_H

#include <stdio.h>
#include <unistd.h>

#include "fail_kinds.h"

#define HANG_S 60

/* No memory is asked for here: it may be what fails. */
#define MUST(what, ...)                                                                            \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            dprintf(STDOUT_FILENO, __VA_ARGS__);                                                   \
            dprintf(STDOUT_FILENO, " (line %d)\n", __LINE__);                                      \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* The script: arms the kind when it is ready, and exits with 0. dir: an empty folder of its own,
 * which stays where it did not. */
typedef void fail_run_fn(const struct kind *kind, uint64_t n, const char *dir);
/* The program NAME KIND FROM TO STEP; its exit code. */
int fail_main(int argc, char **argv, fail_run_fn *run);

#endif
