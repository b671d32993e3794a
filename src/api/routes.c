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
    {.method = "GET", .pattern = "/", .handler = manifest_get, .query = manifest_query},
    {.method = "GET", .pattern = "/types", .handler = types_get, .query = no_query},
    {.method = "GET", .pattern = "/zones", .handler = zones_list, .query = no_query},
    {.method = "GET", .pattern = "/zones/{zone}", .handler = zones_get, .query = no_query},
    {.method = "POST",
     .pattern = "/zones/{zone}/accept",
     .handler = zones_accept,
     .query = wait_query},
    {.method = "POST",
     .pattern = "/zones/{zone}/discard",
     .handler = zones_discard,
     .query = wait_query},
    {.method = "GET", .pattern = "/changes", .handler = changes_get, .query = changes_query},
    {.method = "GET", .pattern = "/events", .handler = events_get, .query = events_query},
    {.method = "GET", .pattern = "/explain/{name}", .handler = explain_get, .query = no_query},
    {.method = "POST", .pattern = "/rollback", .handler = rollback_post, .query = rollback_query},
    {.method = "GET", .pattern = "/status", .handler = status_get, .query = no_query},
    {.method = "GET",
     .pattern = "/controller/strategy",
     .handler = strategy_get,
     .query = no_query},
    {.method = "PUT", .pattern = "/controller/strategy", .handler = strategy_put},
    {.method = "GET", .pattern = "/health", .handler = health_list_get, .query = no_query},
    {.method = "GET", .pattern = "/health/{name}", .handler = health_get, .query = no_query},
    {.method = "PUT", .pattern = "/health/{name}", .handler = health_put},
    {.method = "PUT",
     .pattern = "/maintenance/{name}",
     .handler = maintenance_put,
     .query = id_query},
    {.method = "DELETE",
     .pattern = "/maintenance/{name}",
     .handler = maintenance_delete,
     .query = id_query},
    {.method = "GET", .pattern = "/healthz", .handler = healthz_get, .open = true},
    {.method = "GET", .pattern = "/readyz", .handler = readyz_get, .open = true},
    {.method = "GET",
     .pattern = "/version",
     .handler = version_get,
     .open = true,
     .query = no_query},
    {.method = "GET", .pattern = "/metrics", .handler = metrics_get, .query = no_query},
};

static const struct {
    const char *method;
    bool named; /* "/a/{name}", else "/a" */
    http_handler *handler;
    const char *const *query;
} record_routes[] = {
    {"GET", false, records_list, list_query}, {"POST", false, records_post, NULL},
    {"GET", true, records_get, no_query},     {"PUT", true, records_put, NULL},
    {"DELETE", true, records_delete, NULL},
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
