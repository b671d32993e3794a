/* What changes do to records and registrations, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "registry_kit.h"

static int start(void **state)
{
    static struct regkit kit;

    regkit_start(&kit);
    *state = &kit;
    if (regkit_open(&kit) < 0)
        fail_msg("%s", kit.problem.detail);
    return 0;
}

#define RECORDS(name, text) assert_string_equal(regkit_records(k, name, RRTYPE_A), text)
#define REGS(name, text) assert_string_equal(regkit_registrations(k, name, RRTYPE_A), text)

static void a_made_zone_has_soa_and_ns(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(regkit_serial(k, 0), 1);
    assert_string_equal(regkit_records(k, "@", RRTYPE_NS), "30 ns1.lab.example.");
    RECORDS("ns1", "30 127.0.0.1");
    assert_string_equal(regkit_records(k, "@", RRTYPE_SOA),
                        "30 ns1.lab.example. hostmaster.lab.example. 1 3600 600 1209600 10");
}

static void a_registration_is_durable(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "Web", .values = "192.0.2.1"), 0);
    assert_true(k->receipt.changed && k->receipt.created);
    assert_int_equal(k->receipt.serial, 2);
    assert_int_equal(k->receipt.seq, regkit_seq(k));
    assert_non_null(k->receipt.set);
    regkit_reopen(k);
    RECORDS("web", "30 192.0.2.1");
    REGS("web", "web=192.0.2.1");
    assert_int_equal(regkit_serial(k, 0), 2);
}

/* ---- register ---- */

static void a_repeat_changes_nothing(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1|192.0.2.2", .ttl = 60), 0);
    uint64_t seq = k->receipt.seq, number = regkit_number(k, "web", "web");
    assert_int_equal(ASK(k, OP_REGISTER, "WEB", .values = "192.0.2.2|192.0.2.1", .ttl = 60), 0);
    assert_false(k->receipt.changed || k->receipt.created);
    assert_int_equal(k->receipt.seq, seq);
    assert_int_equal(k->receipt.serial, 2);
    assert_int_equal(regkit_serial(k, 0), 2);
    assert_int_equal(regkit_number(k, "web", "web"), number);
    /* The same id by another way of writing it. */
    assert_int_equal(
        ASK(k, OP_REGISTER, "web", .values = "192.0.2.1|192.0.2.2", .id = "web", .ttl = 60), 0);
    assert_false(k->receipt.changed);
}

static void other_values_replace_ones_own_only(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1|192.0.2.9", .id = "a"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.2|192.0.2.9", .id = "b"), 0);
    assert_true(k->receipt.created);
    uint64_t number = regkit_number(k, "web", "a");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.3", .id = "a"), 0);
    assert_true(k->receipt.changed);
    assert_false(k->receipt.created);
    assert_int_equal(regkit_number(k, "web", "a"), number);
    RECORDS("web", "30 192.0.2.2|192.0.2.3|192.0.2.9");
    REGS("web", "a=192.0.2.3;b=192.0.2.2,192.0.2.9");
    regkit_reopen(k);
    REGS("web", "a=192.0.2.3;b=192.0.2.2,192.0.2.9");
}

static void a_ttl_is_kept_until_another_is_asked_for(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .ttl = 5), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.2", .id = "b"), 0);
    RECORDS("web", "5 192.0.2.1|192.0.2.2");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .ttl = 7), 0);
    assert_true(k->receipt.changed);
    RECORDS("web", "7 192.0.2.1|192.0.2.2");
    /* Not asking for a TTL is another request than asking for one, but it moves none. */
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    assert_true(k->receipt.changed);
    RECORDS("web", "7 192.0.2.1|192.0.2.2");
}

static void what_nobody_registered_is_not_taken_over(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "ns1", .values = "192.0.2.1"), -BD_ECONFLICT);
    assert_string_equal(k->problem.field, "name");
    assert_string_equal(k->problem.hint, "");
    assert_non_null(strstr(k->problem.detail, "PUT replaces them"));
    RECORDS("ns1", "30 127.0.0.1");
}

/* ---- put ---- */

