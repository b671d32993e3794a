/* Who waits, in which order, and what is done where this process is short of something. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/clock.h>

#include "probe_kind.h"
#include "prober_kit.h"

static struct prober_server http, silent;

static void serve(int fd)
{
    char request[4096];

    if (recv(fd, request, sizeof(request), 0) > 0)
        prober_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

/* ---- order ---- */

#define MANY 200U

static unsigned ends[MANY], nends;

static void note_end(void *owner, void *arg, const struct probe_result *result)
{
    (void)owner;
    assert_true(result->ok);
    ends[nends++] = (unsigned)(uintptr_t)arg;
    if (nends == MANY)
        loop_stop(prober_loop);
}

static void test_in_order(void **state)
{
    struct prober *p = prober_make(true, 1);
    char text[512];
    struct probe *one;
    (void)state;

    prober_fill("url http://:PORT/\n", http.port, text);
    struct check_spec spec = prober_spec(text);
    const struct probe_target target = PROBER_TARGET(&spec);
    nends = 0;
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(probe_start(p, &target, note_end, (void *)(uintptr_t)i, &one), 0);
    prober_run();
    assert_int_equal(nends, MANY);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(ends[i], i);
    probes_free(p);
}

/* What waits has not begun: its time-out has not either. */
static void test_time_outs_begin_late(void **state)
{
    struct prober *p = prober_make(true, 1);
    char slow[512], quick[512];
    struct probe *one;
    unsigned left = 4;
    (void)state;

    prober_fill("url http://:PORT/\ntimeout 700ms\n", silent.port, slow);
    prober_fill("url http://:PORT/\ntimeout 2s\n", http.port, quick);
    struct check_spec hanging = prober_spec(slow), spec = prober_spec(quick);
    const struct probe_target first = PROBER_TARGET(&hanging), last = PROBER_TARGET(&spec);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(probe_start(p, &first, prober_ended, &left, &one), 0);
    assert_int_equal(probe_start(p, &last, prober_ended, &left, &one), 0);
    prober_run();
    assert_int_equal(left, 0);
    prober_says(true, "HTTP 200");
    probes_free(p);
}

/* ---- very many ---- */

#define CROWD 100000U
#define ASKED 20000U /* of them, for the time that it takes */

static unsigned most;

static void note_crowd(void *owner, void *arg, const struct probe_result *result)
{
    const struct prober *p = *(struct prober **)arg;
    (void)owner;

    assert_true(result->refused);
    if (p->sockets.running.n + 1 > most) /* and this one */
        most = p->sockets.running.n + 1;
    if (++nends == ASKED)
        loop_stop(prober_loop);
}

static void test_a_crowd(void **state)
{
    struct prober *p = prober_make(true, 0);
    struct probe *one;
    char text[512];
    (void)state;

    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, and nobody listens */
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    prober_fill("url tcp://:PORT\n", ntohs(at.sin_port), text);
    struct check_spec spec = prober_spec(text);
    const struct probe_target target = PROBER_TARGET(&spec);
    nends = most = 0;
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(probe_start(p, &target, note_crowd, &p, &one), 0);
    assert_int_equal(probes_waiting(p), CROWD);
    prober_run();
    assert_true(nends >= ASKED);
    assert_in_range(most, 1, 1000);
    unsigned ended_by_then = nends;
    probes_free(p);
    assert_int_equal(nends, ended_by_then);
    close(fd);
}

static void stop_now(void *arg)
{
    (void)arg;
    loop_stop(prober_loop);
}

/* Of hosts that do not answer a thousand are waited for at once, whatever there is room for. */
static void test_a_thousand_at_once(void **state)
{
    struct prober_server deaf = {.fd = -1};
    struct prober *p = prober_make(true, 0);
    struct loop_timer *later;
    struct rlimit had;
    struct probe *one;
    char text[512];
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
    struct rlimit wide = {had.rlim_max < 4096 ? had.rlim_max : 4096, had.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &wide), 0);
    prober_bind(&deaf, SOCK_DGRAM);
    prober_fill("url dns://:PORT/web.lab.example\ntimeout 60s\n", deaf.port, text);
    struct check_spec spec = prober_spec(text);
    const struct probe_target target = PROBER_TARGET(&spec);
    nends = 0;
    for (unsigned i = 0; i < 3000; i++)
        assert_int_equal(probe_start(p, &target, note_end, NULL, &one), 0);
    /* All that can begin does so in the prober's first turn. */
    assert_int_equal(loop_timer_new(prober_loop, stop_now, NULL, &later), 0);
    loop_timer_at(later, clock_deadline(100 * NS_PER_MS));
    prober_run();
    assert_int_equal(p->sockets.running.n, 1000);
    assert_int_equal(probes_waiting(p), 2000);
    loop_timer_free(later);
    probes_free(p);
    assert_int_equal(nends, 0);
    close(deaf.fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
}

