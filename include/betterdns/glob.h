/* Globs: `*` any octets (dots too), `?` one, `[a-z]` and `[!a-z]` one of a class, `\` takes the
 * next as it is. ASCII case does not count. */
#ifndef BETTERDNS_GLOB_H
#define BETTERDNS_GLOB_H

#include <betterdns/dname.h>

/* Every pattern means something: an unclosed '[' is itself. Time is at most the product of the
 * lengths. */
bool glob_match(struct str pattern, struct str text);

/* The same against a name below apex: absolute, with and without its final dot, and relative to
 * apex. */
bool glob_match_name(struct str pattern, const struct dname *name, const struct dname *apex);

#endif
