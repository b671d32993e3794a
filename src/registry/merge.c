/* Merging a save: each record is decided by itself. Adding what is there, or removing what is not,
 * does nothing. Where both sides want what cannot stand together, the hand wins. */
#include "merge.h"

#include "draft.h"
#include "version.h"

#define TOO_MANY 20 /* deletions that are always fine; and a tenth of the records */

struct merging {
    struct apply *a;
    struct diffs *diffs;
    struct merge *m;
    struct problem *problem;
    struct pool pool;
    uint32_t follow; /* the serial that the author gave; 0: none */
};

static const struct rrset *find(const struct merging *g, struct str key, uint16_t type)
{
    return snap_edit_find(g->a->edit, (struct snap_key){g->m->zone, key, type});
}

static int no_memory(const struct merging *g)
{
    return problem_set(g->problem, -ENOMEM, NULL, "no memory");
}

/* ---- refusals: rule 7 ---- */

struct words {
    char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
};

static void blame(const struct merging *g, struct str key, uint16_t type, struct words *w)
{
    dname_from_key((const uint8_t *)key.p, key.n, &g->m->owner);
    g->m->type = type;
    dname_to_text(&g->m->owner, w->owner);
    rrtype_to_text(type, w->type);
}

static int registered_stays(const struct merging *g, const struct edit *e, uint16_t other)
{
    char type[RRTYPE_TEXT_MAX];
    struct words w;

    blame(g, e->key, e->type, &w);
    problem_set(g->problem, -BD_ECONFLICT, "name",
                "'%.100s' has registered %s records, beside which %s cannot stand", w.owner,
                rrtype_to_text(other, type), w.type);
    return problem_hint(g->problem, "this save has no valid marker, so it deletes no "
                                    "registered record; delete it by the API or edit the "
                                    "exported file");
}

static int too_large(const struct merging *g, const struct edit *e, uint32_t count)
{
    struct words w;

    blame(g, e->key, e->type, &w);
    return problem_set(g->problem, -BD_EINVALID, "value",
                       "%u records of type %s at '%.80s' do not fit into a DNS message of 64 KiB",
                       count, w.type, w.owner);
}

/* ---- one RRset ---- */

/* One without an id came out of a file, and nobody has claimed it. */
static bool is_claim(const struct registration *reg)
{
    return reg->id.n > 0;
}

static bool has_claims(const struct rrset *set)
{
    struct registration reg;

    for (size_t i = 0; i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (is_claim(&reg))
            return true;
    }
    return false;
}

static int put(struct merging *g, const struct edit *e, struct draft *d)
{
    if (d->rdatas.count == 0)
        return apply_delete(g->a, g->diffs, (struct snap_key){g->m->zone, e->key, e->type}) < 0
                   ? no_memory(g)
                   : 0;
    struct rrset *set = draft_make(d, e->key);
    if (!set || apply_set(g->a, g->diffs, g->m->zone, set) < 0)
        return no_memory(g);
    return 0;
}

/* Rule 3: what a registration asks for is not among what leaves. */
static int spare_claims(struct merging *g, const struct edit *e, const struct draft *d,
                        struct rdset *leaving)
{
    uint32_t count = leaving->count;

    for (size_t i = 0; i < d->nregs; i++)
        if (is_claim(&d->regs[i]) &&
            version_minus_set(&g->pool, e->type, leaving, &d->regs[i].asked, leaving) < 0)
            return no_memory(g);
    if (leaving->count < count)
        merge_note(g->m, e->key, e->type,
                   "is registered and stays, since the file had no valid marker");
    return 0;
}

