/* state.db: the truth on disk. One connection for the committer, which writes; before it runs, the
 * same one loads. */
#ifndef BETTERDNS_REGISTRY_STATE_H
#define BETTERDNS_REGISTRY_STATE_H

#include <betterdns/error.h>
#include <betterdns/rrset.h>

struct state;

/* Opens DATA/state.db or makes it (mode 0640). -BD_ECORRUPT: damaged, or not ours; -BD_EINVALID: of
 * a newer version; *problem is filled. */
int state_open(const char *data, struct state **ret_state, struct problem *problem);
void state_close(struct state *s);   /* NULL is fine */
void state_abandon(struct state *s); /* the same, and the WAL stays as it is; NULL is fine */
const char *state_message(const struct state *s); /* of the last error, in SQLite's words */
unsigned state_wal_pages(const struct state *s);
void state_shrink(struct state *s); /* gives back what SQLite keeps in memory to be quick */

/* ---- loading: load.c; -BD_ECORRUPT with *problem filled where rows are damaged ---- */

/* Fills *problem, unless it is filled already, with what to do as the hint; returns -BD_ECORRUPT.
 */
int state_damaged(struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct state_last {
    uint64_t seq;
    struct hash128 chain;
    uint64_t number; /* the greatest that a registration ever had */
};
int state_last(struct state *s, struct state_last *ret_last, struct problem *problem);
/* The chain after a change; -BD_ENOTFOUND: it is not kept. */
int state_chain(struct state *s, uint64_t seq, struct hash128 *ret_chain);
/* By origin, text with the final dot, folded. -BD_ENOTFOUND: the zone is new. */
int state_zone_find(struct state *s, struct str origin, int64_t *ret_id, uint32_t *ret_serial);
/* Takes over the count of the set; an error ends the walk. */
typedef int state_set_fn(void *arg, struct rrset *set);
/* The RRsets of a zone in order, with their registrations. */
int state_load(struct state *s, int64_t zone, state_set_fn *fn, void *arg, struct problem *problem);

struct state_export {
    uint64_t seq;
    struct hash128 hash;
};
/* The present export first, then the one being written; *ret_n is 0 to 2. */
int state_exports(struct state *s, int64_t zone, struct state_export ret_exports[2],
                  unsigned *ret_n);

/* The rows of the table base with this marker, the newest first, and those of included files and of
 * what left them. Views that live during the call; an error ends the walk. */
typedef int state_base_fn(void *arg, struct str marker, struct str records);
int state_bases(struct state *s, int64_t zone, struct str marker, state_base_fn *fn, void *arg);

/* ---- writing: db.h says which errors; state_begin, any of these, then state_commit or
 * state_rollback ---- */

int state_begin(struct state *s);
/* It did not happen: -BD_EFULL, and -EBUSY with the transaction still open. After any other error
 * it is not known: SQLite notes a commit in the index of the WAL, where memory can run out, after
 * the WAL was synced. */
int state_commit(struct state *s);
bool state_in_transaction(const struct state *s);
bool state_is_there(const struct state *s); /* db_is_there */
bool state_rollback(struct state *s);       /* false: the transaction is still open */

int state_zone_add(struct state *s, struct str origin, int64_t *ret_id);
int state_zone_serial(struct state *s, int64_t zone, uint32_t serial);
/* Writes what became of an RRset and its registrations; before or after may be NULL. */
int state_set_change(struct state *s, int64_t zone, const struct rrset *before,
                     const struct rrset *after);

struct state_change {
    uint64_t seq;
    int64_t time; /* seconds since 1970 */
    const char *source;
    struct str actor, ops;
    struct hash128 chain;
};
int state_change_add(struct state *s, const struct state_change *c);
int state_change_zone_add(struct state *s, uint64_t seq, int64_t zone, uint32_t serial);

/* An export is being written: it is the second row, beside the present one. */
int state_export_begin(struct state *s, int64_t zone, const struct state_export *e);
/* It is in place: the only row. */
int state_export_end(struct state *s, int64_t zone, const struct state_export *e);

/* A version of a people's file. A marker that begins with a digit is that of a save: the last 16 of
 * a marker are kept, and the last 256 of a zone; "gone" is what left included files, 16 too; of any
 * other the last one is kept. No records: none. */
int state_base_put(struct state *s, int64_t zone, struct str marker, struct str records);

/* ---- leases and what goes with them (<betterdns/lease.h>): lease_rows.c ---- */

/* It has a row that says in which run it was last renewed: it has a lease or a check. The row comes
 * and goes with state_set_change, and so does a note. */
bool state_renews(const struct registration *reg);
void state_set_run(struct state *s, int64_t run); /* that new rows name; 0: none are written */

struct state_run {
    int64_t id;
    uint64_t ran_ns; /* running time at its end */
};
int state_last_run(struct state *s, struct state_run *ret_run); /* zeros: there was none */
/* All rows whose run is known, in no order; an error ends the walk. */
typedef int state_renewal_fn(void *arg, uint64_t number, const struct state_run *run);
int state_renewals(struct state *s, state_renewal_fn *fn, void *arg);

int state_run_put(struct state *s, const struct state_run *run);
int state_run_keep(struct state *s, const struct state_run *run); /* if there is none of that id */
int state_runs_prune(struct state *s, int64_t before); /* but for those that a row names */
int state_renewal_put(struct state *s, uint64_t number, int64_t run);

struct state_termination {
    uint64_t number, ran_ns;
    int64_t started; /* seconds since 1970 */
};
int state_termination_put(struct state *s, const struct state_termination *t);
int state_termination_end(struct state *s, uint64_t number, struct str result);
int state_terminations_prune(struct state *s, uint64_t before_ns);
/* value n 0: none. Nothing for a registration that does not exist. */
int state_note_put(struct state *s, uint64_t number, struct str value);

/* ---- old changes: forget.c ---- */

/* No less than the changes take. */
int state_pages_size(struct state *s, uint64_t *ret_bytes);
#define FORGET_MOST 1000
/* Adds up what the next FORGET_MOST changes after *after take, about, and moves it on. 1: there may
 * be more. */
int state_count_changes(struct state *s, uint64_t *after, uint64_t *bytes);

struct forget {
    uint64_t keep;   /* the state after this change can still be made afterwards */
    int64_t before;  /* changes before this time are old; seconds since 1970 */
    uint64_t excess; /* and so are the first ones of as many octets */
};
struct forgotten {
    uint64_t rows, bytes; /* that can go: FORGET_MOST rows at most */
    uint64_t oldest;      /* the change that is the oldest then */
};
/* What is old, and no base row (design.md, "The people's file", rule 2) needs. */
int state_find_old(struct state *s, const struct forget *f, struct forgotten *ret_forgotten);
/* In a transaction: removes the changes before this one. */
int state_forget(struct state *s, uint64_t oldest);

/* ---- fresh.c: a state.db written anew, beside the old one, and how it takes its place ---- */

struct fresh;
/* Begins DATA/state.db.tmp. */
int fresh_begin(const char *data, struct fresh **ret_fresh);
struct state *fresh_state(struct fresh *f); /* for state_set_change, state_export_begin, … */
int fresh_zone(struct fresh *f, int64_t id, struct str origin, uint32_t serial);

/* Copies what memory does not have from DATA/state.db: changes up to last->seq, bases,
 * terminations, and the zones that fresh_zone was not called for. -EIO, -BD_ECORRUPT: not all of
 * that can be read; with salvage it then goes on with what can be, and *ret_lost says so. The last
 * change is last in any case. stop is asked now and then: -BD_ESTOPPING. */
struct fresh_rest {
    const struct state_last *last;
    bool salvage;
    bool (*stop)(void *arg);
    void *arg;
};
int fresh_copy_rest(struct fresh *f, const struct fresh_rest *rest, bool *ret_lost);
/* Makes it durable as DATA/state.db.new: from here on it is the truth. Frees f. */
int fresh_end(struct fresh *f);
void fresh_abort(struct fresh *f); /* NULL is fine */

/* Puts a DATA/state.db.new in the place of state.db and its WAL, which nobody has open. 1; 0: there
 * is none. After an error it can be called again; until it succeeds state.db is not to be opened.
 */
int state_adopt(const char *data);

#endif
