/* The guard against our own mistake: whether anybody may be removed at all (interface.md, "Panic").
 * Plain data, without threads and without a clock; times are running time (<betterdns/lease.h>),
 * ns.
 *
 * Panic is what interface.md says: at least two hosts down, and more than max(2, 15 %) or more than
 * half of all. It blocks for one hour of panic in which there is evidence that we are not cut off
 * ourselves; from then on removals go on within the budget, while there is evidence. So that hosts
 * at the border cannot put removals off for ever:
 * - a panic less than an hour after the last one goes on with its hour,
 * - unless as many hosts as make a panic by themselves went down within 10 minutes: that is a new
 *   one, with its own hour, also in the middle of one;
 * - an end begins all clocks anew (guard_clocks_from_ns); but once the hour is over only the first
 *   one does.
 * Isolation: not more than half of the witnesses answer; or panic without any evidence for 10
 * minutes. Nothing is removed; all clocks begin anew when it ends. Without witnesses one host alone
 * proves nothing: a single dead host of one is removed. */
#ifndef HEALTH_GUARD_H
#define HEALTH_GUARD_H

#include <betterdns/str.h>

struct guard_facts {
    uint64_t now_ns;
    unsigned hosts; /* that have a check or a lease */
    unsigned down;  /* of them: UNAVAILABLE or overdue (by its own clock, whatever
                       guard_clocks_from_ns says); not in maintenance, not `never` */
    unsigned witnesses, answering;
    bool evidence; /* a host's check succeeded or its lease was renewed in the last 60 s; does not
                      count where there are witnesses */
};

enum guard_word {
    GUARD_GO,
    GUARD_PANIC,
    GUARD_ISOLATED, /* cut off, or nothing that we know is new enough to say */
    GUARD_BUDGET,
    GUARD_NWORDS
};
const char *guard_word_name(enum guard_word word); /* "go", "panic", … */

/* At most GUARD_BUDGET_PERCENT of the hosts, but one, in any hour, and one in any minute. */
#define GUARD_BUDGET_PERCENT 5
#define GUARD_HOUR_NS (3600 * UINT64_C(1000000000))
#define GUARD_MINUTE_NS (60 * UINT64_C(1000000000))
#define GUARD_QUIET_NS (600 * UINT64_C(1000000000))
#define GUARD_REMOVALS 64 /* remembered: more than an hour can have */

struct guard {
    struct guard_facts facts; /* of the last look */
    bool looked;              /* in this run */
    bool panic, isolated, evidence;
    bool anew;                    /* the end of a panic past its hour has begun the clocks anew */
    uint64_t blocked_ns;          /* of the hour, used up */
    uint64_t ended_ns;            /* the last panic; 0: none yet */
    uint64_t evident_ns;          /* the last look with evidence */
    uint64_t proof_ns, clocks_ns; /* see below */
    uint64_t low_from_ns;         /* the fewest hosts down, now and in the 10 minutes before … */
    unsigned low, low_before;     /* … that began then */
    uint64_t removed[GUARD_REMOVALS];
    unsigned nremoved;
};

void guard_start(struct guard *g, uint64_t now_ns);

/* Once a second, and before anything is removed. True: panic began or ended. */
bool guard_look(struct guard *g, const struct guard_facts *facts);

bool guard_panic(const struct guard *g);
bool guard_isolated(const struct guard *g);
/* The clocks of deregister_after and of leases count from here at the earliest. */
uint64_t guard_clocks_from_ns(const struct guard *g);
/* A failure from before this time proves nothing: somebody else must have answered since we were
 * last without evidence. */
uint64_t guard_proof_from_ns(const struct guard *g);

/* By the last look; one that is older than a minute says nothing. After a termination that was
 * begun (dry ones too): guard_terminated, at start with the rows of the table too, in any order.
 * After an expiry: guard_expired; it counts only where expiries are under the budget. */
enum guard_word guard_may_terminate(const struct guard *g, uint64_t now_ns, unsigned hosts);
enum guard_word guard_may_expire(const struct guard *g, uint64_t now_ns, unsigned hosts);
void guard_terminated(struct guard *g, uint64_t started_ns);
void guard_expired(struct guard *g, uint64_t now_ns);

/* For a note of number 0 (<betterdns/lease.h>), and back into a guard that was started: a restart
 * neither ends a panic nor begins its hour anew. -BD_ECORRUPT: not such octets, nothing changed. */
#define GUARD_NOTE_SIZE (96 + 8 * GUARD_REMOVALS)
size_t guard_write(const struct guard *g, uint8_t out[GUARD_NOTE_SIZE]);
int guard_read(struct guard *g, struct str note);

#endif
