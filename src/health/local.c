/* The addresses of this machine: that it answers itself says nothing about the network. */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "inner.h"

#define ENTRY 17
#define EVERY_NS (30 * NS_PER_S)

static struct str octets_of(const struct sockaddr *a)
{
    if (a && a->sa_family == AF_INET)
        return (struct str){(const char *)&((const struct sockaddr_in *)(const void *)a)->sin_addr,
                            4};
    if (a && a->sa_family == AF_INET6)
        return (struct str){
            (const char *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16};
    return (struct str){NULL, 0};
}

bool local_has(const struct engine *e, struct str address)
{
    static const uint8_t loopback6[16] = {[15] = 1};

    if (address.n == 4 && address.p[0] == 127)
        return true;
    if (address.n == 16 && memcmp(address.p, loopback6, 16) == 0)
        return true;
    for (size_t i = 0; i < e->in->nlocal; i++) {
        const uint8_t *entry = e->in->local + i * ENTRY;
        if (entry[0] == address.n && memcmp(entry + 1, address.p, address.n) == 0)
            return true;
    }
    return false;
}

/* NULL: no memory. */
static uint8_t *copy_addresses(const struct ifaddrs *all, size_t *ret_n)
{
    size_t n = 0, most = 1;

    for (const struct ifaddrs *one = all; one; one = one->ifa_next)
        most++;
    uint8_t *local = calloc(most, ENTRY);
    for (const struct ifaddrs *one = local ? all : NULL; one; one = one->ifa_next) {
        const struct str address = octets_of(one->ifa_addr);
        uint8_t *entry = local + n * ENTRY;
        if (address.n == 0)
            continue;
        entry[0] = (uint8_t)address.n;
        memcpy(entry + 1, address.p, address.n);
        n++;
    }
    *ret_n = n;
    return local;
}

/* True: they are others than before. Where they cannot be read those of before stay. */
static bool read_addresses(struct engine_inner *in)
{
    struct ifaddrs *all;
    size_t n;

    if (getifaddrs(&all) < 0)
        return false;
    uint8_t *local = copy_addresses(all, &n);
    freeifaddrs(all);
    if (!local)
        return false;
    const bool same = in->local && n == in->nlocal && memcmp(local, in->local, n * ENTRY) == 0;
    free(in->local);
    in->local = local;
    in->nlocal = n;
    return !same;
}

static bool is_local(const struct engine *e, const struct reg *reg)
{
    uint16_t type = rrset_type(reg->set->rrset);
    struct registration as;
    const uint8_t *at;
    struct str address;

    if ((type != RRTYPE_A && type != RRTYPE_AAAA) || !engine_registration(reg, &as))
        return false;
    at = as.asked.p;
    while (rdset_next(&as.asked, &at, &address))
        if (!local_has(e, address))
            return false;
    return true;
}

void local_reg(struct engine *e, struct reg *reg, bool on)
{
    bool counts = reg->check || reg->lease_s > 0;

    if (on)
        reg->local = is_local(e, reg);
    if (!counts || reg->local)
        return;
    if (on)
        e->nremote++;
    else
        e->nremote--;
}

static void look_again(struct engine *e)
{
    for (struct table_link *at = NULL; (at = table_walk(&e->regs, at));) {
        struct reg *reg = TABLE_OF(at, struct reg, link);
        local_reg(e, reg, false);
        local_reg(e, reg, true);
        for (struct target *t = reg->targets; t; t = t->next) {
            target_count(e, t, -1);
            t->local = t->naddress > 0 ? local_has(e, target_rdata(t)) : reg->local;
            target_count(e, t, 1);
        }
    }
}

void local_second(struct engine *e, uint64_t now_ns)
{
    if (now_ns < e->in->local_ns)
        return;
    e->in->local_ns = now_ns + EVERY_NS;
    if (read_addresses(e->in))
        look_again(e);
}

void engine_heard(struct engine *e, bool local, uint64_t running_ns)
{
    /* 0 says that there was none. */
    if ((!local || e->nremote == 0) && running_ns >= e->heard_ns)
        e->heard_ns = running_ns > 0 ? running_ns : 1;
}
