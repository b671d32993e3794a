/* The handlers, a declaration a route; their context is a struct api. */
#ifndef API_RESOURCES_H
#define API_RESOURCES_H

#include <betterdns/api.h>

/* Their route's data is the struct rrtype. */
http_handler records_list, records_get, records_post, records_put, records_delete;

http_handler manifest_get;
http_handler changes_get;
http_handler explain_get;
http_handler events_get;
http_handler rollback_post;
http_handler zones_accept, zones_discard;
http_handler types_get;
http_handler zones_list, zones_get;
http_handler status_get;
http_handler strategy_get, strategy_put;
http_handler health_list_get, health_get, health_put;
http_handler maintenance_put, maintenance_delete;
http_handler healthz_get, readyz_get, version_get;
http_handler metrics_get;

#endif
