/* Who is removed, and when: hosts all of whose checks have failed for deregister_after, one after
 * the other as the guard says; hosts that come back in time are left alone. */
#include "removal.h"

#include <stdlib.h>

#include <betterdns/log.h>

#include "times.h"

/* What a removal may take beside its terminator's time-out: a grace, and its two commits. */
#define IDLE_MORE_NS (30 * NS_PER_S)

int removal_new(struct engine *e, struct problem *ret_problem)
{
    e->removals = calloc(1, sizeof(*e->removals));
    if (!e->removals)
        return -ENOMEM;
    e->removals->due_ns = UINT64_MAX;
    return terminator_new(&e->options.terminate, e->loop, &e->removals->terminator, ret_problem);
}

void removal_free(struct engine *e)
{
    struct removals *rs = e->removals;

    if (!rs)
        return;
    terminator_free(rs->terminator);
    free(rs->leftovers);
    free(rs);
    e->removals = NULL;
}

int removal_start(struct engine *e)
{
    return leftover_load(e);
}

/* What a terminator has done so far nobody knows: its row has no result, and the next start says
 * so. */
void removal_stop(struct engine *e)
{
    struct removals *rs = e->removals;
    struct removal *next;

    rs->stopped = true;
    for (struct removal *r = rs->removals; r; r = next) {
        next = r->next;
        if (!r->working)
            remove_free(e, r);
    }
}

/* ---- hosts to look at ---- */

static void list(struct removals *rs, struct host *host)
{
    if (host->listed)
        return;
    host->listed = true;
    host->next_down = NULL;
    host->prev_down = rs->last;
    *(rs->last ? &rs->last->next_down : &rs->first) = host;
    rs->last = host;
}

static void unlist(struct removals *rs, struct host *host)
{
    if (!host->listed)
        return;
    host->listed = false;
    *(host->prev_down ? &host->prev_down->next_down : &rs->first) = host->next_down;
    *(host->next_down ? &host->next_down->prev_down : &rs->last) = host->prev_down;
}

static bool has_overdue(const struct host *host)
{
    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        if (reg->overdue)
            return true;
    return false;
}

static bool is_of(const struct host *host, uint64_t number)
{
    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        if (reg->number == number)
            return !(reg->flags & REG_DRAINING);
    return false;
}

/* Its registrations are those that it began with, and not in maintenance. */
static bool is_as_it_was(const struct removal *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (!is_of(r->host, r->targets[i].number))
            return false;
    return r->host->down;
}

void removal_host_changed(struct engine *e, struct host *host)
{
    struct removals *rs = e->removals;

    if (host->down || has_overdue(host))
        list(rs, host);
    else
        unlist(rs, host);
    if (!host->down)
        leftover_forget(e, host);
    if (host->removal && !is_as_it_was(host->removal))
        remove_call_off(e, host->removal);
}

/* What ends a host under one name ends the same machine under the others. */
void removal_target_alive(struct engine *e, const struct target *t)
{
    for (struct target *other = NULL; (other = addresses_next(e, t, other));)
        if (other->reg && other->reg->host->removal &&
            !(t->reg && t->reg->host == other->reg->host))
            remove_call_off(e, other->reg->host->removal);
}

void removal_host_gone(struct engine *e, struct host *host)
{
    struct removal *r = host->removal;

    unlist(e->removals, host);
    if (!r)
        return;
    r->host = NULL;
    host->removal = NULL;
    remove_call_off(e, r);
}

bool removal_terminating(const struct host *host)
{
    return host->removal && host->removal->state != REMOVAL_WAITS;
}

/* ---- when ---- */

bool removal_has_failed(const struct host *host)
{
    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        if (reg_has_failed(reg))
            return true;
    return false;
}

bool removal_comes_first(const struct engine *e, const struct reg *reg)
{
    return e->removals->terminator->kind->run && reg_has_failed(reg) &&
           !addresses_alive(e, reg->host);
}

/* Of a registration whose check has failed. A renewal is a sign of life of its own. */
static uint64_t check_ends_ns(struct engine *e, const struct reg *reg)
{
    const struct check_spec *spec = &reg->check->spec;
    uint64_t ends = leases_ends_ns(e, reg), renewed = registry_renewed_ns(e->registry, reg->number);

    if (reg->lease_s == 0)
        ends = times_after(renewed, spec->deregister_after_s * NS_PER_S);
    for (const struct target *t = reg->targets; t; t = t->next)
        ends = times_later(ends, guard_check_ends_ns(&e->guard, &t->verdict, spec));
    return ends;
}