static int end_claims(struct merging *g, const struct edit *e, struct draft *d,
                      const struct rdset *leaving)
{
    for (size_t i = d->nregs; i-- > 0;) {
        struct str id = d->regs[i].id;
        uint32_t count = d->regs[i].asked.count;
        if (draft_unask(d, i, leaving) < 0)
            return no_memory(g);
        if (d->regs[i].asked.count == count)
            continue;
        if (is_claim(&d->regs[i]))
            merge_note(g->m, e->key, e->type, "was registered by '%.*s', and deleted by hand",
                       STR_ARG(((struct str){id.p, id.n < 80 ? id.n : 80})));
        if (d->regs[i].asked.count == 0)
            draft_unregister(d, i);
    }
    return 0;
}

static int remove_records(struct merging *g, const struct edit *e)
{
    const struct rrset *set = find(g, e->key, e->type);
    struct rdset leaving = e->remove;
    struct draft d;

    if (!set || leaving.count == 0)
        return 0;
    int r = draft_start(&d, set, e->type, e->ttl) < 0 ? no_memory(g) : 0;
    if (r == 0 && g->m->spare)
        r = spare_claims(g, e, &d, &leaving);
    uint32_t count = d.rdatas.count;
    if (r == 0 && draft_remove(&d, &leaving) < 0)
        r = no_memory(g);
    if (r == 0 && d.rdatas.count < count) {
        r = end_claims(g, e, &d, &leaving);
        if (r == 0)
            r = put(g, e, &d);
    }
    draft_free(&d);
    return r;
}

/* What cannot stand beside the new set; NULL: nothing. */
static const struct rrset *rival(const struct merging *g, const struct edit *e)
{
    const struct rrset *other;
    size_t at = 0;

    while ((other = snap_edit_owner(g->a->edit, g->m->zone, e->key, &at))) {
        uint16_t type = rrset_type(other);
        if (type == e->type || rrtype_beside_cname(type))
            continue;
        if (e->type == RRTYPE_CNAME || type == RRTYPE_CNAME)
            return other;
    }
    return NULL;
}

/* The file is a zone, so rivals come from the other side: the hand wins. */
static int make_way(struct merging *g, const struct edit *e)
{
    const struct rrset *other;
    char type[RRTYPE_TEXT_MAX];

    if (rrtype_beside_cname(e->type))
        return 0;
    while ((other = rival(g, e))) {
        uint16_t code = rrset_type(other);
        if (g->m->spare && has_claims(other))
            return registered_stays(g, e, code);
        merge_note(g->m, e->key, code, "gave way to the %s records of the file",
                   rrtype_to_text(e->type, type));
        if (apply_delete(g->a, g->diffs, (struct snap_key){g->m->zone, e->key, code}) < 0)
            return no_memory(g);
    }
    return 0;
}

/* Of a type that a name has one record of: the author's. */
static int only_one(struct merging *g, const struct edit *e, const struct rrset *set,
                    struct draft *d)
{
    const struct rrtype *row = rrtype_by_code(e->type);

    if (!row || !(row->flags & RRTYPE_SINGLE) || d->rdatas.count < 2)
        return 0;
    if (g->m->spare && set && has_claims(set))
        return registered_stays(g, e, e->type);
    merge_note(g->m, e->key, e->type, "was another one, and gave way to the file's");
    d->rdatas = e->add;
    d->nregs = 0;
    return 0;
}

/* As an import does it. */
static int leave_unclaimed(struct merging *g, const struct edit *e, const struct dname *owner,
                           struct draft *d)
{
    struct registration reg = {
        .number = g->a->next_number,
        .id = STR(""),
        .source = STR("import"),
        .created = g->a->now,
        .asked_ttl = UINT32_MAX,
        .asked = e->add,
    };

    if (e->type == RRTYPE_NS && dname_eq(owner, &g->a->origins[g->m->zone]))
        return 0;
    if (draft_register(d, &reg) < 0)
        return no_memory(g);
    g->a->next_number++;
    return 0;
}

