/* The zones as they were: ?seq= and ?serial=. */
#ifndef API_PAST_H
#define API_PAST_H

#include <betterdns/api.h>

#include "filter.h"

/* The state that a query asks for: NULL in *ret_snap where it asks for the present. ?serial= is
 * that of filter's one zone, or of the only one. -BD_ESYNTAX, -BD_ENOTFOUND (not kept, or not yet),
 * and those of the history; *ret_problem is filled. The snapshot is the caller's to put. */
int past_read(const struct api *api, const struct http_request *rq, const struct filter *filter,
              struct snap **ret_snap, struct problem *ret_problem);

/* What is kept, as the hint of a problem; returns p->error. */
int past_hint(const struct api *api, struct problem *p);

#endif
