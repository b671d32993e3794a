/* Zones that are loaded in tests, and what was said of them. */
#ifndef TESTS_ZONE_KIT_H
#define TESTS_ZONE_KIT_H

#include <betterdns/zonefile.h>

/* A zone to begin with: two lines, example.org. */
#define KIT_APEX "@ 60 SOA ns h 9 2 3 4 5\n@ NS ns.example.net.\n"

struct kit_faults {
    struct buf shown; /* "LINE: MESSAGE\n" of each, ended by a NUL; to be freed */
    unsigned errors, warnings;
};

extern struct zp_options kit_zone_options; /* of example.org, TTL 60, once it is set up */
int kit_zone_setup(void **state);
/* A zp_error_fn; arg: a struct kit_faults. */
void kit_zone_error(void *arg, const struct zp_error *error);
/* zp_zone_load. */
int kit_zone_load(struct str text, struct kit_faults *ret_faults, struct zp_zone **ret_zone);

#endif
