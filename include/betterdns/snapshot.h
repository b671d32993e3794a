/* Snapshots: all zones at one seq. Immutable, counted; readers never wait for the writer, the
 * writer never waits for a reader. Order: zone, then owner in canonical order (RFC 4034 §6.1), then
 * type. The SOA of a zone is in it like any other RRset, and carries the zone's serial. */
#ifndef BETTERDNS_SNAPSHOT_H
#define BETTERDNS_SNAPSHOT_H

#include <betterdns/rrset.h>

struct snap;

struct snap_key {
    unsigned zone;    /* index, from 0 */
    struct str owner; /* dname_key; an empty one sorts before every owner */
    uint16_t type;    /* 0 sorts before every type */
};

struct snap_zone {
    struct dname origin;
    uint32_t serial;
    size_t nrrsets, nrecords; /* with the SOA */
};

struct snap *snap_ref(struct snap *s);
void snap_put(struct snap *s); /* NULL is fine; from any thread */

uint64_t snap_seq(const struct snap *s);
struct hash128 snap_chain(const struct snap *s); /* the change log's running hash at that seq */
unsigned snap_nzones(const struct snap *s);
/* Lives as long as s. */
const struct snap_zone *snap_zone(const struct snap *s, unsigned zone);
/* The configured zone with the longest match; -BD_ENOZONE. */
int snap_zone_of(const struct snap *s, const struct dname *name, unsigned *ret_zone);

/* An iterator is plain data, valid as long as s. */
struct snap_iter {
    const struct snap *snap;
    unsigned zone;
    size_t at; /* private to the tree */
    const void *node;
};

/* Stands before the first RRset at or after from. Always 0. */
int snap_seek(const struct snap *s, struct snap_key from, struct snap_iter *ret_it);
/* The next RRset (not counted for the caller: it lives as long as the snapshot) and its zone; NULL
 * at the end of all zones. */
const struct rrset *snap_next(struct snap_iter *it, unsigned *ret_zone);
/* Exactly this one, or NULL. */
const struct rrset *snap_find(const struct snap *s, struct snap_key key);
const struct rrset *snap_find_name(const struct snap *s, unsigned zone, const struct dname *owner,
                                   uint16_t type);

/* For the one writer: a next snapshot is built beside the current one. */
struct snap_edit;
/* The empty snapshot, seq 0, of these zones. */
int snap_new(const struct dname *origins, unsigned nzones, struct snap **ret_snap);
int snap_edit_begin(struct snap *base, struct snap_edit **ret_edit);
/* Puts an RRset in the place of the one with its owner and type; takes over the caller's count,
 * also on failure. */
int snap_edit_set(struct snap_edit *e, unsigned zone, struct rrset *set);
int snap_edit_delete(struct snap_edit *e, struct snap_key key); /* 0 also where there is none */
/* As edited so far; NULL: none. Lives until the next edit of that key. */
const struct rrset *snap_edit_find(const struct snap_edit *e, struct snap_key key);
/* Walks the RRsets of one owner as edited so far: *at from 0; NULL at the end. */
const struct rrset *snap_edit_owner(const struct snap_edit *e, unsigned zone, struct str owner,
                                    size_t *at);
/* Turns the edit into a snapshot with a count of 1 and frees it; on failure too. serials: one a
 * zone. */
int snap_edit_commit(struct snap_edit *e, uint64_t seq, const struct hash128 *chain,
                     const uint32_t *serials, struct snap **ret_snap);
void snap_edit_abort(struct snap_edit *e);

#endif
