/* The options that requests are judged by, copied: exchanged as one, so that no request sees half
 * of them. */
#ifndef HTTP_RULES_H
#define HTTP_RULES_H

#include <betterdns/http.h>

#include "arena.h"

struct http_rules {
    struct http_options options; /* without the addresses, which the listeners have */
    struct arena arena;          /* of all that they point at */
    struct http_rules *before;   /* for a list of those that are over */
};

int rules_new(const struct http_options *o, struct http_rules **ret_rules); /* -ENOMEM */
void rules_free(struct http_rules *r); /* with those before; NULL is fine */

#endif
