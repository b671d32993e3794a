/* The supervisor as a pure table: state x event -> next state and action. No process, no clock:
 * testable alone. */
#ifndef CONTROLLER_SUPERVISOR_TABLE_H
#define CONTROLLER_SUPERVISOR_TABLE_H

#include <stdint.h>

enum child_state {
    CHILD_DOWN,        /* no server, and none wanted */
    CHILD_STARTING,    /* copies are written, then it loads: not asked for answers yet */
    CHILD_READY,       /* answers for every zone */
    CHILD_REPLACING,   /* the same, and its successor is loading beside it */
    CHILD_HUNG,        /* was killed for its silence; its end is awaited */
    CHILD_BACKING_OFF, /* ended; the next start is a timer away */
    CHILD_STOPPING,    /* was told to end */
    CHILD_NSTATES
};

enum child_event {
    CHILD_EV_START,        /* a server is wanted, none lives */
    CHILD_EV_ADOPTED,      /* one lives already */
    CHILD_EV_FAILED,       /* the start came to nothing before there was a process */
    CHILD_EV_SERVING,      /* it shows the newest copy of every zone */
    CHILD_EV_SILENT,       /* it left three probes unanswered */
    CHILD_EV_EXITED,       /* the process is gone */
    CHILD_EV_TIMER,        /* the deadline of the state has passed */
    CHILD_EV_STOP,         /* no server is wanted any more */
    CHILD_EV_REPLACE,      /* another one is wanted in its place */
    CHILD_EV_NEXT_SERVING, /* that one shows the newest copy of every zone */
    CHILD_EV_NEXT_FAILED,  /* that one has come to nothing */
    CHILD_NEVENTS
};

enum child_action {
    CHILD_DO_NOTHING,
    CHILD_DO_START,    /* write the copies, then spawn; the timer is the deadline of that */
    CHILD_DO_WATCH,    /* probe the adopted one; same timer */
    CHILD_DO_ANNOUNCE, /* it is ready; the timer counts its health */
    CHILD_DO_FORGIVE,  /* long enough healthy: the next failure is the first again */
    CHILD_DO_KILL,     /* and the timer repeats it */
    CHILD_DO_END,      /* TERM; the timer repeats it, and makes it KILL in the end */
    CHILD_DO_BACK_OFF, /* the timer is the next start */
    CHILD_DO_FINISH,   /* it is over */
    CHILD_DO_RAISE,    /* spawn a successor */
    CHILD_DO_PROMOTE,  /* the successor is the child from now on; the old one is told to end */
    CHILD_DO_ABANDON,  /* end the successor; the child stays */
    CHILD_DO_SUCCEED,  /* the child is gone or hangs: the successor, ready or not, is the child */
    CHILD_NACTIONS
};

struct child_step {
    enum child_state next;
    enum child_action action;
};

struct child_step supervisor_step(enum child_state state, enum child_event event);
/* How long to wait before the start that follows so many failures in a row: none for the first,
 * then 100 ms doubling to 10 s, a quarter less to a quarter more by the dice. */
uint64_t supervisor_back_off_ns(unsigned failures, uint16_t dice);
uint64_t supervisor_pause_ns(unsigned failures);      /* the same, and throws the dice */
const char *child_state_name(enum child_state state); /* "backing-off" */

#endif
