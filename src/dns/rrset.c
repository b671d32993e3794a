/* RRsets: one allocation each, counted. Registrations in front (they want alignment), then key,
 * records, where some are withdrawn their size, their number (struct packed) and they once more,
 * then texts. */
#include "rdata.h"

#include <betterdns/rrset.h>

#include <stdatomic.h>
#include <stdlib.h>

struct stored_reg {
    uint64_t number;
    int64_t created;
    uint32_t lease_s, asked_ttl;
    uint32_t at; /* offset of its texts: id, subject, source, check, asked */
    uint32_t nid, nsubject, nsource, ncheck, nasked;
    uint32_t asked_count;
    uint8_t flags;
    bool has_subject, has_check; /* present, though perhaps empty */
};

struct rrset {
    atomic_uint count;
    uint32_t ttl;
    uint32_t nrdata, nrecords;
    uint32_t nregs : 31;
    uint32_t has_withdrawn : 1;
    uint16_t type, nkey;
    struct stored_reg regs[]; /* then the octets */
};

/* In front of the withdrawn records; not aligned. */
struct packed {
    uint32_t n, count;
};

static const uint8_t *octets(const struct rrset *s)
{
    return (const uint8_t *)(s->regs + s->nregs);
}

static bool add_size(uint32_t *size, size_t n)
{
    return !__builtin_add_overflow(*size, n, size);
}

/* The octets of everything but the header. Offsets are 32 bits wide: an RRset stays below 4 GiB. */
static bool size_of(const struct rdset *rdatas, const struct rdset *withdrawn,
                    const struct registration *regs, size_t nregs, size_t nkey, uint32_t *ret_size)
{
    uint32_t size = 0;

    if (withdrawn && (!add_size(&size, sizeof(struct packed)) || !add_size(&size, withdrawn->n)))
        return false;
    if (nregs > UINT32_MAX / sizeof(struct stored_reg) ||
        !add_size(&size, nregs * sizeof(struct stored_reg)) || !add_size(&size, nkey) ||
        !add_size(&size, rdatas->n))
        return false;
    for (size_t i = 0; i < nregs; i++)
        if (!add_size(&size, regs[i].id.n) || !add_size(&size, regs[i].subject.n) ||
            !add_size(&size, regs[i].source.n) || !add_size(&size, regs[i].check.n) ||
            !add_size(&size, regs[i].asked.n))
            return false;
    *ret_size = size;
    return true;
}

static uint8_t *put(uint8_t *to, const void *from, size_t n)
{
    if (n > 0)
        memcpy(to, from, n);
    return to + n;
}

static uint8_t *put_reg(struct stored_reg *to, const struct registration *from, uint8_t *texts,
                        uint32_t at)
{
    *to = (struct stored_reg){
        .number = from->number,
        .created = from->created,
        .lease_s = from->lease_s,
        .asked_ttl = from->asked_ttl,
        .at = at,
        .nid = (uint32_t)from->id.n,
        .nsubject = (uint32_t)from->subject.n,
        .nsource = (uint32_t)from->source.n,
        .ncheck = (uint32_t)from->check.n,
        .nasked = from->asked.n,
        .asked_count = from->asked.count,
        .flags = from->flags,
        .has_subject = from->subject.p != NULL,
        .has_check = from->check.p != NULL,
    };
    texts = put(texts, from->id.p, from->id.n);
    texts = put(texts, from->subject.p, from->subject.n);
    texts = put(texts, from->source.p, from->source.n);
    texts = put(texts, from->check.p, from->check.n);
    return put(texts, from->asked.p, from->asked.n);
}

