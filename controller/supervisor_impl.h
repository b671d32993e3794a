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
#define START_NS (10 * NS_PER_S) /* without an answer and without work */
#define AGAIN_NS NS_PER_S /* TERM and KILL are repeated: CoreDNS may lose one while it reloads */
#define TERM_TRIES 5U

/* A child of an earlier generation, which ends when the new one is ready. */
struct old {
    struct supervisor *s;
    struct child child;
    struct loop_watch *watch;
};

/* A successor that is loading beside the child. */
struct swap {
    struct child child; /* generation 0: there is none */
    struct conf *conf;
    struct loop_watch *watch; /* of its pidfd */
    struct prober *prober;
    const struct dname **origins;
    struct swap_zone *zones;
    struct loop_timer *ask, *deadline;
    uint64_t start_ns, cpu;
    unsigned failures;      /* in a row */
    uint64_t not_before_ns; /* of the next one */
    char trouble[256];      /* why the last one has come to nothing; empty */
};

struct supervisor {
    struct controller *c;
    char *binary; /* its path; NULL before the start */
    struct conf *conf;
    enum child_state state;
    bool announced; /* it has been ready, and nothing has happened to it since */

    struct child child;
    struct loop_watch *watch; /* of its pidfd */
    unsigned generation;      /* the greatest in use so far */
    struct old old[OLD_MAX];
    unsigned nold;
    struct swap next;

    struct loop_timer *timer;     /* the state's */
    struct loop_timer *old_timer; /* of the older children's end */
    unsigned tries, old_tries;    /* to end them */
    uint64_t drain_ns;            /* until when the older one may read what it has; 0: no more */
    bool steered;                 /* questions go to the newer one alone */
    unsigned failures;            /* in a row */
    uint64_t start_ns, cpu;       /* of the present start */
    bool copying;                 /* the files thread writes the copies for a start */
    char reason[256];             /* why it is not ready */
    char stranger[256];           /* who shares its port, or why nobody can ask; empty */
    unsigned ticks;
    int failed; /* the error of the last start that came to nothing; 0: the process ended by itself
                 */

    controller_started_fn *started; /* NULL: it was said */
    void *started_arg;
    void (*stopped)(void *arg);
    void *stopped_arg;
    struct capture *version, *diagnosis;
    struct capture *why;  /* the child has refused the user's configuration */
    bool version_awaited; /* the start goes on when it is known */
    bool start_waits;     /* for the end of the older ones */
    bool left;            /* the older ones go on, whatever becomes of us */
};

void supervisor_event(struct supervisor *s, enum child_event event);
void supervisor_note(struct supervisor *s); /* the status, for other threads */
void supervisor_watch_child(
    struct supervisor *s); /* pidfd, probes: of a child that was started or adopted */
int supervisor_spawn(struct supervisor *s, struct conf *conf, struct child *child,
                     char ret_reason[256]);
/* Of a child that is not ready: is it at work still? cpu: of the last call. */
bool supervisor_loads(const struct child *child, uint64_t start_ns, uint64_t *cpu);
/* Of the pidfd. */
void supervisor_child_ended(void *arg, int fd, uint32_t events);

/* The child has ended: what is left of it goes, its configuration too unless that is kept. */
void supervisor_forget(struct supervisor *s, struct child *child, struct loop_watch **watch,
                       bool keep_conf);

/* supervisor_conf.c: of publisher_handlers. */
bool supervisor_heard(void *arg, unsigned revision);
/* Ends the programs that are asked something, and nobody hears of it; any number of times. */
void supervisor_cancel_captures(struct supervisor *s);

/* supervisor_old.c: the older children. */
int supervisor_new_old(struct supervisor *s);
int supervisor_add_old(struct supervisor *s, const struct child *child);
void supervisor_leave_old(struct supervisor *s); /* takes our hands off them */
/* Tells them to end, again and again; kill: at once. */
void supervisor_end_old(struct supervisor *s, bool kill);
/* As that, but first nothing new comes to them, where that can be had, and they read what they
 * have. */
void supervisor_retire_old(struct supervisor *s);
void supervisor_alone(struct supervisor *s); /* the last of them has ended */

/* supervisor_swap.c: the successor. */
int swap_new(struct supervisor *s);
void swap_free(struct supervisor *s);
void swap_drop(struct supervisor *s); /* makes it an older child, where there is one */
void swap_raise(struct supervisor *s);
void swap_promote(struct supervisor *s);
void swap_abandon(struct supervisor *s);
void swap_succeed(struct supervisor *s);

const char *supervisor_advice(int error); /* what to do about a full disk; else "" */

/* The start goes on when no older child is left. */
void supervisor_start_alone(struct supervisor *s);

/* Does nobody but our older children have the port? A server that shares it would take half of the
 * questions, and ours would start beside it without a word. */
int supervisor_check_port(struct supervisor *s, struct problem *ret_problem);

/* Has anybody else come to the port since, or has its address gone? Says so when it begins and when
 * it ends. */
void supervisor_look_for_strangers(struct supervisor *s);

/* The first start has come to nothing: says so once. */
void supervisor_refuse(struct supervisor *s, const struct problem *problem);
/* The first start has no room: says so, each time that it will be tried again. */
void supervisor_say_waits(struct supervisor *s);
/* Of a stop that comes before the first start has looked for the children of an earlier betterdns:
 * they are older ones from now on, which end with us. */
void supervisor_take_unseen(struct supervisor *s);
/* A first start whose process ended by itself: once more, for its words; then supervisor_refuse. */
void supervisor_diagnose(struct supervisor *s);

#endif
