/* The history: what changed, when, by whom; the zones as they were; and back to them. It is read
 * from state.db, beside the committer and without waiting for it. From any thread, between
 * registry_open and registry_close.
 *
 * Errors of all that reads it: -BD_EREADONLY while a fresh state.db takes the place of a broken
 * one: try again; -BD_ECORRUPT, -EIO: state.db cannot be read; -EBUSY; -ENOMEM. */
#ifndef BETTERDNS_HISTORY_H
#define BETTERDNS_HISTORY_H

#include <betterdns/registry.h>

/* The smallest seq that registry_at knows; 0: everything since the first change is kept. */
uint64_t registry_oldest(struct registry *r);

/* All zones as they were after the change seq: records, registrations, serials, and so their
 * markers (registry_marker_hash). A zone that was not there yet is empty, without a SOA record, and
 * has serial 0. Where a number was used in vain it is the state of the change before it, with that
 * one's seq. -BD_ENOTFOUND: not kept any more, or not yet. Its cost is that of the changes since
 * then. The snapshot is the caller's to put. */
int registry_at(struct registry *r, uint64_t seq, struct snap **ret_snap);

/* The last change at which the zone had this serial, or, if that is not kept, registry_oldest, if
 * the zone still had it then. -BD_ENOTFOUND. */
int registry_seq_at_serial(struct registry *r, unsigned zone, uint32_t serial, uint64_t *ret_seq);

struct history_diff {
    unsigned zone;
    const struct rrset *before, *after; /* NULL: none */
};
struct history_zone {
    unsigned zone;
    uint32_t serial; /* from this change on; 0: not known any more */
};
struct history_change {
    uint64_t seq;
    int64_t time;       /* seconds since 1970 */
    const char *source; /* change_source_name */
    struct str actor;
    const struct history_zone *zones; /* those of diffs, in order */
    size_t nzones;
    const struct history_diff *diffs; /* those that the filter lets through, in canonical order */
    size_t ndiffs;
};
/* What is given lives until it returns (an RRset can be counted). Other than 0 it ends the walk,
 * which returns that. No lock and no transaction is held around it: it may take its time. */
typedef int history_fn(void *arg, const struct history_change *c);
struct history_filter {
    uint64_t since;           /* changes after it */
    unsigned zone;            /* UINT_MAX: all */
    const struct dname *name; /* only what changed at this owner; NULL: all */
};
/* The changes that are kept, up to the current snapshot's, the oldest first; zones that are not
 * configured any more are left out, and so are changes of which nothing is left. */
int registry_history(struct registry *r, const struct history_filter *filter, history_fn *fn,
                     void *arg);

/* A new change that makes the zone what it was after the change seq: records, TTLs, the SOA but for
 * its serial, which moves on. A registration that lives as it was then stays; one that was
 * different, or has ended, comes back with a new number, but not one with a lease that has ended:
 * its records come back as the operator's own. Registrations that came after seq end. What is so
 * already is not changed (receipt.changed false). Blocks as registry_submit, and has its errors;
 * -BD_ENOTFOUND: that change is not kept, or the zone was not there yet; what is kept is said. */
int registry_rollback(struct registry *r, unsigned zone, uint64_t seq, struct str actor,
                      uint64_t deadline_ns, struct receipt *ret_receipt,
                      struct problem *ret_problem);

/* The marker in the people's file of this zone names the change seq: changes after it are not
 * pruned (rule 11). UINT64_MAX: the file has no marker. Until it is said of each zone that has a
 * file, nothing is pruned. */
void registry_keep_since(struct registry *r, unsigned zone, uint64_t seq);

#endif
