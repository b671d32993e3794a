/* The options that requests are judged by, copied: exchanged as one, so that no request sees half
 * of them. */
#ifndef HTTP_RULES_H
#define HTTP_RULES_H

#include <betterdns/http.h>

#include "arena.h"

struct http_rules {
    struct http_options options; /* without listen, which becomes: */
    struct sockaddr_storage *addresses;
    unsigned naddresses;
    bool strict;               /* some address was given up: rules_have is asked */
    struct arena arena;        /* of all that they point at */
    struct http_rules *before; /* for a list of those that are over */
};

int rules_new(const struct http_options *o, struct http_rules **ret_rules); /* -ENOMEM */
/* Whether a connection at this local address came by one of theirs. */
bool rules_have(const struct http_rules *r, const struct sockaddr_storage *local);
/* Whether r gives up an address that the rules before it had. */
bool rules_give_up(const struct http_rules *r, const struct http_rules *before);
void rules_free(struct http_rules *r); /* with those before; NULL is fine */

#endif
