/* The host that a request names, and whether it is this server (RFC 9110 §7.2, §7.4). */
#include "http_private.h"

static struct str without_final_dot(struct str s)
{
    return s.n > 1 && s.p[s.n - 1] == '.' ? (struct str){s.p, s.n - 1} : s;
}

/* "web:80", "192.0.2.1", "[::1]:8000"; the brackets stay with the host. A port's digits may be left
 * out. */
static bool split(struct str authority, struct str *ret_host, struct str *ret_port)
{
    const char *close = authority.n ? memchr(authority.p, ']', authority.n) : NULL;
    const char *from = close ? close : authority.p;
    const size_t left = authority.n - (size_t)(from - authority.p);
    const char *colon = left ? memchr(from, ':', left) : NULL;
    const size_t n = colon ? (size_t)(colon - authority.p) : authority.n;
    struct str port = colon ? (struct str){colon + 1, authority.n - n - 1} : STR("");
    uint64_t number;

    if (n == 0 || (port.n > 0 && str_u64(port, 65535, &number) < 0))
        return false;
    if (close && (authority.p[0] != '[' || (size_t)(close + 1 - authority.p) != n))
        return false;
    *ret_host = (struct str){authority.p, n};
    *ret_port = port;
    return true;
}

static bool host_bytes_fine(struct str host)
{
    for (size_t i = 0; i < host.n; i++) {
        const unsigned char c = (unsigned char)host.p[i];
        if (c <= 0x20 || c >= 0x7f || memchr("/?#@\\\"<>^`{|}", c, 13))
            return false;
    }
    return true;
}

struct str host_authority(const struct http_request *rq)
{
    return rq->authority.p ? rq->authority : header_value(rq, STR("Host"));
}

bool host_check(const struct http_request *rq, struct http_response *rs)
{
    const size_t n = header_count(rq, STR("Host"));
    const struct str authority = host_authority(rq);
    struct str host = STR(""), port;
    const char *detail = NULL;

    /* RFC 9112 §3.2 */
    if (n > 1)
        detail = "more than one Host";
    else if (n == 0 && !rq->http10)
        detail = "no Host";
    else if (authority.p && (!split(authority, &host, &port) || !host_bytes_fine(host)))
        detail = "Host is neither a name nor an address";
    if (!detail)
        return true;
    rs->close = true;
    http_problem_as(rs, 400, "malformed", "Malformed request", "%s", detail);
    return false;
}

static bool is_address(struct str host)
{
    struct address a;

    if (host.n > 2 && host.p[0] == '[')
        host = (struct str){host.p + 1, host.n - 2};
    else if (host.n > 0 && memchr(host.p, ':', host.n))
        return false;
    return address_parse(host, &a) == 0;
}

static bool is_in_zone(const struct http_options *o, struct str host)
{
    static const struct dname root = {.n = 1};
    const struct dname_rules rules = {.origin = &root};
    struct dname name;

    if (dname_from_text(host, &rules, &name, NULL) < 0)
        return false;
    for (unsigned i = 0; i < o->nzones; i++) {
        /* A root zone would let every name in. */
        if (!dname_is_root(&o->zones[i]) && dname_below(&name, &o->zones[i]))
            return true;
    }
    return false;
}

bool host_is_ours(const struct http_options *o, struct str authority)
{
    struct str host, port;

    if (!split(authority, &host, &port))
        return false;
    if (is_address(host) || str_eq_fold(without_final_dot(host), STR("localhost")))
        return true;
    for (unsigned i = 0; i < o->nhosts; i++) {
        if (str_eq_fold(without_final_dot(host), without_final_dot(o->hosts[i])))
            return true;
    }
    return is_in_zone(o, host);
}

bool origin_is_own(struct str origin, struct str authority)
{
    const bool tls = origin.n > 8 && str_eq_fold((struct str){origin.p, 8}, STR("https://"));
    const bool clear = origin.n > 7 && str_eq_fold((struct str){origin.p, 7}, STR("http://"));
    const size_t skip = tls ? 8 : 7;
    const struct str usual = tls ? STR("443") : STR("80");
    struct str theirs, their_port, ours, our_port;

    if (!tls && !clear)
        return false; /* "null" too */
    if (!split((struct str){origin.p + skip, origin.n - skip}, &theirs, &their_port) ||
        !split(authority, &ours, &our_port))
        return false;
    return str_eq_fold(theirs, ours) &&
           str_eq(their_port.n ? their_port : usual, our_port.n ? our_port : usual);
}
