/* Versions: sorted arrays of RRsets. */
#include "version.h"

#include <stdlib.h>

static int reserve(struct pool *p, struct version *v, size_t cap)
{
    struct version_set *sets = pool_alloc(p, cap * sizeof(*sets));

    if (!sets)
        return -ENOMEM;
    if (v->n > 0)
        memcpy(sets, v->p, v->n * sizeof(*sets));
    v->p = sets;
    v->cap = cap;
    return 0;
}

int version_add(struct pool *p, struct version *v, const struct version_set *set)
{
    if (v->n == v->cap && reserve(p, v, v->cap ? 2 * v->cap : 16) < 0)
        return -ENOMEM;
    v->p[v->n++] = *set;
    return 0;
}

/* ---- of a file ---- */

static bool is_of(const struct zp_zone *z, size_t i, uint32_t j, const char *file)
{
    unsigned number, line;

    zp_zone_where(z, i, j, &number, &line);
    if (number == 0 || *file == '\0')
        return number == 0 && *file == '\0';
    return strcmp(zp_zone_file(z, number), file) == 0;
}

/* Leaves only what stands in the file. */
static int pick(struct pool *p, const struct zp_zone *z, size_t i, const char *file,
                struct rdset *set)
{
    const uint8_t *at = set->p;
    struct rdset picked = {0};
    struct str rdata;

    uint8_t *bytes = pool_alloc(p, set->n);
    if (!bytes)
        return -ENOMEM;
    picked.p = bytes;
    for (uint32_t j = 0; rdset_next(set, &at, &rdata); j++) {
        if (!is_of(z, i, j, file))
            continue;
        memcpy(bytes + picked.n, rdata.p - 2, rdata.n + 2); /* as it is packed */
        picked.n += (uint32_t)rdata.n + 2;
        picked.count++;
    }
    *set = picked;
    return 0;
}

int version_of_zone(struct pool *p, const struct zp_zone *z, const char *file,
                    struct version *ret_version)
{
    bool all = !file || (*file == '\0' && zp_zone_nfiles(z) == 0);
    struct version v = {0};
    struct version_set set;

    if (all && reserve(p, &v, zp_zone_nrrsets(z) + 1) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < zp_zone_nrrsets(z); i++) {
        set.key = zp_zone_key(z, i);
        zp_zone_rrset(z, i, NULL, &set.type, &set.ttl, &set.rdatas);
        if (!all && pick(p, z, i, file, &set.rdatas) < 0)
            return -ENOMEM;
        if (set.rdatas.count > 0 && version_add(p, &v, &set) < 0)
            return -ENOMEM;
    }
    *ret_version = v;
    return 0;
}

int version_of_snap(struct pool *p, const struct snap *s, unsigned zone,
                    struct version *ret_version)
{
    struct version v = {0};
    const struct rrset *set;
    struct snap_iter it;
    unsigned at;

    if (reserve(p, &v, snap_zone(s, zone)->nrrsets + 1) < 0)
        return -ENOMEM;
    snap_seek(s, (struct snap_key){.zone = zone, .owner = STR("")}, &it);
    while ((set = snap_next(&it, &at)) && at == zone) {
        struct version_set one = {rrset_owner_key(set), rrset_type(set), rrset_ttl(set),
                                  rrset_rdatas(set)};
        if (version_add(p, &v, &one) < 0)
            return -ENOMEM;
    }
    *ret_version = v;
    return 0;
}

/* ---- two of them ---- */

static int cmp_sets(const struct version_set *a, const struct version_set *b)
{
    return rrset_key_cmp(a->key, a->type, b->key, b->type);
}

int version_walk(const struct version *a, const struct version *b, version_pair_fn *fn, void *arg)
{
    size_t i = 0, j = 0;
    int r = 0;

    while (r == 0 && (i < a->n || j < b->n)) {
        int c = i == a->n ? 1 : j == b->n ? -1 : cmp_sets(&a->p[i], &b->p[j]);
        r = fn(arg, c <= 0 ? &a->p[i] : NULL, c >= 0 ? &b->p[j] : NULL);
        i += c <= 0;
        j += c >= 0;
    }
    return r;
}

struct making {
    struct pool *pool;
    struct version version;
};

/* Takes over malloc'd records. */
static int keep(struct pool *p, uint8_t *bytes, struct rdset *set)
{
    set->p = pool_copy(p, bytes, set->n);
    free(bytes);
    return set->p ? 0 : -ENOMEM;
}

