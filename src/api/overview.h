/* One moment of the whole program: what status, zones and metrics tell. */
#ifndef API_OVERVIEW_H
#define API_OVERVIEW_H

#include <betterdns/api.h>

struct overview {
    struct snap *snap;
    struct registry_stats registry;
    struct controller_status server;
    struct controller_zone_status *zones; /* one a zone, owned */
};

int overview_get(const struct api *api, struct overview *ret_overview); /* -ENOMEM */
void overview_free(struct overview *s);                                 /* zeroed is fine */

/* overview_get for a handler: without memory the answer is set, and false returned. */
bool overview_or_problem(const struct api *api, struct http_response *rs,
                         struct overview *ret_overview);

#endif
