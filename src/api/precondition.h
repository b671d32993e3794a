/* If-Match and If-None-Match (RFC 9110 §13.1): entity tags are the hex digits of rrset_etag. */
#ifndef API_PRECONDITION_H
#define API_PRECONDITION_H

#include <betterdns/http.h>
#include <betterdns/registry.h>

#define PRECONDITION_TAGS_MAX 32

struct etag_list {
    bool any; /* "*" */
    size_t n; /* of tags that could be ours; a weak one counts only where it is allowed */
    struct hash128 tag[PRECONDITION_TAGS_MAX];
};

/* The value of either header. weak: W/"…" compares too (If-None-Match); else it is a tag that
 * matches nothing (RFC 9110 §8.8.3.2). -BD_ESYNTAX. */
int etag_list_read(struct str text, bool weak, struct etag_list *ret_list);
bool etag_list_has(const struct etag_list *list, const struct hash128 *tag);

struct precondition {
    bool if_match, if_none_match; /* the header was given */
    struct etag_list match, none_match;
};

/* Both headers of a request. -BD_ESYNTAX; *ret_problem is filled. */
int precondition_read(const struct http_request *rq, struct precondition *ret_precondition,
                      struct problem *ret_problem);
/* For a write. *op has views of *p. -BD_ESYNTAX: If-None-Match with anything but "*"; *ret_problem
 * is filled. */
int precondition_to_op(const struct precondition *p, struct op *op, struct problem *ret_problem);

/* The entity tag as a header has it, quoted. */
#define ETAG_TEXT_SIZE (HASH128_HEX_SIZE + 2)
char *etag_text(const struct hash128 *tag, char out[ETAG_TEXT_SIZE]);

#endif
