/* What is followed: record sets as the feed shows them, the registrations in them that have a
 * check or a lease, and the hosts that these are. */
#include <stdlib.h>

#include <betterdns/log.h>

#include "inner.h"

static bool is_address(uint16_t type)
{
    return type == RRTYPE_A || type == RRTYPE_AAAA;
}

/* ---- what somebody wants followed ---- */

/* Of addresses a rule may ask for a check, too. */
static bool reg_is_wanted(const struct registration *reg, bool has_rule)
{
    return reg->lease_s > 0 || reg->check.n > 0 || (reg->flags & REG_DRAINING) || has_rule;
}

bool follow_wants(void *engine, unsigned zone, const struct rrset *set)
{
    const struct engine *e = engine;
    struct registration reg;
    struct dname owner;

    if (rrset_withdrawn(set).count > 0)
        return true;
    for (size_t i = 0; i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (reg_is_wanted(&reg, false))
            return true;
    }
    if (e->options.nrules == 0 || !is_address(rrset_type(set)))
        return false;
    rrset_owner(set, &owner);
    return target_rule(e, zone, &owner, true) ||
           (rrset_nregs(set) > 0 && target_rule(e, zone, &owner, false));
}

/* ---- to find things ---- */

uint64_t follow_owner_hash(struct str owner_key)
{
    return table_hash(owner_key.p, owner_key.n);
}

struct set *engine_set(struct engine *e, unsigned zone, struct str owner_key, uint16_t type)
{
    uint64_t hash = follow_owner_hash(owner_key);

    for (struct table_link *at = NULL; (at = table_next(&e->sets, hash, at));) {
        struct set *s = TABLE_OF(at, struct set, link);
        if (s->zone == zone && rrset_type(s->rrset) == type &&
            str_eq(rrset_owner_key(s->rrset), owner_key))
            return s;
    }
    return NULL;
}

struct reg *engine_reg(struct engine *e, uint64_t number)
{
    for (struct table_link *at = NULL;
         (at = table_next(&e->regs, table_hash_number(number), at));) {
        struct reg *reg = TABLE_OF(at, struct reg, link);
        if (reg->number == number)
            return reg;
    }
    return NULL;
}

static uint64_t host_hash(struct str owner_key, struct str id)
{
    return table_hash_more(follow_owner_hash(owner_key), id.p, id.n);
}

struct host *engine_host(struct engine *e, struct str owner_key, struct str id)
{
    for (struct table_link *at = NULL;
         (at = table_next(&e->hosts, host_hash(owner_key, id), at));) {
        struct host *host = TABLE_OF(at, struct host, link);
        if (str_eq((struct str){host->text, host->nkey}, owner_key) &&
            str_eq((struct str){host->text + host->nkey, host->nid}, id))
            return host;
    }
    return NULL;
}

bool engine_registration(const struct reg *reg, struct registration *ret)
{
    const struct rrset *set = reg->set->rrset;
    size_t low = 0, high = rrset_nregs(set);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct registration r;
        rrset_reg(set, middle, &r);
        if (r.number == reg->number) {
            *ret = r;
            return true;
        }
        if (r.number < reg->number)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* ---- hosts ---- */

enum check_state reg_state(const struct reg *reg)
{
    enum check_state worst = reg->targets ? CHECK_AVAILABLE : CHECK_UNKNOWN;

    for (const struct target *t = reg->targets; t; t = t->next)
        if (check_state_is_worse(t->verdict.state, worst))
            worst = t->verdict.state;
    return worst;
}

static bool check_may_remove(const struct reg *reg)
{
    return reg->targets && reg->check->spec.deregister_after_s != CHECK_NEVER;
}

bool reg_has_failed(const struct reg *reg)
{
    if (!check_may_remove(reg))
        return false;
    for (const struct target *t = reg->targets; t; t = t->next)
        if (t->verdict.state != CHECK_UNAVAILABLE)
            return false;
    return true;
}

bool reg_is_down(const struct reg *reg)
{
    return !(reg->flags & REG_DRAINING) && (reg->overdue || reg_has_failed(reg));
}

/* Whom nobody would remove says nothing about a host. */
static bool host_is_down(const struct host *host)
{
    bool down = false;

    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host) {
        if (reg_is_down(reg))
            down = true;
        else if (!(reg->flags & REG_DRAINING) && (reg->lease_s > 0 || check_may_remove(reg)))
            return false;
    }
    return down;
}

