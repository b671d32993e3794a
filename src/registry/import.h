/* Zones on their way in: what import.c makes of them, from a file or from the options. */
#ifndef BETTERDNS_REGISTRY_IMPORT_H
#define BETTERDNS_REGISTRY_IMPORT_H

#include <betterdns/buf.h>
#include <betterdns/includes.h>

#include "impl.h"

struct incoming {
    const struct registry_zone *options;
    unsigned zone;
    struct dname origin;       /* folded */
    struct buf text;           /* of the file; empty: there is none */
    struct includes *includes; /* while records are there; NULL: there is no file */
    struct zp_zone *records;   /* NULL: there is no file */
    bool ours;                 /* the file has our marker */
};

/* make.c: the RRsets of a zone that has no file, each given to fn, which takes over the count. */
typedef int made_set_fn(void *arg, struct rrset *set);
int make_zone(const struct registry_zone *options, const struct dname *origin, made_set_fn *fn,
              void *arg);

/* orig.c: copies a file that has comments or directives to FILE.orig (FILE.orig.1, … where that is
 * another one).
 */
int keep_original(const struct incoming *in, struct problem *problem);

#endif
