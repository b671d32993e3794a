/* One operation of a change while it is being applied: what the files of operations share. */
#ifndef BETTERDNS_REGISTRY_STEP_H
#define BETTERDNS_REGISTRY_STEP_H

#include "apply.h"
#include "draft.h"

struct step {
    struct apply *a;
    const struct change_op *op;
    enum change_source source;
    struct dname owner;
    const struct rrset *before; /* NULL: none; the tree's */
    struct draft draft;         /* began as before */
    bool created;               /* as the receipt's */
    uint64_t number;            /* as the receipt's */
    struct problem *problem;
    char name[80], type[RRTYPE_TEXT_MAX]; /* for messages */
};

/* What an operation's function returns: below 0 refused, or: */
enum { STEP_SAME = 0, STEP_WRITE = 1 };
typedef int step_fn(struct step *s);

int step_no_memory(struct step *s);
bool step_at_apex(const struct step *s);
/* Index of the registration that the operation's number means; nregs: it was replaced meanwhile, or
 * has ended, and nothing is to be done (rule 6). */
size_t step_find_number(const struct step *s);
/* As much of an id as a message has room for. */
struct str step_cut(struct str id);

/* ---- apply_register.c ---- */
int step_register(struct step *s);

/* ---- apply_show.c: what DNS shows ---- */
int step_withdraw(struct step *s);
int step_serve(struct step *s);
int step_drain(struct step *s);
/* After records were deleted, if a name with several registrants is to keep its last one. */
int step_keep_shown(struct step *s);

#endif
