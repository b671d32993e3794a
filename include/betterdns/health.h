/* Health: one thread that probes the hosts that have a check, withdraws from DNS what is
 * UNAVAILABLE, follows leases, and removes hosts that stay down. Its own knowledge is in memory,
 * and in the registry's notes over a restart; whatever it decides becomes true as a change like any
 * other. Every function is thread-safe where nothing else is said. */
#ifndef BETTERDNS_HEALTH_H
#define BETTERDNS_HEALTH_H

#include <sys/socket.h>

#include <betterdns/check.h>
#include <betterdns/registry.h>

struct health;
struct network; /* <betterdns/network.h> */

/* A check of what matches, where a registration has none of its own; the first rule that matches
 * counts. Such a check ends no registration unless it gives deregister_after itself: the host did
 * not ask for it and does not know that it would have to register anew. */
struct health_rule {
    struct str pattern; /* a glob, against the absolute name (with or without its final dot) and the
                           name relative to its zone */
    struct str check;   /* its canonical text */
    bool handwritten;   /* of address records that nobody registered, too */
};

/* What must answer, else nobody is removed. */
struct health_witness {
    struct str check; /* canonical text */
    uint8_t address[16];
    uint8_t naddress;   /* 4, 16 */
    bool refused_is_ok; /* given as a bare address: a refused connection is an answer too */
};

struct health_command {
    struct str name;        /* exec:NAME */
    const struct str *argv; /* the first is the absolute path of a program */
    unsigned nargv;
};

struct health_terminate {
    bool enabled;     /* false: a dry run */
    const char *kind; /* "none", "exec", "webhook" */
    const struct str *argv;
    unsigned nargv;
    const char *user; /* NULL: our own */
    uint32_t timeout_ms;
    bool anyway; /* unregister though the terminator failed */
    const char *url, *secret_file;
};

struct health_options {
    struct check_defaults defaults;
    const struct network *allow; /* what checks of requests may reach beside the caller */
    unsigned nallow;
    const struct sockaddr_storage *own; /* what we and our server listen on */
    unsigned nown;
    const struct health_rule *rules;
    unsigned nrules;
    bool keep_last; /* a name with several registrants keeps its last address */
    const struct health_witness *witnesses;
    unsigned nwitnesses;
    const struct health_command *commands;
    unsigned ncommands;
    struct health_terminate terminate;
    uint32_t maintenance_ttl; /* seconds */
    struct events *events;    /* outlives health; NULL: none */
};

/* Options are copied. *ret_problem: what cannot be (a user who does not exist, a secret that cannot
 * be read). Nothing runs before health_start. */
int health_new(const struct health_options *options, struct registry *registry,
               struct health **ret_health, struct problem *ret_problem);
int health_start(struct health *h);
/* No more hosts begin to be removed (on), or they do again. What has begun goes on to its end, and
 * so does all else that health does. */
void health_pause_removals(struct health *h, bool on);
/* Is no host being removed? Also where one takes longer than its terminator may and the writing of
 * what came of it should. For a while after health_pause_removals. */
bool health_removals_idle(struct health *h);
/* Ends the thread and whatever is in flight; promptly. Before registry_stop. Queries still work,
 * and show how it stood. */
void health_stop(struct health *h);
void health_free(
    struct health *h); /* after health_stop, or instead of health_start; NULL is fine */

/* A check that a request asks for, at one address. */
struct health_request {
    struct str check;  /* canonical text */
    struct str caller; /* the address that asks, as text */
    uint8_t address[16];
    uint8_t naddress; /* 4, 16; 0: of a record that is none */
};
/* May it? A request reaches only the caller's own address or what `allow` opens, and only commands
 * of the configuration; the same is judged again before each probe. -BD_EINVALID: *ret_problem says
 * why not. */
int health_judge(const struct health *h, const struct health_request *request,
                 struct problem *ret_problem);

/* ---- queries ---- */

#define HEALTH_TRANSITIONS_MAX 100
#define HEALTH_OUTPUT_MAX 4096

