/* PUT and DELETE /maintenance/NAME: a host is drained before somebody stops it. */
#include "resources.h"

#include <betterdns/clock.h>

#include "names.h"
#include "outcome.h"
#include "record_json.h"

static void answer(const struct dname *name, const struct health_drained *d, bool on,
                   struct http_response *rs)
{
    struct json j = {.out = http_body(rs)};
    char time[CLOCK_RFC3339_SIZE];

    http_type(rs, "application/json");
    json_open(&j, '{');
    json_key(&j, "name");
    record_json_name(&j, name);
    json_key(&j, "state");
    json_c(&j, !on ? "serving" : d->drained ? "drained" : "draining");
    json_key(&j, "safe_at");
    json_c(&j, on ? clock_rfc3339(d->safe_at, time) : NULL);
    json_key(&j, "safe_in_s");
    if (on)
        json_uint(&j, d->safe_in_s);
    else
        json_null(&j);
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
}

static void decide(const struct api *api, const struct http_request *rq, struct http_response *rs,
                   bool on)
{
    struct health_drained drained;
    struct problem problem = {0};
    struct dname name;
    unsigned zone;

    int r = names_resolve(api, http_segment(rq, "name"), &name, &zone, &problem);
    if (r == 0)
        r = health_drain(api->health, zone, &name, http_query(rq, "id"), on,
                         clock_deadline(OUTCOME_SUBMIT_NS), &drained, &problem);
    if (r < 0) {
        outcome_fault(r, &problem);
        http_problem(rs, &problem);
        return;
    }
    answer(&name, &drained, on, rs);
}

void maintenance_put(void *context, const struct http_request *rq, struct http_response *rs)
{
    decide(context, rq, rs, true);
}

void maintenance_delete(void *context, const struct http_request *rq, struct http_response *rs)
{
    decide(context, rq, rs, false);
}
