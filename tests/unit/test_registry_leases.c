/* Registering with a lease and a check, and the sign of life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "save_kit.h"

#define CHECK "http://:8080/healthz"

/* The registration of web with this id. */
static struct registration find(struct regkit *k, const char *id, struct snap **ret_snap)
{
    struct registration reg = {0};
    struct dname owner;
    struct snap *s = registry_snapshot(k->r);

    assert_int_equal(dname_from_text(STR("web.lab.example."), NULL, &owner, NULL), 0);
    const struct rrset *set = snap_find_name(s, 0, &owner, RRTYPE_A);
    assert_non_null(set);
    for (size_t i = 0; i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (str_eq(reg.id, str_c(id)))
            break;
    }
    assert_true(str_eq(reg.id, str_c(id)));
    *ret_snap = s;
    return reg;
}

static void assert_terms(struct regkit *k, const char *id, uint32_t lease_s, const char *check)
{
    struct snap *s;
    struct registration reg = find(k, id, &s);

    assert_int_equal(reg.lease_s, lease_s);
    assert_int_equal(!reg.check.p, !check);
    assert_true(str_eq(reg.check, str_c(check)));
    assert_int_equal(reg.flags, 0);
    snap_put(s);
}

static void terms_are_kept_and_compared(void **state)
{
    struct regkit *k = *state;
    const struct ask ask =
        WHAT(OP_REGISTER, "web", .values = "192.0.2.1", .lease_s = 180, .check = CHECK);
    struct ask other = ask;

    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_true(k->receipt.created);
    uint64_t number = k->receipt.number;
    assert_int_equal(number, regkit_number(k, "web", "web"));
    regkit_reopen(k);
    assert_terms(k, "web", 180, CHECK);
    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_false(k->receipt.changed);
    assert_false(k->receipt.created);
    assert_int_equal(k->receipt.number, number);

    other.lease_s = 181;
    assert_int_equal(regkit_ask(k, &other), 0);
    assert_true(k->receipt.changed);
    assert_terms(k, "web", 181, CHECK);
    other.check = CHECK "/";
    assert_int_equal(regkit_ask(k, &other), 0);
    assert_true(k->receipt.changed);
    assert_terms(k, "web", 181, CHECK "/");
    other.check = NULL;
    assert_int_equal(regkit_ask(k, &other), 0);
    assert_true(k->receipt.changed);
    other.lease_s = 0;
    other.check = "";
    assert_int_equal(regkit_ask(k, &other), 0);
    assert_true(k->receipt.changed);
    assert_terms(k, "web", 0, NULL);
    assert_int_equal(regkit_ask(k, &other), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(regkit_number(k, "web", "web"), number);
}

static void a_dry_run_makes_no_number(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .dry_run = true), 0);
    assert_true(k->receipt.created);
    assert_int_equal(k->receipt.number, 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    uint64_t number = k->receipt.number;
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.2", .dry_run = true), 0);
    assert_int_equal(k->receipt.number, number);
    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
    assert_int_equal(k->receipt.number, 0);
}

static void a_lease_is_ten_seconds_at_least(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .lease_s = 9), -BD_EINVALID);
    assert_string_equal(k->problem.field, "lease");
    assert_string_equal(k->problem.detail, "a lease has 10 seconds at least, not 9");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .lease_s = 10), 0);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "3 192.0.2.1");
}

static void the_ttl_is_a_third_of_the_lease_at_most(void **state)
{
    struct regkit *k = *state;

    /* The zone's default, the set's, the one that was asked for. */
    assert_int_equal(ASK(k, OP_REGISTER, "web", .id = "a", .values = "192.0.2.1", .lease_s = 60),
                     0);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "20 192.0.2.1");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .id = "b", .values = "192.0.2.2", .lease_s = 30),
                     0);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "10 192.0.2.1|192.0.2.2");
    const struct ask ask =
        WHAT(OP_REGISTER, "web", .id = "c", .values = "192.0.2.3", .lease_s = 600, .ttl = 900);
    assert_int_equal(regkit_ask(k, &ask), 0);
    /* Others have a shorter one. */
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "10 192.0.2.1|192.0.2.2|192.0.2.3");
    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_false(k->receipt.changed); /* compared with what was asked, not with what it became */
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "a"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "b"), 0);
    assert_int_equal(
        ASK(k, OP_REGISTER, "web", .id = "c", .values = "192.0.2.3", .lease_s = 600, .ttl = 901),
        0);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "200 192.0.2.3");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .id = "d", .values = "192.0.2.4"), 0);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "200 192.0.2.3|192.0.2.4");
    assert_int_equal(ASK(k, OP_REGISTER, "far", .values = "192.0.2.4", .lease_s = UINT32_MAX), 0);
    assert_string_equal(regkit_records(k, "far", RRTYPE_A), "30 192.0.2.4");
}

