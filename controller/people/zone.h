/* The records of a zone file beside those of a snapshot. */
#ifndef CONTROLLER_PEOPLE_ZONE_H
#define CONTROLLER_PEOPLE_ZONE_H

#include <betterdns/snapshot.h>
#include <betterdns/zonefile.h>

/* What the file's RRsets must become, in canonical order. */
struct zone_diff {
    struct zp_edit_set *sets; /* their records are the snapshot's; owned */
    size_t n, room;
};

/* Appends each RRset that differs: of records, TTL, or not in both. -ENOMEM. */
int zone_diff_add(struct zone_diff *d, const struct zp_zone *file, const struct snap *s,
                  unsigned zone);
void zone_diff_free(struct zone_diff *d);

/* The line of an export that shows this snapshot. */
void zone_marker(const struct snap *s, unsigned zone, struct buf *out);
/* The zone in our own spelling, with its marker. -BD_ECORRUPT: it has no SOA. */
int zone_print(const struct snap *s, unsigned zone, struct buf *out);

#endif
