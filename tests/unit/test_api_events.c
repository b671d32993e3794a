/* GET /events where it is hard: small rings, slow clients, too many of them, a stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "http_kit.h"
#include "resources.h"

#define PATIENCE_NS (60 * NS_PER_S)
#define RING ((size_t)256 << 10)
#define STREAM "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
#define THREADS 12 /* half of them may watch */

static struct api api;
static struct dname origins[2];

static int start(void **state)
{
    static const char *const query[] = {"after", "wait", "kind", "name", "zone", NULL};
    static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/events", .handler = events_get, .query = query}};

    (void)state;
    dname_from_text(STR("lab.example."), NULL, &origins[0], NULL);
    dname_from_text(STR("other.example."), NULL, &origins[1], NULL);
    api = (struct api){.origins = origins, .nzones = 2};
    assert_int_equal(events_new(RING, &api.events), 0);
    api.http = kit_server((struct http_options){.threads = THREADS}, routes, 1, &api);
    return 0;
}

static int end(void **state)
{
    (void)state;
    events_stop(api.events);
    http_stop(api.http);
    events_free(api.events);
    return 0;
}

static unsigned port(void)
{
    return http_port(api.http, 0);
}

static void add(unsigned n)
{
    const struct event ev = {.kind = EVENT_REGISTERED,
                             .zone = STR("lab.example."),
                             .name = STR("web.lab.example."),
                             .type = STR("A"),
                             .registration = STR("web")};

    while (n-- > 0)
        events_add(api.events, &ev);
}

static unsigned readers(void)
{
    struct events_stats stats;

    events_stats(api.events, &stats);
    return stats.readers;
}

