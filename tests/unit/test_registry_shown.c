/* What DNS shows of the records: withdrawn, served, in maintenance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "save_kit.h"

#define ASSERT_SHOWN(k, name, expected)                                                            \
    assert_string_equal(regkit_shown(k, name, RRTYPE_A), expected)

/* The operation is no refusal, and seq and serial say whether it changed something. */
static void expect(struct regkit *k, bool changes, struct ask ask)
{
    uint64_t seq = regkit_seq(k);
    uint32_t serial = regkit_serial(k, 0);

    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_int_equal(k->receipt.changed, changes);
    assert_int_equal(regkit_seq(k), seq + changes);
    assert_int_equal(regkit_serial(k, 0), serial + changes);
}
#define CHANGES(k, ...) expect(k, true, WHAT(__VA_ARGS__))
#define NOTHING(k, ...) expect(k, false, WHAT(__VA_ARGS__))

static uint64_t add(struct regkit *k, const char *name, const char *id, const char *values)
{
    assert_int_equal(ASK(k, OP_REGISTER, name, .id = id, .values = values), 0);
    assert_int_equal(regkit_number(k, name, id), k->receipt.number);
    return k->receipt.number;
}

static void withdrawn_and_back(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "web", "a", "192.0.2.1|192.0.2.2"), b = add(k, "web", "b", "192.0.2.3");

    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a});
    ASSERT_SHOWN(k, "web", "30 192.0.2.2|192.0.2.3");
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.1|192.0.2.2|192.0.2.3");
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a});
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1|192.0.2.2|192.0.2.3", .numbers = {a, b});
    ASSERT_SHOWN(k, "web", "-");
    regkit_reopen(k);
    ASSERT_SHOWN(k, "web", "-");
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.1|192.0.2.2|192.0.2.3");
    CHANGES(k, OP_SERVE, "web", .values = "192.0.2.2|192.0.2.7");
    ASSERT_SHOWN(k, "web", "30 192.0.2.2");
    NOTHING(k, OP_SERVE, "web", .values = "192.0.2.2");
    NOTHING(k, OP_SERVE, "web", .values = "192.0.2.1", .numbers = {b});
    CHANGES(k, OP_SERVE, "web", .values = "192.0.2.1", .numbers = {a});
    CHANGES(k, OP_SERVE, "web", .values = "192.0.2.3");
    regkit_reopen(k);
    ASSERT_SHOWN(k, "web", "30 192.0.2.1|192.0.2.2|192.0.2.3");
    NOTHING(k, OP_SERVE, "web", .values = "192.0.2.3");
    NOTHING(k, OP_SERVE, "nobody", .values = "192.0.2.3");
    NOTHING(k, OP_WITHDRAW, "nobody", .values = "192.0.2.3", .numbers = {a});
}

/* Rule 6: who took the place of what was judged, or stands beside it, is not hit. */
static void only_what_was_judged_is_withdrawn(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "web", "a", "192.0.2.1|192.0.2.2"), b = add(k, "web", "b", "192.0.2.2");

    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.2", .numbers = {a});
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {b});
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.1");
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.9", .numbers = {a, b});
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1|192.0.2.2", .numbers = {a});
    ASSERT_SHOWN(k, "web", "30 192.0.2.2");
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.2", .numbers = {b, a});

    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
    uint64_t again = add(k, "web", "a", "192.0.2.1");
    assert_true(again > b);
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a, b});
    NOTHING(k, OP_DELETE, "web", .number = a);
    /* The same record, by hand: nobody has judged that. */
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.1"), 0);
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {again});
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1");
    ASSERT_SHOWN(k, "web", "-");
    CHANGES(k, OP_SERVE, "web", .values = "192.0.2.1");
}

static void the_last_record_can_be_kept(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "web", "a", "192.0.2.1"), b = add(k, "web", "b", "192.0.2.2");

    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a}, .keep_last = true);
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.2", .numbers = {b}, .keep_last = true);
    ASSERT_SHOWN(k, "web", "30 192.0.2.2");
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.2", .numbers = {b});
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.2", .numbers = {b}, .keep_last = true);
    ASSERT_SHOWN(k, "web", "-");
    CHANGES(k, OP_SERVE, "web", .values = "192.0.2.1|192.0.2.2");
    /* Both at once: one of them stays. */
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1|192.0.2.2", .numbers = {a, b},
            .keep_last = true);
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");

    /* One registration with two addresses is one host. */
    uint64_t one = add(k, "alone", "alone", "192.0.2.1|192.0.2.2");
    CHANGES(k, OP_WITHDRAW, "alone", .values = "192.0.2.1|192.0.2.2", .numbers = {one},
            .keep_last = true);
    ASSERT_SHOWN(k, "alone", "-");
}

