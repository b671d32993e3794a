/* The records of a whole zone as collected, and the zone's rules over them. */
#ifndef ZONEFILE_PARSER_CHECK_H
#define ZONEFILE_PARSER_CHECK_H

#include "report.h"

/* A record as collected. */
struct zp_entry {
    uint64_t prefix; /* the first octets of the owner's key behind the apex', to compare at once */
    const uint8_t *key;   /* dname_key of the owner */
    const uint8_t *rdata; /* two octets of length before it, as in a packed set */
    const char *at;
    uint32_t ttl;
    uint16_t nkey, type;
    bool below;     /* an address below a delegation: it has to be glue */
    bool glue;      /* an NS names its owner */
    uint32_t order; /* how many records were before it */
};

/* What may be wrong with a zone. */
enum zp_rule {
    ZP_SECOND,       /* of a type that has one record: other is the first */
    ZP_BESIDE_CNAME, /* e is the CNAME, other the other data */
    ZP_SOA_ELSEWHERE,
    ZP_NO_SOA, /* e.at: the text */
    ZP_NO_NS,  /* e is the SOA */
    ZP_WARNINGS,
    ZP_DUPLICATE = ZP_WARNINGS, /* other is the first */
    ZP_TTL,                     /* other is the RRset's first, whose TTL counts */
    ZP_BELOW_DNAME,             /* other is the DNAME */
    ZP_DNAME_AND_NS,            /* e is the NS, other the DNAME */
    ZP_MAILBOX,                 /* e is an SOA with an '@' in it */
    ZP_DELEGATED,               /* e is at or below the owner of other, an NS */
    ZP_NO_GLUE,                 /* e is the NS */
    ZP_NO_ADDRESS,              /* e names a host without an address */
    ZP_NO_TARGET,               /* e names what is not there */
    ZP_ALIAS,                   /* e names the owner of other, a CNAME */
    ZP_ADDRESS,                 /* e names "192.0.2.1" */
    ZP_NRULES
};

struct zp_finding {
    enum zp_rule rule;
    struct zp_entry e, other; /* other.at NULL: none */
};

#define ZP_FINDINGS 100 /* of errors, and of warnings: the most that are kept */

struct zp_entries {
    struct zp_entry *e; /* canonical order once they are sorted; equal records as in the file */
    size_t n;
    uint8_t apex[DNAME_KEY_MAX];
    size_t napex;
    struct zp_report report;
    unsigned nerrors, nwarnings; /* of found */
    struct zp_finding found[2 * ZP_FINDINGS];
};

static inline size_t zp_entry_size(const struct zp_entry *e)
{
    return (size_t)e->rdata[-2] << 8 | e->rdata[-1];
}

/* The entry's key and prefix. */
void zp_entry_key(const struct zp_entries *all, const uint8_t *key, size_t n, struct zp_entry *e);
int zp_entry_cmp_owner(const struct zp_entry *a, const struct zp_entry *b);
/* Of the same type. */
int zp_entry_cmp_rdata(const struct zp_entry *a, const struct zp_entry *b);
bool zp_entry_at_apex(const struct zp_entries *all, const struct zp_entry *e);
/* Is a's owner equal to b's, or below it? */
bool zp_entry_below(const struct zp_entry *a, const struct zp_entry *b);

/* All rules over the sorted entries; what is broken is kept in found. complete: every line was
 * understood, so that what is not there is missing. */
void zp_check(struct zp_entries *all, const struct dname *apex, bool complete);

/* Does what e names stand in the zone, with an address? Marks the glue that it finds. */
void zp_check_target(struct zp_entries *all, const struct dname *apex, const struct zp_entry *e);
/* The first entry of the owner with this type; NULL: none. */
const struct zp_entry *zp_find_type(const struct zp_entries *all, const struct zp_entry *owner,
                                    uint16_t type);
const struct zp_entry *zp_find_apex(const struct zp_entries *all, uint16_t type);
/* The name in the rdata that these types point to: NS, CNAME, MX, SRV. False: none. */
bool zp_target(const struct zp_entry *e, struct dname *ret_name);

/* Are warnings still wanted? */
bool zp_wants_warnings(const struct zp_entries *all);
void zp_found(struct zp_entries *all, enum zp_rule rule, const struct zp_entry *e,
              const struct zp_entry *other);
/* Says what was found, in the order of the text; report.errors says whether the zone stands. */
void zp_tell(struct zp_entries *all, const struct dname *apex);

#endif
