/* Queries for one name at a steady rate, each of them counted:
 *
 *   load_dns ADDRESS PORT NAME RATE CONNECTIONS NUMBER
 *
 * RATE queries a second over UDP from SOCKETS ports (servers that share a port are chosen by the
 * client's), and TCP_RATE a second over each of so many TCP connections. The answer must be one A
 * record 10.X.Y.Z, whose last three octets are a number, as large as the one that was known as
 * served when the query was sent, and no larger than the one that is on its way.
 *
 * Input, a line each: "+N", N is on its way; "=N", N is served; "?", a line of output with what was
 * counted since the last one. Its end is the end: a query that is not answered within ANSWER_NS is
 * lost. "ready" is written at the first answer.
 *
 * Output, JSON: asked, lost, wrong, old over UDP; gap_ms, the longest time between two answers over
 * UDP; late_ms, the longest time that the machine kept this program itself from its work;
 * tcp_asked, tcp_wrong, and closed, connections that the server has closed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/str.h>

#define SOCKETS 32U
#define CONNECTIONS_MAX 64U
#define SLOTS 65536U /* one a query's identifier: 13 s at 5,000 a second */
#define ANSWER_NS (3 * NS_PER_S)
#define TCP_RATE 50U
#define BEHIND_NS (5 * NS_PER_MS) /* what was missed before is not caught up: no bursts */
#define MSG_MAX 512U
#define HEAD 12U /* octets of a message before the question */
#define WATCH_INPUT UINT32_MAX

struct query {
    uint64_t sent_ns;
    uint32_t served;
    uint32_t socket;
    bool open;
};

/* Over TCP one question at a time. */
struct connection {
    int fd;
    uint64_t due_ns, sent_ns;
    uint32_t served;
    bool asked, greeted; /* greeted: it was answered once */
    size_t have;
    uint8_t buf[MSG_MAX + 2];
};

struct counts {
    uint64_t asked, lost, wrong, old, gap_ns, late_ns, tcp_asked, tcp_lost, tcp_wrong, closed;
};

struct load {
    struct sockaddr_in to;
    uint8_t question[MSG_MAX]; /* behind two octets for the length over TCP */
    size_t size;
    uint64_t interval_ns, due_ns, last_answer_ns;
    uint32_t coming, served;
    uint32_t first, next; /* of the queries without a verdict */
    unsigned nconnections;
    int epoll;
    bool ending, ready;
    char line[64];
    size_t nline;
    struct counts n;
};

static struct query queries[SLOTS];
static int sockets[SOCKETS];
static struct connection connections[CONNECTIONS_MAX];

