/* The next snapshot, while it is built: it shares the base's storage, and what is edited is copied
 * first. */
#include "snap.h"

#include <stdlib.h>

struct snap_edit {
    struct snap *next;
};

int snap_edit_begin(struct snap *base, struct snap_edit **ret_edit)
{
    struct snap_edit *e = malloc(sizeof(*e));
    struct snap *next = snap_allocate(base->nzones);

    if (!e || !next) {
        snap_put(next);
        free(e);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < base->nzones; i++) {
        next->parts[i].info = base->parts[i].info;
        next->parts[i].store = snap_store_ref(base->parts[i].store);
    }
    e->next = next;
    *ret_edit = e;
    return 0;
}

void snap_edit_abort(struct snap_edit *e)
{
    if (!e)
        return;
    snap_put(e->next);
    free(e);
}

int snap_edit_set(struct snap_edit *e, unsigned zone, struct rrset *set)
{
    int r = zone < e->next->nzones ? snap_store_set(&e->next->parts[zone].store, set) : -BD_ENOZONE;

    if (r < 0)
        rrset_put(set);
    return r;
}

int snap_edit_delete(struct snap_edit *e, struct snap_key key)
{
    if (key.zone >= e->next->nzones)
        return 0;
    return snap_store_delete(&e->next->parts[key.zone].store, key.owner, key.type);
}

const struct rrset *snap_edit_find(const struct snap_edit *e, struct snap_key key)
{
    return snap_find(e->next, key);
}

/* The position is the lowest type that was not looked at yet: it stays right whatever is edited
 * between two calls. */
const struct rrset *snap_edit_owner(const struct snap_edit *e, unsigned zone, struct str owner,
                                    size_t *at)
{
    size_t place;
    const void *node;

    if (zone >= e->next->nzones || *at > UINT16_MAX)
        return NULL;
    const struct snap_store *store = e->next->parts[zone].store;
    snap_store_seek(store, owner, (uint16_t)*at, &place, &node);
    const struct rrset *set = snap_store_next(store, &place, &node);
    if (!set || !str_eq(rrset_owner_key(set), owner))
        return NULL;
    *at = rrset_type(set) + 1U;
    return set;
}

int snap_edit_commit(struct snap_edit *e, uint64_t seq, const struct hash128 *chain,
                     const uint32_t *serials, struct snap **ret_snap)
{
    struct snap *next = e->next;

    for (unsigned i = 0; i < next->nzones; i++) {
        struct snap_part *part = &next->parts[i];
        part->info.serial = serials[i];
        part->info.nrrsets = snap_store_rrsets(part->store);
        part->info.nrecords = snap_store_records(part->store);
    }
    next->seq = seq;
    next->chain = *chain;
    free(e);
    *ret_snap = next;
    return 0;
}
