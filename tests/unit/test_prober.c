/* The prober, against real listeners. */
#include <netinet/in.h>
#include <setjmp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/dnsmsg.h>

#include "prober.h"

#define PATIENCE_NS (20 * NS_PER_S)

/* ---- a server that does what the path of the request says ---- */

struct server {
    int fd, type;
    uint16_t port;
    pthread_t thread;
    int stop[2];
    unsigned accepted;
};

static struct server http, canary, silent;

static void bind_server(struct server *s, int type)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);

    *s = (struct server){.fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), .type = type};
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
    s->port = ntohs(a.sin_port);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(s->fd, 64), 0);
}

static void say(int fd, const char *text)
{
    ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);
    (void)n;
}

static void endless(int fd)
{
    char block[1024];

    memset(block, 'x', sizeof(block));
    say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
        ;
}

static void endless_head(int fd)
{
    say(fd, "HTTP/1.1 200 OK\r\n");
    while (send(fd, "X-More: and more and more and more and more and more\r\n", 54, MSG_NOSIGNAL) >
           0)
        ;
}

/* Until the other side gives up. */
static void hang(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char octet;

    while (poll(&p, 1, 20000) > 0 && recv(fd, &octet, 1, 0) > 0)
        ;
}

static void answer(int fd, const char *request)
{
    char other[160];

    if (strstr(request, " /ok "))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nall is well\n");
    else if (strstr(request, " /bad "))
        say(fd, "HTTP/1.1 503 No\r\nContent-Length: 7\r\n\r\nsecret\n");
    else if (strstr(request, " /host ") && strstr(request, "Host: named.example:"))
        say(fd, "HTTP/1.1 204 Named\r\n\r\n");
    else if (strstr(request, " /endless "))
        endless(fd);
    else if (strstr(request, " /head "))
        endless_head(fd);
    else if (strstr(request, " /hang "))
        hang(fd);
    else if (strstr(request, " /close "))
        return;
    else if (strstr(request, " /noise "))
        say(fd, "SSH-2.0-OpenSSH_9.2\r\n");
    else {
        snprintf(
            other, sizeof(other),
            "HTTP/1.1 302 Moved\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
            canary.port);
        say(fd, other);
    }
}

static void serve(struct server *s, int fd)
{
    char request[4096];
    ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

    if (n > 0 && s == &http) {
        request[n] = '\0';
        answer(fd, request);
    }
    close(fd);
}

static void *server_main(void *server)
{
    struct server *s = server;

    for (;;) {
        struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN},
                              {.fd = s->stop[0], .events = POLLIN}};
        if (poll(p, 2, -1) < 0 || p[1].revents)
            return NULL;
        int fd = accept(s->fd, NULL, NULL);
        __atomic_add_fetch(&s->accepted, 1, __ATOMIC_RELAXED);
        if (fd >= 0)
            serve(s, fd);
    }
}

static void start_server(struct server *s)
{
    bind_server(s, SOCK_STREAM);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
}

static void stop_server(struct server *s)
{
    close(s->stop[1]);
    pthread_join(s->thread, NULL);
    close(s->stop[0]);
    close(s->fd);
}

/* ---- a prober and one probe at a time ---- */

static struct loop *loop;
static struct network loopback;
static char output[512];
static struct probe_result last;
static unsigned ended;

static void on_end(void *owner, void *arg, const struct probe_result *result)
{
    (void)owner;
    last = *result;
    snprintf(output, sizeof(output), "%.*s", STR_ARG(result->output));
    ended++;
    if (arg)
        --*(unsigned *)arg;
    if (!arg || *(unsigned *)arg == 0)
        loop_stop(loop);
}

static struct prober *make_prober(bool open, unsigned in_flight)
{
    struct prober_options options = {
        .loop = loop, .fence = {&loopback, open, NULL, 0}, .in_flight = in_flight};
    struct prober *p = NULL;

    assert_int_equal(probes_new(&options, &p), 0);
    return p;
}

