/* What is to be checked: by rules of the configuration, and by registrations. */
#include <stdlib.h>

#include <betterdns/glob.h>

#include "inner.h"

#define WITNESS_TIMEOUT_MS 2000

/* ---- checks ---- */

/* A rule that is not for records written by hand does not match them. */
const struct health_rule *target_rule(const struct engine *e, unsigned zone,
                                      const struct dname *owner, bool hand)
{
    for (unsigned i = 0; i < e->options.nrules; i++) {
        const struct health_rule *rule = &e->options.rules[i];
        if ((rule->handwritten || !hand) &&
            glob_match_name(rule->pattern, owner, &e->in->origins[zone]))
            return rule;
    }
    return NULL;
}

static struct check_text *check_text_find(struct engine *e, uint64_t hash, struct str text,
                                          enum asker asker)
{
    for (struct table_link *at = NULL; (at = table_next(&e->checks, hash, at));) {
        struct check_text *c = TABLE_OF(at, struct check_text, link);
        if (c->asker == asker && str_eq(c->text, text))
            return c;
    }
    return NULL;
}

/* A rule ends a registration only where it says so (health.h); a witness that hangs is noticed
 * soon.
 */
static struct check_defaults defaults_for(const struct engine *e, enum asker asker)
{
    struct check_defaults defaults = e->options.defaults;

    if (asker != ASKED_BY_HOST)
        defaults.deregister_after_s = CHECK_NEVER;
    if (asker == ASKED_AS_WITNESS && defaults.timeout_ms > WITNESS_TIMEOUT_MS)
        defaults.timeout_ms = WITNESS_TIMEOUT_MS;
    return defaults;
}

int check_text_get(struct engine *e, struct str text, enum asker asker, struct check_text **ret)
{
    uint64_t hash = table_hash(text.p, text.n);
    struct check_text *c = check_text_find(e, hash, text, asker);
    struct check_defaults defaults = defaults_for(e, asker);
    int r;

    if (c) {
        c->refs++;
        *ret = c;
        return 0;
    }
    c = malloc(sizeof(*c) + text.n);
    if (!c)
        return -ENOMEM;
    *c = (struct check_text){.refs = 1, .asker = asker};
    memcpy(c + 1, text.p, text.n);
    c->text = (struct str){(const char *)(c + 1), text.n};
    r = check_parse(c->text, &defaults, &c->spec);
    if (r == 0)
        r = table_add(&e->checks, &c->link, hash);
    if (r < 0) {
        free(c);
        return r;
    }
    *ret = c;
    return 0;
}

void check_text_put(struct engine *e, struct check_text *text)
{
    if (!text || --text->refs > 0)
        return;
    table_remove(&e->checks, &text->link);
    free(text);
}

/* ---- targets ---- */

struct str target_rdata(const struct target *t)
{
    return (struct str){(const char *)t->address, t->naddress};
}

static void transitions_free(struct transitions *all)
{
    if (!all)
        return;
    for (unsigned i = 0; i < all->n; i++)
        free(all->ring[i].output);
    free(all);
}

void target_count(struct engine *e, const struct target *t, int by)
{
    e->nstate[t->verdict.state] += (unsigned)by;
    if (t->local && t->verdict.state == CHECK_AVAILABLE)
        e->local_available += (unsigned)by;
}

static void target_free(struct engine *e, struct target *t)
{
    schedule_remove(e, t);
    addresses_remove(e, t);
    notes_target_gone(e, t);
    target_count(e, t, -1);
    check_text_put(e, t->check);
    transitions_free(t->transitions);
    free(t->output);
    free(t);
}

void targets_free(struct engine *e, struct target **list)
{
    while (*list) {
        struct target *t = *list;
        *list = t->next;
        target_free(e, t);
    }
}

/* What DNS does not show and nothing is known of was withdrawn by an earlier run: it comes back
 * when it answers. */
