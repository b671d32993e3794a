/* Feeds: what was changed, in the order of commits, until somebody takes it. */
#include "feed.h"

#include <stdlib.h>
#include <unistd.h>

#include "impl.h"

struct items {
    struct feed_item *first, **end;
};

struct registry_feed {
    struct registry *r;
    struct registry_feed *next; /* guarded by the gate */
    bool (*wants)(void *arg, unsigned zone, const struct rrset *set);
    void *arg;
    int eventfd;
    struct items noted; /* the commit's own */
    struct items shown; /* guarded by the registry's lock */
};

void feeds_start(struct feeds *f)
{
    *f = (struct feeds){0};
    pthread_mutex_init(&f->gate, NULL);
}

void feeds_end(struct feeds *f)
{
    pthread_mutex_destroy(&f->gate);
}

void feed_items_free(struct feed_item *items)
{
    while (items) {
        struct feed_item *next = items->next;
        rrset_put(items->before);
        rrset_put(items->after);
        free(items);
        items = next;
    }
}

static void empty(struct items *list)
{
    *list = (struct items){.end = &list->first};
}

/* ---- the committer's part ---- */

void feeds_enter(struct feeds *f)
{
    pthread_mutex_lock(&f->gate);
}

static int note_one(struct registry_feed *f, const struct diff *d)
{
    if (!(d->before && f->wants(f->arg, d->zone, d->before)) &&
        !(d->after && f->wants(f->arg, d->zone, d->after)))
        return 0;
    struct feed_item *item = calloc(1, sizeof(*item));
    if (!item)
        return -ENOMEM;
    item->zone = d->zone;
    item->before = d->before ? rrset_ref(d->before) : NULL;
    item->after = d->after ? rrset_ref(d->after) : NULL;
    *f->noted.end = item;
    f->noted.end = &item->next;
    return 0;
}

int feeds_note(struct feeds *fs, const struct diffs *d)
{
    int r = 0;

    for (struct registry_feed *f = fs->list; f; f = f->next)
        for (size_t i = 0; r == 0 && i < d->n; i++)
            r = note_one(f, &d->p[i]);
    return r;
}

void feeds_show(struct feeds *fs)
{
    const uint64_t one = 1;

    for (struct registry_feed *f = fs->list; f; f = f->next) {
        if (!f->noted.first)
            continue;
        *f->shown.end = f->noted.first;
        f->shown.end = f->noted.end;
        empty(&f->noted);
        /* EAGAIN: its counter is full, so its reader is awake anyway. */
        ssize_t written = write(f->eventfd, &one, sizeof(one));
        (void)written;
    }
}

void feeds_leave(struct feeds *fs)
{
    for (struct registry_feed *f = fs->list; f; f = f->next) {
        feed_items_free(f->noted.first);
        empty(&f->noted);
    }
    pthread_mutex_unlock(&fs->gate);
}

/* ---- the reader's part ---- */

int registry_feed_open(struct registry *r,
                       bool (*wants)(void *arg, unsigned zone, const struct rrset *set), void *arg,
                       int eventfd, struct registry_feed **ret_feed, struct snap **ret_snap)
{
    struct registry_feed *f = calloc(1, sizeof(*f));

    if (!f)
        return -ENOMEM;
    f->r = r;
    f->wants = wants;
    f->arg = arg;
    f->eventfd = eventfd;
    empty(&f->noted);
    empty(&f->shown);
    pthread_mutex_lock(&r->feeds.gate);
    f->next = r->feeds.list;
    r->feeds.list = f;
    *ret_snap = registry_snapshot(r);
    pthread_mutex_unlock(&r->feeds.gate);
    *ret_feed = f;
    return 0;
}

struct feed_item *registry_feed_take(struct registry_feed *f)
{
    pthread_mutex_lock(&f->r->lock);
    struct feed_item *items = f->shown.first;
    empty(&f->shown);
    pthread_mutex_unlock(&f->r->lock);
    return items;
}

void registry_feed_close(struct registry_feed *f)
{
    struct registry_feed **at;

    if (!f)
        return;
    pthread_mutex_lock(&f->r->feeds.gate);
    for (at = &f->r->feeds.list; *at != f; at = &(*at)->next)
        ;
    *at = f->next;
    pthread_mutex_unlock(&f->r->feeds.gate);
    feed_items_free(f->shown.first);
    free(f);
}