static void too_late(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* Runs until the loop is stopped. */
static void run(void)
{
    struct loop_timer *t;

    assert_int_equal(loop_timer_new(loop, too_late, NULL, &t), 0);
    loop_timer_at(t, clock_deadline(PATIENCE_NS));
    assert_int_equal(loop_run(loop), 0);
    loop_timer_free(t);
}

static struct check_spec spec_of(const char *text)
{
    struct check_spec spec;
    const struct check_defaults defaults = CHECK_DEFAULTS;

    assert_int_equal(check_parse(str_c(text), &defaults, &spec), 0);
    return spec;
}

#define TARGET(s)                                                                                  \
    {                                                                                              \
        .spec = (s), .to = {AF_INET, {127, 0, 0, 1}}, .caller = { AF_INET, {127, 0, 0, 1} }        \
    }

/* The check's text has PORT where the port goes. */
static void fill(const char *template, unsigned port, char out[512])
{
    const char *at = strstr(template, "PORT");

    assert_non_null(at);
    snprintf(out, 512, "%.*s%u%s", (int)(at - template), template, port, at + 4);
}

static void probe(bool open, const char *template, unsigned port)
{
    struct prober *p = make_prober(open, 0);
    struct probe *one;
    char text[512];

    fill(template, port, text);
    struct check_spec spec = spec_of(text);
    const struct probe_target target = TARGET(&spec);
    ended = 0;
    assert_int_equal(probe_start(p, &target, on_end, NULL, &one), 0);
    run();
    if (ended != 1)
        fail_msg("%s: no end", text);
    probes_free(p);
}

static void says(bool ok, const char *words)
{
    if (last.ok != ok || !strstr(output, words))
        fail_msg("it said '%s' (%s), not '%s'", output, last.ok ? "ok" : "failed", words);
    assert_null(strstr(output, "secret"));
    assert_null(strstr(output, "all is well"));
}

static void test_http(void **state)
{
    (void)state;
    probe(true, "url http://:PORT/ok\n", http.port);
    says(true, "HTTP 200 in ");
    probe(true, "url http://:PORT/bad\n", http.port);
    says(false, "HTTP 503 in ");
    probe(true, "url http://:PORT/bad\nstatus 500-599\n", http.port);
    says(true, "HTTP 503");
    probe(true, "url http://:PORT/ok\nbody is well\n", http.port);
    says(true, "the body matches");
    probe(true, "url http://:PORT/ok\nbody is ill\n", http.port);
    says(false, "the body does not match");
    probe(true, "url http://:PORT/close\n", http.port);
    assert_false(last.ok);
    probe(true, "url http://:PORT/noise\n", http.port);
    assert_false(last.ok);
}

/* A host of the URL is a header: "named.example" is nobody's, and no name is ever looked up. */
static void test_the_host_of_the_url(void **state)
{
    (void)state;
    probe(true, "url http://named.example:PORT/host\n", http.port);
    says(true, "HTTP 204");
    probe(true, "url http://192.0.2.1:PORT/ok\n", http.port);
    says(true, "HTTP 200");
}

static void test_redirects_are_not_followed(void **state)
{
    (void)state;
    probe(true, "url http://:PORT/moved\n", http.port);
    says(true, "HTTP 302");
    probe(true, "url http://:PORT/moved\nstatus 200\n", http.port);
    says(false, "HTTP 302");
    assert_int_equal(__atomic_load_n(&canary.accepted, __ATOMIC_RELAXED), 0);
}

static void test_without_end(void **state)
{
    (void)state;
    probe(true, "url http://:PORT/endless\n", http.port);
    says(true, "HTTP 200");
    probe(true, "url http://:PORT/endless\nbody yyy\n", http.port);
    says(false, "the body does not match");
    probe(true, "url http://:PORT/head\ntimeout 5s\n", http.port);
    assert_false(last.ok);
    assert_true(last.latency_ns < 5 * NS_PER_S);
    probe(true, "url http://:PORT/hang\ntimeout 300ms\n", http.port);
    says(false, "no answer within 300 ms");
    assert_true(last.latency_ns >= 290 * NS_PER_MS);
}

static void test_tcp(void **state)
{
    (void)state;
    probe(true, "url tcp://:PORT\n", http.port);
    says(true, "connected in ");
    close(silent.fd);
    probe(true, "url tcp://:PORT\n", silent.port);
    says(false, "connection refused");
    assert_true(last.refused);
    probe(true, "url http://:PORT/\n", silent.port);
    says(false, "connection refused");
    assert_true(last.refused);
}

/* Nothing is sent to an address that is not open. */
static void test_the_fence(void **state)
{
    static const char *const urls[] = {"url http://:PORT/ok\n", "url https://:PORT/ok\n",
                                       "url tcp://:PORT\n", "url dns://:PORT/lab.example\n",
                                       "url http://open.example:PORT/ok\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        probe(false, urls[i], canary.port);
        says(false, "not asked: 127.0.0.1 is loopback");
    }
    assert_int_equal(__atomic_load_n(&canary.accepted, __ATOMIC_RELAXED), 0);
}

/* ---- DNS ---- */

struct dns_server {
    struct server s;
    uint8_t rcode;
    unsigned silent_for; /* questions that are not answered */
    bool wrong_id;
};

static void *dns_main(void *server)
{
    struct dns_server *d = server;
    uint8_t msg[1500];

    for (;;) {
        struct sockaddr_storage from;
        socklen_t n = sizeof(from);
        struct pollfd p[2] = {{.fd = d->s.fd, .events = POLLIN},
                              {.fd = d->s.stop[0], .events = POLLIN}};
        if (poll(p, 2, -1) < 0 || p[1].revents)
            return NULL;
        ssize_t got = recvfrom(d->s.fd, msg, sizeof(msg), 0, (struct sockaddr *)&from, &n);
        if (got < 12 || d->silent_for-- > 0)
            continue;
        d->silent_for = 0;
        msg[2] |= 0x80;
        msg[3] = d->rcode;
        msg[0] = (uint8_t)(msg[0] ^ (d->wrong_id ? 1 : 0));
        sendto(d->s.fd, msg, (size_t)got, 0, (struct sockaddr *)&from, n);
    }
}

static void ask_dns(struct dns_server d, const char *url)
{
    bind_server(&d.s, SOCK_DGRAM);
    assert_int_equal(pipe(d.s.stop), 0);
    assert_int_equal(pthread_create(&d.s.thread, NULL, dns_main, &d), 0);
    probe(true, url, d.s.port);
    stop_server(&d.s);
}

static void test_dns(void **state)
{
    (void)state;
    ask_dns((struct dns_server){.rcode = 0}, "url dns://:PORT/lab.example\n");
    says(true, "NOERROR in ");
    ask_dns((struct dns_server){.rcode = 5}, "url dns://:PORT/lab.example\n");
    says(false, "REFUSED");
    ask_dns((struct dns_server){.silent_for = 1}, "url dns://:PORT/lab.example\ntimeout 1s\n");
    says(true, "NOERROR"); /* one datagram may be lost */
    ask_dns((struct dns_server){.silent_for = 9}, "url dns://:PORT/lab.example\ntimeout 200ms\n");
    says(false, "no answer within 200 ms");
    ask_dns((struct dns_server){.wrong_id = true}, "url dns://:PORT/lab.example\ntimeout 200ms\n");
    says(false, "no answer within 200 ms");
}

/* ---- many ---- */

#define MANY 300U

static void test_the_rest_waits(void **state)
{
    struct check_spec spec;
    struct prober *p = make_prober(true, 7);
    struct probe *probes[MANY];
    unsigned left = MANY;
    char text[512];
    (void)state;

    fill("url http://:PORT/ok\n", http.port, text);
    spec = spec_of(text);
    const struct probe_target target = TARGET(&spec);
    unsigned before = __atomic_load_n(&http.accepted, __ATOMIC_RELAXED);
    ended = 0;
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(probe_start(p, &target, on_end, &left, &probes[i]), 0);
    assert_int_equal(probes_waiting(p), MANY);
    run();
    assert_int_equal(left, 0);
    assert_int_equal(ended, MANY);
    assert_true(last.ok);
    assert_int_equal(__atomic_load_n(&http.accepted, __ATOMIC_RELAXED) - before, MANY);
    probes_free(p);
}

static void test_cancelled(void **state)
{
    struct check_spec spec, hanging;
    struct prober *p = make_prober(true, 4);
    struct probe *probes[20], *one;
    char text[512], slow[512];
    (void)state;

    fill("url http://:PORT/ok\n", http.port, text);
    fill("url http://:PORT/ok\n", silent.port, slow);
    spec = spec_of(text);
    hanging = spec_of(slow);
    const struct probe_target target = TARGET(&spec), other = TARGET(&hanging);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(probe_start(p, i % 2 ? &target : &other, on_end, NULL, &probes[i]), 0);
    for (unsigned i = 0; i < 20; i++)
        probe_cancel(probes[i]);
    ended = 0;
    assert_int_equal(probe_start(p, &target, on_end, NULL, &one), 0);
    run();
    assert_int_equal(ended, 1);
    assert_int_equal(probe_start(p, &target, on_end, NULL, &one), 0);
    probes_free(p); /* and what is left */
    assert_int_equal(ended, 1);
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(network_parse(STR("127.0.0.0/8"), &loopback), 0);
    assert_int_equal(loop_new(&loop), 0);
    start_server(&http);
    start_server(&canary);
    bind_server(&silent, SOCK_STREAM);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stop_server(&http);
    stop_server(&canary);
    loop_free(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_the_host_of_the_url),
        cmocka_unit_test(test_redirects_are_not_followed),
        cmocka_unit_test(test_without_end),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_the_fence),
        cmocka_unit_test(test_dns),
        cmocka_unit_test(test_the_rest_waits),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
