/* How a request is framed, and its body read: whole, within limits of size and time. */
#include <sys/socket.h>

#include "chunks.h"
#include "http_private.h"
#include "socket.h"

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
    return socket_send(rq->fd, STR("HTTP/1.1 100 Continue\r\n\r\n"),
                       rq->started + HTTP_WRITE_TIME) == 0;
}

static int read_length(struct http_request *rq, char *room, uint64_t deadline)
{
    size_t n = 0;

    while (n < rq->content_length) {
        const ssize_t got =
            socket_receive(rq->fd, room + n, (size_t)rq->content_length - n, 0, deadline);
        if (got <= 0)
            return got == 0 ? -EPIPE : (int)got;
        n += (size_t)got;
    }
    rq->body = (struct str){room, n};
    return 0;
}

/* Octets behind the last chunk stay where they are. */
static int read_chunks(struct http_request *rq, char *room, uint64_t deadline, const char **ret_why)
{
    struct chunks chunks = {.state = CHUNK_SIZE};
    char octets[4096];

    while (chunks.state != CHUNK_DONE) {
        const ssize_t got = socket_receive(rq->fd, octets, sizeof(octets), MSG_PEEK, deadline);
        if (got <= 0)
            return got == 0 ? -EPIPE : (int)got;
        const ssize_t taken =
            chunks_take(&chunks, (struct str){octets, (size_t)got}, room, HTTP_BODY_MAX, ret_why);
        if (taken < 0)
            return (int)taken;
        recvfrom(rq->fd, octets, (size_t)taken, MSG_DONTWAIT, NULL, NULL);
    }
    rq->body = (struct str){room, chunks.n};
    return 0;
}

static bool refuse_body(struct http_request *rq, struct http_response *rs, int error,
                        const char *why)
{
    if (error == -EMSGSIZE)
        return too_large(rs);
    if (error == -EPIPE && !place_was_ended(rq->place))
        return refuse(rs, "the body ended before it was complete");
    if (error == -BD_ESYNTAX)
        return refuse(rs, why);
    rs->close = true;
    http_problem_as(rs, 408, "timeout", "Request timeout", "the body did not come in time");
    return false;
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
    const uint64_t deadline = rq->started + rq->server->body_time_ns;
    const char *why = NULL;
    char *room = arena_alloc(rq->arena, rq->chunked ? HTTP_BODY_MAX : (size_t)rq->content_length);
    if (!room) {
        rs->close = true;
        problem_no_memory(rs);
        return false;
    }
    place_reads(rq->place);
    int r = rq->chunked ? read_chunks(rq, room, deadline, &why) : read_length(rq, room, deadline);
    place_works(rq->place);
    if (r < 0)
        return refuse_body(rq, rs, r, why);
    rq->taken = true;
    /* A GET's body means nothing (RFC 9110 §9.3.1). */
    if (!request_is_write(rq))
        rq->body = (struct str){NULL, 0};
    return true;
}
