/* GET /: the walk over one snapshot, in pieces that go out as they get full. An outdated snapshot
 * is memory that nobody else needs: a client that has not taken all of it 30 s after it began,
 * while the zones moved on, is cut off. It never gets two states in one manifest. */
#include "manifest.h"

#include <betterdns/clock.h>

#include "past.h"
#include "resources.h"

#define SNAPSHOT_TIME (30 * NS_PER_S)
#define PIECE 16384 /* a smaller manifest goes out as one answer, with its length */

static const struct manifest_format *const formats[] = {
    &manifest_zone,
    &manifest_json,
    &manifest_hosts,
    &manifest_prometheus,
};

static const struct manifest_format *format_by_name(struct str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (str_eq(name, str_c(formats[i]->name)))
            return formats[i];
    return NULL;
}

/* NULL: there is no such format; *problem says so. */
static const struct manifest_format *choose(const struct http_request *rq, struct problem *problem)
{
    struct str name = http_query(rq, "format");
    const struct manifest_format *format;

    if (!name.p && !http_accepts(rq, "text/dns") && http_accepts(rq, "application/json"))
        return &manifest_json;
    if (!name.p)
        return &manifest_zone;
    format = format_by_name(name);
    if (!format)
        problem_set(problem, -BD_ESYNTAX, "format",
                    "format is zone, json, hosts or prometheus, not '%.*s'", STR_ARG(name));
    return format;
}

/* A browser saves what it does not know to a file: it gets zone text as plain text. */
static const char *media_type(const struct http_request *rq, const struct manifest_format *format)
{
    bool browser = http_accepts(rq, "text/html") || http_accepts(rq, "text/plain");

    if (format == &manifest_zone && browser && !http_accepts(rq, "text/dns"))
        return "text/plain; charset=us-ascii";
    return format->content_type;
}

/* False: without memory; the answer is set. */
static bool manifest_init(const struct api *api, struct http_response *rs, struct manifest *m)
{
    m->api = api;
    m->out = http_body(rs);
    m->json = (struct json){.out = m->out};
    return overview_or_problem(api, rs, &m->overview);
}

static void manifest_free(struct manifest *m)
{
    overview_free(&m->overview);
    buf_free(&m->scratch);
}

/* Takes the count over. What the server shows belongs to the present. */
static void show_past(struct manifest *m, struct snap *past)
{
    snap_put(m->overview.snap);
    m->overview.snap = past;
    m->past = true;
    for (unsigned i = 0; i < m->api->nzones; i++)
        m->overview.zones[i].served_serial = 0;
}

/* As long as the snapshot is the present one, it costs nothing to keep. */
static void set_deadline(struct manifest *m, struct http_response *rs)
{
    struct snap *present = registry_snapshot(m->api->registry);
    const uint64_t time = m->api->snapshot_time_ns ? m->api->snapshot_time_ns : SNAPSHOT_TIME;

    if (!m->deadline || present == m->overview.snap)
        m->deadline = clock_deadline(time);
    snap_put(present);
    http_stream_deadline(rs, m->deadline);
}

/* 0, or why to stop. */
static int send_piece(struct manifest *m, struct http_response *rs)
{
    set_deadline(m, rs);
    int r = m->out->error ? m->out->error : http_stream(rs, buf_str(m->out));

    buf_reset(m->out);
    return r;
}

static int write_zone(struct manifest *m, const struct manifest_format *format, unsigned zone,
                      struct http_response *rs, bool *streamed)
{
    struct snap_key from = {.zone = zone};
    const struct dname *origin = &m->api->origins[zone];
    const struct rrset *set;
    struct snap_iter it;
    unsigned at_zone;
    int r = snap_seek(m->overview.snap, from, &it);

    if (r < 0)
        return r;
    if (format->zone_begin)
        format->zone_begin(m, zone);
    while ((set = snap_next(&it, &at_zone)) && at_zone == zone) {
        if (!filter_takes(&m->filter, origin, set))
            continue;
        format->set(m, zone, set);
        if (m->out->n < PIECE)
            continue;
        *streamed = true;
        r = send_piece(m, rs);
        if (r < 0)
            return r;
    }
    if (format->zone_end)
        format->zone_end(m, zone);
    return 0;
}

static void write_all(struct manifest *m, const struct manifest_format *format,
                      struct http_response *rs)
{
    struct problem problem;
    bool streamed = false;
    int r = 0;

    if (format->begin)
        format->begin(m);
    for (unsigned zone = 0; zone < m->api->nzones && r == 0; zone++) {
        if (!m->filter.one_zone || zone == m->filter.zone)
            r = write_zone(m, format, zone, rs, &streamed);
    }
    if (r == 0 && format->end)
        format->end(m);
    if (r == 0 && streamed)
        r = send_piece(m, rs);
    if (r == 0)
        return;
    problem_set(&problem, r, NULL, "%s", bd_strerror(r));
    http_problem(rs, &problem); /* or the connection ends, where the head is out */
}

void manifest_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct manifest m = {.api = NULL};
    struct problem problem;

    struct snap *past = NULL;

    const struct manifest_format *format = choose(rq, &problem);
    if (!format || filter_read(api, rq, &m.filter, &problem) < 0 ||
        past_read(api, rq, &m.filter, &past, &problem) < 0) {
        http_problem(rs, &problem);
        return;
    }
    if (!manifest_init(api, rs, &m)) {
        snap_put(past);
        return;
    }
    if (past)
        show_past(&m, past);
    http_type(rs, media_type(rq, format));
    http_set(rs, "Vary", "Accept");
    write_all(&m, format, rs);
    manifest_free(&m);
}

void manifest_answer_zone(const struct api *api, unsigned zone, struct http_response *rs)
{
    struct manifest m = {.filter = {.one_zone = true, .zone = zone}};

    if (!manifest_init(api, rs, &m))
        return;
    http_type(rs, manifest_zone.content_type);
    write_all(&m, &manifest_zone, rs);
    manifest_free(&m);
}
