/* A fleet that an adversary plays with: hosts that die, come back, join, are cut off; a guard that
 * is looked at and asked; and, apart from it, a book of what may never happen. Hosts are kept in
 * groups that do the same at the same time. All from one seed. */
#ifndef FLEET_KIT_H
#define FLEET_KIT_H

#include <betterdns/clock.h>

#include "guard.h"

#define SECOND NS_PER_S
#define MINUTE (60 * NS_PER_S)
#define HOUR (3600 * NS_PER_S)

enum group_state {
    GROUP_LEAVING,   /* cannot be reached; noticed at next_ns */
    GROUP_DOWN,      /* noticed */
    GROUP_RETURNING, /* can be reached again, counts as down until next_ns */
};

struct group {
    unsigned n;
    bool check;  /* else a lease */
    bool cut;    /* alive: our link is cut */
    bool exempt; /* of what protects them: the only one alive when the link was cut, or on its
                    way back after it had been away for long */
    uint64_t next_ns, down_ns;
    uint64_t answer_ns; /* returning: the first success */
    enum group_state state;
    struct verdict verdict;
};

#define GROUPS 64
#define REMOVALS_KEPT 4096

struct fleet {
    uint64_t seed, random;
    struct guard guard;
    uint64_t now_ns, skew_ns; /* running time; real time is ahead of it by skew */
    uint64_t heard_ns, cut_ns /* 0: the link is there */, known_ns;
    unsigned alive[2]; /* lease, check: in no group */
    struct group groups[GROUPS];
    unsigned ngroups;
    unsigned witnesses;
    bool witnesses_fail;
    struct check_spec spec;
    uint64_t lease_ns;
    uint8_t note[GUARD_NOTE_SIZE];
    size_t nnote;

    /* The book. */
    unsigned seen_down;
    bool was_panic, was_evidence, isolated;
    uint64_t seen_ns, used_ns, quiet_ns; /* of the present panic's hour; when the last one ended */
    struct {
        uint64_t at_ns;                /* real time */
        bool expiry;                   /* only the guard's note knows it, no table */
    } removed[REMOVALS_KEPT];          /* within the budget */
    uint64_t table_ns[GUARD_REMOVALS]; /* running time: the table of terminations */
    unsigned long nremoved, nterminated, nexpired, npanics, nlooks;
    char fault[200]; /* what has happened and may not; empty: nothing */
};

void fleet_start(struct fleet *f, uint64_t seed);
/* 0 to n - 1. */
uint64_t fleet_random(struct fleet *f, uint64_t n);
unsigned fleet_hosts(const struct fleet *f);
unsigned fleet_down(const struct fleet *f);
unsigned fleet_gone(const struct fleet *f); /* that are dead */

/* What an adversary can do. */
void fleet_kill(struct fleet *f, bool check, unsigned n);
void fleet_return(struct fleet *f, unsigned group);
void fleet_cut(struct fleet *f);
void fleet_mend(struct fleet *f);
void fleet_restart(struct fleet *f, bool with_note);

/* On to a time, with looks and removals on the way. */
void fleet_run(struct fleet *f, uint64_t until_ns);

#endif
