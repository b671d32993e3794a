/* The inside of removing hosts: removal.c decides who goes and when, remove.c does it, expiry.c
 * ends leases, and what an earlier run left is in leftover.c. As in engine.h: on the engine's
 * thread, with its lock. */
#ifndef HEALTH_REMOVAL_H
#define HEALTH_REMOVAL_H

#include <betterdns/lease.h>
#include <betterdns/pool.h>

#include "inner.h"
#include "terminator.h"

#define REMOVAL_WORDS_MAX 200
/* Where it could not decide. */
#define REMOVAL_AGAIN_NS (10 * NS_PER_S)
/* With policy `anyway`. */
#define REMOVAL_TRIES 3

enum removal_state {
    REMOVAL_BEGINS, /* the registry looks once more whether they are the ones */
    REMOVAL_RUNS,   /* the terminator */
    REMOVAL_ENDS,   /* what came of it is written, and they are unregistered */
    REMOVAL_WAITS,  /* the terminator failed: for the next try */
};

/* How one attempt begins. */
enum removal_way {
    REMOVAL_TERMINATE,
    REMOVAL_NOTHING_TO_RUN, /* a dry run, or there is no terminator */
    REMOVAL_UNREGISTER,     /* an earlier run has terminated it, or may have */
};

/* Of one host. One job at a time, which reads what is set before it and no more than its own. */
struct removal {
    struct job job;
    struct engine *engine;
    struct host *host; /* NULL: it has gone */
    enum removal_state state;
    enum removal_way way;
    bool working;    /* a job is under way */
    bool called_off; /* it came back */
    unsigned failures;
    uint64_t next_ns; /* running time: when to go on */
    struct termination *termination;
    char words[REMOVAL_WORDS_MAX]; /* of the last failure */
    struct removal *prev, *next;

    /* Whom. */
    struct pool pool;
    struct registry_target *targets;
    size_t n;
    struct terminate_host as;
    struct dname owner;
    unsigned zone;
    uint16_t type;

    /* For the job, and from it. */
    uint64_t since_ns, started_ns;
    char result[REMOVAL_WORDS_MAX + 16];
    bool write_result, unregister;
    bool begun; /* the registry has said yes */
    int error;
};

/* A registration that an earlier run has terminated (done), or nobody knows whether it has. */
struct leftover {
    uint64_t number;
    bool done;
};

struct removals {
    struct terminator *terminator;
    struct host *first, *last; /* down, or with a lease that is over, in that order */
    struct removal *removals;
    struct removal *beginning;    /* one at a time: the budget */
    struct expiry *expiry;        /* is under way */
    uint64_t begin_ns, expire_ns; /* not before */
    uint64_t due_ns; /* when the next host may go, in running time; UINT64_MAX: nobody soon */
    bool stopped;
    bool paused;      /* none begins */
    uint64_t idle_ns; /* mono: until then those that run are waited for */
    struct leftover *leftovers;
    size_t nleftovers;
};

/* ---- removal.c ---- */

/* The latest end of its checks and leases, as things stand; UINT64_MAX: its checks do not end it,
 * or one of its leases lives, or it is in maintenance. */
uint64_t removal_ends_ns(struct engine *e, const struct host *host);
/* Have its checks to be heard before its lease ends it: a terminator comes first, unless it would
 * end a machine that lives under another name. */
bool removal_comes_first(const struct engine *e, const struct reg *reg);
/* Panic, or we may be cut off: nobody is terminated at all. The budget is another matter. */
bool removal_is_held(const struct engine *e, uint64_t now_ns);
/* The checks of one of its registrations at least. */
bool removal_has_failed(const struct host *host);

/* ---- remove.c ---- */

/* Begins; REMOVAL_TERMINATE and REMOVAL_NOTHING_TO_RUN are under the budget. -ENOMEM. */
int remove_begin(struct engine *e, struct host *host, enum removal_way way, uint64_t now_ns);
void remove_go_on(struct engine *e, struct removal *r, uint64_t now_ns);
void remove_call_off(struct engine *e, struct removal *r);
void remove_free(struct engine *e, struct removal *r);

/* ---- expiry.c ---- */

void expiry_second(struct engine *e, uint64_t now_ns);

/* ---- leftover.c ---- */

int leftover_load(struct engine *e);
const struct leftover *leftover_of(const struct engine *e, const struct host *host);
/* It lives. */
void leftover_forget(struct engine *e, const struct host *host);

/* ---- removal_told.c ---- */

/* What became of a host: log, event, counter. */
void told_terminated(struct engine *e, const struct removal *r, const struct terminate_end *end);
/* An earlier run has begun to terminate it, and ended itself. */
void told_leftover(struct engine *e, const struct reg *reg);

#endif
