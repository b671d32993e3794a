/* Leases that are over: their registrations end, gathered into one change a zone and second. The
 * committer looks once more whether somebody has renewed meanwhile. */
#include <stdlib.h>

#include <betterdns/log.h>
#include <betterdns/pause.h>

#include "removal.h"
#include "times.h"

/* In one change; the rest a second later. */
#define EXPIRE_MOST 5000

struct expiry {
    struct job job;
    unsigned n, nzones;
    bool failed;
    char first[DNAME_TEXT_MAX];
    struct change *changes[]; /* one a zone; NULL: none */
};

/* Has the host renewed something else since this lease was over? Then it can reach us. */
static bool was_heard_since(struct engine *e, const struct reg *reg)
{
    uint64_t end = times_after(reg->renewed_ns, reg->lease_s * NS_PER_S);

    for (const struct reg *other = reg->host->regs; other; other = other->next_of_host)
        if (other != reg && registry_renewed_ns(e->registry, other->number) > end)
            return true;
    return false;
}

/* A host of which something lives may only be unable to reach us. */
static bool is_over(struct engine *e, const struct reg *reg, uint64_t now_ns)
{
    return reg->lease_s > 0 && reg->overdue && !(reg->flags & REG_DRAINING) &&
           leases_ends_ns(e, reg) <= now_ns &&
           registry_renewed_ns(e->registry, reg->number) <= reg->renewed_ns &&
           (reg->host->down || was_heard_since(e, reg));
}

static int add(struct expiry *x, const struct reg *reg, uint64_t now_ns)
{
    struct change **c = &x->changes[reg->set->zone];
    struct op op = {
        .kind = OP_DELETE,
        .type = rrset_type(reg->set->rrset),
        .number = reg->number,
        .not_renewed_since_ns = now_ns,
    };

    if (!*c)
        *c = change_new(CHANGE_LEASE, STR("lease"));
    if (!*c)
        return -ENOMEM;
    rrset_owner(reg->set->rrset, &op.owner);
    int r = change_add(*c, &op);
    if (r == 0 && x->n++ == 0)
        dname_to_text(&op.owner, x->first);
    return r;
}

/* True: something of the host is in the change. */
static bool add_host(struct engine *e, struct expiry *x, const struct host *host, uint64_t now_ns)
{
    bool any = false;

    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host) {
        if (!is_over(e, reg, now_ns) || host->removal || removal_comes_first(e, reg))
            continue;
        if (!any && guard_may_expire(&e->guard, now_ns, e->nhosts) != GUARD_GO)
            return false;
        any |= add(x, reg, now_ns) == 0;
    }
    return any;
}

static void expiry_run(struct job *job, struct registry *r)
{
    struct expiry *x = (struct expiry *)job;

    PAUSE_POINT("health: leases are over");
    x->failed = !jobs_submit(r, x->changes, x->nzones,
                             "leases that are over cannot be ended now; it is tried again");
}

static void expiry_free(struct expiry *x)
{
    for (unsigned i = 0; i < x->nzones; i++)
        change_put(x->changes[i]);
    free(x);
}

static void expiry_done(struct job *job, struct engine *e)
{
    struct expiry *x = (struct expiry *)job;

    e->removals->expiry = NULL;
    if (x->failed)
        e->removals->expire_ns = times_after(engine_running_ns(e), REMOVAL_AGAIN_NS);
    else if (!job->stopped)
        log_info("leases are over: nobody has renewed them", LOG_UINT("registrations", x->n),
                 LOG_C("first", x->first));
    expiry_free(x);
}

void expiry_second(struct engine *e, uint64_t now_ns)
{
    struct removals *rs = e->removals;
    unsigned nzones = e->in->nzones;
    struct expiry *x;

    if (rs->expiry || now_ns < rs->expire_ns ||
        guard_may_expire(&e->guard, now_ns, e->nhosts) != GUARD_GO)
        return;
    x = calloc(1, sizeof(*x) + nzones * sizeof(x->changes[0]));
    if (!x)
        return;
    x->job = (struct job){.run = expiry_run, .done = expiry_done};
    x->nzones = nzones;
    for (const struct host *host = rs->first; host && x->n < EXPIRE_MOST; host = host->next_down) {
        if (!add_host(e, x, host, now_ns))
            continue;
        guard_expired(&e->guard, now_ns);
        e->guard_note_dirty |= guard_panic(&e->guard);
    }
    if (x->n == 0) {
        expiry_free(x);
        return;
    }
    rs->expiry = x;
    engine_job(e, &x->job);
}
