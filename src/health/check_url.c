/* The URL of a check: "http://[HOST][:PORT][/PATH]", https, "tcp://[HOST]:PORT",
 * "dns://[HOST][:PORT]/NAME", "ttl:TIME", "exec:NAME" (interface.md, "Checks and leases"; RFC 3986
 * §3). Nothing is percent-decoded: what stands there is sent. A message never repeats a whole URL:
 * it could hold a password. */
#include "check_impl.h"

#include <betterdns/dname.h>
#include <betterdns/duration.h>
#include <betterdns/network.h>

#define TTL_LEAST_MS 1000
#define TTL_MOST_MS 86400000
#define EXEC_NAME_MAX 63

typedef check_value_fn read_rest_fn;

static read_rest_fn read_http, read_tcp, read_dns, read_ttl, read_exec;

static const struct scheme {
    const char *name;
    read_rest_fn *read;
    uint16_t port;       /* 0: must be given */
    const char *example; /* hints */
} schemes[] = {
    [CHECK_HTTP] = {"http", read_http, 80, "http://:8080/healthz"},
    [CHECK_HTTPS] = {"https", read_http, 443, "https://:8443/healthz"},
    [CHECK_TCP] = {"tcp", read_tcp, 0, "tcp://:22"},
    [CHECK_DNS] = {"dns", read_dns, 53, "dns://:53/www.lab.example"},
    [CHECK_TTL] = {"ttl", read_ttl, 0, "ttl:60s"},
    [CHECK_EXEC] = {"exec", read_exec, 0, "exec:disk"},
};
_Static_assert(ARRAY_SIZE(schemes) == CHECK_NKINDS, "one scheme per kind");

const char *check_kind_name(enum check_kind kind)
{
    return schemes[kind].name;
}

