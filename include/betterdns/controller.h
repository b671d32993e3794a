/* The controller: the threads of the people's files and of live copies, the supervisor of the DNS
 * server, and publishing: making the server serve each snapshot by a strategy that can be
 * exchanged. */
#ifndef BETTERDNS_CONTROLLER_H
#define BETTERDNS_CONTROLLER_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <betterdns/dnsmsg.h>
#include <betterdns/error.h>
#include <betterdns/loop.h>
#include <betterdns/registry.h>

struct controller;

/* A kind of server, for those who read a configuration or say what is missing. Static texts. */
struct controller_kind {
    const char *name;     /* "coredns" */
    const char *program;  /* looked for in PATH where none is named; NULL: a command's first word */
    const char *package;  /* of Debian that has it; NULL: none */
    const char *releases; /* where else it is to be had; NULL: not said */
    bool by_commands;     /* of the operator's it is started, told to reload, and ended */
    bool takes_corefile;  /* the user's own may stand in the place of the one that is written */
};
/* In the order in which they are listed; false: there is no i-th. */
bool controller_kind(unsigned i, struct controller_kind *ret_kind);
bool controller_kind_named(const char *name, struct controller_kind *ret_kind);

/* A way in which the server learns of changes: "auto", and the strategies. Static texts. */
struct controller_way {
    const char *name, *help;
};
bool controller_way(unsigned i, struct controller_way *ret_way); /* likewise */

struct controller_zone {
    struct dname origin;
    const char *file; /* the people's file */
    bool write;       /* false: a source only, never written */
    uint32_t ttl;     /* of records in the file that give none: as the registry's */
};

struct controller_options {
    const char *data;                    /* child.G.lock */
    const char *live;                    /* live copies, Corefile; made with mode 0750 */
    const struct controller_zone *zones; /* same order as the registry's */
    unsigned nzones;
    const char *kind;     /* a controller_kind's name */
    const char *strategy; /* a controller_way's name */
    const char *corefile; /* the user's own; NULL: one is written */
    const char *binary;   /* a path, or a name to be looked for in PATH; NULL: the kind's own */
    struct sockaddr_storage listen; /* the public address and port */
    struct sockaddr_storage probe;  /* by_commands: where it is asked; AF_UNSPEC: the public one */
    /* by_commands: how it is started (in the foreground), told to read its zones again (none: by
     * SIGHUP), and ended (none: by SIGTERM). */
    struct controller_command {
        const struct str *words;
        unsigned n;
    } start, reload, stop;
    bool keep_on_stop;     /* the server goes on when we stop */
    uint32_t drain_ttl;    /* of what hosts in maintenance share in, at most */
    struct events *events; /* outlives the controller; NULL: none */
};

/* What a live copy that is there already shows, for registry_zone before a registry exists. */
struct controller_live {
    uint32_t serial;     /* 0: there is none */
    uint64_t seq;        /* of the change after which it was written; 0: not known */
    struct hash128 hash; /* of that change */
};
struct controller_live controller_live(const char *live, const struct dname *origin);
/* The serial that a living child of an earlier betterdns shows, where there is no live copy any
 * more; 0: none. Blocks for half a second where one hangs, never past deadline_ns. */
uint32_t controller_child_serial(const char *data, const struct dname *origin,
                                 uint64_t deadline_ns);

/* Called on the loop's thread: any number of times with -EAGAIN while there is no room for a start
 * (problem says where), which is tried again; then once: 0 when the first child is ready (or was
 * adopted), else why the start is refused: -ENOENT binary absent, -EACCES not executable or no
 * right to the port, -BD_EINUSE port taken (by whom), -BD_EINVALID configuration refused (the
 * server's own words) or no program, -BD_ETIMEDOUT it never answered; or why the live copies cannot
 * be written. Then no child of this start is left; controller_stop and controller_free follow as
 * ever. */
typedef void controller_started_fn(void *arg, int result, const struct problem *problem);

/* Options are copied. Nothing runs before controller_start. */
int controller_new(const struct controller_options *options, struct loop *loop, struct registry *r,
                   struct controller **ret_controller, struct problem *ret_problem);
