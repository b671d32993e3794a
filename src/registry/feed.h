/* Those who follow what commits change (registry_feed_open). */
#ifndef BETTERDNS_REGISTRY_FEED_H
#define BETTERDNS_REGISTRY_FEED_H

#include <pthread.h>

#include <betterdns/lease.h>

#include "ops.h"

struct feeds {
    pthread_mutex_t gate; /* held by a commit until it is visible: nobody begins to follow, or ends,
                             in between; taken before the registry's lock */
    struct registry_feed *list; /* guarded by gate */
};

void feeds_start(struct feeds *f);
void feeds_end(struct feeds *f); /* nobody follows any more */

/* A commit: enter, note what it changes while it can still fail, show it under the registry's lock
 * together with the snapshot, leave. Without feeds_show nobody hears of it. */
void feeds_enter(struct feeds *f);
int feeds_note(struct feeds *f, const struct diffs *d); /* -ENOMEM */
void feeds_show(struct feeds *f);
void feeds_leave(struct feeds *f);

#endif
