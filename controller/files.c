/* The files thread: from snapshots to live copies. It sleeps until a commit, a poke or a deadline.
 * The people's files have a thread beside it, which starts and ends with it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>
#include <betterdns/log.h>
#include <betterdns/pause.h>

#include "internal.h"
#include "publisher.h"
#include "wake.h"

#define RETRY_NS NS_PER_S

struct keeping {
    char *path;
    struct buf content;
};

struct files {
    struct controller *c;
    pthread_t thread;
    bool running; /* the loop's thread */
    int wake;     /* commits and pokes */
    struct people_thread *people;

    /* of the files thread */
    bool untold;   /* a copy was written, and the publisher does not know */
    bool not_kept; /* what is to be kept could not be written, and the log knows */

    pthread_mutex_t lock;
    bool stop, rescan;      /* guarded by lock */
    files_done_fn *copied;  /* guarded by lock: asked for by files_copy_all */
    void *copied_arg;       /* guarded by lock */
    int copied_result;      /* guarded by lock */
    struct keeping keeping; /* guarded by lock: to be written; path NULL: nothing is */
    files_done_fn *stopped; /* the loop's thread; NULL: it is joined without a word */
    void *stopped_arg;      /* the loop's thread */
    files_done_fn
        *reporting; /* guarded by lock: the copies are made, and the loop has not heard of it yet */
};

struct turn {
    bool stop, rescan, copy_all;
    bool gather;      /* the server reads all zones for an earlier turn's: wait for its end */
    uint64_t next_ns; /* when to come again */
};

/* ---- live copies ---- */

/* Somebody has removed or changed the copy of what is the newest still: the server would say so at
 * every look, and the next child could not load the zone, or would load what is not ours. */
static bool copy_is_lost(struct controller *c, const struct ctl_zone *z, uint32_t serial,
                         const struct turn *turn)
{
    struct people_stat copy, now;

    if (z->written != serial || (!turn->copy_all && !turn->rescan))
        return false;
    pthread_mutex_lock(&c->lock);
    copy = z->copy;
    pthread_mutex_unlock(&c->lock);
    int r = people_stat(z->live, &now);
    pthread_mutex_lock(&c->lock);
    bool stands = (r == 0 && people_stat_eq(&now, &copy)) || z->renewing ||
                  !people_stat_eq(&z->copy, &copy); /* it has a new time: conf_reload.c */
    pthread_mutex_unlock(&c->lock);
    if (stands)
        return false;
    log_warning("a live copy is not as it was left and is written again", LOG_C("zone", z->name),
                LOG_C("path", z->live), LOG_C("now", r == 0 ? "changed" : bd_strerror(r)));
    return true;
}

/* Notes the newest serial; is it time for a copy of it? */
static bool copy_is_due(struct ctl_zone *z, uint32_t serial, uint64_t now, uint64_t quiet_ns,
                        struct turn *turn)
{
    if (z->newest != serial) {
        if (z->served != 0 && z->served == z->newest)
            z->behind_ns = now;
        z->newest = serial;
    }
    if (z->written == serial)
        return false;
    if (turn->copy_all || turn->stop)
        return true;
    /* The publisher pokes us when that one is served, or has had its time. */
    if (turn->gather || (z->outstanding && !z->superseded))
        return false;
    if (z->quiet_ns > quiet_ns)
        quiet_ns = z->quiet_ns;
    if (now >= quiet_ns)
        return true;
    if (quiet_ns < turn->next_ns)
        turn->next_ns = quiet_ns;
    return false;
}

static void note_copy(struct controller *c, unsigned i, const struct snap_zone *sz,
                      const struct people_stat *copy, uint64_t start_ns)
{
    struct ctl_zone *z = &c->zones[i];
    uint64_t now = clock_mono_ns();

    pthread_mutex_lock(&c->lock);
    z->copy = *copy;
    if (z->written != sz->serial) { /* else the server may have shown it long ago */
        z->written = sz->serial;
        z->written_ns = now;
        z->write_ns = now - start_ns;
        z->nrecords = sz->nrecords;
        z->outstanding = true;
        z->superseded = z->starting = false;
    }
    pthread_mutex_unlock(&c->lock);
}

/* The directory may have been removed as well. */
static int write_copy(struct controller *c, const struct snap *s, unsigned i)
{
    int r = live_write(c->zones[i].live, s, i, c->drain_ttl);

    if (r == -ENOENT && file_make_dirs(c->live, 0750) == 0)
        r = live_write(c->zones[i].live, s, i, c->drain_ttl);
    return r;
}

