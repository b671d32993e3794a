/* What a save is compared with: the zone as its author read it. */
#ifndef BETTERDNS_REGISTRY_BASE_H
#define BETTERDNS_REGISTRY_BASE_H

#include <betterdns/save.h>

#include "impl.h"
#include "version.h"

/* Earlier versions of a people's file: the rows of the table base with this marker, the newest
 * first, and those of included files. */
struct base_row {
    struct str marker, records;
};
struct base_query {
    unsigned zone;
    struct str marker;
    struct base_row *rows; /* malloc'd */
    size_t nrows;
};

/* An earlier version of a file, as the table base keeps it: whole (before is empty), or what an
 * earlier save with a marker made of the zone at that marker (only the sets that differ). */
struct base_version {
    uint64_t seq; /* the last change when it was saved */
    struct version before, after;
};
/* A row that the merge of a change brings: room for the number of a change, then ops.h. */
int base_put(struct change *c, struct str marker, const struct base_version *v); /* -ENOMEM */
int base_decode(struct pool *p, struct str records, struct base_version *ret_version);
/* The rows of the files that a zone includes, where they are not as last (NULL: there were none).
 */
int base_put_included(struct change *c, struct pool *p, const struct zp_zone *z,
                      const struct base_query *last);

/* A save that is being compared. */
struct saving {
    struct registry *r;
    const struct save *save;
    uint64_t deadline_ns;
    struct problem *problem;
    struct pool pool;
    struct snap *now, *at; /* the current snapshot; that at the marker, or NULL: no valid one */
    struct change *rows;   /* a job, by which the committer has read them */
    const struct base_query *query; /* its */
    struct change *change;          /* with the merge */
    char marker[64];                /* of its rows; "" without a valid one */
    struct version file, own;       /* all records; those of the text itself */
    struct version included;        /* the last versions of included files, together */
    struct version gone;            /* what left them after the marker: it was never the text's */
    struct version zone_at;         /* at the marker */
};

enum base_kind {
    BASE_MARKER,  /* the zone at the marker */
    BASE_EARLIER, /* an earlier save with the same marker */
    BASE_UNMARKED /* the last version without a valid marker */
};
struct base {
    enum base_kind kind;
    uint64_t seq;           /* what changed after it, its author has not seen */
    struct version version; /* without included files */
    struct version stays;   /* what earlier saves with the marker added, and this one lacks */
    struct version away;    /* what they deleted, and this one has still */
};
/* The rule by which a base is chosen: base_choose; a test has others. 0 or negative. */
typedef int base_rule_fn(struct saving *s, struct base *ret_base);
int base_choose(struct saving *s, struct base *ret_base);

/* Reads the rows and the zone at the marker, then takes the current snapshot, which so is not older
 * than the rows. Fills *problem. */
int base_find(struct saving *s);

/* registry_save by another rule. */
int save_by(struct registry *r, const struct save *save, uint64_t deadline_ns, base_rule_fn *rule,
            struct saved *ret_saved, struct problem *ret_problem);

/* ---- compare.c ---- */

/* The edits that make the base the file, into the merge. */
int save_compare(struct saving *s, const struct version *base);
/* The rows of the table base that this save leaves behind. */
int save_rows(struct saving *s, const struct base *base);

/* ---- accept.c ---- */

/* Rule 5: the edits that undo what people's files have changed after that change. */
int accept_undo(struct saving *s, uint64_t since);

#endif
