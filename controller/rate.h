/* How often something happens, counted by the hour. Pure: no clock. */
#ifndef CONTROLLER_RATE_H
#define CONTROLLER_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: nothing yet. */
struct rate {
    uint64_t hour;          /* the running one */
    unsigned count, before; /* in it, and in the one before */
    bool busy;
};

void rate_note(struct rate *r, uint64_t now_ns); /* it has happened */
/* Often: once a minute on average, until there are fewer than ten an hour. */
bool rate_is_busy(struct rate *r, uint64_t now_ns);
/* In the hour before, or so far in this one: the greater. */
unsigned rate_an_hour(struct rate *r, uint64_t now_ns);

#endif
