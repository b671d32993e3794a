/* GET /changes: what changed, when, and by whom, the oldest first. A page has whole changes; one
 * that touched several zones is an object for each of them, all with its seq. What is older than
 * "oldest" is not kept: a page that was asked for from before it starts there. */
#include "changes.h"

#include <limits.h>

#include "names.h"
#include "options.h"
#include "resources.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MOST 1000
#define PIECE 16384 /* a smaller page goes out as one answer, with its length */

struct page {
    const struct api *api;
    struct http_response *rs;
    struct history_filter filter;
    struct dname name; /* what filter points at */
    uint64_t limit, n, last;
    bool more; /* changes than the limit */
    bool streamed;
    struct json json;
    struct buf scratch;
};

static int read_since(const struct http_request *rq, uint64_t *ret_since, struct problem *problem)
{
    struct str text = http_query(rq, "since");

    if (!text.p || str_u64(text, INT64_MAX, ret_since) == 0)
        return 0;
    problem_set(problem, -BD_ESYNTAX, "since", "since is the number of a change, not '%.*s'",
                STR_ARG(text));
    return problem_hint(problem, "0: all that is kept; else 'next' of the page before");
}

static int read_page(const struct http_request *rq, struct page *p, struct problem *problem)
{
    struct str zone = http_query(rq, "zone"), name = http_query(rq, "name");
    unsigned ignored;
    int r;

    p->filter = (struct history_filter){.since = 0, .zone = UINT_MAX};
    if ((r = read_since(rq, &p->filter.since, problem)) < 0 ||
        (r = options_limit(rq, LIMIT_DEFAULT, LIMIT_MOST, &p->limit, problem)) < 0)
        return r;
    if (zone.p && (r = names_zone(p->api, zone, &p->filter.zone, problem)) < 0)
        return r;
    if (name.p && (r = names_resolve(p->api, name, &p->name, &ignored, problem)) < 0)
        return r;
    p->filter.name = name.p ? &p->name : NULL;
    return 0;
}

static int send_piece(void *arg)
{
    struct page *p = arg;
    struct buf *out = p->json.out;

    if (out->error || out->n < PIECE)
        return out->error;
    p->streamed = true;
    int r = http_stream(p->rs, buf_str(out));
    buf_reset(out);
    return r;
}

static int see_change(void *arg, const struct history_change *c)
{
    struct page *p = arg;

    p->more = p->n == p->limit;
    if (p->more)
        return 1;
    p->n++;
    p->last = c->seq;
    return change_json(&p->json, p->api->origins, c, &p->scratch, send_piece, p);
}

static int write_page(struct page *p)
{
    struct json *j = &p->json;

    json_open(j, '{');
    json_key(j, "changes");
    json_open(j, '[');
    int r = registry_history(p->api->registry, &p->filter, see_change, p);
    json_close(j, ']');
    json_key(j, "next");
    if (p->more)
        json_uint(j, p->last);
    else
        json_null(j);
    json_key(j, "oldest");
    json_uint(j, registry_oldest(p->api->registry));
    json_close(j, '}');
    buf_add_c(j->out, '\n');
    if (r < 0)
        return r;
    return p->streamed ? http_stream(p->rs, buf_str(j->out)) : 0;
}

void changes_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct page p = {.api = context, .rs = rs, .json = {.out = http_body(rs)}};
    struct problem problem;

    if (read_page(rq, &p, &problem) < 0) {
        http_problem(rs, &problem);
        return;
    }
    http_type(rs, "application/json");
    int r = write_page(&p);
    if (r < 0) {
        problem_set(&problem, r, NULL, "the history cannot be read: %s", bd_strerror(r));
        http_problem(rs, &problem); /* or the connection ends, where the head is out */
    }
    buf_free(&p.scratch);
}
