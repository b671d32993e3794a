/* The book of renewals: of each registration with a lease or a check, when it last said that it is
 * here (<betterdns/lease.h>); and which ones are being terminated. Since only the committer knows
 * the order of a renewal and of a decision that it makes void, the book is its own: all functions
 * but book_renewed_ns are for its thread. What a group does to the book shows at once to what is
 * decided after it in the group, and to other threads when it is durable.
 *
 * In state.db a registration has a row that names a run. The rows of runs say how long betterdns
 * had run at the end of each, which is all that is known of renewals after a restart. */
#ifndef BETTERDNS_REGISTRY_BOOK_H
#define BETTERDNS_REGISTRY_BOOK_H

#include "ops.h"
#include "state.h"

struct book;

int book_new(struct book **ret_book);
void book_free(struct book *b); /* NULL is fine */
/* At start: every registration of the snapshot that belongs there, as state.db knows it. Gives the
 * running time at the end of the last run. */
int book_fill(struct book *b, struct state *s, const struct snap *snap, uint64_t *ret_ran_ns);
uint64_t book_renewed_ns(struct book *b, uint64_t number); /* from any thread; 0: not in the book */

/* ---- a group ---- */

void book_begin(struct book *b, uint64_t running_ns);
/* A host has repeated its registration; nothing where that is not in the book. -ENOMEM. */
int book_renew(struct book *b, uint64_t number);
/* At or after this running time; 0: no such condition, false. */
bool book_renewed_since(const struct book *b, uint64_t number, uint64_t since_ns);
bool book_terminating(const struct book *b, uint64_t number);
/* Its termination has begun, or has failed. -ENOMEM. */
int book_terminate(struct book *b, uint64_t number);
void book_terminated(struct book *b, uint64_t number);
/* A change that is refused, or only tried, has renewed nothing. */
size_t book_mark(const struct book *b);
void book_undo(struct book *b, size_t mark);

/* There is something to write: the first renewal of a registration in this run. */
bool book_writes(const struct book *b);
/* Into the transaction, before what changes write. */
int book_write(struct book *b, struct state *s);
/* What a change did to registrations: after all of the group was decided. */
int book_note(struct book *b, const struct diffs *d);
/* The group is durable, or it came to nothing. */
void book_commit(struct book *b, bool wrote);
void book_abandon(struct book *b);

/* How long this run has lasted so far. */
int book_write_run(struct book *b, struct state *s, uint64_t running_ns);
/* All of it, into a fresh state.db. */
int book_write_fresh(const struct book *b, struct state *s, uint64_t running_ns);
/* A fresh one has taken its place. */
void book_rewritten(struct book *b, struct state *s);

#endif
