/* Registering, deleting, replacing, withdrawing, serving, maintenance, in any order: what holds
 * after each of them. Records are bits: 192.0.2.1 is the lowest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "history_kit.h"

#define RECORDS 4
#define IDS 3
#define STEPS 4000

struct reg {
    uint64_t number;
    unsigned id, asked;
    bool draining;
};

struct seen {
    uint64_t seq;
    uint32_t serial, ttl;
    unsigned all, withdrawn, served;
    struct reg regs[IDS];
    size_t nregs;
};

static unsigned bits_of(struct rdset set)
{
    const uint8_t *at = set.p;
    struct str rdata;
    unsigned bits = 0, n = 0;

    for (; rdset_next(&set, &at, &rdata); n++)
        bits |= 1U << ((unsigned char)rdata.p[3] - 1);
    assert_int_equal(n, set.count);
    return bits;
}

static void look_at_set(const struct rrset *set, struct seen *seen)
{
    struct registration reg;
    struct rdset served;
    uint8_t *bytes;

    seen->ttl = rrset_ttl(set);
    seen->all = bits_of(rrset_rdatas(set));
    seen->withdrawn = bits_of(rrset_withdrawn(set));
    assert_int_equal(rrset_served(set, &bytes, &served), 0);
    seen->served = bits_of(served);
    free(bytes);
    seen->nregs = rrset_nregs(set);
    for (size_t i = 0; i < seen->nregs; i++) {
        rrset_reg(set, i, &reg);
        seen->regs[i] = (struct reg){.number = reg.number,
                                     .id = (unsigned)(reg.id.p[0] - 'a'),
                                     .asked = bits_of(reg.asked),
                                     .draining = reg.flags & REG_DRAINING};
        bool hidden = (seen->regs[i].asked & ~seen->withdrawn) == 0;
        assert_int_equal(rrset_reg_withdrawn(set, &reg), hidden);
    }
}

static struct seen look(struct regkit *k)
{
    struct seen seen = {.seq = regkit_seq(k), .serial = regkit_serial(k, 0)};
    struct snap *s = registry_snapshot(k->r);
    struct dname owner;

    assert_int_equal(dname_from_text(STR("web.lab.example."), NULL, &owner, NULL), 0);
    const struct rrset *set = snap_find_name(s, 0, &owner, RRTYPE_A);
    if (set)
        look_at_set(set, &seen);
    snap_put(s);
    return seen;
}

static unsigned asked_by_others(const struct seen *s, const uint64_t numbers[3])
{
    unsigned bits = 0;

    for (size_t i = 0; i < s->nregs; i++)
        if (s->regs[i].number != numbers[0] && s->regs[i].number != numbers[1] &&
            s->regs[i].number != numbers[2])
            bits |= s->regs[i].asked;
    return bits;
}

static unsigned asked_by_anybody(const struct seen *s)
{
    return asked_by_others(s, (uint64_t[3]){0});
}

static const struct reg *find_id(const struct seen *s, unsigned id)
{
    for (size_t i = 0; i < s->nregs; i++)
        if (s->regs[i].id == id)
            return &s->regs[i];
    return NULL;
}

/* ---- one step ---- */

struct step {
    struct regkit *k;
    unsigned seed;
    uint64_t newest; /* the greatest number so far */
    struct ask ask;
    unsigned values, id;
    struct seen before, after;
};

static const char *text_of(unsigned bits)
{
    static char text[RECORDS * 12];
    size_t n = 0;

    for (unsigned i = 0; i < RECORDS; i++)
        if (bits & 1U << i)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s192.0.2.%u", n ? "|" : "", i + 1);
    return text;
}

/* A living registration's, or one that was. */
static uint64_t any_number(struct step *s)
{
    if (s->before.nregs > 0 && history_random(&s->seed, 4) > 0)
        return s->before.regs[history_random(&s->seed, (unsigned)s->before.nregs)].number;
    return 1 + history_random(&s->seed, (unsigned)s->newest + 1);
}

static void choose(struct step *s)
{
    static const enum op_kind kinds[] = {OP_REGISTER, OP_REGISTER, OP_REGISTER, OP_PUT,
                                         OP_DELETE,   OP_DELETE,   OP_WITHDRAW, OP_WITHDRAW,
                                         OP_WITHDRAW, OP_SERVE,    OP_SERVE,    OP_DRAIN};
    static const char *const ids[IDS] = {"a", "b", "c"};

    s->values = 1 + history_random(&s->seed, (1U << RECORDS) - 1);
    s->id = history_random(&s->seed, IDS);
    s->ask = WHAT(kinds[history_random(&s->seed, ARRAY_SIZE(kinds))], "web",
                  .values = text_of(s->values), .id = ids[s->id]);
    switch (s->ask.kind) {
    case OP_REGISTER: s->ask.lease_s = history_random(&s->seed, 4) ? 60 : 0; break;
    case OP_DELETE:
        if (history_random(&s->seed, 2))
            s->ask.number = any_number(s);
        if (history_random(&s->seed, 2))
            s->ask.values = NULL;
        if (s->ask.number || history_random(&s->seed, 3) == 0)
            s->ask.id = NULL;
        if (s->before.nregs == 0) /* nobody registers over what a hand has written */
            s->ask.id = s->ask.values = NULL;
        break;
    case OP_WITHDRAW:
        s->ask.keep_last = history_random(&s->seed, 2);
        for (unsigned i = history_random(&s->seed, 4); i-- > 0;)
            s->ask.numbers[i] = any_number(s);
        break;
    case OP_SERVE:
        if (history_random(&s->seed, 2))
            s->ask.numbers[0] = any_number(s);
        break;
    case OP_DRAIN:
        s->ask.number = any_number(s);
        s->ask.drain = history_random(&s->seed, 2);
        break;
    default: break;
    }
}

