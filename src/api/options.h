/* How a request is to be answered: ?wait= ?timeout= ?dry_run= ?return= ?limit=. */
#ifndef API_OPTIONS_H
#define API_OPTIONS_H

#include <betterdns/http.h>

struct options {
    bool wait_served; /* wait=served; else wait=committed, which every answer means */
    uint64_t timeout_ns;
    bool dry_run;
    bool return_manifest;
};

/* Of a write. -BD_ESYNTAX; *ret_problem is filled. */
int options_read(const struct http_request *rq, struct options *ret_options,
                 struct problem *ret_problem);

/* ?limit= of a list: from 1 to most, fallback where it is not given. Errors as above. */
int options_limit(const struct http_request *rq, uint64_t fallback, uint64_t most,
                  uint64_t *ret_limit, struct problem *ret_problem);

#endif
