/* What DNS is to show, from what is known of the hosts: compared with what it shows, and what
 * differs gathered into one change a zone. The committer looks at the registrations' numbers once
 * more, and whether they have renewed meanwhile; what it leaves alone comes back with the feed if
 * there is anything to decide anew. */
#include <stdlib.h>

#include <betterdns/lease.h>
#include <betterdns/log.h>
#include <betterdns/pause.h>

#include "inner.h"
#include "times.h"

/* The first decision waits for those that come with it; then one a second. */
#define GATHER_NS (200 * NS_PER_MS)
#define APART_NS NS_PER_S
#define BACKOFF_MOST_NS (10 * NS_PER_S)
#define VALUES_FEW 8

/* One record of a set. */
struct value {
    struct str rdata;
    uint64_t alive_ns; /* the last success of any of its checks */
    bool asked;        /* by a registration */
    bool shown;        /* DNS shows it */
    bool vouched;      /* somebody says that it is alive, or nobody says anything */
    bool drained;      /* all who ask for it are in maintenance, and the old TTL is over */
    bool wanted;       /* DNS is to show it */
};

/* A registration whose records are to be withdrawn. */
struct judged {
    uint64_t number, renewed_ns; /* as the book had it */
};

struct decision {
    struct job job;
    struct judged *judged;
    size_t njudged, judged_cap;
    unsigned n;
    struct change *changes[]; /* one a zone; NULL: none */
};

/* ---- when ---- */

static void unlink_dirty(struct engine *e, struct set *set)
{
    if (set->prev_dirty)
        set->prev_dirty->next_dirty = set->next_dirty;
    else
        e->in->dirty = set->next_dirty;
    if (set->next_dirty)
        set->next_dirty->prev_dirty = set->prev_dirty;
    set->prev_dirty = set->next_dirty = NULL;
    set->dirty = false;
}

/* The next decision, unless one is under way already. */
static void plan(struct engine_inner *in, uint64_t now_ns)
{
    uint64_t apart = in->decided_ns ? in->decided_ns + APART_NS : 0;

    if (in->deciding || in->decide_ns != NEVER)
        return;
    in->decide_ns = now_ns + GATHER_NS > apart ? now_ns + GATHER_NS : apart;
}

void engine_dirty(struct engine *e, struct set *set)
{
    if (!set->dirty) {
        set->dirty = true;
        set->next_dirty = e->in->dirty;
        if (e->in->dirty)
            e->in->dirty->prev_dirty = set;
        e->in->dirty = set;
    }
    plan(e->in, engine_mono_ns(e));
}

void decide_forget(struct engine *e, struct set *set)
{
    if (set->dirty)
        unlink_dirty(e, set);
}

/* ---- what ---- */

static struct target *find_target(struct target *list, struct str rdata)
{
    while (list && !str_eq(target_rdata(list), rdata))
        list = list->next;
    return list;
}

/* What a target says about its record. */
static bool is_alive(const struct target *t, struct value *v)
{
    if (t && t->alive_ns > v->alive_ns)
        v->alive_ns = t->alive_ns;
    return !t || t->verdict.state != CHECK_UNAVAILABLE;
}

/* Of a type without addresses one target speaks for all values. */
static struct target *target_for(const struct reg *reg, struct str rdata)
{
    if (reg->targets && reg->targets->naddress == 0)
        return reg->targets;
    return find_target(reg->targets, rdata);
}

/* One registration that asks for the record: does it vouch for it? reg NULL: it has no check, and
 * nobody can say that it is dead. */
static bool vouches(const struct reg *reg, struct value *v)
{
    if (!reg)
        return true;
    if (reg->drained)
        return false;
    return is_alive(target_for(reg, v->rdata), v);
}

