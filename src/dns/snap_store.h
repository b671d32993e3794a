/* The RRsets of one zone in canonical order: immutable, counted, shared by snapshots. Snapshots see
 * no more of a zone's storage than this: a sorted array stands behind it, a tree can take its
 * place. */
#ifndef DNS_SNAP_STORE_H
#define DNS_SNAP_STORE_H

#include <betterdns/rrset.h>

struct snap_store;

/* One pending edit: an RRset to put (its key is owner and type), or NULL to delete what has the
 * key. */
struct snap_change {
    struct str owner; /* dname_key */
    uint16_t type;
    struct rrset *set;
};

struct snap_store *snap_store_new(void); /* an empty one; NULL without memory */
struct snap_store *snap_store_ref(struct snap_store *s);
void snap_store_put(struct snap_store *s); /* NULL is fine; from any thread */
size_t snap_store_rrsets(const struct snap_store *s);
size_t snap_store_records(const struct snap_store *s);

/* The place of the first RRset at or after a key: what snap_store_next takes. */
void snap_store_seek(const struct snap_store *s, struct str owner, uint16_t type, size_t *ret_at,
                     const void **ret_node);
/* The RRset there, and the place moves on; NULL at the end. */
const struct rrset *snap_store_next(const struct snap_store *s, size_t *at, const void **node);

/* A copy of base with n changes, sorted by key and no key twice. The RRsets that are put are
 * counted once more. -ENOMEM. */
int snap_store_apply(const struct snap_store *base, const struct snap_change *changes, size_t n,
                     struct snap_store **ret_store);

/* The order of keys: owner as memcmp with the shorter first, then type. */
static inline int snap_key_cmp(struct str owner_a, uint16_t type_a, struct str owner_b,
                               uint16_t type_b)
{
    size_t n = owner_a.n < owner_b.n ? owner_a.n : owner_b.n;
    int d = n ? memcmp(owner_a.p, owner_b.p, n) : 0;

    if (d)
        return d;
    if (owner_a.n != owner_b.n)
        return owner_a.n < owner_b.n ? -1 : 1;
    return (int)type_a - (int)type_b;
}

#endif
