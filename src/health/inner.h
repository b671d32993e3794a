/* What the engine keeps to itself: schedule, decisions, notes, witnesses, jobs, thread. Functions
 * are called on the engine's thread with the lock held, as in engine.h. */
#ifndef HEALTH_INNER_H
#define HEALTH_INNER_H

#include <betterdns/pool.h>

#include "engine.h"

#define NEVER UINT64_MAX

struct witness {
    struct target target; /* of no set */
    bool refused_is_ok;
    unsigned failures; /* in a row */
};

struct engine_inner {
    struct pool pool; /* of the options and origins */
    struct dname *origins;
    unsigned nzones;

    /* The thread. */
    pthread_t thread;
    bool running, stopped; /* guarded by lock */
    bool starting;         /* the first walk: what is there now was there before us */
    pthread_cond_t called;
    struct loop_timer *timer;
    struct loop_watch *feed_watch, *jobs_watch;
    int feed_fd, jobs_fd;
    bool missed; /* no memory for a part of what was to be followed: all is compared again */

    struct table addresses, leased; /* addresses.c */

    /* schedule.c: a heap, the earliest first. */
    struct target **heap;
    size_t nheap, heap_cap;
    uint64_t random;
    uint64_t burst_ns; /* mono: when the second began … */
    unsigned burst;    /* … in which so many probes were begun at once */
    uint64_t passed, failed, late;
    unsigned in_flight;

    /* Once a second. */
    uint64_t second_ns; /* mono */
    uint64_t remove_ns; /* mono: a host's time is over, within the second; NEVER: nobody's */
    uint64_t turned_ns; /* mono: the last turn of the thread */

    bool looked; /* at the guard, in this run */

    /* decide.c */
    struct set *dirty;
    struct decision *deciding; /* NULL: nothing is on its way */
    uint64_t decide_ns;        /* mono: the next; NEVER: nothing to do */
    uint64_t decided_ns, decide_backoff_ns;

    /* notes.c */
    struct table notes;
    struct note *dirty_notes;
    unsigned noting;  /* commits that are on their way */
    int noted_result; /* of the last one */
    uint64_t noted_ns, note_backoff_ns, guard_note_ns;

    /* local.c */
    uint8_t *local; /* 17 octets each: a length, the address */
    size_t nlocal;
    uint64_t local_ns; /* mono: to be read again */

    /* witness.c */
    struct witness *witnesses;
    unsigned nwitnesses;

    /* jobs.c */
    pthread_t writer;
    pthread_mutex_t jobs_lock;
    pthread_cond_t jobs_cond;
    struct job *jobs, **jobs_end; /* guarded by jobs_lock */
    struct job *done, **done_end; /* guarded by jobs_lock */
    bool jobs_ending;             /* guarded by jobs_lock */
    bool writer_runs;             /* false: jobs run at once (tests) */
};

/* ---- health.c ---- */

/* All that is due by now; then the earliest time at which something will be (mono). */
uint64_t engine_turn(struct engine *e);
/* Arms the loop's timer anew: what is due may have changed. */
void engine_rearm(struct engine *e);
/* Follows what the snapshot has, and nothing else. */
void engine_resync(struct engine *e, struct snap *snap);
/* Notes, feed, the first walk: all but threads. */
int engine_open(struct engine *e);

/* ---- told.c: events and the log ---- */

void told_panic(struct engine *e, bool on);
void told_isolated(const struct engine *e, bool on);
void told_transition(struct engine *e, const struct target *t, enum check_state from,
                     struct str output);

/* ---- follow.c: sets, registrations, hosts ---- */

/* For registry_feed_open: from any thread. */
bool follow_wants(void *engine, unsigned zone, const struct rrset *set);
/* What the set is now; NULL: there is none with this owner and type. */
int follow_set(struct engine *e, unsigned zone, const struct rrset *after, struct str owner_key,
               uint16_t type);
void follow_drop(struct engine *e, struct set *set);
uint64_t follow_owner_hash(struct str owner_key);

/* ---- targets.c: checks of the configuration, targets ---- */

/* Does the configuration ask for a check of these names? Counted; NULL in *ret: no. From any
 * thread: only the first. */
const struct health_rule *target_rule(const struct engine *e, unsigned zone,
                                      const struct dname *owner, bool hand);
int check_text_get(struct engine *e, struct str text, enum asker asker, struct check_text **ret);
void check_text_put(struct engine *e, struct check_text *text); /* NULL is fine */
/* Makes the targets what the registration, or what nobody registered, asks for. */
int targets_of_reg(struct engine *e, struct reg *reg, const struct registration *as);
int targets_of_hand(struct engine *e, struct set *set);
void targets_free(struct engine *e, struct target **list);
/* It is in its state from now on (1), or not any more (-1). */
void target_count(struct engine *e, const struct target *t, int by);
/* Is the record asked for by a registration of the set? */
bool set_is_asked(const struct rrset *set, struct str rdata);
struct str target_rdata(const struct target *t);