static void the_apex_keeps_its_servers(void **state)
{
    struct regkit *k = *state;

    NOTHING(k, OP_WITHDRAW, "lab.example.", RRTYPE_NS, "ns1.lab.example.");
    assert_int_equal(ASK(k, OP_WITHDRAW, "lab.example.", RRTYPE_SOA, "a b 1 1 1 1 1"),
                     -BD_EINVALID);
    assert_int_equal(ASK(k, OP_REGISTER, "sub", RRTYPE_NS, "ns1.sub"), 0);
    CHANGES(k, OP_WITHDRAW, "sub", RRTYPE_NS, "ns1.sub", .numbers = {k->receipt.number});
    assert_string_equal(regkit_shown(k, "sub", RRTYPE_NS), "-");
}

static void operations_are_checked(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .id = NULL), -BD_EINVALID);
    assert_string_equal(k->problem.field, "value");
    assert_int_equal(ASK(k, OP_SERVE, "web", .id = NULL), -BD_EINVALID);
    assert_int_equal(ASK(k, OP_DRAIN, "web", .drain = true), -BD_EINVALID);
    assert_string_equal(k->problem.field, "number");
    assert_int_equal(ASK(k, OP_WITHDRAW, "web.example.", .values = "192.0.2.1"), -BD_ENOZONE);
}

static void what_goes_is_not_withdrawn_any_more(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "web", "a", "192.0.2.1|192.0.2.2");

    add(k, "web", "b", "192.0.2.3");
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1|192.0.2.2", .numbers = {a});
    CHANGES(k, OP_DELETE, "web", .values = "192.0.2.1");
    CHANGES(k, OP_DELETE, "web", .id = "a");
    ASSERT_SHOWN(k, "web", "30 192.0.2.3");
    uint64_t c = add(k, "web", "c", "192.0.2.1|192.0.2.2");
    ASSERT_SHOWN(k, "web", "30 192.0.2.1|192.0.2.2|192.0.2.3");

    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1|192.0.2.2", .numbers = {c});
    CHANGES(k, OP_PUT, "web", .values = "192.0.2.1|192.0.2.3");
    ASSERT_SHOWN(k, "web", "30 192.0.2.1|192.0.2.3");
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1");
    /* The same records: what changes is that DNS shows them all. */
    CHANGES(k, OP_PUT, "web", .values = "192.0.2.1|192.0.2.3");
    ASSERT_SHOWN(k, "web", "30 192.0.2.1|192.0.2.3");
    NOTHING(k, OP_PUT, "web", .values = "192.0.2.1|192.0.2.3");
}

/* Withdrawn and served in one change is no change. */
static void a_change_folds(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "web", "a", "192.0.2.1"), seq = regkit_seq(k);
    struct change *c = change_new(CHANGE_HEALTH, STR("health"));

    regkit_add(c, &WHAT(OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a}));
    regkit_add(c, &WHAT(OP_SERVE, "web", .values = "192.0.2.1"));
    assert_int_equal(regkit_submit(k, c), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(regkit_seq(k), seq);
    assert_int_equal(
        ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a}, .dry_run = true), 0);
    assert_true(k->receipt.changed);
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    assert_int_equal(regkit_seq(k), seq);
}

static void maintenance_begins_and_ends(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "web", "a", "192.0.2.1"), b = add(k, "web", "b", "192.0.2.2");

    NOTHING(k, OP_DRAIN, "web", .number = b + 1, .drain = true);
    NOTHING(k, OP_DRAIN, "web", .number = a);
    CHANGES(k, OP_DRAIN, "web", .number = a, .drain = true);
    ASSERT_SHOWN(k, "web", "5 192.0.2.1|192.0.2.2");
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.1|192.0.2.2");
    NOTHING(k, OP_DRAIN, "web", .number = a, .drain = true);
    regkit_reopen(k);
    ASSERT_SHOWN(k, "web", "5 192.0.2.1|192.0.2.2");
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a});
    /* Health does not end it, nor does a repeat. */
    NOTHING(k, OP_SERVE, "web", .values = "192.0.2.1");
    NOTHING(k, OP_SERVE, "web", .values = "192.0.2.1", .numbers = {a});
    NOTHING(k, OP_REGISTER, "web", .id = "a", .values = "192.0.2.1");
    assert_int_equal(k->receipt.number, a);
    ASSERT_SHOWN(k, "web", "5 192.0.2.2");
    /* In maintenance nobody expires. */
    NOTHING(k, OP_DELETE, "web", .number = a, .since_ns = UINT64_MAX);
    CHANGES(k, OP_DRAIN, "web", .number = a);
    ASSERT_SHOWN(k, "web", "30 192.0.2.2");
    CHANGES(k, OP_SERVE, "web", .values = "192.0.2.1");
    ASSERT_SHOWN(k, "web", "30 192.0.2.1|192.0.2.2");
    assert_int_equal(regkit_number(k, "web", "a"), a);
}

