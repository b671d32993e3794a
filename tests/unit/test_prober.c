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

#include "prober_kit.h"

/* ---- a server that does what the path of the request says ---- */

static struct prober_server http, canary, silent;

static void endless(int fd)
{
    char block[1024];

    memset(block, 'x', sizeof(block));
    prober_say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
        ;
}

static void endless_head(int fd)
{
    prober_say(fd, "HTTP/1.1 200 OK\r\n");
    while (send(fd, "X-More: and more and more and more and more and more\r\n", 54, MSG_NOSIGNAL) >
           0)
        ;
}

/* The text stands in the last octets of the first 4 KiB, or one octet behind them. */
static void late_text(int fd, size_t before)
{
    char page[5000];

    memset(page, 'x', sizeof(page));
    memcpy(page + before, "ready", 5);
    page[sizeof(page) - 1] = '\0';
    prober_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4999\r\n\r\n");
    prober_say(fd, page);
}

static void answer(int fd, const char *request)
{
    char other[160];

    if (strstr(request, " /ok "))
        prober_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nall is well\n");
    else if (strstr(request, " /bad "))
        prober_say(fd, "HTTP/1.1 503 No\r\nContent-Length: 7\r\n\r\nsecret\n");
    else if (strstr(request, " /host ") && strstr(request, "Host: named.example:"))
        prober_say(fd, "HTTP/1.1 204 Named\r\n\r\n");
    else if (strstr(request, " /late "))
        late_text(fd, 4096 - 5);
    else if (strstr(request, " /later "))
        late_text(fd, 4096 - 4);
    else if (strstr(request, " /endless "))
        endless(fd);
    else if (strstr(request, " /head "))
        endless_head(fd);
    else if (strstr(request, " /hang "))
        prober_hang(fd);
    else if (strstr(request, " /close "))
        return;
    else if (strstr(request, " /noise "))
        prober_say(fd, "SSH-2.0-OpenSSH_9.2\r\n");
    else {
        snprintf(
            other, sizeof(other),
            "HTTP/1.1 302 Moved\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
            canary.port);
        prober_say(fd, other);
    }
}

static void serve(int fd)
{
    char request[4096];
    ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

    if (n <= 0)
        return;
    request[n] = '\0';
    answer(fd, request);
}

static void test_http(void **state)
{
    (void)state;
    prober_probe(true, "url http://:PORT/ok\n", http.port);
    prober_says(true, "HTTP 200 in ");
    prober_probe(true, "url http://:PORT/bad\n", http.port);
    prober_says(false, "HTTP 503 in ");
    prober_probe(true, "url http://:PORT/bad\nstatus 500-599\n", http.port);
    prober_says(true, "HTTP 503");
    prober_probe(true, "url http://:PORT/ok\nbody is well\n", http.port);
    prober_says(true, "the body matches");
    prober_probe(true, "url http://:PORT/ok\nbody is ill\n", http.port);
    prober_says(false, "the body does not match");
    prober_probe(true, "url http://:PORT/late\nbody ready\n", http.port);
    prober_says(true, "the body matches");
    prober_probe(true, "url http://:PORT/later\nbody ready\n", http.port);
    prober_says(false, "the body does not match");
    prober_probe(true, "url http://:PORT/close\n", http.port);
    assert_false(prober_last.ok);
    prober_probe(true, "url http://:PORT/noise\n", http.port);
    prober_says(false, "the answer is no HTTP");
}

/* A host of the URL is a header: "named.example" is nobody's, and no name is ever looked up. */
static void test_the_host_of_the_url(void **state)
{
    (void)state;
    prober_probe(true, "url http://named.example:PORT/host\n", http.port);
    prober_says(true, "HTTP 204");
    prober_probe(true, "url http://192.0.2.1:PORT/ok\n", http.port);
    prober_says(true, "HTTP 200");
}

static void test_redirects_are_not_followed(void **state)
{
    (void)state;
    prober_probe(true, "url http://:PORT/moved\n", http.port);
    prober_says(true, "HTTP 302");
    prober_probe(true, "url http://:PORT/moved\nstatus 200\n", http.port);
    prober_says(false, "HTTP 302");
    assert_int_equal(prober_accepted(&canary), 0);
}

/* Behind a proxy any address could be reached. */
static void test_no_proxy_is_used(void **state)
{
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    unsigned before = prober_accepted(&canary);
    char proxy[40];

    (void)state;
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", canary.port);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        setenv(names[i], proxy, 1);
    prober_probe(true, "url http://:PORT/ok\n", http.port);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        unsetenv(names[i]);
    prober_says(true, "HTTP 200");
    assert_int_equal(prober_accepted(&canary), before);
}

static void test_without_end(void **state)
{
    (void)state;
    prober_probe(true, "url http://:PORT/endless\n", http.port);
    prober_says(true, "HTTP 200");
    prober_probe(true, "url http://:PORT/endless\nbody yyy\n", http.port);
    prober_says(false, "the body does not match");
    prober_probe(true, "url http://:PORT/head\ntimeout 5s\n", http.port);
    assert_false(prober_last.ok);
    assert_true(prober_last.latency_ns < 5 * NS_PER_S);
    prober_probe(true, "url http://:PORT/hang\ntimeout 300ms\n", http.port);
    prober_says(false, "no answer within 300 ms");
    assert_true(prober_last.latency_ns >= 290 * NS_PER_MS);
}

