/* How a server is told to read its configuration and all its zones again, and when it is believed
 * to have done so, as a pure rule: no process, no clock.
 *
 * CoreDNS keeps one signal while it works at another; a third is lost, and that could be the one
 * that ends it. So at most one is outstanding, and what is asked for meanwhile is gathered into the
 * next.
 *
 * The proof that one was obeyed is the revision in an answer. It is not the whole proof: for some
 * tenths of a millisecond the old and the new instance inside the server read the same sockets, and
 * an answer of the new one says nothing about who takes the next question. Of servers that show no
 * revision none is ever outstanding (proof.h). */
#ifndef CONTROLLER_RELOAD_H
#define CONTROLLER_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "proof.h"

struct reload {
    enum proof proof;
    unsigned seen;        /* the greatest revision that it showed; 0: adopted, no answer yet */
    uint64_t seen_ns;     /* when it did so first */
    unsigned settled;     /* the newest revision that is known to answer alone; 0: none yet */
    unsigned expected;    /* of the signal that is outstanding; 0: none is */
    uint64_t sent_ns;     /* when that was sent */
    uint64_t deadline_ns; /* when it is given up */
    bool extended;
};

enum reload_trust {
    RELOAD_TRUST, /* what the answer shows, the next one shows too */
    RELOAD_DOUBT, /* an instance on its way out, or its successor is on its way */
    RELOAD_LOOK,  /* find out whether whoever answers is alone, then say so by reload_alone */
};

enum reload_late { RELOAD_IN_TIME, RELOAD_EXTENDED, RELOAD_GIVEN_UP };

/* revision: of a server that starts, which answers alone from its first answer on; 0: of one that
 * is adopted, of which nothing is known. */
void reload_begin(struct reload *r, enum proof proof, unsigned revision);
bool reload_outstanding(const struct reload *r);
/* May it be told to read now? Not while it works at the last one, nor before its first answer. */
bool reload_may_send(const struct reload *r);
/* It was told to read what has that revision. */
void reload_sent(struct reload *r, unsigned revision, uint64_t now, uint64_t patience_ns);
/* With each answer: the revision in it, 0 without one. */
enum reload_trust reload_heard(struct reload *r, unsigned revision, uint64_t now);
/* Who gave that answer is alone. Does it suffice? Not where yet another one is on its way. */
enum reload_trust reload_alone(struct reload *r, unsigned revision);
/* Is it too late? A server that works (busy) is given as long again as four times what it took so
 * far, once. */
enum reload_late reload_check(struct reload *r, uint64_t now, bool busy);

#endif