static bool letter_or_digit(char c)
{
    return ascii_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void add_lower(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_add_c(b, (char)ascii_lower((unsigned char)s.p[i]));
}

/* A name of letters, digits, hyphens and underscores, of which DNS could have labels. */
static bool is_name(struct str s)
{
    static const struct dname root = {.n = 1};
    const struct dname_rules rules = {.origin = &root};
    struct dname name;

    for (size_t i = 0; i < s.n; i++) {
        if (!letter_or_digit(s.p[i]) && !memchr("-_.", s.p[i], 3))
            return false;
    }
    return dname_from_text(s, &rules, &name, NULL) == 0;
}

static bool is_address6(struct str s)
{
    struct address a;

    return s.n > 0 && memchr(s.p, ':', s.n) && address_parse(s, &a) == 0;
}

/* "[2001:db8::1]:80", "web.lab.example:80", ":80", "": the host off the front; what is left of
 * *rest is empty or begins with the port's colon. */
static int take_host(struct str *rest, struct check_spec *spec, struct problem *problem)
{
    const char *hint = "http://:8080/ asks the registered address; a host is a name or an address, "
                       "as web.lab.example or [2001:db8::1]";

    if (rest->n > 0 && rest->p[0] == '[') {
        const char *end = memchr(rest->p, ']', rest->n);
        spec->host = (struct str){rest->p + 1, end ? (size_t)(end - rest->p) - 1 : 0};
        if (!end || !is_address6(spec->host))
            return check_refuse(problem, hint, "no IPv6 address stands between the brackets");
        *rest = (struct str){end + 1, rest->n - spec->host.n - 2};
        return 0;
    }
    const char *colon = rest->n > 0 ? memchr(rest->p, ':', rest->n) : NULL;
    struct str host = {rest->p, colon ? (size_t)(colon - rest->p) : rest->n};
    *rest = (struct str){host.p + host.n, rest->n - host.n};
    if (host.n > 1 && host.p[host.n - 1] == '.')
        host.n--;
    if (host.n > 0 && (!is_name(host) || host.p[host.n - 1] == '.'))
        return check_refuse(problem, hint, "'%.*s' is no host", STR_ARG(host));
    spec->host = host;
    return 0;
}

static int read_port(struct str text, const struct scheme *scheme, struct check_spec *spec,
                     struct problem *problem)
{
    uint64_t port = scheme->port;

    if (text.n == 0 && port == 0)
        return check_refuse(problem, scheme->example, "%s needs a port", scheme->name);
    if (text.n > 0 &&
        (text.p[0] != ':' || str_u64((struct str){text.p + 1, text.n - 1}, 65535, &port) < 0 ||
         port == 0))
        return check_refuse(problem, scheme->example, "'%.*s' is no port: 1 to 65535",
                            (int)(text.n - (text.p[0] == ':')), text.p + (text.p[0] == ':'));
    spec->port = (uint16_t)port;
    return 0;
}

/* "//HOST:PORT", and the rest is what follows. */
static int read_authority(struct str *rest, struct check_spec *spec, struct buf *canonical,
                          struct problem *problem)
{
    const struct scheme *scheme = &schemes[spec->kind];
    size_t n = 2;

    if (!str_starts(*rest, STR("//")))
        return check_refuse(problem, scheme->example, "two slashes follow '%s:'", scheme->name);
    while (n < rest->n && rest->p[n] != '/' && rest->p[n] != '?')
        n++;
    struct str authority = {rest->p + 2, n - 2};
    /* A password would stand in every answer and in every log. */
    if (authority.n > 0 && memchr(authority.p, '@', authority.n))
        return check_refuse(problem, scheme->example, "a check has no user and no password");
    *rest = (struct str){rest->p + n, rest->n - n};
    int r = take_host(&authority, spec, problem);
    if (r == 0)
        r = read_port(authority, scheme, spec, problem);
    if (r < 0 || !canonical)
        return r;
    bool six = spec->host.n > 0 && memchr(spec->host.p, ':', spec->host.n);
    buf_addf(canonical, "%s://%s", scheme->name, six ? "[" : "");
    add_lower(canonical, spec->host);
    buf_add_str(canonical, six ? STR("]") : STR(""));
    if (authority.n > 0)
        buf_addf(canonical, ":%u", spec->port);
    return 0;
}

/* RFC 3986 §3.3 and §3.4: what stands in a path and in a query. */
static size_t bad_in_path(struct str path)
{
    for (size_t i = 0; i < path.n; i++) {
        bool hex = path.p[i] != '%' ||
                   (i + 2 < path.n && strchr("0123456789abcdefABCDEF", path.p[i + 1]) &&
                    strchr("0123456789abcdefABCDEF", path.p[i + 2]));
        if (!hex || (!letter_or_digit(path.p[i]) && !strchr("-._~!$&'()*+,;=:@/?%", path.p[i])))
            return i;
    }
    return path.n;
}

static int read_http(struct str rest, struct check_spec *spec, struct buf *canonical,
                     struct problem *problem)
{
    int r = read_authority(&rest, spec, canonical, problem);
    if (r < 0)
        return r;
    if (rest.n > 0 && rest.p[0] != '/')
        return check_refuse(problem, "http://:8080/?full=1", "a slash stands before the '?'");
    size_t bad = bad_in_path(rest);
    if (bad < rest.n)
        return check_refuse(problem, "percent-encode it: %7C for |, %20 for a space, %25 for %",
                            "'%c' at character %zu of the path may not stand there as it is",
                            rest.p[bad], bad + 1);
    spec->path = rest;
    if (canonical)
        buf_add_str(canonical, rest);
    return 0;
}

static int read_tcp(struct str rest, struct check_spec *spec, struct buf *canonical,
                    struct problem *problem)
{
    int r = read_authority(&rest, spec, canonical, problem);
    if (r == 0 && rest.n > 0 && !str_eq(rest, STR("/")))
        r = check_refuse(problem, schemes[CHECK_TCP].example, "nothing follows the port of tcp");
    return r;
}

static int read_dns(struct str rest, struct check_spec *spec, struct buf *canonical,
                    struct problem *problem)
{
    const char *example = schemes[CHECK_DNS].example;
    int r = read_authority(&rest, spec, canonical, problem);
    if (r < 0)
        return r;
    if (rest.n < 2 || rest.p[0] != '/')
        return check_refuse(problem, example, "the name that is asked for is missing");
    const struct str name = {rest.p + 1, rest.n - 1};
    if (!is_name(name))
        return check_refuse(problem, example, "'%.*s' is no name", STR_ARG(name));
    spec->path = name;
    if (canonical)
        add_lower(canonical, rest);
    return 0;
}

static int read_ttl(struct str rest, struct check_spec *spec, struct buf *canonical,
                    struct problem *problem)
{
    char text[DURATION_TEXT_SIZE];
    uint64_t ms = 0;

    if (duration_parse(rest, &ms) < 0 || ms < TTL_LEAST_MS || ms > TTL_MOST_MS)
        return check_refuse(problem, schemes[CHECK_TTL].example, "'%.*s' is not a time of 1s to 1d",
                            STR_ARG(rest));
    spec->ttl_ms = (uint32_t)ms;
    if (canonical)
        buf_addf(canonical, "ttl:%s", duration_text(ms, text));
    return 0;
}

static int read_exec(struct str rest, struct check_spec *spec, struct buf *canonical,
                     struct problem *problem)
{
    bool ok = rest.n > 0 && rest.n <= EXEC_NAME_MAX;

    for (size_t i = 0; ok && i < rest.n; i++)
        ok = letter_or_digit(rest.p[i]) || memchr("-_.", rest.p[i], 3);
    if (!ok)
        return check_refuse(problem, schemes[CHECK_EXEC].example,
                            "'%.*s' is no name of a command: letters, digits, '-', '_' and '.'",
                            STR_ARG(rest));
    spec->path = rest;
    if (canonical)
        buf_addf(canonical, "exec:%.*s", STR_ARG(rest));
    return 0;
}

static int check_octets(struct str url, struct problem *problem)
{
    const char *example = schemes[CHECK_HTTP].example;

    if (url.n == 0)
        return check_refuse(problem, example, "there is no URL");
    if (url.n > CHECK_URL_MAX)
        return check_refuse(problem, example, "a URL of %zu octets; %d at most", url.n,
                            CHECK_URL_MAX);
    for (size_t i = 0; i < url.n; i++) {
        if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 0x7f)
            return check_refuse(problem, "percent-encode it: %20 for a space",
                                "octet %zu of the URL is 0x%02x; printable ASCII only", i + 1,
                                (unsigned)(unsigned char)url.p[i]);
    }
    return 0;
}

