/* GET /metrics: Prometheus text format 0.0.4. Labels are zones, states and classes: never a host
 * name. */
#include "resources.h"

#include <betterdns/clock.h>

#include "overview.h"

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP betterdns_%s %s\n# TYPE betterdns_%s %s\n", name, help, name, type);
}

static void counter(struct buf *out, const char *name, const char *help, uint64_t value)
{
    head(out, name, "counter", help);
    buf_addf(out, "betterdns_%s %llu\n", name, (unsigned long long)value);
}

static void gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
    head(out, name, "gauge", help);
    buf_addf(out, "betterdns_%s %llu\n", name, (unsigned long long)value);
}

static void add_seconds(struct buf *out, uint64_t ns)
{
    buf_addf(out, "%llu.%09llu", (unsigned long long)(ns / NS_PER_S),
             (unsigned long long)(ns % NS_PER_S));
}

/* A label's value: backslash, quote and newline escaped. */
static void label(struct buf *out, const char *key, const char *value)
{
    buf_addf(out, "%s=\"", key);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            buf_add_c(out, '\\');
        if (*value == '\n')
            buf_addf(out, "\\n");
        else
            buf_add_c(out, *value);
    }
    buf_add_c(out, '"');
}

static void zone_label(struct buf *out, const char *metric, const struct dname *origin)
{
    char text[DNAME_TEXT_MAX];

    dname_to_text(origin, text);
    buf_addf(out, "betterdns_%s{", metric);
    label(out, "zone", text);
}

/* A metric with a row a zone. */
struct zone_metric {
    const char *name, *type, *help;
    bool seconds; /* value gives nanoseconds */
    uint64_t (*value)(const struct snap_zone *zone, const struct controller_zone_status *status);
};

static uint64_t zone_serial(const struct snap_zone *zone, const struct controller_zone_status *s)
{
    (void)s;
    return zone->serial;
}

static uint64_t zone_served(const struct snap_zone *zone, const struct controller_zone_status *s)
{
    (void)zone;
    return s->served_serial;
}

static uint64_t zone_lag(const struct snap_zone *zone, const struct controller_zone_status *s)
{
    (void)zone;
    return s->lag_ns;
}

static uint64_t zone_load(const struct snap_zone *zone, const struct controller_zone_status *s)
{
    (void)zone;
    return s->load_ns;
}

static uint64_t zone_records(const struct snap_zone *zone, const struct controller_zone_status *s)
{
    (void)s;
    return zone->nrecords;
}

static uint64_t zone_published(const struct snap_zone *zone, const struct controller_zone_status *s)
{
    (void)zone;
    return (uint64_t)s->published;
}

static uint64_t zone_late(const struct snap_zone *zone, const struct controller_zone_status *s)
{
    (void)zone;
    return s->late;
}

static const struct zone_metric zone_metrics[] = {
    {"zone_serial", "gauge", "SOA serial of the newest committed state.", false, zone_serial},
    {"zone_served_serial", "gauge", "SOA serial that the DNS server shows; 0: not known.", false,
     zone_served},
    {"zone_lag_seconds", "gauge", "How long the newest serial has been waiting to be served.", true,
     zone_lag},
    {"zone_load_seconds", "gauge", "Time from a new live copy to its first answer, smoothed.", true,
     zone_load},
    {"zone_published_timestamp_seconds", "gauge",
     "When a live copy came to be served the last time; 0: not yet since the start.", false,
     zone_published},
    {"zone_late_total", "counter", "How often a live copy was not served in time.", false,
     zone_late},
    {"zone_records", "gauge", "Records of the zone.", false, zone_records},
};

static void write_zones(struct buf *out, const struct api *api, const struct overview *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(zone_metrics); i++) {
        const struct zone_metric *m = &zone_metrics[i];
        head(out, m->name, m->type, m->help);
        for (unsigned z = 0; z < api->nzones; z++) {
            uint64_t value = m->value(snap_zone(s->snap, z), &s->zones[z]);
            zone_label(out, m->name, &api->origins[z]);
            buf_addf(out, "} ");
            if (m->seconds)
                add_seconds(out, value);
            else
                buf_addf(out, "%llu", (unsigned long long)value);
            buf_add_c(out, '\n');
        }
    }
}

static void write_file_states(struct buf *out, const struct api *api, const struct overview *s)
{
    head(out, "zone_file_state", "gauge", "1 for the state that the people's file is in.");
    for (unsigned z = 0; z < api->nzones; z++) {
        for (enum file_state state = 0; state < FILE_NSTATES; state++) {
            zone_label(out, "zone_file_state", &api->origins[z]);
            buf_add_c(out, ',');
            label(out, "state", file_state_name(state));
            buf_addf(out, "} %d\n", s->zones[z].file_state == state);
        }
    }
}

