/* Names as clients write them (interface.md, "Names"). */
#ifndef API_NAMES_H
#define API_NAMES_H

#include <betterdns/api.h>

/* How a text in a path, a query or a body becomes absolute: with a final dot, by the end of a
 * configured zone, else in the first zone. */
struct dname_rules names_rules(const struct api *api);

/* The folded absolute name and its zone, the one with the longest match. -BD_EINVALID: no name;
 * -BD_ENOZONE: outside every zone. *ret_problem is filled with the field "name". */
int names_resolve(const struct api *api, struct str text, struct dname *ret_name,
                  unsigned *ret_zone, struct problem *ret_problem);

/* The configured zone of exactly this name; errors as above, with the field "zone". */
int names_zone(const struct api *api, struct str text, unsigned *ret_zone,
               struct problem *ret_problem);

/* The shortest text that names_resolve takes for this name: "web", "@", else absolute.
 * NUL-terminated; returns its length. */
size_t names_short(const struct api *api, const struct dname *name, char out[DNAME_TEXT_MAX]);

/* A name's text as a segment of a path: percent-encoded where RFC 3986 §3.3 wants it. */
#define NAMES_PATH_MAX (3 * DNAME_TEXT_MAX)
size_t names_to_path(struct str text, char out[NAMES_PATH_MAX]);

#endif
