/* The supervisor's inside, shared by supervisor.c (states and actions) and supervisor_start.c (the
 * first start: adoption, refusal). */
#ifndef CONTROLLER_SUPERVISOR_IMPL_H
#define CONTROLLER_SUPERVISOR_IMPL_H

#include <betterdns/capture.h>

#include "child.h"
#include "conf.h"
#include "publisher.h"
#include "supervisor.h"
#include "supervisor_table.h"

#define OLD_MAX 8

/* A child of an earlier generation, which ends when the new one is ready. */
struct old {
    struct supervisor *s;
    struct child child;
    struct loop_watch *watch;
};

struct supervisor {
    struct controller *c;
    char *binary; /* its path; NULL before the start */
    struct conf *conf;
    enum child_state state;

    struct child child;
    struct loop_watch *watch; /* of its pidfd */
    unsigned generation;      /* the greatest in use so far */
    struct old old[OLD_MAX];
    unsigned nold;

    struct loop_timer *timer;     /* the state's */
    struct loop_timer *old_timer; /* of the older children's end */
    unsigned tries, old_tries;    /* to end them */
    unsigned failures;            /* in a row */
    uint64_t start_ns, cpu;       /* of the present start */
    bool copying;                 /* the files thread writes the copies for a start */
    char reason[256];             /* why it is not ready */
    char stranger[256];           /* who shares its port; empty */
    unsigned ticks;
    int failed; /* the error of the last start that came to nothing; 0: the process ended by itself
                 */

    controller_started_fn *started; /* NULL: it was said */
    void *started_arg;
    void (*stopped)(void *arg);
    void *stopped_arg;
    struct capture *version, *diagnosis;
};

void supervisor_event(struct supervisor *s, enum child_event event);
void supervisor_note(struct supervisor *s); /* the status, for other threads */
void supervisor_watch_child(
    struct supervisor *s); /* pidfd, probes: of a child that was started or adopted */
int supervisor_add_old(struct supervisor *s, const struct child *child);
void supervisor_leave_old(struct supervisor *s); /* takes our hands off them */

const char *supervisor_advice(int error); /* what to do about a full disk; else "" */

/* Does nobody but our older children have the port? A server that shares it would take half of the
 * questions, and ours would start beside it without a word. */
int supervisor_check_port(struct supervisor *s, struct problem *ret_problem);

/* Has anybody else come to the port since? Says so when it begins and when it ends. */
void supervisor_look_for_strangers(struct supervisor *s);

/* The first start has come to nothing: says so once. */
void supervisor_refuse(struct supervisor *s, const struct problem *problem);
/* A first start whose process ended by itself: once more, for its words; then supervisor_refuse. */
void supervisor_diagnose(struct supervisor *s);

#endif