static void test_tcp(void **state)
{
    (void)state;
    prober_probe(true, "url tcp://:PORT\n", http.port);
    prober_says(true, "connected in ");
    close(silent.fd);
    prober_probe(true, "url tcp://:PORT\n", silent.port);
    prober_says(false, "connection refused");
    assert_true(prober_last.refused);
    prober_probe(true, "url http://:PORT/\n", silent.port);
    prober_says(false, "connection refused");
    assert_true(prober_last.refused);
}

/* Nothing is sent to an address that is not open. */
static void test_the_fence(void **state)
{
    static const char *const urls[] = {"url http://:PORT/ok\n", "url https://:PORT/ok\n",
                                       "url tcp://:PORT\n", "url dns://:PORT/lab.example\n",
                                       "url http://open.example:PORT/ok\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        prober_probe(false, urls[i], canary.port);
        prober_says(false, "not asked: 127.0.0.1 is loopback");
    }
    assert_int_equal(prober_accepted(&canary), 0);
}

/* ---- DNS ---- */

struct dns_server {
    struct prober_server s;
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
    prober_bind(&d.s, SOCK_DGRAM);
    assert_int_equal(pipe(d.s.stop), 0);
    assert_int_equal(pthread_create(&d.s.thread, NULL, dns_main, &d), 0);
    prober_probe(true, url, d.s.port);
    prober_stop(&d.s);
}

static void test_dns(void **state)
{
    (void)state;
    ask_dns((struct dns_server){.rcode = 0}, "url dns://:PORT/lab.example\n");
    prober_says(true, "NOERROR in ");
    ask_dns((struct dns_server){.rcode = 5}, "url dns://:PORT/lab.example\n");
    prober_says(false, "REFUSED");
    ask_dns((struct dns_server){.silent_for = 1}, "url dns://:PORT/lab.example\ntimeout 1s\n");
    prober_says(true, "NOERROR"); /* one datagram may be lost */
    ask_dns((struct dns_server){.silent_for = 9}, "url dns://:PORT/lab.example\ntimeout 200ms\n");
    prober_says(false, "no answer within 200 ms");
    ask_dns((struct dns_server){.wrong_id = true}, "url dns://:PORT/lab.example\ntimeout 200ms\n");
    prober_says(false, "no answer within 200 ms");
}

/* ---- many ---- */

#define MANY 300U

static void test_the_rest_waits(void **state)
{
    struct check_spec spec;
    struct prober *p = prober_make(true, 7);
    struct probe *probes[MANY];
    unsigned left = MANY;
    char text[512];
    (void)state;

    prober_fill("url http://:PORT/ok\n", http.port, text);
    spec = prober_spec(text);
    const struct probe_target target = PROBER_TARGET(&spec);
    unsigned before = prober_accepted(&http);
    prober_last.ended = 0;
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(probe_start(p, &target, prober_ended, &left, &probes[i]), 0);
    assert_int_equal(probes_waiting(p), MANY);
    prober_run();
    assert_int_equal(left, 0);
    assert_int_equal(prober_last.ended, MANY);
    assert_true(prober_last.ok);
    assert_int_equal(prober_accepted(&http) - before, MANY);
    probes_free(p);
}

static void test_cancelled(void **state)
{
    struct check_spec spec, hanging;
    struct prober *p = prober_make(true, 4);
    struct probe *probes[20], *one;
    char text[512], slow[512];
    (void)state;

    prober_fill("url http://:PORT/ok\n", http.port, text);
    prober_fill("url http://:PORT/ok\n", silent.port, slow);
    spec = prober_spec(text);
    hanging = prober_spec(slow);
    const struct probe_target target = PROBER_TARGET(&spec), other = PROBER_TARGET(&hanging);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(probe_start(p, i % 2 ? &target : &other, prober_ended, NULL, &probes[i]),
                         0);
    for (unsigned i = 0; i < 20; i++)
        probe_cancel(probes[i]);
    prober_last.ended = 0;
    assert_int_equal(probe_start(p, &target, prober_ended, NULL, &one), 0);
    prober_run();
    assert_int_equal(prober_last.ended, 1);
    assert_int_equal(probe_start(p, &target, prober_ended, NULL, &one), 0);
    probes_free(p); /* and what is left */
    assert_int_equal(prober_last.ended, 1);
}

static int set_up(void **state)
{
    (void)state;
    prober_set_up(state);
    prober_serve(&http, serve);
    prober_serve(&canary, NULL);
    prober_bind(&silent, SOCK_STREAM);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    prober_stop(&http);
    prober_stop(&canary);
    return prober_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_the_host_of_the_url),
        cmocka_unit_test(test_redirects_are_not_followed),
        cmocka_unit_test(test_no_proxy_is_used),
        cmocka_unit_test(test_without_end),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_the_fence),
        cmocka_unit_test(test_dns),
        cmocka_unit_test(test_the_rest_waits),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
