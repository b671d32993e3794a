/* Changes applied to a tree that is being edited, one after the other, each to the state that the
 * one before left. */
#ifndef BETTERDNS_REGISTRY_APPLY_H
#define BETTERDNS_REGISTRY_APPLY_H

#include "change.h"

struct book;
struct included;

struct apply {
    struct snap_edit *edit;
    const uint32_t *ttls; /* one a zone: of records that give none */
    const struct dname *origins;
    bool keep_last;       /* struct registry_options */
    uint64_t next_number; /* of registrations */
    int64_t now;          /* seconds since 1970 */
    bool broken;          /* an undo failed: the edit can only be thrown away */

    const struct snap *before; /* what the edit began as */
    const uint32_t *used;      /* one a zone: the last serial, also used in vain */
    uint32_t *follow;          /* one a zone: what a hand set it to, ahead of used; 0: nobody did */
    struct included **included; /* one a zone; counted */
    struct book *book;          /* of renewals */
};

/* Applies a checked change. 0: c->diffs says what it did (nothing: it repeats what is there), and
 * receipt.set, .zone, .created, .changed, .dry_run are filled. A refusal fills c->problem. What is
 * refused, and a dry run, leaves no trace in the tree. */
int apply_change(struct apply *a, struct change *c);

/* Puts after in the place of what the tree has at its key, noted in d; takes over the count, also
 * on failure. */
int apply_set(struct apply *a, struct diffs *d, unsigned zone, struct rrset *after);
/* Takes away what the tree has there, if anything, noted in d. */
int apply_delete(struct apply *a, struct diffs *d, struct snap_key key);

#endif
