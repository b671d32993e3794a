/* The rules that only all records of a zone together can break. */
#include "check.h"

#include <stdio.h>

enum { TYPE_KEY = 25, TYPE_RRSIG = 46, TYPE_NSEC = 47 };

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

static unsigned line_of(const struct zp_entries *all, const struct zp_entry *e)
{
    unsigned line, column;

    lex_position(all->report.text, e->at, &line, &column);
    return line;
}

static const char *owner_text(const struct zp_entry *e, char out[DNAME_TEXT_MAX])
{
    struct dname name;

    if (dname_from_key(e->key, e->nkey, &name) < 0)
        name = (struct dname){.n = 1};
    dname_to_text(&name, out);
    return out;
}

static bool at_apex(const struct zp_entries *all, const struct zp_entry *e)
{
    return e->nkey == all->napex && memcmp(e->key, all->apex, all->napex) == 0;
}

static size_t token_size(const struct zp_entries *all, const char *at)
{
    const char *end = all->report.text.p + all->report.text.n, *p = at;

    while (p < end && (unsigned char)*p > ' ')
        p++;
    return p > at ? (size_t)(p - at) : 1;
}

/* Two different records where one may be (CNAME, SOA). */
static void refuse_second(struct zp_entries *all, const struct zp_entry *a,
                          const struct zp_entry *b)
{
    const struct zp_entry *first = a->at < b->at ? a : b, *second = a->at < b->at ? b : a;
    char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    struct lex_error e;

    zp_error_set(&e, second->at, token_size(all, second->at),
                 "a second %s of '%.100s': the first is in line %u",
                 rrtype_to_text(second->type, type), owner_text(second, owner),
                 line_of(all, first));
    zp_report_error(&all->report, &e);
}

static void refuse_beside_cname(struct zp_entries *all, const struct zp_entry *cname,
                                const struct zp_entry *other)
{
    const struct zp_entry *second = cname->at < other->at ? other : cname;
    char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    struct lex_error e;

    zp_error_set(&e, second->at, token_size(all, second->at),
                 "'%.100s' has a CNAME (line %u) and other data (%s in line %u)",
                 owner_text(cname, owner), line_of(all, cname), rrtype_to_text(other->type, type),
                 line_of(all, other));
    snprintf(e.hint, sizeof(e.hint), "a CNAME stands alone");
    zp_report_error(&all->report, &e);
}

void zp_check_ttl(struct zp_entries *all, const struct zp_entry *first,
                  const struct zp_entry *other)
{
    char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    struct lex_error e;

    zp_error_set(&e, other->at, token_size(all, other->at),
                 "TTL %u of '%.80s' %s differs from %u in line %u, which counts", other->ttl,
                 owner_text(other, owner), rrtype_to_text(other->type, type), first->ttl,
                 line_of(all, first));
    zp_report_warning(&all->report, &e);
}

/* What may stand beside a CNAME: the records that DNSSEC adds (RFC 4034 §3, §4; RFC 3007 §3.1). */
static bool beside_cname(uint16_t type)
{
    return type == TYPE_KEY || type == TYPE_RRSIG || type == TYPE_NSEC;
}

/* The records of one owner, n of them. */
static void check_owner(struct zp_entries *all, const struct zp_entry *e, size_t n)
{
    const struct zp_entry *cname = NULL, *other = NULL;

    for (size_t i = 0; i < n; i++) {
        if (e[i].type == RRTYPE_CNAME)
            cname = &e[i];
        else if (!beside_cname(e[i].type) && (!other || e[i].at < other->at))
            other = &e[i];
    }
    if (cname && other)
        refuse_beside_cname(all, cname, other);
}

void zp_check_owners(struct zp_entries *all)
{
    size_t start = 0;

    for (size_t i = 1; i <= all->n; i++) {
        if (i < all->n && zp_entry_cmp_owner(&all->e[start], &all->e[i]) == 0)
            continue;
        if (i - start > 1)
            check_owner(all, all->e + start, i - start);
        start = i;
    }
}

/* The entries of one RRset, sorted, without duplicates. */
void zp_check_set(struct zp_entries *all, const struct zp_entry *e, size_t n)
{
    const struct rrtype *row = rrtype_by_code(e->type);
    struct lex_error error;

    if (row && (row->flags & RRTYPE_SINGLE) && n > 1)
        refuse_second(all, &e[0], &e[1]);
    if (e->type == RRTYPE_SOA && !at_apex(all, e)) {
        char owner[DNAME_TEXT_MAX];
        zp_error_set(&error, e->at, token_size(all, e->at),
                     "an SOA at '%.100s', which is not the zone's apex", owner_text(e, owner));
        zp_report_error(&all->report, &error);
    }
}

static const struct zp_entry *apex_entry(const struct zp_entries *all, uint16_t type)
{
    for (size_t i = 0; i < all->n && at_apex(all, &all->e[i]); i++) {
        if (all->e[i].type == type)
            return &all->e[i];
    }
    return NULL;
}

void zp_check_apex(struct zp_entries *all, const struct dname *origin, uint32_t *ret_serial)
{
    const struct zp_entry *soa = apex_entry(all, RRTYPE_SOA);
    struct lex_error e;
    char apex[DNAME_TEXT_MAX];

    dname_to_text(origin, apex);
    if (!soa) {
        zp_error_set(&e, all->report.text.p, 1, "the zone has no SOA record at '%.100s'", apex);
        snprintf(e.hint, sizeof(e.hint), "as in: @ SOA ns1 hostmaster 1 3600 600 604800 10");
        zp_report_error(&all->report, &e);
        return;
    }
    *ret_serial = soa_serial(soa->rdata, zp_entry_size(soa));
    if (!apex_entry(all, RRTYPE_NS)) {
        zp_error_set(&e, soa->at, token_size(all, soa->at), "the zone has no NS record at '%.100s'",
                     apex);
        snprintf(e.hint, sizeof(e.hint), "as in: @ NS ns1");
        zp_report_error(&all->report, &e);
    }
}
