/* change.ops, version 2. Numbers are in network order; texts and packed sets have their length in 4
 * octets in front:
 *   version 1 | count 4 | count times: zone 8 | owner key | type 2 | before | after
 *   before, after: 0, or 1 or 2 | ttl 4 | packed records | with 2: packed records that are
 *     withdrawn, one at least | nregs 4 | nregs times:
 *     number 8 | created 8 | lease 4 | asked ttl 4 | flags 1 | has 1 (HAS_…) | id | source |
 *     subject | check | packed records asked for
 * What `has` does not announce is an empty text. Version 1 has no withdrawn records, and something
 * else than flags, which was not used. */
#include "ops.h"

#include <endian.h>
#include <stdlib.h>

#include <betterdns/error.h>

#define OPS_VERSION 2
enum { SET_NONE, SET_PLAIN, SET_WITHDRAWN };
enum { HAS_SUBJECT = 1, HAS_CHECK = 2 };

static void add_u8(struct buf *out, uint8_t v)
{
    buf_add(out, &v, sizeof(v));
}

static void add_u16(struct buf *out, uint16_t v)
{
    v = htobe16(v);
    buf_add(out, &v, sizeof(v));
}

static void add_u32(struct buf *out, uint32_t v)
{
    v = htobe32(v);
    buf_add(out, &v, sizeof(v));
}

static void add_u64(struct buf *out, uint64_t v)
{
    v = htobe64(v);
    buf_add(out, &v, sizeof(v));
}

static void add_text(struct buf *out, struct str s)
{
    add_u32(out, (uint32_t)s.n);
    buf_add_str(out, s);
}

static void add_set(struct buf *out, struct rdset set)
{
    add_text(out, (struct str){(const char *)set.p, set.n});
}

static void encode_registration(const struct registration *reg, struct buf *out)
{
    add_u64(out, reg->number);
    add_u64(out, (uint64_t)reg->created);
    add_u32(out, reg->lease_s);
    add_u32(out, reg->asked_ttl);
    add_u8(out, reg->flags);
    add_u8(out, (uint8_t)((reg->subject.p ? HAS_SUBJECT : 0) | (reg->check.p ? HAS_CHECK : 0)));
    add_text(out, reg->id);
    add_text(out, reg->source);
    add_text(out, reg->subject);
    add_text(out, reg->check);
    add_set(out, reg->asked);
}

static void encode_set(const struct rrset *set, struct buf *out)
{
    struct registration reg;

    if (!set) {
        add_u8(out, SET_NONE);
        return;
    }
    struct rdset withdrawn = rrset_withdrawn(set);
    add_u8(out, withdrawn.count > 0 ? SET_WITHDRAWN : SET_PLAIN);
    add_u32(out, rrset_ttl(set));
    add_set(out, rrset_rdatas(set));
    if (withdrawn.count > 0)
        add_set(out, withdrawn);
    add_u32(out, (uint32_t)rrset_nregs(set));
    for (size_t i = 0; i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        encode_registration(&reg, out);
    }
}

void ops_encode_start(uint32_t count, struct buf *out)
{
    add_u8(out, OPS_VERSION);
    add_u32(out, count);
}

void ops_encode_diff(int64_t zone_id, const struct rrset *before, const struct rrset *after,
                     struct buf *out)
{
    const struct rrset *set = after ? after : before;

    add_u64(out, (uint64_t)zone_id);
    add_text(out, rrset_owner_key(set));
    add_u16(out, rrset_type(set));
    encode_set(before, out);
    encode_set(after, out);
}

void ops_encode(const struct diffs *d, const int64_t *ids, struct buf *out)
{
    ops_encode_start((uint32_t)d->n, out);
    for (size_t i = 0; i < d->n; i++)
        ops_encode_diff(ids[d->p[i].zone], d->p[i].before, d->p[i].after, out);
}

/* ---- reading: after a value that is not there everything reads as zero, and .left.p is NULL ----
 */

static const char *take(struct ops_reader *r, size_t n)
{
    if (!r->left.p || r->left.n < n) {
        r->left = (struct str){NULL, 0};
        return NULL;
    }
    const char *p = r->left.p;
    r->left = (struct str){p + n, r->left.n - n};
    return p;
}

