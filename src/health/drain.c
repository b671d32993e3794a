/* Maintenance: a host is drained before somebody stops it. From the change that begins it on, DNS
 * shows its records with a short TTL. Once nobody has them with the old TTL any more they are
 * withdrawn, and once nobody has them with the short one the host can be stopped. */
#include <stdlib.h>

#include "inner.h"
#include "times.h"

/* From a change until every server shows it. */
#define SHOWN_NS (2 * NS_PER_S)
/* At most, from the end of the old TTL until we have seen that its records are withdrawn: what is
 * said to be safe is not to become unsafe again. */
#define WITHDRAWN_NS (3 * NS_PER_S)

struct drains {
    unsigned n; /* registrations in maintenance of which DNS has records */
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

static bool is_going(const struct reg *reg)
{
    return reg->drain_ns > 0 && reg->withdrawn_ns == 0;
}

static void forget(struct engine *e, struct reg *reg)
{
    e->drains->n -= is_going(reg);
    reg->drain_ns = reg->withdrawn_ns = 0;
    reg->drained = false;
}

/* After a restart too: nobody knows how long ago it began, so the old TTL counts anew. */
void drain_reg_changed(struct engine *e, struct reg *reg)
{
    const bool on = reg->flags & REG_DRAINING;

    if (on && reg->drain_ns == 0) {
        reg->drain_ns = times_after(engine_mono_ns(e), rrset_ttl(reg->set->rrset) * NS_PER_S);
        e->drains->n++;
    } else if (!on && reg->drain_ns > 0) {
        forget(e, reg);
        engine_dirty(e, reg->set);
    }
}

void drain_reg_added(struct engine *e, struct reg *reg)
{
    drain_reg_changed(e, reg);
}

void drain_reg_gone(struct engine *e, struct reg *reg)
{
    forget(e, reg);
}

static void look(struct engine *e, struct reg *reg, uint64_t mono_ns)
{
    struct registration as;

    if (!reg->drained && mono_ns >= reg->drain_ns) {
        reg->drained = true;
        engine_dirty(e, reg->set);
    }
    if (!reg->drained || !engine_registration(reg, &as) ||
        !rrset_reg_withdrawn(reg->set->rrset, &as))
        return;
    reg->withdrawn_ns = mono_ns;
    e->drains->n--;
}

/* They are few, and it is seldom that there are any. */
void drain_second(struct engine *e, uint64_t mono_ns)
{
    struct table_link *at = NULL;

    while (e->drains->n > 0 && (at = table_walk(&e->regs, at))) {
        struct reg *reg = TABLE_OF(at, struct reg, link);
        if (is_going(reg))
            look(e, reg, mono_ns);
    }
}

/* ---- health_drain ---- */

struct drain {
    struct str owner_key, id;
    bool on;
    struct change *change;
    uint64_t *numbers; /* of the registrations of the name, of every type */
    size_t n, cap;
    uint64_t ttl_s;   /* the longest of its sets */
    uint64_t safe_ns; /* mono: the last of them is safe */
};

static int add(struct drain *d, const struct dname *owner, uint16_t type, uint64_t number)
{
    const struct op op = {
        .kind = OP_DRAIN, .owner = *owner, .type = type, .number = number, .drain = d->on};

    if (d->n == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 16;
        uint64_t *p = reallocarray(d->numbers, cap, sizeof(*p));
        if (!p)
            return -ENOMEM;
        d->numbers = p;
        d->cap = cap;
    }
    d->numbers[d->n++] = number;
    return change_add(d->change, &op);
}

static int add_set(struct drain *d, const struct dname *owner, const struct rrset *set)
{
    struct registration reg;
    int r = 0;

    d->ttl_s = times_later(d->ttl_s, rrset_ttl(set));
    for (size_t i = 0; r == 0 && i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (d->id.n == 0 || str_eq(reg.id, d->id))
            r = add(d, owner, rrset_type(set), reg.number);
    }
    return r;
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
        result = add_set(d, owner, set);
    snap_put(snap);
    return result;
}

static int not_found(const struct dname *owner, struct str id, struct problem *problem)
{
    char name[DNAME_TEXT_MAX];

    dname_to_text(owner, name);
    if (id.n > 0)
        return problem_set(problem, -BD_ENOTFOUND, NULL, "%.150s has no registration '%.*s'", name,
                           (int)(id.n < 100 ? id.n : 100), id.p);
    return problem_set(problem, -BD_ENOTFOUND, NULL, "nobody has registered %s", name);
}

/* Nobody has its records any more. As long as DNS has them it is later each time that one asks. */
static uint64_t safe_ns(const struct engine *e, const struct drain *d, const struct reg *reg,
                        uint64_t now_ns)
{
    uint64_t after = e->options.maintenance_ttl * NS_PER_S + SHOWN_NS;
    uint64_t old = times_after(now_ns, d->ttl_s * NS_PER_S); /* it has only just begun */

    if (reg && reg->withdrawn_ns > 0)
        return times_after(reg->withdrawn_ns, after);
    if (reg && reg->drain_ns > 0)
        old = times_later(reg->drain_ns, now_ns);
    return times_after(old, after + WITHDRAWN_NS);
}

/* On the engine's thread, which has seen the change. */
static void look_at_all(struct engine *e, void *arg)
{
    struct drain *d = arg;
    uint64_t now = engine_mono_ns(e);

    for (size_t i = 0; i < d->n; i++)
        d->safe_ns = times_later(d->safe_ns, safe_ns(e, d, engine_reg(e, d->numbers[i]), now));
}

static int drain(struct engine *e, struct drain *d, unsigned zone, const struct dname *owner,
                 uint64_t deadline_ns, struct problem *problem)
{
    d->change = change_new(CHANGE_HEALTH, STR("maintenance"));
    if (!d->change)
        return problem_set(problem, -ENOMEM, NULL, "no memory");
    int r = find(d, e->registry, zone, owner);
    if (r < 0)
        return problem_set(problem, r, NULL, "%s", bd_strerror(r));
    if (d->n == 0)
        return not_found(owner, d->id, problem);
    r = registry_submit(e->registry, d->change, deadline_ns, NULL, problem);
    return r < 0 ? r : engine_call(e, look_at_all, d);
}

int health_drain(struct health *h, unsigned zone, const struct dname *owner, struct str id, bool on,
                 uint64_t deadline_ns, struct health_drained *ret, struct problem *ret_problem)
{
    struct engine *e = &h->engine;
    uint8_t key[DNAME_KEY_MAX];
    struct drain d = {.owner_key = {(const char *)key, dname_key(owner, key)}, .id = id, .on = on};
    int r = drain(e, &d, zone, owner, deadline_ns, ret_problem);

    if (r == 0) {
        uint64_t left = on ? times_since(engine_mono_ns(e), d.safe_ns) : 0;
        left = (left + NS_PER_S - 1) / NS_PER_S;
        *ret = (struct health_drained){.drained = on && left == 0,
                                       .safe_at = clock_real_s() + (int64_t)left,
                                       .safe_in_s = left};
    }
    change_put(d.change);
    free(d.numbers);
    return r;
}