static void wait_for_readers(unsigned n)
{
    const uint64_t deadline = clock_deadline(PATIENCE_NS);

    while (readers() != n) {
        assert_true(clock_mono_ns() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

/* Until it has the text; false: the connection has ended before. */
static bool read_until(int fd, struct buf *all, const char *text)
{
    const uint64_t deadline = clock_deadline(PATIENCE_NS);

    while (all->n == 0 || !memmem(all->p, all->n, text, strlen(text))) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        char piece[4096];
        assert_true(clock_mono_ns() < deadline);
        if (poll(&pfd, 1, 100) <= 0)
            continue;
        ssize_t n = recv(fd, piece, sizeof(piece), 0);
        if (n <= 0)
            return false;
        buf_add(all, piece, (size_t)n);
    }
    return true;
}

/* Has begun: the first id is behind it. */
static int open_stream(struct buf *all)
{
    int fd = raw_connect_small(port());

    raw_send(fd, STR(STREAM "\r\n"));
    assert_true(read_until(fd, all, "retry: "));
    return fd;
}

/* The last "id: ID" of a stream. */
static void last_id(const struct buf *all, char id[EVENT_ID_SIZE])
{
    const char *found = NULL, *end = NULL, *at = all->p, *stop = all->p + all->n;

    while ((at = memmem(at, (size_t)(stop - at), "id: ", 4))) {
        at += 4;
        const char *line_end = memchr(at, '\n', (size_t)(stop - at));
        found = line_end ? at : found;
        end = line_end ? line_end : end;
    }
    assert_non_null(found);
    snprintf(id, EVENT_ID_SIZE, "%.*s", (int)(end - found), found);
}

/* The ring goes on without it; its stream ends as a whole one, and it is told when it comes back.
 */
static void who_lags_is_told(void **state)
{
    char request[256], id[EVENT_ID_SIZE];
    struct buf begun = {0};
    struct raw_answer a;

    (void)state;
    int fd = open_stream(&begun);
    for (unsigned i = 0; i < 200; i++)
        add(500); /* some 25 MB: more than all buffers on the way */
    raw_read(fd, false, &a);
    buf_add_str(&begun, buf_str(&a.all));
    assert_true(str_ends(buf_str(&begun), STR("\r\n0\r\n\r\n")));
    last_id(&begun, id);
    close(fd);
    raw_free(&a);
    buf_free(&begun);
    snprintf(request, sizeof(request), STREAM "Last-Event-ID: %s\r\n\r\n", id);
    raw_ask(port(), str_c(request), &a);
    assert_int_equal(a.status, 410);
    assert_non_null(memmem(a.body.p, a.body.n, "urn:betterdns:problem:gone", 26));
    raw_free(&a);
    wait_for_readers(0);
}

static void who_takes_nothing_is_let_go(void **state)
{
    struct buf all = {0};

    (void)state;
    api.take_time_ns = 50 * NS_PER_MS;
    int fd = open_stream(&all);
    const uint64_t deadline = clock_deadline(PATIENCE_NS);
    while (readers() > 0) {
        assert_true(clock_mono_ns() < deadline);
        add(50);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    close(fd);
    buf_free(&all);
}

static void a_silent_stream_shows_that_it_lives(void **state)
{
    char first[EVENT_ID_SIZE], id[EVENT_ID_SIZE];
    struct buf all = {0};

    (void)state;
    api.silence_ns = 30 * NS_PER_MS;
    add(3);
    int fd = raw_connect(port());
    raw_send(fd, STR("GET /events?kind=panic HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     "Accept: text/event-stream\r\n\r\n"));
    assert_true(read_until(fd, &all, "\n\n"));
    last_id(&all, first);
    add(2); /* which it does not ask for */
    buf_reset(&all);
    const char *five = events_id(api.events, 5, id);
    assert_true(read_until(fd, &all, five));
    assert_non_null(memmem(all.p, all.n, "\n: ", 3));
    assert_null(memmem(all.p, all.n, "data:", 5));
    assert_string_not_equal(first, five);
    close(fd);
    buf_free(&all);
}

static void half_of_the_connections_are_for_others(void **state)
{
    int fds[THREADS / 2];
    struct buf all = {0};
    struct raw_answer a;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
        buf_reset(&all);
        fds[i] = open_stream(&all);
    }
    raw_ask(port(), STR(STREAM "\r\n"), &a);
    assert_int_equal(a.status, 503);
    assert_non_null(raw_header(&a, "Retry-After").p);
    raw_free(&a);
    close(fds[0]);
    wait_for_readers(THREADS / 2 - 1);
    buf_reset(&all);
    fds[0] = open_stream(&all);
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    buf_free(&all);
}

static void ask(const char *after, struct raw_answer *ret)
{
    char request[256];

    snprintf(request, sizeof(request), "GET /events?after=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
             after);
    raw_ask(port(), str_c(request), ret);
    assert_true(ret->complete && ret->status == 200);
}

static size_t count(struct str in, const char *what)
{
    size_t n = 0;

    for (const char *at = in.p; (at = memmem(at, (size_t)(in.p + in.n - at), what, strlen(what)));
         at++)
        n++;
    return n;
}

static void an_answer_has_an_end(void **state)
{
    char id[EVENT_ID_SIZE], expected[96];
    struct raw_answer a;

    (void)state;
    /* A ring that has room for them. */
    struct events *small = api.events, *large = NULL;
    assert_int_equal(events_new(0, &large), 0);
    api.events = large;
    add(1001);
    ask("0", &a);
    assert_int_equal(count(a.body, "\"kind\":"), 1000);
    snprintf(expected, sizeof(expected), "],\"last\":\"%s\"}\n", events_id(large, 1000, id));
    assert_true(str_ends(a.body, str_c(expected)));
    raw_free(&a);
    ask(id, &a);
    assert_int_equal(count(a.body, "\"kind\":"), 1);
    raw_free(&a);
    wait_for_readers(0);
    api.events = small;
    events_free(large);
}

/* Events of no zone are not asked for either. */
static void of_one_zone(void **state)
{
    const struct event there = {
        .kind = EVENT_RESTORED, .zone = STR("other.example."), .name = STR("web.other.example.")};
    struct raw_answer a;

    (void)state;
    add(2);
    events_add(api.events, &there);
    events_add(api.events, &(struct event){.kind = EVENT_PANIC, .on = EVENT_YES});
    raw_ask(port(),
            STR("GET /events?after=0&zone=other.example HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(count(a.body, "\"kind\":"), 1);
    assert_int_equal(count(a.body, "\"name\":\"web.other.example.\""), 1);
    raw_free(&a);
    ask("0", &a);
    assert_int_equal(count(a.body, "\"kind\":"), 4);
    raw_free(&a);
}

static void a_stop_ends_all_of_them(void **state)
{
    char request[256], id[EVENT_ID_SIZE];
    struct buf begun = {0};
    struct raw_answer a;

    (void)state;
    add(1);
    int stream = open_stream(&begun), waiter = raw_connect(port());
    snprintf(request, sizeof(request),
             "GET /events?after=%s&wait=60s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
             events_id(api.events, 1, id));
    raw_send(waiter, str_c(request));
    wait_for_readers(2);
    const uint64_t began = clock_mono_ns();
    http_drain(api.http);
    events_stop(api.events);
    raw_read(waiter, false, &a);
    assert_true(a.complete && a.status == 200 && str_starts(a.body, STR("{\"events\":[],")));
    raw_free(&a);
    assert_true(read_until(stream, &begun, "\r\n0\r\n\r\n"));
    assert_true(clock_mono_ns() - began < 50 * NS_PER_S); /* the waiter's own time is longer */
    wait_for_readers(0);
    close(stream);
    close(waiter);
    buf_free(&begun);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_lags_is_told, start, end),
        cmocka_unit_test_setup_teardown(who_takes_nothing_is_let_go, start, end),
        cmocka_unit_test_setup_teardown(a_silent_stream_shows_that_it_lives, start, end),
        cmocka_unit_test_setup_teardown(half_of_the_connections_are_for_others, start, end),
        cmocka_unit_test_setup_teardown(an_answer_has_an_end, start, end),
        cmocka_unit_test_setup_teardown(of_one_zone, start, end),
        cmocka_unit_test_setup_teardown(a_stop_ends_all_of_them, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
