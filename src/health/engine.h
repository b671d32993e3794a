/* The inside of health: what is followed, and who is called when something becomes of it.
 *
 * One thread, the engine's, changes all of it, under engine->lock; queries of other threads read
 * under the lock. So what runs on the engine's thread need not lock to read, and every function
 * here is called on that thread with the lock held, unless it says otherwise. Nothing here blocks:
 * what waits for the registry is a job on the writer's thread.
 *
 * set (an RRset that somebody wants followed) -> reg (a registration that has a check, a lease, or
 * is in maintenance) -> target (one check at one address). A host is all regs of one owner and id.
 *
 * Two clocks: mono (CLOCK_MONOTONIC) says when to probe; running time (<betterdns/lease.h>) is what
 * verdicts, leases, removals and the guard count in. */
#ifndef HEALTH_ENGINE_H
#define HEALTH_ENGINE_H

#include <pthread.h>

#include <betterdns/clock.h>
#include <betterdns/health.h>
#include <betterdns/loop.h>
#include <betterdns/table.h>

#include "guard.h"
#include "verdict.h"

struct engine;
struct engine_inner;
struct probe;
struct prober;
struct registry_feed; /* <betterdns/lease.h> */
struct note;          /* notes.c */
struct leases;        /* leases.c */
struct removals;      /* removal.c */
struct removal;       /* of one host */
struct drains;        /* drain.c */

enum asker { ASKED_BY_HOST, ASKED_BY_RULE, ASKED_AS_WITNESS };

/* A check's canonical text, read once: thousands of hosts have the same one. */
struct check_text {
    struct table_link link;
    unsigned refs;
    enum asker asker;
    struct check_spec spec; /* views of text */
    struct str text;
};

struct transition {
    int64_t time;
    uint8_t from, to;
    char *output; /* malloc'd, NUL-terminated; NULL: none */
};

/* What is rarely looked at: grows with the first transition. */
struct transitions {
    unsigned n, cap, first; /* a ring */
    struct transition ring[];
};

struct target {
    struct set *set;
    struct reg *reg;                /* NULL: of a record that a hand has written */
    struct target *next;            /* of the same reg, or of set->hand */
    struct table_link same_address; /* addresses.c */
    struct check_text *check;
    struct probe *probe; /* in flight, or waiting for its turn */
    struct verdict verdict;
    uint64_t alive_ns; /* the last success, running time; 0: none that is known */
    uint64_t down_ns;  /* UNAVAILABLE: since when we know it, running time; a renewal at or after it
                          says that the host is back */
    int64_t since;     /* of the state, seconds since 1970 */
    uint64_t due_ns, begun_ns; /* mono: the next probe, the last one */
    size_t place;              /* in the schedule, or TARGET_NOT_DUE */
    uint64_t latency_ns;
    int64_t heard; /* seconds since 1970; 0: nothing yet */
    char *output;  /* of the last result; malloc'd */
    uint32_t noutput, output_cap;
    struct transitions *transitions; /* NULL: none yet */
    struct note *note;               /* of a record that a hand has written */
    uint8_t address[16];
    uint8_t naddress; /* 4, 16; 0: the type has none */
    bool ok;          /* the last result */
    bool kept;        /* would be withdrawn, but is the last one of its name */
    bool local;       /* the address is one of this machine */
};
#define TARGET_NOT_DUE SIZE_MAX

/* A registration that is followed. */
struct reg {
    struct table_link link; /* by number */
    uint64_t number;
    struct set *set;
    struct host *host;
    struct reg *next;         /* of the same set, by number */
    struct reg *next_of_host; /* of the same host */
    struct target *targets;
    struct check_text *check;       /* NULL: none */
    uint32_t lease_s;               /* 0: none */
    uint8_t flags;                  /* REG_… */
    bool local;                     /* all its addresses are of this machine */
    struct note *note;              /* notes.c; NULL: there is none yet */
    struct table_link same_address; /* addresses.c … */
    bool leased;                    /* … where it is */

