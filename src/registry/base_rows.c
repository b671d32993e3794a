/* Earlier versions of files, as the table base keeps them. */
#include <stdlib.h>

#include "base.h"
#include "merge.h"

#define SEQ_SIZE sizeof(uint64_t)

struct encoding {
    struct buf *out;
    uint32_t count;
};

static int count_pair(void *arg, const struct version_set *x, const struct version_set *y)
{
    struct encoding *e = arg;

    (void)x;
    (void)y;
    e->count++;
    return 0;
}

/* Without memory *ret_set is NULL too: then *error says so. */
static struct rrset *rrset_of(const struct version_set *set, int *error)
{
    if (!set)
        return NULL;
    struct rrset *made = rrset_new_keyed(set->key, set->type, set->ttl, &set->rdatas, NULL, 0);
    if (!made)
        *error = -ENOMEM;
    return made;
}

static int encode_pair(void *arg, const struct version_set *x, const struct version_set *y)
{
    struct encoding *e = arg;
    int error = 0;
    struct rrset *before = rrset_of(x, &error), *after = rrset_of(y, &error);

    if (error == 0)
        ops_encode_diff(0, before, after, e->out);
    rrset_put(before);
    rrset_put(after);
    return error;
}

static void encode(const struct base_version *v, struct buf *out)
{
    static const char seq[SEQ_SIZE];
    struct encoding e = {.out = out};

    buf_add(out, seq, sizeof(seq));
    version_walk(&v->before, &v->after, count_pair, &e);
    ops_encode_start(e.count, out);
    if (version_walk(&v->before, &v->after, encode_pair, &e) < 0)
        out->error = -ENOMEM;
}

static int keep(struct pool *p, struct version *v, const struct rrset *set)
{
    struct str key = rrset_owner_key(set);
    struct version_set one = {.type = rrset_type(set), .ttl = rrset_ttl(set)};

    one.rdatas = rrset_rdatas(set);
    one.key = (struct str){pool_copy(p, key.p, key.n), key.n};
    one.rdatas.p = pool_copy(p, one.rdatas.p, one.rdatas.n);
    return one.key.p && one.rdatas.p ? version_add(p, v, &one) : -ENOMEM;
}

int base_decode(struct pool *p, struct str records, struct base_version *ret_version)
{
    struct base_version v = {0};
    struct ops_reader reader;
    struct diff diff;
    int64_t zone;

    if (records.n < SEQ_SIZE)
        return -BD_ECORRUPT;
    for (size_t i = 0; i < SEQ_SIZE; i++)
        v.seq = v.seq << 8 | (uint8_t)records.p[i];
    int r = ops_read_start((struct str){records.p + SEQ_SIZE, records.n - SEQ_SIZE}, &reader);
    if (r < 0)
        return r;
    while ((r = ops_read(&reader, &zone, &diff)) == 1) {
        r = diff.before ? keep(p, &v.before, diff.before) : 0;
        if (r == 0 && diff.after)
            r = keep(p, &v.after, diff.after);
        rrset_put(diff.before);
        rrset_put(diff.after);
        if (r < 0)
            return r;
    }
    if (r == 0)
        *ret_version = v;
    return r;
}

int base_put(struct change *c, struct str marker, const struct base_version *v)
{
    struct buf records = {0};

    encode(v, &records);
    return merge_put(c, marker, &records);
}

/* ---- rows of included files ---- */

static bool is_named(const struct zp_zone *z, struct str file, unsigned below)
{
    for (unsigned i = 1; i < below; i++)
        if (str_eq(str_c(zp_zone_file(z, i)), file))
            return true;
    return false;
}

static int include_marker(struct pool *p, struct str file, struct str *ret_marker)
{
    struct str prefix = STR("include:");
    char *text = pool_alloc(p, prefix.n + file.n);

    if (!text)
        return -ENOMEM;
    memcpy(text, prefix.p, prefix.n);
    memcpy(text + prefix.n, file.p, file.n);
    *ret_marker = (struct str){text, prefix.n + file.n};
    return 0;
}

static const struct base_row *find_row(const struct base_query *q, struct str marker)
{
    for (size_t i = 0; q && i < q->nrows; i++)
        if (str_eq(q->rows[i].marker, marker))
            return &q->rows[i];
    return NULL;
}

/* The included files of a save. */
struct including {
    struct change *c;
    struct pool *pool;
    const struct zp_zone *zone;
    const struct base_query *last; /* NULL: none */
};

static int put_file(struct including *i, const char *file)
{
    struct base_version now = {0}, last = {0};
    struct str marker;

    int r = include_marker(i->pool, str_c(file), &marker);
    if (r == 0)
        r = version_of_zone(i->pool, i->zone, file, &now.after);
    if (r < 0)
        return r;
    const struct base_row *row = find_row(i->last, marker);
    if (row) {
        r = base_decode(i->pool, row->records, &last);
        if (r < 0 || version_same(&now.after, &last.after))
            return r;
    }
    return base_put(i->c, marker, &now);
}

/* Files that are not included any more. */
static int drop_files(struct including *i)
{
    struct str prefix = STR("include:");
    int r = 0;

    for (size_t n = 0; i->last && r == 0 && n < i->last->nrows; n++) {
        struct str marker = i->last->rows[n].marker;
        if (!str_starts(marker, prefix))
            continue;
        struct str file = {marker.p + prefix.n, marker.n - prefix.n};
        if (!is_named(i->zone, file, zp_zone_nfiles(i->zone) + 1))
            r = merge_put(i->c, marker, &(struct buf){0});
    }
    return r;
}

int base_put_included(struct change *c, struct pool *p, const struct zp_zone *z,
                      const struct base_query *last)
{
    struct including i = {c, p, z, last};
    int r = 0;

    for (unsigned n = 1; r == 0 && n <= zp_zone_nfiles(z); n++)
        if (!is_named(z, str_c(zp_zone_file(z, n)), n))
            r = put_file(&i, zp_zone_file(z, n));
    return r < 0 ? r : drop_files(&i);
}
