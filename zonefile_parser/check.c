/* The rules that only all records of a zone together can break. One walk over the owners in
 * canonical order: what is below a name stands directly behind it. */
#include "check.h"

enum { TYPE_DNAME = 39, TYPE_DS = 43, TYPE_RRSIG = 46, TYPE_NSEC = 47 };

/* The records of one owner, and what stands above them. */
struct place {
    const struct zp_entry *cut;   /* the NS of a delegation at this owner or above it */
    const struct zp_entry *dname; /* above it */
    const struct dname *apex;
    bool complete;
    bool addresses_below; /* some were seen */
};

void zp_entry_key(const struct zp_entries *all, const uint8_t *key, size_t n, struct zp_entry *e)
{
    e->key = key;
    e->nkey = (uint16_t)n;
    e->prefix = 0;
    for (size_t i = all->napex; i < all->napex + 8; i++)
        e->prefix = e->prefix << 8 | (i < n ? key[i] : 0);
}

int zp_entry_cmp_owner(const struct zp_entry *a, const struct zp_entry *b)
{
    size_t n = a->nkey < b->nkey ? a->nkey : b->nkey;
    int c;

    if (a->key == b->key)
        return 0;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    c = memcmp(a->key, b->key, n);
    return c ? c : (a->nkey > b->nkey) - (a->nkey < b->nkey);
}

int zp_entry_cmp_rdata(const struct zp_entry *a, const struct zp_entry *b)
{
    return rdata_cmp(a->type, a->rdata, zp_entry_size(a), b->rdata, zp_entry_size(b));
}

bool zp_entry_at_apex(const struct zp_entries *all, const struct zp_entry *e)
{
    return e->nkey == all->napex && memcmp(e->key, all->apex, all->napex) == 0;
}

bool zp_entry_below(const struct zp_entry *a, const struct zp_entry *b)
{
    return a->nkey >= b->nkey && memcmp(a->key, b->key, b->nkey) == 0;
}

static bool is_address(uint16_t type)
{
    return type == RRTYPE_A || type == RRTYPE_AAAA;
}

/* ---- one RRset ---- */

static const struct zp_entry *first_in_text(const struct zp_entry *e, size_t n)
{
    const struct zp_entry *first = e;

    for (size_t i = 1; i < n; i++) {
        if (e[i].order < first->order)
            first = &e[i];
    }
    return first;
}

/* Repeated records, and the first other TTL (RFC 2181 §5.2). */
static void warn_set(struct zp_entries *all, const struct zp_entry *e, size_t n)
{
    const struct zp_entry *first = first_in_text(e, n), *other = NULL, *same = e;

    for (size_t i = 0; i < n; i++) {
        bool repeated = i > 0 && zp_entry_cmp_rdata(same, &e[i]) == 0;
        if (repeated)
            zp_found(all, ZP_DUPLICATE, &e[i], same);
        else
            same = &e[i];
        if (!repeated && e[i].ttl != first->ttl && (!other || e[i].order < other->order))
            other = &e[i];
    }
    if (other)
        zp_found(all, ZP_TTL, other, first);
}

static void check_set(struct zp_entries *all, const struct zp_entry *e, size_t n)
{
    const struct rrtype *row = rrtype_by_code(e->type);

    if (e->type == RRTYPE_SOA && !zp_entry_at_apex(all, e))
        zp_found(all, ZP_SOA_ELSEWHERE, e, NULL);
    if (n == 1)
        return;
    if (row && (row->flags & RRTYPE_SINGLE)) {
        const struct zp_entry *first = first_in_text(e, n);
        for (size_t i = 0; i < n; i++) {
            if (zp_entry_cmp_rdata(first, &e[i]) != 0)
                zp_found(all, ZP_SECOND, &e[i], first);
        }
    }
    if (zp_wants_warnings(all))
        warn_set(all, e, n);
}

/* ---- one owner ---- */

/* What a zone says of a name that it delegates: the NS, and what DNSSEC adds (RFC 4035 §2). */
static bool at_cut(uint16_t type)
{
    return type == RRTYPE_NS || type == TYPE_DS || type == TYPE_RRSIG || type == TYPE_NSEC;
}

static void check_cname(struct zp_entries *all, const struct zp_entry *e, size_t n)
{
    const struct zp_entry *cname = NULL, *other = NULL;

    for (size_t i = 0; i < n; i++) {
        if (e[i].type == RRTYPE_CNAME)
            cname = &e[i];
        else if (!rrtype_beside_cname(e[i].type) && (!other || e[i].order < other->order))
            other = &e[i];
    }
    if (cname && other)
        zp_found(all, ZP_BESIDE_CNAME, cname, other);
}

static const struct zp_entry *first_of(const struct zp_entry *e, size_t n, uint16_t type)
{
    for (size_t i = 0; i < n; i++) {
        if (e[i].type == type)
            return &e[i];
    }
    return NULL;
}

