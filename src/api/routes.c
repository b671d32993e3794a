/* The table of routes. The rows of record types come from the table of types: a new type there is a
 * new resource here. */
#include "resources.h"

#include <pthread.h>
#include <stdio.h>

#include <betterdns/rrtype.h>

#define TYPES_MAX 64 /* tests/unit/test_api_routes.c sees when the table outgrows it */
#define PATTERN_MAX 32

/* What a query may have. The writes judge theirs with their body's fields (fields.c). */
static const char *const no_query[] = {NULL};
static const char *const manifest_query[] = {"zone",   "name", "type", "format",
                                             "serial", "seq",  NULL};
static const char *const changes_query[] = {"since", "zone", "name", "limit", NULL};
static const char *const events_query[] = {"after", "wait", "kind", "name", "zone", NULL};
static const char *const rollback_query[] = {"zone", "seq", "wait", "timeout", NULL};
static const char *const wait_query[] = {"wait", "timeout", NULL};
static const char *const id_query[] = {"id", NULL};
static const char *const list_query[] = {"name", "zone", "limit", "cursor", NULL};

/* Load balancers add parameters to their probes of healthz and readyz, so that nothing in between
 * answers: those take any. */
static const struct http_route fixed_routes[] = {
    {.method = "GET",
     .pattern = "/",
     .handler = manifest_get,
     .query = manifest_query,
     .help =
         "every zone as a zone file, or JSON, hosts or Prometheus targets by format and Accept"},
    {.method = "GET",
     .pattern = "/types",
     .handler = types_get,
     .query = no_query,
     .help = "the record types, each with an example"},
    {.method = "GET",
     .pattern = "/zones",
     .handler = zones_list,
     .query = no_query,
     .help = "the zones: serial, served serial, the state of the file"},
    {.method = "GET",
     .pattern = "/zones/{zone}",
     .handler = zones_get,
     .query = no_query,
     .help = "one of them"},
    {.method = "POST",
     .pattern = "/zones/{zone}/accept",
     .handler = zones_accept,
     .query = wait_query,
     .help = "takes a save of the zone's file that is held, as it stands"},
    {.method = "POST",
     .pattern = "/zones/{zone}/discard",
     .handler = zones_discard,
     .query = wait_query,
     .help = "drops a save that is held or rejected; the file is written anew"},
    {.method = "GET",
     .pattern = "/changes",
     .handler = changes_get,
     .query = changes_query,
     .help = "what changed, when and by whom"},
    {.method = "GET",
     .pattern = "/events",
     .handler = events_get,
     .query = events_query,
     .help = "what happens: a stream for text/event-stream, else what came after an id"},
    {.method = "GET",
     .pattern = "/explain/{name}",
     .handler = explain_get,
     .query = no_query,
     .help = "where a name's records come from, and what DNS shows"},
    {.method = "POST",
     .pattern = "/rollback",
     .handler = rollback_post,
     .query = rollback_query,
     .help = "makes a zone what it was after a change"},
    {.method = "GET",
     .pattern = "/status",
     .handler = status_get,
     .query = no_query,
     .help = "how registry, DNS server, zones and checks stand"},
    {.method = "GET",
     .pattern = "/controller/strategy",
     .handler = strategy_get,
     .query = no_query,
     .help = "how the DNS server learns of changes, and why so"},
    {.method = "PUT",
     .pattern = "/controller/strategy",
     .handler = strategy_put,
     .help = "strategy: one that server.strategy may be, until the next start"},
    {.method = "GET",
     .pattern = "/health",
     .handler = health_list_get,
     .query = no_query,
     .help = "what is checked, and how it is"},
    {.method = "GET",
     .pattern = "/health/{name}",
     .handler = health_get,
     .query = no_query,
     .help = "the checks of a name, with what came before"},
    {.method = "PUT",
     .pattern = "/health/{name}",
     .handler = health_put,
     .help = "a host reports for its ttl check: status pass, warn or fail; output"},
    {.method = "PUT",
     .pattern = "/maintenance/{name}",
     .handler = maintenance_put,
     .query = id_query,
     .help = "drains a host: it leaves DNS, and says when that is safe"},
    {.method = "DELETE",
     .pattern = "/maintenance/{name}",
     .handler = maintenance_delete,
     .query = id_query,
     .help = "ends that"},
    {.method = "GET",
     .pattern = "/healthz",
     .handler = healthz_get,
     .open = true,
     .help = "200 while the program lives"},
    {.method = "GET",
     .pattern = "/readyz",
     .handler = readyz_get,
     .open = true,
     .help = "200 when the DNS server answers for every zone, else 503"},
    {.method = "GET",
     .pattern = "/version",
     .handler = version_get,
     .open = true,
     .query = no_query,
     .help = "the version"},
    {.method = "GET",
     .pattern = "/metrics",
     .handler = metrics_get,
     .query = no_query,
     .help = "for Prometheus"},
};

static const struct {
    const char *method;
    bool named; /* "/a/{name}", else "/a" */
    http_handler *handler;
    const char *const *query;
    const char *help;
} record_routes[] = {
    {"GET", false, records_list, list_query, "all record sets of the type"},
    {"POST", false, records_post, NULL,
     "registers: name, value or values, ttl, id, lease, check; without a value the caller's own"},
    {"GET", true, records_get, no_query, "one record set, with its registrations"},
    {"PUT", true, records_put, NULL, "replaces it: value or values, ttl; registrations end"},
    {"DELETE", true, records_delete, NULL, "deletes it; with id or value only those of it"},
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct http_route routes[ARRAY_SIZE(fixed_routes) + TYPES_MAX * ARRAY_SIZE(record_routes)];
static char patterns[TYPES_MAX][2][PATTERN_MAX];
static size_t nroutes;

static void make_patterns(const char *type, char ret_patterns[2][PATTERN_MAX])
{
    char lower[PATTERN_MAX / 2];
    size_t n = 0;

    for (; type[n] && n + 1 < sizeof(lower); n++)
        lower[n] = (char)ascii_lower((unsigned char)type[n]);
    lower[n] = '\0';
    snprintf(ret_patterns[0], PATTERN_MAX, "/%s", lower);
    snprintf(ret_patterns[1], PATTERN_MAX, "/%s/{name}", lower);
}

static void add_type(const struct rrtype *type, char type_patterns[2][PATTERN_MAX])
{
    make_patterns(type->name, type_patterns);
    for (size_t i = 0; i < ARRAY_SIZE(record_routes); i++)
        routes[nroutes++] = (struct http_route){
            .method = record_routes[i].method,
            .pattern = type_patterns[record_routes[i].named],
            .handler = record_routes[i].handler,
            .query = record_routes[i].query,
            .help = record_routes[i].help,
            .data = type,
        };
}

static void make_routes(void)
{
    size_t nrows, ntypes = 0;
    const struct rrtype *row = rrtype_table(&nrows);

    for (size_t i = 0; i < ARRAY_SIZE(fixed_routes); i++)
        routes[nroutes++] = fixed_routes[i];
    for (size_t i = 0; i < nrows && ntypes < TYPES_MAX; i++)
        if (row[i].flags & RRTYPE_ROUTE)
            add_type(&row[i], patterns[ntypes++]);
}

const struct http_route *api_routes(size_t *ret_n)
{
    pthread_once(&once, make_routes);
    *ret_n = nroutes;
    return routes;
}