static void look_at(const struct set *s, struct value *v)
{
    const struct reg *reg = s->regs;
    uint16_t type = rrset_type(s->rrset);
    struct registration as;
    bool drained = true;

    for (size_t i = 0; i < rrset_nregs(s->rrset); i++) {
        rrset_reg(s->rrset, i, &as);
        if (!rdset_has(type, &as.asked, v->rdata))
            continue;
        while (reg && reg->number < as.number)
            reg = reg->next;
        const struct reg *known = reg && reg->number == as.number ? reg : NULL;
        v->asked = true;
        v->vouched |= vouches(known, v);
        drained &= known && known->drained;
    }
    v->drained = v->asked && drained;
    if (!v->asked)
        v->vouched = is_alive(find_target(s->hand, v->rdata), v);
    v->wanted = v->vouched;
}

static struct value *last_alive(struct value *values, size_t n)
{
    struct value *best = NULL;

    for (size_t i = 0; i < n; i++) {
        struct value *v = &values[i];
        if (v->drained)
            continue;
        if (!best || v->alive_ns > best->alive_ns ||
            (v->alive_ns == best->alive_ns && v->shown && !best->shown))
            best = v;
    }
    return best;
}

/* A name with several registrants (a record that a hand has written is one) keeps the record that
 * was seen alive last; but what maintenance takes away is meant to go. */
static struct value *keep_last(const struct engine *e, const struct set *s, struct value *values,
                               size_t n)
{
    size_t registrants = rrset_nregs(s->rrset);

    for (size_t i = 0; i < n; i++) {
        if (values[i].wanted)
            return NULL;
        registrants += !values[i].asked;
    }
    if (!e->options.keep_last || registrants < 2)
        return NULL;
    struct value *kept = last_alive(values, n);
    if (kept)
        kept->wanted = true;
    return kept;
}

static void mark_kept(struct set *s, const struct value *kept)
{
    for (struct reg *reg = s->regs; reg; reg = reg->next)
        for (struct target *t = reg->targets; t; t = t->next)
            t->kept = kept && str_eq(target_rdata(t), kept->rdata);
    for (struct target *t = s->hand; t; t = t->next)
        t->kept = kept && str_eq(target_rdata(t), kept->rdata);
}

/* ---- signs of life ---- */

/* A host that has registered again since its check failed, and before its record was withdrawn: as
 * after that, the check starts again. What it repeated earlier, while the record stayed for another
 * reason, counts no longer than it would have kept the record then. */
static bool is_back(struct engine *e, const struct reg *reg, const struct target *t)
{
    const struct check_spec *spec = &t->check->spec;
    uint64_t each_ms = spec->kind == CHECK_TTL ? spec->ttl_ms : spec->interval_ms;
    uint64_t counts_ns = spec->fall * each_ms * NS_PER_MS + BACKOFF_MOST_NS;

    if (t->verdict.state != CHECK_UNAVAILABLE || reg->flags & REG_DRAINING)
        return false;
    uint64_t renewed = registry_renewed_ns(e->registry, reg->number);
    return renewed >= t->down_ns && times_since(renewed, engine_running_ns(e)) < counts_ns;
}

/* Of those who ask for a record that is about to go. */
static bool begin_anew(struct engine *e, const struct set *s, const struct value *v)
{
    uint16_t type = rrset_type(s->rrset);
    struct registration as;
    bool any = false;

    for (const struct reg *reg = s->regs; reg; reg = reg->next) {
        if (!engine_registration(reg, &as) || !rdset_has(type, &as.asked, v->rdata))
            continue;
        struct target *t = target_for(reg, v->rdata);
        if (!t || !is_back(e, reg, t))
            continue;
        target_anew(e, t);
        any = true;
    }
    return any;
}

/* ---- operations ---- */

/* Those who ask for the record; of them only who vouches, where only_vouching. */
static size_t numbers_of(const struct set *s, struct value v, bool only_vouching, uint64_t *ret)
{
    const struct reg *reg = s->regs;
    struct registration as;
    size_t n = 0;

    for (size_t i = 0; i < rrset_nregs(s->rrset); i++) {
        rrset_reg(s->rrset, i, &as);
        if (!rdset_has(rrset_type(s->rrset), &as.asked, v.rdata))
            continue;
        while (reg && reg->number < as.number)
            reg = reg->next;
        if (!only_vouching || vouches(reg && reg->number == as.number ? reg : NULL, &v))
            ret[n++] = as.number;
    }
    return n;
}

