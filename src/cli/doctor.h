/* What `betterdns doctor` looks at: a check is a function and a row of the table in doctor.c. None
 * of them changes anything. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <betterdns/buf.h>
#include <betterdns/config.h>
#include <betterdns/controller.h>
#include <betterdns/pool.h>

enum finding {
    FINDING_NOTE,    /* to be known; nothing to mend */
    FINDING_WARNING, /* it will run, but not as it should */
    FINDING_ERROR,   /* it will not start, or not serve */
    FINDING_NLEVELS
};

#define DOCTOR_CHILDREN_MAX 8

struct doctor {
    const struct config *config;
    pid_t running;                       /* the betterdns that has the data directory; 0: none */
    pid_t ours[1 + DOCTOR_CHILDREN_MAX]; /* it, and the servers that it has started */
    unsigned nours;
    struct controller_program program; /* path NULL: not found */

    const char *check; /* the row that is being looked at */
    unsigned found[FINDING_NLEVELS];
    struct buf findings; /* struct doctor_finding */
    struct pool pool;    /* their texts */
};

struct doctor_finding {
    enum finding level;
    const char *check, *what;
    const char *command; /* that mends it; NULL: no command does */
    const char *other;   /* another way, in words; NULL: none */
};

typedef void doctor_check(struct doctor *d);

/* A sentence on what is wrong. */
void doctor_found(struct doctor *d, enum finding level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* … the command that mends it … */
void doctor_mend(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* … and another way to do so: what to write into the configuration. */
void doctor_other(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Both, of a problem. */
void doctor_problem(struct doctor *d, enum finding level, const struct problem *p);

/* The path itself, or the nearest folder above it that is there. To be freed; NULL: no memory. */
char *doctor_nearest(const char *path);
/* A path as a shell takes it. Lives as long as d. */
const char *doctor_path(struct doctor *d, const char *path);
/* Who runs this, for chown. */
const char *doctor_user(char out[64]);

doctor_check doctor_running, doctor_clock, doctor_limits;                         /* the machine */
doctor_check doctor_data, doctor_live, doctor_tmpfs, doctor_room, doctor_secrets; /* folders */
doctor_check doctor_program, doctor_right, doctor_dns_port, doctor_http_port;     /* the network */
doctor_check doctor_zones;

#endif
