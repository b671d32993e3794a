/* What leases and health need of the registry beside its changes: a clock that stands still while
 * nobody could renew, the book of who renewed when, what was terminated, notes that outlive a
 * restart, and a feed of what commits change. None of it moves a seq or a serial.
 *
 * Running time: nanoseconds, summed over all runs of betterdns on this state.db. It goes on only
 * while registry_tick is called, at most 2 s from one tick to the next, and not while changes are
 * refused (registry_stats: read_only, full) or held up (registry_hold_renewals). So neither our own
 * downtime, nor a suspended machine, nor a wall clock that jumps lets a lease end. It is written
 * down 1, 2, 4, 8 and 16 s after a start, then every 10 s: a crash takes half of a run at most, and
 * never more than 10 s.
 *
 * Every function is thread-safe where nothing else is said. Errors of those that write are those of
 * registry_submit that refuse nothing. */
#ifndef BETTERDNS_LEASE_H
#define BETTERDNS_LEASE_H

#include <betterdns/registry.h>

uint64_t registry_running_ns(struct registry *r); /* never 0, never backwards */
/* About once a second. It waits for no disk. */
void registry_tick(struct registry *r);
/* From now on no renewal is let in (on), or they are again. */
void registry_hold_renewals(struct registry *r, bool on);

/* The running time at which a registration was made, was last repeated, or left maintenance. After
 * a restart: that at the end of the run in which its last renewal was written down, which the first
 * one of each run is; so a restart gives a lease its full length once, and not again and again. 0:
 * it has neither lease nor check, or has ended. */
uint64_t registry_renewed_ns(struct registry *r, uint64_t number);

/* ---- terminations ---- */

struct registry_target {
    unsigned zone;
    struct dname owner;
    uint16_t type;
    uint64_t number;
};
/* Before a terminator starts: looks once more, in the transaction that writes it down, whether
 * these registrations still have these numbers, are not in maintenance, and have not renewed at or
 * after not_renewed_since_ns (0: whenever they did). 0: go, it is durable; from now on a repeat of
 * them is a sign of life (struct receipt, `created`). -BD_ENOTFOUND: one is not as it was:
 * nothing was written. */
int registry_terminate(struct registry *r, const struct registry_target *targets, size_t n,
                       uint64_t not_renewed_since_ns, uint64_t deadline_ns);
/* What became of it: "ok", "dry run", "failed: …". After a failure a repeat is a repeat again;
 * otherwise the registration is about to be deleted, and until then a repeat is a sign of life.
 * Nothing where there is no such termination. */
int registry_terminated(struct registry *r, uint64_t number, struct str result,
                        uint64_t deadline_ns);

struct registry_termination {
    uint64_t number, started_ns; /* running time */
    int64_t started;             /* seconds since 1970 */
    struct str result;           /* p NULL: none yet */
};
/* Those that started at or after this running time, the oldest first; they are kept for 30 days of
 * it. At start one without a result is of an earlier run: whether its host lives nobody knows.
 * A result of fn other than 0 ends it and is returned. */
int registry_terminations(struct registry *r, uint64_t since_ns,
                          int (*fn)(void *arg, const struct registry_termination *t), void *arg);

/* ---- notes: what health remembers over a restart ---- */

struct registry_note {
    uint64_t number;  /* a registration's: the note goes when it ends, and is not kept for one that
                         has ended; 0, and from 2^63 on: the caller's own */
    struct str value; /* n 0: forget it */
};
/* In one transaction. */
int registry_notes_put(struct registry *r, const struct registry_note *notes, size_t n,
                       uint64_t deadline_ns);
/* All there are. A result of fn other than 0 ends it and is returned. */
int registry_notes(struct registry *r, int (*fn)(void *arg, const struct registry_note *note),
                   void *arg);

/* ---- the feed: RRsets that commits changed ---- */

struct registry_feed;
struct feed_item {
    unsigned zone;
    struct rrset *before, *after; /* NULL: there was, there is none; not both */
    struct feed_item *next;
};
/* From *ret_snap (the caller's to put) on: whatever a later commit changes, and wants() says yes to
 * before or after, can be taken from the feed; then eventfd (non-blocking, the caller's) is bumped.
 * wants is called by the committer, and calls nothing of the registry. */
int registry_feed_open(struct registry *r,
                       bool (*wants)(void *arg, unsigned zone, const struct rrset *set), void *arg,
                       int eventfd, struct registry_feed **ret_feed, struct snap **ret_snap);
/* All since the last call, in order; NULL: nothing. */
struct feed_item *registry_feed_take(struct registry_feed *f);
void feed_items_free(struct feed_item *items); /* NULL is fine */
/* Before registry_close. wants is not called any more when it returns. NULL is fine. */
void registry_feed_close(struct registry_feed *f);

#endif