static bool host_is_late(const struct host *host)
{
    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        if (reg->late && !(reg->flags & REG_DRAINING))
            return true;
    return false;
}

static void judge(struct engine *e, struct host *host)
{
    bool counted = false;

    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        counted |= reg->lease_s > 0 || reg->targets;
    bool down = counted && host_is_down(host), late = !down && host_is_late(host);
    e->nhosts = e->nhosts + counted - host->counted;
    e->ndown = e->ndown + down - host->down;
    e->nlate = e->nlate + late - host->late;
    host->counted = counted;
    host->down = down;
    host->late = late;
}

void engine_judge(struct engine *e, struct host *host)
{
    judge(e, host);
    removal_host_changed(e, host);
}

static struct host *host_get(struct engine *e, struct str owner_key, struct str id)
{
    struct host *host = engine_host(e, owner_key, id);

    if (host)
        return host;
    host = malloc(sizeof(*host) + owner_key.n + id.n);
    if (!host)
        return NULL;
    *host = (struct host){.nkey = (uint32_t)owner_key.n, .nid = (uint32_t)id.n};
    memcpy(host->text, owner_key.p, owner_key.n);
    if (id.n > 0)
        memcpy(host->text + owner_key.n, id.p, id.n);
    if (table_add(&e->hosts, &host->link, host_hash(owner_key, id)) == 0)
        return host;
    free(host);
    return NULL;
}

/* Without registrations it is no host. */
static void host_put(struct engine *e, struct host *host)
{
    if (host->regs) {
        engine_judge(e, host);
        return;
    }
    judge(e, host);
    removal_host_gone(e, host);
    table_remove(&e->hosts, &host->link);
    free(host);
}

static void host_leave(struct engine *e, struct reg *reg)
{
    struct reg **at = &reg->host->regs;

    while (*at != reg)
        at = &(*at)->next_of_host;
    *at = reg->next_of_host;
    host_put(e, reg->host);
}

/* ---- registrations ---- */

/* Its own check wins; one that cannot be read is none: what was stored was read before. */
static int reg_check(struct engine *e, const struct set *s, const struct registration *as,
                     struct check_text **ret)
{
    int r;

    if (as->check.n > 0) {
        r = check_text_get(e, as->check, ASKED_BY_HOST, ret);
        if (r != -BD_EINVALID)
            return r;
        log_error("a check that is stored cannot be read: it is not made",
                  LOG_UINT("registration", as->number), LOG_STR("check", as->check));
    }
    *ret = s->rule;
    if (s->rule)
        s->rule->refs++;
    return 0;
}

/* Lease, check, flags and targets as the registration now has them. */
static int reg_take(struct engine *e, struct reg *reg, const struct registration *as)
{
    struct check_text *check;
    int r = reg_check(e, reg->set, as, &check);

    if (r < 0)
        return r;
    local_reg(e, reg, false);
    check_text_put(e, reg->check);
    reg->check = check;
    e->nleases -= reg->lease_s > 0;
    e->nleases += as->lease_s > 0;
    reg->lease_s = as->lease_s;
    reg->flags = as->flags;
    local_reg(e, reg, true);
    r = targets_of_reg(e, reg, as);
    int leased = addresses_lease(e, reg, as);
    return r < 0 ? r : leased;
}

static void reg_drop(struct engine *e, struct reg **at)
{
    struct reg *reg = *at;

    leases_reg_gone(e, reg);
    drain_reg_gone(e, reg);
    targets_free(e, &reg->targets);
    addresses_lease(e, reg, NULL);
    notes_reg_gone(e, reg);
    local_reg(e, reg, false);
    e->nleases -= reg->lease_s > 0;
    *at = reg->next;
    table_remove(&e->regs, &reg->link);
    host_leave(e, reg);
    check_text_put(e, reg->check);
    free(reg);
}

