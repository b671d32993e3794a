/* betterdns-http(7), by the table of routes. */
#include <betterdns/api.h>
#include <betterdns/rrtype.h>

#include "man.h"
#include "roff.h"

static const char beginning[] =
    ".SH DESCRIPTION\n"
    "A host says \\(dqhere I am\\(dq with one request; when the answer comes, its name is\n"
    "registered, and with wait=served the DNS server answers with it.\n"
    "The addresses and ports are http.listen of\n.BR betterdns.yaml (5).\n"
    ".PP\n"
    "Names are absolute where they end in a dot or in a configured zone, else relative to the\n"
    "first zone; answers have absolute names.\n"
    "Values are in the form of zone files: \\(dq10 mail.lab.example.\\(dq.\n"
    "Bodies are application/json or application/x\\-www\\-form\\-urlencoded; where there is\n"
    "none, the parameters of the query count.\n"
    "Answers are JSON; a list of records or changes has a member next, which asks for what\n"
    "follows.\n"
    ".SS Authorization\n"
    "With http.token_file each request but those to /healthz, /readyz and /version needs the\n"
    "header \\(dqAuthorization: Bearer TOKEN\\(dq; without it: 401.\n"
    "http.allow says who may connect at all.\n"
    "Without a token, Host must be an address, localhost, a name in a zone, or one of\n"
    "http.hosts: else 421; and what a browser sends from another site is 403.\n"
    ".SS Registering\n"
    "POST /a with a name registers an address; without a value it is the one that the caller has.\n"
    "A registration is told from others by name, type and id; id is the name where none is\n"
    "given, so that a host that repeats itself replaces its own address, and several hosts share\n"
    "a name by ids of their own.\n"
    "Repeating it changes nothing: 200 with \\(dqchanged\\(dq:false; a new one is 201.\n"
    "A name that was written by hand is not taken over: 409.\n"
    ".PP\n"
    "lease (10s at least) ends it when it is not repeated in time.\n"
    "check is a URL (http, https, tcp://:22, dns://:53/NAME, ttl:60s, exec:NAME), or an object:\n"
    "url, interval, timeout, fall, rise, initial, grace, status, body, deregister_after; in a "
    "form\n"
    "check.interval=1s.\n"
    "A check without a host goes to the registered address; what fails leaves DNS, and after\n"
    "deregister_after it is unregistered.\n"
    ".SS Reading\n"
    "GET / is a zone file for each zone; by format, or by Accept, it is zone, json, hosts or\n"
    "prometheus.\n"
    "zone, name and type choose; seq=N or serial=N is the zone as it was then.\n"
    "A name may be a pattern: web*.\n"
    ".SS Waiting\n"
    "A write is answered when it is durable.\n"
    "wait=served waits until the DNS server answers with it, too, and timeout=2s says how long:\n"
    "after that the answer is 202, with the reason.\n"
    ".SS Preconditions\n"
    "A record set has an ETag.\n"
    "Writes take If\\-Match and If\\-None\\-Match: *; 412 where that does not hold.\n"
    "dry_run=1 says what would change, and changes nothing.\n"
    ".SS Errors\n"
    "application/problem+json (RFC 9457): type, title, status and detail; field where one value\n"
    "is at fault, and hint where there is something to do.\n"
    "400: malformed; 401, 403: not allowed; 404; 405; 409: in conflict with what is there;\n"
    "412: a precondition does not hold; 413; 415; 422: understood, but not valid;\n"
    "503: starting, stopping, read\\-only or full.\n"
    "503 comes with Retry\\-After, so that\n.B curl \\-\\-retry\nhelps.\n";

static const char end[] =
    ".SH EXAMPLES\n"
    "A host registers its own address, and is gone from DNS when it stops to do so:\n"
    ".PP\n.nf\n"
    "curl \\-fsS \\-d name=$(hostname \\-s) \\-d lease=3m "
    "\\(aqhttp://10.0.0.53:8000/a?wait=served\\(aq\n"
    ".fi\n.PP\n"
    "It is taken out of DNS when it does not answer any more:\n"
    ".PP\n.nf\n"
    "curl \\-fsS \\-d name=web \\-d check=http://:8080/healthz http://10.0.0.53:8000/a\n"
    ".fi\n.PP\n"
    "It is drained before its end:\n"
    ".PP\n.nf\n"
    "curl \\-fsS \\-X PUT http://10.0.0.53:8000/maintenance/web\n"
    ".fi\n.PP\n"
    "Everything as a zone file:\n"
    ".PP\n.nf\n"
    "curl \\-fsS http://10.0.0.53:8000/\n"
    ".fi\n"
    ".SH SEE ALSO\n"
    ".BR betterdns (1),\n"
    ".BR betterdns.yaml (5),\n"
    ".BR curl (1)\n";

static void add_route(struct buf *out, const struct http_route *r, const char *pattern)
{
    roff_item(out, "%s %s", r->method, pattern);
    roff_text(out, r->help ? r->help : "");
    for (size_t i = 0; r->query && r->query[i]; i++) {
        buf_addf(out, "%s", i == 0 ? ".br\nQuery: " : ", ");
        roff_add(out, str_c(r->query[i]));
    }
    if (r->query && r->query[0])
        buf_add_c(out, '\n');
    if (r->open)
        buf_addf(out, ".br\nNeeds no token.\n");
}

/* The routes of a type are those of each type: one stands for all. */
static void add_routes(struct buf *out, const struct rrtype *type)
{
    size_t n;
    const struct http_route *routes = api_routes(&n);
    char pattern[64];

    for (size_t i = 0; i < n; i++) {
        const char *rest = routes[i].pattern + 1;
        if (routes[i].data != type)
            continue;
        if (type) {
            rest = strchr(rest, '/');
            str_format(pattern, sizeof(pattern), "/TYPE%s", rest ? rest : "");
        }
        add_route(out, &routes[i], type ? pattern : routes[i].pattern);
    }
}

static void add_types(struct buf *out)
{
    size_t n;
    const struct rrtype *types = rrtype_table(&n);

    for (size_t i = 0; i < n; i++) {
        struct buf path = {0};
        if (!(types[i].flags & RRTYPE_ROUTE))
            continue;
        for (const char *c = types[i].name; *c; c++)
            buf_add_c(&path, (char)ascii_lower((unsigned char)*c));
        roff_item(out, "/%.*s", STR_ARG(buf_str(&path)));
        roff_text(out, types[i].example);
        buf_free(&path);
    }
}

static void add_events(struct buf *out)
{
    buf_addf(out, ".SS Events\n"
                  "GET /events with Accept: text/event\\-stream is a stream that goes on after\n"
                  "Last\\-Event\\-ID; else after=ID with wait=60s waits for what comes next.\n"
                  "An id that is not kept any more is 410: after=0 is the oldest that is.\n"
                  "The kinds:\n");
    for (unsigned i = 0; i < EVENT_NKINDS; i++)
        buf_addf(out, "%s%s\n", event_kind_name((enum event_kind)i),
                 i + 1 < EVENT_NKINDS ? "," : ".");
}

void man_http(struct buf *out)
{
    roff_head(out, "betterdns-http", 7, "the REST API of betterdns");
    buf_add_str(out, str_c(beginning));
    add_events(out);
    buf_addf(out, ".SH ROUTES\n");
    add_routes(out, NULL);
    buf_addf(out, ".SS Records\nTYPE is one of the types below, in lower case.\n");
    add_routes(out, rrtype_by_code(RRTYPE_A));
    buf_addf(out, ".SS Types\nEach with a value that it can have.\n");
    add_types(out);
    buf_add_str(out, str_c(end));
}
