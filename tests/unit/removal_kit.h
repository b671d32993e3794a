/* Health that removes hosts, over a real registry and with real terminators; time is the test's, a
 * second at a time, for health and for the registry. */
#ifndef REMOVAL_KIT_H
#define REMOVAL_KIT_H

#include <pthread.h>

#include <betterdns/events.h>
#include <betterdns/health.h>

#include "engine.h"
#include "lease_kit.h"

struct removalkit {
    struct regkit reg;
    struct health_options options;
    struct events *events;
    struct events_reader *reader;
    struct health *h;
    uint64_t mono_ns;
    bool dead[256];         /* by the last octet of the address */
    struct target **flying; /* probes */
    size_t nflying, cap;
    struct str argv[8];
    pthread_t thread; /* removalkit_begin */
    unsigned seconds;
    char told[8192]; /* events of terminations so far: "ok=1 dry=0 NAME ID: DETAIL" a line each */
};

/* For cmocka: one kit is the state of each test. Health is not open yet. */
int removalkit_make(void **state);
int removalkit_remove(void **state);
void removalkit_open(struct removalkit *k);
/* With its own thread, clocks and probes. */
void removalkit_start(struct removalkit *k);
void removalkit_close(struct removalkit *k);
void removalkit_restart(struct removalkit *k); /* the registry too */
/* As kill -9 would leave it. */
void removalkit_crash(struct removalkit *k);

/* A shell that runs this text is the terminator; $1 is the id, $2 the kit's directory. */
void removalkit_use_script(struct removalkit *k, const char *script);

/* So many seconds pass. */
void removalkit_run(struct removalkit *k, unsigned seconds);
/* On a thread of its own, so that a test can hold it at a pause point; and until they have passed.
 */
void removalkit_begin(struct removalkit *k, unsigned seconds);
void removalkit_end(struct removalkit *k);
/* Seconds pass until it is so; the number of them. Fails after so many. */
#define REMOVALKIT_UNTIL(k, seconds, condition)                                                    \
    ({                                                                                             \
        unsigned passed_ = 0;                                                                      \
        for (; !(condition); passed_++) {                                                          \
            assert_true(passed_ < (seconds));                                                      \
            removalkit_run(k, 1);                                                                  \
        }                                                                                          \
        passed_;                                                                                   \
    })
/* What terminators do meanwhile is heard of, without any time passing, until it is so. */
#define REMOVALKIT_PUMP(k, condition)                                                              \
    for (uint64_t deadline_ = clock_deadline(60 * NS_PER_S); !(condition); removalkit_pump(k))     \
        assert_true(clock_mono_ns() < deadline_);
void removalkit_pump(struct removalkit *k);

/* With 192.0.2.HOST and a check that fails after 3 s and ends it after 10 s more (check NULL), or
 * this one; lease_s as ask. The number. */
uint64_t removalkit_register(struct removalkit *k, const char *name, unsigned host);
uint64_t removalkit_register_as(struct removalkit *k, const struct ask *ask);
bool removalkit_is_there(struct removalkit *k, const char *name);
const char *removalkit_told(struct removalkit *k);
/* A file of the kit's directory, in a static buffer; "" where there is none. */
const char *removalkit_file(struct removalkit *k, const char *name);
bool removalkit_terminating(struct removalkit *k, uint64_t number);

#define REMOVALKIT_CHECK "url tcp://:80\ninterval 1s\ntimeout 1s\nderegister_after 10s\n"

/* From the last answer of a host until its check has failed, and until it may go. */
#define REMOVALKIT_FALL_S 3
#define REMOVALKIT_GONE_S 10

/* A script that says that it runs, and goes on when the test has made the file "go". */
#define REMOVALKIT_WAITS                                                                           \
    "echo $$ >\"$2/pid\"; echo began >>\"$2/ran\"; while [ ! -e \"$2/go\" ]; do sleep 0.01; "      \
    "done; "                                                                                       \
    "echo ended >>\"$2/ran\"; echo done"
void removalkit_touch(struct removalkit *k, const char *name); /* makes such a file */
/* Opens; a and c live, b has just died. */
void removalkit_three_hosts(struct removalkit *k);
void removalkit_until_it_runs(struct removalkit *k);
/* All of it: the terminator that waits runs for b. */
void removalkit_in_the_middle(struct removalkit *k);

#endif
