/* The way back, and what DNS shows: what comes back from the past is served, what lives stays as it
 * is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/history.h>

#include "history_kit.h"

#define ASSERT_SHOWN(k, expected) assert_string_equal(regkit_shown(k, "web", RRTYPE_A), expected)

static bool rollback(struct regkit *k, uint64_t seq)
{
    struct receipt receipt = {0};

    assert_int_equal(registry_rollback(k->r, 0, seq, STR("operator"), clock_deadline(60 * NS_PER_S),
                                       &receipt, &k->problem),
                     0);
    rrset_put(receipt.set);
    return receipt.changed;
}

static uint64_t add(struct regkit *k, const char *id, const char *value, uint32_t lease_s)
{
    assert_int_equal(
        ASK(k, OP_REGISTER, "web", .id = id, .values = value, .ttl = 30, .lease_s = lease_s), 0);
    return k->receipt.number;
}

/* 0: a hand's. */
static void withdraw(struct regkit *k, const char *value, uint64_t number)
{
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = value, .numbers = {number}), 0);
    assert_true(k->receipt.changed);
}

static void what_lives_stays_as_it_is(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "a", "192.0.2.1", 0), b = add(k, "b", "192.0.2.2", 300);
    uint64_t shown = regkit_seq(k);

    withdraw(k, "192.0.2.1", a);
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = b, .drain = true), 0);
    uint64_t hidden = regkit_seq(k);
    assert_false(rollback(k, shown));
    assert_int_equal(regkit_seq(k), hidden);
    add(k, "late", "192.0.2.3", 0);
    assert_true(rollback(k, shown));
    ASSERT_SHOWN(k, "5 192.0.2.2");
    assert_int_equal(ASK(k, OP_SERVE, "web", .values = "192.0.2.1"), 0);
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = b), 0);
    uint64_t last = regkit_seq(k);
    assert_false(rollback(k, hidden));
    assert_int_equal(regkit_seq(k), last);
    ASSERT_SHOWN(k, "30 192.0.2.1|192.0.2.2");
    assert_int_equal(regkit_number(k, "web", "a"), a);
}

static void what_comes_back_is_served(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "a", "192.0.2.1", 0), b = add(k, "b", "192.0.2.2", 300);
    uint64_t c = add(k, "c", "192.0.2.3", 0);

    withdraw(k, "192.0.2.1", a);
    withdraw(k, "192.0.2.2", b);
    withdraw(k, "192.0.2.3", c);
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = a, .drain = true), 0);
    uint64_t then = regkit_seq(k);
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "a"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "b"), 0);
    assert_true(rollback(k, then));
    /* b's lease is over: the record is the operator's own. c never went. */
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "c=192.0.2.3;a=192.0.2.1");
    assert_true(regkit_number(k, "web", "a") > c);
    assert_int_equal(regkit_number(k, "web", "c"), c);
    ASSERT_SHOWN(k, "30 192.0.2.1|192.0.2.2");
    assert_false(rollback(k, then));
    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
    assert_true(rollback(k, then));
    ASSERT_SHOWN(k, "30 192.0.2.1|192.0.2.2|192.0.2.3");
}

/* The record is the same, but who asks for it is not: the judgement was about somebody else. */
static void a_record_that_changes_hands_is_served(void **state)
{
    struct regkit *k = *state;

    add(k, "a", "192.0.2.1", 0);
    uint64_t registered = regkit_seq(k);
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.1"), 0);
    uint64_t by_hand = regkit_seq(k);
    withdraw(k, "192.0.2.1", 0);
    uint64_t hidden = regkit_seq(k);
    assert_false(rollback(k, by_hand));
    ASSERT_SHOWN(k, "-"); /* still the same hand's */
    assert_true(rollback(k, registered));
    ASSERT_SHOWN(k, "30 192.0.2.1");
    withdraw(k, "192.0.2.1", regkit_number(k, "web", "a"));
    assert_true(rollback(k, hidden));
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "");
    ASSERT_SHOWN(k, "30 192.0.2.1");
}

/* Past states show what was withdrawn then. */
static void the_past_knows_what_was_shown(void **state)
{
    struct regkit *k = *state;
    struct history_kept kept = {0};
    uint64_t a = add(k, "a", "192.0.2.1", 60);

    history_keep(&kept, k);
    withdraw(k, "192.0.2.1", a);
    history_keep(&kept, k);
    add(k, "a", "192.0.2.1", 60);
    history_keep(&kept, k);
    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
    history_keep(&kept, k);
    history_assert_kept(&kept, k);
    regkit_reopen(k);
    history_assert_kept(&kept, k);
    history_forget(&kept);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_lives_stays_as_it_is),
        T(what_comes_back_is_served),
        T(a_record_that_changes_hands_is_served),
        T(the_past_knows_what_was_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
