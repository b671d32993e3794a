/* Targets by their address: a machine may be known by several names, and whoever ends it ends it
 * under all of them. */
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

const struct target *addresses_alive(const struct engine *e, const struct host *host)
{
    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        for (const struct target *t = reg->targets; t; t = t->next)
            for (const struct target *other = NULL; (other = addresses_next(e, t, other));)
                if (other->verdict.state == CHECK_AVAILABLE &&
                    !(other->reg && other->reg->host == host))
                    return other;
    return NULL;
}
