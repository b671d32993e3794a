/* Saves of a people's file, merged into the zone (design.md, "The people's file", rules 1-7). What
 * somebody wrote is compared with its base, the zone as he read it; what he added, deleted and
 * changed becomes one change, which the committer decides record by record against the state at
 * that moment. So neither an edit nor a registration is lost, whoever came first. */
#ifndef BETTERDNS_SAVE_H
#define BETTERDNS_SAVE_H

#include <betterdns/registry.h>
#include <betterdns/zonefile.h>

/* What somebody wrote, read whole and valid as a zone. */
struct save {
    unsigned zone;
    const struct zp_zone *records; /* the file and what it includes */
    /* It has a marker line (zp_find_marker). One of another zone or another history, or of a change
     * that is not kept any more, counts as none (rule 3). */
    bool marked;
    uint64_t seq;
    struct hash128 hash;
    /* The hash of what stands in the people's file, and the seq that it is known to show: durable
     * in the transaction of the change, as registry_export_end does it, so that after a crash it is
     * no second save (of something that is there already: rule 5). NULL: it stands elsewhere. */
    const struct hash128 *content;
    uint64_t content_seq;
    struct str actor; /* for the history: the file's path */
    bool accept;      /* the operator has said yes to what is held (rules 5 and 6) */
};

enum save_verdict {
    SAVE_SAME,   /* it asks for nothing that is not so */
    SAVE_MERGED, /* its changes are in: seq and serial say where */
    /* It equals its base (an export, or a version that was saved before, with or without a marker),
     * and the zone has moved on: nothing was changed (rule 5). Accepted, what people's files have
     * changed since then is undone; registrations stay. */
    SAVE_STALE,
    /* It deletes more than max(20, 10 %) of the records: nothing was changed (rule 6). A record
     * that gives way to another one of its RRset does not count. */
    SAVE_TOO_MANY
};

struct saved {
    enum save_verdict verdict;
    uint64_t seq;    /* of the change; where nothing was changed: of the state it was decided on */
    uint32_t serial; /* of the zone then */
    size_t added, deleted; /* records; for SAVE_TOO_MANY what it would have been */
    /* Sentences, one a line: what lost against the other side, what of an earlier save stayed, a
     * serial that was not followed. The caller's to free; empty after a refusal. */
    struct buf notes;
    struct dname owner; /* after a refusal: of the RRset at fault */
    uint16_t type;      /* 0: none is at fault */
};

/* Blocks as registry_submit, and has its errors. -BD_EINVALID, -BD_ECONFLICT: the result would not
 * be a zone (rule 7): *ret_problem says why, ret_saved->owner and type where. After any error of
 * *ret_saved only these two are filled. ret_problem may be NULL. */
int registry_save(struct registry *r, const struct save *save, uint64_t deadline_ns,
                  struct saved *ret_saved, struct problem *ret_problem);

/* Which RRsets have records of an included file (zp_zone_where): every source but the people's file
 * is refused to change or delete them: -BD_ECONFLICT, field "name", hint empty: the caller knows
 * file and line. registry_save and an import note it by themselves; somebody who finds the file
 * unchanged at start does it once. Replaces what was noted before. -ENOMEM: nothing was. */
int registry_note_included(struct registry *r, unsigned zone, const struct zp_zone *records);

#endif
