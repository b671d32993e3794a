/* Errors as problem details (RFC 9457). */
#include <stdarg.h>
#include <stdio.h>

#include "http_private.h"

struct kind {
    int error, status;
    const char *name, *title;
};

static const struct kind kinds[] = {
    {BD_ESYNTAX, 400, "malformed", "Malformed request"},
    {BD_EMISMATCH, 400, "type-mismatch", "The body disagrees with the request"},
    {BD_ENOTFOUND, 404, "not-found", "Not found"},
    {BD_ECONFLICT, 409, "conflict", "Conflict"},
    {BD_EPRECONDITION, 412, "precondition-failed", "Precondition failed"},
    {EMSGSIZE, 413, "too-large", "Body too large"},
    {EMEDIUMTYPE, 415, "unsupported-media-type", "Unsupported media type"},
    {BD_EINVALID, 422, "invalid", "Understood, but not valid"},
    {ERANGE, 422, "invalid", "Understood, but not valid"},
    {EDESTADDRREQ, 422, "invalid", "Understood, but not valid"},
    {BD_ENOZONE, 422, "outside-zones", "Outside every configured zone"},
    {BD_EREADONLY, 503, "read-only", "The store is read-only"},
    {BD_EFULL, 503, "store-full", "The store is full"},
    {BD_EUNKNOWN, 503, "outcome-unknown", "It may or may not have happened"},
    {BD_ESTOPPING, 503, "stopping", "Stopping"},
    {BD_ETIMEDOUT, 503, "timed-out", "Timed out"},
};
static const struct kind otherwise = {0, 503, "unavailable", "Unavailable"};

static const struct kind *kind_of(int error)
{
    const int code = error < 0 ? -error : error;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].error == code)
            return &kinds[i];
    }
    return &otherwise;
}

int http_status_of(int error)
{
    return kind_of(error)->status;
}

void problem_write(struct http_response *rs, int status, const char *name, const char *title,
                   const struct problem *p)
{
    struct json j = {.out = &rs->body};
    char type[64];

    if (rs->streaming) {
        /* The status is out: the end that is missing tells the client. */
        http_stream_abort(rs);
        return;
    }
    snprintf(type, sizeof(type), "urn:betterdns:problem:%s", name);
    buf_reset(&rs->body);
    buf_reset(&rs->head);
    http_status(rs, status);
    http_type(rs, "application/problem+json");
    json_open(&j, '{');
    json_key(&j, "type");
    json_c(&j, type);
    json_key(&j, "title");
    json_c(&j, title);
    json_key(&j, "status");
    json_int(&j, status);
    json_key(&j, "detail");
    json_c(&j, p->detail[0] ? p->detail : title);
    if (p->field) {
        json_key(&j, "field");
        json_c(&j, p->field);
    }
    if (p->hint[0]) {
        json_key(&j, "hint");
        json_c(&j, p->hint);
    }
    json_close(&j, '}');
    buf_add_c(&rs->body, '\n');
}

size_t problem_bare(char ret_answer[PROBLEM_BARE_MAX], bool head, const char *name,
                    const char *title, const char *detail)
{
    char body[PROBLEM_BARE_MAX / 2];
    const int size = snprintf(body, sizeof(body),
                              "{\"type\":\"urn:betterdns:problem:%s\",\"title\":\"%s\","
                              "\"status\":503,\"detail\":\"%s\",\"hint\":\"try again\"}\n",
                              name, title, detail);

    return (size_t)snprintf(ret_answer, PROBLEM_BARE_MAX,
                            "HTTP/1.1 503 Service Unavailable\r\n"
                            "Content-Type: application/problem+json\r\nContent-Length: %d\r\n"
                            "Retry-After: 1\r\nConnection: close\r\n\r\n%s",
                            size, head ? "" : body);
}

void http_problem(struct http_response *rs, const struct problem *p)
{
    const struct kind *k = kind_of(p->error);

    problem_write(rs, k->status, k->name, k->title, p);
}

void http_problem_as(struct http_response *rs, int status, const char *name, const char *title,
                     const char *format, ...)
{
    char detail[512];
    struct problem p = {0};
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    problem_set(&p, -EINVAL, NULL, "%s", detail); /* escapes what could act on a terminal */
    problem_write(rs, status, name, title, &p);
}

void problem_no_memory(struct http_response *rs)
{
    http_problem_as(rs, 503, "unavailable", "Unavailable", "out of memory");
}

bool problem_refuse(struct http_response *rs, const struct problem *p)
{
    http_problem(rs, p);
    return false;
}
