/* A question to the DNS server, against one of our own making: two sockets and a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define NSID "0123456789abcdef"

struct server {
    int udp, tcp, stop[2]; /* the thread ends when stop is closed */
    pthread_t thread;
    struct controller c;
    struct dname name;
    unsigned silent;   /* so many questions are not answered */
    unsigned foreign;  /* before each answer, so many of another server's */
    bool truncate;     /* over UDP */
    unsigned asked[2]; /* UDP, TCP */
};

/* The answer to a question of n octets: one address; its length. */
static size_t make_answer(const uint8_t *query, size_t n, const char *nsid, bool truncated,
                          uint8_t *out)
{
    static const uint8_t record[] = "\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\xc0\0\2\7";
    const size_t nopt = 15, nnsid = strlen(nsid), question = n - nopt;

    memcpy(out, query, question);
    out[2] = truncated ? 0x86 : 0x84;
    out[7] = !truncated;
    n = question;
    if (!truncated) {
        memcpy(out + n, record, sizeof(record) - 1);
        n += sizeof(record) - 1;
    }
    memcpy(out + n, "\0\0\x29\x04\xd0\0\0\0\0\0\0\0\3\0\0", 15);
    out[n + 10] = (uint8_t)(4 + nnsid);
    out[n + 14] = (uint8_t)nnsid;
    memcpy(out + n + 15, nsid, nnsid);
    return n + 15 + nnsid;
}

static void serve_udp(struct server *s)
{
    uint8_t query[DNSMSG_MAX], out[DNSMSG_MAX + 64];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);

    ssize_t n = recvfrom(s->udp, query, sizeof(query), 0, (struct sockaddr *)&from, &size);
    if (n < 15)
        return;
    if (s->asked[0]++ < s->silent)
        return;
    for (unsigned i = 0; i <= s->foreign; i++) {
        const char *nsid = i < s->foreign ? "fedcba9876543210.1" : NSID ".12";
        size_t length = make_answer(query, (size_t)n, nsid, s->truncate, out);
        sendto(s->udp, out, length, 0, (struct sockaddr *)&from, size);
    }
}

static void serve_tcp(struct server *s)
{
    uint8_t query[DNSMSG_MAX], out[DNSMSG_MAX + 64];
    int fd = accept(s->tcp, NULL, NULL);
    ssize_t n = recv(fd, query, sizeof(query), 0);

    s->asked[1]++;
    if (n > 17) {
        size_t length = make_answer(query + 2, (size_t)n - 2, NSID ".1", false, out + 2);
        out[0] = (uint8_t)(length >> 8);
        out[1] = (uint8_t)length;
        send(fd, out, 1, MSG_NOSIGNAL); /* in pieces, as it may come */
        send(fd, out + 1, length + 1, MSG_NOSIGNAL);
    }
    close(fd);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    struct pollfd p[] = {{s->udp, POLLIN, 0}, {s->tcp, POLLIN, 0}, {s->stop[0], POLLIN, 0}};

    while (poll(p, 3, -1) >= 0 && !p[2].revents) {
        if (p[0].revents)
            serve_udp(s);
        if (p[1].revents)
            serve_tcp(s);
    }
    return NULL;
}

static int set_up(void **state)
{
    struct server *s = calloc(1, sizeof(*s));
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(s->c.asked);

    *state = s;
    s->udp = socket(AF_INET, SOCK_DGRAM, 0);
    s->tcp = socket(AF_INET, SOCK_STREAM, 0);
    /* A port that both can have: the kernel picks TCP's, and another is picked where UDP's is
     * taken. */
    for (int i = 0; i < 100; i++) {
        if (bind(s->tcp, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s->tcp, 4) < 0 ||
            getsockname(s->tcp, (struct sockaddr *)&s->c.asked, &size) < 0)
            return -1;
        if (bind(s->udp, (struct sockaddr *)&s->c.asked, size) == 0)
            break;
        close(s->tcp);
        s->tcp = socket(AF_INET, SOCK_STREAM, 0);
    }
    memcpy(s->c.asked_nsid, NSID, sizeof(NSID));
    pthread_mutex_init(&s->c.lock, NULL);
    return dname_from_text(STR("web.lab.example."), NULL, &s->name, NULL) < 0 || pipe(s->stop) < 0
               ? -1
               : 0;
}

static int tear_down(void **state)
{
    struct server *s = *state;

    close(s->udp);
    close(s->tcp);
    close(s->stop[0]);
    pthread_mutex_destroy(&s->c.lock);
    free(s);
    return 0;
}

/* One question while the server runs. */
static int ask(struct server *s, uint64_t ns, struct dnsmsg_answer *answer)
{
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    int r = controller_lookup(&s->c, &s->name, 1, clock_deadline(ns), answer);
    close(s->stop[1]);
    pthread_join(s->thread, NULL);
    return r;
}

static void assert_address(struct dnsmsg_answer *a)
{
    assert_int_equal(a->rdatas.count, 1);
    assert_memory_equal(a->rdatas.p, "\0\4\xc0\0\2\7", 6);
    assert_int_equal(a->ttl, 30);
    free(a->bytes);
}

static void an_answer_of_the_child_is_taken(void **state)
{
    struct server *s = *state;
    struct dnsmsg_answer a;

    assert_int_equal(ask(s, 30 * NS_PER_S, &a), 0);
    assert_address(&a);
    assert_int_equal(s->asked[1], 0);
}

static void an_answer_of_another_server_is_passed_over(void **state)
{
    struct server *s = *state;
    struct dnsmsg_answer a;

    s->foreign = 2;
    assert_int_equal(ask(s, 30 * NS_PER_S, &a), 0);
    assert_address(&a);
    assert_int_equal(s->asked[0], 1);
}

static void a_lost_question_is_asked_again(void **state)
{
    struct server *s = *state;
    struct dnsmsg_answer a;

    s->silent = 1;
    assert_int_equal(ask(s, 30 * NS_PER_S, &a), 0);
    assert_address(&a);
    assert_int_equal(s->asked[0], 2);
}

static void what_does_not_fit_comes_over_tcp(void **state)
{
    struct server *s = *state;
    struct dnsmsg_answer a;

    s->truncate = true;
    assert_int_equal(ask(s, 30 * NS_PER_S, &a), 0);
    assert_address(&a);
    assert_int_equal(s->asked[1], 1);
}

static void silence_ends_at_the_deadline(void **state)
{
    struct server *s = *state;
    struct dnsmsg_answer a;

    s->silent = 1000;
    assert_int_equal(ask(s, 50 * NS_PER_MS, &a), -BD_ETIMEDOUT);
}

static void nobody_is_asked_without_a_child(void **state)
{
    struct server *s = *state;
    struct dnsmsg_answer a;

    s->c.asked.ss_family = AF_UNSPEC;
    assert_int_equal(ask(s, 30 * NS_PER_S, &a), -ENOTCONN);
    assert_int_equal(s->asked[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_of_the_child_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_of_another_server_is_passed_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lost_question_is_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_comes_over_tcp, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_ends_at_the_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_asked_without_a_child, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
