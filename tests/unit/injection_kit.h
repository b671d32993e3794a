/* Names and values made to break out of whatever they are written into. For tests only. */
#ifndef INJECTION_KIT_H
#define INJECTION_KIT_H

#include <betterdns/rrset.h>

struct trial {
    uint16_t type;
    struct buf name, value, id; /* as a client sends them */
    bool known;                 /* spelled from owner and wire: name and value must be taken */
    struct dname owner;         /* folded; below the origin */
    struct buf wire;            /* rdata */
};

/* By BETTERDNS_SEED, else by the clock; prints what it is. */
void injection_start(const struct dname *origin);
/* The owner's first label has the number, so that no two known ones are the same. */
void injection_make(struct trial *t, unsigned number);
void injection_free(struct trial *t);

#endif