static void die(const char *what)
{
    fprintf(stderr, "load_dns: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(const struct load *l, int fd, uint32_t events, uint32_t what)
{
    struct epoll_event e = {.events = events, .data.u32 = what};

    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
        die("epoll");
}

/* ---- input ---- */

static void print_counts(struct load *l)
{
    const struct counts *n = &l->n;

    printf(
        "{\"asked\":%ju,\"lost\":%ju,\"wrong\":%ju,\"old\":%ju,\"gap_ms\":%.3f,"
        "\"late_ms\":%.3f,\"tcp_asked\":%ju,\"tcp_lost\":%ju,\"tcp_wrong\":%ju,\"closed\":%ju}\n",
        (uintmax_t)n->asked, (uintmax_t)n->lost, (uintmax_t)n->wrong, (uintmax_t)n->old,
        (double)n->gap_ns / NS_PER_MS, (double)n->late_ns / NS_PER_MS, (uintmax_t)n->tcp_asked,
        (uintmax_t)n->tcp_lost, (uintmax_t)n->tcp_wrong, (uintmax_t)n->closed);
    fflush(stdout);
    l->n = (struct counts){0};
}

static void obey(struct load *l)
{
    uint32_t number = (uint32_t)strtoul(l->line + 1, NULL, 10);

    if (l->line[0] == '+')
        l->coming = number;
    else if (l->line[0] == '=')
        l->served = number;
    else if (l->line[0] == '?')
        print_counts(l);
}

static void read_input(struct load *l)
{
    char text[4096];

    ssize_t n = read(STDIN_FILENO, text, sizeof(text));
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        l->ending = true;
        epoll_ctl(l->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
    }
    for (ssize_t i = 0; i < n; i++) {
        if (text[i] != '\n') {
            l->line[l->nline] = text[i];
            l->nline += l->nline < sizeof(l->line) - 1;
            continue;
        }
        l->line[l->nline] = '\0';
        l->nline = 0;
        obey(l);
    }
}

/* ---- answers ---- */

/* The number in it; -1: not one A record of ours. The question is repeated as it was; the answer's
 * owner is a pointer to it, or the same once more. */
static int64_t number_in(const struct load *l, const uint8_t *msg, size_t n)
{
    static const uint8_t one[] = {0, 1, 0, 1}, record[] = {0, 1, 0, 1}, length[] = {0, 4};
    const uint8_t *a = msg + l->size;

    if (n <= l->size || (msg[3] & 15) != 0 || memcmp(msg + 4, one, sizeof(one)) != 0)
        return -1;
    a += (a[0] & 0xc0) == 0xc0 ? 2 : l->size - HEAD - sizeof(record);
    if (a + 14 > msg + n)
        return -1;
    if (memcmp(a, record, sizeof(record)) != 0 || memcmp(a + 8, length, sizeof(length)) != 0 ||
        a[10] != 10)
        return -1;
    return a[11] << 16 | a[12] << 8 | a[13];
}

static bool too_large(struct load *l, int64_t number)
{
    if (number > l->coming)
        read_input(l); /* it was announced before it was made */
    return number > l->coming;
}

static void on_datagram(struct load *l, uint32_t socket)
{
    uint8_t msg[4096];

    ssize_t n = recv(sockets[socket], msg, sizeof(msg), 0);
    uint64_t now = clock_mono_ns();
    if (n < (ssize_t)HEAD)
        return; /* what an earlier query met, too */
    struct query *q = &queries[msg[0] << 8 | msg[1]];
    if (!q->open || q->socket != socket)
        return;
    q->open = false;
    int64_t number = number_in(l, msg, (size_t)n);
    if (number < 0 || too_large(l, number))
        l->n.wrong++;
    else if (number < q->served)
        l->n.old++;
    if (l->ready && now - l->last_answer_ns > l->n.gap_ns)
        l->n.gap_ns = now - l->last_answer_ns;
    l->last_answer_ns = now;
    if (!l->ready)
        puts("ready");
    fflush(stdout);
    l->ready = true;
}

/* Of the oldest queries: answered, or lost; the rest still has time. */
static void give_up(struct load *l, uint64_t now)
{
    while (l->first != l->next) {
        struct query *q = &queries[l->first % SLOTS];
        if (q->open && now - q->sent_ns < ANSWER_NS)
            return;
        l->n.lost += q->open;
        q->open = false;
        l->first++;
    }
}

/* ---- questions ---- */

static void ask(struct load *l, uint64_t now)
{
    uint32_t id = l->next % SLOTS, socket = l->next % SOCKETS;

    queries[id] =
        (struct query){.sent_ns = now, .served = l->served, .socket = socket, .open = true};
    l->question[2] = (uint8_t)(id >> 8);
    l->question[3] = (uint8_t)id;
    l->next++;
    l->n.asked++;
    /* A first refusal is of a query before. */
    for (int i = 0; i < 2 && send(sockets[socket], l->question + 2, l->size, 0) < 0; i++)
        ;
}

static void ask_due(struct load *l, uint64_t now)
{
    if (l->ending || now < l->due_ns)
        return;
    uint64_t late = now - l->due_ns;
    if (late > l->n.late_ns)
        l->n.late_ns = late;
    if (late > BEHIND_NS)
        l->due_ns = now - BEHIND_NS;
    for (; l->due_ns <= now; l->due_ns += l->interval_ns)
        ask(l, now);
}

/* ---- TCP ---- */

static void open_connection(struct load *l, uint32_t i)
{
    struct connection *c = &connections[i];
    int on = 1;

    *c = (struct connection){.due_ns = 0}; /* asked as soon as it is there */
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(c->fd, (const struct sockaddr *)&l->to, sizeof(l->to)) < 0) {
        close(c->fd);
        *c = (struct connection){.fd = -1, .due_ns = clock_mono_ns() + NS_PER_S / TCP_RATE};
        return;
    }
    watch(l, c->fd, EPOLLIN, SOCKETS + i);
}

static void close_connection(uint32_t i)
{
    struct connection *c = &connections[i];

    close(c->fd);
    *c = (struct connection){.fd = -1, .due_ns = clock_mono_ns() + NS_PER_S / TCP_RATE};
}

static void ask_over_tcp(struct load *l, uint32_t i, uint64_t now)
{
    struct connection *c = &connections[i];

    if (c->asked && now - c->sent_ns >= ANSWER_NS) {
        l->n.tcp_lost++;
        close_connection(i);
    }
    if (l->ending || c->asked || now < c->due_ns)
        return;
    if (c->fd < 0) {
        open_connection(l, i);
        return;
    }
    c->due_ns = now + NS_PER_S / TCP_RATE;
    c->sent_ns = now;
    c->served = l->served;
    c->asked = true;
    l->n.tcp_asked++;
    if (send(c->fd, l->question, l->size + 2, MSG_NOSIGNAL) < 0)
        return; /* its end is seen as such */
}

static void on_stream(struct load *l, uint32_t i)
{
    struct connection *c = &connections[i];

    ssize_t n = recv(c->fd, c->buf + c->have, sizeof(c->buf) - c->have, 0);
    if (n <= 0) {
        l->n.closed += c->greeted; /* the others never met a server */
        close_connection(i);
        return;
    }
    c->have += (size_t)n;
    if (c->have < 2 || c->have < 2 + (size_t)(c->buf[0] << 8 | c->buf[1]))
        return;
    int64_t number = number_in(l, c->buf + 2, c->have - 2);
    l->n.tcp_wrong += !c->asked || number < c->served || too_large(l, number);
    c->asked = false;
    c->greeted = true;
    c->have = 0;
}

/* ---- all of it ---- */

static void make_question(struct load *l, const char *name)
{
    static const uint8_t head[HEAD] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0},
                         tail[] = {0, 0, 1, 0, 1};
    uint8_t *at = l->question + 2;

    if (strlen(name) > 250)
        exit(2);
    memcpy(at, head, sizeof(head));
    at += sizeof(head);
    for (const char *p = name; *p; p += strspn(p, ".")) {
        size_t n = strcspn(p, ".");
        *at++ = (uint8_t)n;
        memcpy(at, p, n);
        at += n;
        p += n;
    }
    memcpy(at, tail, sizeof(tail));
    l->size = (size_t)(at + sizeof(tail) - l->question - 2);
    l->question[0] = (uint8_t)(l->size >> 8);
    l->question[1] = (uint8_t)l->size;
}

