/* More slow clients than a small server has threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "http_kit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const struct http_route routes[] = {{"GET", "/echo", kit_echo, NULL, false, NULL}};

/* ---- many
 * ---------------------------------------------------------------------------------------- */

#define SLOW (SANITIZED ? 40 : 1000)

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static unsigned raise_files(void)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 1u << 20 ? 1u << 20 : (unsigned)limit.rlim_cur;
}

/* Clients that began a head and never end it have a thread each; whoever comes next has one, too.
 */
static void test_slow_clients(void **state)
{
    const unsigned files = raise_files();
    const unsigned n = files / 2 - 100 < SLOW ? files / 2 - 100 : SLOW;
    struct http_server *s =
        kit_server((struct http_options){.threads = SLOW + 100}, routes, ARRAY_SIZE(routes), NULL);
    uint64_t took[20];
    int *fds = calloc(n, sizeof(*fds));

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        fds[i] = raw_connect(http_port(s, 0));
        raw_send(fds[i], STR("GET /echo HTTP/1.1\r\nHost: lo"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(took); i++) {
        const uint64_t before = clock_mono_ns();
        assert_int_equal(
            raw_status(http_port(s, 0), STR("GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n")), 200);
        took[i] = clock_mono_ns() - before;
    }
    qsort(took, ARRAY_SIZE(took), sizeof(*took), by_value);
    /* Without a thread of its own a client would wait for the end of a slow one: 5 s and more. */
    assert_true(took[ARRAY_SIZE(took) - 1] < 4 * NS_PER_S);
    for (unsigned i = 0; i < n; i++)
        close(fds[i]);
    free(fds);
    http_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_slow_clients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
