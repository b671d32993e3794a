/* The publisher's inside, shared by publisher.c (questions and answers) and publish.c (one zone's
 * publish, as the table has it). */
#ifndef CONTROLLER_PUBLISHER_IMPL_H
#define CONTROLLER_PUBLISHER_IMPL_H

#include "internal.h"
#include "publish_table.h"
#include "publisher.h"
#include "resend.h"

/* One zone's publish. */
struct pub {
    struct publisher *p;
    unsigned zone;
    enum publish_state state;
    const struct strategy *strategy; /* in force for this publish */
    const struct strategy
        *insisted; /* the strongest that was tried since one was late; NULL: none */
    bool again;    /* the strategy wants to be asked again */
    uint32_t told; /* the serial that it was told of */
    uint64_t told_ns, deadline_ns;
    uint64_t escalated_ns; /* the last time; 0: never */
    struct resend resend;
    bool complained; /* of this publish */

    struct loop_timer *timer; /* the next question */
    bool following;           /* a copy that is not shown yet */
    bool shown;               /* since the attach a copy was shown */
};

struct publisher {
    struct controller *c;
    struct publisher_handlers handlers;
    void *arg;
    struct pub *pubs;
    const struct dname **origins;
    struct prober *prober; /* NULL: detached */
    struct child *child;
    struct conf *conf;
    struct loop_timer *tick;
    unsigned nfollowing;
    unsigned next_zone;   /* of the liveness questions */
    unsigned missed;      /* ticks since an answer */
    bool asked, answered; /* since the last tick */
    bool open, said_serving;
};

struct ctl_zone *pub_zone(const struct pub *pub);
void pub_follow(struct pub *pub); /* asks for it until */
void pub_rest(struct pub *pub);
int pub_send(struct pub *pub); /* tells the server by the strategy in force; as strategy.publish */
/* The same, and asks for it. */
void pub_tell(struct pub *pub);
void pub_tell_again(struct pub *pub); /* the strategy has asked for that */
/* Asks for it again after a while in which nothing was late. */
void pub_resume(struct pub *pub, uint64_t load_ns);
void pub_step(struct pub *pub, enum publish_event event);
/* Its deadline has passed. */
void pub_late(struct pub *pub, uint64_t now);

#endif