static void open_all(struct load *l)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    watch(l, STDIN_FILENO, EPOLLIN, WATCH_INPUT);
    for (uint32_t i = 0; i < SOCKETS; i++) {
        sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (sockets[i] < 0 ||
            connect(sockets[i], (const struct sockaddr *)&l->to, sizeof(l->to)) < 0)
            die("socket");
        watch(l, sockets[i], EPOLLIN, i);
    }
    for (uint32_t i = 0; i < l->nconnections; i++)
        open_connection(l, i);
}

static void take(struct load *l, uint32_t what)
{
    if (what == WATCH_INPUT)
        read_input(l);
    else if (what < SOCKETS)
        on_datagram(l, what);
    else
        on_stream(l, what - SOCKETS);
}

static void run(struct load *l)
{
    struct epoll_event events[64];

    l->due_ns = clock_mono_ns();
    while (!l->ending || l->first != l->next) {
        uint64_t now = clock_mono_ns();
        ask_due(l, now);
        for (uint32_t i = 0; i < l->nconnections; i++)
            ask_over_tcp(l, i, now);
        give_up(l, now);
        uint64_t wait = l->ending ? 10 * NS_PER_MS : l->due_ns - now;
        struct timespec ts = clock_timespec(l->due_ns > now || l->ending ? wait : 0);
        int n = epoll_pwait2(l->epoll, events, ARRAY_SIZE(events), &ts, NULL);
        if (n < 0 && errno != EINTR)
            die("epoll");
        for (int i = 0; i < n; i++)
            take(l, events[i].data.u32);
    }
}

int main(int argc, char **argv)
{
    static struct load l = {.to = {.sin_family = AF_INET}};

    unsigned long rate = argc == 7 ? strtoul(argv[4], NULL, 10) : 0;
    if (rate == 0 || inet_pton(AF_INET, argv[1], &l.to.sin_addr) != 1) {
        fputs("usage: load_dns ADDRESS PORT NAME RATE CONNECTIONS NUMBER\n", stderr);
        return 2;
    }
    l.to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    l.interval_ns = NS_PER_S / rate;
    l.nconnections = (unsigned)strtoul(argv[5], NULL, 10);
    l.coming = l.served = (uint32_t)strtoul(argv[6], NULL, 10);
    if (l.nconnections > CONNECTIONS_MAX)
        return 2;
    make_question(&l, argv[3]);
    open_all(&l);
    run(&l);
    print_counts(&l);
    return 0;
}
