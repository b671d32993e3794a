/* A registry in a directory of its own, and changes in one line. */
#ifndef REGISTRY_KIT_H
#define REGISTRY_KIT_H

#include <pthread.h>

#include <betterdns/registry.h>

#define KIT_ZONES 2

struct regkit {
    char dir[64]; /* temporary; data in dir/data, zone files beside it */
    char file[KIT_ZONES][96];
    struct registry_zone zones[KIT_ZONES]; /* lab.example, 2.0.192.in-addr.arpa */
    struct registry_options options;
    struct registry *r;
    struct receipt receipt; /* of the last regkit_ask; its set is put by the next one */
    struct problem problem;
};

/* Makes the directory; opens nothing. */
void regkit_start(struct regkit *k);
/* registry_open's result; the problem is in k->problem. */
int regkit_open(struct regkit *k);
void regkit_close(struct regkit *k);
void regkit_reopen(struct regkit *k);
/* Closes, removes the directory. */
void regkit_end(struct regkit *k);
/* The same for cmocka: one kit, which is the state of each test. */
int regkit_make(void **state);      /* regkit_start */
int regkit_make_open(void **state); /* and regkit_open */
int regkit_remove(void **state);    /* regkit_end */
void regkit_write(struct regkit *k, unsigned zone, const char *text);
/* Waits a minute at most until the condition holds. */
#define REGKIT_WAIT(condition)                                                                     \
    for (uint64_t deadline_ = clock_deadline(60 * NS_PER_S); !(condition);) {                      \
        assert_true(clock_mono_ns() < deadline_);                                                  \
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);                                   \
    }

struct ask {
    enum op_kind kind;
    const char *name;   /* relative to lab.example., or absolute */
    uint16_t type;      /* 0: A */
    const char *values; /* parted by '|'; NULL: none */
    const char *id;
    uint32_t ttl; /* 0: none given */
    uint64_t number;
    const struct hash128 *if_match;
    bool if_exists, if_absent, dry_run;
    uint32_t lease_s;
    const char *check;
    uint64_t numbers[3]; /* up to the first 0 */
    bool keep_last, drain;
    uint64_t since_ns;
};
/* WHAT(OP_DELETE, "web", .id = "a") */
#define WHAT(op, owner, ...) ((struct ask){.kind = (op), .name = (owner), __VA_ARGS__})
/* One change of one operation; the result of registry_submit. */
#define ASK(k, ...) regkit_ask(k, &WHAT(__VA_ARGS__))
int regkit_ask(struct regkit *k, const struct ask *ask);
/* Adds an operation to a change. */
void regkit_add(struct change *c, const struct ask *ask);
int regkit_submit(struct regkit *k, struct change *c);

/* A submitter with a thread of its own. */
struct regkit_job {
    struct regkit *k;
    pthread_t thread;
    struct ask ask;
    bool and_cname;       /* a second operation, which conflicts with the first */
    uint64_t patience_ns; /* 0: a minute */
    int result;
    struct receipt receipt;
};
/* ask, and_cname and patience_ns are the caller's to fill in. */
void regkit_begin(struct regkit *k, struct regkit_job *j);
#define BEGIN(k, j, ...) (*(j) = (struct regkit_job){__VA_ARGS__}, regkit_begin(k, j))
/* Waits for its end; the result of registry_submit. */
int regkit_join(struct regkit_job *j);
/* Waits until so many changes are in the queue; fails the test after a minute. */
void regkit_wait_queued(struct regkit *k, unsigned n);

struct registry_stats regkit_stats(struct regkit *k);
void regkit_path(const struct regkit *k, const char *name,
                 char out[160]); /* in the data directory */
bool regkit_exists(const struct regkit *k, const char *name);

/* The records of a set as "ttl value|value", or "-" where there is none; in a static buffer. */
const char *regkit_records(struct regkit *k, const char *name, uint16_t type);
/* What DNS shows of it, likewise; in maintenance with a TTL of 5 at most. */
const char *regkit_shown(struct regkit *k, const char *name, uint16_t type);
/* Its registrations as "id=value,value;id=…". */
const char *regkit_registrations(struct regkit *k, const char *name, uint16_t type);
uint64_t regkit_number(struct regkit *k, const char *name, const char *id);
uint32_t regkit_serial(struct regkit *k, unsigned zone);
uint64_t regkit_seq(struct regkit *k);
struct hash128 regkit_mark(struct regkit *k, unsigned zone); /* registry_marker_hash */

#endif
