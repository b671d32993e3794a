/* A whole zone: its records collected, sorted, folded, and the rules that only all of them together
 * can break. */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#define CHUNK_MIN ((size_t)1 << 12)
#define CHUNK_MAX ((size_t)1 << 20)

enum { TYPE_KEY = 25, TYPE_RRSIG = 46, TYPE_NSEC = 47 };

struct chunk {
    struct chunk *next;
    size_t n, cap;
    uint8_t b[];
};

/* A record as collected. */
struct entry {
    uint64_t prefix; /* the first octets of the owner's key behind the apex', to compare at once */
    const uint8_t *key;   /* dname_key of the owner */
    const uint8_t *rdata; /* two octets of length before it, as in a packed set */
    const char *at;
    uint32_t ttl;
    uint16_t nkey, type;
};

struct set {
    const uint8_t *key;
    uint16_t nkey, type;
    uint32_t ttl;
    struct rdset rdatas;
};

struct zp_zone {
    struct chunk *chunks; /* keys and rdata */
    size_t chunk_size;
    struct entry *entries;
    struct set *sets;
    size_t nentries, cap, nsets;
    uint8_t apex[DNAME_KEY_MAX];
    size_t napex;
    struct dname last; /* the owner of the last entry */
    uint32_t serial;
    struct zp_report report;
};

static void *take(struct zp_zone *z, size_t n)
{
    struct chunk *c = z->chunks;

    if (!c || c->cap - c->n < n) {
        size_t cap = n > z->chunk_size ? n : z->chunk_size;
        c = malloc(sizeof(*c) + cap);
        if (!c)
            return NULL;
        *c = (struct chunk){.next = z->chunks, .cap = cap};
        z->chunks = c;
    }
    c->n += n;
    return c->b + c->n - n;
}

void zp_zone_free(struct zp_zone *z)
{
    if (!z)
        return;
    for (struct chunk *c = z->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(z->entries);
    free(z->sets);
    free(z);
}

/* ---- collecting ---- */

static int add_owner(struct zp_zone *z, const struct dname *owner, struct entry *e)
{
    uint8_t key[DNAME_KEY_MAX], *copy;
    size_t n;

    if (z->nentries && owner->n == z->last.n && memcmp(owner->b, z->last.b, owner->n) == 0) {
        const struct entry *before = &z->entries[z->nentries - 1];
        e->key = before->key;
        e->nkey = before->nkey;
        e->prefix = before->prefix;
        return 0;
    }
    n = dname_key(owner, key);
    copy = take(z, n);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, key, n);
    e->key = copy;
    e->nkey = (uint16_t)n;
    e->prefix = 0;
    for (size_t i = z->napex; i < z->napex + 8; i++)
        e->prefix = e->prefix << 8 | (i < n ? key[i] : 0);
    z->last.n = owner->n;
    memcpy(z->last.b, owner->b, owner->n);
    return 0;
}

static int grow(struct zp_zone *z)
{
    size_t cap = z->cap ? 2 * z->cap : 64;
    struct entry *bigger = realloc(z->entries, cap * sizeof(*bigger));

    if (!bigger)
        return -ENOMEM;
    z->entries = bigger;
    z->cap = cap;
    return 0;
}

static int collect(void *arg, const struct zp_record *record)
{
    struct zp_zone *z = arg;
    struct entry e = {.at = record->at, .ttl = record->ttl, .type = record->type};
    uint8_t *rdata;

    if (z->nentries == z->cap && grow(z) < 0)
        return -ENOMEM;
    if (add_owner(z, &record->owner, &e) < 0)
        return -ENOMEM;
    rdata = take(z, 2U + record->nrdata);
    if (!rdata)
        return -ENOMEM;
    rdata[0] = (uint8_t)(record->nrdata >> 8);
    rdata[1] = (uint8_t)record->nrdata;
    memcpy(rdata + 2, record->rdata, record->nrdata);
    e.rdata = rdata + 2;
    z->entries[z->nentries++] = e;
    return 0;
}

static size_t rdata_size(const struct entry *e)
{
    return (size_t)e->rdata[-2] << 8 | e->rdata[-1];
}

static int compare_owners(const struct entry *a, const struct entry *b)
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

static int compare_rdata(const struct entry *a, const struct entry *b)
{
    return rdata_cmp(a->type, a->rdata, rdata_size(a), b->rdata, rdata_size(b));
}

/* Canonical order; of equal records the first in the file. */
static int compare(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    int c = compare_owners(a, b);

    if (c == 0)
        c = (a->type > b->type) - (a->type < b->type);
    if (c == 0)
        c = compare_rdata(a, b);
    return c ? c : (a->at > b->at) - (a->at < b->at);
}

/* Files that a program wrote are in order already. */
static void sort(struct zp_zone *z)
{
    for (size_t i = 1; i < z->nentries; i++) {
        if (compare(&z->entries[i - 1], &z->entries[i]) > 0) {
            qsort(z->entries, z->nentries, sizeof(*z->entries), compare);
            return;
        }
    }
}