static void write_registry(struct buf *out, const struct overview *s)
{
    const struct registry_stats *r = &s->registry;

    gauge(out, "seq", "Number of the newest change.", snap_seq(s->snap));
    gauge(out, "read_only", "1: the store takes no changes.", r->read_only);
    gauge(out, "store_full", "1: the last changes found no room on the disk.", r->full);
    counter(out, "rebuilds_total", "Fresh databases written after an error of the disk.",
            r->rebuilds);
    counter(out, "failed_rebuilds_total", "Attempts at that which failed.", r->failed_rebuilds);
    gauge(out, "queued_changes", "Changes that wait for the committer.", r->queued);
    counter(out, "submitted_changes_total", "Changes that were submitted.", r->submitted);
    counter(out, "changes_total", "Changes that were committed.", r->changes);
    counter(out, "unchanged_total", "Changes that repeated what was there.", r->unchanged);
    counter(out, "refused_changes_total", "Changes that were refused.", r->refused);
    counter(out, "commits_total", "Transactions, each of a group of changes.", r->commits);
    head(out, "commit_seconds_total", "counter", "Time spent in transactions.");
    buf_addf(out, "betterdns_commit_seconds_total ");
    add_seconds(out, r->commit_ns_total);
    buf_add_c(out, '\n');
}

static void write_server(struct buf *out, const struct api *api, const struct overview *s)
{
    gauge(out, "server_ready", "1: the DNS server answers for every zone.",
          controller_ready(api->controller));
    gauge(out, "server_generation", "Number of the DNS server's child.", s->server.generation);
    counter(out, "server_starts_total", "Children that were started.", s->server.starts);
    counter(out, "server_swaps_total", "Children that took the place of another one.",
            s->server.swaps);
    counter(out, "server_failed_swaps_total", "Children that were to do so and came to nothing.",
            s->server.failed_swaps);
    counter(out, "publishes_total", "Live copies that were published.", s->server.published);
    counter(out, "publish_escalations_total", "Publishes that were late: another way was tried.",
            s->server.escalations);
    counter(out, "probes_total", "SOA probes that were sent.", s->server.probes);
}

static void write_events(struct buf *out, struct events *events)
{
    struct events_stats stats = {.lost = 0};

    if (events)
        events_stats(events, &stats);
    head(out, "events_total", "counter", "Events by kind.");
    for (unsigned i = 0; i < EVENT_NKINDS; i++)
        buf_addf(out, "betterdns_events_total{kind=\"%s\"} %llu\n",
                 event_kind_name((enum event_kind)i), (unsigned long long)stats.added[i]);
    counter(out, "events_lost_total", "Events for which there was no memory.", stats.lost);
    gauge(out, "event_readers", "Clients that read events, most of them waiting.", stats.readers);
}

static void write_http(struct buf *out, const struct http_server *server)
{
    struct http_stats stats = {.requests = 0};

    if (server)
        http_stats(server, &stats);
    gauge(out, "http_connections", "Open HTTP connections.", stats.connections);
    counter(out, "http_requests_total", "HTTP requests.", stats.requests);
    head(out, "http_responses_total", "counter", "HTTP responses by class of status.");
    for (unsigned i = 1; i < ARRAY_SIZE(stats.by_class); i++)
        buf_addf(out, "betterdns_http_responses_total{class=\"%uxx\"} %llu\n", i,
                 (unsigned long long)stats.by_class[i]);
}

static void write_targets(struct buf *out, const struct health_stats *h)
{
    head(out, "health_targets", "gauge", "Checks of one address each, by state.");
    for (enum check_state state = 0; state < CHECK_NSTATES; state++)
        buf_addf(out, "betterdns_health_targets{state=\"%s\"} %u\n", check_state_name(state),
                 h->targets[state]);
}

static void write_health(struct buf *out, struct health *health)
{
    struct health_stats h;

    health_stats(health, &h);
    gauge(out, "health_panic", "1: too many hosts are down at once, so nobody is removed.",
          h.panic);
    gauge(out, "health_isolated", "1: we seem to be cut off ourselves, so nobody is removed.",
          h.isolated);
    gauge(out, "health_hosts", "Hosts with a check or a lease.", h.hosts);
    gauge(out, "health_hosts_down", "Hosts that are down, as panic counts them.", h.down);
    gauge(out, "leases", "Registrations that have a lease.", h.leases);
    write_targets(out, &h);
    head(out, "health_checks_total", "counter", "Results of checks.");
    buf_addf(out,
             "betterdns_health_checks_total{result=\"success\"} %llu\n"
             "betterdns_health_checks_total{result=\"failure\"} %llu\n",
             (unsigned long long)h.passed, (unsigned long long)h.failed);
    gauge(out, "health_checks_in_flight", "Checks under way, or waiting for their turn.",
          h.in_flight);
    counter(out, "health_checks_late_total", "Checks that began an interval too late.", h.late);
    head(out, "terminations_total", "counter", "Hosts that were ended, or would have been.");
    for (unsigned i = 0; i < 4; i++)
        buf_addf(out, "betterdns_terminations_total{result=\"%s\",dry_run=\"%s\"} %llu\n",
                 i & 1 ? "ok" : "failed", i & 2 ? "true" : "false",
                 (unsigned long long)h.terminated[i & 1][i >> 1]);
}

void metrics_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct buf *out = http_body(rs);
    struct overview s;

    (void)rq;
    if (!overview_or_problem(api, rs, &s))
        return;
    http_type(rs, "text/plain; version=0.0.4; charset=utf-8");
    head(out, "build_info", "gauge", "1, labelled with the version.");
    buf_addf(out, "betterdns_build_info{");
    label(out, "version", api->version);
    buf_addf(out, "} 1\n");
    write_registry(out, &s);
    write_zones(out, api, &s);
    write_file_states(out, api, &s);
    write_server(out, api, &s);
    write_events(out, api->events);
    write_health(out, api->health);
    write_http(out, api->http);
    overview_free(&s);
}
