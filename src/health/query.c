/* What other threads ask: short copies under the lock, callbacks without it. */
#include <stdlib.h>

#include "inner.h"

/* ---- the checks of one set, copied ---- */

struct copied {
    struct pool pool; /* of texts and transitions */
    struct health_check *checks;
    size_t n, cap;
};

/* A view of one text becomes a view of its copy. */
static void move(struct str *view, const char *from, const char *to)
{
    if (view->p && view->n > 0)
        view->p = to + (view->p - from);
}

static bool copy_spec(struct pool *pool, const struct check_text *from, struct check_spec *ret)
{
    const char *text = pool_copy(pool, from->text.p, from->text.n);

    if (!text)
        return false;
    *ret = from->spec;
    struct str *views[] = {&ret->url, &ret->host, &ret->path, &ret->body};
    for (size_t i = 0; i < ARRAY_SIZE(views); i++)
        move(views[i], from->text.p, text);
    return true;
}

static bool copy_transitions(struct pool *pool, const struct transitions *from,
                             struct health_check *to)
{
    struct health_transition *all;

    if (!from)
        return true;
    all = pool_array(pool, from->n, sizeof(*all));
    if (!all)
        return false;
    for (unsigned i = 0; i < from->n; i++) {
        const struct transition *one = &from->ring[(from->first + i) % from->n];
        struct str output = str_c(one->output);
        all[i] = (struct health_transition){
            .time = one->time,
            .from = (enum check_state)one->from,
            .to = (enum check_state)one->to,
            .output = {pool_copy(pool, output.p, output.n), output.n},
        };
        if (!all[i].output.p)
            return false;
    }
    to->transitions = all;
    to->ntransitions = from->n;
    return true;
}

static bool is_withdrawn(const struct target *t)
{
    const struct rrset *set = t->set->rrset;
    struct rdset withdrawn = rrset_withdrawn(set);
    struct registration as;

    if (withdrawn.count == 0)
        return false;
    if (t->naddress > 0)
        return rdset_has(rrset_type(set), &withdrawn, target_rdata(t));
    return t->reg && engine_registration(t->reg, &as) && rrset_reg_withdrawn(set, &as);
}

static bool copy_target(struct copied *c, const struct target *t, struct health_check *to)
{
    struct registration as = {.number = 0};

    if (t->reg)
        engine_registration(t->reg, &as);
    *to = (struct health_check){
        .zone = t->set->zone,
        .type = rrset_type(t->set->rrset),
        .number = as.number,
        .naddress = t->naddress,
        .by_rule = t->check->asker == ASKED_BY_RULE,
        .state = t->verdict.state,
        .withdrawn = is_withdrawn(t),
        .kept = t->kept,
        .draining = (as.flags & REG_DRAINING) != 0,
        .since = t->since,
        .last = {.time = t->heard, .ok = t->ok, .latency_ns = t->latency_ns},
    };
    rrset_owner(t->set->rrset, &to->owner);
    memcpy(to->address, t->address, sizeof(to->address));
    to->id = (struct str){pool_copy(&c->pool, as.id.p, as.id.n), as.id.n};
    to->last.output = (struct str){pool_copy(&c->pool, t->output, t->noutput), t->noutput};
    return to->id.p && to->last.output.p && copy_spec(&c->pool, t->check, &to->spec) &&
           copy_transitions(&c->pool, t->transitions, to);
}

static bool copy_list(struct copied *c, const struct target *list)
{
    for (const struct target *t = list; t; t = t->next) {
        if (c->n == c->cap) {
            size_t cap = c->cap ? 2 * c->cap : 4;
            struct health_check *checks = reallocarray(c->checks, cap, sizeof(*checks));
            if (!checks)
                return false;
            c->checks = checks;
            c->cap = cap;
        }
        if (!copy_target(c, t, &c->checks[c->n]))
            return false;
        c->n++;
    }
    return true;
}

/* By address, so that the order does not depend on how they came to be. */
static int by_address(const void *a, const void *b)
{
    const struct health_check *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return memcmp(x->address, y->address, sizeof(x->address));
}

static int copy_set(struct engine *e, unsigned zone, struct str owner_key, uint16_t type,
                    struct copied *c)
{
    bool ok = true;

    pthread_mutex_lock(&e->lock);
    const struct set *s = engine_set(e, zone, owner_key, type);
    if (s) {
        ok = copy_list(c, s->hand);
        for (const struct reg *reg = s->regs; ok && reg; reg = reg->next)
            ok = copy_list(c, reg->targets);
    }
    pthread_mutex_unlock(&e->lock);
    if (c->n > 1)
        qsort(c->checks, c->n, sizeof(*c->checks), by_address);
    return ok ? 0 : -ENOMEM;
}

/* ---- all of them, in order ---- */

/* The RRset is there for its owner and type. */
struct place {
    unsigned zone;
    struct rrset *rrset;
};

struct places {
    struct place *p;
    size_t n;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->zone != y->zone)
        return x->zone < y->zone ? -1 : 1;
    return rrset_key_cmp(rrset_owner_key(x->rrset), rrset_type(x->rrset), rrset_owner_key(y->rrset),
                         rrset_type(y->rrset));
}

