/* RRsets being rewritten. */
#include "draft.h"

#include <stdlib.h>

#include <betterdns/error.h>

int draft_start(struct draft *d, const struct rrset *from, uint16_t type, uint32_t ttl)
{
    *d = (struct draft){.type = type, .ttl = ttl};
    if (!from)
        return 0;
    d->ttl = rrset_ttl(from);
    d->rdatas = rrset_rdatas(from);
    d->withdrawn = rrset_withdrawn(from);
    size_t n = rrset_nregs(from);
    if (n == 0)
        return 0;
    d->regs = calloc(n, sizeof(*d->regs));
    if (!d->regs)
        return -ENOMEM;
    d->nregs = n;
    for (size_t i = 0; i < n; i++)
        rrset_reg(from, i, &d->regs[i]);
    return 0;
}

void draft_free(struct draft *d)
{
    for (size_t i = 0; i < d->nowned; i++)
        free(d->owned[i]);
    free(d->owned);
    free(d->regs);
    *d = (struct draft){0};
}

int draft_own(struct draft *d, void *bytes)
{
    if (d->nowned == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 4;
        void **owned = reallocarray(d->owned, cap, sizeof(*owned));
        if (!owned) {
            free(bytes);
            return -ENOMEM;
        }
        d->owned = owned;
        d->cap = cap;
    }
    d->owned[d->nowned++] = bytes;
    return 0;
}

typedef int set_fn(uint16_t type, const struct rdset *a, const struct rdset *b, uint8_t **ret_bytes,
                   struct rdset *ret_set);

static int combine(struct draft *d, set_fn *fn, struct rdset *a, const struct rdset *b)
{
    struct rdset set;
    uint8_t *bytes;

    int r = fn(d->type, a, b, &bytes, &set);
    if (r == 0)
        r = draft_own(d, bytes);
    if (r == 0)
        *a = set;
    return r;
}

int draft_add(struct draft *d, const struct rdset *values)
{
    return combine(d, rdset_union, &d->rdatas, values);
}

int draft_remove(struct draft *d, const struct rdset *values)
{
    return combine(d, rdset_minus, &d->rdatas, values);
}

int draft_unask(struct draft *d, size_t i, const struct rdset *values)
{
    return combine(d, rdset_minus, &d->regs[i].asked, values);
}

bool draft_is_asked(const struct draft *d, struct str rdata)
{
    for (size_t i = 0; i < d->nregs; i++)
        if (rdset_has(d->type, &d->regs[i].asked, rdata))
            return true;
    return false;
}

int draft_withdraw(struct draft *d, const struct rdset *values)
{
    return combine(d, rdset_union, &d->withdrawn, values);
}

int draft_serve(struct draft *d, const struct rdset *values)
{
    if (d->withdrawn.count == 0)
        return 0;
    return combine(d, rdset_minus, &d->withdrawn, values);
}

int draft_pick(struct draft *d, const struct rdset *values, draft_pick_fn *fn, void *arg,
               struct rdset *ret_picked)
{
    const uint8_t *at = values->p;
    struct rdset picked = {0};
    struct str rdata;

    uint8_t *bytes = malloc(values->n ? values->n : 1);
    if (!bytes || draft_own(d, bytes) < 0)
        return -ENOMEM;
    picked.p = bytes;
    while (rdset_next(values, &at, &rdata)) {
        if (!fn(arg, rdata))
            continue;
        /* Taken as it is packed, with its length; what is left is still in order. */
        memcpy(bytes + picked.n, rdata.p - 2, rdata.n + 2);
        picked.n += (uint32_t)rdata.n + 2;
        picked.count++;
    }
    *ret_picked = picked;
    return 0;
}

static bool is_unasked(void *arg, struct str rdata)
{
    return !draft_is_asked(arg, rdata);
}

int draft_remove_unasked(struct draft *d, const struct rdset *values)
{
    struct rdset leaving;

    int r = draft_pick(d, values, is_unasked, d, &leaving);
    return r == 0 && leaving.count > 0 ? draft_remove(d, &leaving) : r;
}

int draft_cut(struct draft *d)
{
    struct rdset gone;
    uint8_t *bytes;

    if (d->withdrawn.count == 0 || rdset_within(d->type, &d->withdrawn, &d->rdatas))
        return 0;
    int r = rdset_minus(d->type, &d->withdrawn, &d->rdatas, &bytes, &gone);
    if (r < 0)
        return r;
    r = draft_serve(d, &gone);
    free(bytes);
    return r;
}

struct rrset *draft_make(struct draft *d, struct str key)
{
    if (draft_cut(d) < 0)
        return NULL;
    return rrset_new_withdrawn_keyed(key, d->type, d->ttl, &d->rdatas, &d->withdrawn, d->regs,
                                     d->nregs);
}

int draft_register(struct draft *d, const struct registration *reg)
{
    struct registration *regs = reallocarray(d->regs, d->nregs + 1, sizeof(*regs));
    if (!regs)
        return -ENOMEM;
    regs[d->nregs++] = *reg;
    d->regs = regs;
    return 0;
}

void draft_unregister(struct draft *d, size_t i)
{
    d->nregs--;
    memmove(d->regs + i, d->regs + i + 1, (d->nregs - i) * sizeof(*d->regs));
}

size_t draft_find(const struct draft *d, struct str id)
{
    size_t i = 0;

    while (i < d->nregs && !str_eq(d->regs[i].id, id))
        i++;
    return i;
}
