/* An RRset being rewritten: records and registrations that can change, until rrset_new. */
#ifndef BETTERDNS_REGISTRY_DRAFT_H
#define BETTERDNS_REGISTRY_DRAFT_H

#include <betterdns/rrset.h>

struct draft {
    uint16_t type;
    uint32_t ttl;
    struct rdset rdatas;
    struct rdset withdrawn;    /* may have more than rdatas, until draft_cut */
    struct registration *regs; /* texts are views of the RRset it began as, or of the change */
    size_t nregs;
    void **owned; /* packed sets that were made on the way; freed at the end */
    size_t nowned, cap;
};

/* From an RRset, which outlives the draft, or from nothing (NULL). All return 0 or -ENOMEM. */
int draft_start(struct draft *d, const struct rrset *from, uint16_t type, uint32_t ttl);
void draft_free(struct draft *d);

/* These octets, from malloc, live as long as the draft; freed on failure too. */
int draft_own(struct draft *d, void *bytes);
/* The RRset that it has become, with this key; NULL without memory. It has records. */
struct rrset *draft_make(struct draft *d, struct str key);
/* Those of the values for which fn says so. They live as long as the draft. */
typedef bool draft_pick_fn(void *arg, struct str rdata);
int draft_pick(struct draft *d, const struct rdset *values, draft_pick_fn *fn, void *arg,
               struct rdset *ret_picked);
int draft_add(struct draft *d, const struct rdset *values);
int draft_remove(struct draft *d, const struct rdset *values);
int draft_withdraw(struct draft *d, const struct rdset *values); /* some of rdatas */
int draft_serve(struct draft *d, const struct rdset *values);
int draft_cut(
    struct draft *d); /* what is withdrawn is among the records again; draft_make does it */
bool draft_is_asked(const struct draft *d, struct str rdata);
/* Removes those of the values that no registration asks for. */
int draft_remove_unasked(struct draft *d, const struct rdset *values);
/* Registration at index i no longer asks for these. */
int draft_unask(struct draft *d, size_t i, const struct rdset *values);
int draft_register(struct draft *d, const struct registration *reg);
void draft_unregister(struct draft *d, size_t i);
/* Index of the registration with this id; nregs: none. */
size_t draft_find(const struct draft *d, struct str id);

#endif
