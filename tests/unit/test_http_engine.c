/* What the engine is made to do: an answer in one write, room on its stacks, an end when we say so.
 * send() and the octets of its calls are counted here, before the C library gets them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "http_kit.h"

#define HOST "Host: localhost\r\n"
#define FLOOR (512u * 1024)
#define FRAME 4096
/* More than civetweb's 100 KiB; the thread sanitizer has most of a stack for itself. */
#if defined(__SANITIZE_THREAD__)
#define CALLS 12
#else
#define CALLS 60
#endif

static atomic_uint sends;
static _Thread_local bool is_client;

/* civetweb's, too: a program's own function comes before that of a shared library. */
ssize_t send(int fd, const void *buf, size_t n, int flags)
{
    if (!is_client)
        atomic_fetch_add(&sends, 1);
    return sendto(fd, buf, n, flags, NULL, 0);
}

static size_t stack_size;
static sem_t entered, stopped;

static void body(void *context, const struct http_request *rq, struct http_response *rs)
{
    uint64_t n = 0;

    (void)context;
    str_u64(http_query(rq, "n"), 1u << 20, &n);
    http_set(rs, "ETag", "\"x\"");
    for (uint64_t i = 0; i < n; i++)
        buf_add_c(http_body(rs), 'x');
}

/* Each call has its frame, whatever the compiler thinks of it. */
__attribute__((noinline)) static unsigned go_down(unsigned calls)
{
    volatile unsigned char frame[FRAME];

    for (size_t i = 0; i < sizeof(frame); i += 64)
        frame[i] = (unsigned char)calls;
    return calls == 0 ? frame[0] : go_down(calls - 1) + frame[FRAME - 64];
}

static void deep(void *context, const struct http_request *rq, struct http_response *rs)
{
    pthread_attr_t attr;

    (void)context;
    (void)rq;
    assert_int_equal(pthread_getattr_np(pthread_self(), &attr), 0);
    assert_int_equal(pthread_attr_getstacksize(&attr, &stack_size), 0);
    pthread_attr_destroy(&attr);
    buf_addf(http_body(rs), "%u", go_down(CALLS));
}

static void endless(void *context, const struct http_request *rq, struct http_response *rs)
{
    static const char zeros[16384];

    (void)context;
    (void)rq;
    sem_post(&entered);
    while (http_stream(rs, (struct str){zeros, sizeof(zeros)}) == 0)
        ;
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/body", .handler = body},
    {.method = "GET", .pattern = "/deep", .handler = deep},
    {.method = "GET", .pattern = "/endless", .handler = endless},
};

static void assert_one_write(unsigned port, struct str request, int status, const char *answer)
{
    const unsigned before = atomic_load(&sends);

    assert_raw_ask(port, request, status, answer);
    assert_int_equal(atomic_load(&sends) - before, 1);
}

static void test_one_write(void **state)
{
    struct http_server *s = kit_server((struct http_options){0}, routes, ARRAY_SIZE(routes), NULL);
    const unsigned port = http_port(s, 0);

    (void)state;
    assert_one_write(port, STR("GET /body?n=3 HTTP/1.1\r\n" HOST "\r\n"), 200, "xxx");
    assert_one_write(port, STR("GET /body?n=0 HTTP/1.1\r\n" HOST "\r\n"), 200, "");
    assert_one_write(port, STR("GET /body?n=20000 HTTP/1.1\r\n" HOST "\r\n"), 200, NULL);
    assert_one_write(port, STR("GET /nothing HTTP/1.1\r\n" HOST "\r\n"), 404, NULL);
    assert_one_write(port, STR("GET /body HTTP/1.1\n" HOST "\r\n"), 400, NULL);
    http_stop(s);
}

static void test_stack(void **state)
{
    struct http_server *s = kit_server((struct http_options){0}, routes, ARRAY_SIZE(routes), NULL);

    (void)state;
    assert_raw_ask(http_port(s, 0), STR("GET /deep HTTP/1.1\r\n" HOST "\r\n"), 200, NULL);
    assert_true(stack_size >= FLOOR);
    http_stop(s);
}

/* Neither a client that reads nothing of an endless answer, nor one in the middle of a head or a
 * body, nor a thousand threads hold a stop up. */
static void test_stop(void **state)
{
    struct http_server *s =
        kit_server((struct http_options){.threads = 1000}, routes, ARRAY_SIZE(routes), NULL);
    static const struct str begin[] = {
        {"", 0},
        {"GET /body HT", 12},
        {"POST /body HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\na", 59},
        {"GET /endless HTTP/1.1\r\n" HOST "\r\n", 42},
    };
    int fds[ARRAY_SIZE(begin)];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(begin); i++) {
        fds[i] = raw_connect(http_port(s, 0));
        raw_send(fds[i], begin[i]);
    }
    sem_wait(&entered);
    const uint64_t before = clock_mono_ns();
    http_stop(s);
    const uint64_t took = clock_mono_ns() - before;
    print_message("stopped within %.0f ms\n", (double)took / 1e6);
    assert_true(took < 4 * NS_PER_S);
    for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
        close(fds[i]);
}

/* Silent clients that come until nobody listens any more; the last of them are there when the
 * others have been ended already. */
static void *keep_coming(void *argument)
{
    const unsigned port = *(const unsigned *)argument;
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fds[64], r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = -1;
    for (size_t i = 0; r == 0; i = (i + 1) % ARRAY_SIZE(fds)) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        r = connect(fds[i], (const struct sockaddr *)&to, sizeof(to));
    }
    sem_wait(&stopped);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    return NULL;
}

static void test_stop_under_fire(void **state)
{
    struct http_server *s =
        kit_server((struct http_options){.threads = 200}, routes, ARRAY_SIZE(routes), NULL);
    unsigned port = http_port(s, 0);
    struct http_stats stats = {0};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, keep_coming, &port), 0);
    while (stats.connections < 20)
        http_stats(s, &stats);
    const uint64_t before = clock_mono_ns();
    http_stop(s);
    const uint64_t took = clock_mono_ns() - before;
    sem_post(&stopped);
    pthread_join(thread, NULL);
    print_message("stopped within %.0f ms\n", (double)took / 1e6);
    assert_true(took < 10 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_write),
        cmocka_unit_test(test_stack),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_under_fire),
    };
    is_client = true;
    sem_init(&entered, 0, 0);
    sem_init(&stopped, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