/* On the loop's thread. Writes the live copies, then adopts the living child or starts one. On
 * failure no thread runs, fn is not called, and controller_free alone follows. */
int controller_start(struct controller *c, controller_started_fn *fn, void *arg);
/* On the loop's thread, after registry_stop and once nobody submits any more: exports what is not
 * exported, ends the child (TERM, then KILL) or leaves it (keep_on_stop), then calls done on the
 * loop's thread. The children of an earlier betterdns too, also before the start has come to look
 * for them; not after it was refused. */
void controller_stop(struct controller *c, void (*done)(void *arg), void *arg);
/* As controller_stop, also before registry_stop, and the server goes on whatever keep_on_stop says:
 * another controller of this process is about to adopt it. Those who wait for "served" are told of
 * a reload. */
void controller_leave(struct controller *c, void (*done)(void *arg), void *arg);
/* Before registry_close, once the loop runs no more. Ends the threads where neither
 * controller_stop nor controller_leave has; then the child is left as it is. */
void controller_free(struct controller *c);

/* Blocks (never on the loop's thread) until the DNS server shows serial or a later one for this
 * zone, or deadline_ns has passed. 0: served, since *ret_served_ns (monotonic; before the call
 * where it showed it already); else -BD_ETIMEDOUT with the reason as a sentence in reason. */
int controller_wait_served(struct controller *c, unsigned zone, uint32_t serial,
                           uint64_t deadline_ns, uint64_t *ret_served_ns, char reason[200]);

/* What the DNS server shows for this name and type, asked now, of the running child itself. Blocks
 * (never on the loop's thread), but not past deadline_ns. 0: *ret_answer (no records: it shows
 * none, rcode says why), whose bytes are the caller's to free; -ENOTCONN: there is no child;
 * -BD_ETIMEDOUT, -ECONNREFUSED, …: it does not answer; -ENOMEM. */
int controller_lookup(struct controller *c, const struct dname *name, uint16_t type,
                      uint64_t deadline_ns, struct dnsmsg_answer *ret_answer);

/* A stop (else a reload) has begun: those who wait for "served", now or later, are answered within
 * a second. */
void controller_hurry(struct controller *c, bool stops);

/* For those who look before a start, and change nothing. */

/* Could these options be put in force in the place of those of a controller that runs? What can be
 * known before: names, the user's own Corefile, the program (which is run for its version, for two
 * seconds at most), who has the port. Errors as controller_new and controller_started_fn. */
int controller_check(const struct controller_options *options, struct problem *ret_problem);

/* The processes of the DNS servers that a betterdns with this data directory has started, and that
 * are alive. Their number, max at most. */
unsigned controller_children(const char *data, pid_t *ret_pids, unsigned max);

/* A Corefile of the user's own, and whom it has to serve. */
struct controller_corefile {
    const char *path, *data, *live; /* path: absolute */
    const struct sockaddr_storage *listen;
    const struct dname *const *origins;
    unsigned nzones;
};
/* The last good one of that path, kept for a start with one that is refused. */
struct controller_corefile_kept {
    bool there;
    bool is_another; /* than what is in the file now */
};
/* Can it be read, with what it imports, and has it a block for each zone? What else the server says
 * of it shows when that reads it. 0; or as controller_new. *ret_kept is filled in any case. */
int controller_corefile(const struct controller_corefile *look,
                        struct controller_corefile_kept *ret_kept, struct problem *ret_problem);

struct controller_program {
    char *path;         /* to be freed */
    char version[48];   /* empty: it does not say, or it was not asked */
    const char *oldest; /* version that will do; NULL: any */
    bool old;           /* the version is before that */
};
/* The program of a kind of server; binary as in controller_options, by_commands the command's. Runs
 * it to have its version, until deadline_ns at most. 0; -ENOENT: there is none; -EACCES: it is not
 * executable; else the errno of the exec (-ENOEXEC: of another machine). ret_problem says it. */
int controller_program(const char *kind, const char *binary, uint64_t deadline_ns,
                       struct controller_program *ret_program, struct problem *ret_problem);

