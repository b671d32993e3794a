/* What changed, when, by whom. */
#include <limits.h>
#include <stdlib.h>

#include <betterdns/log.h>

#include "history_impl.h"

/* ---- opening ---- */

static int cmp_ids(const void *a, const void *b)
{
    int64_t ia = ((const struct zone_id *)a)->id, ib = ((const struct zone_id *)b)->id;

    return (ia > ib) - (ia < ib);
}

bool history_zone_of(const struct registry *r, int64_t id, unsigned *ret_zone)
{
    const struct zone_id key = {.id = id};
    const struct zone_id *found = bsearch(&key, r->history->zones, r->nzones, sizeof(key), cmp_ids);

    if (found)
        *ret_zone = found->zone;
    return found != NULL;
}

void history_set_oldest(struct registry *r, uint64_t seq)
{
    pthread_mutex_lock(&r->lock);
    if (r->history->oldest < seq)
        r->history->oldest = seq;
    pthread_mutex_unlock(&r->lock);
}

uint64_t registry_oldest(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t oldest = r->history->oldest;
    pthread_mutex_unlock(&r->lock);
    return oldest;
}

/* The state before the first row is known only where no change was before it. */
static int see_first(void *arg, const struct reader_row *row)
{
    bool follows;

    int r = history_follows(row, &follows);
    if (r < 0)
        return r;
    if (!follows)
        history_set_oldest(arg, row->seq);
    return 1;
}

static int look(struct registry *r)
{
    const struct reader_range all = {.upto = UINT64_MAX};
    struct reader *rd = r->history->reader;

    int result = reader_begin(rd);
    if (result == 0) {
        result = reader_changes(rd, &all, see_first, r);
        reader_end(rd);
    }
    if (result >= 0 || result == -ENOMEM)
        return result < 0 ? result : 0;
    log_error("state.db: the history cannot be read", LOG_ERR(result));
    history_set_oldest(r, r->last.seq);
    return 0;
}

int history_start(struct registry *r, const struct registry_options *options)
{
    struct history *h = calloc(1, sizeof(*h));

    if (!h)
        return -ENOMEM;
    r->history = h;
    h->zones = calloc(r->nzones, sizeof(*h->zones));
    h->keep = calloc(r->nzones, sizeof(*h->keep));
    int result = h->zones && h->keep ? reader_new(r->data, &h->reader) : -ENOMEM;
    if (result < 0)
        return result;
    for (unsigned z = 0; z < r->nzones; z++)
        h->zones[z] = (struct zone_id){.id = r->ids[z], .zone = z};
    qsort(h->zones, r->nzones, sizeof(*h->zones), cmp_ids);
    prune_start(r, options);
    return look(r);
}

void history_end(struct registry *r)
{
    if (!r->history)
        return;
    reader_free(r->history->reader);
    free(r->history->keep);
    free(r->history->zones);
    free(r->history);
    r->history = NULL;
}

void history_suspend(struct registry *r)
{
    reader_suspend(r->history->reader);
}

int history_resume(struct registry *r)
{
    reader_resume(r->history->reader);
    prune_restart(r);
    return look(r);
}

int registry_seq_at_serial(struct registry *r, unsigned zone, uint32_t serial, uint64_t *ret_seq)
{
    struct reader *rd = r->history->reader;
    uint64_t oldest = registry_oldest(r), seq = 0;

    if (zone >= r->nzones)
        return -BD_ENOTFOUND;
    struct snap *now = registry_snapshot(r);
    int result = reader_begin(rd);
    if (result == 0) {
        result = reader_serial(rd, r->ids[zone], snap_seq(now), serial, &seq);
        reader_end(rd);
    }
    /* A serial that no change gave: it was moved on at start, past what the server had shown. */
    if (result == -BD_ENOTFOUND && serial == snap_zone(now, zone)->serial) {
        seq = snap_seq(now);
        result = 0;
    }
    snap_put(now);
    if (result == 0)
        *ret_seq = seq < oldest ? oldest : seq;
    return result;
}

/* ---- walking: rows are decoded in a transaction, and given away after it ---- */

/* A change, with everything that it points to. */
struct entry {
    struct history_change c;
    char *source; /* and its end, and the actor */
    struct history_zone *zones;
    struct history_diff *diffs;
    size_t cap;
};

struct walk {
    struct registry *r;
    const struct history_filter *filter;
    struct str key; /* dname_key of the filter's name */
    uint64_t after, upto;
    struct entry *entries;
    size_t n, cap;
};

static void free_entry(struct entry *e)
{
    for (size_t i = 0; i < e->c.ndiffs; i++) {
        rrset_put(e->diffs[i].before);
        rrset_put(e->diffs[i].after);
    }
    free(e->diffs);
    free(e->zones);
    free(e->source);
}

static void free_entries(struct walk *w)
{
    for (size_t i = 0; i < w->n; i++)
        free_entry(&w->entries[i]);
    w->n = 0;
}