static int fill(struct merging *g, const struct edit *e, const struct rrset *set, struct draft *d)
{
    struct dname owner;

    if (set && e->has_ttl && d->ttl != e->ttl) {
        if (e->base_ttl != d->ttl)
            merge_note(g->m, e->key, e->type, "had a TTL of %u, and has the file's now", d->ttl);
        d->ttl = e->ttl;
    }
    if (draft_add(d, &e->add) < 0)
        return no_memory(g);
    int r = only_one(g, e, set, d);
    if (r < 0)
        return r;
    dname_from_key((const uint8_t *)e->key.p, e->key.n, &owner);
    if (rrset_message_size(&owner, &d->rdatas) > RRSET_MESSAGE_MAX)
        return too_large(g, e, d->rdatas.count);
    if (!set && g->m->unclaimed && leave_unclaimed(g, e, &owner, d) < 0)
        return -ENOMEM;
    return put(g, e, d);
}

static int add_records(struct merging *g, const struct edit *e)
{
    const struct rrset *set = find(g, e->key, e->type);
    struct rdset has = {0};
    struct draft d;

    if (set)
        has = rrset_rdatas(set);
    bool more = version_exceeds(e->type, &e->add, &has);
    bool ttl = set && e->has_ttl && rrset_ttl(set) != e->ttl;
    if (!more && !ttl)
        return 0;
    int r = set ? 0 : make_way(g, e);
    if (r < 0)
        return r;
    r = draft_start(&d, set, e->type, e->ttl) < 0 ? no_memory(g) : fill(g, e, set, &d);
    draft_free(&d);
    return r;
}

/* All of one owner: what leaves makes room for what comes. */
static int edit_owner(struct merging *g, const struct edit *e, size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = remove_records(g, &e[i]);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_records(g, &e[i]);
    return r;
}

static int edit_all(struct merging *g)
{
    const struct merge *m = g->m;
    int r = 0;

    for (size_t i = 0, n; r == 0 && i < m->nedits; i += n) {
        for (n = 1; i + n < m->nedits && str_eq(m->edits[i].key, m->edits[i + n].key);)
            n++;
        r = edit_owner(g, &m->edits[i], n);
    }
    return r;
}

/* ---- the SOA ---- */

/* A serial ahead by up to 2^31-1 is followed (RFC 1982), so that none has two contents. */
static void follow_serial(struct merging *g, struct str key, struct soa *soa)
{
    uint32_t wanted = g->m->soa.values.serial, used = g->a->used[g->m->zone];

    if (!(g->m->soa.fields & SOA_SERIAL))
        return;
    if (g->a->follow[g->m->zone] != 0)
        used = g->a->follow[g->m->zone];
    if (wanted != 0 && serial_gt(wanted, used))
        g->follow = soa->serial = wanted;
    else
        merge_note(g->m, key, RRTYPE_SOA,
                   "the serial %u is not ahead of the zone's, %u: it is not followed", wanted,
                   used);
}

static void set_fields(const struct soa_edit *e, struct soa *soa)
{
    if (e->fields & SOA_MNAME)
        soa->mname = e->values.mname;
    if (e->fields & SOA_RNAME)
        soa->rname = e->values.rname;
    if (e->fields & SOA_REFRESH)
        soa->refresh = e->values.refresh;
    if (e->fields & SOA_RETRY)
        soa->retry = e->values.retry;
    if (e->fields & SOA_EXPIRE)
        soa->expire = e->values.expire;
    if (e->fields & SOA_MINIMUM)
        soa->minimum = e->values.minimum;
}

