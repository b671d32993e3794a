/* A fleet for the guard's tests. */
#include "fleet_kit.h"

#include <stdio.h>

#define INTERVAL (10 * SECOND)

/* splitmix64. */
uint64_t fleet_random(struct fleet *f, uint64_t n)
{
    uint64_t z = f->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % n;
}

unsigned fleet_hosts(const struct fleet *f)
{
    unsigned n = f->alive[0] + f->alive[1];

    for (unsigned i = 0; i < f->ngroups; i++)
        n += f->groups[i].n;
    return n;
}

unsigned fleet_down(const struct fleet *f)
{
    unsigned n = 0;

    for (unsigned i = 0; i < f->ngroups; i++)
        n += f->groups[i].state == GROUP_LEAVING ? 0 : f->groups[i].n;
    return n;
}

unsigned fleet_gone(const struct fleet *f)
{
    unsigned n = 0;

    for (unsigned i = 0; i < f->ngroups; i++)
        n += f->groups[i].cut || f->groups[i].state == GROUP_RETURNING ? 0 : f->groups[i].n;
    return n;
}

static void fault(struct fleet *f, const char *what)
{
    if (!f->fault[0])
        snprintf(f->fault, sizeof(f->fault), "seed %llu, at %llu s, %u of %u down: %s",
                 (unsigned long long)f->seed, (unsigned long long)(f->now_ns / SECOND),
                 fleet_down(f), fleet_hosts(f), what);
}

/* Hosts of one kind cannot be reached from now on: a check notices by its third failure, a lease
 * when it is over, which was renewed less than half of it ago. */
static void leave(struct fleet *f, bool check, unsigned n, bool cut, bool exempt)
{
    struct group *g = &f->groups[f->ngroups];

    if (n == 0 || f->ngroups == GROUPS)
        return;
    *g = (struct group){.n = n, .check = check, .cut = cut, .exempt = exempt};
    uint64_t wait = check ? 3 * INTERVAL + fleet_random(f, INTERVAL)
                          : f->lease_ns - fleet_random(f, f->lease_ns / 2);
    g->next_ns = f->now_ns + wait;
    f->alive[check] -= n;
    f->ngroups++;
}

/* In a few groups: not all are noticed at once. */
static void leave_all(struct fleet *f, bool check, unsigned n, bool cut, bool exempt)
{
    for (unsigned parts = n < 4 ? n : 4; parts > 0; parts--) {
        unsigned part = n / parts;
        leave(f, check, part, cut, exempt);
        n -= part;
    }
}

void fleet_kill(struct fleet *f, bool check, unsigned n)
{
    leave_all(f, check, n < f->alive[check] ? n : f->alive[check], f->cut_ns > 0, false);
}

static unsigned returning(const struct fleet *f)
{
    unsigned n = 0;

    for (unsigned i = 0; i < f->ngroups; i++)
        n += f->groups[i].state == GROUP_RETURNING ? f->groups[i].n : 0;
    return n;
}

void fleet_cut(struct fleet *f)
{
    unsigned alive = f->alive[0] + f->alive[1] + returning(f);

    if (f->cut_ns > 0 || f->ngroups + 8 > GROUPS)
        return;
    f->cut_ns = f->now_ns;
    for (unsigned i = 0; i < f->ngroups; i++) {
        struct group *g = &f->groups[i];
        if (g->state == GROUP_RETURNING) {
            g->state = GROUP_DOWN;
            g->cut = true;
            g->exempt = true;
        }
    }
    leave_all(f, false, f->alive[0], true, alive == 1);
    leave_all(f, true, f->alive[1], true, alive == 1);
}

void fleet_return(struct fleet *f, unsigned at)
{
    struct group *g = &f->groups[at];

    if (g->state == GROUP_RETURNING)
        return;
    bool noticed = g->state == GROUP_DOWN;
    g->state = noticed ? GROUP_RETURNING : GROUP_LEAVING;
    g->answer_ns = f->now_ns + fleet_random(f, INTERVAL);
    g->next_ns = g->check ? g->answer_ns + INTERVAL : f->now_ns + fleet_random(f, f->lease_ns / 2);
    if (noticed)
        return;
    f->alive[g->check] += g->n;
    f->groups[at] = f->groups[--f->ngroups];
}

void fleet_mend(struct fleet *f)
{
    if (f->cut_ns == 0)
        return;
    f->cut_ns = 0;
    for (unsigned i = f->ngroups; i-- > 0;) {
        if (f->groups[i].cut)
            fleet_return(f, i);
    }
}

static void forget_expiries(struct fleet *f)
{
    unsigned long n = f->nremoved < REMOVALS_KEPT ? 0 : f->nremoved - REMOVALS_KEPT, kept = n;

    for (; n < f->nremoved; n++) {
        if (!f->removed[n % REMOVALS_KEPT].expiry)
            f->removed[kept++ % REMOVALS_KEPT] = f->removed[n % REMOVALS_KEPT];
    }
    f->nremoved = kept;
}

