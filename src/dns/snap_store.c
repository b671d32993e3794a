/* A zone's storage as one sorted array. A changed zone costs a copy of its pointers a commit,
 * however many changes the commit has. */
#include "snap_store.h"

#include <stdatomic.h>
#include <stdlib.h>

struct snap_store {
    atomic_uint count;
    size_t n, nrecords;
    const struct rrset *sets[];
};

static struct snap_store *allocate(size_t n)
{
    struct snap_store *s;
    size_t size;

    if (__builtin_mul_overflow(n, sizeof(s->sets[0]), &size) ||
        __builtin_add_overflow(size, sizeof(*s), &size))
        return NULL;
    s = malloc(size);
    if (!s)
        return NULL;
    atomic_init(&s->count, 1);
    s->n = s->nrecords = 0;
    return s;
}

struct snap_store *snap_store_new(void)
{
    return allocate(0);
}

struct snap_store *snap_store_ref(struct snap_store *s)
{
    atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
    return s;
}

void snap_store_put(struct snap_store *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->count, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < s->n; i++)
        rrset_put(s->sets[i]);
    free(s);
}

size_t snap_store_rrsets(const struct snap_store *s)
{
    return s->n;
}

size_t snap_store_records(const struct snap_store *s)
{
    return s->nrecords;
}

static int cmp(const struct rrset *s, struct str owner, uint16_t type)
{
    return snap_key_cmp(rrset_owner_key(s), rrset_type(s), owner, type);
}

void snap_store_seek(const struct snap_store *s, struct str owner, uint16_t type, size_t *ret_at,
                     const void **ret_node)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cmp(s->sets[middle], owner, type) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_at = low;
    *ret_node = NULL;
}

const struct rrset *snap_store_next(const struct snap_store *s, size_t *at, const void **node)
{
    (void)node; /* an index says it all here */
    return *at < s->n ? s->sets[(*at)++] : NULL;
}

static void append(struct snap_store *s, const struct rrset *set)
{
    s->sets[s->n++] = rrset_ref(set);
    s->nrecords += rrset_rdatas(set).count;
}

int snap_store_apply(const struct snap_store *base, const struct snap_change *changes, size_t n,
                     struct snap_store **ret_store)
{
    struct snap_store *s = allocate(base->n + n);
    size_t at = 0;

    if (!s)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        int d = -1;
        while (at < base->n && (d = cmp(base->sets[at], changes[i].owner, changes[i].type)) < 0)
            append(s, base->sets[at++]);
        if (at < base->n && d == 0)
            at++;
        if (changes[i].set)
            append(s, changes[i].set);
    }
    while (at < base->n)
        append(s, base->sets[at++]);
    *ret_store = s;
    return 0;
}
