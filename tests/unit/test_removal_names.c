/* One machine that is known by two names: who ends it under one ends it under both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <betterdns/clock.h>

#include "removal_kit.h"

#define DOWN_S (REMOVALKIT_FALL_S + REMOVALKIT_GONE_S)
#define RAN "echo \"$1\" >>\"$2/ran\""
#define LEASE_S 60

/* The machine of b says how it is as "other", too. */
static void register_other(struct removalkit *k)
{
    removalkit_register_as(k, &WHAT(OP_REGISTER, "other", .values = "192.0.2.2",
                                    .check = "url ttl:1d\nderegister_after 10s\n"));
}

static void other_is(struct removalkit *k, enum health_status status)
{
    struct problem problem;
    struct dname owner;

    assert_int_equal(dname_from_text(STR("other.lab.example."), NULL, &owner, NULL), 0);
    assert_int_equal(health_report(k->h, &owner, STR(""), status, STR("so"), &problem), 0);
}

static struct health_waiting the_one_who_waits(struct removalkit *k)
{
    struct health_waiting w;

    assert_int_equal(health_waiting(k->h, &w, 1), 1);
    return w;
}

static void one_name_fails(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, RAN);
    removalkit_three_hosts(k);
    register_other(k);
    other_is(k, HEALTH_PASS);
    removalkit_run(k, DOWN_S + 100);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(regkit_shown(&k->reg, "b", RRTYPE_A), "-");
    assert_string_equal(removalkit_file(k, "ran"), "");
    assert_string_equal(removalkit_told(k), "");
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM termination"), 0);
    assert_string_equal(the_one_who_waits(k).reason,
                        "other.lab.example. has the same address, and is alive: who ends one ends "
                        "both");
    /* It was the only thing that kept it. */
    other_is(k, HEALTH_FAIL);
    removalkit_run(k, 2);
    REMOVALKIT_PUMP(k, !removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "b\n");
}

/* Without a terminator it is the same: what its registration says is still true. */
static void unregistered_neither(void **state)
{
    struct removalkit *k = *state;

    removalkit_three_hosts(k);
    register_other(k);
    other_is(k, HEALTH_PASS);
    removalkit_run(k, DOWN_S + 100);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_told(k), "");
}

static void the_other_name_goes(void **state)
{
    struct removalkit *k = *state;

    removalkit_three_hosts(k);
    register_other(k);
    other_is(k, HEALTH_PASS);
    removalkit_run(k, DOWN_S + 10);
    assert_true(removalkit_is_there(k, "b"));
    assert_int_equal(ASK(&k->reg, OP_DELETE, "other"), 0);
    removalkit_run(k, 2);
    assert_false(removalkit_is_there(k, "b"));
}

static void a_dead_one_keeps_nobody(void **state)
{
    struct removalkit *k = *state;

    removalkit_three_hosts(k);
    register_other(k);
    removalkit_run(k, DOWN_S + 3);
    assert_false(removalkit_is_there(k, "b"));
}

/* It has started again under another name while it was about to be ended. */
static void back_under_another_name(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    register_other(k);
    other_is(k, HEALTH_PASS);
    removalkit_run(k, 70);
    assert_string_equal(removalkit_told(k), "ok=false dry=false b.lab.example. b: killed: the host "
                                            "came back\n");
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
    assert_true(removalkit_is_there(k, "b"));
    assert_true(removalkit_is_there(k, "other"));
}

static void back_between_two_tries(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, RAN "; exit 3");
    removalkit_three_hosts(k);
    removalkit_run(k, DOWN_S + 1);
    REMOVALKIT_PUMP(k, strlen(removalkit_told(k)) > 0);
    removalkit_register_as(k, &WHAT(OP_REGISTER, "other", .values = "192.0.2.2",
                                    .check = "url ttl:1d\ninitial AVAILABLE\n"));
    removalkit_run(k, 200);
    assert_string_equal(removalkit_file(k, "ran"), "b\n");
    assert_true(removalkit_is_there(k, "b"));
}

/* Leases of the two names on one address, of which the first one is not renewed any more. */
static void renew(struct removalkit *k, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i += 10) {
        assert_int_equal(
            ASK(&k->reg, OP_REGISTER, "other", .values = "192.0.2.2", .lease_s = LEASE_S), 0);
        removalkit_run(k, 10);
    }
}

/* Who renews is alive, whatever its check under the other name says. */
static void one_name_fails_and_the_other_renews(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, RAN);
    removalkit_three_hosts(k);
    renew(k, DOWN_S + 100);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(regkit_shown(&k->reg, "b", RRTYPE_A), "-");
    assert_string_equal(removalkit_told(k), "");
    assert_string_equal(the_one_who_waits(k).reason,
                        "other.lab.example. has the same address, and is alive: who ends one ends "
                        "both");
    /* With another address it is another machine. */
    assert_int_equal(ASK(&k->reg, OP_REGISTER, "other", .values = "192.0.2.77", .lease_s = LEASE_S),
                     0);
    removalkit_run(k, 2);
    REMOVALKIT_PUMP(k, !removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "b\n");
}

/* One that is over, and stays for another reason, says nothing. */
static void a_lease_that_is_over_keeps_nobody(void **state)
{
    struct removalkit *k = *state;

    removalkit_three_hosts(k);
    k->dead[2] = false;
    uint64_t number = removalkit_register_as(
        k, &WHAT(OP_REGISTER, "other", .values = "192.0.2.2", .lease_s = LEASE_S));
    assert_int_equal(ASK(&k->reg, OP_DRAIN, "other", .number = number, .drain = true), 0);
    removalkit_run(k, LEASE_S + 2);
    k->dead[2] = true;
    removalkit_run(k, DOWN_S + 3);
    assert_false(removalkit_is_there(k, "b"));
    assert_true(removalkit_is_there(k, "other"));
}

/* A lease ends what was asked for with it, and no machine. */
static void a_lease_under_one_name_ends(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, RAN);
    removalkit_three_hosts(k);
    k->dead[2] = false;
    removalkit_register_as(k,
                           &WHAT(OP_REGISTER, "leased", .values = "192.0.2.2", .lease_s = LEASE_S));
    renew(k, LEASE_S + 40);
    assert_false(removalkit_is_there(k, "leased"));
    assert_true(removalkit_is_there(k, "other"));
    assert_string_equal(removalkit_told(k), "");
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM termination"), 0);
}

/* Its check has failed, too: no terminator is waited for that must not run. */
static void a_lease_with_a_check_ends(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, RAN);
    removalkit_three_hosts(k);
    removalkit_register_as(k, &WHAT(OP_REGISTER, "leased", .values = "192.0.2.2",
                                    .lease_s = LEASE_S, .check = REMOVALKIT_CHECK));
    k->dead[2] = true;
    register_other(k);
    other_is(k, HEALTH_PASS);
    removalkit_run(k, 2 * LEASE_S + 40);
    assert_false(removalkit_is_there(k, "leased"));
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_told(k), "");
    assert_string_equal(removalkit_file(k, "ran"), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, removalkit_make, removalkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(one_name_fails),
        TEST(unregistered_neither),
        TEST(the_other_name_goes),
        TEST(a_dead_one_keeps_nobody),
        TEST(back_under_another_name),
        TEST(back_between_two_tries),
        TEST(one_name_fails_and_the_other_renews),
        TEST(a_lease_that_is_over_keeps_nobody),
        TEST(a_lease_under_one_name_ends),
        TEST(a_lease_with_a_check_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
