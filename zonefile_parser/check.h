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
};

struct zp_entries {
    struct zp_entry *e; /* canonical order once they are sorted; equal records as in the file */
    size_t n;
    uint8_t apex[DNAME_KEY_MAX];
    size_t napex;
    struct zp_report report;
};

static inline size_t zp_entry_size(const struct zp_entry *e)
{
    return (size_t)e->rdata[-2] << 8 | e->rdata[-1];
}

int zp_entry_cmp_owner(const struct zp_entry *a, const struct zp_entry *b);
/* Of the same type. */
int zp_entry_cmp_rdata(const struct zp_entry *a, const struct zp_entry *b);

/* Each reports what it finds; report.errors says whether the zone stands. */

/* What may not stand together at one owner. All entries, sorted. */
void zp_check_owners(struct zp_entries *all);
/* The n entries of one RRset, sorted, without duplicates. */
void zp_check_set(struct zp_entries *all, const struct zp_entry *e, size_t n);
/* Says that the TTL of the first record counts, and not that of the other. */
void zp_check_ttl(struct zp_entries *all, const struct zp_entry *first,
                  const struct zp_entry *other);
/* An SOA and an NS at the apex. ret_serial: untouched without an SOA. */
void zp_check_apex(struct zp_entries *all, const struct dname *origin, uint32_t *ret_serial);

#endif
