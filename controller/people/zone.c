/* The records of a zone file beside those of a snapshot. */
#include "people/zone.h"

#include <stdlib.h>

#include <betterdns/registry.h>

/* Both sides in canonical order. */
struct walk {
    const struct zp_zone *file;
    size_t at; /* of the next one in file */
    uint16_t type;
    uint32_t ttl;
    struct rdset rdatas;
    struct str owner_key; /* p NULL: the file has no more */

    struct snap_iter it;
    unsigned zone;
    const struct rrset *set; /* NULL: the snapshot has no more */
};

static void next_of_file(struct walk *w)
{
    w->owner_key = (struct str){0};
    if (w->at == zp_zone_nrrsets(w->file))
        return;
    w->owner_key = zp_zone_key(w->file, w->at);
    zp_zone_rrset(w->file, w->at++, NULL, &w->type, &w->ttl, &w->rdatas);
}

static void next_of_snapshot(struct walk *w)
{
    unsigned zone = w->zone;

    w->set = snap_next(&w->it, &zone);
    if (zone != w->zone)
        w->set = NULL;
}

/* Below 0: the file's comes first. */
static int compare(const struct walk *w)
{
    if (!w->owner_key.p || !w->set)
        return w->set ? 1 : -1;
    return rrset_key_cmp(w->owner_key, w->type, rrset_owner_key(w->set), rrset_type(w->set));
}

static bool differs(const struct walk *w)
{
    struct rdset rdatas = rrset_rdatas(w->set);

    return w->ttl != rrset_ttl(w->set) || !rdset_eq(w->type, &w->rdatas, &rdatas);
}

static int add(struct zone_diff *d, const struct zp_edit_set *set)
{
    if (d->n == d->room) {
        size_t room = d->room ? d->room * 2 : 16;
        struct zp_edit_set *sets = realloc(d->sets, room * sizeof(*sets));
        if (!sets)
            return -ENOMEM;
        d->sets = sets;
        d->room = room;
    }
    d->sets[d->n++] = *set;
    return 0;
}

static int add_gone(struct zone_diff *d, const struct walk *w)
{
    struct zp_edit_set gone;

    zp_zone_rrset(w->file, w->at - 1, &gone.owner, &gone.type, &gone.ttl, &gone.rdatas);
    gone.rdatas = (struct rdset){0};
    return add(d, &gone);
}

static int add_wanted(struct zone_diff *d, const struct rrset *set)
{
    struct zp_edit_set wanted = {
        .type = rrset_type(set), .ttl = rrset_ttl(set), .rdatas = rrset_rdatas(set)};

    rrset_owner(set, &wanted.owner);
    return add(d, &wanted);
}

int zone_diff_add(struct zone_diff *d, const struct zp_zone *file, const struct snap *s,
                  unsigned zone)
{
    struct walk w = {.file = file, .zone = zone};

    int r = snap_seek(s, (struct snap_key){.zone = zone}, &w.it);
    next_of_file(&w);
    next_of_snapshot(&w);
    while (r == 0 && (w.owner_key.p || w.set)) {
        int c = compare(&w);
        if (c < 0)
            r = add_gone(d, &w);
        else if (c > 0 || differs(&w))
            r = add_wanted(d, w.set);
        if (c <= 0)
            next_of_file(&w);
        if (c >= 0)
            next_of_snapshot(&w);
    }
    return r;
}

void zone_diff_free(struct zone_diff *d)
{
    free(d->sets);
    *d = (struct zone_diff){0};
}

void zone_marker(const struct snap *s, unsigned zone, struct buf *out)
{
    const struct hash128 hash = registry_marker_hash(s, zone);

    zp_write_marker(snap_seq(s), &hash, out);
}

int zone_print(const struct snap *s, unsigned zone, struct buf *out)
{
    const struct dname *origin = &snap_zone(s, zone)->origin;
    const struct rrset *soa = snap_find_name(s, zone, origin, RRTYPE_SOA), *set;
    char name[DNAME_TEXT_MAX];
    struct snap_iter it;
    struct dname owner;
    unsigned at;

    if (!soa)
        return -BD_ECORRUPT;
    dname_to_text(origin, name);
    zone_marker(s, zone, out);
    buf_addf(out, "$ORIGIN %s\n$TTL %u\n", name, rrset_ttl(soa));
    struct rdset rdatas = rrset_rdatas(soa);
    zp_write_people(origin, origin, RRTYPE_SOA, rrset_ttl(soa), &rdatas, out);
    snap_seek(s, (struct snap_key){.zone = zone}, &it);
    while (!out->error && (set = snap_next(&it, &at)) && at == zone) {
        if (set == soa)
            continue;
        rrset_owner(set, &owner);
        rdatas = rrset_rdatas(set);
        zp_write_people(&owner, origin, rrset_type(set), rrset_ttl(set), &rdatas, out);
    }
    return out->error;
}
