/* What can be made to fail, by name, as the command line of a fault program has it. */
#ifndef BETTERDNS_TESTS_FAIL_KINDS_H
#define BETTERDNS_TESTS_FAIL_KINDS_H

#include <stdbool.h>

#include "fail.h"

struct kind {
    const char *name;
    enum fail_kind kind;
    int errors[3];
    unsigned most; /* changes: of calls that a change does not make there are few */
    bool later;    /* counted from when the registry is open */
};

const struct kind *kind_find(const char *name); /* NULL: there is none */
/* From now on the n-th call fails, on files below this folder; every fifth n some in a row. */
void kind_arm(const struct kind *kind, uint64_t n, const char *below);

#endif