static void first_verdict(struct engine *e, struct target *t)
{
    struct rdset withdrawn = rrset_withdrawn(t->set->rrset);

    /* What the book says of an earlier run may be as late as the beginning of this one. */
    t->down_ns = engine_running_ns(e) + 1;
    if (notes_read(e, t))
        return;
    verdict_start(&t->verdict, &t->check->spec, engine_running_ns(e));
    t->since = clock_real_s();
    if (e->in->starting && !(t->reg && (t->reg->flags & REG_DRAINING)) && t->naddress > 0 &&
        rdset_has(rrset_type(t->set->rrset), &withdrawn, target_rdata(t)))
        t->verdict.state = CHECK_UNAVAILABLE;
}

static int target_add(struct engine *e, struct set *s, struct reg *reg, struct check_text *check,
                      struct str address, struct target **list)
{
    struct target *t = calloc(1, sizeof(*t));

    if (!t || schedule_room(e) < 0) {
        free(t);
        return -ENOMEM;
    }
    *t = (struct target){
        .set = s,
        .reg = reg,
        .next = *list,
        .check = check,
        .place = TARGET_NOT_DUE,
        .naddress = (uint8_t)address.n,
    };
    if (address.n > 0)
        memcpy(t->address, address.p, address.n);
    if (addresses_add(e, t) < 0) {
        free(t);
        return -ENOMEM;
    }
    check->refs++;
    t->local = address.n > 0 ? local_has(e, address) : reg && reg->local;
    first_verdict(e, t);
    target_count(e, t, 1);
    *list = t;
    schedule_first(e, t);
    return 0;
}

static struct target **find(struct target **list, struct str address)
{
    while (*list && !str_eq(target_rdata(*list), address))
        list = &(*list)->next;
    return list;
}

/* One target a value that wanted takes, and no other; those that stay keep what they know. */
static int make(struct engine *e, struct set *s, struct reg *reg, struct check_text *check,
                const struct rdset *values, struct target **list)
{
    struct rdset there = rrset_rdatas(s->rrset);
    uint16_t type = rrset_type(s->rrset);
    struct target *old = *list;
    const uint8_t *at = values->p;
    struct str value;
    int r = 0;

    *list = NULL;
    while (rdset_next(values, &at, &value)) {
        if (!rdset_has(type, &there, value) || (!reg && set_is_asked(s->rrset, value)))
            continue;
        struct target **found = find(&old, value), *t = *found;
        if (t && t->check == check) {
            *found = t->next;
            t->next = *list;
            *list = t;
        } else if (target_add(e, s, reg, check, value, list) < 0) {
            r = -ENOMEM;
        }
    }
    targets_free(e, &old);
    return r;
}

bool set_is_asked(const struct rrset *set, struct str rdata)
{
    struct registration reg;

    for (size_t i = 0; i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (rdset_has(rrset_type(set), &reg.asked, rdata))
            return true;
    }
    return false;
}

/* Only hosts that speak for themselves, and commands, need no address. */
static int make_one(struct engine *e, struct reg *reg)
{
    struct target *t = reg->targets;

    if (t && t->check == reg->check)
        return 0;
    targets_free(e, &reg->targets);
    if (reg->check->spec.kind != CHECK_TTL && reg->check->spec.kind != CHECK_EXEC)
        return 0;
    return target_add(e, reg->set, reg, reg->check, STR(""), &reg->targets);
}

int targets_of_reg(struct engine *e, struct reg *reg, const struct registration *as)
{
    uint16_t type = rrset_type(reg->set->rrset);

    if (!reg->check) {
        targets_free(e, &reg->targets);
        return 0;
    }
    if (type != RRTYPE_A && type != RRTYPE_AAAA)
        return make_one(e, reg);
    return make(e, reg->set, reg, reg->check, &as->asked, &reg->targets);
}

int targets_of_hand(struct engine *e, struct set *set)
{
    struct rdset values = rrset_rdatas(set->rrset);

    if (set->hand_rule)
        return make(e, set, NULL, set->hand_rule, &values, &set->hand);
    return 0;
}
