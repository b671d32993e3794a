/* The head of a request. */
#include "head.h"

static bool refuse(struct head_refusal *refusal, int status, const char *detail, const char *hint)
{
    *refusal = (struct head_refusal){status, detail, hint};
    return false;
}

/* RFC 9110 §5.6.2 */
static bool is_tchar(unsigned char c)
{
    const unsigned char lower = ascii_lower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_tchar((unsigned char)s.p[i]))
            return false;
    }
    return s.n > 0;
}

/* ---- the request line --------------------------------------------------------------------------
 */

static bool method_read(struct str method, struct http_request *rq, struct head_refusal *refusal)
{
    static const char *const known[] = {"GET",   "HEAD",  "POST",    "PUT",    "DELETE",
                                        "PATCH", "TRACE", "OPTIONS", "CONNECT"};

    rq->method = method;
    for (size_t i = 0; i < ARRAY_SIZE(known) - 1; i++) {
        if (str_eq(method, str_c(known[i])))
            return true;
        if (str_eq_fold(method, str_c(known[i])))
            return refuse(refusal, 501, "an unknown method",
                          "methods are written in capitals (RFC 9110, section 9.1)");
    }
    if (str_eq(method, STR("CONNECT")))
        return refuse(refusal, 501, "CONNECT is for proxies, and this is none", NULL);
    return refuse(refusal, 501, "an unknown method", NULL);
}

static bool version_read(struct str version, struct http_request *rq, struct head_refusal *refusal)
{
    const bool well = version.n == 8 && str_starts(version, STR("HTTP/")) && version.p[6] == '.' &&
                      version.p[5] >= '0' && version.p[5] <= '9' && version.p[7] >= '0' &&
                      version.p[7] <= '9';

    if (!well)
        return refuse(refusal, 400, "the request line does not end with a version of HTTP",
                      "for example: GET /a HTTP/1.1");
    if (!str_eq(version, STR("HTTP/1.1")) && !str_eq(version, STR("HTTP/1.0")))
        return refuse(refusal, 505, "HTTP/1.1 and HTTP/1.0 are spoken here",
                      "curl --http1.1; a proxy in front may speak any version to its clients");
    rq->http10 = version.p[7] == '0';
    return true;
}

/* RFC 9112 §3.2: "/a?b", or "http://host/a?b". The query begins at the first question mark. */
static bool target_read(struct str target, struct http_request *rq, struct head_refusal *refusal)
{
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};
    struct str rest = target;

    for (size_t i = 0; i < target.n; i++) {
        const unsigned char c = (unsigned char)target.p[i];
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return refuse(refusal, 400, "the request's target has an octet that must be encoded",
                          "percent-encode it: a blank is %20");
    }
    if (str_eq(target, STR("*")))
        return refuse(refusal, 400, "the target '*' means nothing here",
                      "OPTIONS is not served; a wrong method is answered with Allow");
    rq->target = target;
    rq->authority = (struct str){NULL, 0};
    for (size_t i = 0; i < ARRAY_SIZE(schemes) && target.p[0] != '/'; i++) {
        const struct str scheme = schemes[i];
        if (target.n < scheme.n || !str_eq_fold((struct str){target.p, scheme.n}, scheme))
            continue;
        size_t n = scheme.n;
        while (n < target.n && target.p[n] != '/' && target.p[n] != '?')
            n++;
        rq->authority = (struct str){target.p + scheme.n, n - scheme.n};
        rest = (struct str){target.p + n, target.n - n};
        break;
    }
    rq->path = STR("");
    str_cut(&rest, '?', &rq->path);
    rq->query = rest;
    if (rq->authority.p && rq->path.n == 0)
        rq->path = STR("/");
    if (rq->path.n == 0 || rq->path.p[0] != '/')
        return refuse(refusal, 400, "the request's target is no path", "it begins with a slash");
    return true;
}

/* Exactly one blank between three words (RFC 9112 §3). */
static bool request_line(struct str line, struct http_request *rq, struct head_refusal *refusal)
{
    struct str rest = line, method = STR(""), target = STR("");

    str_cut(&rest, ' ', &method);
    str_cut(&rest, ' ', &target);
    if (!is_token(method))
        return refuse(refusal, 400, "the request line does not begin with a method", NULL);
    if (target.n == 0)
        return refuse(refusal, 400, "the request line has no target, or too many blanks", NULL);
    return version_read(rest, rq, refusal) && method_read(method, rq, refusal) &&
           target_read(target, rq, refusal);
}

