/* Rule 5 of the write path: after a commit of which nobody knows whether it happened, or an error
 * of the disk, nothing is written until a fresh state.db has been written from memory, which holds
 * what was acknowledged and nothing else. Tried at once, then with longer and longer pauses, for
 * ever. Reading goes on meanwhile. */
#include <limits.h>
#include <stdio.h>

#include <betterdns/clock.h>
#include <betterdns/log.h>

#include "impl.h"

#define WAIT_FIRST_NS (100 * NS_PER_MS)
#define WAIT_MOST_NS (10 * NS_PER_S)
#define SAY_EVERY_NS (60 * NS_PER_S)
#define UNREADABLE_MAX 3 /* attempts, before a fresh one does without what cannot be read */
#define ASK_EVERY 1024   /* record sets */

void rebuild_ask(struct registry *r, const char *what, int error, const char *sqlite)
{
    pthread_mutex_lock(&r->lock);
    bool first = !r->stats.read_only;
    if (first) {
        r->stats.read_only = true;
        snprintf(r->stats.read_only_reason, sizeof(r->stats.read_only_reason),
                 "%s (%s); a fresh state.db is being written", what, sqlite);
        r->rebuild = (struct rebuild){.next_ns = 1, .began_ns = clock_mono_ns()};
        pthread_cond_signal(&r->work);
    }
    pthread_mutex_unlock(&r->lock);
    if (first)
        log_error("state.db: read-only until a fresh one has been written", LOG_C("reason", what),
                  LOG_ERR(error), LOG_C("sqlite", sqlite));
}

void rebuild_ask_gone(struct registry *r)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/state.db", r->data);
    rebuild_ask(r, "somebody has removed or replaced it", -ESTALE, path);
    r->gone = true;
}

uint64_t rebuild_due_ns(const struct registry *r)
{
    return r->stats.read_only ? r->rebuild.next_ns : 0;
}

static bool is_closing(void *arg)
{
    struct registry *r = arg;

    pthread_mutex_lock(&r->lock);
    bool closing = r->closing;
    pthread_mutex_unlock(&r->lock);
    return closing && !r->gone; /* then memory is all that there is */
}

/* ---- the fresh database ---- */

static int write_zone_rows(struct registry *r, struct fresh *f)
{
    char origin[DNAME_TEXT_MAX];
    int result = 0;

    for (unsigned z = 0; result == 0 && z < r->nzones; z++) {
        const struct registry_exports *e = &r->exports[z]; /* only this thread changes them */
        size_t n = dname_to_text(&r->origins[z], origin);
        result =
            fresh_zone(f, r->ids[z], (struct str){origin, n}, snap_zone(r->current, z)->serial);
        if (result == 0 && e->n > 0)
            result = state_export_end(fresh_state(f), r->ids[z], &e->at[0]);
        if (result == 0 && e->n > 1)
            result = state_export_begin(fresh_state(f), r->ids[z], &e->at[1]);
    }
    return result;
}

static int write_records(struct registry *r, struct fresh *f)
{
    const struct rrset *set;
    struct snap_iter it;
    unsigned zone, count = 0;

    int result = snap_seek(r->current, (struct snap_key){.zone = 0, .owner = STR("")}, &it);
    while (result == 0 && (set = snap_next(&it, &zone))) {
        result = state_set_change(fresh_state(f), r->ids[zone], NULL, set);
        if (result == 0 && ++count % ASK_EVERY == 0 && is_closing(r))
            result = -BD_ESTOPPING;
    }
    return result;
}

