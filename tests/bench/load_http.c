/* N clients on kept connections, each with one `POST` of a registration under way at any time:
 *
 *   load_http ADDRESS PORT CLIENTS SECONDS PATH NAMES [LIMIT [RATE]]
 *
 * Names go round in a scattered order through NAMES of them, each request with another address, so
 * that each is a change. Ends after SECONDS or LIMIT requests, when the last answer is in; prints
 * one line of JSON. With RATE so many requests a second, each at its time, from which its latency
 * counts even where all clients are still waiting then. One thread with epoll, so that the server
 * has the machine. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/str.h>

#define CLIENTS_MAX 1024
#define LATENCIES_MAX 4000000
#define ANSWER_MAX 8192
#define PATIENCE_NS (60 * NS_PER_S)
#define SCATTER 7919U /* prime: every name is met once before one is met again */

struct client {
    int fd;
    bool waits;       /* for its answer */
    uint64_t sent_ns; /* of the request under way, or when it was due */
    size_t have;
    char answer[ANSWER_MAX];
};

struct load {
    const char *path, *host;
    unsigned nclients, names, turn;
    uint64_t began_ns, end_ns, limit, sent, salt;
    uint64_t rate; /* 0: as fast as it goes */
    uint64_t answered, refused, unchanged;
    int epoll;
};

static struct client clients[CLIENTS_MAX];
static uint32_t latency_us[LATENCIES_MAX];

static void die(const char *what)
{
    fprintf(stderr, "load_http: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t due_ns(const struct load *l)
{
    return l->rate ? l->began_ns + l->sent * NS_PER_S / l->rate : 0;
}

static void send_next(struct load *l, struct client *c)
{
    char body[128], request[512];
    const unsigned name = (unsigned)(l->sent * SCATTER % l->names);
    const uint64_t address = l->salt + l->sent;

    c->sent_ns = l->rate ? due_ns(l) : clock_mono_ns();
    c->waits = true;
    l->sent++;
    int n = snprintf(body, sizeof(body), "name=f%u&value=10.%u.%u.%u", name,
                     (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
                     (unsigned)(address & 255));
    n = snprintf(request, sizeof(request),
                 "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded"
                 "\r\nContent-Length: %d\r\n\r\n%s",
                 l->path, l->host, n, body);
    c->have = 0;
    if (write(c->fd, request, (size_t)n) != n)
        die("request");
}

/* Bytes of the whole answer; 0: not known yet. */
static size_t answer_size(const struct client *c)
{
    const char *end = memmem(c->answer, c->have, "\r\n\r\n", 4);
    const char *length = memmem(c->answer, c->have, "Content-Length: ", 16);

    if (!end)
        return 0;
    if (!length || length > end)
        die("an answer without a length");
    size_t size = (size_t)(end - c->answer) + 4 + strtoul(length + 16, NULL, 10);
    if (size >= ANSWER_MAX)
        die("an answer too long");
    return size;
}

static void note(struct load *l, struct client *c)
{
    static const char changed[] = "\"changed\":true";

    if (l->answered < LATENCIES_MAX)
        latency_us[l->answered] = (uint32_t)((clock_mono_ns() - c->sent_ns) / 1000);
    l->answered++;
    if (memcmp(c->answer + 9, "20", 2) != 0) {
        if (l->refused++ == 0)
            fprintf(stderr, "load_http: %.*s\n", (int)c->have, c->answer);
    } else if (!memmem(c->answer, c->have, changed, sizeof(changed) - 1)) {
        l->unchanged++;
    }
}

static void on_readable(struct load *l, struct client *c)
{
    ssize_t n = read(c->fd, c->answer + c->have, ANSWER_MAX - 1 - c->have);

    if (n <= 0)
        die("answer");
    c->have += (size_t)n;
    c->answer[c->have] = '\0';
    size_t size = answer_size(c);
    if (size == 0 || c->have < size)
        return;
    note(l, c);
    c->waits = false;
    if (l->rate == 0 && clock_mono_ns() < l->end_ns && l->sent < l->limit)
        send_next(l, c);
}

static void connect_all(struct load *l, const struct sockaddr_in *to)
{
    const int one = 1;

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < l->nclients; i++) {
        struct client *c = &clients[i];
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
            die("connect");
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e);
    }
}

static bool goes_on(const struct load *l)
{
    return l->sent < l->limit && clock_mono_ns() < l->end_ns;
}

/* What is due; then how long there is nothing to send. */
static uint64_t send_due(struct load *l)
{
    uint64_t now = clock_mono_ns();

    /* In turns: the server ends connections that are idle for 5 s. */
    for (unsigned i = 0; i < l->nclients && l->rate > 0 && goes_on(l) && due_ns(l) <= now; i++) {
        struct client *c = &clients[l->turn++ % l->nclients];
        if (!c->waits)
            send_next(l, c);
    }
    now = clock_mono_ns();
    if (l->rate == 0 || !goes_on(l))
        return PATIENCE_NS;
    return due_ns(l) > now ? due_ns(l) - now : NS_PER_MS; /* all clients wait */
}

static void run(struct load *l)
{
    struct epoll_event events[64];

    for (unsigned i = 0; i < l->nclients && l->sent < l->limit && l->rate == 0; i++)
        send_next(l, &clients[i]);
    while (l->answered < l->sent || (l->rate > 0 && goes_on(l))) {
        const uint64_t pause = send_due(l);
        const struct timespec wait = clock_timespec(pause);
        int n = epoll_pwait2(l->epoll, events, ARRAY_SIZE(events), &wait, NULL);
        if (n == 0 && pause == PATIENCE_NS) {
            errno = ETIMEDOUT;
            die("no answer");
        }
        if (n < 0 && errno != EINTR)
            die("no answer");
        for (int i = 0; i < n; i++)
            on_readable(l, events[i].data.ptr);
    }
}

static int compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void report(const struct load *l)
{
    const double seconds = (double)(clock_mono_ns() - l->began_ns) / (double)NS_PER_S;
    const size_t n = l->answered < LATENCIES_MAX ? (size_t)l->answered : LATENCIES_MAX;

    qsort(latency_us, n, sizeof(*latency_us), compare);
    printf("{\"answered\":%llu,\"refused\":%llu,\"unchanged\":%llu,\"seconds\":%.3f,"
           "\"rate\":%.1f,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n",
           (unsigned long long)l->answered, (unsigned long long)l->refused,
           (unsigned long long)l->unchanged, seconds, (double)l->answered / seconds,
           latency_us[n / 2], latency_us[n * 99 / 100], latency_us[n - 1]);
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct load l = {.limit = UINT64_MAX};

    if (argc < 7 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fputs("usage: load_http ADDRESS PORT CLIENTS SECONDS PATH NAMES [LIMIT [RATE]]\n", stderr);
        return 2;
    }
    to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    l.host = argv[1];
    l.nclients = (unsigned)strtoul(argv[3], NULL, 10);
    l.path = argv[5];
    l.names = (unsigned)strtoul(argv[6], NULL, 10);
    if (argc > 7)
        l.limit = strtoul(argv[7], NULL, 10);
    if (argc > 8)
        l.rate = strtoul(argv[8], NULL, 10);
    if (l.nclients == 0 || l.nclients > CLIENTS_MAX || l.names == 0 || l.limit == 0)
        return 2;
    connect_all(&l, &to);
    l.salt = clock_mono_ns() / 1000;
    l.began_ns = clock_mono_ns();
    l.end_ns = l.began_ns + (uint64_t)(strtod(argv[4], NULL) * (double)NS_PER_S);
    run(&l);
    report(&l);
    return 0;
}