/* ---- what holds ---- */

static void check_withdraw(const struct step *s, unsigned left)
{
    unsigned registrants =
        (unsigned)s->before.nregs +
        (unsigned)__builtin_popcount(s->before.all & ~asked_by_anybody(&s->before));

    assert_int_equal(s->before.withdrawn & ~s->after.withdrawn, 0);
    assert_int_equal(left & ~s->values, 0);
    assert_int_equal(left & asked_by_others(&s->before, s->ask.numbers), 0);
    if (s->ask.numbers[0])
        assert_int_equal(left & ~asked_by_anybody(&s->before), 0);
    if (s->ask.keep_last && registrants > 1 && s->before.served)
        assert_int_not_equal(s->after.served, 0);
}

static void check_serve(const struct step *s, unsigned came)
{
    unsigned allowed = s->before.all & ~asked_by_anybody(&s->before);

    for (size_t i = 0; i < s->before.nregs; i++)
        if (!s->before.regs[i].draining)
            allowed |= s->before.regs[i].asked;
    assert_int_equal(came & ~(s->values & allowed), 0);
    if (!s->ask.numbers[0])
        assert_int_equal(s->after.withdrawn & s->values & allowed, 0);
}

static void check_register(const struct step *s)
{
    const struct reg *was = find_id(&s->before, s->id), *is = find_id(&s->after, s->id);

    if (!is) {
        fail_msg("%s is not registered", s->ask.id);
        return;
    }
    assert_int_equal(is->asked, s->values);
    assert_int_equal(s->k->receipt.number, is->number);
    bool drains = was && was->draining, anew = !drains && was && was->asked & s->before.withdrawn;
    assert_int_equal(is->draining, drains);
    if (!drains)
        assert_int_equal(is->asked & s->after.withdrawn, 0);
    if (!was || anew) {
        assert_true(s->k->receipt.created && is->number > s->newest);
        return;
    }
    assert_false(s->k->receipt.created);
    assert_int_equal(is->number, was->number);
}

/* Everybody that is there afterwards was there, or is new: nobody else's number has changed. */
static void check_others(const struct step *s)
{
    for (size_t i = 0; i < s->after.nregs; i++) {
        const struct reg *is = &s->after.regs[i], *was = find_id(&s->before, is->id);
        if (s->ask.kind == OP_REGISTER && is->id == s->id)
            continue;
        if (!was) {
            fail_msg("%c has appeared", 'a' + (int)is->id);
            return;
        }
        assert_int_equal(is->number, was->number);
        assert_int_equal(is->asked & ~was->asked, 0);
        if (s->ask.kind != OP_DRAIN)
            assert_int_equal(is->draining, was->draining);
    }
}

static bool means_nobody(const struct step *s)
{
    for (size_t i = 0; i < s->before.nregs; i++)
        if (s->before.regs[i].number == s->ask.number)
            return false;
    return s->ask.number > 0;
}

static bool is_same(const struct seen *a, const struct seen *b)
{
    bool same = a->ttl == b->ttl && a->all == b->all && a->withdrawn == b->withdrawn &&
                a->nregs == b->nregs;

    for (size_t i = 0; same && i < a->nregs; i++)
        same = a->regs[i].number == b->regs[i].number && a->regs[i].asked == b->regs[i].asked &&
               a->regs[i].draining == b->regs[i].draining;
    return same;
}

static void check(const struct step *s, int result)
{
    const struct seen *was = &s->before, *is = &s->after;
    bool moved = is->seq != was->seq;

    assert_int_equal(is->served | is->withdrawn, is->all);
    assert_int_equal(is->served & is->withdrawn, 0);
    assert_int_equal(is->seq, was->seq + moved);
    assert_int_equal(is->serial, was->serial + moved);
    assert_true(moved || is_same(was, is));
    if (s->ask.kind != OP_REGISTER) /* which also changes a lease */
        assert_int_equal(moved, !is_same(was, is));
    if (result < 0) {
        assert_false(moved);
        return;
    }
    assert_int_equal(s->k->receipt.changed, moved);
    if (means_nobody(s))
        assert_false(moved);
    if (s->ask.kind == OP_WITHDRAW)
        check_withdraw(s, is->withdrawn & ~was->withdrawn);
    else /* only a host in maintenance brings records along that are not shown */
        assert_int_equal(is->withdrawn & ~was->withdrawn & was->all, 0);
    if (s->ask.kind == OP_SERVE)
        check_serve(s, is->served & ~was->served);
    if (s->ask.kind == OP_REGISTER)
        check_register(s);
    if (s->ask.kind == OP_PUT)
        assert_int_equal(is->withdrawn, 0);
    check_others(s);
}

static void each_step_keeps_the_rules(void **state)
{
    struct step s = {.k = *state, .seed = 5};
    unsigned kinds[OP_NKINDS] = {0};

    s.after = look(s.k);
    for (unsigned i = 0; i < STEPS; i++) {
        s.before = s.after;
        choose(&s);
        int r = regkit_ask(s.k, &s.ask);
        if (i % 97 == 0)
            regkit_reopen(s.k); /* which reads what was written */
        s.after = look(s.k);
        check(&s, r);
        kinds[s.ask.kind] += s.after.seq != s.before.seq;
        for (size_t j = 0; j < s.after.nregs; j++)
            if (s.after.regs[j].number > s.newest)
                s.newest = s.after.regs[j].number;
    }
    for (unsigned i = 0; i < OP_NKINDS; i++)
        assert_true(kinds[i] > STEPS / 200); /* each of them did something now and then */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_step_keeps_the_rules, regkit_make_open, regkit_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
