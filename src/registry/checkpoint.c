/* Checkpoints: pages go from the WAL to the database beside the committer, which does not wait for
 * it, but for one thing: SQLite begins the WAL anew only when a transaction begins at a moment at
 * which all of it is copied. Under a steady stream of commits that moment never comes by itself, so
 * past PAGES_LONG the last few pages are copied while the committer is held for a moment. */
#include <stdlib.h>

#include <betterdns/file.h>
#include <betterdns/log.h>

#include "db.h"
#include "impl.h"

#define PAGES_DUE 4096   /* 16 MiB */
#define PAGES_LONG 12288 /* 48 MiB: below journal_size_limit */

struct checkpoint {
    struct registry *r; /* is told when the database cannot be written */
    struct db *db;      /* the thread's own */
    pthread_t thread;
    pthread_mutex_t gate; /* held during a transaction, or while the last pages are copied */
    pthread_mutex_t lock;
    pthread_cond_t told;
    unsigned pages; /* in the WAL; guarded by lock */
    unsigned seen;  /* of them, those that were there at the last copy; guarded by lock */
    bool stopping;  /* guarded by lock */
};

static bool is_due(const struct checkpoint *c)
{
    return c->pages >= c->seen + PAGES_DUE;
}

static bool copy(struct checkpoint *c)
{
    bool all = false;

    int r = db_checkpoint(c->db, &all);
    /* Nothing is lost so far: the WAL keeps it. But where the database could not be written or
     * synced, a later attempt may seem to succeed that does not. */
    if (r == -BD_EFULL || r == -ENOMEM || r == -EBUSY)
        log_warning("state.db: pages stay in the write-ahead log", LOG_ERR(r),
                    LOG_C("sqlite", db_message(c->db)));
    else if (r < 0)
        rebuild_ask(c->r, "a checkpoint failed", r, db_message(c->db));
    return r == 0 && all;
}

static void copy_all(struct checkpoint *c, unsigned pages)
{
    if (copy(c) || pages < PAGES_LONG)
        return;
    pthread_mutex_lock(&c->gate);
    copy(c);
    pthread_mutex_unlock(&c->gate);
}

static void *checkpoint_main(void *arg)
{
    struct checkpoint *c = arg;

    for (;;) {
        pthread_mutex_lock(&c->lock);
        while (!c->stopping && !is_due(c))
            pthread_cond_wait(&c->told, &c->lock);
        unsigned pages = c->seen = c->pages;
        bool stopping = c->stopping;
        pthread_mutex_unlock(&c->lock);
        if (stopping)
            return NULL;
        copy_all(c, pages);
    }
}

int checkpoint_start(struct registry *registry, struct checkpoint **ret_checkpoint)
{
    struct checkpoint *c = calloc(1, sizeof(*c));
    char *path = file_path(registry->data, "state.db");
    int r = -ENOMEM;

    if (!c || !path)
        goto out;
    c->r = registry;
    r = db_open(path, &c->db);
    if (r < 0)
        goto out;
    pthread_mutex_init(&c->gate, NULL);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->told, NULL);
    r = registry_thread(&c->thread, "checkpoint", checkpoint_main, c);
    if (r < 0)
        goto out;
    *ret_checkpoint = c;
    free(path);
    return 0;
out:
    if (c)
        db_close(c->db);
    free(c);
    free(path);
    return r;
}

void checkpoint_stop(struct checkpoint *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->told);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->told);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->gate);
    db_close(c->db);
    free(c);
}

void checkpoint_tell(struct checkpoint *c, unsigned pages)
{
    pthread_mutex_lock(&c->lock);
    c->pages = pages;
    if (pages < c->seen) /* it began anew */
        c->seen = 0;
    if (is_due(c))
        pthread_cond_signal(&c->told);
    pthread_mutex_unlock(&c->lock);
}

void checkpoint_enter(struct checkpoint *c)
{
    pthread_mutex_lock(&c->gate);
}

void checkpoint_leave(struct checkpoint *c)
{
    pthread_mutex_unlock(&c->gate);
}
