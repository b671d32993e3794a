/* The decisions about one zone's publish as a pure table: state x event -> next state and action.
 * No process, no clock: testable alone. */
#ifndef CONTROLLER_PUBLISH_TABLE_H
#define CONTROLLER_PUBLISH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum publish_state {
    PUBLISH_QUIET,     /* the server shows the newest copy */
    PUBLISH_TOLD,      /* it was told of a newer one; the deadline runs */
    PUBLISH_EXTENDED,  /* the deadline has passed while it worked, and runs once more */
    PUBLISH_ESCALATED, /* it was told by a stronger strategy; a deadline runs again */
    PUBLISH_OVERDUE,   /* nothing has helped so far */
    PUBLISH_NSTATES
};

enum publish_event {
    PUBLISH_EV_COPY,  /* a newer copy is in its place */
    PUBLISH_EV_SHOWN, /* the server shows the newest copy */
    PUBLISH_EV_BUSY,  /* the deadline has passed, and the server has worked meanwhile */
    PUBLISH_EV_LATE,  /* the deadline has passed, and it has not */
    PUBLISH_EV_AGAIN, /* the same, less than a minute after an escalation */
    PUBLISH_EV_VOID,  /* another server: it reads the newest copies at its start */
    PUBLISH_NEVENTS
};

enum publish_action {
    PUBLISH_DO_NOTHING,
    PUBLISH_DO_TELL,     /* by the configured strategy */
    PUBLISH_DO_INSIST,   /* tell by the stronger one */
    PUBLISH_DO_EXTEND,   /* the deadline: four times what it took so far */
    PUBLISH_DO_ESCALATE, /* insist, say so, count it; a newer copy need not wait for this one */
    PUBLISH_DO_COMPLAIN, /* say so; a newer copy need not wait for this one */
    PUBLISH_DO_END,      /* it is served: the configured strategy is in force again */
    PUBLISH_NACTIONS
};

struct publish_step {
    enum publish_state next;
    enum publish_action action;
};

struct publish_step publish_step(enum publish_state state, enum publish_event event);

/* How long the server may take: four times what this zone's load takes (0: not measured yet), and
 * two seconds at least. */
uint64_t publish_patience_ns(uint64_t load_ns);
/* The deadline has passed: which event is that? escalated_ns: the last escalation of this zone, 0:
 * none. */
enum publish_event publish_late(enum publish_state state, bool busy, uint64_t now,
                                uint64_t escalated_ns);
/* The measured load time, smoothed; the first measurement counts whole. */
uint64_t publish_load_ns(uint64_t load_ns, uint64_t took_ns);
/* How long a zone is left in peace after a publish that cost so much (its writing and its
 * loading): then half a core at most goes into them. Small zones: 0. */
uint64_t publish_peace_ns(uint64_t cost_ns);
/* When to ask next for a copy that was told of so long ago, with so many zones that are asked for.
 */
uint64_t publish_pace_ns(uint64_t waited_ns, unsigned zones);

#endif
