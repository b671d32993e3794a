/* What the controller's files share: the controller itself and its zones. Three kinds of threads
 * meet here, and only here: the loop's, the two that write files, and HTTP workers that wait or ask
 * for the status. */
#ifndef CONTROLLER_INTERNAL_H
#define CONTROLLER_INTERNAL_H

#include <pthread.h>

#include <betterdns/clock.h>
#include <betterdns/controller.h>

#include "faults.h"
#include "child.h"
#include "kinds.h"
#include "people/file.h"
#include "rate.h"

struct asks;
struct files;
struct own;
struct supervisor;
struct publisher;
struct watcher;

struct ctl_zone {
    struct dname origin;
    char name[DNAME_TEXT_MAX]; /* absolute text */
    char *file;                /* the people's file */
    char *live;                /* the live copy */
    bool write;
    uint32_t ttl;         /* of records that give none */
    uint32_t told_serial; /* that an event has said to be published; the loop's thread's; 0: none */

    /* guarded by controller.lock */
    uint32_t newest;         /* serial of the newest snapshot that the files thread saw */
    uint64_t behind_ns;      /* since when the newest one is not served */
    uint32_t written;        /* serial of the live copy; 0: none was written yet */
    struct people_stat copy; /* the live copy as it was left */
    bool renewing;           /* it is being given a new time, and has it before copy says so */
    uint64_t written_ns;     /* of its rename */
    uint64_t write_ns;       /* how long its writing took */
    size_t nrecords;         /* in it */
    unsigned poll_ms;        /* how often the server looks at it; 0: never, or not decided yet */
    struct rate changes;     /* copies that were served */
    bool outstanding;        /* a copy was written that the server does not show yet */
    bool superseded;         /* it has had its time: a newer one need not wait for it */
    bool starting;           /* the server reads it at its start: no measurement */
    uint32_t served;         /* what the server shows; 0: not known */
    uint64_t served_ns;      /* since when */
    uint64_t
        load_ns; /* of a publish, rename to first answer, smoothed; a start's before the first */
    bool load_known;     /* it was measured since our start */
    uint64_t quiet_ns;   /* no new copy before this moment: loading takes half a core at most */
    char trouble[200];   /* why the copy is not served; empty */
    char unwritten[200]; /* why there is no copy of the newest one; empty */
    int64_t published;   /* these four as the status has them */
    uint64_t late;
    char last_error[200];
    int64_t last_error_at;
    enum file_state file_state;
    uint64_t exported_seq;
    struct faults faults, notes;
    pthread_cond_t served_cond; /* served moved on, or wait_until_ns did */
};

struct controller {
    struct loop *loop;
    struct registry *registry;
    char *data, *live; /* absolute */
    int live_lock;     /* this directory is ours alone */
    char *binary;      /* as configured */
    const struct server_kind *kind;
    struct sockaddr_storage listen;
    struct sockaddr_storage probe; /* where the server is asked; AF_UNSPEC: there, or privately */
    struct server_commands commands;
    bool keep_on_stop;
    uint32_t drain_ttl;
    struct events *events; /* may be NULL */
    struct ctl_zone *zones;
    unsigned nzones;

    struct own *own; /* the loop's thread: the user's own configuration; NULL: ours is written */
    struct asks *asks;
    struct files *files;
    struct supervisor *supervisor;
    struct publisher *publisher;
    struct watcher *watcher;

    void (*stopped)(void *arg); /* of controller_stop */
    void *stopped_arg;

