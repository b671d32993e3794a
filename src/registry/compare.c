/* What the author of a save did: his file against its base. */
#include <stdio.h>

#include "base.h"
#include "merge.h"

/* ---- records ---- */

static unsigned soa_fields(const struct soa *base, const struct soa *file)
{
    unsigned fields = 0;

    fields |= dname_eq(&base->mname, &file->mname) ? 0 : SOA_MNAME;
    fields |= dname_eq(&base->rname, &file->rname) ? 0 : SOA_RNAME;
    fields |= base->refresh != file->refresh ? SOA_REFRESH : 0;
    fields |= base->retry != file->retry ? SOA_RETRY : 0;
    fields |= base->expire != file->expire ? SOA_EXPIRE : 0;
    fields |= base->minimum != file->minimum ? SOA_MINIMUM : 0;
    fields |= base->serial != file->serial ? SOA_SERIAL : 0;
    return fields;
}

/* Field by field: two authors of an SOA seldom mean the same number. */
static int compare_soa(struct saving *s, const struct version_set *base,
                       const struct version_set *file)
{
    struct soa_edit *e = &s->change->merge->soa;
    struct soa soa;

    if (!file || soa_from_rdata(file->rdatas.p + 2, file->rdatas.n - 2U, &e->values) < 0)
        return 0;
    e->ttl = file->ttl;
    e->fields = SOA_ALL | SOA_SERIAL;
    if (!base || soa_from_rdata(base->rdatas.p + 2, base->rdatas.n - 2U, &soa) < 0)
        return 0;
    e->fields = soa_fields(&soa, &e->values) | (base->ttl != file->ttl ? SOA_TTL : 0);
    return 0;
}

static int compare_pair(void *arg, const struct version_set *base, const struct version_set *file)
{
    struct saving *s = arg;
    const struct version_set *any = file ? file : base;
    struct edit e = {.key = any->key, .type = any->type, .ttl = any->ttl};
    struct rdset had = version_records(base), has = version_records(file);

    if (any->type == RRTYPE_SOA)
        return compare_soa(s, base, file);
    e.base_ttl = base ? base->ttl : UINT32_MAX;
    e.has_ttl = file && e.base_ttl != file->ttl;
    if (version_minus_set(&s->pool, any->type, &has, &had, &e.add) < 0 ||
        version_minus_set(&s->pool, any->type, &had, &has, &e.remove) < 0)
        return -ENOMEM;
    if (!e.has_ttl && e.add.count == 0 && e.remove.count == 0)
        return 0;
    return merge_add(s->change, &e);
}

int save_compare(struct saving *s, const struct version *base)
{
    return version_walk(base, &s->file, compare_pair, s);
}

/* ---- rows ---- */

struct differing {
    struct pool *pool;
    struct base_version v;
};

/* Of an SOA the serial counts here: a save that had it followed is its own base. */
static bool is_same(const struct version_set *x, const struct version_set *y)
{
    const struct rdset *a = &x->rdatas, *b = &y->rdatas;

    return version_set_same(x, y) && (x->type != RRTYPE_SOA || soa_serial(a->p + 2, a->n - 2U) ==
                                                                   soa_serial(b->p + 2, b->n - 2U));
}

static int add_differing(void *arg, const struct version_set *x, const struct version_set *y)
{
    struct differing *d = arg;
    int r = 0;

    if (x && y && is_same(x, y))
        return 0;
    if (x)
        r = version_add(d->pool, &d->v.before, x);
    if (r == 0 && y)
        r = version_add(d->pool, &d->v.after, y);
    return r;
}

/* The file without what only its included files say; these have rows of their own. */
static int without_included(struct saving *s, struct version *ret_own)
{
    struct version said, stayed;

    if (s->included.n == 0 && s->gone.n == 0 && zp_zone_nfiles(s->save->records) == 0) {
        *ret_own = s->own;
        return 0;
    }
    int r = version_union(&s->pool, &s->file, &s->included, &said);
    if (r == 0)
        r = version_union(&s->pool, &said, &s->gone, &said);
    if (r == 0)
        r = version_both(&s->pool, &s->zone_at, &said, &stayed);
    return r < 0 ? r : version_union(&s->pool, &s->own, &stayed, ret_own);
}

static int put_marked(struct saving *s, const struct base *base)
{
    struct differing now = {.pool = &s->pool}, last = {.pool = &s->pool};
    struct version own;

    int r = without_included(s, &own);
    if (r == 0)
        r = version_walk(&s->zone_at, &own, add_differing, &now);
    if (base->kind == BASE_MARKER) /* that is the zone at the marker */
        last = now;
    else if (r == 0)
        r = version_walk(&base->version, &own, add_differing, &last);
    if (r < 0 || (last.v.before.n == 0 && last.v.after.n == 0) ||
        (now.v.before.n == 0 && now.v.after.n == 0))
        return r;
    return base_put(s->change, str_c(s->marker), &now.v);
}

static int put_unmarked(struct saving *s, const struct base *base)
{
    const struct base_version v = {.after = s->own};
    struct differing last = {.pool = &s->pool};

    int r = version_walk(&base->version, &s->own, add_differing, &last);
    if (r < 0 || (last.v.before.n == 0 && last.v.after.n == 0))
        return r;
    return base_put(s->change, STR(""), &v);
}

/* Whoever reads an earlier state does not know that these were an included file's. */
static int put_gone(struct saving *s)
{
    struct base_version v = {0};

    int r = version_minus(&s->pool, &s->included, &s->file, &v.after);
    return r < 0 || v.after.n == 0 ? r : base_put(s->change, STR("gone"), &v);
}

int save_rows(struct saving *s, const struct base *base)
{
    int r = s->at ? put_marked(s, base) : put_unmarked(s, base);
    if (r == 0)
        r = put_gone(s);
    return r < 0 ? r : base_put_included(s->change, &s->pool, s->save->records, s->query);
}
