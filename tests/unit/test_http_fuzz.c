/* Mutated requests against a living server: whatever comes, every octet that goes back belongs to a
 * well-formed answer, and the next client is answered as ever. BETTERDNS_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "http_kit.h"

#define TIME (4 * NS_PER_S)
#define MUTATIONS 6

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/a/{name}", .handler = kit_echo},
    {.method = "POST", .pattern = "/a", .handler = kit_echo},
    {.method = "GET", .pattern = "/a", .handler = kit_echo},
};

#define HOST "Host: localhost\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static const struct str seeds[] = {
    STR("GET /a?name=web HTTP/1.1\r\n" HOST "\r\n"),
    STR("GET /a/web%2Ex HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    STR("POST /a HTTP/1.1\r\n" HOST FORM "Content-Length: 8\r\n\r\nname=webGET /a HTTP/1.1\r\n" HOST
        "\r\n"),
    STR("POST /a HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 37\r\n\r\n"
        "{\"name\":\"web\",\"check\":{\"url\":\"a\",\"x\":1}}"),
    STR("POST /a HTTP/1.1\r\n" HOST FORM "Transfer-Encoding: chunked\r\n\r\n"
        "3\r\na=1\r\n5\r\n&b=22\r\n0\r\n\r\nGET /a HTTP/1.1\r\n" HOST "\r\n"),
    STR("PUT http://localhost/a HTTP/1.1\r\n" HOST "X-Forwarded-For: 192.0.2.1\r\nExpect: "
        "100-continue\r\nContent-Length: 3\r\n\r\na=1"),
};

static const struct str tokens[] = {
    STR("\r\n"),
    STR("\n"),
    STR("\r"),
    STR("\0"),
    STR(" "),
    STR("\t"),
    STR(":"),
    STR("\r\n\r\n"),
    STR("\r\n "),
    STR("Content-Length: 5\r\n"),
    STR("Transfer-Encoding: chunked\r\n"),
    STR("Transfer-Encoding: identity\r\n"),
    STR("0\r\n\r\n"),
    STR("ffffffffffffffff\r\n"),
    STR("HTTP/1.1"),
    STR("%00"),
    STR("%2f"),
    STR("../"),
    STR("\\u0000"),
    STR("[[[[[[[[[[[[[[[[["),
    STR("\xff\xfe"),
    STR("Host: localhost\r\n"),
    STR("Connection: close\r\n"),
    STR("Expect: 100-continue\r\n"),
    STR("+5"),
    STR("-1"),
    STR("99999999999999999999"),
};

static uint64_t seed;

static uint32_t next(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % below;
}

/* b with the octets from at to at + n replaced. */
static void splice(struct buf *b, size_t at, size_t n, struct str with)
{
    struct buf out = {0};

    buf_add(&out, b->p, at);
    buf_add_str(&out, with);
    buf_add(&out, b->p + at + n, b->n - at - n);
    buf_free(b);
    *b = out;
}

static void mutate(struct buf *b)
{
    const size_t at = next((uint32_t)b->n), left = b->n - at;
    const size_t n = next((uint32_t)(left < 20 ? left : 20) + 1);
    const struct str token = tokens[next(ARRAY_SIZE(tokens))];
    struct buf copy = {0};

    switch (next(5)) {
    case 0: b->p[at] = (char)next(256); break;
    case 1: splice(b, at, 0, token); break;
    case 2: splice(b, at, n, token); break;
    case 3: splice(b, at, n < b->n ? n : 0, STR("")); break;
    default: buf_add(&copy, b->p + at, n); splice(b, next((uint32_t)b->n), 0, buf_str(&copy));
    }
    buf_free(&copy);
}

static void make(struct buf *b)
{
    buf_reset(b);
    buf_add_str(b, seeds[next(ARRAY_SIZE(seeds))]);
    if (next(4) == 0)
        buf_add_str(b, seeds[next(ARRAY_SIZE(seeds))]);
    for (uint32_t n = 1 + next(MUTATIONS); n > 0 && b->n > 0; n--)
        mutate(b);
}

/* The length of the answer that text begins with; 0: it is none. */
static size_t answer_length(struct str text)
{
    const char *end = text.n ? memmem(text.p, text.n, "\r\n\r\n", 4) : NULL;
    struct raw_answer a = {0};
    uint64_t n = 0;

    if (!end || !str_starts(text, STR("HTTP/1.1 ")))
        return 0;
    a.head = (struct str){text.p, (size_t)(end - text.p)};
    if (str_starts(text, STR("HTTP/1.1 100 ")))
        return a.head.n + 4;
    const struct str type = raw_header(&a, "Content-Type");
    const bool refused = text.p[9] >= '4';
    if (!str_eq(type, refused ? STR("application/problem+json") : STR("text/plain")))
        return 0;
    if (str_u64(raw_header(&a, "Content-Length"), UINT32_MAX, &n) < 0)
        return 0;
    return a.head.n + 4 + n;
}

/* Sends what it is given, in one piece or two, and reads all that comes. */
static void say(unsigned port, struct str request, struct buf *answers)
{
    const size_t cut = next(2) ? request.n : next((uint32_t)request.n + 1);
    const int fd = raw_connect(port);
    char bytes[4096];
    ssize_t n;

    raw_send(fd, (struct str){request.p, cut});
    raw_send(fd, (struct str){request.p + cut, request.n - cut});
    shutdown(fd, SHUT_WR);
    buf_reset(answers);
    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        buf_add(answers, bytes, (size_t)n);
    close(fd);
}

static void fail_with(uint64_t from, struct str request, struct str answers)
{
    fail_msg("BETTERDNS_SEED=%llu: '%.*s' was answered '%.*s'", (unsigned long long)from,
             STR_ARG(request), STR_ARG(answers));
}

static void assert_answers(uint64_t from, struct str request, struct str answers)
{
    struct str rest = answers;

    while (rest.n > 0) {
        const size_t n = answer_length(rest);
        /* A HEAD, which mutations hardly make, would have no body. */
        if (n == 0 || n > rest.n)
            fail_with(from, request, answers);
        rest = (struct str){rest.p + n, rest.n - n};
    }
}

static void test_mutated(void **state)
{
    const char *given = getenv("BETTERDNS_SEED");
    const uint64_t until = clock_deadline(TIME);
    struct http_server *s =
        kit_server((struct http_options){.head_time_ns = NS_PER_S, .body_time_ns = NS_PER_S},
                   routes, ARRAY_SIZE(routes), NULL);
    const unsigned port = http_port(s, 0);
    struct buf request = {0}, answers = {0};
    unsigned rounds = 0;

    (void)state;
    seed = given ? strtoull(given, NULL, 10) : clock_mono_ns() | 1;
    while (clock_mono_ns() < until) {
        const uint64_t from = seed;
        make(&request);
        say(port, buf_str(&request), &answers);
        assert_answers(from, buf_str(&request), buf_str(&answers));
        assert_raw_ask(port, STR("GET /a?marker=1 HTTP/1.1\r\n" HOST "\r\n"), 200, "marker=1;");
        rounds++;
    }
    print_message("%u requests\n", rounds);
    assert_true(rounds > 20);
    buf_free(&request);
    buf_free(&answers);
    http_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mutated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
