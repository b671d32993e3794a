/* GET /status: how the program is, for people and for the command line. */
#include "resources.h"

#include <stdlib.h>

#include <betterdns/clock.h>

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
    json_key(j, "swaps");
    json_uint(j, server->swaps);
    write_text(j, "strategy", server->choice.strategy);
    write_text(j, "chosen", server->choice.chosen);
    write_text(j, "strategy_reason", server->choice.why);
    write_text(j, "reason", server->reason);
    json_close(j, '}');
}

static void write_place(struct json *j, const char *key, unsigned place)
{
    json_key(j, key);
    if (place > 0)
        json_uint(j, place);
    else
        json_null(j);
}

static void write_error(struct json *j, const char *file, unsigned line, unsigned column,
                        const char *message)
{
    json_open(j, '{');
    json_key(j, "file");
    json_c(j, file);
    write_place(j, "line", line);
    write_place(j, "column", column);
    json_key(j, "message");
    json_c(j, message);
    json_close(j, '}');
}

typedef size_t faults_fn(struct controller *c, unsigned zone, struct controller_fault *ret_faults,
                         size_t max);

/* false: without memory. */
static bool write_faults(struct json *j, const struct api *api, unsigned i, faults_fn *fn)
{
    struct controller_fault *faults = calloc(CONTROLLER_FAULTS_MAX, sizeof(*faults));
    size_t n = faults ? fn(api->controller, i, faults, CONTROLLER_FAULTS_MAX) : 0;

    for (size_t f = 0; f < n && f < CONTROLLER_FAULTS_MAX; f++)
        if (faults[f].message[0])
            write_error(j, faults[f].file, faults[f].line, faults[f].column, faults[f].message);
    free(faults);
    return faults != NULL;
}

/* What somebody has to look after: the faults of the people's file, and why the newest copy is not
 * served. */
static void write_errors_and_notes(struct json *j, const struct api *api, const struct overview *s,
                                   unsigned i)
{
    const struct controller_zone_status *status = &s->zones[i];

    json_key(j, "errors");
    json_open(j, '[');
    if (!write_faults(j, api, i, controller_faults) && status->error[0])
        write_error(j, api->zones[i].file, 0, 0, status->error);
    if (status->trouble[0])
        write_error(j, status->live, 0, 0, status->trouble);
    json_close(j, ']');
    json_key(j, "notes");
    json_open(j, '[');
    write_faults(j, api, i, controller_notes);
    json_close(j, ']');
}

static void write_time(struct json *j, const char *key, int64_t real_s)
{
    char text[CLOCK_RFC3339_SIZE];

    json_key(j, key);
    json_c(j, real_s > 0 ? clock_rfc3339(real_s, text) : NULL);
}

/* Of its publishes, also once it is over. */
static void write_last_error(struct json *j, const struct controller_zone_status *status)
{
    json_key(j, "last_error");
    if (status->last_error[0] == '\0') {
        json_null(j);
        return;
    }
    json_open(j, '{');
    write_time(j, "time", status->last_error_at);
    json_key(j, "message");
    json_c(j, status->last_error);
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
    write_time(j, "published", status->published);
    write_last_error(j, status);
    json_key(j, "file");
    json_c(j, api->zones[i].file);
    json_key(j, "file_state");
    json_c(j, file_state_name(status->file_state));
    json_key(j, "exported_seq");
    json_uint(j, status->exported_seq);
    write_errors_and_notes(j, api, s, i);
    json_close(j, '}');
}

static void write_number(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_uint(j, value);
}

#define WAITING_MAX 20

/* Whom the end waits for, and what keeps it. */
static void write_waiting(struct json *j, const struct api *api)
{
    struct health_waiting *all = calloc(WAITING_MAX, sizeof(*all));
    size_t n = all ? health_waiting(api->health, all, WAITING_MAX) : 0;

    write_number(j, "waiting", n);
    json_key(j, "next");
    json_open(j, '[');
    for (size_t i = 0; i < n && i < WAITING_MAX; i++) {
        json_open(j, '{');
        json_key(j, "name");
        record_json_name(j, &all[i].owner);
        json_key(j, "id");
        json_c(j, all[i].id);
        write_number(j, "in_s", all[i].in_s);
        json_key(j, "reason");
        json_c(j, all[i].reason);
        json_close(j, '}');
    }
    json_close(j, ']');
    free(all);
}

static void write_health(struct json *j, const struct api *api)
{
    struct health_stats h;

    health_stats(api->health, &h);
    json_key(j, "health");
    json_open(j, '{');
    json_key(j, "panic");
    json_bool(j, h.panic);
    json_key(j, "isolated");
    json_bool(j, h.isolated);
    write_number(j, "hosts", h.hosts);
    write_number(j, "down", h.down);
    write_number(j, "targets",
                 (uint64_t)h.targets[CHECK_UNKNOWN] + h.targets[CHECK_AVAILABLE] +
                     h.targets[CHECK_UNAVAILABLE]);
    write_number(j, "unavailable", h.targets[CHECK_UNAVAILABLE]);
    write_number(j, "witnesses", h.witnesses);
    write_number(j, "answering", h.answering);
    write_waiting(j, api);
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
    write_health(&j, api);
    json_key(&j, "zones");
    json_open(&j, '[');
    for (unsigned i = 0; i < api->nzones; i++)
        write_zone(&j, api, &s, i);
    json_close(&j, ']');
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
    overview_free(&s);
}
