/* The base of a save (design.md, "The people's file", rules 1-3). */
#include "base.h"

#include <stdio.h>
#include <stdlib.h>

#include <betterdns/history.h>
#include <betterdns/log.h>

#include "job.h"

/* ---- what the committer reads ---- */

static int keep_row(void *arg, struct str marker, struct str records)
{
    struct change *c = arg;
    struct base_query *q = c->work;
    struct base_row *rows = reallocarray(q->rows, q->nrows + 1, sizeof(*rows));

    if (!rows)
        return -ENOMEM;
    q->rows = rows;
    struct base_row row = {change_copy(c, marker), change_copy(c, records)};
    if (!row.marker.p || !row.records.p)
        return -ENOMEM;
    rows[q->nrows++] = row;
    return 0;
}

static int read_rows(struct commit *k, struct change *c)
{
    const struct base_query *q = c->work;
    struct registry *r = k->r;

    int result = state_bases(r->state, r->ids[q->zone], q->marker, keep_row, c);
    if (result == 0 || result == -ENOMEM)
        return result;
    log_error("state.db: earlier versions of a zone file cannot be read", LOG_ERR(result),
              LOG_C("sqlite", state_message(r->state)));
    return problem_set(&c->problem, -BD_EREADONLY, NULL,
                       "earlier versions of the zone file cannot be read: %s", bd_strerror(result));
}

static void free_rows(struct change *c)
{
    struct base_query *q = c->work;

    free(q->rows);
}

static const struct job_kind base_job = {.decide = read_rows, .end = free_rows};

static int ask_rows(struct saving *s)
{
    struct base_query query = {.zone = s->save->zone};
    struct receipt receipt = {0};

    s->rows = job_new(&base_job, &query, sizeof(query));
    if (!s->rows)
        return -ENOMEM;
    struct base_query *q = s->rows->work;
    s->query = q;
    q->marker = change_copy(s->rows, str_c(s->marker));
    if (!q->marker.p)
        return -ENOMEM;
    return registry_run(s->r, s->rows, s->deadline_ns, &receipt, s->problem);
}

/* ---- the marker ---- */

/* Is it one of this zone, and of this history? Then s->at is the zone as its author read it. */
static int find_marker(struct saving *s)
{
    const struct save *save = s->save;
    char hex[HASH128_HEX_SIZE];
    struct hash128 hash;
    struct snap *at;

    if (!save->marked)
        return 0;
    int r = registry_at(s->r, save->seq, &at);
    if (r == -BD_ENOTFOUND)
        return 0;
    if (r < 0)
        return problem_set(s->problem, r == -ENOMEM ? r : -BD_EREADONLY, NULL,
                           "the zone cannot be rebuilt as it was at change %llu: %s",
                           (unsigned long long)save->seq, bd_strerror(r));
    hash = registry_marker_hash(at, save->zone);
    if (snap_seq(at) != save->seq || snap_zone(at, save->zone)->serial == 0 ||
        !hash128_eq(&hash, &save->hash)) {
        snap_put(at);
        return 0;
    }
    s->at = at;
    snprintf(s->marker, sizeof(s->marker), "%llu %s", (unsigned long long)save->seq,
             hash128_hex(&hash, hex));
    return version_of_snap(&s->pool, at, save->zone, &s->zone_at);
}

static int list_row(struct saving *s, const struct base_row *row)
{
    bool gone = str_eq(row->marker, STR("gone"));
    struct base_version v;

    if (!gone && !str_starts(row->marker, STR("include:")))
        return 0;
    int r = base_decode(&s->pool, row->records, &v);
    if (r < 0 || (gone && (!s->at || v.seq <= s->save->seq)))
        return r;
    struct version *list = gone ? &s->gone : &s->included;
    for (size_t i = 0; r == 0 && i < v.after.n; i++)
        r = version_add(&s->pool, list, &v.after.p[i]);
    return r;
}

static int join_included(struct saving *s)
{
    const struct base_query *q = s->query;
    int r = 0;

    for (size_t i = 0; r == 0 && i < q->nrows; i++)
        r = list_row(s, &q->rows[i]);
    if (r == 0)
        r = version_fold(&s->pool, &s->gone, &s->gone);
    return r < 0 ? r : version_fold(&s->pool, &s->included, &s->included);
}