struct health_transition {
    int64_t time; /* seconds since 1970 */
    enum check_state from, to;
    struct str output; /* its beginning */
};

/* One check at one address. */
struct health_check {
    unsigned zone;
    struct dname owner;
    uint16_t type;
    struct str id;   /* n 0: nobody registered this record */
    uint64_t number; /* 0: the same */
    uint8_t address[16];
    uint8_t naddress;       /* 4, 16; 0: a registration of another type than A and AAAA */
    struct check_spec spec; /* spec.url: what is asked for */
    bool by_rule;           /* the configuration asks for it, not the host */
    enum check_state state;
    bool withdrawn; /* DNS does not show this record */
    bool kept;      /* it is UNAVAILABLE, and shown as the last one of its name */
    bool draining;  /* in maintenance */
    int64_t since;  /* of the state, seconds since 1970 */
    struct {
        int64_t time; /* 0: there was none in this run */
        bool ok;
        struct str output;
        uint64_t latency_ns;
    } last;
    const struct health_transition *transitions; /* the oldest first */
    unsigned ntransitions;
};

/* Calls fn for each check, in order of zone, owner, type; those of one record set at once, as they
 * stood together. owner: of this name only, with all that was acknowledged before the call; NULL:
 * all. Views live during the call; no lock is held. A result other than 0 ends it and is returned.
 * -ENOMEM. */
int health_each(struct health *h, const struct dname *owner,
                int (*fn)(void *arg, const struct health_check *check), void *arg);

struct health_registration {
    bool has_check;
    enum check_state state; /* the worst of its checks */
    bool draining;
    bool kept;        /* UNAVAILABLE, and shown as the last one of its name */
    int64_t expires;  /* of its lease, seconds since 1970 by today's clock; 0: it has none */
    bool terminating; /* its host is being removed right now */
};
/* False: health does not follow a registration of this number (no lease, no check). */
bool health_registration(struct health *h, uint64_t number, struct health_registration *ret);

/* What a host says about itself (kind ttl): warn counts as pass. id n 0: all of the name.
 * 0: the state that it leads to outlives a crash. -BD_ENOTFOUND: there is no such ttl check, and
 * *ret_problem says what there is. Errors of registry_notes_put (<betterdns/lease.h>): it was
 * heard, and is written down later. */
enum health_status { HEALTH_PASS, HEALTH_WARN, HEALTH_FAIL };
int health_report(struct health *h, const struct dname *owner, struct str id,
                  enum health_status status, struct str output, struct problem *ret_problem);

struct health_drained {
    bool drained;       /* else draining */
    int64_t safe_at;    /* seconds since 1970: nobody has the address any more */
    uint64_t safe_in_s; /* 0: now */
};
/* Maintenance of the registrations of a name (id n 0: all of them) begins or ends; durable when it
 * returns. -BD_ENOTFOUND: nobody has registered it; else as registry_submit. */
int health_drain(struct health *h, unsigned zone, const struct dname *owner, struct str id, bool on,
                 uint64_t deadline_ns, struct health_drained *ret, struct problem *ret_problem);

struct health_stats {
    unsigned targets[CHECK_NSTATES];
    uint64_t passed, failed; /* results of checks */
    unsigned leases;         /* registrations that have one */
    unsigned hosts, down;    /* with a check or a lease; of them, as panic counts */
    bool panic, isolated;
    unsigned witnesses, answering;
    unsigned in_flight;        /* probes, waiting ones too */
    uint64_t late;             /* probes that began more than an interval after their time */
    uint64_t terminated[2][2]; /* [ok][dry run], in this run */
};
void health_stats(struct health *h, struct health_stats *ret);

/* A host that is down, and will be removed if it stays so. */
struct health_waiting {
    unsigned zone;
    struct dname owner;
    char id[256];
    uint64_t in_s;    /* running time, at the earliest; 0: its time has come */
    char reason[256]; /* what it waits for: a sentence */
};
/* Up to max of them, those that went down first before the others; the number of all. */
size_t health_waiting(struct health *h, struct health_waiting *ret, size_t max);

bool health_panic(struct health *h);

#endif
