/* The registry's inside: what its files share. */
#ifndef BETTERDNS_REGISTRY_IMPL_H
#define BETTERDNS_REGISTRY_IMPL_H

#include <pthread.h>

#include <betterdns/registry.h>

#include "apply.h"
#include "book.h"
#include "change.h"
#include "feed.h"
#include "running.h"
#include "state.h"

#define WATCHERS_MAX 8

struct checkpoint;
struct history;
struct included;

/* The exports of a zone: the present one, the one being written. */
struct registry_exports {
    struct state_export at[2];
    unsigned n;
};

/* A fresh state.db is to be written (stats.read_only): when it is tried, and how it went. */
struct rebuild {
    uint64_t next_ns, wait_ns, said_ns, began_ns;
    unsigned unreadable; /* attempts that could not read all of the old one */
    bool placed;         /* the fresh one is durable, and only has to take its place */
};

struct registry {
    /* Set by registry_open, constant afterwards. */
    char *data; /* the directory */
    unsigned nzones;
    struct dname *origins; /* one a zone, folded */
    int64_t *ids;          /* in state.db */
    uint32_t *ttls;
    struct events *events; /* NULL: nobody watches */
    bool keep_last;        /* struct registry_options */
    int lock_fd;
    struct history *history;
    pthread_t committer;
    bool committing;

    /* The committer's own (registry_open's, before it runs). */
    struct state *state; /* NULL, as the next one: between the old and a fresh one */
    struct checkpoint *checkpoint;
    struct state_last last; /* .number: also used in vain */
    uint64_t used_seq;      /* the last one that a change used, also in vain */
    uint32_t *serials;      /* the last one that each zone used, also in vain */
    struct rebuild rebuild;
    bool gone; /* somebody has removed state.db, and no fresh one is in its place yet */
    uint64_t said_refused_ns; /* when the log last heard of a group that was refused */
    struct book *book;        /* but for book_renewed_ns */

    struct feeds feeds; /* guards itself */

    pthread_mutex_t lock; /* what follows is guarded by it */
    pthread_cond_t work;  /* there is something in the queue, or closing */
    struct change *head, **tail;
    uint64_t work_since_ns; /* the committer came by, or got its first work, then; 0: it has none */
    bool stopping, closing;
    struct snap *current;
    struct registry_exports *exports; /* one a zone */
    struct included **included;       /* one a zone; NULL: nothing is */
    struct registry_stats stats;
    struct running running;
    bool renewals_held;      /* registry_hold_renewals */
    struct change *run_job;  /* the last one that wrote the running time; NULL: none yet */
    uint64_t run_written_ns; /* the running time that it wrote */
    uint64_t run_began_ns;   /* mono: the first tick; 0: there was none yet */
    uint64_t run_next_ns;    /* mono: when the next one is due */

    pthread_mutex_t watching; /* also while they are bumped: who is gone is not */
    int watchers[WATCHERS_MAX];
    unsigned nwatchers;
};

/* A thread that gets no signals: they are the main thread's. name: as top shows it, 15 bytes. 0 or
 * a negative errno. */
int registry_thread(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg);

/* Into the queue, and waits: what registry_submit does with a change that was checked. */
int registry_run(struct registry *r, struct change *c, uint64_t deadline_ns,
                 struct receipt *ret_receipt, struct problem *problem);
/* Into the queue, which takes a count of its own: nobody waits. */
int registry_queue(struct registry *r, struct change *c);
/* Takes over the count. */
void registry_set_included(struct registry *r, unsigned zone, struct included *in);

/* registry_marker_hash of a state with this chain. */
struct hash128 registry_mark(const struct hash128 *chain, const struct dname *origin);

/* ---- committer.c ---- */

/* Decides what is queued until registry_close and an empty queue. */
void *committer_main(void *registry);

/* Changes on their way into one transaction and one snapshot: a group of the committer's, or the
 * imports at start. */