static uint64_t take_uint(struct ops_reader *r, size_t octets)
{
    const char *p = take(r, octets);
    uint64_t v = 0;

    for (size_t i = 0; p && i < octets; i++)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

static struct str take_text(struct ops_reader *r)
{
    size_t n = (size_t)take_uint(r, 4);
    const char *p = take(r, n);

    return (struct str){p ? p : "", p ? n : 0};
}

static int take_set(struct ops_reader *r, uint16_t type, struct rdset *ret_set)
{
    struct str bytes = take_text(r);

    return rdset_check(type, (const uint8_t *)bytes.p, bytes.n, ret_set);
}

static int decode_registration(struct ops_reader *r, uint16_t type, struct registration *reg)
{
    *reg = (struct registration){.number = take_uint(r, 8)};
    reg->created = (int64_t)take_uint(r, 8);
    reg->lease_s = (uint32_t)take_uint(r, 4);
    reg->asked_ttl = (uint32_t)take_uint(r, 4);
    reg->flags = (uint8_t)take_uint(r, 1);
    if (r->version == 1)
        reg->flags = 0;
    unsigned has = (unsigned)take_uint(r, 1);
    reg->id = take_text(r);
    reg->source = take_text(r);
    reg->subject = take_text(r);
    reg->check = take_text(r);
    if (!(has & HAS_SUBJECT))
        reg->subject = (struct str){NULL, 0};
    if (!(has & HAS_CHECK))
        reg->check = (struct str){NULL, 0};
    if (take_set(r, type, &reg->asked) < 0 || !r->left.p || reg->number == 0)
        return -BD_ECORRUPT;
    return 0;
}

/* The shortest registration: its fixed part and five lengths. */
#define REGISTRATION_MIN (8 + 8 + 4 + 4 + 1 + 1 + 5 * 4)

static int decode_registrations(struct ops_reader *r, uint16_t type, struct registration **ret_regs,
                                size_t *ret_n)
{
    size_t n = (size_t)take_uint(r, 4);
    struct registration *regs = NULL;

    if (!r->left.p || n > r->left.n / REGISTRATION_MIN)
        return -BD_ECORRUPT;
    if (n > 0) {
        regs = calloc(n, sizeof(*regs));
        if (!regs)
            return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (decode_registration(r, type, &regs[i]) < 0) {
            free(regs);
            return -BD_ECORRUPT;
        }
    }
    *ret_regs = regs;
    *ret_n = n;
    return 0;
}

static int take_withdrawn(struct ops_reader *r, uint16_t type, const struct rdset *rdatas,
                          struct rdset *ret_withdrawn)
{
    if (take_set(r, type, ret_withdrawn) < 0 || ret_withdrawn->count == 0 ||
        !rdset_within(type, ret_withdrawn, rdatas))
        return -BD_ECORRUPT;
    return 0;
}

static int decode_present(struct ops_reader *r, const struct dname *owner, uint16_t type,
                          bool has_withdrawn, struct rrset **ret_set)
{
    struct registration *regs = NULL;
    struct rdset rdatas, withdrawn = {0};
    size_t n;

    uint32_t ttl = (uint32_t)take_uint(r, 4);
    if (take_set(r, type, &rdatas) < 0 || !r->left.p)
        return -BD_ECORRUPT;
    int result = has_withdrawn ? take_withdrawn(r, type, &rdatas, &withdrawn) : 0;
    if (result == 0)
        result = decode_registrations(r, type, &regs, &n);
    if (result < 0)
        return result;
    struct rrset *set = rrset_new_withdrawn(owner, type, ttl, &rdatas, &withdrawn, regs, n);
    free(regs);
    if (!set)
        return -ENOMEM;
    *ret_set = set;
    return 0;
}

static int decode_set(struct ops_reader *r, const struct dname *owner, uint16_t type,
                      struct rrset **ret_set)
{
    uint64_t kind = take_uint(r, 1);

    if (!r->left.p || kind > (r->version == 1 ? SET_PLAIN : SET_WITHDRAWN))
        return -BD_ECORRUPT;
    if (kind != SET_NONE)
        return decode_present(r, owner, type, kind == SET_WITHDRAWN, ret_set);
    *ret_set = NULL;
    return 0;
}

int ops_read_start(struct str bytes, struct ops_reader *ret_reader)
{
    struct ops_reader r = {.left = bytes};

    r.version = (unsigned)take_uint(&r, 1);
    if (r.version < 1 || r.version > OPS_VERSION)
        return -BD_ECORRUPT;
    r.count = (uint32_t)take_uint(&r, 4);
    if (!r.left.p)
        return -BD_ECORRUPT;
    *ret_reader = r;
    return 0;
}

int ops_read(struct ops_reader *r, int64_t *ret_zone_id, struct diff *ret_diff)
{
    struct diff diff = {0};
    struct dname owner;

    if (r->count == 0)
        return r->left.n == 0 ? 0 : -BD_ECORRUPT;
    int64_t zone = (int64_t)take_uint(r, 8);
    struct str key = take_text(r);
    uint16_t type = (uint16_t)take_uint(r, 2);
    if (!r->left.p || dname_from_key((const uint8_t *)key.p, key.n, &owner) < 0)
        return -BD_ECORRUPT;
    int result = decode_set(r, &owner, type, &diff.before);
    if (result == 0)
        result = decode_set(r, &owner, type, &diff.after);
    if (result == 0 && !diff.before && !diff.after)
        result = -BD_ECORRUPT;
    if (result < 0) {
        rrset_put(diff.before);
        rrset_put(diff.after);
        return result;
    }
    r->count--;
    *ret_zone_id = zone;
    *ret_diff = diff;
    return 1;
}
