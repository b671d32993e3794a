/* The REST resources: one file a resource, handlers without state of their own. */
#ifndef BETTERDNS_API_H
#define BETTERDNS_API_H

#include <betterdns/controller.h>
#include <betterdns/events.h>
#include <betterdns/health.h>
#include <betterdns/http.h>
#include <betterdns/registry.h>

struct api_zone {
    struct dname origin;
    const char *file; /* the people's file, for messages */
};

/* What handlers work on; filled by the application before http_start, never changed after. */
struct api {
    struct registry *registry;
    struct controller *controller;
    struct health *health;
    struct http_server *_Atomic http; /* for metrics: set after http_start, NULL until then */
    const struct api_zone *zones;     /* same order as the registry's */
    struct dname *origins;            /* the same origins, for dname_rules */
    unsigned nzones;                  /* at least 1: relative names belong to the first */
    const char *version;              /* of this program */
    struct events *events;            /* outlives the HTTP server */
    uint64_t silence_ns;       /* after which a stream of events shows that it lives; 0: 15 s */
    uint64_t take_time_ns;     /* within which a client takes a piece of it; 0: 10 s */
    uint64_t snapshot_time_ns; /* that a client may take for an outdated snapshot; 0: 30 s */
};

/* All routes, one row each, valid for ever; the handlers' context is a struct api. */
const struct http_route *api_routes(size_t *ret_n);

#endif
