/* Clocks that jump. The file that CLOCK_FILE names has two numbers of seconds, eight octets each in
 * the machine's order, the second one or nothing. The first is added to the time of day; timers do
 * not follow it, as those of the kernel do not. The second is added to CLOCK_MONOTONIC, and a timer
 * of it that is armed from then on ends so much earlier: the time has passed by. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *jump;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    /* Behind the end of a file the rest of its page is zero. */
    void *p = mmap(NULL, 2 * sizeof(*jump), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (p != MAP_FAILED)
        jump = p;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int r = (int)syscall(SYS_clock_gettime, clock, ret);

    if (r == 0 && jump && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret->tv_sec += jump[0];
    if (r == 0 && jump && clock == CLOCK_MONOTONIC)
        ret->tv_sec += jump[1];
    return r;
}

/* Of the clock CLOCK_MONOTONIC, which is the only one that they are used with. */
int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *ret_old)
{
    struct itimerspec when = *new;

    if (jump && (flags & TFD_TIMER_ABSTIME) && when.it_value.tv_sec != 0) {
        when.it_value.tv_sec -= jump[1];
        if (when.it_value.tv_sec <= 0)
            when.it_value = (struct timespec){.tv_nsec = 1}; /* long ago */
    }
    return (int)syscall(SYS_timerfd_settime, fd, flags, &when, ret_old);
}

/* What waits under a lock: the same. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict lock,
                           const struct timespec *restrict until)
{
    struct timespec when = *until;

    if (jump && when.tv_sec > jump[1])
        when.tv_sec -= jump[1];
    return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &when);
}

time_t time(time_t *ret)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;
    (void)zone;

    clock_gettime(CLOCK_REALTIME, &now);
    ret->tv_sec = now.tv_sec;
    ret->tv_usec = now.tv_nsec / 1000;
    return 0;
}