int check_url_read(struct str url, struct check_spec *spec, struct buf *canonical,
                   struct problem *problem)
{
    struct str rest = url, scheme = {0};
    unsigned kind = 0;

    int r = check_octets(url, problem);
    if (r < 0)
        return r;
    bool colon = memchr(url.p, ':', url.n) != NULL;
    str_cut(&rest, ':', &scheme);
    struct str_nearest near = {.word = colon ? scheme : (struct str){0}};
    for (; kind < CHECK_NKINDS; kind++) {
        if (colon && str_eq_fold(scheme, str_c(schemes[kind].name)))
            break;
        str_nearest_try(&near, str_c(schemes[kind].name));
    }
    if (kind == CHECK_NKINDS) {
        r = check_refuse(
            problem, "http://:8080/healthz, https, tcp://:22, dns://:53/NAME, ttl:60s, exec:NAME",
            "a check's URL begins with http, https, tcp, dns, ttl or exec, and a colon");
        if (near.best.n > 0)
            problem_hint(problem, "did you mean '%.*s:'?", STR_ARG(near.best));
        return r;
    }
    spec->kind = (enum check_kind)kind;
    spec->url = url;
    return schemes[kind].read(rest, spec, canonical, problem);
}

unsigned check_host_address(const struct check_spec *spec, uint8_t ret_address[16])
{
    struct address a;

    if (address_parse(spec->host, &a) < 0)
        return 0;
    const unsigned n = a.family == AF_INET6 ? 16 : 4;
    memcpy(ret_address, a.b, n);
    return n;
}
