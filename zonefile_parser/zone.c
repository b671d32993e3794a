/* A whole zone: its records collected, sorted and folded. */
#include "check.h"

#include <stdlib.h>

#define CHUNK_MIN ((size_t)1 << 12)
#define CHUNK_MAX ((size_t)1 << 20)

struct chunk {
    struct chunk *next;
    size_t n, cap;
    uint8_t b[];
};

struct set {
    const uint8_t *key;
    uint16_t nkey, type;
    uint32_t ttl;
    size_t where; /* its first record's */
    struct rdset rdatas;
};

struct place {
    unsigned file, line;
};

struct zp_zone {
    struct chunk *chunks; /* keys and rdata */
    size_t chunk_size;
    struct zp_entries all;
    size_t cap; /* of all.e */
    struct set *sets;
    struct place *places; /* of the entries, by their order */
    struct place *where;  /* of the records of all sets */
    struct zp_text *texts;
    size_t nsets, nwhere, ntexts, texts_cap;
    const struct zp_options *options; /* while it is parsed */
    struct dname last;                /* the owner of the last entry */
    uint32_t serial;
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
    free(z->all.e);
    free(z->sets);
    free(z->places);
    free(z->where);
    free(z->texts);
    free(z);
}

/* ---- collecting ---- */

static int add_owner(struct zp_zone *z, const struct dname *owner, struct zp_entry *e)
{
    uint8_t key[DNAME_KEY_MAX], *copy;
    size_t n;

    if (z->all.n && owner->n == z->last.n && memcmp(owner->b, z->last.b, owner->n) == 0) {
        const struct zp_entry *before = &z->all.e[z->all.n - 1];
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
    zp_entry_key(&z->all, copy, n, e);
    z->last.n = owner->n;
    memcpy(z->last.b, owner->b, owner->n);
    return 0;
}

static int grow(struct zp_zone *z)
{
    size_t cap = z->cap ? 2 * z->cap : 64;
    struct zp_entry *bigger;
    struct place *places;

    if (cap > UINT32_MAX)
        return -ENOMEM;
    bigger = realloc(z->all.e, cap * sizeof(*bigger));
    if (!bigger)
        return -ENOMEM;
    z->all.e = bigger;
    places = realloc(z->places, cap * sizeof(*places));
    if (!places)
        return -ENOMEM;
    z->places = places;
    z->cap = cap;
    return 0;
}

static int add_text(struct zp_zone *z, const char *name, struct str text)
{
    if (z->ntexts == z->texts_cap) {
        size_t cap = z->texts_cap ? 2 * z->texts_cap : 4;
        struct zp_text *bigger = realloc(z->texts, cap * sizeof(*bigger));
        if (!bigger)
            return -ENOMEM;
        z->texts = bigger;
        z->texts_cap = cap;
    }
    z->texts[z->ntexts++] = (struct zp_text){name, text, text.p, 1};
    z->all.report.texts = z->texts;
    z->all.report.ntexts = z->ntexts;
    return 0;
}

static int include(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    struct zp_zone *z = arg;
    int r = z->options->include(z->options->include_arg, name, depth, ret_source);

    if (r < 0)
        return r;
    if (!ret_source->name)
        ret_source->name = ZP_UNNAMED;
    return add_text(z, ret_source->name, ret_source->text);
}

/* Records of a text come in its order: each line is counted once. */
static unsigned count_line(struct zp_text *t, const char *at)
{
    const char *lf;

    while (t->at < at && (lf = memchr(t->at, '\n', (size_t)(at - t->at)))) {
        t->at = lf + 1;
        t->line++;
    }
    return t->line;
}

static int collect(void *arg, const struct zp_record *record)
{
    struct zp_zone *z = arg;
    struct zp_entry e = {.at = record->at, .ttl = record->ttl, .type = record->type};
    uint8_t *rdata;

    if (z->all.n == z->cap && grow(z) < 0)
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
    e.order = (uint32_t)z->all.n;
    z->places[z->all.n] =
        (struct place){record->file, count_line(&z->texts[record->file], record->at)};
    z->all.e[z->all.n++] = e;
    return 0;
}

/* Canonical order; of equal records the first in the file. */
static int compare(const void *x, const void *y)
{
    const struct zp_entry *a = x, *b = y;
    int c = zp_entry_cmp_owner(a, b);

    if (c == 0)
        c = (a->type > b->type) - (a->type < b->type);
    if (c == 0)
        c = zp_entry_cmp_rdata(a, b);
    return c ? c : (a->order > b->order) - (a->order < b->order);
}

/* Files that a program wrote are in order already. */
static void sort(struct zp_zone *z)
{
    for (size_t i = 1; i < z->all.n; i++) {
        if (compare(&z->all.e[i - 1], &z->all.e[i]) > 0) {
            qsort(z->all.e, z->all.n, sizeof(*z->all.e), compare);
            return;
        }
    }
}

/* ---- sets ---- */

/* Drops repeated records of n sorted entries of one RRset; the number that stays. The first of them
 * has the TTL that the text's first has. */
static size_t fold(struct zp_entry *e, size_t n)
{
    const struct zp_entry *first = e;
    size_t kept = 1;
    uint32_t ttl;

    for (size_t i = 1; i < n; i++) {
        if (e[i].order < first->order)
            first = &e[i];
    }
    ttl = first->ttl;
    for (size_t i = 1; i < n; i++) {
        if (zp_entry_cmp_rdata(&e[kept - 1], &e[i]) != 0)
            e[kept++] = e[i];
    }
    e->ttl = ttl;
    return kept;
}

static int pack(struct zp_zone *z, const struct zp_entry *e, size_t n, struct set *ret_set)
{
    size_t size = 0;
    uint8_t *bytes, *p;

    for (size_t i = 0; i < n; i++)
        size += 2 + zp_entry_size(&e[i]);
    if (size > UINT32_MAX)
        return -ENOMEM;
    *ret_set = (struct set){e->key, e->nkey,   e->type,
                            e->ttl, z->nwhere, {e->rdata - 2, (uint32_t)size, (uint32_t)n}};
    for (size_t i = 0; i < n; i++)
        z->where[z->nwhere++] = z->places[e[i].order];
    if (n == 1)
        return 0; /* one record is packed already */
    bytes = p = take(z, size);
    if (!bytes)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        memcpy(p, e[i].rdata - 2, 2 + zp_entry_size(&e[i]));
        p += 2 + zp_entry_size(&e[i]);
    }
    ret_set->rdatas.p = bytes;
    return 0;
}