static int reg_add(struct engine *e, struct set *s, const struct registration *as, struct reg **at)
{
    struct reg *reg = calloc(1, sizeof(*reg));

    if (!reg)
        return -ENOMEM;
    *reg = (struct reg){.number = as->number, .set = s};
    reg->host = host_get(e, rrset_owner_key(s->rrset), as->id);
    if (!reg->host || table_add(&e->regs, &reg->link, table_hash_number(reg->number)) < 0) {
        if (reg->host)
            host_put(e, reg->host);
        free(reg);
        return -ENOMEM;
    }
    reg->next_of_host = reg->host->regs;
    reg->host->regs = reg;
    reg->next = *at;
    *at = reg;
    int r = reg_take(e, reg, as);
    leases_reg_added(e, reg);
    drain_reg_added(e, reg);
    engine_judge(e, reg->host);
    return r;
}

static int reg_change(struct engine *e, struct reg *reg, const struct registration *as)
{
    const struct check_text *check = reg->check;
    uint32_t lease_s = reg->lease_s;
    uint8_t flags = reg->flags;
    int r = reg_take(e, reg, as);

    if (reg->check != check || reg->lease_s != lease_s || reg->flags != flags) {
        leases_reg_changed(e, reg);
        drain_reg_changed(e, reg);
    }
    engine_judge(e, reg->host);
    return r;
}

/* Both are in order of number. */
static int follow_regs(struct engine *e, struct set *s)
{
    struct reg **at = &s->regs;
    struct registration as;
    int r = 0;

    for (size_t i = 0; i < rrset_nregs(s->rrset); i++) {
        rrset_reg(s->rrset, i, &as);
        if (!reg_is_wanted(&as, s->rule != NULL))
            continue;
        while (*at && (*at)->number < as.number)
            reg_drop(e, at);
        int one =
            *at && (*at)->number == as.number ? reg_change(e, *at, &as) : reg_add(e, s, &as, at);
        if (one < 0)
            r = one;
        if (*at && (*at)->number == as.number)
            at = &(*at)->next;
    }
    while (*at)
        reg_drop(e, at);
    return r;
}

/* ---- sets ---- */

void follow_drop(struct engine *e, struct set *set)
{
    decide_forget(e, set);
    while (set->regs)
        reg_drop(e, &set->regs);
    targets_free(e, &set->hand);
    check_text_put(e, set->rule);
    check_text_put(e, set->hand_rule);
    table_remove(&e->sets, &set->link);
    rrset_put(set->rrset);
    free(set);
}

static int find_rule(struct engine *e, const struct set *s, bool hand, struct check_text **ret)
{
    struct dname owner;

    rrset_owner(s->rrset, &owner);
    const struct health_rule *rule = target_rule(e, s->zone, &owner, hand);
    return rule ? check_text_get(e, rule->check, ASKED_BY_RULE, ret) : 0;
}

static int set_new(struct engine *e, unsigned zone, const struct rrset *rrset, struct set **ret_set)
{
    struct set *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    *s = (struct set){.zone = zone, .rrset = rrset_ref(rrset)};
    int r = table_add(&e->sets, &s->link, follow_owner_hash(rrset_owner_key(rrset)));
    if (r < 0) {
        rrset_put(s->rrset);
        free(s);
        return r;
    }
    if (is_address(rrset_type(rrset))) {
        r = find_rule(e, s, false, &s->rule);
        if (r == 0)
            r = find_rule(e, s, true, &s->hand_rule);
    }
    if (r < 0) {
        follow_drop(e, s);
        return r;
    }
    *ret_set = s;
    return 0;
}

int follow_set(struct engine *e, unsigned zone, const struct rrset *after, struct str owner_key,
               uint16_t type)
{
    struct set *s = engine_set(e, zone, owner_key, type);
    int r = 0;

    if (!after || !follow_wants(e, zone, after)) {
        if (s)
            follow_drop(e, s);
        return 0;
    }
    if (s) {
        rrset_put(s->rrset);
        s->rrset = rrset_ref(after);
    } else {
        r = set_new(e, zone, after, &s);
        if (r < 0)
            return r;
    }
    r = follow_regs(e, s);
    int hand = targets_of_hand(e, s);
    engine_dirty(e, s);
    return r < 0 ? r : hand;
}