static int edit_soa(struct merging *g, struct str key)
{
    const struct rrset *set = find(g, key, RRTYPE_SOA);
    const struct soa_edit *e = &g->m->soa;
    uint8_t bytes[2 + 2 * DNAME_MAX + 20];
    struct rdset old, new = {.p = bytes, .count = 1};
    struct soa soa;

    if (e->fields == 0 || !set)
        return 0;
    old = rrset_rdatas(set);
    if (soa_from_rdata(old.p + 2, old.n - 2U, &soa) < 0)
        return problem_set(g->problem, -BD_ECORRUPT, NULL, "the zone's SOA record is damaged");
    set_fields(e, &soa);
    follow_serial(g, key, &soa);
    size_t n = soa_to_rdata(&soa, bytes + 2);
    bytes[0] = (uint8_t)(n >> 8);
    bytes[1] = (uint8_t)n;
    new.n = (uint32_t)n + 2;
    uint32_t ttl = e->fields & SOA_TTL ? e->ttl : rrset_ttl(set);
    if (ttl == rrset_ttl(set) && new.n == old.n && memcmp(new.p, old.p, new.n) == 0)
        return 0;
    struct rrset *after = rrset_new_keyed(key, RRTYPE_SOA, ttl, &new, NULL, 0);
    if (!after || apply_set(g->a, g->diffs, g->m->zone, after) < 0)
        return no_memory(g);
    return 0;
}

static int edit_apex(struct merging *g)
{
    uint8_t bytes[DNAME_KEY_MAX];
    struct words w;
    struct str key = {(const char *)bytes, dname_key(&g->a->origins[g->m->zone], bytes)};

    int r = edit_soa(g, key);
    if (r < 0 || find(g, key, RRTYPE_NS))
        return r;
    blame(g, key, RRTYPE_NS, &w);
    return problem_set(g->problem, -BD_ECONFLICT, "name",
                       "zone '%.200s' would be left without a name server: the file deletes the "
                       "last one that the zone still has",
                       w.owner);
}

/* ---- the whole ---- */

/* Counts what really changes. *ret_gone: records that left without another one in their place. */
static int count(struct merging *g, size_t *ret_gone)
{
    *ret_gone = 0;
    for (size_t i = 0; i < g->diffs->n; i++) {
        const struct diff *d = &g->diffs->p[i];
        uint16_t type = rrset_type(d->after ? d->after : d->before);
        struct rdset before = {0}, after = {0}, gone, come;
        if (type == RRTYPE_SOA)
            continue;
        if (d->before)
            before = rrset_rdatas(d->before);
        if (d->after)
            after = rrset_rdatas(d->after);
        if (version_minus_set(&g->pool, type, &before, &after, &gone) < 0 ||
            version_minus_set(&g->pool, type, &after, &before, &come) < 0)
            return no_memory(g);
        g->m->added += come.count;
        g->m->deleted += gone.count;
        *ret_gone += gone.count > come.count ? gone.count - come.count : 0;
    }
    return 0;
}

/* Half a save is a valid zone (rule 6). */
static bool is_too_many(const struct merging *g, size_t gone)
{
    size_t records = snap_zone(g->a->before, g->m->zone)->nrecords;

    return g->m->limit && gone > TOO_MANY && gone > records / 10;
}

static int decide(struct merging *g, struct change *c)
{
    size_t gone = 0;

    int r = edit_all(g);
    if (r == 0)
        r = edit_apex(g);
    if (r == 0) {
        diffs_fold(g->diffs);
        r = count(g, &gone);
    }
    if (r < 0)
        return r;
    if (is_too_many(g, gone)) {
        g->m->verdict = SAVE_TOO_MANY;
        return 0;
    }
    g->m->verdict = g->diffs->n > 0 ? SAVE_MERGED : SAVE_SAME;
    c->receipt.changed = g->diffs->n > 0;
    if (g->follow != 0)
        g->a->follow[g->m->zone] = g->follow;
    return 0;
}

int merge_apply(struct apply *a, struct change *c)
{
    struct merging g = {.a = a, .diffs = &c->diffs, .m = c->merge, .problem = &c->problem};

    uint64_t number = a->next_number;
    int r = decide(&g, c);
    c->receipt.zone = g.m->zone;
    if (r < 0 || g.m->verdict == SAVE_TOO_MANY) {
        a->broken |= diffs_undo(&c->diffs, a->edit) < 0;
        diffs_free(&c->diffs);
        a->next_number = number;
    }
    pool_free(&g.pool);
    return r;
}
