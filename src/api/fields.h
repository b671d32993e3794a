/* The fields of a write's body, each judged: what is unknown, and what is nobody's to ask for, is
 * refused by name. */
#ifndef API_FIELDS_H
#define API_FIELDS_H

#include <betterdns/api.h>
#include <betterdns/check.h>

enum fields_method { FIELDS_POST = 1, FIELDS_PUT = 2, FIELDS_DELETE = 4 };

struct fields {
    struct str name; /* p NULL: not given */
    struct str id;   /* n 0: not given */
    bool has_ttl;
    uint32_t ttl;
    const struct str *values; /* nvalues 0: not given */
    size_t nvalues;
    uint32_t lease_s; /* 0: not given */
    struct buf check; /* the canonical text (check.h); n 0: not given */
    struct str one;   /* what values points at where there is one alone */
    char culprit[64]; /* what a problem's field points at where it is the client's own word */
};

/* Body or, without one, query. -BD_ESYNTAX, -BD_EMISMATCH (a body of another type), -BD_EINVALID,
 * and those of http_fields; *ret_problem is filled. Views of the request; *f must not be moved
 * afterwards. Free it in any case. */
int fields_read(const struct http_request *rq, const struct rrtype *type, enum fields_method method,
                struct fields *f, struct problem *ret_problem);
void fields_free(struct fields *f); /* zeroed is fine */

#endif
