/* Operations on what DNS shows of an RRset. Its records stay, whatever is decided here. */
#include "book.h"
#include "step.h"

static const struct change_decision undecided;

static const struct change_decision *decision_of(const struct step *s)
{
    return s->op->decision ? s->op->decision : &undecided;
}

static bool is_meant(const struct change_decision *decision, uint64_t number)
{
    for (size_t i = 0; i < decision->nnumbers; i++)
        if (decision->numbers[i] == number)
            return true;
    return false;
}

/* ---- withdraw ---- */

/* Every registration that stands behind the record has to be one of those decided about, and one at
 * least: what somebody else asks for, or a hand has written meanwhile, was not judged. Nor was a
 * host that has renewed since. */
static bool may_leave(void *arg, struct str rdata)
{
    const struct step *s = arg;
    const struct change_decision *decision = decision_of(s);
    const struct draft *d = &s->draft;
    bool asked = false;

    if (!rdset_has(d->type, &d->rdatas, rdata) || rdset_has(d->type, &d->withdrawn, rdata))
        return false;
    for (size_t i = 0; i < d->nregs; i++) {
        if (!rdset_has(d->type, &d->regs[i].asked, rdata))
            continue;
        uint64_t number = d->regs[i].number;
        if (!is_meant(decision, number) ||
            book_renewed_since(s->a->book, number, decision->not_renewed_since_ns))
            return false;
        asked = true;
    }
    return asked == (decision->nnumbers > 0);
}

/* The registrations, and each record that only a hand has written. */
static size_t count_registrants(const struct draft *d)
{
    const uint8_t *at = d->rdatas.p;
    size_t n = d->nregs;
    struct str rdata;

    while (rdset_next(&d->rdatas, &at, &rdata))
        n += !draft_is_asked(d, rdata);
    return n;
}

/* The first of what is still shown and would leave stays. */
static void keep_one(const struct draft *d, struct rdset *leaving)
{
    const uint8_t *at = leaving->p;
    struct str first;

    if (d->withdrawn.count + leaving->count < d->rdatas.count || count_registrants(d) < 2 ||
        !rdset_next(leaving, &at, &first))
        return;
    leaving->n -= (uint32_t)(at - leaving->p);
    leaving->p = at;
    leaving->count--;
}

int step_withdraw(struct step *s)
{
    struct draft *d = &s->draft;
    struct rdset leaving;

    /* A zone without name servers is none. */
    if (!s->before || (s->op->type == RRTYPE_NS && step_at_apex(s)))
        return STEP_SAME;
    if (draft_pick(d, &s->op->values, may_leave, s, &leaving) < 0)
        return step_no_memory(s);
    if (decision_of(s)->keep_last)
        keep_one(d, &leaving);
    if (leaving.count == 0)
        return STEP_SAME;
    return draft_withdraw(d, &leaving) < 0 ? step_no_memory(s) : STEP_WRITE;
}

/* ---- serve ---- */

/* Maintenance may have begun after this was decided: it keeps what it has withdrawn. */
static bool may_return(void *arg, struct str rdata)
{
    const struct step *s = arg;
    const struct change_decision *decision = decision_of(s);
    const struct draft *d = &s->draft;
    bool asked = false;

    if (!rdset_has(d->type, &d->withdrawn, rdata))
        return false;
    for (size_t i = 0; i < d->nregs; i++) {
        const struct registration *reg = &d->regs[i];
        if (!rdset_has(d->type, &reg->asked, rdata))
            continue;
        asked = true;
        if (!(reg->flags & REG_DRAINING) &&
            (decision->nnumbers == 0 || is_meant(decision, reg->number)))
            return true;
    }
    return !asked && decision->nnumbers == 0;
}

int step_serve(struct step *s)
{
    struct draft *d = &s->draft;
    struct rdset coming;

    if (draft_pick(d, &s->op->values, may_return, s, &coming) < 0)
        return step_no_memory(s);
    if (coming.count == 0)
        return STEP_SAME;
    return draft_serve(d, &coming) < 0 ? step_no_memory(s) : STEP_WRITE;
}

/* What was the only one that DNS showed has gone, and all others were withdrawn. Which of them is
 * the last that lived is not known here. */
int step_keep_shown(struct step *s)
{
    struct draft *d = &s->draft;
    struct rdset before = rrset_withdrawn(s->before), coming;

    if (before.count == 0 || before.count == rrset_rdatas(s->before).count)
        return STEP_WRITE;
    if (draft_cut(d) < 0)
        return step_no_memory(s);
    if (d->withdrawn.count < d->rdatas.count || count_registrants(d) < 2)
        return STEP_WRITE;
    if (draft_pick(d, &d->rdatas, may_return, s, &coming) < 0 || draft_serve(d, &coming) < 0)
        return step_no_memory(s);
    return STEP_WRITE;
}

/* ---- maintenance ---- */

int step_drain(struct step *s)
{
    size_t i = step_find_number(s);
    bool on = decision_of(s)->drain;

    if (i == s->draft.nregs)
        return STEP_SAME;
    struct registration *reg = &s->draft.regs[i];
    if (on == !!(reg->flags & REG_DRAINING))
        return STEP_SAME;
    /* Nobody had to renew meanwhile: the lease begins anew, else it would be over at once. */
    if (!on && book_renew(s->a->book, reg->number) < 0)
        return step_no_memory(s);
    reg->flags ^= REG_DRAINING;
    return STEP_WRITE;
}
