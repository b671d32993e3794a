/* One pass over the text: the records of the sets' owners, and those beside them, with what is in
 * force where they stand. All others cost a look at the length of their owner. */
#include "edit.h"

#include <stdlib.h>

/* FNV-1a, letters folded. */
uint64_t zp_edit_hash(const struct dname *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < name->n; i++)
        h = (h ^ ascii_lower(name->b[i])) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

/* The owner's first set; EDIT_NONE. */
static uint32_t find_owner(const struct edit *e, const struct dname *owner)
{
    uint32_t i;

    if (!e->lengths[owner->n])
        return EDIT_NONE;
    for (size_t at = zp_edit_hash(owner);; at++) {
        i = e->table[at & e->mask];
        if (i == EDIT_NONE || dname_eq(&e->edits->sets[i].owner, owner))
            return i;
    }
}

static int prepare(struct edit *e)
{
    const size_t n = e->edits->nsets;
    size_t size = 8;

    while (size < 2 * n)
        size *= 2;
    e->mask = size - 1;
    e->table = malloc(size * sizeof(*e->table));
    e->sets = malloc((n ? n : 1) * sizeof(*e->sets));
    if (!e->table || !e->sets)
        return -ENOMEM;
    memset(e->table, 0xff, size * sizeof(*e->table));
    for (uint32_t i = 0; i < n; i++) {
        const struct dname *owner = &e->edits->sets[i].owner;
        size_t at = zp_edit_hash(owner);
        e->sets[i].owner = find_owner(e, owner);
        if (e->sets[i].owner != EDIT_NONE)
            continue;
        e->sets[i].owner = i;
        e->lengths[owner->n] = true;
        while (e->table[at & e->mask] != EDIT_NONE)
            at++;
        e->table[at & e->mask] = i;
    }
    return 0;
}

/* The set of a record whose owner's first set is known; EDIT_NONE. An owner's sets stand together.
 */
static uint32_t find_set(const struct edit *e, uint32_t owner, uint16_t type)
{
    for (uint32_t i = owner; i < e->edits->nsets && e->sets[i].owner == owner; i++) {
        if (e->edits->sets[i].type == type)
            return i;
    }
    return EDIT_NONE;
}

static const struct dname *copy_name(struct edit *e, const struct dname *name)
{
    struct dname *copy = pool_alloc(&e->pool, sizeof(*copy));

    if (copy)
        *copy = *name;
    return copy;
}

static bool same_spelling(const struct dname *a, const struct dname *b)
{
    return a->n == b->n && memcmp(a->b, b->b, a->n) == 0;
}

static const struct dname *origin_here(struct edit *e)
{
    const struct dname *now = &e->ps->origin.name;

    if (!e->last_origin || !same_spelling(e->last_origin, now))
        e->last_origin = copy_name(e, now);
    return e->last_origin;
}

static void chain(struct edit *e, uint32_t i, uint32_t owner)
{
    struct edit_hit *h = &e->hits[i];
    struct edit_set *s;

    if (owner == EDIT_NONE)
        return;
    s = &e->sets[owner];
    if (s->owner_first == EDIT_NONE)
        s->owner_first = i;
    else
        e->hits[s->owner_last].next_owner = i;
    s->owner_last = i;
    if (h->set == EDIT_NONE)
        return;
    s = &e->sets[h->set];
    if (s->first == EDIT_NONE)
        s->first = i;
    else
        e->hits[s->last].next = i;
    s->last = i;
}

static int add_hit(struct edit *e, const struct zp_record *rec, uint32_t owner, bool follows)
{
    char *rdata = pool_alloc(&e->pool, rec->nrdata);
    struct edit_hit h = {
        .span = rec->span,
        .origin = origin_here(e),
        .owner = owner != EDIT_NONE ? &e->edits->sets[owner].owner : copy_name(e, &rec->owner),
        .rdata = {rdata, rec->nrdata},
        .set = owner != EDIT_NONE ? find_set(e, owner, rec->type) : EDIT_NONE,
        .next = EDIT_NONE,
        .next_owner = EDIT_NONE,
        .ttl = rec->ttl,
        .wanted_ttl = rec->ttl,
        .dollar_ttl = e->ps->dollar_ttl,
        .ttl_before = e->last_ttl,
        .file = rec->file,
        .type = rec->type,
        .generated = rec->generated,
        .follows = follows,
    };
    void *hits = e->hits;
    int r;

    if (!h.origin || !h.owner || !rdata)
        return -ENOMEM;
    memcpy(rdata, rec->rdata, rec->nrdata);
    r = zp_edit_grow(&hits, e->nhits, &e->cap_hits, sizeof(*e->hits));
    e->hits = hits;
    if (r < 0)
        return r;
    e->hits[e->nhits] = h;
    chain(e, (uint32_t)e->nhits++, owner);
    return 0;
}

/* Does something new come beside this record? */
static bool is_point(struct edit *e, const struct zp_record *rec)
{
    while (e->point < e->npoints && e->points[e->point] < rec->span.p)
        e->point++;
    return e->point < e->npoints && e->points[e->point] == rec->span.p;
}

/* An included file begins with what is in force at its directive, and leaves nothing behind. */
static int collect_included(struct edit *e, const struct zp_record *rec, uint32_t owner)
{
    bool follows = e->last_hit && !e->last_included;

    e->last_included = true;
    return owner != EDIT_NONE || follows ? add_hit(e, rec, owner, follows) : 0;
}

static int collect(void *arg, const struct zp_record *rec)
{
    struct edit *e = arg;
    const bool again = same_spelling(&rec->owner, &e->last_owner);
    bool same, after, hit;
    int r = 0;

    if (!again) {
        e->last_owner.n = rec->owner.n;
        memcpy(e->last_owner.b, rec->owner.b, rec->owner.n);
        e->last_set = find_owner(e, &rec->owner);
    }
    if (rec->file)
        return collect_included(e, rec, e->last_set);
    if (again && !rec->generated)
        *(rec->at > rec->span.p ? &e->blanks : &e->repeats) += 1;
    same = rec->generated && rec->span.p == e->last_line; /* of the same directive */
    after = e->last_hit;
    hit = e->last_set != EDIT_NONE || is_point(e, rec);
    /* What comes behind a change may inherit of it. */
    if (hit || (after && !same))
        r = add_hit(e, rec, e->last_set, after);
    /* The owner in force passes by what a directive makes. */
    e->last_hit = hit || (after && rec->generated);
    e->last_included = false;
    e->last_ttl = rec->ttl;
    e->last_line = rec->span.p;
    return r;
}

int zp_edit_collect(struct edit *e)
{
    int r;

    if (!e->table) {
        r = prepare(e);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < e->edits->nsets; i++)
        e->sets[i].first = e->sets[i].owner_first = EDIT_NONE;
    e->nhits = e->point = 0;
    e->last_owner.n = 0;
    e->last_set = EDIT_NONE;
    e->last_ttl = ZP_NO_TTL;
    e->blanks = e->repeats = 0;
    e->last_hit = e->last_included = false;
    e->last_line = NULL;
    return zp_parse_watched(e->text, &e->options, collect, e, &e->ps);
}