    pthread_mutex_t lock; /* never held across a callback or a system call that can wait */
    struct controller_status status; /* guarded by lock */
    /* guarded by lock (choice.c): */
    const struct strategy *asked_strategy; /* NULL: auto */
    const struct strategy *strategy;       /* in force */
    bool exchanged;                        /* asked for since the start */
    char why[CONTROLLER_WHY_SIZE];
    /* guarded by lock (own.c): */
    bool never_polls;   /* though it could: as its configuration has it */
    char unproven[160]; /* why nothing that it shows proves what it serves; empty */
    bool ready;         /* guarded by lock */
    uint64_t quiet_ns;  /* guarded by lock: as a zone's, of all of them */
    /* guarded by lock: the child that answers, and its identifier; AF_UNSPEC: there is none */
    struct sockaddr_storage asked;
    char asked_nsid[CHILD_NSID_SIZE];
    uint64_t wait_until_ns; /* guarded by lock: nobody waits for "served" past it, */
    bool stops;             /* likewise: for betterdns stops; else it reloads */
};

/* The name of a zone's live copy inside live, without its final dot: every octet but letters,
 * digits, '-', '_' and '.' as %XX. To be freed. */
char *live_path(const char *live, const struct dname *origin);
/* Writes the live copy of a zone (canonical, SOA first, absolute names): what DNS shows of each
 * RRset (rrset_served), with at most drain_ttl where a host is in maintenance. Temporary file,
 * rename, no fsync, for it can be written again. */
int live_write(const char *path, const struct snap *s, unsigned zone, uint32_t drain_ttl);
/* Is there a copy with this serial, written by this version since the machine started? A serial
 * never has two contents (the registry has gone past one of another history at its start): it need
 * not be written again. */
bool live_is_whole(const char *path, const struct dname *origin, uint32_t serial);

/* files.c: the thread that turns snapshots into files. */
int files_new(struct controller *c, struct files **ret_files);
int files_start(struct files *f);
/* Writes the newest live copy of every zone, whatever is outstanding; then done(arg, result) on the
 * loop's thread. */
typedef void files_done_fn(void *arg, int result);
void files_copy_all(struct files *f, files_done_fn *done, void *arg);
void files_poke(struct files *f); /* there may be something to do: any thread */
/* Writes it to the disk, once more where that fails; takes *content. -ENOMEM: it does not. The
 * loop's thread. */
int files_keep(struct files *f, const char *path, struct buf *content);
void files_rescan(struct files *f); /* look at the people's files: any thread */
void files_ask(struct files *f);    /* the operator has asked for something: any thread */
/* Writes what is due, ends the thread, then done on the loop's thread. */
void files_stop(struct files *f, files_done_fn *done, void *arg);
void files_free(struct files *f);

/* people/thread.c: the thread of the people's files. */
struct people_thread;
int people_thread_new(struct controller *c, struct people_thread **ret_thread);
int people_thread_start(struct people_thread *t);
void people_thread_poke(struct people_thread *t);   /* any thread */
void people_thread_rescan(struct people_thread *t); /* look at all of them: any thread */
/* Takes in what was saved, writes what is due, and ends it; whoever asks is told so. */
void people_thread_stop(struct people_thread *t);
void people_thread_join(struct people_thread *t); /* a second call does nothing */
void people_thread_free(struct people_thread *t); /* NULL is fine */

/* people/people.c: the people's file of one zone, as its thread sees it. */
struct people;
int people_new(struct controller *c, unsigned zone, struct people **ret_people);
/* Looks where it must (anew, last: in any case) and exports what is due (last: everything that may
 * be).
 * Returns when to come again. */
uint64_t people_turn(struct people *p, const struct snap *s, bool anew, bool last);
void people_free(struct people *p);

/* commands.c: the commands of a server that is driven by them, and that their programs are there.
 * (That of the start is the binary, which the start itself looks for.) */
int commands_take(struct controller *c, const struct controller_options *o,
                  struct problem *ret_problem);
void commands_free(struct controller *c);

/* controller.c, for check.c: one without options, to be freed by controller_free; and its options.
 * starts: the directory of the live copies is made and taken; else it is only looked at. */
struct controller *controller_blank(void);
int controller_take(struct controller *c, const struct controller_options *o, bool starts,
                    struct problem *ret_problem);

#endif
