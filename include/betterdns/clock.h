/* Time. Deadlines are absolute CLOCK_MONOTONIC nanoseconds; 0 means "at once", UINT64_MAX "never".
 */
#ifndef BETTERDNS_CLOCK_H
#define BETTERDNS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

uint64_t clock_mono_ns(void);
int64_t
clock_real_s(void); /* seconds since 1970, for people's eyes only: no decision hangs on it */

static inline uint64_t clock_deadline(uint64_t ns_from_now)
{
    uint64_t now = clock_mono_ns();
    return ns_from_now > UINT64_MAX - now ? UINT64_MAX : now + ns_from_now;
}

struct timespec clock_timespec(uint64_t ns);

#define CLOCK_RFC3339_SIZE 32
/* "2026-11-24T12:00:00Z" (RFC 3339), NUL-terminated; returns out. */
char *clock_rfc3339(int64_t real_s, char out[CLOCK_RFC3339_SIZE]);

/* A condition variable that waits on CLOCK_MONOTONIC (pthread_cond_timedwait with
 * clock_timespec(deadline)). */
#include <pthread.h>
int clock_cond_init(pthread_cond_t *cond); /* 0 or a negative errno */

#endif
