/* Where the names in a zone's records lead: to an address, an alias, another zone, nowhere. */
#include "check.h"
#include "parser.h"

enum { TYPE_DNAME = 39 };

enum target { HAS_ADDRESS, IS_ALIAS, NO_ADDRESS, ABSENT, ELSEWHERE };

/* The first entry that is not before this type of the owner: an owner may have very many records,
 * of which none is looked at in vain. */
static size_t lower_bound(const struct zp_entries *all, const struct zp_entry *owner, uint16_t type)
{
    size_t low = 0, high = all->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct zp_entry *e = &all->e[middle];
        int c = zp_entry_cmp_owner(e, owner);
        if (c < 0 || (c == 0 && e->type < type))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct zp_entry *zp_find_type(const struct zp_entries *all, const struct zp_entry *owner,
                                    uint16_t type)
{
    size_t i = lower_bound(all, owner, type);

    return i < all->n && all->e[i].type == type && zp_entry_cmp_owner(&all->e[i], owner) == 0
               ? &all->e[i]
               : NULL;
}

/* Does the name have records, or a name below it? */
static bool exists(const struct zp_entries *all, const struct zp_entry *owner)
{
    size_t i = lower_bound(all, owner, 0);

    return i < all->n && zp_entry_below(&all->e[i], owner);
}

/* Makes the owner's RRset of this type glue. False: there is none. */
static bool mark_glue(struct zp_entries *all, const struct zp_entry *owner, uint16_t type)
{
    const struct zp_entry *e = zp_find_type(all, owner, type);

    if (e)
        all->e[e - all->e].glue = true;
    return e != NULL;
}

/* The owner's addresses become glue; what it is otherwise. */
static enum target look_at(struct zp_entries *all, const struct zp_entry *owner,
                           const struct zp_entry **ret_alias)
{
    bool ipv4 = mark_glue(all, owner, RRTYPE_A), ipv6 = mark_glue(all, owner, RRTYPE_AAAA);

    if (ipv4 || ipv6)
        return HAS_ADDRESS;
    *ret_alias = zp_find_type(all, owner, RRTYPE_CNAME);
    if (*ret_alias)
        return IS_ALIAS;
    return exists(all, owner) ? NO_ADDRESS : ABSENT;
}

/* The owner's parent; false: it is the apex. */
static bool shorten(const struct zp_entries *all, struct zp_entry *owner)
{
    size_t n = owner->nkey;

    if (n <= all->napex)
        return false;
    do
        n--; /* the end of the last label, then the label */
    while (n > all->napex && owner->key[n - 1] != 0);
    zp_entry_key(all, owner->key, n, owner);
    return true;
}

/* A name without an address: is it another zone's, or does a wildcard stand for it (RFC 4592
 * §3.3.1)? */
static enum target look_above(struct zp_entries *all, const struct zp_entry *name,
                              enum target found)
{
    struct zp_entry above = *name, star = *name;
    const struct zp_entry *alias;
    bool enclosed = found != ABSENT;

    do {
        uint8_t key[DNAME_KEY_MAX + 2];
        if (zp_entry_at_apex(all, &above)
                ? zp_find_type(all, &above, TYPE_DNAME) != NULL
                : zp_find_type(all, &above, RRTYPE_NS) || zp_find_type(all, &above, TYPE_DNAME))
            return ELSEWHERE;
        if (enclosed || !exists(all, &above))
            continue;
        enclosed = true;
        memcpy(key, above.key, above.nkey);
        memcpy(key + above.nkey, "*", 2);
        zp_entry_key(all, key, above.nkey + 2U, &star);
        if (exists(all, &star))
            found = look_at(all, &star, &alias);
    } while (shorten(all, &above));
    return found;
}

bool zp_target(const struct zp_entry *e, struct dname *ret_name)
{
    size_t at;

    switch (e->type) {
    case RRTYPE_NS:
    case RRTYPE_CNAME: at = 0; break;
    case RRTYPE_MX: at = 2; break;
    case RRTYPE_SRV: at = 6; break;
    default: return false;
    }
    return zp_entry_size(e) > at &&
           dname_from_wire(e->rdata + at, zp_entry_size(e) - at, ret_name) > 0;
}

/* "192.0.2.1" without a final dot: four labels of digits before the apex. Names of reverse zones
 * look like that too. */
static bool like_address(const struct dname *target, const struct dname *apex)
{
    static const struct dname arpa = {6, "\4arpa"};
    unsigned labels = 0;

    if (dname_labels(target) != dname_labels(apex) + 4 || dname_below(apex, &arpa))
        return false;
    for (size_t at = 0; labels < 4; labels++) {
        for (size_t i = 1; i <= target->b[at]; i++) {
            if (target->b[at + i] < '0' || target->b[at + i] > '9')
                return false;
        }
        at += target->b[at] + 1U;
    }
    return true;
}

/* The parser has asked about the final dot already. */
static bool doubled(const struct dname *name, const struct dname *apex)
{
    struct zp_origin origin;

    zp_origin_set(&origin, apex, apex);
    return zp_doubled(&origin, name->b, name->n);
}

void zp_check_target(struct zp_entries *all, const struct dname *apex, const struct zp_entry *e)
{
    uint8_t key[DNAME_KEY_MAX];
    struct dname name;
    struct zp_entry owner = {.at = NULL};
    const struct zp_entry *alias = NULL;
    enum target found;

    if (!zp_target(e, &name) || !zp_ends_in(name.b, name.n, apex) || dname_is_root(&name))
        return;
    if (like_address(&name, apex)) {
        zp_found(all, ZP_ADDRESS, e, NULL);
        return;
    }
    zp_entry_key(all, key, dname_key(&name, key), &owner);
    found = look_at(all, &owner, &alias);
    if (found == NO_ADDRESS || found == ABSENT)
        found = look_above(all, &owner, found);
    /* RFC 1034 §4.2.1: glue is needed where the server's name is delegated together with what it
     * serves. */
    if (found == ELSEWHERE && e->type == RRTYPE_NS && !zp_entry_at_apex(all, e) &&
        zp_entry_below(&owner, e))
        zp_found(all, ZP_NO_GLUE, e, NULL);
    else if (found == IS_ALIAS && alias && e->type != RRTYPE_CNAME)
        zp_found(all, ZP_ALIAS, e, alias); /* RFC 2181 §10.3, RFC 2782 */
    else if (found == NO_ADDRESS && e->type != RRTYPE_CNAME)
        zp_found(all, ZP_NO_ADDRESS, e, NULL);
    /* Names that are served elsewhere, or not yet, are ordinary in a CNAME; one with a dot in it
     * was rather meant to end in one. */
    else if (found == ABSENT && !doubled(&name, apex) &&
             (e->type != RRTYPE_CNAME || dname_labels(&name) > dname_labels(apex) + 1))
        zp_found(all, ZP_NO_TARGET, e, NULL);
}
