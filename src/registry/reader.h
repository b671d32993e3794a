/* Reading the history out of state.db, beside the committer: a connection of its own, opened when
 * it is first used, and short transactions, so that neither a commit nor a checkpoint waits for
 * somebody who reads. */
#ifndef BETTERDNS_REGISTRY_READER_H
#define BETTERDNS_REGISTRY_READER_H

#include <betterdns/hash.h>
#include <betterdns/str.h>

struct reader;

int reader_new(const char *data, struct reader **ret_reader); /* opens nothing; -ENOMEM */
void reader_free(struct reader *rd);                          /* NULL is fine */

/* Closes the connection, once nobody reads: state.db is about to be replaced. Until reader_resume
 * there is nothing to read. NULL is fine for both. */
void reader_suspend(struct reader *rd);
void reader_resume(struct reader *rd);

/* A transaction, for which the caller has the reader to itself: everything between is one state of
 * the database. -BD_EREADONLY: suspended; else as db.h. After an error there is no reader_end. */
int reader_begin(struct reader *rd);
void reader_end(struct reader *rd);

struct reader_row {
    uint64_t seq;
    int64_t time;
    struct str source, actor, ops;
    struct hash128 chain;
    struct hash128 before; /* going backwards: the chain before it; zero where no row is before */
};
/* Views live until it returns. 1 ends the walk, and so does an error. */
typedef int reader_row_fn(void *arg, const struct reader_row *row);
struct reader_range {
    uint64_t after, upto;
    int64_t zone;   /* only changes of this one, by its number in state.db; 0: all */
    bool backwards; /* the latest first; not with a zone */
};
/* Gives the next rows of a range. 1: it stopped before the end, since fn said so or it was enough
 * for one transaction; 0: that was all. -BD_ECORRUPT: a row is damaged. */
int reader_changes(struct reader *rd, const struct reader_range *range, reader_row_fn *fn,
                   void *arg);

/* Of the last change of a zone at or before seq: its number and serial. -BD_ENOTFOUND. */
int reader_zone(struct reader *rd, int64_t zone, uint64_t seq, uint64_t *ret_seq,
                uint32_t *ret_serial);
/* The last change at or before seq that gave the zone this serial. -BD_ENOTFOUND. */
int reader_serial(struct reader *rd, int64_t zone, uint64_t seq, uint32_t serial,
                  uint64_t *ret_seq);

/* Terminations that began at or after this running time, the oldest first; or all notes. Views live
 * until fn returns; an error ends the walk. */
enum reader_lease { READER_TERMINATIONS, READER_NOTES };
struct reader_lease_row {
    uint64_t number;
    uint64_t ran_ns; /* a termination's, as the next one */
    int64_t time;
    struct str text; /* the result, p NULL: none; the note */
};
int reader_lease_rows(struct reader *rd, enum reader_lease what, uint64_t since_ns,
                      int (*fn)(void *arg, const struct reader_lease_row *row), void *arg);

#endif