struct commit {
    struct registry *r;
    struct apply apply;
    uint64_t first_seq;         /* of the state before it */
    struct state_last last;     /* as it will be */
    uint32_t *serials;          /* as they will be */
    bool *dirty;                /* one a zone: it changed */
    uint32_t *follow;           /* one a zone: see struct apply */
    struct included **included; /* one a zone, counted */
    struct change *changes;     /* linked by next */
    bool writes;                /* there is something to write */
    uint64_t running_ns;        /* when it was taken */
};
int commit_start(struct commit *k, struct registry *r);
/* What the merge of a change brings: base rows to write, what is included from now on. */
void commit_note_merge(struct commit *k, struct change *c);
/* Notes a change that has diffs: its seq, and which zones it touches. */
void commit_note(struct commit *k, struct change *c);
/* Decides all of k->changes, writes them in one transaction, and makes the new snapshot the current
 * one. Errors fit registry_submit. */
int commit_write(struct commit *k);
void commit_free(struct commit *k);
/* A copy of a zone's SOA with this serial; NULL without memory. */
struct rrset *commit_soa_with(const struct rrset *soa, uint32_t serial);

/* ---- lease.c ---- */

/* Running time. Under r->lock. */
uint64_t lease_now(struct registry *r);
/* registry_tick at that time by the monotonic clock: tests have one of their own. */
void lease_tick(struct registry *r, uint64_t mono_ns);
/* registry_hold_renewals, likewise. */
void lease_hold(struct registry *r, bool on, uint64_t mono_ns);
/* The end of this run, into the queue. */
void lease_end(struct registry *r);

/* ---- rebuild.c: rule 5 of the write path ---- */

/* Read-only from now on, until a fresh state.db has been written; from any thread. what: for
 * people; sqlite: in SQLite's words. */
void rebuild_ask(struct registry *r, const char *what, int error, const char *sqlite);
/* The same, where somebody has removed state.db; by the committer. */
void rebuild_ask_gone(struct registry *r);
void rebuild_end(struct registry *r); /* the last attempt, where nobody would find the records */
/* When the next attempt is due; 0: none is. Under r->lock. */
uint64_t rebuild_due_ns(const struct registry *r);
/* One attempt, by the committer. */
void rebuild_try(struct registry *r);
/* open.c: the directory and our lock in it are there still, or again. -BD_EINUSE: another betterdns
 * has come meanwhile. */
int open_keep_lock(struct registry *r);

/* ---- history.c: what reads state.db while the committer writes it ---- */

/* Once state.db is open and all zones are in it. */
int history_start(struct registry *r, const struct registry_options *options);
void history_end(struct registry *r); /* also half-started, or not at all */
/* Around the moment at which a fresh state.db takes its place. */
void history_suspend(struct registry *r);
int history_resume(struct registry *r); /* -ENOMEM: not yet */

/* ---- prune.c ---- */

/* When old changes are looked for next. Under r->lock. */
uint64_t prune_due_ns(const struct registry *r);
/* One step, by the committer that has nothing else to do. */
void prune_step(struct registry *r);

/* ---- export.c ---- */

/* A job that writes down that a file with this content is in place. NULL without memory. */
struct change *export_ended(unsigned zone, uint64_t seq, const struct hash128 *content);

/* ---- import.c ---- */

/* Makes the zones that state.db does not know, from their files or from the options. missing: one a
 * zone. */
int import_zones(struct registry *r, const struct registry_options *options, const bool *missing,
                 struct problem *problem);

/* ---- checkpoint.c: a thread with a connection of its own ---- */

int checkpoint_start(struct registry *r, struct checkpoint **ret_checkpoint);
void checkpoint_stop(struct checkpoint *c); /* NULL is fine */
/* The WAL has so many pages; called after each commit. */
void checkpoint_tell(struct checkpoint *c, unsigned pages);
/* Around each transaction: a WAL that has grown too long is cut between two of them. */
void checkpoint_enter(struct checkpoint *c);
void checkpoint_leave(struct checkpoint *c);

#endif