/* ---- addresses.c ---- */

int addresses_add(struct engine *e, struct target *t); /* -ENOMEM; without an address it is none */
void addresses_remove(struct engine *e, struct target *t);
/* The others of its address, one after the other: start with after NULL. */
struct target *addresses_next(const struct engine *e, const struct target *t,
                              const struct target *after);
/* A lease, by the first of its addresses; as NULL: not any more. -ENOMEM. */
int addresses_lease(struct engine *e, struct reg *reg, const struct registration *as);
/* The machine lives under another name: one of the addresses that the host's checks go to has a
 * check that is AVAILABLE, or a lease that is not over, and that is not the host's. NULL: none. */
const struct set *addresses_alive(const struct engine *e, const struct host *host);

/* ---- local.c: the addresses of this machine ---- */

/* Reads them anew, now and then. */
void local_second(struct engine *e, uint64_t now_ns);
bool local_has(const struct engine *e, struct str address);
void local_reg(struct engine *e, struct reg *reg, bool on); /* it is counted, or not any more */

/* ---- schedule.c ---- */

/* A target that was made: its first probe at once, or spread with others. */
void schedule_first(struct engine *e, struct target *t);
int schedule_room(struct engine *e); /* for one more */
void schedule_at(struct engine *e, struct target *t, uint64_t mono_ns);
void schedule_remove(struct engine *e, struct target *t); /* and cancels */
/* Begins what is due, not too much at once. */
void schedule_turn(struct engine *e, uint64_t now_ns);
uint64_t schedule_next_ns(const struct engine *e);
uint64_t engine_random(struct engine *e, uint64_t below);

struct probe_end {
    bool ok;
    bool refused; /* nobody listens there, which is an answer of a sort */
    bool unasked; /* it was not asked: we may not, or cannot */
    uint64_t latency_ns;
    struct str output;
};
void engine_probed(struct engine *e, struct target *t, const struct probe_end *end);
extern const struct engine_ways engine_real_ways; /* probing.c */

/* ---- results.c ---- */

/* What a result makes of a target, whoever brought it. */
void target_result(struct engine *e, struct target *t, const struct probe_end *end);
/* It starts again, as if it had just been made: its host has registered again. */
void target_anew(struct engine *e, struct target *t);
/* A host that speaks for itself was silent for too long, if it was. */
void target_silent(struct engine *e, struct target *t);

/* ---- decide.c ---- */

void decide_forget(struct engine *e, struct set *set); /* it is about to go */
void decide_turn(struct engine *e, uint64_t now_ns);

/* ---- notes.c ---- */

int notes_load(struct engine *e);
/* After the first walk: notes of registrations that have ended. */
void notes_sweep(struct engine *e);
/* A new target's verdict, where there is a note of it. */
bool notes_read(struct engine *e, struct target *t);
void notes_touch(struct engine *e, struct target *t); /* its state changed */
void notes_reg_gone(struct engine *e, struct reg *reg);
void notes_target_gone(struct engine *e, struct target *t); /* of a hand */
void notes_turn(struct engine *e, uint64_t now_ns);
/* Is what is known of the target's state not durable yet? */
bool notes_unwritten(const struct engine *e, struct target *t);
/* Writes what is not written yet, after what is being written. When that is over, `called` is
 * broadcast, and waiting is false: 0 or an error of registry_notes_put, -BD_ESTOPPING, -ENOMEM. */
struct notes_wait {
    bool waiting; /* guarded by the engine's lock */
    int result;
};
void notes_now(struct engine *e, struct notes_wait *wait);
/* What is not written yet, at the end: on the caller's thread, without other threads. */
void notes_last(struct engine *e);
void notes_free(struct engine *e);

/* ---- witness.c ---- */

int witness_new(struct engine *e);
void witness_free(struct engine *e);
void witness_start(struct engine *e);
void witness_probed(struct engine *e, struct target *t, const struct probe_end *end);
uint64_t witness_interval_ns(const struct engine *e);
unsigned witness_answering(const struct engine *e);
bool witness_all_heard(const struct engine *e); /* each has answered or failed once */
/* Somebody is down: it matters now. */
void witness_hurry(struct engine *e);

/* ---- jobs.c ---- */

int jobs_start(struct engine *e);
/* Ends the writer; what did not run is stopped. Without the lock. */
void jobs_stop(struct engine *e);
void jobs_finish(struct engine *e); /* calls done of what has run */
/* For a decision of the registry, on the writer's thread. */
#define JOB_SUBMIT_NS (10 * NS_PER_S)
/* Submits n changes, of which some may be NULL, and puts and clears those that are done. False:
 * some are left, and the log says so. */
bool jobs_submit(struct registry *r, struct change **changes, unsigned n, const char *if_not);

#endif
