/* Which strategy is in force: the one that was asked for, or with "auto" the one that suits what is
 * measured. choice_auto is a pure rule. */
#ifndef CONTROLLER_CHOICE_H
#define CONTROLLER_CHOICE_H

#include "internal.h"

#define CHOICE_AUTO "auto"
#define CHOICE_AUTO_HELP "by what is measured"

struct choice_facts {
    const char *server;
    bool polls;       /* the server looks at its files itself, where it is told to */
    bool never;       /* … which its configuration, the user's own, does not do often enough */
    size_t nrecords;  /* of the largest zone */
    uint64_t load_ns; /* of the zone that takes longest; 0: not measured yet */
    unsigned changes; /* an hour, of the zone that has most */
    unsigned poll_ms; /* how often the largest zone is looked at; 0: not decided yet */
};

/* Also a sentence that says why. */
const struct strategy *choice_auto(const struct choice_facts *facts,
                                   char ret_why[CONTROLLER_WHY_SIZE]);

/* "auto" or a strategy's name, at the start: -BD_EINVALID; *ret_problem is filled. */
int choice_begin(struct controller *c, const char *name, struct problem *ret_problem);
/* The loop's thread, now and then: decides anew. */
void choice_review(struct controller *c);
/* The one in force. Any thread. */
const struct strategy *choice_now(struct controller *c);

#endif
