/* The event loop: epoll, timers on the monotonic clock. One thread runs it; every function but
 * loop_wake and loop_stop is called on that thread (or before it runs). Handlers run to the end and
 * never block. */
#ifndef BETTERDNS_LOOP_H
#define BETTERDNS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_watch; /* one descriptor */
struct loop_timer; /* one deadline */

typedef void loop_fd_fn(void *arg, int fd, uint32_t epoll_events);
typedef void loop_timer_fn(void *arg);

int loop_new(struct loop **ret_loop);
/* Frees watches and timers that are left; closes none of their descriptors. NULL is fine. */
void loop_free(struct loop *l);

/* Watches fd (EPOLLIN, EPOLLOUT; level-triggered). The loop never closes fd: remove the watch
 * first, then close. A watch may be removed inside any handler, its own too: after loop_unwatch its
 * handler is not called again. */
int loop_watch(struct loop *l, int fd, uint32_t epoll_events, loop_fd_fn *fn, void *arg,
               struct loop_watch **ret_watch);
int loop_watch_events(struct loop_watch *w, uint32_t epoll_events);
void loop_unwatch(struct loop_watch *w); /* NULL is fine */

/* A timer that is not armed yet; it fires once at its deadline and may be armed again, also by its
 * own handler. */
int loop_timer_new(struct loop *l, loop_timer_fn *fn, void *arg, struct loop_timer **ret_timer);
void loop_timer_at(struct loop_timer *t, uint64_t deadline_ns); /* UINT64_MAX: disarm */
void loop_timer_free(struct loop_timer *t); /* NULL is fine; also inside any handler, its own too */

/* Runs until loop_stop. 0, or a negative errno when epoll itself fails. */
int loop_run(struct loop *l);

/* From any thread: fn(arg) is called on the loop's thread soon, once for each call. In the order of
 * the calls. -ENOMEM: it will not be called. Calls that are left when the loop is freed are
 * dropped. */
int loop_wake(struct loop *l, void (*fn)(void *arg), void *arg);
/* From any thread, and from handlers: loop_run returns when the handlers at hand are done. Before
 * loop_run: it returns at once. */
void loop_stop(struct loop *l);

#endif
