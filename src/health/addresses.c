/* Targets and leases by their address: a machine may be known by several names, and whoever ends it
 * ends it under all of them. */
#include "inner.h"

static uint64_t hash_of(const struct target *t)
{
    return table_hash(t->address, t->naddress);
}

int addresses_add(struct engine *e, struct target *t)
{
    return t->naddress > 0 ? table_add(&e->in->addresses, &t->same_address, hash_of(t)) : 0;
}

void addresses_remove(struct engine *e, struct target *t)
{
    if (t->naddress > 0)
        table_remove(&e->in->addresses, &t->same_address);
}

struct target *addresses_next(const struct engine *e, const struct target *t,
                              const struct target *after)
{
    const struct table_link *at = after ? &after->same_address : NULL;
    struct table_link *next;

    for (; t->naddress > 0 && (next = table_next(&e->in->addresses, hash_of(t), at)); at = next) {
        struct target *other = TABLE_OF(next, struct target, same_address);
        if (other != t && str_eq(target_rdata(other), target_rdata(t)))
            return other;
    }
    return NULL;
}

int addresses_lease(struct engine *e, struct reg *reg, const struct registration *as)
{
    uint16_t type = rrset_type(reg->set->rrset);
    struct str first;

    if (reg->leased)
        table_remove(&e->in->leased, &reg->same_address);
    reg->leased = false;
    if (!as || as->lease_s == 0 || (type != RRTYPE_A && type != RRTYPE_AAAA))
        return 0;
    const uint8_t *at = as->asked.p;
    if (!rdset_next(&as->asked, &at, &first))
        return 0;
    int r = table_add(&e->in->leased, &reg->same_address, table_hash(first.p, first.n));
    reg->leased = r == 0;
    return r;
}

static bool is_renewed(const struct reg *reg, const struct target *t)
{
    struct registration as;

    return !reg->overdue && engine_registration(reg, &as) &&
           rdset_has(rrset_type(reg->set->rrset), &as.asked, target_rdata(t));
}

/* The record set of another host that lives at the address. */
static const struct set *find_alive(const struct engine *e, const struct host *host,
                                    const struct target *t)
{
    struct table_link *at = NULL;

    for (const struct target *other = NULL; (other = addresses_next(e, t, other));)
        if (other->verdict.state == CHECK_AVAILABLE && !(other->reg && other->reg->host == host))
            return other->set;
    while (t->naddress > 0 && (at = table_next(&e->in->leased, hash_of(t), at))) {
        const struct reg *reg = TABLE_OF(at, struct reg, same_address);
        if (reg->host != host && is_renewed(reg, t))
            return reg->set;
    }
    return NULL;
}

const struct set *addresses_alive(const struct engine *e, const struct host *host)
{
    const struct set *alive = NULL;

    for (const struct reg *reg = host->regs; !alive && reg; reg = reg->next_of_host)
        for (const struct target *t = reg->targets; !alive && t; t = t->next)
            alive = find_alive(e, host, t);
    return alive;
}
