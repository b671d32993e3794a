/* The clock of the thread of the people's files. */
#include "clock_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS (60 * NS_PER_S)
#define SLACK_NS (10 * NS_PER_S) /* it is slow, but not that slow */

static _Thread_local bool is_files; /* no other thread of the program calls ppoll */
static atomic_uint_fast64_t ahead_ns, sleep_ns;
static atomic_uint_fast64_t still_ns; /* not 0: its clock stands at that */
static atomic_uint turns;

/* The linker puts these in the place of libc's. */
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
    int r = __real_clock_gettime(id, ts);

    if (r != 0 || !is_files || id != CLOCK_MONOTONIC)
        return r;
    if (atomic_load(&still_ns) > 0)
        *ts = clock_timespec(atomic_load(&still_ns));
    ts->tv_sec += (time_t)(atomic_load(&ahead_ns) / NS_PER_S);
    return r;
}

/* Notes how long the thread wants to sleep, and wakes it soon: by then it may be later. */
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
    const struct timespec soon = {.tv_nsec = 10 * (long)NS_PER_MS};
    uint64_t ns = ts ? (uint64_t)ts->tv_sec * NS_PER_S + (uint64_t)ts->tv_nsec : UINT64_MAX;

    is_files = true;
    atomic_fetch_add(&turns, 1);
    atomic_store(&sleep_ns, ns);
    return __real_ppoll(fds, n, ns < 10 * NS_PER_MS ? ts : &soon, mask);
}

void clock_kit_reset(void)
{
    atomic_store(&ahead_ns, 0);
    atomic_store(&still_ns, 0);
}

void clock_kit_stop(void)
{
    atomic_store(&still_ns, clock_mono_ns());
}

void clock_kit_go(void)
{
    atomic_store(&still_ns, 0);
}

void clock_kit_add(uint64_t ns)
{
    atomic_fetch_add(&ahead_ns, ns);
}

void clock_kit_wait_turns(unsigned n)
{
    uint64_t deadline = clock_deadline(PATIENCE_NS);

    for (unsigned before = atomic_load(&turns); atomic_load(&turns) - before < n;) {
        assert_true(clock_mono_ns() < deadline);
        usleep(2000);
    }
}

void clock_kit_wait_sleep(uint64_t ns)
{
    uint64_t deadline = clock_deadline(PATIENCE_NS), wants;

    while ((wants = atomic_load(&sleep_ns)) > ns || wants < ns - SLACK_NS) {
        if (clock_mono_ns() > deadline)
            fail_msg("it does not sleep for %ju s, but for %ju ms", (uintmax_t)(ns / NS_PER_S),
                     (uintmax_t)(wants / NS_PER_MS));
        usleep(2000);
    }
}

void clock_kit_forget_sleep(void)
{
    atomic_store(&sleep_ns, 0);
}
