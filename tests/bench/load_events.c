/* N clients that watch for events, and take what comes:
 *
 *   load_events ADDRESS PORT CLIENTS stream|poll
 *
 * A stream is never asked again; a poll asks with the last id as soon as it is answered. Prints
 * "ready" once all of them wait; after the end of its input one line of JSON. One thread with
 * epoll. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/str.h>

#define CLIENTS_MAX 1024
#define ANSWER_MAX ((size_t)2 << 20)
#define ID_MAX 64

struct client {
    int fd;
    bool begun;
    size_t have, cap;
    char *answer;
    char last[ID_MAX];
};

struct load {
    const char *host;
    unsigned nclients, nbegun;
    bool poll;
    uint64_t octets, events, answers;
    int epoll;
};

static struct client clients[CLIENTS_MAX];

static void die(const char *what)
{
    fprintf(stderr, "load_events: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void ask(const struct load *l, struct client *c)
{
    char request[512];

    int n = snprintf(request, sizeof(request),
                     "GET /events%s%s%s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\n\r\n",
                     c->last[0] ? "?after=" : "", c->last, c->last[0] ? "&wait=60s" : "", l->host,
                     l->poll ? "application/json" : "text/event-stream");
    c->have = 0;
    if (write(c->fd, request, (size_t)n) != n)
        die("request");
}

static uint64_t count(const char *p, size_t n, struct str what)
{
    uint64_t found = 0;

    for (const char *at = p, *end = p + n; (at = memmem(at, (size_t)(end - at), what.p, what.n));) {
        found++;
        at += what.n;
    }
    return found;
}

static void begun(struct load *l, struct client *c)
{
    if (c->begun)
        return;
    c->begun = true;
    if (++l->nbegun == l->nclients)
        puts("ready");
    fflush(stdout);
}

/* The end of an answer is its last id. */
static void take_answer(struct load *l, struct client *c)
{
    const char *length = memmem(c->answer, c->have, "Content-Length: ", 16);
    const char *body = memmem(c->answer, c->have, "\r\n\r\n", 4);

    if (!body || !length ||
        c->have < (size_t)(body + 4 - c->answer) + strtoul(length + 16, NULL, 10))
        return;
    const char *last = memmem(body, c->have - (size_t)(body - c->answer), "\"last\":\"", 8);
    if (memcmp(c->answer + 9, "200", 3) != 0 || !last) {
        fprintf(stderr, "load_events: %.*s\n", (int)c->have, c->answer);
        exit(1);
    }
    l->answers++;
    l->events += count(body, c->have - (size_t)(body - c->answer), STR("\"kind\":"));
    snprintf(c->last, sizeof(c->last), "%.*s", (int)strcspn(last + 8, "\""), last + 8);
    ask(l, c);
    begun(l, c);
}

static void on_readable(struct load *l, struct client *c)
{
    ssize_t n = read(c->fd, c->answer + c->have, c->cap - c->have);

    if (n <= 0)
        die("read");
    l->octets += (size_t)n;
    if (l->poll) {
        c->have += (size_t)n;
        if (c->have == c->cap) {
            c->cap *= 2;
            c->answer = c->cap <= ANSWER_MAX ? realloc(c->answer, c->cap) : NULL;
            if (!c->answer)
                die("an answer too long");
        }
        take_answer(l, c);
        return;
    }
    l->events += count(c->answer, (size_t)n, STR("event: "));
    if (!c->begun && memcmp(c->answer + 9, "200", 3) != 0)
        die("an answer");
    begun(l, c);
}

static void connect_all(struct load *l, const struct sockaddr_in *to)
{
    struct epoll_event input = {.events = EPOLLIN};

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(l->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    for (unsigned i = 0; i < l->nclients; i++) {
        struct client *c = &clients[i];
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        c->cap = 65536;
        c->answer = malloc(c->cap);
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (!c->answer || c->fd < 0 || connect(c->fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
            die("connect");
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e);
        ask(l, c);
    }
}

static void run(struct load *l)
{
    struct epoll_event events[64];

    for (;;) {
        int n = epoll_wait(l->epoll, events, ARRAY_SIZE(events), -1);
        if (n < 0 && errno != EINTR)
            die("epoll");
        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                return; /* the input has ended */
            on_readable(l, events[i].data.ptr);
        }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct load l = {.nclients = 0};
    struct rlimit limit;

    if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fputs("usage: load_events ADDRESS PORT CLIENTS stream|poll\n", stderr);
        return 2;
    }
    to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    l.host = argv[1];
    l.nclients = (unsigned)strtoul(argv[3], NULL, 10);
    l.poll = strcmp(argv[4], "poll") == 0;
    if (l.nclients == 0 || l.nclients > CLIENTS_MAX)
        return 2;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    connect_all(&l, &to);
    run(&l);
    printf("{\"clients\":%u,\"octets\":%llu,\"events\":%llu,\"answers\":%llu}\n", l.nclients,
           (unsigned long long)l.octets, (unsigned long long)l.events,
           (unsigned long long)l.answers);
    return 0;
}
