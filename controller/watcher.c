/* The watcher: inotify on all that a path leads through. */
#include "watcher.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/log.h>
#include <betterdns/str.h>

#include "watch_path.h"

#define QUIET_NS (100 * NS_PER_MS)
#define MOST_NS NS_PER_S /* after the first event */
#define WALKS_MAX 4      /* a tree that changes each time has the regular look */
#define PREV ".prev."

/* What happens to names in a directory. A rename over a file, a link and a directory that comes
 * back have no close. */
#define NAME_EVENTS                                                                                \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB)
/* What happens to a directory on the way. */
#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF)
/* And to the file itself, under whatever name: it may have another one elsewhere, or be mounted
 * here by itself. */
#define FILE_EVENTS (IN_CLOSE_WRITE | IN_ATTRIB | SELF_EVENTS)

struct paths {
    char **p;
    size_t n, cap;
};

struct name { /* of interest in the directory that wd watches */
    int wd;
    char name[NAME_MAX + 1];
};

struct watched {
    struct name *names;
    size_t nnames, names_cap;
    int *wds; /* all of them */
    size_t nwds, wds_cap;
};

struct watcher {
    struct loop *loop;
    uint64_t every_ns;
    watcher_fn *fn;
    void *arg;
    int fd, poke; /* inotify; an eventfd: the paths are others now */
    struct loop_watch *fd_watch, *poke_watch;
    struct loop_timer *quiet, *regular;
    uint64_t first_ns;  /* of the events since the last call of fn; 0: there were none */
    struct paths paths; /* of all owners, as they were last taken over */
    struct watched now;
    int error; /* of the last watch that could not be had, and the log knows */

    pthread_mutex_t lock;
    struct paths *owners; /* guarded by lock */
    size_t nowners;       /* guarded by lock */
    bool changed;         /* guarded by lock: since they were taken over */
};

/* ---- what is watched ---- */

static int grow(void **p, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return 0;
    size_t more = *cap ? 2 * *cap : 16;
    void *bigger = reallocarray(*p, more, size);
    if (!bigger)
        return -ENOMEM;
    *p = bigger;
    *cap = more;
    return 0;
}

static bool has_wd(const struct watched *s, int wd)
{
    for (size_t i = 0; i < s->nwds; i++)
        if (s->wds[i] == wd)
            return true;
    return false;
}

static void add_wd(struct watched *s, int wd)
{
    void *p = s->wds;

    if (has_wd(s, wd) || grow(&p, &s->wds_cap, s->nwds, sizeof(*s->wds)) < 0)
        return;
    s->wds = p;
    s->wds[s->nwds++] = wd;
}

static void add_name(struct watched *s, int wd, const char *name)
{
    size_t n = strlen(name);
    void *p = s->names;

    if (n > NAME_MAX || grow(&p, &s->names_cap, s->nnames, sizeof(*s->names)) < 0)
        return;
    s->names = p;
    s->names[s->nnames].wd = wd;
    memcpy(s->names[s->nnames++].name, name, n + 1);
}

static void watched_free(struct watched *s)
{
    free(s->names);
    free(s->wds);
    *s = (struct watched){0};
}

/* ---- paths ---- */

static void paths_free(struct paths *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->p[i]);
    free(list->p);
    *list = (struct paths){0};
}

static int paths_add(struct paths *list, const char *path)
{
    void *p = list->p;
    char *copy;

    int r = grow(&p, &list->cap, list->n, sizeof(*list->p));
    if (r < 0)
        return r;
    list->p = p;
    r = watch_path_absolute(path, &copy);
    if (r == 0)
        list->p[list->n++] = copy;
    return r;
}

static bool paths_eq(const struct paths *a, const struct paths *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->p[i], b->p[i]) == 0;
    return same;
}

