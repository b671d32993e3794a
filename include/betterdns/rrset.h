/* An RRset with the registrations that stand behind it: immutable once it is in a snapshot,
 * counted, shared by snapshots. Some of its records may be withdrawn: they are there for everybody
 * but DNS. */
#ifndef BETTERDNS_RRSET_H
#define BETTERDNS_RRSET_H

#include <betterdns/dname.h>
#include <betterdns/hash.h>
#include <betterdns/rrtype.h>

/* Packed rdata: for each record two octets of length (network order), then the rdata. Canonical
 * order, no duplicates. */
struct rdset {
    const uint8_t *p;
    uint32_t n;     /* octets */
    uint32_t count; /* records */
};

/* Walks a packed set: const uint8_t *at = set.p; while (rdset_next(&set, &at, &rd)) … */
bool rdset_next(const struct rdset *set, const uint8_t **at, struct str *ret_rdata);
/* Sorts, removes duplicates (the first spelling stays) and packs n records. The bytes are the
 * caller's to free. */
int rdset_pack(uint16_t type, const struct str *rdatas, size_t n, uint8_t **ret_bytes,
               struct rdset *ret_set);
/* Set algebra on records that are equal by rdata_cmp. Results as above. */
int rdset_union(uint16_t type, const struct rdset *a, const struct rdset *b, uint8_t **ret_bytes,
                struct rdset *ret_set);
int rdset_minus(uint16_t type, const struct rdset *a, const struct rdset *b, uint8_t **ret_bytes,
                struct rdset *ret_set);
bool rdset_eq(uint16_t type, const struct rdset *a, const struct rdset *b);
/* Every record of a is one of b. */
bool rdset_within(uint16_t type, const struct rdset *a, const struct rdset *b);
bool rdset_has(uint16_t type, const struct rdset *set, struct str rdata);
/* Checks packed bytes that come from a disk: lengths, rdata_check, order. 0 or -BD_ECORRUPT; counts
 * them. */
int rdset_check(uint16_t type, const uint8_t *bytes, size_t n, struct rdset *ret_set);

enum {
    REG_DRAINING = 1, /* in maintenance */
};

/* A host's claim on some of the records of an RRset. Its number is never used again. */
struct registration {
    uint64_t number;
    struct str id;      /* "web": unique in (name, type) */
    struct str subject; /* of the token that made it; p is NULL without one */
    struct str source;  /* the address of the caller, as text */
    int64_t created;    /* seconds since 1970 */
    uint32_t lease_s;   /* 0: none */
    struct str check;   /* its specification, as stored; p is NULL without one */
    uint8_t flags;      /* REG_… */
    uint32_t asked_ttl; /* the TTL of its last request; UINT32_MAX: it gave none */
    struct rdset asked; /* the values that it last asked for: what a repeat is compared with */
};

struct rrset; /* opaque: see the accessors */

/* Makes one with a count of 1; everything is copied. Registrations are kept in order of number.
 * NULL without memory. The owner is folded. */
struct rrset *rrset_new(const struct dname *owner, uint16_t type, uint32_t ttl,
                        const struct rdset *rdatas, const struct registration *regs, size_t nregs);
/* The same, for a caller that has the dname_key of the owner. */
struct rrset *rrset_new_keyed(struct str key, uint16_t type, uint32_t ttl,
                              const struct rdset *rdatas, const struct registration *regs,
                              size_t nregs);
/* The same with records that DNS does not show: some or all of rdatas; NULL or none of them makes
 * what rrset_new makes. */
struct rrset *rrset_new_withdrawn(const struct dname *owner, uint16_t type, uint32_t ttl,
                                  const struct rdset *rdatas, const struct rdset *withdrawn,
                                  const struct registration *regs, size_t nregs);
struct rrset *rrset_new_withdrawn_keyed(struct str key, uint16_t type, uint32_t ttl,
                                        const struct rdset *rdatas, const struct rdset *withdrawn,
                                        const struct registration *regs, size_t nregs);
struct rrset *rrset_ref(const struct rrset *s);
void rrset_put(const struct rrset *s); /* NULL is fine; frees at 0; from any thread */

void rrset_owner(const struct rrset *s, struct dname *ret_owner);
struct str rrset_owner_key(const struct rrset *s); /* dname_key of the owner; lives as long as s */
uint16_t rrset_type(const struct rrset *s);
uint32_t rrset_ttl(const struct rrset *s);
struct rdset rrset_rdatas(const struct rrset *s);    /* all of them */
struct rdset rrset_withdrawn(const struct rrset *s); /* count 0: none */
/* What DNS shows: rdatas without withdrawn; it may be empty. *ret_bytes is the caller's to free, or
 * NULL where *ret_set is a view of s. 0 or -ENOMEM. */
int rrset_served(const struct rrset *s, uint8_t **ret_bytes, struct rdset *ret_set);
/* The TTL that DNS shows: at most drain_ttl while a registration is in maintenance. */
uint32_t rrset_served_ttl(const struct rrset *s, uint32_t drain_ttl);
size_t rrset_nregs(const struct rrset *s);
void rrset_reg(const struct rrset *s, size_t i,
               struct registration *ret_reg); /* views live as long as s */
/* All that this registration of s asks for is withdrawn. */
bool rrset_reg_withdrawn(const struct rrset *s, const struct registration *reg);

/* The canonical order of a zone's sets, by the dname_key of the owner and the type: <0, 0, >0. */
static inline int rrset_key_cmp(struct str owner_a, uint16_t type_a, struct str owner_b,
                                uint16_t type_b)
{
    size_t n = owner_a.n < owner_b.n ? owner_a.n : owner_b.n;
    int d = n ? memcmp(owner_a.p, owner_b.p, n) : 0;

    if (d)
        return d;
    if (owner_a.n != owner_b.n)
        return owner_a.n < owner_b.n ? -1 : 1;
    return (int)type_a - (int)type_b;
}

/* The entity tag: a hash of owner, type, TTL and records (not of registrations). NULL: of "no such
 * set". */
struct hash128 rrset_etag(const struct rrset *s);

#endif