static int write_fresh(struct registry *r)
{
    const struct fresh_rest rest = {.last = &r->last,
                                    .salvage = r->rebuild.unreadable >= UNREADABLE_MAX,
                                    .stop = is_closing,
                                    .arg = r};
    struct fresh *f;
    bool lost = false;

    int result = fresh_begin(r->data, &f);
    if (result < 0)
        return result;
    result = write_zone_rows(r, f);
    if (result == 0)
        result = write_records(r, f);
    if (result == 0)
        result = book_write_fresh(r->book, fresh_state(f), registry_running_ns(r));
    if (result == 0) {
        result = fresh_copy_rest(f, &rest, &lost);
        r->rebuild.unreadable += result == -EIO || result == -BD_ECORRUPT;
    }
    if (result < 0) {
        fresh_abort(f);
        return result;
    }
    result = fresh_end(f);
    if (result == 0 && lost)
        log_error("state.db: parts of the old one could not be read: history is not complete, and "
                  "zones that are not configured may lack records");
    return result;
}

/* ---- in the place of the old one ---- */

/* Nobody may have the old files open when they are replaced: a connection that closes removes the
 * WAL of that name. The order matters: the last one to close would copy the WAL first. */
static void close_connections(struct registry *r)
{
    history_suspend(r);
    checkpoint_stop(r->checkpoint);
    r->checkpoint = NULL;
    state_abandon(r->state);
    r->state = NULL;
}

static int open_connections(struct registry *r)
{
    struct problem problem = {0};
    struct state_last last;

    int result = state_open(r->data, &r->state, &problem);
    if (result == 0)
        result = state_last(r->state, &last, &problem);
    if (result == 0 && (last.seq != r->last.seq || !hash128_eq(&last.chain, &r->last.chain)))
        result = -BD_ECORRUPT;
    if (result == 0) {
        book_rewritten(r->book, r->state);
        result = checkpoint_start(r, &r->checkpoint);
    }
    if (result == 0)
        result = history_resume(r);
    return result;
}

static int attempt(struct registry *r)
{
    int result = 0;

    close_connections(r);
    result = open_keep_lock(r);
    if (result == 0 && !r->rebuild.placed)
        result = write_fresh(r);
    if (result < 0)
        return result;
    r->rebuild.placed = true;
    result = state_adopt(r->data);
    if (result < 0)
        return result;
    r->rebuild.placed = false;
    return open_connections(r);
}

static void succeeded(struct registry *r)
{
    uint64_t took = clock_mono_ns() - r->rebuild.began_ns;

    r->gone = false;
    pthread_mutex_lock(&r->lock);
    r->stats.read_only = false;
    r->stats.read_only_reason[0] = '\0';
    r->stats.rebuilds++;
    pthread_mutex_unlock(&r->lock);
    log_info("state.db: a fresh one has been written; changes are taken again",
             LOG_UINT("read_only_ms", took / NS_PER_MS));
}

static void failed(struct registry *r, int error)
{
    struct rebuild *b = &r->rebuild;
    uint64_t now = clock_mono_ns();

    close_connections(r);
    b->wait_ns = b->wait_ns == 0 ? WAIT_FIRST_NS : 2 * b->wait_ns;
    if (b->wait_ns > WAIT_MOST_NS)
        b->wait_ns = WAIT_MOST_NS;
    b->next_ns = now + b->wait_ns;
    pthread_mutex_lock(&r->lock);
    r->stats.failed_rebuilds++;
    snprintf(r->stats.read_only_reason, sizeof(r->stats.read_only_reason),
             "a fresh state.db cannot be written yet: %s", bd_strerror(error));
    pthread_mutex_unlock(&r->lock);
    if (error == -BD_ESTOPPING || (b->said_ns != 0 && now - b->said_ns < SAY_EVERY_NS))
        return;
    b->said_ns = now;
    log_error("state.db: a fresh one cannot be written yet; it is tried again", LOG_ERR(error));
}

void rebuild_try(struct registry *r)
{
    int result = attempt(r);

    if (result == 0)
        succeeded(r);
    else
        failed(r, result);
}

void rebuild_end(struct registry *r)
{
    if (r->state && !state_is_there(r->state))
        rebuild_ask_gone(r);
    if (!r->gone)
        return;
    r->rebuild.unreadable = UNREADABLE_MAX; /* what cannot be read now is read by nobody */
    rebuild_try(r);
}
