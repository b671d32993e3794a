/* The registry: the one place where a change becomes true. Sources build changes and submit them;
 * one committer thread takes what has queued up, validates each against the state before it, writes
 * one transaction, one fsync, and one new snapshot; then it answers. Nothing is visible before it
 * is durable. Every function is thread-safe where nothing else is said. */
#ifndef BETTERDNS_REGISTRY_H
#define BETTERDNS_REGISTRY_H

#include <betterdns/error.h>
#include <betterdns/snapshot.h>

struct registry;
struct events;

#define REGISTRY_ADDRESSES_MAX 4
struct registry_ns {
    struct dname name;
    unsigned naddresses;
    struct {
        uint16_t type; /* A or AAAA */
        uint8_t n, b[16];
    } address[REGISTRY_ADDRESSES_MAX];
};

struct registry_zone {
    struct dname origin;
    const char *file; /* the people's file: imported when state.db does not know the zone */
    uint32_t ttl;     /* of records that give none */
    const struct registry_ns *ns;
    unsigned nns;          /* 0: ns1.ORIGIN with 127.0.0.1 */
    uint32_t least_serial; /* the greatest that the live copy or a living server shows: an import,
                              and a state.db that is behind it, go past it; 0: none */
    /* The change after which the live copy was written, and registry_marker_hash then. Where
     * state.db has another history the copy's serial is another's too, and is gone past. 0: not
     * known. */
    uint64_t live_seq;
    struct hash128 live_hash;
};

struct registry_options {
    const char *data; /* directory of state.db and state.lock; made with mode 0750 */
    const struct registry_zone *zones;
    unsigned nzones;
    /* The history is kept for this long, and up to about this size, the oldest changes go first
     * (see registry_keep_since); 0: 90 days, 1 GiB. */
    uint32_t history_age_s;
    uint64_t history_bytes;
    struct events *events; /* told of what commits change; outlives the registry; NULL: none */
    /* Who leaves a name that several registrations still have, takes not its last record along:
     * where DNS would show none then, it shows all but those in maintenance, until somebody knows
     * better (health). */
    bool keep_last;
};

/* Takes state.lock (-BD_EINUSE: the directory is named in *ret_problem), opens or makes state.db
 * (mode 0640), loads it, imports the files of zones that it does not know (a file with comments is
 * copied to FILE.orig first), makes zones that have no file either, and starts the committer.
 * -BD_ESYNTAX: a zone file, "file:line:column: …" in the detail; -EACCES, …: the data directory.
 * Options are copied. */
int registry_open(const struct registry_options *options, struct registry **ret_registry,
                  struct problem *ret_problem);

/* What registry_open would say of the file of a zone that state.db does not know; nothing is
 * changed. Faults are logged, too. */
int registry_check_file(const struct registry_zone *zone, struct problem *ret_problem);

/* No new changes from now on (-BD_ESTOPPING); those that were submitted are still decided. */
void registry_stop(struct registry *r);
/* After registry_stop: drains the queue, ends the threads, closes state.db, gives state.lock up. */
void registry_close(struct registry *r);

/* The current snapshot, counted for the caller: snap_put it. */
struct snap *registry_snapshot(struct registry *r);

/* Where a change comes from; the names are those of interface.md ("http", "file", …). */
enum change_source {
    CHANGE_HTTP,
    CHANGE_FILE,
    CHANGE_LEASE,
    CHANGE_HEALTH,
    CHANGE_ROLLBACK,
    CHANGE_IMPORT,
    CHANGE_NSOURCES
};
const char *change_source_name(enum change_source source);

enum op_kind {
    OP_REGISTER, /* values, id */
    OP_PUT,      /* values replace the set; its registrations end */
    OP_DELETE,   /* the set, or only what id, value or number selects */
    OP_WITHDRAW, /* DNS stops showing these values */
    OP_SERVE,    /* DNS shows these values again, but for those of hosts in maintenance */
    OP_DRAIN,    /* maintenance of the registration with this number begins or ends */
    OP_NKINDS
};

/* An automatic decision was made on what was seen some time ago. What it is about may have been
 * replaced since (rule 6 of the write path): then the operation does nothing, which is no refusal.
 */
