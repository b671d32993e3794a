/* Health over a real registry, with a clock that the test moves and probes that it answers; or
 * with its own thread, clock and sockets. */
#ifndef HEALTH_KIT_H
#define HEALTH_KIT_H

#include <betterdns/health.h>

#include "engine.h"
#include "registry_kit.h"

struct healthkit_probe {
    struct target *target;
    uint64_t at_ns; /* when it ends */
};

struct healthkit {
    struct regkit reg;
    struct health_options options;
    struct health *h;

    /* The simulation. Hosts are known by the last two octets of their address. */
    uint64_t mono_ns, running_ns;
    bool dead[65536];
    bool unasked;                                                /* all probes end so */
    bool (*answer)(struct healthkit *k, const struct target *t); /* NULL: by dead */
    uint64_t takes_ns;                                           /* a probe; 0: 1 ms */
    struct healthkit_probe *probes;
    size_t nprobes, cap;
    unsigned begun, cancelled; /* probes */
    unsigned most_in_flight_of_one;
    uint64_t answered[65536]; /* probes that have ended */
};

int healthkit_make(void **state); /* a registry, options; no health yet */
int healthkit_remove(void **state);

/* Health whose time stands still but for healthkit_advance. */
extern const struct engine_ways healthkit_ways;
void healthkit_open(struct healthkit *k);
/* With its thread, the real clock and real probes. */
void healthkit_start(struct healthkit *k);
/* Ends it, as the program's end does. */
void healthkit_close(struct healthkit *k);
void healthkit_restart(struct healthkit *k); /* the registry too; simulated again */

/* Lets time pass: all that is due by then happens. */
void healthkit_advance(struct healthkit *k, uint64_t ns);
/* The next moment at which something happens; false: none before until. */
bool healthkit_step(struct healthkit *k, uint64_t until_ns);

/* Registers name with 192.0.2.LAST (or 10.0.HIGH.LOW for 256 and more) and a check of this
 * canonical text; its number. id NULL: the name. */
uint64_t healthkit_register(struct healthkit *k, const char *name, const char *id, unsigned host,
                            const char *check);
/* "AVAILABLE", …; "" where there is no such check. */
const char *healthkit_state(struct healthkit *k, const char *name, unsigned host);
/* What DNS shows: "30 192.0.2.7|192.0.2.8", "-". */
const char *healthkit_shown(struct healthkit *k, const char *name);

/* One check of a name, with its transitions as "UNKNOWN>AVAILABLE …". */
struct healthkit_check {
    bool found;
    struct health_check check; /* its views have gone */
    const char *history;       /* until the next call */
};
struct healthkit_check healthkit_check(struct healthkit *k, const char *name, unsigned host);

#define SECONDS(n) ((n)*NS_PER_S)
#define ASSERT_SHOWN(k, name, expected) assert_string_equal(healthkit_shown(k, name), expected)
#define ASSERT_STATE(k, name, host, expected)                                                      \
    assert_string_equal(healthkit_state(k, name, host), expected)
#define CHECK_FAST "url tcp://:80\ninterval 1s\ntimeout 1s\n"

#endif
