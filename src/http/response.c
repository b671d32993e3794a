/* What handlers say, and how it goes out: in one write, or in chunks. */
#include <stdarg.h>
#include <stdio.h>

#include "http_private.h"
#include "socket.h"

#define KEPT_BYTES (64u * 1024) /* of a buffer, for the next request of the thread */

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "";
}

static void renew(struct buf *b)
{
    if (b->cap > KEPT_BYTES)
        buf_free(b);
    buf_reset(b);
}

void response_start(struct http_response *rs, struct http_request *rq)
{
    renew(&rs->head);
    renew(&rs->body);
    renew(&rs->out);
    rs->rq = rq;
    rs->status = 0;
    rs->type = NULL;
    rs->deadline = 0;
    rs->close = rs->streaming = rs->chunked = rs->broken = false;
}

void http_status(struct http_response *rs, int status)
{
    rs->status = status;
}

void http_type(struct http_response *rs, const char *content_type)
{
    rs->type = content_type;
}

void http_set(struct http_response *rs, const char *name, const char *format, ...)
{
    struct buf *head = &rs->head;
    va_list args;

    buf_addf(head, "%s: ", name);
    const size_t start = head->n;
    va_start(args, format);
    buf_vaddf(head, format, args);
    va_end(args);
    /* Whatever a value was made of, it makes no second header. */
    for (size_t i = start; i < head->n; i++) {
        if ((unsigned char)head->p[i] < 0x20 || head->p[i] == 0x7f)
            head->p[i] = ' ';
    }
    buf_add_str(head, STR("\r\n"));
}

struct buf *http_body(struct http_response *rs)
{
    return &rs->body;
}

/* The client's wish counts where nothing speaks against it (RFC 9112 §9.3). */
static bool keeps_alive(const struct http_response *rs)
{
    const struct http_request *rq = rs->rq;

    if (rs->close)
        return false;
    if (header_has_token(rq, STR("Connection"), STR("close")))
        return false;
    return !rq->http10 || header_has_token(rq, STR("Connection"), STR("keep-alive"));
}

static void add_date(struct buf *out)
{
    static _Thread_local time_t second;
    static _Thread_local char text[40];
    const time_t now = time(NULL);
    struct tm tm;

    if (now != second) {
        gmtime_r(&now, &tm);
        strftime(text, sizeof(text), "Date: %a, %d %b %Y %T GMT\r\n", &tm);
        second = now;
    }
    buf_add_str(out, str_c(text));
}

static void add_head(struct http_response *rs)
{
    const bool empty = rs->status == 204 || rs->status == 304;
    const bool alive = keeps_alive(rs);
    struct buf *out = &rs->out;

    rs->close = !alive;
    buf_addf(out, "HTTP/1.1 %d %s\r\n", rs->status, reason(rs->status));
    add_date(out);
    if (!empty)
        buf_addf(out, "Content-Type: %s\r\n", rs->type ? rs->type : "application/json");
    if (rs->chunked)
        buf_add_str(out, STR("Transfer-Encoding: chunked\r\n"));
    else if (!rs->streaming && !empty)
        buf_addf(out, "Content-Length: %zu\r\n", rs->body.n);
    buf_add_str(out, STR("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"));
    buf_add_str(out, buf_str(&rs->head));
    if (rs->status == 503)
        buf_add_str(out, STR("Retry-After: 1\r\n"));
    if (!alive || rs->rq->http10)
        buf_addf(out, "Connection: %s\r\n", alive ? "keep-alive" : "close");
    buf_add_str(out, STR("\r\n"));
}

static bool is_head(const struct http_response *rs)
{
    return http_is_head(rs->rq);
}

static void count(struct http_response *rs)
{
    struct http_server *s = rs->rq->server;
    const unsigned class = (unsigned)rs->status / 100;

    if (class < ARRAY_SIZE(s->by_class))
        atomic_fetch_add_explicit(&s->by_class[class], 1, memory_order_relaxed);
}

/* The answer found no memory: this one needs none. */
static void send_refusal(struct http_response *rs)
{
    char answer[PROBLEM_BARE_MAX];
    const size_t n =
        problem_bare(answer, is_head(rs), "unavailable", "Unavailable", "out of memory");

    rs->status = 503;
    rs->close = true;
    rs->streaming = rs->chunked = false;
    count(rs);
    socket_send(rs->rq->fd, (struct str){answer, n}, clock_deadline(HTTP_WRITE_TIME));
}

static void send_out(struct http_response *rs)
{
    struct http_request *rq = rs->rq;
    const uint64_t piece = clock_deadline(HTTP_WRITE_TIME);
    const uint64_t deadline = rs->deadline && rs->deadline < piece ? rs->deadline : piece;

    if (rq->place)
        place_writes(rq->place);
    if (rs->out.error || socket_send(rq->fd, buf_str(&rs->out), deadline) < 0)
        rs->broken = true;
    if (rq->place)
        place_works(rq->place);
    renew(&rs->out);
}

static void send_whole(struct http_response *rs)
{
    if (rs->status == 0)
        rs->status = 200;
    if (rs->body.error || rs->head.error)
        problem_no_memory(rs);
    add_head(rs);
    if (!is_head(rs) && rs->status != 204 && rs->status != 304)
        buf_add_str(&rs->out, buf_str(&rs->body));
    if (rs->out.error) {
        send_refusal(rs);
        return;
    }
    count(rs);
    send_out(rs);
}

static void linger(const struct http_request *rq)
{
    place_reads(rq->place);
    socket_linger(rq->fd);
    place_works(rq->place);
}

void response_finish(struct http_response *rs)
{
    if (!rs->broken && !rs->streaming)
        send_whole(rs);
    if (!rs->broken && rs->chunked && !is_head(rs)) {
        buf_add_str(&rs->out, STR("0\r\n\r\n"));
        send_out(rs);
    }
    if (!rs->rq->taken && !rs->broken && !place_was_ended(rs->rq->place))
        linger(rs->rq);
    if (rs->broken && rs->streaming && !rs->chunked)
        socket_reset(rs->rq->fd); /* an end would pass for the end of the body */
    rs->close = rs->close || rs->broken || !rs->rq->taken;
}

static void start_stream(struct http_response *rs)
{
    if (rs->status == 0)
        rs->status = 200;
    rs->streaming = true;
    rs->chunked = !rs->rq->http10;
    /* HTTP/1.0 knows no chunks: the end of the connection is the end of the body. */
    rs->close = rs->close || rs->rq->http10;
    add_head(rs);
}

int http_stream(struct http_response *rs, struct str piece)
{
    if (rs->deadline && clock_mono_ns() >= rs->deadline)
        http_stream_abort(rs);
    if (rs->broken)
        return -EPIPE;
    const bool first = !rs->streaming;
    if (first)
        start_stream(rs);
    /* A chunk of no bytes would be the last one. */
    if (piece.n > 0 && !is_head(rs)) {
        if (rs->chunked)
            buf_addf(&rs->out, "%zx\r\n", piece.n);
        buf_add_str(&rs->out, piece);
        if (rs->chunked)
            buf_add_str(&rs->out, STR("\r\n"));
    }
    if (first && (rs->out.error || rs->head.error)) {
        send_refusal(rs);
        rs->broken = true;
    } else if (first) {
        count(rs);
    }
    if (!rs->broken && rs->out.n > 0)
        send_out(rs);
    return rs->broken ? -EPIPE : 0;
}

void http_stream_deadline(struct http_response *rs, uint64_t deadline)
{
    rs->deadline = deadline;
}

void http_stream_abort(struct http_response *rs)
{
    rs->broken = true;
}