/* ---- rules ---- */

static unsigned line_of(const struct zp_zone *z, const struct entry *e)
{
    unsigned line, column;

    lex_position(z->report.text, e->at, &line, &column);
    return line;
}

static const char *owner_text(const struct entry *e, char out[DNAME_TEXT_MAX])
{
    struct dname name;

    if (dname_from_key(e->key, e->nkey, &name) < 0)
        name = (struct dname){.n = 1};
    dname_to_text(&name, out);
    return out;
}

static bool at_apex(const struct zp_zone *z, const struct entry *e)
{
    return e->nkey == z->napex && memcmp(e->key, z->apex, z->napex) == 0;
}

static size_t token_size(const struct zp_zone *z, const char *at)
{
    const char *end = z->report.text.p + z->report.text.n, *p = at;

    while (p < end && (unsigned char)*p > ' ')
        p++;
    return p > at ? (size_t)(p - at) : 1;
}

/* Two different records where one may be (CNAME, SOA). */
static void refuse_second(struct zp_zone *z, const struct entry *a, const struct entry *b)
{
    const struct entry *first = a->at < b->at ? a : b, *second = a->at < b->at ? b : a;
    char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    struct lex_error e;

    zp_error_set(&e, second->at, token_size(z, second->at),
                 "a second %s of '%.100s': the first is in line %u",
                 rrtype_to_text(second->type, type), owner_text(second, owner), line_of(z, first));
    zp_report_error(&z->report, &e);
}

static void refuse_beside_cname(struct zp_zone *z, const struct entry *cname,
                                const struct entry *other)
{
    const struct entry *second = cname->at < other->at ? other : cname;
    char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    struct lex_error e;

    zp_error_set(&e, second->at, token_size(z, second->at),
                 "'%.100s' has a CNAME (line %u) and other data (%s in line %u)",
                 owner_text(cname, owner), line_of(z, cname), rrtype_to_text(other->type, type),
                 line_of(z, other));
    snprintf(e.hint, sizeof(e.hint), "a CNAME stands alone");
    zp_report_error(&z->report, &e);
}

static void warn_ttl(struct zp_zone *z, const struct entry *first, const struct entry *other)
{
    char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    struct lex_error e;

    zp_error_set(&e, other->at, token_size(z, other->at),
                 "TTL %u of '%.80s' %s differs from %u in line %u, which counts", other->ttl,
                 owner_text(other, owner), rrtype_to_text(other->type, type), first->ttl,
                 line_of(z, first));
    zp_report_warning(&z->report, &e);
}

/* What may stand beside a CNAME: the records that DNSSEC adds (RFC 4034 §3, §4; RFC 3007 §3.1). */
static bool beside_cname(uint16_t type)
{
    return type == TYPE_KEY || type == TYPE_RRSIG || type == TYPE_NSEC;
}

/* The records of one owner, n of them. */
static void check_owner(struct zp_zone *z, const struct entry *e, size_t n)
{
    const struct entry *cname = NULL, *other = NULL;

    for (size_t i = 0; i < n; i++) {
        if (e[i].type == RRTYPE_CNAME)
            cname = &e[i];
        else if (!beside_cname(e[i].type) && (!other || e[i].at < other->at))
            other = &e[i];
    }
    if (cname && other)
        refuse_beside_cname(z, cname, other);
}

static void check_owners(struct zp_zone *z)
{
    size_t start = 0;

    for (size_t i = 1; i <= z->nentries; i++) {
        if (i < z->nentries && compare_owners(&z->entries[start], &z->entries[i]) == 0)
            continue;
        if (i - start > 1)
            check_owner(z, z->entries + start, i - start);
        start = i;
    }
}

/* The entries of one RRset, sorted, without duplicates. */
static void check_set(struct zp_zone *z, const struct entry *e, size_t n)
{
    const struct rrtype *row = rrtype_by_code(e->type);
    struct lex_error error;

    if (row && (row->flags & RRTYPE_SINGLE) && n > 1)
        refuse_second(z, &e[0], &e[1]);
    if (e->type == RRTYPE_SOA && !at_apex(z, e)) {
        char owner[DNAME_TEXT_MAX];
        zp_error_set(&error, e->at, token_size(z, e->at),
                     "an SOA at '%.100s', which is not the zone's apex", owner_text(e, owner));
        zp_report_error(&z->report, &error);
    }
}

/* ---- sets ---- */

/* Drops repeated records of n sorted entries of one RRset; the number that stays. All get the
 * first's TTL. */
static size_t fold(struct zp_zone *z, struct entry *e, size_t n)
{
    const struct entry *first = e;
    size_t kept = 1;
    uint32_t ttl;

    if (n == 1)
        return 1;
    for (size_t i = 1; i < n; i++) {
        if (e[i].at < first->at)
            first = &e[i];
    }
    ttl = first->ttl;
    for (size_t i = 0; i < n; i++) {
        if (e[i].ttl != ttl)
            warn_ttl(z, first, &e[i]);
    }
    for (size_t i = 1; i < n; i++) {
        if (compare_rdata(&e[kept - 1], &e[i]) != 0)
            e[kept++] = e[i];
    }
    e->ttl = ttl;
    return kept;
}

