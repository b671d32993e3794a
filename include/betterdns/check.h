/* What is checked, and how (interface.md, "Checks and leases"): reading what a request or a rule of
 * the configuration gives, and the text of it that is stored with a registration. */
#ifndef BETTERDNS_CHECK_H
#define BETTERDNS_CHECK_H

#include <betterdns/buf.h>
#include <betterdns/error.h>

enum check_kind {
    CHECK_HTTP,
    CHECK_HTTPS,
    CHECK_TCP,
    CHECK_DNS,
    CHECK_TTL,
    CHECK_EXEC,
    CHECK_NKINDS
};

enum check_state { CHECK_UNKNOWN, CHECK_AVAILABLE, CHECK_UNAVAILABLE, CHECK_NSTATES };

const char *check_state_name(enum check_state state); /* "UNKNOWN", … */
/* UNAVAILABLE is worse than UNKNOWN, and that than AVAILABLE. */
bool check_state_is_worse(enum check_state a, enum check_state b);
const char *check_kind_name(enum check_kind kind); /* "http", … */

#define CHECK_URL_MAX 2000
#define CHECK_BODY_MAX 1000
#define CHECK_STATUSES 4
#define CHECK_RISE_MAX 32
#define CHECK_NEVER UINT32_MAX
/* No canonical text is longer. */
#define CHECK_TEXT_MAX (CHECK_URL_MAX + CHECK_BODY_MAX + 400)

struct check_status {
    uint16_t from, to; /* both included */
};

struct check_spec {
    enum check_kind kind;
    struct str url;  /* as it is stored */
    struct str host; /* lower case; an IPv6 address without its brackets; n 0: none. Of http(s) it
                        is the Host header and SNI only, never resolved */
    struct str path; /* http(s): with the query, n 0 stands for "/"; dns: the name that is asked
                        for; exec: the command's name in the configuration */
    struct str body; /* http(s): occurs in the answer; n 0: not asked for */
    uint16_t port;   /* 0: the kind has none */
    uint32_t ttl_ms; /* kind ttl: the host reports at least so often */

    /* From the start of a probe to that of the next one. A probe never overlaps itself: where it
     * takes longer, the next one starts when it has ended. */
    uint32_t interval_ms, timeout_ms;
    uint32_t grace_ms;   /* no failure counts so long after the start, or until the first success */
    unsigned fall, rise; /* results in a row; 1 to CHECK_RISE_MAX */
    enum check_state initial;
    struct check_status status[CHECK_STATUSES];
    unsigned nstatus;
    uint32_t deregister_after_s; /* CHECK_NEVER: never */
};

/* What the operator's configuration gives for what a check leaves out. */
struct check_defaults {
    uint32_t interval_ms, timeout_ms;
    unsigned fall, rise;
    uint32_t deregister_after_s;
};
#define CHECK_DEFAULTS ((struct check_defaults){10000, 5000, 3, 2, 120})

struct check_member {
    struct str name; /* "url", "interval", "timeout", "fall", "rise", "initial", "grace", "status",
                        "body", "deregister_after" */
    struct str value;
};

/* Reads members in any order; adds the canonical text to *ret_text: the members that were given, in
 * a fixed order, a line "NAME VALUE" each. The same check gives the same octets, and the text read
 * again gives itself. A number of JSON comes as its text. ret_problem is not NULL.
 * -BD_EINVALID: *ret_problem's field is "check" (the URL, an unknown member) or "check.interval" …,
 * with an example as hint. -ENOMEM. *ret_text is as it was after a failure. Whether there is an
 * exec:NAME, and who may use it, is the caller's business. */
int check_read(const struct check_member *members, size_t n, struct buf *ret_text,
               struct problem *ret_problem);

/* Takes the next member off a canonical text. False: none is left, or this is no such text. */
bool check_next(struct str *text, struct check_member *ret_member);

/* A canonical text, with defaults for what it leaves out: views of text. What the defaults say of
 * time-outs is cut to the check's own interval. A ttl check falls and rises with its first report
 * unless it says otherwise: the host speaks for itself. -BD_EINVALID: no such text. */
int check_parse(struct str text, const struct check_defaults *defaults,
                struct check_spec *ret_spec);

/* The address that the host is written as: 4 or 16 octets; 0: it is a name, or there is none. For
 * what the operator names (witnesses): a check that a host registered goes to its own address. */
unsigned check_host_address(const struct check_spec *spec, uint8_t ret_address[16]);

#endif
