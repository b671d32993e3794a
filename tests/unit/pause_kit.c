#include "pause_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include <betterdns/clock.h>

#define POINTS_MAX 8

struct point {
    const char *name;
    bool held;
    unsigned waiting;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved; /* somebody came, or may go; on the clock of clock_deadline */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct point points[POINTS_MAX]; /* guarded by lock */

static void make_cond(void)
{
    clock_cond_init(&moved);
}

static struct point *find(const char *name)
{
    for (unsigned i = 0; i < POINTS_MAX && points[i].name; i++)
        if (strcmp(points[i].name, name) == 0)
            return &points[i];
    return NULL;
}

void pause_point(const char *name);
void pause_point(const char *name)
{
    pthread_mutex_lock(&lock);
    struct point *p = find(name);
    if (p && p->held) {
        p->waiting++;
        pthread_cond_broadcast(&moved);
        while (p->held)
            pthread_cond_wait(&moved, &lock);
        p->waiting--;
    }
    pthread_mutex_unlock(&lock);
}

void pause_hold(const char *name)
{
    pthread_once(&once, make_cond);
    pthread_mutex_lock(&lock);
    struct point *p = find(name);
    for (unsigned i = 0; !p && i < POINTS_MAX; i++)
        if (!points[i].name)
            p = &points[i];
    if (p)
        *p = (struct point){.name = name, .held = true, .waiting = p->waiting};
    pthread_mutex_unlock(&lock);
    assert_non_null(p);
}

void pause_wait(const char *name, unsigned n)
{
    struct timespec until = clock_timespec(clock_deadline(60 * NS_PER_S));
    int r = 0;

    pthread_mutex_lock(&lock);
    const struct point *p = find(name);
    while (p && p->waiting < n && r == 0)
        r = pthread_cond_timedwait(&moved, &lock, &until);
    bool there = p && p->waiting >= n;
    pthread_mutex_unlock(&lock);
    assert_true(there);
}

void pause_release(const char *name)
{
    pthread_mutex_lock(&lock);
    struct point *p = find(name);
    if (p && p->held) {
        p->held = false;
        pthread_cond_broadcast(&moved);
    }
    pthread_mutex_unlock(&lock);
}

void pause_release_all(void)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < POINTS_MAX; i++)
        points[i].held = false;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}