/* The running time was last written some seconds ago; results are not known any more. */
void fleet_restart(struct fleet *f, bool with_note)
{
    uint64_t back = fleet_random(f, 10 * SECOND);

    back = back < f->now_ns ? back : 0;
    f->now_ns -= back;
    f->skew_ns += back;
    f->seen_ns = f->seen_ns < f->now_ns ? f->seen_ns : f->now_ns;
    f->heard_ns = 0;
    f->known_ns = f->now_ns + INTERVAL;
    if (!with_note)
        forget_expiries(f);
    guard_start(&f->guard);
    if (with_note && guard_read(&f->guard, (struct str){(char *)f->note, f->nnote}) < 0)
        fault(f, "a note cannot be read");
    for (unsigned i = 0; i < GUARD_REMOVALS; i++) {
        if (f->table_ns[i] > 0)
            guard_terminated(&f->guard, f->table_ns[i]);
    }
    for (unsigned i = 0; i < f->ngroups; i++) {
        struct verdict *v = &f->groups[i].verdict;
        v->failed = v->proven = false;
    }
}

/* Groups whose time has come. */
static void notice(struct fleet *f)
{
    for (unsigned i = f->ngroups; i-- > 0;) {
        struct group *g = &f->groups[i];
        if (g->state == GROUP_DOWN || g->next_ns > f->now_ns)
            continue;
        if (g->state == GROUP_RETURNING) {
            f->alive[g->check] += g->n;
            f->groups[i] = f->groups[--f->ngroups];
            continue;
        }
        g->state = GROUP_DOWN;
        g->down_ns = g->next_ns;
        g->verdict = (struct verdict){.state = CHECK_UNAVAILABLE,
                                      .since_ns = g->down_ns,
                                      .failing_ns = g->down_ns - 2 * INTERVAL,
                                      .failed = true};
    }
}

static unsigned answering(const struct fleet *f)
{
    bool cut = f->cut_ns > 0 && f->now_ns > f->cut_ns + 15 * SECOND;
    return cut || f->witnesses_fail ? f->witnesses / 2 : f->witnesses;
}

/* The results since the last look. */
static void hear(struct fleet *f)
{
    if (f->cut_ns == 0 && f->alive[0] + f->alive[1] + answering(f) > 0)
        f->heard_ns = f->now_ns;
    for (unsigned i = 0; i < f->ngroups; i++) {
        struct group *g = &f->groups[i];
        struct verdict *v = &g->verdict;
        if (g->state == GROUP_RETURNING && f->now_ns >= g->answer_ns) {
            v->failed = v->proven = false;
            f->heard_ns = f->now_ns;
        } else if (g->state == GROUP_DOWN && f->now_ns >= f->known_ns) {
            v->failing_ns = v->failed ? v->failing_ns : f->now_ns;
            v->failed = true;
            verdict_prove(v, f->heard_ns);
        }
    }
}

/* ---- the book ---- */

static bool is_panic(double down, double hosts)
{
    return down >= 2 && ((down > 2 && down > 0.15 * hosts + 1e-9) || down > hosts / 2);
}

static void note_down(struct fleet *f)
{
    unsigned down = fleet_down(f), hosts = fleet_hosts(f);
    bool panic = is_panic(down, hosts);
    bool evidence = f->witnesses > 0 ? answering(f) * 2 > f->witnesses
                                     : f->heard_ns > 0 && f->now_ns <= f->heard_ns + MINUTE;

    if (panic && f->was_panic && evidence && f->was_evidence)
        f->used_ns += f->now_ns - f->seen_ns;
    bool first =
        !f->was_panic && (f->quiet_ns == 0 || f->now_ns + f->skew_ns - f->quiet_ns >= HOUR);
    bool wave = down > f->seen_down && is_panic(down - f->seen_down, hosts - f->seen_down);
    if (panic && (first || wave))
        f->used_ns = 0;
    f->npanics += panic && !f->was_panic;
    if (!panic && f->was_panic)
        f->quiet_ns = f->now_ns + f->skew_ns;
    f->seen_down = down;
    f->was_panic = panic;
    f->was_evidence = evidence;
    f->isolated = f->witnesses > 0 && !evidence;
    f->seen_ns = f->now_ns;
    if (panic != guard_panic(&f->guard))
        fault(f, "the guard has another panic");
}

static void book_budget(struct fleet *f, bool expiry)
{
    uint64_t real = f->now_ns + f->skew_ns, most = fleet_hosts(f) / 20, n = 1;

    for (unsigned long i = f->nremoved; i-- > 0 && f->nremoved - i <= REMOVALS_KEPT; n++) {
        uint64_t ago = real - f->removed[i % REMOVALS_KEPT].at_ns;
        if (ago > HOUR)
            break;
        if (ago < MINUTE)
            fault(f, "two removed within a minute");
    }
    if (n > (most > 1 ? most : 1))
        fault(f, "over the budget of an hour");
    f->removed[f->nremoved % REMOVALS_KEPT].at_ns = real;
    f->removed[f->nremoved++ % REMOVALS_KEPT].expiry = expiry;
}