/* A copy of its own: the lock is not held while the file system is asked. */
static void take_paths(struct watcher *w)
{
    struct paths all = {0};
    int r = 0;

    pthread_mutex_lock(&w->lock);
    bool changed = w->changed;
    for (size_t i = 0; changed && i < w->nowners; i++)
        for (size_t j = 0; r == 0 && j < w->owners[i].n; j++)
            r = paths_add(&all, w->owners[i].p[j]);
    w->changed = r < 0; /* no memory: next time */
    pthread_mutex_unlock(&w->lock);
    if (changed && r == 0) {
        struct paths old = w->paths;
        w->paths = all;
        all = old;
    }
    paths_free(&all);
}

/* ---- setting watches ---- */

struct walk {
    struct watcher *w;
    struct watched next;
};

static void complain(struct watcher *w, const char *path, enum watch_kind kind, int error)
{
    /* What is not there now may come; a directory on the way that is not ours to list is no loss.
     */
    if (error == -ENOENT || error == -ENOTDIR || (error == -EACCES && kind != WATCH_NAME) ||
        error == w->error)
        return;
    w->error = error;
    log_warning("changes of zone files are not noticed at once", LOG_C("path", path),
                LOG_ERR(error));
}

/* The same directory again is the same watch, for all that is asked of it. */
static void add_watch(void *arg, const char *path, enum watch_kind kind, const char *name)
{
    static const uint32_t events[] = {
        [WATCH_NAME] = NAME_EVENTS | SELF_EVENTS | IN_ONLYDIR,
        [WATCH_DIRECTORY] = SELF_EVENTS | IN_ONLYDIR,
        [WATCH_FILE] = FILE_EVENTS,
    };
    struct walk *walk = arg;

    int wd = inotify_add_watch(walk->w->fd, path, events[kind] | IN_MASK_ADD);
    if (wd < 0) {
        complain(walk->w, path, kind, -errno);
        return;
    }
    add_wd(&walk->next, wd);
    if (kind == WATCH_NAME)
        add_name(&walk->next, wd, name);
}

static bool has_new(const struct watched *old, const struct watched *next)
{
    for (size_t i = 0; i < next->nwds; i++)
        if (!has_wd(old, next->wds[i]))
            return true;
    return false;
}

/* Walks all paths once. True: something is watched that was not. It may have changed before it was,
 * and what it leads to with it. */
static bool walk_once(struct watcher *w)
{
    struct walk walk = {.w = w};

    for (size_t i = 0; i < w->paths.n; i++)
        watch_path(w->paths.p[i], add_watch, &walk);
    bool new = has_new(&w->now, &walk.next);
    for (size_t i = 0; i < w->now.nwds; i++)
        if (!has_wd(&walk.next, w->now.wds[i]))
            inotify_rm_watch(w->fd, w->now.wds[i]);
    watched_free(&w->now);
    w->now = walk.next;
    return new;
}

static void walk_paths(struct watcher *w)
{
    for (unsigned i = 0; w->fd >= 0 && i < WALKS_MAX && walk_once(w); i++)
        ;
}

/* Watches first, then the look: what happens in between gives an event. */
static void look_now(struct watcher *w)
{
    w->first_ns = 0;
    loop_timer_at(w->quiet, UINT64_MAX);
    loop_timer_at(w->regular, clock_deadline(w->every_ns));
    take_paths(w);
    walk_paths(w);
    w->fn(w->arg);
}

/* ---- events ---- */

/* .NAME.prev.N: what an export has displaced, while somebody may write to it. */
static bool is_prev(const char *event, const char *name)
{
    size_t n = strlen(name);

    return event[0] == '.' && strncmp(event + 1, name, n) == 0 &&
           strncmp(event + 1 + n, PREV, sizeof(PREV) - 1) == 0;
}

static bool is_of_interest(const struct watcher *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW)
        return true;
    if (!has_wd(&w->now, e->wd))
        return false;
    if (e->len == 0) /* it happened to the watched one itself; IN_IGNORED, IN_UNMOUNT too */
        return true;
    for (size_t i = 0; i < w->now.nnames; i++) {
        const struct name *n = &w->now.names[i];
        if (n->wd != e->wd)
            continue;
        if (strcmp(e->name, n->name) == 0)
            return true;
        if ((e->mask & IN_CLOSE_WRITE) && is_prev(e->name, n->name))
            return true;
    }
    return false;
}

