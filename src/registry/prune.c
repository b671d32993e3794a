/* Rule 11 of the people's file: old changes go when the committer has nothing else to do, a step at
 * a time. It looks once a minute: a few rows are not worth a transaction each time. */
#include <stdio.h>

#include <betterdns/clock.h>
#include <betterdns/log.h>
#include <betterdns/pause.h>

#include "history_impl.h"

#define LOOK_NS (60 * NS_PER_S)
#define AGE_S (90 * 24 * 3600)
#define BYTES ((uint64_t)1 << 30)

void prune_start(struct registry *r, const struct registry_options *options)
{
    struct prune *p = &r->history->prune;

    p->age_s = options->history_age_s ? options->history_age_s : AGE_S;
    p->max_bytes = options->history_bytes ? options->history_bytes : BYTES;
    for (unsigned z = 0; z < r->nzones; z++)
        r->history->keep[z] = options->zones[z].file ? 0 : UINT64_MAX;
    p->next_ns = clock_mono_ns() + LOOK_NS;
}

void registry_keep_since(struct registry *r, unsigned zone, uint64_t seq)
{
    if (zone >= r->nzones)
        return;
    pthread_mutex_lock(&r->lock);
    r->history->keep[zone] = seq;
    pthread_mutex_unlock(&r->lock);
}

uint64_t prune_due_ns(const struct registry *r)
{
    return r->history->prune.next_ns;
}

static uint64_t kept_since(struct registry *r)
{
    uint64_t keep = r->last.seq;

    pthread_mutex_lock(&r->lock);
    for (unsigned z = 0; z < r->nzones; z++)
        if (r->history->keep[z] < keep)
            keep = r->history->keep[z];
    pthread_mutex_unlock(&r->lock);
    return keep;
}

/* By how much there is too much. Rows are counted only where the whole database has more than they
 * may take. 1: they are not all counted yet. */
static int find_excess(struct registry *r, uint64_t *ret_excess)
{
    struct prune *p = &r->history->prune;
    uint64_t bytes;

    int result = state_pages_size(r->state, &bytes);
    if (result == 0 && bytes > p->max_bytes)
        result = state_count_changes(r->state, &p->counted, &p->bytes);
    if (result >= 0)
        *ret_excess = p->bytes > p->max_bytes ? p->bytes - p->max_bytes : 0;
    return result;
}

static int write_step(struct registry *r, uint64_t oldest, bool *in_commit)
{
    int result = state_begin(r->state);
    if (result == 0)
        result = state_forget(r->state, oldest);
    if (result < 0)
        return result;
    *in_commit = true;
    return state_commit(r->state);
}

/* As after a change that could not be written: what is on the disk is in doubt. */
static void failed(struct registry *r, int error, bool in_commit)
{
    bool passing = error == -BD_EFULL || error == -EBUSY || (error == -ENOMEM && !in_commit);
    char sqlite[160];

    snprintf(sqlite, sizeof(sqlite), "%s", state_message(r->state));
    if (!state_rollback(r->state) || !passing)
        rebuild_ask(r, "old changes could not be removed", error, sqlite);
}

static int forget(struct registry *r, const struct forgotten *f)
{
    bool in_commit = false;

    checkpoint_enter(r->checkpoint);
    int result = write_step(r, f->oldest, &in_commit);
    if (result < 0)
        failed(r, result, in_commit);
    checkpoint_leave(r->checkpoint);
    if (result < 0)
        return result;
    checkpoint_tell(r->checkpoint, state_wal_pages(r->state));
    struct prune *p = &r->history->prune;
    if (p->counted >= f->oldest)
        p->bytes -= f->bytes;
    else
        p->counted = p->bytes = 0;
    history_set_oldest(r, f->oldest);
    log_debug("state.db: old changes were removed", LOG_UINT("changes", f->rows),
              LOG_UINT("oldest", f->oldest));
    return 0;
}

/* 1: there is more to do. */
static int step(struct registry *r)
{
    struct forget f = {.keep = kept_since(r)};
    struct forgotten found = {0};

    if (f.keep == 0)
        return 0;
    int more = find_excess(r, &f.excess);
    if (more < 0)
        return more;
    f.before = clock_real_s() - r->history->prune.age_s;
    int result = state_find_old(r->state, &f, &found);
    if (result < 0 || found.rows == 0)
        return result < 0 ? result : more;
    result = forget(r, &found);
    return result < 0 ? result : 1;
}

void prune_step(struct registry *r)
{
    struct prune *p = &r->history->prune;

    int result = step(r);
    if (result < 0)
        log_warning("state.db: old changes cannot be removed", LOG_ERR(result));
    PAUSE_POINT("committer: looked for old changes");
    pthread_mutex_lock(&r->lock);
    p->next_ns = clock_mono_ns() + (result == 1 ? 0 : LOOK_NS);
    pthread_mutex_unlock(&r->lock);
}

void prune_restart(struct registry *r)
{
    r->history->prune.counted = r->history->prune.bytes = 0;
}
