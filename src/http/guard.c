/* Who may ask: networks, the token, and the rules for browsers (interface.md, "Browsers"). */
#include "http_private.h"

#include <betterdns/hash.h>
#include <betterdns/sockaddr.h>

/* An address and its rules belong together: a connection that was made at one that is given up does
 * not come to what was meant for another, such as an API for this machine alone that asks for no
 * token. */
bool guard_address(struct http_request *rq, struct http_response *rs)
{
    struct sockaddr_storage local = {0};
    socklen_t n = sizeof(local);
    char text[SOCKADDR_TEXT_SIZE];

    if (!rq->rules->strict)
        return true;
    getsockname(rq->fd, (struct sockaddr *)&local, &n);
    if (rules_have(rq->rules, &local))
        return true;
    rs->close = true;
    http_problem_as(rs, 421, "misdirected", "Misdirected request", "nobody listens on %s any more",
                    sockaddr_text(&local, sockaddr_port(&local), text));
    return false;
}

bool guard_network(struct http_request *rq, struct http_response *rs)
{
    const struct http_options *o = &rq->rules->options;

    if (o->nallow == 0 || network_has(o->allow, o->nallow, &rq->client))
        return true;
    http_problem_as(rs, 403, "forbidden", "Forbidden",
                    "%s is in none of the networks of http.allow", rq->client_text);
    return false;
}

/* RFC 6750 §2.1, §3. A token in the query or a form is none: it would end up in logs. */
static bool token_check(const struct http_request *rq, struct http_response *rs)
{
    const struct str token = rq->rules->options.token;
    struct str rest = header_value(rq, STR("Authorization")), scheme = STR("");
    const bool given = rest.p != NULL;

    str_cut(&rest, ' ', &scheme);
    rest = str_trim(rest);
    if (header_count(rq, STR("Authorization")) == 1 && str_eq_fold(scheme, STR("Bearer")) &&
        bytes_eq_constant_time(rest.p, rest.n, token.p, token.n))
        return true;
    struct problem p = {0};
    problem_set(&p, -EINVAL, NULL, given ? "this is not the token" : "a token is needed");
    problem_hint(&p,
                 "curl -H \"Authorization: Bearer $(cat TOKENFILE)\", or betterdns --token-file");
    problem_write(rs, 401, "unauthorized", "Unauthorized", &p);
    http_set(rs, "WWW-Authenticate", "%s", given ? "Bearer error=\"invalid_token\"" : "Bearer");
    return false;
}

static bool forbid(struct http_response *rs, const char *detail, const char *hint)
{
    struct problem p = {0};

    problem_set(&p, -EINVAL, NULL, "%s", detail);
    problem_hint(&p, "%s", hint);
    problem_write(rs, 403, "forbidden", "Forbidden", &p);
    return false;
}

/* Another site's name that was made to lead here, as a browser sees it (DNS rebinding). */
static bool host_allowed(const struct http_request *rq, struct http_response *rs)
{
    const struct http_options *o = &rq->rules->options;
    const struct str host = header_value(rq, STR("Host")), authority = host_authority(rq);
    const bool ours =
        (!host.p || host_is_ours(o, host)) && (!authority.p || host_is_ours(o, authority));

    if (ours)
        return true;
    struct problem p = {0};
    problem_set(&p, -EINVAL, NULL, "'%.*s' is no name of this server", STR_ARG(authority));
    problem_hint(&p, "ask by address, or add the name to http.hosts");
    problem_write(rs, 421, "misdirected", "Misdirected request", &p);
    return false;
}

static bool sent_by_own_page(const struct http_request *rq)
{
    const struct str site = header_value(rq, STR("Sec-Fetch-Site"));
    const struct str authority = host_authority(rq);

    for (size_t i = 0; i < rq->nheaders; i++) {
        if (str_eq_fold(rq->headers[i].name, STR("Origin")) &&
            !origin_is_own(rq->headers[i].value, authority))
            return false;
    }
    return !site.p || str_eq(site, STR("same-origin")) || str_eq(site, STR("none"));
}

static bool came_by_proxy(const struct http_request *rq)
{
    return header_value(rq, STR("Forwarded")).p || header_value(rq, STR("X-Forwarded-For")).p ||
           header_value(rq, STR("Via")).p;
}

bool guard_caller(struct http_request *rq, struct http_response *rs)
{
    const struct http_options *o = &rq->rules->options;

    if (o->token.p)
        return (rq->route && rq->route->open) || token_check(rq, rs);
    if (!host_allowed(rq, rs))
        return false;
    if (request_is_write(rq) && !sent_by_own_page(rq))
        return forbid(rs, "a page of another site may not write here",
                      "send the request without a browser, or set http.token_file");
    if (came_by_proxy(rq) && !network_has(o->trusted_proxies, o->ntrusted_proxies, &rq->peer))
        return forbid(rs, "a proxy passed this on to an API that asks for no token",
                      "set http.token_file, or name the proxy in http.trusted_proxies");
    return true;
}
