/* HTTP requests of which one gets no place in the loop: the others go on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "prober_kit.h"

#define MANY 40U

static struct prober_server http;
static unsigned watches, fail_from, fail_to; /* the loop's watches by their number */
static unsigned passed, failed, left;
static char said[256];

int __real_loop_watch(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
                      struct loop_watch **ret_watch);
int __wrap_loop_watch(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
                      struct loop_watch **ret_watch);

int __wrap_loop_watch(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
                      struct loop_watch **ret_watch)
{
    unsigned n = watches++;

    if (n >= fail_from && n < fail_to)
        return -ENOSPC;
    return __real_loop_watch(l, fd, events, fn, arg, ret_watch);
}

static void serve(int fd)
{
    char request[4096];

    if (recv(fd, request, sizeof(request), 0) > 0)
        prober_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void count(void *owner, void *arg, const struct probe_result *result)
{
    (void)owner;
    (void)arg;
    if (result->ok) {
        passed++;
    } else {
        failed++;
        snprintf(said, sizeof(said), "%.*s", (int)result->output.n, result->output.p);
    }
    if (--left == 0)
        loop_stop(prober_loop);
}

/* None fails by our own fault: those that had no place are asked once more. */
static void test_no_place_in_the_loop(void **state)
{
    struct prober *p = prober_make(true, 0);
    char text[512];
    struct probe *one;
    (void)state;

    prober_fill("url http://:PORT/\ntimeout 1s\n", http.port, text);
    struct check_spec spec = prober_spec(text);
    const struct probe_target target = PROBER_TARGET(&spec);
    left = MANY;
    watches = 0;
    fail_from = 5;
    fail_to = 8;
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(probe_start(p, &target, count, NULL, &one), 0);
    prober_run();
    assert_true(watches > fail_to);
    if (failed > 0)
        fail_msg("%u of %u failed: %s", failed, MANY, said);
    assert_int_equal(passed, MANY);
    probes_free(p);
}

static int set_up(void **state)
{
    prober_set_up(state);
    fail_from = fail_to = UINT32_MAX;
    prober_serve(&http, serve);
    return 0;
}

static int tear_down(void **state)
{
    prober_stop(&http);
    return prober_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_place_in_the_loop)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
