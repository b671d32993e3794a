/* Who asks: the other end of the connection, or whom a trusted proxy names. */
#include "http_private.h"

/* The last of the comma-separated parts of *rest; false when there is none any more. */
static bool cut_last(struct str *rest, struct str *ret_part)
{
    if (rest->n == 0)
        return false;
    const char *comma = memrchr(rest->p, ',', rest->n);
    const size_t from = comma ? (size_t)(comma + 1 - rest->p) : 0;

    *ret_part = str_trim((struct str){rest->p + from, rest->n - from});
    rest->n = comma ? from - 1 : 0;
    return true;
}

/* From the nearest proxy outwards: what a trusted one wrote is believed, and nothing beyond it. */
static bool follow_proxies(struct http_request *rq)
{
    const struct http_options *o = &rq->rules->options;

    for (size_t i = rq->nheaders; i-- > 0;) {
        struct str rest = rq->headers[i].value, part;
        if (!str_eq_fold(rq->headers[i].name, STR("X-Forwarded-For")))
            continue;
        while (cut_last(&rest, &part)) {
            if (!network_has(o->trusted_proxies, o->ntrusted_proxies, &rq->client))
                return true;
            if (address_parse_with_port(part, &rq->client) < 0)
                return false;
        }
    }
    return true;
}

bool client_find(struct http_request *rq, struct http_response *rs)
{
    rq->client = rq->peer;
    bool found = follow_proxies(rq);

    address_text(&rq->client, rq->client_text);
    if (!found)
        http_problem_as(rs, 400, "malformed", "Malformed request",
                        "X-Forwarded-For names something that is no address");
    return found;
}
