/* The watcher: notices that files may have changed. It does not know what will be done about it. */
#ifndef CONTROLLER_WATCHER_H
#define CONTROLLER_WATCHER_H

#include <stddef.h>

#include <betterdns/loop.h>

struct watcher;

/* Something may have changed: called on the loop's thread, after 100 ms in which nothing more did,
 * or 1 s after the first; and some time after the last call in any case, for what gives no events.
 */
typedef void watcher_fn(void *arg);

/* every_ns: that time. Without inotify (none left to be had) there is nothing but those. */
int watcher_new(struct loop *loop, uint64_t every_ns, watcher_fn *fn, void *arg,
                struct watcher **ret_watcher);

/* The files of one owner (a number from 0 on), in the place of those that it had named before. From
 * any thread. A path may be relative to the present working directory, may lead through symbolic
 * links, each of which is watched too, and need not exist, nor its directory. Beside a file NAME
 * its .NAME.prev.N are watched, for somebody who closes one that he has written to. */
int watcher_set_paths(struct watcher *w, unsigned owner, const char *const *paths, size_t npaths);

/* On the loop's thread, and once nobody calls watcher_set_paths any more. NULL is fine. */
void watcher_free(struct watcher *w);

#endif