/* ---- headers -----------------------------------------------------------------------------------
 */

/* RFC 9112 §5 */
static bool header_read(struct str line, struct http_request *rq, struct head_refusal *refusal)
{
    struct str value = line, name = STR("");

    if (line.p[0] == ' ' || line.p[0] == '\t')
        return refuse(refusal, 400, "a header is continued on the next line",
                      "write it in one line (RFC 9112, section 5.2)");
    if (!memchr(line.p, ':', line.n))
        return refuse(refusal, 400, "a header line has no colon", NULL);
    str_cut(&value, ':', &name);
    if (name.n == 0)
        return refuse(refusal, 400, "a header has no name", NULL);
    if (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t')
        return refuse(refusal, 400, "a header has a blank before its colon", NULL);
    if (!is_token(name))
        return refuse(refusal, 400, "the name of a header has an octet that no name can have",
                      NULL);
    if (rq->nheaders == HTTP_HEADERS_MAX)
        return refuse(refusal, 431, "the request has more than 64 headers", "send fewer of them");
    rq->headers[rq->nheaders++] = (struct http_header){name, str_trim(value)};
    return true;
}

/* Octets of the head were looked at one by one when they came: lines end by CR LF, and nowhere else
 * is one of both, nor another control character. */
bool head_parse(const struct head_scan *s, struct str text, struct http_request *rq,
                struct head_refusal *refusal)
{
    struct str rest = {text.p + s->started, s->n - s->started}, line = STR("");

    rq->nheaders = 0;
    for (bool first = true; str_cut(&rest, '\n', &line) && line.n > 1; first = false) {
        line.n--;
        const bool fine = first ? request_line(line, rq, refusal) : header_read(line, rq, refusal);
        if (!fine)
            return false;
    }
    return true;
}

/* ---- octets ------------------------------------------------------------------------------------
 */

static bool bad_octet(const struct head_scan *s, unsigned char c, struct head_refusal *refusal)
{
    /* A TLS record of the type handshake (RFC 8446 §5.1). */
    if (s->n == 0 && c == 0x16)
        return refuse(refusal, 400, "this looks like TLS, and plain HTTP is spoken here",
                      "use http://, or put a proxy in front: see examples/");
    if (c == '\0')
        return refuse(refusal, 400, "the head of the request has a NUL", NULL);
    return refuse(refusal, 400, "the head of the request has a control character", NULL);
}

/* Without headers (HTTP/0.9), in another version or in another protocol altogether, the client
 * waits for an answer and sends no empty line. */
static bool line_ended(struct head_scan *s, struct str text, struct head_refusal *refusal)
{
    const struct str line = {text.p + s->line, s->n - 2 - s->line};

    s->line = s->n;
    if (line.n == 0 && s->lines == 0) {
        s->started = s->n; /* RFC 9112 §2.2: left over by some clients */
        return true;
    }
    s->complete = line.n == 0;
    struct http_request scrap;
    return s->lines++ > 0 || request_line(line, &scrap, refusal);
}

bool head_scan(struct head_scan *s, struct str text, struct head_refusal *refusal)
{
    while (s->n < text.n && !s->complete) {
        const unsigned char c = (unsigned char)text.p[s->n];
        const bool after_cr = s->n > s->line && text.p[s->n - 1] == '\r';
        if (after_cr && c != '\n')
            return refuse(refusal, 400, "a CR that no LF follows in the head of the request", NULL);
        if (c == '\n' && !after_cr)
            return refuse(refusal, 400, "a line of the head ends by a bare LF",
                          "lines end by CR LF (RFC 9112, section 2.2)");
        if ((c < 0x20 && c != '\r' && c != '\n' && c != '\t') || c == 0x7f)
            return bad_octet(s, c, refusal);
        s->n++;
        if (c == '\n' && !line_ended(s, text, refusal))
            return false;
    }
    if (s->complete || s->n < HTTP_HEAD_MAX)
        return true;
    if (s->lines == 0)
        return refuse(refusal, 414, "the request line has more than 16 KiB", NULL);
    return refuse(refusal, 431, "the head of the request has more than 16 KiB",
                  "send fewer or shorter headers");
}
