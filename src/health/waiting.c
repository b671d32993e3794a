/* For people: which hosts wait for their end, and what they wait for. */
#include "removal.h"
#include "times.h"

static const char *const words[] = {
    [GUARD_GO] = "it is the next one",
    [GUARD_PANIC] = "panic: too many hosts are down at once",
    [GUARD_ISOLATED] = "we seem to be cut off ourselves",
    [GUARD_BUDGET] = "the budget: one a minute, and 5 % of all hosts an hour",
};
_Static_assert(ARRAY_SIZE(words) == GUARD_NWORDS, "one reason a word");

#define A_WITNESS "we may be cut off ourselves, and a witness (checks.witnesses) would tell"

static uint64_t seconds(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (to_ns - from_ns + NS_PER_S - 1) / NS_PER_S : 0;
}

static void of_removal(const struct removal *r, uint64_t now_ns, struct health_waiting *w)
{
    if (r->state != REMOVAL_WAITS) {
        str_format(w->reason, sizeof(w->reason), "it is being removed");
        return;
    }
    w->in_s = seconds(now_ns, r->next_ns);
    str_format(w->reason, sizeof(w->reason), "the terminator failed, and is tried again: %s",
               r->words);
}

/* The machine lives, only not as this host. */
static void of_sibling(const struct set *alive, struct health_waiting *w)
{
    char name[DNAME_TEXT_MAX];
    struct dname owner;

    rrset_owner(alive->rrset, &owner);
    dname_to_text(&owner, name);
    str_format(w->reason, sizeof(w->reason),
               "%.150s has the same address, and is alive: who ends one ends both", name);
}

/* What keeps a host whose time has come. */
static void of_guard(struct engine *e, const struct host *host, uint64_t now_ns,
                     struct health_waiting *w)
{
    const struct leftover *left = leftover_of(e, host);
    const bool failed = removal_has_failed(host);
    const struct set *alive = failed ? addresses_alive(e, host) : NULL;
    enum guard_word word = failed ? guard_may_terminate(&e->guard, now_ns, e->nhosts)
                                  : guard_may_expire(&e->guard, now_ns, e->nhosts);

    if (alive)
        of_sibling(alive, w);
    else if (word == GUARD_ISOLATED && e->in->nwitnesses == 0)
        str_format(w->reason, sizeof(w->reason), "nobody else was heard for a minute: " A_WITNESS);
    else if (failed && left && !left->done && !e->options.terminate.anyway)
        str_format(w->reason, sizeof(w->reason),
                   "an earlier run was cut off while it ended this host: whether it has, you have "
                   "to see");
    else
        str_format(w->reason, sizeof(w->reason), "%s", words[word]);
}

/* It fails together with others, and nobody says that it is not us. */
static bool is_unproven(const struct engine *e, const struct host *host)
{
    bool unproven = false;

    for (const struct reg *reg = host->regs; host->down && reg; reg = reg->next_of_host) {
        if (reg->flags & REG_DRAINING)
            return false;
        for (const struct target *t = reg->targets; t && reg_has_failed(reg); t = t->next)
            unproven |= guard_is_unproven(&e->guard, &t->verdict);
    }
    return unproven;
}

/* False: it is never removed, or by nobody but itself. */
static bool describe(struct engine *e, const struct host *host, uint64_t now_ns,
                     struct health_waiting *w)
{
    const uint64_t ends = removal_ends_ns(e, host);
    const bool unproven = ends == UINT64_MAX && is_unproven(e, host);
    const struct reg *reg = host->regs;
    struct registration as;

    if (!reg || (!host->removal && ends == UINT64_MAX && !unproven) ||
        !engine_registration(reg, &as))
        return false;
    *w = (struct health_waiting){.zone = reg->set->zone};
    rrset_owner(reg->set->rrset, &w->owner);
    str_format(w->id, sizeof(w->id), "%.*s", STR_ARG(as.id));
    if (host->removal) {
        of_removal(host->removal, now_ns, w);
    } else if (unproven) {
        str_format(w->reason, sizeof(w->reason), "%s",
                   e->in->nwitnesses > 0 ? words[GUARD_ISOLATED]
                                         : "nobody else was heard since it has failed: " A_WITNESS);
    } else if (ends > now_ns) {
        w->in_s = seconds(now_ns, ends);
        str_format(w->reason, sizeof(w->reason), "it may come back until then");
    } else {
        of_guard(e, host, now_ns, w);
    }
    return true;
}

size_t health_waiting(struct health *h, struct health_waiting *ret, size_t max)
{
    struct engine *e = &h->engine;
    struct health_waiting one;
    size_t n = 0;

    pthread_mutex_lock(&e->lock);
    const uint64_t now = engine_running_ns(e);
    for (const struct host *host = e->removals->first; host; host = host->next_down)
        if (describe(e, host, now, n < max ? &ret[n] : &one))
            n++;
    pthread_mutex_unlock(&e->lock);
    return n;
}
