/* The next snapshot, built beside the current one: edits gather in a list a zone, and a commit
 * merges each list once. */
#include "snap.h"
#include "snap_list.h"

#include <stdlib.h>

struct snap_edit {
    struct snap *base;
    struct snap_list lists[]; /* one a zone */
};

int snap_edit_begin(struct snap *base, struct snap_edit **ret_edit)
{
    struct snap_edit *e = malloc(sizeof(*e) + base->nzones * sizeof(e->lists[0]));

    if (!e)
        return -ENOMEM;
    e->base = snap_ref(base);
    for (unsigned i = 0; i < base->nzones; i++)
        snap_list_init(&e->lists[i]);
    *ret_edit = e;
    return 0;
}

void snap_edit_abort(struct snap_edit *e)
{
    if (!e)
        return;
    for (unsigned i = 0; i < e->base->nzones; i++)
        snap_list_clear(&e->lists[i]);
    snap_put(e->base);
    free(e);
}

/* Puts or (NULL) deletes; takes over the count of set on success. */
static int edit(struct snap_edit *e, struct snap_key key, struct rrset *set)
{
    if (key.zone >= e->base->nzones)
        return -BD_ENOZONE;
    struct snap_list *list = &e->lists[key.zone];
    struct snap_change *c = snap_list_find(list, key.owner, key.type);
    if (!c)
        return snap_list_add(list, key.owner, key.type, set);
    rrset_put(c->set);
    c->set = set;
    return 0;
}

int snap_edit_set(struct snap_edit *e, unsigned zone, struct rrset *set)
{
    int r = edit(e, (struct snap_key){zone, rrset_owner_key(set), rrset_type(set)}, set);

    if (r < 0)
        rrset_put(set);
    return r;
}

int snap_edit_delete(struct snap_edit *e, struct snap_key key)
{
    if (!snap_edit_find(e, key))
        return 0;
    return edit(e, key, NULL);
}

const struct rrset *snap_edit_find(const struct snap_edit *e, struct snap_key key)
{
    if (key.zone >= e->base->nzones)
        return NULL;
    const struct snap_change *c = snap_list_find(&e->lists[key.zone], key.owner, key.type);
    return c ? c->set : snap_find(e->base, key);
}

/* The RRset of the base with that owner and the lowest type from key.type on, or NULL. */
static const struct rrset *base_owner(const struct snap_edit *e, struct snap_key key)
{
    const struct snap_store *store = e->base->parts[key.zone].store;
    const void *node;
    size_t at;

    snap_store_seek(store, key.owner, key.type, &at, &node);
    const struct rrset *set = snap_store_next(store, &at, &node);
    return set && str_eq(rrset_owner_key(set), key.owner) ? set : NULL;
}

/* The position is the lowest type that was not looked at yet: it stays right whatever is edited
 * between two calls. */
const struct rrset *snap_edit_owner(const struct snap_edit *e, unsigned zone, struct str owner,
                                    size_t *at)
{
    while (zone < e->base->nzones && *at <= UINT16_MAX) {
        struct snap_key key = {zone, owner, (uint16_t)*at};
        const struct rrset *set = base_owner(e, key);
        const struct snap_change *c = snap_list_seek(&e->lists[zone], owner, key.type);
        bool edited = c && str_eq(c->owner, owner) && (!set || c->type <= rrset_type(set));
        if (edited)
            set = c->set;
        else if (!set)
            break;
        *at = (edited ? c->type : rrset_type(set)) + 1U;
        if (set)
            return set;
    }
    return NULL;
}

/* The zone's store after its edits; the base's own where there are none. */
static int merge(const struct snap_edit *e, unsigned zone, struct snap_store **ret_store)
{
    const struct snap_list *list = &e->lists[zone];
    struct snap_store *base = e->base->parts[zone].store;
    struct snap_change *changes;
    int r;

    if (list->n == 0) {
        *ret_store = snap_store_ref(base);
        return 0;
    }
    changes = malloc(list->n * sizeof(*changes));
    if (!changes)
        return -ENOMEM;
    snap_list_copy(list, changes);
    r = snap_store_apply(base, changes, list->n, ret_store);
    free(changes);
    return r;
}

int snap_edit_commit(struct snap_edit *e, uint64_t seq, const struct hash128 *chain,
                     const uint32_t *serials, struct snap **ret_snap)
{
    struct snap *next = snap_allocate(e->base->nzones);
    int r = next ? 0 : -ENOMEM;

    for (unsigned i = 0; r == 0 && i < next->nzones; i++) {
        struct snap_part *part = &next->parts[i];
        part->info = e->base->parts[i].info;
        part->info.serial = serials[i];
        r = merge(e, i, &part->store);
        if (r == 0) {
            part->info.nrrsets = snap_store_rrsets(part->store);
            part->info.nrecords = snap_store_records(part->store);
        }
    }
    snap_edit_abort(e);
    if (r < 0) {
        snap_put(next);
        return r;
    }
    next->seq = seq;
    next->chain = *chain;
    *ret_snap = next;
    return 0;
}
