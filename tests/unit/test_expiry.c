/* Leases that are over: whose registration ends, and whose does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <betterdns/clock.h>

#include "pause_kit.h"
#include "removal_kit.h"

#define LEASE_S 60

static uint64_t lease(struct removalkit *k, const char *name, unsigned host)
{
    char address[20];

    snprintf(address, sizeof(address), "192.0.2.%u", host);
    return removalkit_register_as(k,
                                  &WHAT(OP_REGISTER, name, .values = address, .lease_s = LEASE_S));
}

static uint64_t lease_v6(struct removalkit *k, const char *name, uint32_t lease_s)
{
    return removalkit_register_as(k, &WHAT(OP_REGISTER, name, .type = RRTYPE_AAAA,
                                           .values = "2001:db8::1", .lease_s = lease_s));
}

/* Seconds pass; who renews does so every ten. */
static void run(struct removalkit *k, unsigned seconds, unsigned renewing)
{
    char name[20];

    for (unsigned s = 0; s < seconds; s++) {
        for (unsigned i = 1; s % 10 == 0 && i <= renewing; i++) {
            snprintf(name, sizeof(name), "alive%u", i);
            lease(k, name, 100 + i);
        }
        removalkit_run(k, 1);
    }
}

static void who_does_not_renew_ends(void **state)
{
    struct removalkit *k = *state;
    unsigned took = 0;

    removalkit_open(k);
    run(k, 1, 5);
    lease(k, "dead", 1);
    for (; removalkit_is_there(k, "dead"); took++) {
        assert_true(took < LEASE_S + 3);
        run(k, 1, 5);
    }
    assert_true(took >= LEASE_S - 1);
    run(k, 100, 5);
    assert_true(removalkit_is_there(k, "alive1") && removalkit_is_there(k, "alive5"));
    /* No terminator has to do with leases. */
    assert_string_equal(removalkit_told(k), "");
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM termination"), 0);
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM change WHERE source = 'lease'"), 1);
}

/* Those that end in one second are one change. */
static void gathered(void **state)
{
    struct removalkit *k = *state;
    char name[20];

    removalkit_open(k);
    for (unsigned i = 1; i <= 60; i++) {
        snprintf(name, sizeof(name), "alive%u", i);
        lease(k, name, 100 + i);
    }
    for (unsigned i = 1; i <= 5; i++) {
        snprintf(name, sizeof(name), "dead%u", i);
        lease(k, name, i);
    }
    run(k, LEASE_S - 5, 60);
    uint64_t seq = regkit_seq(&k->reg);
    run(k, 10, 60);
    assert_false(removalkit_is_there(k, "dead1"));
    assert_false(removalkit_is_there(k, "dead5"));
    assert_int_equal(regkit_seq(&k->reg), seq + 1);
}

static void one_alone(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    lease(k, "dead", 1);
    removalkit_run(k, LEASE_S - 2);
    assert_true(removalkit_is_there(k, "dead"));
    REMOVALKIT_UNTIL(k, 5, !removalkit_is_there(k, "dead"));
}

/* Everybody is silent: that is we. */
static void panic(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    run(k, 20, 5);
    removalkit_run(k, 600);
    assert_true(health_panic(k->h));
    assert_true(removalkit_is_there(k, "alive1") && removalkit_is_there(k, "alive5"));
    /* They are heard again; for the one that is not all begins anew. */
    run(k, 1, 4);
    REMOVALKIT_UNTIL(k, 3, !health_panic(k->h));
    run(k, LEASE_S - 5, 4);
    assert_true(removalkit_is_there(k, "alive5"));
    run(k, 60, 4);
    assert_false(removalkit_is_there(k, "alive5"));
    assert_true(removalkit_is_there(k, "alive4"));
}

static void in_maintenance(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    run(k, 1, 5);
    uint64_t number = lease(k, "dead", 1);
    assert_int_equal(ASK(&k->reg, OP_DRAIN, "dead", .number = number, .drain = true), 0);
    run(k, 3 * LEASE_S, 5);
    assert_true(removalkit_is_there(k, "dead"));
    assert_int_equal(ASK(&k->reg, OP_DRAIN, "dead", .number = number), 0);
    run(k, 10, 5);
    assert_true(removalkit_is_there(k, "dead"));
    run(k, 2 * LEASE_S, 5);
    assert_false(removalkit_is_there(k, "dead"));
}

