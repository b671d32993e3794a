/* What a change did: one diff an RRset, and its form in change.ops. */
#ifndef BETTERDNS_REGISTRY_OPS_H
#define BETTERDNS_REGISTRY_OPS_H

#include <betterdns/buf.h>
#include <betterdns/snapshot.h>

struct diff {
    unsigned zone;                /* index */
    struct rrset *before, *after; /* counted; NULL: there was, there is none; not both */
    size_t order;
};

struct diffs {
    struct diff *p;
    size_t n, cap;
};

/* Room for one more, so that what was done to a tree can always be noted. */
int diffs_room(struct diffs *d);
/* Takes over both counts. Call diffs_room before. */
void diffs_add(struct diffs *d, unsigned zone, struct rrset *before, struct rrset *after);
/* Takes everything back, the last first. An error leaves the tree half undone: it can only be
 * thrown away. */
int diffs_undo(const struct diffs *d, struct snap_edit *edit);
/* One diff an RRset, in key order, and none that ends where it began. */
void diffs_fold(struct diffs *d);
void diffs_free(struct diffs *d); /* and emptied */

/* The order of a zone: by owner, then type. */
int set_cmp_keys(const struct rrset *a, const struct rrset *b);
/* Equal in everything, number and creation too. */
bool registration_same(const struct registration *a, const struct registration *b);

/* What became of the registrations of an RRset (NULL: there was, there is none), in order of
 * number: of one that has ended after is NULL, of a new one before. A result other than 0 ends the
 * walk, which returns it. */
typedef int registration_fn(void *arg, const struct registration *before,
                            const struct registration *after);
int registrations_compare(const struct rrset *before, const struct rrset *after,
                          registration_fn *fn, void *arg);

/* Appends the encoded form; out has the sticky error. ids: the id in state.db of each zone index.
 */
void ops_encode(const struct diffs *d, const int64_t *ids, struct buf *out);
/* The same one by one: as many diffs must follow as were announced. */
void ops_encode_start(uint32_t count, struct buf *out);
void ops_encode_diff(int64_t zone_id, const struct rrset *before, const struct rrset *after,
                     struct buf *out);

/* Reads it back, one diff after the other. */
struct ops_reader {
    struct str left;
    uint32_t count;   /* diffs that are still to come */
    unsigned version; /* earlier ones stay readable */
};
int ops_read_start(struct str bytes, struct ops_reader *ret_reader); /* -BD_ECORRUPT */
/* 1 and a diff whose counts are the caller's (its zone is not filled: *ret_zone_id is the id in
 * state.db); 0 at the end; -BD_ECORRUPT, -ENOMEM. */
int ops_read(struct ops_reader *reader, int64_t *ret_zone_id, struct diff *ret_diff);

#endif