static bool same_bytes(const struct rdset *a, const struct rdset *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

static int add_union(void *arg, const struct version_set *x, const struct version_set *y)
{
    struct making *m = arg;
    struct version_set set;
    uint8_t *bytes;

    if (!x || !y)
        return version_add(m->pool, &m->version, x ? x : y);
    set = *x;
    if (!same_bytes(&x->rdatas, &y->rdatas)) {
        if (rdset_union(x->type, &x->rdatas, &y->rdatas, &bytes, &set.rdatas) < 0 ||
            keep(m->pool, bytes, &set.rdatas) < 0)
            return -ENOMEM;
    }
    return version_add(m->pool, &m->version, &set);
}

int version_minus_set(struct pool *p, uint16_t type, const struct rdset *a, const struct rdset *b,
                      struct rdset *ret_set)
{
    struct rdset set;
    uint8_t *bytes;

    if (b->count == 0) {
        *ret_set = *a;
        return 0;
    }
    if (a->count == 0 || same_bytes(a, b)) {
        *ret_set = (struct rdset){0};
        return 0;
    }
    int r = rdset_minus(type, a, b, &bytes, &set);
    if (r == 0)
        r = keep(p, bytes, &set);
    if (r == 0)
        *ret_set = set;
    return r;
}

static int add_minus(void *arg, const struct version_set *x, const struct version_set *y)
{
    struct making *m = arg;
    struct version_set set;

    if (!x)
        return 0;
    struct rdset other = version_records(y);
    set = *x;
    int r = version_minus_set(m->pool, x->type, &x->rdatas, &other, &set.rdatas);
    if (r == 0 && set.rdatas.count > 0)
        r = version_add(m->pool, &m->version, &set);
    return r;
}

static int add_without(void *arg, const struct version_set *x, const struct version_set *y)
{
    struct making *m = arg;

    return x && !y ? version_add(m->pool, &m->version, x) : 0;
}

static int make(struct pool *p, const struct version *a, const struct version *b,
                version_pair_fn *fn, struct version *ret_version)
{
    struct making m = {.pool = p};

    int r = version_walk(a, b, fn, &m);
    if (r == 0)
        *ret_version = m.version;
    return r;
}

int version_union(struct pool *p, const struct version *a, const struct version *b,
                  struct version *ret_version)
{
    if (a->n == 0 || b->n == 0) {
        *ret_version = a->n == 0 ? *b : *a;
        return 0;
    }
    return make(p, a, b, add_union, ret_version);
}

int version_fold(struct pool *p, const struct version *list, struct version *ret_version)
{
    struct version a, b;

    if (list->n < 2) {
        *ret_version = (struct version){.p = list->p, .n = list->n};
        return 0;
    }
    const size_t half = list->n / 2;
    const struct version first = {.p = list->p, .n = half};
    const struct version second = {.p = list->p + half, .n = list->n - half};
    int r = version_fold(p, &first, &a);
    if (r == 0)
        r = version_fold(p, &second, &b);
    return r < 0 ? r : version_union(p, &a, &b, ret_version);
}

int version_minus(struct pool *p, const struct version *a, const struct version *b,
                  struct version *ret_version)
{
    if (a->n == 0 || b->n == 0) {
        *ret_version = *a;
        return 0;
    }
    return make(p, a, b, add_minus, ret_version);
}

int version_both(struct pool *p, const struct version *a, const struct version *b,
                 struct version *ret_version)
{
    struct version rest;

    int r = version_minus(p, a, b, &rest);
    return r < 0 ? r : version_minus(p, a, &rest, ret_version);
}

int version_without(struct pool *p, const struct version *a, const struct version *b,
                    struct version *ret_version)
{
    if (a->n == 0 || b->n == 0) {
        *ret_version = *a;
        return 0;
    }
    return make(p, a, b, add_without, ret_version);
}

const struct version_set *version_find(const struct version *v, struct str key, uint16_t type)
{
    size_t low = 0, high = v->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = rrset_key_cmp(v->p[middle].key, v->p[middle].type, key, type);
        if (c == 0)
            return &v->p[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool same_soa(const struct rdset *a, const struct rdset *b)
{
    struct soa x, y;

    if (soa_from_rdata(a->p + 2, a->n - 2, &x) < 0 || soa_from_rdata(b->p + 2, b->n - 2, &y) < 0)
        return false;
    return dname_eq(&x.mname, &y.mname) && dname_eq(&x.rname, &y.rname) && x.refresh == y.refresh &&
           x.retry == y.retry && x.expire == y.expire && x.minimum == y.minimum;
}

bool version_set_same(const struct version_set *a, const struct version_set *b)
{
    if (a->ttl != b->ttl)
        return false;
    if (same_bytes(&a->rdatas, &b->rdatas))
        return true;
    return a->type == RRTYPE_SOA ? same_soa(&a->rdatas, &b->rdatas)
                                 : rdset_eq(a->type, &a->rdatas, &b->rdatas);
}

static int differs(void *arg, const struct version_set *x, const struct version_set *y)
{
    (void)arg;
    return x && y && version_set_same(x, y) ? 0 : 1;
}

bool version_same(const struct version *a, const struct version *b)
{
    return version_walk(a, b, differs, NULL) == 0;
}

bool version_exceeds(uint16_t type, const struct rdset *a, const struct rdset *b)
{
    const uint8_t *at = a->p;
    struct str rdata;

    while (rdset_next(a, &at, &rdata))
        if (!rdset_has(type, b, rdata))
            return true;
    return false;
}
