/* Lists of diffs: noted while a change is applied, taken back when it is refused, folded before it
 * is written. */
#include <stdlib.h>

#include <betterdns/error.h>

#include "ops.h"

int diffs_room(struct diffs *d)
{
    if (d->n < d->cap)
        return 0;
    size_t cap = d->cap ? 2 * d->cap : 2;
    struct diff *p = reallocarray(d->p, cap, sizeof(*p));
    if (!p)
        return -ENOMEM;
    d->p = p;
    d->cap = cap;
    return 0;
}

void diffs_add(struct diffs *d, unsigned zone, struct rrset *before, struct rrset *after)
{
    d->p[d->n] = (struct diff){.zone = zone, .before = before, .after = after, .order = d->n};
    d->n++;
}

static struct snap_key key_of(const struct diff *d)
{
    const struct rrset *set = d->after ? d->after : d->before;

    return (struct snap_key){d->zone, rrset_owner_key(set), rrset_type(set)};
}

int diffs_undo(const struct diffs *d, struct snap_edit *edit)
{
    for (size_t i = d->n; i-- > 0;) {
        const struct diff *diff = &d->p[i];
        int r = diff->before ? snap_edit_set(edit, diff->zone, rrset_ref(diff->before))
                             : snap_edit_delete(edit, key_of(diff));
        if (r < 0)
            return r;
    }
    return 0;
}

int set_cmp_keys(const struct rrset *a, const struct rrset *b)
{
    return rrset_key_cmp(rrset_owner_key(a), rrset_type(a), rrset_owner_key(b), rrset_type(b));
}

static int cmp_keys(const struct diff *a, const struct diff *b)
{
    if (a->zone != b->zone)
        return a->zone < b->zone ? -1 : 1;
    return set_cmp_keys(a->after ? a->after : a->before, b->after ? b->after : b->before);
}

static int cmp_diffs(const void *a, const void *b)
{
    const struct diff *da = a, *db = b;

    int c = cmp_keys(da, db);
    if (c != 0)
        return c;
    return da->order < db->order ? -1 : 1;
}

static bool same_text(struct str a, struct str b)
{
    return !a.p == !b.p && str_eq(a, b);
}

static bool same_bytes(struct rdset a, struct rdset b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool registration_same(const struct registration *a, const struct registration *b)
{
    return a->number == b->number && str_eq(a->id, b->id) && same_text(a->subject, b->subject) &&
           same_text(a->source, b->source) && a->created == b->created &&
           a->lease_s == b->lease_s && same_text(a->check, b->check) && a->flags == b->flags &&
           a->asked_ttl == b->asked_ttl && same_bytes(a->asked, b->asked);
}

int registrations_compare(const struct rrset *before, const struct rrset *after,
                          registration_fn *fn, void *arg)
{
    size_t nold = before ? rrset_nregs(before) : 0, nnew = after ? rrset_nregs(after) : 0;
    size_t i = 0, j = 0;
    struct registration old, new;
    int r = 0;

    while (r == 0 && (i < nold || j < nnew)) {
        if (i < nold)
            rrset_reg(before, i, &old);
        if (j < nnew)
            rrset_reg(after, j, &new);
        bool has_old = i < nold && (j == nnew || old.number <= new.number);
        bool has_new = j < nnew && (i == nold || new.number <= old.number);
        r = fn(arg, has_old ? &old : NULL, has_new ? &new : NULL);
        i += has_old;
        j += has_new;
    }
    return r;
}

static bool same_set(const struct rrset *a, const struct rrset *b)
{
    struct registration ra, rb;

    if (a == b)
        return true;
    if (!a || !b || rrset_ttl(a) != rrset_ttl(b) || rrset_nregs(a) != rrset_nregs(b) ||
        !same_bytes(rrset_rdatas(a), rrset_rdatas(b)) ||
        !same_bytes(rrset_withdrawn(a), rrset_withdrawn(b)))
        return false;
    for (size_t i = 0; i < rrset_nregs(a); i++) {
        rrset_reg(a, i, &ra);
        rrset_reg(b, i, &rb);
        if (!registration_same(&ra, &rb))
            return false;
    }
    return true;
}

/* n diffs of one RRset, in the order in which they were made, become one. */
static struct diff merge(struct diff *run, size_t n)
{
    struct diff whole = {.zone = run[0].zone, .before = run[0].before, .after = run[n - 1].after};

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            rrset_put(run[i].before);
        if (i < n - 1)
            rrset_put(run[i].after);
    }
    return whole;
}

void diffs_fold(struct diffs *d)
{
    size_t kept = 0, next;

    if (d->n < 2)
        return;
    qsort(d->p, d->n, sizeof(*d->p), cmp_diffs);
    for (size_t i = 0; i < d->n; i = next) {
        for (next = i + 1; next < d->n && cmp_keys(&d->p[i], &d->p[next]) == 0;)
            next++;
        struct diff whole = merge(&d->p[i], next - i);
        if (same_set(whole.before, whole.after)) {
            rrset_put(whole.before);
            rrset_put(whole.after);
            continue;
        }
        whole.order = kept;
        d->p[kept++] = whole;
    }
    d->n = kept;
}

void diffs_free(struct diffs *d)
{
    for (size_t i = 0; i < d->n; i++) {
        rrset_put(d->p[i].before);
        rrset_put(d->p[i].after);
    }
    free(d->p);
    *d = (struct diffs){0};
}
