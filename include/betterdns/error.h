/* Errors: negative errno values, and negative codes of our own beyond errno's range.
 * The library returns them, the boundary (HTTP, command line, log) says them once. */
#ifndef BETTERDNS_ERROR_H
#define BETTERDNS_ERROR_H

#include <errno.h>

/* name, value, text */
#define BD_ERRORS(X)                                                                               \
    X(BD_ESYNTAX, 4001, "malformed")                                                               \
    X(BD_EINVALID, 4002, "understood, but not valid")                                              \
    X(BD_ENOZONE, 4003, "outside every configured zone")                                           \
    X(BD_ENOTFOUND, 4004, "not found")                                                             \
    X(BD_ECONFLICT, 4005, "in conflict with what is there")                                        \
    X(BD_EPRECONDITION, 4006, "a precondition does not hold")                                      \
    X(BD_EREADONLY, 4007, "the store is read-only")                                                \
    X(BD_EFULL, 4008, "the store is full")                                                         \
    X(BD_EUNKNOWN, 4009, "the store failed while it committed: it may or may not have happened")   \
    X(BD_ESTOPPING, 4010, "stopping")                                                              \
    X(BD_ETIMEDOUT, 4011, "timed out")                                                             \
    X(BD_EINUSE, 4012, "in use by another process")                                                \
    X(BD_ECORRUPT, 4013, "damaged")                                                                \
    X(BD_EMISMATCH, 4014, "the body is not what its type says")

enum bd_error {
#define X(name, value, text) name = (value),
    BD_ERRORS(X)
#undef X
};

/* The text of a code, with or without its sign; errno values too. Never NULL, valid for ever. */
const char *bd_strerror(int error);

/* What is wrong, for the one who has to do something about it. Filled only when a function says so.
 */
struct problem {
    int error;         /* negative */
    unsigned op;       /* the operation of a change, from 0 */
    const char *field; /* a literal: the field at fault ("name", "value", "ttl", …), or NULL */
    char detail[320];  /* one sentence, with the offending value, control characters escaped */
    char hint[200];    /* what to do; may be empty */
};

/* Fills *p and returns error, so that a check reads: return problem_set(p, -BD_EINVALID, "ttl",
 * "…", …); p may be NULL. */
int problem_set(struct problem *p, int error, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds the hint; returns p->error. */
int problem_hint(struct problem *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
