/* The history's inside: what its files share. */
#ifndef BETTERDNS_REGISTRY_PAST_H
#define BETTERDNS_REGISTRY_PAST_H

#include <betterdns/history.h>

#include "impl.h"
#include "reader.h"

struct zone_id {
    int64_t id; /* in state.db */
    unsigned zone;
};

struct history {
    struct reader *reader;
    struct zone_id *zones; /* in order of id */
    uint64_t oldest;       /* guarded by the registry's lock */
};

/* The zone with this number in state.db; false: it is not configured. */
bool history_zone_of(const struct registry *r, int64_t id, unsigned *ret_zone);

/* The oldest change that is kept and whose state can be made; it only ever grows. */
void history_set_oldest(struct registry *r, uint64_t seq);

/* Does a change of these operations, after that chain, have this chain? -ENOMEM. */
int history_follows(const struct reader_row *row, bool *ret_follows);

#endif
