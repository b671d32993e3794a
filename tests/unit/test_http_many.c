/* A thousand slow clients of each kind, and more than there are threads: the next ones are answered
 * at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
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

#define SLOW (SANITIZED ? 40u : 1000u)
#define THREADS (SLOW + 200u) /* some for connections that are just ending, too */
#define QUICK 20
/* A client that is waited for costs seconds. A busy machine may be slow with one of ours, but not
 * with half of them. */
#define USUAL ((SANITIZED ? 4000 : 200) * NS_PER_MS)
#define MOST (USUAL + 3 * NS_PER_S)

static void endless(void *context, const struct http_request *rq, struct http_response *rs)
{
    static const char zeros[16384];

    (void)context;
    (void)rq;
    while (http_stream(rs, (struct str){zeros, sizeof(zeros)}) == 0)
        ;
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/echo", .handler = kit_echo},
    {.method = "POST", .pattern = "/echo", .handler = kit_echo},
    {.method = "GET", .pattern = "/endless", .handler = endless}};

/* ---- slow clients ------------------------------------------------------------------------------
 */

struct slow {
    unsigned n;
    int *fds;
    const char *trickle; /* sent over and over, an octet at a time; NULL: nothing */
    pthread_t thread;
    atomic_bool stop;
};

static unsigned raise_files(void)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 1u << 20 ? 1u << 20 : (unsigned)limit.rlim_cur;
}

static unsigned files;

/* Each client sends an octet a second. */
static void *trickle(void *argument)
{
    struct slow *s = argument;
    const size_t period = strlen(s->trickle);

    for (size_t i = 0; !atomic_load(&s->stop); i++) {
        const struct timespec pause = clock_timespec(NS_PER_S / s->n);
        nanosleep(&pause, NULL);
        const char octet = s->trickle[i / s->n % period];
        send(s->fds[i % s->n], &octet, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    return NULL;
}

static void slow_start(struct slow *s, unsigned port, unsigned n, const char *begin,
                       const char *octets)
{
    n = n < files / 2 - 100 ? n : files / 2 - 100;
    *s = (struct slow){.n = n, .trickle = octets, .fds = calloc(n, sizeof(*s->fds))};
    for (unsigned i = 0; i < n; i++) {
        s->fds[i] = raw_connect(port);
        raw_send(s->fds[i], str_c(begin));
    }
    if (octets)
        assert_int_equal(pthread_create(&s->thread, NULL, trickle, s), 0);
}

static void slow_stop(struct slow *s)
{
    atomic_store(&s->stop, true);
    if (s->trickle)
        pthread_join(s->thread, NULL);
    for (unsigned i = 0; i < s->n; i++)
        close(s->fds[i]);
    free(s->fds);
}

static int ask_from(const char *address, unsigned port)
{
    const int fd = raw_connect_from(port, address);
    struct raw_answer a;

    raw_send(fd, STR("GET /echo?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    raw_read(fd, false, &a);
    const int status = a.complete ? a.status : 0;
    raw_free(&a);
    close(fd);
    return status;
}

static int by_time(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* How long those take that come now, sorted; one that is told to come again does, and its time goes
 * on. */
static void ask_some(const char *address, unsigned port, uint64_t took[QUICK])
{
    const uint64_t deadline = clock_deadline(20 * NS_PER_S);

    for (unsigned i = 0; i < QUICK; i++) {
        const uint64_t before = clock_mono_ns();
        int status;
        do
            status = ask_from(address, port);
        while (status == 503 && clock_mono_ns() < deadline);
        assert_int_equal(status, 200);
        took[i] = clock_mono_ns() - before;
    }
    qsort(took, QUICK, sizeof(*took), by_time);
}

static void assert_quick_from(const char *address, unsigned port, unsigned n)
{
    uint64_t took[QUICK];

    ask_some(address, port, took);
    const uint64_t usual = took[QUICK / 2], most = took[QUICK - 1];
    print_message("new clients beside %u slow ones: %.1f ms, at most %.1f ms\n", n,
                  (double)usual / 1e6, (double)most / 1e6);
    assert_true(usual <= USUAL);
    assert_true(most <= MOST);
}

/* n slow clients that go on for as long as it takes, and hold up neither others nor those behind
 * their own address. */
static void assert_quick(unsigned n, const char *begin, const char *octets)
{
    struct http_server *s = kit_server((struct http_options){.threads = THREADS,
                                                             .head_time_ns = 60 * NS_PER_S,
                                                             .body_time_ns = 60 * NS_PER_S},
                                       routes, ARRAY_SIZE(routes), NULL);
    const unsigned port = http_port(s, 0);
    struct slow slow;

    slow_start(&slow, port, n, begin, octets);
    assert_quick_from("127.0.0.2", port, n);
    /* Where all places are theirs, they have them for half a second (places.c). */
    assert_quick_from("127.0.0.1", port, n);
    slow_stop(&slow);
    http_stop(s);
}

#define HOST "Host: localhost\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static void test_silent(void **state)
{
    (void)state;
    assert_quick(SLOW, "", NULL);
}

static void test_half_a_head(void **state)
{
    (void)state;
    assert_quick(SLOW, "GET /echo HTTP/1.1\r\n" HOST "X: ", "x");
}

static void test_half_a_body(void **state)
{
    (void)state;
    assert_quick(SLOW, "POST /echo HTTP/1.1\r\n" HOST FORM "Content-Length: 1000\r\n\r\na=", "x");
    assert_quick(SLOW, "POST /echo HTTP/1.1\r\n" HOST FORM "Transfer-Encoding: chunked\r\n\r\n",
                 "1\r\nx\r\n");
}

static void test_unread_answer(void **state)
{
    (void)state;
    assert_quick(SLOW, "GET /endless HTTP/1.1\r\n" HOST "\r\n", NULL);
}

/* More of them than there are threads, from one address: new ones take the places of those that
 * have waited for longest. */
static void test_more_than_threads(void **state)
{
    (void)state;
    assert_quick(2 * THREADS, "GET /echo HTTP/1.1\r\n" HOST "X: ", "x");
    assert_quick(2 * THREADS, "GET /endless HTTP/1.1\r\n" HOST "\r\n", NULL);
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static size_t resident(void)
{
    size_t total = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%zu %zu", &total, &pages), 2);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* What a thread costs while its client reads nothing of a large answer. */
static void test_memory(void **state)
{
    const unsigned n = SANITIZED ? 40 : 2000;
    struct slow slow;
    uint64_t took[QUICK];

    (void)state;
    const size_t before = resident();
    struct http_server *s =
        kit_server((struct http_options){.threads = n + 200}, routes, ARRAY_SIZE(routes), NULL);
    slow_start(&slow, http_port(s, 0), n, "GET /endless HTTP/1.1\r\n" HOST "\r\n", NULL);
    ask_some("127.0.0.2", http_port(s, 0), took);
    const size_t each = (resident() - before) / n;
    slow_stop(&slow);
    http_stop(s);
    print_message("each of %u clients: %zu octets\n", n, each);
    assert_true(SANITIZED || each <= 128u * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_half_a_head),
        cmocka_unit_test(test_half_a_body),
        cmocka_unit_test(test_unread_answer),
        cmocka_unit_test(test_more_than_threads),
        cmocka_unit_test(test_memory),
    };
    files = raise_files();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
