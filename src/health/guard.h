/* The guard against our own mistake: whether anybody may be removed at all (interface.md, "Panic").
 * Plain data, without threads and without a clock; times are running time (<betterdns/lease.h>),
 * ns. A sign of life is a success of a check or a renewal of a lease, of any host, or an answer
 * of a witness.
 *
 * Panic is what interface.md says: at least two hosts down, and more than max(2, 15 %) or more than
 * half of all. It blocks for one hour of panic in which there is evidence that we are not cut off
 * ourselves: most of the witnesses answer, or, without witnesses, there was a sign of life within a
 * minute. From then on removals go on within the budget, while there is evidence. So that hosts at
 * the border of panic cannot put removals off for ever:
 * - a panic less than an hour after the last one goes on with the hour of that one,
 * - unless as many hosts as make a panic by themselves went down within 10 to 20 minutes (those
 *   without evidence do not count): that is a new one, with an hour of its own, also in the middle
 *   of one;
 * - the end of a panic begins all clocks anew; once the hour is over only the first end does.
 * Isolation: there are witnesses, and no more than half of them answer. Nothing is removed; all
 * clocks begin anew when it ends.
 * A few hosts can be cut off with us before enough are down for a panic: those with long intervals
 * and long leases are noticed last. So the end of a check or lease also asks for a sign of life of
 * somebody else; and while two are down and there is no evidence, nobody is terminated. One host
 * alone proves nothing without a witness: a single dead host of one is removed. */
#ifndef HEALTH_GUARD_H
#define HEALTH_GUARD_H

#include "verdict.h"

struct guard_facts {
    uint64_t now_ns;
    unsigned hosts; /* that have a check or a lease */
    unsigned down;  /* of them: UNAVAILABLE or overdue (by its own clock, whatever guard_clocks_ns
                       says); not in maintenance, not `never` */
    unsigned witnesses, answering;
    uint64_t heard_ns;  /* the last sign of life; 0: none in this run */
    unsigned available; /* checks that are AVAILABLE */
    unsigned late;      /* hosts, not down, with a lease of which more than half has passed since it
                           was renewed: they have missed a renewal */
};

enum guard_word {
    GUARD_GO,
    GUARD_PANIC,
    GUARD_ISOLATED, /* cut off, or nothing that we know is new enough to say */
    GUARD_BUDGET,
    GUARD_NWORDS
};
const char *guard_word_name(enum guard_word word); /* "go", "panic", "isolated", "budget" */

#define GUARD_PANIC_PERCENT 15
/* At most so many percent of the hosts, but one, in any hour, and one in any minute. */
#define GUARD_BUDGET_PERCENT 5
#define GUARD_HOUR_NS (3600 * UINT64_C(1000000000))
#define GUARD_MINUTE_NS (60 * UINT64_C(1000000000))
#define GUARD_LOW_NS (600 * UINT64_C(1000000000))
#define GUARD_REMOVALS 64 /* remembered: more than an hour can have */

/* To be read by nobody but guard.c. */
struct guard {
    struct guard_facts facts; /* of the last look */
    bool looked;              /* in this run */
    bool noted;               /* guard_read */
    bool panic, isolated, evidence;
    bool anew;           /* an end after the hour has begun the clocks anew */
    uint64_t blocked_ns; /* used up of the hour */
    uint64_t ended_ns;   /* the last panic */
    uint64_t clocks_ns;
    unsigned low, low_before; /* the fewest that were down since low_from_ns, and in the 10 minutes
                                 with evidence before */
    uint64_t low_from_ns;
    uint64_t removed_ns[GUARD_REMOVALS];
    unsigned nremoved;
};

void guard_start(struct guard *g);

/* Once a second, and before anything is removed; at start not before each witness has answered or
 * failed once. True: panic began or ended. */
bool guard_look(struct guard *g, const struct guard_facts *facts);

bool guard_panic(const struct guard *g);
bool guard_isolated(const struct guard *g);
/* The clocks of deregister_after and of leases begin here at the earliest; the two functions below
 * reckon with it. */
uint64_t guard_clocks_ns(const struct guard *g);

/* When deregister_after of this check ends its registration, as things stand; UINT64_MAX: not as
 * things stand. Asked for again with each result and each second. */
uint64_t guard_check_ends_ns(const struct guard *g, const struct verdict *v,
                             const struct check_spec *spec);
/* It has failed, and so has another, and nobody was heard since: it is not ended as things stand.
 */
bool guard_is_unproven(const struct guard *g, const struct verdict *v);
/* When a lease ends its registration, as things stand: in time where somebody else was heard in its
 * second half, and where there is no panic even if all that are late are gone. Else half a lease
 * later, so that whoever went at the same time is overdue too before the first one is removed; and
 * where checks should have been heard, a minute later: they will have been noticed by then. */
uint64_t guard_lease_ends_ns(const struct guard *g, uint64_t renewed_ns, uint64_t lease_ns);

/* By the last look; one that is older than a minute says nothing. */
enum guard_word guard_may_terminate(const struct guard *g, uint64_t now_ns, unsigned hosts);
enum guard_word guard_may_expire(const struct guard *g, uint64_t now_ns, unsigned hosts);
/* After a termination has begun, dry ones too; at start, after guard_read, the rows of the table,
 * in any order. One that is known already counts once. */
void guard_terminated(struct guard *g, uint64_t started_ns);
/* After an expiry; it counts only where expiries are under the budget. */
void guard_expired(struct guard *g, uint64_t now_ns);

/* For a note (<betterdns/lease.h>), and back into a guard that was started: a restart neither ends
 * a panic nor begins its hour anew. Without one all clocks begin with the first look: write it
 * after the first look, and when something has changed. -BD_ECORRUPT: not such octets, nothing
 * changed. */
#define GUARD_NOTE_SIZE (64 + 8 * GUARD_REMOVALS)
size_t guard_write(const struct guard *g, uint8_t out[GUARD_NOTE_SIZE]);
int guard_read(struct guard *g, struct str note);

#endif