static int by_number(const void *a, const void *b)
{
    const struct stored_reg *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static uint8_t *put_withdrawn(uint8_t *to, const struct rdset *withdrawn)
{
    struct packed head = {withdrawn->n, withdrawn->count};

    return put(put(to, &head, sizeof(head)), withdrawn->p, withdrawn->n);
}

struct rrset *rrset_new_withdrawn_keyed(struct str key, uint16_t type, uint32_t ttl,
                                        const struct rdset *rdatas, const struct rdset *withdrawn,
                                        const struct registration *regs, size_t nregs)
{
    uint32_t size;

    if (withdrawn && withdrawn->count == 0)
        withdrawn = NULL;
    if (!size_of(rdatas, withdrawn, regs, nregs, key.n, &size))
        return NULL;
    struct rrset *s = malloc(sizeof(*s) + size);
    if (!s)
        return NULL;
    atomic_init(&s->count, 1);
    s->ttl = ttl;
    s->nrdata = rdatas->n;
    s->nrecords = rdatas->count;
    s->nregs = (uint32_t)nregs & INT32_MAX; /* size_of has seen that it fits */
    s->has_withdrawn = withdrawn != NULL;
    s->type = type;
    s->nkey = (uint16_t)key.n;
    uint8_t *start = (uint8_t *)(s->regs + nregs), *to = start;
    to = put(to, key.p, key.n);
    to = put(to, rdatas->p, rdatas->n);
    if (withdrawn)
        to = put_withdrawn(to, withdrawn);
    for (size_t i = 0; i < nregs; i++)
        to = put_reg(&s->regs[i], &regs[i], to, (uint32_t)(to - start));
    if (nregs > 1)
        qsort(s->regs, nregs, sizeof(s->regs[0]), by_number);
    return s;
}

struct rrset *rrset_new_withdrawn(const struct dname *owner, uint16_t type, uint32_t ttl,
                                  const struct rdset *rdatas, const struct rdset *withdrawn,
                                  const struct registration *regs, size_t nregs)
{
    uint8_t octets_of_key[DNAME_KEY_MAX];
    struct str key = {(const char *)octets_of_key, dname_key(owner, octets_of_key)};

    return rrset_new_withdrawn_keyed(key, type, ttl, rdatas, withdrawn, regs, nregs);
}

struct rrset *rrset_new_keyed(struct str key, uint16_t type, uint32_t ttl,
                              const struct rdset *rdatas, const struct registration *regs,
                              size_t nregs)
{
    return rrset_new_withdrawn_keyed(key, type, ttl, rdatas, NULL, regs, nregs);
}

struct rrset *rrset_new(const struct dname *owner, uint16_t type, uint32_t ttl,
                        const struct rdset *rdatas, const struct registration *regs, size_t nregs)
{
    return rrset_new_withdrawn(owner, type, ttl, rdatas, NULL, regs, nregs);
}

/* The count is the one part of a const RRset that changes. */
static struct rrset *unconst(const struct rrset *s)
{
    return (struct rrset *)(uintptr_t)s;
}

struct rrset *rrset_ref(const struct rrset *s)
{
    struct rrset *mine = unconst(s);

    atomic_fetch_add_explicit(&mine->count, 1, memory_order_relaxed);
    return mine;
}

void rrset_put(const struct rrset *s)
{
    struct rrset *mine = unconst(s);

    /* Whoever frees must see what the others did before they let go. */
    if (mine && atomic_fetch_sub_explicit(&mine->count, 1, memory_order_acq_rel) == 1)
        free(mine);
}

void rrset_owner(const struct rrset *s, struct dname *ret_owner)
{
    dname_from_key(octets(s), s->nkey, ret_owner);
}

struct str rrset_owner_key(const struct rrset *s)
{
    return (struct str){(const char *)octets(s), s->nkey};
}

uint16_t rrset_type(const struct rrset *s)
{
    return s->type;
}

uint32_t rrset_ttl(const struct rrset *s)
{
    return s->ttl;
}

struct rdset rrset_rdatas(const struct rrset *s)
{
    return (struct rdset){octets(s) + s->nkey, s->nrdata, s->nrecords};
}

struct rdset rrset_withdrawn(const struct rrset *s)
{
    const uint8_t *at = octets(s) + s->nkey + s->nrdata;
    struct packed head;

    if (!s->has_withdrawn)
        return (struct rdset){0};
    memcpy(&head, at, sizeof(head));
    return (struct rdset){at + sizeof(head), head.n, head.count};
}

int rrset_served(const struct rrset *s, uint8_t **ret_bytes, struct rdset *ret_set)
{
    struct rdset all = rrset_rdatas(s), withdrawn = rrset_withdrawn(s);

    if (withdrawn.count > 0 && withdrawn.count < all.count)
        return rdset_minus(s->type, &all, &withdrawn, ret_bytes, ret_set);
    if (withdrawn.count > 0)
        all = (struct rdset){0};
    *ret_bytes = NULL;
    *ret_set = all;
    return 0;
}

uint32_t rrset_served_ttl(const struct rrset *s, uint32_t drain_ttl)
{
    for (size_t i = 0; drain_ttl < s->ttl && i < s->nregs; i++)
        if (s->regs[i].flags & REG_DRAINING)
            return drain_ttl;
    return s->ttl;
}

bool rrset_reg_withdrawn(const struct rrset *s, const struct registration *reg)
{
    struct rdset withdrawn = rrset_withdrawn(s);

    return reg->asked.count > 0 && withdrawn.count > 0 &&
           rdset_within(s->type, &reg->asked, &withdrawn);
}

size_t rrset_nregs(const struct rrset *s)
{
    return s->nregs;
}

static struct str take(const uint8_t **at, uint32_t n)
{
    struct str text = {(const char *)*at, n};

    *at += n;
    return text;
}

void rrset_reg(const struct rrset *s, size_t i, struct registration *ret_reg)
{
    const struct stored_reg *from = &s->regs[i];
    const uint8_t *at = octets(s) + from->at;

    ret_reg->number = from->number;
    ret_reg->id = take(&at, from->nid);
    ret_reg->subject = take(&at, from->nsubject);
    ret_reg->source = take(&at, from->nsource);
    ret_reg->check = take(&at, from->ncheck);
    if (!from->has_subject)
        ret_reg->subject.p = NULL;
    if (!from->has_check)
        ret_reg->check.p = NULL;
    ret_reg->created = from->created;
    ret_reg->lease_s = from->lease_s;
    ret_reg->flags = from->flags;
    ret_reg->asked_ttl = from->asked_ttl;
    ret_reg->asked = (struct rdset){at, from->nasked, from->asked_count};
}

struct hash128 rrset_etag(const struct rrset *s)
{
    uint8_t head[6 + DNAME_KEY_MAX];

    if (!s)
        return hash128_pair("", 0, "", 0);
    wire_put_u16(head, s->type);
    wire_put_u32(head + 2, s->ttl);
    memcpy(head + 6, octets(s), s->nkey);
    return hash128_pair(head, 6U + s->nkey, octets(s) + s->nkey, s->nrdata);
}
