/* From a path to a route. Segments are decoded one by one after the path was cut at its slashes:
 * %2F is a byte of a name. */
#include "urldecode.h"

#include "http_private.h"

static bool refuse_path(struct http_response *rs, const char *detail)
{
    http_problem_as(rs, 400, "malformed", "Malformed request", "%s", detail);
    return false;
}

static bool is_dots(struct str s)
{
    return str_eq(s, STR(".")) || str_eq(s, STR(".."));
}

/* What would normalise to another path (RFC 3986 §6.2.2.3) is refused: others who look at the path
 * must see what we see. */
static bool cut_path(struct http_request *rq, struct http_response *rs)
{
    struct str rest = rq->path, raw;
    struct problem p = {0};

    rq->nsegments = 0;
    if (rest.n == 0 || rest.p[0] != '/' || memchr(rest.p, '\\', rest.n))
        return refuse_path(rs, "the path does not begin with a slash, or has a backslash");
    rest = (struct str){rest.p + 1, rest.n - 1};
    while (str_cut(&rest, '/', &raw)) {
        if (rq->nsegments == HTTP_SEGMENTS_MAX)
            return refuse_path(rs, "the path has too many segments");
        struct str *segment = &rq->segments[rq->nsegments++];
        if (urldecode(rq->arena, raw, false, "path", segment, &p) < 0)
            return problem_refuse(rs, &p);
        if (segment->n == 0 || is_dots(*segment))
            return refuse_path(rs, "the path has an empty segment, '.' or '..'");
    }
    return true;
}

/* The segment of a pattern that a name in braces stands for; p NULL: it is literal. */
static struct str parameter_name(struct str s)
{
    if (s.n < 2 || s.p[0] != '{')
        return (struct str){NULL, 0};
    return (struct str){s.p + 1, s.n - 2};
}

static bool pattern_fits(const char *pattern, const struct http_request *rq)
{
    struct str rest = str_c(pattern + 1), one;
    size_t i = 0;

    for (; str_cut(&rest, '/', &one); i++) {
        if (i == rq->nsegments)
            return false;
        if (!parameter_name(one).p && !str_eq(one, rq->segments[i]))
            return false;
    }
    return i == rq->nsegments;
}

bool router_match(struct http_request *rq, struct http_response *rs)
{
    const struct http_server *s = rq->server;
    const struct str method = http_method(rq);

    if (!cut_path(rq, rs))
        return false;
    for (size_t i = 0; i < s->nroutes && !rq->route; i++) {
        if (str_eq(str_c(s->routes[i].method), method) && pattern_fits(s->routes[i].pattern, rq))
            rq->route = &s->routes[i];
    }
    return true;
}

struct str http_segment(const struct http_request *rq, const char *name)
{
    struct str rest = str_c(rq->route->pattern + 1), one;

    for (size_t i = 0; i < rq->nsegments && str_cut(&rest, '/', &one); i++) {
        const struct str parameter = parameter_name(one);
        if (parameter.p && str_eq(parameter, str_c(name)))
            return rq->segments[i];
    }
    return (struct str){NULL, 0};
}

static void add_method(struct buf *allow, const char *method)
{
    if (allow->n > 0)
        buf_add_str(allow, STR(", "));
    buf_add_str(allow, str_c(method));
    if (strcmp(method, "GET") == 0)
        buf_add_str(allow, STR(", HEAD"));
}

static bool listed_before(const struct http_request *rq, size_t row)
{
    const struct http_route *routes = rq->server->routes;

    for (size_t i = 0; i < row; i++) {
        if (strcmp(routes[i].method, routes[row].method) == 0 &&
            pattern_fits(routes[i].pattern, rq))
            return true;
    }
    return false;
}

bool router_found(struct http_request *rq, struct http_response *rs)
{
    const struct http_server *s = rq->server;
    struct buf allow = {0};

    if (rq->route)
        return true;
    for (size_t i = 0; i < s->nroutes; i++) {
        if (pattern_fits(s->routes[i].pattern, rq) && !listed_before(rq, i))
            add_method(&allow, s->routes[i].method);
    }
    if (allow.error) {
        problem_no_memory(rs);
    } else if (allow.n > 0) {
        http_problem_as(rs, 405, "method-not-allowed", "Method not allowed", "%.*s is not for %.*s",
                        STR_ARG(rq->method), STR_ARG(rq->path));
        http_set(rs, "Allow", "%.*s", STR_ARG(buf_str(&allow)));
    } else {
        http_problem_as(rs, 404, "not-found", "Not found", "there is nothing at %.*s",
                        STR_ARG(rq->path));
    }
    buf_free(&allow);
    return false;
}