/* ---- descriptors ---- */

static struct rlimit before;

/* Nothing can be opened from now on. */
static void use_up(void)
{
    int fd = dup(0);
    struct rlimit limit = {(rlim_t)fd, before.rlim_max};

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

struct wait {
    struct prober *p;
    struct loop_timer *timer;
    unsigned n; /* so many have begun and could not */
    bool seen;
};

static void look(void *arg)
{
    struct wait *w = arg;

    if (w->p->sockets.again.n + w->p->programs.again.n < w->n) {
        loop_timer_at(w->timer, clock_deadline(NS_PER_MS));
        return;
    }
    w->seen = true;
    setrlimit(RLIMIT_NOFILE, &before);
}

static void short_of_descriptors(const char *template, unsigned n, unsigned in_flight)
{
    struct wait w = {.p = prober_make(true, in_flight), .n = n};
    char text[512];
    struct probe *one;
    unsigned left = n;

    prober_fill(template, http.port, text);
    struct check_spec spec = prober_spec(text);
    const struct probe_target target = PROBER_TARGET(&spec);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(probe_start(w.p, &target, prober_ended, &left, &one), 0);
    assert_int_equal(loop_timer_new(prober_loop, look, &w, &w.timer), 0);
    loop_timer_at(w.timer, 0);
    prober_last.ended = 0;
    use_up();
    prober_run();
    setrlimit(RLIMIT_NOFILE, &before);
    assert_true(w.seen);
    assert_int_equal(prober_last.ended, n);
    assert_true(prober_last.ok);
    const struct probe_lane *lane = spec.kind == CHECK_EXEC ? &w.p->programs : &w.p->sockets;
    /* One more with each end. */
    assert_int_equal(lane->most, n + 1 < lane->limit ? n + 1 : lane->limit);
    loop_timer_free(w.timer);
    probes_free(w.p);
}

static void test_short_of_descriptors(void **state)
{
    static const struct str argv[] = {STR("/bin/true")};
    static const struct health_command commands[] = {{STR("ok"), argv, 1}};
    (void)state;

    /* Of http it shows when all have begun; of the others one at a time does. */
    short_of_descriptors("url http://:PORT/\n", 20, 20);
    short_of_descriptors("url tcp://:PORT\n", 1, 5);
    prober_with.commands = commands;
    prober_with.ncommands = 1;
    short_of_descriptors("url exec:ok\n", 1, 5);
}

/* A few can be had: those go on, and all others after them, one by one. */
static void test_a_few_descriptors(void **state)
{
    struct prober *p = prober_make(true, 0);
    char text[512];
    struct probe *one;
    unsigned left = 300;
    (void)state;

    prober_fill("url tcp://:PORT\n", http.port, text);
    struct check_spec spec = prober_spec(text);
    const struct probe_target target = PROBER_TARGET(&spec);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(probe_start(p, &target, prober_ended, &left, &one), 0);
    prober_last.ended = 0;
    use_up();
    struct rlimit limit = {0};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur += 8;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    prober_run();
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(prober_last.ended, 300);
    assert_true(prober_last.ok);
    probes_free(p);
}

/* A machine without such addresses says nothing about the host. */
static void test_nowhere_to_ask_from(void **state)
{
    struct prober *p = prober_make(true, 0);
    struct probe *one;
    struct check_spec spec = prober_spec("url tcp://:9\n");
    const struct probe_target target = PROBER_TARGET(&spec);
    (void)state;

    assert_int_equal(probe_start(p, &target, prober_ended, NULL, &one), 0);
    one->prober->sockets.pause_ns = UINT64_MAX; /* it does not begin by itself */
    probe_failed(one, -EADDRNOTAVAIL);
    prober_says(false, "not asked: Cannot assign requested address");
    assert_true(prober_last.unasked);
    probes_free(p);
}

static int set_up(void **state)
{
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    prober_set_up(state);
    prober_serve(&http, serve);
    prober_bind(&silent, SOCK_STREAM);
    return 0;
}

static int tear_down(void **state)
{
    prober_stop(&http);
    close(silent.fd);
    return prober_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_time_outs_begin_late),
        cmocka_unit_test(test_a_crowd),
        cmocka_unit_test(test_a_thousand_at_once),
        cmocka_unit_test(test_short_of_descriptors),
        cmocka_unit_test(test_a_few_descriptors),
        cmocka_unit_test(test_nowhere_to_ask_from),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
