#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_kit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/clock.h>

#define PATIENCE (30 * NS_PER_S)

static int connect_to(const struct sockaddr *address, socklen_t n)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, address, n) < 0)
        abort();
    return fd;
}

int raw_connect(unsigned port)
{
    const struct sockaddr_in in = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return connect_to((const struct sockaddr *)&in, sizeof(in));
}

int raw_connect_small(unsigned port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 8192;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        abort();
    return fd;
}

int raw_connect_from(unsigned port, const char *address)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, address, &from.sin_addr);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        abort();
    return fd;
}

int raw_connect6(unsigned port)
{
    const struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                                     .sin6_port = htons((uint16_t)port),
                                     .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    return connect_to((const struct sockaddr *)&in6, sizeof(in6));
}

void raw_send(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* what is there to be read tells the rest */
        bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
    }
}

/* One more piece; false: the end, or nothing within the deadline. */
static bool receive(int fd, struct buf *b, uint64_t deadline)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    const uint64_t now = clock_mono_ns();
    const int ms = now >= deadline ? 0 : (int)((deadline - now) / NS_PER_MS);

    if (poll(&pfd, 1, ms) <= 0)
        return false;
    char *room = buf_room(b, 65536 + 1);
    ssize_t n = room ? read(fd, room, 65536) : -1;
    if (n <= 0)
        return false;
    room[n] = '\0'; /* numbers in it are read as C strings */
    b->n += (size_t)n;
    return true;
}

struct str raw_header(const struct raw_answer *a, const char *name)
{
    struct str rest = a->head, line, key;

    while (str_cut(&rest, '\n', &line)) {
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        struct str value = line;
        if (str_cut(&value, ':', &key) && str_eq_fold(key, str_c(name)))
            return str_trim(value);
    }
    return (struct str){NULL, 0};
}

/* False: not all of it is there yet. */
static bool unchunk(struct raw_answer *a, struct str rest)
{
    buf_reset(&a->unchunked);
    for (;;) {
        const char *eol = rest.n ? memmem(rest.p, rest.n, "\r\n", 2) : NULL;
        if (!eol)
            return false;
        const size_t n = strtoul(rest.p, NULL, 16), from = (size_t)(eol + 2 - rest.p);
        if (rest.n < from + n + 2)
            return false;
        if (n == 0)
            break;
        buf_add(&a->unchunked, rest.p + from, n);
        rest = (struct str){rest.p + from + n + 2, rest.n - from - n - 2};
    }
    a->body = buf_str(&a->unchunked);
    return true;
}

static bool is_complete(struct raw_answer *a, bool head)
{
    const char *end = a->all.n ? memmem(a->all.p, a->all.n, "\r\n\r\n", 4) : NULL;
    uint64_t length = 0;

    if (!end)
        return false;
    a->head = (struct str){a->all.p, (size_t)(end - a->all.p)};
    a->status = atoi(a->all.p + sizeof("HTTP/1.1"));
    struct str rest = {end + 4, a->all.n - a->head.n - 4};
    if (head || a->status == 204 || a->status == 304)
        return true;
    if (raw_header(a, "Transfer-Encoding").p)
        return unchunk(a, rest);
    a->body = rest;
    if (str_u64(raw_header(a, "Content-Length"), UINT64_MAX, &length) < 0 || rest.n < length)
        return false;
    a->body.n = length;
    return true;
}

void raw_read(int fd, bool head, struct raw_answer *ret)
{
    const uint64_t deadline = clock_deadline(PATIENCE);
    struct raw_answer a = {0};

    while (!(a.complete = is_complete(&a, head)) && receive(fd, &a.all, deadline))
        ;
    *ret = a;
}

bool raw_closed(int fd)
{
    const uint64_t deadline = clock_deadline(PATIENCE);
    struct buf scrap = {0};

    while (receive(fd, &scrap, deadline))
        ;
    buf_free(&scrap);
    return clock_mono_ns() < deadline;
}

void raw_free(struct raw_answer *a)
{
    buf_free(&a->all);
    buf_free(&a->unchunked);
    *a = (struct raw_answer){0};
}

void raw_ask(unsigned port, struct str bytes, struct raw_answer *ret)
{
    int fd = raw_connect(port);

    raw_send(fd, bytes);
    raw_read(fd, str_starts(bytes, STR("HEAD ")), ret);
    close(fd);
}

int raw_status(unsigned port, struct str bytes)
{
    struct raw_answer a;

    raw_ask(port, bytes, &a);
    const int status = a.complete ? a.status : 0;
    raw_free(&a);
    return status;
}

struct http_server *kit_server(struct http_options options, const struct http_route *routes,
                               size_t nroutes, void *context)
{
    struct sockaddr_storage listen[2] = {{.ss_family = AF_INET}, {.ss_family = AF_INET6}};
    struct http_server *s = NULL;
    struct problem p = {0};

    ((struct sockaddr_in *)&listen[0])->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ((struct sockaddr_in6 *)&listen[1])->sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    options.listen = listen;
    options.nlisten = 2;
    options.threads = options.threads ? options.threads : 12;
    if (http_start(&options, routes, nroutes, context, &s, &p) < 0) {
        fprintf(stderr, "%s\n", p.detail);
        abort();
    }
    return s;
}

void assert_raw(const struct raw_answer *a, int status, const char *body)
{
    if (!a->complete || a->status != status || (body && !str_eq(a->body, str_c(body))))
        fail_msg("%d '%.*s' instead of %d '%s'", a->status, STR_ARG(a->body), status,
                 body ? body : "");
}

void assert_raw_next(int fd, int status, const char *body)
{
    struct raw_answer a;

    raw_read(fd, false, &a);
    assert_raw(&a, status, body);
    raw_free(&a);
}

void assert_raw_ask(unsigned port, struct str request, int status, const char *body)
{
    struct raw_answer a;

    raw_ask(port, request, &a);
    assert_raw(&a, status, body);
    raw_free(&a);
}

void kit_echo(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct buf *out = http_body(rs);
    const struct http_fields *f;
    struct problem p;

    (void)context;
    if (http_fields(rq, &f, &p) < 0) {
        http_problem(rs, &p);
        return;
    }
    http_type(rs, "text/plain");
    for (size_t i = 0; i < http_nfields(f); i++) {
        const struct http_field *field = http_field_at(f, i);
        buf_addf(out, "%.*s=", STR_ARG(field->name));
        if (field->kind != FIELD_LIST)
            buf_addf(out, "%.*s", STR_ARG(field->text));
        for (size_t k = 0; k < field->nlist; k++)
            buf_addf(out, "[%.*s]", STR_ARG(field->list[k]));
        buf_add_c(out, ';');
    }
}