static int make_sets(struct zp_zone *z)
{
    size_t start = 0;

    z->sets = calloc(z->all.n ? z->all.n : 1, sizeof(*z->sets));
    z->where = calloc(z->all.n ? z->all.n : 1, sizeof(*z->where));
    if (!z->sets || !z->where)
        return -ENOMEM;
    for (size_t i = 1; i <= z->all.n; i++) {
        struct zp_entry *e = z->all.e + start;
        size_t n;
        int r;
        if (i < z->all.n && e->type == z->all.e[i].type && zp_entry_cmp_owner(e, &z->all.e[i]) == 0)
            continue;
        n = fold(e, i - start);
        r = pack(z, e, n, &z->sets[z->nsets++]);
        if (r < 0)
            return r;
        start = i;
    }
    return 0;
}

static int build(struct zp_zone *z, struct str text, const struct zp_options *options)
{
    struct zp_options inside = *options;
    const struct zp_entry *soa;
    int parsed;

    inside.any_owner = false;
    if (options->include) {
        inside.include = include;
        inside.include_arg = z;
    }
    z->options = options;
    parsed = zp_parse(text, &inside, collect, z);
    if (parsed == -ENOMEM)
        return parsed;
    sort(z);
    zp_check(&z->all, &options->origin, parsed == 0);
    zp_tell(&z->all, &options->origin);
    if (parsed < 0)
        return parsed;
    if (z->all.nerrors)
        return -BD_EINVALID;
    soa = zp_find_apex(&z->all, RRTYPE_SOA);
    z->serial = soa_serial(soa->rdata, zp_entry_size(soa));
    return make_sets(z);
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
    zp_report_start(&z->all.report, text, options);
    z->chunk_size = text.n < CHUNK_MIN ? CHUNK_MIN : text.n < CHUNK_MAX ? text.n : CHUNK_MAX;
    z->all.napex = dname_key(&options->origin, z->all.apex);
    r = add_text(z, NULL, text);
    if (r == 0)
        r = build(z, text, options);
    if (r < 0) {
        zp_zone_free(z);
        return r;
    }
    free(z->all.e);
    free(z->places);
    z->all.e = NULL;
    z->places = NULL;
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
    if (ret_owner)
        (void)dname_from_key(s->key, s->nkey, ret_owner);
    *ret_type = s->type;
    *ret_ttl = s->ttl;
    *ret_rdatas = s->rdatas;
}

struct str zp_zone_key(const struct zp_zone *z, size_t i)
{
    return (struct str){(const char *)z->sets[i].key, z->sets[i].nkey};
}

uint32_t zp_zone_serial(const struct zp_zone *z)
{
    return z->serial;
}

void zp_zone_where(const struct zp_zone *z, size_t i, uint32_t j, unsigned *ret_file,
                   unsigned *ret_line)
{
    const struct place *p = &z->where[z->sets[i].where + j];

    *ret_file = p->file;
    *ret_line = p->line;
}

unsigned zp_zone_nfiles(const struct zp_zone *z)
{
    return (unsigned)z->ntexts - 1;
}

const char *zp_zone_file(const struct zp_zone *z, unsigned file)
{
    return z->texts[file].name;
}
