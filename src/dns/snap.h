/* What a snapshot is made of: for snapshot.c, which reads it, and snap_edit.c, which builds the
 * next one. */
#ifndef DNS_SNAP_H
#define DNS_SNAP_H

#include "snap_store.h"

#include <betterdns/snapshot.h>

#include <stdatomic.h>

struct snap_part {
    struct snap_zone info;
    struct snap_store *store; /* counted: shared with other snapshots where the zone is the same */
};

struct snap {
    atomic_uint count;
    uint64_t seq;
    struct hash128 chain;
    unsigned nzones;
    struct snap_part parts[];
};

/* All zones empty and without a store, which the caller fills in; snap_put takes it also
 * half-filled. NULL without memory. */
struct snap *snap_allocate(unsigned nzones);

#endif
