/* A save on its way into the zone: what its author did, record by record, decided by the committer
 * against the state at that moment. */
#ifndef BETTERDNS_REGISTRY_MERGE_H
#define BETTERDNS_REGISTRY_MERGE_H

#include <betterdns/save.h>

#include "apply.h"
#include "included.h"
#include "state.h"

/* What became of one RRset between the base and the file. */
struct edit {
    struct str key; /* dname_key of the owner */
    uint16_t type;
    bool has_ttl;      /* the author set it */
    uint32_t ttl;      /* in the file */
    uint32_t base_ttl; /* UINT32_MAX: there was no such set */
    struct rdset add, remove;
};

enum soa_field {
    SOA_MNAME = 1,
    SOA_RNAME = 2,
    SOA_REFRESH = 4,
    SOA_RETRY = 8,
    SOA_EXPIRE = 16,
    SOA_MINIMUM = 32,
    SOA_TTL = 64,
    SOA_SERIAL = 128,
    SOA_ALL = 127 /* but for the serial */
};

struct soa_edit {
    unsigned fields; /* enum soa_field: those that the author set */
    struct soa values;
    uint32_t ttl;
};

/* A row of the table base: written in the transaction of the change. */
struct base_put {
    struct str marker;  /* the change's */
    struct buf records; /* base_encode; empty: the rows of this marker go */
};

struct merge {
    unsigned zone;
    bool spare;         /* registered records are not deleted (rule 3) */
    bool limit;         /* rule 6 */
    bool unclaimed;     /* its marker is of a later history, which is lost: what it adds may have
                           been registered then, and the first host that asks takes it over */
    struct edit *edits; /* in canonical order; these and what they point to are the change's */
    size_t nedits, cap;
    struct soa_edit soa;
    struct base_put *puts; /* malloc'd */
    size_t nputs;
    bool has_content; /* what stands in the people's file is now this: */
    struct state_export content;
    bool has_included; /* what was included is now this: */
    struct included *included;

    /* Filled by the committer. */
    enum save_verdict verdict;
    size_t added, deleted;
    struct buf notes;
    unsigned nnotes;
    struct dname owner; /* at fault; type 0: none is */
    uint16_t type;
};

/* A merge that belongs to the change from now on; -ENOMEM. */
int merge_new(struct change *c, unsigned zone);
int merge_add(struct change *c, const struct edit *e); /* records are copied */
/* Takes over the records, also on failure. */
int merge_put(struct change *c, struct str marker, struct buf *records);
void merge_end(struct merge *m); /* NULL is fine */
/* One sentence more, about an RRset; of many the first ones are kept, and one that there are more.
 */
void merge_note(struct merge *m, struct str key, uint16_t type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* As apply_change, of a change that has a merge. A verdict of SAVE_TOO_MANY is no refusal, but
 * leaves no trace either. */
int merge_apply(struct apply *a, struct change *c);

#endif
