/* One transaction and one snapshot out of the changes of a group. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/clock.h>
#include <betterdns/log.h>
#include <betterdns/pause.h>

#include "impl.h"
#include "job.h"
#include "merge.h"

int commit_start(struct commit *k, struct registry *r)
{
    *k = (struct commit){
        .r = r,
        .first_seq = r->last.seq,
        .last = r->last,
        .apply = {.ttls = r->ttls,
                  .origins = r->origins,
                  .keep_last = r->keep_last,
                  .next_number = r->last.number + 1,
                  .now = clock_real_s()},
        .serials = calloc(r->nzones, sizeof(*k->serials)),
        .dirty = calloc(r->nzones, sizeof(*k->dirty)),
        .follow = calloc(r->nzones, sizeof(*k->follow)),
        .included = calloc(r->nzones, sizeof(struct included *)),
    };
    k->apply.before = r->current;
    k->apply.used = r->serials;
    k->apply.follow = k->follow;
    k->apply.included = k->included;
    k->apply.book = r->book;
    /* Only this thread ever changes what is current. */
    if (!k->serials || !k->dirty || !k->follow || !k->included ||
        snap_edit_begin(r->current, &k->apply.edit) < 0) {
        k->apply.edit = NULL;
        commit_free(k);
        return -ENOMEM;
    }
    for (unsigned z = 0; z < r->nzones; z++)
        k->serials[z] = snap_zone(r->current, z)->serial;
    pthread_mutex_lock(&r->lock);
    for (unsigned z = 0; z < r->nzones; z++)
        k->included[z] = included_ref(r->included[z]);
    k->running_ns = lease_now(r);
    pthread_mutex_unlock(&r->lock);
    book_begin(r->book, k->running_ns);
    return 0;
}

void commit_free(struct commit *k)
{
    if (k->apply.edit)
        snap_edit_abort(k->apply.edit);
    for (unsigned z = 0; k->included && z < k->r->nzones; z++)
        included_put(k->included[z]);
    free(k->included);
    free(k->follow);
    free(k->serials);
    free(k->dirty);
    k->apply.edit = NULL;
    k->included = NULL;
    k->follow = NULL;
    k->serials = NULL;
    k->dirty = NULL;
}

void commit_note(struct commit *k, struct change *c)
{
    if (k->last.seq < k->r->used_seq)
        k->last.seq = k->r->used_seq;
    c->receipt.seq = ++k->last.seq;
    k->writes = true;
    for (size_t i = 0; i < c->diffs.n; i++)
        k->dirty[c->diffs.p[i].zone] = true;
}

void commit_note_merge(struct commit *k, struct change *c)
{
    struct merge *m = c->merge;

    k->writes = k->writes || m->nputs > 0 || m->has_content;
    if (!m->has_included)
        return;
    registry_set_included(k->r, m->zone, included_ref(m->included));
    included_put(k->included[m->zone]);
    k->included[m->zone] = included_ref(m->included);
}

/* ---- serials: +1 a group and zone; an import brings its own in its SOA ---- */

struct rrset *commit_soa_with(const struct rrset *soa, uint32_t serial)
{
    struct rdset rdatas = rrset_rdatas(soa);
    const uint8_t *at = rdatas.p;
    struct dname owner;
    struct str rdata;

    uint8_t *bytes = malloc(rdatas.n);
    if (!bytes)
        return NULL;
    memcpy(bytes, rdatas.p, rdatas.n);
    if (rdset_next(&rdatas, &at, &rdata))
        soa_set_serial(bytes + 2, rdata.n, serial);
    rdatas.p = bytes;
    rrset_owner(soa, &owner);
    struct rrset *copy = rrset_new(&owner, RRTYPE_SOA, rrset_ttl(soa), &rdatas, NULL, 0);
    free(bytes);
    return copy;
}

static uint32_t serial_of(const struct rrset *soa)
{
    struct rdset rdatas = rrset_rdatas(soa);
    const uint8_t *at = rdatas.p;
    struct str rdata;

    if (!rdset_next(&rdatas, &at, &rdata))
        return 0;
    return soa_serial((const uint8_t *)rdata.p, rdata.n);
}

static int next_serial(struct commit *k, unsigned z, struct diffs *soas)
{
    struct snap_key key = {.zone = z, .type = RRTYPE_SOA};
    uint8_t owner[DNAME_KEY_MAX];

    key.owner = (struct str){(const char *)owner, dname_key(&k->r->origins[z], owner)};
    const struct rrset *soa = snap_edit_find(k->apply.edit, key);
    if (!soa)
        return -BD_ECORRUPT;
    if (k->serials[z] == 0) { /* a zone that is only now coming in */
        k->serials[z] = serial_of(soa);
        return 0;
    }
    k->serials[z] = k->follow[z] ? k->follow[z] : serial_next(k->r->serials[z]);
    struct rrset *next = commit_soa_with(soa, k->serials[z]);
    return next ? apply_set(&k->apply, soas, z, next) : -ENOMEM;
}