    /* leases.c: the lease is over, by its own clock. engine_judge after a change. */
    bool overdue;
    bool late;                          /* more than half of it, not yet all */
    uint64_t renewed_ns;                /* as far as we have looked; running time */
    struct reg *lease_next, **lease_at; /* in the wheel; NULL: it is not */
    /* drain.c: maintenance has begun and the old TTL is over: its records are withdrawn, the last
     * ones too. engine_dirty(set) after a change. */
    bool drained;
    uint64_t drain_ns;     /* mono: when that is so; 0: not in maintenance */
    uint64_t withdrawn_ns; /* mono: since when DNS has none of its records; 0: it has */
};

/* One machine: all its registrations are removed together, and it is terminated once. */
struct host {
    struct table_link link; /* by owner and id */
    struct reg *regs;
    bool counted, down, late; /* of engine->nhosts, ->ndown, ->nlate */
    uint32_t nkey, nid;
    /* removal.c */
    struct removal *removal;            /* NULL: nothing is under way */
    struct host *prev_down, *next_down; /* those that may have to go … */
    bool listed;                        /* … of which it is one */
    char text[];                        /* dname_key of the owner, then the id */
};

/* An RRset that is followed: the newest one that the feed has shown. */
struct set {
    struct table_link link; /* by owner; of all types and zones */
    unsigned zone;
    struct rrset *rrset;
    struct reg *regs;
    struct target *hand;                 /* of records that nobody registered */
    struct check_text *rule, *hand_rule; /* what the configuration asks for; NULL: nothing */
    bool dirty;                          /* to be looked at by decide.c */
    struct set *prev_dirty, *next_dirty;
};

/* Work that waits for the registry. run is called on the writer's thread without the lock; done on
 * the engine's thread with it. In order, one at a time. Where the engine stops before run, done is
 * called all the same, with stopped set. A job is its owner's memory (free it in done). */
struct job {
    void (*run)(struct job *job, struct registry *r);
    void (*done)(struct job *job, struct engine *e);
    bool stopped;
    struct job *next;
};
void engine_job(struct engine *e, struct job *job);

/* From any other thread, without the lock: fn is called on the engine's thread, with it, and has
 * ended when this returns. -BD_ESTOPPING, -ENOMEM: it was not called. */
int engine_call(struct engine *e, void (*fn)(struct engine *e, void *arg), void *arg);

/* What tests replace. A probe ends in engine_probed, later and not within probe(); after cancel it
 * does not. */
struct engine_ways {
    uint64_t (*mono_ns)(struct engine *e);
    uint64_t (*running_ns)(struct engine *e);
    int (*probe)(struct engine *e, struct target *t);
    void (*cancel)(struct engine *e, struct target *t);
};

struct engine {
    pthread_mutex_t lock;
    struct health_options options; /* views of pool */
    struct registry *registry;
    struct loop *loop;
    const struct engine_ways *ways;
    void *ways_arg;
    struct prober *prober;
    struct registry_feed *feed;

    struct table sets, regs, hosts, checks;
    unsigned nhosts, ndown; /* hosts that count, that are down */
    unsigned nlate;         /* of those that count and are not down, with a lease of which more
                               than half has passed (guard.h) */
    unsigned nleases;       /* registrations that have one */
    unsigned nstate[CHECK_NSTATES]; /* targets */
    unsigned nremote;               /* registrations with a check or lease that are not local */
    unsigned local_available;       /* of nstate[CHECK_AVAILABLE]: at local addresses */
    uint64_t heard_ns;              /* running time: the last sign of life (engine_heard) */
    struct guard guard;
    bool guard_note_dirty;

    struct leases *leases;
    struct drains *drains;
    struct removals *removals;
    uint64_t terminated[2][2]; /* [ok][dry run] */

