/* A change inside the registry: what it asks for, what became of it, and the one who waits. */
#ifndef BETTERDNS_REGISTRY_CHANGE_H
#define BETTERDNS_REGISTRY_CHANGE_H

#include <semaphore.h>
#include <stdatomic.h>

#include <betterdns/pool.h>
#include <betterdns/registry.h>

#include "ops.h"
#include "state.h"

/* Operations that only the registry itself makes, beside enum op_kind. */
enum {
    OP_RESTORE = OP_NKINDS, /* an RRset as it was: restore.h */
    OP_NINNER,
};

/* What an automatic decision brings along (struct op). */
struct change_decision {
    const uint64_t *numbers;
    size_t nnumbers;
    uint64_t not_renewed_since_ns;
    bool keep_last, drain;
};

struct change_op {
    unsigned kind;
    uint16_t type;
    bool has_ttl, if_exists, if_absent;
    uint32_t ttl;
    unsigned zone;  /* filled by change_check */
    struct str key; /* dname_key of the owner: a third of a struct dname's size in large batches */
    struct rdset values;
    struct str id, subject, source; /* id: change_check fills in a registration's default */
    struct str check;               /* p NULL: none */
    uint32_t lease_s;
    uint64_t number;
    const struct change_decision *decision; /* NULL: nothing of that */
    const struct hash128 *if_match;         /* NULL: no such condition */
    size_t nif_match;
    struct rrset *then; /* RESTORE: counted; NULL: none */
};

struct job_kind;
struct merge;

struct change {
    atomic_uint refs;
    enum change_source source;
    struct str actor;
    bool dry_run;
    struct change_op *ops;
    size_t nops, cap;
    struct pool pool;           /* what views of the operations point into */
    const struct job_kind *job; /* not NULL: this and no operations (job.h) */
    void *work;                 /* the job's; the change's memory */
    struct merge *merge;        /* not NULL: this and no operations */

    struct change *next; /* in the queue, guarded by the registry's lock; then the committer's */

    /* The committer's own, until it calls change_decide. */
    int result;
    struct receipt receipt;
    struct problem problem;
    struct diffs diffs;

    atomic_bool submitted;
    atomic_bool decided; /* what is above belongs to the waiter */
    sem_t wake;          /* one call of the kernel on either side, and no lock to run into */
};

/* n octets that live as long as the change; NULL without memory. */
void *change_alloc(struct change *c, size_t n);
struct str change_copy(struct change *c,
                       struct str s); /* .p is NULL without memory, and for NULL */

/* Adds an operation: the RRset with the key of `set` is to be what it was `then` (NULL: there was
 * none). -ENOMEM. */
int change_restore(struct change *c, unsigned zone, const struct rrset *set,
                   const struct rrset *then);

/* Wakes the one who waits. The committer does not look at the change afterwards. */
void change_decide(struct change *c);
/* 0 or -BD_ETIMEDOUT. */
int change_wait(struct change *c, uint64_t deadline_ns);

/* What can be checked without the state, on the submitter's thread: names, types, values,
 * identifiers. Fills in zones and default identifiers. zones: any snapshot. */
int change_check(struct change *c, const struct snap *zones, struct problem *problem);

/* The octets of an answer with these records: header, question, EDNS (RFC 6891 §6.1.2), and each
 * record with a compressed owner. */
#define RRSET_MESSAGE_MAX 65535
size_t rrset_message_size(const struct dname *owner, const struct rdset *rdatas);

#endif