/* The running time of the last renewal among those who are judged. */
static int judge(const struct engine *e, struct decision *d, const uint64_t *numbers, size_t n,
                 uint64_t *ret_renewed_ns)
{
    uint64_t last = 0;

    if (d->judged_cap - d->njudged < n) {
        size_t cap = 2 * d->judged_cap + n;
        struct judged *judged = reallocarray(d->judged, cap, sizeof(*judged));
        if (!judged)
            return -ENOMEM;
        d->judged = judged;
        d->judged_cap = cap;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t renewed = registry_renewed_ns(e->registry, numbers[i]);
        d->judged[d->njudged++] = (struct judged){numbers[i], renewed};
        last = times_later(last, renewed);
    }
    *ret_renewed_ns = last;
    return 0;
}

/* Whoever renews after we have looked does so later than all who have renewed before. */
static int withdraw(const struct engine *e, struct decision *d, struct op *op)
{
    uint64_t last;
    int r = judge(e, d, op->numbers, op->nnumbers, &last);

    if (r == 0)
        op->not_renewed_since_ns = last + 1;
    return r;
}

static int add_op(const struct engine *e, struct decision *d, const struct set *s,
                  const struct value *v)
{
    uint64_t *numbers = reallocarray(NULL, rrset_nregs(s->rrset) + 1, sizeof(*numbers));
    struct op op = {
        .kind = v->wanted ? OP_SERVE : OP_WITHDRAW,
        .type = rrset_type(s->rrset),
        /* With the length that stands in front of it in the set. */
        .values = {(const uint8_t *)v->rdata.p - 2, (uint32_t)v->rdata.n + 2, 1},
        .numbers = numbers,
        .keep_last = !v->wanted && !v->drained && e->options.keep_last,
    };

    if (!numbers)
        return -ENOMEM;
    rrset_owner(s->rrset, &op.owner);
    op.nnumbers = numbers_of(s, *v, v->wanted && v->vouched, numbers);
    /* Maintenance takes away what lives, too. */
    int r = v->wanted || v->drained ? 0 : withdraw(e, d, &op);
    if (r == 0)
        r = change_add(d->changes[s->zone], &op);
    free(numbers);
    return r;
}

/* What comes back first: a set is never empty in between, and the committer keeps no other last
 * record than we. */
static int add_ops(const struct engine *e, struct decision *d, const struct set *s,
                   const struct value *values, size_t n)
{
    struct change **c = &d->changes[s->zone];

    for (int serve = 1; serve >= 0; serve--)
        for (size_t i = 0; i < n; i++) {
            if (values[i].wanted != serve || values[i].shown == values[i].wanted)
                continue;
            if (!*c)
                *c = change_new(CHANGE_HEALTH, STR("health"));
            int r = *c ? add_op(e, d, s, &values[i]) : -ENOMEM;
            if (r < 0)
                return r;
        }
    return 0;
}

/* What DNS is to show of the set. */
static void judge_values(struct engine *e, struct set *s, struct value *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        look_at(s, &values[i]);
    mark_kept(s, keep_last(e, s, values, n));
}

static bool hosts_are_back(struct engine *e, const struct set *s, const struct value *values,
                           size_t n)
{
    bool any = false;

    for (size_t i = 0; i < n; i++)
        if (values[i].shown && !values[i].wanted && !values[i].drained)
            any |= begin_anew(e, s, &values[i]);
    return any;
}

