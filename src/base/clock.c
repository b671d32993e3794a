/* Time. */
#include <betterdns/clock.h>

#include <stdio.h>

static uint64_t now(clockid_t id)
{
    struct timespec ts = {0};
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
    return now(CLOCK_MONOTONIC);
}

int64_t clock_real_s(void)
{
    return (int64_t)time(NULL);
}

struct timespec clock_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

char *clock_rfc3339(int64_t real_s, char out[CLOCK_RFC3339_SIZE])
{
    const int64_t first = INT64_C(-62135596800), last = INT64_C(253402300799);
    time_t t = (time_t)(real_s < first  ? first
                        : real_s > last ? last
                                        : real_s); /* years 1 to 9999 */
    struct tm tm = {0};

    gmtime_r(&t, &tm);
    strftime(out, CLOCK_RFC3339_SIZE, "%FT%TZ", &tm);
    return out;
}

int clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    int r = pthread_condattr_init(&attr);
    if (r != 0)
        return -r;
    r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (r == 0)
        r = pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return -r;
}
