/* Terminators: how a host that is to be removed is ended for sure, one file and one vtable a kind
 * (terminate_exec.c, …). What is done comes from the configuration; a host gives nothing but its
 * name, its id and its address. Functions are called on the loop's thread where nothing else is
 * said. */
#ifndef HEALTH_TERMINATOR_H
#define HEALTH_TERMINATOR_H

#include <betterdns/buf.h>
#include <betterdns/health.h>
#include <betterdns/loop.h>
#include <betterdns/pool.h>

#define TERMINATE_OUTPUT_MAX 4096

struct terminator;
struct termination; /* one that runs */

/* Whom. Views live during the call that takes them. */
struct terminate_host {
    struct str name;    /* absolute, with the final dot */
    struct str id;      /* of its registration */
    struct str address; /* n 0: it registered none */
    uint64_t number;    /* of its registration, the lowest one */
};

struct terminate_end {
    bool ok;
    struct str words;  /* what came of it: "exit code 1", "HTTP 500", …; live during the call */
    struct str output; /* the end of what a program printed, likewise; n 0: nothing */
};
typedef void terminate_fn(void *arg, const struct terminate_end *end);

/* The options outlive it. Any thread, before the loop runs; where a user is given, this waits for a
 * program that tries whether we may become that user. *ret_problem: what is wrong with them. */
int terminator_new(const struct health_terminate *options, struct loop *loop,
                   struct terminator **ret_terminator, struct problem *ret_problem);
void terminator_free(struct terminator *t); /* nothing runs any more; NULL is fine */

/* Is there anything to run? Not for `none`, and not in a dry run. */
bool terminator_acts(const struct terminator *t);
/* What it does about the host, for people: "run /usr/local/bin/kill-vm web". */
void terminator_tell(const struct terminator *t, const struct terminate_host *host,
                     struct buf *out);

/* fn is called once, later, never within this call; then the termination is gone. Below 0: it could
 * not begin. */
int terminator_run(struct terminator *t, const struct terminate_host *host, terminate_fn *fn,
                   void *arg, struct termination **ret_termination);
void terminator_cancel(struct termination *termination); /* kills it; NULL is fine */

/* ---- for the kinds ---- */

struct capture;
struct httpcall;
struct httpcalls;

#define TERMINATE_HEAD_MAX 5

struct terminator_kind {
    const char *name; /* in the configuration */
    /* Whatever may be missing is NULL. */
    int (*open)(struct terminator *t, struct problem *ret_problem);
    void (*close)(struct terminator *t);
    void (*tell)(const struct terminator *t, const struct terminate_host *host, struct buf *out);
    int (*run)(struct termination *run, const struct terminate_host *host);
    void (*cancel)(struct termination *run);
};
extern const struct terminator_kind terminate_none, terminate_exec, terminate_webhook;

struct terminator {
    const struct terminator_kind *kind;
    const struct health_terminate *options;
    struct loop *loop;
    /* exec: the program, and what stands before it where it runs as another user: setpriv and its
     * arguments. */
    struct pool pool;
    const char *head[TERMINATE_HEAD_MAX];
    unsigned nhead;
    char *program;
    /* webhook */
    struct buf secret;
    struct httpcalls *calls;
};

struct termination {
    struct terminator *terminator;
    terminate_fn *fn;
    void *arg;
    struct capture *capture;
    struct httpcall *call;
};

/* It has ended: tells, and frees it. */
void terminate_end(struct termination *run, const struct terminate_end *end);

/* An argument of the configuration with {name} (without its final dot), {address} and {id} filled
 * in, also inside a word. -BD_EINVALID: what the host gave would make an option of it, or is
 * missing. */
int terminate_word(struct str template, const struct terminate_host *host, struct buf *ret_word);
/* So many of them, of a program's argv; the pool's. As terminate_word. */
int terminate_words(const struct str *templates, unsigned n, const struct terminate_host *host,
                    struct pool *pool, const char **ret_words);
/* The signature of a body, as the header X-Betterdns-Signature has it: HMAC-SHA256 of the time
 * stamp, a dot and the body. */
#define TERMINATE_SIGNATURE_SIZE (7 + 64 + 1)
int terminate_sign(struct str secret, struct str stamp, struct str body,
                   char out[TERMINATE_SIGNATURE_SIZE]);

#endif