static void put_replaces_and_ends_registrations(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.1"), -BD_ENOTFOUND);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .ttl = 9), 0);
    uint64_t number = regkit_number(k, "web", "web");
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.1"), 0);
    assert_true(k->receipt.changed); /* the registration ended */
    RECORDS("web", "9 192.0.2.1");
    REGS("web", "");
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.1"), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.4", .ttl = 8), 0);
    RECORDS("web", "8 192.0.2.4");
    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
    regkit_reopen(k);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    assert_true(regkit_number(k, "web", "web") > number);
}

/* ---- delete ---- */

static void delete_by_id_leaves_the_others(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_DELETE, "web"), -BD_ENOTFOUND);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1|192.0.2.9", .id = "a"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.2|192.0.2.9", .id = "b"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "c"), -BD_ENOTFOUND);
    assert_string_equal(k->problem.field, "id");
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "a"), 0);
    RECORDS("web", "30 192.0.2.2|192.0.2.9");
    REGS("web", "b=192.0.2.2,192.0.2.9");
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "b"), 0);
    assert_true(k->receipt.changed);
    assert_null(k->receipt.set);
    RECORDS("web", "-");
    regkit_reopen(k);
    RECORDS("web", "-");
}

static void delete_by_value_takes_it_from_registrations(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1|192.0.2.9", .id = "a"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.9", .id = "b"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "web", .values = "192.0.2.8"), -BD_ENOTFOUND);
    assert_string_equal(k->problem.field, "value");
    assert_int_equal(ASK(k, OP_DELETE, "web", .values = "192.0.2.8|192.0.2.9"), 0);
    RECORDS("web", "30 192.0.2.1");
    REGS("web", "a=192.0.2.1"); /* b had nothing left */
    assert_int_equal(ASK(k, OP_DELETE, "web", .values = "192.0.2.1"), 0);
    RECORDS("web", "-");
}

static void delete_by_id_and_value(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1|192.0.2.9", .id = "a"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.2|192.0.2.9", .id = "b"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "web", .values = "192.0.2.2", .id = "a"), -BD_ENOTFOUND);
    assert_int_equal(ASK(k, OP_DELETE, "web", .values = "192.0.2.9|192.0.2.2", .id = "a"), 0);
    RECORDS("web", "30 192.0.2.1|192.0.2.2|192.0.2.9");
    REGS("web", "a=192.0.2.1;b=192.0.2.2,192.0.2.9");
}

static void delete_by_number_spares_a_replacement(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    uint64_t old = regkit_number(k, "web", "web");
    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "web", .number = old), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "web", .number = old), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(ASK(k, OP_DELETE, "web", .number = 1000), 0);
    assert_false(k->receipt.changed);
    RECORDS("web", "30 192.0.2.1");
    assert_int_equal(ASK(k, OP_DELETE, "web", .number = regkit_number(k, "web", "web")), 0);
    assert_true(k->receipt.changed);
    RECORDS("web", "-");
}

/* ---- several operations ---- */

static struct change *two(const struct ask *a, const struct ask *b)
{
    struct change *c = change_new(CHANGE_HTTP, STR("test"));

    regkit_add(c, a);
    regkit_add(c, b);
    return c;
}

static void a_refused_operation_refuses_all(void **state)
{
    struct regkit *k = *state;
    struct ask good = WHAT(OP_REGISTER, "web", .values = "192.0.2.1");
    struct ask bad = WHAT(OP_DELETE, "none");

    uint64_t seq = regkit_seq(k);
    assert_int_equal(regkit_submit(k, two(&good, &bad)), -BD_ENOTFOUND);
    assert_int_equal(k->problem.op, 1);
    RECORDS("web", "-");
    assert_int_equal(regkit_seq(k), seq);
    /* The number that it took for a moment was seen by nobody. */
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    assert_int_equal(regkit_number(k, "web", "web"), 1);
}

