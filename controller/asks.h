/* What the operator asks of the people's thread (zone accept, zone discard): HTTP workers put it
 * here and wait. */
#ifndef CONTROLLER_ASKS_H
#define CONTROLLER_ASKS_H

#include <betterdns/error.h>

#include <stdbool.h>
#include <stdint.h>

enum ask_kind { ASK_ACCEPT, ASK_DISCARD };

struct ask {
    enum ask_kind kind;
    unsigned zone;
    uint64_t deadline_ns;

    /* guarded by the lock of asks */
    bool done;
    bool left; /* nobody waits for it any more: whoever answers it frees it */
    int result;
    struct problem problem;
    struct ask *next;
};

struct asks;

int asks_new(struct asks **ret_asks);
void asks_free(struct asks *a); /* nobody waits any more */

/* Of malloc; NULL without memory. asks_put takes it over when it returns 0; -BD_ESTOPPING. */
struct ask *ask_new(enum ask_kind kind, unsigned zone, uint64_t deadline_ns);
int asks_put(struct asks *a, struct ask *ask);
/* Blocks until it is answered or its deadline has passed (-BD_ETIMEDOUT: where the people's thread
 * has it already it may still happen), and ends it for the caller. */
int asks_wait(struct asks *a, struct ask *ask, struct problem *ret_problem);

/* For the people's thread: the first one of this zone, to be answered; NULL: none. */
struct ask *asks_take(struct asks *a, unsigned zone);
void asks_answer(struct asks *a, struct ask *ask, int result, const struct problem *problem);
/* Answers all that wait, and whoever comes later: stopping. */
void asks_close(struct asks *a);

#endif
