/* Records of included files. */
#include "included.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "version.h"

struct included {
    atomic_uint refs;
    struct pool pool;
    struct version version;
};

/* All but what stands in the text itself. The rdata is copied: the zone is the caller's. */
static int collect(struct included *in, const struct zp_zone *z)
{
    struct pool scratch = {0};
    struct version all, own, rest;

    int r = version_of_zone(&scratch, z, NULL, &all);
    if (r == 0)
        r = version_of_zone(&scratch, z, "", &own);
    if (r == 0)
        r = version_minus(&scratch, &all, &own, &rest);
    for (size_t i = 0; r == 0 && i < rest.n; i++) {
        struct version_set set = rest.p[i];
        set.key.p = pool_copy(&in->pool, set.key.p, set.key.n);
        set.rdatas.p = pool_copy(&in->pool, set.rdatas.p, set.rdatas.n);
        r = set.key.p && set.rdatas.p ? version_add(&in->pool, &in->version, &set) : -ENOMEM;
    }
    pool_free(&scratch);
    return r;
}

int included_new(const struct zp_zone *records, struct included **ret_included)
{
    if (zp_zone_nfiles(records) == 0) {
        *ret_included = NULL;
        return 0;
    }
    struct included *in = calloc(1, sizeof(*in));
    if (!in)
        return -ENOMEM;
    atomic_init(&in->refs, 1);
    if (collect(in, records) < 0) {
        included_put(in);
        return -ENOMEM;
    }
    *ret_included = in;
    return 0;
}

struct included *included_ref(struct included *in)
{
    if (in)
        atomic_fetch_add_explicit(&in->refs, 1, memory_order_relaxed);
    return in;
}

void included_put(struct included *in)
{
    if (!in || atomic_fetch_sub_explicit(&in->refs, 1, memory_order_acq_rel) != 1)
        return;
    pool_free(&in->pool);
    free(in);
}

bool included_hurt(const struct included *in, const struct rrset *before, const struct rrset *after)
{
    const struct version_set *set =
        in ? version_find(&in->version, rrset_owner_key(before), rrset_type(before)) : NULL;
    struct rdset had, has = {0};
    const uint8_t *at;
    struct str rdata;

    if (!set)
        return false;
    had = rrset_rdatas(before);
    if (after)
        has = rrset_rdatas(after);
    if (after && rrset_ttl(after) != rrset_ttl(before))
        return true;
    at = set->rdatas.p;
    while (rdset_next(&set->rdatas, &at, &rdata))
        if (rdset_has(set->type, &had, rdata) && !rdset_has(set->type, &has, rdata))
            return true;
    return false;
}