/* As the status has it; the log once. */
static void note_unwritten(struct controller *c, struct ctl_zone *z, int error)
{
    pthread_mutex_lock(&c->lock);
    bool known = z->unwritten[0] != '\0';
    snprintf(z->unwritten, sizeof(z->unwritten), "the live copy cannot be written: %s",
             bd_strerror(error));
    memcpy(z->last_error, z->unwritten, sizeof(z->last_error));
    z->last_error_at = clock_real_s();
    pthread_mutex_unlock(&c->lock);
    if (!known)
        log_error("cannot write a live copy: DNS keeps the last one", LOG_C("zone", z->name),
                  LOG_C("path", z->live), LOG_ERR(error));
}

static void note_writable(struct controller *c, struct ctl_zone *z)
{
    pthread_mutex_lock(&c->lock);
    bool again = z->unwritten[0] != '\0';
    z->unwritten[0] = '\0';
    pthread_mutex_unlock(&c->lock);
    if (again)
        log_info("live copies can be written again", LOG_C("zone", z->name));
}

static int copy_zone(struct files *f, const struct snap *s, unsigned i, struct turn *turn)
{
    struct controller *c = f->c;
    struct ctl_zone *z = &c->zones[i];
    const struct snap_zone *sz = snap_zone(s, i);
    uint64_t now = clock_mono_ns();
    struct people_stat copy;

    bool lost = copy_is_lost(c, z, sz->serial, turn);
    pthread_mutex_lock(&c->lock);
    bool due = copy_is_due(z, sz->serial, now, c->quiet_ns, turn);
    pthread_mutex_unlock(&c->lock);
    if (!due && !lost)
        return 0;
    bool stands = !lost && z->written == 0 && live_is_whole(z->live, &z->origin, sz->serial);
    int r = stands ? 0 : write_copy(c, s, i);
    if (r == 0)
        r = people_stat(z->live, &copy);
    if (r < 0) {
        note_unwritten(c, z, r);
        if (now + RETRY_NS < turn->next_ns)
            turn->next_ns = now + RETRY_NS;
        return r;
    }
    note_writable(c, z);
    note_copy(c, i, sz, &copy, now);
    return 1;
}

static void tell_published(void *arg)
{
    PAUSE_POINT("publisher: about to tell the server");
    publisher_kick(arg);
}

static void tell_copied(void *arg)
{
    struct files *f = arg;

    pthread_mutex_lock(&f->lock);
    files_done_fn *done = f->reporting;
    void *done_arg = f->copied_arg;
    int result = f->copied_result;
    f->reporting = NULL;
    pthread_mutex_unlock(&f->lock);
    if (done)
        done(done_arg, result);
}

/* A strategy that makes the server read all zones has one publish at a time, of all that have
 * changed meanwhile. */
static bool must_gather(struct controller *c)
{
    bool outstanding = false;

    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; c->strategy->reads_all && i < c->nzones; i++)
        outstanding = outstanding || (c->zones[i].outstanding && !c->zones[i].superseded);
    pthread_mutex_unlock(&c->lock);
    return outstanding;
}

static void copies(struct files *f, const struct snap *s, struct turn *turn)
{
    int result = 0, written = 0;

    turn->gather = must_gather(f->c);
    for (unsigned i = 0; i < f->c->nzones; i++) {
        int r = copy_zone(f, s, i, turn);
        if (r < 0 && result == 0)
            result = r;
        written += r > 0;
    }
    f->untold = (f->untold || written > 0) && !turn->copy_all;
    if (f->untold && loop_wake(f->c->loop, tell_published, f->c->publisher) == 0)
        f->untold = false;
    if (f->untold) /* no memory: a copy that nobody hears of would never count as served */
        turn->next_ns = clock_deadline(RETRY_NS);
    if (!turn->copy_all)
        return;
    pthread_mutex_lock(&f->lock);
    f->copied_result = result;
    f->reporting = f->copied;
    f->copied = NULL;
    pthread_mutex_unlock(&f->lock);
    if (loop_wake(f->c->loop, tell_copied, f) == 0)
        return;
    pthread_mutex_lock(&f->lock);
    if (!f->copied) /* else somebody has asked again */
        f->copied = f->reporting;
    f->reporting = NULL;
    pthread_mutex_unlock(&f->lock);
    turn->next_ns = clock_deadline(RETRY_NS);
}

/* ---- what is to be kept ---- */

static void drop_keeping(struct keeping *k)
{
    free(k->path);
    buf_free(&k->content);
    k->path = NULL;
}

static void take_keeping(struct files *f, struct keeping *ret_keeping)
{
    pthread_mutex_lock(&f->lock);
    *ret_keeping = f->keeping;
    f->keeping = (struct keeping){0};
    pthread_mutex_unlock(&f->lock);
}

/* For the next time, where nothing newer has come. */
static void give_back(struct files *f, struct keeping *k)
{
    pthread_mutex_lock(&f->lock);
    if (!f->keeping.path) {
        f->keeping = *k;
        *k = (struct keeping){0};
    }
    pthread_mutex_unlock(&f->lock);
}

