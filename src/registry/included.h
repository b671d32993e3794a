/* Which records of a zone come from files that its zone file includes: only a hand changes them. */
#ifndef BETTERDNS_REGISTRY_INCLUDED_H
#define BETTERDNS_REGISTRY_INCLUDED_H

#include <betterdns/rrset.h>
#include <betterdns/zonefile.h>

struct included; /* immutable, counted; NULL: there are none */

int included_new(const struct zp_zone *records, struct included **ret_included); /* -ENOMEM */
struct included *included_ref(struct included *in);
void included_put(struct included *in);
/* Would one of them change or go, if before (not NULL) became after (NULL: none)? */
bool included_hurt(const struct included *in, const struct rrset *before,
                   const struct rrset *after);

#endif
