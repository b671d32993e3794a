/* Packed sets of rdata in canonical order. */
#include "rdata.h"

#include <betterdns/rrset.h>

#include <stdlib.h>

bool rdset_next(const struct rdset *set, const uint8_t **at, struct str *ret_rdata)
{
    if (set->n == 0 || *at == set->p + set->n)
        return false;
    uint16_t n = wire_u16(*at);
    *ret_rdata = (struct str){(const char *)*at + 2, n};
    *at += 2 + n;
    return true;
}

static int cmp(uint16_t type, struct str a, struct str b)
{
    return rdata_cmp(type, (const uint8_t *)a.p, a.n, (const uint8_t *)b.p, b.n);
}

/* Packs one more record; bytes has room for it. */
static void add(uint8_t *bytes, struct rdset *set, struct str rdata)
{
    wire_put_u16(bytes + set->n, (uint16_t)rdata.n);
    if (rdata.n > 0) /* RFC 3597: none is fine too, and may be NULL */
        memcpy(bytes + set->n + 2, rdata.p, rdata.n);
    set->n += 2 + (uint32_t)rdata.n;
    set->count++;
}

/* A set of no octets has no memory. */
static void give(uint8_t *bytes, struct rdset set, uint8_t **ret_bytes, struct rdset *ret_set)
{
    if (set.n == 0) {
        free(bytes);
        bytes = NULL;
    }
    set.p = bytes;
    *ret_bytes = bytes;
    *ret_set = set;
}

/* Elements are pointers into one array: of equal records, the one that came first stays first. */
static int by_rdata(const void *a, const void *b, void *type)
{
    const struct str *const *x = a, *const *y = b;
    int d = cmp(*(const uint16_t *)type, **x, **y);

    return d ? d : (*x > *y) - (*x < *y);
}

static int packed_size(const struct str *rdatas, size_t n, uint32_t *ret_size)
{
    uint32_t size = 0;

    for (size_t i = 0; i < n; i++) {
        if (rdatas[i].n > RDATA_MAX)
            return -BD_EINVALID;
        if (__builtin_add_overflow(size, 2 + (uint32_t)rdatas[i].n, &size))
            return -E2BIG;
    }
    *ret_size = size;
    return 0;
}

int rdset_pack(uint16_t type, const struct str *rdatas, size_t n, uint8_t **ret_bytes,
               struct rdset *ret_set)
{
    const struct str *few[8], **sorted = few; /* most sets are small */
    uint8_t *bytes = NULL;
    struct rdset set = {.p = NULL};
    uint32_t size;
    int r = packed_size(rdatas, n, &size);

    if (r < 0)
        return r;
    if (n > ARRAY_SIZE(few))
        sorted = calloc(n, sizeof(*sorted));
    bytes = malloc(size + 1UL);
    if (!sorted || !bytes) {
        free(bytes);
        r = -ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = &rdatas[i];
    if (n > 1)
        qsort_r(sorted, n, sizeof(*sorted), by_rdata, &type);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || cmp(type, *sorted[i - 1], *sorted[i]) != 0)
            add(bytes, &set, *sorted[i]);
    give(bytes, set, ret_bytes, ret_set);
out:
    if (sorted != few)
        free(sorted);
    return r;
}

/* Which records of two sets stay. */
enum keep { ONLY_A = 1, ONLY_B = 2, BOTH = 4 };

/* One walk over both; of a record in both, a's spelling stays. */
static int combine(uint16_t type, const struct rdset *a, const struct rdset *b, unsigned keep,
                   uint8_t **ret_bytes, struct rdset *ret_set)
{
    const uint8_t *at_a = a->p, *at_b = b->p;
    struct rdset set = {.p = NULL};
    struct str x, y;
    uint32_t size;

    if (__builtin_add_overflow(a->n, b->n, &size))
        return -E2BIG;
    uint8_t *bytes = malloc(size + 1UL);
    if (!bytes)
        return -ENOMEM;
    bool has_a = rdset_next(a, &at_a, &x), has_b = rdset_next(b, &at_b, &y);
    while (has_a || has_b) {
        int d = !has_a ? 1 : !has_b ? -1 : cmp(type, x, y);
        if (keep & (d < 0 ? ONLY_A : d > 0 ? ONLY_B : BOTH))
            add(bytes, &set, d > 0 ? y : x);
        if (d <= 0)
            has_a = rdset_next(a, &at_a, &x);
        if (d >= 0)
            has_b = rdset_next(b, &at_b, &y);
    }
    give(bytes, set, ret_bytes, ret_set);
    return 0;
}

int rdset_union(uint16_t type, const struct rdset *a, const struct rdset *b, uint8_t **ret_bytes,
                struct rdset *ret_set)
{
    return combine(type, a, b, ONLY_A | ONLY_B | BOTH, ret_bytes, ret_set);
}

int rdset_minus(uint16_t type, const struct rdset *a, const struct rdset *b, uint8_t **ret_bytes,
                struct rdset *ret_set)
{
    return combine(type, a, b, ONLY_A, ret_bytes, ret_set);
}

bool rdset_eq(uint16_t type, const struct rdset *a, const struct rdset *b)
{
    const uint8_t *at_a = a->p, *at_b = b->p;
    struct str x, y;

    if (a->count != b->count)
        return false;
    while (rdset_next(a, &at_a, &x) && rdset_next(b, &at_b, &y))
        if (cmp(type, x, y) != 0)
            return false;
    return true;
}

bool rdset_has(uint16_t type, const struct rdset *set, struct str rdata)
{
    const uint8_t *at = set->p;
    struct str x;

    while (rdset_next(set, &at, &x))
        if (cmp(type, x, rdata) == 0)
            return true;
    return false;
}

/* Both are in order, so one walk does. */
bool rdset_within(uint16_t type, const struct rdset *a, const struct rdset *b)
{
    const uint8_t *at_a = a->p, *at_b = b->p;
    struct str x, y;

    while (rdset_next(a, &at_a, &x)) {
        int d = -1;
        while (d < 0 && rdset_next(b, &at_b, &y))
            d = cmp(type, y, x);
        if (d != 0)
            return false;
    }
    return true;
}

int rdset_check(uint16_t type, const uint8_t *bytes, size_t n, struct rdset *ret_set)
{
    struct rdset set = {.p = bytes};
    struct str before = {NULL, 0};

    if (n > UINT32_MAX)
        return -BD_ECORRUPT;
    while (set.n < n) {
        size_t left = n - set.n;
        const uint8_t *p = bytes + set.n;
        if (left < 2 || wire_u16(p) > left - 2)
            return -BD_ECORRUPT;
        struct str rdata = {(const char *)p + 2, wire_u16(p)};
        if (rdata_check(type, p + 2, rdata.n) < 0)
            return -BD_ECORRUPT;
        if (set.count > 0 && cmp(type, before, rdata) >= 0)
            return -BD_ECORRUPT;
        before = rdata;
        set.n += 2 + (uint32_t)rdata.n;
        set.count++;
    }
    *ret_set = set;
    return 0;
}
