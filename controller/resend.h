/* A signal to a server may be lost without a word: CoreDNS loses one that comes in the first
 * milliseconds of its life, NSD of several within some milliseconds all but the first. It is sent
 * once more where the server has not been at work since. */
#ifndef CONTROLLER_RESEND_H
#define CONTROLLER_RESEND_H

#include "child.h"

struct resend {
    uint64_t cpu;    /* of the child, when it was told */
    uint64_t due_ns; /* UINT64_MAX: never, or it was sent twice */
};

/* The child is being told, and has patience_ns for it: a quarter of that is waited. */
static inline void resend_start(struct resend *r, const struct child *child, uint64_t now,
                                uint64_t patience_ns)
{
    r->cpu = child_cpu(child);
    r->due_ns = now + patience_ns / 4;
}

/* It is told once only, or no more. */
static inline void resend_stop(struct resend *r)
{
    r->due_ns = UINT64_MAX;
}

static inline bool resend_busy(const struct resend *r, const struct child *child)
{
    return child_worked(r->cpu, child_cpu(child));
}

/* Is it to be sent now? Says so once at most. */
static inline bool resend_due(struct resend *r, const struct child *child, uint64_t now)
{
    if (now < r->due_ns)
        return false;
    resend_stop(r);
    return !resend_busy(r, child);
}

#endif
