/* The way back: what differs between the zone then and now becomes one change, which the committer
 * decides set by set like any other. */
#include <stdlib.h>

#include "history_impl.h"

#define ATTEMPTS 5

/* The RRsets of one zone in two snapshots, side by side. */
struct pair {
    struct snap_iter it[2];
    const struct rrset *at[2]; /* NULL: at the end of the zone */
    unsigned zone;
};

static void next_set(struct pair *p, unsigned side)
{
    unsigned zone = 0;

    p->at[side] = snap_next(&p->it[side], &zone);
    if (p->at[side] && zone != p->zone)
        p->at[side] = NULL;
}

static void start_pair(struct pair *p, unsigned zone, const struct snap *then,
                       const struct snap *now)
{
    const struct snap_key from = {.zone = zone, .owner = STR("")};

    p->zone = zone;
    snap_seek(then, from, &p->it[0]);
    snap_seek(now, from, &p->it[1]);
    next_set(p, 0);
    next_set(p, 1);
}

static int cmp_sets(const struct rrset *a, const struct rrset *b)
{
    return a && b ? set_cmp_keys(a, b) : a ? -1 : 1;
}

/* The next RRset of either; one that is only in one of them is NULL in the other. False at the
 * end. */
static bool next_pair(struct pair *p, const struct rrset **ret_then, const struct rrset **ret_now)
{
    int c = cmp_sets(p->at[0], p->at[1]);

    if (!p->at[0] && !p->at[1])
        return false;
    *ret_then = c <= 0 ? p->at[0] : NULL;
    *ret_now = c >= 0 ? p->at[1] : NULL;
    if (c <= 0)
        next_set(p, 0);
    if (c >= 0)
        next_set(p, 1);
    return true;
}

/* First what has to go: what comes may not stand beside it (CNAME). */
static int add_sets(struct change *c, struct pair p, bool deletions)
{
    const struct rrset *then, *now;
    int r = 0;

    while (r == 0 && next_pair(&p, &then, &now)) {
        const struct rrset *set = then ? then : now;
        if (then != now && deletions == !then && rrset_type(set) != RRTYPE_SOA)
            r = change_restore(c, p.zone, set, then);
    }
    return r;
}

struct rollback {
    struct registry *r;
    unsigned zone;
    struct str actor;
    uint64_t deadline_ns;
    struct snap *then;
};

static const struct rrset *find_soa(const struct snap *s, unsigned zone)
{
    return snap_find_name(s, zone, &snap_zone(s, zone)->origin, RRTYPE_SOA);
}

/* The SOA is the last operation, also where nothing differs: the receipt is of that zone. */
static int fill(const struct rollback *b, const struct snap *now, struct change *c)
{
    const struct rrset *soa = find_soa(b->then, b->zone);
    struct pair pair;

    start_pair(&pair, b->zone, b->then, now);
    int r = add_sets(c, pair, true);
    if (r == 0)
        r = add_sets(c, pair, false);
    return r < 0 ? r : change_restore(c, b->zone, soa, soa);
}

static int attempt(const struct rollback *b, const struct snap *now, struct receipt *ret_receipt,
                   struct problem *problem)
{
    struct change *c = change_new(CHANGE_ROLLBACK, b->actor);
    int r = c ? fill(b, now, c) : -ENOMEM;

    if (r == 0)
        r = registry_submit(b->r, c, b->deadline_ns, ret_receipt, problem);
    else
        problem_set(problem, r, NULL, "%s", bd_strerror(r));
    change_put(c);
    return r;
}

/* What was changed meanwhile may stand in the way; then it is seen by the next attempt. */
static int attempt_all(const struct rollback *b, struct receipt *ret_receipt,
                       struct problem *problem)
{
    struct snap *now = registry_snapshot(b->r);
    int r = attempt(b, now, ret_receipt, problem);

    for (unsigned i = 1; i < ATTEMPTS && (r == -BD_ECONFLICT || r == -BD_EINVALID); i++) {
        struct snap *next = registry_snapshot(b->r);
        bool same = snap_seq(next) == snap_seq(now);
        snap_put(now);
        now = next;
        if (same)
            break;
        r = attempt(b, now, ret_receipt, problem);
    }
    snap_put(now);
    return r;
}

static int say_kept(struct registry *r, struct problem *p)
{
    struct snap *now = registry_snapshot(r);
    uint64_t last = snap_seq(now), oldest = registry_oldest(r);

    snap_put(now);
    return problem_hint(p, "the changes %llu to %llu are kept", (unsigned long long)oldest,
                        (unsigned long long)last);
}

static int find_then(struct rollback *b, uint64_t seq, struct problem *p)
{
    char origin[DNAME_TEXT_MAX];

    int r = registry_at(b->r, seq, &b->then);
    if (r == -BD_ENOTFOUND) {
        problem_set(p, r, "seq", "there is no change %llu to go back to", (unsigned long long)seq);
        return say_kept(b->r, p);
    }
    if (r < 0)
        return problem_set(p, r, NULL, "the history cannot be read: %s", bd_strerror(r));
    if (find_soa(b->then, b->zone))
        return 0;
    dname_to_text(&b->r->origins[b->zone], origin);
    snap_put(b->then);
    problem_set(p, -BD_ENOTFOUND, "seq", "the zone '%.200s' was not there yet after change %llu",
                origin, (unsigned long long)seq);
    return say_kept(b->r, p);
}

int registry_rollback(struct registry *r, unsigned zone, uint64_t seq, struct str actor,
                      uint64_t deadline_ns, struct receipt *ret_receipt,
                      struct problem *ret_problem)
{
    struct rollback b = {.r = r, .zone = zone, .actor = actor, .deadline_ns = deadline_ns};
    struct problem problem = {0};
    int result;

    if (zone >= r->nzones)
        result = problem_set(&problem, -BD_ENOZONE, "zone", "there is no such zone");
    else
        result = find_then(&b, seq, &problem);
    if (result == 0) {
        result = attempt_all(&b, ret_receipt, &problem);
        snap_put(b.then);
    }
    if (result < 0 && ret_problem)
        *ret_problem = problem;
    return result;
}
