/* Maintenance: a host is drained before somebody stops it. From the change that begins it on DNS
 * shows its records with a short TTL; once nobody has them with the old TTL any more they are
 * withdrawn, and once nobody has them with the short one the host can be stopped. */
#include <stdlib.h>

#include "inner.h"

/* From a change until DNS shows it: decisions are gathered for a second, then it is published. */
#define SHOWN_NS (2 * NS_PER_S)
#define OPS_MAX 64 /* registrations of one name and id: one a type, or several */

struct drains {
    unsigned n; /* registrations that are not drained yet */
};

int drain_new(struct engine *e)
{
    e->drains = calloc(1, sizeof(*e->drains));
    return e->drains ? 0 : -ENOMEM;
}

void drain_free(struct engine *e)
{
    free(e->drains);
    e->drains = NULL;
}

static bool is_waiting(const struct reg *reg)
{
    return reg->drain_ns > 0 && !reg->drained;
}

/* Also after a restart: the old TTL counts anew, since nobody knows how long ago it began. */
static void begin(struct engine *e, struct reg *reg)
{
    reg->drain_ns = engine_mono_ns(e) + rrset_ttl(reg->set->rrset) * NS_PER_S;
    e->drains->n++;
}

static void end(struct engine *e, struct reg *reg)
{
    e->drains->n -= is_waiting(reg);
    reg->drain_ns = 0;
    reg->drained = false;
    engine_dirty(e, reg->set);
}

void drain_reg_changed(struct engine *e, struct reg *reg)
{
    const bool on = reg->flags & REG_DRAINING;

    if (on && reg->drain_ns == 0)
        begin(e, reg);
    else if (!on && reg->drain_ns > 0)
        end(e, reg);
}

void drain_reg_added(struct engine *e, struct reg *reg)
{
    drain_reg_changed(e, reg);
}

void drain_reg_gone(struct engine *e, struct reg *reg)
{
    e->drains->n -= is_waiting(reg);
    reg->drain_ns = 0;
}

void drain_second(struct engine *e, uint64_t mono_ns)
{
    struct table_link *at = NULL;

    /* They are few, and it is seldom that there are any. */
    while (e->drains->n > 0 && (at = table_walk(&e->regs, at))) {
        struct reg *reg = TABLE_OF(at, struct reg, link);
        if (!is_waiting(reg) || mono_ns < reg->drain_ns)
            continue;
        reg->drained = true;
        e->drains->n--;
        engine_dirty(e, reg->set);
    }
}

/* ---- health_drain ---- */

/* The registrations of a name, of every type. */
struct drain {
    struct str owner_key, id;
    bool on;
    struct op ops[OPS_MAX];
    size_t nops;
    uint64_t safe_ns; /* mono: the last of them is safe; 0: there is none */
};

static bool is_meant(const struct registration *reg, struct str id)
{
    return reg->id.n > 0 && (id.n == 0 || str_eq(reg->id, id));
}

static void add_ops(struct drain *d, const struct dname *owner, const struct rrset *set)
{
    struct registration reg;

    for (size_t i = 0; i < rrset_nregs(set) && d->nops < OPS_MAX; i++) {
        rrset_reg(set, i, &reg);
        if (is_meant(&reg, d->id))
            d->ops[d->nops++] = (struct op){.kind = OP_DRAIN,
                                            .owner = *owner,
                                            .type = rrset_type(set),
                                            .number = reg.number,
                                            .drain = d->on};
    }
}

static int find(struct drain *d, struct registry *r, unsigned zone, const struct dname *owner)
{
    const struct snap_key from = {.zone = zone, .owner = d->owner_key};
    struct snap *snap = registry_snapshot(r);
    const struct rrset *set;
    struct snap_iter it;
    unsigned at;
    int result = snap_seek(snap, from, &it);

    while (result == 0 && (set = snap_next(&it, &at)) && at == zone &&
           str_eq(rrset_owner_key(set), d->owner_key))
        add_ops(d, owner, set);
    snap_put(snap);
    return result;
}

static int not_found(const struct dname *owner, struct str id, struct problem *problem)
{
    char name[DNAME_TEXT_MAX];

    dname_to_text(owner, name);
    if (id.n > 0)
        return problem_set(problem, -BD_ENOTFOUND, NULL, "%.150s has no registration '%.*s'", name,
                           STR_ARG(id));
    return problem_set(problem, -BD_ENOTFOUND, NULL, "nobody has registered %s", name);
}

static int submit(const struct drain *d, struct registry *r, uint64_t deadline_ns,
                  struct problem *problem)
{
    struct change *change = change_new(CHANGE_HEALTH, STR("maintenance"));
    struct receipt receipt = {.set = NULL};
    int result = change ? 0 : -ENOMEM;

    for (size_t i = 0; i < d->nops && result == 0; i++)
        result = change_add(change, &d->ops[i]);
    if (result == 0)
        result = registry_submit(r, change, deadline_ns, &receipt, problem);
    if (result == 0)
        rrset_put(receipt.set);
    change_put(change);
    return result;
}

/* On the engine's thread, which has seen the change. */
static void look(struct engine *e, void *arg)
{
    struct drain *d = arg;
    const uint64_t after_ns = e->options.maintenance_ttl * NS_PER_S + SHOWN_NS;
    struct registration as;

    for (size_t i = 0; i < d->nops; i++) {
        const struct reg *reg = engine_reg(e, d->ops[i].number);
        if (reg && reg->drain_ns > 0 && engine_registration(reg, &as) &&
            reg->drain_ns + after_ns > d->safe_ns)
            d->safe_ns = reg->drain_ns + after_ns;
    }
}

int health_drain(struct health *h, unsigned zone, const struct dname *owner, struct str id, bool on,
                 uint64_t deadline_ns, struct health_drained *ret, struct problem *ret_problem)
{
    struct engine *e = &h->engine;
    uint8_t key[DNAME_KEY_MAX];
    struct drain *d = calloc(1, sizeof(*d));
    int r = -ENOMEM;

    if (!d)
        return problem_set(ret_problem, r, NULL, "no memory");
    d->owner_key = (struct str){(const char *)key, dname_key(owner, key)};
    d->id = id;
    d->on = on;
    r = find(d, e->registry, zone, owner);
    if (r == 0 && d->nops == 0)
        r = not_found(owner, id, ret_problem);
    if (r == 0)
        r = submit(d, e->registry, deadline_ns, ret_problem);
    if (r == 0)
        r = engine_call(e, look, d);
    if (r == 0) {
        uint64_t now = engine_mono_ns(e);
        uint64_t left = d->safe_ns > now ? (d->safe_ns - now + NS_PER_S - 1) / NS_PER_S : 0;
        *ret = (struct health_drained){
            .drained = left == 0, .safe_at = clock_real_s() + (int64_t)left, .safe_in_s = left};
    }
    free(d);
    return r;
}
