/* What became of a write. */
#include "outcome.h"

#include "record_json.h"

void outcome_wait(const struct api *api, const struct options *options, unsigned zone,
                  uint64_t committed_ns, struct outcome *o)
{
    uint64_t at_ns;

    o->dry_run = options->dry_run;
    o->asked = options->wait_served && !options->dry_run;
    if (!o->asked)
        return;
    o->served = controller_wait_served(api->controller, zone, o->serial,
                                       committed_ns + options->timeout_ns, &at_ns, o->reason) == 0;
    if (o->served) /* it may have been served before: a repeat, or a neighbour's later serial */
        o->after_ns = at_ns > committed_ns ? at_ns - committed_ns : 0;
}

void outcome_json(const struct outcome *o, struct json *j)
{
    json_key(j, "changed");
    json_bool(j, o->changed);
    json_key(j, "seq");
    json_uint(j, o->seq);
    json_key(j, "serial");
    json_uint(j, o->serial);
    if (o->dry_run) {
        json_key(j, "dry_run");
        json_bool(j, true);
    }
    if (!o->asked)
        return;
    json_key(j, "served");
    json_bool(j, o->served);
    json_key(j, o->served ? "served_in_ms" : "reason");
    if (o->served)
        json_ms(j, o->after_ns);
    else
        json_c(j, o->reason);
}

int outcome_status(const struct outcome *o, int status)
{
    return o->asked && !o->served ? 202 : status;
}

void outcome_fault(int error, struct problem *p)
{
    if (error == -BD_ETIMEDOUT) {
        problem_set(p, error, NULL, "the change was not decided in time: it may still happen");
        problem_hint(p, "repeat the request: a change that has happened changes nothing");
    } else if (p->error == 0) {
        problem_set(p, error, NULL, "%s", bd_strerror(error));
    }
}

void outcome_answer_zone(const struct api *api, unsigned zone, const struct outcome *o,
                         struct http_response *rs)
{
    struct json j = {.out = http_body(rs)};

    http_status(rs, outcome_status(o, 200));
    http_type(rs, "application/json");
    json_open(&j, '{');
    json_key(&j, "zone");
    record_json_name(&j, &api->origins[zone]);
    outcome_json(o, &j);
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
}