static void book_removal(struct fleet *f, const struct group *g, bool terminated)
{
    if (f->isolated)
        fault(f, "removed in isolation");
    if (f->was_panic && !f->was_evidence)
        fault(f, "removed in panic without evidence");
    if (f->was_panic && f->used_ns < HOUR)
        fault(f, "removed in the first hour of a panic");
    /* One alone proves nothing, and waits for so long only. */
    if (g->cut && !g->exempt && f->seen_down > 1)
        fault(f, "removed one that we were cut off from");
    if (terminated || f->was_panic)
        book_budget(f, !terminated);
    f->nterminated += terminated;
    f->nexpired += !terminated;
}

/* ---- looks and removals ---- */

static uint64_t ends_ns(const struct fleet *f, const struct group *g)
{
    if (g->state == GROUP_LEAVING)
        return UINT64_MAX;
    uint64_t renewed = g->down_ns > f->lease_ns ? g->down_ns - f->lease_ns : 0;
    return g->check ? guard_check_ends_ns(&f->guard, &g->verdict, &f->spec)
                    : guard_lease_ends_ns(&f->guard, renewed, f->lease_ns);
}

static bool remove_one(struct fleet *f, struct group *g)
{
    unsigned hosts = fleet_hosts(f);

    if (g->n == 0 || ends_ns(f, g) > f->now_ns)
        return false;
    if ((g->check ? guard_may_terminate : guard_may_expire)(&f->guard, f->now_ns, hosts) !=
        GUARD_GO)
        return false;
    book_removal(f, g, g->check);
    if (g->check) {
        guard_terminated(&f->guard, f->now_ns);
        f->table_ns[f->nterminated % GUARD_REMOVALS] = f->now_ns;
    } else {
        guard_expired(&f->guard, f->now_ns);
    }
    g->n--;
    return true;
}

/* As far as we know. */
static unsigned available(const struct fleet *f)
{
    unsigned n = f->alive[1];

    for (unsigned i = 0; i < f->ngroups; i++) {
        const struct group *g = &f->groups[i];
        n += g->check && g->state == GROUP_LEAVING ? g->n : 0;
    }
    return n;
}

/* Whose lease is in its second half: they were given at most half of it until it ends. */
static unsigned late(const struct fleet *f)
{
    unsigned n = 0;

    for (unsigned i = 0; i < f->ngroups; i++) {
        const struct group *g = &f->groups[i];
        n += !g->check && g->state == GROUP_LEAVING ? g->n : 0;
    }
    return n;
}

static void look(struct fleet *f)
{
    notice(f);
    hear(f);
    const struct guard_facts facts = {.now_ns = f->now_ns,
                                      .hosts = fleet_hosts(f),
                                      .down = fleet_down(f),
                                      .witnesses = f->witnesses,
                                      .answering = answering(f),
                                      .heard_ns = f->heard_ns,
                                      .available = available(f),
                                      .late = late(f)};
    guard_look(&f->guard, &facts);
    note_down(f);
    for (unsigned i = 0; i < f->ngroups; i++) {
        while (remove_one(f, &f->groups[i]))
            ;
    }
    for (unsigned i = f->ngroups; i-- > 0;) {
        if (f->groups[i].n == 0)
            f->groups[i] = f->groups[--f->ngroups];
    }
    f->seen_down = fleet_down(f);
    f->nnote = guard_write(&f->guard, f->note);
    f->nlooks++;
}

/* Nothing happens before, but what the budget and the hour do. */
static uint64_t next_ns(struct fleet *f, uint64_t until_ns)
{
    bool waiting = f->was_panic;

    for (unsigned i = 0; i < f->ngroups; i++) {
        const struct group *g = &f->groups[i];
        uint64_t at = g->state == GROUP_DOWN ? ends_ns(f, g) : g->next_ns;
        if (at <= f->now_ns || at == UINT64_MAX)
            waiting = true;
        else if (at < until_ns)
            until_ns = at;
    }
    /* While nobody is heard nothing begins by itself. */
    uint64_t wait = f->was_evidence ? MINUTE - fleet_random(f, 30) * SECOND : 10 * MINUTE;
    return waiting && f->now_ns + wait < until_ns ? f->now_ns + wait : until_ns;
}

void fleet_run(struct fleet *f, uint64_t until_ns)
{
    look(f);
    while (f->now_ns < until_ns && !f->fault[0]) {
        f->now_ns = next_ns(f, until_ns);
        look(f);
    }
}

void fleet_start(struct fleet *f, uint64_t seed)
{
    *f = (struct fleet){.seed = seed, .random = seed};
    f->now_ns = fleet_random(f, 4) ? fleet_random(f, 1000 * HOUR) + 1 : 1;
    f->spec.deregister_after_s = (uint32_t)(10 + fleet_random(f, 600));
    f->lease_ns = (10 + fleet_random(f, fleet_random(f, 3) ? 600 : 7200)) * SECOND;
    guard_start(&f->guard);
    f->nnote = guard_write(&f->guard, f->note);
}
