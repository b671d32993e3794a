/* The values of a write: presentation form to a packed set. */
#ifndef API_VALUES_H
#define API_VALUES_H

#include <betterdns/api.h>

struct values {
    struct rdset set;
    uint8_t *bytes; /* owned; what set points at */
};

/* -BD_EINVALID: *ret_problem names the value, by its index where there are several, and what is
 * wrong with it; -ENOMEM. */
int values_read(const struct api *api, const struct rrtype *type, const struct str *texts, size_t n,
                struct values *ret_values, struct problem *ret_problem);
void values_free(struct values *v); /* zeroed is fine */

/* The caller's own address as the one value of an A or AAAA record. -BD_EINVALID: it does not fit,
 * or is loopback. A view of the request. */
int values_of_caller(const struct http_request *rq, const struct rrtype *type, struct str *ret_text,
                     struct problem *ret_problem);

#endif