static int next_serials(struct commit *k, struct diffs *soas)
{
    int r = 0;

    for (unsigned z = 0; r == 0 && z < k->r->nzones; z++)
        if (k->dirty[z])
            r = next_serial(k, z, soas);
    return r;
}

/* ---- the transaction ---- */

static int write_diffs(struct commit *k, const struct diffs *d)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < d->n; i++)
        r = state_set_change(k->r->state, k->r->ids[d->p[i].zone], d->p[i].before, d->p[i].after);
    return r;
}

static int write_change_zones(struct commit *k, const struct change *c)
{
    unsigned done = UINT32_MAX;

    /* Diffs are in order of zone. */
    for (size_t i = 0; i < c->diffs.n; i++) {
        unsigned z = c->diffs.p[i].zone;
        if (z == done)
            continue;
        int r = state_change_zone_add(k->r->state, c->receipt.seq, k->r->ids[z], k->serials[z]);
        if (r < 0)
            return r;
        done = z;
    }
    return 0;
}

/* The chain runs over the number and the operations of each change. */
static int write_change(struct commit *k, const struct change *c)
{
    const size_t nseq = sizeof(uint64_t);
    struct buf bytes = {0};
    uint64_t seq = htobe64(c->receipt.seq);

    int r = write_diffs(k, &c->diffs);
    if (r < 0)
        return r;
    buf_add(&bytes, &seq, nseq);
    ops_encode(&c->diffs, k->r->ids, &bytes);
    r = bytes.error;
    if (r == 0) {
        k->last.chain = hash128_pair(k->last.chain.b, sizeof(k->last.chain.b), bytes.p, bytes.n);
        struct state_change row = {
            .seq = c->receipt.seq,
            .time = k->apply.now,
            .source = change_source_name(c->source),
            .actor = c->actor,
            .ops = {bytes.p + nseq, bytes.n - nseq},
            .chain = k->last.chain,
        };
        r = state_change_add(k->r->state, &row);
    }
    buf_free(&bytes);
    return r < 0 ? r : write_change_zones(k, c);
}

/* A row carries the number of the last change of its transaction, by which a rebuild tells the rows
 * of a commit that came to nothing. */
static int write_puts(struct commit *k, const struct merge *m)
{
    uint64_t seq = htobe64(k->last.seq);
    int r = 0;

    for (size_t i = 0; r == 0 && i < m->nputs; i++) {
        const struct base_put *put = &m->puts[i];
        if (put->records.n >= sizeof(seq))
            memcpy(put->records.p, &seq, sizeof(seq));
        r = state_base_put(k->r->state, k->r->ids[m->zone], put->marker, buf_str(&put->records));
    }
    if (r == 0 && m->has_content)
        r = state_export_end(k->r->state, k->r->ids[m->zone], &m->content);
    return r;
}

static bool is_merged(const struct change *c)
{
    return c->merge && c->result == 0 && c->merge->verdict != SAVE_TOO_MANY;
}

static int add_new_zones(struct commit *k)
{
    char origin[DNAME_TEXT_MAX];
    int r = 0;

    for (unsigned z = 0; r == 0 && z < k->r->nzones; z++) {
        if (!k->dirty[z] || k->r->ids[z] != 0)
            continue;
        size_t n = dname_to_text(&k->r->origins[z], origin);
        r = state_zone_add(k->r->state, (struct str){origin, n}, &k->r->ids[z]);
    }
    return r;
}

static int write_rows(struct commit *k, const struct diffs *soas)
{
    int r = state_begin(k->r->state);
    if (r == 0)
        r = book_write(k->r->book, k->r->state);
    if (r == 0)
        r = add_new_zones(k);
    for (struct change *c = k->changes; r == 0 && c; c = c->next) {
        if (c->job)
            r = job_write(k, c);
        else if (c->result == 0 && c->diffs.n > 0)
            r = write_change(k, c);
        if (r == 0 && is_merged(c))
            r = write_puts(k, c->merge);
    }
    if (r == 0)
        r = write_diffs(k, soas);
    for (unsigned z = 0; r == 0 && z < k->r->nzones; z++)
        if (k->dirty[z])
            r = state_zone_serial(k->r->state, k->r->ids[z], k->serials[z]);
    return r;
}

static void use_serials(struct commit *k)
{
    for (unsigned z = 0; z < k->r->nzones; z++)
        if (k->dirty[z])
            k->r->serials[z] = k->serials[z];
}

