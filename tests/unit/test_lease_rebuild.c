/* A fresh state.db has what the old one knew of leases, terminations and notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "lease_kit.h"

#define S NS_PER_S
#define WEB .values = "192.0.2.1", .id = "a", .lease_s = 60
#define REGISTER(k, name) assert_int_equal(ASK(k, OP_REGISTER, name, WEB), 0)

static void a_rebuild_keeps_all_of_it(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "old");
    lease_run_for(k, 12);
    regkit_reopen(k);
    uint64_t old = lease_renewed(k, "old");
    REGISTER(k, "mid"); /* each of another run */
    lease_run_for(k, 12);
    regkit_reopen(k);
    uint64_t mid = lease_renewed(k, "mid");
    assert_true(mid > old);
    lease_run_for(k, 12);
    REGISTER(k, "web");
    struct registry_target t = lease_target(k, "web");
    assert_int_equal(lease_terminate(k, &t, 1, 0), 0);
    assert_int_equal(lease_terminated(k, "web", "failed: x"), 0);
    assert_int_equal(lease_put_note(k, 3, "three"), 0);
    assert_int_equal(lease_put_note(k, 0, "zero"), 0);
    lease_rebuild(k);
    uint64_t ran = registry_running_ns(k->r);
    assert_true(ran >= 1 + 36 * S);
    REGISTER(k, "later");
    lease_crash(k);
    assert_string_equal(lease_terminations(k, 0), "3 36 failed: x;");
    assert_string_equal(lease_notes(k), "0 zero;3 three;");
    assert_int_equal(registry_running_ns(k->r), ran);
    assert_int_equal(lease_renewed(k, "old"), old);
    assert_int_equal(lease_renewed(k, "mid"), mid);
    assert_int_equal(lease_renewed(k, "web"), ran);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM renewal"), 4);
}

/* What memory has is not lost with what cannot be read. */
static void a_rebuild_needs_no_old_rows_for_renewals(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "old");
    lease_run_for(k, 12);
    regkit_reopen(k);
    uint64_t old = lease_renewed(k, "old");
    lease_run_for(k, 12);
    regkit_reopen(k);
    lease_run_for(k, 12);
    lease_sql(k, "DELETE FROM run; DELETE FROM renewal");
    lease_rebuild(k);
    lease_crash(k);
    assert_int_equal(lease_renewed(k, "old"), old);
    assert_true(registry_running_ns(k->r) > old);
}

static void a_rebuild_keeps_the_renewals_of_zones_that_are_not_configured(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "1.2.0.192.in-addr.arpa.", .type = RRTYPE_PTR,
                         .values = "web.lab.example.", .lease_s = 60),
                     0);
    uint64_t number = k->receipt.number;
    lease_run_for(k, 12);
    regkit_reopen(k);
    uint64_t renewed = registry_renewed_ns(k->r, number);
    assert_true(renewed > 0);
    regkit_close(k);
    k->options.nzones = 1;
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(registry_renewed_ns(k->r, number), 0);
    lease_run_for(k, 12);
    lease_rebuild(k);
    regkit_close(k);
    k->options.nzones = 2;
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(registry_renewed_ns(k->r, number), renewed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rebuild_keeps_all_of_it),
        TEST(a_rebuild_needs_no_old_rows_for_renewals),
        TEST(a_rebuild_keeps_the_renewals_of_zones_that_are_not_configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
