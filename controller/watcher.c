/* The watcher: notices that a people's file may have changed. It does not know what will be done
 * about it. */
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <betterdns/log.h>

#include "internal.h"

/* Directories, not files: editors and "mv" put another file in a file's place, and a watch on it
 * would die. Overflows and file systems without events are the reason for the regular look. */
#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_ONLYDIR)
#define LOOK_EVERY_NS (5 * NS_PER_S)

struct watcher {
    struct controller *c;
    int fd;
    struct loop_watch *watch;
    struct loop_timer *timer;
};

static void add_directory(struct watcher *w, const char *file)
{
    char resolved[PATH_MAX], *slash;
    struct str dir;

    /* Where the name is a symbolic link the file that it names is the one that changes. */
    const char *path = realpath(file, resolved) ? resolved : file;
    slash = strrchr(path, '/');
    dir = slash ? (struct str){path, slash == path ? 1 : (size_t)(slash - path)} : STR(".");
    char *name = str_dup(dir);
    if (name) /* adding it again is the same watch */
        inotify_add_watch(w->fd, name, EVENTS);
    free(name);
}

static void add_directories(struct watcher *w)
{
    for (unsigned i = 0; i < w->c->nzones; i++)
        add_directory(w, w->c->zones[i].file);
}

static void on_event(void *arg, int fd, uint32_t events)
{
    struct watcher *w = arg;
    char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

    (void)events;
    /* What happened and to which file is for the look to find out: it compares all of them. */
    while (read(fd, bytes, sizeof(bytes)) > 0)
        ;
    files_rescan(w->c->files);
}

static void on_timer(void *arg)
{
    struct watcher *w = arg;

    add_directories(w); /* one may have been moved away and made anew */
    files_rescan(w->c->files);
    loop_timer_at(w->timer, clock_deadline(LOOK_EVERY_NS));
}

int watcher_new(struct controller *c, struct watcher **ret_watcher)
{
    struct watcher *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->c = c;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0) /* out of instances: the regular look remains */
        log_warning("changes of zone files are seen every 5 s only", LOG_ERR(-errno));
    int r = w->fd < 0 ? 0 : loop_watch(c->loop, w->fd, EPOLLIN, on_event, w, &w->watch);
    if (r == 0)
        r = loop_timer_new(c->loop, on_timer, w, &w->timer);
    if (r < 0) {
        watcher_free(w);
        return r;
    }
    on_timer(w);
    *ret_watcher = w;
    return 0;
}

void watcher_free(struct watcher *w)
{
    if (!w)
        return;
    loop_unwatch(w->watch);
    loop_timer_free(w->timer);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}
