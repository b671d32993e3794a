/* The event loop. Timers stand in a binary heap; one timerfd carries the earliest deadline. */
#include <betterdns/loop.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <betterdns/clock.h>

#define BATCH 64
#define NOT_ARMED SIZE_MAX

struct loop_watch {
    struct loop *loop;
    struct loop_watch *prev, *next; /* in loop->watches, or (next only) in loop->dead */
    int fd;
    bool removed;
    loop_fd_fn *fn;
    void *arg;
};

struct loop_timer {
    struct loop *loop;
    struct loop_timer *prev, *next; /* in loop->timers */
    uint64_t deadline_ns;
    uint64_t armed; /* counts loop_timer_at calls: the order among equal deadlines */
    size_t place;   /* in loop->heap, or NOT_ARMED */
    loop_timer_fn *fn;
    void *arg;
};

struct call {
    struct call *next;
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    int epfd, timerfd, wakefd;
    struct loop_watch *watches;
    struct loop_watch *dead; /* removed while events of theirs may still be in hand */
    bool dispatching;
    struct loop_timer *timers;
    struct loop_timer **heap;
    size_t nheap, ntimers, heap_cap; /* heap_cap >= ntimers: arming needs no memory */
    uint64_t armed;
    uint64_t pass_ns;   /* the time that the last pass over the timers went by */
    uint64_t kernel_ns; /* what timerfd is set to; UINT64_MAX: disarmed */
    pthread_mutex_t lock;
    struct call *calls, **calls_end; /* guarded by lock */
    bool stop;                       /* guarded by lock */
};

/* ---- timers ---- */

static bool earlier(const struct loop_timer *a, const struct loop_timer *b)
{
    if (a->deadline_ns != b->deadline_ns)
        return a->deadline_ns < b->deadline_ns;
    return a->armed < b->armed;
}

static void heap_put(struct loop *l, size_t place, struct loop_timer *t)
{
    l->heap[place] = t;
    t->place = place;
}

static void heap_up(struct loop *l, size_t place, struct loop_timer *t)
{
    while (place > 0) {
        size_t parent = (place - 1) / 2;
        if (!earlier(t, l->heap[parent]))
            break;
        heap_put(l, place, l->heap[parent]);
        place = parent;
    }
    heap_put(l, place, t);
}

static void heap_down(struct loop *l, size_t place, struct loop_timer *t)
{
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= l->nheap)
            break;
        if (child + 1 < l->nheap && earlier(l->heap[child + 1], l->heap[child]))
            child++;
        if (!earlier(l->heap[child], t))
            break;
        heap_put(l, place, l->heap[child]);
        place = child;
    }
    heap_put(l, place, t);
}

static void disarm(struct loop_timer *t)
{
    struct loop *l = t->loop;
    size_t place = t->place;

    if (place == NOT_ARMED)
        return;
    t->place = NOT_ARMED;
    struct loop_timer *last = l->heap[--l->nheap];
    if (last == t)
        return;
    if (place > 0 && earlier(last, l->heap[(place - 1) / 2]))
        heap_up(l, place, last);
    else
        heap_down(l, place, last);
}

int loop_timer_new(struct loop *l, loop_timer_fn *fn, void *arg, struct loop_timer **ret_timer)
{
    if (l->ntimers == l->heap_cap) {
        size_t cap = l->heap_cap ? 2 * l->heap_cap : 16;
        struct loop_timer **heap = reallocarray(l->heap, cap, sizeof(struct loop_timer *));
        if (!heap)
            return -ENOMEM;
        l->heap = heap;
        l->heap_cap = cap;
    }
    struct loop_timer *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    *t =
        (struct loop_timer){.loop = l, .next = l->timers, .place = NOT_ARMED, .fn = fn, .arg = arg};
    if (l->timers)
        l->timers->prev = t;
    l->timers = t;
    l->ntimers++;
    *ret_timer = t;
    return 0;
}

void loop_timer_at(struct loop_timer *t, uint64_t deadline_ns)
{
    struct loop *l = t->loop;

    disarm(t);
    if (deadline_ns == UINT64_MAX)
        return;
    /* A deadline long past would come before timers that have waited since, again and again. */
    t->deadline_ns = deadline_ns < l->pass_ns ? l->pass_ns : deadline_ns;
    t->armed = l->armed++;
    heap_up(l, l->nheap++, t);
}

void loop_timer_free(struct loop_timer *t)
{
    if (!t)
        return;
    disarm(t);
    if (t->next)
        t->next->prev = t->prev;
    if (t->prev)
        t->prev->next = t->next;
    else
        t->loop->timers = t->next;
    t->loop->ntimers--;
    free(t);
}

/* Fires what is due. What handlers arm meanwhile waits for the next pass, so that descriptors get
 * their turn. */
static void run_timers(struct loop *l)
{
    uint64_t first_new = l->armed;

    l->pass_ns = clock_mono_ns();
    while (l->nheap > 0) {
        struct loop_timer *t = l->heap[0];
        if (t->deadline_ns > l->pass_ns || t->armed >= first_new)
            break;
        disarm(t);
        t->fn(t->arg);
    }
}

