/* One moment of the whole program. */
#include "overview.h"

#include <stdlib.h>

int overview_get(const struct api *api, struct overview *ret_overview)
{
    struct overview s = {.zones = calloc(api->nzones, sizeof(*s.zones))};

    if (!s.zones)
        return -ENOMEM;
    /* What is served first, then what there is to serve: so a serial never seems served before it
     * exists. */
    controller_status(api->controller, &s.server, s.zones);
    registry_stats(api->registry, &s.registry);
    s.snap = registry_snapshot(api->registry);
    *ret_overview = s;
    return 0;
}

void overview_free(struct overview *s)
{
    snap_put(s->snap);
    free(s->zones);
}

bool overview_or_problem(const struct api *api, struct http_response *rs,
                         struct overview *ret_overview)
{
    struct problem problem;
    int r = overview_get(api, ret_overview);

    if (r == 0)
        return true;
    problem_set(&problem, r, NULL, "no memory");
    http_problem(rs, &problem);
    return false;
}
