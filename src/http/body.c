/* How a request is framed, and its body read: whole, within limits of size and time. Chunks have no
 * extensions here, and end without a trailer: nobody would read either (RFC 9112 §7.1). */
#include <poll.h>
#include <stdlib.h>

#include "http_private.h"

#define LINGER_TIME (2 * NS_PER_S)
#define LINGER_MAX (1024u * 1024)
#define SILENCE (4 * NS_PER_S) /* less than civetweb's own patience, request_timeout_ms */

static bool refuse(struct http_response *rs, const char *detail)
{
    rs->close = true;
    http_problem_as(rs, 400, "malformed", "Malformed request", "%s", detail);
    return false;
}

static bool length_check(struct http_request *rq, struct http_response *rs)
{
    const struct str length = header_value(rq, STR("Content-Length"));

    if (header_count(rq, STR("Content-Length")) > 1)
        return refuse(rs, "more than one Content-Length");
    if (!length.p)
        return true;
    /* strtoll, which civetweb uses, takes "+69" and "69 bytes" too. */
    int r = str_u64(length, INT64_MAX, &rq->content_length);
    if (r == -ERANGE)
        rq->content_length = UINT64_MAX;
    return r == 0 || r == -ERANGE ? true : refuse(rs, "Content-Length is not a number");
}

/* RFC 9112 §6.3: two answers to where a body ends are none. */
bool framing_check(struct http_request *rq, struct http_response *rs)
{
    const struct str coding = header_value(rq, STR("Transfer-Encoding"));

    if (header_count(rq, STR("Content-Type")) > 1)
        return refuse(rs, "more than one Content-Type");
    if (!coding.p)
        return length_check(rq, rs);
    if (header_count(rq, STR("Transfer-Encoding")) > 1 || !str_eq_fold(coding, STR("chunked"))) {
        rs->close = true;
        http_problem_as(rs, 501, "not-implemented", "Not implemented",
                        "a Transfer-Encoding other than chunked");
        return false;
    }
    if (header_value(rq, STR("Content-Length")).p)
        return refuse(rs, "Transfer-Encoding together with Content-Length");
    if (rq->http10)
        return refuse(rs, "Transfer-Encoding in HTTP/1.0");
    rq->chunked = true;
    return true;
}

static bool too_large(struct http_response *rs)
{
    rs->close = true;
    http_problem_as(rs, 413, "too-large", "Body too large", "the body has more than %u bytes",
                    HTTP_BODY_MAX);
    return false;
}

/* RFC 9110 §10.1.1. curl waits a second for it before a large body. */
static bool expectation_met(struct http_request *rq, struct http_response *rs)
{
    const struct str expect = header_value(rq, STR("Expect"));

    if (!expect.p || rq->http10)
        return true;
    if (!str_eq_fold(expect, STR("100-continue"))) {
        rs->close = true;
        http_problem_as(rs, 417, "expectation-failed", "Expectation failed",
                        "only 100-continue can be expected");
        return false;
    }
    return engine_write(rq->conn, STR("HTTP/1.1 100 Continue\r\n\r\n"),
                        rq->started + HTTP_WRITE_TIME) == 0;
}

/* 1: complete, 0: too large, -EPIPE, -ETIMEDOUT. */
static int read_all(struct http_request *rq, char *room, size_t size)
{
    size_t n = 0;

    while (n < size) {
        const uint64_t before = clock_mono_ns();
        int got = engine_read(rq->conn, room + n, size - n);
        /* A client that sent nothing looks like one that is gone, but for the time that it took. */
        if ((got < 0 || (got == 0 && !rq->chunked)) && clock_mono_ns() - before >= SILENCE)
            return -ETIMEDOUT;
        if (got < 0)
            return got;
        n += (size_t)got;
        rq->body = (struct str){room, n};
        if (got == 0 || (!rq->chunked && n == rq->content_length))
            break;
    }
    if (!rq->chunked && n < rq->content_length)
        return -EPIPE;
    return n <= HTTP_BODY_MAX;
}

bool body_take(struct http_request *rq, struct http_response *rs)
{
    if (!rq->chunked && rq->content_length == 0) {
        rq->taken = true;
        return true;
    }
    if (!rq->chunked && rq->content_length > HTTP_BODY_MAX)
        return too_large(rs);
    if (!expectation_met(rq, rs)) {
        rs->close = true;
        rs->broken = rs->status == 0;
        return false;
    }
    const size_t size = rq->chunked ? HTTP_BODY_MAX + 1 : (size_t)rq->content_length;
    char *room = arena_alloc(rq->arena, size);
    if (!room) {
        rs->close = true;
        http_problem_as(rs, 503, "unavailable", "Unavailable", "out of memory");
        return false;
    }
    const uint64_t time = rq->server->options.body_time_ns;
    watch_arm(rq->server->watch, rq->watch, rq->fd, SHUT_RD,
              rq->started + (time ? time : HTTP_BODY_TIME));
    place_reads(rq->place);
    int r = read_all(rq, room, size);
    place_works(rq->place);
    const bool late = watch_disarm(rq->server->watch, rq->watch) || place_was_ended(rq->place);
    if (r == 0)
        return too_large(rs);
    if (r == -ETIMEDOUT || (r < 0 && late)) {
        rs->close = true;
        http_problem_as(rs, 408, "timeout", "Request timeout", "the body did not come in time");
        return false;
    }
    if (r < 0 && rq->chunked)
        return refuse(rs, "the body ended before it was complete, or its chunks are malformed or "
                          "have extensions");
    if (r < 0)
        return refuse(rs, "the body ended before it was complete");
    if (rq->chunked && engine_has_trailer(rq->conn))
        return refuse(rs, "the body has a trailer, which nobody here would read");
    rq->taken = true;
    /* A GET's body means nothing (RFC 9110 §9.3.1). */
    if (!request_is_write(rq))
        rq->body = (struct str){NULL, 0};
    return true;
}

void body_linger(struct http_request *rq)
{
    const uint64_t deadline = clock_deadline(LINGER_TIME);
    struct pollfd pfd = {.fd = rq->fd, .events = POLLIN};
    char scrap[4096];
    size_t n = 0;

    place_reads(rq->place);
    shutdown(rq->fd, SHUT_WR);
    for (uint64_t now = clock_mono_ns(); now < deadline && n < LINGER_MAX; now = clock_mono_ns()) {
        if (poll(&pfd, 1, (int)((deadline - now) / NS_PER_MS) + 1) <= 0)
            return;
        const ssize_t got = recvfrom(rq->fd, scrap, sizeof(scrap), MSG_DONTWAIT, NULL, NULL);
        if (got <= 0)
            return;
        n += (size_t)got;
    }
}
