/* The zones as they were: the current snapshot, with the changes since then undone, the last one
 * first. Each is checked to follow the one before it (the chain), so that a log with a hole never
 * makes up a state that was not. */
#include <endian.h>
#include <stdlib.h>

#include "history_impl.h"

struct rewind {
    struct registry *r;
    struct snap *from;
    struct snap_edit *edit;
    uint64_t to;   /* the state after this change is wanted */
    uint64_t upto; /* changes after this one are undone */
    bool *touched; /* one a zone */
    bool found;
    uint64_t seq; /* where it was found: the change with that state */
    struct hash128 chain;
    uint32_t *serials; /* one a zone, at that change */
};

int history_follows(const struct reader_row *row, bool *ret_follows)
{
    uint64_t seq = htobe64(row->seq);
    struct buf bytes = {0};

    buf_add(&bytes, &seq, sizeof(seq));
    buf_add_str(&bytes, row->ops);
    int r = bytes.error;
    if (r == 0) {
        struct hash128 chain = hash128_pair(row->before.b, sizeof(row->before.b), bytes.p, bytes.n);
        *ret_follows = hash128_eq(&chain, &row->chain);
    }
    buf_free(&bytes);
    return r;
}

static int undo_diff(struct rewind *w, unsigned zone, const struct diff *d)
{
    const struct rrset *set = d->after ? d->after : d->before;
    struct snap_key key = {zone, rrset_owner_key(set), rrset_type(set)};

    w->touched[zone] = true;
    return d->before ? snap_edit_set(w->edit, zone, rrset_ref(d->before))
                     : snap_edit_delete(w->edit, key);
}

static int undo_ops(struct rewind *w, struct str ops)
{
    struct ops_reader reader;
    struct diff diff;
    int64_t id;
    unsigned zone;

    int r = ops_read_start(ops, &reader);
    while (r == 0 && (r = ops_read(&reader, &id, &diff)) == 1) {
        r = history_zone_of(w->r, id, &zone) ? undo_diff(w, zone, &diff) : 0;
        rrset_put(diff.before);
        rrset_put(diff.after);
    }
    return r;
}

static int found(struct rewind *w, uint64_t seq, const struct hash128 *chain)
{
    w->found = true;
    w->seq = seq;
    w->chain = *chain;
    return 1;
}

static int undo_row(void *arg, const struct reader_row *row)
{
    static const struct hash128 none;
    struct rewind *w = arg;
    bool follows;

    if (row->seq <= w->to)
        return found(w, row->seq, &row->chain);
    int r = history_follows(row, &follows);
    if (r < 0)
        return r;
    if (!follows) { /* what was before it is not kept */
        history_set_oldest(w->r, row->seq);
        return -BD_ENOTFOUND;
    }
    r = undo_ops(w, row->ops);
    w->upto = row->seq - 1;
    return r == 0 && hash128_eq(&row->before, &none) ? found(w, 0, &none) : r;
}

/* In the transaction that has read the change itself. */
static int find_serials(struct rewind *w)
{
    uint64_t seq;

    for (unsigned z = 0; z < w->r->nzones; z++) {
        w->serials[z] = snap_zone(w->from, z)->serial;
        if (!w->touched[z])
            continue;
        w->serials[z] = 0;
        int r = reader_zone(w->r->history->reader, w->r->ids[z], w->seq, &seq, &w->serials[z]);
        if (r < 0 && r != -BD_ENOTFOUND)
            return r;
    }
    return 0;
}

/* One transaction's worth. 1: there is more to undo. */
static int rewind_some(struct rewind *w)
{
    const struct reader_range range = {.upto = w->upto, .backwards = true};
    struct reader *rd = w->r->history->reader;

    int r = reader_begin(rd);
    if (r < 0)
        return r;
    r = reader_changes(rd, &range, undo_row, w);
    if (r >= 0 && w->found)
        r = find_serials(w);
    else if (r == 0)
        r = -BD_ENOTFOUND; /* the rows end before the wanted one */
    reader_end(rd);
    return r;
}

/* What changes did to the SOA is undone, but the serial is not theirs. */
static int set_serial(struct rewind *w, unsigned zone)
{
    struct snap_key key = {.zone = zone, .type = RRTYPE_SOA};
    uint8_t owner[DNAME_KEY_MAX];

    key.owner = (struct str){(const char *)owner, dname_key(&w->r->origins[zone], owner)};
    const struct rrset *soa = snap_edit_find(w->edit, key);
    if (!soa) {
        w->serials[zone] = 0;
        return 0;
    }
    if (w->serials[zone] == 0)
        return -BD_ENOTFOUND;
    struct rrset *then = commit_soa_with(soa, w->serials[zone]);
    return then ? snap_edit_set(w->edit, zone, then) : -ENOMEM;
}

static int rewind_all(struct rewind *w)
{
    int r;

    while ((r = rewind_some(w)) == 1)
        ;
    for (unsigned z = 0; r == 0 && z < w->r->nzones; z++)
        if (w->touched[z])
            r = set_serial(w, z);
    return r;
}

static int rewind_to(struct registry *r, struct snap *from, uint64_t seq, struct snap **ret_snap)
{
    struct rewind w = {.r = r, .from = from, .to = seq, .upto = snap_seq(from)};
    int result = -ENOMEM;

    w.touched = calloc(r->nzones, sizeof(*w.touched));
    w.serials = calloc(r->nzones, sizeof(*w.serials));
    if (w.touched && w.serials)
        result = snap_edit_begin(from, &w.edit);
    if (result == 0)
        result = rewind_all(&w);
    if (result == 0) {
        result = snap_edit_commit(w.edit, w.seq, &w.chain, w.serials, ret_snap);
        w.edit = NULL;
    }
    snap_edit_abort(w.edit);
    free(w.serials);
    free(w.touched);
    return result;
}

int registry_at(struct registry *r, uint64_t seq, struct snap **ret_snap)
{
    struct snap *now = registry_snapshot(r);
    int result;

    if (seq == snap_seq(now)) {
        *ret_snap = now;
        return 0;
    }
    if (seq > snap_seq(now) || seq < registry_oldest(r))
        result = -BD_ENOTFOUND;
    else
        result = rewind_to(r, now, seq, ret_snap);
    snap_put(now);
    return result;
}
