/* A hash table of what carries a link of its own: by a key of octets, or by a number. */
#ifndef BETTERDNS_TABLE_H
#define BETTERDNS_TABLE_H

#include <betterdns/str.h>

struct table_link {
    struct table_link *next, **at; /* what points here: many may have one hash */
    uint64_t hash;
};

struct table {
    struct table_link **buckets;
    size_t nbuckets, n;
};

/* Of the struct that has this link. */
#define TABLE_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

uint64_t table_hash(const void *bytes, size_t n);
uint64_t table_hash_number(uint64_t number); /* of its octets in memory */
uint64_t table_hash_more(uint64_t hash, const void *bytes, size_t n);

int table_add(struct table *t, struct table_link *link, uint64_t hash); /* -ENOMEM */
/* Makes room for more: table_add does not fail from now on. -ENOMEM. */
int table_room(struct table *t);
void table_remove(struct table *t, struct table_link *link);
/* All with this hash: start with at NULL. The caller compares the keys. */
struct table_link *table_next(const struct table *t, uint64_t hash, const struct table_link *at);
/* All there are, in no order: start with at NULL. Nothing is added meanwhile. */
struct table_link *table_walk(const struct table *t, const struct table_link *at);
void table_free(struct table *t); /* not what is in it */

#endif
