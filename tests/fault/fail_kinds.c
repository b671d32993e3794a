/* Kinds of calls that fail. */
#include "fail_kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct kind kinds[] = {
    {"malloc", FAIL_MALLOC, {ENOMEM, ENOMEM, ENOMEM}, 4000, false},
    {"later", FAIL_MALLOC, {ENOMEM, ENOMEM, ENOMEM}, 4000, true},
    {"write", FAIL_WRITE, {EIO, ENOSPC, FAIL_SHORT}, 4000, false},
    {"sync", FAIL_SYNC, {EIO, ENOSPC, EIO}, 4000, false},
    {"open", FAIL_OPEN, {EMFILE, EIO, ENOSPC}, 40, false},
    {"name", FAIL_NAME, {EIO, ENOSPC, EROFS}, 40, false},
    {"map", FAIL_MAP, {ENOMEM, ENOMEM, ENODEV}, 40, false},
    {"read", FAIL_READ, {EIO, EIO, EIO}, 40, false},
};

const struct kind *kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

void kind_arm(const struct kind *kind, uint64_t n, const char *below)
{
    struct fail_control *control = fail_control();
    struct fail_plan *p = &control->plans[kind->kind];

    snprintf(control->below, sizeof(control->below), "%s", below);
    *p = (struct fail_plan){
        .first = n, .last = n % 5 == 0 ? n + 30 : n, .error = (uint64_t)kind->errors[n % 3]};
}
