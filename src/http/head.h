/* The head of a request (RFC 9112 §2 to §5), read strictly: whatever two readers could understand
 * in two ways is refused here, before anybody acts on it. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "http_private.h"

/* What has come of a head, octet by octet. */
struct head_scan {
    size_t n;       /* octets that belong to it, those that lead to nothing included */
    size_t line;    /* where the line begins */
    size_t started; /* where the request line begins, behind empty lines */
    unsigned lines; /* that ended; the first is the request line */
    bool complete;  /* the empty line was there */
};

/* Goes on with the octets text[s->n …], as far as the head goes; text begins where it began. False:
 * it can become no head; *refusal says why. */
bool head_scan(struct head_scan *s, struct str text, struct head_refusal *refusal);

/* A complete one into rq: method, target, authority, path, query, http10 and headers, all of them
 * views of text. False: *refusal says why. */
bool head_parse(const struct head_scan *s, struct str text, struct http_request *rq,
                struct head_refusal *refusal);

#endif