/* What of a host is in maintenance stays, though the rest of it ends. */
static void half_of_it_in_maintenance(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    run(k, 1, 5);
    uint64_t number = lease(k, "dead", 1);
    lease_v6(k, "dead", LEASE_S);
    assert_int_equal(ASK(&k->reg, OP_DRAIN, "dead", .number = number, .drain = true), 0);
    run(k, 3 * LEASE_S, 5);
    assert_string_equal(regkit_records(&k->reg, "dead", RRTYPE_AAAA), "-");
    assert_string_not_equal(regkit_records(&k->reg, "dead", RRTYPE_A), "-");
}

/* One of a host's two leases is over, the other is far from it: it may be that it cannot reach us.
 * Once it is heard of with the other, it can. */
static void the_other_lease_of_a_host(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    run(k, 1, 5);
    lease(k, "dead", 1);
    lease_v6(k, "dead", 3600);
    run(k, 3 * LEASE_S, 5);
    assert_true(removalkit_is_there(k, "dead"));
    lease_v6(k, "dead", 3600);
    run(k, 2, 5);
    assert_false(removalkit_is_there(k, "dead"));
    assert_string_not_equal(regkit_records(&k->reg, "dead", RRTYPE_AAAA), "-");
}

/* With a terminator, a host whose check fails too is terminated first. */
static void a_terminator_comes_first(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, "echo x >>\"$2/ran\"; exit 1");
    removalkit_open(k);
    run(k, 1, 5);
    removalkit_register_as(k, &WHAT(OP_REGISTER, "dead", .values = "192.0.2.1", .lease_s = LEASE_S,
                                    .check = "url tcp://:80\ninterval 1s\ntimeout 1s\n"
                                             "deregister_after 90s\n"));
    run(k, 3, 5);
    k->dead[1] = true;
    run(k, LEASE_S + 20, 5);
    assert_true(removalkit_is_there(k, "dead"));
    assert_string_equal(removalkit_file(k, "ran"), "");
    run(k, 20, 5);
    REMOVALKIT_PUMP(k, strlen(removalkit_told(k)) > 0);
    assert_string_equal(removalkit_file(k, "ran"), "x\n");
    run(k, 5, 5);
    assert_true(removalkit_is_there(k, "dead"));
}

/* Who answers and does not renew: the lease was what it asked for. */
static void a_check_that_succeeds_is_no_renewal(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    run(k, 1, 5);
    removalkit_register_as(k, &WHAT(OP_REGISTER, "dead", .values = "192.0.2.1", .lease_s = LEASE_S,
                                    .check = REMOVALKIT_CHECK));
    run(k, LEASE_S + 3, 5);
    assert_false(removalkit_is_there(k, "dead"));
}

static void a_renewal_in_the_last_moment(void **state)
{
    struct removalkit *k = *state;
    const unsigned seconds = LEASE_S + 1;

    removalkit_open(k);
    uint64_t number = lease(k, "last", 1);
    pause_hold("health: leases are over");
    removalkit_begin(k, seconds);
    pause_wait("health: leases are over", 1);
    assert_int_equal(ASK(&k->reg, OP_REGISTER, "last", .values = "192.0.2.1", .lease_s = LEASE_S),
                     0);
    pause_release("health: leases are over");
    removalkit_end(k);
    removalkit_run(k, LEASE_S - 5);
    assert_int_equal(regkit_number(&k->reg, "last", "last"), number);
    REMOVALKIT_UNTIL(k, 10, !removalkit_is_there(k, "last"));
}

static unsigned dead_that_are_left(struct removalkit *k)
{
    unsigned n = 0;
    char name[20];

    for (unsigned i = 1; i <= 4; i++) {
        snprintf(name, sizeof(name), "dead%u", i);
        n += removalkit_is_there(k, name);
    }
    return n;
}

/* An hour of panic is over: one a minute, and no more than the budget. */
static void after_the_hour_within_the_budget(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    run(k, 1, 1);
    for (unsigned i = 1; i <= 4; i++) {
        char name[20];
        snprintf(name, sizeof(name), "dead%u", i);
        lease(k, name, i);
    }
    run(k, 3600, 1);
    assert_int_equal(dead_that_are_left(k), 4);
    run(k, 400, 1);
    assert_int_equal(dead_that_are_left(k), 3);
    run(k, 3600, 1);
    assert_int_equal(dead_that_are_left(k), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, removalkit_make, removalkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(who_does_not_renew_ends),
        TEST(gathered),
        TEST(one_alone),
        TEST(panic),
        TEST(in_maintenance),
        TEST(half_of_it_in_maintenance),
        TEST(the_other_lease_of_a_host),
        TEST(a_terminator_comes_first),
        TEST(a_check_that_succeeds_is_no_renewal),
        TEST(a_renewal_in_the_last_moment),
        TEST(after_the_hour_within_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
