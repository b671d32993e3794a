/* What came back from the past: which registrations live on, which return, which are over. */
#include "restore.h"

#include <stdlib.h>

#include <betterdns/error.h>
#include <betterdns/rrtype.h>

#include "ops.h"

/* The registration that lives today: this very one, or its host's next one. */
static bool find_living(const struct rrset *now, const struct registration *then,
                        struct registration *ret_living)
{
    bool found = false;

    for (size_t i = 0; now && i < rrset_nregs(now); i++) {
        struct registration reg;
        rrset_reg(now, i, &reg);
        if (reg.number != then->number && (found || !str_eq(reg.id, then->id)))
            continue;
        found = true;
        *ret_living = reg;
        if (reg.number == then->number)
            break;
    }
    return found;
}

/* In all but what is its own: number, time, maintenance. */
static bool asks_the_same(const struct registration *living, struct registration then)
{
    then.number = living->number;
    then.created = living->created;
    then.flags = living->flags;
    return registration_same(living, &then);
}

static bool return_registration(const struct restore *r, struct registration *reg)
{
    struct registration living;
    bool lives = find_living(r->now, reg, &living);

    if (lives && asks_the_same(&living, *reg)) {
        *reg = living;
        return true;
    }
    if (!lives && reg->lease_s > 0)
        return false;
    reg->number = (*r->next_number)++;
    reg->created = r->time;
    reg->flags = 0; /* maintenance then is over now */
    return true;
}

static int restore_registrations(struct draft *d, const struct restore *r)
{
    size_t n = rrset_nregs(r->then), kept = 0;
    struct registration *regs = NULL;

    if (n > 0) {
        regs = calloc(n, sizeof(*regs));
        if (!regs)
            return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        rrset_reg(r->then, i, &regs[kept]);
        kept += return_registration(r, &regs[kept]);
    }
    free(d->regs);
    d->regs = regs;
    d->nregs = kept;
    return 0;
}

static bool lives(const struct rrset *now, uint64_t number)
{
    struct registration reg;

    for (size_t i = 0; i < rrset_nregs(now); i++) {
        rrset_reg(now, i, &reg);
        if (reg.number == number)
            return true;
    }
    return false;
}

static bool is_asked_now(const struct rrset *now, struct str rdata)
{
    struct registration reg;

    for (size_t i = 0; i < rrset_nregs(now); i++) {
        rrset_reg(now, i, &reg);
        if (rdset_has(rrset_type(now), &reg.asked, rdata))
            return true;
    }
    return false;
}

struct returning {
    const struct draft *d;
    const struct rrset *now;
};

/* Nobody has judged what comes back from the past, nor a record that was a host's and is the
 * operator's own from now on: DNS shows them. What lives on stays as it is. */
static bool is_shown(void *arg, struct str rdata)
{
    const struct returning *back = arg;
    const struct draft *d = back->d;
    bool asked = false;

    for (size_t i = 0; i < d->nregs; i++) {
        if (!rdset_has(d->type, &d->regs[i].asked, rdata))
            continue;
        if (!lives(back->now, d->regs[i].number))
            return true;
        asked = true;
    }
    return !asked && is_asked_now(back->now, rdata);
}

static int restore_withdrawn(struct draft *d, const struct rrset *now)
{
    struct returning back = {d, now};
    struct rdset shown;

    if (d->withdrawn.count == 0)
        return 0;
    int result = draft_pick(d, &d->withdrawn, is_shown, &back, &shown);
    if (result == 0)
        result = draft_serve(d, &shown);
    return result < 0 ? result : draft_cut(d);
}

static int keep_serial(struct draft *d, const struct restore *r)
{
    struct rdset soa = rrset_rdatas(r->now);
    const uint8_t *at = soa.p;
    struct str now = {0};
    uint8_t *bytes = malloc(d->rdatas.n);

    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, d->rdatas.p, d->rdatas.n);
    rdset_next(&soa, &at, &now);
    soa_set_serial(bytes + 2, d->rdatas.n - 2U, soa_serial((const uint8_t *)now.p, now.n));
    d->rdatas.p = bytes;
    return draft_own(d, bytes);
}

static bool is_same(const struct draft *d, const struct rrset *now)
{
    struct rdset rdatas = rrset_rdatas(now), withdrawn = rrset_withdrawn(now);
    struct registration reg;

    if (d->ttl != rrset_ttl(now) || d->nregs != rrset_nregs(now) || d->rdatas.n != rdatas.n ||
        memcmp(d->rdatas.p, rdatas.p, rdatas.n) != 0 ||
        !rdset_eq(d->type, &d->withdrawn, &withdrawn))
        return false;
    for (size_t i = 0; i < d->nregs; i++) {
        size_t j = 0;
        while (j < d->nregs && (rrset_reg(now, j, &reg), reg.number != d->regs[i].number))
            j++;
        if (j == d->nregs)
            return false;
    }
    return true;
}

int restore_draft(struct draft *d, const struct restore *r)
{
    if (!r->then) {
        d->rdatas = (struct rdset){0};
        d->nregs = 0;
        return r->now != NULL;
    }
    d->ttl = rrset_ttl(r->then);
    d->rdatas = rrset_rdatas(r->then);
    int result = restore_registrations(d, r);
    if (result == 0)
        result = restore_withdrawn(d, r->now);
    if (result == 0 && d->type == RRTYPE_SOA && r->now)
        result = keep_serial(d, r);
    if (result < 0)
        return result;
    return !r->now || !is_same(d, r->now);
}