static void note_event(struct watcher *w)
{
    uint64_t now = clock_mono_ns();

    if (w->first_ns == 0)
        w->first_ns = now;
    uint64_t quiet_ns = now + QUIET_NS, most_ns = w->first_ns + MOST_NS;
    loop_timer_at(w->quiet, quiet_ns < most_ns ? quiet_ns : most_ns);
}

static void on_event(void *arg, int fd, uint32_t events)
{
    char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    struct watcher *w = arg;
    bool interest = false;
    ssize_t n;

    (void)events;
    while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
        for (const char *at = bytes; at < bytes + n;) {
            const struct inotify_event *e = (const void *)at;
            interest = interest || is_of_interest(w, e);
            at += sizeof(*e) + e->len;
        }
    }
    if (interest)
        note_event(w);
}

static void on_timer(void *arg)
{
    look_now(arg);
}

/* A new path may have changed before it was watched. */
static void on_poke(void *arg, int fd, uint32_t events)
{
    uint64_t count;

    (void)events;
    ssize_t ignored = read(fd, &count, sizeof(count));
    (void)ignored;
    look_now(arg);
}

/* ---- for the other threads ---- */

/* w->lock is held. */
static int make_owner(struct watcher *w, unsigned owner)
{
    if (owner < w->nowners)
        return 0;
    struct paths *p = reallocarray(w->owners, owner + 1U, sizeof(*p));
    if (!p)
        return -ENOMEM;
    memset(p + w->nowners, 0, (owner + 1U - w->nowners) * sizeof(*p));
    w->owners = p;
    w->nowners = owner + 1U;
    return 0;
}

int watcher_set_paths(struct watcher *w, unsigned owner, const char *const *paths, size_t npaths)
{
    const uint64_t one = 1;
    struct paths list = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && i < npaths; i++)
        r = paths_add(&list, paths[i]);
    pthread_mutex_lock(&w->lock);
    if (r == 0)
        r = make_owner(w, owner);
    bool same = r == 0 && paths_eq(&list, &w->owners[owner]);
    if (r == 0 && !same) {
        struct paths old = w->owners[owner];
        w->owners[owner] = list;
        list = old;
        w->changed = true;
        ssize_t ignored = write(w->poke, &one, sizeof(one));
        (void)ignored;
    }
    pthread_mutex_unlock(&w->lock);
    paths_free(&list);
    return r;
}

/* ---- life ---- */

int watcher_new(struct loop *loop, uint64_t every_ns, watcher_fn *fn, void *arg,
                struct watcher **ret_watcher)
{
    struct watcher *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->loop = loop;
    w->every_ns = every_ns;
    w->fn = fn;
    w->arg = arg;
    pthread_mutex_init(&w->lock, NULL);
    w->poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = w->poke < 0 ? -errno : 0;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0) /* out of instances: the regular look remains */
        log_warning("changes of zone files are not noticed at once", LOG_ERR(-errno));
    if (r == 0)
        r = loop_watch(loop, w->poke, EPOLLIN, on_poke, w, &w->poke_watch);
    if (r == 0 && w->fd >= 0)
        r = loop_watch(loop, w->fd, EPOLLIN, on_event, w, &w->fd_watch);
    if (r == 0)
        r = loop_timer_new(loop, on_timer, w, &w->quiet);
    if (r == 0)
        r = loop_timer_new(loop, on_timer, w, &w->regular);
    if (r < 0) {
        watcher_free(w);
        return r;
    }
    loop_timer_at(w->regular, clock_deadline(w->every_ns));
    *ret_watcher = w;
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void watcher_free(struct watcher *w)
{
    if (!w)
        return;
    loop_unwatch(w->poke_watch);
    loop_unwatch(w->fd_watch);
    loop_timer_free(w->quiet);
    loop_timer_free(w->regular);
    close_fd(w->fd);
    close_fd(w->poke);
    watched_free(&w->now);
    paths_free(&w->paths);
    for (size_t i = 0; i < w->nowners; i++)
        paths_free(&w->owners[i]);
    free(w->owners);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
