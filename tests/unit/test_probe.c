/* The SOA probe against a server of our own making, a socket in this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/dnsmsg.h>
#include <betterdns/rrtype.h>

#include "probe.h"

struct fixture {
    struct loop *loop;
    struct loop_timer *patience;
    int server;
    struct sockaddr_storage address;
    struct dname origins[2];
    const struct dname *list[2];
    struct prober *prober;

    unsigned answers, want; /* the loop ends at so many */
    unsigned zone, revision;
    uint32_t serial;
};

static void on_answer(void *arg, unsigned zone, uint32_t serial, unsigned revision)
{
    struct fixture *f = arg;

    f->zone = zone;
    f->serial = serial;
    f->revision = revision;
    if (++f->answers == f->want)
        loop_stop(f->loop);
}

static void on_patience(void *arg)
{
    struct fixture *f = arg;

    loop_stop(f->loop);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(f->address);

    *state = f;
    dname_from_text(STR("lab.example."), NULL, &f->origins[0], NULL);
    dname_from_text(STR("2.0.192.in-addr.arpa."), NULL, &f->origins[1], NULL);
    f->list[0] = &f->origins[0];
    f->list[1] = &f->origins[1];
    f->server = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(f->server, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        getsockname(f->server, (struct sockaddr *)&f->address, &size) < 0)
        return -1;
    if (loop_new(&f->loop) < 0 || loop_timer_new(f->loop, on_patience, f, &f->patience) < 0)
        return -1;
    return prober_new(f->loop, &f->address, "00ff", f->list, on_answer, f, &f->prober);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    prober_free(f->prober);
    loop_free(f->loop);
    close(f->server);
    free(f);
    return 0;
}

/* Takes one question off the server's socket. */
struct question {
    uint8_t msg[DNSMSG_MAX];
    size_t n;
    struct sockaddr_in from;
};

static struct question take(struct fixture *f)
{
    struct question q = {0};
    socklen_t size = sizeof(q.from);

    ssize_t n = recvfrom(f->server, q.msg, sizeof(q.msg), 0, (struct sockaddr *)&q.from, &size);
    assert_true(n > 12);
    q.n = (size_t)n;
    return q;
}

static void add16(uint8_t *msg, size_t *n, unsigned v)
{
    msg[(*n)++] = (uint8_t)(v >> 8);
    msg[(*n)++] = (uint8_t)v;
}

/* An answer to q: an SOA with that serial (0: none), and an OPT with that NSID (NULL: none). */
static void answer(struct fixture *f, const struct question *q, uint32_t serial, const char *nsid)
{
    uint8_t out[DNSMSG_MAX], rdata[2 * DNAME_MAX + 20];
    struct soa soa = {.mname = f->origins[0], .rname = f->origins[0], .serial = serial};
    size_t n = 12;

    while (q->msg[n] != 0) /* over the question's name */
        n += 1U + q->msg[n];
    n += 5;
    memcpy(out, q->msg, n);
    out[2] = 0x84; /* an authoritative answer */
    out[3] = 0;
    out[7] = serial != 0; /* answers */
    out[9] = 0;
    out[11] = nsid != NULL; /* additional */
    if (serial != 0) {
        size_t nrdata = soa_to_rdata(&soa, rdata);
        add16(out, &n, 0xc00c);
        add16(out, &n, RRTYPE_SOA);
        add16(out, &n, 1);
        add16(out, &n, 0);
        add16(out, &n, 30);
        add16(out, &n, (unsigned)nrdata);
        memcpy(out + n, rdata, nrdata);
        n += nrdata;
    }
    if (nsid) {
        out[n++] = 0; /* the root's name; OPT; 1232; flags */
        add16(out, &n, 41);
        add16(out, &n, 1232);
        add16(out, &n, 0);
        add16(out, &n, 0);
        add16(out, &n, 4 + (unsigned)strlen(nsid));
        add16(out, &n, 3);
        add16(out, &n, (unsigned)strlen(nsid));
        memcpy(out + n, nsid, strlen(nsid));
        n += strlen(nsid);
    }
    assert_int_equal(
        sendto(f->server, out, n, 0, (const struct sockaddr *)&q->from, sizeof(q->from)),
        (ssize_t)n);
}

/* Runs the loop until so many answers were taken in all. */
static void run(struct fixture *f, unsigned want)
{
    f->want = want;
    loop_timer_at(f->patience, clock_deadline(10 * NS_PER_S));
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, want);
}

static void an_answer(void **state)
{
    struct fixture *f = *state;

    prober_ask(f->prober, 1);
    struct question q = take(f);
    answer(f, &q, 42, "00ff.7");
    run(f, 1);
    assert_int_equal(f->zone, 1);
    assert_int_equal(f->serial, 42);
    assert_int_equal(f->revision, 7);
    prober_ask(f->prober, 0);
    q = take(f);
    answer(f, &q, 0, "00ff");
    run(f, 2);
    assert_int_equal(f->zone, 0);
    assert_int_equal(f->serial, 0);
    assert_int_equal(f->revision, 0);
}

/* Another process on the port, an earlier generation, a forged or repeated answer: none of them
 * counts. The last one does, and shows that the others were read. */
static void others_do_not_count(void **state)
{
    static const char *const strangers[] = {NULL, "", "00fe.1", "00ff0", "00f", "00ff.x"};
    struct fixture *f = *state;

    prober_ask(f->prober, 0);
    struct question q = take(f);
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        answer(f, &q, 99, strangers[i]);
    struct question other = q;
    other.msg[0] ^= 0x55; /* another id */
    answer(f, &other, 98, "00ff.1");
    answer(f, &q, 5, "00ff.1");
    run(f, 1);
    assert_int_equal(f->serial, 5);
    answer(f, &q, 97, "00ff.1"); /* twice */
    prober_ask(f->prober, 0);
    q = take(f);
    answer(f, &q, 6, "00ff.1");
    run(f, 2);
    assert_int_equal(f->serial, 6);
}

/* Two servers on one port: which one is asked depends on our own port alone, so another one is
 * tried. */
static void another_port_is_tried_after_a_stranger(void **state)
{
    const uint64_t until_ns = clock_deadline(10 * NS_PER_S);
    struct fixture *f = *state;

    prober_ask(f->prober, 0);
    struct question q = take(f), next = q;
    answer(f, &q, 99, "00fe.1");
    while (next.from.sin_port == q.from.sin_port && clock_mono_ns() < until_ns) {
        f->want = 1;
        loop_timer_at(f->patience, clock_deadline(NS_PER_MS)); /* it reads what is there */
        assert_int_equal(loop_run(f->loop), 0);
        prober_ask(f->prober, 0);
        next = take(f);
    }
    assert_int_not_equal(next.from.sin_port, q.from.sin_port);
    answer(f, &next, 5, "00ff.1");
    run(f, 1);
    assert_int_equal(f->serial, 5);
    prober_ask(f->prober, 0);
    q = take(f);
    assert_int_equal(q.from.sin_port, next.from.sin_port); /* and kept */
}

/* Where answers take longer than the pace of the questions, the late ones are taken. */
static void late_answers_count(void **state)
{
    struct fixture *f = *state;
    struct question q[3];

    for (unsigned i = 0; i < 3; i++) {
        prober_ask(f->prober, 0);
        q[i] = take(f);
    }
    for (unsigned i = 0; i < 3; i++) {
        answer(f, &q[i], 10 + i, "00ff.1");
        run(f, i + 1);
        assert_int_equal(f->serial, 10 + i);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_answer),
        TEST(others_do_not_count),
        TEST(late_answers_count),
        TEST(another_port_is_tried_after_a_stranger),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
