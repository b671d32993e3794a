/* Server kinds and strategies are data: one file with one const vtable each (servers/WORD.c,
 * strategies/WORD.c), and a row of these two tables. Whoever else names them goes by the tables:
 * the configuration and what is said of it, messages, `betterdns doctor`. */
#ifndef CONTROLLER_KINDS_H
#define CONTROLLER_KINDS_H

#include <sys/socket.h>
#include <sys/types.h>

#include <betterdns/buf.h>
#include <betterdns/dname.h>
#include <betterdns/error.h>

/* In the order in which they are listed. */
#define SERVER_KINDS(row) row(coredns) row(bind) row(nsd) row(knot) row(exec)

#define STRATEGIES(row) row(file) row(signal) row(restart)

struct child;
struct conf;
struct supervisor;

#define SERVER_ARGS_MAX 33 /* with the final NULL */
#define SERVER_VERSION_SIZE 48

struct server_zone {
    const char *name; /* absolute text */
    const char *path; /* of the live copy */
    unsigned poll_ms; /* how often the server looks at it; 0: never */
};

/* Of the kind that is driven by commands; NULL-terminated, NULL: none. */
struct server_commands {
    const char *const *start, *const *reload, *const *stop;
};

struct server_config {
    const char *binary;                    /* a path */
    const char *path;                      /* of the configuration file */
    const struct sockaddr_storage *listen; /* the public address */
    const struct sockaddr_storage
        *private;     /* of this generation; NULL: the public address is probed */
    const char *nsid; /* what it answers to RFC 5001 */
    const struct server_commands *commands;
    const char *dir;     /* for what it writes itself: of this generation alone */
    const char *version; /* of the binary; "": not known */
    const struct server_zone *zones;
    unsigned nzones;
};

struct server_kind {
    const char *name;
    const char *binary;      /* its program, where the operator names none */
    const char *package;     /* of Debian that has it; NULL: none */
    const char *releases;    /* where else it is to be had; NULL: not said */
    const char *config_name; /* of the file in the live directory */
    int reload_signal;       /* makes it read its configuration again */
    bool polls;              /* it looks at its zones' files itself, as often as it is told to */
    bool public_only;        /* it listens on addresses of the machine's interfaces alone */
    bool anonymous;          /* nothing makes it answer with our identifier */
    bool by_commands;        /* of the operator's; NULL binary */
    bool takes_corefile;     /* a Corefile of the user's own may stand in the place of ours */
    /* Such a file with this behind it is refused in any case, but only after all before it was
     * found to be right, and before a port is bound: where there is no option to check one. */
    const char *refused;
    bool rereads;       /* a reload reads the configuration too, with our identifier in it */
    bool by_time;       /* a reload reads those zones alone whose files have a new time */
    bool writes;        /* files of its own: it needs a folder for them */
    bool version_first; /* its configuration depends on its version */
    /* Do an old and a new instance inside of it answer beside each other, after a reload? 1, 0, or
     * a negative errno where that cannot be seen. NULL: never. */
    int (*overlaps)(pid_t pid);
    void (*write_config)(const struct server_config *config, struct buf *out);
    /* NULL-terminated; the strings live as long as config. */
    void (*arguments)(const struct server_config *config, const char *argv[SERVER_ARGS_MAX]);
    /* The argument that makes it print its version and end. */
    const char *version_argument; /* NULL: there is none */
    const char *oldest;           /* the first version that it was tried with, "1.12" */
    /* Finds the version in that output; leaves it empty where there is none. */
    void (*version)(struct str output, char out[SERVER_VERSION_SIZE]);
    /* From what a start that failed has printed: the error to report and the line that says why. */
    int (*failure)(struct str output, struct str *ret_words);
};

struct publication {
    unsigned zone;
    const char *path; /* of the live copy that was just renamed */
    uint32_t serial;
    size_t nrecords;
};

/* Whom a strategy tells. */
struct target {
    struct child *child;
    struct conf *conf;
    struct supervisor *supervisor;
};

/* What is known about a zone whose live copy the server looks at itself. */
struct poll_facts {
    unsigned now_ms;  /* how often it does now; 0: not decided yet */
    size_t nrecords;  /* in the copy */
    uint64_t load_ns; /* from a copy's rename to its first answer; 0: not measured yet */
    bool busy;        /* it changes often (rate.h) */
    unsigned nbusy;   /* of all zones */
    unsigned nzones;
};

struct strategy {
    const char *name;
    const char *help;                /* a few words: what the server does, what that costs */
    const struct strategy *stronger; /* tried when this one has not helped in time; NULL: none */
    bool reads_all;                  /* a publish of one zone makes the server read all of them */
    bool needs_polls;                /* nothing is done: the server must look at its files itself */
    /* How often the server has to look at a live copy itself; 0: never. */
    unsigned (*poll_ms)(const struct poll_facts *facts);
    /* A new live copy is there: make the server take it. 0; -EAGAIN: it is not sure that it will,
     * so this is to be asked again with the next answer of the server that shows an older one; else
     * why that could not be tried. */
    int (*publish)(const struct target *target, const struct publication *publication);
};

const struct server_kind *server_kind_by_name(const char *name); /* NULL: none */
const struct strategy *strategy_by_name(const char *name);
/* There is none of that name: -BD_EINVALID, and the problem lists those that there are. */
int no_server_kind(const char *name, struct problem *ret_problem);
int no_strategy(const char *name, struct problem *ret_problem);

#define EXTERN_KIND(word) extern const struct server_kind server_##word;
#define EXTERN_STRATEGY(word) extern const struct strategy strategy_##word;
SERVER_KINDS(EXTERN_KIND)
STRATEGIES(EXTERN_STRATEGY)
#undef EXTERN_KIND
#undef EXTERN_STRATEGY

#endif
