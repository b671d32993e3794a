/* `zone accept` of a file that equals its base (rule 5): what people's files have changed since
 * then is undone, where the accepted file shows it the other way round. Registrations stay. */
#include <betterdns/history.h>

#include "base.h"
#include "merge.h"

struct undoing {
    struct saving *s;
    /* In the order of their changes, until they are folded. */
    struct version added, deleted; /* by files */
    struct version touched;        /* sets whose TTL they changed */
    bool soa;
};

static struct version_set view(const struct rrset *set)
{
    return (struct version_set){rrset_owner_key(set), rrset_type(set), rrset_ttl(set),
                                rrset_rdatas(set)};
}

/* The records of x that y has not, at the list's end. */
static int append(struct pool *p, const struct version_set *x, const struct rdset *y,
                  struct version *list)
{
    struct version_set set = *x;

    int r = version_minus_set(p, x->type, &x->rdatas, y, &set.rdatas);
    if (r < 0 || set.rdatas.count == 0)
        return r;
    /* The change that it is a view of will not outlive this call. */
    set.key.p = pool_copy(p, set.key.p, set.key.n);
    set.rdatas.p = pool_copy(p, set.rdatas.p, set.rdatas.n);
    return set.key.p && set.rdatas.p ? version_add(p, list, &set) : -ENOMEM;
}

static int collect_diff(struct undoing *u, const struct history_diff *d)
{
    const struct rdset none = {0};
    struct version_set before = view(d->before ? d->before : d->after);
    struct version_set after = view(d->after ? d->after : d->before);
    struct pool *p = &u->s->pool;

    if (after.type == RRTYPE_SOA) {
        u->soa = true;
        return 0;
    }
    int r = d->after ? append(p, &after, d->before ? &before.rdatas : &none, &u->added) : 0;
    if (r == 0 && d->before)
        r = append(p, &before, d->after ? &after.rdatas : &none, &u->deleted);
    if (r == 0 && before.ttl != after.ttl)
        r = append(p, &after, &none, &u->touched);
    return r;
}

static int collect(void *arg, const struct history_change *c)
{
    struct undoing *u = arg;
    int r = 0;

    if (!str_eq(str_c(c->source), str_c(change_source_name(CHANGE_FILE))))
        return 0;
    for (size_t i = 0; r == 0 && i < c->ndiffs; i++)
        r = collect_diff(u, &c->diffs[i]);
    return r;
}

/* One edit for each set that files have touched: x what they added, y what they deleted. */
static int undo_pair(void *arg, const struct version_set *x, const struct version_set *y)
{
    struct undoing *u = arg;
    const struct version_set *any = x ? x : y;
    const struct version_set *file = version_find(&u->s->file, any->key, any->type);
    struct edit e = {.key = any->key, .type = any->type, .ttl = file ? file->ttl : any->ttl};
    struct rdset added = version_records(x), deleted = version_records(y);
    struct rdset has = version_records(file), lacks;
    struct pool *p = &u->s->pool;

    e.base_ttl = e.ttl;
    e.has_ttl = file && version_find(&u->touched, any->key, any->type);
    if (version_minus_set(p, any->type, &added, &has, &e.remove) < 0 ||
        version_minus_set(p, any->type, &deleted, &has, &lacks) < 0 ||
        version_minus_set(p, any->type, &deleted, &lacks, &e.add) < 0)
        return -ENOMEM;
    if (!e.has_ttl && e.add.count == 0 && e.remove.count == 0)
        return 0;
    return merge_add(u->s->change, &e);
}

/* Sets of which only the TTL was touched. */
static int undo_ttl(void *arg, const struct version_set *x, const struct version_set *y)
{
    struct undoing *u = arg;
    const struct version_set *file = x && !y ? version_find(&u->s->file, x->key, x->type) : NULL;

    if (!file)
        return 0;
    struct edit e = {.key = x->key, .type = x->type, .ttl = file->ttl, .has_ttl = true};
    e.base_ttl = file->ttl;
    return merge_add(u->s->change, &e);
}

static void undo_soa(struct undoing *u)
{
    struct soa_edit *e = &u->s->change->merge->soa;

    for (size_t i = 0; u->soa && i < u->s->file.n; i++) {
        const struct version_set *set = &u->s->file.p[i];
        if (set->type != RRTYPE_SOA ||
            soa_from_rdata(set->rdatas.p + 2, set->rdatas.n - 2U, &e->values) < 0)
            continue;
        e->fields = SOA_ALL;
        e->ttl = set->ttl;
    }
}

int accept_undo(struct saving *s, uint64_t since)
{
    struct undoing u = {.s = s};
    struct pool *p = &s->pool;
    struct version both;
    const struct history_filter filter = {.since = since, .zone = s->save->zone};

    s->change->merge->spare = true;
    int r = registry_history(s->r, &filter, collect, &u);
    if (r < 0)
        return problem_set(s->problem, r == -ENOMEM ? r : -BD_EREADONLY, NULL,
                           "the history of the zone cannot be read: %s", bd_strerror(r));
    undo_soa(&u);
    r = version_fold(p, &u.added, &u.added);
    if (r == 0)
        r = version_fold(p, &u.deleted, &u.deleted);
    if (r == 0)
        r = version_fold(p, &u.touched, &u.touched);
    if (r == 0)
        r = version_walk(&u.added, &u.deleted, undo_pair, &u);
    if (r == 0)
        r = version_union(p, &u.added, &u.deleted, &both);
    return r < 0 ? r : version_walk(&u.touched, &both, undo_ttl, &u);
}
