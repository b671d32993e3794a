/* GET /zones and /zones/ZONE: the configured zones, without their records. */
#include "resources.h"

#include "names.h"
#include "record_json.h"
#include "overview.h"

static void write_zone(struct json *j, const struct api *api, const struct overview *s, unsigned i)
{
    const struct snap_zone *zone = snap_zone(s->snap, i);

    json_open(j, '{');
    json_key(j, "name");
    record_json_name(j, &zone->origin);
    json_key(j, "serial");
    json_uint(j, zone->serial);
    record_json_known(j, "served_serial", s->zones[i].served_serial);
    json_key(j, "soa");
    record_json_soa(j, snap_find_name(s->snap, i, &zone->origin, RRTYPE_SOA));
    json_key(j, "record_sets");
    json_uint(j, zone->nrrsets);
    json_key(j, "records");
    json_uint(j, zone->nrecords);
    json_key(j, "file");
    json_c(j, api->zones[i].file);
    json_key(j, "file_state");
    json_c(j, file_state_name(s->zones[i].file_state));
    json_close(j, '}');
}

void zones_list(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct json j = {.out = http_body(rs)};
    struct overview s;

    (void)rq;
    if (!overview_or_problem(api, rs, &s))
        return;
    http_type(rs, "application/json");
    json_open(&j, '{');
    json_key(&j, "zones");
    json_open(&j, '[');
    for (unsigned i = 0; i < api->nzones; i++)
        write_zone(&j, api, &s, i);
    json_close(&j, ']');
    json_key(&j, "seq");
    json_uint(&j, snap_seq(s.snap));
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
    overview_free(&s);
}

void zones_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct json j = {.out = http_body(rs)};
    struct problem problem;
    struct overview s;
    unsigned zone;
    int r = names_zone(api, http_segment(rq, "zone"), &zone, &problem);

    if (r < 0) {
        problem.error = -BD_ENOTFOUND; /* in a path, what is not there is not found */
        problem.field = NULL;
        http_problem(rs, &problem);
        return;
    }
    if (!overview_or_problem(api, rs, &s))
        return;
    http_type(rs, "application/json");
    write_zone(&j, api, &s, zone);
    buf_add_c(j.out, '\n');
    overview_free(&s);
}
