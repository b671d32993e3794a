/* A zone out of the configuration: SOA, NS, and the name servers' addresses where they lie in the
 * zone. */
#include <stdlib.h>

#include "import.h"

struct making {
    const struct dname *origin;
    uint32_t ttl;
    made_set_fn *fn;
    void *arg;
};

static int give(const struct making *m, const struct dname *owner, uint16_t type,
                const struct str *rdatas, size_t n)
{
    struct rdset set;
    uint8_t *bytes;

    int r = rdset_pack(type, rdatas, n, &bytes, &set);
    if (r < 0)
        return r;
    struct rrset *made = rrset_new(owner, type, m->ttl, &set, NULL, 0);
    free(bytes);
    return made ? m->fn(m->arg, made) : -ENOMEM;
}

/* LABEL.ORIGIN */
static int below(const struct dname *origin, struct str label, struct dname *ret_name)
{
    const struct dname_rules rules = {.origin = origin};

    return dname_from_text(label, &rules, ret_name, NULL);
}

/* Serial: one past what a living server shows; 1 where there is none. */
static int make_soa(const struct making *m, const struct dname *mname, uint32_t least)
{
    struct soa soa = {.mname = *mname,
                      .serial = serial_next(least),
                      .refresh = 3600,
                      .retry = 600,
                      .expire = 1209600,
                      .minimum = 10};
    uint8_t rdata[2 * DNAME_MAX + 20];

    int r = below(m->origin, STR("hostmaster"), &soa.rname);
    if (r < 0)
        return r;
    struct str view = {(const char *)rdata, soa_to_rdata(&soa, rdata)};
    return give(m, m->origin, RRTYPE_SOA, &view, 1);
}

static int make_ns(const struct making *m, const struct registry_ns *ns, unsigned n)
{
    struct str *rdatas = calloc(n, sizeof(*rdatas));

    if (!rdatas)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++)
        rdatas[i] = (struct str){(const char *)ns[i].name.b, ns[i].name.n};
    int r = give(m, m->origin, RRTYPE_NS, rdatas, n);
    free(rdatas);
    return r;
}

static size_t count_addresses(const struct registry_ns *ns, unsigned n)
{
    size_t count = 0;

    for (unsigned i = 0; i < n; i++)
        count += ns[i].naddresses;
    return count;
}

/* All addresses of one type that this name has, on whichever lines of the configuration. */
static int make_addresses(const struct making *m, const struct registry_ns *ns, unsigned n,
                          const struct dname *name, uint16_t type)
{
    struct str *rdatas = calloc(count_addresses(ns, n) + 1, sizeof(*rdatas));
    size_t count = 0;

    if (!rdatas)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++) {
        if (!dname_eq(&ns[i].name, name))
            continue;
        for (unsigned k = 0; k < ns[i].naddresses; k++)
            if (ns[i].address[k].type == type)
                rdatas[count++] =
                    (struct str){(const char *)ns[i].address[k].b, ns[i].address[k].n};
    }
    int r = count > 0 ? give(m, name, type, rdatas, count) : 0;
    free(rdatas);
    return r;
}

static bool is_first(const struct registry_ns *ns, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (dname_eq(&ns[k].name, &ns[i].name))
            return false;
    return true;
}

static int make_all(const struct making *m, const struct registry_ns *ns, unsigned n,
                    uint32_t least)
{
    int r = make_soa(m, &ns[0].name, least);
    if (r == 0)
        r = make_ns(m, ns, n);
    for (unsigned i = 0; r == 0 && i < n; i++) {
        if (!dname_below(&ns[i].name, m->origin) || !is_first(ns, i))
            continue;
        r = make_addresses(m, ns, n, &ns[i].name, RRTYPE_A);
        if (r == 0)
            r = make_addresses(m, ns, n, &ns[i].name, RRTYPE_AAAA);
    }
    return r;
}

static const struct registry_ns local_name_server = {
    .naddresses = 1,
    .address = {{.type = RRTYPE_A, .n = 4, .b = {127, 0, 0, 1}}},
};

int make_zone(const struct registry_zone *options, const struct dname *origin, made_set_fn *fn,
              void *arg)
{
    struct making m = {.origin = origin, .ttl = options->ttl, .fn = fn, .arg = arg};
    struct registry_ns ns1 = local_name_server;

    if (options->nns > 0)
        return make_all(&m, options->ns, options->nns, options->least_serial);
    int r = below(origin, STR("ns1"), &ns1.name);
    return r < 0 ? r : make_all(&m, &ns1, 1, options->least_serial);
}
