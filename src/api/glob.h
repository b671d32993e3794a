/* Globs: `*` any octets (dots too), `?` one, `[a-z]` and `[!a-z]` one of a class, `\` takes the
 * next as it is. ASCII case does not count. */
#ifndef API_GLOB_H
#define API_GLOB_H

#include <betterdns/str.h>

/* Every pattern means something: an unclosed '[' is itself. Time is at most the product of the
 * lengths. */
bool glob_match(struct str pattern, struct str text);

#endif