static void what_comes_and_goes_in_one_change_is_no_change(void **state)
{
    struct regkit *k = *state;
    struct ask in = WHAT(OP_REGISTER, "web", .values = "192.0.2.1");
    struct ask out = WHAT(OP_DELETE, "web");

    uint64_t seq = regkit_seq(k);
    assert_int_equal(regkit_submit(k, two(&in, &out)), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(regkit_seq(k), seq);
}

static void one_change_may_touch_two_zones(void **state)
{
    struct regkit *k = *state;
    struct ask a = WHAT(OP_REGISTER, "web", .values = "192.0.2.1");
    struct ask ptr = WHAT(OP_REGISTER, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR, "web.lab.example.");

    assert_int_equal(regkit_submit(k, two(&a, &ptr)), 0);
    assert_int_equal(k->receipt.zone, 1);
    assert_int_equal(regkit_serial(k, 0), 2);
    assert_int_equal(regkit_serial(k, 1), 2);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR),
                        "30 web.lab.example.");
    REGS("web", "web=192.0.2.1");
}

static void a_dry_run_changes_nothing(void **state)
{
    struct regkit *k = *state;

    uint64_t seq = regkit_seq(k);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .dry_run = true), 0);
    assert_true(k->receipt.dry_run && k->receipt.changed && k->receipt.created);
    assert_non_null(k->receipt.set);
    assert_int_equal(k->receipt.seq, seq);
    assert_int_equal(k->receipt.serial, 1);
    RECORDS("web", "-");
    assert_int_equal(ASK(k, OP_DELETE, "web", .dry_run = true), -BD_ENOTFOUND);
    assert_int_equal(ASK(k, OP_DELETE, "ns1", .dry_run = true), 0);
    assert_null(k->receipt.set);
    RECORDS("ns1", "30 127.0.0.1");
    assert_int_equal(regkit_seq(k), seq);
    struct registry_stats stats;
    registry_stats(k->r, &stats);
    assert_int_equal(stats.changes, 0);
    assert_int_equal(stats.unchanged, 2);
    assert_int_equal(stats.refused, 1);
}

static void preconditions(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .if_exists = true),
                     -BD_EPRECONDITION);
    struct hash128 none = rrset_etag(NULL);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .if_absent = true), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .if_absent = true),
                     -BD_EPRECONDITION);
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.2", .if_match = &none),
                     -BD_EPRECONDITION);
    struct snap *s = registry_snapshot(k->r);
    struct hash128 etag;
    struct dname web;
    assert_int_equal(dname_from_text(STR("web.lab.example."), NULL, &web, NULL), 0);
    etag = rrset_etag(snap_find_name(s, 0, &web, RRTYPE_A));
    snap_put(s);
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.2", .if_match = &etag), 0);
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.3", .if_match = &etag),
                     -BD_EPRECONDITION);
    RECORDS("web", "30 192.0.2.2");
    assert_int_equal(ASK(k, OP_DELETE, "web", .if_exists = true), 0);
}

/* The state that counts is the one before the whole change. */
static void preconditions_look_before_the_change(void **state)
{
    struct regkit *k = *state;
    struct ask a = WHAT(OP_REGISTER, "web", .values = "192.0.2.1");
    struct ask b = WHAT(OP_REGISTER, "web", .values = "192.0.2.2", .id = "b", .if_absent = true);

    assert_int_equal(regkit_submit(k, two(&a, &b)), 0);
    RECORDS("web", "30 192.0.2.1|192.0.2.2");
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_made_zone_has_soa_and_ns),
        T(a_registration_is_durable),
        T(a_repeat_changes_nothing),
        T(other_values_replace_ones_own_only),
        T(a_ttl_is_kept_until_another_is_asked_for),
        T(what_nobody_registered_is_not_taken_over),
        T(put_replaces_and_ends_registrations),
        T(delete_by_id_leaves_the_others),
        T(delete_by_value_takes_it_from_registrations),
        T(delete_by_id_and_value),
        T(delete_by_number_spares_a_replacement),
        T(a_refused_operation_refuses_all),
        T(what_comes_and_goes_in_one_change_is_no_change),
        T(one_change_may_touch_two_zones),
        T(a_dry_run_changes_nothing),
        T(preconditions),
        T(preconditions_look_before_the_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