enum file_state {
    FILE_CLEAN,
    FILE_PENDING,  /* an export is due */
    FILE_HELD,     /* what was saved waits for the operator's yes; it is not written meanwhile */
    FILE_REJECTED, /* what was saved is no zone; it is not written meanwhile */
    FILE_MISSING,
    FILE_READ_ONLY, /* cannot be written, or write: false; saves are taken all the same */
    FILE_CONTESTED, /* somebody rewrites it after each export: exports come seldom */
    FILE_NSTATES
};
const char *file_state_name(enum file_state s);

struct controller_zone_status {
    uint32_t served_serial; /* 0: not known */
    uint64_t lag_ns;  /* how long the newest serial has been waiting to be served; 0: served */
    uint64_t load_ns; /* from a live copy's rename to the first answer, smoothed */
    enum file_state file_state;
    uint64_t exported_seq;
    char error[256];      /* the first of controller_faults; empty: nothing to say */
    const char *live;     /* the path of the live copy; lives as long as the controller */
    char trouble[200];    /* why the newest copy is not served, once it is late; empty */
    int64_t published;    /* when a copy came to be served the last time, seconds since 1970; 0: not
                             yet since our start */
    uint64_t late;        /* how often a copy was not served in time */
    char last_error[200]; /* the last trouble, also once it is over; empty: there was none */
    int64_t last_error_at;
};

/* How the server learns of changes. */
#define CONTROLLER_WHY_SIZE 256
struct controller_choice {
    const char *strategy; /* as configured, or asked for since: "auto", … */
    const char *chosen;   /* the one in force */
    char why[CONTROLLER_WHY_SIZE];
};
void controller_strategy(struct controller *c, struct controller_choice *ret_choice);
/* Exchanges it until the next start, from the next publish on. -BD_EINVALID: there is none of that
 * name, or it does not suit this kind of server. Both from any thread. */
int controller_set_strategy(struct controller *c, const char *name, struct problem *ret_problem);

struct controller_status {
    const char *kind;
    struct controller_choice choice;
    char version[48];  /* of the server; empty: not known yet */
    const char *state; /* "down", "starting", "ready", "hung", "backing-off", "stopping" */
    int pid;           /* 0: none */
    unsigned generation;
    bool adopted;
    char reason[256]; /* why it is not ready, or a zone is late; empty */
    /* Counters since our start. swaps: successors that took a server's place; failed_swaps: those
     * that came to nothing. */
    uint64_t starts, swaps, failed_swaps, published, escalations, probes;
};

/* From any thread. zones: room for one a zone, or NULL. */
void controller_status(struct controller *c, struct controller_status *ret_status,
                       struct controller_zone_status *ret_zones);
bool controller_ready(struct controller *c); /* the child answers for every zone */

/* What there is to say about a people's file. */
struct controller_fault {
    char file[256];        /* an included one has its own name */
    unsigned line, column; /* from 1; 0: it concerns the whole file */
    char message[256];
};
#define CONTROLLER_FAULTS_MAX 20U
/* What somebody has to look after: why it is rejected or held, why it is not written. Up to max of
 * them, in the order of the file; the number of all, which may be more than CONTROLLER_FAULTS_MAX.
 * From any thread. */
size_t controller_faults(struct controller *c, unsigned zone, struct controller_fault *ret_faults,
                         size_t max);
/* What there is to know: what of the last save that was merged lost, what stayed; that the file is
 * a source only. As controller_faults. */
size_t controller_notes(struct controller *c, unsigned zone, struct controller_fault *ret_notes,
                        size_t max);

/* The operator's word on what is held or rejected (design.md, "The people's file", 5-7). They block
 * until it is done (never on the loop's thread). accept: what is held is taken as it stands.
 * discard: the zone is exported over it, and it is kept as .NAME.discarded.
 * 0; -BD_ENOTFOUND: nothing is held or rejected; -BD_ESTOPPING; -BD_ETIMEDOUT: it may still happen;
 * else as registry_save, or why the file could not be written. */
int controller_accept(struct controller *c, unsigned zone, uint64_t deadline_ns,
                      struct problem *ret_problem);
int controller_discard(struct controller *c, unsigned zone, uint64_t deadline_ns,
                       struct problem *ret_problem);

#endif
