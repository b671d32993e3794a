/* Which record sets a GET asks for: ?zone= ?name=GLOB ?type=. */
#ifndef API_FILTER_H
#define API_FILTER_H

#include <betterdns/api.h>

struct filter {
    bool one_zone;
    unsigned zone;   /* with one_zone */
    struct str glob; /* n 0: every name */
    uint16_t type;   /* 0: every type */
};

/* -BD_ESYNTAX, -BD_EINVALID, -BD_ENOZONE; *ret_problem is filled. Views of the request. */
int filter_read(const struct api *api, const struct http_request *rq, struct filter *ret_filter,
                struct problem *ret_problem);

/* A set of the zone with this origin. The glob is matched against the absolute name, with and
 * without the final dot, and the name relative to the zone. */
bool filter_takes(const struct filter *f, const struct dname *origin, const struct rrset *set);

#endif