int base_find(struct saving *s)
{
    int r = find_marker(s);
    if (r == 0)
        r = ask_rows(s);
    if (r < 0)
        return r;
    s->now = registry_snapshot(s->r);
    return join_included(s);
}

/* ---- rule 2: of several saves with one marker ---- */

struct showing {
    const struct version *file;
    struct pool *pool;
    struct version missing; /* what the earlier save added, and this one lacks */
    struct version left;    /* what it deleted, and this one has */
};

/* Two authors who both count the serial up have nothing else in common: it does not count. */
static bool shows_soa(const struct version_set *x, const struct version_set *y,
                      const struct version_set *file)
{
    return x && y && file && !version_set_same(x, y) && version_set_same(y, file);
}

/* Does the file have a record that the save added, or lack one that it deleted, or the TTL that it
 * set? */
static int shows_pair(void *arg, const struct version_set *x, const struct version_set *y)
{
    struct showing *s = arg;
    const struct version_set *any = x ? x : y, *file = version_find(s->file, any->key, any->type);
    struct rdset before = version_records(x), after = version_records(y);
    struct rdset has = version_records(file), added, deleted, missing;
    struct version_set left = *any;

    if (any->type == RRTYPE_SOA)
        return shows_soa(x, y, file);
    if (version_minus_set(s->pool, any->type, &after, &before, &added) < 0 ||
        version_minus_set(s->pool, any->type, &before, &after, &deleted) < 0 ||
        version_minus_set(s->pool, any->type, &added, &has, &missing) < 0)
        return -ENOMEM;
    if (missing.count < added.count || version_exceeds(any->type, &deleted, &has))
        return 1;
    if (x && y && file && x->ttl != y->ttl && file->ttl == y->ttl)
        return 1;
    left.rdatas = missing;
    if (missing.count > 0 && version_add(s->pool, &s->missing, &left) < 0)
        return -ENOMEM;
    left.rdatas = deleted;
    return deleted.count > 0 ? version_add(s->pool, &s->left, &left) : 0;
}

/* 1: it does. 0: then what it lacks joins stays, and what it has still joins away. */
static int shows(struct saving *s, const struct base_version *earlier, struct base *base)
{
    struct showing sh = {.file = &s->file, .pool = &s->pool};

    int r = version_walk(&earlier->before, &earlier->after, shows_pair, &sh);
    if (r == 0)
        r = version_union(&s->pool, &base->stays, &sh.missing, &base->stays);
    return r == 0 ? version_union(&s->pool, &base->away, &sh.left, &base->away) : r;
}

static int choose_marked(struct saving *s, struct base *base)
{
    const struct base_query *q = s->query;
    struct base_version earlier;
    struct version rest;
    int r = 0;

    for (size_t i = 0; r == 0 && i < q->nrows; i++) {
        if (!str_eq(q->rows[i].marker, q->marker))
            continue;
        r = base_decode(&s->pool, q->rows[i].records, &earlier);
        if (r == 0)
            r = shows(s, &earlier, base);
    }
    if (r < 0)
        return r;
    if (r == 0) {
        base->version = s->zone_at;
        return 0;
    }
    *base = (struct base){.kind = BASE_EARLIER, .seq = earlier.seq};
    r = version_without(&s->pool, &s->zone_at, &earlier.before, &rest);
    return r < 0 ? r : version_union(&s->pool, &rest, &earlier.after, &base->version);
}

/* Rule 3. Where there was none, nothing is deleted. */
static int choose_unmarked(struct saving *s, struct base *base)
{
    const struct base_query *q = s->query;
    struct base_version last = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && i < q->nrows; i++)
        if (q->rows[i].marker.n == 0)
            r = base_decode(&s->pool, q->rows[i].records, &last);
    *base = (struct base){.kind = BASE_UNMARKED, .seq = last.seq, .version = last.after};
    return r;
}

int base_choose(struct saving *s, struct base *ret_base)
{
    *ret_base = (struct base){.kind = BASE_MARKER, .seq = s->save->seq};
    return s->at ? choose_marked(s, ret_base) : choose_unmarked(s, ret_base);
}
