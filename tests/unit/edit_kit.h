/* Zones that tests change, and the edits that lead from one to the other. */
#ifndef TESTS_EDIT_KIT_H
#define TESTS_EDIT_KIT_H

#include <betterdns/zonefile.h>

/* RRsets in canonical order; the rdata bytes are the zone's. */
struct kit_zone {
    struct zp_edit_set *sets;
    size_t n;
};

/* Of a text that must be a zone. */
struct kit_zone kit_zone_read(struct str text, const struct zp_options *options);
struct kit_zone kit_zone_copy(const struct kit_zone *z);
void kit_zone_free(struct kit_zone *z);
/* NULL: there is none. */
struct zp_edit_set *kit_zone_find(struct kit_zone *z, const struct dname *owner, uint16_t type);
/* Adds a record; ttl UINT32_MAX: that of the set, or fallback for a new one. */
void kit_zone_add(struct kit_zone *z, const struct dname *owner, uint16_t type, uint32_t ttl,
                  uint32_t fallback, struct str rdata);
void kit_zone_remove(struct kit_zone *z, const struct dname *owner, uint16_t type,
                     struct str rdata);
/* Drops the sets whose last record was removed: until then they keep their TTL. */
void kit_zone_tidy(struct kit_zone *z);
void kit_zone_drop(struct kit_zone *z, const struct dname *owner, uint16_t type);
/* What leads from one to the other; *ret_sets is to be freed, and views both. */
size_t kit_zone_diff(const struct kit_zone *from, const struct kit_zone *to,
                     struct zp_edit_set **ret_sets);
/* Nothing differs; records by rdata_cmp. */
bool kit_zone_eq(const struct kit_zone *a, const struct kit_zone *b);
/* For zp_edit: a struct buf * as arg. */
int kit_take_text(void *arg, struct str piece);

#endif
