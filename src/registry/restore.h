/* An RRset becomes again what it was once. */
#ifndef BETTERDNS_REGISTRY_RESTORE_H
#define BETTERDNS_REGISTRY_RESTORE_H

#include "draft.h"

struct restore {
    const struct rrset *now;  /* NULL: there is none */
    const struct rrset *then; /* outlives the draft; NULL: there was none */
    uint64_t *next_number;    /* of registrations */
    int64_t time;             /* seconds since 1970 */
};

/* Makes of a draft that began as now what was then, as registry_rollback says. A SOA keeps the
 * serial that it has. 1; 0: it is so already; -ENOMEM. */
int restore_draft(struct draft *d, const struct restore *r);

#endif