    struct engine_inner *in; /* schedule, decisions, notes, witnesses, jobs: nobody else's */
};

struct health {
    struct engine engine;
};

/* Now, by either clock. */
uint64_t engine_mono_ns(struct engine *e);
uint64_t engine_running_ns(struct engine *e);

struct reg *engine_reg(struct engine *e, uint64_t number); /* NULL: not followed */
/* id n 0: NULL. */
struct host *engine_host(struct engine *e, struct str owner_key, struct str id);
struct set *engine_set(struct engine *e, unsigned zone, struct str owner_key, uint16_t type);
/* The registration as its set has it: views live until the set changes. False: it has gone. */
bool engine_registration(const struct reg *reg, struct registration *ret);
/* The worst of its checks. CHECK_UNKNOWN without one. */
enum check_state reg_state(const struct reg *reg);

/* A sign of life, a success of a check or a renewal of a lease: it says that we are not cut off.
 * One of this machine says so only where there are no others. */
void engine_heard(struct engine *e, bool local, uint64_t running_ns);

/* What DNS shows of the set is looked at again, with the next decisions (within about a second). */
void engine_dirty(struct engine *e, struct set *set);
/* Something of a host changed: is it down, does it count? Calls removal_host_changed. */
void engine_judge(struct engine *e, struct host *host);
/* The facts as they are now: guard_look with them, and what comes of it (event, log). For
 * removal.c too: before anything is removed. */
void engine_look(struct engine *e);
/* A check that can end its registration, and has failed at all its addresses. */
bool reg_has_failed(const struct reg *reg);
/* One registration speaks for itself: it is down, unless in maintenance or never to be removed. */
bool reg_is_down(const struct reg *reg);

/* ---- what leases.c, removal.c and drain.c do ---- */

/* Before the thread runs (health_new), and after it has ended. */
int leases_new(struct engine *e);
void leases_free(struct engine *e);
int removal_new(struct engine *e, struct problem *ret_problem);
void removal_free(struct engine *e);
int drain_new(struct engine *e);
void drain_free(struct engine *e);
/* Before the thread runs, when sets and regs are there and notes are read; and after it has ended
 * (whatever is under way is cancelled: no call into the engine afterwards). */
int removal_start(struct engine *e);
void removal_stop(struct engine *e);

/* A registration is followed from now on; its flags, lease or check changed (a repeat gives it a
 * new value under the same number); it is not followed any more, and its memory is about to go. */
void leases_reg_added(struct engine *e, struct reg *reg);
void leases_reg_changed(struct engine *e, struct reg *reg);
void leases_reg_gone(struct engine *e, struct reg *reg);
void drain_reg_added(struct engine *e, struct reg *reg);
void drain_reg_changed(struct engine *e, struct reg *reg);
void drain_reg_gone(struct engine *e, struct reg *reg);
/* Its state, counted, down or registrations changed. */
void removal_host_changed(struct engine *e, struct host *host);
void removal_host_gone(struct engine *e, struct host *host);
/* Its check is AVAILABLE since now. */
void removal_target_alive(struct engine *e, const struct target *t);
/* Once a second, after engine_look. */
void leases_second(struct engine *e, uint64_t running_ns);
void drain_second(struct engine *e, uint64_t mono_ns);
void removal_second(struct engine *e, uint64_t running_ns);
/* Before the next second is there: when a host may go, in running time, so that removal_second is
 * wanted then. UINT64_MAX: no host. */
uint64_t removal_due_ns(const struct engine *e);

/* For queries (query.c): the lease's end in running time, 0: none; is the host being removed? */
uint64_t leases_expires_ns(struct engine *e, const struct reg *reg);
/* For removal.c: when its lease ends it, as things stand. UINT64_MAX: it has none. */
uint64_t leases_ends_ns(const struct engine *e, const struct reg *reg);
bool removal_terminating(const struct host *host);

#endif