uint64_t removal_ends_ns(struct engine *e, const struct host *host)
{
    uint64_t ends = UINT64_MAX;

    if (!host->down)
        return UINT64_MAX;
    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host) {
        uint64_t one = 0;
        if (reg->flags & REG_DRAINING)
            return UINT64_MAX;
        if (reg_has_failed(reg))
            one = check_ends_ns(e, reg);
        else if (reg->overdue)
            one = reg->targets ? UINT64_MAX : leases_ends_ns(e, reg);
        else
            continue;
        ends = ends == UINT64_MAX ? one : times_later(ends, one);
        if (one == UINT64_MAX)
            return UINT64_MAX;
    }
    return ends;
}

/* ---- once a second ---- */

static enum removal_way way_of(const struct engine *e)
{
    return terminator_acts(e->removals->terminator) ? REMOVAL_TERMINATE : REMOVAL_NOTHING_TO_RUN;
}

/* An earlier run has ended it, or may have: no terminator runs a second time by itself. */
static void remove_leftover(struct engine *e, struct host *host, bool done, uint64_t now_ns)
{
    if (done || e->options.terminate.anyway)
        remove_begin(e, host, REMOVAL_UNREGISTER, now_ns);
}

bool removal_is_held(const struct engine *e, uint64_t now_ns)
{
    enum guard_word word = guard_may_terminate(&e->guard, now_ns, e->nhosts);

    return word != GUARD_GO && word != GUARD_BUDGET;
}

static bool may_begin(const struct engine *e, uint64_t now_ns)
{
    return !e->removals->beginning && now_ns >= e->removals->begin_ns &&
           guard_may_terminate(&e->guard, now_ns, e->nhosts) == GUARD_GO;
}

/* The guard has nothing against the end of hosts, but for the budget. */
static void consider(struct engine *e, struct host *host, uint64_t now_ns)
{
    const struct leftover *left;

    /* Leases alone end without a terminator (expiry.c). */
    if (!removal_has_failed(host))
        return;
    uint64_t ends = removal_ends_ns(e, host);
    if (ends > now_ns) {
        e->removals->due_ns = times_earlier(ends, e->removals->due_ns);
        return;
    }
    if (addresses_alive(e, host))
        return;
    left = leftover_of(e, host);
    if (left) {
        remove_leftover(e, host, left->done, now_ns);
        return;
    }
    if (may_begin(e, now_ns))
        remove_begin(e, host, way_of(e), now_ns);
}

void removal_second(struct engine *e, uint64_t running_ns)
{
    struct removals *rs = e->removals;
    struct removal *next;

    rs->due_ns = UINT64_MAX;
    if (!rs->first && !rs->removals)
        return;
    engine_look(e); /* what this second has brought counts, too */
    for (struct removal *r = rs->removals; r; r = next) {
        next = r->next;
        remove_go_on(e, r, running_ns);
    }
    expiry_second(e, running_ns);
    if (rs->paused || removal_is_held(e, running_ns))
        return;
    for (struct host *host = rs->first; host; host = host->next_down)
        if (!host->removal)
            consider(e, host, running_ns);
    /* Where the budget is used up nobody is waited for. */
    if (!may_begin(e, running_ns))
        rs->due_ns = UINT64_MAX;
}

uint64_t removal_due_ns(const struct engine *e)
{
    return e->removals->due_ns;
}

/* ---- a pause ---- */

/* A failed one that is to be tried again can wait. */
static bool is_under_way(const struct removal *r)
{
    return r->state != REMOVAL_WAITS;
}

void health_pause_removals(struct health *h, bool on)
{
    struct engine *e = &h->engine;
    struct removals *rs = e->removals;
    uint64_t most = e->options.terminate.timeout_ms * NS_PER_MS + IDLE_MORE_NS;

    pthread_mutex_lock(&e->lock);
    rs->paused = on;
    rs->idle_ns = times_after(engine_mono_ns(e), most);
    for (const struct removal *r = on ? rs->removals : NULL; r; r = r->next)
        if (is_under_way(r))
            log_info("a host is being removed: its end is waited for", LOG_STR("name", r->as.name),
                     LOG_STR("id", r->as.id), LOG_STR("address", r->as.address),
                     LOG_UINT("seconds_at_most", most / NS_PER_S));
    pthread_mutex_unlock(&e->lock);
}

/* Its result may not be written for ever: on a full disk. */
bool health_removals_idle(struct health *h)
{
    struct engine *e = &h->engine;
    bool idle = true;

    pthread_mutex_lock(&e->lock);
    for (const struct removal *r = e->removals->removals; r; r = r->next)
        idle &= !is_under_way(r);
    idle |= engine_mono_ns(e) >= e->removals->idle_ns;
    pthread_mutex_unlock(&e->lock);
    return idle;
}
