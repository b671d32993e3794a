/* The RRsets of one zone in canonical order, counted, shared by snapshots. Snapshots see no more of
 * a zone's storage than this. A store that has more than one owner never changes: editing replaces
 * the editor's with a copy that shares all but what is edited. */
#ifndef DNS_SNAP_STORE_H
#define DNS_SNAP_STORE_H

#include <betterdns/rrset.h>

struct snap_store;
struct snap_node;

struct snap_store *snap_store_new(void); /* an empty one; NULL without memory */
struct snap_store *snap_store_ref(struct snap_store *s);
void snap_store_put(struct snap_store *s); /* NULL is fine; from any thread */
size_t snap_store_rrsets(const struct snap_store *s);
size_t snap_store_records(const struct snap_store *s);

const struct rrset *snap_store_find(const struct snap_store *s, struct str owner, uint16_t type);
/* The place of the first RRset at or after a key: what snap_store_next takes. */
void snap_store_seek(const struct snap_store *s, struct str owner, uint16_t type, size_t *ret_at,
                     const void **ret_node);
/* The RRset there, and the place moves on; NULL at the end. */
const struct rrset *snap_store_next(const struct snap_store *s, size_t *at, const void **node);

/* Edits the store at link, or where others own it too, puts an edited copy in its place. One edit
 * touches O(log n) of it; edits that follow find their nodes copied. -ENOMEM: the RRsets are what
 * they were, whoever looks. */
/* Takes over the count of set on success. */
int snap_store_set(struct snap_store **link, struct rrset *set);
/* 0 also where there is none. */
int snap_store_delete(struct snap_store **link, struct str owner, uint16_t type);

/* For tests that look at the tree's shape. */
const struct snap_node *snap_store_root(const struct snap_store *s);

#endif