static int decide_set(struct engine *e, struct set *s, struct decision *d)
{
    struct rdset all = rrset_rdatas(s->rrset), withdrawn = rrset_withdrawn(s->rrset);
    struct value few[VALUES_FEW] = {0}, *values = few;
    const uint8_t *at = all.p;
    struct str rdata;
    size_t n = 0;

    if (all.count > VALUES_FEW)
        values = calloc(all.count, sizeof(*values));
    if (!values)
        return -ENOMEM;
    while (rdset_next(&all, &at, &rdata)) {
        struct value *v = &values[n++];
        v->rdata = rdata;
        v->shown = withdrawn.count == 0 || !rdset_has(rrset_type(s->rrset), &withdrawn, rdata);
    }
    judge_values(e, s, values, n);
    if (hosts_are_back(e, s, values, n))
        judge_values(e, s, values, n);
    int r = add_ops(e, d, s, values, n);
    if (values != few)
        free(values);
    return r;
}

/* ---- submitting ---- */

static void decision_run(struct job *job, struct registry *r)
{
    struct decision *d = (struct decision *)job;

    PAUSE_POINT("health: what DNS shows is about to change");
    jobs_submit(r, d->changes, d->n,
                "what health has decided could not be done now; it is tried again");
}

static void look_at_all_again(struct engine *e)
{
    struct engine_inner *in = e->in;
    uint64_t backoff = in->decide_backoff_ns ? 2 * in->decide_backoff_ns : APART_NS;

    for (struct table_link *at = NULL; (at = table_walk(&e->sets, at));)
        engine_dirty(e, TABLE_OF(at, struct set, link));
    in->decide_backoff_ns = backoff < BACKOFF_MOST_NS ? backoff : BACKOFF_MOST_NS;
    in->decide_ns = engine_mono_ns(e) + in->decide_backoff_ns;
}

/* The committer has withdrawn nothing of those who have renewed since we looked. */
static void look_at_renewed_again(struct engine *e, const struct decision *d)
{
    for (size_t i = 0; i < d->njudged; i++) {
        const struct judged *one = &d->judged[i];
        struct reg *reg = engine_reg(e, one->number);
        if (reg && registry_renewed_ns(e->registry, one->number) > one->renewed_ns)
            engine_dirty(e, reg->set);
    }
}

static void decision_free(struct decision *d)
{
    for (unsigned i = 0; i < d->n; i++)
        change_put(d->changes[i]);
    free(d->judged);
    free(d);
}

static void decision_done(struct job *job, struct engine *e)
{
    struct decision *d = (struct decision *)job;
    struct engine_inner *in = e->in;
    bool failed = false, stopped = job->stopped;

    in->deciding = NULL;
    for (unsigned i = 0; i < d->n; i++)
        failed |= d->changes[i] != NULL;
    look_at_renewed_again(e, d);
    decision_free(d);
    if (failed && !stopped)
        look_at_all_again(e);
    else
        in->decide_backoff_ns = 0;
    if (in->dirty)
        plan(in, engine_mono_ns(e));
}

static struct decision *gather(struct engine *e)
{
    struct engine_inner *in = e->in;
    struct decision *d = calloc(1, sizeof(*d) + in->nzones * sizeof(d->changes[0]));

    if (!d)
        return NULL;
    d->job = (struct job){.run = decision_run, .done = decision_done};
    d->n = in->nzones;
    while (in->dirty) {
        struct set *s = in->dirty;
        /* Without memory it stays in the list, to be looked at with the next decisions. */
        if (decide_set(e, s, d) < 0)
            break;
        unlink_dirty(e, s);
    }
    return d;
}

static bool is_empty(const struct decision *d)
{
    for (unsigned i = 0; i < d->n; i++)
        if (d->changes[i])
            return false;
    return true;
}

void decide_turn(struct engine *e, uint64_t now_ns)
{
    struct engine_inner *in = e->in;

    if (in->deciding || now_ns < in->decide_ns)
        return;
    in->decide_ns = NEVER;
    struct decision *d = gather(e);
    if (d && !is_empty(d)) {
        in->decided_ns = now_ns;
        in->deciding = d;
        engine_job(e, &d->job);
        return;
    }
    if (d) {
        in->decide_backoff_ns = 0;
        decision_free(d);
    }
    if (in->dirty)
        in->decide_ns = now_ns + APART_NS;
}
