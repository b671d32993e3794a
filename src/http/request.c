/* What handlers ask a request. */
#include "http_private.h"
#include "socket.h"

struct str header_value(const struct http_request *rq, struct str name)
{
    for (size_t i = 0; i < rq->nheaders; i++) {
        if (str_eq_fold(rq->headers[i].name, name))
            return rq->headers[i].value;
    }
    return (struct str){NULL, 0};
}

size_t header_count(const struct http_request *rq, struct str name)
{
    size_t n = 0;

    for (size_t i = 0; i < rq->nheaders; i++)
        n += str_eq_fold(rq->headers[i].name, name);
    return n;
}

bool header_has_token(const struct http_request *rq, struct str name, struct str token)
{
    for (size_t i = 0; i < rq->nheaders; i++) {
        struct str rest = rq->headers[i].value, one;
        if (!str_eq_fold(rq->headers[i].name, name))
            continue;
        while (str_cut(&rest, ',', &one)) {
            if (str_eq_fold(str_trim(one), token))
                return true;
        }
    }
    return false;
}

bool request_is_write(const struct http_request *rq)
{
    return !str_eq(rq->method, STR("GET")) && !str_eq(rq->method, STR("HEAD"));
}

const void *http_route_data(const struct http_request *rq)
{
    return rq->route ? rq->route->data : NULL;
}

struct str http_method(const struct http_request *rq)
{
    return str_eq(rq->method, STR("HEAD")) ? STR("GET") : rq->method;
}

struct str http_path(const struct http_request *rq)
{
    return rq->path;
}

const struct http_fields *http_parameters(const struct http_request *rq)
{
    return &rq->parameters;
}

struct str http_query(const struct http_request *rq, const char *name)
{
    const struct http_field *f = http_field(&rq->parameters, name);

    if (!f)
        return (struct str){NULL, 0};
    return f->kind == FIELD_LIST ? f->list[0] : f->text;
}

struct str http_header(const struct http_request *rq, const char *name)
{
    return header_value(rq, str_c(name));
}

int http_header_list(const struct http_request *rq, const char *name, struct str *ret_value)
{
    const size_t lines = header_count(rq, str_c(name));
    size_t size = 0, n = 0;

    if (lines < 2) {
        *ret_value = http_header(rq, name);
        return 0;
    }
    for (size_t i = 0; i < rq->nheaders; i++)
        size += rq->headers[i].value.n + 2;
    char *joined = arena_alloc(rq->arena, size);
    if (!joined)
        return -ENOMEM;
    for (size_t i = 0; i < rq->nheaders; i++) {
        const struct http_header *h = &rq->headers[i];
        if (!str_eq_fold(h->name, str_c(name)))
            continue;
        if (n > 0)
            joined[n++] = ',';
        memcpy(joined + n, h->value.p, h->value.n);
        n += h->value.n;
    }
    *ret_value = (struct str){joined, n};
    return 0;
}

struct str http_client(const struct http_request *rq)
{
    return str_c(rq->client_text);
}

bool http_client_is_loopback(const struct http_request *rq)
{
    return address_is_loopback(&rq->client);
}

bool http_client_is_proxy(const struct http_request *rq)
{
    const struct http_options *o = &rq->rules->options;

    return !header_value(rq, STR("X-Forwarded-For")).p &&
           network_has(o->trusted_proxies, o->ntrusted_proxies, &rq->peer);
}

bool http_is_head(const struct http_request *rq)
{
    return str_eq(rq->method, STR("HEAD"));
}

bool http_client_is_gone(const struct http_request *rq)
{
    return socket_is_over(rq->fd);
}

bool http_has_body(const struct http_request *rq)
{
    return rq->body.n > 0;
}

uint64_t http_started_ns(const struct http_request *rq)
{
    return rq->started;
}

/* "q=0", "q=0.000": not acceptable (RFC 9110 §12.4.2). */
static bool is_refused(struct str parameters)
{
    struct str one;

    while (str_cut(&parameters, ';', &one)) {
        one = str_trim(one);
        if (one.n < 3 || ascii_lower((unsigned char)one.p[0]) != 'q' || one.p[1] != '=')
            continue;
        for (size_t i = 2; i < one.n; i++) {
            if (one.p[i] != '0' && one.p[i] != '.')
                return false;
        }
        return true;
    }
    return false;
}

bool http_accepts(const struct http_request *rq, const char *media_type)
{
    for (size_t i = 0; i < rq->nheaders; i++) {
        struct str rest = rq->headers[i].value, one, name;
        if (!str_eq_fold(rq->headers[i].name, STR("Accept")))
            continue;
        while (str_cut(&rest, ',', &one)) {
            if (!str_cut(&one, ';', &name) || !str_eq_fold(str_trim(name), str_c(media_type)))
                continue;
            return !is_refused(one);
        }
    }
    return false;
}