static void publish(struct commit *k, struct snap *next)
{
    struct registry *r = k->r;

    book_commit(r->book, true);
    pthread_mutex_lock(&r->lock);
    struct snap *old = r->current;
    r->current = next;
    for (const struct change *c = k->changes; c; c = c->next)
        if (is_merged(c) && c->merge->has_content)
            r->exports[c->merge->zone] = (struct registry_exports){{c->merge->content}, 1};
    feeds_show(&r->feeds);
    pthread_mutex_unlock(&r->lock);
    snap_put(old);
    r->last = k->last;
    r->used_seq = k->last.seq;
    use_serials(k);
}

/* What the book of renewals and those who follow are told of it. */
static int note_diffs(struct commit *k, const struct diffs *soas)
{
    struct feeds *feeds = &k->r->feeds;
    int r = feeds_note(feeds, soas);

    for (const struct change *c = k->changes; r == 0 && c; c = c->next) {
        if (c->result < 0 || c->diffs.n == 0)
            continue;
        r = book_note(k->r->book, &c->diffs);
        if (r == 0)
            r = feeds_note(feeds, &c->diffs);
    }
    return r;
}

/* The snapshot is made before the COMMIT, so that nothing can fail after it. */
static int transact(struct commit *k, const struct diffs *soas, bool *in_commit)
{
    struct snap *next = NULL;

    k->last.number = k->apply.next_number - 1;
    int r = write_rows(k, soas);
    if (r == 0)
        r = note_diffs(k, soas);
    if (r < 0)
        return r;
    r = snap_edit_commit(k->apply.edit, k->last.seq, &k->last.chain, k->serials, &next);
    k->apply.edit = NULL;
    if (r < 0)
        return r;
    *in_commit = true;
    PAUSE_POINT("commit: written, not durable");
    r = state_commit(k->r->state);
    if (r == 0 && !state_is_there(k->r->state))
        r = -ESTALE; /* durable in a file that nobody will find */
    if (r < 0) {
        snap_put(next);
        return r;
    }
    PAUSE_POINT("commit: durable, not visible");
    publish(k, next);
    return 0;
}

static void note_full(struct registry *r, bool full)
{
    pthread_mutex_lock(&r->lock);
    bool was = r->stats.full;
    r->stats.full = full;
    pthread_mutex_unlock(&r->lock);
    if (full && !was)
        log_error("state.db: no room; changes are refused until there is some",
                  LOG_C("sqlite", state_message(r->state)));
    else if (was && !full)
        log_info("state.db: there is room again");
}

/* A group that surely did not happen, and the next one may: no memory, or somebody holds the file.
 */
static int refused(struct registry *r, int error)
{
    uint64_t now = clock_mono_ns();

    if (r->said_refused_ns == 0 || now - r->said_refused_ns > 60 * NS_PER_S) {
        log_error("state.db: a group of changes was refused", LOG_ERR(error),
                  LOG_C("sqlite", state_message(r->state)));
        r->said_refused_ns = now;
    }
    return error == -EBUSY ? -BD_EREADONLY : error;
}

/* What a failure means to those who wait. Before the COMMIT nothing has happened, whatever the
 * error. Numbers and serials that an uncertain commit has used are not used again. */
static int failed(struct commit *k, int error, bool in_commit)
{
    struct registry *r = k->r;
    bool unknown =
        in_commit && error != -BD_EFULL && !(error == -EBUSY && state_in_transaction(r->state));
    bool usable = error == -BD_EFULL || error == -EBUSY || error == -ENOMEM;
    char sqlite[160];

    snprintf(sqlite, sizeof(sqlite), "%s", state_message(r->state));
    if (error == -BD_EFULL)
        note_full(r, true);
    usable = state_rollback(r->state) && usable;
    if (!unknown && usable)
        return error == -BD_EFULL ? error : refused(r, error);
    if (error == -ESTALE)
        rebuild_ask_gone(r);
    else
        rebuild_ask(r, in_commit ? "a commit failed" : "a change could not be written", error,
                    sqlite);
    if (!unknown)
        return -BD_EREADONLY;
    use_serials(k);
    r->used_seq = k->last.seq;
    r->last.number = k->last.number;
    return -BD_EUNKNOWN;
}

int commit_write(struct commit *k)
{
    struct registry *r = k->r;
    struct diffs soas = {0};
    bool in_commit = false;

    uint64_t began = clock_mono_ns();
    int result = next_serials(k, &soas);
    if (result == 0) {
        feeds_enter(&r->feeds);
        checkpoint_enter(r->checkpoint);
        result = transact(k, &soas, &in_commit);
        if (result < 0)
            result = failed(k, result, in_commit);
        checkpoint_leave(r->checkpoint);
        feeds_leave(&r->feeds);
    }
    diffs_free(&soas);
    if (result < 0)
        return result;
    note_full(r, false);
    r->said_refused_ns = 0;
    pthread_mutex_lock(&r->lock);
    r->stats.commits++;
    r->stats.commit_ns_total += clock_mono_ns() - began;
    pthread_mutex_unlock(&r->lock);
    checkpoint_tell(r->checkpoint, state_wal_pages(r->state));
    return 0;
}