static int pack(struct zp_zone *z, const struct entry *e, size_t n, struct set *ret_set)
{
    size_t size = 0;
    uint8_t *bytes, *p;

    for (size_t i = 0; i < n; i++)
        size += 2 + rdata_size(&e[i]);
    if (size > UINT32_MAX)
        return -ENOMEM;
    *ret_set =
        (struct set){e->key, e->nkey, e->type, e->ttl, {e->rdata - 2, (uint32_t)size, (uint32_t)n}};
    if (n == 1)
        return 0; /* one record is packed already */
    bytes = p = take(z, size);
    if (!bytes)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        memcpy(p, e[i].rdata - 2, 2 + rdata_size(&e[i]));
        p += 2 + rdata_size(&e[i]);
    }
    ret_set->rdatas.p = bytes;
    return 0;
}

static int make_sets(struct zp_zone *z)
{
    size_t start = 0;

    z->sets = calloc(z->nentries ? z->nentries : 1, sizeof(*z->sets));
    if (!z->sets)
        return -ENOMEM;
    for (size_t i = 1; i <= z->nentries; i++) {
        struct entry *e = z->entries + start;
        size_t n;
        int r;
        if (i < z->nentries && e->type == z->entries[i].type &&
            compare_owners(e, &z->entries[i]) == 0)
            continue;
        n = fold(z, e, i - start);
        check_set(z, e, n);
        r = pack(z, e, n, &z->sets[z->nsets++]);
        if (r < 0)
            return r;
        start = i;
    }
    return 0;
}

static const struct entry *apex_entry(const struct zp_zone *z, uint16_t type)
{
    for (size_t i = 0; i < z->nentries && at_apex(z, &z->entries[i]); i++) {
        if (z->entries[i].type == type)
            return &z->entries[i];
    }
    return NULL;
}

static void check_apex(struct zp_zone *z, const struct dname *origin)
{
    const struct entry *soa = apex_entry(z, RRTYPE_SOA);
    struct lex_error e;
    char apex[DNAME_TEXT_MAX];

    dname_to_text(origin, apex);
    if (!soa) {
        zp_error_set(&e, z->report.text.p, 1, "the zone has no SOA record at '%.100s'", apex);
        snprintf(e.hint, sizeof(e.hint), "as in: @ SOA ns1 hostmaster 1 3600 600 604800 10");
        zp_report_error(&z->report, &e);
        return;
    }
    z->serial = soa_serial(soa->rdata, rdata_size(soa));
    if (!apex_entry(z, RRTYPE_NS)) {
        zp_error_set(&e, soa->at, token_size(z, soa->at), "the zone has no NS record at '%.100s'",
                     apex);
        snprintf(e.hint, sizeof(e.hint), "as in: @ NS ns1");
        zp_report_error(&z->report, &e);
    }
}

static int build(struct zp_zone *z, struct str text, const struct zp_options *options)
{
    struct zp_options inside = *options;
    int parsed, r;

    inside.any_owner = false;
    parsed = zp_parse(text, &inside, collect, z);
    if (parsed == -ENOMEM)
        return parsed;
    sort(z);
    check_owners(z);
    r = make_sets(z);
    if (r < 0 || parsed < 0)
        return r < 0 ? r : parsed; /* what is missing may stand in a line that was not understood */
    check_apex(z, &options->origin);
    return z->report.errors ? -BD_EINVALID : 0;
}

int zp_zone_load(struct str text, const struct zp_options *options, struct zp_zone **ret_zone)
{
    static const char nothing[1];
    struct zp_zone *z = calloc(1, sizeof(*z));
    int r;

    if (!z)
        return -ENOMEM;
    if (!text.p)
        text.p = nothing;
    zp_report_start(&z->report, text, options);
    z->chunk_size = text.n < CHUNK_MIN ? CHUNK_MIN : text.n < CHUNK_MAX ? text.n : CHUNK_MAX;
    z->napex = dname_key(&options->origin, z->apex);
    r = build(z, text, options);
    if (r < 0) {
        zp_zone_free(z);
        return r;
    }
    free(z->entries);
    z->entries = NULL;
    *ret_zone = z;
    return 0;
}

size_t zp_zone_nrrsets(const struct zp_zone *z)
{
    return z->nsets;
}

void zp_zone_rrset(const struct zp_zone *z, size_t i, struct dname *ret_owner, uint16_t *ret_type,
                   uint32_t *ret_ttl, struct rdset *ret_rdatas)
{
    const struct set *s = &z->sets[i];

    /* A key that dname_key made is always one that dname_from_key reads. */
    (void)dname_from_key(s->key, s->nkey, ret_owner);
    *ret_type = s->type;
    *ret_ttl = s->ttl;
    *ret_rdatas = s->rdatas;
}

uint32_t zp_zone_serial(const struct zp_zone *z)
{
    return z->serial;
}
