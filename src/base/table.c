/* Hash tables of links that are part of what they hold. */
#include <betterdns/table.h>

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_LEAST 16

/* FNV-1a: keys are names and ids that were judged valid before. Nobody gains by a slow table but
 * who may register 100,000 names anyway. */
uint64_t table_hash_more(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t table_hash(const void *bytes, size_t n)
{
    return table_hash_more(UINT64_C(0xcbf29ce484222325), bytes, n);
}

uint64_t table_hash_number(uint64_t number)
{
    return table_hash(&number, sizeof(number));
}

/* The low bits of FNV alone would do, but numbers are hashed by octets that are mostly zero. */
static size_t place(const struct table *t, uint64_t hash)
{
    return (size_t)((hash ^ (hash >> 32)) & (t->nbuckets - 1));
}

static void put(struct table *t, struct table_link *link)
{
    struct table_link **at = &t->buckets[place(t, link->hash)];

    link->next = *at;
    link->at = at;
    if (link->next)
        link->next->at = &link->next;
    *at = link;
}

static int grow(struct table *t)
{
    struct table bigger = {.nbuckets = t->nbuckets ? 2 * t->nbuckets : BUCKETS_LEAST, .n = t->n};

    bigger.buckets = calloc(bigger.nbuckets, sizeof(struct table_link *));
    if (!bigger.buckets)
        return -ENOMEM;
    for (size_t i = 0; i < t->nbuckets; i++)
        for (struct table_link *link = t->buckets[i]; link;) {
            struct table_link *next = link->next;
            put(&bigger, link);
            link = next;
        }
    free(t->buckets);
    *t = bigger;
    return 0;
}

int table_room(struct table *t)
{
    return t->nbuckets > 0 ? 0 : grow(t);
}

int table_add(struct table *t, struct table_link *link, uint64_t hash)
{
    /* A table that cannot grow goes on a little slower; only the first buckets are needed. */
    if (t->n >= t->nbuckets && grow(t) < 0 && t->nbuckets == 0)
        return -ENOMEM;
    link->hash = hash;
    put(t, link);
    t->n++;
    return 0;
}

void table_remove(struct table *t, struct table_link *link)
{
    *link->at = link->next;
    if (link->next)
        link->next->at = link->at;
    t->n--;
}

struct table_link *table_next(const struct table *t, uint64_t hash, const struct table_link *at)
{
    if (t->nbuckets == 0)
        return NULL;
    struct table_link *link = at ? at->next : t->buckets[place(t, hash)];
    while (link && link->hash != hash)
        link = link->next;
    return link;
}

struct table_link *table_walk(const struct table *t, const struct table_link *at)
{
    if (at && at->next)
        return at->next;
    for (size_t i = at ? place(t, at->hash) + 1 : 0; i < t->nbuckets; i++)
        if (t->buckets[i])
            return t->buckets[i];
    return NULL;
}

void table_free(struct table *t)
{
    free(t->buckets);
    *t = (struct table){0};
}
