/* The history's inside: what its files share. */
#ifndef BETTERDNS_REGISTRY_HISTORY_IMPL_H
#define BETTERDNS_REGISTRY_HISTORY_IMPL_H

#include <betterdns/history.h>

#include "impl.h"
#include "reader.h"

struct zone_id {
    int64_t id; /* in state.db */
    unsigned zone;
};

struct prune {
    int64_t age_s; /* limits */
    uint64_t max_bytes;
    uint64_t counted, bytes; /* changes up to this one take so much; the committer's own */
    uint64_t next_ns;        /* when to look again; guarded by the registry's lock */
};

struct history {
    struct reader *reader;
    struct zone_id *zones; /* in order of id */
    uint64_t oldest;       /* guarded by the registry's lock */
    uint64_t *keep;        /* one a zone: registry_keep_since; guarded by the same */
    struct prune prune;
};

/* The zone with this number in state.db; false: it is not configured. */
bool history_zone_of(const struct registry *r, int64_t id, unsigned *ret_zone);

/* The oldest change that is kept and whose state can be made; it only ever grows. */
void history_set_oldest(struct registry *r, uint64_t seq);

/* Does a change of these operations, after that chain, have this chain? -ENOMEM. */
int history_follows(const struct reader_row *row, bool *ret_follows);

/* ---- prune.c ---- */

void prune_start(struct registry *r, const struct registry_options *options);
void prune_restart(struct registry *r); /* state.db was replaced: it is counted anew */

#endif