static void write_keeping(struct files *f, struct turn *turn)
{
    struct keeping k;

    take_keeping(f, &k);
    int r = k.path ? file_write_atomic(k.path, buf_str(&k.content), 0640, true) : 0;
    if (r < 0 && !f->not_kept)
        log_warning("cannot keep what is good: a later start may want it", LOG_C("path", k.path),
                    LOG_ERR(r));
    if (k.path)
        f->not_kept = r < 0;
    if (r < 0) {
        const uint64_t again_ns = clock_deadline(RETRY_NS);
        turn->next_ns = again_ns < turn->next_ns ? again_ns : turn->next_ns;
        give_back(f, &k);
    }
    drop_keeping(&k);
}

/* ---- the thread ---- */

static struct turn take_turn(struct files *f)
{
    struct turn t = {.next_ns = UINT64_MAX};

    pthread_mutex_lock(&f->lock);
    t.stop = f->stop;
    t.rescan = f->rescan;
    t.copy_all = f->copied != NULL;
    f->rescan = false;
    pthread_mutex_unlock(&f->lock);
    return t;
}

static void tell_stopped(void *arg)
{
    struct files *f = arg;

    pthread_join(f->thread, NULL);
    f->running = false;
    f->stopped(f->stopped_arg, 0);
}

static void take_copies(struct files *f, struct turn *turn)
{
    struct snap *s = registry_snapshot(f->c->registry);

    copies(f, s, turn);
    snap_put(s);
}

static void *files_run(void *arg)
{
    struct files *f = arg;
    struct turn turn;

    do {
        /* The flags and the snapshot are taken after the count was: what comes later wakes us
         * again. */
        turn = take_turn(f);
        take_copies(f, &turn);
        write_keeping(f, &turn);
        if (!turn.stop)
            wake_wait(f->wake, turn.next_ns);
    } while (!turn.stop);
    people_thread_join(f->people);
    turn.copy_all = false;
    take_copies(f, &turn); /* of what was saved in the last moment */
    if (f->stopped && loop_wake(f->c->loop, tell_stopped, f) < 0)
        log_error("no memory to end the files thread", LOG_ERR(-ENOMEM));
    return NULL;
}

/* ---- for the other threads ---- */

int files_new(struct controller *c, struct files **ret_files)
{
    struct files *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->c = c;
    f->wake = -1;
    pthread_mutex_init(&f->lock, NULL);
    int r = wake_new(&f->wake);
    if (r == 0)
        r = registry_watch(c->registry, f->wake);
    if (r == 0)
        r = people_thread_new(c, &f->people);
    if (r < 0) {
        files_free(f);
        return r;
    }
    *ret_files = f;
    return 0;
}

int files_start(struct files *f)
{
    int r = people_thread_start(f->people);

    if (r < 0)
        return r;
    r = -pthread_create(&f->thread, NULL, files_run, f);
    f->running = r == 0;
    if (r < 0) {
        people_thread_stop(f->people);
        people_thread_join(f->people);
    }
    return r;
}

void files_poke(struct files *f)
{
    wake_up(f->wake);
}

void files_rescan(struct files *f)
{
    pthread_mutex_lock(&f->lock);
    f->rescan = true;
    pthread_mutex_unlock(&f->lock);
    files_poke(f);
    people_thread_rescan(f->people);
}

int files_keep(struct files *f, const char *path, struct buf *content)
{
    struct keeping k = {.path = str_dup(str_c(path)), .content = *content}, old;
    int r = k.path ? k.content.error : -ENOMEM;

    *content = (struct buf){0};
    if (r < 0) {
        drop_keeping(&k);
        return r;
    }
    pthread_mutex_lock(&f->lock);
    old = f->keeping;
    f->keeping = k;
    pthread_mutex_unlock(&f->lock);
    drop_keeping(&old);
    files_poke(f);
    return 0;
}

void files_ask(struct files *f)
{
    people_thread_poke(f->people);
}

void files_copy_all(struct files *f, files_done_fn *done, void *arg)
{
    pthread_mutex_lock(&f->lock);
    f->copied = done;
    f->copied_arg = arg;
    pthread_mutex_unlock(&f->lock);
    files_poke(f);
}

static void tell_to_stop(struct files *f)
{
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_mutex_unlock(&f->lock);
    people_thread_stop(f->people);
    files_poke(f);
}

void files_stop(struct files *f, files_done_fn *done, void *arg)
{
    f->stopped = done;
    f->stopped_arg = arg;
    if (f->running)
        tell_to_stop(f);
    else
        done(arg, 0);
}

void files_free(struct files *f)
{
    if (!f)
        return;
    if (f->running) {
        tell_to_stop(f);
        pthread_join(f->thread, NULL);
    }
    people_thread_free(f->people);
    drop_keeping(&f->keeping);
    if (f->wake >= 0) {
        registry_unwatch(f->c->registry, f->wake);
        close(f->wake);
    }
    pthread_mutex_destroy(&f->lock);
    free(f);
}