static int room_for_entry(struct walk *w)
{
    if (w->n < w->cap)
        return 0;
    size_t cap = w->cap ? 2 * w->cap : 16;
    struct entry *entries = reallocarray(w->entries, cap, sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    w->entries = entries;
    w->cap = cap;
    return 0;
}

static bool is_wanted(const struct walk *w, unsigned zone, const struct diff *d)
{
    const struct rrset *set = d->after ? d->after : d->before;

    return (w->filter->zone == UINT_MAX || w->filter->zone == zone) &&
           (!w->filter->name || str_eq(rrset_owner_key(set), w->key));
}

/* Takes over the counts. */
static int add_diff(struct entry *e, unsigned zone, struct diff *d)
{
    if (e->c.ndiffs == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : 2;
        struct history_diff *diffs = reallocarray(e->diffs, cap, sizeof(*diffs));
        if (!diffs)
            return -ENOMEM;
        e->diffs = diffs;
        e->cap = cap;
    }
    e->diffs[e->c.ndiffs++] = (struct history_diff){zone, d->before, d->after};
    *d = (struct diff){0};
    return 0;
}

static int decode(struct walk *w, struct str ops, struct entry *e)
{
    struct ops_reader reader;
    struct diff diff;
    int64_t id;
    unsigned zone;

    int r = ops_read_start(ops, &reader);
    while (r == 0 && (r = ops_read(&reader, &id, &diff)) == 1) {
        r = 0;
        if (history_zone_of(w->r, id, &zone) && is_wanted(w, zone, &diff))
            r = add_diff(e, zone, &diff);
        rrset_put(diff.before);
        rrset_put(diff.after);
    }
    return r;
}

/* Diffs are in order of zone. */
static int note_zones(struct walk *w, struct entry *e)
{
    uint64_t seq;
    size_t n = 0;

    e->zones = calloc(e->c.ndiffs, sizeof(*e->zones));
    if (!e->zones)
        return -ENOMEM;
    for (size_t i = 0; i < e->c.ndiffs; i++) {
        unsigned zone = e->diffs[i].zone;
        uint32_t serial = 0;
        if (n > 0 && e->zones[n - 1].zone == zone)
            continue;
        int r = reader_zone(w->r->history->reader, w->r->ids[zone], e->c.seq, &seq, &serial);
        if (r < 0 && r != -BD_ENOTFOUND)
            return r;
        e->zones[n++] = (struct history_zone){zone, r == 0 && seq == e->c.seq ? serial : 0};
    }
    e->c.nzones = n;
    return 0;
}

static int keep_texts(const struct reader_row *row, struct entry *e)
{
    e->source = malloc(row->source.n + 1 + row->actor.n);
    if (!e->source)
        return -ENOMEM;
    char *actor = e->source + row->source.n + 1;
    if (row->source.n > 0)
        memcpy(e->source, row->source.p, row->source.n);
    actor[-1] = '\0';
    if (row->actor.n > 0)
        memcpy(actor, row->actor.p, row->actor.n);
    e->c.actor = (struct str){actor, row->actor.n};
    return 0;
}

static int see_row(void *arg, const struct reader_row *row)
{
    struct walk *w = arg;
    struct entry e = {.c = {.seq = row->seq, .time = row->time}};

    w->after = row->seq;
    /* Most changes are of other names: that is seen without decoding them. */
    if (w->filter->name && !memmem(row->ops.p, row->ops.n, w->key.p, w->key.n))
        return 0;
    int r = room_for_entry(w);
    if (r == 0)
        r = decode(w, row->ops, &e);
    if (r == 0 && e.c.ndiffs > 0)
        r = note_zones(w, &e);
    if (r == 0 && e.c.ndiffs > 0)
        r = keep_texts(row, &e);
    if (r == 0 && e.c.ndiffs > 0)
        w->entries[w->n++] = e;
    else
        free_entry(&e);
    return r;
}

/* One transaction's worth. 1: there are more. */
static int read_some(struct walk *w)
{
    const struct reader_range range = {
        .after = w->after,
        .upto = w->upto,
        .zone = w->filter->zone == UINT_MAX ? 0 : w->r->ids[w->filter->zone]};
    struct reader *rd = w->r->history->reader;

    int r = reader_begin(rd);
    if (r < 0)
        return r;
    r = reader_changes(rd, &range, see_row, w);
    reader_end(rd);
    return r;
}

static int give(struct walk *w, history_fn *fn, void *arg)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < w->n; i++) {
        struct entry *e = &w->entries[i];
        e->c.source = e->source;
        e->c.zones = e->zones;
        e->c.diffs = e->diffs;
        r = fn(arg, &e->c);
    }
    return r;
}

int registry_history(struct registry *r, const struct history_filter *filter, history_fn *fn,
                     void *arg)
{
    struct walk w = {.r = r, .filter = filter, .after = filter->since};
    uint8_t key[DNAME_KEY_MAX];
    int result, more = 1;

    if (filter->zone != UINT_MAX && filter->zone >= r->nzones)
        return -BD_ENOZONE;
    if (filter->name)
        w.key = (struct str){(const char *)key, dname_key(filter->name, key)};
    struct snap *now = registry_snapshot(r);
    w.upto = snap_seq(now);
    snap_put(now);
    for (result = 0; result == 0 && more == 1; free_entries(&w)) {
        more = read_some(&w);
        result = more < 0 ? more : give(&w, fn, arg);
    }
    free(w.entries);
    return result;
}
