/* Work for the committer that is no change: it rides the queue like one, since there is one writer,
 * and is durable with its group; but it moves no seq and no serial. A kind is a table of functions,
 * in the file of what it is about. */
#ifndef BETTERDNS_REGISTRY_JOB_H
#define BETTERDNS_REGISTRY_JOB_H

#include "change.h"

struct commit;

struct job_kind {
    bool while_stopping; /* taken after registry_stop too */
    /* On the committer's thread, against what the group has decided so far. A refusal fills
     * c->problem. NULL: nothing to decide. */
    int (*decide)(struct commit *k, struct change *c);
    /* Its rows, where decide was 0. NULL: there are none, and nobody waits for a disk. */
    int (*write)(struct commit *k, struct change *c);
    /* It has happened; under the registry's lock. NULL: nothing to do. */
    void (*done)(struct registry *r, struct change *c);
    /* Frees what c->work holds and is not the change's. NULL: nothing. */
    void (*end)(struct change *c);
};

/* A change that is this work, with a copy of it in c->work. NULL without memory. */
struct change *job_new(const struct job_kind *kind, const void *work, size_t n);
/* Takes over the count, and waits. *problem (may be NULL) is filled on failure. */
int job_run(struct registry *r, struct change *c, uint64_t deadline_ns, struct problem *problem);

/* ---- the committer's part ---- */

void job_decide(struct commit *k, struct change *c);
int job_write(struct commit *k, struct change *c);
void job_done(struct registry *r, struct change *c);

#endif