static int set_kernel_timer(struct loop *l)
{
    uint64_t ns = l->nheap > 0 ? l->heap[0]->deadline_ns : UINT64_MAX;
    struct itimerspec when = {0};

    if (ns == l->kernel_ns)
        return 0;
    if (ns != UINT64_MAX)
        when.it_value = clock_timespec(ns == 0 ? 1 : ns); /* zero would disarm it */
    if (timerfd_settime(l->timerfd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        return -errno;
    l->kernel_ns = ns;
    return 0;
}

static void on_timerfd(void *arg, int fd, uint32_t events)
{
    struct loop *l = arg;
    uint64_t expirations;

    (void)events;
    /* Spent: the same deadline would have to be set again. Nothing to read means that it was moved
     * meanwhile. */
    if (read(fd, &expirations, sizeof(expirations)) == sizeof(expirations))
        l->kernel_ns = UINT64_MAX;
}

/* ---- descriptors ---- */

int loop_watch(struct loop *l, int fd, uint32_t epoll_events, loop_fd_fn *fn, void *arg,
               struct loop_watch **ret_watch)
{
    struct loop_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    *w = (struct loop_watch){.loop = l, .fd = fd, .fn = fn, .arg = arg};
    struct epoll_event ev = {.events = epoll_events, .data.ptr = w};
    if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int r = -errno;
        free(w);
        return r;
    }
    w->next = l->watches;
    if (l->watches)
        l->watches->prev = w;
    l->watches = w;
    *ret_watch = w;
    return 0;
}

int loop_watch_events(struct loop_watch *w, uint32_t epoll_events)
{
    struct epoll_event ev = {.events = epoll_events, .data.ptr = w};
    return epoll_ctl(w->loop->epfd, EPOLL_CTL_MOD, w->fd, &ev) < 0 ? -errno : 0;
}

void loop_unwatch(struct loop_watch *w)
{
    if (!w)
        return;
    struct loop *l = w->loop;
    epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL);
    if (w->next)
        w->next->prev = w->prev;
    if (w->prev)
        w->prev->next = w->next;
    else
        l->watches = w->next;
    if (!l->dispatching) {
        free(w);
        return;
    }
    w->removed = true;
    w->next = l->dead;
    l->dead = w;
}

static void bury(struct loop *l)
{
    while (l->dead) {
        struct loop_watch *w = l->dead;
        l->dead = w->next;
        free(w);
    }
}

/* ---- calls from other threads ---- */

static void poke(struct loop *l)
{
    /* Fails only where the counter is full: then it is readable anyway. */
    const uint64_t one = 1;
    ssize_t ignored = write(l->wakefd, &one, sizeof(one));
    (void)ignored;
}

int loop_wake(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct call *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    *c = (struct call){.fn = fn, .arg = arg};
    pthread_mutex_lock(&l->lock);
    *l->calls_end = c;
    l->calls_end = &c->next;
    /* Under the lock: once it is free, the loop may run, stop and be gone before a late write. */
    poke(l);
    pthread_mutex_unlock(&l->lock);
    return 0;
}

void loop_stop(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    poke(l);
    pthread_mutex_unlock(&l->lock);
}

static struct call *take_calls(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    struct call *first = l->calls;
    l->calls = NULL;
    l->calls_end = &l->calls;
    pthread_mutex_unlock(&l->lock);
    return first;
}

static void on_wakefd(void *arg, int fd, uint32_t events)
{
    struct loop *l = arg;
    uint64_t count;

    (void)events;
    ssize_t ignored = read(fd, &count, sizeof(count));
    (void)ignored;
    for (struct call *c = take_calls(l); c;) {
        struct call *next = c->next;
        c->fn(c->arg);
        free(c);
        c = next;
    }
}

static bool take_stop(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    bool stop = l->stop;
    l->stop = false;
    pthread_mutex_unlock(&l->lock);
    return stop;
}

/* ---- the loop ---- */

static int watch_own(struct loop *l)
{
    struct loop_watch *w;

    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epfd < 0)
        return -errno;
    l->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l->timerfd < 0)
        return -errno;
    l->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wakefd < 0)
        return -errno;
    int r = loop_watch(l, l->timerfd, EPOLLIN, on_timerfd, l, &w);
    return r < 0 ? r : loop_watch(l, l->wakefd, EPOLLIN, on_wakefd, l, &w);
}

int loop_new(struct loop **ret_loop)
{
    struct loop *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->epfd = l->timerfd = l->wakefd = -1;
    l->kernel_ns = UINT64_MAX;
    l->calls_end = &l->calls;
    pthread_mutex_init(&l->lock, NULL);
    int r = watch_own(l);
    if (r < 0) {
        loop_free(l);
        return r;
    }
    *ret_loop = l;
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    while (l->watches)
        loop_unwatch(l->watches);
    while (l->timers)
        loop_timer_free(l->timers);
    for (struct call *c = take_calls(l); c;) {
        struct call *next = c->next;
        free(c);
        c = next;
    }
    close_fd(l->epfd);
    close_fd(l->timerfd);
    close_fd(l->wakefd);
    pthread_mutex_destroy(&l->lock);
    free(l->heap);
    free(l);
}

static int turn(struct loop *l)
{
    struct epoll_event events[BATCH];

    int r = set_kernel_timer(l);
    if (r < 0)
        return r;
    int n = epoll_wait(l->epfd, events, BATCH, -1);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    l->dispatching = true;
    for (int i = 0; i < n; i++) {
        struct loop_watch *w = events[i].data.ptr;
        if (!w->removed)
            w->fn(w->arg, w->fd, events[i].events);
    }
    run_timers(l);
    l->dispatching = false;
    bury(l);
    return 0;
}

int loop_run(struct loop *l)
{
    int r = 0;
    while (r == 0 && !take_stop(l))
        r = turn(l);
    return r;
}
