/* Versions of a zone's records, to be compared with each other: of a file, of a snapshot, of an
 * earlier save. Records only: no registrations. */
#ifndef BETTERDNS_REGISTRY_VERSION_H
#define BETTERDNS_REGISTRY_VERSION_H

#include <betterdns/pool.h>
#include <betterdns/snapshot.h>
#include <betterdns/zonefile.h>

struct version_set {
    struct str key; /* dname_key of the owner */
    uint16_t type;
    uint32_t ttl;
    struct rdset rdatas; /* never empty */
};

/* In canonical order; sets are views of pools, of snapshots, of zones. */
struct version {
    struct version_set *p; /* a pool's */
    size_t n, cap;
};

/* All return 0 or -ENOMEM; results lie in the pool, and in what they were made of. */

/* Appends a set behind the last one: its key is greater, but in a list for version_fold. */
int version_add(struct pool *p, struct version *v, const struct version_set *set);
/* file: NULL all records; "" those of the text itself; else those of the included file with this
 * name. A set has the TTL that it has in the whole. */
int version_of_zone(struct pool *p, const struct zp_zone *z, const char *file,
                    struct version *ret_version);
int version_of_snap(struct pool *p, const struct snap *s, unsigned zone,
                    struct version *ret_version);

/* Walks two versions in step: x or y is NULL where a set is in one only. Other than 0 ends it. */
typedef int version_pair_fn(void *arg, const struct version_set *x, const struct version_set *y);
int version_walk(const struct version *a, const struct version *b, version_pair_fn *fn, void *arg);

/* Records of either; of a set or record in both, TTL and spelling are a's. */
int version_union(struct pool *p, const struct version *a, const struct version *b,
                  struct version *ret_version);
/* The union of sets that stand in any order. By halves: one with each of many would copy all that
 * was there each time. */
int version_fold(struct pool *p, const struct version *list, struct version *ret_version);
/* Records of a that b has, too. */
int version_both(struct pool *p, const struct version *a, const struct version *b,
                 struct version *ret_version);
/* Records of a that b has not. */
int version_minus(struct pool *p, const struct version *a, const struct version *b,
                  struct version *ret_version);
/* Sets of a whose owner and type b has not. */
int version_without(struct pool *p, const struct version *a, const struct version *b,
                    struct version *ret_version);
const struct version_set *version_find(const struct version *v, struct str key, uint16_t type);
/* Equal in records and TTLs; of an SOA the serial does not count. */
bool version_same(const struct version *a, const struct version *b);
bool version_set_same(const struct version_set *a, const struct version_set *b);

/* The records of a that b has not. */
int version_minus_set(struct pool *p, uint16_t type, const struct rdset *a, const struct rdset *b,
                      struct rdset *ret_set);
/* Of one side of a pair; none where it is NULL. */
static inline struct rdset version_records(const struct version_set *set)
{
    return set ? set->rdatas : (struct rdset){0};
}
/* Has a record of a that b has not? */
bool version_exceeds(uint16_t type, const struct rdset *a, const struct rdset *b);

#endif
