/* A host says that it is here: for the first time, again, with another address, or after it was
 * believed to be gone. */
#include "book.h"
#include "step.h"

/* A registration that came out of a file of ours has no id: the first host that registers the name
 * takes the place of all of them. */
static int drop_unclaimed(struct draft *d)
{
    size_t i;

    while ((i = draft_find(d, STR(""))) < d->nregs) {
        struct rdset asked = d->regs[i].asked;
        draft_unregister(d, i);
        int r = draft_remove_unasked(d, &asked);
        if (r < 0)
            return r;
    }
    return 0;
}

static uint32_t asked_ttl(const struct change_op *op)
{
    return op->has_ttl ? op->ttl : UINT32_MAX;
}

static int add_registration(struct step *s)
{
    const struct change_op *op = s->op;
    struct registration reg = {
        .number = s->a->next_number,
        .id = op->id,
        .subject = op->subject,
        .source = op->source,
        .created = s->a->now,
        .lease_s = op->lease_s,
        .check = op->check,
        .asked_ttl = asked_ttl(op),
        .asked = op->values,
    };

    if (drop_unclaimed(&s->draft) < 0 || draft_register(&s->draft, &reg) < 0)
        return step_no_memory(s);
    s->a->next_number++;
    s->created = true;
    s->number = reg.number;
    return 0;
}

/* With this one what was in flight against the old number comes to nothing. */
static void begin_anew(struct step *s, struct registration *reg)
{
    reg->number = s->a->next_number++;
    reg->created = s->a->now;
    s->created = true;
}

static int renew_registration(struct step *s, struct registration *reg)
{
    const struct change_op *op = s->op;
    struct rdset old = reg->asked;

    reg->asked = op->values;
    reg->asked_ttl = asked_ttl(op);
    reg->subject = op->subject;
    reg->source = op->source;
    reg->lease_s = op->lease_s;
    reg->check = op->check;
    s->number = reg->number;
    /* Those that it asks for again come back with draft_add. */
    return draft_remove_unasked(&s->draft, &old) < 0 ? step_no_memory(s) : 0;
}

static bool is_repeat(const struct change_op *op, const struct registration *reg)
{
    return rdset_eq(op->type, &reg->asked, &op->values) && reg->asked_ttl == asked_ttl(op) &&
           reg->lease_s == op->lease_s && str_eq(reg->check, op->check);
}

static bool has_withdrawn(const struct draft *d, const struct rdset *values)
{
    const uint8_t *at = values->p;
    struct str rdata;

    while (d->withdrawn.count > 0 && rdset_next(values, &at, &rdata))
        if (rdset_has(d->type, &d->withdrawn, rdata))
            return true;
    return false;
}

/* Of a host that was believed to be gone. Maintenance is nobody's belief. */
static bool is_sign_of_life(const struct step *s, const struct registration *reg)
{
    if (book_terminating(s->a->book, reg->number))
        return true;
    return !(reg->flags & REG_DRAINING) && has_withdrawn(&s->draft, &reg->asked);
}

static int note_renewal(struct step *s)
{
    return book_renew(s->a->book, s->number) < 0 ? step_no_memory(s) : 0;
}

/* ---- what DNS shows of it ---- */

static bool is_new(void *arg, struct str rdata)
{
    const struct step *s = arg;
    struct rdset before = rrset_rdatas(s->before);

    return !rdset_has(s->op->type, &before, rdata);
}

/* A host in maintenance that comes back with another address is still in maintenance. */
static int hide_new(struct step *s)
{
    struct rdset fresh;

    int r = draft_pick(&s->draft, &s->op->values, is_new, s, &fresh);
    if (r == 0 && fresh.count > 0)
        r = draft_withdraw(&s->draft, &fresh);
    return r < 0 ? step_no_memory(s) : 0;
}

/* A lease that ends is to be forgotten by resolvers soon: whoever gives an RRset its TTL stays
 * within a third of the leases in it. A hand's TTL stays until the host asks for something else. */
static void limit_ttl(struct step *s)
{
    struct draft *d = &s->draft;

    if (s->op->has_ttl)
        d->ttl = s->op->ttl;
    for (size_t i = 0; i < d->nregs; i++) {
        const struct registration *reg = &d->regs[i];
        bool counts = s->op->has_ttl || reg->number == s->number;
        if (counts && reg->lease_s > 0 && d->ttl > reg->lease_s / 3)
            d->ttl = reg->lease_s / 3;
    }
}

/* The registration at index i is known, and this is not just a repeat. */
static int register_again(struct step *s, size_t i)
{
    struct registration *reg = &s->draft.regs[i];
    bool drained = reg->flags & REG_DRAINING && rrset_reg_withdrawn(s->before, reg);

    if (is_sign_of_life(s, reg))
        begin_anew(s, reg);
    bool shows = !(reg->flags & REG_DRAINING);
    int r = renew_registration(s, reg);
    if (r == 0 && draft_add(&s->draft, &s->op->values) < 0)
        r = step_no_memory(s);
    if (r == 0 && shows && draft_serve(&s->draft, &s->op->values) < 0)
        r = step_no_memory(s);
    return r == 0 && drained ? hide_new(s) : r;
}

static int register_first(struct step *s)
{
    int r = add_registration(s);

    if (r == 0 &&
        (draft_add(&s->draft, &s->op->values) < 0 || draft_serve(&s->draft, &s->op->values) < 0))
        r = step_no_memory(s);
    return r;
}

int step_register(struct step *s)
{
    const struct change_op *op = s->op;
    struct draft *d = &s->draft;

    /* The caller knows the file and the line, and adds them as the hint. */
    if (s->before && d->nregs == 0)
        return problem_set(
            s->problem, -BD_ECONFLICT, "name",
            "the %s records of '%s' were not registered, but written by hand or by PUT; "
            "registering does not take them over, PUT replaces them",
            s->type, s->name);
    size_t i = draft_find(d, op->id);
    bool known = i < d->nregs, repeat = known && is_repeat(op, &d->regs[i]);
    if (repeat && !is_sign_of_life(s, &d->regs[i])) {
        s->number = d->regs[i].number;
        return note_renewal(s) < 0 ? -ENOMEM : STEP_SAME;
    }
    int r = known ? register_again(s, i) : register_first(s);
    if (r == 0)
        r = note_renewal(s);
    if (r < 0)
        return r;
    if (!repeat)
        limit_ttl(s);
    return STEP_WRITE;
}