struct op {
    enum op_kind kind;
    struct dname owner; /* absolute; folded by the registry */
    uint16_t type;
    bool has_ttl;
    uint32_t ttl;
    struct rdset values; /* REGISTER, PUT, WITHDRAW, SERVE: at least one; DELETE: count 0, or only
                            these records */
    struct str id;       /* REGISTER: n 0 is the owner relative to its zone; DELETE, DRAIN: n 0 is
                            all */
    struct str subject;  /* p NULL: none */
    struct str source;   /* the caller's address */
    uint32_t lease_s;    /* REGISTER: 0 is none; else the TTL is a third of it at most */
    struct str check;    /* REGISTER: its canonical text; p NULL or n 0: none */
    uint64_t number; /* DELETE: not 0: only while this registration still has this number; DRAIN:
                        never 0 */
    /* WITHDRAW, SERVE: the registrations that the values are those of. WITHDRAW leaves a value
     * alone that another registration asks for too, or none of these any more. None given: a value
     * that a hand has written, and no registration asks for. SERVE: none given is any. */
    const uint64_t *numbers;
    size_t nnumbers;
    bool keep_last; /* WITHDRAW: where there are several registrations (a record that a hand has
                       written counts as one), one record stays */
    /* DELETE by number, WITHDRAW: not where the registration has renewed at or after this running
     * time (lease.h), and not what is in maintenance (DELETE); 0: no such condition. */
    uint64_t not_renewed_since_ns;
    bool drain; /* DRAIN: begin; else end */
    const struct hash128
        *if_match; /* etags of which one must be the set's; NULL: no such condition */
    size_t nif_match;
    bool if_exists; /* If-Match: * */
    bool if_absent; /* If-None-Match: * */
};

struct change; /* an atomic list of operations; counted: a caller that times out leaves no dangling
                  pointer */

/* Everything given to a change is copied into it. NULL without memory. */
struct change *change_new(enum change_source source, struct str actor);
int change_add(struct change *c, const struct op *op); /* -ENOMEM */
void change_dry_run(struct change *c);                 /* decide, answer, change nothing */
struct change *change_ref(struct change *c);
void change_put(struct change *c);

struct receipt {
    uint64_t
        seq; /* of this change; where it changed nothing: of the state that it was decided on */
    bool changed;
    bool created; /* the last operation made a new registration, or gave one a new number since it
                     is a sign of life: it repeated while it was withdrawn or being terminated */
    bool dry_run;
    uint64_t number; /* of the registration of the last OP_REGISTER; 0: a dry run makes none */
    unsigned zone;   /* of the last operation */
    uint32_t serial; /* of that zone, at which this change (or what it repeats) is visible */
    struct rrset
        *set; /* of the last operation, as this change left it; NULL: none. The caller's to put. */
};

/* Blocks until the change is durable, refused, or deadline_ns has passed. It takes a change
 * once (-EALREADY).
 * 0; refused, and *ret_problem says which operation, which field, why: -BD_ENOZONE, -BD_EINVALID,
 * -BD_ECONFLICT, -BD_ENOTFOUND, -BD_EPRECONDITION;
 * not refused, try again: -BD_EREADONLY, -BD_EFULL, -BD_ESTOPPING, -ENOMEM: it did not happen;
 * -BD_EUNKNOWN: it may have happened, and so may not; -BD_ETIMEDOUT: not decided yet, it may still
 * happen.
 * A conflict with records that nobody registered has the field "name" and problem.hint empty: the
 * caller knows the file. ret_receipt and ret_problem may be NULL. */
int registry_submit(struct registry *r, struct change *c, uint64_t deadline_ns,
                    struct receipt *ret_receipt, struct problem *ret_problem);

/* After each commit that changed something, and before its submitters are answered, an eventfd is
 * bumped (non-blocking ones: it must not hold the committer up). -ENOSPC beyond 8. The registry
 * never closes it; it stays open until registry_unwatch. */
int registry_watch(struct registry *r, int eventfd);
/* When it returns, nobody bumps it any more. One that is not watched is fine. */
void registry_unwatch(struct registry *r, int eventfd);

/* Exports of the people's file: begin makes the content's hash durable, then comes the rename, then
 * end, so that after any crash our own file is known as ours. At most two are known a zone: the
 * present one and the one being written; begin forgets an earlier one that was begun and never
 * ended. So at start whoever finds the file to be known calls end for it before the next begin.
 * Both also work after registry_stop. Errors as registry_submit. */
int registry_export_begin(struct registry *r, unsigned zone, uint64_t seq,
                          const struct hash128 *content);
int registry_export_end(struct registry *r, unsigned zone, uint64_t seq,
                        const struct hash128 *content);
/* Is a file with this content ours? Then *ret_seq (may be NULL) is what it shows. */
bool registry_export_known(struct registry *r, unsigned zone, const struct hash128 *content,
                           uint64_t *ret_seq);

/* The hash in the marker of an export: the chain at the snapshot's seq mixed with the zone's
 * origin. */
struct hash128 registry_marker_hash(const struct snap *s, unsigned zone);

struct registry_stats {
    bool read_only;                     /* until a fresh state.db has been written */
    bool full;                          /* the last changes found no room on the disk */
    char read_only_reason[256];         /* for people; empty where it is not */
    uint64_t rebuilds, failed_rebuilds; /* fresh databases that were written, and not */
    uint64_t changes, refused, unchanged, commits, commit_ns_total, submitted;
    unsigned queued;
    /* How long the committer has been at one piece of work, or has left the queue alone; 0: it has
     * nothing to do. */
    uint64_t working_ns;
};
void registry_stats(struct registry *r, struct registry_stats *ret_stats);

#endif