static void an_address_changed_in_maintenance_is_not_shown(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "web", "a", "192.0.2.1");

    add(k, "web", "b", "192.0.2.2");
    CHANGES(k, OP_DRAIN, "web", .number = a, .drain = true);
    /* Not withdrawn yet: resolvers still ask for it. */
    CHANGES(k, OP_REGISTER, "web", .id = "a", .values = "192.0.2.3");
    ASSERT_SHOWN(k, "web", "5 192.0.2.2|192.0.2.3");
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.3", .numbers = {a});
    CHANGES(k, OP_REGISTER, "web", .id = "a", .values = "192.0.2.4|192.0.2.2");
    assert_int_equal(regkit_number(k, "web", "a"), a);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.2|192.0.2.4");
    ASSERT_SHOWN(k, "web", "5 192.0.2.2");
    /* Who is not in maintenance shows what it asks for. */
    CHANGES(k, OP_REGISTER, "web", .id = "c", .values = "192.0.2.4");
    ASSERT_SHOWN(k, "web", "5 192.0.2.2|192.0.2.4");
}

/* ---- by hand ---- */

static void a_hand_neither_serves_nor_withdraws(void **state)
{
    static struct savekit s;
    struct regkit *k = &s.k;

    (void)state;
    savekit_start(&s);
    uint64_t a = add(k, "web", "a", "192.0.2.1|192.0.2.2");
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a});
    CHANGES(k, OP_WITHDRAW, "www", .values = "192.0.2.80");
    savekit_expect(&s, savekit_export(&s), SAVE_SAME);
    savekit_expect(&s, savekit_with(savekit_export(&s), "web 30 IN A 192.0.2.5"), SAVE_MERGED);
    ASSERT_SHOWN(k, "web", "30 192.0.2.2|192.0.2.5");
    char *without = savekit_without(savekit_export(&s), "192.0.2.80");
    savekit_expect(&s, without, SAVE_MERGED);
    ASSERT_SHOWN(k, "www", "60 192.0.2.81");
    /* What was deleted and comes again is another record. */
    savekit_expect(&s, savekit_with(savekit_export(&s), "www 60 IN A 192.0.2.80"), SAVE_MERGED);
    ASSERT_SHOWN(k, "www", "60 192.0.2.80|192.0.2.81");
    ASSERT_SHOWN(k, "web", "30 192.0.2.2|192.0.2.5");
    savekit_end(&s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, regkit_remove)

/* Three hosts, of which DNS shows the first one alone. */
static void one_is_shown(struct regkit *k, uint64_t number[3])
{
    static const char *const ids[] = {"a", "b", "c"};

    k->options.keep_last = true;
    regkit_reopen(k);
    for (unsigned i = 0; i < 3; i++) {
        char value[] = "192.0.2.1";
        value[8] = (char)('1' + i);
        number[i] = add(k, "web", ids[i], value);
    }
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.2|192.0.2.3",
            .numbers = {number[1], number[2]});
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
}

/* In one change: no resolver learns meanwhile that the name has no address. */
static void the_one_that_is_shown_leaves(void **state)
{
    struct regkit *k = *state;
    uint64_t number[3];

    one_is_shown(k, number);
    CHANGES(k, OP_DELETE, "web", .id = "a");
    ASSERT_SHOWN(k, "web", "30 192.0.2.2|192.0.2.3");
    /* Alone it is a host like any other. */
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.2|192.0.2.3",
            .numbers = {number[1], number[2]});
    CHANGES(k, OP_DELETE, "web", .number = number[1]);
    ASSERT_SHOWN(k, "web", "-");
}

static void one_that_is_not_shown_leaves(void **state)
{
    struct regkit *k = *state;
    uint64_t number[3];

    one_is_shown(k, number);
    CHANGES(k, OP_DELETE, "web", .id = "b");
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    CHANGES(k, OP_DELETE, "web", .values = "192.0.2.1");
    ASSERT_SHOWN(k, "web", "-");
}

static void maintenance_keeps_what_it_took(void **state)
{
    struct regkit *k = *state;
    uint64_t number[3];

    one_is_shown(k, number);
    CHANGES(k, OP_DRAIN, "web", .number = number[1], .drain = true);
    CHANGES(k, OP_DELETE, "web", .number = number[0]);
    ASSERT_SHOWN(k, "web", "5 192.0.2.3");
}

static void nothing_is_kept_where_told(void **state)
{
    struct regkit *k = *state;
    uint64_t number[3];

    one_is_shown(k, number);
    k->options.keep_last = false;
    regkit_reopen(k);
    CHANGES(k, OP_DELETE, "web", .id = "a");
    ASSERT_SHOWN(k, "web", "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(withdrawn_and_back),
        T(only_what_was_judged_is_withdrawn),
        T(the_last_record_can_be_kept),
        T(the_apex_keeps_its_servers),
        T(operations_are_checked),
        T(what_goes_is_not_withdrawn_any_more),
        T(a_change_folds),
        T(maintenance_begins_and_ends),
        T(an_address_changed_in_maintenance_is_not_shown),
        T(the_one_that_is_shown_leaves),
        T(one_that_is_not_shown_leaves),
        T(maintenance_keeps_what_it_took),
        T(nothing_is_kept_where_told),
        cmocka_unit_test(a_hand_neither_serves_nor_withdraws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
