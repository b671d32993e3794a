/* GET /status: how the program is, for people and for the command line. */
#include "resources.h"

#include "record_json.h"
#include "overview.h"

static void write_text(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_c(j, text && text[0] ? text : NULL);
}

static void write_server(struct json *j, const struct controller_status *server)
{
    json_key(j, "server");
    json_open(j, '{');
    write_text(j, "kind", server->kind);
    write_text(j, "version", server->version);
    write_text(j, "state", server->state);
    record_json_known(j, "pid", (uint64_t)(server->pid > 0 ? server->pid : 0));
    json_key(j, "generation");
    json_uint(j, server->generation);
    json_key(j, "adopted");
    json_bool(j, server->adopted);
    write_text(j, "strategy", server->strategy);
    write_text(j, "reason", server->reason);
    json_close(j, '}');
}

static void write_error(struct json *j, const char *file, const char *message)
{
    if (!message[0])
        return;
    json_open(j, '{');
    json_key(j, "file");
    json_c(j, file);
    json_key(j, "line");
    json_null(j);
    json_key(j, "column");
    json_null(j);
    json_key(j, "message");
    json_c(j, message);
    json_close(j, '}');
}

static void write_zone(struct json *j, const struct api *api, const struct overview *s, unsigned i)
{
    const struct snap_zone *zone = snap_zone(s->snap, i);
    const struct controller_zone_status *status = &s->zones[i];

    json_open(j, '{');
    json_key(j, "name");
    record_json_name(j, &zone->origin);
    json_key(j, "serial");
    json_uint(j, zone->serial);
    record_json_known(j, "served_serial", status->served_serial);
    json_key(j, "lag_ms");
    json_ms(j, status->lag_ns);
    json_key(j, "load_ms");
    json_ms(j, status->load_ns);
    json_key(j, "file");
    json_c(j, api->zones[i].file);
    json_key(j, "file_state");
    json_c(j, file_state_name(status->file_state));
    json_key(j, "exported_seq");
    json_uint(j, status->exported_seq);
    json_key(j, "errors");
    json_open(j, '[');
    write_error(j, api->zones[i].file, status->error);
    write_error(j, status->live, status->trouble);
    json_close(j, ']');
    json_close(j, '}');
}

void status_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct json j = {.out = http_body(rs)};
    struct overview s;

    (void)rq;
    if (!overview_or_problem(api, rs, &s))
        return;
    http_type(rs, "application/json");
    json_open(&j, '{');
    json_key(&j, "seq");
    json_uint(&j, snap_seq(s.snap));
    json_key(&j, "read_only");
    json_bool(&j, s.registry.read_only);
    write_text(&j, "read_only_reason", s.registry.read_only_reason);
    json_key(&j, "store_full");
    json_bool(&j, s.registry.full);
    write_server(&j, &s.server);
    json_key(&j, "zones");
    json_open(&j, '[');
    for (unsigned i = 0; i < api->nzones; i++)
        write_zone(&j, api, &s, i);
    json_close(&j, ']');
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
    overview_free(&s);
}