static bool has_checks(const struct set *s)
{
    for (const struct reg *reg = s->regs; reg; reg = reg->next)
        if (reg->targets)
            return true;
    return s->hand != NULL;
}

static void add_place(struct places *places, const struct set *s)
{
    if (has_checks(s))
        places->p[places->n++] = (struct place){s->zone, rrset_ref(s->rrset)};
}

static int find_places(struct engine *e, const struct dname *owner, struct places *ret)
{
    uint8_t octets[DNAME_KEY_MAX];
    struct str key = {(const char *)octets, owner ? dname_key(owner, octets) : 0};
    struct table_link *at = NULL;

    *ret = (struct places){.p = NULL};
    pthread_mutex_lock(&e->lock);
    ret->p = reallocarray(NULL, e->sets.n + 1, sizeof(*ret->p));
    if (!ret->p) {
        pthread_mutex_unlock(&e->lock);
        return -ENOMEM;
    }
    if (!owner)
        while ((at = table_walk(&e->sets, at)))
            add_place(ret, TABLE_OF(at, struct set, link));
    else
        while ((at = table_next(&e->sets, follow_owner_hash(key), at)))
            if (str_eq(rrset_owner_key(TABLE_OF(at, struct set, link)->rrset), key))
                add_place(ret, TABLE_OF(at, struct set, link));
    pthread_mutex_unlock(&e->lock);
    if (ret->n > 1)
        qsort(ret->p, ret->n, sizeof(*ret->p), by_place);
    return 0;
}

static int each_of_set(struct engine *e, const struct place *place,
                       int (*fn)(void *arg, const struct health_check *check), void *arg)
{
    struct copied c = {.n = 0};
    int r = copy_set(e, place->zone, rrset_owner_key(place->rrset), rrset_type(place->rrset), &c);

    for (size_t i = 0; r == 0 && i < c.n; i++)
        r = fn(arg, &c.checks[i]);
    free(c.checks);
    pool_free(&c.pool);
    return r;
}

static void do_nothing(struct engine *e, void *arg)
{
    (void)e;
    (void)arg;
}

/* Whoever asks for a name may have registered it just now, and the thread has not heard of it yet.
 * Once it has ended it is as it was. */
static void hear(struct engine *e)
{
    (void)engine_call(e, do_nothing, NULL);
}

int health_each(struct health *h, const struct dname *owner,
                int (*fn)(void *arg, const struct health_check *check), void *arg)
{
    struct engine *e = &h->engine;
    struct places places;

    if (owner)
        hear(e);
    int r = find_places(e, owner, &places);

    for (size_t i = 0; i < places.n; i++) {
        if (r == 0)
            r = each_of_set(e, &places.p[i], fn, arg);
        rrset_put(places.p[i].rrset);
    }
    free(places.p);
    return r;
}

/* ---- one registration ---- */

static int64_t wall_clock(struct engine *e, uint64_t running_ns)
{
    int64_t now = clock_real_s();
    uint64_t running = engine_running_ns(e);

    if (running_ns >= running)
        return now + (int64_t)((running_ns - running) / NS_PER_S);
    return now - (int64_t)((running - running_ns) / NS_PER_S);
}

static bool is_kept(const struct reg *reg)
{
    bool kept = false;

    for (const struct target *t = reg->targets; t; t = t->next)
        kept |= t->kept;
    return kept;
}

bool health_registration(struct health *h, uint64_t number, struct health_registration *ret)
{
    struct engine *e = &h->engine;

    pthread_mutex_lock(&e->lock);
    const struct reg *reg = engine_reg(e, number);
    if (reg) {
        uint64_t expires = leases_expires_ns(e, reg);
        *ret = (struct health_registration){
            .has_check = reg->targets != NULL,
            .state = reg_state(reg),
            .draining = (reg->flags & REG_DRAINING) != 0,
            .expires = expires ? wall_clock(e, expires) : 0,
            .kept = is_kept(reg),
            .terminating = removal_terminating(reg->host),
        };
    }
    pthread_mutex_unlock(&e->lock);
    return reg != NULL;
}

/* ---- numbers ---- */

bool health_panic(struct health *h)
{
    struct engine *e = &h->engine;

    pthread_mutex_lock(&e->lock);
    bool panic = guard_panic(&e->guard);
    pthread_mutex_unlock(&e->lock);
    return panic;
}

void health_stats(struct health *h, struct health_stats *ret)
{
    struct engine *e = &h->engine;

    pthread_mutex_lock(&e->lock);
    *ret = (struct health_stats){
        .passed = e->in->passed,
        .failed = e->in->failed,
        .leases = e->nleases,
        .hosts = e->nhosts,
        .down = e->ndown,
        .panic = guard_panic(&e->guard),
        .isolated = guard_isolated(&e->guard),
        .witnesses = e->in->nwitnesses,
        .answering = witness_answering(e),
        .in_flight = e->in->in_flight,
        .late = e->in->late,
    };
    memcpy(ret->targets, e->nstate, sizeof(ret->targets));
    memcpy(ret->terminated, e->terminated, sizeof(ret->terminated));
    pthread_mutex_unlock(&e->lock);
}
