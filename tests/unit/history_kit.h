/* Random changes, snapshots that are kept, and how two states differ. */
#ifndef HISTORY_KIT_H
#define HISTORY_KIT_H

#include <betterdns/history.h>

#include "registry_kit.h"

/* Equal in everything: seq, chain, serials, records, registrations with their numbers. A failure
 * ends the test. */
void history_assert_same(const struct snap *a, const struct snap *b);

/* 1 to 4 operations on a few names of both zones; the result of registry_submit. */
int history_random_change(struct regkit *k, unsigned *seed);
unsigned history_random(unsigned *seed, unsigned n); /* below n */

/* The current snapshot, put by history_forget. */
struct history_kept {
    struct snap **p;
    size_t n, cap;
};
void history_keep(struct history_kept *kept, struct regkit *k);
void history_forget(struct history_kept *kept);
/* Each of them is what registry_at makes. */
void history_assert_kept(const struct history_kept *kept, struct regkit *k);

/* The changes that a filter lets through, as text: "seq source actor|zone serial|-A web +A web", a
 * line each. In a static buffer. */
const char *history_text(struct regkit *k, const struct history_filter *filter);

#endif
