/* Snapshots as their readers see them. */
#include "snap.h"

#include <stdlib.h>

struct snap *snap_allocate(unsigned nzones)
{
    struct snap *s = calloc(1, sizeof(*s) + nzones * sizeof(s->parts[0]));

    if (!s)
        return NULL;
    atomic_init(&s->count, 1);
    s->nzones = nzones;
    return s;
}

int snap_new(const struct dname *origins, unsigned nzones, struct snap **ret_snap)
{
    struct snap *s = snap_allocate(nzones);

    if (!s)
        return -ENOMEM;
    for (unsigned i = 0; i < nzones; i++) {
        s->parts[i].info.origin = origins[i];
        dname_fold(&s->parts[i].info.origin);
        s->parts[i].store = snap_store_new();
        if (!s->parts[i].store) {
            snap_put(s);
            return -ENOMEM;
        }
    }
    *ret_snap = s;
    return 0;
}

struct snap *snap_ref(struct snap *s)
{
    atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
    return s;
}

void snap_put(struct snap *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->count, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < s->nzones; i++)
        snap_store_put(s->parts[i].store);
    free(s);
}

uint64_t snap_seq(const struct snap *s)
{
    return s->seq;
}

struct hash128 snap_chain(const struct snap *s)
{
    return s->chain;
}

unsigned snap_nzones(const struct snap *s)
{
    return s->nzones;
}

const struct snap_zone *snap_zone(const struct snap *s, unsigned zone)
{
    return &s->parts[zone].info;
}

int snap_zone_of(const struct snap *s, const struct dname *name, unsigned *ret_zone)
{
    const struct dname *best = NULL;
    unsigned best_zone = 0;

    for (unsigned i = 0; i < s->nzones; i++) {
        const struct dname *origin = &s->parts[i].info.origin;
        if (dname_below(name, origin) && (!best || origin->n > best->n)) {
            best = origin;
            best_zone = i;
        }
    }
    if (!best)
        return -BD_ENOZONE;
    *ret_zone = best_zone;
    return 0;
}

int snap_seek(const struct snap *s, struct snap_key from, struct snap_iter *ret_it)
{
    struct snap_iter it = {.snap = s, .zone = from.zone};

    if (from.zone < s->nzones)
        snap_store_seek(s->parts[from.zone].store, from.owner, from.type, &it.at, &it.node);
    *ret_it = it;
    return 0;
}

const struct rrset *snap_next(struct snap_iter *it, unsigned *ret_zone)
{
    while (it->zone < it->snap->nzones) {
        const struct snap_store *store = it->snap->parts[it->zone].store;
        const struct rrset *set = snap_store_next(store, &it->at, &it->node);
        if (set) {
            *ret_zone = it->zone;
            return set;
        }
        if (++it->zone < it->snap->nzones)
            snap_store_seek(it->snap->parts[it->zone].store, STR(""), 0, &it->at, &it->node);
    }
    return NULL;
}

const struct rrset *snap_find(const struct snap *s, struct snap_key key)
{
    if (key.zone >= s->nzones)
        return NULL;
    return snap_store_find(s->parts[key.zone].store, key.owner, key.type);
}

const struct rrset *snap_find_name(const struct snap *s, unsigned zone, const struct dname *owner,
                                   uint16_t type)
{
    uint8_t key[DNAME_KEY_MAX];
    size_t n = dname_key(owner, key);

    return snap_find(s, (struct snap_key){zone, {(const char *)key, n}, type});
}