/* The RRset e of a name that is delegated: glue, or never answered from here. */
static void warn_delegated(struct zp_entries *all, struct zp_entry *e, struct place *pl)
{
    if (is_address(e->type)) {
        e->below = true; /* one of an RRset stands for all */
        pl->addresses_below = true;
    } else if (zp_entry_cmp_owner(e, pl->cut) != 0 || !(at_cut(e->type) || e->type == TYPE_DNAME)) {
        zp_found(all, ZP_DELEGATED, e, pl->cut);
    }
}

static void warn_place(struct zp_entries *all, struct zp_entry *e, size_t n, struct place *pl)
{
    bool cut = pl->cut && zp_entry_cmp_owner(e, pl->cut) == 0;

    /* RFC 6672 §2.4: no records below a DNAME. Some servers refuse such a zone, others load it;
     * what registers meanwhile cannot know, hence a warning. */
    if (pl->dname)
        zp_found(all, ZP_BELOW_DNAME, e, pl->dname);
    else if (pl->cut)
        warn_delegated(all, e, pl);
    if (!pl->complete || pl->dname || (pl->cut && !(cut && e->type == RRTYPE_NS)))
        return;
    for (size_t i = 0; i < n && zp_wants_warnings(all); i++)
        zp_check_target(all, pl->apex, &e[i]);
}

static void check_owner(struct zp_entries *all, struct zp_entry *e, size_t n, struct place *pl)
{
    const struct zp_entry *dname = first_of(e, n, TYPE_DNAME);
    const struct zp_entry *ns = first_of(e, n, RRTYPE_NS);
    size_t start = 0;

    if (pl->cut && !zp_entry_below(e, pl->cut))
        pl->cut = NULL;
    if (pl->dname && !zp_entry_below(e, pl->dname))
        pl->dname = NULL;
    if (!pl->cut && ns && !zp_entry_at_apex(all, e))
        pl->cut = ns;
    if (n > 1)
        check_cname(all, e, n);
    if (dname && ns && !zp_entry_at_apex(all, e)) /* RFC 6672 §2.3 */
        zp_found(all, ZP_DNAME_AND_NS, ns, dname);
    for (size_t i = 1; i <= n; i++) {
        if (i < n && e[i].type == e[start].type)
            continue;
        check_set(all, e + start, i - start);
        if (zp_wants_warnings(all))
            warn_place(all, e + start, i - start, pl);
        start = i;
    }
    if (!pl->dname)
        pl->dname = dname;
}

/* ---- the zone ---- */

const struct zp_entry *zp_find_apex(const struct zp_entries *all, uint16_t type)
{
    for (size_t i = 0; i < all->n && zp_entry_at_apex(all, &all->e[i]); i++) {
        if (all->e[i].type == type)
            return &all->e[i];
    }
    return NULL;
}

/* RFC 1035 §3.3.13: the mailbox is a name, with a dot where an address has its '@'. */
static void warn_mailbox(struct zp_entries *all, const struct zp_entry *soa)
{
    struct soa parts;

    if (soa_from_rdata(soa->rdata, zp_entry_size(soa), &parts) == 0 &&
        memchr(parts.rname.b, '@', parts.rname.n))
        zp_found(all, ZP_MAILBOX, soa, NULL);
}

static void check_apex(struct zp_entries *all)
{
    const struct zp_entry *soa = zp_find_apex(all, RRTYPE_SOA);
    const struct zp_entry nowhere = {.at = all->report.text.p, .key = all->apex};

    if (!soa)
        zp_found(all, ZP_NO_SOA, &nowhere, NULL);
    else if (!zp_find_apex(all, RRTYPE_NS))
        zp_found(all, ZP_NO_NS, soa, NULL);
    if (soa)
        warn_mailbox(all, soa);
}

/* Addresses below a delegation that no NS names. The walk has seen all NS by now. */
static void warn_no_glue(struct zp_entries *all)
{
    const struct zp_entry *cut = NULL;

    for (size_t i = 0; i < all->n && zp_wants_warnings(all); i++) {
        const struct zp_entry *e = &all->e[i];
        if (cut && !zp_entry_below(e, cut))
            cut = NULL;
        if (!cut && e->type == RRTYPE_NS && !zp_entry_at_apex(all, e))
            cut = e;
        if (!e->below || e->glue)
            continue;
        /* An address of the delegated name itself sorts before its NS. */
        zp_found(all, ZP_DELEGATED, e, cut ? cut : zp_find_type(all, e, RRTYPE_NS));
    }
}

void zp_check(struct zp_entries *all, const struct dname *apex, bool complete)
{
    struct place pl = {.apex = apex, .complete = complete};
    size_t start = 0;

    for (size_t i = 1; i <= all->n; i++) {
        if (i < all->n && zp_entry_cmp_owner(&all->e[start], &all->e[i]) == 0)
            continue;
        check_owner(all, all->e + start, i - start, &pl);
        start = i;
    }
    if (!complete)
        return;
    check_apex(all);
    if (pl.addresses_below)
        warn_no_glue(all);
}