/* ---- the sign of life ---- */

static void a_repeat_while_withdrawn_begins_anew(void **state)
{
    struct regkit *k = *state;
    const struct ask ask = WHAT(OP_REGISTER, "web", .id = "a", .values = "192.0.2.1|192.0.2.2",
                                .lease_s = 60, .check = CHECK);

    assert_int_equal(regkit_ask(k, &ask), 0);
    uint64_t old = k->receipt.number;
    assert_int_equal(ASK(k, OP_REGISTER, "web", .id = "b", .values = "192.0.2.3"), 0);
    uint64_t other = k->receipt.number;
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.1|192.0.2.2|192.0.2.3",
                         .numbers = {old, other}),
                     0);
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "-");
    uint64_t seq = regkit_seq(k);
    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_true(k->receipt.changed && k->receipt.created);
    assert_int_equal(regkit_seq(k), seq + 1);
    uint64_t number = k->receipt.number;
    assert_true(number > other);
    assert_int_equal(regkit_number(k, "web", "a"), number);
    assert_int_equal(regkit_number(k, "web", "b"), other);
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "20 192.0.2.1|192.0.2.2");
    assert_terms(k, "a", 60, CHECK);
    /* What was in flight against the old number comes to nothing. */
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {old}), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(ASK(k, OP_DELETE, "web", .number = old), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = old, .drain = true), 0);
    assert_false(k->receipt.changed);
    /* And it is just a repeat again. */
    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(k->receipt.number, number);
    regkit_reopen(k);
    assert_int_equal(regkit_number(k, "web", "a"), number);
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A),
                        "b=192.0.2.3;a=192.0.2.1,192.0.2.2");
}

/* Until the host asks for something else; one of two addresses is enough for a sign of life. */
static void a_hands_ttl_stays(void **state)
{
    static struct savekit s;
    struct regkit *k = &s.k;
    struct ask ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1|192.0.2.2", .lease_s = 60);

    (void)state;
    savekit_start(&s);
    assert_int_equal(regkit_ask(k, &ask), 0);
    uint64_t old = k->receipt.number;
    char *text = savekit_export(&s);
    text = savekit_replace(text, "web.lab.example. 20", "web.lab.example. 99");
    savekit_expect(&s, savekit_replace(text, "web.lab.example. 20", "web.lab.example. 99"),
                   SAVE_MERGED);
    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .id = "b", .values = "192.0.2.3"), 0);
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.2", .numbers = {old}), 0);
    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_true(k->receipt.number > old);
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "99 192.0.2.1|192.0.2.2|192.0.2.3");
    ask.values = "192.0.2.1";
    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "20 192.0.2.1|192.0.2.3");
    savekit_end(&s);
}

/* A reboot with a new address. */
static void a_changed_address_is_a_sign_of_life_too(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    uint64_t first = k->receipt.number;
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.2"), 0);
    assert_int_equal(k->receipt.number, first);
    assert_false(k->receipt.created);
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.2", .numbers = {first}), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.3"), 0);
    assert_true(k->receipt.created && k->receipt.number > first);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.3");
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "30 192.0.2.3");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .id = "b", .values = "192.0.2.2"), 0);
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "30 192.0.2.2|192.0.2.3");
}

/* Somebody else claims what was withdrawn: it was not judged. */
static void a_new_registration_is_served(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .id = "a", .values = "192.0.2.1"), 0);
    uint64_t a = k->receipt.number;
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a}), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .id = "b", .values = "192.0.2.1"), 0);
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "30 192.0.2.1");
    assert_int_equal(regkit_number(k, "web", "a"), a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(terms_are_kept_and_compared),
        T(a_dry_run_makes_no_number),
        T(a_lease_is_ten_seconds_at_least),
        T(the_ttl_is_a_third_of_the_lease_at_most),
        T(a_repeat_while_withdrawn_begins_anew),
        cmocka_unit_test(a_hands_ttl_stays),
        T(a_changed_address_is_a_sign_of_life_too),
        T(a_new_registration_is_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
