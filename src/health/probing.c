/* The engine's way to the prober: a target as it has to be probed, and what came of it back under
 * the lock. */
#include "probing.h"

#include <betterdns/clock.h>
#include <betterdns/lease.h>
#include <betterdns/network.h>

#include "inner.h"
#include "prober.h"

static uint64_t mono_ns(struct engine *e)
{
    (void)e;
    return clock_mono_ns();
}

static uint64_t running_ns(struct engine *e)
{
    return registry_running_ns(e->registry);
}

/* On the loop's thread, between the engine's own handlers. */
static void probed(void *engine, void *target, const struct probe_result *result)
{
    struct engine *e = engine;
    const struct probe_end end = {
        .ok = result->ok,
        .refused = result->refused,
        .unasked = result->unasked,
        .latency_ns = result->latency_ns,
        .output = result->output,
    };

    pthread_mutex_lock(&e->lock);
    engine_probed(e, target, &end);
    engine_rearm(e);
    pthread_mutex_unlock(&e->lock);
}

/* Who asked for it, by the address that its request came from. */
static struct address caller_of(const struct target *t, const struct registration *as)
{
    struct address caller = {0};

    if (t->check->asker != ASKED_BY_HOST || address_parse(as->source, &caller) < 0)
        return (struct address){0};
    return caller;
}

static int begin(struct engine *e, struct target *t)
{
    struct registration as = {0};
    char name[DNAME_TEXT_MAX];

    if (t->reg && !engine_registration(t->reg, &as))
        as = (struct registration){0};
    struct probe_target target = {
        .spec = &t->check->spec,
        .to = address_from(t->address, t->naddress),
        .trusted = t->check->asker != ASKED_BY_HOST,
        .caller = caller_of(t, &as),
    };
    if (target.spec->kind == CHECK_EXEC && t->set) { /* a witness is of no set */
        struct dname owner;
        rrset_owner(t->set->rrset, &owner);
        target.name = (struct str){name, dname_to_text(&owner, name)};
        target.id = as.id;
    }
    return probe_start(e->prober, &target, probed, t, &t->probe);
}

static void cancel(struct engine *e, struct target *t)
{
    (void)e;
    probe_cancel(t->probe);
    t->probe = NULL;
}

const struct engine_ways engine_real_ways = {mono_ns, running_ns, begin, cancel};

int probing_new(struct engine *e, struct problem *ret_problem)
{
    const struct health_options *o = &e->options;
    const struct prober_options options = {
        .loop = e->loop,
        .fence = {o->allow, o->nallow, o->own, o->nown},
        .owner = e,
        .commands = o->commands,
        .ncommands = o->ncommands,
    };

    (void)ret_problem;
    return probes_new(&options, &e->prober);
}

void probing_free(struct engine *e)
{
    probes_free(e->prober);
    e->prober = NULL;
}
